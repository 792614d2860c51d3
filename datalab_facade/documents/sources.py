"""Sources: what a task works on. One rule, no guessing, and nothing is opened here.

A text is a URL if it begins with ``http://`` or ``https://``, a reference if it begins with
``datalab://``, and else a path. Bytes need a name only if their first bytes do not tell the
type. An earlier result with a checkpoint is a source, so that nothing is parsed twice.
"""

from __future__ import annotations

import io
import os
import re
from typing import IO, TYPE_CHECKING, Final, TypeAlias, cast

import attrs

from datalab_facade.arguments import checked_path, named
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.files.descriptions import describe
from datalab_facade.files.models import File
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redact_url
from datalab_facade.transfers.sources import UploadSource
from datalab_facade.workflows.inputs import checked_url

if TYPE_CHECKING:
    from datalab_facade.documents.results import DocumentResult
    from datalab_facade.documents.task_base import Task

DocumentSource: TypeAlias = (
    "str | os.PathLike[str] | bytes | IO[bytes] | File | DocumentResult | ResolvedSource"
)
"""A path, a URL, a ``datalab://`` reference, bytes, a file opened in binary mode, an uploaded
file, or an earlier result with a checkpoint."""

ResolvedSource: TypeAlias = "UrlSource | FileSource | CheckpointSource"
"""What a source is, once that is clear."""


@picklable
@attrs.frozen
class UrlSource:
    """A document that the server fetches; the URL is redacted in ``repr``.

    >>> UrlSource("https://a.example/1.pdf?signature=abc")
    UrlSource(url='https://a.example/1.pdf?…')
    """

    url: str = attrs.field(repr=lambda url: repr(redact_url(url)))
    """An ``http``, ``https`` or ``datalab`` URL."""

    def fields(self) -> dict[str, str]:
        """Return the fields that name the source in a request."""
        return {"file_url": self.url}


@picklable
@attrs.frozen
class CheckpointSource:
    """A document that was parsed before, with ``save_checkpoint=True``.

    >>> CheckpointSource("abc").fields()
    {'checkpoint_id': 'abc'}
    """

    checkpoint_id: str

    def fields(self) -> dict[str, str]:
        """Return the fields that name the source in a request."""
        return {"checkpoint_id": self.checkpoint_id}


@attrs.frozen
class FileSource:
    """A document of this machine: a path, bytes or an open file, with its name and media type."""

    source: UploadSource = attrs.field(
        repr=lambda source: repr(source) if isinstance(source, os.PathLike) else "…"
    )
    """A path, bytes, or a file opened in binary mode, which is read from its position on."""
    name: str
    """The name under which it is sent."""
    content_type: str
    """The media type that is sent."""

    def fields(self) -> dict[str, str]:
        """Return no fields: the source is the file itself."""
        return {}


def resolve_source(
    source: DocumentSource | None,
    *,
    task: Task[object],
    name: str | None = None,
    content_type: str | None = None,
) -> ResolvedSource | None:
    """Tell what a source is, without IO.

    Args:
        source: The source; None only for a task that takes none.
        task: The task that it is for.
        name: The name of a file; by default the last part of its path or, for bytes, one
            with the suffix that their type has.
        content_type: The media type of a file; by default that of the name's suffix.

    Returns:
        The source, or None for a task that takes none.

    Raises:
        InvalidArgumentError: It is not a source, the task does not take it, its type is
            not known, or the earlier result has no checkpoint.
    """
    if not (task.takes_file or task.takes_checkpoint):
        if source is not None:
            raise InvalidArgumentError(f"{_kind(task)} takes no source, but got {_shown(source)}")
        return None
    found = _resolved(source, name, content_type)
    if isinstance(found, CheckpointSource):
        if not task.takes_checkpoint:
            raise InvalidArgumentError(
                f"{_kind(task)} takes no checkpoint of an earlier result; pass the document"
            )
    elif not task.takes_file:
        raise InvalidArgumentError(
            f"{_kind(task)} takes an earlier result with a checkpoint, not {_shown(source)}; "
            f"convert the document with save_checkpoint=True, and pass the result"
        )
    if not isinstance(found, FileSource) and (name is not None or content_type is not None):
        raise InvalidArgumentError(
            "name and content_type are for files of this machine; the source is "
            + ("a checkpoint" if isinstance(found, CheckpointSource) else "a URL")
        )
    return found


def _resolved(source: object, name: str | None, content_type: str | None) -> ResolvedSource:
    if isinstance(source, (UrlSource, FileSource, CheckpointSource)):
        return source
    if isinstance(source, File):
        return UrlSource(_reference_of(source))
    if isinstance(source, str):
        scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", source)
        if scheme and scheme[1].lower() in ("http", "https", "datalab"):
            return UrlSource(checked_url(source))
        if scheme:
            raise InvalidArgumentError(
                f"A URL must begin with http://, https:// or datalab://, unlike "
                f"{redact_url(source)!r}; for a path with such a name use a Path"
            )
    if isinstance(source, (str, os.PathLike)):
        return _file(checked_path("source", source, of_file=True), name, content_type)
    if isinstance(source, (bytearray, memoryview)):
        source = bytes(source)
    if isinstance(source, bytes) or callable(getattr(source, "read", None)):
        return _file(cast("bytes | IO[bytes]", source), name, content_type)
    return CheckpointSource(_checkpoint_of(source))


def _reference_of(file: File) -> str:
    if file.status.lower() in ("pending", "failed"):
        raise InvalidArgumentError(
            f"The file {file.id} is not uploaded: its status is {file.status!r}"
        )
    return file.reference


def _checkpoint_of(result: object) -> str:
    if not hasattr(result, "checkpoint_id"):
        raise InvalidArgumentError(
            f"source must be a path, a URL, bytes, an open file, an uploaded File or an "
            f"earlier result with a checkpoint, not {named(result)}"
        )
    checkpoint_id = cast("DocumentResult", result).checkpoint_id
    if not checkpoint_id:
        raise InvalidArgumentError(
            "The earlier result has no checkpoint: make it with save_checkpoint=True"
        )
    return checkpoint_id


def _file(source: UploadSource, name: str | None, content_type: str | None) -> FileSource:
    if name is None and _is_nameless(source):
        suffix = _suffix_of(source) if isinstance(source, bytes) else _suffix_of_open(source)
        name = f"document{suffix or ''}"
        if suffix is None and content_type is None:
            raise InvalidArgumentError(
                "The first bytes of the source do not tell its type; pass name, such as "
                "'report.docx'"
            )
    described = describe(source, name, content_type)
    return FileSource(source, described.name, described.content_type)


def _is_nameless(source: object) -> bool:
    return isinstance(source, bytes) or not (
        isinstance(source, os.PathLike) or isinstance(getattr(source, "name", None), str)
    )


_SIGNATURES: Final = (
    (rb"\x89PNG\r\n\x1a\n", ".png"),
    (rb"\xff\xd8\xff", ".jpg"),
    (rb"RIFF....WEBP", ".webp"),
    (rb"GIF8[79]a", ".gif"),
    (rb"II\*\0|MM\0\*", ".tiff"),
    (rb"(?i)(\xef\xbb\xbf)?\s*<(!doctype html|html)\b", ".html"),
    # Readers of PDF accept some bytes before its signature.
    (rb"(?s).{0,1019}?%PDF-", ".pdf"),
)
_MOST_TO_SEE: Final = 1024
_OPEN_XML: Final = {"word/": ".docx", "xl/": ".xlsx", "ppt/": ".pptx"}
_OPEN_DOCUMENT: Final = {"text": ".odt", "spreadsheet": ".ods", "presentation": ".odp"}


def _suffix_of(data: bytes) -> str | None:
    """Tell the suffix of a document from its bytes.

    >>> _suffix_of(b"%PDF-1.7 ..."), _suffix_of(b"hello")
    ('.pdf', None)
    """
    start = data[:_MOST_TO_SEE]
    if start.startswith(b"PK\x03\x04"):
        return _suffix_of_archive(io.BytesIO(data))
    return next(
        (suffix for pattern, suffix in _SIGNATURES if re.match(pattern, start, re.DOTALL)), None
    )


def _suffix_of_open(file: object) -> str | None:
    opened = cast("IO[bytes]", file)
    try:
        if not opened.seekable():
            return None
        position = opened.tell()
        try:
            start = opened.read(_MOST_TO_SEE)
            if start.startswith(b"PK\x03\x04"):
                return _suffix_of_archive(opened)
            return _suffix_of(start)
        finally:
            opened.seek(position)
    except Exception:  # noqa: BLE001 - a file of the caller's; opening it names what is wrong
        return None


def _suffix_of_archive(file: IO[bytes]) -> str | None:
    import zipfile  # rarely needed, and slow to import

    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            if "mimetype" in names:
                kind = archive.open("mimetype").read(100).decode("ascii", "replace")
                return _OPEN_DOCUMENT.get(kind.rpartition(".")[2].strip())
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError):
        return None
    return next(
        (
            suffix
            for name in names
            for folder, suffix in _OPEN_XML.items()
            if name.startswith(folder)
        ),
        None,
    )


def _kind(task: Task[object]) -> str:
    return type(task).__name__


def _shown(source: object) -> str:
    return repr(redact_url(source)) if isinstance(source, str) else f"a {type(source).__name__}"
