"""The transports that one client is made of, which come and go together.

It is imported when the first client is made: until then nobody needs what this imports,
and it is a good part of all that the package imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import httpx

from datalab_facade.arguments import named
from datalab_facade.clock import Clock
from datalab_facade.drift import DriftLog
from datalab_facade.errors import ConfigurationError, InvalidArgumentError
from datalab_facade.listeners import Reporter
from datalab_facade.rate_limiting.local import RateLimiter
from datalab_facade.transport.exchange import Surroundings
from datalab_facade.transport.origin import Origin

if TYPE_CHECKING:
    from datalab_facade.transport.api import ApiTransport
    from datalab_facade.transport.async_api import AsyncApiTransport
    from datalab_facade.transport.async_storage import AsyncStorageTransport
    from datalab_facade.transport.network.async_connection_pool import AsyncConnectionPool
    from datalab_facade.transport.network.connector import AsyncConnector
    from datalab_facade.transport.storage import StorageTransport

Carrier: TypeAlias = Literal["httpx", "aiohttp"]


def transports(
    origin: Origin,
    clock: Clock,
    reporter: Reporter,
    rate_limiter: RateLimiter,
    drift: DriftLog,
    *,
    http_client: httpx.Client | None,
) -> tuple[ApiTransport, StorageTransport]:
    """Return what speaks with the API, and what speaks with the storage of outputs.

    Raises:
        ConfigurationError: The HTTP client is not one, or the environment cannot be used.
    """
    from datalab_facade.transport.api import ApiTransport
    from datalab_facade.transport.network.connection_pool import ConnectionPool
    from datalab_facade.transport.network.connector import Connector
    from datalab_facade.transport.storage import StorageTransport

    _check_client(http_client, httpx.Client)
    surroundings, connector = Surroundings(clock, reporter), Connector()
    api, storage = (ConnectionPool(http_client, connector) for _ in range(2))
    return (
        ApiTransport(origin, surroundings, rate_limiter, api, drift=drift),
        StorageTransport(surroundings, storage),
    )


def async_transports(
    origin: Origin,
    clock: Clock,
    reporter: Reporter,
    rate_limiter: RateLimiter,
    drift: DriftLog,
    *,
    http_client: httpx.AsyncClient | None,
    carrier: Carrier,
) -> tuple[AsyncApiTransport, AsyncStorageTransport]:
    """Do the same for async code.

    Raises:
        ConfigurationError: The carrier is unknown, not installed, or cannot go with an
            HTTP client of the caller's own.
    """
    from datalab_facade.transport.async_api import AsyncApiTransport
    from datalab_facade.transport.async_storage import AsyncStorageTransport
    from datalab_facade.transport.network.async_connection_pool import AsyncConnectionPool
    from datalab_facade.transport.network.connector import AsyncConnector

    surroundings, connector = Surroundings(clock, reporter), AsyncConnector()
    api = _async_pool(origin, http_client, connector, carrier)
    storage = AsyncConnectionPool(http_client, connector)
    return (
        AsyncApiTransport(origin, surroundings, rate_limiter, api, drift=drift),
        AsyncStorageTransport(surroundings, storage),
    )


def _check_client(http_client: object, kind: type) -> None:
    if http_client is not None and not isinstance(http_client, kind):
        raise ConfigurationError(
            f"http_client must be a httpx.{kind.__name__}, not {named(http_client)}"
        )
    if isinstance(http_client, (httpx.Client, httpx.AsyncClient)) and http_client.auth is not None:
        raise ConfigurationError(
            "http_client has an auth, which would not be used: requests carry the API key. "
            "Make the HTTP client without auth"
        )


def _async_pool(
    origin: Origin,
    http_client: httpx.AsyncClient | None,
    connector: AsyncConnector,
    carrier: Carrier,
) -> AsyncConnectionPool:
    if carrier not in ("httpx", "aiohttp"):
        raise InvalidArgumentError(f"transport must be 'httpx' or 'aiohttp', not {named(carrier)}")
    if carrier == "httpx":
        from datalab_facade.transport.network.async_connection_pool import AsyncConnectionPool

        _check_client(http_client, httpx.AsyncClient)
        return AsyncConnectionPool(http_client, connector)
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
    from datalab_facade.transport.network.aiohttp_pool import AiohttpConnectionPool

    return AiohttpConnectionPool(origin.base_url, connector)
