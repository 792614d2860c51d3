"""Outputs as objects in storage to download."""

from __future__ import annotations

from datalab_facade.errors import DownloadError, DownloadFailure
from datalab_facade.models import Output
from datalab_facade.redaction import redact_name
from datalab_facade.transfers.remotes import Remote


def remote_output(output: Output) -> Remote:
    """Describe an output for its download.

    >>> output = Output(execution_id=5, step="parse", file_key="987", url="https://s.example/a")
    >>> remote_output(output).subject
    'The output of step parse [987] of execution 5'
    """
    # The name of a step or a file may be a presigned URL. Errors are shown to anybody, and
    # notes stay on disk after a kill.
    step = redact_name(output.step)
    file_key = redact_name(output.file_key) if output.file_key is not None else None
    file = f" [{file_key}]" if file_key is not None else ""
    return Remote(
        url=output.url,
        subject=f"The output of step {step}{file} of execution {output.execution_id}",
        label=step if file_key is None else f"{step}/{file_key}",
        identity=(output.execution_id, step, file_key),
        error_details={
            "execution_id": output.execution_id,
            "step": step,
            "file_key": file_key,
        },
        job=("execution", output.execution_id),
        why_gone=": Datalab deletes results about an hour after they finish",
        may_be_page=False,
    )


def no_time_left(output: Output) -> DownloadError:
    """Return the error for an expired URL that cannot be renewed before the deadline."""
    return remote_output(output).error(
        DownloadFailure.EXPIRED, "has a URL that expired, and no time is left to renew it"
    )
