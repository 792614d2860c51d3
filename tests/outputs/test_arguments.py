"""A mistake of the caller's is told as such, and nothing is sent, made or written."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from datalab_facade import ClientStateError, DownloadError, InvalidArgumentError
from datalab_facade.testing import Simulator
from tests.outputs.bad_storage import BadStorage, stored
from tests.outputs.conftest import Side, execution_of, output_at
from tests.ways import Way

METHODS = ["read_bytes", "read_text", "read_json", "save", "save_all", "stream"]
NO_SECONDS: list[Any] = [
    0, -1, 0.0, -0.5, math.nan, -math.inf, True, False, None, "60", Decimal(60), 10**400, 1j, [],
]  # fmt: skip
NO_COUNTS: list[Any] = [-1, 1.5, 2.0, math.nan, math.inf, True, False, None, "8"]


@pytest.fixture(autouse=True)
def untouched(storage: BadStorage, simulator: Simulator, tmp_path: Path) -> Any:
    """Hold every test here to it: whatever is wrong is noticed before anything happens."""
    storage.plays(then=stored(b"1"))
    yield
    assert not storage.asked
    assert not simulator.requests
    assert list(tmp_path.iterdir()) == []


def call(side: Side, storage: BadStorage, folder: Path, method: str, **options: Any) -> Any:
    """Call a method with what it needs."""
    if method == "stream":
        return side.streamed(output_at(storage.url()), **options)
    if method == "save_all":
        return side.call(method, execution_of(("parse", "a", storage.url())), folder, **options)
    needed = [folder / "out"] if method == "save" else []
    return side.call(method, output_at(storage.url()), *needed, **options)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("timeout", NO_SECONDS)
def test_a_timeout_that_is_no_time_is_refused(
    side: Side, storage: BadStorage, tmp_path: Path, method: str, timeout: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="timeout"):
        call(side, storage, tmp_path, method, timeout=timeout)


@pytest.mark.parametrize("method", ["read_bytes", "read_text", "read_json"])
@pytest.mark.parametrize("most", NO_COUNTS)
def test_a_limit_that_is_no_count_is_refused(
    side: Side, storage: BadStorage, tmp_path: Path, method: str, most: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="max_bytes"):
        call(side, storage, tmp_path, method, max_bytes=most)


@pytest.mark.parametrize("many", [*NO_COUNTS, 0])
def test_a_concurrency_that_is_no_count_is_refused(
    side: Side, storage: BadStorage, tmp_path: Path, many: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="concurrency"):
        call(side, storage, tmp_path, "save_all", concurrency=many)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wrong", [None, "https://a.example/x", 12.5, True, {}])
def test_what_is_no_output_is_refused(side: Side, tmp_path: Path, method: str, wrong: Any) -> None:
    """A bool is no id of an execution either."""
    needed = {"save": [tmp_path / "out"], "save_all": [tmp_path]}.get(method, [])

    def go() -> None:
        if method == "stream":
            side.streamed(wrong)
        else:
            side.call(method, wrong, *needed)

    with pytest.raises(InvalidArgumentError, match=r"is given as|must be one of|not the JSON form"):
        go()


@pytest.mark.parametrize("method", ["save", "save_all"])
@pytest.mark.parametrize("path", [None, 7, b"out", "a\0b", ["out"]])
def test_what_is_no_path_is_refused(
    side: Side, storage: BadStorage, method: str, path: Any
) -> None:
    wanted: Any = output_at(storage.url()) if method == "save" else execution_of()
    with pytest.raises(InvalidArgumentError, match="must be a path"):
        side.call(method, wanted, path)


@pytest.mark.parametrize("encoding", ["utf-9", "hex", "", "a\0b", None, 8])
def test_an_encoding_that_is_none_of_text_is_refused(
    side: Side, storage: BadStorage, tmp_path: Path, encoding: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="encoding"):
        call(side, storage, tmp_path, "read_text", encoding=encoding)


def test_a_name_is_not_taken_for_several(side: Side, storage: BadStorage, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"steps must be a list.* not 'parse'"):
        call(side, storage, tmp_path, "save_all", steps="parse")


@pytest.mark.parametrize("method", METHODS)
def test_a_client_that_is_closed_says_so(
    side: Side, storage: BadStorage, tmp_path: Path, method: str
) -> None:
    """Also where the HTTP client is the caller's own, and goes on without it."""
    side.way.done(side.client(http_client=side.http()).close())
    with pytest.raises(ClientStateError, match="closed"):
        call(side, storage, tmp_path, method)


@pytest.mark.parametrize("method", METHODS)
def test_an_http_client_that_its_owner_closed_is_an_error(
    side: Side, storage: BadStorage, tmp_path: Path, method: str
) -> None:
    http = side.http()
    side.client(http_client=http)
    side.way.done(http.close() if not side.way.is_async else http.aclose())
    with pytest.raises(ClientStateError, match="closed"):
        call(side, storage, tmp_path, method)


@pytest.mark.parametrize("way", ["async"], indirect=True)
@pytest.mark.parametrize("method", METHODS)
def test_another_event_loop_is_an_error(
    side: Side, storage: BadStorage, tmp_path: Path, method: str
) -> None:
    """Also by calls that could do without a connection."""
    with pytest.raises(DownloadError):
        side.call("read_bytes", output_at("ftp://a.example/x"))
    with Way("async") as side.way, pytest.raises(ClientStateError, match="another event loop"):
        call(side, storage, tmp_path, method)


class TestAllowed:
    """What is odd, but allowed."""

    @pytest.fixture(autouse=True)
    def untouched(self, storage: BadStorage) -> None:
        storage.plays(then=stored(b"1"))

    @pytest.mark.parametrize("timeout", [math.inf, 5, Fraction(7, 2), 1e300])
    @pytest.mark.parametrize("method", METHODS)
    def test_a_timeout_may_be_any_number_of_seconds_and_for_ever(
        self, side: Side, storage: BadStorage, tmp_path: Path, method: str, timeout: Any
    ) -> None:
        call(side, storage, tmp_path, method, timeout=timeout)
        assert len(storage.asked) == 1

    def test_a_path_may_be_text(self, side: Side, storage: BadStorage, tmp_path: Path) -> None:
        side.call("save", output_at(storage.url()), str(tmp_path / "out"))
        assert (tmp_path / "out").read_bytes() == b"1"

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "latin-1"])
    def test_an_encoding_may_be_any_that_makes_text(
        self, side: Side, storage: BadStorage, encoding: str
    ) -> None:
        storage.plays(then=stored("é".encode(encoding)))
        assert side.call("read_text", output_at(storage.url()), encoding=encoding) == "é"


class _PathOfBytes:
    def __fspath__(self) -> bytes:
        return b"out"


def test_a_path_of_bytes_is_told(side: Side, storage: BadStorage) -> None:
    with pytest.raises(InvalidArgumentError, match="must be a path in text"):
        side.call("save", output_at(storage.url()), _PathOfBytes())
