"""Executions: poll them, wait for one or for many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.lazy_imports import lazy_names

if TYPE_CHECKING:
    from datalab_facade.executions.async_resource import AsyncExecutions
    from datalab_facade.executions.resource import Executions

__all__ = ["AsyncExecutions", "Executions"]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(
        __name__, {"resource": "Executions", "async_resource": "AsyncExecutions"}
    )
