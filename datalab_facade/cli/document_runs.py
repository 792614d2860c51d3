"""Work on documents, one or many: submit, wait, save."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from datalab_facade.arguments import is_folder
from datalab_facade.cli.document_display import DocumentDisplay
from datalab_facade.cli.document_results import SourceResult
from datalab_facade.cli.sessions import Session
from datalab_facade.documents.task_base import Task
from datalab_facade.errors import (
    AuthenticationError,
    ConnectionSetupError,
    DatalabError,
    EmptyResultError,
    ExtractionMismatchError,
    InvalidArgumentError,
    LocalFileError,
    PaymentRequiredError,
    PermissionDeniedError,
)
from datalab_facade.files.media_types import media_type_of
from datalab_facade.jobs.retries import is_unsent
from datalab_facade.runs.run_pacing import Outage

if TYPE_CHECKING:
    from datalab_facade.client import Datalab
    from datalab_facade.documents.handles import DocumentHandle
    from datalab_facade.documents.late_values import LateValue
    from datalab_facade.documents.snapshots import DocumentRequest
    from datalab_facade.documents.sources import DocumentSource
    from datalab_facade.jobs.changes import Change
    from datalab_facade.options import WaitOptions

DEFAULT_CONCURRENCY: Final = 16
# What comes of one source comes of all others, too.
_FATAL: Final = (
    AuthenticationError,
    ConnectionSetupError,
    PaymentRequiredError,
    PermissionDeniedError,
)


@attrs.frozen(kw_only=True)
class Work:
    """What is done with the sources."""

    task: Task[Any]
    sources: Sequence[str]
    concurrency: int = DEFAULT_CONCURRENCY
    timeout: float | None = None
    from_checkpoint: bool = False
    """Whether the sources are checkpoints of earlier results."""
    wait_for: LateValue | None = None


def perform(
    session: Session,
    work: Work,
    show: Callable[[SourceResult], None] | None = None,
    *,
    live: bool = True,
) -> list[SourceResult]:
    """Do the work, and return what came of each source, in their order.

    Some requests are at work at the same time; one that fails keeps no other from it.

    Args:
        session: The session, with its terminal.
        work: What to do.
        show: Called with what came of each source, as it comes.
        live: Whether to show a live table, if there is a terminal.
    """
    footer = "Ctrl-C stops waiting; requests that were sent continue."
    display = DocumentDisplay(session, len(work.sources), footer, live=live)
    found: list[SourceResult] = []
    with session.client() as client, display:
        for one in _results(session, client, work, display):
            if show is not None:
                show(one)
            found.append(one)
    return found


def _results(
    session: Session, client: Datalab, work: Work, display: DocumentDisplay
) -> Iterator[SourceResult]:
    waiting: deque[tuple[str, DocumentHandle[Any] | DatalabError]] = deque()
    left = deque(work.sources)
    fatal: DatalabError | None = None
    outage = Outage()
    while left or waiting:
        while left and len(waiting) < work.concurrency:
            source = left.popleft()
            display.begin(source)
            submitted = fatal or _submitted(client, work, source)
            if not isinstance(submitted, DatalabError):
                outage.connected()
            else:
                if is_unsent(submitted):
                    outage.failed()
                if isinstance(submitted, _FATAL) or outage.is_hopeless:
                    fatal = submitted
            waiting.append((source, submitted))
            display.show_status(source, "processing")
            _say_how_to_go_on(session, waiting)
        source, submitted = waiting.popleft()
        if isinstance(submitted, DatalabError):
            found = SourceResult(source=source, error=submitted)
        else:
            found = _taken(source, submitted, display, work.timeout, work.wait_for)
        display.end(found)
        yield found


def _submitted(client: Datalab, work: Work, source: str) -> DocumentHandle[Any] | DatalabError:
    takes_source = work.task.takes_file or work.task.takes_checkpoint
    found = as_source(source, from_checkpoint=work.from_checkpoint) if takes_source else None
    try:
        return client.documents.submit(work.task, found)
    except DatalabError as error:
        return error


def as_source(source: str, *, from_checkpoint: bool = False) -> DocumentSource:
    """Return the source that an argument names; ``-`` is standard input.

    Raises:
        LocalFileError: Standard input is empty.
    """
    if from_checkpoint:
        from datalab_facade.documents.sources import CheckpointSource

        return CheckpointSource(source)
    if source != "-":
        return source
    if not (data := sys.stdin.buffer.read()):
        raise LocalFileError("Standard input is empty; nothing was sent")
    return data


def _say_how_to_go_on(
    session: Session, waiting: Iterable[tuple[str, DocumentHandle[Any] | DatalabError]]
) -> None:
    ids = [one.id for _, one in waiting if not isinstance(one, DatalabError)]
    if not ids:
        return
    hint = f"To get its result: datalab-facade result {ids[0]}"
    session.if_interrupted = (
        f"The request continues. {hint}"
        if len(ids) == 1
        else f"{len(ids)} requests continue, of which {ids[0]} is one. {hint}"
    )


def wait_for_result(
    session: Session,
    handle: DocumentHandle[Any],
    *,
    timeout: float | None,
    wait_for: LateValue | None = None,
) -> SourceResult:
    """Wait for the end of one request, shown on a terminal, and return what came of it."""
    source = handle.source or handle.id
    display = DocumentDisplay(session, 1, "Ctrl-C stops waiting; the request continues.")
    with display:
        display.begin(source)
        return _taken(source, handle, display, timeout, wait_for)


def _taken(
    source: str,
    handle: DocumentHandle[Any],
    display: DocumentDisplay,
    timeout: float | None,
    wait_for: LateValue | None,
) -> SourceResult:
    try:
        result = handle.result(
            on_change=_reporter(source, display), wait_for=wait_for, **_wait_options(timeout)
        )
        return SourceResult.of(source, result)
    except EmptyResultError as error:
        return attrs.evolve(SourceResult.of(source, error.result), error=error)
    except ExtractionMismatchError as error:
        # It is paid for, so it is shown although it does not fit the class of the schema.
        return attrs.evolve(SourceResult.of(source, error.extraction), error=error)
    except DatalabError as error:
        return SourceResult(source=source, id=handle.id, error=error)


def _reporter(source: str, display: DocumentDisplay) -> Callable[[Change[DocumentRequest]], None]:
    return lambda change: display.show_status(source, str(change.snapshot.status).lower())


def _wait_options(timeout: float | None) -> WaitOptions:
    return {} if timeout is None else {"timeout": timeout}


def expand(sources: Iterable[str], extensions: str | None, output: str | None) -> list[str]:
    """Return the files of folders, and everything else as it is.

    Args:
        sources: The sources; of a folder, all documents in it and in its folders, but none that
            are hidden or in the folder for the outputs.
        extensions: Only these files of folders, such as ``"pdf,docx"``.
        output: The folder for the outputs, if there is one.

    Raises:
        InvalidArgumentError: A folder has no such file, or is the one for the outputs.
        LocalFileError: A folder cannot be read.
    """
    from datalab_facade.runs.run_folders import files_below, is_same

    outputs = None if output is None else Path(output)
    wanted = {f".{one.strip().lstrip('.').lower()}" for one in (extensions or "").split(",")}
    found: list[str] = []
    for source in sources:
        if "://" in source or not is_folder(source):
            found.append(source)
            continue
        if is_same(Path(source), outputs):
            raise InvalidArgumentError(f"{source} is where the outputs go; nothing was sent")
        try:
            paths = sorted(path for path, _ in files_below(Path(source), outputs))
        except OSError as error:
            raise LocalFileError(
                f"{source} cannot be read: {error.strerror}; nothing was sent"
            ) from None
        inside = [
            str(path)
            for path in paths
            if (path.suffix.lower() in wanted if extensions else media_type_of(path.name))
        ]
        if not inside:
            raise InvalidArgumentError(f"The folder {source} has no documents; nothing was sent")
        found += inside
    return list(dict.fromkeys(found))
