"""Whether somebody put something in the place of what httpx and httpcore send requests with.

Our connections speak to httpcore's connections themselves, so what the mocks of a test patch, a
class of httpx or its connection pool, would not be reached. While it is patched, requests go
through a client of httpx's own instead.
"""

from __future__ import annotations

import inspect
import operator
from types import FunctionType

import httpcore
import httpx

_SENDING: dict[type[object], str] = {
    httpx.HTTPTransport: "handle_request",
    httpx.AsyncHTTPTransport: "handle_async_request",
    httpcore.ConnectionPool: "handle_request",
    httpcore.AsyncConnectionPool: "handle_async_request",
}
_CLIENTS: tuple[type[object], ...] = (httpx.Client, httpx.AsyncClient)
_LIBRARIES = frozenset({"httpx", "httpcore"})


class _Examination:
    """How the classes were when they were last looked through, and what was found."""

    def __init__(self) -> None:
        self._classes = (*_SENDING, *_CLIENTS)
        self._known: list[dict[str, object]] = [{} for _ in self._classes]
        self._replaced = False

    def finds_replacement(self) -> bool:
        """Tell whether requests are to go through a client of httpx's own.

        An instrument that puts a transparent proxy around a method, as wrapt does, is not a mock.
        """
        # A class is looked through only after it has changed: this is asked for each request.
        if any(map(operator.ne, map(vars, self._classes), self._known)):
            known = [dict(vars(one)) for one in self._classes]
            self._replaced = any(map(_is_replaced, self._methods()))
            self._known = known
        return self._replaced

    def _methods(self) -> list[object]:
        sending = [inspect.getattr_static(one, name) for one, name in _SENDING.items()]
        # Nobody calls a client's public methods here, so it does not matter who replaced them.
        inner = [
            value
            for one in _CLIENTS
            for name, value in vars(one).items()
            if name.startswith("_") and callable(value)
        ]
        return sending + inner


def _is_replaced(method: object) -> bool:
    # The proxy that an instrument puts around a method looks like the method, and may be passed by.
    if not isinstance(method, FunctionType):
        return True
    return str(method.__globals__.get("__name__", "")).split(".")[0] not in _LIBRARIES


are_active = _Examination().finds_replacement
