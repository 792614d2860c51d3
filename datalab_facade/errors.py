"""Everything that can go wrong, as a tree of exceptions with plain data inside.

::

    DatalabError
    ├── ConfigurationError            a setting is wrong: key, address, environment, proxy
    ├── InvalidArgumentError          an argument is wrong
    │   ├── UnknownOptionError        ... there is no option of that name
    │   └── InvalidDefinitionError    ... the definition of a workflow, with all its issues
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
    │   ├── ConflictError             409
    │   ├── PayloadTooLargeError      413
    │   ├── UnprocessableEntityError  422, with the server's list of issues
    │   ├── RateLimitError            429
    │   └── InternalServerError       500 to 599
    │       └── OverloadedError       503, 529
    ├── InvalidResponseError          a 200 whose body is not what was asked for
    ├── RequestRejectedError          a 200 whose body says that it was not done
    ├── JobFailedError                the job ended badly
    │   └── ExecutionFailedError      ... a workflow execution ended as FAILED
    ├── WaitTimeoutError              the deadline passed first; the job goes on
    ├── UploadError                   a file could not be uploaded
    ├── DownloadError                 an output or a file could not be downloaded
    │   └── OutputTooLargeError       ... because it is larger than the caller allowed
    └── SubmissionUncertainError      sent, but whether the server acted is not known

Every class survives :mod:`pickle` and :mod:`copy`, prints as one or a few short
lines, and never holds the API key, a cookie or the signature of a URL.
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

    from datalab_facade.jobs.kinds import JobSnapshot
    from datalab_facade.models import JSON, Execution, Failure
    from datalab_facade.outputs.manifest import Manifest

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
    "DatalabError",
    "DefinitionIssue",
    "DownloadError",
    "DownloadFailure",
    "ExecutionFailedError",
    "InternalServerError",
    "InvalidArgumentError",
    "InvalidDefinitionError",
    "InvalidResponseError",
    "JobFailedError",
    "LocalFileError",
    "NotFoundError",
    "OutputTooLargeError",
    "OverloadedError",
    "PayloadTooLargeError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "RateLimitTimeoutError",
    "RequestRejectedError",
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
    """There is no option of that name. Nothing was sent.

    Attributes:
        name: The name.
        options: The names that there are, in alphabetical order.
    """

    name: str
    options: tuple[str, ...]

    def __init__(self, message: str, *, name: str, options: tuple[str, ...] = ()) -> None:
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


@picklable
@attrs.frozen(kw_only=True)
class DefinitionIssue:
    """One thing that is wrong with the definition of a workflow."""

    place: str
    """Where, such as ``"steps[1] 'extract'.depends_on"``; empty for the whole."""
    message: str
    """What."""

    def __str__(self) -> str:
        return printable(f"{self.place}: {self.message}" if self.place else self.message)


class InvalidDefinitionError(InvalidArgumentError):
    """The definition of a workflow is wrong; nothing was sent.

    Attributes:
        issues: Everything that is wrong with it, each with its place; never empty.
        source: The file that it came from, if it came from one.
    """

    issues: tuple[DefinitionIssue, ...]
    source: str | None

    def __init__(self, issues: tuple[DefinitionIssue, ...], *, source: str | None = None) -> None:
        self.issues = issues
        self.source = source
        shown = [excerpt(str(issue), limit=200) for issue in issues[:4]]
        if len(issues) > len(shown):
            shown.append(f"and {len(issues) - len(shown)} more in .issues")
        where = f" in {excerpt(source)}" if source else ""
        super().__init__(f"The definition{where} cannot be used: {'; '.join(shown)}")


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

    def __init__(self, message: str, *, method: str, url: str, may_have_arrived: bool) -> None:
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
        self, message: str, *, method: str, url: str, may_have_arrived: bool, timeout: float
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

    def __init__(self, *, wait: float, left: float) -> None:
        slot = f"in {wait:.1f} s" if wait < math.inf else "not in sight"
        super().__init__(
            f"The rate limit is used up: the next free slot is {slot}, but the deadline "
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

    status: int
    method: str
    url: str
    detail: str
    headers: Mapping[str, str]
    body: str
    retry_after: float | None

    def __init__(
        self,
        status: int,
        *,
        method: str,
        url: str,
        detail: str = "",
        headers: Mapping[str, str] | None = None,
        body: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.status = status
        self.method = method
        self.url = url
        self.detail = detail
        self.headers = dict(headers or {})
        self.body = body
        self.retry_after = retry_after
        said = excerpt(self.detail or self.body, limit=_LONGEST_QUOTE)
        message = f"{method} {url} answered {status} {reason_phrase(status)}".rstrip()
        super().__init__(
            ". ".join(part.rstrip(".") for part in (message, said, self.advice) if part)
        )


class BadRequestError(APIStatusError):
    """400: the server does not accept the request as it is; repeating it will not help."""

    advice = "Change the request; repeating it will not help"


class AuthenticationError(APIStatusError):
    """401: the API key is missing, unknown or revoked."""

    advice = "Check the api_key argument or DATALAB_API_KEY"


class PaymentRequiredError(APIStatusError):
    """402: the account has no credit left, or its plan does not cover this; never retried."""

    advice = "Add credit or change the plan at Datalab; repeating the request will not help"


class PermissionDeniedError(APIStatusError):
    """403: the key is known, but the subscription or the rights do not cover this."""

    advice = "Check the subscription and which team the key belongs to"


class NotFoundError(APIStatusError):
    """404: unknown to this key: a wrong id, another team's, or expired and deleted."""

    advice = "Check the id and the key's team; results are deleted some time after they finish"


class ConflictError(APIStatusError):
    """409: what the request changes is not in a state that allows it."""

    advice = "Look at what the request changes, and repeat it when its state allows that"


class PayloadTooLargeError(APIStatusError):
    """413: the request is larger than the server accepts (files: 200 MB)."""

    advice = "Send less at once"


class UnprocessableEntityError(APIStatusError):
    """422: the server understood the request and found fault with its values.

    Attributes as :class:`APIStatusError`, and:

    Attributes:
        issues: Each fault with its place; never empty.
    """

    issues: tuple[ValidationIssue, ...]

    def __init__(
        self,
        status: int = 422,
        *,
        method: str,
        url: str,
        issues: tuple[ValidationIssue, ...],
        headers: Mapping[str, str] | None = None,
        body: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.issues = issues
        super().__init__(
            status,
            method=method,
            url=url,
            detail="; ".join(str(issue) for issue in issues),
            headers=headers,
            body=body,
            retry_after=retry_after,
        )


class RateLimitError(APIStatusError):
    """429: too many requests for this key, or too many at once."""

    advice = "Wait, or lower the rate; other programs may share the key"


class InternalServerError(APIStatusError):
    """500 to 599: the server failed; the same request may work a little later."""

    advice = "Try again a little later"


class OverloadedError(InternalServerError):
    """503 or 529: the API is overloaded; the same request may work a little later."""


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
        failures = execution.failures
        shown = [excerpt(str(failure), limit=150) for failure in failures[:5]]
        if len(failures) > len(shown):
            shown.append(f"and {len(failures) - len(shown)} more in .failures")
        reasons = "; ".join(shown) or "the server gave no reason"
        super().__init__(f"Execution {execution.id} failed: {reasons}", execution)

    @property
    def snapshot(self) -> Execution:
        """The final snapshot, with whatever outputs there are."""
        return cast("Execution", self._snapshot)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What failed: step, file and the server's words for each."""
        return self.snapshot.failures


class WaitTimeoutError(DatalabError, TimeoutError):
    """The deadline of a wait passed before the job ended.

    Nothing was cancelled: the job goes on, and the same call with the same id
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
        kind: str,
        job_id: int | str,
        *,
        snapshot: JobSnapshot | None = None,
        stage: str | None = None,
        timeout: float,
        elapsed: float,
    ) -> None:
        self.kind = kind
        self.id = job_id
        self.snapshot = snapshot
        self.stage = stage
        self.timeout = timeout
        self.elapsed = elapsed
        last = "no poll of it succeeded" if stage is None else f"last seen {stage}"
        super().__init__(
            f"{kind.capitalize()} {job_id} has not ended after {elapsed:.1f} s of at most "
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
        file_name: str,
        status: int | None = None,
        reason: UploadFailure | str,
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
        method: str,
        url: str,
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
