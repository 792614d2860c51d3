"""What has its name is on the disk itself, so that a power failure leaves nothing broken."""

from __future__ import annotations

import base64
import errno
import fcntl
import gzip
import hashlib
import io
import os
from pathlib import Path
from typing import Any

import pytest

from datalab_facade import DownloadError, Manifest, Progress, SavedOutput
from datalab_facade.outputs import journal
from datalab_facade.outputs.journal import Journal
from datalab_facade.transfers import disk as locked_files
from tests.outputs.bad_storage import BadStorage, stored
from tests.outputs.conftest import Side, execution_of, output_at, until
from tests.outputs.test_folders import PROMISE

SMALL, LARGE = b"[1, 2]", os.urandom(200_000)


class Disk:
    """Notes what is synced, and what gets a name: as what it was called then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[tuple[str, str]] = []
        self.trouble: int | None = None
        sync, link, replace = os.fsync, os.link, Path.replace

        def fsync(descriptor: int) -> None:
            if self.trouble is not None:
                raise OSError(self.trouble, os.strerror(self.trouble))
            sync(descriptor)
            self.events.append(("sync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))

        def name(source: Any, goal: Any) -> None:
            assert self.trouble or ("sync", str(source)) in self.events
            self.events.append(("name", str(goal)))

        def named_by_link(source: Any, goal: Any) -> None:
            name(source, goal)
            link(source, goal)

        def named_by_replacing(source: Path, goal: Any) -> Path:
            name(source, goal)
            return replace(source, goal)

        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(os, "link", named_by_link)
        monkeypatch.setattr(Path, "replace", named_by_replacing)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Watch the disk."""
    return Disk(monkeypatch)


BODIES = {
    "small": stored(SMALL),
    "large": stored(LARGE),
    "small, packed": stored(gzip.compress(SMALL), headers={"Content-Encoding": "gzip"}),
    "large, packed": stored(gzip.compress(LARGE), headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("overwrite", [False, True], ids=["once", "overwriting"])
@pytest.mark.parametrize("what", BODIES)
def test_a_file_is_on_disk_before_it_gets_its_name_and_then_so_is_the_name(
    side: Side, storage: BadStorage, disk: Disk, tmp_path: Path, *, what: str, overwrite: bool
) -> None:
    storage.plays(then=BODIES[what])
    side.call("save", output_at(storage.url()), tmp_path / "out", overwrite=overwrite)
    assert (tmp_path / "out").read_bytes() == (SMALL if "small" in what else LARGE)
    synced, named, folder = disk.events
    assert synced[0] == "sync"
    assert named == ("name", str(tmp_path / "out"))
    assert folder == ("sync", str(tmp_path))


def test_what_is_promised_is_on_disk_before_the_file_gets_its_name(
    side: Side, storage: BadStorage, disk: Disk, tmp_path: Path
) -> None:
    """And all names are, before a last manifest tells of them."""
    storage.plays(then=stored(SMALL))
    runs = [("parse", str(number), storage.url(f"{number}.json")) for number in range(5)]
    side.call("save_all", execution_of(*runs), tmp_path, concurrency=1)
    home = tmp_path / "execution-1001"
    for number in range(5):
        path = str(home / "parse" / f"{number}.json")
        before = disk.events[: disk.events.index(("name", path))]
        kinds = [event for event in before[-2:] if event[0] == "sync"]
        assert kinds[0][1] == path + ".part"
        assert kinds[1][1].endswith(".journal")
    _, _, folder, manifest, name, last = disk.events[-6:]
    assert folder == ("sync", str(home / "parse"))
    assert manifest[0] == "sync"
    assert name == ("name", str(home / "manifest.json"))
    assert last == ("sync", str(home))


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="no such call on this system")
def test_the_disk_is_at_work_while_more_comes(
    side: Side, storage: BadStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that little is left to be waited for at the end."""
    told: list[tuple[int, int]] = []

    def advise(_: int, offset: int, length: int, __: int) -> None:
        told.append((offset, length))

    monkeypatch.setattr(os, "posix_fadvise", advise)
    body = LARGE * 180
    storage.plays(then=stored(body))
    side.call("save", output_at(storage.url()), tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == body
    [first, second] = told
    assert first[0] + first[1] == second[0]
    assert second[0] + second[1] > 32 << 20


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="no such call on this system")
def test_the_disk_is_at_work_too_while_the_checksums_of_storage_are_compared(
    side: Side, storage: BadStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []

    def advise(_: int, offset: int, length: int, __: int) -> None:
        told.append((offset, length))

    def wait_for_the_disk(transfer: Progress) -> None:
        # Whoever reads it for the checksums is stopped at the end, wherever it is.
        if transfer.bytes_done >= 36 << 20:
            until(lambda: len(told) == 2)

    monkeypatch.setattr(os, "posix_fadvise", advise)
    body = LARGE * 200
    checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
    storage.plays(then=stored(body, headers={"x-amz-checksum-sha256": checksum}))
    side.call("save", output_at(storage.url()), tmp_path / "out", on_progress=wait_for_the_disk)
    assert (tmp_path / "out").read_bytes() == body
    assert told == [(0, 16 << 20), (16 << 20, 16 << 20)]


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
def test_a_disk_that_fails_to_keep_it_is_told(
    side: Side, storage: BadStorage, disk: Disk, tmp_path: Path, body: bytes
) -> None:
    storage.plays(then=stored(body))
    disk.trouble = errno.EIO
    with pytest.raises(DownloadError) as failed:
        side.call("save", output_at(storage.url()), tmp_path / "out")
    assert failed.value.reason == "disk"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("trouble", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
def test_a_file_system_that_knows_no_such_thing_is_no_obstacle(
    side: Side, storage: BadStorage, disk: Disk, tmp_path: Path, trouble: int
) -> None:
    storage.plays(then=stored(SMALL))
    disk.trouble = trouble
    side.call("save", output_at(storage.url()), tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == SMALL


def test_what_is_small_is_never_there_in_part(
    side: Side, storage: BadStorage, tmp_path: Path
) -> None:
    """Nothing of it is written before it is whole and checked."""
    seen: list[list[Path]] = []
    storage.plays(then=stored(SMALL))
    side.call(
        "save",
        output_at(storage.url()),
        tmp_path / "out",
        on_progress=lambda _: seen.append(list(tmp_path.iterdir())),
    )
    assert seen
    assert not any(seen)


SAVED = SavedOutput.from_dict(PROMISE)


def test_a_promise_that_does_not_fit_on_the_disk_is_told(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    mine = Journal(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(OSError, match="cannot be written to its end"):
            mine.record_intent(SAVED)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        mine.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_keeps_promises_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locked_files, "lock", lambda _: False)
    mine = Journal(tmp_path)
    mine.record_intent(SAVED)
    assert list(journal.read_intents(tmp_path, but=Journal(tmp_path))) == [SAVED]
    assert list(journal.read_intents(tmp_path, but=mine)) == []
    assert len(list(tmp_path.iterdir())) == 1
    mine.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_system_that_takes_less_than_it_is_given_is_given_the_rest(tmp_path: Path) -> None:
    class Sparing(io.FileIO):
        """A file of a system that is interrupted in every write."""

        def write(self, data: Any, /) -> int:
            return super().write(data[:7])

    with Sparing(tmp_path / "out", "w") as file:
        locked_files.write_all(file, LARGE[:100])
    assert (tmp_path / "out").read_bytes() == LARGE[:100]


def test_a_promise_matches_intent_if_the_file_is_there_and_what_was_promised(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.json"
    assert not journal.matches_intent(SAVED, path)
    path.write_bytes(b"b" * 1_000)
    assert not journal.matches_intent(SAVED, path)
    path.write_bytes(b"a" * 1_000)
    assert journal.matches_intent(SAVED, path)


@pytest.mark.skipif(os.name == "nt", reason="no such call on this system")
@pytest.mark.parametrize(
    ("trouble", "done"),
    [
        (None, ["F_FULLFSYNC"]),
        (errno.ENOTSUP, ["F_FULLFSYNC", "fsync"]),
        (errno.ENOTTY, ["F_FULLFSYNC", "fsync"]),
        (errno.EIO, ["F_FULLFSYNC"]),
    ],
)
def test_where_the_drive_itself_can_be_synced_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: int | None, done: list[str]
) -> None:
    """As on macOS; not every file system there can."""
    import fcntl

    asked: list[str] = []

    def command(_: int, name: object) -> None:
        asked.append(str(name))
        if trouble is not None:
            raise OSError(trouble, os.strerror(trouble))

    monkeypatch.setattr(fcntl, "F_FULLFSYNC", "F_FULLFSYNC", raising=False)
    monkeypatch.setattr(fcntl, "fcntl", command)
    monkeypatch.setattr(os, "fsync", lambda _: asked.append("fsync"))
    with (tmp_path / "file").open("wb") as file:
        if trouble == errno.EIO:
            with pytest.raises(OSError, match=os.strerror(errno.EIO)):
                locked_files.sync(file)
        else:
            locked_files.sync(file)
    assert asked == done


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_on_a_file_system_without_locks_all_outputs_are_saved_and_listed(
    side: Side, storage: BadStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def flock(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)
    storage.plays(then=stored(SMALL))
    execution = execution_of(("parse", "a", storage.url()))
    manifest = side.call("save_all", execution, tmp_path)
    [saved] = manifest.saved
    home = tmp_path / f"execution-{execution.id}"
    assert (home / saved.path).read_bytes() == SMALL
    assert Manifest.read(home) == manifest
    assert sorted(path.name for path in home.iterdir()) == ["manifest.json", "parse"]
