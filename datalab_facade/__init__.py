"""Typed Python SDK for Datalab workflow executions.

>>> from datalab_facade import Datalab
>>> def finished(execution_id):
...     with Datalab() as client:
...         return client.executions.result(execution_id)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade._version import __version__
from datalab_facade.late import late_names

if TYPE_CHECKING:
    from datalab_facade.changes import Change
    from datalab_facade.client import AsyncDatalab, Datalab
    from datalab_facade.drift import Drift, DriftReport
    from datalab_facade.errors import (
        AuthenticationFailed,
        BadRequest,
        BudgetExhausted,
        ConfigurationError,
        ConnectionFailed,
        DatalabError,
        DefinitionInvalid,
        DefinitionProblem,
        DownloadFailed,
        ExecutionFailed,
        LocalFileError,
        NotFound,
        OutputTooLarge,
        Overloaded,
        PayloadTooLarge,
        PermissionRefused,
        RateLimited,
        RequestRefused,
        RequestTimedOut,
        ServerFailed,
        StatusError,
        SubmissionUnknown,
        UnexpectedBody,
        UploadFailed,
        ValidationFailed,
        ValidationIssue,
        WaitTimedOut,
    )
    from datalab_facade.executions.handles import AsyncExecutionHandle, ExecutionHandle
    from datalab_facade.files.models import File, FileLink
    from datalab_facade.files.uploads import UploadOutcome
    from datalab_facade.models import (
        Execution,
        Failure,
        Output,
        Progress,
        Step,
        StepRun,
        Steps,
    )
    from datalab_facade.outcomes import Outcome, Totals, Update
    from datalab_facade.outputs.manifest import Manifest, MissedOutput, SavedOutput
    from datalab_facade.outputs.transfers import FileTransfer
    from datalab_facade.pacing.pacing import Budget, LocalBudget
    from datalab_facade.runs.running import RunReport, RunResult
    from datalab_facade.statuses import Status
    from datalab_facade.timeline import Span, Timeline, TimelineRun, TimelineStep
    from datalab_facade.waiting.learning import Durations
    from datalab_facade.waiting.waiting import WaitPolicy
    from datalab_facade.workflows.definitions import StepDefinition, WorkflowDefinition
    from datalab_facade.workflows.inputs import InputConfig
    from datalab_facade.workflows.models import StepType, Workflow, WorkflowStep

__all__ = [
    "AsyncDatalab",
    "AsyncExecutionHandle",
    "AuthenticationFailed",
    "BadRequest",
    "Budget",
    "BudgetExhausted",
    "Change",
    "ConfigurationError",
    "ConnectionFailed",
    "Datalab",
    "DatalabError",
    "DefinitionInvalid",
    "DefinitionProblem",
    "DownloadFailed",
    "Drift",
    "DriftReport",
    "Durations",
    "Execution",
    "ExecutionFailed",
    "ExecutionHandle",
    "Failure",
    "File",
    "FileLink",
    "FileTransfer",
    "InputConfig",
    "LocalBudget",
    "LocalFileError",
    "Manifest",
    "MissedOutput",
    "NotFound",
    "Outcome",
    "Output",
    "OutputTooLarge",
    "Overloaded",
    "PayloadTooLarge",
    "PermissionRefused",
    "Progress",
    "RateLimited",
    "RequestRefused",
    "RequestTimedOut",
    "RunReport",
    "RunResult",
    "SavedOutput",
    "ServerFailed",
    "Span",
    "Status",
    "StatusError",
    "Step",
    "StepDefinition",
    "StepRun",
    "StepType",
    "Steps",
    "SubmissionUnknown",
    "Timeline",
    "TimelineRun",
    "TimelineStep",
    "Totals",
    "UnexpectedBody",
    "Update",
    "UploadFailed",
    "UploadOutcome",
    "ValidationFailed",
    "ValidationIssue",
    "WaitPolicy",
    "WaitTimedOut",
    "Workflow",
    "WorkflowDefinition",
    "WorkflowStep",
    "__version__",
]

# Where each name is found, since what is imported above is for type checkers only.
_HOMES = {
    "changes": "Change",
    "client": "AsyncDatalab Datalab",
    "workflows.definitions": "StepDefinition WorkflowDefinition",
    "drift": "Drift DriftReport",
    "errors": (
        "AuthenticationFailed BadRequest BudgetExhausted ConfigurationError ConnectionFailed "
        "DatalabError DefinitionInvalid DefinitionProblem DownloadFailed ExecutionFailed "
        "LocalFileError NotFound OutputTooLarge Overloaded PayloadTooLarge PermissionRefused "
        "RateLimited RequestRefused RequestTimedOut ServerFailed StatusError SubmissionUnknown "
        "UnexpectedBody UploadFailed ValidationFailed ValidationIssue WaitTimedOut"
    ),
    "files.models": "File FileLink",
    "executions.handles": "AsyncExecutionHandle ExecutionHandle",
    "workflows.inputs": "InputConfig",
    "waiting.learning": "Durations",
    "outputs.manifest": "Manifest MissedOutput SavedOutput",
    "models": "Execution Failure Output Progress Step StepRun Steps",
    "outcomes": "Outcome Totals Update",
    "pacing.pacing": "Budget LocalBudget",
    "runs.running": "RunReport RunResult",
    "statuses": "Status",
    "timeline": "Span Timeline TimelineRun TimelineStep",
    "outputs.transfers": "FileTransfer",
    "files.uploads": "UploadOutcome",
    "waiting.waiting": "WaitPolicy",
    "workflows.models": "StepType Workflow WorkflowStep",
}

if not TYPE_CHECKING:
    # Type checkers would take it to mean that any name is there.
    __getattr__ = late_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
