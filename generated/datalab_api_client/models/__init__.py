"""Contains all the data models used in inputs/outputs"""

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
from .marker_final_response_evaluation_type_0_evaluations_item import MarkerFinalResponseEvaluationType0EvaluationsItem
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
