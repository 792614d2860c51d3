"""What the program ends with: a code for scripts, and for people what went wrong and what next."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable
from enum import IntEnum
from typing import Final

import attrs

from datalab_facade.errors import (
    CALLER_ERRORS,
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    DatalabError,
    DownloadError,
    ExecutionFailedError,
    InternalServerError,
    InvalidDefinitionError,
    InvalidResponseError,
    LocalFileError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RateLimitTimeoutError,
    SubmissionUncertainError,
    UploadError,
    WaitTimeoutError,
)
from datalab_facade.models import JSON
from datalab_facade.redaction import excerpt


class ExitCode(IntEnum):
    """The codes that the program ends with; stable."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    TIMED_OUT = 4
    NETWORK = 5
    BUG = 70
    UNWRITTEN = 74
    INTERRUPTED = 130
    NOBODY_READS = 141


MEANINGS: Final = {
    ExitCode.DONE: "done; for an execution: it has completed",
    ExitCode.FAILED: "an execution has failed, or a part of what was asked for could not be done",
    ExitCode.USAGE: "wrong usage: the command line, a setting, a definition, a file of yours",
    ExitCode.REFUSED: "not found or refused by Datalab",
    ExitCode.TIMED_OUT: "timed out; executions go on",
    ExitCode.NETWORK: "no good answer: the network, or Datalab's side fails; try again later",
    ExitCode.BUG: "a mistake in this program",
    ExitCode.UNWRITTEN: "the output or a file could not be written, as on a full disk",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C; executions go on",
    ExitCode.NOBODY_READS: "whoever read the output has gone",
}
"""What each code means, as ``--help`` tells it."""


@attrs.frozen
class Problem:
    """What went wrong, as it is told."""

    kind: str
    """The name of the error's class, or ``"UsageError"``."""
    message: str
    """What happened, in a line."""
    hint: str
    """What to do next; empty where the message says so."""
    code: ExitCode

    def line(self) -> str:
        """Tell all of it in a line."""
        if not self.hint:
            return self.message
        end = "" if self.message.endswith(("?", "!")) else "."
        return f"{self.message.rstrip('.')}{end} {self.hint}"

    def to_dict(self) -> dict[str, JSON]:
        """Give it as plain JSON."""
        return {
            "kind": self.kind,
            "message": self.message,
            "hint": self.hint,
            "exit_code": int(self.code),
        }


WHAT_IS_DONE: Final = "What was done until then stays done; executions go on"
"""What to say when a command ends in the midst of it."""

_KEY_HINT: Final = "Check DATALAB_API_KEY or --key-file; datalab-facade doctor helps"
_NETWORK_HINT: Final = "Try again; datalab-facade doctor tells whether Datalab can be reached"

# What went wrong with a file, by the reason that the error gives.
_TRANSFER_CODES: Final = {
    "unreachable": ExitCode.NETWORK,
    "incomplete": ExitCode.NETWORK,
    "corrupt": ExitCode.NETWORK,
    "unconfirmed": ExitCode.NETWORK,
    "refused": ExitCode.REFUSED,
    "expired": ExitCode.REFUSED,
    "gone": ExitCode.REFUSED,
}


def problem_of(error: DatalabError) -> Problem:
    """Tell of an error what matters on a command line.

    >>> from datalab_facade.errors import ConfigurationError
    >>> problem_of(ConfigurationError("No such folder")).code
    <ExitCode.USAGE: 2>
    """
    code, hint = _judged(error)
    return Problem(type(error).__name__, _message(error), hint, code)


# What the library calls its arguments, and what they are called here.
_FLAGS: Final = {
    "retry_unknown=True": "--retry-unknown",
    "allow_http=True": "--allow-http",
    "pass content_type": "say --content-type",
}


_SECRET: Final = re.compile(r"secrets\['([^']*)'\]")


def words_of(text: str) -> str:
    """Give the library's words as they are meant here: flags in place of arguments.

    >>> words_of("Use https, or allow_http=True")
    'Use https, or --allow-http'
    """
    for argument, flag in _FLAGS.items():
        text = text.replace(argument, flag)
    return _SECRET.sub(r"--secret \1=FILE", text)


def _message(error: DatalabError) -> str:
    if isinstance(error, APIStatusError):
        said = excerpt(error.detail or error.body, limit=400).rstrip(".")
        # The advice that the error carries is for programmers.
        return f"Datalab answered {error.status}" + (f": {said}" if said else "")
    if isinstance(error, WaitTimeoutError):
        last = "no poll of it succeeded" if error.stage is None else f"last seen {error.stage}"
        job = f"{error.kind.capitalize()} {error.id}"
        return f"{job} has not ended after {error.elapsed:.0f} s ({last})"
    if isinstance(error, InvalidDefinitionError):
        name = error.source or "The definition"
        told = "; ".join(words_of(str(issue)) for issue in error.issues)
        return excerpt(f"{name} is wrong: {told}", limit=1_000)
    return excerpt(words_of(str(error)), limit=1_000)


# What is wrong with a disk, and not with what somebody wants of it.
_NO_ROOM: Final = {errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}


def _is_no_room(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in _NO_ROOM


def _judged(error: DatalabError) -> tuple[ExitCode, str]:
    if _is_no_room(error) or _is_no_room(error.__cause__):
        return ExitCode.UNWRITTEN, ""
    if isinstance(error, LocalFileError) and error.manifest is not None:
        return ExitCode.UNWRITTEN, ""
    if isinstance(error, ExecutionFailedError):
        return ExitCode.FAILED, f"datalab-facade status {error.snapshot.id} tells more"
    if isinstance(error, WaitTimeoutError):
        again = f"datalab-facade watch {error.id}"
        return ExitCode.TIMED_OUT, f"It goes on; {again} comes back to it"
    if isinstance(error, (UploadError, DownloadError)):
        return _TRANSFER_CODES.get(error.reason, ExitCode.USAGE), ""
    return next(
        (judgement for kind, judgement in _BY_KIND if isinstance(error, kind)),
        (ExitCode.REFUSED, ""),
    )


# The first that fits; what is more special comes first.
_BY_KIND: Final[tuple[tuple[type[DatalabError], tuple[ExitCode, str]], ...]] = (
    *((kind, (ExitCode.USAGE, "")) for kind in CALLER_ERRORS),
    (RateLimitTimeoutError, (ExitCode.TIMED_OUT, "")),
    (SubmissionUncertainError, (ExitCode.NETWORK, "")),
    (APIConnectionError, (ExitCode.NETWORK, _NETWORK_HINT)),
    (InvalidResponseError, (ExitCode.NETWORK, _NETWORK_HINT)),
    (AuthenticationError, (ExitCode.REFUSED, _KEY_HINT)),
    (PermissionDeniedError, (ExitCode.REFUSED, "Check the subscription and the key's team")),
    (
        NotFoundError,
        (
            ExitCode.REFUSED,
            "Check the id and the key's team; results are deleted after a while",
        ),
    ),
    (RateLimitError, (ExitCode.NETWORK, "Wait a minute; other programs may share the key")),
    (InternalServerError, (ExitCode.NETWORK, "Try again a little later")),
)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Give the code for several things: FAILED if any failed, else the first that is not DONE.

    >>> worst([ExitCode.DONE, ExitCode.REFUSED, ExitCode.FAILED])
    <ExitCode.FAILED: 1>
    """
    bad = [code for code in codes if code is not ExitCode.DONE]
    if ExitCode.FAILED in bad:
        return ExitCode.FAILED
    return bad[0] if bad else ExitCode.DONE
