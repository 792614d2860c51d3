"""Whatever a stream says of how it is packed, it unpacks in bounded memory or tells why not."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade.transfers.unpacking import (
    ExpansionError,
    Unpacker,
    UnpackingError,
    codings,
    not_codings,
    why_packed,
)

TEXT = b"the quick brown fox " * 40
EMPTY_BLOCK = b"\x03\x00"


def unpacked(encoding: str, chunks: Iterable[bytes]) -> bytes:
    unpacker = Unpacker(encoding)
    whole = b"".join(piece for chunk in chunks for piece in unpacker.feed(chunk))
    unpacker.finish()
    return whole


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def one_by_one(data: bytes) -> list[bytes]:
    return [data[place : place + 1] for place in range(len(data))]


def test_what_is_not_packed_stays_as_it_is() -> None:
    assert unpacked("", [b"abc", b"", b"def"]) == b"abcdef"


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
def test_nothing_is_no_packed_stream_that_was_cut(encoding: str) -> None:
    assert unpacked(encoding, []) == b""


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("x-gzip", gzip.compress(TEXT, mtime=0)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", bare(TEXT)),
        ("deflate", gzip.compress(TEXT, mtime=0)),
    ],
    ids=["gzip", "x-gzip", "zlib", "bare", "deflate that is gzip"],
)
def test_a_stream_may_come_byte_by_byte(encoding: str, packed: bytes) -> None:
    assert unpacked(encoding, one_by_one(packed)) == TEXT
    assert unpacked(encoding, [packed]) == TEXT


def test_the_shortest_stream_without_a_header_is_unpacked() -> None:
    assert bare(b"") == EMPTY_BLOCK
    assert unpacked("deflate", [EMPTY_BLOCK]) == b""


def test_a_stream_without_a_header_is_known_by_how_it_begins() -> None:
    """Also where its first two bytes happen to have the check of a header."""
    begins = set()
    for number in range(2_000):
        packed = bare(number.to_bytes(2, "big") * (1 + number % 5))
        begins.add(int.from_bytes(packed[:2], "big") % 31 == 0)
        assert unpacked("deflate", [packed]) == number.to_bytes(2, "big") * (1 + number % 5)
    assert begins == {True, False}


@pytest.mark.parametrize(("first", "size"), [(0x08, 5), (0x78, 2), (0x88, 28)])
def test_a_stored_block_with_odd_padding_is_not_taken_for_a_header(first: int, size: int) -> None:
    length = size.to_bytes(2, "little") + (0xFFFF ^ size).to_bytes(2, "little")
    data = bytes(range(size))
    assert unpacked("deflate", [bytes([first]) + length + data + EMPTY_BLOCK]) == data


@pytest.mark.parametrize("more", range(-2, 6))
@pytest.mark.parametrize("pack", [bare, zlib.compress, gzip.compress])
def test_no_byte_is_held_back_when_all_input_is_taken_in(
    pack: Callable[[bytes], bytes], more: int
) -> None:
    """The decompressor may have all of it in before its output fits into a piece."""
    data = (b"abcdefghij" * 80_000)[: 3 * (1 << 18) + more]
    encoding = "gzip" if pack is gzip.compress else "deflate"
    assert unpacked(encoding, [pack(data)]) == data
    assert unpacked(encoding, one_by_one(pack(data))) == data


def test_no_piece_is_empty() -> None:
    """Whoever writes chunks may take an empty one for the end."""
    unpacker = Unpacker("gzip, deflate")
    data = Random(1).randbytes(20_000).hex().encode()
    packed = one_by_one(zlib.compress(gzip.compress(data)))
    pieces = [piece for chunk in packed for piece in unpacker.feed(chunk)]
    assert b"".join(pieces) == data
    assert all(pieces)


def test_what_it_may_expand_to_is_counted_over_all_of_the_stream() -> None:
    random = Random(1)
    data = b"".join(bytes([random.randrange(256)]) * 400 for _ in range(10_000))
    packed = zlib.compress(data)
    assert len(packed) * 40 < len(data) < len(packed) * 200
    chunks = [packed[start : start + 500] for start in range(0, len(packed), 500)]
    assert unpacked("deflate", chunks) == data


def test_a_bomb_is_no_stream_that_anybody_honest_sends() -> None:
    with pytest.raises(ExpansionError):
        unpacked("gzip", [gzip.compress(bytes(10_000_000))])


@given(
    st.lists(
        st.sampled_from(
            ["gzip", "x-GZIP", "deflate", "identity", "none", "aws-chunked", "utf-8", "", " "]
        ),
        max_size=5,
    ),
    st.sampled_from([",", ", ", " ,\t"]),
)
def test_a_list_of_codings_is_undone_from_its_end(names: list[str], separator: str) -> None:
    """Whatever is in it that is no coding, however it is written."""
    packed = TEXT
    for name in names:
        if name.lower() in ("gzip", "x-gzip"):
            packed = gzip.compress(packed, mtime=0)
        elif name == "deflate":
            packed = zlib.compress(packed)
    encoding = separator.join(names)
    assert unpacked(encoding, [packed]) == TEXT
    assert unpacked(encoding, one_by_one(packed)) == TEXT


@given(st.text())
def test_whatever_is_called_an_encoding_is_read(encoding: str) -> None:
    known = codings(encoding)
    assert set(known).isdisjoint(not_codings(encoding))
    if not known:
        assert unpacked(encoding, [TEXT]) == TEXT
    elif why_packed(encoding) is not None:
        with pytest.raises(UnpackingError):
            Unpacker(encoding)


def test_a_bomb_in_layers_is_a_bomb() -> None:
    """Each layer alone would be honest."""
    inner = gzip.compress(bytes(20_000_000))
    assert len(inner) * 200 < 20_000_000
    with pytest.raises(ExpansionError):
        unpacked("gzip, gzip", [gzip.compress(inner)])
    some = b"".join(gzip.compress(bytes(100_000)) for _ in range(1_000))
    with pytest.raises(ExpansionError):
        unpacked("gzip, gzip", [gzip.compress(some)])


@pytest.mark.parametrize(
    ("encoding", "packed", "why"),
    [
        ("br", b"", "^it is compressed as 'br', which is not supported$"),
        ("zstd, gzip", b"", "^it is compressed as 'zstd', which is not supported$"),
        (", ".join(["gzip"] * 6), b"", "^it is compressed 6 times$"),
        ("gzip, gzip", gzip.compress(gzip.compress(TEXT)[:-1]), "^it is cut off$"),
        ("gzip", gzip.compress(TEXT, mtime=0)[:-1], "^it is cut off$"),
        ("gzip", b"no gzip at all", "incorrect header check"),
    ],
    ids=["unknown", "unknown below", "many times", "cut off below", "cut off", "no gzip"],
)
def test_what_does_not_unpack_says_why(encoding: str, packed: bytes, why: str) -> None:
    with pytest.raises(UnpackingError, match=why):
        unpacked(encoding, [packed])
