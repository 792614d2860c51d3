"""What ``save_all`` does when the disk is full, others keep the lock, or there is very much."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from datalab_facade import (
    ConfigurationError,
    Execution,
    LocalFileError,
    Manifest,
    Status,
    Step,
    StepRun,
    Steps,
)
from datalab_facade.concurrency import off_loop_async
from datalab_facade.outputs.manifest import SavedOutput
from datalab_facade.outputs.saving import Saving
from datalab_facade.transfers.disk import folder_lock
from tests.outputs.bad_storage import BadStorage
from tests.outputs.conftest import Side
from tests.outputs.crashing import disk_below
from tests.outputs.test_folders import by_name, check_manifest, three


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep the lock of a folder, as another process would that hangs."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def keys_of(manifest: Manifest | None) -> set[str | None]:
    assert manifest is not None
    return {saved.file_key for saved in manifest.saved}


class TestDisk:
    def test_a_full_disk_is_told_with_what_was_saved(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """It is no mistake of the caller's, and the next call fetches only the rest."""
        home = tmp_path / "execution-1001"
        storage.plays(then=by_name)
        with disk_below(tmp_path) as disk:

            def fill(transfer: Any) -> None:
                disk.full = transfer.output.file_key == "c"

            with pytest.raises(LocalFileError, match="No space left on device") as failed:
                side.call("save_all", three(storage), tmp_path, concurrency=1, on_progress=fill)
        assert isinstance(failed.value, OSError)
        assert not isinstance(failed.value, ConfigurationError)
        told = failed.value.manifest
        assert keys_of(told) == {"a", "b"}
        assert told is not None
        assert [missed.file_key for missed in told.failed] == ["c"]
        storage.asked.clear()
        manifest = side.call("save_all", three(storage), tmp_path)
        assert [asked.target[:2] for asked in storage.asked] == ["/c"]
        check_manifest(manifest, home)

    def test_a_disk_too_full_for_the_folder_is_told_too(
        self, side: Side, storage: BadStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(Path, "mkdir", fail)
            with pytest.raises(LocalFileError, match="No space left on device") as failed:
                side.call("save_all", three(storage), tmp_path)
        assert keys_of(failed.value.manifest) == set()
        assert not storage.asked


class TestLock:
    def test_whoever_keeps_the_lock_keeps_nobody_for_longer_than_the_timeout(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """What was saved is told all the same, and is not fetched again."""
        home = tmp_path / "execution-1001"
        home.mkdir()
        storage.plays(then=by_name)
        begun = time.monotonic()
        with locked(home), pytest.raises(LocalFileError, match="another process") as failed:
            side.call("save_all", three(storage), tmp_path, timeout=1)
        assert 1 <= time.monotonic() - begun < 3
        assert keys_of(failed.value.manifest) == {"a", "b", "c"}
        storage.asked.clear()
        manifest = side.call("save_all", three(storage), tmp_path)
        assert not storage.asked
        check_manifest(manifest, home)

    def test_a_lock_that_is_given_back_in_time_is_waited_for(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        home = tmp_path / "execution-1001"
        home.mkdir()
        storage.plays(then=by_name)
        with contextlib.ExitStack() as stack:
            stack.enter_context(locked(home))

            def give_back(_: Any) -> None:
                threading.Timer(0.1, stack.close).start()

            execution = three(storage)
            manifest = side.call("save_all", execution, tmp_path, on_progress=give_back)
        check_manifest(manifest, home)

    def test_an_error_that_is_on_its_way_does_not_wait_for_it(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        home = tmp_path / "execution-1001"
        home.mkdir()
        storage.plays(then=by_name)

        def fail(_: Any) -> None:
            raise KeyError("mine")

        begun = time.monotonic()
        with locked(home), pytest.raises(KeyError, match="mine"):
            side.call("save_all", three(storage), tmp_path, on_progress=fail)
        assert time.monotonic() - begun < 2
        check_manifest(side.call("save_all", three(storage), tmp_path), home)

    def test_it_is_given_back_though_a_child_process_has_the_descriptor(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copies: list[int] = []
        opened = os.open

        def copied(path: Any, flags: int) -> int:
            descriptor = opened(path, flags)
            copies.append(os.dup(descriptor))
            return descriptor

        with monkeypatch.context() as patch:
            patch.setattr(os, "open", copied)
            with folder_lock(tmp_path, 1):
                pass
        with folder_lock(tmp_path, 0):
            pass
        os.close(copies.pop())
        assert not copies


def with_steps(count: int, url: str) -> Execution:
    runs = (StepRun(file_key=None, status=Status.COMPLETED, output_url=url),)
    return Execution(
        id=1001,
        status=Status.COMPLETED,
        steps=Steps([Step(name=f"{n}", runs=runs) for n in range(count)]),
    )


def test_thousands_of_steps_do_not_keep_the_first_one_waiting(
    side: Side, storage: BadStorage, tmp_path: Path
) -> None:
    """What is prepared takes time in proportion to their number."""
    execution = with_steps(4_000, storage.url())
    storage.plays(then=by_name)
    begun: list[float] = []

    def fail(_: Any) -> None:
        begun.append(time.monotonic())
        raise KeyError("enough")

    start = time.monotonic()
    with pytest.raises(KeyError, match="enough"):
        side.call("save_all", execution, tmp_path, on_progress=fail, timeout=5)
    assert begun[0] - start < 2


async def test_what_is_done_on_disk_is_over_however_often_it_is_cancelled() -> None:
    begun, may_end, done = threading.Event(), threading.Event(), list[bool]()

    def work() -> None:
        begun.set()
        done.append(may_end.wait(20))

    task = asyncio.create_task(off_loop_async(work))
    assert await asyncio.to_thread(begun.wait, 20)
    for _ in range(3):
        task.cancel()
        assert not (await asyncio.wait([task], timeout=0.01))[0]
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [True]


def test_a_thread_that_hangs_on_the_disk_is_not_waited_for_when_an_error_is_on_its_way(
    storage: BadStorage, tmp_path: Path
) -> None:
    """What it may name later is told by the journal, which stays."""
    saving = Saving(three(storage), tmp_path, None, overwrite=False)
    pending = saving.pending[0]
    output, path = pending.output, pending.path
    body = b"later"
    now = datetime.now(UTC)
    digest = sha256(body).hexdigest()
    saving.record_intent(
        SavedOutput(
            execution_id=output.execution_id,
            step=output.step,
            file_key=output.file_key,
            path=path.as_posix(),
            bytes=5,
            sha256=digest,
            saved_at=now,
            source_status=output.status,
        )
    )
    begun = time.monotonic()
    saving.abort()
    assert time.monotonic() - begun < 2
    path.parent.mkdir()
    path.write_bytes(body)
    manifest = Saving(three(storage), tmp_path, [], overwrite=False).finish(1)
    assert keys_of(manifest) == {"a"}
    check_manifest(manifest, tmp_path / "execution-1001")
