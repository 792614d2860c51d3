"""The ways to use the package, blocking and async, so that a test is written once."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any, Final, Literal, Self, TypeAlias, TypeVar, overload

import attrs
import httpx

from datalab_facade import AsyncDatalab, Change, Datalab, Execution
from datalab_facade.testing import Simulator
from tests.in_process import asynchronous, blocking
from tests.secrets_for_tests import API_KEY

T = TypeVar("T")
Kind: TypeAlias = Literal["sync", "async", "aiohttp"]

KINDS: Final[tuple[Kind, ...]] = ("sync", "async")
"""The two clients."""
KINDS_ON_SOCKETS: Final[tuple[Kind, ...]] = (*KINDS, "aiohttp")
"""And the other transport that the async client has for the API."""


@attrs.frozen
class Way:
    """One way to use the package; what it opened is closed with it."""

    kind: Kind
    _runner: asyncio.Runner = attrs.field(factory=asyncio.Runner, init=False)
    _opened: ExitStack = attrs.field(factory=ExitStack, init=False)

    def __enter__(self) -> Self:
        self._opened.enter_context(self._runner)
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @property
    def is_async(self) -> bool:
        """Whether calls give coroutines."""
        return self.kind != "sync"

    def client(self, simulator: Simulator, **options: Any) -> Any:
        """Give a client of a simulator in this process, on its clock."""
        return (asynchronous if self.is_async else blocking)(simulator, **options)

    def client_over(self, transport: Any, **options: Any) -> Any:
        """Give a client over a transport of the test's own, which serves both clients."""
        options = {"api_key": API_KEY, **options}
        if self.is_async:
            return AsyncDatalab(http_client=httpx.AsyncClient(transport=transport), **options)
        return Datalab(http_client=httpx.Client(transport=transport), **options)

    def network_client(self, **options: Any) -> Any:
        """Give a client with connections of its own; it is closed with this way."""
        if self.kind == "aiohttp":
            options["transport"] = "aiohttp"
        client: Any = (AsyncDatalab if self.is_async else Datalab)(API_KEY, **options)
        self._opened.callback(lambda: self.done(client.close()))
        return client

    def http_client(self, **options: Any) -> Any:
        """Give an HTTP client of a user's own; it is closed with this way."""
        if not self.is_async:
            return self._opened.enter_context(httpx.Client(**options))
        http = httpx.AsyncClient(**options)
        self._opened.callback(lambda: self.done(http.aclose()))
        return http

    @overload
    def done(self, call: Coroutine[Any, Any, T]) -> T: ...
    @overload
    def done(self, call: Any) -> Any: ...
    def done(self, call: Any) -> Any:
        """Give what a call gave; a coroutine is run to its end."""
        if not inspect.iscoroutine(call):
            return call
        assert self.is_async
        return self._runner.run(call)

    def call_aside(self, call: Callable[[], Any]) -> Any:
        """Call a function of the test; an event loop goes on meanwhile."""
        return self.done(asyncio.to_thread(call)) if self.is_async else call()

    def collect(self, items: Any, *, most: int | None = None) -> list[Any]:
        """Give what an iterator yields, or the first so many of it."""
        found: list[Any] = []
        self.collect_into(found, items, most=most)
        return found

    def collect_into(self, found: list[Any], items: Any, *, most: int | None = None) -> None:
        """Append what an iterator yields, also if it raises in the end.

        It is closed if it is left after the first so many.
        """
        if not self.is_async:
            for item in items:
                found.append(item)
                if len(found) == most:
                    items.close()
                    break
            return

        async def collect() -> None:
            async for item in items:
                found.append(item)
                if len(found) == most:
                    await items.aclose()
                    break

        self.done(collect())

    def changes(self, watch: Any, *, most: int | None = None) -> list[Change[Execution]]:
        """Give the changes of a watch, left after the first so many."""
        return self.collect(watch, most=most)
