"""The operator that executes a workflow."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs
from airflow.sdk import BaseOperator, XComArg
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.sdk.execution_time.context import NEVER_EXPIRE

from datalab_facade.errors import (
    ConfigurationError,
    DatalabError,
    NotFoundError,
    SubmissionUncertainError,
    WaitTimeoutError,
)
from datalab_facade.integrations.airflow.events import TIMED_OUT, WaitEvent
from datalab_facade.integrations.airflow.hooks import DEFAULT_CONNECTION_ID, DatalabHook
from datalab_facade.integrations.airflow.memory import Handle
from datalab_facade.integrations.airflow.results import (
    execution_id_of,
    result_of,
    seconds_of,
    whole_number,
)
from datalab_facade.integrations.airflow.submissions import Started, Submission
from datalab_facade.integrations.airflow.triggers import deferral
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.workflows.inputs import InputConfig

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.execution_time.context import TaskStateStoreAccessor

    from datalab_facade.client import Datalab
    from datalab_facade.models import JSON
    from datalab_facade.workflows.inputs import InputLike

DEFAULT_TIMEOUT = WaitPolicy().timeout
"""The default for the seconds that each try of a task waits: two hours."""

HANDLE_KEY = "datalab_handle"
"""The XCom key of the execution's handle, set as soon as the execution is started."""


@attrs.frozen
class _TaskState:
    """Airflow's task state store, with values that never expire."""

    accessor: TaskStateStoreAccessor

    def get(self, key: str) -> object:
        return self.accessor.get(key)

    def set(self, key: str, value: dict[str, JSON]) -> None:
        self.accessor.set(key, value, retention=NEVER_EXPIRE)

    def delete(self, key: str) -> None:
        self.accessor.delete(key)


class DatalabExecuteWorkflowOperator(BaseOperator):
    """Executes a workflow once, waits for it to end, and can save its outputs.

    It waits in the triggerer and occupies no worker. A task that is retried or cleared
    finds the execution that it started and waits for it, so nothing is paid twice. The
    record depends on the workflow, the input and the connection's address; a change of
    one of these is another execution. Nothing can cancel an execution: when a task is
    killed or marked, the execution continues.

    The XCom ``return_value`` is ``{"execution_id", "handle", "status",
    "partially_failed", "manifest"}``, where the manifest is None unless outputs were
    saved. The XCom ``datalab_handle`` is the handle alone, as soon as there is one.

    Args:
        workflow_id: The workflow's id. A template.
        input_config: The input: a URL, a ``datalab://`` reference, a list of these, or
            one of the API's JSON forms. None sends no input. A template.
        save_to: A folder for the outputs, which every worker must reach under this path:
            they go to ``save_to/execution-ID/STEP/FILE``. By default no outputs are
            saved. A template.
        wait: Whether to wait for the execution to end. If not, the task succeeds when
            the execution is started, and status and manifest are None.
        timeout: Seconds to wait in each try, or a timedelta; two hours by default. After
            that the task fails, and its next try waits for the same execution.
        deferrable: Whether to wait in the triggerer, not in the worker.
        retry_failed: Whether to submit again, for money, if the execution of an earlier
            try has failed or is gone. By default a failed execution fails the task
            without further retries.
        retry_unknown: Whether to submit again if it is not known whether an earlier try
            started an execution. By default the task then fails without further retries.
        datalab_conn_id: The id of the connection.
        kwargs: The arguments of every Airflow operator.

    Raises:
        InvalidArgumentError: The timeout is wrong.
    """

    template_fields: Collection[str] = ("workflow_id", "input_config", "save_to", "datalab_conn_id")
    ui_color = "#dfe9fb"

    def __init__(
        self,
        *,
        workflow_id: int | str | XComArg,
        input_config: InputLike | XComArg | None,
        save_to: str | XComArg | None = None,
        wait: bool = True,
        timeout: float | timedelta = DEFAULT_TIMEOUT,
        deferrable: bool = True,
        retry_failed: bool = False,
        retry_unknown: bool = False,
        datalab_conn_id: str = DEFAULT_CONNECTION_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.workflow_id = workflow_id
        self.input_config = input_config
        self.save_to = save_to
        self.wait = wait
        self.timeout = seconds_of(timeout)
        self.deferrable = deferrable
        self.retry_failed = retry_failed
        self.retry_unknown = retry_unknown
        self.datalab_conn_id = datalab_conn_id

    def execute(self, context: Context) -> dict[str, JSON]:
        """Start the execution unless an earlier try has, and wait for it.

        Raises:
            ConfigurationError: The context has no task state store.
        """
        task, store = context.get("ti"), context.get("task_state_store")
        if task is None or store is None:
            raise ConfigurationError(
                "The context has no task state store, which keeps the execution so that it is "
                "paid for once; run the task with Airflow 3.3 or newer"
            )
        with DatalabHook(self.datalab_conn_id).get_conn() as client:
            started = self._start(client, store)
            handle, execution = started.handle, started.execution
            self.log.info(
                "Found execution %s, which was started before"
                if started.before
                else "Started execution %s",
                execution_id_of(handle),
            )
            task.xcom_push(key=HANDLE_KEY, value=handle)
            if not self.wait:
                return result_of(WaitEvent(handle), None)
            if execution is not None and execution.is_terminal:
                return self._finish(client, WaitEvent.of_execution(handle, execution))
            if not self.deferrable:
                return self._finish(client, self._wait(client, handle))
        raise deferral(handle, self.datalab_conn_id, self.timeout)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, JSON]:
        """Continue with the event of the trigger."""
        del context
        with DatalabHook(self.datalab_conn_id).get_conn() as client:
            return self._finish(client, WaitEvent.from_dict(event))

    def _start(self, client: Datalab, store: TaskStateStoreAccessor) -> Started:
        input_config = self.input_config
        # Airflow has replaced references to other tasks by their values.
        assert not isinstance(input_config, XComArg)
        submission = Submission(
            client,
            _TaskState(store),
            whole_number("workflow_id", self.workflow_id),
            None if input_config is None else InputConfig.coerce(input_config),
            retry_failed=self.retry_failed,
            retry_unknown=self.retry_unknown,
        )
        try:
            return submission.start_once()
        except (NotFoundError, SubmissionUncertainError) as error:
            # A retry would end the same way.
            raise AirflowFailException(str(error)) from error

    def _wait(self, client: Datalab, handle: Handle) -> WaitEvent:
        try:
            execution = client.executions.handle(handle).wait(timeout=self.timeout)
        except DatalabError as error:
            return WaitEvent.of_error(handle, error)
        return WaitEvent.of_execution(handle, execution)

    def _finish(self, client: Datalab, event: WaitEvent) -> dict[str, JSON]:
        handle = event.handle
        if event.kind == TIMED_OUT:
            # It may have ended while the triggerer was down and nothing polled it.
            execution = client.executions.handle(handle).get()
            if not execution.is_terminal:
                raise WaitTimeoutError(
                    kind="execution",
                    job_id=execution.id,
                    snapshot=execution,
                    timeout=self.timeout,
                    elapsed=self.timeout,
                )
            event = WaitEvent.of_execution(handle, execution)
        if event.problem is not None:
            final = event.kind in (None, NotFoundError.__name__) and not self.retry_failed
            raise (AirflowFailException if final else AirflowException)(event.problem)
        manifest = None
        if self.save_to is not None:
            assert not isinstance(self.save_to, XComArg)
            manifest = client.outputs.save_all(execution_id_of(handle), self.save_to)
            if not manifest.is_complete:
                failures = "; ".join(str(one.error) for one in manifest.failed)
                raise AirflowException(f"{manifest}: {failures}")
        return result_of(event, manifest)
