"""What is done with chunks as they arrive, and with the body when it is whole. No IO."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TypeAlias, TypeVar, cast

import attrs

from datalab_facade.arguments import named
from datalab_facade.decoding import decode_json
from datalab_facade.errors import (
    ConfigurationError,
    DownloadError,
    DownloadFailure,
    InvalidResponseError,
    OutputTooLargeError,
)
from datalab_facade.models import JSON, Output
from datalab_facade.outputs.downloading import Chunk, Facts, Remote, download_failed
from datalab_facade.outputs.unpacking import DoesNotUnpack, ExpandsTooMuch, Unpacker, why_packed
from datalab_facade.redaction import excerpt

_T = TypeVar("_T")

Data: TypeAlias = bytes
"""Bytes, under a name that a method called ``bytes`` does not hide."""

PAGE_BEGINS_WITHIN = 4_096
"""So many bytes are enough to tell whether something is a web page."""

_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>\s+|<!--.*?-->|<\?xml[^>]*>)*+<(?:!doctype\s+html|html|head|body|title)\b",
    re.IGNORECASE | re.DOTALL,
)

DEFAULT_MAX_BYTES = 256 * 1024 * 1024
"""What an output may weigh in memory unless the caller says otherwise: 256 MiB.

Above it, ``save`` and ``open`` need no memory to speak of."""


class Collector:
    """Collects a body in memory, up to a limit."""

    def __init__(self, output: Output, *, max_bytes: int) -> None:
        self._output = output
        self._max_bytes = max_bytes
        self._body = bytearray()

    def take(self, chunk: Chunk, facts: Facts) -> None:
        """Keep a chunk.

        Raises:
            DownloadError: It is packed in a way that is not known here.
            OutputTooLargeError: There is, or will be, more than allowed.
        """
        if not chunk.data:
            # A body begins, which need not be received if it is of no use.
            Decoder(self._output, facts)
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
            DownloadError: It is not what storage says it is.
            OutputTooLargeError: It unpacks to more than allowed.
        """
        decoder = Decoder(self._output, facts)
        pieces: list[bytes] = []
        size = 0
        for piece in decoder.feed(bytes(self._body)):
            size += len(piece)
            if size > self._max_bytes:
                raise self._too_large()
            pieces.append(piece)
        decoder.finish()
        return b"".join(pieces)

    def _too_large(self) -> OutputTooLargeError:
        failed = download_failed(
            self._output,
            DownloadFailure.TOO_LARGE,
            f"is larger than {self._max_bytes} bytes. Allow more with max_bytes, or save it",
        )
        return OutputTooLargeError(
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
        self._decoder: Decoder | None = None

    def feed(self, chunk: Chunk, facts: Facts) -> Iterator[bytes]:
        """Give what a chunk unpacks to.

        Raises:
            DownloadError: It does not.
        """
        begins = chunk.offset == 0 and not chunk.data
        if begins or self._decoder is None:
            self._decoder = Decoder(self._output, facts)
        if chunk.data:
            yield from self._decoder.feed(chunk.data)

    def finish(self) -> None:
        """Take note that there is no more.

        Raises:
            DownloadError: What passed through was not what storage says it is.
        """
        # Each body begins with a chunk, also one that has nothing in it.
        assert self._decoder is not None
        self._decoder.finish()


class Decoder:
    """Unpacks a body piece by piece, and holds it against what storage says it hashes to.

    Args:
        remote: What it is the body of.
        facts: What storage told of it.
        as_stored: Whether it stays packed.

    Raises:
        DownloadError: It is packed in a way that is not known here.
    """

    def __init__(self, remote: Remote, facts: Facts, *, as_stored: bool = False) -> None:
        self._remote = remote
        self._facts = facts
        self._packed = Digests(facts.digests)
        # Whoever packs on the way may leave the checksums of what was stored as they are.
        self._unpacked = Digests(facts.digests) if facts.encoding else None
        self._as_stored = as_stored
        why = None if as_stored else why_packed(facts.encoding)
        if why is not None:
            raise download_failed(
                remote,
                DownloadFailure.CORRUPT,
                f"does not unpack: {why}. Saved, it is kept as it is stored",
            )
        self._unpacker = Unpacker("" if as_stored else facts.encoding)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give what a piece unpacks to.

        Raises:
            DownloadError: It does not, or to absurdly much.
        """
        self._packed.update(data)
        with self._unpacking():
            for piece in self._unpacker.feed(data):
                if self._unpacked is not None:
                    self._unpacked.update(piece)
                yield piece

    def finish(self) -> None:
        """Take note that there is no more.

        Raises:
            DownloadError: What came is not what storage says it is.
        """
        with self._unpacking():
            self._unpacker.finish()
        if self._as_stored and self._facts.encoding:
            # The checksums may be of what it would unpack to.
            return
        mismatches = self._packed.mismatches()
        if self._unpacked is not None:
            mismatches &= self._unpacked.mismatches()
        if mismatches:
            raise download_failed(
                self._remote,
                DownloadFailure.CORRUPT,
                f"has another {min(mismatches)} than storage says",
            )

    @contextlib.contextmanager
    def _unpacking(self) -> Iterator[None]:
        try:
            yield
        except ExpandsTooMuch:
            raise download_failed(
                self._remote, DownloadFailure.TOO_LARGE, "unpacks to absurdly much"
            ) from None
        except DoesNotUnpack as error:
            raise download_failed(
                self._remote, DownloadFailure.CORRUPT, f"does not unpack: {error}"
            ) from error


class Digests:
    """What something hashes to, held against what it should.

    Args:
        wanted: Names of algorithms, and values in hexadecimal.
    """

    def __init__(self, expected: Mapping[str, str]) -> None:
        self._expected = expected
        # MD5 and SHA-1 tell broken bytes here, not forged ones.
        self._hashes = {
            name: _Crc32() if name == "crc32" else hashlib.new(name, usedforsecurity=False)
            for name in expected
        }

    def update(self, data: bytes) -> None:
        """Take in a piece."""
        for known in self._hashes.values():
            known.update(data)

    def mismatches(self) -> frozenset[str]:
        """Give the algorithms by which it is something else."""
        return frozenset(
            name
            for name, known in self._hashes.items()
            if known.hexdigest() != self._expected[name]
        )


class _Crc32:
    def __init__(self) -> None:
        self._crc = 0

    def update(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)

    def hexdigest(self) -> str:
        return f"{self._crc:08x}"


def same_output(outputs: tuple[Output, ...], expected: Output) -> str | None:
    """Give the new URL of an output out of a newer list of them."""
    for output in outputs:
        if (output.step, output.file_key) == (expected.step, expected.file_key):
            return output.url
    return None


def as_text(output: Output, body: bytes, encoding: str) -> str:
    """Decode a body.

    Raises:
        DownloadError: It is not in that encoding.
    """
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        raise download_failed(
            output, DownloadFailure.CORRUPT, f"is not {encoding} text: {error}"
        ) from error


def as_json(output: Output, body: bytes) -> JSON:
    """Parse a body.

    Raises:
        DownloadError: It is no JSON.
    """
    try:
        return decode_json(body)
    except InvalidResponseError as error:
        raise (
            web_page(output, body)
            if is_web_page(body)
            else download_failed(output, DownloadFailure.CORRUPT, f"is not JSON: {error}")
        ) from error


def is_web_page(start: bytes) -> bool:
    """Tell whether something begins as HTML does.

    >>> is_web_page(b"<!DOCTYPE html><title>Sign in"), is_web_page(b'{"a": "<html>"}')
    (True, False)
    """
    return _PAGE.match(start[:PAGE_BEGINS_WITHIN]) is not None


def web_page(remote: Remote, start: bytes) -> DownloadError:
    """Make the error for a web page that came in place of JSON."""
    return download_failed(
        remote,
        DownloadFailure.CORRUPT,
        f"is not JSON but a web page: {excerpt(start)}. A proxy or a login page may have "
        "answered in place of storage",
    )


def as_type(output: Output, value: JSON, into: type[_T]) -> _T:
    """Make a value of a type of the caller's: by its own validator, or by cattrs.

    Raises:
        DownloadError: The value does not fit.
        ConfigurationError: The type needs cattrs, which is not there.
    """
    type_name = _name_of(into)
    validate = cast("Callable[[JSON], _T] | None", getattr(into, "model_validate", None))
    try:
        return validate(value) if validate is not None else _structured(value, into)
    except ConfigurationError:
        raise
    except Exception as error:
        # Every validator has exceptions of its own.
        raise download_failed(
            output,
            DownloadFailure.CORRUPT,
            f"does not fit {type_name}: {excerpt(str(error), limit=500)}",
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
