"""What is checked of a command on documents before anything is sent or paid for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from datalab_facade.arguments import is_file, is_folder, is_there
from datalab_facade.errors import InvalidArgumentError, LocalFileError
from datalab_facade.files.media_types import media_type_of

if TYPE_CHECKING:
    from datalab_facade.cli.document_options import RunSettings

# The format that the suffix of a file for one text stands for; None for any.
_FORMATS: Final[Mapping[str, str | None]] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".txt": None,
}
_OF_RUNS: Final = ("max_cost", "retry_failed", "retry_unknown")
_DEFAULT_DOCUMENT: Final = "docx"


def check_sources(sources: Sequence[str], *, folders: bool = False) -> None:
    """Check that the files are there.

    Args:
        sources: What the arguments name.
        folders: Whether a folder stands for the documents in it.

    Raises:
        InvalidArgumentError: One cannot be a source of this command.
        LocalFileError: One is not there.
    """
    if "-" in sources and len(sources) > 1:
        raise InvalidArgumentError("Standard input (-) must be the only source; nothing was sent")
    for source in sources:
        if source == "-" or "://" in source:
            continue
        if not is_there(source):
            raise LocalFileError(f"File {source} does not exist; nothing was sent")
        if not folders and is_folder(source):
            raise InvalidArgumentError(
                f"{source} is a folder, and this takes a document; nothing was sent"
            )


def is_text_file(output: str) -> bool:
    """Tell whether an output is named as a file for one text, such as ``a.md``."""
    return _is_file_name(output) and Path(output).suffix.lower() in _FORMATS


def format_of(output: str) -> str | None:
    """Return the format of which an output is named, such as ``a.html``; None if of none."""
    return _FORMATS[Path(output).suffix.lower()] if is_text_file(output) else None


def check_file(output: str) -> None:
    """Check that a file can be written, or that the output is a folder.

    Raises:
        LocalFileError: It cannot.
    """
    folder = Path(output).parent
    if not _is_file_name(output):
        return
    if not is_folder(folder):
        raise LocalFileError(
            f"{output} cannot be written: there is no folder {folder}; nothing was sent"
        )
    try:
        Path(output).lstat()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise LocalFileError(
            f"{output} cannot be written: {error.strerror}; nothing was sent"
        ) from None
    if not os.access(folder, os.W_OK):
        raise LocalFileError(
            f"{output} cannot be written: the folder {folder} is read-only; nothing was sent"
        )


def check_folder(output: str) -> None:
    """Check that an output can be a folder for the results of a run.

    Raises:
        InvalidArgumentError: It is a file, or named as one.
    """
    if is_file(output) or is_text_file(output):
        raise InvalidArgumentError(
            f"-o {output} is a file, and these results need a folder: use -o FOLDER; "
            f"nothing was sent"
        )


def check_document_name(output: str, output_format: object) -> None:
    """Check that a new document has a name that fits its format.

    Raises:
        InvalidArgumentError: It has not.
    """
    suffix, wanted = Path(output).suffix, str(output_format or _DEFAULT_DOCUMENT).lower()
    if _is_file_name(output) and suffix and suffix.lower() != f".{wanted}":
        raise InvalidArgumentError(
            f"{output} is not the name of a {wanted} file, which this creates: name it "
            f"{Path(output).with_suffix(f'.{wanted}')}, or use another --format; nothing was sent"
        )


def check_form_name(output: str, form: str) -> None:
    """Check that a form that is filled in has the name of a file of its kind.

    Args:
        output: The file to write.
        form: The form as it was named; a PDF gives a PDF, and an image gives an image.

    Raises:
        InvalidArgumentError: It has not.
    """
    if not (_is_file_name(output) and Path(output).suffix):
        return
    kind = _kind_of(form)
    if _kind_of(output) not in ((kind,) if kind else ("PDF", "image")):
        raise InvalidArgumentError(
            f"{output} is not the name of {f'a {kind} file' if kind else 'a PDF or an image'}, "
            f"which a form like {form} becomes; nothing was sent"
        )


def _kind_of(name: str) -> str | None:
    """Return which kind of form a file is, by its name; None if that does not say it."""
    media_type = media_type_of(urlsplit(name).path) or ""
    if media_type.startswith("image/"):
        return "image"
    return "PDF" if media_type == "application/pdf" else None


def check_no_run(settings: RunSettings) -> None:
    """Check that no option is set that only a run, which keeps a journal, can obey.

    Raises:
        InvalidArgumentError: One is.
    """
    for name in _OF_RUNS:
        if getattr(settings, name):
            raise InvalidArgumentError(
                f"--{name.replace('_', '-')} needs -o FOLDER, where the journal of the run is; "
                f"nothing was sent"
            )


def _is_file_name(output: str) -> bool:
    return not (is_folder(output) or output.endswith(("/", "\\")))
