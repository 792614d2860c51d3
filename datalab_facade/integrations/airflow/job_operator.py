"""What the operators of all kinds of jobs have in common."""

from __future__ import annotations

import os
import time
from abc import abstractmethod
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs
from airflow.sdk import BaseOperator, XComArg
from airflow.sdk.execution_time.context import NEVER_EXPIRE

from datalab_facade.arguments import named
from datalab_facade.errors import (
    ConfigurationError,
    InvalidArgumentError,
    JobFailedError,
    NotFoundError,
    SubmissionUncertainError,
    WaitTimeoutError,
)
from datalab_facade.integrations.airflow.events import TIMED_OUT, WaitEvent
from datalab_facade.integrations.airflow.failing import failing_for_good, raise_problem
from datalab_facade.integrations.airflow.families import family_of, poll
from datalab_facade.integrations.airflow.hooks import DEFAULT_CONNECTION_ID, DatalabHook
from datalab_facade.integrations.airflow.job_requests import JobRequest
from datalab_facade.integrations.airflow.memory import Handle, record_result
from datalab_facade.integrations.airflow.submissions import Started, Submission
from datalab_facade.integrations.airflow.timeouts import (
    DEFAULT_TIMEOUT,
    bounded,
    seconds_of,
)
from datalab_facade.integrations.airflow.triggers import deferral

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.execution_time.context import TaskStateStoreAccessor

    from datalab_facade.client import Datalab
    from datalab_facade.json_forms import JSON

HANDLE_KEY = "datalab_handle"
"""The XCom key of the job's handle, set as soon as the job is started."""


def source_of(source: str | os.PathLike[str] | XComArg | None) -> str | os.PathLike[str] | None:
    """Return a source, in which Airflow has replaced references to other tasks."""
    assert not isinstance(source, XComArg)
    return source


def options_of(options: Mapping[str, Any] | XComArg | None, **own: str) -> dict[str, Any]:
    """Return the fields of a task, in which Airflow has replaced references to other tasks.

    Args:
        options: The fields.
        own: The fields that are arguments of the operator, with the names that they have there.

    Raises:
        InvalidArgumentError: They are not a mapping of fields, or have one that is an argument.
    """
    if options is None:
        return {}
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise InvalidArgumentError(f"options must be a mapping of fields, not {named(options)}")
    for name in own.keys() & options.keys():
        raise InvalidArgumentError(
            f"options must not have {name!r}: it is the argument {own[name]} of the operator"
        )
    return dict(options)


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


class DatalabJobOperator(BaseOperator):
    """Starts a job once, waits for it to end, and can save what it leaves behind.

    It waits in the triggerer and occupies no worker. A task that is retried or cleared
    finds the job that it started and waits for it, so nothing is paid twice. The
    record depends on what was asked for and on the connection's address; a change of
    one of these is another job. Nothing can cancel a job: when a task is
    killed or marked, the job continues.

    The XCom ``return_value`` is ``{"job_id", "handle", "status", "partially_failed",
    "manifest"}``, where the manifest is None unless something was saved. The XCom
    ``datalab_handle`` is the handle alone, as soon as there is one.

    Args:
        save_to: A folder for what the job leaves behind, which every worker must reach under
            this path. By default nothing is saved. A template.
        wait: Whether to wait for the job to end. If not, the task succeeds when
            the job is started, and status and manifest are None.
        timeout: Seconds to wait in each try, or a timedelta; two hours by default, and never
            longer than ``execution_timeout``. After that the task fails, and its next try
            waits for the same job.
        deferrable: Whether to wait in the triggerer, not in the worker.
        retry_failed: Whether to submit again, for money, if the job of an earlier
            try has failed or is gone. By default a failed job fails the task
            without further retries.
        retry_unknown: Whether to submit again if it is not known whether an earlier try
            started a job. By default the task then fails without further retries, as it does
            after every error that another try would meet again.
        datalab_conn_id: The id of the connection. A template.
        kwargs: The arguments of every Airflow operator.

    Raises:
        InvalidArgumentError: The timeout is wrong.
    """

    template_fields: Collection[str] = ("save_to", "datalab_conn_id")
    ui_color = "#dfe9fb"

    def __init__(
        self,
        *,
        save_to: str | os.PathLike[str] | XComArg | None = None,
        wait: bool = True,
        timeout: float | timedelta = DEFAULT_TIMEOUT,
        deferrable: bool = True,
        retry_failed: bool = False,
        retry_unknown: bool = False,
        datalab_conn_id: str = DEFAULT_CONNECTION_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.save_to = save_to
        self.wait = wait
        self.timeout = seconds_of(timeout)
        self.deferrable = deferrable
        self.retry_failed = retry_failed
        self.retry_unknown = retry_unknown
        self.datalab_conn_id = datalab_conn_id

    @abstractmethod
    def job_request(self) -> JobRequest:
        """Return what is asked for.

        Raises:
            InvalidArgumentError: An argument of the operator is wrong.
        """
        raise NotImplementedError

    def handle_to_save(self, handle: Mapping[str, JSON]) -> dict[str, JSON]:
        """Return a handle with all that is of use for saving, and that XCom does not hold."""
        return dict(handle)

    def execute(self, context: Context) -> dict[str, JSON]:
        """Start the job unless an earlier try has, and wait for it."""
        began = time.monotonic()
        task, store = context.get("ti"), context.get("task_state_store")
        with failing_for_good(*self._mendable):
            if task is None or store is None:
                raise ConfigurationError(
                    "The context has no task state store, which keeps the job so that it is "
                    "paid for once; run the task with Airflow 3.3 or newer"
                )
            with DatalabHook(self.datalab_conn_id).get_conn() as client:
                started = self._start(client, store)
                handle, snapshot = started.handle, started.snapshot
                job = family_of(handle).describe(client_id_of(handle))
                before = ", which was started before"
                self.log.info("%s%s", job, before if started.before else " was started")
                task.xcom_push(key=HANDLE_KEY, value=handle)
                if started.result is not None:
                    self.log.info("The server has it no more; its result was saved before")
                    return started.result
                if not self.wait:
                    return WaitEvent(handle).to_result()
                if snapshot is not None and snapshot.is_terminal:
                    return self._finish(client, store, WaitEvent.of_snapshot(handle, snapshot))
                left = bounded(self.timeout, self.execution_timeout, time.monotonic() - began)
                if not self.deferrable:
                    snapshot = family_of(handle).jobs(client).wait(handle, timeout=left)
                    return self._finish(client, store, WaitEvent.of_snapshot(handle, snapshot))
            raise deferral(handle, self.datalab_conn_id, left)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, JSON]:
        """Continue with the event of the trigger."""
        with failing_for_good(*self._mendable):
            wait_event = WaitEvent.from_dict(event)
            with DatalabHook(self.datalab_conn_id).get_conn() as client:
                return self._finish(client, context.get("task_state_store"), wait_event)

    @property
    def _mendable(self) -> tuple[type[Exception], ...]:
        """The errors that the next try mends, since it submits again."""
        failed = (NotFoundError, JobFailedError) if self.retry_failed else ()
        return (*failed, SubmissionUncertainError) if self.retry_unknown else failed

    @property
    def _folder(self) -> str | None:
        folder = self.save_to
        # Airflow has replaced references to other tasks by their values.
        assert not isinstance(folder, XComArg)
        return None if folder is None else os.fspath(folder)

    def _start(self, client: Datalab, store: TaskStateStoreAccessor) -> Started:
        submission = Submission(
            client,
            _TaskState(store),
            self.job_request(),
            self._folder,
            retry_failed=self.retry_failed,
            retry_unknown=self.retry_unknown,
        )
        # A 404 here is about the request, not about a job: submitting again meets it again.
        with failing_for_good(SubmissionUncertainError):
            return submission.start_once()

    def _finish(
        self, client: Datalab, store: TaskStateStoreAccessor | None, event: WaitEvent
    ) -> dict[str, JSON]:
        handle = event.handle
        if event.kind == TIMED_OUT:
            # It may have ended while the triggerer was down and nothing polled it.
            snapshot = poll(client, handle)
            if not snapshot.is_terminal:
                waited = bounded(self.timeout, self.execution_timeout, 0)
                raise WaitTimeoutError(
                    kind=family_of(handle).kind.name,
                    job_id=snapshot.id,
                    timeout=waited,
                    elapsed=waited,
                )
            event = WaitEvent.of_snapshot(handle, snapshot)
        if event.problem is not None:
            raise_problem(event, retry_failed=self.retry_failed)
        manifest, save_to = None, self._folder
        if save_to is not None:
            manifest = family_of(handle).save(client, self.handle_to_save(handle), save_to)
        result = event.to_result(manifest)
        if store is not None:
            record_result(_TaskState(store), handle, save_to, result)
        return result


def client_id_of(handle: Handle) -> int | str:
    """Return the id in a handle that a client gave."""
    job_id = handle["id"]
    assert isinstance(job_id, (int, str))
    return job_id
