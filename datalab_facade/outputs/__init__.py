"""Outputs: from a presigned URL to bytes, JSON or a whole file on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.late import late_names

if TYPE_CHECKING:
    from datalab_facade.outputs.outputs import Outputs
    from datalab_facade.outputs.outputs_async import AsyncOutputs

__all__ = ["AsyncOutputs", "Outputs"]

if not TYPE_CHECKING:
    __getattr__ = late_names(__name__, {"outputs": "Outputs", "outputs_async": "AsyncOutputs"})
