"""The name and the media type under which a document is uploaded."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import Final, cast

import attrs

from datalab_facade.arguments import named
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.files.media_types import MEDIA_TYPES, media_type_of

MAX_FILE_BYTES: Final = 200 * 1024 * 1024
"""The largest size of a file in bytes: 200 MB, the limit that Datalab documents."""

_MEDIA_TYPE: Final = re.compile(r"[!#$&^_.+A-Za-z0-9-]+/[!#$&^_.+A-Za-z0-9-]+(;[ -~]*)?")


@attrs.frozen
class Described:
    """A file's name and media type, as they are sent."""

    name: str
    content_type: str


def describe(source: object, name: str | None, content_type: str | None) -> Described:
    """Determine the name and the media type of a source.

    Args:
        source: The source.
        name: The name to use; by default the last part of the path.
        content_type: The media type to use; by default that of the name's suffix.

    Raises:
        InvalidArgumentError: The source has no name, the name is invalid or has no known
            suffix, or the source has another type.
    """
    _checked_source(source)
    file_name = _checked_name(name, "name") if name is not None else _name_of(source)
    kind = content_type if content_type is not None else media_type_of(file_name)
    if kind is None:
        known = " ".join(MEDIA_TYPES)
        raise InvalidArgumentError(
            f"The suffix of the name {file_name!r} is not that of a known document. Datalab "
            f"accepts {known}; for anything else pass content_type"
        )
    checked_media_type(kind)
    return Described(file_name, kind)


def checked_media_type(content_type: str | None) -> str | None:
    """Return a media type if it can be one, or None.

    Raises:
        InvalidArgumentError: It is something else.
    """
    if content_type is None:
        return None
    if not isinstance(content_type, str) or not _MEDIA_TYPE.fullmatch(content_type):
        raise InvalidArgumentError(
            "content_type must be a media type such as 'application/pdf', "
            f"not {named(content_type)}"
        )
    return content_type


def _checked_source(source: object) -> None:
    readable = callable(getattr(source, "read", None))
    if not (readable or isinstance(source, (str, os.PathLike, bytes))):
        raise InvalidArgumentError(
            "source must be a path, bytes or a file opened in binary mode, "
            f"not {type(source).__name__}"
        )


def _name_of(source: object) -> str:
    path: object = None
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(cast("str | os.PathLike[str]", source))
        if not isinstance(path, str):
            raise InvalidArgumentError("A path must be text, not bytes; decode it with os.fsdecode")
    elif not isinstance(source, bytes):
        # The name of a file that was opened by its descriptor is a number.
        path = getattr(source, "name", None)
    if not isinstance(path, str):
        raise InvalidArgumentError("The data has no file name; pass name, such as 'report.pdf'")
    # The folders of a path are private, so only its last part is sent.
    return _checked_name(re.split(r"[/\\]", path.rstrip("/\\"))[-1], "name of the file")


def _checked_name(name: str, what: str) -> str:
    if not isinstance(name, str) or not name.strip() or name in (".", ".."):
        raise InvalidArgumentError(
            f"The {what} must be a name such as 'report.pdf', not {named(name)}"
        )
    if re.search(r"[/\\]", name):
        raise InvalidArgumentError(
            f"The {what} {named(name)} contains a folder; pass only its last part"
        )
    if any(map(_is_not_text, name)):
        raise InvalidArgumentError(
            f"The {what} {named(name)} has a control character or one that is not text; "
            "pass another name"
        )
    return name


def harmless_name(name: str) -> str:
    r"""Return a name that a file can be uploaded under, from any name on this machine.

    >>> harmless_name("report.pdf"), harmless_name("caf\udce9\n.pdf")
    ('report.pdf', 'caf__.pdf')
    """
    return "".join("_" if _is_not_text(char) or char in "/\\" else char for char in name)


def _is_not_text(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
