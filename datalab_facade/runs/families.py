# Generated from async_families.py by scripts/unasync.py; change that file, not this one.
"""The families of jobs: a line for each.

Whatever takes jobs of all families goes by this table: runs, Airflow and the command line.
"""

from __future__ import annotations

from typing import Any, Final

from datalab_facade.documents.task_run import DocumentRun
from datalab_facade.executions.task_run import WorkflowRun
from datalab_facade.pipelines.task_run import PipelineRun
from datalab_facade.runs.task_runs import TaskRun

FAMILIES: Final[tuple[type[TaskRun[Any, Any]], ...]] = (
    DocumentRun,
    PipelineRun,
    # The last one, since the path of a definition may be any text.
    WorkflowRun,
)
"""How runs submit files, and save what comes of them; ``family`` of each says the rest."""
