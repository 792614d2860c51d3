"""How a run submits files with a task of documents, and saves the results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.context import Context
from datalab_facade.documents.family import (
    DOCUMENT_FAMILY,
    planned_options,
    planned_source,
    recorded,
)
from datalab_facade.documents.kind import KnownRequest, failure_of
from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.documents.snapshots import DocumentRequest
from datalab_facade.documents.submissions import planned_submission
from datalab_facade.errors import DocumentFailedError, EmptyResultError
from datalab_facade.runs.async_task_runs import AsyncTaskRun
from datalab_facade.runs.job_family import Place, Saved, Sending, failed_result, saved_result
from datalab_facade.runs.run_options import RunRequest
from datalab_facade.transfers.policies import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from datalab_facade.async_client import AsyncDatalab


class AsyncDocumentRun(AsyncTaskRun[DocumentRequest, str]):
    """A task of documents over files, for async code."""

    family = DOCUMENT_FAMILY

    def __init__(self, request: RunRequest, client: AsyncDatalab, context: Context) -> None:
        super().__init__(request, client, context)
        self._documents = client.documents

    async def start(self, sending: Sending, *, content_type: str | None) -> str:
        """Submit the task with the file in the form, or with its address."""
        options = planned_options(sending, content_type)
        planned = planned_submission(self._task, planned_source(sending), options)
        documents = self._documents
        known = await documents.submitter.start(
            recorded(planned, sending),
            seconds=planned.longest(self._context.options),
            options=options,
        )
        documents._remember(known)  # noqa: SLF001 - so that waits know how old it is
        return known.id

    async def save(self, ended: DocumentRequest, place: Place) -> Saved:
        """Save the result, in constant memory if it is behind a URL."""
        cents = DocumentResult(id=ended.id, raw=ended.raw).cost_cents
        if not ended.succeeded:
            return failed_result(failure_of(ended), ended.status, cents)
        known = KnownRequest(
            ended.id, self._task, source=place.item.source, source_sha256=place.item.sha256
        )
        documents = self._documents
        try:
            receipt = await documents._results.save(  # noqa: SLF001 - in a folder of this name
                ended,
                known,
                documents._polling_again(known),  # noqa: SLF001
                place.output_dir,
                deadline=self._context.clock.monotonic() + DEFAULT_TIMEOUT,
                folder_name=place.name,
            )
        except (DocumentFailedError, EmptyResultError) as error:
            return failed_result(error, ended.status, cents)
        return saved_result(ended.status, (receipt,), place)

    async def cost(self, job_id: str, *, timeout: float) -> float | None:
        """Poll the request once more."""
        snapshot = await self._documents.get(job_id, timeout=timeout)
        return DocumentResult(id=job_id, raw=snapshot.raw).cost_cents
