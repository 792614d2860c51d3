"""Outputs without a file: in memory, as text, as values, and piece by piece."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gzip
import json
import re
import sys
from datetime import datetime
from typing import Any, TypedDict

import attrs
import pydantic
import pytest

from datalab_facade import (
    AsyncDatalab,
    ClientStateError,
    ConfigurationError,
    DownloadError,
    InvalidArgumentError,
    OutputTooLargeError,
)
from tests.outputs.bad_storage import BadStorage, Reply, cut, refused, stored
from tests.outputs.conftest import Side, output_at, until

BODY = bytes(range(256)) * 4_000


def failure(side: Side, method: str, storage: BadStorage, *args: Any, **options: Any) -> Any:
    with pytest.raises(DownloadError) as failed:
        side.call(method, output_at(storage.url()), *args, **options)
    return failed.value


class TestLimits:
    def test_what_is_told_to_be_too_large_is_not_read(
        self, side: Side, storage: BadStorage
    ) -> None:
        """The length is enough to know."""
        storage.plays(then=cut(stored(BODY), 0, "silence"))
        error = failure(side, "read_bytes", storage, max_bytes=len(BODY) - 1)
        assert isinstance(error, OutputTooLargeError)
        assert error.reason == "too_large"
        assert (len(storage.asked), storage.sent) == (1, 0)
        assert side.busy_connections() == 0

    def test_what_turns_out_to_be_too_large_is_not_read_on(
        self, side: Side, storage: BadStorage
    ) -> None:
        """Without a length, it is read as far as allowed."""
        storage.plays(
            then=lambda _: Reply(body=BODY, chunked=True, stop_after=200_000, ending="silence")
        )
        assert isinstance(
            failure(side, "read_bytes", storage, max_bytes=100_000), OutputTooLargeError
        )
        assert len(storage.asked) == 1
        assert side.busy_connections() == 0

    @pytest.mark.parametrize("chunked", [False, True])
    def test_what_is_just_allowed_is_fetched(
        self, side: Side, storage: BadStorage, chunked: bool
    ) -> None:
        storage.plays(then=lambda _: Reply(body=BODY, chunked=chunked))
        assert side.call("read_bytes", output_at(storage.url()), max_bytes=len(BODY)) == BODY

    @pytest.mark.parametrize("method", ["read_text", "read_json"])
    def test_text_and_json_have_the_same_limit(
        self, side: Side, storage: BadStorage, method: str
    ) -> None:
        storage.plays(then=stored(b'"long"'))
        assert isinstance(failure(side, method, storage, max_bytes=5), OutputTooLargeError)

    def test_a_limit_below_zero_is_a_mistake(self, side: Side, storage: BadStorage) -> None:
        with pytest.raises(InvalidArgumentError, match="max_bytes"):
            side.call("read_bytes", output_at(storage.url()), max_bytes=-1)
        assert not storage.asked


class TestText:
    def test_text_is_utf_8_unless_told_otherwise(self, side: Side, storage: BadStorage) -> None:
        storage.plays(then=stored("März 🦆".encode()))
        assert side.call("read_text", output_at(storage.url())) == "März 🦆"
        storage.plays(then=stored("März".encode("latin-1")))
        assert side.call("read_text", output_at(storage.url()), encoding="latin-1") == "März"

    def test_what_is_no_text_is_corrupt(self, side: Side, storage: BadStorage) -> None:
        storage.plays(then=stored(b"\xff"))
        assert failure(side, "read_text", storage).reason == "corrupt"

    @pytest.mark.parametrize("body", [b"", b"{", b"<html>", b'{"a": 1'])
    def test_what_is_no_json_is_corrupt(self, side: Side, storage: BadStorage, body: bytes) -> None:
        storage.plays(then=stored(body))
        assert failure(side, "read_json", storage).reason == "corrupt"

    @pytest.mark.parametrize("value", [{"a": [1, None]}, [], None, 0, "x"])
    def test_any_json_is_a_value(self, side: Side, storage: BadStorage, value: Any) -> None:
        storage.plays(then=stored(json.dumps(value).encode()))
        assert side.call("read_json", output_at(storage.url())) == value


@dataclasses.dataclass
class PlainInvoice:
    number: str
    due: datetime
    lines: list[int] = dataclasses.field(default_factory=list)


@attrs.frozen
class AttrsInvoice:
    number: str
    due: datetime
    lines: list[int] = attrs.field(factory=list)


class TypedInvoice(TypedDict):
    number: str
    due: datetime
    lines: list[int]


class PydanticInvoice(pydantic.BaseModel):
    number: str
    due: datetime
    lines: list[int] = []


INVOICE = {"number": "R-1", "due": "2026-01-02T00:00:00+00:00", "lines": [1, 2]}
KINDS = [PlainInvoice, AttrsInvoice, TypedInvoice, PydanticInvoice]
MADE_BY_CATTRS = KINDS[:3]
WRONG: dict[str, tuple[Any, str]] = {
    "a field of another type": ({**INVOICE, "lines": ["one"]}, r"lines.*\bint|\bint.*lines"),
    "a field that is missing": ({"number": "R-1"}, r"required.*due|due.*required"),
    "a time that is none": ({**INVOICE, "due": "soon"}, r"due.*time|time.*due"),
    "a time that is a list": ({**INVOICE, "due": []}, r"due.*time|time.*due"),
    "a list": ([INVOICE], r"not an object|dictionary|mapping"),
    "null": (None, r"not an object|dictionary|mapping"),
}


@attrs.frozen
class Lenient:
    number: str = ""


@dataclasses.dataclass
class PlainLenient:
    number: str = ""


class TestTypes:
    @pytest.mark.parametrize("kind", KINDS)
    def test_a_value_becomes_what_is_wanted(
        self, side: Side, storage: BadStorage, kind: Any
    ) -> None:
        storage.plays(then=stored(json.dumps(INVOICE).encode()))
        made = side.call("read_json", output_at(storage.url()), kind)
        wanted = {**INVOICE, "due": datetime.fromisoformat("2026-01-02T00:00:00+00:00")}
        assert made == kind(**wanted)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(("value", "reason"), WRONG.values(), ids=WRONG.keys())
    def test_a_value_that_does_not_fit_is_told_with_the_reason(
        self, side: Side, storage: BadStorage, kind: Any, value: Any, reason: str
    ) -> None:
        """What was wrong with it, and where, is in the text; it is not fetched again."""
        storage.plays(then=stored(json.dumps(value).encode()))
        error = failure(side, "read_json", storage, kind)
        assert error.reason == "corrupt"
        told = str(error).partition(f"does not fit {kind.__name__}: ")[2]
        assert re.search(reason, told, re.IGNORECASE), told
        assert len(storage.asked) == 1

    @pytest.mark.parametrize("kind", [Lenient, PlainLenient])
    @pytest.mark.parametrize("value", [[], "", None, 0])
    def test_a_value_that_is_no_object_fits_no_class(
        self, side: Side, storage: BadStorage, kind: Any, value: Any
    ) -> None:
        """Also where all fields have defaults."""
        storage.plays(then=stored(json.dumps(value).encode()))
        assert failure(side, "read_json", storage, kind).reason == "corrupt"

    @pytest.mark.parametrize("kind", MADE_BY_CATTRS)
    def test_a_type_that_needs_cattrs_says_so_when_it_is_not_there(
        self, side: Side, storage: BadStorage, monkeypatch: pytest.MonkeyPatch, kind: Any
    ) -> None:
        monkeypatch.setitem(sys.modules, "cattrs", None)
        storage.plays(then=stored(json.dumps(INVOICE).encode()))
        with pytest.raises(ConfigurationError, match=r"datalab-facade\[cattrs\]"):
            side.call("read_json", output_at(storage.url()), kind)

    def test_a_model_of_pydantic_needs_no_cattrs(
        self, side: Side, storage: BadStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "cattrs", None)
        storage.plays(then=stored(json.dumps(INVOICE).encode()))
        assert side.call("read_json", output_at(storage.url()), PydanticInvoice).number == "R-1"


class TestStreams:
    def test_a_stream_gives_all_of_it_in_pieces(self, side: Side, storage: BadStorage) -> None:
        storage.plays(then=stored(BODY))
        pieces = side.streamed(output_at(storage.url()))
        assert b"".join(pieces) == BODY
        assert len(pieces) > 1
        assert all(pieces)
        assert side.busy_connections() == 0

    def test_a_stream_unpacks(self, side: Side, storage: BadStorage) -> None:
        storage.plays(then=stored(gzip.compress(BODY), headers={"Content-Encoding": "gzip"}))
        assert b"".join(side.streamed(output_at(storage.url()))) == BODY

    @pytest.mark.parametrize("packed", [False, True])
    def test_a_stream_that_is_cut_goes_on(
        self, side: Side, storage: BadStorage, packed: bool
    ) -> None:
        """The reader notices nothing."""
        wire = gzip.compress(BODY) if packed else BODY
        player = stored(wire, headers={"Content-Encoding": "gzip"} if packed else None)
        storage.plays(cut(player, 700), cut(player, 900), then=player)
        assert b"".join(side.streamed(output_at(storage.url()))) == BODY
        assert storage.sent == len(wire)

    @pytest.mark.parametrize("conditions", [True, False], ids=["honoured", "overlooked"])
    def test_a_stream_does_not_go_on_with_another_object(
        self, side: Side, storage: BadStorage, conditions: bool
    ) -> None:
        storage.plays(
            cut(stored(BODY), 70_000), then=stored(BODY, etag='"v2"', conditions=conditions)
        )
        with pytest.raises(DownloadError, match="cannot resume") as failed:
            side.streamed(output_at(storage.url()))
        assert failed.value.reason == "incomplete"

    def test_a_stream_that_had_not_begun_takes_the_new_object(
        self, side: Side, storage: BadStorage
    ) -> None:
        """With the new one's digest and packing."""
        old = stored(BODY, headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="})
        new = stored(gzip.compress(BODY), etag='"v2"', headers={"Content-Encoding": "gzip"})
        storage.plays(cut(old, 0), then=new)
        assert b"".join(side.streamed(output_at(storage.url()))) == BODY

    def test_a_stream_of_an_object_without_a_validator_does_not_go_on(
        self, side: Side, storage: BadStorage
    ) -> None:
        storage.plays(then=cut(stored(BODY, etag=None), 70_000))
        with pytest.raises(DownloadError, match="cannot resume"):
            side.streamed(output_at(storage.url()))

    def test_a_stream_that_was_not_what_storage_says_ends_with_an_error(
        self, side: Side, storage: BadStorage
    ) -> None:
        storage.plays(then=stored(BODY, headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}))
        with pytest.raises(DownloadError) as failed:
            side.streamed(output_at(storage.url()))
        assert failed.value.reason == "corrupt"

    def test_a_stream_of_a_bomb_is_stopped(self, side: Side, storage: BadStorage) -> None:
        bomb = gzip.compress(bytes(64 << 20))
        storage.plays(then=stored(bomb, headers={"Content-Encoding": "gzip"}))
        with pytest.raises(DownloadError) as failed:
            side.streamed(output_at(storage.url()))
        assert failed.value.reason == "too_large"

    def test_a_stream_that_is_closed_early_leaves_no_busy_connection(
        self, side: Side, storage: BadStorage
    ) -> None:
        """And the client goes on as before."""
        storage.plays(cut(stored(BODY), 70_000, "silence"), then=stored(BODY))
        assert len(side.streamed(output_at(storage.url()), most=1)) == 1
        assert side.busy_connections() == 0
        assert side.call("read_bytes", output_at(storage.url())) == BODY

    def test_a_stream_that_is_never_read_asks_for_nothing(
        self, side: Side, storage: BadStorage
    ) -> None:
        storage.plays(then=stored(BODY))
        opened = side.opened(output_at(storage.url()))
        if not side.way.is_async:
            with opened:
                pass
        else:

            async def enter() -> None:
                async with opened:
                    pass

            side.way.done(enter())
        assert not storage.asked

    def test_an_error_of_the_readers_is_the_readers(self, side: Side, storage: BadStorage) -> None:
        storage.plays(then=stored(BODY))
        opened = side.opened(output_at(storage.url()))

        def enter() -> None:
            with opened as chunks:
                next(chunks)
                raise KeyError("mine")

        async def enter_async() -> None:
            async with opened as chunks:
                await anext(chunks)
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            side.way.done((enter if not side.way.is_async else enter_async)())
        assert side.busy_connections() == 0


@pytest.mark.parametrize("method", ["read_bytes", "save"])
def test_a_task_that_is_cancelled_leaves_no_busy_connection(
    storage: BadStorage, tmp_path: Any, method: str
) -> None:
    """And no file, but a part to go on with."""
    storage.plays(then=cut(stored(BODY), 70_000, "silence"))
    arguments = [tmp_path / "out"] if method == "save" else []

    async def cancel() -> None:
        async with AsyncDatalab("dl-nobody-looks-at-it", base_url="http://127.0.0.1:9") as client:
            call = getattr(client.outputs, method)(output_at(storage.url()), *arguments)
            task = asyncio.create_task(call)
            await asyncio.to_thread(until, lambda: storage.sent == 70_000)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert task.cancelled()
            # Its lane was closed, and with it the connection.
            await asyncio.to_thread(until, lambda: storage.open_connections == 0)

    asyncio.run(cancel())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", ["read_bytes", "read_text", "read_json", "save"])
def test_a_client_that_is_closed_says_so(
    side: Side, storage: BadStorage, tmp_path: Any, method: str
) -> None:
    client = side.client(http_client=side.http())
    side.way.done(client.close())
    storage.plays(then=refused(500))
    with pytest.raises(ClientStateError, match="closed"):
        side.call(method, output_at(storage.url()), *([tmp_path / "out"] * (method == "save")))
    assert not storage.asked
    assert list(tmp_path.iterdir()) == []
