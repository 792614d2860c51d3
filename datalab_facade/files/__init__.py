"""Files: documents that are uploaded, listed, fetched back and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.late import late_names

if TYPE_CHECKING:
    from datalab_facade.files.files import Files
    from datalab_facade.files.files_async import AsyncFiles

__all__ = ["AsyncFiles", "Files"]

if not TYPE_CHECKING:
    __getattr__ = late_names(__name__, {"files": "Files", "files_async": "AsyncFiles"})
