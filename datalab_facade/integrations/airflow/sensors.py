"""The sensor that waits for an execution which somebody else has started."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSensorTimeout

from datalab_facade.errors import NotFoundError
from datalab_facade.integrations.airflow.events import TIMED_OUT, WaitEvent
from datalab_facade.integrations.airflow.hooks import DEFAULT_CONNECTION_ID, DatalabHook
from datalab_facade.integrations.airflow.memory import Handle
from datalab_facade.integrations.airflow.results import (
    result_of,
    whole_number,
)
from datalab_facade.integrations.airflow.triggers import deferral

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg

    from datalab_facade.client import Datalab
    from datalab_facade.models import JSON


class DatalabExecutionSensor(BaseSensorOperator):
    """Waits until an execution has ended; fails for good if it failed.

    It waits in the triggerer, where it holds no worker, and under the budget that all
    waits of the triggerer share. The XCom ``return_value`` is that of
    :class:`~datalab_facade.integrations.airflow.operators.DatalabExecuteWorkflowOperator`,
    with no manifest.

    Args:
        execution: The execution's id, what a handle's ``to_dict`` gave, or the result of
            the operator. A template.
        deferrable: Whether to wait in the triggerer; otherwise as ``mode`` says.
        datalab_conn_id: The id of the connection.
        kwargs: What every sensor of Airflow takes, such as ``timeout`` in seconds, for
            each try, ``soft_fail``, and, where it is not deferrable, ``mode`` and
            ``poke_interval``.
    """

    template_fields: Collection[str] = ("execution", "datalab_conn_id")
    ui_color = "#dfe9fb"

    def __init__(
        self,
        *,
        execution: int | str | Mapping[str, JSON] | XComArg,
        deferrable: bool = True,
        datalab_conn_id: str = DEFAULT_CONNECTION_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.execution = execution
        self.deferrable = deferrable
        self.datalab_conn_id = datalab_conn_id

    def execute(self, context: Context) -> Any:
        """Wait."""
        if not self.deferrable:
            return super().execute(context)
        with DatalabHook(self.datalab_conn_id).get_conn() as client:
            handle = self._handle(client)
        raise deferral(handle, self.datalab_conn_id, self.timeout)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once, where it is not deferrable."""
        del context
        with DatalabHook(self.datalab_conn_id).get_conn() as client:
            handle = self._handle(client)
            execution = client.executions.handle(handle).get()
        if not execution.is_terminal:
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(
            is_done=True, xcom_value=_result(WaitEvent.of_execution(handle, execution))
        )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, JSON]:
        """Take up what the trigger told."""
        del context
        told = WaitEvent.from_dict(event)
        if told.kind == TIMED_OUT:
            with DatalabHook(self.datalab_conn_id).get_conn() as client:
                # It may have ended while nobody looked, with the triggerer down.
                execution = client.executions.handle(told.handle).get()
            if not execution.is_terminal:
                raise AirflowSensorTimeout(told.problem)
            told = WaitEvent.of_execution(told.handle, execution)
        return _result(told)

    def _handle(self, client: Datalab) -> Handle:
        given = self.execution
        if isinstance(given, Mapping):
            inside = given.get("handle")
            given = inside if isinstance(inside, Mapping) else given
        else:
            given = whole_number("execution", given)
        return client.executions.handle(given).to_dict()


def _result(event: WaitEvent) -> dict[str, JSON]:
    if event.problem is not None:
        final = event.kind in (None, NotFoundError.__name__)
        raise (AirflowFailException if final else AirflowException)(event.problem)
    return result_of(event, None)
