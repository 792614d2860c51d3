"""What all connections of one client have in common, and what bounds the time that they take.

What differs between blocking and async code stands here in both forms.
"""

from __future__ import annotations

import ssl
import time
import weakref
from types import TracebackType
from typing import TYPE_CHECKING

from datalab_facade.clock import running_loop
from datalab_facade.errors import ClientStateError
from datalab_facade.forking import renew_after_fork
from datalab_facade.transport.network.environment import certificates, check_environment
from datalab_facade.transport.network.resolving import Resolver

if TYPE_CHECKING:
    import asyncio

    from datalab_facade.transport.network.sockets import Network
    from datalab_facade.transport.network.sockets_async import AsyncNetwork


class _Environment:
    """What one client takes from the environment, once."""

    def __init__(self) -> None:
        self.renew_in_child()
        renew_after_fork(self)

    def renew_in_child(self) -> None:
        """Read it anew: another thread may have been using the certificates."""
        self._certificates: ssl.SSLContext | None = None
        self._resolver: Resolver | None = None

    @property
    def certificates(self) -> ssl.SSLContext:
        """Whom all connections trust.

        Raises:
            ConfigurationError: The certificates or the proxies cannot be used.
        """
        if self._certificates is None:
            check_environment()
            self._certificates = certificates()
        return self._certificates

    @property
    def resolver(self) -> Resolver:
        """What finds the addresses of hosts."""
        if self._resolver is None:
            self._resolver = Resolver()
        return self._resolver


class Connector(_Environment):
    """What all connections of a blocking client have in common."""

    def network(self) -> Network:
        """Return what opens the sockets of one connection."""
        from datalab_facade.transport.network.sockets import Network

        return Network(self.resolver)

    def stay(self) -> None:
        """Do nothing: threads may share a blocking client."""

    def stay_if_used(self) -> None:
        """Do nothing, likewise."""

    def wait_for_closing(self) -> None:
        """Do nothing: a socket is closed at once."""


class AsyncConnector(_Environment):
    """What all connections of an async client have in common, the event loop among it.

    Connections belong to the loop that opened them; using them from another fails later, and in
    words that nobody understands.
    """

    def __init__(self) -> None:
        super().__init__()
        self._loop: weakref.ref[asyncio.AbstractEventLoop] | None = None

    def network(self) -> AsyncNetwork:
        """Return what opens the sockets of one connection."""
        from datalab_facade.transport.network.sockets_async import AsyncNetwork

        return AsyncNetwork(self.resolver)

    def stay(self) -> None:
        """Stay in the event loop of the first use.

        Raises:
            ClientStateError: No loop is running, or another one than before.
        """
        loop = running_loop()
        if self._loop is None:
            self._loop = weakref.ref(loop)
        elif self._loop() is not loop:
            raise ClientStateError(
                "This AsyncDatalab was first used in another event loop. "
                "Make one in each loop (each asyncio.run), or use Datalab"
            )

    def stay_if_used(self) -> None:
        """Do the same, unless no loop was used yet."""
        if self._loop is not None:
            self.stay()

    async def wait_for_closing(self) -> None:
        """Give the loop the round in which it closes sockets."""
        import asyncio

        await asyncio.sleep(0)


class Deadline:
    """Bounds everything that the connections of a network do inside, all together.

    httpx bounds the silence between two pieces of an answer, not the answer: a server that
    sends a byte a second never times out. So each wait for a socket is cut to what is left.

    Args:
        network: None if the connections are not ours; nothing is bounded then.
        seconds: How long everything may take.
    """

    __slots__ = ("_network", "_seconds")

    def __init__(self, network: Network | None, seconds: float) -> None:
        self._network = network
        self._seconds = seconds

    def __enter__(self) -> None:
        if self._network is not None:
            self._network.end = time.monotonic() + self._seconds

    def __exit__(self, *_: object) -> None:
        if self._network is not None:
            self._network.end = None


class AsyncDeadline:
    """Bounds everything that a task does inside, whoever opened the connections."""

    __slots__ = ("_timeout",)

    def __init__(self, _: AsyncNetwork | None, seconds: float) -> None:
        import asyncio  # importing it costs a third of importing httpx

        self._timeout = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._timeout.__aexit__(kind, error, traceback)
