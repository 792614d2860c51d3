"""Pipeline executions as a family of jobs: what runs, Airflow and the command line need to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from datalab_facade.documents.receipts import manifest_of
from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.json_forms import JSON
from datalab_facade.pipelines.execution_models import PipelineExecution
from datalab_facade.pipelines.kind import PIPELINE_EXECUTIONS
from datalab_facade.pipelines.models import Pipeline
from datalab_facade.pipelines.requests import is_pipeline_id
from datalab_facade.pipelines.run_task import RunPipeline
from datalab_facade.runs.job_family import (
    JobFamily,
    Saved,
    page_limit_words,
    recalled,
    whole_receipts,
)
from datalab_facade.runs.run_records import RunEntry

if TYPE_CHECKING:
    from datalab_facade.client import Datalab


def _id_of(job: object) -> str | None:
    return job if isinstance(job, str) and job.startswith("pex_") else None


def _task_of(value: object) -> RunPipeline | None:
    if isinstance(value, RunPipeline):
        return value
    if isinstance(value, Pipeline):
        return RunPipeline(value.id)
    return RunPipeline(value) if isinstance(value, str) and is_pipeline_id(value) else None


def _recall(entry: RunEntry, folder: Path) -> Saved | None:
    if entry.ended is None:
        return None
    receipts = tuple(whole_receipts(folder))
    return recalled(entry, receipts=receipts) if receipts or entry.reason else None


def _save(client: Datalab, handle: Mapping[str, JSON], folder: str) -> dict[str, JSON]:
    """Save the results of the steps to ``folder/ID/INDEX-TYPE/STEM``."""
    executions = client.pipelines.executions
    execution = executions.get(handle)
    steps: list[JSON] = []
    for step in execution.steps:
        if step.succeeded:
            result = executions.step_result(execution, step)
            place = Path(folder, execution.id, f"{step.index}-{step.type}")
            manifest = manifest_of(client.documents.save(result, place))
            steps.append({"index": step.index, "type": step.type, **manifest})
    return {"steps": steps}


def pages_of(results: Sequence[DocumentResult]) -> int | None:
    """Return how many pages the document has, by the results of the steps."""
    return max((one.page_count for one in results if one.page_count is not None), default=None)


def cost_of(ended: PipelineExecution, results: Sequence[DocumentResult]) -> float | None:
    """Return what the steps cost together, or else what the rate says for so many pages."""
    costs = [one.cost_cents for one in results]
    known = [cost for cost in costs if cost is not None]
    if known and len(known) == len(costs):
        return sum(known)
    rate, pages = ended.cost_per_1000_pages, pages_of(results)
    return None if rate is None or pages is None else rate * pages / 1000


def _page_limit_refusal(snapshot: object) -> str | None:
    assert isinstance(snapshot, PipelineExecution)
    if snapshot.is_usable:
        return None
    return page_limit_words(" ".join(step.error or "" for step in snapshot.steps))


PIPELINE_FAMILY: Final = JobFamily(
    kind=PIPELINE_EXECUTIONS,
    found_at="pipelines.executions",
    noun="pipeline execution",
    id_of=_id_of,
    id_example="pex_...",
    task_of=_task_of,
    has_failed=lambda execution: not execution.is_usable,
    fetch=lambda job_id: f"client.pipelines.executions.step_result({job_id!r}, ...)",
    recall=_recall,
    save=_save,
    page_limit_refusal=_page_limit_refusal,
)
