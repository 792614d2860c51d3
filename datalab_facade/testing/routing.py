"""From a request to the function that answers it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import unquote

import attrs

from datalab_facade.testing.messages import Answer, Request
from datalab_facade.testing.state import State

Parameters: TypeAlias = Mapping[str, str]
"""The variable parts of a path, decoded."""

Endpoint: TypeAlias = Callable[[State, Request, Parameters], Answer]
"""Answers one kind of request. May change the state: the simulator holds its lock."""


@attrs.frozen
class Route:
    """One line of a routing table."""

    method: str
    template: str
    """A path such as ``/things/{name}``; a variable part matches anything but a slash."""
    endpoint: Endpoint


@attrs.frozen
class Match:
    """A route that fits, and what its variable parts are."""

    route: Route
    parameters: Parameters


@attrs.frozen
class NoMatch:
    """No route fits."""

    allowed: tuple[str, ...] = ()
    """The methods that would have fitted; none: there is no such path."""


def find(routes: Sequence[Route], request: Request) -> Match | NoMatch:
    """The route that fits the request.

    As OpenAPI has it, a path belongs to one template only: the first that fits it.
    """
    allowed: list[str] = []
    template: str | None = None
    for route in routes:
        if template not in (None, route.template):
            continue
        found = _pattern(route.template).fullmatch(request.path)
        if found is None:
            continue
        template = route.template
        if route.method == request.method:
            parts = {name: unquote(part) for name, part in found.groupdict().items()}
            return Match(route, parts)
        allowed.append(route.method)
    return NoMatch(tuple(allowed))


@lru_cache
def _pattern(template: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", template)
    fixed, names = pieces[::2], pieces[1::2]
    pattern = re.escape(fixed[0])
    for name, text in zip(names, fixed[1:], strict=True):
        pattern += f"(?P<{name}>[^/]+)" + re.escape(text)
    return re.compile(pattern)
