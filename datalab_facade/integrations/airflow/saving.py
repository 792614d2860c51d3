"""Saves what jobs left behind, and says what was saved: paths and sizes, no content, no URL.

Nothing here imports Airflow.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import attrs

from datalab_facade.client import Datalab
from datalab_facade.documents.receipts import SavedResult
from datalab_facade.errors import DatalabError
from datalab_facade.models import JSON

_Handle = Mapping[str, JSON]


def save_execution(client: Datalab, handle: _Handle, folder: str) -> dict[str, JSON]:
    """Save the outputs of a workflow execution to ``folder/execution-ID/STEP/FILE``.

    Raises:
        DatalabError: Some were not saved; the others were.
    """
    manifest = client.outputs.save_all(client.executions.handle(handle), folder)
    if not manifest.is_complete:
        failures = "; ".join(str(one.error) for one in manifest.failed)
        raise DatalabError(f"{manifest}: {failures}")
    return manifest.to_dict()


def save_document(client: Datalab, handle: _Handle, folder: str) -> dict[str, JSON]:
    """Save the result of a document request to ``folder/STEM``.

    Raises:
        DatalabError: See ``client.documents.save``.
    """
    return _receipt(client.documents.save(handle, folder))


def save_pipeline_execution(client: Datalab, handle: _Handle, folder: str) -> dict[str, JSON]:
    """Save the results of the steps of a pipeline execution to ``folder/ID/INDEX-TYPE/STEM``.

    Raises:
        DatalabError: A result could not be fetched or saved.
    """
    executions = client.pipelines.executions
    execution = executions.get(handle)
    steps: list[JSON] = []
    for step in execution.steps:
        if step.succeeded:
            result = executions.step_result(execution, step)
            place = Path(folder, execution.id, f"{step.index}-{step.type}")
            receipt = _receipt(client.documents.save(result, place))
            steps.append({"index": step.index, "type": step.type, **receipt})
    return {"steps": steps}


def _receipt(saved: SavedResult) -> dict[str, JSON]:
    # The receipt in the folder has the task, whose fields may be content.
    return {"folder": os.fspath(saved.folder), **attrs.evolve(saved, task=None).to_dict()}


def is_still_there(manifest: JSON) -> bool:
    """Tell whether all files that a manifest of a document or a pipeline names are there."""
    if not isinstance(manifest, dict):
        return False
    if isinstance(steps := manifest.get("steps"), list):
        return all(is_still_there(step) for step in steps)
    folder, files = manifest.get("folder"), manifest.get("files")
    if not isinstance(folder, str) or not isinstance(files, list):
        return False
    return all(Path(folder, str(cast("dict[str, JSON]", file)["path"])).is_file() for file in files)
