"""Outputs: from a presigned URL to bytes, JSON or a whole file on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.lazy_imports import lazy_names

if TYPE_CHECKING:
    from datalab_facade.outputs.async_resource import AsyncOutputs
    from datalab_facade.outputs.resource import Outputs

__all__ = ["AsyncOutputs", "Outputs"]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, {"resource": "Outputs", "async_resource": "AsyncOutputs"})
