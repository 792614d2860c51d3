"""Document requests as a kind of job."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypedDict, cast

import attrs

from datalab_facade.arguments import named
from datalab_facade.documents.job_ids import checked_job_id, id_of_check_url, split_id
from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.documents.snapshots import DocumentRequest, decode_request
from datalab_facade.documents.tasks import Task
from datalab_facade.errors import (
    DocumentFailedError,
    InvalidArgumentError,
    NotFoundError,
    ResultExpiredError,
)
from datalab_facade.fields import number
from datalab_facade.jobs.handling import AnyHandle, resolve_id
from datalab_facade.jobs.kinds import JobKind
from datalab_facade.jobs.outcomes import Outcome
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.json_forms import JSON
from datalab_facade.transport.document_operations import document_status

if TYPE_CHECKING:
    from datalab_facade.documents.async_handles import AsyncDocumentHandle
    from datalab_facade.documents.handles import DocumentHandle

_AnyDocumentHandle: TypeAlias = "DocumentHandle[Any] | AsyncDocumentHandle[Any]"
DocumentLike: TypeAlias = (
    "str | DocumentRequest | DocumentResult | _AnyDocumentHandle | Mapping[str, JSON]"
)
"""Whatever stands for a document request: its id with its endpoint
(``"convert/Qm3xT0yLr8sWb2ZkVf6NcA"``), its ``request_check_url``, a snapshot, a result, a handle of
either client, or the JSON form of a handle."""
DocumentOutcome: TypeAlias = Outcome[DocumentRequest, str]

DOCUMENT_POLICY: Final = WaitPolicy(
    initial_delay=1.0,
    min_interval=0.75,
    # A conversion takes 1 to 60 s. Up to a minute an end is seen 2.75 s late in the middle, and
    # beyond that a twenty-fourth later than it came.
    steady_interval=5.5,
    interval_growth=1 / 12,
)
"""How document requests are waited for, where the caller sets nothing else."""


def _runtime(request: DocumentRequest) -> float | None:
    return number(request.raw.get("runtime"))


def _gone(error: NotFoundError, _: str) -> NotFoundError:
    return ResultExpiredError(
        error.detail,
        status=error.status,
        method=error.method,
        url=error.url,
        headers=error.headers,
        body=error.body,
        retry_after=error.retry_after,
    )


def failure_of(request: DocumentRequest) -> DocumentFailedError:
    """Return the error for a request that ended badly."""
    stage = request.raw.get("error_in")
    return DocumentFailedError(
        request.error or "", request, stage=stage if isinstance(stage, str) else None
    )


DOCUMENTS: JobKind[DocumentRequest, str] = JobKind(
    name="document",
    snapshot_type=DocumentRequest,
    checked_id=checked_job_id,
    poll=lambda job_id: document_status(*split_id(job_id)),
    decode=lambda body, job_id, observed_at: decode_request(
        body, job_id=job_id, observed_at=observed_at
    ),
    failure=failure_of,
    is_queued=lambda request: request.status.is_waiting,
    runtime=_runtime,
    not_found=_gone,
    policy=DOCUMENT_POLICY,
)


@attrs.frozen
class KnownRequest:
    """A request, with what is known of it besides its id."""

    id: str
    task: Task[Any] | None = None
    into: type | None = None
    source: str | None = None
    source_sha256: str | None = None
    submitted_at: datetime | None = None


def known_request(job: object, base_url: str) -> KnownRequest:
    """Return the request that stands behind whatever a caller passes.

    Args:
        job: See :data:`DocumentLike`.
        base_url: The address of the API that the client talks to.

    Raises:
        InvalidArgumentError: It stands for no document request, or has another API's address.
    """
    if isinstance(job, str) and "://" in job:
        return KnownRequest(id_of_check_url(job, base_url))
    if isinstance(job, DocumentResult):
        into = getattr(job, "into", None)
        job_id = checked_job_id(job.id)
        return KnownRequest(job_id, job.task, into, job.source, job.source_sha256)
    job_id = resolve_id(DOCUMENTS, job, base_url)
    if isinstance(job, AnyHandle):
        # A handle in memory knows the type, which JSON does not.
        handle = cast("DocumentHandle[Any]", job)
        known = handle.task, handle.into, handle.source, handle.source_sha256, handle.submitted_at
        return KnownRequest(job_id, *known)
    if isinstance(job, Mapping):
        return KnownRequest(job_id, **details_of(cast("Mapping[str, JSON]", job)))
    return KnownRequest(job_id)


class HandleDetails(TypedDict):
    """What the JSON form of a handle holds besides the id."""

    task: Task[Any] | None
    source: str | None
    source_sha256: str | None
    submitted_at: datetime | None


def details_of(data: Mapping[str, JSON]) -> HandleDetails:
    """Read what the JSON form of a handle holds besides the id.

    Raises:
        InvalidArgumentError: It is not the JSON form of a task, or of a time.
    """
    task, at = data.get("task"), data.get("submitted_at")
    if task is not None and not isinstance(task, Mapping):
        raise InvalidArgumentError(f"task must be the JSON form of a task, not {named(task)}")
    try:
        submitted_at = datetime.fromisoformat(at) if isinstance(at, str) else None
    except ValueError:
        raise InvalidArgumentError(f"submitted_at must be a time, not {named(at)}") from None
    texts = (data.get("source"), data.get("source_sha256"))
    source, sha256 = (text if isinstance(text, str) else None for text in texts)
    return HandleDetails(
        task=None if task is None else Task.from_dict(task),
        source=source,
        source_sha256=sha256,
        submitted_at=submitted_at,
    )


def handle_details(known: KnownRequest) -> dict[str, JSON]:
    """Return what the JSON form of a handle holds besides the id, free of anything secret."""
    details: dict[str, JSON] = {"source": known.source, "source_sha256": known.source_sha256}
    if known.task is not None:
        task = known.task.to_dict()
        # The webhook's address may hold a secret, and is not needed after the submission.
        details["task"] = {name: value for name, value in task.items() if name != "webhook_url"}
    if known.submitted_at is not None:
        details["submitted_at"] = known.submitted_at.isoformat()
    return {name: value for name, value in details.items() if value is not None}
