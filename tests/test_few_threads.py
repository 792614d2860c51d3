"""Where the system has few threads, or none: work goes on with those, or ends in a typed error."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from datalab_facade import Convert, LocalFileError, UploadError
from datalab_facade.concurrency import as_they_end, for_each
from datalab_facade.testing import ExecutionScript, Fault, RunScript, Simulator, StepScript
from tests.in_process import new_simulator
from tests.ways import Way

Allow = Callable[[int], list[str]]
NONE = "can't start new thread"
OUTPUTS = ExecutionScript(
    [
        StepScript(
            "parse",
            runs=tuple(RunScript(str(number), output=number) for number in range(20)),
        )
    ],
    shape="nested",
)


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


@pytest.fixture
def allow(monkeypatch: pytest.MonkeyPatch) -> Allow:
    """Let the system have only so many more threads; their names are returned as they start."""
    start, started = threading.Thread.start, list[str]()

    def allow(most: int) -> list[str]:
        def limited(thread: threading.Thread) -> None:
            if len(started) >= most:
                raise RuntimeError(NONE)
            started.append(thread.name)
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", limited)
        return started

    return allow


@pytest.mark.parametrize("most", [0, 1, 3])
def test_outputs_are_saved_with_the_threads_that_there_are(
    simulator: Simulator, allow: Allow, tmp_path: Path, most: int
) -> None:
    execution_id = simulator.start(OUTPUTS)
    client = Way("sync").client(simulator)
    started = allow(most)
    manifest = client.outputs.save_all(execution_id, tmp_path)
    assert (len(manifest.saved), len(manifest.failed), len(started)) == (20, 0, most)


@pytest.mark.parametrize("most", [0, 3])
def test_a_run_goes_on_with_the_threads_that_there_are(
    simulator: Simulator, allow: Allow, tmp_path: Path, most: int
) -> None:
    paths = [tmp_path / f"{number}.pdf" for number in range(5)]
    for path in paths:
        path.write_bytes(b"%PDF-1.7 " + path.name.encode())
    client = Way("sync").client(simulator)
    allow(most)
    report = client.run(Convert(), paths, output_dir=tmp_path / "out")
    assert len(report.succeeded) == len(simulator.documents) == 5


@pytest.mark.parametrize("most", [0, 2])
def test_nothing_is_left_out_and_nothing_is_done_twice(allow: Allow, most: int) -> None:
    allow(most)
    done: list[int] = []
    for_each(range(50), done.append, concurrency=8, name="each")
    ended = list(as_they_end(range(50), lambda item: item, concurrency=8, name="each"))
    assert sorted(done) == sorted(ended) == list(range(50))


@pytest.mark.parametrize("most", [0, 2])
def test_the_first_error_ends_the_rest(allow: Allow, most: int) -> None:
    def fail(item: int) -> None:
        if item == 3:
            raise ZeroDivisionError

    allow(most)
    with pytest.raises(ZeroDivisionError):
        for_each(range(1_000_000), fail, concurrency=8, name="each")


@pytest.mark.parametrize("most", [0, 1, 2])
def test_a_large_output_has_its_checksum_with_and_without_a_thread_for_it(
    simulator: Simulator, allow: Allow, tmp_path: Path, most: int
) -> None:
    """It is computed while the output comes, or when it is there."""
    body = bytes(range(256)) * (5 << 12)
    run = RunScript("whole", output=body)
    execution_id = simulator.start(ExecutionScript([StepScript("parse", runs=(run,))]))
    simulator.inject_always(Fault.slow(1 << 20, every=0.1), origin="storage")
    client = Way("sync").client(simulator)
    started = allow(most)
    [saved] = client.outputs.save_all(execution_id, tmp_path, concurrency=1).saved
    assert (saved.bytes, saved.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert started == ["datalab-save_0", "datalab-checksum"][:most]


def test_an_event_loop_without_a_thread_says_so(
    simulator: Simulator, allow: Allow, tmp_path: Path
) -> None:
    execution_id = simulator.start(OUTPUTS)
    with Way("async") as way:
        client = way.client(simulator)
        allow(0)
        with pytest.raises(LocalFileError, match=r"Allow more threads"):
            way.done(client.outputs.save_all(execution_id, tmp_path))
        # The loop ends with a thread of its own.
        allow(1)


def test_a_pipe_that_no_thread_can_read_is_named(
    simulator: Simulator, allow: Allow, way: Way
) -> None:
    read, write = os.pipe()
    os.close(write)
    client = way.client(simulator)
    allow(0)
    with os.fdopen(read, "rb") as pipe:
        call = client.files.upload
        with pytest.raises(UploadError, match=rf"a\.pdf.*{NONE}\. Allow this process more"):
            way.done(call(pipe, name="a.pdf", timeout=5))
