"""What the spec has and the facade does not: the one list, for all tests that need to know."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from specs import skipping

PLANNED: Final = "planned"

_PLANNED: Final = dict.fromkeys(
    [
        "POST /api/v1/pipelines",
        "GET /api/v1/pipelines",
        "GET /api/v1/pipelines/{pipeline_id}",
        "PUT /api/v1/pipelines/{pipeline_id}",
        "PUT /api/v1/pipelines/{pipeline_id}/save",
        "POST /api/v1/pipelines/{pipeline_id}/archive",
        "POST /api/v1/pipelines/{pipeline_id}/unarchive",
        "POST /api/v1/pipelines/{pipeline_id}/versions",
        "GET /api/v1/pipelines/{pipeline_id}/versions",
        "POST /api/v1/pipelines/{pipeline_id}/discard",
        "GET /api/v1/pipelines/{pipeline_id}/rate",
        "POST /api/v1/pipelines/{pipeline_id}/run",
        "GET /api/v1/pipelines/{pipeline_id}/executions",
        "GET /api/v1/pipelines/executions/{execution_id}",
        "GET /api/v1/pipelines/executions/{execution_id}/steps/{step_index}/result",
        "POST /api/v1/extraction_schemas",
        "GET /api/v1/extraction_schemas",
        "GET /api/v1/extraction_schemas/{schema_id}",
        "PUT /api/v1/extraction_schemas/{schema_id}",
        "DELETE /api/v1/extraction_schemas/{schema_id}",
        "POST /api/v1/eval_batch_runs",
        "GET /api/v1/eval_batch_runs",
    ],
    PLANNED,
)
_NOT_GENERATED: Final = {
    one.operation: one.reason for one in skipping.recorded(Path(__file__).parents[2] / "generated")
}

LEFT_OUT: Final[dict[str, str]] = {**_PLANNED, **_NOT_GENERATED}
"""Each operation that the facade leaves out, and why. `PLANNED` ones are to be wrapped;
what the regeneration had to leave out is there by itself."""
