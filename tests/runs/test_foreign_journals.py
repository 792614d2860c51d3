"""A journal is untrusted input: it was written by anybody, and may be cut or garbled."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab_facade import LocalFileError
from datalab_facade.clock import SystemClock
from datalab_facade.models import JSON
from datalab_facade.redaction import printable
from datalab_facade.runs.run_journal import RunJournal
from datalab_facade.runs.run_records import RunHeader
from datalab_facade.testing import Simulator
from tests.in_process import new_simulator
from tests.ways import Way

KEY = "0" * 64
HEADER: dict[str, JSON] = {
    "version": 1,
    "origin": "https://a.example",
    "workflow_id": 1,
    "definition": None,
}
FILE: dict[str, JSON] = {"file": KEY, "source": "a.pdf", "folder": "a.pdf"}


def journal_of(folder: Path, *lines: JSON | bytes, end: bytes = b"\n") -> Path:
    """Write a journal, and give its path."""
    folder.mkdir(exist_ok=True)
    path = folder / "run.jsonl"
    told = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"\n".join(told) + end)
    return path


def refused(folder: Path, path: Path, match: str) -> None:
    """See to it that a journal is refused, and left as it is."""
    before, there = path.read_bytes(), sorted(folder.parent.rglob("*"))
    with pytest.raises(LocalFileError, match=match):
        RunJournal(folder, SystemClock().now)
    assert path.read_bytes() == before
    assert sorted(folder.parent.rglob("*")) == there


@pytest.mark.parametrize(
    "facts",
    [
        {"folder": "../../outside"},
        {"folder": "/outside"},
        {"folder": "a/b"},
        {"folder": "a\\b"},
        {"folder": "C:a"},
        {"folder": ".."},
        {"folder": "."},
        {"folder": ""},
        {"folder": "a\0b"},
        {"folder": "RUN.jsonl"},
        {"folder": 7},
        {"folder": None},
        {"source": ["a.pdf"]},
        {"execution_id": "7"},
        {"execution_id": True},
        {"execution_id": -1},
        {"execution_id": 1.0},
        {"execution_id": 1 << 80},
        {"execution_id": {"id": 7}},
        {"submitting": "yes"},
        {"submitting": 1},
        {"reference": 7},
        {"ended": "COMPLETED"},
        {"ended": 1, "execution_id": 7},
        {"reason": []},
        {"file": "../a"},
        {"file": None},
    ],
    ids=str,
)
def test_a_line_that_no_run_writes_is_refused_by_its_number(
    tmp_path: Path, facts: dict[str, JSON]
) -> None:
    path = journal_of(tmp_path / "out", HEADER, FILE | facts)
    refused(tmp_path / "out", path, r"Line 2 of .*run\.jsonl is not a line of a run's journal: it")


@pytest.mark.parametrize(
    "line",
    [
        {"file": KEY, "source": "a.pdf"},
        HEADER,
        [1, 2],
        7,
        None,
        b"",
        b"{nonsense",
        json.dumps(FILE).encode() * 2,
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"file": 1' + b"0" * 5_000 + b"}",
        b"\0" * 40,
    ],
    ids=lambda line: str(line)[:30],
)
def test_a_garbled_line_is_refused_by_its_number(tmp_path: Path, line: Any) -> None:
    path = journal_of(tmp_path / "out", HEADER, line, FILE)
    refused(tmp_path / "out", path, r"Line 2 of .*run\.jsonl is not a line")


@pytest.mark.parametrize(
    "header",
    [
        FILE,
        {},
        HEADER | {"version": "1"},
        HEADER | {"version": True},
        HEADER | {"origin": None},
        HEADER | {"workflow_id": "1"},
        HEADER | {"workflow_id": -1},
        HEADER | {"definition": 5},
        b"a text of somebody's own",
    ],
    ids=str,
)
def test_a_file_that_does_not_begin_as_a_journal_is_refused(tmp_path: Path, header: Any) -> None:
    path = journal_of(tmp_path / "out", header)
    refused(tmp_path / "out", path, r"Line 1 of .*run\.jsonl is not a line")


def test_a_later_version_is_refused_with_its_number(tmp_path: Path) -> None:
    path = journal_of(tmp_path / "out", HEADER | {"version": 99})
    refused(tmp_path / "out", path, r"has version 99 of the journal's format")


@pytest.mark.parametrize("tail", [b"a text without an end", b'{"other": 1', b"\0\0x", b"[]"])
@pytest.mark.parametrize("lines", [(), (HEADER, FILE)], ids=["alone", "after others"])
def test_what_is_no_line_of_ours_that_a_kill_cut_off_is_not_thrown_away(
    tmp_path: Path, lines: tuple[JSON, ...], tail: bytes
) -> None:
    path = journal_of(tmp_path / "out", *lines, tail, end=b"")
    refused(tmp_path / "out", path, rf"Line {len(lines) + 1} of .*is not whole")


@pytest.mark.parametrize("zeros", [0, 1, 500])
def test_a_line_that_a_kill_or_the_power_cut_off_is_taken_for_not_written(
    tmp_path: Path, zeros: int
) -> None:
    for lines in ((), (HEADER,), (HEADER, FILE)):
        whole = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        for cut in range(0, len(json.dumps(FILE)) - 1, 5):
            begun = json.dumps(FILE if lines else HEADER).encode()[:cut]
            path = journal_of(tmp_path / "out", whole + begun + b"\0" * zeros, end=b"")
            with RunJournal(tmp_path / "out", SystemClock().now) as journal:
                assert (journal.entry(KEY) is None) == (len(lines) < 2)
            assert path.read_bytes() == whole


def test_facts_that_a_later_release_adds_are_passed_over(tmp_path: Path) -> None:
    cost: dict[str, JSON] = {"cost": {"cents": 3}}
    journal_of(tmp_path / "out", HEADER, FILE | cost)
    with RunJournal(tmp_path / "out", SystemClock().now) as journal:
        entry = journal.entry(KEY)
        assert entry is not None
        assert entry.source == "a.pdf"


surrogates = st.text(st.characters() | st.characters(categories=["Cs"]), min_size=1)


@settings(max_examples=50)
@given(source=surrogates, reason=surrogates)
def test_whatever_is_in_a_text_comes_back_from_the_journal(source: str, reason: str) -> None:
    import tempfile

    # JSON cannot tell a pair of halves from the whole; names of files have no such pairs.
    source, reason = (
        text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        for text in (source, reason)
    )
    with tempfile.TemporaryDirectory() as folder:
        with RunJournal(Path(folder), SystemClock().now) as journal:
            journal.begin(
                RunHeader(origin="https://a.example", kind="execution", task=None, target=1)
            )
            journal.record(KEY, source=source, folder="a", job_id=7, reason=reason)
        with RunJournal(Path(folder), SystemClock().now) as journal:
            entry = journal.entry(KEY)
            assert entry is not None
            assert (entry.source, entry.reason) == (source, reason)


def test_nothing_is_sent_where_the_journal_is_refused(tmp_path: Path, way: Way) -> None:
    simulator: Simulator = new_simulator()
    journal_of(tmp_path / "out", HEADER, FILE | {"folder": "../outside"})
    client = way.client(simulator)
    with pytest.raises(LocalFileError, match="Line 2"):
        way.done(client.run(1, [], output_dir=tmp_path / "out"))
    way.done(client.close())
    assert not simulator.requests
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_locks_is_worked_on_with_a_warning(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def flock(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)
    with (
        caplog.at_level(logging.WARNING, "datalab_facade.runs"),
        RunJournal(tmp_path / "out", SystemClock().now),
    ):
        pass
    [record] = caplog.records
    assert f"has no locks ({os.strerror(code)})" in record.getMessage()
    assert str(tmp_path / "out") in record.getMessage()


def test_a_pipe_in_the_place_of_the_journal_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out" / "run.jsonl")
    raised: list[Exception] = []

    def work() -> None:
        try:
            RunJournal(tmp_path / "out", SystemClock().now)
        except LocalFileError as error:
            raised.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(10)
    assert "is a pipe" in str(raised[0])


def test_the_journals_name_is_on_the_disk_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[Path] = set()
    sync = os.fsync

    def noted(descriptor: int) -> None:
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    out = tmp_path / "new" / "newer" / "out"
    with RunJournal(out, SystemClock().now):
        assert {tmp_path, out.parent.parent, out.parent, out} <= synced


def test_a_folder_whose_names_cannot_be_kept_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(LocalFileError, match="Input/output error"):
        RunJournal(tmp_path / "out", SystemClock().now)


def test_a_name_is_shown_in_a_line_that_can_be_written_anywhere() -> None:
    assert printable("a\udce9\x1b[2J\n\u2028März.pdf").encode() == (
        rb"a\udce9\x1b[2J\n\u2028" + "März.pdf".encode()
    )
