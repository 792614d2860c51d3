# pyright: reportPrivateUsage=false
"""The operations on pipelines, extraction schemas and batch runs, as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from datalab_facade.json_forms import JSON
from datalab_facade.paging import PageRequest
from datalab_facade.transport.operations import Operation, make_operation

if TYPE_CHECKING:
    from datalab_facade.transport.multipart import Attachment

_PIPELINE = "/api/v1/pipelines/{pipeline_id}"
_SCHEMAS = "/api/v1/extraction_schemas"


def create_pipeline(steps: list[JSON]) -> Operation:
    """``POST /api/v1/pipelines``."""
    from datalab_api_client.api.pipelines.post_pipelines import _get_kwargs
    from datalab_api_client.models.create_pipeline_request import CreatePipelineRequest

    body = CreatePipelineRequest.from_dict({"steps": steps})
    return make_operation("create_pipeline", "/api/v1/pipelines", _get_kwargs(body=body))


def list_pipelines(page: PageRequest, *, saved_only: bool, include_archived: bool) -> Operation:
    """``GET /api/v1/pipelines``."""
    from datalab_api_client.api.pipelines.get_pipelines import _get_kwargs

    built = _get_kwargs(
        saved_only=saved_only,
        include_archived=include_archived,
        limit=page.limit,
        offset=page.offset,
    )
    return make_operation("list_pipelines", "/api/v1/pipelines", built)


def get_pipeline(pipeline_id: str) -> Operation:
    """``GET /api/v1/pipelines/{pipeline_id}``."""
    from datalab_api_client.api.pipelines.get_pipelines_id import _get_kwargs

    return make_operation("get_pipeline", _PIPELINE, _get_kwargs(pipeline_id))


def update_pipeline(pipeline_id: str, steps: list[JSON]) -> Operation:
    """``PUT /api/v1/pipelines/{pipeline_id}``."""
    from datalab_api_client.api.pipelines.put_pipelines_id import _get_kwargs
    from datalab_api_client.models.update_pipeline_request import UpdatePipelineRequest

    body = UpdatePipelineRequest.from_dict({"steps": steps})
    return make_operation("update_pipeline", _PIPELINE, _get_kwargs(pipeline_id, body=body))


def save_pipeline(pipeline_id: str, name: str) -> Operation:
    """``PUT /api/v1/pipelines/{pipeline_id}/save``."""
    from datalab_api_client.api.pipelines.put_pipelines_id_save import _get_kwargs
    from datalab_api_client.models.save_pipeline_request import SavePipelineRequest

    built = _get_kwargs(pipeline_id, body=SavePipelineRequest(name=name))
    return make_operation("save_pipeline", f"{_PIPELINE}/save", built)


def archive_pipeline(pipeline_id: str) -> Operation:
    """``POST /api/v1/pipelines/{pipeline_id}/archive``."""
    from datalab_api_client.api.pipelines.post_pipelines_id_archive import _get_kwargs

    return make_operation("archive_pipeline", f"{_PIPELINE}/archive", _get_kwargs(pipeline_id))


def unarchive_pipeline(pipeline_id: str) -> Operation:
    """``POST /api/v1/pipelines/{pipeline_id}/unarchive``."""
    from datalab_api_client.api.pipelines.post_pipelines_id_unarchive import _get_kwargs

    return make_operation("unarchive_pipeline", f"{_PIPELINE}/unarchive", _get_kwargs(pipeline_id))


def create_pipeline_version(pipeline_id: str, description: str | None) -> Operation:
    """``POST /api/v1/pipelines/{pipeline_id}/versions``."""
    from datalab_api_client.api.pipelines.post_pipelines_id_versions import _get_kwargs
    from datalab_api_client.models.create_pipeline_version_request import (
        CreatePipelineVersionRequest,
    )

    values = {} if description is None else {"description": description}
    built = _get_kwargs(pipeline_id, body=CreatePipelineVersionRequest.from_dict(values))
    return make_operation("create_pipeline_version", f"{_PIPELINE}/versions", built)


def list_pipeline_versions(pipeline_id: str) -> Operation:
    """``GET /api/v1/pipelines/{pipeline_id}/versions``."""
    from datalab_api_client.api.pipelines.get_pipelines_id_versions import _get_kwargs

    built = _get_kwargs(pipeline_id)
    return make_operation("list_pipeline_versions", f"{_PIPELINE}/versions", built)


def discard_pipeline_draft(pipeline_id: str, version: int | None) -> Operation:
    """``POST /api/v1/pipelines/{pipeline_id}/discard``."""
    from datalab_api_client.api.pipelines.post_pipelines_id_discard import _get_kwargs
    from datalab_api_client.models.discard_draft_request import DiscardDraftRequest

    values = {} if version is None else {"version": version}
    built = _get_kwargs(pipeline_id, body=DiscardDraftRequest.from_dict(values))
    return make_operation("discard_pipeline_draft", f"{_PIPELINE}/discard", built)


def get_pipeline_rate(pipeline_id: str) -> Operation:
    """``GET /api/v1/pipelines/{pipeline_id}/rate``."""
    from datalab_api_client.api.pipelines.get_pipelines_id_rate import _get_kwargs

    return make_operation("get_pipeline_rate", f"{_PIPELINE}/rate", _get_kwargs(pipeline_id))


def list_pipeline_executions(pipeline_id: str, page: PageRequest) -> Operation:
    """``GET /api/v1/pipelines/{pipeline_id}/executions``."""
    from datalab_api_client.api.pipelines.get_pipelines_id_executions import _get_kwargs

    built = _get_kwargs(pipeline_id, limit=page.limit, offset=page.offset)
    return make_operation("list_pipeline_executions", f"{_PIPELINE}/executions", built)


def pipeline_execution_status(execution_id: str) -> Operation:
    """``GET /api/v1/pipelines/executions/{execution_id}``."""
    from datalab_api_client.api.pipelines.get_pipelines_executions_id import _get_kwargs

    template = "/api/v1/pipelines/executions/{execution_id}"
    return make_operation("get_pipeline_execution", template, _get_kwargs(execution_id))


def pipeline_step_result(execution_id: str, step_index: int) -> Operation:
    """``GET /api/v1/pipelines/executions/{execution_id}/steps/{step_index}/result``."""
    from datalab_api_client.api.pipelines.get_pipelines_executions_id_steps_id_result import (
        _get_kwargs,
    )

    template = "/api/v1/pipelines/executions/{execution_id}/steps/{step_index}/result"
    return make_operation("get_step_result", template, _get_kwargs(execution_id, step_index))


def create_extraction_schema(
    name: str, schema: Mapping[str, JSON], description: str | None
) -> Operation:
    """``POST /api/v1/extraction_schemas``."""
    from datalab_api_client.api.default.post_extraction_schemas_8e03d5 import _get_kwargs
    from datalab_api_client.models.create_extraction_schema_request import (
        CreateExtractionSchemaRequest,
    )

    values = {"name": name, "schema_json": schema}
    if description is not None:
        values["description"] = description
    body = CreateExtractionSchemaRequest.from_dict(values)
    return make_operation("create_extraction_schema", _SCHEMAS, _get_kwargs(body=body))


def list_extraction_schemas(page: PageRequest, *, include_archived: bool) -> Operation:
    """``GET /api/v1/extraction_schemas``."""
    from datalab_api_client.api.default.get_extraction_schemas_8e03d5 import _get_kwargs

    built = _get_kwargs(include_archived=include_archived, limit=page.limit, offset=page.offset)
    return make_operation("list_extraction_schemas", _SCHEMAS, built)


def get_extraction_schema(schema_id: str) -> Operation:
    """``GET /api/v1/extraction_schemas/{schema_id}``."""
    from datalab_api_client.api.default.get_extraction_schemas_id_f5892c import _get_kwargs

    template = f"{_SCHEMAS}/{{schema_id}}"
    return make_operation("get_extraction_schema", template, _get_kwargs(schema_id))


def update_extraction_schema(schema_id: str, changes: Mapping[str, JSON]) -> Operation:
    """``PUT /api/v1/extraction_schemas/{schema_id}``."""
    from datalab_api_client.api.default.put_extraction_schemas_id_f5892c import _get_kwargs
    from datalab_api_client.models.update_extraction_schema_request import (
        UpdateExtractionSchemaRequest,
    )

    built = _get_kwargs(schema_id, body=UpdateExtractionSchemaRequest.from_dict(changes))
    return make_operation("update_extraction_schema", f"{_SCHEMAS}/{{schema_id}}", built)


def delete_extraction_schema(schema_id: str) -> Operation:
    """``DELETE /api/v1/extraction_schemas/{schema_id}``."""
    from datalab_api_client.api.default.delete_extraction_schemas_id_f5892c import _get_kwargs

    template = f"{_SCHEMAS}/{{schema_id}}"
    return make_operation("delete_extraction_schema", template, _get_kwargs(schema_id))


def start_batch_run(request: Mapping[str, JSON]) -> Operation:
    """``POST /api/v1/eval_batch_runs``."""
    from datalab_api_client.api.collections.post_eval_batch_runs_df6657 import _get_kwargs
    from datalab_api_client.models.start_batch_run_request import StartBatchRunRequest

    body = StartBatchRunRequest.from_dict(request)
    return make_operation("start_batch_run", "/api/v1/eval_batch_runs", _get_kwargs(body=body))


def list_batch_runs(
    page: PageRequest,
    collection_id: int | None,
    eval_rubric_id: int | None,
    pipeline_id: str | None,
) -> Operation:
    """``GET /api/v1/eval_batch_runs``."""
    from datalab_api_client.api.collections.get_eval_batch_runs_df6657 import _get_kwargs

    built = _get_kwargs(
        collection_id=collection_id,
        eval_rubric_id=eval_rubric_id,
        pipeline_id=pipeline_id,
        limit=page.limit,
        offset=page.offset,
    )
    return make_operation("list_batch_runs", "/api/v1/eval_batch_runs", built)


def run_pipeline(
    pipeline_id: str, fields: Mapping[str, str], attachment: Attachment | None = None
) -> Operation:
    """``POST /api/v1/pipelines/{pipeline_id}/run``, as a form.

    Args:
        pipeline_id: The pipeline.
        fields: The fields of the form, but for the file.
        attachment: The file, if there is one.
    """
    from datalab_api_client.api.pipelines.post_pipelines_id_run import _get_kwargs

    parts = [(name, (None, value)) for name, value in fields.items()]
    built = {**_get_kwargs(pipeline_id), "files": parts}
    operation = make_operation("run_pipeline", f"{_PIPELINE}/run", built)
    return attrs.evolve(operation, attachment=attachment)
