"""All models of requests and answers; each is imported when it is first needed."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .agent_final_response import AgentFinalResponse
    from .body_agent_api_v1_agent_post import BodyAgentApiV1AgentPost
    from .body_convert_api_v1_convert_post import BodyConvertApiV1ConvertPost
    from .body_extract_api_v1_extract_post import BodyExtractApiV1ExtractPost
    from .body_fill_api_v1_fill_post import BodyFillApiV1FillPost
    from .body_run_pipeline_api_v1_pipelines_pipeline_id_run_post import BodyRunPipelineApiV1PipelinesPipelineIdRunPost
    from .body_segment_api_v1_segment_post import BodySegmentApiV1SegmentPost
    from .body_track_changes_api_v1_track_changes_post import BodyTrackChangesApiV1TrackChangesPost
    from .create_document_final_response import CreateDocumentFinalResponse
    from .create_document_final_response_cost_breakdown_type_0 import CreateDocumentFinalResponseCostBreakdownType0
    from .create_document_final_response_versions_type_0 import CreateDocumentFinalResponseVersionsType0
    from .create_document_request import CreateDocumentRequest
    from .create_document_request_model_override_settings_type_0 import CreateDocumentRequestModelOverrideSettingsType0
    from .create_extraction_schema_request import CreateExtractionSchemaRequest
    from .create_extraction_schema_request_schema_json import CreateExtractionSchemaRequestSchemaJson
    from .create_pipeline_request import CreatePipelineRequest
    from .create_pipeline_version_request import CreatePipelineVersionRequest
    from .create_workflow_request import CreateWorkflowRequest
    from .discard_draft_request import DiscardDraftRequest
    from .eval_batch_run_response import EvalBatchRunResponse
    from .execute_workflow_request import ExecuteWorkflowRequest
    from .execute_workflow_request_input_config_type_0 import ExecuteWorkflowRequestInputConfigType0
    from .extraction_gen_schemas_request import ExtractionGenSchemasRequest
    from .extraction_gen_schemas_request_model_override_settings_type_0 import (
        ExtractionGenSchemasRequestModelOverrideSettingsType0,
    )
    from .extraction_gen_schemas_response import ExtractionGenSchemasResponse
    from .extraction_gen_schemas_response_suggestions_type_0 import ExtractionGenSchemasResponseSuggestionsType0
    from .extraction_schema_response import ExtractionSchemaResponse
    from .extraction_schema_response_schema_json import ExtractionSchemaResponseSchemaJson
    from .extraction_schema_response_version_history_type_0_item import ExtractionSchemaResponseVersionHistoryType0Item
    from .file_delete_response import FileDeleteResponse
    from .file_download_response import FileDownloadResponse
    from .file_metadata_response import FileMetadataResponse
    from .file_upload_confirm_response import FileUploadConfirmResponse
    from .file_upload_request import FileUploadRequest
    from .file_upload_response import FileUploadResponse
    from .form_filling_final_response import FormFillingFinalResponse
    from .form_filling_final_response_cost_breakdown_type_0 import FormFillingFinalResponseCostBreakdownType0
    from .form_filling_final_response_versions_type_0 import FormFillingFinalResponseVersionsType0
    from .health_response import HealthResponse
    from .http_validation_error import HTTPValidationError
    from .initial_response import InitialResponse
    from .initial_response_versions_type_0 import InitialResponseVersionsType0
    from .list_batch_runs_response import ListBatchRunsResponse
    from .list_extraction_schemas_response import ListExtractionSchemasResponse
    from .list_files_response import ListFilesResponse
    from .list_pipeline_executions_response import ListPipelineExecutionsResponse
    from .list_pipelines_response import ListPipelinesResponse
    from .marker_final_response import MarkerFinalResponse
    from .marker_final_response_chunks_type_0 import MarkerFinalResponseChunksType0
    from .marker_final_response_cost_breakdown_type_0 import MarkerFinalResponseCostBreakdownType0
    from .marker_final_response_evaluation_type_0 import MarkerFinalResponseEvaluationType0
    from .marker_final_response_evaluation_type_0_evaluations_item import (
        MarkerFinalResponseEvaluationType0EvaluationsItem,
    )
    from .marker_final_response_evaluation_type_0_evaluations_item_individual_results_item import (
        MarkerFinalResponseEvaluationType0EvaluationsItemIndividualResultsItem,
    )
    from .marker_final_response_images_type_0 import MarkerFinalResponseImagesType0
    from .marker_final_response_json_type_0 import MarkerFinalResponseJsonType0
    from .marker_final_response_metadata_type_0 import MarkerFinalResponseMetadataType0
    from .marker_final_response_segmentation_results_type_0 import MarkerFinalResponseSegmentationResultsType0
    from .marker_final_response_versions_type_0 import MarkerFinalResponseVersionsType0
    from .pipeline_execution_response import PipelineExecutionResponse
    from .pipeline_execution_response_config_snapshot_type_0 import PipelineExecutionResponseConfigSnapshotType0
    from .pipeline_execution_response_input_config_type_0 import PipelineExecutionResponseInputConfigType0
    from .pipeline_execution_response_rate_breakdown_type_0 import PipelineExecutionResponseRateBreakdownType0
    from .pipeline_execution_step_response import PipelineExecutionStepResponse
    from .pipeline_response import PipelineResponse
    from .pipeline_response_steps_item import PipelineResponseStepsItem
    from .pipeline_step import PipelineStep
    from .pipeline_step_settings import PipelineStepSettings
    from .pipeline_version_response import PipelineVersionResponse
    from .pipeline_version_response_steps_item import PipelineVersionResponseStepsItem
    from .save_pipeline_request import SavePipelineRequest
    from .start_batch_run_request import StartBatchRunRequest
    from .start_batch_run_request_pipeline_type import StartBatchRunRequestPipelineType
    from .thumbnail_response import ThumbnailResponse
    from .update_extraction_schema_request import UpdateExtractionSchemaRequest
    from .update_extraction_schema_request_schema_json_type_0 import UpdateExtractionSchemaRequestSchemaJsonType0
    from .update_pipeline_request import UpdatePipelineRequest
    from .validation_error import ValidationError
    from .workflow_definition_response import WorkflowDefinitionResponse
    from .workflow_definition_response_steps_item import WorkflowDefinitionResponseStepsItem
    from .workflow_step_definition import WorkflowStepDefinition
    from .workflow_step_definition_settings import WorkflowStepDefinitionSettings
else:
    _MODULES = {
        "AgentFinalResponse": "agent_final_response",
        "BodyAgentApiV1AgentPost": "body_agent_api_v1_agent_post",
        "BodyConvertApiV1ConvertPost": "body_convert_api_v1_convert_post",
        "BodyExtractApiV1ExtractPost": "body_extract_api_v1_extract_post",
        "BodyFillApiV1FillPost": "body_fill_api_v1_fill_post",
        "BodyRunPipelineApiV1PipelinesPipelineIdRunPost": "body_run_pipeline_api_v1_pipelines_pipeline_id_run_post",
        "BodySegmentApiV1SegmentPost": "body_segment_api_v1_segment_post",
        "BodyTrackChangesApiV1TrackChangesPost": "body_track_changes_api_v1_track_changes_post",
        "CreateDocumentFinalResponse": "create_document_final_response",
        "CreateDocumentFinalResponseCostBreakdownType0": "create_document_final_response_cost_breakdown_type_0",
        "CreateDocumentFinalResponseVersionsType0": "create_document_final_response_versions_type_0",
        "CreateDocumentRequest": "create_document_request",
        "CreateDocumentRequestModelOverrideSettingsType0": "create_document_request_model_override_settings_type_0",
        "CreateExtractionSchemaRequest": "create_extraction_schema_request",
        "CreateExtractionSchemaRequestSchemaJson": "create_extraction_schema_request_schema_json",
        "CreatePipelineRequest": "create_pipeline_request",
        "CreatePipelineVersionRequest": "create_pipeline_version_request",
        "CreateWorkflowRequest": "create_workflow_request",
        "DiscardDraftRequest": "discard_draft_request",
        "EvalBatchRunResponse": "eval_batch_run_response",
        "ExecuteWorkflowRequest": "execute_workflow_request",
        "ExecuteWorkflowRequestInputConfigType0": "execute_workflow_request_input_config_type_0",
        "ExtractionGenSchemasRequest": "extraction_gen_schemas_request",
        "ExtractionGenSchemasRequestModelOverrideSettingsType0": "extraction_gen_schemas_request_model_override_settings_type_0",
        "ExtractionGenSchemasResponse": "extraction_gen_schemas_response",
        "ExtractionGenSchemasResponseSuggestionsType0": "extraction_gen_schemas_response_suggestions_type_0",
        "ExtractionSchemaResponse": "extraction_schema_response",
        "ExtractionSchemaResponseSchemaJson": "extraction_schema_response_schema_json",
        "ExtractionSchemaResponseVersionHistoryType0Item": "extraction_schema_response_version_history_type_0_item",
        "FileDeleteResponse": "file_delete_response",
        "FileDownloadResponse": "file_download_response",
        "FileMetadataResponse": "file_metadata_response",
        "FileUploadConfirmResponse": "file_upload_confirm_response",
        "FileUploadRequest": "file_upload_request",
        "FileUploadResponse": "file_upload_response",
        "FormFillingFinalResponse": "form_filling_final_response",
        "FormFillingFinalResponseCostBreakdownType0": "form_filling_final_response_cost_breakdown_type_0",
        "FormFillingFinalResponseVersionsType0": "form_filling_final_response_versions_type_0",
        "HealthResponse": "health_response",
        "HTTPValidationError": "http_validation_error",
        "InitialResponse": "initial_response",
        "InitialResponseVersionsType0": "initial_response_versions_type_0",
        "ListBatchRunsResponse": "list_batch_runs_response",
        "ListExtractionSchemasResponse": "list_extraction_schemas_response",
        "ListFilesResponse": "list_files_response",
        "ListPipelineExecutionsResponse": "list_pipeline_executions_response",
        "ListPipelinesResponse": "list_pipelines_response",
        "MarkerFinalResponse": "marker_final_response",
        "MarkerFinalResponseChunksType0": "marker_final_response_chunks_type_0",
        "MarkerFinalResponseCostBreakdownType0": "marker_final_response_cost_breakdown_type_0",
        "MarkerFinalResponseEvaluationType0": "marker_final_response_evaluation_type_0",
        "MarkerFinalResponseEvaluationType0EvaluationsItem": "marker_final_response_evaluation_type_0_evaluations_item",
        "MarkerFinalResponseEvaluationType0EvaluationsItemIndividualResultsItem": "marker_final_response_evaluation_type_0_evaluations_item_individual_results_item",
        "MarkerFinalResponseImagesType0": "marker_final_response_images_type_0",
        "MarkerFinalResponseJsonType0": "marker_final_response_json_type_0",
        "MarkerFinalResponseMetadataType0": "marker_final_response_metadata_type_0",
        "MarkerFinalResponseSegmentationResultsType0": "marker_final_response_segmentation_results_type_0",
        "MarkerFinalResponseVersionsType0": "marker_final_response_versions_type_0",
        "PipelineExecutionResponse": "pipeline_execution_response",
        "PipelineExecutionResponseConfigSnapshotType0": "pipeline_execution_response_config_snapshot_type_0",
        "PipelineExecutionResponseInputConfigType0": "pipeline_execution_response_input_config_type_0",
        "PipelineExecutionResponseRateBreakdownType0": "pipeline_execution_response_rate_breakdown_type_0",
        "PipelineExecutionStepResponse": "pipeline_execution_step_response",
        "PipelineResponse": "pipeline_response",
        "PipelineResponseStepsItem": "pipeline_response_steps_item",
        "PipelineStep": "pipeline_step",
        "PipelineStepSettings": "pipeline_step_settings",
        "PipelineVersionResponse": "pipeline_version_response",
        "PipelineVersionResponseStepsItem": "pipeline_version_response_steps_item",
        "SavePipelineRequest": "save_pipeline_request",
        "StartBatchRunRequest": "start_batch_run_request",
        "StartBatchRunRequestPipelineType": "start_batch_run_request_pipeline_type",
        "ThumbnailResponse": "thumbnail_response",
        "UpdateExtractionSchemaRequest": "update_extraction_schema_request",
        "UpdateExtractionSchemaRequestSchemaJsonType0": "update_extraction_schema_request_schema_json_type_0",
        "UpdatePipelineRequest": "update_pipeline_request",
        "ValidationError": "validation_error",
        "WorkflowDefinitionResponse": "workflow_definition_response",
        "WorkflowDefinitionResponseStepsItem": "workflow_definition_response_steps_item",
        "WorkflowStepDefinition": "workflow_step_definition",
        "WorkflowStepDefinitionSettings": "workflow_step_definition_settings",
    }

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


__all__ = (
    "AgentFinalResponse",
    "BodyAgentApiV1AgentPost",
    "BodyConvertApiV1ConvertPost",
    "BodyExtractApiV1ExtractPost",
    "BodyFillApiV1FillPost",
    "BodyRunPipelineApiV1PipelinesPipelineIdRunPost",
    "BodySegmentApiV1SegmentPost",
    "BodyTrackChangesApiV1TrackChangesPost",
    "CreateDocumentFinalResponse",
    "CreateDocumentFinalResponseCostBreakdownType0",
    "CreateDocumentFinalResponseVersionsType0",
    "CreateDocumentRequest",
    "CreateDocumentRequestModelOverrideSettingsType0",
    "CreateExtractionSchemaRequest",
    "CreateExtractionSchemaRequestSchemaJson",
    "CreatePipelineRequest",
    "CreatePipelineVersionRequest",
    "CreateWorkflowRequest",
    "DiscardDraftRequest",
    "EvalBatchRunResponse",
    "ExecuteWorkflowRequest",
    "ExecuteWorkflowRequestInputConfigType0",
    "ExtractionGenSchemasRequest",
    "ExtractionGenSchemasRequestModelOverrideSettingsType0",
    "ExtractionGenSchemasResponse",
    "ExtractionGenSchemasResponseSuggestionsType0",
    "ExtractionSchemaResponse",
    "ExtractionSchemaResponseSchemaJson",
    "ExtractionSchemaResponseVersionHistoryType0Item",
    "FileDeleteResponse",
    "FileDownloadResponse",
    "FileMetadataResponse",
    "FileUploadConfirmResponse",
    "FileUploadRequest",
    "FileUploadResponse",
    "FormFillingFinalResponse",
    "FormFillingFinalResponseCostBreakdownType0",
    "FormFillingFinalResponseVersionsType0",
    "HTTPValidationError",
    "HealthResponse",
    "InitialResponse",
    "InitialResponseVersionsType0",
    "ListBatchRunsResponse",
    "ListExtractionSchemasResponse",
    "ListFilesResponse",
    "ListPipelineExecutionsResponse",
    "ListPipelinesResponse",
    "MarkerFinalResponse",
    "MarkerFinalResponseChunksType0",
    "MarkerFinalResponseCostBreakdownType0",
    "MarkerFinalResponseEvaluationType0",
    "MarkerFinalResponseEvaluationType0EvaluationsItem",
    "MarkerFinalResponseEvaluationType0EvaluationsItemIndividualResultsItem",
    "MarkerFinalResponseImagesType0",
    "MarkerFinalResponseJsonType0",
    "MarkerFinalResponseMetadataType0",
    "MarkerFinalResponseSegmentationResultsType0",
    "MarkerFinalResponseVersionsType0",
    "PipelineExecutionResponse",
    "PipelineExecutionResponseConfigSnapshotType0",
    "PipelineExecutionResponseInputConfigType0",
    "PipelineExecutionResponseRateBreakdownType0",
    "PipelineExecutionStepResponse",
    "PipelineResponse",
    "PipelineResponseStepsItem",
    "PipelineStep",
    "PipelineStepSettings",
    "PipelineVersionResponse",
    "PipelineVersionResponseStepsItem",
    "SavePipelineRequest",
    "StartBatchRunRequest",
    "StartBatchRunRequestPipelineType",
    "ThumbnailResponse",
    "UpdateExtractionSchemaRequest",
    "UpdateExtractionSchemaRequestSchemaJsonType0",
    "UpdatePipelineRequest",
    "ValidationError",
    "WorkflowDefinitionResponse",
    "WorkflowDefinitionResponseStepsItem",
    "WorkflowStepDefinition",
    "WorkflowStepDefinitionSettings",
)
