"""What is submitted for a task and a source, planned before anything is sent. No IO."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import attrs

from datalab_facade.arguments import checked_count, checked_plain_function, named
from datalab_facade.documents.job_ids import ENDPOINTS
from datalab_facade.documents.snapshots import DocumentRequest, decode_submitted
from datalab_facade.documents.sources import (
    DocumentSource,
    FileSource,
    ResolvedSource,
    UrlSource,
    resolve_source,
)
from datalab_facade.documents.tasks import Task
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.jobs.retries import Submission
from datalab_facade.json_forms import JSON
from datalab_facade.known_secrets import Secrets
from datalab_facade.options import Options
from datalab_facade.redaction import redact_url
from datalab_facade.transfers.policies import DEFAULT_TIMEOUT
from datalab_facade.transfers.remotes import Remote
from datalab_facade.transport.document_operations import submit_form, submit_json
from datalab_facade.transport.multipart import Attachment
from datalab_facade.transport.operations import Operation

if TYPE_CHECKING:
    from datalab_facade.documents.verb_options import SubmitOptions

UploadWay: TypeAlias = Literal["auto", "form", "storage"]
"""How a file gets to Datalab: in the form itself, or uploaded before; by default whichever the
request allows."""

_WAYS: Final = frozenset({"auto", "form", "storage"})
_FIND_OUT: Final = (
    "The API cannot list requests, so check Datalab's dashboard for it before you submit it again; "
    "if the task has a webhook_url, Datalab calls that with the request's id"
)


@attrs.frozen
class PlannedSubmission:
    """One submission: the task, and what it is about."""

    task: Task[Any]
    source: ResolvedSource | None
    is_uploaded_first: bool
    """Whether the file is uploaded before, and the request has its reference."""
    on_leaving: Callable[[], None] = lambda: None
    """Called each time that the request is about to be sent; what it raises keeps it from that."""
    on_refused: Callable[[], None] = lambda: None
    """Called each time that it is certain that the server did nothing with what was sent."""

    @property
    def file(self) -> FileSource | None:
        """The file that goes with the request, or is uploaded before it."""
        return self.source if isinstance(self.source, FileSource) else None

    def longest(self, options: Options) -> float:
        """Return the seconds that it may take by default: with a file as long as a transfer."""
        return options.timeout if self.file is None else DEFAULT_TIMEOUT

    def with_reference(self, reference: str) -> PlannedSubmission:
        """Return the submission of a file that was uploaded."""
        return attrs.evolve(self, source=UrlSource(reference), is_uploaded_first=False)

    def operation(self, attachment: Attachment | None = None) -> Operation:
        """Return the request."""
        about = {} if self.source is None else self.source.fields()
        if self.task.is_form:
            return submit_form(self.task.endpoint, {**self.task.fields(), **about}, attachment)
        return submit_json(self.task.endpoint, {**self.task.body(), **about})

    def decode_id(self, answer: JSON) -> str:
        """Return the id of the job that an answer names.

        Raises:
            RequestRejectedError: The answer says that nothing was started.
            InvalidResponseError: The answer names no job.
        """
        return f"{self.task.endpoint}/{decode_submitted(answer)}"

    @property
    def advice(self) -> str:
        """What to do when it is not known whether the server carried it out."""
        return _FIND_OUT

    def submission(self, *, retry_overloaded: bool) -> Submission:
        """Return what decides on retries, and what is said if the outcome is not known."""
        about: dict[str, JSON] = {} if self.source is None else {**self.source.fields()}
        if isinstance(self.source, UrlSource):
            about["file_url"] = redact_url(self.source.url)
        elif isinstance(self.source, FileSource):
            about["file"] = self.source.name
        webhook = getattr(self.task, "webhook_url", None)
        return Submission(
            f"the {self.task.verb} request",
            self.advice,
            {"endpoint": self.task.endpoint, "task": self.task.redacted(), **about},
            Secrets([webhook] if isinstance(webhook, str) else ()),
            retry_overloaded=retry_overloaded,
            on_leaving=self.on_leaving,
            on_refused=self.on_refused,
        )

    @property
    def source_name(self) -> str | None:
        """The name of the file, or the address of the document without anything secret."""
        if isinstance(self.source, UrlSource):
            return redact_url(self.source.url)
        return None if self.file is None else self.file.name


def group_of(task: Task[Any]) -> str:
    """Return the name of the requests that take about equally long.

    They have a verb and a mode in common, and about as many pages, where the task says how many.

    >>> from datalab_facade import Convert
    >>> group_of(Convert(mode="fast")), group_of(Convert(page_range="0,5-9"))
    ('convert fast', 'convert, up to 8 pages')
    """
    modes = (getattr(task, name, None) for name in ("mode", "extraction_mode"))
    name = " ".join([task.verb, *(str(mode) for mode in modes if mode is not None)])
    pages: object = getattr(task, "page_range", None)
    if not isinstance(pages, str):
        return name
    ends = [[int(end) for end in part.split("-")] for part in pages.split(",")]
    count = sum(last[-1] - last[0] + 1 for last in ends)
    return f"{name}, up to {1 << (count - 1).bit_length()} pages"


def checked_task(task: object) -> Task[Any]:
    """Return a task if it is one of ``client.documents``.

    Raises:
        InvalidArgumentError: It is something else, or a task of another family of jobs.
    """
    if not isinstance(task, Task):
        raise InvalidArgumentError(
            f"task must be a task such as Convert() or Extract(schema), not {named(task)}"
        )
    if task.verb not in ENDPOINTS:
        raise InvalidArgumentError(
            f"{type(task).__name__} is not a task of client.documents, such as Convert(); "
            f"client.run takes it"
        )
    return task


def planned_submission(
    task: object, source: DocumentSource | None, options: SubmitOptions
) -> PlannedSubmission:
    """Plan a submission to ``client.documents``.

    Raises:
        InvalidArgumentError: The task, the source or the way does not go with the others.
    """
    return planned_task(checked_task(task), source, options)


def planned_task(
    task: Task[Any], source: DocumentSource | None, options: SubmitOptions
) -> PlannedSubmission:
    """Plan the submission of a task about a document.

    Raises:
        InvalidArgumentError: The task, the source or the way does not go with the others.
    """
    upload = options.get("upload", "auto")
    if not isinstance(upload, str) or upload not in _WAYS:
        raise InvalidArgumentError(
            f"upload must be 'auto', 'form' or 'storage', not {named(upload)}"
        )
    if "max_file_bytes" in options:
        checked_count("max_file_bytes", options["max_file_bytes"], least=1)
    checked_plain_function("on_progress", options.get("on_progress"))
    resolved = resolve_source(
        source, task=task, name=options.get("name"), content_type=options.get("content_type")
    )
    is_elsewhere = getattr(task, "processing_location", None) is not None
    if isinstance(resolved, FileSource) and is_elsewhere and upload == "form":
        raise InvalidArgumentError(
            "With processing_location the API takes no file in the form: use upload='auto', or "
            "pass a URL"
        )
    first = upload == "storage" or (upload == "auto" and is_elsewhere)
    return PlannedSubmission(task, resolved, isinstance(resolved, FileSource) and first)


def remote_result(request: DocumentRequest) -> Remote:
    """Describe the result of a request for its download."""
    assert request.result_url is not None
    return Remote(
        url=request.result_url,
        subject=f"The result of {request.id}",
        label=request.id,
        identity=("document", request.id),
        error_details={},
        why_gone="results are deleted an hour after they are complete",
    )
