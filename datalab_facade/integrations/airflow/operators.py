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
from datalab_facade.waiting.wait import WaitPolicy
from datalab_facade.workflows.inputs import InputConfig

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.execution_time.context import TaskStateStoreAccessor

    from datalab_facade.client import Datalab
    from datalab_facade.models import JSON
    from datalab_facade.workflows.inputs import InputLike

DEFAULT_TIMEOUT = WaitPolicy().timeout
"""Seconds that a try of a task waits unless told otherwise: two hours."""

HANDLE_KEY = "datalab_handle"
"""The key of the XCom that holds the execution's handle as soon as it is started."""


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
    """Executes a workflow, once, waits for its end, and can save its outputs.

    It waits in the triggerer, where it holds no worker. A task that is retried, or
    cleared, finds the execution that it started and waits for that one, without paying
    for another; it does so by the workflow, the input and the connection's address, so a
    change of these is another execution. Nothing can cancel an execution: when a task is
    killed or marked, the execution goes on.

    The XCom ``return_value`` is ``{"execution_id", "handle", "status",
    "partially_failed", "manifest"}``, where the manifest is None unless outputs were
    saved. The handle alone is in the XCom ``datalab_handle`` as soon as there is one.

    Args:
        workflow_id: The workflow's id. A template.
        input_config: What to work on: a URL, a ``datalab://`` reference, a list of
            these, or one of the forms of the API. None sends no input. A template.
        save_to: A folder for the outputs, which every worker must reach under this name:
            they go to ``save_to/execution-ID/STEP/FILE``. By default none are saved. A
            template.
        wait: Whether to wait for the execution's end. Without it, the task succeeds when
            the execution is started, and status and manifest are None.
        timeout: Seconds to wait in each try, or a timedelta; two hours by default. When
            it is over, the task fails, and its next try waits for the same execution.
        deferrable: Whether to wait in the triggerer and not in the worker.
        retry_failed: Submit again, for money, what has failed, or what is gone, in an
            earlier try. Off by default: then a failed execution fails the task for good.
        retry_unknown: Submit again where it is not known whether an earlier try has
            started an execution. Off by default: then the task fails for good.
        datalab_conn_id: The id of the connection.
        kwargs: What every operator of Airflow takes.

    Raises:
        ConfigurationError: The timeout makes no sense.
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
        """Start the execution, unless an earlier try has, and wait for it."""
        task, store = context.get("ti"), context.get("task_state_store")
        if task is None or store is None:
            raise ConfigurationError(
                "The context has no task state store, where an execution is remembered so that "
                "it is paid for once: a task that Airflow 3.3 or newer runs has one"
            )
        with DatalabHook(self.datalab_conn_id).get_conn() as client:
            started = self._started(client, store)
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
                return self._finished(client, WaitEvent.of_execution(handle, execution))
            if not self.deferrable:
                return self._finished(client, self._waited(client, handle))
        raise deferral(handle, self.datalab_conn_id, self.timeout)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, JSON]:
        """Take up what the trigger told."""
        del context
        with DatalabHook(self.datalab_conn_id).get_conn() as client:
            return self._finished(client, WaitEvent.from_dict(event))

    def _started(self, client: Datalab, store: TaskStateStoreAccessor) -> Started:
        given = self.input_config
        # Airflow has put the values of other tasks in their places.
        assert not isinstance(given, XComArg)
        submission = Submission(
            client,
            _TaskState(store),
            whole_number("workflow_id", self.workflow_id),
            None if given is None else InputConfig.coerce(given),
            retry_failed=self.retry_failed,
            retry_unknown=self.retry_unknown,
        )
        try:
            return submission.started()
        except (NotFoundError, SubmissionUncertainError) as error:
            # Trying again would end the same way.
            raise AirflowFailException(str(error)) from error

    def _waited(self, client: Datalab, handle: Handle) -> WaitEvent:
        try:
            execution = client.executions.handle(handle).wait(timeout=self.timeout)
        except DatalabError as error:
            return WaitEvent.of_error(handle, error)
        return WaitEvent.of_execution(handle, execution)

    def _finished(self, client: Datalab, event: WaitEvent) -> dict[str, JSON]:
        handle = event.handle
        if event.kind == TIMED_OUT:
            # It may have ended while nobody looked, with the triggerer down.
            execution = client.executions.handle(handle).get()
            if not execution.is_terminal:
                raise WaitTimeoutError(
                    execution.id,
                    execution=execution,
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
                missed = "; ".join(str(one.error) for one in manifest.failed)
                raise AirflowException(f"{manifest}: {missed}")
        return result_of(event, manifest)
