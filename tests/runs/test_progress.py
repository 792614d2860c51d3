"""What a run tells while it goes on, and of folders: totals, sources, what is left out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from datalab_facade import InvalidArgumentError, LocalFileError, Update
from datalab_facade.testing import Simulator
from tests.in_process import SOON, new_simulator
from tests.runs.test_runs import documents, run, simulator, workflow_id
from tests.ways import Way

Caplog: TypeAlias = pytest.LogCaptureFixture

__all__ = ["documents", "simulator", "workflow_id"]  # fixtures


def test_totals_of_a_run_are_known_from_the_start(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    updates: list[Update[Any, Any]] = []
    folder, out = documents[0].parent, tmp_path / "out"
    run(way, simulator, workflow_id, folder, output_dir=out, on_update=updates.append)
    assert {update.totals.total for update in updates} == {3}
    assert updates[-1].totals.finished == 3
    assert {update.source for update in updates} == {str(path) for path in documents}
    # What an earlier call has done counts as well, and says what it is about.
    updates.clear()
    run(way, simulator, workflow_id, folder, output_dir=out, on_update=updates.append)
    assert [update.totals.finished for update in updates] == [1, 2, 3]
    assert {update.totals.total for update in updates} == {3}
    assert [update.source for update in updates] == [str(path) for path in documents]


def test_totals_of_sources_that_are_read_as_they_come_grow(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    updates: list[Update[Any, Any]] = []

    def sources() -> Iterator[Path]:
        yield from documents

    out = tmp_path / "out"
    run(way, simulator, workflow_id, sources(), output_dir=out, on_update=updates.append)
    assert updates[0].totals.total < 3
    assert updates[-1].totals.total == 3


def test_totals_of_a_list_of_jobs_are_known_from_the_start(way: Way) -> None:
    simulator = new_simulator()
    ids = [simulator.start(SOON) for _ in range(30)]
    client = way.client(simulator)
    updates = way.collect(client.executions.watch_many(ids, concurrency=5))
    assert {update.totals.total for update in updates} == {30}
    assert updates[0].totals.queued + updates[0].totals.running == 30
    # One that comes twice has two outcomes.
    twice = way.collect(client.executions.watch_many([*ids, ids[0]]))
    assert {update.totals.total for update in twice} == {31}


def test_a_result_has_its_snapshot_and_how_long_its_execution_took(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], tmp_path: Path
) -> None:
    first = run(way, simulator, workflow_id, documents, output_dir=tmp_path / "out")
    for result in first.results:
        assert result.snapshot is not None
        assert result.snapshot.id == result.execution_id
        assert result.duration == result.snapshot.duration == timedelta(seconds=300)
        assert "snapshot" not in result.to_dict()
        assert result.to_dict()["duration_seconds"] == 300
    second = run(way, simulator, workflow_id, documents, output_dir=tmp_path / "out")
    assert second == first
    assert [result.snapshot for result in second.results] == [None] * 3


def test_an_empty_folder_is_an_error_before_anything_is_sent(
    way: Way, simulator: Simulator, workflow_id: int, tmp_path: Path
) -> None:
    empty, out = tmp_path / "in", tmp_path / "out"
    (empty / "deeper").mkdir(parents=True)
    (empty / "deeper" / "a.pdf").write_bytes(b"%PDF")
    (empty / ".hidden").write_bytes(b"")
    with pytest.raises(LocalFileError, match=r"has no files to run over.*allow_empty=True"):
        run(way, simulator, workflow_id, empty, output_dir=out)
    assert not simulator.requests
    report = run(way, simulator, workflow_id, empty, output_dir=out, allow_empty=True)
    assert report.results == ()
    # Of sources that are read as they come, it is an error of that one.
    [result] = run(way, simulator, workflow_id, iter([empty]), output_dir=out).results
    assert isinstance(result.error, LocalFileError)


def test_sub_folders_that_are_not_read_are_said_once(
    way: Way, simulator: Simulator, workflow_id: int, documents: list[Path], caplog: Caplog
) -> None:
    folder = documents[0].parent
    out = folder.parent / "out"
    for name in ["2024", "2025", ".git", *(f"more-{number}" for number in range(5))]:
        (folder / name).mkdir()
    with caplog.at_level(logging.WARNING, "datalab_facade.runs"):
        report = run(way, simulator, workflow_id, folder, output_dir=out)
    assert [path.name for path in report.skipped_folders[:2]] == ["2024", "2025"]
    assert len(report.skipped_folders) == 7
    assert "Sub-folders that were not read: " in str(report)
    assert len(report.results) == 3
    [message] = caplog.messages
    assert message.endswith("2024, 2025, more-0, more-1, more-2 and 2 more")


def test_a_media_type_can_be_given_for_all_files_of_a_run(
    way: Way, simulator: Simulator, workflow_id: int, tmp_path: Path
) -> None:
    scan = tmp_path / "scan.bin"
    scan.write_bytes(b"%PDF")
    [refused] = run(way, simulator, workflow_id, [scan], output_dir=tmp_path / "out").results
    assert "content_type" in (refused.reason or "")
    options = {"output_dir": tmp_path / "out", "content_type": "application/pdf"}
    assert run(way, simulator, workflow_id, [scan], **options)
    with pytest.raises(InvalidArgumentError, match="content_type"):
        run(way, simulator, workflow_id, [scan], output_dir=tmp_path, content_type="pdf")


def test_a_media_type_can_be_given_for_many_uploads(way: Way, tmp_path: Path) -> None:
    scan = tmp_path / "scan.bin"
    scan.write_bytes(b"%PDF")
    client = way.client(new_simulator())
    [outcome] = way.collect(client.files.upload_many([scan], content_type="application/pdf"))
    assert outcome.file is not None
    assert outcome.file.content_type == "application/pdf"
    with pytest.raises(InvalidArgumentError, match="content_type"):
        client.files.upload_many([scan], content_type="pdf")
