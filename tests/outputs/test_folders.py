"""All outputs of an execution in one folder, with a manifest that is right about them."""

from __future__ import annotations

import errno
import gzip
import json
import os
import re
import signal
import tempfile
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalab_facade import (
    ClientStateError,
    InvalidArgumentError,
    LocalFileError,
    Manifest,
    Status,
)
from datalab_facade.redaction import redact_name
from datalab_facade.testing import ExecutionScript, RunScript, Simulator, StepScript
from tests.in_process import new_simulator
from tests.outputs.bad_storage import Asked, BadStorage, Player, Reply, refused, stored
from tests.outputs.conftest import Side, execution_of, until
from tests.outputs.processes import outcome, start, start_cold
from tests.ways import KINDS, Kind, Way

A, B, C = b"a" * 1_000, b"b" * 2_000, b"c" * 3_000
BODIES = {"a": A, "b": B, "c": C}


PROMISE = {
    "execution_id": 1001,
    "step": "parse",
    "file_key": "a",
    "path": "parse/a.json",
    "bytes": 1_000,
    "sha256": sha256(A).hexdigest(),
    "saved_at": "2026-01-01T00:00:00+00:00",
    "source_status": "COMPLETED",
    "media_type": None,
}


def by_name(asked: Asked) -> Reply:
    """Hold the objects ``a``, ``b`` and ``c``; any other name is one of many."""
    name = asked.target.partition("?")[0].strip("/").removesuffix(".json")
    return stored(BODIES.get(name, name.encode()))(asked)


def but(name: str, player: Player) -> Player:
    return lambda asked: (player if asked.target.startswith(f"/{name}") else by_name)(asked)


def files_in(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    )


def three(storage: BadStorage, **options: Any) -> Any:
    """Give an execution of two steps with three outputs."""
    return execution_of(
        ("parse", "a", storage.url("a.json")),
        ("parse", "b", storage.url("b.json")),
        ("extract", "c", storage.url("c")),
        **options,
    )


def check_manifest(manifest: Manifest, home: Path) -> None:
    """Hold a manifest against the files that it tells of."""
    assert Manifest.read(home) == manifest
    told = [saved.path for saved in manifest.saved]
    assert sorted([*told, "manifest.json"]) == files_in(home)
    for saved in manifest.saved:
        body = (home / saved.path).read_bytes()
        assert (saved.bytes, saved.sha256) == (len(body), sha256(body).hexdigest())


class TestLayout:
    def test_each_output_has_its_place(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        storage.plays(then=by_name)
        manifest = side.call("save_all", three(storage), tmp_path / "new" / "folder")
        home = tmp_path / "new" / "folder" / "execution-1001"
        assert files_in(home) == ["extract/c.bin", "manifest.json", "parse/a.json", "parse/b.json"]
        assert (home / "extract" / "c.bin").read_bytes() == C
        assert manifest.is_complete
        check_manifest(manifest, home)

    def test_an_id_is_as_good_as_an_execution(
        self, side: Side, storage: BadStorage, simulator: Simulator, tmp_path: Path
    ) -> None:
        """It is looked at once."""
        execution_id = simulator.start(ExecutionScript([StepScript("parse")]))
        storage.plays(then=stored(A))
        manifest = side.call("save_all", execution_id, tmp_path)
        assert [saved.path for saved in manifest.saved] == ["parse/output.json"]
        assert len(simulator.requests.of("api")) == 1

    def test_what_failed_and_what_still_runs_is_saved_as_such(
        self, side: Side, simulator: Simulator, storage: BadStorage, tmp_path: Path
    ) -> None:
        runs = [
            RunScript("1", outcome="FAILED", output={"so": "far"}),
            RunScript("2"),
            RunScript("3", ends=None, extra={"output_url": storage.url("c")}),
            RunScript("4", outcome="FAILED"),
        ]
        script = ExecutionScript([StepScript("parse", runs=runs)], shape="nested")
        storage.plays(then=by_name)
        manifest = side.call("save_all", simulator.start(script), tmp_path)
        told = {saved.file_key: saved.source_status for saved in manifest.saved}
        assert told == {"1": "FAILED", "2": "COMPLETED", "3": "IN_PROGRESS"}
        assert manifest.status == "IN_PROGRESS"

    def test_an_execution_without_outputs_has_a_manifest_that_says_so(
        self, side: Side, tmp_path: Path
    ) -> None:
        manifest = side.call("save_all", execution_of(), tmp_path / "new")
        assert manifest.is_complete
        check_manifest(manifest, tmp_path / "new" / "execution-1001")

    def test_only_some_steps_are_saved_if_so_wanted(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        storage.plays(then=by_name)
        manifest = side.call("save_all", three(storage), tmp_path, steps=iter(["extract"]))
        assert [saved.step for saved in manifest.saved] == ["extract"]
        assert len(storage.asked) == 1

    def test_a_step_that_is_not_there_is_told_with_those_that_are(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        with pytest.raises(InvalidArgumentError, match=r"'prase'.*'parse', 'extract'"):
            side.call("save_all", three(storage), tmp_path, steps=["parse", "prase"])
        assert not storage.asked
        assert files_in(tmp_path) == []

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_the_manifest_tells_of_steps_that_were_saved_before(
        self, side: Side, storage: BadStorage, tmp_path: Path, overwrite: bool
    ) -> None:
        storage.plays(then=by_name)
        execution = three(storage)
        side.call("save_all", execution, tmp_path, steps=["parse"])
        manifest = side.call(
            "save_all", execution, tmp_path, steps=["extract"], overwrite=overwrite
        )
        assert {saved.step for saved in manifest.saved} == {"parse", "extract"}
        check_manifest(manifest, tmp_path / "execution-1001")

    @pytest.mark.parametrize("place", ["file", "/proc"])
    def test_a_folder_that_cannot_be_is_told_before_anything_is_asked(
        self, side: Side, storage: BadStorage, tmp_path: Path, place: str
    ) -> None:
        (tmp_path / "file").write_text("mine")
        with pytest.raises(LocalFileError):
            side.call("save_all", three(storage), tmp_path / place)
        assert not storage.asked

    def test_so_many_are_fetched_at_once_and_no_more(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """Each answer waits until there are as many requests as allowed."""
        full = threading.Barrier(3, timeout=20)

        def together(asked: Asked) -> Reply:
            full.wait()
            return by_name(asked)

        storage.plays(then=together)
        runs = [("parse", str(number), storage.url(str(number))) for number in range(12)]
        manifest = side.call("save_all", execution_of(*runs), tmp_path, concurrency=3)
        assert len(manifest.saved) == 12
        assert storage.busiest == 3

    @pytest.mark.parametrize("concurrency", [0, -1])
    def test_fewer_than_one_at_once_is_refused(
        self, side: Side, tmp_path: Path, concurrency: int
    ) -> None:
        with pytest.raises(InvalidArgumentError, match="concurrency"):
            side.call("save_all", execution_of(), tmp_path, concurrency=concurrency)


class TestMisses:
    def test_one_that_fails_does_not_keep_the_others(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """It is missed, with the reason."""
        storage.plays(then=but("b", refused(418)))
        manifest = side.call("save_all", three(storage), tmp_path)
        assert {saved.file_key for saved in manifest.saved} == {"a", "c"}
        [missed] = manifest.failed
        assert (missed.step, missed.file_key) == ("parse", "b")
        assert "418" in missed.error
        assert not manifest.is_complete
        check_manifest(manifest, tmp_path / "execution-1001")

    @pytest.mark.parametrize(
        "url", ["file:///etc/passwd", "https://[", "https://a.example:99999/", "http://a.example/"]
    )
    def test_a_url_that_is_none_does_not_keep_the_others(
        self, side: Side, storage: BadStorage, tmp_path: Path, url: str
    ) -> None:
        storage.plays(then=by_name)
        execution = execution_of(("parse", "a", storage.url("a")), ("parse", "x", url))
        manifest = side.call("save_all", execution, tmp_path)
        assert [saved.file_key for saved in manifest.saved] == ["a"]
        assert [missed.file_key for missed in manifest.failed] == ["x"]

    @pytest.mark.parametrize("in_the_way", ["parse/a.json/", "parse", "parse/a.json.part/"])
    def test_a_place_that_cannot_be_written_to_does_not_keep_the_others(
        self, side: Side, storage: BadStorage, tmp_path: Path, in_the_way: str
    ) -> None:
        """A part that cannot be had is not even needed."""
        place = tmp_path / "execution-1001" / in_the_way
        place.parent.mkdir(parents=True)
        place.mkdir() if in_the_way.endswith("/") else place.write_text("mine")
        storage.plays(then=by_name)
        manifest = side.call("save_all", three(storage), tmp_path, overwrite=True)
        keys = {saved.file_key for saved in manifest.saved}
        missed = {missed.file_key for missed in manifest.failed}
        assert (
            keys
            == {
                "parse/a.json/": {"b", "c"},
                "parse": {"c"},
                "parse/a.json.part/": {"a", "b", "c"},
            }[in_the_way]
        )
        assert missed == {"a", "b", "c"} - keys

    def test_a_file_of_somebody_elses_is_missed_and_left_alone(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        mine = tmp_path / "execution-1001" / "parse" / "a.json"
        mine.parent.mkdir(parents=True)
        mine.write_text("mine")
        storage.plays(then=by_name)
        manifest = side.call("save_all", three(storage), tmp_path)
        [missed] = manifest.failed
        assert "exists" in missed.error
        assert mine.read_text() == "mine"

    def test_an_error_of_the_callers_is_raised_as_it_is_and_ends_it(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """Few more are begun then, and what was saved before is in the manifest all the same."""
        storage.plays(then=by_name)
        execution = execution_of(*[("parse", str(n), storage.url(str(n))) for n in range(60)])

        def fail(transfer: Any) -> None:
            if transfer.output.file_key == "1":
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            side.call("save_all", execution, tmp_path, concurrency=1, on_progress=fail)
        assert len(storage.asked) < 60
        manifest = Manifest.read(tmp_path / "execution-1001")
        keys = {saved.file_key for saved in manifest.saved}
        assert "0" in keys
        assert "1" not in keys

    def test_a_closed_client_says_so(self, side: Side, storage: BadStorage, tmp_path: Path) -> None:
        storage.plays(then=by_name)
        side.way.done(side.client(http_client=side.http()).close())
        with pytest.raises(ClientStateError, match="closed"):
            side.call("save_all", three(storage), tmp_path)


class TestAgain:
    def test_only_what_is_missing_is_fetched(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        storage.plays(then=but("b", refused(418)))
        side.call("save_all", three(storage), tmp_path)
        storage.asked.clear()
        storage.plays(then=by_name)
        manifest = side.call("save_all", three(storage), tmp_path)
        assert [asked.target[:2] for asked in storage.asked] == ["/b"]
        assert manifest.is_complete
        check_manifest(manifest, tmp_path / "execution-1001")

    @pytest.mark.parametrize("harm", ["gone", "shorter"])
    def test_a_file_that_is_not_as_the_manifest_says_is_not_taken_for_saved(
        self, side: Side, storage: BadStorage, tmp_path: Path, harm: str
    ) -> None:
        """One that is gone is fetched again; one that was changed is somebody's now."""
        storage.plays(then=by_name)
        side.call("save_all", three(storage), tmp_path)
        path = tmp_path / "execution-1001" / "parse" / "a.json"
        if harm == "gone":
            path.unlink()
        else:
            path.write_bytes(A[:-1])
        manifest = side.call("save_all", three(storage), tmp_path)
        assert manifest.is_complete == (harm == "gone")
        check_keys = {saved.file_key for saved in manifest.saved}
        assert check_keys == ({"a", "b", "c"} if harm == "gone" else {"b", "c"})

    def test_overwriting_fetches_all_of_it(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        storage.plays(then=by_name)
        side.call("save_all", three(storage), tmp_path)
        manifest = side.call("save_all", three(storage), tmp_path, overwrite=True)
        assert len(storage.asked) == 6
        check_manifest(manifest, tmp_path / "execution-1001")

    def test_what_was_saved_while_its_step_ran_is_fetched_anew_when_it_has_ended(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """There was more to come."""
        storage.plays(then=by_name)
        running = three(storage, status=Status.IN_PROGRESS)
        side.call("save_all", running, tmp_path)
        side.call("save_all", running, tmp_path)
        assert len(storage.asked) == 3
        storage.plays(then=stored(b"more"))
        manifest = side.call("save_all", three(storage), tmp_path)
        assert [saved.bytes for saved in manifest.saved] == [4, 4, 4]
        assert manifest.is_complete
        check_manifest(manifest, tmp_path / "execution-1001")

    def test_the_manifest_of_another_execution_is_not_believed(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        storage.plays(then=by_name)
        side.call("save_all", three(storage), tmp_path)
        (tmp_path / "execution-1001").rename(tmp_path / "execution-1002")
        other = attrs.evolve(three(storage), id=1002)
        manifest = side.call("save_all", other, tmp_path)
        assert not manifest.saved
        assert len(manifest.failed) == 3

    @pytest.mark.parametrize(
        "path",
        [
            "../../secret",
            "parse/../../../secret",
            "/etc/hostname",
            "link",
            "linked/secret",
            "manifest.json",
            "x" * 5_000,
            "x/" * 5_000 + "x",
            "a\0b",
            "",
        ],
        ids=lambda path: path[:20],
    )
    def test_a_manipulated_manifest_leads_nowhere(
        self, side: Side, storage: BadStorage, tmp_path: Path, path: str
    ) -> None:
        """It makes no output count as saved that is not in its place."""
        home = tmp_path / "folder" / "execution-1001"
        storage.plays(then=by_name)
        side.call("save_all", three(storage), tmp_path / "folder", steps=["parse"])
        (tmp_path / "secret").write_bytes(C)
        (home / "link").symlink_to(tmp_path / "secret")
        (home / "linked").symlink_to(tmp_path)
        told = json.loads((home / "manifest.json").read_text())
        told["saved"].append({**told["saved"][0], "step": "extract", "file_key": "c"})
        told["saved"][-1] |= {"path": path, "bytes": len(C)}
        if path == "manifest.json":
            text = json.dumps(told)
            told["saved"][-1]["bytes"] = len(text)
        (home / "manifest.json").write_text(json.dumps(told))
        try:
            Manifest.read(home)
        except LocalFileError:
            with pytest.raises(LocalFileError, match=r"manifest\.json"):
                side.call("save_all", three(storage), tmp_path / "folder")
            assert json.loads((home / "manifest.json").read_text()) == told
        else:
            side.call("save_all", three(storage), tmp_path / "folder")
            assert (home / "extract" / "c.bin").read_bytes() == C
        assert (tmp_path / "secret").read_bytes() == C

    @pytest.mark.parametrize("overwrite", [False, True])
    @pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 99}', "\x00"])
    def test_a_manifest_that_cannot_be_read_is_told_before_anything_is_touched(
        self, side: Side, storage: BadStorage, tmp_path: Path, text: str, overwrite: bool
    ) -> None:
        """A newer version wrote it, or somebody harmed it: it is not written over."""
        home = tmp_path / "execution-1001"
        home.mkdir()
        (home / "manifest.json").write_text(text)
        storage.plays(then=by_name)
        with pytest.raises(LocalFileError, match=r"manifest\.json .*nothing was changed"):
            side.call("save_all", three(storage), tmp_path, overwrite=overwrite)
        assert not storage.asked
        assert files_in(home) == ["manifest.json"]
        assert (home / "manifest.json").read_text() == text

    @pytest.mark.parametrize(
        ("what", "trouble"),
        [
            ("manifest", errno.EACCES),
            ("journal", errno.EIO),
            ("output", errno.ESTALE),
            ("promised", errno.EIO),
        ],
    )
    def test_what_cannot_be_read_for_the_moment_is_not_taken_for_absent(  # noqa: PLR0917
        self,
        side: Side,
        storage: BadStorage,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        what: str,
        trouble: int,
    ) -> None:
        """It is told before anything is touched, and nothing is fetched again later."""
        home, execution = tmp_path / "execution-1001", three(storage)
        storage.plays(then=by_name)
        side.call("save_all", execution, tmp_path)
        if what in ("journal", "promised"):
            (home / ".manifest.json.0.journal").write_bytes(json.dumps(PROMISE).encode())
            (home / "manifest.json").unlink()
        name = {"manifest": "manifest.json", "journal": ".manifest.json.0.journal"}.get(
            what, "a.json"
        )
        before = files_in(home)
        storage.asked.clear()

        def failing(owner: Any, method: str) -> None:
            work = getattr(owner, method)

            def fail(path: Path, *args: Any, **options: Any) -> Any:
                if path.name == name:
                    raise OSError(trouble, os.strerror(trouble), str(path))
                return work(path, *args, **options)

            patch.setattr(owner, method, fail)

        with monkeypatch.context() as patch:
            failing(Path, "stat" if what == "output" else "open")
            with pytest.raises(LocalFileError, match=re.escape(os.strerror(trouble))) as told:
                side.call("save_all", execution, tmp_path)
        assert (str(home) if what == "manifest" else name) in str(told.value)
        assert files_in(home) == before
        assert not storage.asked
        if what in ("manifest", "output"):
            manifest = side.call("save_all", execution, tmp_path)
            assert manifest.is_complete
            assert not storage.asked
            check_manifest(manifest, home)

    def test_a_process_that_is_killed_has_told_of_what_it_saved(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """So the next call completes the folder."""
        home = tmp_path / "execution-1001"
        hanging = threading.Event()

        def hang(asked: Asked) -> Reply:
            hanging.set()
            return attrs.evolve(by_name(asked), stop_after=100, ending="silence")

        storage.plays(then=but("c", hang))
        execution = three(storage)
        killed = start_cold("save_all", execution=execution.to_dict(), folder=str(tmp_path))
        until(lambda: hanging.is_set() and saved_in(home) == 2)
        killed.kill()
        killed.communicate(timeout=10)
        storage.plays(then=by_name)
        manifest = side.call("save_all", execution, tmp_path)
        assert manifest.is_complete
        check_manifest(manifest, home)

    @pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
    @pytest.mark.parametrize("at", ["before the name", "after the name", "before the manifest"])
    def test_a_process_that_is_killed_around_the_name_of_a_file_leaves_nobody_in_doubt(
        self, way: Way, storage: BadStorage, tmp_path: Path, at: str, packed: bool
    ) -> None:
        """What it had named is known as saved by the next call, and is not fetched again."""
        home, execution = tmp_path / "execution-1001", seven(storage)
        storage.plays(then=packing(by_name) if packed else by_name)
        kill_while_saving(execution, tmp_path, at=at, kind=way.kind)
        assert saved_in(home) < 7
        storage.asked.clear()
        arguments = {"execution": execution.to_dict(), "folder": str(tmp_path)}
        manifest = Manifest.from_dict(outcome(start("save_all", **arguments)))
        assert manifest.is_complete
        assert len(manifest.saved) == 7
        check_manifest(manifest, home)
        fetched = {asked.target[1:7] for asked in storage.asked}
        assert fetched == ({"many-6", "many-7"} if at == "before the name" else {"many-7"})

    def test_a_process_that_is_killed_while_overwriting_leaves_nobody_in_doubt(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """The manifest told of the old file, and a new one of the same length has its place."""
        execution = seven(storage)
        storage.plays(then=by_name)
        side.call("save_all", execution, tmp_path)
        storage.plays(then=stored(b"newest"))
        kill_while_saving(execution, tmp_path, at="after the name", number=1, overwrite=True)
        storage.asked.clear()
        manifest = side.call("save_all", execution, tmp_path)
        assert not storage.asked
        digests = [saved.sha256 for saved in manifest.saved]
        assert digests.count(sha256(b"newest").hexdigest()) == 1
        check_manifest(manifest, tmp_path / "execution-1001")

    def test_a_file_of_somebody_elses_where_one_was_about_to_be_is_left_alone(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """It was promised that a file would have that name and that length, not this one."""
        home, execution = tmp_path / "execution-1001", seven(storage)
        storage.plays(then=by_name)
        kill_while_saving(execution, tmp_path, at="before the name")
        mine = home / "parse" / "many-6.json"
        mine.write_bytes(b"someone")
        manifest = side.call("save_all", execution, tmp_path)
        assert [missed.file_key for missed in manifest.failed] == ["many-6"]
        assert mine.read_bytes() == b"someone"
        assert list(home.glob(".*")) == []

    @pytest.mark.parametrize(
        "line",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b"\xff",
            b"[" * 100_000,
            b'{"execution_id": 1001}',
            json.dumps({**PROMISE, "path": "../secret"}).encode(),
            json.dumps({**PROMISE, "execution_id": 1002}).encode(),
            json.dumps({**PROMISE, "path": "parse"}).encode(),
            json.dumps({**PROMISE, "sha256": None}).encode(),
        ],
    )
    def test_a_journal_that_makes_no_sense_is_none(
        self, side: Side, storage: BadStorage, tmp_path: Path, line: bytes
    ) -> None:
        home = tmp_path / "execution-1001"
        home.mkdir()
        (home / ".manifest.json.0.journal").write_bytes(line + b"\n")
        (home / ".manifest.json.1.journal").mkdir()
        storage.plays(then=by_name)
        manifest = side.call("save_all", three(storage), tmp_path)
        assert manifest.is_complete
        (home / ".manifest.json.1.journal").rmdir()
        check_manifest(manifest, home)

    def test_the_journal_of_a_call_that_is_under_way_is_left_to_it(
        self, side: Side, storage: BadStorage, tmp_path: Path
    ) -> None:
        """Another call that ends meanwhile tells what came true of it, and removes nothing."""
        home, hanging = tmp_path / "execution-1001", threading.Event()

        def hang(asked: Asked) -> Reply:
            hanging.set()
            return attrs.evolve(by_name(asked), stop_after=100, ending="silence")

        execution = seven(storage)
        storage.plays(then=but("many-5", hang))
        arguments = {"execution": execution.to_dict(), "folder": str(tmp_path)}
        first = start_cold("save_all", **arguments, concurrency=1)
        until(hanging.is_set)
        storage.plays(then=by_name)
        manifest = side.call("save_all", execution, tmp_path)
        assert manifest.is_complete
        assert len(manifest.saved) == 7
        assert len(list(home.glob(".*.journal"))) == 1
        first.kill()
        first.communicate(timeout=10)
        assert side.call("save_all", execution, tmp_path).is_complete
        assert list(home.glob(".*")) == []

    def test_two_processes_in_one_folder_complete_it(
        self, storage: BadStorage, tmp_path: Path
    ) -> None:
        """The manifest tells of all files, whoever saved them."""
        both = threading.Barrier(2, timeout=20)
        begun = threading.Event()

        def together(asked: Asked) -> Reply:
            if not begun.is_set():
                both.wait()
                begun.set()
            return by_name(asked)

        names = [f"file-{number}" for number in range(20)]
        execution = execution_of(*[("parse", name, storage.url(name)) for name in names])
        storage.plays(then=together)
        arguments = {"execution": execution.to_dict(), "folder": str(tmp_path)}
        for process in [start("save_all", **arguments) for _ in range(2)]:
            outcome(process)
        manifest = Manifest.read(tmp_path / "execution-1001")
        assert {saved.file_key for saved in manifest.saved} == set(names)
        assert manifest.is_complete
        check_manifest(manifest, tmp_path / "execution-1001")


def seven(storage: BadStorage) -> Any:
    names = [f"many-{number}" for number in range(1, 8)]
    return execution_of(*[("parse", name, storage.url(f"{name}.json")) for name in names])


def packing(player: Player) -> Player:
    def play(asked: Asked) -> Reply:
        body = gzip.compress(player(asked).body, mtime=0)
        return stored(body, headers={"Content-Encoding": "gzip"})(asked)

    return play


def kill_while_saving(
    execution: Any, folder: Path, *, at: str, number: int = 6, **options: Any
) -> None:
    """Run a process that kills itself at some moment of the so manieth file."""
    process = start(
        "save_all_killed",
        at=at,
        number=number,
        execution=execution.to_dict(),
        folder=str(folder),
        concurrency=1,
        **options,
    )
    _, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL, err


def saved_in(home: Path) -> int:
    try:
        return len(Manifest.read(home).saved)
    except LocalFileError:
        return 0


# Names as a hostile or careless server might give them.
PARTS = ["..", ".", "/", "\\", "\0", "\n", " ", "a", "A", "ß", "é", "e\u0301", "🦆", "\u202e", ":"]
WHOLES = [
    "", "..", "/etc/passwd", "C:\\x", "CON", "nul.txt", "com1", "a.part", "a.json.part", "a.json",
    "a.json.part.json", "manifest.json", ".manifest.json", "output", "~", "-rf", "%2e%2e%2f",
    "x" * 300, "🦆" * 100, "a\u200b", "a ", "a.",
]  # fmt: skip
NAMES = st.sampled_from(WHOLES) | st.lists(st.sampled_from(PARTS), max_size=8).map("".join)


class TestNames:
    @settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
    @given(
        steps=st.dictionaries(
            NAMES, st.lists(NAMES, min_size=1, max_size=4, unique=True), min_size=1, max_size=4
        ),
        kind=st.sampled_from(KINDS),
    )
    def test_no_name_of_the_servers_leads_out_of_the_folder(
        self, steps: dict[str, list[str]], kind: Kind
    ) -> None:
        """Each output has a file of its own, below the folder, and the manifest knows it."""
        simulator = new_simulator()
        script = ExecutionScript(
            [
                StepScript(name, runs=[RunScript(key, output=encoded(name, key)) for key in keys])
                for name, keys in steps.items()
            ],
            shape="nested",
        )
        execution_id = simulator.start(script)
        with (
            tempfile.TemporaryDirectory() as room,
            Way(kind) as way,
        ):
            client = way.client(simulator)
            folder = Path(room) / "folder"
            manifest = way.done(client.outputs.save_all(execution_id, folder))
            way.done(client.close())
            assert [path.name for path in Path(room).iterdir()] == ["folder"]
            home = folder / f"execution-{execution_id}"
            assert files_in(folder) == [f"{home.name}/{file}" for file in files_in(home)]
            told = {(saved.step, saved.file_key): saved.path for saved in manifest.saved}
            assert sorted([*told.values(), "manifest.json"]) == files_in(home)
            folded = {path.casefold() for path in told.values()}
            assert len(folded) == len(told)
            # Some of these names are URLs.
            bodies = {
                (redact_name(step), redact_name(key)): encoded(step, key)
                for step, keys in steps.items()
                for key in keys
            }
            for name, path in told.items():
                assert (home / path).read_bytes() == bodies[name]
                assert path.count("/") == 1
            assert len(told) + len(manifest.failed) == sum(map(len, steps.values()))


def encoded(step: str, key: str) -> bytes:
    return f"{step}\n{key}".encode("utf-8", "surrogatepass")


HOSTILE = [
    ("manifest.json", "a"),
    ("Parse", "a"),
    ("parse", "A"),
    ("parse", "a"),
    ("parse", "a.json"),
    ("parse", "a.json.part"),
    ("..", ".."),
    ("/etc", "passwd"),
    ("nul", "con"),
    ("x" * 300, "🦆" * 300),
    ("\ud800", "\0"),
]


@pytest.mark.parametrize("suffix", ["", ".json", ".part"])
def test_names_that_get_into_each_others_way_are_kept_apart(
    side: Side, storage: BadStorage, tmp_path: Path, suffix: str
) -> None:
    """Neither a manifest nor a part nor another letter case makes two files one."""
    runs = [
        (step, key, storage.url(f"file-{number}{suffix}"))
        for number, (step, key) in enumerate(HOSTILE)
    ]
    storage.plays(then=by_name)
    manifest = side.call("save_all", execution_of(*runs), tmp_path)
    assert len(manifest.saved) == len(HOSTILE)
    assert len({saved.path.casefold() for saved in manifest.saved}) == len(HOSTILE)
    check_manifest(manifest, tmp_path / "execution-1001")
    assert [path.name for path in tmp_path.iterdir()] == ["execution-1001"]
