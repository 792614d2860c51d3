"""What a run does next with a file, and why it may not. No IO."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import attrs

from datalab_facade.documents.receipts import stem_of
from datalab_facade.errors import DatalabError, LocalFileError, SubmissionUncertainError
from datalab_facade.files.descriptions import harmless_name
from datalab_facade.jobs.outcomes import Settled
from datalab_facade.redaction import printable, redact, redacted_repr
from datalab_facade.runs.run_records import RunEntry
from datalab_facade.runs.run_results import RunResult
from datalab_facade.runs.run_sources import RunItem
from datalab_facade.statuses import Status
from datalab_facade.transfers.naming import safe_name


@attrs.frozen
class Upload:
    """Action: upload the file."""

    path: Path
    name: str
    """The file's name at Datalab."""


@attrs.frozen
class Submit:
    """Action: start a job for this URL or reference, or for the file itself."""

    address: str | None = attrs.field(repr=redacted_repr)
    fresh: bool
    """Whether this call uploaded it."""


@attrs.frozen
class WaitFor:
    """Action: wait for the job."""

    job_id: int | str


Action: TypeAlias = Upload | Submit | WaitFor | RunResult


@attrs.frozen
class LateCost:
    """A job that has ended and of which the cost is not known."""

    key: str
    job_id: int | str
    position: int
    due: float
    """When it is asked for, of the client's clock."""


def scheduler_input(action: WaitFor | RunResult) -> int | str | Settled[RunResult]:
    """Return what the scheduler is fed for a file: an id to wait for, or its result."""
    if isinstance(action, WaitFor):
        return action.job_id
    succeeded = action.status is Status.COMPLETED
    return Settled(action, succeeded=succeeded, source=action.source)


def upload_of(path: Path) -> Upload:
    """Return the action that uploads a file."""
    return Upload(path, harmless_name(path.name))


def folder_names(item: RunItem, *, is_mirrored: bool) -> Iterator[str]:
    """Yield the folders that the outputs of a file may have, the best first.

    Args:
        item: The file.
        is_mirrored: Whether the sub-folder is kept, and the suffix is left out.
    """
    last = item.path.name if item.path else item.source.partition("?")[0].rpartition("/")[2]
    full_name = safe_name(last or item.source)
    prefix = f"{item.subfolder}/" if item.subfolder and is_mirrored else ""
    if is_mirrored:
        yield prefix + (stem_of(last or item.source) or full_name)
    yield prefix + full_name
    yield prefix + safe_name(f"{full_name[:40]}-{item.key[:16]}")


def uncertain_error(item: RunItem, noun: str) -> SubmissionUncertainError:
    """Return the error for a file of which it is not known whether it was submitted."""
    return SubmissionUncertainError(
        f"{printable(item.source)}: an earlier call was stopped while it sent the request that "
        f"starts the {noun}, so one may have been started. Check that at Datalab; "
        f"retry_unknown=True submits the file again",
        method="POST",
        url="",
    )


def blocked_error(item: RunItem, folder: Path) -> LocalFileError:
    """Return the error for a file whose outputs cannot go where they should."""
    return LocalFileError(
        f"{printable(item.source)} was not submitted: its outputs go to the folder "
        f"{printable(str(folder))}, and a file is there. Move it, or choose another folder"
    )


def has_failed(entry: RunEntry) -> bool:
    """Tell whether the job of a file ended badly in an earlier call."""
    return entry.reason is not None or entry.ended not in (None, str(Status.COMPLETED))


def message_of(error: DatalabError) -> str:
    """Return what an error says, without secrets."""
    return redact(str(error))
