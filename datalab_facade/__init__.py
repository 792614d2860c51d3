"""Typed Python SDK for Datalab workflow executions.

>>> from datalab_facade import Datalab
>>> def finished(execution_id):
...     with Datalab() as client:
...         return client.executions.result(execution_id)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade._version import __version__
from datalab_facade.lazy_imports import lazy_names

if TYPE_CHECKING:
    from datalab_facade.async_client import AsyncDatalab
    from datalab_facade.client import Datalab
    from datalab_facade.drift import Drift, DriftReport
    from datalab_facade.errors import (
        APIConnectionError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        ClientStateError,
        ConfigurationError,
        ConflictError,
        DatalabError,
        DefinitionIssue,
        DownloadError,
        DownloadFailure,
        ExecutionFailedError,
        InternalServerError,
        InvalidArgumentError,
        InvalidDefinitionError,
        InvalidResponseError,
        JobFailedError,
        LocalFileError,
        NotFoundError,
        OutputTooLargeError,
        OverloadedError,
        PayloadTooLargeError,
        PaymentRequiredError,
        PermissionDeniedError,
        RateLimitError,
        RateLimitTimeoutError,
        RequestRejectedError,
        SubmissionUncertainError,
        UnprocessableEntityError,
        UploadError,
        UploadFailure,
        ValidationIssue,
        WaitTimeoutError,
    )
    from datalab_facade.executions.async_handles import AsyncExecutionHandle
    from datalab_facade.executions.handles import ExecutionHandle
    from datalab_facade.files.models import File, FileLink
    from datalab_facade.files.uploads import UploadOutcome
    from datalab_facade.jobs.changes import Change
    from datalab_facade.jobs.learning import DurationModel
    from datalab_facade.jobs.outcomes import Outcome, Totals, Update
    from datalab_facade.jobs.wait import WaitPolicy
    from datalab_facade.models import (
        Execution,
        Failure,
        Output,
        Step,
        StepProgress,
        StepRun,
        Steps,
    )
    from datalab_facade.outputs.manifest import FailedOutput, Manifest, SavedOutput
    from datalab_facade.rate_limiting.local import LocalRateLimiter, RateLimiter
    from datalab_facade.rate_limiting.priorities import RequestPriority
    from datalab_facade.runs.run_results import RunReport, RunResult
    from datalab_facade.statuses import Status
    from datalab_facade.timeline import Span, Timeline, TimelineRun, TimelineStep
    from datalab_facade.transfers.progress import Progress
    from datalab_facade.workflows.definitions import StepDefinition, WorkflowDefinition
    from datalab_facade.workflows.inputs import InputConfig
    from datalab_facade.workflows.models import StepType, Workflow, WorkflowStep

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncDatalab",
    "AsyncExecutionHandle",
    "AuthenticationError",
    "BadRequestError",
    "Change",
    "ClientStateError",
    "ConfigurationError",
    "ConflictError",
    "Datalab",
    "DatalabError",
    "DefinitionIssue",
    "DownloadError",
    "DownloadFailure",
    "Drift",
    "DriftReport",
    "DurationModel",
    "Execution",
    "ExecutionFailedError",
    "ExecutionHandle",
    "FailedOutput",
    "Failure",
    "File",
    "FileLink",
    "InputConfig",
    "InternalServerError",
    "InvalidArgumentError",
    "InvalidDefinitionError",
    "InvalidResponseError",
    "JobFailedError",
    "LocalFileError",
    "LocalRateLimiter",
    "Manifest",
    "NotFoundError",
    "Outcome",
    "Output",
    "OutputTooLargeError",
    "OverloadedError",
    "PayloadTooLargeError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "Progress",
    "RateLimitError",
    "RateLimitTimeoutError",
    "RateLimiter",
    "RequestPriority",
    "RequestRejectedError",
    "RunReport",
    "RunResult",
    "SavedOutput",
    "Span",
    "Status",
    "Step",
    "StepDefinition",
    "StepProgress",
    "StepRun",
    "StepType",
    "Steps",
    "SubmissionUncertainError",
    "Timeline",
    "TimelineRun",
    "TimelineStep",
    "Totals",
    "UnprocessableEntityError",
    "Update",
    "UploadError",
    "UploadFailure",
    "UploadOutcome",
    "ValidationIssue",
    "WaitPolicy",
    "WaitTimeoutError",
    "Workflow",
    "WorkflowDefinition",
    "WorkflowStep",
    "__version__",
]

# Where each name is found, since what is imported above is for type checkers only.
_HOMES = {
    "jobs.changes": "Change",
    "async_client": "AsyncDatalab",
    "client": "Datalab",
    "workflows.definitions": "StepDefinition WorkflowDefinition",
    "drift": "Drift DriftReport",
    "errors": (
        "APIConnectionError APIStatusError APITimeoutError AuthenticationError "
        "BadRequestError ClientStateError ConfigurationError ConflictError DatalabError "
        "DefinitionIssue DownloadError DownloadFailure ExecutionFailedError "
        "InternalServerError InvalidArgumentError InvalidDefinitionError InvalidResponseError "
        "JobFailedError LocalFileError NotFoundError OutputTooLargeError OverloadedError "
        "PayloadTooLargeError PaymentRequiredError PermissionDeniedError RateLimitError "
        "RateLimitTimeoutError RequestRejectedError SubmissionUncertainError "
        "UnprocessableEntityError UploadError UploadFailure ValidationIssue WaitTimeoutError"
    ),
    "files.models": "File FileLink",
    "executions.async_handles": "AsyncExecutionHandle",
    "executions.handles": "ExecutionHandle",
    "workflows.inputs": "InputConfig",
    "jobs.learning": "DurationModel",
    "outputs.manifest": "Manifest FailedOutput SavedOutput",
    "models": "Execution Failure Output Step StepProgress StepRun Steps",
    "jobs.outcomes": "Outcome Totals Update",
    "rate_limiting.local": "RateLimiter LocalRateLimiter",
    "rate_limiting.priorities": "RequestPriority",
    "runs.run_results": "RunReport RunResult",
    "statuses": "Status",
    "timeline": "Span Timeline TimelineRun TimelineStep",
    "transfers.progress": "Progress",
    "files.uploads": "UploadOutcome",
    "jobs.wait": "WaitPolicy",
    "workflows.models": "StepType Workflow WorkflowStep",
}

if not TYPE_CHECKING:
    # Type checkers would take it to mean that any name is there.
    __getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
