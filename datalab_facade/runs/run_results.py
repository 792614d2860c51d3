"""What became of the files of a run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import attrs

from datalab_facade.codec import JSONFormat, ToJSON, json_field
from datalab_facade.documents.receipts import SavedResult
from datalab_facade.errors import DatalabError
from datalab_facade.models import Execution
from datalab_facade.outputs.manifest import Manifest
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redact
from datalab_facade.statuses import Status


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
    ``max_cost_cents`` was reached."""
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

    A report is true if all files succeeded.
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

    def __str__(self) -> str:
        done, many = len(self.succeeded), len(self.results)
        what = self.task or f"Workflow {self.workflow_id}"
        lines = [f"{what}: {done} of {many} done, in {redact(str(self.folder))}"]
        if self.cost_cents is not None:
            lines[0] += f", for {self.cost_cents:g} cents"
        if left := self.left:
            lines.append(f"  {len(left)} left to do: {redact(left[0].reason or '')}")
        if self.skipped_folders:
            names = ", ".join(redact(str(folder)) for folder in self.skipped_folders)
            lines.append(f"  Sub-folders that were not read: {names}")
        return "\n".join([*lines, *(f"  {one}" for one in self.failed if not one.is_left)])
