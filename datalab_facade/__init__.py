"""Typed Python SDK for Datalab: documents into text and data, and the results safely home.

>>> from datalab_facade import Datalab
>>> def text_of(path):
...     with Datalab() as client:
...         return client.documents.convert(path).markdown
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade._version import __version__
from datalab_facade.lazy_imports import lazy_names

if TYPE_CHECKING:
    from datalab_facade.async_client import AsyncDatalab
    from datalab_facade.client import Datalab
    from datalab_facade.client_options import ClientOptions
    from datalab_facade.documents.async_handles import AsyncDocumentHandle
    from datalab_facade.documents.extracted_fields import ExtractedField
    from datalab_facade.documents.handles import DocumentHandle
    from datalab_facade.documents.receipts import SavedResult
    from datalab_facade.documents.result_base import DocumentResult
    from datalab_facade.documents.results import (
        AgentResult,
        Conversion,
        CreatedDocument,
        DocumentSegment,
        Extraction,
        FilledForm,
        SchemaSuggestions,
        Segmentation,
    )
    from datalab_facade.documents.schemas import schema_of
    from datalab_facade.documents.snapshots import DocumentRequest
    from datalab_facade.documents.sources import CheckpointSource
    from datalab_facade.documents.tasks import (
        Convert,
        CreateDocument,
        Extract,
        Fill,
        RunAgent,
        Segment,
        SuggestSchemas,
        Task,
        TrackChanges,
    )
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
        ConnectionSetupError,
        CostLimitError,
        DatalabError,
        DefinitionIssue,
        DocumentFailedError,
        DownloadError,
        DownloadFailure,
        EmptyResultError,
        ExecutionFailedError,
        ExtractionIssue,
        ExtractionMismatchError,
        FormatNotRequestedError,
        InternalServerError,
        InvalidArgumentError,
        InvalidDefinitionError,
        InvalidResponseError,
        InvalidSchemaError,
        JobFailedError,
        LocalFileError,
        NotFoundError,
        OutputTooLargeError,
        OverloadedError,
        PayloadTooLargeError,
        PaymentRequiredError,
        PermissionDeniedError,
        PipelineFailedError,
        RateLimitError,
        RateLimitTimeoutError,
        RequestRejectedError,
        ResultExpiredError,
        SchemaIssue,
        SubmissionUncertainError,
        UnknownOptionError,
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
    from datalab_facade.health import Health
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
    from datalab_facade.options import CallOptions, WaitOptions
    from datalab_facade.outputs.manifest import FailedOutput, Manifest, SavedOutput
    from datalab_facade.pipelines.async_handles import AsyncPipelineExecutionHandle
    from datalab_facade.pipelines.definitions import PipelineDefinition, PipelineStep
    from datalab_facade.pipelines.execution_models import PipelineExecution, PipelineStepRun
    from datalab_facade.pipelines.handles import PipelineExecutionHandle
    from datalab_facade.pipelines.models import (
        BatchRun,
        ExtractionSchema,
        Pipeline,
        PipelineRate,
        PipelineVersion,
        StoredStep,
    )
    from datalab_facade.pipelines.run_task import RunPipeline
    from datalab_facade.rate_limiting.local import LocalRateLimiter, RateLimiter
    from datalab_facade.rate_limiting.priorities import RequestPriority
    from datalab_facade.runs.run_options import RunOptions
    from datalab_facade.runs.run_results import RunReport, RunResult
    from datalab_facade.statuses import Status
    from datalab_facade.timeline import Span, Timeline, TimelineRun, TimelineStep
    from datalab_facade.transfers.progress import Progress
    from datalab_facade.workflows.definitions import StepDefinition, WorkflowDefinition
    from datalab_facade.workflows.inputs import InputConfig
    from datalab_facade.workflows.models import StepType, Workflow, WorkflowStep

# What follows is written by scripts/public_names.py, of the imports above.
__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AgentResult",
    "AsyncDatalab",
    "AsyncDocumentHandle",
    "AsyncExecutionHandle",
    "AsyncPipelineExecutionHandle",
    "AuthenticationError",
    "BadRequestError",
    "BatchRun",
    "CallOptions",
    "Change",
    "CheckpointSource",
    "ClientOptions",
    "ClientStateError",
    "ConfigurationError",
    "ConflictError",
    "ConnectionSetupError",
    "Conversion",
    "Convert",
    "CostLimitError",
    "CreateDocument",
    "CreatedDocument",
    "Datalab",
    "DatalabError",
    "DefinitionIssue",
    "DocumentFailedError",
    "DocumentHandle",
    "DocumentRequest",
    "DocumentResult",
    "DocumentSegment",
    "DownloadError",
    "DownloadFailure",
    "Drift",
    "DriftReport",
    "DurationModel",
    "EmptyResultError",
    "Execution",
    "ExecutionFailedError",
    "ExecutionHandle",
    "Extract",
    "ExtractedField",
    "Extraction",
    "ExtractionIssue",
    "ExtractionMismatchError",
    "ExtractionSchema",
    "FailedOutput",
    "Failure",
    "File",
    "FileLink",
    "Fill",
    "FilledForm",
    "FormatNotRequestedError",
    "Health",
    "InputConfig",
    "InternalServerError",
    "InvalidArgumentError",
    "InvalidDefinitionError",
    "InvalidResponseError",
    "InvalidSchemaError",
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
    "Pipeline",
    "PipelineDefinition",
    "PipelineExecution",
    "PipelineExecutionHandle",
    "PipelineFailedError",
    "PipelineRate",
    "PipelineStep",
    "PipelineStepRun",
    "PipelineVersion",
    "Progress",
    "RateLimitError",
    "RateLimitTimeoutError",
    "RateLimiter",
    "RequestPriority",
    "RequestRejectedError",
    "ResultExpiredError",
    "RunAgent",
    "RunOptions",
    "RunPipeline",
    "RunReport",
    "RunResult",
    "SavedOutput",
    "SavedResult",
    "SchemaIssue",
    "SchemaSuggestions",
    "Segment",
    "Segmentation",
    "Span",
    "Status",
    "Step",
    "StepDefinition",
    "StepProgress",
    "StepRun",
    "StepType",
    "Steps",
    "StoredStep",
    "SubmissionUncertainError",
    "SuggestSchemas",
    "Task",
    "Timeline",
    "TimelineRun",
    "TimelineStep",
    "Totals",
    "TrackChanges",
    "UnknownOptionError",
    "UnprocessableEntityError",
    "Update",
    "UploadError",
    "UploadFailure",
    "UploadOutcome",
    "ValidationIssue",
    "WaitOptions",
    "WaitPolicy",
    "WaitTimeoutError",
    "Workflow",
    "WorkflowDefinition",
    "WorkflowStep",
    "__version__",
    "schema_of",
]

_HOMES = {
    "async_client": "AsyncDatalab",
    "client": "Datalab",
    "client_options": "ClientOptions",
    "documents.async_handles": "AsyncDocumentHandle",
    "documents.extracted_fields": "ExtractedField",
    "documents.handles": "DocumentHandle",
    "documents.receipts": "SavedResult",
    "documents.result_base": "DocumentResult",
    "documents.results": (
        "AgentResult Conversion CreatedDocument DocumentSegment Extraction FilledForm "
        "SchemaSuggestions Segmentation"
    ),
    "documents.schemas": "schema_of",
    "documents.snapshots": "DocumentRequest",
    "documents.sources": "CheckpointSource",
    "documents.tasks": (
        "Convert CreateDocument Extract Fill RunAgent Segment SuggestSchemas Task TrackChanges"
    ),
    "drift": "Drift DriftReport",
    "errors": (
        "APIConnectionError APIStatusError APITimeoutError AuthenticationError BadRequestError "
        "ClientStateError ConfigurationError ConflictError ConnectionSetupError CostLimitError "
        "DatalabError DefinitionIssue DocumentFailedError DownloadError DownloadFailure "
        "EmptyResultError ExecutionFailedError ExtractionIssue ExtractionMismatchError "
        "FormatNotRequestedError InternalServerError InvalidArgumentError InvalidDefinitionError "
        "InvalidResponseError InvalidSchemaError JobFailedError LocalFileError NotFoundError "
        "OutputTooLargeError OverloadedError PayloadTooLargeError PaymentRequiredError "
        "PermissionDeniedError PipelineFailedError RateLimitError RateLimitTimeoutError "
        "RequestRejectedError ResultExpiredError SchemaIssue SubmissionUncertainError "
        "UnknownOptionError UnprocessableEntityError UploadError UploadFailure ValidationIssue "
        "WaitTimeoutError"
    ),
    "executions.async_handles": "AsyncExecutionHandle",
    "executions.handles": "ExecutionHandle",
    "files.models": "File FileLink",
    "files.uploads": "UploadOutcome",
    "health": "Health",
    "jobs.changes": "Change",
    "jobs.learning": "DurationModel",
    "jobs.outcomes": "Outcome Totals Update",
    "jobs.wait": "WaitPolicy",
    "models": "Execution Failure Output Step StepProgress StepRun Steps",
    "options": "CallOptions WaitOptions",
    "outputs.manifest": "FailedOutput Manifest SavedOutput",
    "pipelines.async_handles": "AsyncPipelineExecutionHandle",
    "pipelines.definitions": "PipelineDefinition PipelineStep",
    "pipelines.execution_models": "PipelineExecution PipelineStepRun",
    "pipelines.handles": "PipelineExecutionHandle",
    "pipelines.models": (
        "BatchRun ExtractionSchema Pipeline PipelineRate PipelineVersion StoredStep"
    ),
    "pipelines.run_task": "RunPipeline",
    "rate_limiting.local": "LocalRateLimiter RateLimiter",
    "rate_limiting.priorities": "RequestPriority",
    "runs.run_options": "RunOptions",
    "runs.run_results": "RunReport RunResult",
    "statuses": "Status",
    "timeline": "Span Timeline TimelineRun TimelineStep",
    "transfers.progress": "Progress",
    "workflows.definitions": "StepDefinition WorkflowDefinition",
    "workflows.inputs": "InputConfig",
    "workflows.models": "StepType Workflow WorkflowStep",
}
# Until here.

if not TYPE_CHECKING:
    # Type checkers would take it to mean that any name is there.
    __getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
