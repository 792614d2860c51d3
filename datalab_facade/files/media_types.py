"""The media types of the documents that Datalab accepts, by the suffix of a file's name.

The table is fixed, so that the same file has the same type on every machine.
"""

from __future__ import annotations

from typing import Final

_OPEN_XML: Final = "application/vnd.openxmlformats-officedocument"
_OPEN_DOCUMENT: Final = "application/vnd.oasis.opendocument"

MEDIA_TYPES: Final = {
    ".pdf": "application/pdf",
    ".doc": "application/msword",
    ".docx": f"{_OPEN_XML}.wordprocessingml.document",
    ".odt": f"{_OPEN_DOCUMENT}.text",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": f"{_OPEN_XML}.spreadsheetml.sheet",
    ".xlsm": "application/vnd.ms-excel.sheet.macroenabled.12",
    ".ods": f"{_OPEN_DOCUMENT}.spreadsheet",
    ".csv": "text/csv",
    ".ppt": "application/vnd.ms-powerpoint",
    ".pptx": f"{_OPEN_XML}.presentationml.presentation",
    ".odp": f"{_OPEN_DOCUMENT}.presentation",
    ".html": "text/html",
    ".htm": "text/html",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
}
"""The types that the API documents: PDF, word documents, spreadsheets, powerpoints, HTML, and
PNG, JPG, GIF, TIFF and WEBP images."""


def media_type_of(name: str) -> str | None:
    """Return the media type for a file name; None if the suffix is not a known document's.

    >>> media_type_of("Report.PDF"), media_type_of("notes.txt"), media_type_of("pdf")
    ('application/pdf', None, None)
    """
    stem, dot, suffix = name.rpartition(".")
    return MEDIA_TYPES.get(dot + suffix.lower()) if stem else None
