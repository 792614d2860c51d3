"""Workflows: what can be executed, and the definitions that they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.late import late_names

if TYPE_CHECKING:
    from datalab_facade.workflows.workflows import Workflows
    from datalab_facade.workflows.workflows_async import AsyncWorkflows

__all__ = ["AsyncWorkflows", "Workflows"]

if not TYPE_CHECKING:
    __getattr__ = late_names(
        __name__, {"workflows": "Workflows", "workflows_async": "AsyncWorkflows"}
    )
