"""Which file a caller means: an id, a hashid, a reference, or the file itself."""

from __future__ import annotations

import re
from typing import TypeAlias

from datalab_facade.arguments import checked_id, named, whole_number
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.files.models import REFERENCE_PREFIX, File

AnyFile: TypeAlias = "int | str | File"
"""An integer id, a hashid such as ``"npl94jxy"``, a reference ``datalab://file-…``, or a file."""


def file_number(file: object) -> int | str:
    """Give the integer id of a file or, where only that is known, its hashid.

    >>> file_number(4), file_number("4"), file_number("datalab://file-npl94jxy")
    (4, 4, 'npl94jxy')

    Raises:
        InvalidArgumentError: It is neither.
    """
    if isinstance(file, File):
        return file.id
    if whole_number(file) is not None:
        return checked_id(file, of="A file")
    if isinstance(file, str):
        name = file.removeprefix(REFERENCE_PREFIX)
        if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            return int(name) if name.isdigit() else name
    raise InvalidArgumentError(
        f"A file is named by its id (4), its hashid ('npl94jxy') or its reference "
        f"('{REFERENCE_PREFIX}npl94jxy'), not by {named(file)}"
    )


def checked_lifetime(expires_in: object) -> int:
    """Give the seconds that a download URL is to be good for, if there can be such a URL.

    Raises:
        InvalidArgumentError: There can not.
    """
    seconds = whole_number(expires_in)
    if seconds is None or not 60 <= seconds <= 86400:
        raise InvalidArgumentError(
            f"expires_in must be 60 to 86400 seconds (a minute to a day), not {named(expires_in)}"
        )
    return seconds
