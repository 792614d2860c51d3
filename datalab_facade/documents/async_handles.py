"""A handle of a document request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, Unpack

import attrs

from datalab_facade.documents.job_ids import split_id
from datalab_facade.documents.kind import KnownRequest, details_of, handle_details
from datalab_facade.documents.snapshots import DocumentRequest
from datalab_facade.documents.tasks import Task
from datalab_facade.documents.verb_options import ResultOptions
from datalab_facade.jobs.async_handles import AsyncWaitHandle
from datalab_facade.keywords import shows_options

if TYPE_CHECKING:
    from datalab_facade.documents.async_resource import AsyncDocuments
    from datalab_facade.documents.result_base import DocumentResult
    from datalab_facade.jobs.changes import AsyncOnChange
    from datalab_facade.json_forms import JSON

R_co = TypeVar("R_co", bound="DocumentResult", covariant=True)


@shows_options(ResultOptions)
@attrs.frozen(kw_only=True)
class AsyncDocumentHandle(AsyncWaitHandle[DocumentRequest, str], Generic[R_co]):
    """A document request bound to a client, with the task that was submitted.

    Copies share its client. Its JSON and its pickle hold the id, the API's address, the task
    without its webhook, and when it was submitted; what comes out of a pickle compares equal and
    has :meth:`to_dict`, and everything else raises ClientStateError until
    ``client.documents.handle(handle)`` gives it a client.
    """

    _jobs: AsyncDocuments = attrs.field(repr=False, eq=False, alias="jobs")
    task: Task[R_co] | None = None
    """What was submitted; None where only the id is known."""
    into: type | None = attrs.field(default=None, repr=False, eq=False)
    """The type of an extraction's value, in place of the task's."""
    source: str | None = attrs.field(default=None, eq=False)
    """The name of the document's file, or its address; None where that is not known."""
    source_sha256: str | None = attrs.field(default=None, eq=False)
    """The SHA-256 of the document in hexadecimal digits, if it was computed."""
    submitted_at: datetime | None = attrs.field(default=None, eq=False)
    """When the server took it, by the clock of the machine that sent it, if that is known."""
    found_at: ClassVar[str] = "client.documents"

    @property
    def endpoint(self) -> str:
        """What kind of request it is, as in the API's paths, such as ``"track-changes"``."""
        return split_id(self.id)[0]

    @property
    def request_id(self) -> str:
        """The API's id, which counts within its endpoint."""
        return split_id(self.id)[1]

    async def result(
        self,
        *,
        on_change: AsyncOnChange[DocumentRequest] | None = None,
        **options: Unpack[ResultOptions],
    ) -> R_co:
        """Wait until the request has ended well, and return its result.

        Arguments as of ``client.documents.result``.

        Raises:
            DatalabError: Whatever that raises.
        """
        return await self._jobs.result(self, on_change=on_change, **options)

    def to_dict(self) -> dict[str, JSON]:
        """Return the handle as plain JSON: the kind, the id, the API's address and the task."""
        known = KnownRequest(
            self.id, self.task, self.into, self.source, self.source_sha256, self.submitted_at
        )
        return self._jobs.handle_to_dict(self.id) | handle_details(known)

    def _repr_html_(self) -> str:
        from datalab_facade.documents.result_cards import handle_card

        return handle_card(self).html()

    @classmethod
    def more_of(cls, data: Mapping[str, JSON]) -> dict[str, object]:
        """Return what a handle holds besides the id, of its JSON form."""
        return dict(details_of(data))
