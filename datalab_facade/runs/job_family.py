"""What tells one family of jobs from another, for whatever takes jobs of all of them. No requests.

Runs, Airflow and the command line know jobs: that one is submitted, waited for and saved. What
is different with each family stands in a :class:`JobFamily` in the family's folder;
:mod:`~datalab_facade.runs.async_families` lists them.
"""

from __future__ import annotations

import json
import operator
import os
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from datalab_facade.arguments import named
from datalab_facade.documents.receipts import SavedResult, receipts_in
from datalab_facade.documents.task_base import Task
from datalab_facade.errors import DatalabError, InvalidArgumentError, LocalFileError
from datalab_facade.jobs.kinds import JobKind
from datalab_facade.json_forms import JSON
from datalab_facade.models import Execution
from datalab_facade.outputs.manifest import Manifest
from datalab_facade.redaction import excerpt, printable, redact, redacted_repr
from datalab_facade.runs.run_journal import RunJournal
from datalab_facade.runs.run_records import RunEntry, RunHeader
from datalab_facade.runs.run_sources import RunItem, digest
from datalab_facade.statuses import Status

if TYPE_CHECKING:
    from datalab_facade.async_client import AsyncDatalab
    from datalab_facade.client import Datalab
    from datalab_facade.jobs.async_resource import AsyncJobWaits
    from datalab_facade.jobs.resource import JobWaits

_PAGE_LIMIT: Final = re.compile(r"page rate limit exceeded", re.IGNORECASE)
_MAX_SHOWN: Final = 40
# Where a job has several results of one type.
_STEP_FOLDER: Final = re.compile(r"\d+-.+")
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
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


@attrs.frozen(kw_only=True, eq=False)
class JobFamily:
    """A family of jobs, as whatever takes jobs of all families sees it."""

    kind: JobKind[Any, Any]
    """The kind of job."""
    found_at: str
    """Where a client has the jobs, such as ``"pipelines.executions"``."""
    noun: str
    """What a job of it is called in messages to people."""
    id_of: Callable[[object], int | str | None]
    """Returns the id if a value is one of this family, of no other; None if not.

    A text has no spaces around it, and may be that of a number."""
    id_example: str
    """An id, for messages."""
    task_of: Callable[[object], object | None]
    """Returns what runs if a value names a task of this family, in whatever way; None if not.

    Raises InvalidArgumentError if it is one, but cannot run over files."""
    has_failed: Callable[[Any], bool] = lambda snapshot: not snapshot.succeeded
    """Tells of a job that has ended whether nothing of it can be used."""
    is_uploaded_first: bool = False
    """Whether a file is uploaded before, and not sent with the request."""
    tells_cost: bool = True
    is_mirrored: bool = True
    """Whether the outputs of ``sub/a.pdf`` go to ``sub/a``, and not to ``a.pdf``; a folder then
    stands for the files in its sub-folders, too."""
    fetch: Callable[[int | str], str]
    """Returns how a job's outputs are fetched without the run."""
    recall: Callable[[RunEntry, Path], Saved | None]
    """Returns what was saved of a job, if it is in the folder; None if it is not."""
    save: Callable[[Datalab, Mapping[str, JSON], str], dict[str, JSON]]
    """Saves what a job left behind in a folder, and returns the manifest as plain JSON.

    Takes the client, the JSON form of a handle, and the folder. The manifest says
    what was saved where, without content and URLs."""
    page_limit_refusal: Callable[[object], str | None] = lambda _: None
    """Returns the server's words if it ended a job since too many pages were in flight."""

    def jobs(self, client: Datalab) -> JobWaits[Any, Any, Any]:
        """Return the jobs of a client."""
        return cast("JobWaits[Any, Any, Any]", operator.attrgetter(self.found_at)(client))

    def async_jobs(self, client: AsyncDatalab) -> AsyncJobWaits[Any, Any, Any]:
        """Return the jobs of an async client."""
        return cast("AsyncJobWaits[Any, Any, Any]", operator.attrgetter(self.found_at)(client))

    def describe(self, job_id: int | str) -> str:
        """Return how a job is called in messages, at the start of a sentence."""
        text = self.kind.describe(job_id)
        return text[:1].upper() + text[1:]

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


def family_of_id(families: Iterable[JobFamily], job: object) -> tuple[JobFamily, int | str]:
    """Return the family that an id belongs to, and the id.

    Raises:
        InvalidArgumentError: It is not an id of any of them.
    """
    job = job.strip() if isinstance(job, str) else job
    examples: list[str] = []
    for family in families:
        job_id = family.id_of(job)
        if job_id is not None:
            return family, job_id
        examples.append(f"{family.kind.name} ({family.id_example})")
    raise InvalidArgumentError(
        f"{named(job)} is not an id. Pass that of one of these: {', '.join(examples)}"
    )


def is_never_accepted(refusal: str) -> bool:
    """Tell whether a document has more pages than may be in flight at all."""
    found = _ADDED.search(refusal)
    return found is not None and int(found[1]) > int(found[2])


def task_digest(form: Mapping[str, JSON]) -> str:
    """Return what tells a task, given as plain JSON, from others."""
    # Where the server calls when it is done makes no difference to the result.
    known = {name: one for name, one in form.items() if name != "webhook_url"}
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


def recalled(
    entry: RunEntry, *, manifest: Manifest | None = None, receipts: tuple[SavedResult, ...] = ()
) -> Saved:
    """Return what the journal says of a job that was saved, with what is in its folder."""
    return Saved(
        status=Status.parse(entry.ended or ""),
        manifest=manifest,
        receipts=receipts,
        reason=entry.reason,
        cents=entry.cents,
        pages=entry.pages,
        duration=None if entry.seconds is None else timedelta(seconds=entry.seconds),
    )


def failed_result(error: DatalabError, status: Status, cents: float | None = None) -> Saved:
    """Return what is said of a job that left nothing behind."""
    return Saved(status=status, reason=redact(str(error)), error=error, cents=cents)


def saved_result(status: Status, receipts: tuple[SavedResult, ...], place: Place) -> Saved:
    """Return what is said of a job whose results were saved."""
    pages = [one.page_count for one in receipts if one.page_count is not None]
    folders = {one.folder for one in receipts if one.folder.parent == place.output_dir}
    return Saved(
        status=status,
        # Where another document's files had the name that was planned.
        folder=next(iter(folders - {place.folder}), None),
        receipts=receipts,
        cents=receipts[0].cost_cents if len(receipts) == 1 else None,
        pages=max(pages, default=None),
    )


def whole_receipts(folder: Path) -> list[SavedResult]:
    """Return the receipts in a folder whose files are all there, in the order of saving."""
    try:
        found = [attrs.evolve(one, folder=folder) for one in receipts_in(folder)]
        found += [
            attrs.evolve(one, folder=folder / name)
            for name in _step_folders(folder)
            if (folder / name).is_dir()
            for one in receipts_in(folder / name)
        ]
    except OSError:
        return []
    whole = [one for one in found if all(path.is_file() for path in one.paths)]
    # Anybody may have written them, with a time zone or without one.
    return sorted(whole, key=lambda one: (one.saved_at or _NEVER).replace(tzinfo=None))


def _step_folders(folder: Path) -> list[str]:
    """Return the names of the folders of steps, in the order of the steps."""
    names = filter(_STEP_FOLDER.fullmatch, os.listdir(folder))  # noqa: PTH208
    return sorted(names, key=lambda name: int(name.partition("-")[0]))


def page_limit_words(text: str | None) -> str | None:
    """Return the server's words if they say that too many pages were in flight."""
    return redact(text) if text and _PAGE_LIMIT.search(text) else None
