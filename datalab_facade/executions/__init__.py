"""Executions: looking at them, waiting for one or for many, and what a look tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.late import late_names

if TYPE_CHECKING:
    from datalab_facade.executions.executions import Executions
    from datalab_facade.executions.executions_async import AsyncExecutions

__all__ = ["AsyncExecutions", "Executions"]

if not TYPE_CHECKING:
    __getattr__ = late_names(
        __name__, {"executions": "Executions", "executions_async": "AsyncExecutions"}
    )
