"""Document requests as a family of jobs: what runs, Airflow and the command line need to know."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from datalab_facade.documents.job_ids import ENDPOINTS, is_job_id
from datalab_facade.documents.kind import DOCUMENTS
from datalab_facade.documents.receipts import manifest_of
from datalab_facade.documents.snapshots import DocumentRequest
from datalab_facade.documents.submissions import PlannedSubmission
from datalab_facade.documents.task_base import Task
from datalab_facade.documents.verb_options import SubmitOptions
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.json_forms import JSON
from datalab_facade.runs.job_family import (
    JobFamily,
    Saved,
    Sending,
    page_limit_words,
    recalled,
    whole_receipts,
)
from datalab_facade.runs.run_records import RunEntry
from datalab_facade.statuses import Status

if TYPE_CHECKING:
    from datalab_facade.client import Datalab


def planned_source(sending: Sending) -> str | Path:
    """Return the source of a submission: the file itself, or its address."""
    path = sending.item.path
    assert path is not None or sending.address is not None
    return path if path is not None and sending.address is None else str(sending.address)


def planned_options(sending: Sending, content_type: str | None) -> SubmitOptions:
    """Return the options of a submission."""
    if sending.address is not None or content_type is None:
        return {}
    return {"content_type": content_type}


def recorded(planned: PlannedSubmission, sending: Sending) -> PlannedSubmission:
    """Return a submission of which the run's journal hears."""
    return attrs.evolve(planned, on_leaving=sending.on_leaving, on_refused=sending.on_refused)


def _id_of(job: object) -> str | None:
    return job if isinstance(job, str) and ("://" in job or is_job_id(job)) else None


def _task_of(value: object) -> Task[object] | None:
    if not isinstance(value, Task) or value.verb not in ENDPOINTS:
        return None
    if not value.takes_file:
        raise InvalidArgumentError(
            f"{type(value).__name__} takes no documents, so it cannot run over files"
        )
    return value


def _recall(entry: RunEntry, folder: Path) -> Saved | None:
    receipts = tuple(one for one in whole_receipts(folder) if one.id == entry.job_id)
    if not receipts:
        return recalled(entry) if entry.reason is not None and entry.ended is not None else None
    saved = recalled(entry, receipts=receipts)
    if entry.ended is None:
        # It was saved, and the run was stopped before it wrote that down.
        [receipt, *_] = receipts
        missing = f"came empty: {', '.join(receipt.missing)}" if receipt.missing else None
        cents, pages = receipt.cost_cents, receipt.page_count
        saved = attrs.evolve(
            saved, status=Status.COMPLETED, reason=missing, cents=cents, pages=pages
        )
    return saved


def _save(client: Datalab, handle: Mapping[str, JSON], folder: str) -> dict[str, JSON]:
    return manifest_of(client.documents.save(handle, folder))


def _page_limit_refusal(snapshot: object) -> str | None:
    assert isinstance(snapshot, DocumentRequest)
    return page_limit_words(None if snapshot.succeeded else snapshot.error)


DOCUMENT_FAMILY: Final = JobFamily(
    kind=DOCUMENTS,
    found_at="documents",
    noun="request",
    id_of=_id_of,
    id_example="convert/ID",
    task_of=_task_of,
    fetch=lambda job_id: f"client.documents.save({job_id!r}, ...)",
    recall=_recall,
    save=_save,
    page_limit_refusal=_page_limit_refusal,
)
