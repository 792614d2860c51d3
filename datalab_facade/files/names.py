"""The ways to name a file: an id, a hashid, a reference, or the file itself."""

from __future__ import annotations

import re
from typing import TypeAlias

from datalab_facade.arguments import checked_id, named, whole_number
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.files.models import REFERENCE_PREFIX, File

AnyFile: TypeAlias = "int | str | File"
"""An integer id, a hashid such as ``"npl94jxy"``, a reference ``datalab://file-…``, or a file."""


def file_number(file: object) -> int | str:
    """Return the integer id of a file or, if only that is known, its hashid.

    >>> file_number(4), file_number("4"), file_number("datalab://file-npl94jxy")
    (4, 4, 'npl94jxy')

    Raises:
        InvalidArgumentError: The value does not name a file.
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
        f"file must be an id (4), a hashid ('npl94jxy'), a reference "
        f"('{REFERENCE_PREFIX}npl94jxy') or a File, not {named(file)}"
    )


def checked_lifetime(expires_in: object) -> int:
    """Check and return the seconds for which a download URL is to be valid.

    Raises:
        InvalidArgumentError: They are not 60 to 86400.
    """
    seconds = whole_number(expires_in)
    if seconds is None or not 60 <= seconds <= 86400:
        raise InvalidArgumentError(
            f"expires_in must be 60 to 86400 seconds (a minute to a day), not {named(expires_in)}"
        )
    return seconds
