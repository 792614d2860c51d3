"""The JSON of pipelines, their executions, and extraction schemas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from datalab_facade.cli.documents import iso, redacted
from datalab_facade.json_forms import JSON
from datalab_facade.known_secrets import redact_value

if TYPE_CHECKING:
    from datalab_facade.pipelines.execution_models import PipelineExecution
    from datalab_facade.pipelines.models import ExtractionSchema, Pipeline, PipelineVersion


def pipeline(value: Pipeline, rate: float | None = None) -> dict[str, JSON]:
    """Return a pipeline; values in its settings that may be secrets are redacted.

    Args:
        value: The pipeline.
        rate: Cents for 1,000 pages; None if that is not known.
    """
    return {
        "pipeline_id": value.id,
        "name": redacted(value.name),
        "active_version": value.active_version,
        "is_archived": value.is_archived,
        "created_at": iso(value.created_at),
        "updated_at": iso(value.updated_at),
        "cents_per_1000_pages": rate,
        "steps": [
            {
                "type": redacted(step.type),
                "settings": redact_value(dict(step.settings)),
                "custom_processor_id": step.custom_processor_id,
            }
            for step in value.steps
        ],
    }


def pipelines(value: Iterable[Pipeline]) -> dict[str, JSON]:
    """Return pipelines."""
    return {"pipelines": [pipeline(one) for one in value]}


def version(pipeline_id: str, value: PipelineVersion) -> dict[str, JSON]:
    """Return a published version of a pipeline."""
    return {
        "pipeline_id": pipeline_id,
        "version": value.version,
        "description": redacted(value.description),
        "created_at": iso(value.created_at),
    }


def execution(value: PipelineExecution) -> dict[str, JSON]:
    """Return an execution of a pipeline."""
    return {
        "execution_id": value.id,
        "pipeline_id": value.pipeline_id,
        "pipeline_version": value.pipeline_version,
        "status": str(value.status),
        "is_terminal": value.is_terminal,
        "succeeded": value.succeeded,
        "created_at": iso(value.created_at),
        "started_at": iso(value.started_at),
        "ended_at": iso(value.ended_at),
        "steps": [
            {
                "index": step.index,
                "type": redacted(step.type),
                "status": str(step.status),
                "duration_seconds": None
                if step.duration is None
                else step.duration.total_seconds(),
                "checkpoint_id": step.checkpoint_id,
                "error": redacted(step.error),
            }
            for step in value.steps
        ],
    }


def extraction_schema(value: ExtractionSchema) -> dict[str, JSON]:
    """Return an extraction schema."""
    return {
        "schema_id": value.id,
        "name": redacted(value.name),
        "description": redacted(value.description),
        "version": value.version,
        "is_archived": value.is_archived,
        "created_at": iso(value.created_at),
        "updated_at": iso(value.updated_at),
        "schema": dict(value.schema),
    }


def extraction_schemas(value: Iterable[ExtractionSchema]) -> dict[str, JSON]:
    """Return extraction schemas."""
    return {"extraction_schemas": [extraction_schema(one) for one in value]}
