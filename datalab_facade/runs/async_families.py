"""The families of jobs: a line for each.

Whatever takes jobs of all families goes by this table: runs, Airflow and the command line.
"""

from __future__ import annotations

from typing import Any, Final

from datalab_facade.documents.async_task_run import AsyncDocumentRun
from datalab_facade.executions.async_task_run import AsyncWorkflowRun
from datalab_facade.pipelines.async_task_run import AsyncPipelineRun
from datalab_facade.runs.async_task_runs import AsyncTaskRun

FAMILIES: Final[tuple[type[AsyncTaskRun[Any, Any]], ...]] = (
    AsyncDocumentRun,
    AsyncPipelineRun,
    # The last one, since the path of a definition may be any text.
    AsyncWorkflowRun,
)
"""How runs submit files, and save what comes of them; ``family`` of each says the rest."""
