"""Decisions about running a workflow over many files.

A run uploads each file, executes the workflow on it, waits, and saves the outputs.
:class:`RunPlan` decides what to do next for a file, and records what was done;
:mod:`~datalab_facade.runs.runner` and :mod:`~datalab_facade.runs.async_runner` do it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import deque
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import attrs

from datalab_facade.errors import (
    APIStatusError,
    AuthenticationError,
    DatalabError,
    ExecutionFailedError,
    LocalFileError,
    NotFoundError,
    PermissionDeniedError,
    SubmissionUncertainError,
)
from datalab_facade.executions.kind import ExecutionUpdate
from datalab_facade.files.descriptions import harmless_name
from datalab_facade.files.models import File
from datalab_facade.jobs.outcomes import Outcome, Settled
from datalab_facade.models import Execution
from datalab_facade.outputs.manifest import Manifest
from datalab_facade.redaction import excerpt, printable, redact, redacted_repr
from datalab_facade.runs.run_journal import FILE_NAME, RunEntry, RunJournal
from datalab_facade.runs.run_options import RunRequest
from datalab_facade.runs.run_results import RunResult
from datalab_facade.runs.run_sources import RunItem, digest
from datalab_facade.statuses import Status
from datalab_facade.transfers.naming import safe_name
from datalab_facade.workflows.definitions import WorkflowDefinition
from datalab_facade.workflows.requests import Submitted, execution_of

_MAX_QUOTED = 5


@attrs.frozen
class Upload:
    """Action: upload the file."""

    path: Path
    name: str
    """The file's name at Datalab."""


@attrs.frozen
class Submit:
    """Action: execute the workflow on this URL or reference."""

    address: str = attrs.field(repr=redacted_repr)
    fresh: bool
    """Whether this call uploaded it."""


@attrs.frozen
class WaitFor:
    """Action: wait for the execution."""

    execution_id: int


Action: TypeAlias = Upload | Submit | WaitFor | RunResult


def scheduler_input(action: WaitFor | RunResult) -> int | Settled[RunResult]:
    """Return what the scheduler is fed for a file: an id to wait for, or its result."""
    if isinstance(action, WaitFor):
        return action.execution_id
    succeeded = action.status is Status.COMPLETED
    return Settled(action, succeeded=succeeded, source=action.source)


class RunPlan:
    """Decides what to do next for each file, and records in the journal what was done.

    Args:
        journal: The journal of earlier calls.
        request: The arguments of this call.
    """

    def __init__(self, journal: RunJournal, request: RunRequest) -> None:
        self._journal = journal
        self.content_type = request.content_type
        self._retry_failed = request.retry_failed
        self._retry_unknown = request.retry_unknown
        self._seen: set[str] = set()
        self._failed: dict[str, DatalabError] = {}
        self._uploaded_now: set[str] = set()
        self._sending: str | None = None
        self._waiting: dict[int, deque[RunItem]] = {}

    def named_update(self, update: ExecutionUpdate) -> ExecutionUpdate:
        """Return an update with the file that it is about."""
        job = update.outcome or (update.change and update.change.snapshot)
        waiting = self._waiting.get(job.id) if job else None
        return attrs.evolve(update, source=waiting[0].source) if waiting else update

    def next_action(self, item: RunItem) -> Action:
        """Decide what to do next for a file."""
        if item.problem is not None:
            return self._result(item, None, None, item.problem, _message_of(item.problem))
        if item.key in self._failed:
            # The same file was named before; it is tried once in a call.
            return self._not_done(item, self._failed[item.key])
        entry = self._journal.entry(item.key) or self._record_first(item)
        if self._retry_failed and item.key not in self._seen and _has_failed(entry):
            entry = self._journal.record(
                item.key, execution_id=None, ended=None, reason=None, submitting=False
            )
        self._seen.add(item.key)
        return self._next(item, entry)

    def record_upload(self, item: RunItem, file: File) -> Action:
        """Record that a file was uploaded, and decide what to do next."""
        self._uploaded_now.add(item.key)
        return self._next(item, self._journal.record(item.key, reference=file.reference))

    def plan_submission(self, item: RunItem, workflow_id: int, action: Submit) -> Submitted:
        """Plan the request that starts the execution; the journal records when it is sent.

        Raises:
            InvalidArgumentError: The address cannot be an input.
        """
        planned = execution_of(workflow_id, action.address, retry_overloaded=False)
        record_drift = attrs.evolve(
            planned.submission,
            on_leaving=lambda: self._record_sending(item),
            on_refused=lambda: self._record_not_sent(item),
        )
        return attrs.evolve(planned, submission=record_drift)

    def record_submission(self, item: RunItem, execution_id: int) -> WaitFor:
        """Record the execution that was started."""
        self._sending = None
        self._journal.record(item.key, submitting=False, execution_id=execution_id)
        return self._wait(item, execution_id)

    def record_failure(self, item: RunItem, error: DatalabError, action: Action) -> Action:
        """Process an error of an upload or a submission, and decide what to do next.

        Raises:
            DatalabError: The error would repeat for every other file.
        """
        self._sending = None
        if self._journal.failure is not None:
            raise self._journal.failure
        if isinstance(error, (AuthenticationError, PermissionDeniedError)):
            raise error
        is_gone = isinstance(error, APIStatusError) and error.status in (400, 404, 422)
        if is_gone and isinstance(action, Submit) and not action.fresh and item.path is not None:
            # The file that an earlier call uploaded may have been deleted since.
            self._uploaded_now.add(item.key)
            self._journal.record(item.key, reference=None)
            return _upload(item.path)
        return self._not_done(item, error)

    def record_outcome(self, outcome: Outcome[Execution, int]) -> tuple[RunItem, Path] | RunResult:
        """Process an outcome; return the file and the folder for its outputs, or its result."""
        waiting = self._waiting[outcome.id]
        item = waiting.popleft()
        if not waiting:
            del self._waiting[outcome.id]
        if outcome.error is not None:
            if isinstance(outcome.error, NotFoundError):
                self._journal.record(item.key, reason=_message_of(outcome.error))
            return self._not_done(item, outcome.error)
        return item, self._folder(self._entry(item))

    def record_saved(self, item: RunItem, execution: Execution, manifest: Manifest) -> RunResult:
        """Record the saved outputs, and return the file's result."""
        reason = None
        if not execution.succeeded:
            reason = _message_of(ExecutionFailedError(execution))
        elif not manifest.is_complete:
            reason = _failed_outputs(manifest)
        if manifest.is_complete:
            seconds = None if execution.duration is None else execution.duration.total_seconds()
            self._journal.record(
                item.key, ended=str(execution.status), reason=reason, seconds=seconds
            )
        error = None if execution.succeeded else ExecutionFailedError(execution)
        result = self._result(item, execution.status, manifest, error, reason)
        return attrs.evolve(result, snapshot=execution, duration=execution.duration)

    def record_save_error(self, item: RunItem, error: DatalabError) -> RunResult:
        """Return the result of a file whose outputs could not be saved."""
        return self._not_done(item, error)

    def _record_sending(self, item: RunItem) -> None:
        # A submission that an earlier call left uncertain stays so.
        if not self._entry(item).submitting:
            self._journal.record(item.key, submitting=True)
            self._sending = item.key

    def _record_not_sent(self, item: RunItem) -> None:
        if self._sending == item.key:
            self._sending = None
            self._journal.record(item.key, submitting=False)

    def _record_first(self, item: RunItem) -> RunEntry:
        last = item.path.name if item.path else item.source.partition("?")[0].rpartition("/")[2]
        name = safe_name(last or item.source)
        if name.casefold() == FILE_NAME or self._journal.has_folder(name):
            name = safe_name(f"{name[:40]}-{item.key[:16]}")
        reference = item.address if (item.address or "").startswith("datalab://") else None
        return self._journal.record(item.key, source=item.source, folder=name, reference=reference)

    def _next(self, item: RunItem, entry: RunEntry) -> Action:
        if entry.execution_id is not None:
            # An execution in the waiting list belongs to the same file, named before.
            if entry.ended is None or entry.execution_id in self._waiting:
                return self._wait(item, entry.execution_id)
            return self._from_journal(item, entry, entry.execution_id)
        if entry.submitting and not self._retry_unknown:
            return self._not_done(item, _uncertain_error(item))
        folder = self._folder(entry)
        if os.path.lexists(folder) and not folder.is_dir():
            return self._not_done(item, _blocked_error(item, folder))
        address = item.address or entry.reference
        if address is not None:
            return Submit(address, fresh=item.key in self._uploaded_now)
        assert item.path is not None
        return _upload(item.path)

    def _from_journal(self, item: RunItem, entry: RunEntry, execution_id: int) -> Action:
        status = Status.parse(entry.ended or "")
        with contextlib.suppress(LocalFileError):
            manifest = Manifest.read(self._folder(entry) / f"execution-{execution_id}")
            if manifest.execution_id == execution_id:
                result = self._result(item, status, manifest, None, entry.reason)
                took = None if entry.seconds is None else timedelta(seconds=entry.seconds)
                return attrs.evolve(result, duration=took)
        # The outputs were saved and then removed: the API may still have them.
        return self._wait(item, execution_id)

    def _wait(self, item: RunItem, execution_id: int) -> WaitFor:
        self._waiting.setdefault(execution_id, deque()).append(item)
        return WaitFor(execution_id)

    def _not_done(self, item: RunItem, error: DatalabError) -> RunResult:
        self._failed[item.key] = error
        return self._result(item, None, None, error, _message_of(error))

    def _result(
        self,
        item: RunItem,
        status: Status | None,
        manifest: Manifest | None,
        error: DatalabError | None,
        reason: str | None,
    ) -> RunResult:
        entry = self._journal.entry(item.key)
        return RunResult(
            source=item.source,
            folder=self._journal.folder if entry is None else self._folder(entry),
            position=item.position,
            execution_id=None if entry is None else entry.execution_id,
            status=status,
            manifest=manifest,
            error=error,
            reason=reason,
        )

    def _entry(self, item: RunItem) -> RunEntry:
        entry = self._journal.entry(item.key)
        assert entry is not None, item
        return entry

    def _folder(self, entry: RunEntry) -> Path:
        return self._journal.folder / entry.folder


def _upload(path: Path) -> Upload:
    return Upload(path, harmless_name(path.name))


def workflow_of(journal: RunJournal, origin: str, workflow: WorkflowDefinition | int) -> int | None:
    """Return the id of the run's workflow; None if it must be created.

    Raises:
        LocalFileError: The journal belongs to another workflow or another API.
    """
    header = journal.header
    if header is None:
        return workflow if isinstance(workflow, int) else None
    if header.origin != origin:
        raise LocalFileError(
            f"{journal.path} belongs to a run at {excerpt(header.origin)}, not at {origin}. "
            f"Choose another folder"
        )
    same = workflow in (header.workflow_id, None)
    if isinstance(workflow, WorkflowDefinition):
        same = digest_of(workflow) == header.definition
    if not same:
        raise LocalFileError(
            f"{journal.path} belongs to a run of another workflow, {header.workflow_id}. "
            f"Choose another folder"
        )
    return header.workflow_id


def digest_of(workflow: WorkflowDefinition | int) -> str | None:
    """Return a digest of a definition; None for the id of an existing workflow."""
    if isinstance(workflow, int):
        return None
    return digest(json.dumps(workflow.to_dict(), sort_keys=True))


def _has_failed(entry: RunEntry) -> bool:
    return entry.reason is not None or entry.ended not in (None, str(Status.COMPLETED))


def _uncertain_error(item: RunItem) -> SubmissionUncertainError:
    return SubmissionUncertainError(
        f"{printable(item.source)}: an earlier call was stopped while it sent the request that "
        f"starts the execution, so one may have been started. Check that at Datalab; "
        f"retry_unknown=True submits the file again",
        method="POST",
        url="",
    )


def _blocked_error(item: RunItem, folder: Path) -> LocalFileError:
    return LocalFileError(
        f"{printable(item.source)} was not submitted: its outputs go to the folder "
        f"{printable(str(folder))}, and a file is there. Move it, or choose another folder"
    )


def _failed_outputs(manifest: Manifest) -> str:
    errors = [failed.error for failed in manifest.failed[:_MAX_QUOTED]]
    more = len(manifest.failed) - len(errors)
    return "; ".join([*errors, *([f"{more} more outputs failed"] if more else [])])


def _message_of(error: DatalabError) -> str:
    return redact(str(error))
