"""What there is to decide about running a workflow over many files.

A run uploads each file, executes the workflow on it, waits, and saves the outputs.
:class:`RunPlan` tells what is left to do for a file and takes note of what was done;
:mod:`~datalab_facade.runs.runs` and :mod:`~datalab_facade.runs.runs_async` do it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias, TypedDict

import attrs

from datalab_facade.arguments import (
    checked_callable,
    checked_count,
    checked_iterable,
    checked_path,
    checked_seconds,
    is_folder,
)
from datalab_facade.context import Context
from datalab_facade.errors import (
    AuthenticationFailed,
    ConfigurationError,
    DatalabError,
    ExecutionFailed,
    NotFound,
    PermissionRefused,
    StatusError,
    SubmissionUnknown,
)
from datalab_facade.files.models import File
from datalab_facade.models import JSON, Execution
from datalab_facade.outcomes import Outcome, Update
from datalab_facade.outputs.manifest import Manifest
from datalab_facade.outputs.naming import safe_name
from datalab_facade.redaction import redact, redacted_repr, shown_url
from datalab_facade.runs.run_journal import FILE_NAME, RunEntry, RunJournal
from datalab_facade.statuses import Status
from datalab_facade.travel import portable
from datalab_facade.waiting.scheduling import DEFAULT_CONCURRENCY
from datalab_facade.waiting.waiting import WaitPolicy
from datalab_facade.workflows.definitions import WorkflowDefinition
from datalab_facade.workflows.inputs import InputConfig
from datalab_facade.workflows.models import Workflow

RunSource: TypeAlias = str | os.PathLike[str] | File
"""A file to run over: a path, a URL, a ``datalab://`` reference, or what was uploaded."""

Sources: TypeAlias = RunSource | Iterable[RunSource]
AsyncSources: TypeAlias = Sources | AsyncIterable[RunSource]

RunWorkflow: TypeAlias = int | Workflow | WorkflowDefinition | str | os.PathLike[str]
"""A workflow to run: its id, itself, a definition, or the path of a definition's file."""

OnUpdate: TypeAlias = Callable[[Update], None]
"""Called with each change of an execution, and with the totals."""


@portable
@attrs.frozen
class RunResult:
    """What became of one file of a run."""

    source: str
    """What the caller named the file by."""
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


@portable
@attrs.frozen
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
class Item:
    """A file of a run, as the caller named it."""

    key: str
    """What makes it the same file in a later call: its name and content, or its address."""
    source: str
    """What to call it, without anything secret."""
    path: Path | None = None
    address: str | None = attrs.field(default=None, repr=redacted_repr)
    """A URL or reference that the API can read."""
    stat: tuple[str, int, int] | None = None
    problem: DatalabError | None = None
    """Why it cannot be read."""


@attrs.frozen
class Upload:
    """The file is to be uploaded."""

    path: Path


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
    timeout: float
    """Seconds to wait for each execution; by default the policy's, two hours."""
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
    folder: Path
    secrets: Mapping[str, str] | None = attrs.field(repr=False)
    policy: WaitPolicy
    concurrency: int
    retry_failed: bool
    retry_unknown: bool
    on_update: OnUpdate | None


def checked_request(
    context: Context, workflow: RunWorkflow, folder: object, given: RunOptions
) -> RunRequest:
    """Check what a run is asked for.

    Raises:
        ConfigurationError: It makes no sense; nothing was sent.
    """
    unknown = sorted(given.keys() - RunOptions.__annotations__.keys())
    if unknown:
        raise TypeError(f"unknown option {unknown[0]!r}")
    timeout = given.get("timeout")
    if timeout is not None:
        checked_seconds("timeout", timeout)
    return RunRequest(
        workflow=_definition_of(workflow),
        folder=checked_path("to", folder),
        secrets=given.get("secrets"),
        policy=context.policy_for_wait(timeout, given.get("policy"), {}),
        concurrency=checked_count(
            "concurrency", given.get("concurrency", DEFAULT_CONCURRENCY), least=1
        ),
        retry_failed=given.get("retry_failed", False),
        retry_unknown=given.get("retry_unknown", False),
        on_update=checked_callable("on_update", given.get("on_update")),
    )


class _Settled(DatalabError):
    """Takes a result that is known already past the scheduler."""

    def __init__(self, result: RunResult) -> None:
        super().__init__(str(result))
        self.result = result


Task: TypeAlias = Upload | Submit | WaitFor | RunResult


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
        self._uploaded_now: set[str] = set()
        self._met: dict[str, int] = {}
        self._by_execution: dict[int, str] = {}
        self._settled: dict[int, RunResult] = {}

    def fed(self, task: WaitFor | RunResult) -> int | Outcome:
        """Give what the scheduler is to be fed with."""
        if isinstance(task, WaitFor):
            return task.execution_id
        if task.execution_id is None or task.status is None:
            return Outcome(task.execution_id or 0, error=_Settled(task))
        self._settled[task.execution_id] = task
        return Outcome(task.execution_id, Execution(id=task.execution_id, status=task.status))

    def task(self, item: Item) -> Task | None:
        """Tell what is to be done next for a file; None if this call has seen it already."""
        if item.key in self._met:
            return None
        position = self._met[item.key] = len(self._met)
        if item.problem is not None:
            return RunResult(
                item.source,
                self._journal.folder,
                position=position,
                error=item.problem,
                reason=_words(item.problem),
            )
        entry = self._journal.entry(item.key) or self._first_met(item)
        if self._retry_failed and _has_failed(entry):
            entry = self._journal.note(
                item.key, execution_id=None, ended=None, reason=None, submitting=False
            )
        return self._next(item, entry)

    def uploaded(self, item: Item, file: File) -> Task:
        """Take note that a file is at Datalab."""
        self._uploaded_now.add(item.key)
        return self._next(item, self._journal.note(item.key, reference=file.reference))

    def submitting(self, item: Item) -> None:
        """Take note that the request which starts an execution is about to be sent."""
        self._journal.note(item.key, submitting=True)

    def submitted(self, item: Item, execution_id: int) -> WaitFor:
        """Take note of the execution."""
        self._journal.note(item.key, submitting=False, execution_id=execution_id)
        return self._waiting(item.key, execution_id)

    def refused(self, item: Item, error: DatalabError, task: Task) -> Task:
        """Take note that uploading or submitting has failed.

        Raises:
            DatalabError: It would fail for every other file, too.
        """
        if isinstance(error, SubmissionUnknown):
            return self._not_done(item.key, error)
        if isinstance(task, Submit):
            self._journal.note(item.key, submitting=False)
        if isinstance(error, (AuthenticationFailed, PermissionRefused)):
            raise error
        gone = isinstance(error, StatusError) and error.status in (400, 404, 422)
        if gone and isinstance(task, Submit) and not task.fresh and item.path is not None:
            # What an earlier call uploaded may have been deleted since.
            self._uploaded_now.add(item.key)
            self._journal.note(item.key, reference=None)
            return Upload(item.path)
        return self._not_done(item.key, error)

    def ended(self, outcome: Outcome) -> tuple[str, Path] | RunResult:
        """Take in how a wait ended: give the file's key and folder to save to, or its result."""
        if isinstance(outcome.error, _Settled):
            return outcome.error.result
        if outcome.execution_id in self._settled:
            return self._settled.pop(outcome.execution_id)
        key = self._by_execution[outcome.execution_id]
        if outcome.error is not None:
            if isinstance(outcome.error, NotFound):
                self._journal.note(key, reason=_words(outcome.error))
            return self._not_done(key, outcome.error)
        return key, self._folder(self._known(key))

    def saved(self, key: str, execution: Execution, manifest: Manifest) -> RunResult:
        """Take note of what was saved, and give the result of the file."""
        reason = None
        if not execution.succeeded:
            reason = _words(ExecutionFailed(execution))
        elif not manifest.complete:
            reason = "; ".join(str(missed) for missed in manifest.missed)
        if manifest.complete:
            self._journal.note(key, ended=str(execution.status), reason=reason)
        error = None if execution.succeeded else ExecutionFailed(execution)
        return self._result(key, execution.status, manifest, error, reason)

    def not_saved(self, key: str, error: DatalabError) -> RunResult:
        """Give the result of a file whose outputs could not be saved."""
        return self._not_done(key, error)

    def _first_met(self, item: Item) -> RunEntry:
        last = item.path.name if item.path else item.source.partition("?")[0].rpartition("/")[2]
        name = safe_name(last or item.source)
        if name.casefold() == FILE_NAME or self._journal.has_folder(name):
            name = safe_name(f"{name[:40]}-{item.key[:16]}")
        reference = item.address if (item.address or "").startswith("datalab://") else None
        return self._journal.note(
            item.key,
            source=item.source,
            folder=name,
            stat=None if item.stat is None else list(item.stat),
            reference=reference,
        )

    def _next(self, item: Item, entry: RunEntry) -> Task:
        if entry.ended is not None:
            return self._from_journal(item.key, entry)
        if entry.execution_id is not None:
            return self._waiting(item.key, entry.execution_id)
        if entry.submitting and not self._retry_unknown:
            return self._not_done(item.key, _left_unknown(entry))
        address = item.address or entry.reference
        if address is not None:
            return Submit(address, fresh=item.key in self._uploaded_now)
        assert item.path is not None
        return Upload(item.path)

    def _from_journal(self, key: str, entry: RunEntry) -> Task:
        status = Status.of(entry.ended or "")
        folder = self._folder(entry) / f"execution-{entry.execution_id}"
        try:
            manifest = Manifest.read(folder)
        except ConfigurationError:
            # It was saved, and is not there any more: it may still be had.
            assert entry.execution_id is not None
            return self._waiting(key, entry.execution_id)
        return self._result(key, status, manifest, None, entry.reason)

    def _waiting(self, key: str, execution_id: int) -> WaitFor:
        self._by_execution[execution_id] = key
        return WaitFor(execution_id)

    def _not_done(self, key: str, error: DatalabError) -> RunResult:
        return self._result(key, None, None, error, _words(error))

    def _result(
        self,
        key: str,
        status: Status | None,
        manifest: Manifest | None,
        error: DatalabError | None,
        reason: str | None,
    ) -> RunResult:
        entry = self._known(key)
        return RunResult(
            source=entry.source,
            folder=self._folder(entry),
            position=self._met[key],
            execution_id=entry.execution_id,
            status=status,
            manifest=manifest,
            error=error,
            reason=reason,
        )

    def _known(self, key: str) -> RunEntry:
        entry = self._journal.entry(key)
        assert entry is not None, key
        return entry

    def _folder(self, entry: RunEntry) -> Path:
        return self._journal.folder / entry.folder


def items_of(sources: Sources, journal: RunJournal) -> Iterator[Item]:
    """Give the files that a caller named, one at a time; a folder stands for the files in it.

    Raises:
        ConfigurationError: It is no such thing, or cannot be read.
    """
    for source in _each(sources):
        yield from _items_of_one(source, journal)


async def items_of_async(sources: AsyncSources, journal: RunJournal) -> AsyncIterator[Item]:
    """Do the same for files that are still being named."""
    if isinstance(sources, AsyncIterable):
        async for source in sources:
            for item in await _items_in_thread(source, journal):
                yield item
    else:
        for source in _each(sources):
            for item in await _items_in_thread(source, journal):
                yield item


async def _items_in_thread(source: RunSource, journal: RunJournal) -> list[Item]:
    import asyncio  # importing it costs a third of importing httpx

    # Files are read to their end, which must not hold up the event loop.
    return await asyncio.to_thread(lambda: list(_items_of_one(source, journal)))


def _each(sources: Sources) -> Iterable[RunSource]:
    if isinstance(sources, (str, os.PathLike, File)):
        return [sources]
    return checked_iterable("files", sources)


def _items_of_one(source: RunSource, journal: RunJournal) -> Iterator[Item]:
    if isinstance(source, File):
        yield Item(_digest(source.reference), source.original_filename, address=source.reference)
    elif isinstance(source, str) and "://" in source:
        [url] = InputConfig.of(source).urls
        yield Item(_digest(url), shown_url(url), address=url)
    else:
        path = checked_path("a file", source)
        if is_folder(path):
            inside = [one for one in path.iterdir() if one.is_file() and one.name[0] != "."]
            for one in sorted(inside):
                yield _local(one, journal)
        else:
            yield _local(path, journal)


def _local(path: Path, journal: RunJournal) -> Item:
    try:
        stat = _stat(path)
        key = journal.key_of(stat)
        if key is None:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            key = _digest(f"{path.name}\0{content}")
    except OSError as error:
        problem = ConfigurationError(f"{path} cannot be read: {error.strerror}")
        return Item(_digest(f"{path}"), str(path), problem=problem)
    return Item(key, str(path), path=path, stat=stat)


def _stat(path: Path) -> tuple[str, int, int]:
    there = path.stat()
    return str(path.resolve()), there.st_size, there.st_mtime_ns


def check_unchanged(item: Item) -> None:
    """See to it that a file is still what it was when the run met it.

    Raises:
        ConfigurationError: It has changed, or is gone.
    """
    assert item.path is not None
    try:
        unchanged = _stat(item.path) == item.stat
    except OSError:
        unchanged = False
    if not unchanged:
        raise ConfigurationError(
            f"{item.source} changed while it was uploaded. The same call takes it as a new file"
        )


def _definition_of(workflow: RunWorkflow) -> WorkflowDefinition | int:
    """Give the definition to create a workflow from, or the id of one that is there.

    Raises:
        ConfigurationError: It is neither.
    """
    if isinstance(workflow, Workflow):
        return workflow.id
    if isinstance(workflow, (int, WorkflowDefinition)) and not isinstance(workflow, bool):
        return workflow
    return WorkflowDefinition.from_file(checked_path("workflow", workflow))


def workflow_of(journal: RunJournal, origin: str, wanted: WorkflowDefinition | int) -> int | None:
    """Give the id of the workflow that the run is about; None if it is to be created.

    Raises:
        ConfigurationError: The journal is of another workflow or another API.
    """
    header = journal.header
    if header is None:
        return wanted if isinstance(wanted, int) else None
    if header.origin != origin:
        raise ConfigurationError(
            f"{journal.path} is of a run at {header.origin}, not at {origin}. Choose another folder"
        )
    same = wanted in (header.workflow_id, None)
    if isinstance(wanted, WorkflowDefinition):
        same = digest_of(wanted) == header.definition
    if not same:
        raise ConfigurationError(
            f"{journal.path} is of a run of another workflow, {header.workflow_id}. "
            f"Choose another folder"
        )
    return header.workflow_id


def digest_of(wanted: WorkflowDefinition | int) -> str | None:
    """Give what tells one definition from another; None for a workflow that was there before."""
    if isinstance(wanted, int):
        return None
    return _digest(json.dumps(wanted.to_dict(), sort_keys=True))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _has_failed(entry: RunEntry) -> bool:
    return entry.reason is not None or entry.ended not in (None, str(Status.COMPLETED))


def _left_unknown(entry: RunEntry) -> SubmissionUnknown:
    return SubmissionUnknown(
        f"{entry.source}: an earlier call was stopped while it sent the request that starts the "
        f"execution, so one may have been started. Look for it at Datalab; retry_unknown=True "
        f"submits the file again",
        method="POST",
        url="",
    )


def _words(error: DatalabError) -> str:
    return redact(str(error))
