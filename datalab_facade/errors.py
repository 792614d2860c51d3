"""Everything that can go wrong, as a tree of exceptions with plain data inside.

::

    DatalabError
    ├── ConfigurationError            a setting is wrong: key, address, environment, proxy
    ├── InvalidArgumentError          an argument is wrong
    │   ├── UnknownOptionError        ... an option has an unknown name
    │   ├── InvalidDefinitionError    ... the definition of a workflow, with all its issues
    │   └── InvalidSchemaError        ... a schema for extraction, with all its issues
    ├── ClientStateError              the client is closed, forked, or of another event loop
    ├── LocalFileError                a file or folder of this machine cannot be used
    ├── APIConnectionError            no complete answer came: refused, reset, TLS, proxy, DNS
    │   ├── ConnectionSetupError      ... because of a setting: CA, host name, proxy password
    │   └── APITimeoutError           ... because it took longer than allowed
    │       └── RateLimitTimeoutError ... not sent: the rate limiter has no slot before the deadline
    ├── APIStatusError                an answer came, and it says no
    │   ├── BadRequestError           400
    │   ├── AuthenticationError       401
    │   ├── PaymentRequiredError      402
    │   ├── PermissionDeniedError     403
    │   ├── NotFoundError             404
    │   │   └── ResultExpiredError    ... the result of a document, deleted an hour after its end
    │   ├── ConflictError             409
    │   ├── PayloadTooLargeError      413
    │   ├── UnprocessableEntityError  422, with the server's list of issues
    │   ├── RateLimitError            429
    │   └── InternalServerError       500 to 599
    │       └── OverloadedError       503, 529
    ├── InvalidResponseError          a 200 whose body is not what was asked for
    ├── RequestRejectedError          a 200 whose body says that it was not done
    ├── JobFailedError                the job ended badly
    │   ├── DocumentFailedError       ... a document request failed
    │   ├── ExecutionFailedError      ... a workflow execution ended as FAILED
    │   └── PipelineFailedError       ... a pipeline execution has no result that is usable
    ├── EmptyResultError              a result came without what was asked for
    ├── ExtractionMismatchError       what was extracted does not fit the caller's type
    ├── CostLimitError                a run did not submit a file, since its limit is reached
    ├── FormatNotRequestedError       a result has no such format, since it was not asked for
    ├── WaitTimeoutError              the deadline passed first; the job goes on
    ├── UploadError                   a file could not be uploaded
    ├── DownloadError                 an output or a file could not be downloaded
    │   └── OutputTooLargeError       ... because it is larger than the caller allowed
    └── SubmissionUncertainError      sent, but whether the server acted is not known

Every class survives :mod:`pickle` and :mod:`copy`, prints as one or a few short
lines, and never holds the API key, a cookie or the signature of a URL.

A test can make any of them by hand: the first argument is a message, and the others
have defaults. Only :class:`JobFailedError` and its kinds need a snapshot, and
:class:`EmptyResultError` and :class:`ExtractionMismatchError` the result that they hold.

>>> error = NotFoundError("No such execution")
>>> error.status, error.detail
(404, 'No such execution')
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, cast

import attrs

from datalab_facade.pickling import picklable
from datalab_facade.reason_phrases import reason_phrase
from datalab_facade.redaction import excerpt, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from datalab_facade.documents.results import DocumentResult, Extraction
    from datalab_facade.jobs.kinds import JobSnapshot
    from datalab_facade.json_forms import JSON
    from datalab_facade.models import Execution, Failure
    from datalab_facade.outputs.manifest import Manifest
    from datalab_facade.pipelines.execution_models import PipelineExecution

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "ClientStateError",
    "ConfigurationError",
    "ConflictError",
    "ConnectionSetupError",
    "CostLimitError",
    "DatalabError",
    "DefinitionIssue",
    "DocumentFailedError",
    "DownloadError",
    "DownloadFailure",
    "EmptyResultError",
    "ExecutionFailedError",
    "ExtractionIssue",
    "ExtractionMismatchError",
    "FormatNotRequestedError",
    "InternalServerError",
    "InvalidArgumentError",
    "InvalidDefinitionError",
    "InvalidResponseError",
    "InvalidSchemaError",
    "JobFailedError",
    "LocalFileError",
    "NotFoundError",
    "OutputTooLargeError",
    "OverloadedError",
    "PayloadTooLargeError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "PipelineFailedError",
    "RateLimitError",
    "RateLimitTimeoutError",
    "RequestRejectedError",
    "ResultExpiredError",
    "SchemaIssue",
    "SubmissionUncertainError",
    "UnknownOptionError",
    "UnprocessableEntityError",
    "UploadError",
    "UploadFailure",
    "ValidationIssue",
    "WaitTimeoutError",
]


# What an error prints is for people, and for logs that cut longer lines anyway;
# whatever the server said beyond it is in the attributes.
_LONGEST_MESSAGE = 1_000
_LONGEST_QUOTE = 400


def _revived(
    kind: type[DatalabError], args: tuple[object, ...], state: dict[str, object]
) -> DatalabError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class DatalabError(Exception):
    """The root of all errors of this package; its text says what to do next."""

    def __init__(self, message: str) -> None:
        message = printable(message)
        if len(message) > _LONGEST_MESSAGE:
            message = message[: _LONGEST_MESSAGE - 1] + "…"
        super().__init__(message)

    def __reduce__(
        self,
    ) -> tuple[
        Callable[..., DatalabError],
        tuple[type[DatalabError], tuple[object, ...], dict[str, object]],
    ]:
        # Exception's own way calls __init__ with args alone, which fails for
        # every class whose constructor takes more than a message.
        return _revived, (type(self), self.args, dict(self.__dict__))


class ConfigurationError(DatalabError, ValueError):
    """A setting is wrong: the key, an address, an environment variable, a proxy, a missing extra.

    Nothing was sent.
    """


class InvalidArgumentError(DatalabError, ValueError):
    """An argument is wrong. Nothing was sent."""


class UnknownOptionError(InvalidArgumentError, TypeError):
    """An option has an unknown name. Nothing was sent.

    Attributes:
        name: The name.
        options: The names that there are, in alphabetical order.
    """

    name: str
    options: tuple[str, ...]

    def __init__(self, message: str, *, name: str = "", options: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.name = name
        self.options = options


class ClientStateError(DatalabError, RuntimeError):
    """The client cannot be used here: it is closed, or belongs to another event loop or process.

    Nothing was sent.
    """


class LocalFileError(DatalabError, OSError):
    """A file or folder of this machine cannot be used: unreadable, full disk, not as expected.

    What was done before it stays done: once the cause is mended, the same call goes on.

    Attributes:
        manifest: What an interrupted save has saved so far, and what failed; None elsewhere.
    """

    manifest: Manifest | None

    def __init__(self, message: str, *, manifest: Manifest | None = None) -> None:
        super().__init__(message)
        self.manifest = manifest


@attrs.frozen(kw_only=True)
class Issue:
    """One thing that is wrong with a value of the caller's or the server's, and its place."""

    place: str
    """Where; empty for the whole."""
    message: str
    """What."""

    def __str__(self) -> str:
        return printable(f"{self.place}: {self.message}" if self.place else self.message)

    def to_dict(self) -> dict[str, JSON]:
        """Return the issue as plain JSON."""
        return {"place": self.place, "message": self.message}


@picklable
@attrs.frozen(kw_only=True)
class DefinitionIssue(Issue):
    """One thing that is wrong with the definition of a workflow.

    A place is, for example, ``"steps[1] 'extract'.depends_on"``.
    """


class InvalidDefinitionError(InvalidArgumentError):
    """The definition of a workflow is wrong; nothing was sent.

    Attributes:
        issues: Everything that is wrong with it, each with its place; never empty.
        source: The file that it came from, if it came from one.
    """

    issues: tuple[DefinitionIssue, ...]
    source: str | None

    def __init__(
        self, issues: tuple[DefinitionIssue, ...] | str, *, source: str | None = None
    ) -> None:
        if isinstance(issues, str):
            issues = (DefinitionIssue(place="", message=issues),)
        self.issues = issues
        self.source = source
        where = f" in {excerpt(source)}" if source else ""
        super().__init__(f"The definition{where} cannot be used: {_first(issues, 'issues')}")


@picklable
@attrs.frozen(kw_only=True)
class SchemaIssue(Issue):
    """One thing that is wrong with a schema for extraction.

    A place is one in the data: for example, ``"lines[].tax"``.
    """


class InvalidSchemaError(InvalidArgumentError):
    """A schema for extraction cannot be used; nothing was sent.

    Attributes:
        issues: Everything that is wrong with it, each with its place; never empty.
        source: The class or the file that it came from, if it came from one.
    """

    issues: tuple[SchemaIssue, ...]
    source: str | None

    def __init__(self, issues: tuple[SchemaIssue, ...] | str, *, source: str | None = None) -> None:
        if isinstance(issues, str):
            issues = (SchemaIssue(place="", message=issues),)
        self.issues = issues
        self.source = source
        where = f" of {excerpt(source)}" if source else ""
        super().__init__(f"The schema{where} cannot be used: {_first(issues, 'issues')}")


class APIConnectionError(DatalabError, ConnectionError):
    """No whole answer came back: refused, reset, cut off, TLS, proxy or name lookup.

    Attributes:
        method: The request's method.
        url: The request's address, without anything secret.
        may_have_arrived: False when the server certainly never saw the request.
    """

    method: str
    url: str
    may_have_arrived: bool

    def __init__(
        self,
        message: str,
        *,
        method: str = "GET",
        url: str = "",
        may_have_arrived: bool = True,
    ) -> None:
        super().__init__(message)
        self.method = method
        self.url = url
        self.may_have_arrived = may_have_arrived


class ConnectionSetupError(APIConnectionError):
    """No connection can be made as things are set up, and repeating the request does not help.

    A certificate that is not trusted, an unknown host, a proxy that refuses the password, a port
    that speaks no TLS. The message names the setting that helps. It is not retried, unless this
    client has had an answer from that host before: then it may pass, and is raised as an
    :class:`APIConnectionError`. Attributes as there.
    """


class APITimeoutError(APIConnectionError, TimeoutError):
    """One request took longer than its timeout.

    It says nothing about the job, which goes on. Attributes as
    :class:`APIConnectionError`, and:

    Attributes:
        timeout: The seconds that were allowed for the request.
    """

    timeout: float

    def __init__(
        self,
        message: str,
        *,
        method: str = "GET",
        url: str = "",
        may_have_arrived: bool = True,
        timeout: float = 0.0,
    ) -> None:
        super().__init__(message, method=method, url=url, may_have_arrived=may_have_arrived)
        self.timeout = timeout


class RateLimitTimeoutError(APITimeoutError):
    """The request was not sent: the rate limiter has no slot for it before the deadline.

    Attributes as :class:`APITimeoutError`, and:

    Attributes:
        wait: The seconds until the next free slot; ``math.inf`` if there is none in sight.
        left: The seconds until the deadline.
    """

    wait: float
    left: float

    def __init__(self, message: str = "", *, wait: float = math.inf, left: float = 0.0) -> None:
        slot = f"in {wait:.1f} s" if wait < math.inf else "not in sight"
        super().__init__(
            message
            or f"The rate limit is used up: the next free slot is {slot}, but the deadline "
            f"is in {max(left, 0):.1f} s. Allow a longer timeout, or raise requests_per_minute "
            f"if the key's limit allows it",
            method="",
            url="",
            may_have_arrived=False,
            timeout=max(left, 0),
        )
        self.wait = wait
        self.left = left


@picklable
@attrs.frozen(kw_only=True)
class ValidationIssue:
    """One entry of the list in a 422 answer.

    When the server sends a plain sentence instead of a list, there is one issue
    with that sentence as ``msg``, an empty ``loc`` and an empty ``type``.
    """

    loc: tuple[str | int, ...]
    """Where: ``("path", "execution_id")``."""
    msg: str
    """What, in the server's words."""
    type: str
    """The server's name for the kind of issue, such as ``"int_parsing"``."""

    def __str__(self) -> str:
        place = ".".join(str(part) for part in self.loc)
        return printable(f"{place}: {self.msg}" if place else self.msg)

    def to_dict(self) -> dict[str, JSON]:
        """Return the issue as plain JSON, as the server sends it."""
        return {"loc": list(self.loc), "msg": self.msg, "type": self.type}


class APIStatusError(DatalabError):
    """The server answered with a status that is not a success.

    Attributes:
        status: The HTTP status code.
        method: The request's method.
        url: The request's address, without anything secret.
        detail: What the server said, in its own words; empty if nothing readable.
        headers: The answer's headers that are worth having and safe to show.
        body: The start of the answer's body, without anything secret.
        retry_after: Seconds the server asked to wait, if it did.
    """

    advice: ClassVar[str] = ""
    default_status: ClassVar[int] = 400

    status: int
    method: str
    url: str
    detail: str
    headers: Mapping[str, str]
    body: str
    retry_after: float | None

    def __init__(
        self,
        detail: str = "",
        *,
        status: int | None = None,
        method: str = "GET",
        url: str = "",
        headers: Mapping[str, str] | None = None,
        body: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.status = status = self.default_status if status is None else status
        self.method = method
        self.url = url
        self.detail = detail
        self.headers = dict(headers or {})
        self.body = body
        self.retry_after = retry_after
        said = excerpt(self.detail or self.body, limit=_LONGEST_QUOTE)
        request = f"{method} {url} answered " if url else ""
        message = f"{request}{status} {reason_phrase(status)}".rstrip()
        super().__init__(
            ". ".join(part.rstrip(".") for part in (message, said, self.advice) if part)
        )


class BadRequestError(APIStatusError):
    """400: the server does not accept the request as it is; repeating it will not help."""

    advice = "Change the request; repeating it will not help"


class AuthenticationError(APIStatusError):
    """401: the API key is missing, unknown or revoked."""

    advice = "Check the api_key argument or DATALAB_API_KEY"
    default_status = 401


class PaymentRequiredError(APIStatusError):
    """402: the account has no credit left, or its plan does not cover this; never retried."""

    advice = "Add credit or change the plan at Datalab; repeating the request will not help"
    default_status = 402


class PermissionDeniedError(APIStatusError):
    """403: the key is known, but the subscription or the rights do not cover this."""

    advice = "Check the subscription and which team the key belongs to"
    default_status = 403


class NotFoundError(APIStatusError):
    """404: unknown to this key: a wrong id, another team's, or expired and deleted."""

    advice = "Check the id and the key's team; results are deleted some time after they finish"
    default_status = 404


class ResultExpiredError(NotFoundError):
    """404: the result of a document request no longer exists.

    Results are deleted an hour after they are complete. Attributes as :class:`APIStatusError`.
    """

    advice = (
        "Results are deleted an hour after they are complete. If this one was, submit the "
        "document again, which is billed again; else check the id and the key's team"
    )


class ConflictError(APIStatusError):
    """409: what the request changes is not in a state that allows it."""

    advice = "Look at what the request changes, and repeat it when its state allows that"
    default_status = 409


class PayloadTooLargeError(APIStatusError):
    """413: the request is larger than the server accepts (files: 200 MB)."""

    advice = "Send less at once"
    default_status = 413


class UnprocessableEntityError(APIStatusError):
    """422: the server understood the request and found fault with its values.

    Attributes as :class:`APIStatusError`, and:

    Attributes:
        issues: Each fault with its place; never empty.
    """

    default_status = 422

    issues: tuple[ValidationIssue, ...]

    def __init__(
        self,
        detail: str = "",
        *,
        issues: tuple[ValidationIssue, ...] = (),
        status: int | None = None,
        method: str = "GET",
        url: str = "",
        headers: Mapping[str, str] | None = None,
        body: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.issues = issues or (ValidationIssue(loc=(), msg=detail, type=""),)
        super().__init__(
            detail or "; ".join(str(issue) for issue in issues),
            status=status,
            method=method,
            url=url,
            headers=headers,
            body=body,
            retry_after=retry_after,
        )


class RateLimitError(APIStatusError):
    """429: too many requests for this key, or too many at once."""

    advice = "Wait, or lower the rate; other programs may share the key"
    default_status = 429


class InternalServerError(APIStatusError):
    """500 to 599: the server failed; the same request may work a little later."""

    advice = "Try again a little later"
    default_status = 500


class OverloadedError(InternalServerError):
    """503 or 529: the API is overloaded; the same request may work a little later."""

    default_status = 503


class InvalidResponseError(DatalabError):
    """The status was a success, but the body is not what was asked for.

    Attributes:
        method: The request's method.
        url: The request's address, without anything secret.
        body: The start of the body, without anything secret.
    """

    method: str
    url: str
    body: str

    def __init__(self, message: str, *, method: str = "", url: str = "", body: str = "") -> None:
        super().__init__(message)
        self.method = method
        self.url = url
        self.body = body


class RequestRejectedError(DatalabError):
    """The status was a success, but the body says that what was asked for was not done.

    Attributes:
        method: The request's method.
        url: The request's address, without anything secret.
        detail: What the server said, in its own words; empty if nothing readable.
    """

    method: str
    url: str
    detail: str

    def __init__(self, message: str, *, method: str = "", url: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.method = method
        self.url = url
        self.detail = detail


class JobFailedError(DatalabError):
    """A job ended badly: the root of the errors of each family of jobs."""

    def __init__(self, message: str, snapshot: JobSnapshot) -> None:
        self._snapshot = snapshot
        super().__init__(message)

    @property
    def snapshot(self) -> JobSnapshot:
        """The final snapshot."""
        return self._snapshot


class ExecutionFailedError(JobFailedError):
    """The execution ended as FAILED."""

    def __init__(self, execution: Execution) -> None:
        if isinstance(cast("object", execution), str):
            raise TypeError(
                "ExecutionFailedError takes the execution that failed, such as "
                f"Execution(id=7, status=Status.FAILED, error={execution!r})"
            )
        reasons = _reasons(execution.failures)
        super().__init__(f"Execution {execution.id} failed: {reasons}", execution)

    @property
    def snapshot(self) -> Execution:
        """The final snapshot, with whatever outputs there are."""
        return cast("Execution", self._snapshot)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What failed: step, file and the server's words for each."""
        return self.snapshot.failures


class PipelineFailedError(JobFailedError):
    """A pipeline execution ended, and none of its steps has a result that could be used."""

    def __init__(self, execution: PipelineExecution) -> None:
        reasons = _reasons(execution.failures)
        super().__init__(f"Pipeline execution {execution.id} failed: {reasons}", execution)

    @property
    def snapshot(self) -> PipelineExecution:
        """The final snapshot."""
        return cast("PipelineExecution", self._snapshot)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What failed: the step and the server's words for each."""
        return self.snapshot.failures


def _reasons(failures: tuple[Failure, ...]) -> str:
    return _first(failures, "failures", most=5) or "the server gave no reason"


def _first(all_of_them: tuple[object, ...], attribute: str, *, most: int = 4) -> str:
    """Return the first few as text, and say which attribute of the error has the others."""
    shown = [excerpt(str(one), limit=150) for one in all_of_them[:most]]
    if len(all_of_them) > len(shown):
        shown.append(f"and {len(all_of_them) - len(shown)} more in .{attribute}")
    return "; ".join(shown)


class DocumentFailedError(JobFailedError):
    """A document request failed: the server says so, or says ``success: false``.

    Attributes:
        detail: What the server said, in its own words; empty if it gave no reason.
        stage: The stage where it happened, such as ``"VALIDATION"``, if known.
    """

    detail: str
    stage: str | None

    def __init__(self, detail: str, snapshot: JobSnapshot, *, stage: str | None = None) -> None:
        self.detail = detail
        self.stage = stage
        where = f" in {excerpt(stage, limit=40)}" if stage else ""
        said = excerpt(detail, limit=_LONGEST_QUOTE) or "the server gave no reason"
        super().__init__(f"Document request {snapshot.id} failed{where}: {said}", snapshot)


class EmptyResultError(DatalabError):
    """A document request succeeded, but its result is empty where it should not be.

    It may be the document: a blank page has no text. It was billed all the same.

    Attributes:
        result: The result.
        missing: The names of what is not there, such as ``("markdown",)``.
    """

    result: DocumentResult
    missing: tuple[str, ...]

    def __init__(self, result: DocumentResult, missing: tuple[str, ...]) -> None:
        self.result = result
        self.missing = missing
        pages = "" if result.page_count is None else f" ({result.page_count} pages)"
        names = excerpt(", ".join(missing))
        super().__init__(
            f"The result of {result.id}{pages} has no {names}, although that was asked for. "
            f"Look whether the document is blank; .result has what the server sent"
        )


@picklable
@attrs.frozen(kw_only=True)
class ExtractionIssue(Issue):
    """One place where what was extracted does not fit the type.

    A place is, for example, ``"items[0].amount"``.
    """


class ExtractionMismatchError(DatalabError):
    """What was extracted does not fit the type that was asked for; nothing of it is lost.

    Attributes:
        extraction: The extraction, with its plain ``data``, its ``fields`` and its cost. Read it
            as another type with ``extraction.read_as(Other)``.
        into: The name of the type.
        issues: Each place that does not fit.
    """

    extraction: Extraction[dict[str, JSON]]
    into: str
    issues: tuple[ExtractionIssue, ...]

    def __init__(
        self,
        extraction: Extraction[dict[str, JSON]],
        *,
        into: str = "the type",
        issues: tuple[ExtractionIssue, ...] = (),
    ) -> None:
        self.extraction = extraction
        self.into = into
        self.issues = issues
        super().__init__(
            f"The extraction {extraction.id} does not fit {excerpt(into)}: "
            f"{_first(issues, 'issues')}. It is in .extraction: take its data, or read it as "
            "another type with read_as()"
        )


class FormatNotRequestedError(DatalabError, AttributeError):
    """A result does not have this format, since it was not asked for.

    Attributes:
        format: The format.
        requested: The formats that were asked for.
    """

    format: str
    requested: tuple[str, ...]

    def __init__(self, missing: str, *, requested: tuple[str, ...] = ()) -> None:
        self.format = missing
        self.requested = requested
        every = excerpt(",".join((*requested, missing)))
        super().__init__(
            f"There is no {excerpt(missing)}, since it was not asked for: "
            f"pass output_format={every!r}"
        )


class WaitTimeoutError(DatalabError, TimeoutError):
    """The deadline of a wait passed before the job ended.

    Nothing was canceled: the job goes on, and the same call with the same id
    picks it up again.

    Attributes:
        kind: The kind of job, such as ``"execution"``.
        id: The job that was waited for.
        snapshot: The last snapshot, or None if no poll succeeded.
        stage: How far it had come then, in words.
        timeout: The seconds that were allowed.
        elapsed: The seconds that were spent.
    """

    kind: str
    id: int | str
    snapshot: JobSnapshot | None
    stage: str | None
    timeout: float
    elapsed: float

    def __init__(
        self,
        message: str = "",
        *,
        kind: str = "job",
        job_id: int | str = 0,
        snapshot: JobSnapshot | None = None,
        stage: str | None = None,
        timeout: float = 0.0,
        elapsed: float = 0.0,
    ) -> None:
        self.kind = kind
        self.id = job_id
        self.snapshot = snapshot
        self.stage = stage
        self.timeout = timeout
        self.elapsed = elapsed
        last = "no poll of it succeeded" if stage is None else f"last seen {stage}"
        super().__init__(
            message
            or f"{kind.capitalize()} {job_id} has not ended after {elapsed:.1f} s of at most "
            f"{timeout:g} s ({last}). It goes on: wait for {job_id} again, "
            f"or allow a longer timeout"
        )


class UploadFailure(StrEnum):
    """Why a file could not be uploaded."""

    MISSING = "missing"
    """There is no such file; nothing was sent."""
    UNREADABLE = "unreadable"
    """It is a folder, may not be read, or the disk fails; nothing was sent."""
    EMPTY = "empty"
    """It has no bytes; nothing was sent."""
    TOO_LARGE = "too_large"
    """It is larger than allowed; nothing was sent."""
    CHANGED = "changed"
    """Somebody writes to it while it is read."""
    UNREACHABLE = "unreachable"
    """No complete answer came."""
    REFUSED = "refused"
    """Storage does not take it."""
    CORRUPT = "corrupt"
    """Other bytes arrived."""
    UNCONFIRMED = "unconfirmed"
    """It was sent, but Datalab does not confirm that it arrived."""
    ABANDONED = "abandoned"
    """The caller gave up."""


class UploadError(DatalabError):
    """A file could not be uploaded.

    Attributes:
        file_name: The name that it was to have at Datalab.
        status: The HTTP status of the refusal, or None if nothing was refused.
        reason: What kind of failure it is.
    """

    file_name: str
    status: int | None
    reason: UploadFailure

    def __init__(
        self,
        message: str,
        *,
        file_name: str = "",
        status: int | None = None,
        reason: UploadFailure | str = UploadFailure.UNREACHABLE,
    ) -> None:
        super().__init__(message)
        self.file_name = file_name
        self.status = status
        self.reason = UploadFailure(reason)


class DownloadFailure(StrEnum):
    """Why an output or a file could not be downloaded."""

    UNREACHABLE = "unreachable"
    """No complete answer came."""
    REFUSED = "refused"
    """Storage does not allow it."""
    EXPIRED = "expired"
    """The URL has expired, and could not be renewed."""
    GONE = "gone"
    """It was deleted."""
    INCOMPLETE = "incomplete"
    """It was cut off."""
    CORRUPT = "corrupt"
    """Its length or checksum is wrong, or it is not what was asked for."""
    TOO_LARGE = "too_large"
    """It is larger than allowed."""
    EXISTS = "exists"
    """There is a file of that name already."""
    DISK = "disk"
    """It could not be written."""


class DownloadError(DatalabError):
    """An output, or a file that was uploaded, could not be downloaded.

    Attributes:
        execution_id: The execution that an output belongs to; None for a file.
        step: The name of an output's step; where it is a URL, without its query; None
            for a file.
        file_key: The file's key, or None where the step has just one run; where it is
            a URL, without its query.
        file_id: The id of a file that was uploaded; None for an output.
        status: The storage's HTTP status, or None if no answer came.
        reason: What kind of failure it is.
    """

    execution_id: int | None
    step: str | None
    file_key: str | None
    file_id: int | None
    status: int | None
    reason: DownloadFailure

    def __init__(
        self,
        message: str,
        *,
        execution_id: int | None = None,
        step: str | None = None,
        file_key: str | None = None,
        file_id: int | None = None,
        status: int | None = None,
        reason: DownloadFailure | str = DownloadFailure.UNREACHABLE,
    ) -> None:
        super().__init__(message)
        self.execution_id = execution_id
        self.step = step
        self.file_key = file_key
        self.file_id = file_id
        self.status = status
        self.reason = DownloadFailure(reason)


class OutputTooLargeError(DownloadError):
    """An output is larger than the caller allowed to be held in memory."""


class CostLimitError(DatalabError):
    """A run did not submit a file, since that could cost more than ``max_cost_cents``.

    Attributes:
        limit_cents: The limit.
        committed_cents: What earlier files cost, and those that go on will cost about; None if
            that is not known.
    """

    limit_cents: float
    committed_cents: float | None

    def __init__(
        self, message: str = "", *, limit_cents: float = 0.0, committed_cents: float | None = None
    ) -> None:
        spent = "what earlier ones cost is not known yet"
        if committed_cents is not None:
            spent = f"{committed_cents:g} cents are spent or under way"
        super().__init__(
            message
            or f"Not submitted, since it may cost more than max_cost_cents={limit_cents:g}: "
            f"{spent}. The same call with a higher limit goes on"
        )
        self.limit_cents = limit_cents
        self.committed_cents = committed_cents


class SubmissionUncertainError(DatalabError):
    """A request that starts something was sent, and no answer tells whether it did.

    It is never sent again on its own, since a second submission may cost money.

    Attributes:
        method: The request's method.
        url: The request's address, without anything secret.
        sent: What was sent, as plain JSON without anything secret.
    """

    method: str
    url: str
    sent: Mapping[str, JSON]

    def __init__(
        self,
        message: str,
        *,
        method: str = "POST",
        url: str = "",
        sent: Mapping[str, JSON] | None = None,
    ) -> None:
        super().__init__(message)
        self.method = method
        self.url = url
        self.sent = dict(sent or {})


CALLER_ERRORS = (ConfigurationError, InvalidArgumentError, ClientStateError, LocalFileError)
"""What is wrong on this side: sending the same request again mends none of it."""

_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: PayloadTooLargeError,
    429: RateLimitError,
    503: OverloadedError,
    529: OverloadedError,
}


def status_error_class(status: int) -> type[APIStatusError]:
    """Give the class for a status other than 422, which needs its issues.

    >>> status_error_class(500).__name__
    'InternalServerError'
    """
    return _BY_STATUS.get(status, InternalServerError if 500 <= status <= 599 else APIStatusError)
