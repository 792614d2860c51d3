"""Typed Python SDK for Datalab workflow executions.

>>> from datalab_facade import Datalab
>>> def finished(execution_id):
...     with Datalab() as client:
...         return client.executions.result(execution_id)
"""

from datalab_facade._version import __version__
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
    DownloadFailed,
    ExecutionFailed,
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
    ValidationFailed,
    ValidationIssue,
    WaitTimedOut,
)
from datalab_facade.handles import AsyncExecutionHandle, ExecutionHandle
from datalab_facade.learning import Durations
from datalab_facade.manifest import Manifest, MissedOutput, SavedOutput
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
from datalab_facade.statuses import Status
from datalab_facade.waiting import WaitPolicy

__all__ = [
    "AsyncDatalab",
    "AsyncExecutionHandle",
    "AuthenticationFailed",
    "BadRequest",
    "BudgetExhausted",
    "Change",
    "ConfigurationError",
    "ConnectionFailed",
    "Datalab",
    "DatalabError",
    "DownloadFailed",
    "Drift",
    "DriftReport",
    "Durations",
    "Execution",
    "ExecutionFailed",
    "ExecutionHandle",
    "Failure",
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
    "SavedOutput",
    "ServerFailed",
    "Status",
    "StatusError",
    "Step",
    "StepRun",
    "Steps",
    "SubmissionUnknown",
    "Totals",
    "UnexpectedBody",
    "Update",
    "ValidationFailed",
    "ValidationIssue",
    "WaitPolicy",
    "WaitTimedOut",
    "__version__",
]
