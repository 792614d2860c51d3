"""The settings of a client, read from an Airflow connection. Nothing here imports Airflow."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from typing import cast

import attrs

from datalab_facade.arguments import checked_number, named
from datalab_facade.async_client import AsyncDatalab
from datalab_facade.client import Datalab
from datalab_facade.errors import ConfigurationError, InvalidArgumentError
from datalab_facade.rate_limiting.local import (
    DEFAULT_REQUESTS_PER_MINUTE,
    LocalRateLimiter,
    RateLimiter,
)
from datalab_facade.transport.origin import DEFAULT_BASE_URL

DEFAULT_RATE_LIMITER_NAME = "default"
"""The default name of the shared rate limiter in Redis."""

REQUESTS_PER_MINUTE = "requests_per_minute"
"""The extra for the rate limit."""

REDIS_URL = "redis_url"
"""The extra for the URL of the Redis that keeps a shared rate limit."""

RATE_LIMITER_NAME = "rate_limiter_name"
"""The extra for the name of the shared rate limiter."""

ALLOW_HTTP = "allow_http"
"""The extra that allows an address without TLS."""

_WORDS = {"true": True, "false": False, "1": True, "0": False}


def check_extra(connection_id: str, extra: str | None) -> None:
    """Check the extra of a connection, of which Airflow ignores what it cannot read.

    Raises:
        ConfigurationError: It is not a JSON object. The message shows nothing of it.
    """
    problem = "it is not a JSON object"
    if not extra:
        return
    try:
        if isinstance(json.loads(extra), dict):
            return
    except json.JSONDecodeError as error:
        problem = f"{error.msg} in line {error.lineno}, column {error.colno}"
    except RecursionError:
        problem = "it is nested too deeply"
    # Without its cause, which holds the text, and that may hold a password.
    raise ConfigurationError(
        f"The extra of the Airflow connection {connection_id!r} cannot be read: {problem}"
    ) from None


@attrs.frozen
class ConnectionSettings:
    """The address, the API key and the rate limit of a client. ``repr`` hides secrets."""

    api_key: str = attrs.field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    requests_per_minute: float = DEFAULT_REQUESTS_PER_MINUTE
    """The limit of each process that uses the connection, or of all together with Redis."""
    allow_http: bool = False
    redis_url: str | None = attrs.field(default=None, repr=False)
    """The Redis that keeps one rate limit for all processes; None gives each its own."""
    rate_limiter_name: str = DEFAULT_RATE_LIMITER_NAME
    """The name of the rate limiter in that Redis."""

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
            connection_id: The connection's id, for error messages.
            password: The API key.
            host: The API's address or host name; empty for Datalab's own.
            schema: ``http`` or ``https``, if ``host`` is a host name; default ``https``.
            port: The port, if ``host`` is a host name.
            extra: The extras: the rate limit, its Redis, and whether to allow HTTP.

        Raises:
            ConfigurationError: A field is wrong, or the API key is missing.
        """
        if not password:
            raise ConfigurationError(
                f"The Airflow connection {connection_id!r} has no API key; set it as the "
                f"connection's password"
            )
        limit = _value(extra, REQUESTS_PER_MINUTE)
        per_minute = math.nan
        with contextlib.suppress(InvalidArgumentError):
            per_minute = checked_number(
                REQUESTS_PER_MINUTE, DEFAULT_REQUESTS_PER_MINUTE if limit is None else limit
            )
        if not 0 < per_minute < math.inf:
            raise ConfigurationError(
                f"{REQUESTS_PER_MINUTE} in the extras of the Airflow connection "
                f"{connection_id!r} must be a number above 0, not {named(limit)}"
            )
        allow_http = _value(extra, ALLOW_HTTP)
        if allow_http not in (None, True, False):
            raise ConfigurationError(
                f"{ALLOW_HTTP} in the extras of the Airflow connection {connection_id!r} "
                f"must be true or false, not {named(allow_http)}"
            )
        redis_url, name = extra.get(REDIS_URL) or None, extra.get(RATE_LIMITER_NAME) or None
        for key, value in ((REDIS_URL, redis_url), (RATE_LIMITER_NAME, name)):
            if value is not None and not isinstance(value, str):
                # The value may hold a password, so the message shows only its type.
                raise ConfigurationError(
                    f"{key} in the extras of the Airflow connection {connection_id!r} must be "
                    f"a string, not a {type(value).__name__}"
                )
        return cls(
            password,
            _address(host, schema, port),
            per_minute,
            bool(allow_http),
            cast("str | None", redis_url),
            cast("str | None", name) or DEFAULT_RATE_LIMITER_NAME,
        )

    def client(self) -> Datalab:
        """Create a blocking client.

        Raises:
            ConfigurationError: The API key cannot be sent as a header, an address is
                wrong, or ``redis_url`` is set and the extra ``redis`` is not installed.
        """
        return Datalab(
            self.api_key,
            base_url=self.base_url,
            rate_limiter=self._rate_limiter(),
            allow_http=self.allow_http,
        )

    def async_client(self) -> AsyncDatalab:
        """Create an async client. Errors as :meth:`client`."""
        return AsyncDatalab(
            self.api_key,
            base_url=self.base_url,
            rate_limiter=self._rate_limiter(),
            allow_http=self.allow_http,
        )

    def _rate_limiter(self) -> RateLimiter:
        if self.redis_url is None:
            return LocalRateLimiter(self.requests_per_minute)
        try:
            from datalab_facade.integrations.redis_rate_limiter import RedisRateLimiter
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"The Airflow connection has a {REDIS_URL}, which needs more packages: install "
                f"datalab-facade[redis]"
            ) from error

        return RedisRateLimiter(
            self.redis_url, self.requests_per_minute, name=self.rate_limiter_name
        )


def _value(extra: Mapping[str, object], key: str) -> object:
    """Return a number, a boolean or None of the extras.

    A connection that is written as a URI has texts only, and a form that was left empty has an
    empty one.
    """
    value = extra.get(key)
    if not isinstance(value, str):
        return value
    text = value.strip()
    if key == ALLOW_HTTP:
        return None if not text else _WORDS.get(text.lower(), value)
    with contextlib.suppress(ValueError):
        return float(text) if text else None
    return value


def _address(host: str | None, schema: str | None, port: int | None) -> str:
    if not host:
        return DEFAULT_BASE_URL
    if "://" in host:
        return host
    return f"{schema or 'https'}://{host}" + (f":{port}" if port else "")
