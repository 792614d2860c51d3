"""What became of the files of a run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Self

import attrs

from datalab_facade.codec import JSONFormat, ToJSON, json_field
from datalab_facade.documents.receipts import SavedResult
from datalab_facade.errors import DatalabError
from datalab_facade.models import Execution
from datalab_facade.outputs.manifest import Manifest
from datalab_facade.pickling import picklable
from datalab_facade.redaction import excerpt, redact, redact_urls
from datalab_facade.runs.run_records import WORKFLOWS, RunEntry, RunRecords
from datalab_facade.statuses import Status
from datalab_facade.timeline import Span, Timeline, TimelineRun, TimelineStep

_MOST_LISTED = 20
"""So many failures a report lists when it is printed; a night's run may have thousands."""


@picklable
@attrs.frozen(kw_only=True)
class RunResult(ToJSON):
    """The result of one file of a run."""

    _json: ClassVar = JSONFormat(properties={"succeeded": "succeeded"})

    source: str
    """The file as the caller named it, unchanged, even with unprintable characters."""
    folder: Path
    """The folder of its outputs."""
    position: int = attrs.field(default=0, repr=False, metadata=json_field(left_out=True))
    """The file's position in the call, from 0 on."""
    job_id: int | str | None = None
    """The id of its job: of the execution of a workflow or a pipeline, or of a document request."""
    execution_id: int | None = None
    """The same, for a workflow."""
    status: Status | None = None
    """The final status of its job; None if it has not ended."""
    manifest: Manifest | None = attrs.field(
        default=None, repr=False, metadata=json_field(left_out=True)
    )
    """The outputs of a workflow that were saved, and those that failed; JSON of it is beside the
    outputs."""
    receipts: tuple[SavedResult, ...] = attrs.field(
        default=(), repr=False, metadata=json_field(left_out=True)
    )
    """The receipts of what a document request saved, or each step of a pipeline; JSON of them is
    beside the outputs."""
    cost_cents: float | None = None
    """What it cost in US cents; None if the API did not tell, or not yet."""
    page_count: int | None = None
    """The number of pages that were processed; None if the API did not tell."""
    is_left: bool = False
    """Whether it was not submitted, and a later call may do that: the account's limit or
    ``max_cost_cents`` was reached, or Datalab could not be reached."""
    is_unfinished: bool = attrs.field(default=False, repr=False)
    """Whether its job was started, and is under way, or was when the last call stopped."""
    error: DatalabError | None = attrs.field(default=None, metadata=json_field(left_out=True))
    """The error, if one was raised for the file."""
    snapshot: Execution | None = attrs.field(
        default=None, eq=False, repr=False, metadata=json_field(left_out=True)
    )
    """The final snapshot of a workflow's execution; None if it has not ended, or if its outputs
    were saved in an earlier call. Not part of equality."""
    duration: timedelta | None = attrs.field(
        default=None, repr=False, metadata=json_field("duration_seconds")
    )
    """How long its job took, by the API's times; None if they do not say that."""
    submitted_at: datetime | None = attrs.field(default=None, repr=False)
    """When it was submitted, in UTC, by the clock of this machine; None if it was not."""
    finished_at: datetime | None = attrs.field(default=None, repr=False)
    """When its outputs were saved, or its job was seen to have failed, by the same clock."""
    reason: str | None = attrs.field(default=None, repr=False)
    """The reason in words why the file did not succeed."""

    @property
    def succeeded(self) -> bool:
        """Whether its job completed and all its outputs are saved."""
        return self.status is Status.COMPLETED and self.reason is None

    def __str__(self) -> str:
        what = "done" if self.succeeded else self.reason or "not done"
        number = "" if self.job_id is None else f" ({self.job_id})"
        if self.execution_id is not None:
            number = f" (execution {self.execution_id})"
        return redact(f"{self.source}{number}: {what}")


def _in_order(results: Iterable[RunResult]) -> tuple[RunResult, ...]:
    return tuple(sorted(results, key=lambda result: result.position))


@picklable
@attrs.frozen(kw_only=True)
class RunReport(ToJSON):
    """The results of a run, one for each file, in the order in which they were named.

    A report is true if all files succeeded. Print it, draw it with :meth:`html`, or take its
    :meth:`rows`; a notebook displays it.
    """

    _json: ClassVar = JSONFormat(properties={"cost_cents": "cost_cents"})

    task: str = ""
    """What was run, in words."""
    workflow_id: int | None = None
    """The workflow that was executed; None for other tasks."""
    folder: Path
    results: tuple[RunResult, ...] = attrs.field(converter=_in_order)
    skipped_folders: tuple[Path, ...] = ()
    """Sub-folders of the folders that were named; the files in them were not run over."""

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """Read what came of a run so far, from the journal in its folder.

        It needs no client and sends nothing, and a run that uses the folder goes on meanwhile.

        Args:
            folder: The folder that was named as ``output_dir``.

        Returns:
            The report on each file that was begun, in that order, without manifests, receipts
            and errors. A file that no call came to yet has no result.

        Raises:
            LocalFileError: No run used the folder, or this version cannot read its journal.
        """
        records, header = RunRecords.read(Path(folder))
        target = header.target if header.kind == WORKFLOWS else None
        return cls(
            task=header.name,
            workflow_id=target if isinstance(target, int) else None,
            folder=records.folder,
            results=tuple(
                _read_result(entry, records.folder / entry.folder, position)
                for position, (_, entry) in enumerate(records.entries())
            ),
        )

    @property
    def succeeded(self) -> tuple[RunResult, ...]:
        """The results of the files that succeeded."""
        return tuple(result for result in self.results if result.succeeded)

    @property
    def failed(self) -> tuple[RunResult, ...]:
        """The results of the files that did not succeed, each with its reason."""
        return tuple(result for result in self.results if not result.succeeded)

    @property
    def left(self) -> tuple[RunResult, ...]:
        """The results of the files that are left to a later call; they are among the failed."""
        return tuple(result for result in self.results if result.is_left)

    @property
    def cost_cents(self) -> float | None:
        """What the files cost in US cents, as far as it is known; None if nothing is."""
        by_job = {one.job_id: one.cost_cents for one in self.results if one.cost_cents is not None}
        return sum(by_job.values()) if by_job else None

    def __bool__(self) -> bool:
        return not self.failed

    def rows(self) -> list[dict[str, str | int | float | bool | None]]:
        """Return a flat dict for each file: for pandas, CSV or a database.

        Times are in ISO 8601, in UTC. ``status`` is that of the job, and None if it has not ended;
        ``succeeded`` tells whether the outputs are saved as well.
        """
        return [_row(one) for one in self.results]

    def __str__(self) -> str:
        done, many = len(self.succeeded), len(self.results)
        lines = [f"{self._title}: {done} of {many} done, in {redact(str(self.folder))}"]
        if self.cost_cents is not None:
            lines[0] += f", for {self.cost_cents:g} cents"
        if left := self.left:
            lines.append(f"  {len(left)} left to do: {redact(left[0].reason or '')}")
        if self.skipped_folders:
            names = ", ".join(redact(str(folder)) for folder in self.skipped_folders)
            lines.append(f"  Sub-folders that were not read: {names}")
        failed = [one for one in self.failed if not one.is_left]
        lines += [f"  {one}" for one in failed[:_MOST_LISTED]]
        if len(failed) > _MOST_LISTED:
            lines.append(f"  and {len(failed) - _MOST_LISTED} more that failed: see report.failed")
        return "\n".join(lines)

    def timeline(self) -> Timeline:
        """Return when each file was at work: as one step, the task, with a run for each file.

        A file works from its submission until its outputs are saved, by the clock of this machine.
        What has not ended counts until the last time that is known.
        """
        times = [one.submitted_at for one in self.results if one.submitted_at is not None]
        times += [one.finished_at for one in self.results if one.finished_at is not None]
        step = self._title
        end = max(times, default=None)
        runs = sorted((_run_of(one, step, end) for one in self.results), key=_submitted_at)
        status = _status_of(self.results)
        return Timeline(
            kind="run",
            job_id=self.folder.name,
            belongs_to=step,
            status=status,
            started_at=min(times, default=None),
            ended_at=end,
            steps=(TimelineStep(name=step, status=status, runs=tuple(runs)),),
        )

    def html(self) -> str:
        """Draw the report as a self-contained HTML page: the totals, the times, and each file.

        Returns:
            The page. It has no script, and its content policy lets the browser load nothing. Of
            more than 1,000 files, it shows those that failed first, and counts the rest.
        """
        from datalab_facade.pictures.run_html import run_html

        return run_html(self)

    def _repr_html_(self) -> str:
        from datalab_facade.pictures.run_html import run_table

        return run_table(self)

    @property
    def _title(self) -> str:
        return self.task or f"Workflow {self.workflow_id}"


def result_of(entry: RunEntry, folder: Path, position: int) -> RunResult:
    """Return what the journal says of a file, without the reason why it is not done.

    Args:
        entry: The journal's record of the file.
        folder: The folder of its outputs.
        position: The file's position.
    """
    submitted_at, finished_at = entry.times
    ended = entry.ended or entry.unsaved
    return RunResult(
        source=entry.source,
        folder=folder,
        position=position,
        job_id=entry.job_id,
        execution_id=entry.job_id if isinstance(entry.job_id, int) else None,
        status=None if ended is None else Status.parse(ended),
        cost_cents=entry.cents,
        page_count=entry.pages,
        is_unfinished=entry.is_unfinished,
        duration=None if entry.seconds is None else timedelta(seconds=entry.seconds),
        submitted_at=submitted_at,
        finished_at=finished_at,
    )


def _row(one: RunResult) -> dict[str, str | int | float | bool | None]:
    return {
        "source": redact_urls(one.source),
        "folder": str(one.folder),
        "job_id": one.job_id,
        "status": None if one.status is None else str(one.status),
        "succeeded": one.succeeded,
        "is_left": one.is_left,
        "cost_cents": one.cost_cents,
        "page_count": one.page_count,
        "duration_seconds": None if one.duration is None else one.duration.total_seconds(),
        "submitted_at": None if one.submitted_at is None else one.submitted_at.isoformat(),
        "finished_at": None if one.finished_at is None else one.finished_at.isoformat(),
        "reason": None if one.reason is None else redact(one.reason),
    }


def _read_result(entry: RunEntry, folder: Path, position: int) -> RunResult:
    reason, is_left = entry.reason or entry.problem, False
    if reason is None and entry.ended is None:
        reason = "not finished yet" if entry.unsaved is None else "its outputs are not saved yet"
        if entry.job_id is None:
            is_left = not entry.submitting
            reason = "not submitted yet" if is_left else "it is not known whether it was submitted"
    return attrs.evolve(result_of(entry, folder, position), is_left=is_left, reason=reason)


def _run_of(result: RunResult, step: str, end: datetime | None) -> TimelineRun:
    is_open = result.is_unfinished
    failed = not (result.succeeded or result.is_left or is_open)
    working = None
    if (start := result.submitted_at) is not None:
        until = max(start, result.finished_at or end or start)
        working = Span(started_at=start, ended_at=until, is_open=is_open)
    status = result.status or Status.FAILED
    if result.is_left:
        status = Status.PENDING
    return TimelineRun(
        step=step,
        file_key=result.source,
        status=Status.IN_PROGRESS if is_open else status,
        working=working,
        failed=failed,
        error=excerpt(result.reason, limit=1_000) if failed and result.reason else None,
    )


def _submitted_at(run: TimelineRun) -> datetime:
    return datetime.max.replace(tzinfo=UTC) if run.working is None else run.working.started_at


def _status_of(results: Iterable[RunResult]) -> Status:
    found = set[Status]()
    for one in results:
        if one.is_unfinished:
            return Status.IN_PROGRESS
        done = Status.COMPLETED if one.succeeded else Status.FAILED
        found.add(Status.PENDING if one.is_left else done)
    if Status.PENDING in found:
        return Status.PENDING
    if len(found) > 1:
        return Status.COMPLETED_WITH_ERRORS
    return found.pop() if found else Status.COMPLETED
