"""What a run has to know of a family of jobs, besides how its requests are made. No requests.

A run knows jobs: that a file is submitted, waited for and saved. What is different with workflows,
documents and pipelines stands here and in :mod:`~datalab_facade.runs.async_task_runs`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import attrs

from datalab_facade.documents.kind import DOCUMENTS
from datalab_facade.documents.receipts import SavedResult, receipts_in
from datalab_facade.documents.snapshots import DocumentRequest
from datalab_facade.documents.task_base import Task
from datalab_facade.errors import DatalabError, LocalFileError
from datalab_facade.executions.kind import EXECUTIONS
from datalab_facade.jobs.kinds import JobKind
from datalab_facade.models import JSON, Execution
from datalab_facade.outputs.manifest import Manifest
from datalab_facade.pipelines.execution_models import PipelineExecution
from datalab_facade.pipelines.kind import PIPELINE_EXECUTIONS
from datalab_facade.redaction import excerpt, printable, redact, redacted_repr
from datalab_facade.runs.run_journal import RunJournal
from datalab_facade.runs.run_records import RunEntry, RunHeader
from datalab_facade.runs.run_sources import RunItem, digest
from datalab_facade.statuses import Status
from datalab_facade.workflows.definitions import WorkflowDefinition

_PAGE_LIMIT: Final = re.compile(r"page rate limit exceeded", re.IGNORECASE)
_MAX_SHOWN: Final = 40
# Where a pipeline has several steps of one type.
_STEP_FOLDER: Final = re.compile(r"\d+-.+")
_ADDED: Final = re.compile(r"\badds (\d{1,9}) more\b.*\blimit: (\d{1,9})\b", re.DOTALL)


@attrs.frozen(kw_only=True)
class Sending:
    """What is submitted for a file, and what is called on the way."""

    item: RunItem
    address: str | None = attrs.field(repr=redacted_repr)
    """Its URL or reference; None if the file itself is sent."""
    on_leaving: Callable[[], None]
    """Called each time that the request is about to be sent."""
    on_refused: Callable[[], None]
    """Called each time that it is certain that the server did nothing with it."""


@attrs.frozen(kw_only=True)
class Place:
    """Where the outputs of a file go."""

    item: RunItem
    output_dir: Path
    """The folder of the run, or a sub-folder of it."""
    name: str
    """The name of the file's own folder in it."""

    @property
    def folder(self) -> Path:
        """The file's own folder."""
        return self.output_dir / self.name


@attrs.frozen(kw_only=True)
class Saved:
    """What a job left behind, and where that is."""

    status: Status
    folder: Path | None = None
    """The folder that it is in, if it is not the one that was planned."""
    is_final: bool = True
    """Whether the next call would save no more."""
    manifest: Manifest | None = None
    receipts: tuple[SavedResult, ...] = ()
    reason: str | None = None
    """Why the file did not succeed; None if it did."""
    error: DatalabError | None = None
    cents: float | None = None
    pages: int | None = None
    snapshot: Execution | None = None
    duration: timedelta | None = None


@attrs.frozen(kw_only=True)
class RunFamily:
    """A family of jobs, as a run sees it."""

    kind: JobKind[Any, Any]
    """The kind of job."""
    noun: str
    """What a job of it is called in messages to people."""
    is_uploaded_first: bool = False
    """Whether a file is uploaded before, and not sent with the request."""
    tells_cost: bool = True
    is_mirrored: bool = True
    """Whether the outputs of ``sub/a.pdf`` go to ``sub/a``, and not to ``a.pdf``."""
    fetch: Callable[[int | str], str]
    """Returns how a job's outputs are fetched without the run."""
    recall: Callable[[RunEntry, Path], Saved | None]
    """Returns what was saved of a job, if it is in the folder; None if it is not."""
    page_limit_refusal: Callable[[object], str | None] = lambda _: None
    """Returns the server's words if it ended a job since too many pages were in flight."""

    def fate(self, item: RunItem, entry: RunEntry | None, job_id: JSON) -> str:
        """Say in a sentence what happened to a file, for when that cannot be recorded.

        Args:
            item: The file.
            entry: What the journal says of it.
            job_id: The job that was started just now, if one was.
        """
        name = printable(item.source)
        if isinstance(job_id, (int, str)):
            return (
                f"{name} was submitted as {self.noun} {job_id}, which goes on and is paid for, but "
                f"the next call can only know that it was submitted: fetch what it leaves behind "
                f"with {self.fetch(job_id)}, since retry_unknown=True pays again. "
            )
        if entry is not None and entry.job_id is not None:
            return f"{name} is {self.noun} {entry.job_id}. "
        return f"{name} was not submitted. "


def is_never_accepted(refusal: str) -> bool:
    """Tell whether a document has more pages than may be in flight at all."""
    found = _ADDED.search(refusal)
    return found is not None and int(found[1]) > int(found[2])


def task_digest(task: WorkflowDefinition | int | Task[Any]) -> str | None:
    """Return what tells a task from others; None for the id of a workflow."""
    if isinstance(task, int):
        return None
    # Where the server calls when it is done makes no difference to the result.
    known = {name: one for name, one in task.to_dict().items() if name != "webhook_url"}
    return digest(json.dumps(known, sort_keys=True))


def task_name(task: Task[Any]) -> str:
    """Return a task in words, without secrets, and without what is long, such as a schema.

    >>> from datalab_facade import Convert
    >>> task_name(Convert(mode="fast", page_range="0-2"))
    "Convert(mode='fast', page_range='0-2')"
    """
    fields = {name: one for name, one in task.redacted().items() if name != "webhook_url"}
    short = [f"{name}={one!r}" for name, one in fields.items() if len(repr(one)) <= _MAX_SHOWN]
    return excerpt(f"{type(task).__name__}({', '.join(short)})", limit=200)


def check_same(journal: RunJournal, wanted: RunHeader) -> RunHeader | None:
    """Return the header of the journal; None if the journal is new.

    Args:
        journal: The journal.
        wanted: What this call does.

    Raises:
        LocalFileError: The journal belongs to another task or another API.
    """
    header = journal.header
    if header is None:
        return None
    if header.origin != wanted.origin:
        raise LocalFileError(
            f"{journal.path} belongs to a run at {excerpt(header.origin)}, not at "
            f"{wanted.origin}. Choose another folder"
        )
    same_task = wanted.task is not None and wanted.task == header.task
    same_target = wanted.target is not None and wanted.target == header.target
    if header.kind == wanted.kind and (same_task or same_target):
        return header
    other = "another task"
    if header.kind == wanted.kind and header.target is not None:
        other = f"another workflow, {header.target}"
    elif header.name:
        other = f"another task: {excerpt(header.name)}"
    raise LocalFileError(f"{journal.path} belongs to a run of {other}. Choose another folder")


def _recall_execution(entry: RunEntry, folder: Path) -> Saved | None:
    if entry.ended is None:
        return None
    with contextlib.suppress(LocalFileError):
        manifest = Manifest.read(folder / f"execution-{entry.job_id}")
        if manifest.execution_id == entry.job_id:
            return _recalled(entry, manifest=manifest)
    return None


def _recall_document(entry: RunEntry, folder: Path) -> Saved | None:
    receipts = tuple(one for one in _receipts(folder) if one.id == entry.job_id)
    if not receipts:
        return _recalled(entry) if entry.reason is not None and entry.ended is not None else None
    saved = _recalled(entry, receipts=receipts)
    if entry.ended is None:
        # It was saved, and the run was stopped before it wrote that down.
        [receipt, *_] = receipts
        missing = f"came empty: {', '.join(receipt.missing)}" if receipt.missing else None
        cents, pages = receipt.cost_cents, receipt.page_count
        saved = attrs.evolve(
            saved, status=Status.COMPLETED, reason=missing, cents=cents, pages=pages
        )
    return saved


def _recall_pipeline(entry: RunEntry, folder: Path) -> Saved | None:
    if entry.ended is None:
        return None
    receipts = tuple(_receipts(folder))
    return _recalled(entry, receipts=receipts) if receipts or entry.reason else None


def _recalled(
    entry: RunEntry, *, manifest: Manifest | None = None, receipts: tuple[SavedResult, ...] = ()
) -> Saved:
    return Saved(
        status=Status.parse(entry.ended or ""),
        manifest=manifest,
        receipts=receipts,
        reason=entry.reason,
        cents=entry.cents,
        pages=entry.pages,
        duration=None if entry.seconds is None else timedelta(seconds=entry.seconds),
    )


def _receipts(folder: Path) -> list[SavedResult]:
    """Return the receipts in a folder whose files are all there."""
    try:
        found = [attrs.evolve(one, folder=folder) for one in receipts_in(folder)]
        found += [
            attrs.evolve(one, folder=folder / name)
            for name in sorted(filter(_STEP_FOLDER.fullmatch, os.listdir(folder)))  # noqa: PTH208
            if (folder / name).is_dir()
            for one in receipts_in(folder / name)
        ]
    except OSError:
        return []
    return [one for one in found if all(path.is_file() for path in one.paths)]


def _document_refusal(snapshot: object) -> str | None:
    assert isinstance(snapshot, DocumentRequest)
    return _refusal(None if snapshot.succeeded else snapshot.error)


def _pipeline_refusal(snapshot: object) -> str | None:
    assert isinstance(snapshot, PipelineExecution)
    if snapshot.is_usable:
        return None
    return _refusal(" ".join(step.error or "" for step in snapshot.steps))


def _refusal(text: str | None) -> str | None:
    return redact(text) if text and _PAGE_LIMIT.search(text) else None


EXECUTION_FAMILY: Final = RunFamily(
    kind=EXECUTIONS,
    noun="execution",
    is_uploaded_first=True,
    tells_cost=False,
    is_mirrored=False,
    fetch=lambda job_id: f"client.outputs.save_all({job_id}, ...)",
    recall=_recall_execution,
)
DOCUMENT_FAMILY: Final = RunFamily(
    kind=DOCUMENTS,
    noun="request",
    fetch=lambda job_id: f"client.documents.save({job_id!r}, ...)",
    recall=_recall_document,
    page_limit_refusal=_document_refusal,
)
PIPELINE_FAMILY: Final = RunFamily(
    kind=PIPELINE_EXECUTIONS,
    noun="pipeline execution",
    fetch=lambda job_id: f"client.pipelines.executions.step_result({job_id!r}, ...)",
    recall=_recall_pipeline,
    page_limit_refusal=_pipeline_refusal,
)
