"""HTTP clients of our own: the environment's proxies and certificates, and no cookies."""

from __future__ import annotations

from collections.abc import Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, TypeVar

import httpx

from datalab_facade.errors import ConfigurationError
from datalab_facade.forking import renew_after_fork
from datalab_facade.transport.environment import certificates, check_environment

if TYPE_CHECKING:
    import ssl

    from datalab_facade.transport.network import Network
    from datalab_facade.transport.network_async import AsyncNetwork
    from datalab_facade.transport.resolving import Resolver

_T = TypeVar("_T")

# Executions are often asked about up to 50 s apart, and a new connection costs several
# round trips; with httpx's five seconds almost every request would need one.
KEEP_ALIVE = 60.0
"""Seconds for which a connection is kept that nobody needs."""
_LIMITS = httpx.Limits(max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE)


class Connector:
    """Makes HTTP clients that share the certificates: reading those takes a while.

    Its methods raise ConfigurationError when the proxies or the certificates that
    the environment names cannot be used.
    """

    def __init__(self) -> None:
        self.renew_in_child()
        renew_after_fork(self)

    def renew_in_child(self) -> None:
        """Read the certificates anew: another thread may have been using them."""
        self._certificates: ssl.SSLContext | None = None
        self._resolver: Resolver | None = None

    def client(self) -> tuple[httpx.Client, Network]:
        """Give a client for blocking code, and what opens its connections."""
        # It needs httpcore, which httpx too imports with its first client only.
        from datalab_facade.transport.network import Network

        verify = self.certificates
        client = _usable(lambda: httpx.Client(verify=verify, limits=_LIMITS, cookies=_no_cookies()))
        network = Network(self.resolver)
        connect_through(network, client)
        return client, network

    def async_client(self) -> tuple[httpx.AsyncClient, AsyncNetwork]:
        """Give a client for async code, and what opens its connections."""
        from datalab_facade.transport.network_async import AsyncNetwork

        verify = self.certificates
        client = _usable(
            lambda: httpx.AsyncClient(verify=verify, limits=_LIMITS, cookies=_no_cookies())
        )
        network = AsyncNetwork(self.resolver)
        connect_through(network, client)
        return client, network

    def connect_own(self, client: httpx.Client) -> None:
        """Open the connections of a user's own client as those of ours."""
        from datalab_facade.transport.network import Network

        connect_through(Network(self.resolver), client)

    @property
    def certificates(self) -> ssl.SSLContext:
        """Whom all of them trust."""
        if self._certificates is None:
            check_environment()
            self._certificates = certificates()
        return self._certificates

    @property
    def resolver(self) -> Resolver:
        """What finds the addresses of hosts for all of them."""
        from datalab_facade.transport.resolving import Resolver

        if self._resolver is None:
            self._resolver = Resolver()
        return self._resolver


def connect_through(
    network: Network | AsyncNetwork, client: httpx.Client | httpx.AsyncClient
) -> None:
    """Open all connections of a client through a network of ours.

    A transport that is not httpx's own, or has another network than httpx's, is left as it is.
    """
    import httpcore

    # httpx has no public way to hand its pools a network backend, though
    # httpcore has one; a test tells when these private names change.
    for transport in (client._transport, *client._mounts.values()):
        pool = getattr(transport, "_pool", None)
        if isinstance(pool, httpcore.AsyncConnectionPool):
            if isinstance(network, httpcore.AsyncNetworkBackend):
                pool._network_backend = network
        elif (
            isinstance(pool, httpcore.ConnectionPool)
            and isinstance(network, httpcore.NetworkBackend)
            and isinstance(pool._network_backend, httpcore.SyncBackend)
        ):
            pool._network_backend = network


def _usable(make: Callable[[], _T]) -> _T:
    try:
        return make()
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        # What it says may hold a password.
        raise ConfigurationError(
            "The proxies that the environment names (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY) "
            f"cannot be used ({type(error).__name__})"
        ) from None


def _no_cookies() -> CookieJar:
    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=()))
