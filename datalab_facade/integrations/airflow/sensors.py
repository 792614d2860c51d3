"""The sensor that waits for an execution that something else has started."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue, XComArg
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
    from airflow.sdk import Context

    from datalab_facade.client import Datalab
    from datalab_facade.executions.kind import ExecutionLike
    from datalab_facade.models import JSON


class DatalabExecutionSensor(BaseSensorOperator):
    """Waits until an execution has ended; fails without retries if the execution failed.

    It waits in the triggerer, occupies no worker, and uses the rate limiter that all
    waits of the triggerer share. The XCom ``return_value`` is that of
    :class:`~datalab_facade.integrations.airflow.operators.DatalabExecuteWorkflowOperator`,
    with no manifest.

    Args:
        execution: The execution: its id, a snapshot, a handle, the handle's JSON form, or
            the result of the operator. A template.
        deferrable: Whether to wait in the triggerer; if not, ``mode`` decides.
        datalab_conn_id: The id of the connection.
        kwargs: The arguments of every Airflow sensor, such as ``timeout`` in seconds for
            each try, ``soft_fail``, and, if it is not deferrable, ``mode`` and
            ``poke_interval``.
    """

    template_fields: Collection[str] = ("execution", "datalab_conn_id")
    ui_color = "#dfe9fb"

    def __init__(
        self,
        *,
        execution: ExecutionLike | str | XComArg,
        deferrable: bool = True,
        datalab_conn_id: str = DEFAULT_CONNECTION_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.execution = execution
        self.deferrable = deferrable
        self.datalab_conn_id = datalab_conn_id

    def execute(self, context: Context) -> Any:
        """Wait for the execution to end."""
        if not self.deferrable:
            return super().execute(context)
        with DatalabHook(self.datalab_conn_id).get_conn() as client:
            handle = self._handle(client)
        raise deferral(handle, self.datalab_conn_id, self.timeout)

    def poke(self, context: Context) -> PokeReturnValue:
        """Poll once; used if the sensor is not deferrable."""
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
        """Continue with the event of the trigger."""
        del context
        wait_event = WaitEvent.from_dict(event)
        if wait_event.kind == TIMED_OUT:
            with DatalabHook(self.datalab_conn_id).get_conn() as client:
                # It may have ended while the triggerer was down and nothing polled it.
                execution = client.executions.handle(wait_event.handle).get()
            if not execution.is_terminal:
                raise AirflowSensorTimeout(wait_event.problem)
            wait_event = WaitEvent.of_execution(wait_event.handle, execution)
        return _result(wait_event)

    def _handle(self, client: Datalab) -> Handle:
        execution = self.execution
        # Airflow has replaced references to other tasks by their values.
        assert not isinstance(execution, XComArg)
        if isinstance(execution, str):
            execution = whole_number("execution", execution)
        elif isinstance(execution, Mapping):
            inner = execution.get("handle")
            execution = inner if isinstance(inner, Mapping) else execution
        return client.executions.handle(execution).to_dict()


def _result(event: WaitEvent) -> dict[str, JSON]:
    if event.problem is not None:
        final = event.kind in (None, NotFoundError.__name__)
        raise (AirflowFailException if final else AirflowException)(event.problem)
    return result_of(event, None)
