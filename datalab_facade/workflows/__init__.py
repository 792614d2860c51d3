"""Workflows: list, create, delete and execute them, and check their definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.lazy_imports import lazy_names

if TYPE_CHECKING:
    from datalab_facade.workflows.async_resource import AsyncWorkflows
    from datalab_facade.workflows.resource import Workflows

__all__ = ["AsyncWorkflows", "Workflows"]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(
        __name__, {"resource": "Workflows", "async_resource": "AsyncWorkflows"}
    )
