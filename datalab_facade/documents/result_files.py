"""Writes the parts of a result to files, one after another, while they arrive.

A result in memory and one that is still arriving are written by the same code: both are a
series of parts (:mod:`~datalab_facade.documents.json_splitting`). What is large goes straight to
its file, images decoded; everything else is kept.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import re
import string
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Final, Protocol

from datalab_facade.documents.json_splitting import Begin, Data, End, Event, Part
from datalab_facade.documents.receipts import SavedFile
from datalab_facade.errors import InvalidResponseError
from datalab_facade.json_forms import JSON
from datalab_facade.transfers.disk import begin_writing, sync
from datalab_facade.transfers.naming import DistinctNames

IMAGES: Final = "images"
NESTED: Final = frozenset({IMAGES})
"""The objects of a result whose members are parts by themselves."""

CONTENT: Final = "output_base64"

_TEXTS: Final = {"markdown": ".md", "html": ".html"}
_TREES: Final = {"json": ".json", "chunks": ".chunks.json"}
_OTHERS: Final = (
    ".metadata.json",
    ".extraction.json",
    ".fields.json",
    ".segments.json",
    ".schemas.json",
    ".agent.json",
)
_PIECE: Final = 1 << 16
_MAX_UNWRITTEN: Final = 4 << 20
# A tree without anything in it.
_EMPTY: Final = re.compile(rb"\s*\{\s*\}\s*")
_BASE64: Final = f"{string.ascii_letters}{string.digits}+/".encode()
_NOT_BASE64: Final = bytes(byte for byte in range(256) if byte not in _BASE64)
_MAX_KEPT: Final = 64 << 20
"""The most characters of all parts that are kept in memory."""


def events_of(raw: Mapping[str, JSON]) -> Iterator[Event]:
    """Yield the parts of a result that is in memory.

    Raises:
        InvalidResponseError: It is nested too deeply to be written.
    """
    for name, value in raw.items():
        if name in NESTED and isinstance(value, dict):
            for inner, one in value.items():
                yield from _events_of_part((name, inner), one)
        else:
            yield from _events_of_part((name,), value)


def _events_of_part(part: Part, value: JSON) -> Iterator[Event]:
    yield Begin(part, is_text=isinstance(value, str))
    if isinstance(value, str):
        for start in range(0, len(value), _PIECE):
            yield Data(value[start : start + _PIECE])
    else:
        yield from map(Data, _json_pieces(value, depth=2))
    yield End()


def _json_pieces(value: JSON, depth: int) -> Iterator[str]:
    """Write JSON in pieces, since all of it at once would be as large as the value."""
    if not depth or not isinstance(value, (dict, list)) or not value:
        try:
            yield json.dumps(value, ensure_ascii=False)
        except RecursionError:
            raise InvalidResponseError("the result is nested too deeply") from None
        return
    between = ""
    if isinstance(value, dict):
        for name, one in value.items():
            yield f"{between or '{'}{json.dumps(name, ensure_ascii=False)}: "
            yield from _json_pieces(one, depth - 1)
            between = ", "
        yield "}"
        return
    for one in value:
        yield between or "["
        yield from _json_pieces(one, depth - 1)
        between = ", "
    yield "]"


class ResultFiles:
    """Writes the files of one result into a folder of its own.

    Attributes:
        kept: The parts that are not files by themselves, by name.
        corrupt: The images and files that are not base64.
    """

    def __init__(self, folder: Path, stem: str, receipt: str) -> None:
        self._folder = folder
        self._stem = stem
        ours = (*_TEXTS.values(), *_TREES.values(), *_OTHERS)
        self._names = DistinctNames([receipt, *(stem + suffix for suffix in ours)])
        self._files: dict[Part, _OneFile] = {}
        self._size = 0
        self.kept: dict[str, JSON] = {}
        self.corrupt: list[str] = []

    def take(self, events: Iterable[Event]) -> None:
        """Write parts.

        Raises:
            InvalidResponseError: A part that has to be kept is too large, or is not JSON.
            OSError: A file cannot be written.
        """
        part: Part = ()
        is_text = False
        sink: _Sink | None = None
        for event in events:
            if isinstance(event, Begin):
                part, is_text, sink = event.part, event.is_text, None
                self.forget(part)
            elif isinstance(event, Data):
                if sink is None:
                    sink = self._sink(part, event.text, is_text=is_text)
                sink.take(event.text)
            elif sink is not None:
                sink.finish()
            elif len(part) == 1:
                self.kept[part[0]] = ""
            else:
                self.corrupt.append("/".join(part))

    def add(self, suffix: str, value: JSON) -> None:
        """Write a small value as JSON for people."""
        text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
        file = self._open((suffix,), self._stem + suffix)
        file.write(_encoded(text))
        file.close()

    def name_content(self, suffix: str) -> None:
        """Give the file that the server made its suffix, which arrives after it."""
        file = self._files.get((CONTENT,))
        if file is not None:
            file.rename(self._names.choose(self._stem + suffix))

    @property
    def parts(self) -> frozenset[str]:
        """The names of the parts that became files."""
        return frozenset(part[0] for part in self._files)

    def saved(self) -> tuple[SavedFile, ...]:
        """Return what was written."""
        return tuple(
            file.describe(image=part[1] if len(part) == 2 else None)
            for part, file in self._files.items()
        )

    def sync(self) -> None:
        """Sync all files to the disk; together, since that is quicker."""
        for file in self._files.values():
            file.sync()

    def _sink(self, part: Part, start: str, *, is_text: bool) -> _Sink:
        name = part[0]
        if len(part) == 2:
            return _Base64(self, part, start if is_text else "")
        if is_text and name == CONTENT:
            return _Base64(self, part, start)
        if is_text and name in _TEXTS:
            return _Text(self._open(part, self._stem + _TEXTS[name]))
        if not is_text and name in _TREES and start[:1] == "{":
            return _Tree(self, part, self._open(part, self._stem + _TREES[name]))
        return _Kept(self, name, is_text=is_text)

    def _open(self, part: Part, name: str) -> _OneFile:
        file = _OneFile(self._folder, name)
        self._files[part] = file
        return file

    def open_decoded(self, part: Part) -> _OneFile:
        """Begin the file of an image, or the one that the server made."""
        return self._open(part, self._names.choose(part[1] if len(part) == 2 else "content.part"))

    def give_up(self, part: Part) -> None:
        """Record a part that is not base64, and remove its file."""
        self.forget(part)
        self.corrupt.append("/".join(part))

    def keep(self, name: str, text: str, *, is_text: bool) -> None:
        """Keep a part that arrived."""
        try:
            self.kept[name] = text if is_text else json.loads(text)
        except (ValueError, RecursionError):
            raise InvalidResponseError(f"the result's {name} is not JSON, or too deep") from None

    def count(self, size: int) -> None:
        """Count what is kept.

        Raises:
            InvalidResponseError: It is too much.
        """
        self._size += size
        if self._size > _MAX_KEPT:
            raise InvalidResponseError(
                f"the result has more than {_MAX_KEPT >> 20} MiB beside its texts and images"
            )

    def forget(self, part: Part) -> None:
        """Forget a part that comes a second time, or to nothing."""
        if len(part) == 1:
            self.kept.pop(part[0], None)
        file = self._files.pop(part, None)
        if file is not None:
            file.remove()


class _OneFile:
    """A file that grows; a small one is kept in memory until its end."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._start = bytearray()
        self._file: IO[bytes] | None = None
        self._unwritten = 0
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def _path(self) -> Path:
        return self._folder / self._name

    def write(self, data: bytes) -> None:
        self.size += len(data)
        self._hash.update(data)
        if self._file is None:
            self._start += data
            if len(self._start) > _PIECE:
                self._spill()
            return
        self._file.write(data)
        self._unwritten += len(data)
        if self._unwritten >= _MAX_UNWRITTEN:
            self._file.flush()
            begin_writing(self._file, self._file.tell() - self._unwritten, self._unwritten)
            self._unwritten = 0

    def holds_nothing(self) -> bool:
        return self._file is None and _EMPTY.fullmatch(self._start) is not None

    def close(self) -> None:
        self._spill().close()

    def sync(self) -> None:
        with self._path.open("r+b") as file:
            sync(file)

    def rename(self, name: str) -> None:
        old = self._path
        self._name = name
        old.replace(self._path)

    def remove(self) -> None:
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)

    def describe(self, image: str | None) -> SavedFile:
        return SavedFile(
            path=self._name, bytes=self.size, sha256=self._hash.hexdigest(), image=image
        )

    def _spill(self) -> IO[bytes]:
        if self._file is None:
            self._file = self._path.open("wb")
            self._file.write(self._start)
            self._unwritten = len(self._start)
            self._start = bytearray()
        return self._file


class _Sink(Protocol):
    """What takes the characters of one part."""

    def take(self, text: str) -> None: ...

    def finish(self) -> None: ...


class _Kept:
    def __init__(self, files: ResultFiles, name: str, *, is_text: bool) -> None:
        self._files = files
        self._name = name
        self._is_text = is_text
        self._texts: list[str] = []

    def take(self, text: str) -> None:
        self._files.count(len(text))
        self._texts.append(text)

    def finish(self) -> None:
        self._files.keep(self._name, "".join(self._texts), is_text=self._is_text)


class _Text:
    def __init__(self, file: _OneFile) -> None:
        self._file = file

    def take(self, text: str) -> None:
        self._file.write(_encoded(text))

    def finish(self) -> None:
        self._file.close()


class _Tree(_Text):
    def __init__(self, files: ResultFiles, part: Part, file: _OneFile) -> None:
        super().__init__(file)
        self._files = files
        self._part = part

    def finish(self) -> None:
        if self._file.holds_nothing():
            self._files.forget(self._part)
        else:
            super().finish()


class _Base64:
    """Decodes a file; what is not base64 becomes none."""

    def __init__(self, files: ResultFiles, part: Part, start: str) -> None:
        self._files = files
        self._part = part
        self._rest = b""
        self._ended = not start
        self._file = files.open_decoded(part) if start else None

    def take(self, text: str) -> None:
        if self._ended:
            return
        data, padding, _ = text.partition("=")
        self._ended = bool(padding)
        clean = self._rest + data.encode("ascii", "replace").translate(None, _NOT_BASE64)
        whole = len(clean) // 4 * 4
        self._rest = clean[whole:]
        if self._file is not None and whole:
            self._file.write(binascii.a2b_base64(clean[:whole]))

    def finish(self) -> None:
        if self._file is None:
            self._files.give_up(self._part)
            return
        if len(self._rest) > 1:
            self._file.write(binascii.a2b_base64(self._rest + b"=" * (4 - len(self._rest))))
        if len(self._rest) == 1 or not self._file.size:
            self._files.give_up(self._part)
        else:
            self._file.close()


def _encoded(text: str) -> bytes:
    # JSON may hold halves of characters, which no file can.
    return text.encode(errors="replace")
