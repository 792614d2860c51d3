"""Decodes answers about files into models. Tolerant, total and pure.

The spec types these answers, but a server may add, leave out and change anything.
Whatever comes, the result is a value or
:class:`~datalab_facade.InvalidResponseError`.
"""

from __future__ import annotations

from datalab_facade.drift import Drift
from datalab_facade.errors import InvalidResponseError, RequestRejectedError
from datalab_facade.fields import (
    FieldReader,
    Sightings,
    check_requested_id,
    compact,
    named,
    whole_number,
    wrong_subject,
)
from datalab_facade.files.models import REFERENCE_PREFIX, File, FileLink
from datalab_facade.json_forms import JSON
from datalab_facade.paging import Page, decode_page
from datalab_facade.redaction import excerpt
from datalab_facade.transfers.commands import Confirmation, Ticket
from datalab_facade.wire import Decoder

_FILES = Decoder(
    File,
    "file",
    supplied=("id", "reference", "status"),
    also=("file_id", "reference", "upload_status"),
)
_LINKS = Decoder(
    FileLink,
    "download URL",
    supplied=("file_id", "url"),
    also=("file_id", "download_url"),
)
_TICKET_FIELDS = frozenset({"file_id", "upload_url", "expires_in", "reference"})
_CONFIRMATION_FIELDS = frozenset({"success", "file_id", "reference", "message"})
_DELETION_FIELDS = frozenset({"success", "message"})
_STATUSES = frozenset({"pending", "completed", "failed"})


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
    sightings = Sightings()
    answer = _object(body, "file")
    _check_requested_file(requested_id, answer)
    return _file(answer, _FILES.reader(sightings)), sightings.found


def decode_files(body: JSON) -> tuple[Page[File], set[Drift]]:
    """Decode an answer to ``GET /api/v1/files``.

    An entry that is not a file is left out, and recorded as drift.

    Raises:
        InvalidResponseError: The answer is not a list of files.
    """
    sightings = Sightings()
    each = _FILES.reader(sightings)
    page = decode_page(
        body,
        "files",
        lambda entry: _file(_object(entry, "file"), each),
        FieldReader("list of files", sightings),
    )
    return page, sightings.found


def decode_ticket(body: JSON) -> tuple[Ticket, set[Drift]]:
    """Decode an answer to ``POST /api/v1/files/upload``.

    Raises:
        InvalidResponseError: The answer has no id or no URL.
    """
    reader = FieldReader("upload", Sightings())
    answer = _object(body, "upload URL")
    file_id = _id(answer, "upload URL", reader)
    url = answer.get("upload_url")
    if not isinstance(url, str) or not url:
        raise _invalid_answer("upload URL", "it has no upload_url", body)
    reader.record_unknown(answer, _TICKET_FIELDS)
    reader.whole_number("expires_in", answer.get("expires_in"))
    return Ticket(file_id, _reference(answer, file_id, reader), url), reader.sightings.found


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
    reader = FieldReader("confirmation", Sightings())
    answer = _object(body, "confirmation")
    _check_requested_file(requested_id, answer)
    file_id = _id(answer, "confirmation", reader)
    reader.record_unknown(answer, _CONFIRMATION_FIELDS)
    success = reader.flag("success", answer.get("success"))
    return (
        Confirmation(
            file_id,
            _reference(answer, file_id, reader),
            success is not False,
            reader.text("message", answer.get("message")) or "",
        ),
        reader.sightings.found,
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
    answer = _object(body, "download URL")
    _check_requested_file(requested_id, answer)
    url = answer.get("download_url")
    if not isinstance(url, str) or not url:
        raise _invalid_answer("download URL", "it has no download_url", body)
    reader = _LINKS.reader(Sightings())
    file_id = reader.whole_number("file_id", answer.get("file_id"))
    if file_id is None and isinstance(requested_id, int):
        file_id = requested_id
    if file_id is None:
        raise _invalid_answer("download URL", "it has no file_id", body)
    link = _LINKS.read(answer, reader, file_id=file_id, url=url)
    return link, reader.sightings.found


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
    reader = FieldReader("deletion", Sightings())
    answer = _object(body, "deletion")
    _check_requested_file(requested_id, answer)
    reader.record_unknown(answer, _DELETION_FIELDS)
    message = reader.text("message", answer.get("message")) or ""
    if reader.flag("success", answer.get("success")) is False:
        reason = excerpt(message or "it gives no reason", limit=400)
        raise RequestRejectedError(f"The API did not delete the file: {reason}", detail=message)
    return True, reader.sightings.found


def _file(body: dict[str, JSON], reader: FieldReader) -> File:
    file_id = _id(body, "file", reader)
    status = reader.text("upload_status", body.get("upload_status")) or ""
    if status.lower() not in _STATUSES:
        reader.sightings.record("status", reader.where, f"upload_status={status}")
    reference = _reference(body, file_id, reader)
    return _FILES.read(body, reader, id=file_id, reference=reference, status=status)


def _check_requested_file(requested_id: int | str | None, body: dict[str, JSON]) -> None:
    """Check that an answer is about the requested file, by its id or its hashid."""
    if requested_id is None:
        return
    reference = body.get("reference")
    tail = reference.removeprefix(REFERENCE_PREFIX) if isinstance(reference, str) else ""
    if tail == str(requested_id):
        return
    if isinstance(requested_id, int):
        check_requested_id("file", requested_id, body, body.get("file_id"), body.get("id"))
    # A reference may also have the integer id, which cannot be compared with a hashid.
    elif tail and tail != reference and not tail.isdigit():
        raise wrong_subject("file", requested_id, tail, body)


def _id(body: dict[str, JSON], what: str, reader: FieldReader) -> int:
    # An execution's id came under either name, so a file's may as well.
    for name in ("file_id", "id"):
        found = whole_number(body.get(name))
        if found is not None:
            return found
        if name in body:
            reader.record_type(name, body[name])
    raise _invalid_answer(what, "it has no file_id", body)


def _reference(body: dict[str, JSON], file_id: int, reader: FieldReader) -> str:
    reference = reader.url("reference", body.get("reference"))
    if reference:
        return reference
    reader.record_type("reference", None)
    return f"{REFERENCE_PREFIX}{file_id}"


def _object(body: JSON, what: str) -> dict[str, JSON]:
    if not isinstance(body, dict):
        raise _invalid_answer(what, f"it is {named(body)}", body)
    return body


def _invalid_answer(what: str, why: str, body: JSON) -> InvalidResponseError:
    start = excerpt(compact(body))
    return InvalidResponseError(f"the answer is not a valid {what}: {why}: {start}", body=start)
