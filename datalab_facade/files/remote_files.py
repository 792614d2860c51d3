"""Uploaded files as objects in storage to download."""

from __future__ import annotations

from datalab_facade.files.models import FileLink
from datalab_facade.redaction import redact_name
from datalab_facade.transfers.remotes import Remote


def remote_file(link: FileLink) -> Remote:
    """Describe an uploaded file for its download.

    >>> remote_file(FileLink(file_id=4, filename="a.pdf", url="https://s.example/a")).subject
    "The file 'a.pdf' (id 4)"
    """
    # A name may be a presigned URL, and errors are shown to anybody.
    name = redact_name(link.filename or f"file-{link.file_id}")
    return Remote(
        url=link.url,
        subject=f"The file {name!r} (id {link.file_id})",
        label=name,
        identity=("file", link.file_id),
        error_details={"file_id": link.file_id},
    )
