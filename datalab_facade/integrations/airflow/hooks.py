"""The hook: clients from a connection that Airflow stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook

from datalab_facade.errors import DatalabError
from datalab_facade.integrations.airflow.settings import ConnectionSettings, check_extra

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Connection

    from datalab_facade.async_client import AsyncDatalab
    from datalab_facade.client import Datalab

DEFAULT_CONNECTION_ID = "datalab_default"
"""The default connection id."""


class DatalabHook(BaseHook):
    """Creates clients from a connection of type ``datalab``.

    The connection's password is the API key; its host is the address, by default
    Datalab's own. These extras are read: ``requests_per_minute`` is the rate limit of
    each process that uses the connection (default 200), or of all processes together
    if ``redis_url`` is set; ``rate_limiter_name`` is the name of that shared rate limiter;
    ``allow_http`` allows an address without TLS.

    Args:
        datalab_conn_id: The connection's id.
    """

    conn_name_attr = "datalab_conn_id"
    default_conn_name = DEFAULT_CONNECTION_ID
    conn_type = "datalab"
    hook_name = "Datalab"

    def __init__(self, datalab_conn_id: str = DEFAULT_CONNECTION_ID) -> None:
        super().__init__()
        self.datalab_conn_id = datalab_conn_id

    def settings(self) -> ConnectionSettings:
        """Read the connection.

        Raises:
            ConfigurationError: A field of the connection is wrong.
            AirflowNotFoundException: Airflow has no such connection.
        """
        connection = self.get_connection(self.datalab_conn_id)
        check_extra(connection.conn_id, connection.extra)
        # Reading it in Airflow's way masks its secrets in logs.
        return _settings_of(connection, connection.extra_dejson)

    async def settings_async(self) -> ConnectionSettings:
        """Read the connection without blocking the event loop. Errors as :meth:`settings`."""
        connection = await self.aget_connection(self.datalab_conn_id)
        check_extra(connection.conn_id, connection.extra)
        return _settings_of(connection, await connection.aextra_dejson())

    def get_conn(self) -> Datalab:
        """Create a blocking client; use it in a ``with`` statement.

        Raises:
            ConfigurationError: A field of the connection is wrong.
            AirflowNotFoundException: Airflow has no such connection.
        """
        return self.settings().client()

    async def get_async_conn(self) -> AsyncDatalab:
        """Create an async client; use it in an ``async with`` statement.

        Raises:
            ConfigurationError: A field of the connection is wrong.
            AirflowNotFoundException: Airflow has no such connection.
        """
        return (await self.settings_async()).async_client()

    def test_connection(self) -> tuple[bool, str]:
        """Check the API key, for the test button in Airflow's connection form."""
        try:
            with self.get_conn() as client:
                count = len(client.workflows.list())
        except DatalabError as error:
            return False, str(error)
        workflows = "1 workflow" if count == 1 else f"{count} workflows"
        return True, f"Datalab accepts the key, which has {workflows}"


def _settings_of(connection: Connection, extra: Mapping[str, object]) -> ConnectionSettings:
    return ConnectionSettings.of(
        connection.conn_id,
        password=connection.password,
        host=connection.host,
        schema=connection.schema,
        port=connection.port,
        extra=extra,
    )
