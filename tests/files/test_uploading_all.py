"""Uploading several files at once, with the files in the order of their sources."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from datalab_facade import InvalidArgumentError, UploadError
from datalab_facade.files.uploads import Uploadable
from datalab_facade.testing import Fault, Simulator, VirtualClock, connect, connect_async


def test_the_files_come_in_the_order_of_their_sources(tmp_path: Path) -> None:
    simulator = Simulator(VirtualClock())
    # The first upload takes longest.
    simulator.inject(Fault.delay(50), Fault.delay(20), Fault.none(), origin="storage")
    paths = [tmp_path / name for name in ("c.pdf", "a.pdf", "b.pdf")]
    for path in paths:
        path.write_bytes(path.name.encode())
    files = asyncio.run(connect_async(simulator).files.upload_all(paths))
    assert [file.filename for file in files] == ["c.pdf", "a.pdf", "b.pdf"]
    assert [simulator.files[file.id].body for file in files] == [b"c.pdf", b"a.pdf", b"b.pdf"]
    with connect(simulator) as client:
        same = client.files.upload_all([paths[0], ("x.pdf", b"x"), paths[0]], concurrency=1)
        assert [file.filename for file in same] == ["c.pdf", "x.pdf", "c.pdf"]
        assert len({file.id for file in same}) == 3
        assert client.files.upload_all([]) == ()


def test_a_file_that_fails_does_not_lose_the_others(tmp_path: Path) -> None:
    simulator = Simulator(VirtualClock())
    there, missing = tmp_path / "a.pdf", tmp_path / "b.pdf"
    there.write_bytes(b"%PDF")
    with connect(simulator) as client, pytest.raises(UploadError) as raised:
        client.files.upload_all([missing, there, tmp_path / "c.pdf"])
    assert raised.value.file_name == "b.pdf"
    [other, done] = raised.value.__notes__
    assert "c.pdf" in other
    assert done == "This was uploaded: a.pdf as 1"
    assert simulator.files[1].body == b"%PDF"


@pytest.mark.parametrize("wrong", ["a.pdf", b"%PDF", None, 7, [("a", b"b", "c")]])
def test_the_sources_are_checked_before_anything_is_sent(wrong: Any) -> None:
    simulator = Simulator(VirtualClock())
    with connect(simulator) as client, pytest.raises(InvalidArgumentError):
        client.files.upload_all(wrong)
    assert not simulator.requests


def test_an_outcome_names_its_source_and_shows_nothing_of_its_content() -> None:
    with connect(Simulator(VirtualClock())) as client:
        sources: list[Uploadable] = [("a.pdf", b"%PDF of a secret"), b"%PDF of a secret"]
        named, bare = client.files.upload_many(sources, concurrency=1)
    assert repr(named).startswith("UploadOutcome(source=('a.pdf', <16 bytes>), file=File(id=1, ")
    assert repr(bare).startswith("UploadOutcome(source=<16 bytes>, ")
    assert [one.to_dict()["source"] for one in (named, bare)] == ["a.pdf", "<16 bytes>"]
