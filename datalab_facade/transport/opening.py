"""The transports that one client is made of, which come and go together.

They are made when they are first needed: what they import, httpx among it, takes longer to import
than all that a client is made of besides.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Literal, NoReturn, TypeAlias, TypeVar

from datalab_facade.arguments import named
from datalab_facade.clock import Clock
from datalab_facade.drift import DriftLog
from datalab_facade.errors import ConfigurationError, InvalidArgumentError
from datalab_facade.forking import ProcessLock, not_picklable
from datalab_facade.listeners import Reporter
from datalab_facade.rate_limiting.local import RateLimiter

if TYPE_CHECKING:
    import httpx

    from datalab_facade.transport.api import ApiTransport
    from datalab_facade.transport.async_api import AsyncApiTransport
    from datalab_facade.transport.async_storage import AsyncStorageTransport
    from datalab_facade.transport.network.async_connection_pool import AsyncConnectionPool
    from datalab_facade.transport.network.connector import AsyncConnector
    from datalab_facade.transport.origin import Origin
    from datalab_facade.transport.storage import StorageTransport

Carrier: TypeAlias = Literal["httpx", "aiohttp"]

_ApiT = TypeVar("_ApiT")
_StorageT = TypeVar("_StorageT")


class Transports(Generic[_ApiT, _StorageT]):
    """What speaks with the API, and what speaks with the storage of outputs.

    Args:
        base_url: Where the API is.
        make: Makes both, at the first use; threads wait for each other there.
    """

    def __init__(self, base_url: str, make: Callable[[], tuple[_ApiT, _StorageT]]) -> None:
        self.base_url = base_url
        self._make = make
        self._made: tuple[_ApiT, _StorageT] | None = None
        self._lock = ProcessLock()

    def __reduce__(self) -> NoReturn:
        raise not_picklable()

    @property
    def api(self) -> _ApiT:
        """What speaks with the API.

        Raises:
            ConfigurationError: The environment cannot be used.
        """
        return self.open()[0]

    @property
    def storage(self) -> _StorageT:
        """What speaks with storage.

        Raises:
            ConfigurationError: The environment cannot be used.
        """
        return self.open()[1]

    def open(self) -> tuple[_ApiT, _StorageT]:
        """Return both.

        Raises:
            ConfigurationError: The environment cannot be used.
        """
        if self._made is None:
            with self._lock:
                if self._made is None:
                    self._made = self._make()
        return self._made


def transports(
    origin: Origin,
    clock: Clock,
    reporter: Reporter,
    rate_limiter: RateLimiter,
    drift: DriftLog,
    *,
    http_client: httpx.Client | None,
) -> Transports[ApiTransport, StorageTransport]:
    """Return the transports of a blocking client.

    Raises:
        ConfigurationError: The HTTP client is not one, or the environment cannot be used.
    """

    def make() -> tuple[ApiTransport, StorageTransport]:
        from datalab_facade.transport.api import ApiTransport
        from datalab_facade.transport.exchange import Surroundings
        from datalab_facade.transport.network.connection_pool import ConnectionPool
        from datalab_facade.transport.network.connector import Connector
        from datalab_facade.transport.storage import StorageTransport

        surroundings, connector = Surroundings(clock, reporter), Connector()
        api, storage = (ConnectionPool(http_client, connector) for _ in range(2))
        return (
            ApiTransport(origin, surroundings, rate_limiter, api, drift=drift),
            StorageTransport(surroundings, storage),
        )

    _check_client(http_client, "Client")
    return _check_environment(Transports(origin.base_url, make))


def async_transports(
    origin: Origin,
    clock: Clock,
    reporter: Reporter,
    rate_limiter: RateLimiter,
    drift: DriftLog,
    *,
    http_client: httpx.AsyncClient | None,
    carrier: Carrier,
) -> Transports[AsyncApiTransport, AsyncStorageTransport]:
    """Return the transports of an async client.

    Raises:
        ConfigurationError: As for a blocking one; or the carrier is not installed.
        InvalidArgumentError: The carrier is unknown, or cannot go with an HTTP client of the
            caller's own.
    """

    def make() -> tuple[AsyncApiTransport, AsyncStorageTransport]:
        from datalab_facade.transport.async_api import AsyncApiTransport
        from datalab_facade.transport.async_storage import AsyncStorageTransport
        from datalab_facade.transport.exchange import Surroundings
        from datalab_facade.transport.network.async_connection_pool import AsyncConnectionPool
        from datalab_facade.transport.network.connector import AsyncConnector

        surroundings, connector = Surroundings(clock, reporter), AsyncConnector()
        api = _api_pool(origin, http_client, connector, carrier)
        storage = AsyncConnectionPool(http_client, connector)
        return (
            AsyncApiTransport(origin, surroundings, rate_limiter, api, drift=drift),
            AsyncStorageTransport(surroundings, storage),
        )

    _check_carrier(carrier, http_client)
    _check_client(http_client, "AsyncClient")
    return _check_environment(Transports(origin.base_url, make))


def _check_environment(made: Transports[_ApiT, _StorageT]) -> Transports[_ApiT, _StorageT]:
    """Return transports, after seeing whether proxies and certificates can be used, if any are set.

    Whoever sets them wrongly should hear it where the client is made.
    """
    names = {name.lower() for name, value in os.environ.items() if value}
    if {"ssl_cert_file", "ssl_cert_dir"} & names or any(name.endswith("_proxy") for name in names):
        _ = made.open()
    return made


def _check_client(http_client: object, kind: Literal["Client", "AsyncClient"]) -> None:
    if http_client is None:
        return
    import httpx

    if not isinstance(http_client, getattr(httpx, kind)):
        raise ConfigurationError(f"http_client must be a httpx.{kind}, not {named(http_client)}")
    if isinstance(http_client, (httpx.Client, httpx.AsyncClient)) and http_client.auth is not None:
        raise ConfigurationError(
            "http_client has an auth, which would not be used: requests carry the API key. "
            "Make the HTTP client without auth"
        )


def _check_carrier(carrier: object, http_client: object) -> None:
    if carrier not in ("httpx", "aiohttp"):
        raise InvalidArgumentError(f"transport must be 'httpx' or 'aiohttp', not {named(carrier)}")
    if carrier == "httpx":
        return
    if http_client is not None:
        raise InvalidArgumentError(
            "An http_client of your own is a transport; leave one of them out"
        )
    try:
        import aiohttp  # noqa: F401 - only to see whether it is there
    except ImportError:
        raise ConfigurationError(
            "transport='aiohttp' needs a package that is not there; install datalab-facade[aiohttp]"
        ) from None


def _api_pool(
    origin: Origin,
    http_client: httpx.AsyncClient | None,
    connector: AsyncConnector,
    carrier: Carrier,
) -> AsyncConnectionPool:
    if carrier == "aiohttp":
        from datalab_facade.transport.network.aiohttp_pool import AiohttpConnectionPool

        return AiohttpConnectionPool(origin.base_url, connector)
    from datalab_facade.transport.network.async_connection_pool import AsyncConnectionPool

    return AsyncConnectionPool(http_client, connector)
