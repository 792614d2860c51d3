"""What a connection of Airflow says about how to reach Datalab."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import attrs

from datalab_facade.client import DEFAULT_BASE_URL, AsyncDatalab, Datalab
from datalab_facade.errors import ConfigurationError
from datalab_facade.pacing.pacing import DEFAULT_REQUESTS_PER_MINUTE

REQUESTS_PER_MINUTE = "requests_per_minute"
"""The name of the budget among a connection's extras."""

ALLOW_HTTP = "allow_http"
"""The name of the leave to do without TLS among a connection's extras."""


@attrs.frozen
class ConnectionSettings:
    """How to reach Datalab, and how often it may be asked. ``repr`` hides the key."""

    api_key: str = attrs.field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    requests_per_minute: float = DEFAULT_REQUESTS_PER_MINUTE
    """Requests a minute of each process that uses the connection."""
    allow_http: bool = False

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
            extra: The budget, and whether TLS can be done without.

        Raises:
            ConfigurationError: A field is wrong, or there is no key.
        """
        if not password:
            raise ConfigurationError(
                f"The Airflow connection {connection_id!r} has no API key: set it as its password"
            )
        budget = extra.get(REQUESTS_PER_MINUTE)
        if budget is None:
            budget = DEFAULT_REQUESTS_PER_MINUTE
        number = isinstance(budget, (int, float)) and not isinstance(budget, bool)
        per_minute = float(cast("float", budget)) if number else math.nan
        if not 0 < per_minute < math.inf:
            raise ConfigurationError(
                f"{REQUESTS_PER_MINUTE} in the extras of the Airflow connection "
                f"{connection_id!r} must be a number above 0, not {budget!r}"
            )
        allow_http = extra.get(ALLOW_HTTP)
        if allow_http not in (None, True, False):
            raise ConfigurationError(
                f"{ALLOW_HTTP} in the extras of the Airflow connection {connection_id!r} "
                f"must be true or false, not {allow_http!r}"
            )
        return cls(password, _address(host, schema, port), per_minute, bool(allow_http))

    def client(self) -> Datalab:
        """Give a client for blocking code.

        Raises:
            ConfigurationError: The key cannot be a header, or the address is wrong.
        """
        return Datalab(
            self.api_key,
            base_url=self.base_url,
            requests_per_minute=self.requests_per_minute,
            allow_http=self.allow_http,
        )

    def async_client(self) -> AsyncDatalab:
        """Give a client for async code. Errors as :meth:`client`."""
        return AsyncDatalab(
            self.api_key,
            base_url=self.base_url,
            requests_per_minute=self.requests_per_minute,
            allow_http=self.allow_http,
        )


def _address(host: str | None, schema: str | None, port: int | None) -> str:
    if not host:
        return DEFAULT_BASE_URL
    if "://" in host:
        return host
    return f"{schema or 'https'}://{host}" + (f":{port}" if port else "")
