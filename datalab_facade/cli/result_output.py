"""Where a result goes: to standard output, into a file, or into a folder of its own.

On standard output text is as it is, data is JSON, and parts are a table.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs

from datalab_facade.arguments import is_folder
from datalab_facade.cli.document_checks import is_text_file
from datalab_facade.cli.document_results import SourceResult, content, to_document
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.rendering.conversions import segments_text, written_lines
from datalab_facade.cli.sessions import Session
from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.documents.results import (
    FORMATS,
    Conversion,
    CreatedDocument,
    Extraction,
    FilledForm,
    Segmentation,
)
from datalab_facade.errors import (
    DatalabError,
    EmptyResultError,
    InvalidArgumentError,
    LocalFileError,
)
from datalab_facade.json_forms import JSON
from datalab_facade.pictures.terminal import BOLD
from datalab_facade.pictures.words import sanitize
from datalab_facade.transfers.disk import claim, remove, sync, write_all

# What moves the cursor or worse; a text from a document may hold it.
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def deliver(session: Session, found: SourceResult, output: str | None) -> ExitCode:
    """Write the only result of a command to where it belongs; return the exit code.

    Args:
        session: Where to write, and whether as JSON.
        found: What came of the document.
        output: A file, a folder, or None for standard output.
    """
    result = found.result
    if output is not None and result is not None:
        try:
            if is_single_file(output, result):
                found = attrs.evolve(found, path=write_bytes(output, file_bytes(result)))
            else:
                from datalab_facade.documents.saving import save_result  # it takes time to import

                saved = save_result(result, output, saved_at=datetime.now(UTC))
                found = attrs.evolve(found, receipts=(saved,))
        except DatalabError as error:
            found = attrs.evolve(found, error=error)
    print_outcome(session, found)
    is_whole = not isinstance(result, FilledForm) or result.is_complete
    return exit_code_of(found) if not found.succeeded or is_whole else ExitCode.FAILED


def exit_code_of(found: SourceResult) -> ExitCode:
    """Return the exit code for what came of a document."""
    return ExitCode.DONE if found.problem is None else found.problem.code


def print_outcome(session: Session, found: SourceResult, *, title: bool = False) -> None:
    """Write what came of a document: its result, or where that was written, and the error.

    Args:
        session: Where to write, and whether as JSON.
        found: What came of the document.
        title: Whether to name the document, since there are several.
    """
    if session.as_json:
        session.out.write_json({"event": "result", **to_document(found)}, indented=False)
        return
    if found.paths:
        session.out.write("\n".join(written_lines(found, session.out.for_tables)))
    elif found.result is not None and not isinstance(
        found.error, (EmptyResultError, LocalFileError)
    ):
        print_result(session, found, title=title)
    if (problem := found.problem) is not None:
        if isinstance(found.error, LocalFileError) and found.id is not None:
            hint = f"To get the result again: datalab-facade result {found.id} -o PATH"
            problem = attrs.evolve(problem, hint=hint)
        name = f"{Path(found.source).name}: " if title else ""
        session.report_problem(attrs.evolve(problem, message=f"{name}{problem.message}"))


def print_result(session: Session, found: SourceResult, *, title: bool = False) -> None:
    """Write a result to standard output.

    Args:
        session: Where to write.
        found: The result, which is in memory.
        title: Whether to name its source, since there are several.

    Raises:
        InvalidArgumentError: The result is a file, which cannot be written there.
    """
    result, out = found.result, session.out
    if isinstance(result, (FilledForm, CreatedDocument)):
        raise InvalidArgumentError(f"The result of {result.id} is a file: use -o FILE")
    if isinstance(result, Extraction):
        out.write_json(to_document(found), indented=False)
    elif isinstance(result, Segmentation):
        if title:
            name = sanitize(Path(found.source).name or found.source)
            out.write(out.for_tables.paint(out.for_tables.adapt(name), BOLD))
        out.write(segments_text(result, out.for_tables))
    elif isinstance(result, Conversion):
        text = text_of(result)
        if out.is_terminal:
            text = _CONTROLS.sub("", text)
        out.write(text.removesuffix("\n"))
    elif result is not None:
        out.write_json(content(result))


def text_of(result: Conversion) -> str:
    """Return the only format of a conversion as text.

    Raises:
        EmptyResultError: It came empty.
        InvalidArgumentError: There are several.
    """
    formats = result.output_formats
    if len(formats) != 1:
        raise InvalidArgumentError(
            f"The result has the formats {', '.join(formats)}: use -o FOLDER to save all of them"
        )
    [name] = formats
    value: JSON = getattr(result, name) if name in FORMATS else result.raw.get(name)
    if value is None:
        raise EmptyResultError(result, formats)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def is_single_file(output: str, result: DocumentResult | None = None) -> bool:
    """Tell whether an output is a file for one result alone, and not a folder."""
    if isinstance(result, (FilledForm, CreatedDocument)):
        return not (is_folder(output) or output.endswith(("/", "\\")))
    return is_text_file(output)


def file_bytes(result: DocumentResult) -> bytes:
    """Return what is written into a file for a result.

    Raises:
        EmptyResultError: The result has no output to print.
        InvalidResponseError: It cannot be decoded.
        InvalidArgumentError: It is several texts.
    """
    if isinstance(result, (FilledForm, CreatedDocument)):
        return result.content
    if isinstance(result, Conversion):
        return text_of(result).encode()
    document = result.data if isinstance(result, Extraction) else content(result)
    return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"


def write_bytes(path: str, data: bytes) -> Path:
    """Write a file whole or not at all; an existing one is replaced.

    Raises:
        LocalFileError: It cannot be written.
    """
    target = Path(path)
    beside: Path | None = None
    try:
        beside, file = claim(target.parent, ".datalab-", ".part")
        with file:
            write_all(file, data)
            sync(file)
        os.replace(beside, target)  # noqa: PTH105 - atomic
    except OSError as error:
        if beside is not None:
            remove(beside)
        raise LocalFileError(f"{path} cannot be written: {error.strerror or error}") from error
    return target
