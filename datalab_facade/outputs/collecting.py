"""What is done with chunks as they arrive, and with the body when it is whole. No IO."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeAlias, TypeVar, cast

import attrs

from datalab_facade.arguments import named
from datalab_facade.decoding import decode_json
from datalab_facade.errors import (
    ConfigurationError,
    OutputTooLarge,
    UnexpectedBody,
)
from datalab_facade.models import JSON, Output
from datalab_facade.outputs.downloading import Chunk, Facts, Remote, download_failed
from datalab_facade.outputs.unpacking import DoesNotUnpack, ExpandsTooMuch, Unpacker
from datalab_facade.redaction import excerpt

_T = TypeVar("_T")

Data: TypeAlias = bytes
"""Bytes, under a name that a method called ``bytes`` does not hide."""

DEFAULT_MAX_BYTES = 256 * 1024 * 1024
"""What an output may weigh in memory unless the caller says otherwise: 256 MiB.

Above it, ``save`` and ``open`` need no memory to speak of."""


@attrs.frozen
class Transfer:
    """How far a download has come."""

    output: Output
    bytes: int
    """How much is here, what an earlier try left included."""
    total: int | None
    """How much there is, if storage tells."""
    rate: float
    """Bytes a second since this try began."""


OnTransfer: TypeAlias = Callable[[Transfer], object]
"""Is told how far a download has come, for progress bars and the like."""


class Meter:
    """Tells how far a download has come, a few times a second at most."""

    def __init__(self, output: Output, tell: OnTransfer | None, now: float) -> None:
        self._output = output
        self._tell = tell
        self._began = now
        self._told_at = now
        self._told: int | None = None
        self._came = 0

    def count(self, chunk: Chunk, facts: Facts, now: float) -> None:
        """Take note of a chunk."""
        self._came += len(chunk.data)
        held = chunk.offset + len(chunk.data)
        if now - self._told_at >= 0.1 or held == facts.total:
            self._say(held, facts.total, now)

    def finish(self, held: int, now: float) -> None:
        """Take note that this is all."""
        if held != self._told:
            self._say(held, held, now)

    def _say(self, held: int, total: int | None, now: float) -> None:
        self._told, self._told_at = held, now
        if self._tell is not None:
            rate = self._came / (now - self._began) if now > self._began else 0.0
            self._tell(Transfer(self._output, held, total, rate))


class Collector:
    """Collects a body in memory, up to a limit."""

    def __init__(self, output: Output, *, max_bytes: int) -> None:
        self._output = output
        self._max_bytes = max_bytes
        self._body = bytearray()

    def take(self, chunk: Chunk, facts: Facts) -> None:
        """Keep a chunk.

        Raises:
            OutputTooLarge: There is, or will be, more than allowed.
        """
        held = chunk.offset + len(chunk.data)
        # What packing cannot make smaller it makes a little larger.
        packing = self._max_bytes // 100 + 1024 if facts.encoding else 0
        if max(held, facts.total or 0) > self._max_bytes + packing:
            raise self._too_large()
        del self._body[chunk.offset :]
        self._body += chunk.data

    def finish(self, facts: Facts) -> bytes:
        """Check and unpack the body.

        Raises:
            DownloadFailed: It is not what storage says it is.
            OutputTooLarge: It unpacks to more than allowed.
        """
        body = bytes(self._body)
        checker = Checker(self._output, facts)
        checker.update(body)
        checker.check()
        if not facts.encoding:
            return body
        unpacked = bytearray()
        for piece in unpacked_pieces(self._output, facts, iter((body,))):
            unpacked += piece
            if len(unpacked) > self._max_bytes:
                raise self._too_large()
        return bytes(unpacked)

    def _too_large(self) -> OutputTooLarge:
        failed = download_failed(
            self._output,
            "too large",
            f"is larger than {self._max_bytes} bytes. Allow more with max_bytes, or save it",
        )
        return OutputTooLarge(
            str(failed),
            execution_id=failed.execution_id,
            step=failed.step,
            file_key=failed.file_key,
            reason=failed.reason,
        )


class Reader:
    """Checks and unpacks a body while it passes through, chunk by chunk."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._checker: Checker | None = None
        self._unpacker: Unpacker | None = None

    def feed(self, chunk: Chunk, facts: Facts) -> Iterator[bytes]:
        """Give what a chunk unpacks to.

        Raises:
            DownloadFailed: It does not.
        """
        with _unpacking(self._output):
            begins = chunk.offset == 0 and not chunk.data
            if begins or self._unpacker is None or self._checker is None:
                self._unpacker = Unpacker(facts.encoding)
                self._checker = Checker(self._output, facts)
            self._checker.update(chunk.data)
            if chunk.data:
                yield from self._unpacker.feed(chunk.data)

    def finish(self) -> None:
        """Take note that there is no more.

        Raises:
            DownloadFailed: What passed through was not what storage says it is.
        """
        # Each body begins with a chunk, also one that has nothing in it.
        assert self._unpacker is not None
        assert self._checker is not None
        self._checker.check()
        with _unpacking(self._output):
            self._unpacker.finish()


class Checker:
    """Holds a body against what storage says it must hash to."""

    def __init__(self, remote: Remote, facts: Facts, *, also: tuple[str, ...] = ()) -> None:
        self._remote = remote
        self._wanted = dict(facts.digests)
        names = {*self._wanted, *also} - {"crc32"}
        # MD5 and SHA-1 tell broken bytes here, not forged ones.
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in names}
        self._crc = 0

    @property
    def needs_data(self) -> bool:
        """Whether there is anything to compute; reading it all again is not free."""
        return bool(self._hashes or "crc32" in self._wanted)

    def update(self, data: bytes) -> None:
        """Take in a piece."""
        for known in self._hashes.values():
            known.update(data)
        if "crc32" in self._wanted:
            self._crc = zlib.crc32(data, self._crc)

    def digest(self, algorithm: str) -> str:
        """Give what was taken in hashes to, in hexadecimal."""
        if algorithm == "crc32":
            return f"{self._crc:08x}"
        return self._hashes[algorithm].hexdigest()

    def check(self) -> None:
        """Raise unless everything fits.

        Raises:
            DownloadFailed: Something does not.
        """
        for algorithm, wanted in self._wanted.items():
            if self.digest(algorithm) != wanted:
                raise download_failed(
                    self._remote, "corrupt", f"has another {algorithm} than storage says"
                )


def unpacked_pieces(remote: Remote, facts: Facts, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Give what pieces of a body unpack to.

    Raises:
        DownloadFailed: They do not, or to absurdly much.
    """
    with _unpacking(remote):
        unpacker = Unpacker(facts.encoding)
        for piece in pieces:
            yield from unpacker.feed(piece)
        unpacker.finish()


@contextlib.contextmanager
def _unpacking(remote: Remote) -> Iterator[None]:
    try:
        yield
    except ExpandsTooMuch:
        raise download_failed(remote, "too large", "unpacks to absurdly much") from None
    except DoesNotUnpack as error:
        raise download_failed(remote, "corrupt", f"does not unpack: {error}") from error


def same_output(outputs: tuple[Output, ...], wanted: Output) -> str | None:
    """Give the new URL of an output out of a newer list of them."""
    for output in outputs:
        if (output.step, output.file_key) == (wanted.step, wanted.file_key):
            return output.url
    return None


def as_text(output: Output, body: bytes, encoding: str) -> str:
    """Decode a body.

    Raises:
        DownloadFailed: It is not in that encoding.
    """
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        raise download_failed(output, "corrupt", f"is not {encoding} text: {error}") from error


def as_json(output: Output, body: bytes) -> JSON:
    """Parse a body.

    Raises:
        DownloadFailed: It is no JSON.
    """
    try:
        return decode_json(body)
    except UnexpectedBody as error:
        raise download_failed(output, "corrupt", f"is not JSON: {error}") from error


def as_type(output: Output, value: JSON, into: type[_T]) -> _T:
    """Make a value of a type of the caller's: by its own validator, or by cattrs.

    Raises:
        DownloadFailed: The value does not fit.
        ConfigurationError: The type needs cattrs, which is not there.
    """
    called = _name_of(into)
    validate = cast("Callable[[JSON], _T] | None", getattr(into, "model_validate", None))
    try:
        return validate(value) if validate is not None else _structured(value, into)
    except ConfigurationError:
        raise
    except Exception as error:
        # Every validator has exceptions of its own.
        raise download_failed(
            output, "corrupt", f"does not fit {called}: {excerpt(str(error), limit=500)}"
        ) from error


def _name_of(into: object) -> str:
    return getattr(into, "__name__", named(into))


def _structured(value: JSON, into: type[_T]) -> _T:
    try:
        import cattrs
    except ImportError:
        raise ConfigurationError(
            f"Making {_name_of(into)} of JSON needs cattrs: install datalab-facade[cattrs]"
        ) from None
    if (attrs.has(into) or dataclasses.is_dataclass(into)) and not isinstance(value, dict):
        # cattrs would make a class whose fields all have defaults of an empty list.
        raise TypeError(f"it is no object but {excerpt(repr(value), limit=50)}")
    converter = cattrs.Converter(detailed_validation=True)
    converter.register_structure_hook(
        datetime, lambda text, _: datetime.fromisoformat(cast("str", text))
    )
    try:
        structured: _T = converter.structure(value, into)
    except cattrs.BaseValidationError as error:
        raise ValueError("; ".join(cattrs.transform_error(error))) from error
    return structured
