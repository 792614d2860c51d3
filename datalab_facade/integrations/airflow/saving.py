"""Tells whether what a task has saved is still there. Nothing here imports Airflow."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from datalab_facade.json_forms import JSON


def is_still_there(manifest: JSON) -> bool:
    """Tell whether all files that a manifest names are there."""
    if not isinstance(manifest, dict):
        return False
    if isinstance(steps := manifest.get("steps"), list):
        return all(is_still_there(step) for step in steps)
    folder, files = manifest.get("folder"), manifest.get("files")
    if not isinstance(folder, str) or not isinstance(files, list):
        return False
    return all(Path(folder, str(cast("dict[str, JSON]", file)["path"])).is_file() for file in files)
