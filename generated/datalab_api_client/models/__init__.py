"""Contains all the data models used in inputs/outputs"""

from .create_workflow_request import CreateWorkflowRequest
from .execute_workflow_request import ExecuteWorkflowRequest
from .execute_workflow_request_input_config_type_0 import ExecuteWorkflowRequestInputConfigType0
from .file_delete_response import FileDeleteResponse
from .file_download_response import FileDownloadResponse
from .file_metadata_response import FileMetadataResponse
from .file_upload_confirm_response import FileUploadConfirmResponse
from .file_upload_request import FileUploadRequest
from .file_upload_response import FileUploadResponse
from .http_validation_error import HTTPValidationError
from .list_files_response import ListFilesResponse
from .validation_error import ValidationError
from .workflow_definition_response import WorkflowDefinitionResponse
from .workflow_definition_response_steps_item import WorkflowDefinitionResponseStepsItem
from .workflow_step_definition import WorkflowStepDefinition
from .workflow_step_definition_settings import WorkflowStepDefinitionSettings

__all__ = (
    "CreateWorkflowRequest",
    "ExecuteWorkflowRequest",
    "ExecuteWorkflowRequestInputConfigType0",
    "FileDeleteResponse",
    "FileDownloadResponse",
    "FileMetadataResponse",
    "FileUploadConfirmResponse",
    "FileUploadRequest",
    "FileUploadResponse",
    "HTTPValidationError",
    "ListFilesResponse",
    "ValidationError",
    "WorkflowDefinitionResponse",
    "WorkflowDefinitionResponseStepsItem",
    "WorkflowStepDefinition",
    "WorkflowStepDefinitionSettings",
)
