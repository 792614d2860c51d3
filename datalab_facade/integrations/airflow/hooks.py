"""The connection to Datalab, as Airflow keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook

from datalab_facade.errors import DatalabError
from datalab_facade.integrations.airflow.settings import ConnectionSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Connection

    from datalab_facade.client import AsyncDatalab, Datalab

DEFAULT_CONNECTION_ID = "datalab_default"
"""The id of the connection that is used unless another one is named."""


class DatalabHook(BaseHook):
    """Gives clients that are set up as a connection of type ``datalab`` says.

    The connection's password is the API key, its host the address (by default
    Datalab's own). Among its extras, ``requests_per_minute`` is the request budget of
    each process that uses it (by default 200), or, with ``redis_url``, of all of them
    together, by the name ``budget_name``; and ``allow_http`` allows an address without
    TLS.

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
            ConfigurationError: A field of it is wrong.
            AirflowNotFoundException: There is none.
        """
        return _settings_of(self.get_connection(self.datalab_conn_id))

    async def settings_async(self) -> ConnectionSettings:
        """Read the connection without blocking the event loop. Errors as :meth:`settings`."""
        return _settings_of(await self.aget_connection(self.datalab_conn_id))

    def get_conn(self) -> Datalab:
        """Give a client for blocking code; use it in a ``with`` statement.

        Raises:
            ConfigurationError: A field of the connection is wrong.
            AirflowNotFoundException: There is none.
        """
        return self.settings().client()

    async def get_async_conn(self) -> AsyncDatalab:
        """Give a client for async code; use it in an ``async with`` statement.

        Raises:
            ConfigurationError: A field of the connection is wrong.
            AirflowNotFoundException: There is none.
        """
        return (await self.settings_async()).async_client()

    def test_connection(self) -> tuple[bool, str]:
        """Ask Datalab whether it knows the key, for the button in Airflow's connection form."""
        try:
            with self.get_conn() as client:
                many = len(client.workflows.list())
        except DatalabError as error:
            return False, str(error)
        return True, f"Datalab knows the key, which has {many} workflow{'' if many == 1 else 's'}"


def _settings_of(connection: Connection) -> ConnectionSettings:
    extra: Mapping[str, object] = connection.extra_dejson
    return ConnectionSettings.of(
        connection.conn_id,
        password=connection.password,
        host=connection.host,
        schema=connection.schema,
        port=connection.port,
        extra=extra,
    )
