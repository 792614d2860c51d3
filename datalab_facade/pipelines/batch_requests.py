"""What a batch run is to do, and the request for it. No IO."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from datalab_facade.arguments import named
from datalab_facade.documents.tasks import Convert, Extract, Segment
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.json_forms import JSON
from datalab_facade.pipelines.models import Pipeline
from datalab_facade.pipelines.requests import is_pipeline_id

BatchTask: TypeAlias = "str | Pipeline | Convert | Extract[Any] | Segment"
"""A pipeline, by its id or a snapshot, or a task."""

_FIELDS: Final = ("page_schema", "segmentation_schema", "output_format")


def batch_request(
    task: BatchTask, collection_id: int, eval_rubric_id: int | None
) -> dict[str, JSON]:
    """Return the body of a request for a batch run.

    Raises:
        InvalidArgumentError: A batch run cannot do that, or not with such fields.
    """
    request: dict[str, JSON] = {"collection_id": collection_id}
    if eval_rubric_id is not None:
        request["eval_rubric_id"] = eval_rubric_id
    if isinstance(task, Pipeline):
        task = task.id
    if isinstance(task, str):
        if not is_pipeline_id(task):
            raise InvalidArgumentError(
                f"A batch run takes a pipeline's id, such as 'pl_k8Hx9mP2nQ4v', not {named(task)}; "
                "client.pipelines.get(name) finds it"
            )
        return {**request, "pipeline_id": task}
    if not isinstance(task, (Convert, Extract, Segment)):
        raise InvalidArgumentError(
            f"A batch run takes a pipeline, Convert, Extract or Segment, not {named(task)}"
        )
    fields = task.body()
    other = sorted(fields.keys() - set(_FIELDS))
    if other:
        raise InvalidArgumentError(
            f"A batch run does not take {', '.join(other)}; put the task into a pipeline for that"
        )
    return {**request, "pipeline_type": task.endpoint, **task.fields()}
