"""The errors of an endpoint that refuses a request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from datalab_facade.testing.jsonvalue import JSON


class InvalidError(Exception):
    """Parts of the request are invalid; the answer is a 422 that lists the problems."""

    def __init__(self, *problems: JSON) -> None:
        super().__init__()
        self.problems: Final = problems


class RefusedError(Exception):
    """The request is refused with a status and a sentence."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status: Final = status


def problem(
    kind: str,
    location: tuple[str | int, ...],
    message: str,
    value: JSON = None,
    context: JSON = None,
) -> dict[str, JSON]:
    """Make an entry for the list in a 422."""
    found: dict[str, JSON] = {"type": kind, "loc": location, "msg": message, "input": value}
    return found if context is None else {**found, "ctx": context}


def raise_if_any(problems: Iterable[JSON]) -> None:
    """Refuse a request that has problems.

    Raises:
        InvalidError: it has.
    """
    if found := list(problems):
        raise InvalidError(*found)
