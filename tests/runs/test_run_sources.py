"""What is one file, which files are run over, and what is refused before anything is sent."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from datalab_facade import (
    Convert,
    FailedOutput,
    InvalidArgumentError,
    LocalFileError,
    Manifest,
    RunReport,
    Status,
)
from datalab_facade.runs.run_sources import RunFiles
from datalab_facade.testing import Fault, Request, Simulator
from tests.in_process import FAILS, SOON, new_simulator
from tests.ways import Way

EXECUTE = "/api/v1/workflows/workflows/*/execute"


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


@pytest.fixture
def workflow_id(simulator: Simulator) -> int:
    found = simulator.workflows.add("Ours", [{"step_key": "a", "unique_name": "parse"}])
    simulator.script_for(found, SOON)
    return found


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "a.pdf"
    path.parent.mkdir()
    path.write_bytes(b"%PDF-1.7 of one kind")
    return path


def run(way: Way, simulator: Simulator, *args: Any, **options: Any) -> RunReport:
    """Run with a client of its own, as a process would that begins anew."""
    client = way.client(simulator)
    try:
        report: RunReport = way.done(client.run(*args, **options))
    finally:
        way.done(client.close())
    return report


def executes(simulator: Simulator) -> int:
    return sum(request.path.endswith("/execute") for request in simulator.requests)


def uploads(simulator: Simulator) -> list[str]:
    return [file.filename for file in simulator.files.values()]


def test_new_content_is_a_new_file_though_size_and_times_are_the_same(
    way: Way, simulator: Simulator, workflow_id: int, document: Path, tmp_path: Path
) -> None:
    times = (document.stat().st_atime_ns, document.stat().st_mtime_ns)
    assert run(way, simulator, workflow_id, document, output_dir=tmp_path / "out")
    document.write_bytes(b"%PDF-1.7 of new kind")
    os.utime(document, ns=times)
    report = run(way, simulator, workflow_id, document, output_dir=tmp_path / "out")
    assert report
    assert executes(simulator) == 2
    assert len(list((tmp_path / "out").glob("*/execution-*"))) == 2


def test_the_same_content_is_the_same_file_though_its_times_and_folder_are_others(
    way: Way, simulator: Simulator, workflow_id: int, document: Path, tmp_path: Path
) -> None:
    assert run(way, simulator, workflow_id, document, output_dir=tmp_path / "out")
    moved = tmp_path / "moved" / document.name
    moved.parent.mkdir()
    moved.write_bytes(document.read_bytes())
    assert run(way, simulator, workflow_id, moved, output_dir=tmp_path / "out")
    assert executes(simulator) == 1


def test_content_that_changes_while_it_is_uploaded_is_not_executed_though_its_times_stay(
    way: Way, simulator: Simulator, workflow_id: int, document: Path, tmp_path: Path
) -> None:
    times = (document.stat().st_atime_ns, document.stat().st_mtime_ns)

    def meddle(request: Request, _: int) -> None:
        if request.method == "PUT":
            document.write_bytes(b"%PDF-1.7 of new kind")
            os.utime(document, ns=times)

    simulator.inject_with(meddle)
    [result] = run(way, simulator, workflow_id, document, output_dir=tmp_path / "out").failed
    assert "changed while it was uploaded" in (result.reason or "")
    assert executes(simulator) == 0


def _itself(path: Path) -> Path:
    return path


def _link(path: Path) -> Path:
    link = path.with_name("link.pdf")
    link.symlink_to(path.name)
    return link


def _copy_elsewhere(path: Path) -> Path:
    (path.parent / "copies").mkdir()
    copy = path.parent / "copies" / path.name
    copy.write_bytes(path.read_bytes())
    return copy


def _folder_around(path: Path) -> Path:
    return path.parent


SAME_AGAIN = [_itself, _link, _copy_elsewhere, _folder_around]


@pytest.mark.parametrize("again", SAME_AGAIN)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_file_named_twice_is_submitted_once_and_has_two_results(
    way: Way,
    simulator: Simulator,
    workflow_id: int,
    document: Path,
    tmp_path: Path,
    *,
    again: Callable[[Path], Path],
    swapped: bool,
) -> None:
    named = [document, again(document)]
    if swapped:
        named.reverse()
    first = run(way, simulator, workflow_id, named, output_dir=tmp_path / "out")
    second = run(way, simulator, workflow_id, named, output_dir=tmp_path / "out")
    files = [document if one.is_dir() else one for one in named]
    for report in (first, second):
        assert [result.source for result in report.results] == [str(one) for one in files]
        assert [result.position for result in report.results] == [0, 1]
        assert len({result.execution_id for result in report.succeeded}) == 1
        assert len(report.succeeded) == 2
        assert all(result.manifest is not None for result in report.results)
    assert (executes(simulator), len(uploads(simulator))) == (1, 1)


@pytest.mark.parametrize("option", ["retry_failed", "retry_unknown"])
def test_a_file_named_twice_is_tried_again_once(
    way: Way,
    simulator: Simulator,
    workflow_id: int,
    document: Path,
    tmp_path: Path,
    *,
    option: str,
) -> None:
    named = [document, document]
    if option == "retry_failed":
        simulator.script_for(workflow_id, FAILS)
    else:
        simulator.inject_always(Fault.disconnect(), path=EXECUTE)
    for number in (1, 2):
        report = run(
            way, simulator, workflow_id, named, output_dir=tmp_path / "out", **{option: number > 1}
        )
        assert len(report.failed) == 2
        assert report.failed[0].reason == report.failed[1].reason
        assert executes(simulator) == number


def test_a_file_that_is_missing_twice_is_told_twice(
    way: Way, simulator: Simulator, workflow_id: int, document: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "no.pdf"
    report = run(
        way, simulator, workflow_id, [missing, document, missing], output_dir=tmp_path / "out"
    )
    assert [result.succeeded for result in report.results] == [False, True, False]


@pytest.mark.parametrize("name", ["caf\udce9.pdf", "two\nlines.pdf", "\x1b[2J.pdf", "a\\b.pdf"])
def test_a_file_is_run_whatever_its_name(
    way: Way, simulator: Simulator, workflow_id: int, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"%PDF-1.7")
    good = tmp_path / "good.pdf"
    good.write_bytes(b"%PDF-1.7")
    first = run(way, simulator, workflow_id, [path, good], output_dir=tmp_path / "out")
    assert len(first.succeeded) == 2
    assert first.results[0].source == str(path)
    assert len(str(first.results[0]).encode().splitlines()) == 1
    second = run(way, simulator, workflow_id, [path, good], output_dir=tmp_path / "out")
    assert second == first
    assert executes(simulator) == 2
    [uploaded, _] = uploads(simulator)
    assert uploaded.isprintable()
    assert uploaded.endswith(".pdf")
    inside = first.results[0].folder.relative_to(tmp_path / "out")
    assert len(inside.parts) == 1


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    # The path of a socket may have a hundred characters only.
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere.pdf")


@pytest.mark.parametrize("make", [_fifo, _socket, _device, _loop, _dangling])
@pytest.mark.timeout(60)
def test_what_is_no_file_is_told_and_waited_for_by_nobody(
    way: Way,
    simulator: Simulator,
    workflow_id: int,
    document: Path,
    tmp_path: Path,
    *,
    make: Callable[[Path], None],
) -> None:
    odd = tmp_path / "odd.pdf"
    make(odd)
    report = run(way, simulator, workflow_id, [odd, document], output_dir=tmp_path / "out")
    assert [result.succeeded for result in report.results] == [False, True]
    assert "cannot be read" in str(report.failed[0])


class _PathOfBytes:
    def __fspath__(self) -> bytes:
        return b"a.pdf"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        7,
        None,
        b"a.pdf",
        "a\0b.pdf",
        "\ud83d.pdf",
        "x" * 300,
        "s3://bucket/a.pdf",
        "https://",
        _PathOfBytes(),
    ],
    ids=lambda wrong: f"{wrong!r:.20}",
)
def test_what_can_be_no_file_does_not_end_the_run(
    way: Way,
    simulator: Simulator,
    workflow_id: int,
    document: Path,
    tmp_path: Path,
    *,
    wrong: Any,
) -> None:
    report = run(
        way, simulator, workflow_id, [document, wrong, document], output_dir=tmp_path / "out"
    )
    assert [result.succeeded for result in report.results] == [True, False, True]
    assert isinstance(report.failed[0].error, (InvalidArgumentError, LocalFileError))
    assert str(report.failed[0]).isprintable()


def test_a_folder_that_cannot_be_read_is_told_with_the_words_of_the_system(
    way: Way,
    simulator: Simulator,
    workflow_id: int,
    document: Path,
    tmp_path: Path,
    *,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed = Path.iterdir

    def fails(path: Path) -> Iterator[Path]:
        if path == document.parent:
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", fails)
    files = [document.parent, document]
    report = run(way, simulator, workflow_id, files, output_dir=tmp_path / "out")
    assert [result.succeeded for result in report.results] == [False, True]
    assert report.failed[0].reason == f"{document.parent} cannot be read: Permission denied"


@pytest.mark.parametrize("wrong", [7, None, 1.5], ids=repr)
def test_what_can_be_no_files_is_told_before_anything_is_sent(
    way: Way, simulator: Simulator, workflow_id: int, tmp_path: Path, wrong: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="files must be"):
        run(way, simulator, workflow_id, wrong, output_dir=tmp_path / "out")
    assert not simulator.requests
    assert not (tmp_path / "out").exists()


def test_the_blocking_client_takes_no_async_iterable(
    simulator: Simulator, workflow_id: int, tmp_path: Path
) -> None:
    async def named() -> AsyncIterator[Path]:
        yield tmp_path

    with pytest.raises(InvalidArgumentError, match="not async_generator"):
        run(Way("sync"), simulator, workflow_id, named(), output_dir=tmp_path / "out")
    assert not simulator.requests


def _the_folder(document: Path) -> list[Path]:
    return [document.parent]


def _the_folder_by_another_name(document: Path) -> list[Path]:
    link = document.parent.with_name("link")
    link.symlink_to(document.parent)
    return [link]


def _a_file_in_it(document: Path) -> list[Path]:
    return [document]


def _a_file_in_it_by_a_way_around(document: Path) -> list[Path]:
    return [document.parent / ".." / document.parent.name / document.name]


@pytest.mark.parametrize(
    "named",
    [_the_folder, _the_folder_by_another_name, _a_file_in_it, _a_file_in_it_by_a_way_around],
)
def test_files_in_the_folder_for_the_outputs_are_refused_before_anything_is_sent(
    way: Way,
    simulator: Simulator,
    workflow_id: int,
    document: Path,
    named: Callable[[Path], list[Path]],
) -> None:
    files = named(document)
    for given in (files, files[0], str(files[0]), tuple(files)):
        with pytest.raises(LocalFileError, match="where the outputs go"):
            run(way, simulator, workflow_id, given, output_dir=document.parent)
    assert not simulator.requests
    assert list(document.parent.iterdir()) == [document]
    # Of what is read one at a time, nobody knows before.
    [result] = run(way, simulator, workflow_id, iter(files), output_dir=document.parent).failed
    assert "where the outputs go" in (result.reason or "")
    assert not uploads(simulator)


async def test_files_that_are_named_late_are_refused_as_well(
    simulator: Simulator, workflow_id: int, document: Path
) -> None:
    from tests.in_process import asynchronous

    async def named() -> AsyncIterator[Path]:
        yield document.parent

    async with asynchronous(simulator) as client:
        [result] = (await client.run(workflow_id, named(), output_dir=document.parent)).failed
    assert "where the outputs go" in (result.reason or "")
    assert not uploads(simulator)


def test_the_folder_for_the_outputs_may_be_inside_and_around_those_of_the_files(
    way: Way, simulator: Simulator, workflow_id: int, document: Path, tmp_path: Path
) -> None:
    for to in (document.parent / "out", tmp_path):
        for _ in range(2):
            report = run(way, simulator, workflow_id, document.parent, output_dir=to)
            assert [result.source for result in report.succeeded] == [str(document)]
            assert len(report.results) == 1
    assert executes(simulator) == 2


def test_what_the_package_writes_is_never_a_file_to_run_over(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    ours = ["run.jsonl", "manifest.json", ".manifest.json.0a.part", "a.pdf.part", "b.part.json"]
    for name in (*ours, "good.pdf"):
        (folder / name).write_bytes(b"%PDF-1.7")
    found = RunFiles(folder, tmp_path / "out").items(lambda _: False)
    assert [item.source for item in found] == [str(folder / "good.pdf")]


def test_a_file_whose_outputs_have_no_place_is_not_paid_for(
    way: Way, simulator: Simulator, workflow_id: int, document: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / document.name).write_bytes(b"a file where the folder should be")
    [result] = run(way, simulator, workflow_id, document, output_dir=tmp_path / "out").failed
    assert "a file is there" in (result.reason or "")
    assert (executes(simulator), uploads(simulator)) == (0, [])
    (tmp_path / "out" / document.name).unlink()
    assert run(way, simulator, workflow_id, document, output_dir=tmp_path / "out")


def test_sources_are_read_one_at_a_time(
    simulator: Simulator, workflow_id: int, document: Path, tmp_path: Path
) -> None:
    submitted: list[int] = []

    def named() -> Iterator[Path]:
        for number in range(3):
            submitted.append(executes(simulator))
            other = document.with_name(f"{number}.pdf")
            other.write_bytes(b"%PDF-1.7")
            yield other

    assert run(Way("sync"), simulator, workflow_id, named(), output_dir=tmp_path / "out")
    assert submitted == [0, 1, 2]


def test_the_reason_tells_in_words_what_was_missed(
    way: Way, simulator: Simulator, workflow_id: int, document: Path, tmp_path: Path
) -> None:
    simulator.inject_always(Fault.status(404), origin="storage", path="*/parse/*")
    [result] = run(way, simulator, workflow_id, document, output_dir=tmp_path / "out").failed
    reason = result.reason or ""
    assert reason.startswith(f"The output of step parse of execution {result.execution_id} ")
    assert "FailedOutput" not in reason


def test_the_reason_does_not_grow_with_what_was_missed() -> None:
    from datalab_facade.executions.family import failed_outputs

    missed = [
        FailedOutput(execution_id=7, step="parse", file_key=str(number), error=f"no {number}")
        for number in range(4_000)
    ]
    manifest = Manifest(execution_id=7, status=Status.COMPLETED, saved=(), failed=tuple(missed))
    assert failed_outputs(manifest) == "no 0; no 1; no 2; no 3; no 4; 3995 more outputs failed"


def test_a_manifest_of_another_execution_counts_for_nothing(
    way: Way, simulator: Simulator, workflow_id: int, document: Path, tmp_path: Path
) -> None:
    [result] = run(way, simulator, workflow_id, document, output_dir=tmp_path / "out").succeeded
    folder = result.folder / f"execution-{result.execution_id}"
    Manifest(execution_id=99, status=Status.COMPLETED, saved=()).write(folder)
    simulator.requests.clear()
    [again] = run(way, simulator, workflow_id, document, output_dir=tmp_path / "out").results
    assert again.manifest is None or again.manifest.execution_id == result.execution_id
    asked = [request.path for request in simulator.requests]
    assert f"/api/v1/workflows/executions/{result.execution_id}" in asked
    assert executes(simulator) == 0


def test_in_a_folder_a_link_that_leads_nowhere_is_no_file(
    way: Way, simulator: Simulator, workflow_id: int, document: Path, tmp_path: Path
) -> None:
    _dangling(document.with_name("odd.pdf"))
    report = run(way, simulator, workflow_id, document.parent, output_dir=tmp_path / "out")
    assert [result.source for result in report.succeeded] == [str(document)]
    assert len(report.results) == 1


def test_in_a_folder_a_file_that_the_system_cannot_look_at_is_told(
    way: Way, simulator: Simulator, workflow_id: int, document: Path, tmp_path: Path
) -> None:
    odd = document.with_name("odd.pdf")
    _loop(odd)
    report = run(way, simulator, workflow_id, document.parent, output_dir=tmp_path / "out")
    assert [result.source for result in report.succeeded] == [str(document)]
    [failed] = report.failed
    assert failed.source == str(odd)
    assert "cannot be read: Too many levels of symbolic links" in (failed.reason or "")


def test_a_folder_with_a_subfolder_that_cannot_be_read_is_told_and_not_run_in_part(
    way: Way,
    simulator: Simulator,
    document: Path,
    tmp_path: Path,
    *,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = document.parent / "closed"
    closed.mkdir()
    listed = os.scandir

    def fails(path: Any = ".") -> Any:
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(closed))
        return listed(path)

    monkeypatch.setattr(os, "scandir", fails)
    report = run(way, simulator, Convert(), document.parent, output_dir=tmp_path / "out")
    [failed] = report.failed
    assert len(report.results) == 1
    assert "cannot be read: Permission denied" in (failed.reason or "")
    assert len(simulator.documents) == 0


def test_of_files_that_cannot_be_counted_a_run_tells_its_changes_all_the_same(
    way: Way,
    simulator: Simulator,
    workflow_id: int,
    document: Path,
    tmp_path: Path,
    *,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    listed = Path.iterdir

    def fails(path: Path) -> Iterator[Path]:
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", fails)
    updates: list[Any] = []
    report = run(
        way,
        simulator,
        workflow_id,
        [document.parent, closed],
        output_dir=tmp_path / "out",
        on_update=updates.append,
    )
    assert [result.source for result in report.succeeded] == [str(document)]
    assert [result.reason for result in report.failed] == [
        f"{closed} cannot be read: Permission denied"
    ]
    assert updates[-1].totals.succeeded == 1
    assert {update.totals.total for update in updates} == {2}
