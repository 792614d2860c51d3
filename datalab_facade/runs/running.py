"""What there is to decide about running a workflow over many files.

A run uploads each file, executes the workflow on it, waits, and saves the outputs.
:class:`RunPlan` tells what is left to do for a file and takes note of what was done;
:mod:`~datalab_facade.runs.runner` and :mod:`~datalab_facade.runs.async_runner` do it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias, TypedDict

import attrs

from datalab_facade.arguments import (
    checked_callable,
    checked_count,
    checked_path,
    checked_seconds,
)
from datalab_facade.context import Context
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
from datalab_facade.files.models import File
from datalab_facade.files.sources import harmless_name
from datalab_facade.models import JSON, Execution
from datalab_facade.outcomes import Outcome, Update
from datalab_facade.outputs.manifest import Manifest
from datalab_facade.outputs.naming import safe_name
from datalab_facade.pickling import picklable
from datalab_facade.redaction import excerpt, printable, redact, redacted_repr
from datalab_facade.runs.run_journal import FILE_NAME, RunEntry, RunJournal
from datalab_facade.runs.run_sources import Item, RunFiles, digest
from datalab_facade.statuses import Status
from datalab_facade.waiting.scheduling import DEFAULT_CONCURRENCY
from datalab_facade.waiting.wait import WaitPolicy
from datalab_facade.workflows.definitions import WorkflowDefinition
from datalab_facade.workflows.models import Workflow
from datalab_facade.workflows.requests import Submitted, execution_of

RunWorkflow: TypeAlias = int | Workflow | WorkflowDefinition | str | os.PathLike[str]
"""A workflow to run: its id, itself, a definition, or the path of a definition's file."""

OnUpdate: TypeAlias = Callable[[Update], None]
"""Called with each change of an execution, and with the totals."""

_MOST_TOLD = 5


@picklable
@attrs.frozen(kw_only=True)
class RunResult:
    """What became of one file of a run."""

    source: str
    """What the caller named the file by, character by character, also those that no screen has."""
    folder: Path
    """Where its outputs are."""
    position: int = attrs.field(default=0, repr=False, kw_only=True)
    """Its place among the files of the call, from 0 on."""
    execution_id: int | None = None
    status: Status | None = None
    """How its execution ended, if it did."""
    manifest: Manifest | None = attrs.field(default=None, repr=False)
    """What was saved of it, and what was missed."""
    error: DatalabError | None = None
    """What kept it from being done, if anything did."""
    reason: str | None = attrs.field(default=None, repr=False)
    """Why it is not done, in words."""

    @property
    def succeeded(self) -> bool:
        """Whether its execution has completed and all that it left behind is saved."""
        return self.status is Status.COMPLETED and self.reason is None

    def to_dict(self) -> dict[str, JSON]:
        """Give the result as plain JSON, without the manifest, which is beside the outputs."""
        return {
            "source": self.source,
            "folder": str(self.folder),
            "execution_id": self.execution_id,
            "status": None if self.status is None else str(self.status),
            "succeeded": self.succeeded,
            "reason": self.reason,
        }

    def __str__(self) -> str:
        what = "done" if self.succeeded else self.reason or "not done"
        number = "" if self.execution_id is None else f" (execution {self.execution_id})"
        return redact(f"{self.source}{number}: {what}")


def _in_order(results: Iterable[RunResult]) -> tuple[RunResult, ...]:
    return tuple(sorted(results, key=lambda result: result.position))


@picklable
@attrs.frozen(kw_only=True)
class RunReport:
    """What became of a run: a result for each file, in the order in which they were named.

    It is true when all of them succeeded.
    """

    workflow_id: int
    folder: Path
    results: tuple[RunResult, ...] = attrs.field(converter=_in_order)

    @property
    def succeeded(self) -> tuple[RunResult, ...]:
        """The files that are done."""
        return tuple(result for result in self.results if result.succeeded)

    @property
    def failed(self) -> tuple[RunResult, ...]:
        """The files that are not, each with its reason."""
        return tuple(result for result in self.results if not result.succeeded)

    def to_dict(self) -> dict[str, JSON]:
        """Give the report as plain JSON."""
        return {
            "workflow_id": self.workflow_id,
            "folder": str(self.folder),
            "results": [result.to_dict() for result in self.results],
        }

    def __bool__(self) -> bool:
        return not self.failed

    def __str__(self) -> str:
        done, many = len(self.succeeded), len(self.results)
        lines = [
            f"Workflow {self.workflow_id}: {done} of {many} done, in {redact(str(self.folder))}"
        ]
        return "\n".join([*lines, *(f"  {result}" for result in self.failed)])


@attrs.frozen
class Upload:
    """The file is to be uploaded."""

    path: Path
    name: str
    """What to call it at Datalab."""


@attrs.frozen
class Submit:
    """The workflow is to be executed on this URL or reference."""

    address: str = attrs.field(repr=redacted_repr)
    fresh: bool
    """Whether it was uploaded by this very call."""


@attrs.frozen
class WaitFor:
    """Its execution is to be waited for."""

    execution_id: int


class RunOptions(TypedDict, total=False):
    """Options of a run; left out, the defaults hold."""

    secrets: Mapping[str, str]
    """What fills ``${secret:NAME}`` in a definition, where the workflow is created."""
    timeout: float | timedelta
    """Seconds, or a timedelta, to wait for each execution; by default the policy's, two hours."""
    policy: WaitPolicy
    """How each execution is waited for; by default the client's."""
    concurrency: int
    """How many executions go on at once; 1,000 by default."""
    retry_failed: bool
    """Submit again, for money, what has failed in an earlier call; off by default."""
    retry_unknown: bool
    """Submit again where it is not known whether an execution was started; off by default."""
    on_update: OnUpdate
    """Called with each change of an execution, and with the totals, for progress displays."""


@attrs.frozen
class RunRequest:
    """A run, checked and ready to begin."""

    workflow: WorkflowDefinition | int
    files: RunFiles
    folder: Path
    secrets: Mapping[str, str] | None = attrs.field(repr=False)
    policy: WaitPolicy
    concurrency: int
    retry_failed: bool
    retry_unknown: bool
    on_update: OnUpdate | None


def checked_request(
    context: Context,
    workflow: RunWorkflow,
    files: object,
    folder: object,
    given: RunOptions,
    *,
    or_async: bool = False,
) -> RunRequest:
    """Check what a run is asked for; the files may come from an async iterable, or not.

    Raises:
        LocalFileError: It makes no sense; nothing was sent.
    """
    unknown = sorted(given.keys() - RunOptions.__annotations__.keys())
    if unknown:
        raise TypeError(f"unknown option {unknown[0]!r}")
    timeout = given.get("timeout")
    if timeout is not None:
        checked_seconds("timeout", timeout)
    to = checked_path("to", folder)
    return RunRequest(
        workflow=_definition_of(workflow),
        files=RunFiles(files, to, or_async=or_async),
        folder=to,
        secrets=given.get("secrets"),
        policy=context.policy_for_wait(timeout, given.get("policy"), {}),
        concurrency=checked_count(
            "concurrency", given.get("concurrency", DEFAULT_CONCURRENCY), least=1
        ),
        retry_failed=given.get("retry_failed", False),
        retry_unknown=given.get("retry_unknown", False),
        on_update=checked_callable("on_update", given.get("on_update")),
    )


Task: TypeAlias = Upload | Submit | WaitFor | RunResult

# What is fed about a file without an execution; no execution has this id.
_NO_EXECUTION = -1


class RunPlan:
    """Decides what is left to do for each file, and keeps the journal of it.

    Args:
        journal: What earlier calls have done.
        request: What this call wants to be submitted again.
    """

    def __init__(self, journal: RunJournal, request: RunRequest) -> None:
        self._journal = journal
        self._retry_failed = request.retry_failed
        self._retry_unknown = request.retry_unknown
        self._met: set[str] = set()
        self._failed: dict[str, DatalabError] = {}
        self._uploaded_now: set[str] = set()
        self._leaving: str | None = None
        self._waiting: dict[int, deque[Item]] = {}
        self._settled: dict[int, tuple[Outcome, RunResult]] = {}

    def fed(self, task: WaitFor | RunResult) -> int | Outcome:
        """Give what the scheduler is to be fed with."""
        if isinstance(task, WaitFor):
            return task.execution_id
        if task.execution_id is None or task.status is None:
            error = task.error or DatalabError(str(task))
            outcome = Outcome(execution_id=_NO_EXECUTION, error=error)
        else:
            execution = Execution(id=task.execution_id, status=task.status)
            outcome = Outcome(execution_id=task.execution_id, execution=execution)
        self._settled[id(outcome)] = outcome, task
        return outcome

    def task(self, item: Item) -> Task:
        """Tell what is to be done next for a file."""
        if item.problem is not None:
            return self._result(item, None, None, item.problem, _words(item.problem))
        if item.key in self._failed:
            # It was named before, and is tried once in a call.
            return self._not_done(item, self._failed[item.key])
        entry = self._journal.entry(item.key) or self._first_met(item)
        if self._retry_failed and item.key not in self._met and _has_failed(entry):
            entry = self._journal.note(
                item.key, execution_id=None, ended=None, reason=None, submitting=False
            )
        self._met.add(item.key)
        return self._next(item, entry)

    def uploaded(self, item: Item, file: File) -> Task:
        """Take note that a file is at Datalab."""
        self._uploaded_now.add(item.key)
        return self._next(item, self._journal.note(item.key, reference=file.reference))

    def submission(self, item: Item, workflow_id: int, task: Submit) -> Submitted:
        """Plan the request that starts the execution, with notes of when it leaves.

        Raises:
            LocalFileError: There cannot be such a request.
        """
        planned = execution_of(workflow_id, task.address, retry_overloaded=False)
        record_drift = attrs.evolve(
            planned.submission,
            on_leaving=lambda: self._about_to_leave(item),
            on_refused=lambda: self._was_refused(item),
        )
        return attrs.evolve(planned, submission=record_drift)

    def submitted(self, item: Item, execution_id: int) -> WaitFor:
        """Take note of the execution."""
        self._leaving = None
        self._journal.note(item.key, submitting=False, execution_id=execution_id)
        return self._wait(item, execution_id)

    def refused(self, item: Item, error: DatalabError, task: Task) -> Task:
        """Take in that uploading or submitting has failed.

        Raises:
            DatalabError: It would fail for every other file, too.
        """
        self._leaving = None
        if self._journal.failure is not None:
            raise self._journal.failure
        if isinstance(error, (AuthenticationError, PermissionDeniedError)):
            raise error
        gone = isinstance(error, APIStatusError) and error.status in (400, 404, 422)
        if gone and isinstance(task, Submit) and not task.fresh and item.path is not None:
            # What an earlier call uploaded may have been deleted since.
            self._uploaded_now.add(item.key)
            self._journal.note(item.key, reference=None)
            return _upload(item.path)
        return self._not_done(item, error)

    def ended(self, outcome: Outcome) -> tuple[Item, Path] | RunResult:
        """Take in how a wait ended: give the file and the folder to save to, or its result."""
        settled = self._settled.pop(id(outcome), None)
        if settled is not None:
            return settled[1]
        waiting = self._waiting[outcome.execution_id]
        item = waiting.popleft()
        if not waiting:
            del self._waiting[outcome.execution_id]
        if outcome.error is not None:
            if isinstance(outcome.error, NotFoundError):
                self._journal.note(item.key, reason=_words(outcome.error))
            return self._not_done(item, outcome.error)
        return item, self._folder(self._known(item))

    def saved(self, item: Item, execution: Execution, manifest: Manifest) -> RunResult:
        """Take note of what was saved, and give the result of the file."""
        reason = None
        if not execution.succeeded:
            reason = _words(ExecutionFailedError(execution))
        elif not manifest.is_complete:
            reason = _missed(manifest)
        if manifest.is_complete:
            self._journal.note(item.key, ended=str(execution.status), reason=reason)
        error = None if execution.succeeded else ExecutionFailedError(execution)
        return self._result(item, execution.status, manifest, error, reason)

    def not_saved(self, item: Item, error: DatalabError) -> RunResult:
        """Give the result of a file whose outputs could not be saved."""
        return self._not_done(item, error)

    def _about_to_leave(self, item: Item) -> None:
        # What an earlier call left unknown is so already, and stays it.
        if not self._known(item).submitting:
            self._journal.note(item.key, submitting=True)
            self._leaving = item.key

    def _was_refused(self, item: Item) -> None:
        if self._leaving == item.key:
            self._leaving = None
            self._journal.note(item.key, submitting=False)

    def _first_met(self, item: Item) -> RunEntry:
        last = item.path.name if item.path else item.source.partition("?")[0].rpartition("/")[2]
        name = safe_name(last or item.source)
        if name.casefold() == FILE_NAME or self._journal.has_folder(name):
            name = safe_name(f"{name[:40]}-{item.key[:16]}")
        reference = item.address if (item.address or "").startswith("datalab://") else None
        return self._journal.note(item.key, source=item.source, folder=name, reference=reference)

    def _next(self, item: Item, entry: RunEntry) -> Task:
        if entry.execution_id is not None:
            # Whoever is waited for already has been named before.
            if entry.ended is None or entry.execution_id in self._waiting:
                return self._wait(item, entry.execution_id)
            return self._from_journal(item, entry, entry.execution_id)
        if entry.submitting and not self._retry_unknown:
            return self._not_done(item, _left_unknown(item))
        folder = self._folder(entry)
        if os.path.lexists(folder) and not folder.is_dir():
            return self._not_done(item, _in_the_way(item, folder))
        address = item.address or entry.reference
        if address is not None:
            return Submit(address, fresh=item.key in self._uploaded_now)
        assert item.path is not None
        return _upload(item.path)

    def _from_journal(self, item: Item, entry: RunEntry, execution_id: int) -> Task:
        status = Status.parse(entry.ended or "")
        with contextlib.suppress(LocalFileError):
            manifest = Manifest.read(self._folder(entry) / f"execution-{execution_id}")
            if manifest.execution_id == execution_id:
                return self._result(item, status, manifest, None, entry.reason)
        # It was saved, and is not there any more: it may still be had.
        return self._wait(item, execution_id)

    def _wait(self, item: Item, execution_id: int) -> WaitFor:
        self._waiting.setdefault(execution_id, deque()).append(item)
        return WaitFor(execution_id)

    def _not_done(self, item: Item, error: DatalabError) -> RunResult:
        self._failed[item.key] = error
        return self._result(item, None, None, error, _words(error))

    def _result(
        self,
        item: Item,
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

    def _known(self, item: Item) -> RunEntry:
        entry = self._journal.entry(item.key)
        assert entry is not None, item
        return entry

    def _folder(self, entry: RunEntry) -> Path:
        return self._journal.folder / entry.folder


def _upload(path: Path) -> Upload:
    return Upload(path, harmless_name(path.name))


def _definition_of(workflow: RunWorkflow) -> WorkflowDefinition | int:
    """Give the definition to create a workflow from, or the id of one that is there.

    Raises:
        LocalFileError: It is neither.
    """
    if isinstance(workflow, Workflow):
        return workflow.id
    if isinstance(workflow, (int, WorkflowDefinition)) and not isinstance(workflow, bool):
        return workflow
    return WorkflowDefinition.from_file(checked_path("workflow", workflow))


def workflow_of(journal: RunJournal, origin: str, wanted: WorkflowDefinition | int) -> int | None:
    """Give the id of the workflow that the run is about; None if it is to be created.

    Raises:
        LocalFileError: The journal is of another workflow or another API.
    """
    header = journal.header
    if header is None:
        return wanted if isinstance(wanted, int) else None
    if header.origin != origin:
        raise LocalFileError(
            f"{journal.path} is of a run at {excerpt(header.origin)}, not at {origin}. "
            f"Choose another folder"
        )
    same = wanted in (header.workflow_id, None)
    if isinstance(wanted, WorkflowDefinition):
        same = digest_of(wanted) == header.definition
    if not same:
        raise LocalFileError(
            f"{journal.path} is of a run of another workflow, {header.workflow_id}. "
            f"Choose another folder"
        )
    return header.workflow_id


def digest_of(wanted: WorkflowDefinition | int) -> str | None:
    """Give what tells one definition from another; None for a workflow that was there before."""
    if isinstance(wanted, int):
        return None
    return digest(json.dumps(wanted.to_dict(), sort_keys=True))


def _has_failed(entry: RunEntry) -> bool:
    return entry.reason is not None or entry.ended not in (None, str(Status.COMPLETED))


def _left_unknown(item: Item) -> SubmissionUncertainError:
    return SubmissionUncertainError(
        f"{printable(item.source)}: an earlier call was stopped while it sent the request that "
        f"starts the execution, so one may have been started. Look for it at Datalab; "
        f"retry_unknown=True submits the file again",
        method="POST",
        url="",
    )


def _in_the_way(item: Item, folder: Path) -> LocalFileError:
    return LocalFileError(
        f"{printable(item.source)} was not submitted: its outputs go to the folder "
        f"{printable(str(folder))}, and a file is there. Move it, or choose another folder"
    )


def _missed(manifest: Manifest) -> str:
    told = [missed.error for missed in manifest.failed[:_MOST_TOLD]]
    more = len(manifest.failed) - len(told)
    return "; ".join([*told, *([f"{more} more outputs were missed"] if more else [])])


def _words(error: DatalabError) -> str:
    return redact(str(error))
