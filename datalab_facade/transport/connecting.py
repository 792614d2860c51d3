"""HTTP clients of our own: the environment's proxies and certificates, and no cookies."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, TypeVar

import httpx

from datalab_facade.errors import ConfigurationError
from datalab_facade.transport.environment import certificates, check_environment

if TYPE_CHECKING:
    import ssl

_T = TypeVar("_T")

_USUAL_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20)


class Connector:
    """Makes HTTP clients that share the certificates: reading those takes a while.

    Its methods raise ConfigurationError when the proxies or the certificates that
    the environment names cannot be used.
    """

    def client(self, limits: httpx.Limits = _USUAL_LIMITS) -> httpx.Client:
        """Give a client for blocking code, whose requests end when they are told to."""
        verify = self.certificates
        client = _usable(lambda: httpx.Client(verify=verify, limits=limits, cookies=_no_cookies()))
        bound_connections(client)
        return client

    def async_client(self, limits: httpx.Limits = _USUAL_LIMITS) -> httpx.AsyncClient:
        """Give a client for async code."""
        verify = self.certificates
        return _usable(
            lambda: httpx.AsyncClient(verify=verify, limits=limits, cookies=_no_cookies())
        )

    @cached_property
    def certificates(self) -> ssl.SSLContext:
        """Whom all of them trust."""
        check_environment()
        return certificates()


def bound_connections(client: httpx.Client) -> None:
    """Make all connections that a client will open obey the end of their request.

    That is :class:`~datalab_facade.transport.ending.EndsWithin`. A transport that is not
    httpx's own is left as it is.
    """
    # It needs httpcore, which httpx too imports with its first client only.
    from datalab_facade.transport.network import put_bounded_backend

    # httpx has no public way to hand its pools a network backend, though
    # httpcore has one; a test tells when these private names change.
    for transport in (client._transport, *client._mounts.values()):
        put_bounded_backend(getattr(transport, "_pool", None))


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
