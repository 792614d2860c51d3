"""The transports that one client is made of, which come and go together.

It is imported when the first client is made: until then nobody needs what this imports,
and it is a good part of all that the package imports.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import httpx

from datalab_facade.arguments import named
from datalab_facade.clock import Clock
from datalab_facade.drift import DriftLog
from datalab_facade.errors import ConfigurationError
from datalab_facade.pacing.pacing import Budget
from datalab_facade.tracing import Tracing
from datalab_facade.transport.api import ApiTransport, AsyncApiTransport, OneLoop
from datalab_facade.transport.connecting import Connector
from datalab_facade.transport.exchange import Surroundings
from datalab_facade.transport.lanes import AsyncLanes, Lanes
from datalab_facade.transport.origin import Origin
from datalab_facade.transport.storage import AsyncStorageTransport, StorageTransport

Carrier: TypeAlias = Literal["httpx", "aiohttp"]


def transports(
    origin: Origin,
    clock: Clock,
    tracing: Tracing,
    budget: Budget,
    drift: DriftLog,
    *,
    http_client: httpx.Client | None,
) -> tuple[ApiTransport, StorageTransport]:
    """Give what speaks with the API, and what speaks with the storage of outputs."""
    _check_client(http_client, httpx.Client)
    surroundings, connector = Surroundings(clock, tracing), Connector()
    api, storage = (Lanes(origin.base_url, http_client, connector) for _ in range(2))
    return (
        ApiTransport(origin, surroundings, budget, api, drift=drift),
        StorageTransport(surroundings, storage),
    )


def async_transports(
    origin: Origin,
    clock: Clock,
    tracing: Tracing,
    budget: Budget,
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
    surroundings, connector = Surroundings(clock, tracing), Connector()
    lanes, loop = _async_lanes(origin, http_client, connector, carrier), OneLoop()
    return (
        AsyncApiTransport(origin, surroundings, budget, lanes, loop, drift=drift),
        AsyncStorageTransport(
            surroundings, AsyncLanes(origin.base_url, http_client, connector), loop
        ),
    )


def _check_client(http_client: object, kind: type) -> None:
    if http_client is not None and not isinstance(http_client, kind):
        raise ConfigurationError(
            f"http_client must be a httpx.{kind.__name__}, not {named(http_client)}"
        )


def _async_lanes(
    origin: Origin,
    http_client: httpx.AsyncClient | None,
    connector: Connector,
    carrier: Carrier,
) -> AsyncLanes:
    if carrier not in ("httpx", "aiohttp"):
        raise ConfigurationError(f"transport must be 'httpx' or 'aiohttp', not {named(carrier)}")
    if carrier == "httpx":
        _check_client(http_client, httpx.AsyncClient)
        return AsyncLanes(origin.base_url, http_client, connector)
    if http_client is not None:
        raise ConfigurationError("An http_client of your own is a transport; leave one of them out")
    from datalab_facade.transport.aiohttp_lanes import AiohttpLanes

    return AiohttpLanes(origin.base_url, connector)
