"""Everything that can go wrong, as a tree of exceptions with plain data inside.

::

    DatalabError
    ├── ConfigurationError            an argument, the environment or the setup is wrong
    │   └── DefinitionInvalid         ... the definition of a workflow, with all its problems
    ├── ConnectionFailed              no whole answer came: refused, reset, cut, TLS, proxy, DNS
    │   └── RequestTimedOut           ... because it took longer than allowed
    ├── BudgetExhausted               not sent: its turn in the request budget comes too late
    ├── StatusError                   an answer came, and it says no
    │   ├── BadRequest                400
    │   ├── AuthenticationFailed      401
    │   ├── PermissionRefused         403
    │   ├── NotFound                  404
    │   ├── PayloadTooLarge           413
    │   ├── ValidationFailed          422, with the server's list of issues
    │   ├── RateLimited               429
    │   └── ServerFailed              500 to 599
    │       └── Overloaded            529
    ├── UnexpectedBody                a 200 whose body is not what was asked for
    ├── RequestRefused                a 200 whose body says that it was not done
    ├── ExecutionFailed               the execution ended as FAILED
    ├── WaitTimedOut                  the deadline passed first; the execution goes on
    ├── UploadFailed                  a file could not be brought to Datalab
    ├── DownloadFailed                an output or a file could not be brought home
    │   └── OutputTooLarge            ... because it is larger than the caller allowed
    ├── LocalFileError                the disk failed while outputs were saved: full, broken, busy
    └── SubmissionUnknown             sent, but whether the server acted is not known

Every class survives :mod:`pickle` and :mod:`copy`, prints as one or a few short
lines, and never holds the API key, a cookie or the signature of a URL.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

import attrs

from datalab_facade.redaction import excerpt, printable
from datalab_facade.travel import portable

if TYPE_CHECKING:
    from collections.abc import Callable

    from datalab_facade.models import JSON, Execution, Failure
    from datalab_facade.outputs.manifest import Manifest

__all__ = [
    "AuthenticationFailed",
    "BadRequest",
    "BudgetExhausted",
    "ConfigurationError",
    "ConnectionFailed",
    "DatalabError",
    "DefinitionInvalid",
    "DefinitionProblem",
    "DownloadFailed",
    "ExecutionFailed",
    "LocalFileError",
    "NotFound",
    "OutputTooLarge",
    "Overloaded",
    "PayloadTooLarge",
    "PermissionRefused",
    "RateLimited",
    "RequestRefused",
    "RequestTimedOut",
    "ServerFailed",
    "StatusError",
    "SubmissionUnknown",
    "UnexpectedBody",
    "UploadFailed",
    "ValidationFailed",
    "ValidationIssue",
    "WaitTimedOut",
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
    """An argument, an environment variable or the way of use is wrong.

    Nothing was sent. It is a :class:`ValueError` too.
    """


@portable
@attrs.frozen
class DefinitionProblem:
    """One thing that is wrong with the definition of a workflow."""

    place: str
    """Where, such as ``"steps[1] 'extract'.depends_on"``; empty for the whole."""
    message: str
    """What."""

    def __str__(self) -> str:
        return printable(f"{self.place}: {self.message}" if self.place else self.message)


class DefinitionInvalid(ConfigurationError):
    """The definition of a workflow is wrong; nothing was sent.

    Attributes:
        problems: Everything that is wrong with it, each with its place; never empty.
        source: The file that it came from, if it came from one.
    """

    problems: tuple[DefinitionProblem, ...]
    source: str | None

    def __init__(
        self, problems: tuple[DefinitionProblem, ...], *, source: str | None = None
    ) -> None:
        self.problems = problems
        self.source = source
        shown = [excerpt(str(problem), limit=200) for problem in problems[:4]]
        if len(problems) > len(shown):
            shown.append(f"and {len(problems) - len(shown)} more in .problems")
        where = f" in {excerpt(source)}" if source else ""
        super().__init__(f"The definition{where} cannot be used: {'; '.join(shown)}")


class ConnectionFailed(DatalabError, ConnectionError):
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


class RequestTimedOut(ConnectionFailed, TimeoutError):
    """One request took longer than its timeout.

    It says nothing about the execution, which goes on. Attributes as
    :class:`ConnectionFailed`, and:

    Attributes:
        timeout: The seconds that were allowed for the request.
    """

    timeout: float

    def __init__(
        self, message: str, *, method: str, url: str, may_have_arrived: bool, timeout: float
    ) -> None:
        super().__init__(message, method=method, url=url, may_have_arrived=may_have_arrived)
        self.timeout = timeout


class BudgetExhausted(DatalabError, TimeoutError):
    """The request was not sent: its turn in the request budget comes after the deadline.

    Attributes:
        wait: The seconds until its turn.
        left: The seconds until the deadline.
    """

    wait: float
    left: float

    def __init__(self, *, wait: float, left: float) -> None:
        turn = f"in {wait:.1f} s" if wait < math.inf else "not in sight"
        super().__init__(
            f"The request budget is used up: the next turn is {turn}, but the deadline "
            f"is in {max(left, 0):.1f} s. Allow a longer timeout, or raise requests_per_minute "
            f"if the key's limit allows it"
        )
        self.wait = wait
        self.left = left


@portable
@attrs.frozen
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


class StatusError(DatalabError):
    """The server answered with a status that is not a success.

    Attributes:
        status: The HTTP status code.
        method: The request's method.
        url: The request's address, without anything secret.
        detail: What the server said, in its own words; empty if nothing readable.
        headers: The answer's headers that are worth having and safe to show.
        body: The start of the answer's body, scrubbed of anything secret.
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
        message = f"{method} {url} answered {status} {_phrase(status)}".rstrip()
        super().__init__(
            ". ".join(part.rstrip(".") for part in (message, said, self.advice) if part)
        )


class BadRequest(StatusError):
    """400: the server does not accept the request as it is; repeating it will not help."""

    advice = "Change the request; repeating it will not help"


class AuthenticationFailed(StatusError):
    """401: the API key is missing, unknown or revoked."""

    advice = "Check the api_key argument or DATALAB_API_KEY"


class PermissionRefused(StatusError):
    """403: the key is known, but the subscription or the rights do not cover this."""

    advice = "Check the subscription and which team the key belongs to"


class NotFound(StatusError):
    """404: unknown to this key: a wrong id, another team's, or expired and deleted."""

    advice = "Check the id and the key's team; results are deleted some time after they finish"


class PayloadTooLarge(StatusError):
    """413: the request is larger than the server accepts (files: 200 MB)."""

    advice = "Send less at once"


class ValidationFailed(StatusError):
    """422: the server understood the request and found fault with its values.

    Attributes as :class:`StatusError`, and:

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


class RateLimited(StatusError):
    """429: too many requests for this key, or too many at once."""

    advice = "Wait, or lower the rate; other programs may share the key"


class ServerFailed(StatusError):
    """500 to 599: the server failed; the same request may work a little later."""

    advice = "Try again a little later"


class Overloaded(ServerFailed):
    """529: the API is overloaded; the same request may work a little later."""


class UnexpectedBody(DatalabError):
    """The status was a success, but the body is not what was asked for.

    Attributes:
        method: The request's method.
        url: The request's address, without anything secret.
        body: The start of the body, scrubbed of anything secret.
    """

    method: str
    url: str
    body: str

    def __init__(self, message: str, *, method: str = "", url: str = "", body: str = "") -> None:
        super().__init__(message)
        self.method = method
        self.url = url
        self.body = body


class RequestRefused(DatalabError):
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


class ExecutionFailed(DatalabError):
    """The execution ended as FAILED.

    Attributes:
        execution: The final snapshot, with whatever outputs there are.
    """

    execution: Execution

    def __init__(self, execution: Execution) -> None:
        self.execution = execution
        failures = execution.failures
        shown = [excerpt(str(failure), limit=150) for failure in failures[:5]]
        if len(failures) > len(shown):
            shown.append(f"and {len(failures) - len(shown)} more in .failures")
        told = "; ".join(shown) or "the server gave no reason"
        super().__init__(f"Execution {execution.id} failed: {told}")

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What failed: step, file and the server's words for each."""
        return self.execution.failures


class WaitTimedOut(DatalabError, TimeoutError):
    """The deadline of a wait passed before the execution ended.

    Nothing was cancelled: the execution goes on, and the same call with the
    same id picks it up again.

    Attributes:
        execution_id: The execution that was waited for.
        execution: The last snapshot, or None if no look succeeded.
        timeout: The seconds that were allowed.
        elapsed: The seconds that were spent.
    """

    execution_id: int
    execution: Execution | None
    timeout: float
    elapsed: float

    def __init__(
        self,
        execution_id: int,
        *,
        execution: Execution | None,
        timeout: float,
        elapsed: float,
    ) -> None:
        self.execution_id = execution_id
        self.execution = execution
        self.timeout = timeout
        self.elapsed = elapsed
        last = (
            f"last seen {excerpt(execution.status)}, {execution.progress} steps done"
            if execution is not None
            else "no look at it succeeded"
        )
        super().__init__(
            f"Execution {execution_id} has not ended after {elapsed:.1f} s of at most "
            f"{timeout:g} s ({last}). It goes on: wait for {execution_id} again, "
            f"or allow a longer timeout"
        )


class UploadFailed(DatalabError):
    """A file could not be brought to Datalab.

    Attributes:
        file_name: The name that it was to have there.
        status: The HTTP status of the refusal, or None if nothing was refused.
        reason: What kind of failure it is. Before anything was sent: ``"missing"``,
            ``"unreadable"`` (a folder, no rights, a broken disk), ``"empty"`` or
            ``"too large"``. On the way: ``"changed"`` (somebody writes to it),
            ``"unreachable"`` (no whole answer), ``"refused"`` (storage does not take
            it), ``"corrupt"`` (other bytes arrived) or ``"unconfirmed"`` (it was sent,
            but Datalab does not confirm that it came).
    """

    file_name: str
    status: int | None
    reason: str

    def __init__(
        self, message: str, *, file_name: str, status: int | None = None, reason: str
    ) -> None:
        super().__init__(message)
        self.file_name = file_name
        self.status = status
        self.reason = reason


class DownloadFailed(DatalabError):
    """An output, or a file that was uploaded, could not be brought home.

    Attributes:
        execution_id: The execution that an output belongs to; None for a file.
        step: The name of an output's step; where it is a URL, without its query; None
            for a file.
        file_key: The file's key, or None where the step has just one run; where it is
            a URL, without its query.
        file_id: The id of a file that was uploaded; None for an output.
        status: The storage's HTTP status, or None if no answer came.
        reason: What kind of failure it is: ``"unreachable"`` (no answer),
            ``"refused"`` (storage does not let us), ``"expired"`` (the URL did, and
            could not be renewed), ``"gone"`` (deleted), ``"incomplete"`` (cut off
            again and again, or longer than storage says), ``"corrupt"`` (not what it should
            be: its checksum, its compression, or a web page in place of JSON), ``"too large"``,
            ``"exists"``
            (there is a file already) or ``"disk"`` (it could not be written).
    """

    execution_id: int | None
    step: str | None
    file_key: str | None
    file_id: int | None
    status: int | None
    reason: str

    def __init__(
        self,
        message: str,
        *,
        execution_id: int | None = None,
        step: str | None = None,
        file_key: str | None = None,
        file_id: int | None = None,
        status: int | None = None,
        reason: str = "unreachable",
    ) -> None:
        super().__init__(message)
        self.execution_id = execution_id
        self.step = step
        self.file_key = file_key
        self.file_id = file_id
        self.status = status
        self.reason = reason


class OutputTooLarge(DownloadFailed):
    """An output is larger than the caller allowed to be held in memory."""


class LocalFileError(DatalabError, OSError):
    """What was saved could not be written down: the disk is full or broken, or others keep it.

    The files that were saved are there. Once the disk is as it should be, the same call
    goes on, and fetches none of them again. It is an :class:`OSError` too.

    Attributes:
        manifest: What was saved so far, and what was missed; None where nothing was begun.
    """

    manifest: Manifest | None

    def __init__(self, message: str, *, manifest: Manifest | None = None) -> None:
        super().__init__(message)
        self.manifest = manifest


class SubmissionUnknown(DatalabError):
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


_BY_STATUS: dict[int, type[StatusError]] = {
    400: BadRequest,
    401: AuthenticationFailed,
    403: PermissionRefused,
    404: NotFound,
    413: PayloadTooLarge,
    429: RateLimited,
    529: Overloaded,
}


def status_error_class(status: int) -> type[StatusError]:
    """Give the class for a status other than 422, which needs its issues.

    >>> status_error_class(503).__name__
    'ServerFailed'
    """
    return _BY_STATUS.get(status, ServerFailed if 500 <= status <= 599 else StatusError)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
