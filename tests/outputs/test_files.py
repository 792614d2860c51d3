"""A file is there when it is whole, and not before; what was received is not fetched again."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import re
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalab_facade import DownloadError, InvalidArgumentError, Progress
from datalab_facade.transfers import disk, file_checksums, part_files
from tests.outputs.bad_storage import Asked, BadStorage, Player, Reply, cut, refused, stored
from tests.outputs.conftest import Side, output_at, until
from tests.outputs.processes import outcome, start, start_cold
from tests.ways import Way

BODY = bytes(range(256)) * 400
OTHER = bytes(reversed(range(256))) * 400
ETAG = '"v1-no-md5"'
NOISE = os.urandom(1 << 17)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def failure(side: Side, storage: BadStorage, path: Path, **options: Any) -> DownloadError:
    with pytest.raises(DownloadError) as failed:
        side.call("save", output_at(storage.url()), path, **options)
    return failed.value


def saved(side: Side, storage: BadStorage, path: Path, **options: Any) -> Any:
    return side.call("save", output_at(storage.url()), path, **options)


def break_off(side: Side, storage: BadStorage, path: Path, after: int = 60_000) -> None:
    """Leave a part behind."""
    storage.plays(cut(stored(BODY), after), then=refused(418))
    assert failure(side, storage, path).reason == "refused"
    assert path.with_name(path.name + ".part").stat().st_size == after


def gzipped(body: bytes) -> Player:
    return stored(body, headers={"Content-Encoding": "gzip"})


WRONG: dict[str, tuple[Player, str]] = {
    "another sum": (stored(BODY, headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}), "corrupt"),
    "no gzip": (gzipped(BODY), "corrupt"),
    "cut gzip": (gzipped(gzip.compress(BODY)[:-9]), "corrupt"),
    "bomb": (gzipped(gzip.compress(bytes(32 << 20))), "too_large"),
}


class TestWholeness:
    def test_a_file_is_saved_and_told_of(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        storage.plays(then=stored(BODY, headers={"Content-Type": "text/plain"}))
        told = saved(side, storage, tmp_path / "out", checksum=True)
        assert (tmp_path / "out").read_bytes() == BODY
        assert (told.bytes, told.sha256) == (len(BODY), hashlib.sha256(BODY).hexdigest())
        assert told.media_type == "text/plain"
        assert names(tmp_path) == ["out"]

    def test_the_name_comes_with_the_last_byte(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """Whoever looks while the body comes finds a part, and no file."""
        seen: list[list[str]] = []
        player = stored(BODY)

        def look(asked: Asked) -> Reply:
            seen.append(names(tmp_path))
            return player(asked)

        storage.plays(cut(player, 50_000), look)
        saved(side, storage, tmp_path / "out")
        assert seen == [["out.part", "out.part.json"]]
        assert names(tmp_path) == ["out"]

    def test_folders_are_made(self, side: Side, storage: BadStorage, tmp_path: Path) -> None:
        storage.plays(then=stored(BODY))
        saved(side, storage, tmp_path / "a" / "b" / "out")
        assert (tmp_path / "a" / "b" / "out").read_bytes() == BODY

    @pytest.mark.parametrize("what", WRONG)
    def test_what_is_not_right_leaves_nothing_behind(
        self, side: Side, storage: BadStorage, tmp_path: Path, what: str
    ) -> None:
        player, reason = WRONG[what]
        storage.plays(then=player)
        assert failure(side, storage, tmp_path / "out").reason == reason
        assert names(tmp_path) == []

    def test_a_packed_body_is_saved_unpacked(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """Also one that goes on in the middle of what is packed."""
        packed = stored(gzip.compress(BODY), headers={"Content-Encoding": "gzip"})
        storage.plays(cut(packed, 300), then=packed)
        told = saved(side, storage, tmp_path / "out", checksum=True)
        assert (tmp_path / "out").read_bytes() == BODY
        assert (told.bytes, told.sha256) == (len(BODY), hashlib.sha256(BODY).hexdigest())
        assert names(tmp_path) == ["out"]

    @pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "br, gzip", "gzip," * 6])
    @pytest.mark.parametrize("body", [BODY, b"small"], ids=["large", "small"])
    def test_what_cannot_be_unpacked_is_saved_as_it_is_stored(
        self,
        side: Side,
        storage: BadStorage,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
        *,
        encoding: str,
        body: bytes,
    ) -> None:
        """And told so, whatever storage says of checksums: they may be of what it unpacks to."""
        told = {"Content-Encoding": encoding, "Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}
        storage.plays(then=stored(body, headers=told))
        kept = saved(side, storage, tmp_path / "out", checksum=True)
        assert (tmp_path / "out").read_bytes() == body
        assert (kept.bytes, kept.sha256) == (len(body), hashlib.sha256(body).hexdigest())
        assert names(tmp_path) == ["out"]
        [note] = [one.getMessage() for one in caplog.records if one.name.endswith("e.transfers")]
        assert "step parse of execution 1001 is saved as it is stored: it is compressed" in note

    @pytest.mark.parametrize("encoding", ["aws-chunked", "utf-8", "identity, none"])
    def test_what_is_called_an_encoding_and_is_none_changes_nothing(
        self, side: Side, storage: BadStorage, tmp_path: Path, encoding: str
    ) -> None:
        storage.plays(then=stored(BODY, headers={"Content-Encoding": encoding}))
        saved(side, storage, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == BODY

    def test_nothing_is_left_behind_when_nothing_came(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        storage.plays(then=refused(418))
        failure(side, storage, tmp_path / "out")
        assert names(tmp_path) == []

    def test_an_empty_output_becomes_an_empty_file(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        storage.plays(then=stored(b""))
        assert saved(side, storage, tmp_path / "out").bytes == 0
        assert names(tmp_path) == ["out"]


PAGES = {
    "a page": b"<!DOCTYPE html><html><title>Sign in</title></html>",
    "a page after a comment": b"\n<!-- a --><!-- b -->\n<HTML lang=en>" + b"x" * 100_000,
    "a page with a mark": b"\xef\xbb\xbf<html>",
    "a page of XHTML": b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0">',
}
NO_PAGES = {
    "JSON about a page": b'{"html": "<!DOCTYPE html><html>"}',
    "a text about a page": b"see <html>",
    "another tag": b"<htmlish/>",
    "comments without end": b"<!-- -->" * 500 + b"<!--",
    "nothing": b"",
}


class TestPages:
    """A proxy or a login page answers 200 as well, and is no output."""

    @pytest.mark.parametrize("body", PAGES.values(), ids=PAGES.keys())
    @pytest.mark.parametrize("packing", ["plain", "gzip"])
    def test_a_page_where_the_url_announces_json_is_said_to_be_one(
        self, side: Side, storage: BadStorage, tmp_path: Path, body: bytes, packing: str
    ) -> None:
        player = stored(body, headers={"Content-Type": "text/html"})
        storage.plays(then=player if packing == "plain" else gzipped(gzip.compress(body)))
        for path in (tmp_path / "out", tmp_path / "other"):
            failed = failure(side, storage, path)
            assert failed.reason == "corrupt"
            assert re.search(r"is not JSON but a web page: (\\ufeff)?<", str(failed))
        assert names(tmp_path) == []
        with pytest.raises(DownloadError, match="is not JSON but a web page: "):
            side.call("read_json", output_at(storage.url("out")))

    def test_a_page_that_its_type_announces_as_json_is_said_to_be_one(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        told = {"Content-Type": "application/problem+json; charset=utf-8"}
        storage.plays(then=stored(b"<html>", headers=told))
        with pytest.raises(DownloadError, match="web page"):
            side.call("save", output_at(storage.url("out.bin")), tmp_path / "out")

    @pytest.mark.parametrize("name", ["out.html", "out", "out.bin"])
    def test_a_page_that_nobody_called_json_is_an_output(
        self, side: Side, storage: BadStorage, tmp_path: Path, name: str
    ) -> None:
        storage.plays(then=stored(b"<html>", headers={"Content-Type": "text/html"}))
        side.call("save", output_at(storage.url(name)), tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == b"<html>"

    @pytest.mark.parametrize("body", NO_PAGES.values(), ids=NO_PAGES.keys())
    def test_what_is_no_page_is_saved_whatever_its_type(
        self, side: Side, storage: BadStorage, tmp_path: Path, body: bytes
    ) -> None:
        storage.plays(then=stored(body, headers={"Content-Type": "text/html"}))
        saved(side, storage, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == body


class TestExisting:
    def test_a_file_that_is_there_is_left_alone(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """Nothing is asked then."""
        (tmp_path / "out").write_text("mine")
        assert failure(side, storage, tmp_path / "out").reason == "exists"
        assert (tmp_path / "out").read_text() == "mine"
        assert names(tmp_path) == ["out"]
        assert not storage.asked

    def test_a_link_to_nowhere_is_there_as_well(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        (tmp_path / "out").symlink_to(tmp_path / "nowhere")
        storage.plays(then=stored(BODY))
        assert failure(side, storage, tmp_path / "out").reason == "exists"
        assert names(tmp_path) == ["out"]

    def test_a_file_that_appears_meanwhile_is_left_alone(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        def appear(asked: Asked) -> Reply:
            (tmp_path / "out").write_text("mine")
            return stored(BODY)(asked)

        storage.plays(appear)
        assert failure(side, storage, tmp_path / "out").reason == "exists"
        assert (tmp_path / "out").read_text() == "mine"

    def test_overwriting_takes_the_place_of_a_file_at_once(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """Whoever has the old one open keeps it, and there is a whole one at any time."""
        path = tmp_path / "out"
        path.write_text("old")

        def look(asked: Asked) -> Reply:
            assert path.read_text() == "old"
            return stored(BODY)(asked)

        storage.plays(look)
        with path.open() as old:
            saved(side, storage, path, overwrite=True)
            assert old.read() == "old"
        assert path.read_bytes() == BODY
        assert names(tmp_path) == ["out"]

    def test_overwriting_that_fails_leaves_the_old_file(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        (tmp_path / "out").write_text("old")
        storage.plays(then=stored(BODY, headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}))
        assert failure(side, storage, tmp_path / "out", overwrite=True).reason == "corrupt"
        assert (tmp_path / "out").read_text() == "old"

    def test_a_link_is_replaced_and_not_followed(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        (tmp_path / "elsewhere").write_text("mine")
        (tmp_path / "out").symlink_to("elsewhere")
        storage.plays(then=stored(BODY))
        saved(side, storage, tmp_path / "out", overwrite=True)
        assert (tmp_path / "elsewhere").read_text() == "mine"
        assert not (tmp_path / "out").is_symlink()


class TestParts:
    def test_the_next_call_goes_on_from_the_part(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        break_off(side, storage, tmp_path / "out")
        storage.sent = 0
        storage.plays(then=stored(BODY))
        saved(side, storage, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == BODY
        # The tail of the answer that broke off may be counted late.
        assert storage.sent <= len(BODY) - 60_000 + 1_000
        assert names(tmp_path) == ["out"]

    @pytest.mark.parametrize(
        "headers",
        [{}, {"ETag": 'W/"v1"'}, {"ETag": "v1"}, {"Last-Modified": "now", "Date": "now"}],
        ids=["nothing", "a weak ETag", "an ETag without quotes", "no date"],
    )
    def test_a_part_that_no_later_call_could_go_on_with_is_not_left_behind(
        self, side: Side, storage: BadStorage, tmp_path: Path, headers: dict[str, str]
    ) -> None:
        """Nothing tells of which object it is."""
        storage.plays(then=cut(stored(BODY, etag=None, headers=headers), 60_000))
        failed = failure(side, storage, tmp_path / "out")
        assert failed.reason == "incomplete"
        assert f"was cut off after 60000 of {len(BODY)} bytes" in str(failed)
        assert names(tmp_path) == []

    @pytest.mark.parametrize("notes", [b"{", b'{"output": [], "facts": {}}'])
    def test_a_part_that_nobody_can_go_on_with_is_gone_after_the_next_call(
        self, side: Side, storage: BadStorage, tmp_path: Path, notes: bytes
    ) -> None:
        (tmp_path / "out.part").write_bytes(BODY)
        (tmp_path / "out.part.json").write_bytes(notes)
        storage.plays(then=refused(418))
        failure(side, storage, tmp_path / "out")
        assert names(tmp_path) == []

    def test_a_part_of_another_output_is_left_to_it_while_nothing_else_came(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        break_off(side, storage, tmp_path / "out")
        storage.plays(then=refused(418))
        with pytest.raises(DownloadError):
            side.call("save", output_at(storage.url(), 1002), tmp_path / "out")
        assert names(tmp_path) == ["out.part", "out.part.json"]

    def test_a_part_of_what_is_gone_is_not_left_behind(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        break_off(side, storage, tmp_path / "out")
        storage.plays(then=refused(404))
        assert failure(side, storage, tmp_path / "out").reason == "gone"
        assert names(tmp_path) == []

    @pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
    @pytest.mark.parametrize("suffix", [".part", ".part.json", ".part.unpacked"])
    @pytest.mark.parametrize("leads", ["to a file", "nowhere", "to a folder"])
    def test_a_link_in_the_place_of_a_part_is_not_followed(
        self,
        side: Side,
        storage: BadStorage,
        tmp_path: Path,
        *,
        packed: bool,
        suffix: str,
        leads: str,
    ) -> None:
        """Neither its goal nor what is found there is touched, or believed."""
        mine, out = tmp_path / "mine", tmp_path / "folder" / "out"
        notes = {"output": [1001, "parse", None], "facts": {"total": 9, "validator": ETAG}}
        if leads == "to a file":
            mine.write_text(json.dumps(notes))
        elif leads == "to a folder":
            mine.mkdir()
        out.parent.mkdir()
        out.with_name("out" + suffix).symlink_to(mine)
        player = gzipped(gzip.compress(NOISE, 1)) if packed else stored(NOISE)
        storage.plays(cut(player, 60_000), then=player)
        saved(side, storage, out)
        assert out.read_bytes() == NOISE
        assert not out.is_symlink()
        if leads == "to a file":
            assert mine.read_text() == json.dumps(notes)
        elif leads == "to a folder":
            assert names(mine) == []
        else:
            assert not mine.exists()

    @pytest.mark.parametrize("kind", ["pipe", "folder"])
    @pytest.mark.parametrize("suffix", [".part", ".part.json"])
    def test_what_is_no_file_in_the_place_of_a_part_is_left_alone(
        self, side: Side, storage: BadStorage, tmp_path: Path, suffix: str, kind: str
    ) -> None:
        """A pipe would be waited for."""
        other = tmp_path / ("out" + suffix)
        os.mkfifo(other) if kind == "pipe" else other.mkdir()
        storage.plays(cut(stored(BODY), 60_000), then=stored(BODY))
        saved(side, storage, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == BODY
        assert names(tmp_path) == ["out", "out" + suffix]

    def test_a_part_that_is_whole_already_is_only_asked_about(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """As after a kill between the last byte and the name."""
        break_off(side, storage, tmp_path / "out")
        (tmp_path / "out.part").write_bytes(BODY)
        storage.sent = 0
        storage.plays(then=stored(BODY))
        told = saved(side, storage, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == BODY
        assert told.bytes == len(BODY)
        assert storage.sent <= 1_000

    @pytest.mark.parametrize("conditions", [True, False], ids=["honoured", "overlooked"])
    @pytest.mark.parametrize("size", [len(BODY), 1_000, 60_000])
    def test_a_part_of_another_version_is_not_gone_on_with(
        self, side: Side, storage: BadStorage, tmp_path: Path, conditions: bool, size: int
    ) -> None:
        """However long the new version is, and whatever storage makes of ``If-Range``."""
        break_off(side, storage, tmp_path / "out")
        storage.plays(then=stored(OTHER[:size], etag='"v2"', conditions=conditions))
        saved(side, storage, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == OTHER[:size]

    @pytest.mark.parametrize("named", [{}, {"ETag": f"W/{ETAG}"}], ids=["nothing", "weakly"])
    def test_a_part_of_which_storage_does_not_prove_that_it_is_the_same_is_begun_anew(
        self, side: Side, storage: BadStorage, tmp_path: Path, named: dict[str, str]
    ) -> None:
        break_off(side, storage, tmp_path / "out")
        storage.plays(then=stored(OTHER, etag='"v2"', conditions=False, parts_name=named))
        saved(side, storage, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == OTHER

    def test_a_part_of_another_output_is_not_gone_on_with(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        break_off(side, storage, tmp_path / "out")
        storage.plays(then=stored(OTHER, etag=ETAG))
        side.call("save", output_at(storage.url(), 1002), tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == OTHER

    @pytest.mark.parametrize(
        "notes",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b"\xff\xfe",
            b"[" * 100_000,
            b'{"total": 102400}',
            b'{"output": [1001, "parse", null], "facts": 1}',
            b'{"output": [1001, "parse", null], "facts": {"total": "many"}}',
            b'{"output": [1001, "parse", null], "facts": {"validator": 7}}',
            b'{"output": [1001, "parse", null], "facts": {"validator": "a\\r\\nX: y"}}',
            b'{"output": [1001, "parse", null], "facts": {"validator": "caf\\u00e9"}}',
            b'{"output": [1001, "parse", null], "facts": {"validator": " a"}}',
            b'{"output": [1001, "parse", null], "facts": {"validator": "a "}}',
            b'{"output": [1001, "parse", null], "facts": {"validator": ""}}',
            b'{"output": [1001, "parse", null], "facts": {"validator": "a", "digests": 1}}',
            b'{"output": [1001, "parse", null], "facts": {"validator": "a", "digests": {"x": 0}}}',
            b'{"output": [1001, "parse", null], "facts": {"validator": "a", "encoding": null}}',
            b'{"output": [1001, "parse", null], "facts": {"validator": "a", "more": 1}}',
        ],
    )
    def test_a_part_with_notes_that_make_no_sense_is_begun_anew(
        self, side: Side, storage: BadStorage, tmp_path: Path, notes: bytes
    ) -> None:
        (tmp_path / "out.part").write_bytes(OTHER)
        (tmp_path / "out.part.json").write_bytes(notes)
        storage.plays(then=stored(BODY))
        saved(side, storage, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == BODY
        assert "range" not in storage.asked[0].headers
        assert names(tmp_path) == ["out"]

    def test_a_part_without_notes_is_begun_anew(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        (tmp_path / "out.part").write_bytes(OTHER + OTHER)
        storage.plays(then=stored(BODY))
        saved(side, storage, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == BODY

    def test_notes_on_a_part_tell_no_signature(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        break_off(side, storage, tmp_path / "out")
        assert "http" not in (tmp_path / "out.part.json").read_text()

    def test_a_file_that_was_published_by_a_killed_process_is_not_written_to(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """For a moment it has two names, and the other one is that of a part."""
        break_off(side, storage, tmp_path / "out")
        (tmp_path / "out.part").write_bytes(BODY)
        os.link(tmp_path / "out.part", tmp_path / "out")
        with (tmp_path / "out").open("rb") as reader:
            storage.plays(then=stored(OTHER, etag='"v2"'))
            saved(side, storage, tmp_path / "out", overwrite=True)
            assert reader.read() == BODY
        assert (tmp_path / "out").read_bytes() == OTHER
        assert names(tmp_path) == ["out"]


# What storage does with one request: the version that it has then, whether it has an ETag, a
# weak one or a date only, what it makes of If-Range, what it names with a part, and where it
# breaks off.
DEEDS = st.tuples(
    st.integers(0, 2),
    st.sampled_from(["strong", "strong", "weak", "date", "none"]),
    st.booleans(),
    st.sampled_from(["all", "all", "nothing", "weakly"]),
    st.sampled_from([None, 20_000, 50_000, 70_000]),
)
VERSIONS = [bytes([number]) * 80_000 for number in range(3)]


def deed(number: int, validators: str, conditions: bool, named: str, after: int | None) -> Player:
    etag, date = f'"v{number}"', {"Last-Modified": f"Mon, 01 Jan 2024 00:00:0{number} GMT"}
    player = stored(
        VERSIONS[number],
        etag={"strong": etag, "weak": f"W/{etag}"}.get(validators),
        headers={} if validators == "none" else date,
        conditions=conditions,
        parts_name={"all": None, "nothing": {}, "weakly": {"ETag": f"W/{etag}"}}[named],
    )
    return player if after is None else cut(player, after)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(calls=st.lists(st.lists(DEEDS, min_size=1, max_size=4), min_size=1, max_size=3))
def test_whatever_storage_has_and_says_a_file_is_wholly_one_version(
    side: Side, storage: BadStorage, calls: list[list[Any]]
) -> None:
    """Over several calls, of which each goes on with what the one before has left."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "out"
        for deeds in calls:
            storage.plays(*(deed(*one) for one in deeds), then=refused(418))
            with contextlib.suppress(DownloadError):
                saved(side, storage, path, overwrite=True)
            assert not path.exists() or path.read_bytes() in VERSIONS
            # What is left behind can be gone on with.
            part = path.with_name("out.part")
            if part.exists():
                assert part.read_bytes() in {one[: part.stat().st_size] for one in VERSIONS}
                assert json.loads(part.with_name("out.part.json").read_text())["facts"]["validator"]


LARGE = os.urandom(1 << 20) * 4


class TestProcesses:
    def test_a_download_that_was_killed_goes_on_where_it_was(
        self, way: Way, storage: BadStorage, tmp_path: Path
    ) -> None:
        """Hardly more than the missing half is transferred again."""
        path, part = tmp_path / "out", tmp_path / "out.part"
        storage.plays(cut(stored(LARGE), len(LARGE) // 2, "silence"), then=stored(LARGE))
        arguments = {"url": storage.url(), "path": str(path), "kind": way.kind}
        killed = start_cold("save", **arguments)
        until(lambda: part.exists() and part.stat().st_size >= 0.48 * len(LARGE))
        killed.kill()
        killed.communicate(timeout=10)
        assert not path.exists()
        storage.sent = 0
        assert outcome(start("save", **arguments)) == {"bytes": len(LARGE)}
        assert path.read_bytes() == LARGE
        assert storage.sent <= 0.55 * len(LARGE)
        assert names(tmp_path) == ["out"]

    @pytest.mark.parametrize("overwrite", [False, True], ids=["once", "overwriting"])
    @pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
    def test_two_processes_that_save_the_same_end_with_one_whole_file(
        self, storage: BadStorage, tmp_path: Path, overwrite: bool, packed: bool
    ) -> None:
        """And with nothing else, also of the one that was late."""
        both = threading.Barrier(2, timeout=20)
        body = gzip.compress(LARGE, 1) if packed else LARGE
        player = stored(body, headers={"Content-Encoding": "gzip"} if packed else None)

        def together(asked: Asked) -> Reply:
            both.wait()
            return player(asked)

        storage.plays(then=together)
        arguments = {"url": storage.url(), "path": str(tmp_path / "out"), "overwrite": overwrite}
        told = [outcome(one) for one in [start("save", **arguments) for _ in range(2)]]
        assert (tmp_path / "out").read_bytes() == LARGE
        assert names(tmp_path) == ["out"]
        assert {"bytes": len(LARGE)} in told
        assert told.count({"bytes": len(LARGE)}) == (2 if overwrite else 1)
        if not overwrite:
            assert {"reason": "exists"} in told

    def test_a_part_in_use_is_left_to_its_user(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """The second one begins a part of its own, and leaves no trace of it."""
        part = tmp_path / "out.part"
        storage.plays(cut(stored(LARGE), len(LARGE) // 2, "silence"), then=refused(418))
        first = start_cold("save", url=storage.url(), path=str(tmp_path / "out"))
        until(lambda: part.exists() and part.stat().st_size == len(LARGE) // 2)
        storage.plays(cut(stored(LARGE), 1_000), then=refused(418))
        failure(side, storage, tmp_path / "out")
        assert part.stat().st_size == len(LARGE) // 2
        assert names(tmp_path) == ["out.part", "out.part.json"]
        first.kill()
        first.communicate(timeout=10)

    @pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
    def test_a_full_disk_is_told_as_such(
        self, way: Way, storage: BadStorage, tmp_path: Path, packed: bool
    ) -> None:
        """And leaves nothing under the final name, also when unpacking fills it."""
        body = gzip.compress(bytes(1 << 20)) if packed else LARGE
        storage.plays(then=stored(body, headers={"Content-Encoding": "gzip"} if packed else None))
        process = start(
            "save_limited",
            limit=200_000,
            url=storage.url(),
            path=str(tmp_path / "out"),
            kind=way.kind,
        )
        assert outcome(process) == {"reason": "disk"}
        assert set(names(tmp_path)) <= {"out.part", "out.part.json"}

    @pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
    def test_a_large_output_takes_little_memory(
        self, way: Way, storage: BadStorage, tmp_path: Path, packed: bool
    ) -> None:
        size = 64 << 20
        small, large = LARGE[:1_000], LARGE[: 1 << 20] * 64
        if packed:
            # Half of it packs well, so that there is much to unpack from each piece.
            large = gzip.compress((LARGE[:8_192] + bytes(8_192)) * (size >> 14), 1)

        def play(asked: Asked) -> Reply:
            if "small" in asked.target:
                return Reply(body=small)
            return Reply(body=large, headers={"Content-Encoding": "gzip"} if packed else {})

        storage.plays(then=play)
        process = start_cold(
            "save_measured",
            first=storage.url("small"),
            url=storage.url(),
            path=str(tmp_path / "out"),
            kind=way.kind,
        )
        told = outcome(process)
        assert told["bytes"] == size
        assert told["kilobytes"] < 16 << 10


class TestDisks:
    def test_a_place_that_is_no_folder_is_told_as_such(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("mine")
        storage.plays(then=stored(BODY))
        failed = failure(side, storage, tmp_path / "file" / "out")
        assert failed.reason == "disk"
        assert not storage.asked
        assert names(tmp_path) == ["file"]

    def test_a_folder_that_cannot_be_written_to_is_told_as_such(
        self, side: Side, storage: BadStorage
    ) -> None:
        storage.plays(then=stored(BODY))
        assert failure(side, storage, Path("/proc/out")).reason == "disk"

    def test_a_name_that_is_too_long_is_told_as_such(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        storage.plays(then=stored(BODY))
        assert failure(side, storage, tmp_path / ("x" * 300)).reason == "disk"

    def test_a_folder_in_the_way_is_told_as_such(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        (tmp_path / "out").mkdir()
        storage.plays(then=stored(BODY))
        assert failure(side, storage, tmp_path / "out", overwrite=True).reason == "disk"
        assert (tmp_path / "out").is_dir()


class TestTransfers:
    def test_progress_only_grows_and_ends_with_all_of_it(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        storage.plays(cut(stored(LARGE), 1_000_000), then=stored(LARGE))
        told: list[Any] = []
        saved(side, storage, tmp_path / "out", on_progress=told.append)
        held = [transfer.bytes_done for transfer in told]
        assert held == sorted(held)
        assert (told[-1].bytes_done, told[-1].bytes_total) == (len(LARGE), len(LARGE))
        assert all(transfer.rate >= 0 for transfer in told)
        assert held.count(len(LARGE)) == 1
        assert all(progress.output.execution_id == 1001 for progress in told)

    def test_progress_counts_what_was_here_before(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        break_off(side, storage, tmp_path / "out")
        storage.plays(then=stored(BODY))
        told: list[Any] = []
        saved(side, storage, tmp_path / "out", on_progress=told.append)
        assert min(transfer.bytes_done for transfer in told) >= 60_000
        assert told[-1].bytes_done == len(BODY)

    def test_the_rate_counts_bytes_that_were_received_also_after_a_restart(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """A part that cannot be resumed lets the count fall, never the rate below 0."""
        break_off(side, storage, tmp_path / "out")
        storage.plays(then=stored(BODY[::-1], etag='"other"'))
        reports: list[Progress] = []
        saved(side, storage, tmp_path / "out", on_progress=reports.append)
        assert reports[0].bytes_done >= 60_000
        assert all(progress.rate >= 0 for progress in reports)
        assert (reports[-1].bytes_done, reports[-1].fraction) == (len(BODY), 1.0)

    @pytest.mark.parametrize("size", [0, 5, len(BODY)])
    def test_progress_ends_with_all_of_it_also_without_a_length(
        self, side: Side, storage: BadStorage, tmp_path: Path, size: int
    ) -> None:
        storage.plays(then=lambda _: Reply(body=BODY[:size], chunked=True))
        told: list[Any] = []
        saved(side, storage, tmp_path / "out", on_progress=told.append)
        assert (told[-1].bytes_done, told[-1].bytes_total) == (size, size)

    def test_an_error_of_whoever_is_told_ends_the_download(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """And leaves no connection busy."""

        def fail(_: Any) -> None:
            raise KeyError("mine")

        storage.plays(then=stored(BODY))
        with pytest.raises(KeyError, match="mine"):
            saved(side, storage, tmp_path / "out", on_progress=fail)
        assert side.busy_connections() == 0
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("body", [BODY, b"small"], ids=["large", "small"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_files_are_closed_before_they_are_renamed_where_that_is_needed(
    side: Side,
    storage: BadStorage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    packed: bool,
    body: bytes,
) -> None:
    """Also when another file is there at the last moment; then nothing is left behind."""
    monkeypatch.setattr(part_files, "OPEN_FILES_STAY", True)
    link, replace, unlink = os.link, Path.replace, Path.unlink

    def closed(path: Any) -> None:
        held = {os.path.realpath(fd) for fd in Path("/proc/self/fd").iterdir()}
        assert str(path) not in held

    def careful_link(source: Any, goal: Any) -> None:
        closed(source)
        link(source, goal)

    def careful_replace(source: Path, goal: Any) -> Path:
        closed(source)
        return replace(source, goal)

    def careful_unlink(path: Path, missing_ok: bool = False) -> None:
        closed(path)
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(os, "link", careful_link)
    monkeypatch.setattr(Path, "replace", careful_replace)
    monkeypatch.setattr(Path, "unlink", careful_unlink)
    player = gzipped(gzip.compress(body)) if packed else stored(body)
    storage.plays(then=player)
    saved(side, storage, tmp_path / "out")
    saved(side, storage, tmp_path / "out", overwrite=True)
    assert (tmp_path / "out").read_bytes() == body
    assert names(tmp_path) == ["out"]

    def appear(asked: Asked) -> Reply:
        (tmp_path / "new").write_text("mine")
        return player(asked)

    storage.plays(then=appear)
    assert failure(side, storage, tmp_path / "new").reason == "exists"
    assert names(tmp_path) == ["new", "out"]


def test_notes_on_a_part_are_as_long_as_they_need_to_be(
    side: Side, storage: BadStorage, tmp_path: Path
) -> None:
    """They hold what storage told, so that another process can go on."""
    break_off(side, storage, tmp_path / "out")
    notes = json.loads((tmp_path / "out.part.json").read_text())
    assert notes["output"] == [1001, "parse", None]
    assert (notes["facts"]["total"], notes["facts"]["validator"]) == (len(BODY), ETAG)


def test_a_file_system_without_links_gets_its_files_all_the_same(
    side: Side, storage: BadStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused_link(*_: object) -> None:
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(os, "link", refused_link)
    storage.plays(then=stored(BODY))
    saved(side, storage, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == BODY
    assert names(tmp_path) == ["out"]


def test_without_locks_of_the_system_a_file_counts_as_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with (tmp_path / "part").open("wb") as file:
        assert disk.lock(file)


def test_where_links_cannot_be_told_while_opening_they_are_told_before(
    side: Side, storage: BadStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "O_NOFOLLOW")
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "out.part").symlink_to("mine")
    storage.plays(then=stored(BODY))
    saved(side, storage, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == BODY
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_link_is_not_cleared_away(tmp_path: Path) -> None:
    part, mine = tmp_path / "out.part", tmp_path / "mine"
    mine.write_text("mine")
    part.symlink_to(mine)
    part_files.remove_leftovers(tmp_path / "out")
    assert part.is_symlink()
    assert mine.read_text() == "mine"


def test_a_name_that_no_file_can_have_is_an_error_of_ours(
    side: Side, storage: BadStorage, tmp_path: Path
) -> None:
    with pytest.raises(InvalidArgumentError, match="path in text"):
        side.call("save", output_at(storage.url()), tmp_path / "\ud800")


def test_what_another_process_is_at_work_on_is_not_cleared_away(tmp_path: Path) -> None:
    part = tmp_path / "out.part"
    with part.open("wb") as file:
        assert disk.lock(file)
        part_files.remove_leftovers(tmp_path / "out")
        assert part.exists()
    part_files.remove_leftovers(tmp_path / "out")
    assert not part.exists()


def test_a_small_file_that_is_not_what_it_should_be_leaves_nothing_behind(
    side: Side, storage: BadStorage, tmp_path: Path
) -> None:
    storage.plays(then=stored(b"small", headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}))
    assert failure(side, storage, tmp_path / "out").reason == "corrupt"
    assert names(tmp_path) == []


@pytest.mark.parametrize("times", [1, 100], ids=["once", "always"])
def test_a_part_that_others_publish_while_it_is_opened_is_begun_anew(
    side: Side, storage: BadStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    is_at, left = disk.is_at, [None] * times

    def published(path: Path, file: Any) -> bool:
        if path.name == "out.part" and left:
            left.pop()
            path.unlink()
        return is_at(path, file)

    monkeypatch.setattr(part_files, "is_at", published)
    storage.plays(then=stored(BODY))
    saved(side, storage, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == BODY
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("changes", [False, True], ids=["the same", "another one"])
@pytest.mark.parametrize("cuts", [[], [300_000], [150_000, 300_000]], ids=["whole", "cut", "twice"])
def test_a_checksum_computed_meanwhile_is_that_of_the_file(
    side: Side,
    storage: BadStorage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    cuts: list[int],
    changes: bool,
) -> None:
    """Also of a download that goes on, or is begun anew since the object changed."""
    monkeypatch.setattr(file_checksums, "_MIN_FOLLOWED_BYTES", 100_000)
    monkeypatch.setattr(file_checksums, "_PIECE", 10_000)
    body, old = BODY * 8, BODY[::-1] * 8
    first = stored(old, etag='"v0-no-md5"') if changes else stored(body)
    storage.plays(*(cut(first, after) for after in cuts), then=stored(body))
    told = saved(side, storage, tmp_path / "out", checksum=True)
    assert (tmp_path / "out").read_bytes() == body
    assert (told.bytes, told.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert "datalab-checksum" not in {thread.name for thread in threading.enumerate()}


def test_bytes_that_are_wrong_are_noticed_while_they_arrive_too(
    side: Side, storage: BadStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_checksums, "_MIN_FOLLOWED_BYTES", 100_000)
    monkeypatch.setattr(file_checksums, "_PIECE", 10_000)
    wrong = {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    storage.plays(then=stored(BODY * 8, headers=wrong))
    assert failure(side, storage, tmp_path / "out").reason == "corrupt"
    assert names(tmp_path) == []
