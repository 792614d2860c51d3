"""Tells of operations that the API is going to end, before it does.

The API says so in its document, and in the headers `Deprecation` (RFC 9745) and `Sunset` (RFC 8594)
of its answers.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
import warnings
from collections.abc import Mapping
from urllib.parse import urlsplit

from datalab_facade.drift import DriftLog, announce, sighting

_OURS = ("datalab_facade", "datalab_api_client")
# Earlier drafts of the standard had words for it.
_NOT_DEPRECATED = frozenset({"", "false", "?0", "0", "@0"})
_SOME_OPERATION = "an operation that the document does not have"


class Retirement:
    """The operations about which one client has warned that they are going to end."""

    def __init__(self, drift: DriftLog) -> None:
        self._drift = drift
        self._warned: set[str] = set()

    def heed(self, method: str, url: str, headers: Mapping[str, str]) -> None:
        """Count what an answer says of the end of its operation, and warn of it once.

        A warning that a filter turns into an error is not raised: what was submitted must
        not be lost for it.

        Args:
            method: The method of the request.
            url: Its address.
            headers: Those of the answer, with lower-case names.
        """
        deprecation, sunset = headers.get("deprecation", ""), headers.get("sunset", "")
        found: list[str] = []
        if deprecation.strip().lower() not in _NOT_DEPRECATED:
            found.append(f"Deprecation={deprecation}")
        if sunset.strip():
            found.append(f"Sunset={sunset}")
        if not found and not _deprecated():
            return
        operation = _operation(method, url)
        if operation in _deprecated():
            found.append("deprecated=true")
        if not found:
            return
        sightings = [sighting("deprecation", operation, name) for name in found]
        announce(self._drift, sightings)
        if operation not in self._warned:
            self._warned.add(operation)
            said = ", ".join(one.name for one in sightings)
            with contextlib.suppress(FutureWarning):
                warnings.warn(
                    f"The Datalab API is going to end {operation} ({said}). "
                    "Check for a newer version of datalab-facade",
                    FutureWarning,
                    stacklevel=_levels_to_the_caller(),
                )


@functools.cache
def _operations() -> list[tuple[str, str, re.Pattern[str]]]:
    """Each operation of the document: its method, its path, and what fits that."""
    from datalab_api_client.operations import OPERATIONS

    # A fixed path goes before one with a variable part.
    return [
        (method, path, re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path)) + "$"))
        for method, path, _ in sorted(OPERATIONS, key=lambda one: one[1].count("{"))
    ]


@functools.cache
def _deprecated() -> frozenset[str]:
    from datalab_api_client.operations import OPERATIONS

    return frozenset(f"{method} {path}" for method, path, deprecated in OPERATIONS if deprecated)


def _operation(method: str, url: str) -> str:
    """The operation that a request is of, without the ids in it."""
    path = urlsplit(url).path
    for known, template, pattern in _operations():
        if known == method and pattern.search(path):
            return f"{known} {template}"
    return _SOME_OPERATION


def _levels_to_the_caller() -> int:
    """How far above who asks for it the first function is that is not ours."""
    frame, levels = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in _OURS:
        frame, levels = frame.f_back, levels + 1
    return levels
