"""Files: documents to upload, list, download and delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.lazy_imports import lazy_names

if TYPE_CHECKING:
    from datalab_facade.files.async_resource import AsyncFiles
    from datalab_facade.files.resource import Files

__all__ = ["AsyncFiles", "Files"]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, {"resource": "Files", "async_resource": "AsyncFiles"})
