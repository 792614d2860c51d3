"""Saves results of documents to the tree that marker and the official command line make.

::

    out/
      report.v2/                    of scans/report.v2.pdf
        report.v2.md                .html .json .chunks.json for the other formats
        _page_0_Figure_1.jpeg       images beside the text, so that its links hold
        report.v2.metadata.json
        report.v2.extraction.json   the data; report.v2.fields.json what is said about it
        report.v2.result.json       the receipt

Names from the server never lead out of the folder. All files are complete and synced before
the folder gets its name, and the receipt comes last. Another source of the same stem has a
folder of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from datalab_facade.arguments import checked_path
from datalab_facade.documents.json_splitting import Event, split_json
from datalab_facade.documents.receipts import (
    RECEIPT,
    SavedResult,
    last_part,
    receipts_in,
    stem_of,
    without_query,
)
from datalab_facade.documents.result_decoding import check_succeeded, overlaid, result_type
from datalab_facade.documents.result_files import (
    CONTENT,
    NESTED,
    ResultFiles,
    events_of,
)
from datalab_facade.documents.results import (
    AgentResult,
    Conversion,
    DocumentResult,
    Extraction,
    SchemaSuggestions,
    Segmentation,
    requested_formats,
)
from datalab_facade.errors import (
    DatalabError,
    EmptyResultError,
    InvalidArgumentError,
    LocalFileError,
)
from datalab_facade.json_forms import JSON
from datalab_facade.transfers.disk import folder_lock, sync, sync_folder
from datalab_facade.transfers.naming import safe_name

if TYPE_CHECKING:
    from datalab_facade.documents.result_base import AnyTask

_LOCK_TIMEOUT: Final = 60.0
_SUFFIX: Final = re.compile(r"[a-z0-9]{1,8}")


@attrs.frozen(kw_only=True)
class _Order:
    """What is saved where, and what the receipt says beside the result."""

    output_dir: Path
    job_id: str
    task: AnyTask | None
    source: str | None = attrs.field(converter=without_query)
    source_sha256: str | None
    saved_at: datetime | None
    folder_name: str | None = None

    @property
    def stem(self) -> str:
        return stem_of(self.source) or safe_name(self.job_id.replace("/", "-"))

    @property
    def receipt_name(self) -> str:
        verb = self.job_id.rpartition("/")[0].rpartition("/")[2]
        return safe_name(
            f"{self.stem}{RECEIPT}" if verb == "convert" else f"{self.stem}.{verb}{RECEIPT}"
        )

    @property
    def folder_names(self) -> Iterator[str]:
        """Yield the names that the folder can have, the best first."""
        if self.folder_name is not None:
            yield self.folder_name
        yield self.stem
        yield safe_name(last_part(self.source or "") or self.stem)
        identity = repr((self.source, self.source_sha256) if self.source else self.job_id)
        digest = sha256(identity.encode(errors="surrogatepass")).hexdigest()
        for length in (8, 16, 64):
            yield f"{self.stem}-{digest[:length]}"

    def is_of_same_source(self, receipt: SavedResult) -> bool:
        """Tell whether a receipt is of the document that this result is of."""
        if receipt.id == self.job_id:
            return True
        if self.source is None:
            return False
        if receipt.source_sha256 and self.source_sha256:
            return receipt.source_sha256 == self.source_sha256
        # A name without a folder may be that of any document.
        return self.source == receipt.source and last_part(self.source) != self.source


def save_result(
    result: DocumentResult,
    output_dir: str | os.PathLike[str],
    *,
    source: str | None = None,
    source_sha256: str | None = None,
    saved_at: datetime | None = None,
    folder_name: str | None = None,
) -> SavedResult:
    """Save a result in a folder of its own, named by its source.

    A later result of the same source replaces the files of an earlier one.

    Args:
        result: The result.
        output_dir: The folder in which the result's own folder is created.
        source: The document's path or address; by default, what the result says.
        source_sha256: The SHA-256 of the document; by default, what the result says.
        saved_at: When that is.
        folder_name: The name of the result's folder, if it can have it; by default the document's.

    Returns:
        The receipt, which is in the folder as well.

    Raises:
        InvalidArgumentError: An argument is wrong.
        LocalFileError: The files cannot be written; nothing incomplete has its name.
        EmptyResultError: Something that was asked for came empty, or an image is not one. All
            the rest is saved, and the receipt says what is missing.
        InvalidResponseError: The result cannot be read.
    """
    if not isinstance(result, DocumentResult):
        raise InvalidArgumentError(f"result must be a result, not a {type(result).__name__}")
    order = _Order(
        output_dir=checked_path("output_dir", output_dir),
        job_id=result.id,
        task=result.task,
        source=source if source is not None else result.source,
        source_sha256=source_sha256 if source_sha256 is not None else result.source_sha256,
        saved_at=saved_at,
        folder_name=folder_name,
    )
    return _save(order, lambda: events_of(result.raw), lambda _: result)


def save_body(
    pieces: Iterable[bytes],
    output_dir: str | os.PathLike[str],
    *,
    job_id: str,
    task: AnyTask | None = None,
    poll: Mapping[str, JSON] | None = None,
    source: str | None = None,
    source_sha256: str | None = None,
    saved_at: datetime | None = None,
    folder_name: str | None = None,
) -> SavedResult:
    """Save a result while its JSON arrives, in constant memory.

    Args:
        pieces: The JSON, in pieces of any size.
        output_dir: The folder in which the result's own folder is created.
        job_id: The job's id, such as ``"convert/Qm3xT0yLr8sWb2ZkVf6NcA"``.
        task: What was asked for, if that is known.
        poll: The answer to the poll that named the result's URL; what it says goes first.
        source: The document's path or address.
        source_sha256: The SHA-256 of the document, if it was computed.
        saved_at: When that is.
        folder_name: The name of the result's folder, if it can have it; by default the document's.

    Returns:
        The receipt, which is in the folder as well.

    Raises:
        DocumentFailedError: The JSON says that the request failed; nothing is saved.
        DatalabError: Whatever :func:`save_result` raises.
    """
    order = _Order(
        output_dir=checked_path("output_dir", output_dir),
        job_id=job_id,
        task=task,
        source=source,
        source_sha256=source_sha256,
        saved_at=saved_at,
        folder_name=folder_name,
    )

    def result_of(kept: Mapping[str, JSON]) -> DocumentResult:
        raw = overlaid(dict(kept), dict(poll or {}))
        assert isinstance(raw, dict)
        return result_type(job_id)(
            id=job_id, task=task, source=source, source_sha256=source_sha256, raw=raw
        )

    return _save(order, lambda: split_json(pieces, nested=NESTED), result_of)


def _save(
    order: _Order,
    events: Callable[[], Iterator[Event]],
    result_of: Callable[[Mapping[str, JSON]], DocumentResult],
) -> SavedResult:
    try:
        with _staged(order) as staged:
            files = ResultFiles(staged, order.stem, order.receipt_name)
            files.take(events())
            result = result_of(files.kept)
            check_succeeded(result)
            _add_others(files, result)
            receipt = _receipt(order, files, result)
            files.sync()
            folder = _publish(order, staged, receipt)
    except OSError as error:
        # Some of ours are of the system's kind, too.
        if isinstance(error, DatalabError):
            raise
        raise LocalFileError(
            f"The result of {order.job_id} cannot be saved to {order.output_dir}: "
            f"{error.strerror or error}. Mend that and save again: the result is not lost"
        ) from error
    if receipt.missing:
        raise EmptyResultError(result, receipt.missing)
    return attrs.evolve(receipt, folder=folder)


def _add_others(files: ResultFiles, result: DocumentResult) -> None:
    """Add what is small, and written for people."""
    kept = files.kept
    if kept.get("metadata"):
        files.add(".metadata.json", kept["metadata"])
    if kept.get("extraction_schema_json"):
        extraction: Extraction[dict[str, JSON]] = Extraction(
            id=result.id, task=result.task, raw=kept
        )
        files.add(".extraction.json", extraction.data)
        files.add(
            ".fields.json",
            {path: field.to_dict() for path, field in extraction.fields.items()},
        )
    if kept.get("segmentation_results"):
        files.add(".segments.json", kept["segmentation_results"])
    if isinstance(result, SchemaSuggestions) and kept.get("suggestions"):
        named = {name: getattr(result, name) for name in ("simple", "moderate", "complex")}
        files.add(".schemas.json", named)
    if isinstance(result, AgentResult):
        files.add(".agent.json", dict(kept))
    suffix = str(kept.get("output_format") or "").lower()
    files.name_content(f".{suffix}" if _SUFFIX.fullmatch(suffix) else ".bin")


def _receipt(order: _Order, files: ResultFiles, result: DocumentResult) -> SavedResult:
    task = order.task
    return SavedResult(
        id=order.job_id,
        source=order.source,
        source_sha256=order.source_sha256,
        task=None if task is None else {"task": task.verb, **task.redacted()},
        page_count=result.page_count,
        cost_cents=result.cost_cents,
        saved_at=order.saved_at,
        files=files.saved(),
        missing=(*_missing(files, result), *files.corrupt),
    )


def _missing(files: ResultFiles, result: DocumentResult) -> Iterator[str]:
    """Yield what was asked for and is not there."""
    if isinstance(result, Conversion):
        asked = requested_formats(result.task, files.kept.get("output_format"))
        # A format that this version cannot write is in what is kept of the answer.
        yield from (name for name in asked if name not in files.parts and not files.kept.get(name))
    elif isinstance(result, Extraction):
        if not files.kept.get("extraction_schema_json"):
            yield "extraction"
    elif isinstance(result, (Segmentation, SchemaSuggestions)):
        name = "segmentation_results" if isinstance(result, Segmentation) else "suggestions"
        if not files.kept.get(name):
            yield name
    elif result.endpoint in ("fill", "create-document") and CONTENT not in files.parts | {
        name.partition("/")[0] for name in files.corrupt
    }:
        yield CONTENT


@contextlib.contextmanager
def _staged(order: _Order) -> Iterator[Path]:
    """Create a hidden folder beside the final one; it is removed if an error is raised."""
    order.output_dir.mkdir(parents=True, exist_ok=True)
    digest = sha256(order.job_id.encode(errors="surrogatepass")).hexdigest()[:8]
    name = f".{order.stem[:80]}.{digest}"
    with contextlib.ExitStack() as stack:
        with folder_lock(order.output_dir, _LOCK_TIMEOUT):
            folder = order.output_dir / f"{name}.part"
            try:
                # One that nobody holds is left of a process that was killed.
                if folder.exists():
                    with folder_lock(folder, 0):
                        shutil.rmtree(folder)
                folder.mkdir()
            except TimeoutError:
                folder = order.output_dir / f"{name}-{os.urandom(8).hex()}.part"
                folder.mkdir()
            stack.enter_context(folder_lock(folder, 0))
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def _publish(order: _Order, staged: Path, receipt: SavedResult) -> Path:
    """Write the receipt, and give the folder its name; return it."""
    text = json.dumps(receipt.to_dict(), ensure_ascii=False, indent=2) + "\n"
    path = staged / order.receipt_name
    with path.open("wb") as file:
        file.write(text.encode(errors="backslashreplace"))
        file.flush()
        sync(file)
    sync_folder(staged)
    with folder_lock(order.output_dir, _LOCK_TIMEOUT):
        folder = _chosen(order, [file.path for file in receipt.files])
        if not folder.exists():
            staged.rename(folder)
        else:
            for file_name in (*(one.path for one in receipt.files), order.receipt_name):
                (staged / file_name).replace(folder / file_name)
            sync_folder(folder)
            shutil.rmtree(staged, ignore_errors=True)
        sync_folder(order.output_dir)
    return folder


def _chosen(order: _Order, names: Iterable[str]) -> Path:
    """Choose the first folder that is not another document's."""
    for name in order.folder_names:
        folder = order.output_dir / name
        if not os.path.lexists(folder):
            return folder
        if folder.is_dir() and not folder.is_symlink():
            receipts = list(receipts_in(folder))
            if receipts:
                if any(order.is_of_same_source(one) for one in receipts):
                    return folder
            elif not any(os.path.lexists(folder / one) for one in names):
                return folder
    raise LocalFileError(
        f"{order.output_dir} has other files by every name that the result of {order.job_id} "
        f"could have. Save it to another folder: the result is not lost"
    )
