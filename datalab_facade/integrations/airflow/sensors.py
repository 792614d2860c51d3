"""The sensor that waits for a job that something else has started."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue, XComArg
from airflow.sdk.exceptions import AirflowSensorTimeout

from datalab_facade.errors import NotFoundError
from datalab_facade.integrations.airflow.events import TIMED_OUT, WaitEvent
from datalab_facade.integrations.airflow.failing import failing_for_good, raise_problem
from datalab_facade.integrations.airflow.families import handle_of, poll
from datalab_facade.integrations.airflow.hooks import DEFAULT_CONNECTION_ID, DatalabHook
from datalab_facade.integrations.airflow.timeouts import bounded
from datalab_facade.integrations.airflow.triggers import deferral
from datalab_facade.jobs.handling import AnyHandle
from datalab_facade.jobs.kinds import JobSnapshot

if TYPE_CHECKING:
    from airflow.sdk import Context

    from datalab_facade.json_forms import JSON


class DatalabJobSensor(BaseSensorOperator):
    """Waits until a job of any kind has ended.

    It fails without retries if the job failed, and after every error that another try would
    meet again.

    It waits in the triggerer, occupies no worker, and uses the rate limiter that all
    waits of the triggerer share. The XCom ``return_value`` is that of the operators, with
    no manifest.

    Args:
        job: The job: a snapshot, a handle, the handle's JSON form, the result of an operator, or
            an id: a number of a workflow execution, ``"convert/..."`` of a document request,
            ``"pex_..."`` of a pipeline execution. A template.
        deferrable: Whether to wait in the triggerer; if not, ``mode`` decides.
        datalab_conn_id: The id of the connection. A template.
        kwargs: The arguments of every Airflow sensor, such as ``timeout`` in seconds for
            each try, ``soft_fail``, and, if it is not deferrable, ``mode`` and
            ``poke_interval``.
    """

    template_fields: Collection[str] = ("job", "datalab_conn_id")
    ui_color = "#dfe9fb"

    def __init__(
        self,
        *,
        job: int | str | Mapping[str, Any] | AnyHandle | JobSnapshot | XComArg,
        deferrable: bool = True,
        datalab_conn_id: str = DEFAULT_CONNECTION_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.deferrable = deferrable
        self.datalab_conn_id = datalab_conn_id

    def execute(self, context: Context) -> Any:
        """Wait for the job to end."""
        if not self.deferrable:
            return super().execute(context)
        began = time.monotonic()
        with failing_for_good(), DatalabHook(self.datalab_conn_id).get_conn() as client:
            handle = handle_of(client, self.job)
        spent = time.monotonic() - began
        left = bounded(self.timeout, self.execution_timeout, spent)
        raise deferral(handle, self.datalab_conn_id, left)

    def poke(self, context: Context) -> PokeReturnValue:
        """Poll once; used if the sensor is not deferrable."""
        del context
        # A job that was submitted a moment ago may not be found yet.
        failing = failing_for_good(NotFoundError)
        with failing, DatalabHook(self.datalab_conn_id).get_conn() as client:
            handle = handle_of(client, self.job)
            snapshot = poll(client, handle)
        if not snapshot.is_terminal:
            return PokeReturnValue(is_done=False)
        event = WaitEvent.of_snapshot(handle, snapshot)
        return PokeReturnValue(is_done=True, xcom_value=_result(event))

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, JSON]:
        """Continue with the event of the trigger."""
        del context
        wait_event = WaitEvent.from_dict(event)
        if wait_event.kind == TIMED_OUT:
            with failing_for_good(), DatalabHook(self.datalab_conn_id).get_conn() as client:
                # It may have ended while the triggerer was down and nothing polled it.
                snapshot = poll(client, wait_event.handle)
            if not snapshot.is_terminal:
                raise AirflowSensorTimeout(wait_event.problem)
            wait_event = WaitEvent.of_snapshot(wait_event.handle, snapshot)
        return _result(wait_event)


def _result(event: WaitEvent) -> dict[str, JSON]:
    if event.problem is not None:
        raise_problem(event)
    return event.to_result()
