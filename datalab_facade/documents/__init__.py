"""Documents: convert, extract, segment, fill, track changes, create, run an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.lazy_imports import lazy_names

if TYPE_CHECKING:
    from datalab_facade.documents.async_resource import AsyncDocuments
    from datalab_facade.documents.resource import Documents

__all__ = ["AsyncDocuments", "Documents"]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(
        __name__, {"resource": "Documents", "async_resource": "AsyncDocuments"}
    )
