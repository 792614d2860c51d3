"""Which errors another try of a task would meet again. Nothing here imports Airflow."""

from __future__ import annotations

from typing import Final

from datalab_facade.errors import (
    APIStatusError,
    ConfigurationError,
    ConflictError,
    ConnectionSetupError,
    DownloadError,
    DownloadFailure,
    EmptyResultError,
    ExtractionMismatchError,
    FormatNotRequestedError,
    InvalidArgumentError,
    JobFailedError,
    RequestRejectedError,
    SubmissionUncertainError,
    UploadError,
    UploadFailure,
)
from datalab_facade.jobs.retries import may_pass

# A local file or folder is not among them: a shared disk is full or missing for some time only.
_PERMANENT: Final = (
    ConfigurationError,
    ConnectionSetupError,
    EmptyResultError,
    ExtractionMismatchError,
    FormatNotRequestedError,
    InvalidArgumentError,
    JobFailedError,
    RequestRejectedError,
    SubmissionUncertainError,
)

_PERMANENT_REASONS: Final[frozenset[str]] = frozenset(
    {
        UploadFailure.EMPTY,
        UploadFailure.TOO_LARGE,
        DownloadFailure.EXISTS,
        DownloadFailure.GONE,
        DownloadFailure.TOO_LARGE,
    }
)

_NO_CONNECTION: Final = "AirflowNotFoundException"


def is_permanent(error: BaseException) -> bool:
    """Tell whether another try meets this error again, until somebody changes something.

    That is so for what the server refuses and does not call passing: of the statuses from 300 to
    499 all but 408, 409, 425 and 429. It includes 402, since no credit comes by waiting. It is
    also so for a wrong argument, setting or connection, for a job that failed or has no result,
    and for a submission that nobody knows the result of, which is never repeated by itself.
    """
    if isinstance(error, (UploadError, DownloadError)):
        return error.reason in _PERMANENT_REASONS
    if isinstance(error, APIStatusError):
        # What stands in the way of a change may be over by the next try.
        return not (may_pass(error) or isinstance(error, ConflictError))
    return isinstance(error, _PERMANENT) or type(error).__name__ == _NO_CONNECTION
