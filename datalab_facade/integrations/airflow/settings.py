"""What a connection of Airflow says about how to reach Datalab."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import attrs

from datalab_facade.client import DEFAULT_BASE_URL, AsyncDatalab, Datalab
from datalab_facade.errors import ConfigurationError
from datalab_facade.rate_limiting.local import (
    DEFAULT_REQUESTS_PER_MINUTE,
    LocalRateLimiter,
    RateLimiter,
)

DEFAULT_BUDGET_NAME = "default"
"""The name of the budget in Redis unless a connection says otherwise."""

REQUESTS_PER_MINUTE = "requests_per_minute"
"""The name of the budget among a connection's extras."""

REDIS_URL = "redis_url"
"""The name of the Redis that keeps the budget among a connection's extras."""

BUDGET_NAME = "budget_name"
"""The name of the budget's own name in Redis among a connection's extras."""

ALLOW_HTTP = "allow_http"
"""The name of the leave to do without TLS among a connection's extras."""


@attrs.frozen
class ConnectionSettings:
    """How to reach Datalab, and how often it may be asked. ``repr`` hides what is secret."""

    api_key: str = attrs.field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    requests_per_minute: float = DEFAULT_REQUESTS_PER_MINUTE
    """Requests a minute of each process that uses the connection, or of all together."""
    allow_http: bool = False
    redis_url: str | None = attrs.field(default=None, repr=False)
    """The Redis that keeps one budget for all processes; None gives each its own."""
    budget_name: str = DEFAULT_BUDGET_NAME
    """Which of the budgets in that Redis."""

    @classmethod
    def of(
        cls,
        connection_id: str,
        *,
        password: str | None,
        host: str | None,
        schema: str | None,
        port: int | None,
        extra: Mapping[str, object],
    ) -> ConnectionSettings:
        """Read the fields of a connection.

        Args:
            connection_id: Its id, for errors.
            password: The API key.
            host: The API's address or its host's name; empty for Datalab's own.
            schema: ``http`` or ``https``, where the host is a name; by default the latter.
            port: The port, where the host is a name.
            extra: The budget, where it is kept, and whether TLS can be done without.

        Raises:
            ConfigurationError: A field is wrong, or there is no key.
        """
        if not password:
            raise ConfigurationError(
                f"The Airflow connection {connection_id!r} has no API key: set it as its password"
            )
        rate_limiter = extra.get(REQUESTS_PER_MINUTE)
        if rate_limiter is None:
            rate_limiter = DEFAULT_REQUESTS_PER_MINUTE
        number = isinstance(rate_limiter, (int, float)) and not isinstance(rate_limiter, bool)
        per_minute = float(cast("float", rate_limiter)) if number else math.nan
        if not 0 < per_minute < math.inf:
            raise ConfigurationError(
                f"{REQUESTS_PER_MINUTE} in the extras of the Airflow connection "
                f"{connection_id!r} must be a number above 0, not {rate_limiter!r}"
            )
        allow_http = extra.get(ALLOW_HTTP)
        if allow_http not in (None, True, False):
            raise ConfigurationError(
                f"{ALLOW_HTTP} in the extras of the Airflow connection {connection_id!r} "
                f"must be true or false, not {allow_http!r}"
            )
        redis_url, name = extra.get(REDIS_URL) or None, extra.get(BUDGET_NAME) or None
        for what, given in ((REDIS_URL, redis_url), (BUDGET_NAME, name)):
            if given is not None and not isinstance(given, str):
                # It may hold a password, so it is not shown.
                raise ConfigurationError(
                    f"{what} in the extras of the Airflow connection {connection_id!r} must be "
                    f"text, not {type(given).__name__}"
                )
        return cls(
            password,
            _address(host, schema, port),
            per_minute,
            bool(allow_http),
            cast("str | None", redis_url),
            cast("str | None", name) or DEFAULT_BUDGET_NAME,
        )

    def client(self) -> Datalab:
        """Give a client for blocking code.

        Raises:
            ConfigurationError: The key cannot be a header, or an address is wrong.
            ModuleNotFoundError: A Redis keeps the budget, and the extra ``redis`` is
                not installed.
        """
        return Datalab(
            self.api_key,
            base_url=self.base_url,
            rate_limiter=self._rate_limiter(),
            allow_http=self.allow_http,
        )

    def async_client(self) -> AsyncDatalab:
        """Give a client for async code. Errors as :meth:`client`."""
        return AsyncDatalab(
            self.api_key,
            base_url=self.base_url,
            rate_limiter=self._rate_limiter(),
            allow_http=self.allow_http,
        )

    def _rate_limiter(self) -> RateLimiter:
        if self.redis_url is None:
            return LocalRateLimiter(self.requests_per_minute)
        from datalab_facade.integrations.redis_rate_limiter import RedisRateLimiter

        return RedisRateLimiter(self.redis_url, self.requests_per_minute, name=self.budget_name)


def _address(host: str | None, schema: str | None, port: int | None) -> str:
    if not host:
        return DEFAULT_BASE_URL
    if "://" in host:
        return host
    return f"{schema or 'https'}://{host}" + (f":{port}" if port else "")
