"""Decodes answers about files into models. Forgiving, total and pure.

The spec types these answers, but a server may add, leave out and change anything.
Whatever comes, the result is a value or
:class:`~datalab_facade.InvalidResponseError`.
"""

from __future__ import annotations

import attrs

from datalab_facade.drift import Drift
from datalab_facade.errors import InvalidResponseError, RequestRejectedError
from datalab_facade.fields import (
    FieldReader,
    Notes,
    about_another,
    check_asked_for,
    compact,
    named,
    whole_number,
)
from datalab_facade.files.models import REFERENCE_PREFIX, File, FileLink
from datalab_facade.models import JSON
from datalab_facade.redaction import excerpt
from datalab_facade.transfers.commands import Confirmation, Ticket

_FILE_FIELDS = frozenset(
    {
        "file_id",
        "original_filename",
        "content_type",
        "reference",
        "upload_status",
        "file_size",
        "created",
    }
)
_PAGE_FIELDS = frozenset({"files", "total", "limit", "offset"})
_TICKET_FIELDS = frozenset({"file_id", "upload_url", "expires_in", "reference"})
_CONFIRMATION_FIELDS = frozenset({"success", "file_id", "reference", "message"})
_LINK_FIELDS = frozenset({"download_url", "expires_in", "file_id", "original_filename"})
_DELETION_FIELDS = frozenset({"success", "message"})
_STATUSES = frozenset({"pending", "completed", "failed"})


@attrs.frozen
class FilePage:
    """One page of the list of files."""

    files: tuple[File, ...]
    count: int
    """The number of entries, including those that are not files."""
    total: int | None
    """The number of files on all pages, if the answer has it."""


def decode_file(body: JSON, *, requested_id: int | str | None = None) -> tuple[File, set[Drift]]:
    """Decode an answer to ``GET /api/v1/files/{file_id}``.

    Args:
        body: The parsed answer.
        requested_id: The id or the hashid that was requested.

    Returns:
        The file, and the drift of the answer.

    Raises:
        InvalidResponseError: The answer is not a file (not an object, or without an id), or
            is another file.
    """
    notes = Notes()
    answer = _object(body, "file")
    _check_asked_for(requested_id, answer)
    return _file(answer, FieldReader("file", notes)), notes.taken


def decode_page(body: JSON) -> tuple[FilePage, set[Drift]]:
    """Decode an answer to ``GET /api/v1/files``.

    An entry that is not a file is left out, and recorded as drift.

    Raises:
        InvalidResponseError: The answer is not a list of files.
    """
    notes = Notes()
    about = FieldReader("list of files", notes)
    if isinstance(body, list):
        about.odd("answer", body)
        body = {"files": body}
    answer = _object(body, "list of files")
    entries = answer.get("files")
    if not isinstance(entries, list):
        raise _invalid_answer("list of files", "it has no files", body)
    about.unknown(answer, _PAGE_FIELDS)
    files: list[File] = []
    each = FieldReader("file", notes)
    for entry in entries:
        try:
            files.append(_file(_object(entry, "file"), each))
        except InvalidResponseError:
            about.odd("file", entry)
    return FilePage(tuple(files), len(entries), about.whole_number(answer, "total")), notes.taken


def decode_ticket(body: JSON) -> tuple[Ticket, set[Drift]]:
    """Decode an answer to ``POST /api/v1/files/upload``.

    Raises:
        InvalidResponseError: The answer has no id or no URL.
    """
    about = FieldReader("upload", Notes())
    answer = _object(body, "upload URL")
    file_id = _id(answer, "upload URL", about)
    url = answer.get("upload_url")
    if not isinstance(url, str) or not url:
        raise _invalid_answer("upload URL", "it has no upload_url", body)
    about.unknown(answer, _TICKET_FIELDS)
    about.whole_number(answer, "expires_in")
    return Ticket(file_id, _reference(answer, file_id, about), url), about.notes.taken


def decode_confirmation(
    body: JSON, *, requested_id: int | str | None = None
) -> tuple[Confirmation, set[Drift]]:
    """Decode an answer to ``GET /api/v1/files/{file_id_or_hashid}/confirm``.

    Args:
        body: The parsed answer.
        requested_id: The id or the hashid that was requested.

    Raises:
        InvalidResponseError: The answer is not an object, has no id, or is about another file.
    """
    about = FieldReader("confirmation", Notes())
    answer = _object(body, "confirmation")
    _check_asked_for(requested_id, answer)
    file_id = _id(answer, "confirmation", about)
    about.unknown(answer, _CONFIRMATION_FIELDS)
    success = about.of_type(answer, "success", bool)
    return (
        Confirmation(
            file_id,
            _reference(answer, file_id, about),
            success is not False,
            about.words(answer, "message") or "",
        ),
        about.notes.taken,
    )


def decode_link(body: JSON, *, requested_id: int | str) -> tuple[FileLink, set[Drift]]:
    """Decode an answer to ``GET /api/v1/files/{file_id}/download``.

    Args:
        body: The parsed answer.
        requested_id: The id that was requested, used if the answer has none.

    Raises:
        InvalidResponseError: The answer has no URL, has no id where a hashid was requested,
            or is about another file.
    """
    about = FieldReader("download URL", Notes())
    answer = _object(body, "download URL")
    _check_asked_for(requested_id, answer)
    url = answer.get("download_url")
    if not isinstance(url, str) or not url:
        raise _invalid_answer("download URL", "it has no download_url", body)
    file_id = about.whole_number(answer, "file_id")
    if file_id is None and isinstance(requested_id, int):
        file_id = requested_id
    if file_id is None:
        raise _invalid_answer("download URL", "it has no file_id", body)
    about.unknown(answer, _LINK_FIELDS)
    return (
        FileLink(
            file_id=file_id,
            filename=about.of_type(answer, "original_filename", str) or "",
            url=url,
            expires_in=about.whole_number(answer, "expires_in"),
        ),
        about.notes.taken,
    )


def decode_deletion(
    body: JSON, *, requested_id: int | str | None = None
) -> tuple[bool, set[Drift]]:
    """Decode an answer to ``DELETE /api/v1/files/{file_id}``.

    Args:
        body: The parsed answer.
        requested_id: The id or the hashid of the file to delete.

    Raises:
        InvalidResponseError: The answer is not an object, or is about another file.
        RequestRejectedError: The answer says that the file was not deleted.
    """
    about = FieldReader("deletion", Notes())
    answer = _object(body, "deletion")
    _check_asked_for(requested_id, answer)
    about.unknown(answer, _DELETION_FIELDS)
    message = about.words(answer, "message") or ""
    if about.of_type(answer, "success", bool) is False:
        reason = excerpt(message or "it gives no reason", limit=400)
        raise RequestRejectedError(f"The API did not delete the file: {reason}", detail=message)
    return True, about.notes.taken


def _file(body: dict[str, JSON], about: FieldReader) -> File:
    about.timezone_assumed = False
    file_id = _id(body, "file", about)
    status = about.of_type(body, "upload_status", str) or ""
    if status.lower() not in _STATUSES:
        about.notes.note("status", about.where, f"upload_status={status}")
    created = about.time(body, "created")
    name = about.of_type(body, "original_filename", str)
    if name is None:
        about.odd("original_filename", None)
    return File(
        id=file_id,
        reference=_reference(body, file_id, about),
        filename=name or "",
        content_type=about.of_type(body, "content_type", str),
        size=about.whole_number(body, "file_size"),
        status=status,
        created_at=created,
        timezone_assumed=about.timezone_assumed,
        extra=about.unknown(body, _FILE_FIELDS),
    )


def _check_asked_for(requested_id: int | str | None, body: dict[str, JSON]) -> None:
    """Check that an answer is about the requested file, by its id or its hashid."""
    if requested_id is None:
        return
    reference = body.get("reference")
    tail = reference.removeprefix(REFERENCE_PREFIX) if isinstance(reference, str) else ""
    if tail == str(requested_id):
        return
    if isinstance(requested_id, int):
        check_asked_for("file", requested_id, body, body.get("file_id"), body.get("id"))
    # A reference may also have the integer id, which cannot be compared with a hashid.
    elif tail and tail != reference and not tail.isdigit():
        raise about_another("file", requested_id, tail, body)


def _id(body: dict[str, JSON], what: str, about: FieldReader) -> int:
    # An execution's id came under either name, so a file's may as well.
    for name in ("file_id", "id"):
        found = whole_number(body.get(name))
        if found is not None:
            return found
        if name in body:
            about.odd(name, body[name])
    raise _invalid_answer(what, "it has no file_id", body)


def _reference(body: dict[str, JSON], file_id: int, about: FieldReader) -> str:
    reference = about.of_type(body, "reference", str)
    if reference:
        return reference
    about.odd("reference", None)
    return f"{REFERENCE_PREFIX}{file_id}"


def _object(body: JSON, what: str) -> dict[str, JSON]:
    if not isinstance(body, dict):
        raise _invalid_answer(what, f"it is {named(body)}", body)
    return body


def _invalid_answer(what: str, why: str, body: JSON) -> InvalidResponseError:
    start = excerpt(compact(body))
    return InvalidResponseError(f"the answer is not a valid {what}: {why}: {start}", body=start)
