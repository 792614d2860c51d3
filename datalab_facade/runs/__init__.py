"""Runs: one task over many files, with a journal that survives a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.lazy_imports import lazy_names

if TYPE_CHECKING:
    from datalab_facade.runs.run_options import RunOptions

__all__ = ["RunOptions"]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, {"run_options": "RunOptions"})
