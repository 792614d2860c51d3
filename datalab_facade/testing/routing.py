"""Find the function that answers a request."""

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
"""Answers one kind of request. It may change the state: the simulator holds its lock."""


@attrs.frozen
class Route:
    """One line of a routing table."""

    method: str
    template: str
    """A path such as ``/things/{name}``; a variable part matches any text without a slash."""
    endpoint: Endpoint


@attrs.frozen
class Match:
    """A route that matches, and the values of its variable parts."""

    route: Route
    parameters: Parameters


@attrs.frozen
class NoMatch:
    """No route matches."""

    allowed: tuple[str, ...] = ()
    """The methods that the path allows; empty: there is no such path."""


def find_route(routes: Sequence[Route], request: Request) -> Match | NoMatch:
    """Find the route that matches a request.

    As in OpenAPI, a path belongs to one template only: the first that matches.
    """
    allowed: list[str] = []
    template: str | None = None
    for route in routes:
        if template not in (None, route.template):
            continue
        path_match = _pattern(route.template).fullmatch(request.path)
        if path_match is None:
            continue
        template = route.template
        if route.method == request.method:
            parts = {name: unquote(part) for name, part in path_match.groupdict().items()}
            return Match(route, parts)
        allowed.append(route.method)
    return NoMatch(tuple(allowed))


@lru_cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    fixed, names = parts[::2], parts[1::2]
    pattern = re.escape(fixed[0])
    for name, text in zip(names, fixed[1:], strict=True):
        pattern += f"(?P<{name}>[^/]+)" + re.escape(text)
    return re.compile(pattern)
