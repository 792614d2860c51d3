"""Exit codes for scripts; for people, what went wrong and what to do next."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable
from contextvars import ContextVar
from enum import IntEnum
from typing import Final

import attrs

from datalab_facade.codec import ToJSON, json_field
from datalab_facade.errors import (
    CALLER_ERRORS,
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    ConnectionSetupError,
    CostLimitError,
    DatalabError,
    DownloadError,
    EmptyResultError,
    ExecutionFailedError,
    ExtractionMismatchError,
    InternalServerError,
    InvalidDefinitionError,
    InvalidResponseError,
    JobFailedError,
    LocalFileError,
    NotFoundError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    RateLimitTimeoutError,
    ResultExpiredError,
    SubmissionUncertainError,
    UploadError,
    WaitTimeoutError,
)
from datalab_facade.redaction import excerpt


class ExitCode(IntEnum):
    """The exit codes of the program; they are stable."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    TIMED_OUT = 4
    NETWORK = 5
    BUG = 70
    WRITE_ERROR = 74
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANINGS: Final = {
    ExitCode.DONE: "success; for executions and requests: all have completed",
    ExitCode.FAILED: "an execution or request has failed, or some of the work could not be done",
    ExitCode.USAGE: "wrong usage: an argument, a setting, a definition, a local file or folder",
    ExitCode.REFUSED: "not found, or refused by Datalab",
    ExitCode.TIMED_OUT: "timed out; executions and requests continue",
    ExitCode.NETWORK: "no valid answer from Datalab or the network; try again later",
    ExitCode.BUG: "a bug in this program",
    ExitCode.WRITE_ERROR: "the output or a file could not be written, for example to a full disk",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C; executions continue",
    ExitCode.BROKEN_PIPE: "the reader of the output closed the pipe",
}
"""The meaning of each code, as ``--help`` shows it."""


@attrs.frozen
class Problem(ToJSON):
    """An error as the command line reports it."""

    kind: str
    """The name of the error's class, or ``"UsageError"``."""
    message: str
    """What happened, in one line."""
    hint: str
    """What to do next; empty if the message says it already."""
    code: ExitCode = attrs.field(metadata=json_field("exit_code"))

    def line(self) -> str:
        """Return message and hint in one line."""
        if not self.hint:
            return self.message
        end = "" if self.message.endswith(("?", "!")) else "."
        return f"{self.message.rstrip('.')}{end} {self.hint}"


INTERRUPTED_HINT: Final = "Finished work is kept; executions continue"
"""The hint when a command ends early."""

_KEY_HINT: Final = "Check DATALAB_API_KEY or --key-file with: datalab-facade doctor"
_NETWORK_HINT: Final = "Try again, or check the connection with: datalab-facade doctor"

# For uploads and downloads, by the reason of the error.
_TRANSFER_CODES: Final = {
    "unreachable": ExitCode.NETWORK,
    "incomplete": ExitCode.NETWORK,
    "corrupt": ExitCode.NETWORK,
    "unconfirmed": ExitCode.NETWORK,
    "disk": ExitCode.WRITE_ERROR,
    "refused": ExitCode.REFUSED,
    "expired": ExitCode.REFUSED,
    "gone": ExitCode.REFUSED,
}


def problem_of(error: DatalabError) -> Problem:
    """Return the message, hint and exit code for an error.

    >>> from datalab_facade.errors import ConfigurationError
    >>> problem_of(ConfigurationError("No such folder")).code
    <ExitCode.USAGE: 2>
    """
    code, hint = _classify(error)
    return Problem(type(error).__name__, _message(error), hint, code)


# Arguments of the library, and the options that stand for them here.
_OPTION_NAMES: Final = {
    "retry_unknown=True": "--retry-unknown",
    "retry_failed=True": "--retry-failed",
    "allow_http=True": "--allow-http",
    "pass content_type": "use --content-type",
    "save_checkpoint=True": "--save-checkpoint",
    "Pass allow_empty=True if that is right": "Nothing was sent",
    "pass name, such as": "put it into a file with a name such as",
    "field_data must": "--fields must",
    "field_data is": "--fields is",
    "base_url is": "--host is",
    "extras is": "--extras is",
    "The same call": "The same command",
    "field_data: ": "--fields: ",
}
# What a command without the option does not offer.
_OF_MEDIA_TYPES: Final = "; for anything else pass content_type"
_CALLS: Final = re.compile(r"client\.(pipelines|extraction_schemas)\.list\(\)")


OPTIONS_AT_WORK: Final = ContextVar[tuple[tuple[str, str], ...]]("OPTIONS_AT_WORK", default=())
"""The options of the command at work, by the arguments that they stand for."""

_SECRET: Final = re.compile(r"secrets\['([^']*)'\]")
# The option is in dollars, so the number would mislead.
_MAX_COST: Final = re.compile(r"max_cost_cents(=[\d.]+)?")


def use_option_names(text: str) -> str:
    """Replace the library's arguments in a message by the options of the command line.

    >>> use_option_names("Use https, or allow_http=True")
    'Use https, or --allow-http'
    """
    names = dict(OPTIONS_AT_WORK.get())
    if "content_type" not in names:
        text = text.replace(_OF_MEDIA_TYPES, "")
    for argument, option in _OPTION_NAMES.items():
        text = text.replace(argument, option)
    for name, option in names.items():
        text = re.sub(rf"(?<![\w./'\"-]){name}(?![\w./'\"=-])", option, text)
    text = _CALLS.sub(lambda call: f"datalab-facade {call[1].replace('_', '-')} list", text)
    return _SECRET.sub(r"--secret \1=FILE", _MAX_COST.sub("--max-cost", text))


def _message(error: DatalabError) -> str:
    if isinstance(error, APIStatusError):
        detail = use_option_names(excerpt(error.detail or error.body, limit=400).rstrip("."))
        # The advice in the error's own message is for programmers.
        return f"Datalab answered {error.status}" + (f": {detail}" if detail else "")
    if isinstance(error, WaitTimeoutError):
        last = "no poll succeeded" if error.stage is None else f"last seen {error.stage}"
        job = f"{error.kind.capitalize()} {error.id}"
        return f"{job} has not ended after {error.elapsed:.0f} s ({last})"
    if isinstance(error, EmptyResultError):
        return f"The result of {error.result.id} has no {excerpt(', '.join(error.missing))}"
    if isinstance(error, ExtractionMismatchError):
        issues = "; ".join(map(str, error.issues))
        return excerpt(f"{error.extraction.id} does not fit {error.into}: {issues}", limit=1_000)
    if isinstance(error, InvalidDefinitionError):
        name = error.source or "The definition"
        issues = "; ".join(use_option_names(str(issue)) for issue in error.issues)
        return excerpt(f"{name} is not valid: {issues}", limit=1_000)
    return excerpt(use_option_names(str(error)), limit=1_000)


# The disk is full or broken; the arguments may be right.
_DISK_ERRORS: Final = {errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}


def _is_disk_error(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in _DISK_ERRORS


def _classify(error: DatalabError) -> tuple[ExitCode, str]:
    # What is raised "from None" has the error of the disk as its context.
    if any(map(_is_disk_error, (error, error.__cause__, error.__context__))):
        return ExitCode.WRITE_ERROR, ""
    if isinstance(error, LocalFileError) and error.manifest is not None:
        return ExitCode.WRITE_ERROR, ""
    if isinstance(error, ExecutionFailedError):
        return ExitCode.FAILED, f"For details: datalab-facade status {error.snapshot.id}"
    if isinstance(error, WaitTimeoutError):
        again = _AGAIN.get(error.kind, "to watch it again: datalab-facade watch")
        return ExitCode.TIMED_OUT, f"It continues; {again} {error.id}"
    if isinstance(error, (UploadError, DownloadError)):
        return _TRANSFER_CODES.get(error.reason, ExitCode.USAGE), ""
    code, hint = next(
        (result for kind, result in _BY_KIND if isinstance(error, kind)),
        (ExitCode.REFUSED, ""),
    )
    # The message itself says where to look for what was not found.
    return code, "" if "lists them" in str(error) else hint


# The commands that wait for a job again, by its kind.
_AGAIN: Final = {
    "document": "to get its result: datalab-facade result",
    "pipeline execution": "to get its result: datalab-facade pipelines result",
}

# The first match counts, so subclasses come before their bases.
_BY_KIND: Final[tuple[tuple[type[DatalabError], tuple[ExitCode, str]], ...]] = (
    *((kind, (ExitCode.USAGE, "")) for kind in CALLER_ERRORS),
    (JobFailedError, (ExitCode.FAILED, "")),
    (CostLimitError, (ExitCode.FAILED, "")),
    (EmptyResultError, (ExitCode.FAILED, "Check whether the document is blank")),
    (ExtractionMismatchError, (ExitCode.FAILED, "")),
    (RateLimitTimeoutError, (ExitCode.TIMED_OUT, "")),
    (SubmissionUncertainError, (ExitCode.NETWORK, "")),
    (ConnectionSetupError, (ExitCode.NETWORK, "")),
    (APIConnectionError, (ExitCode.NETWORK, _NETWORK_HINT)),
    (InvalidResponseError, (ExitCode.NETWORK, _NETWORK_HINT)),
    (AuthenticationError, (ExitCode.REFUSED, _KEY_HINT)),
    (PermissionDeniedError, (ExitCode.REFUSED, "Check your subscription and the team of the key")),
    (
        PaymentRequiredError,
        (ExitCode.REFUSED, "Raise the spending limit; what was submitted before is paid"),
    ),
    (
        ResultExpiredError,
        (ExitCode.REFUSED, "Datalab deletes results an hour after they are complete"),
    ),
    (
        NotFoundError,
        (
            ExitCode.REFUSED,
            "Check the id and the team of the key; Datalab deletes old results",
        ),
    ),
    (RateLimitError, (ExitCode.NETWORK, "Wait a minute; other programs may use the same key")),
    (InternalServerError, (ExitCode.NETWORK, "Try again later")),
)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Return one code for several: FAILED if any is, else the first that is not DONE.

    >>> worst([ExitCode.DONE, ExitCode.REFUSED, ExitCode.FAILED])
    <ExitCode.FAILED: 1>
    """
    bad = [code for code in codes if code is not ExitCode.DONE]
    if ExitCode.FAILED in bad:
        return ExitCode.FAILED
    return bad[0] if bad else ExitCode.DONE
