"""Ctrl-C, and an error of the caller's: blocking calls end at once, and nothing is lost."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from datalab_facade import Datalab, DownloadError, Manifest, Progress
from datalab_facade.clock import SystemClock
from datalab_facade.concurrency import as_they_end, for_each
from datalab_facade.interrupting import (
    Interrupted,
    Interruption,
    check_interrupted,
    interruptible,
)
from datalab_facade.testing import ExecutionScript, Fault, Simulator, SimulatorServer, StepScript
from datalab_facade.workers import Workers
from tests.outputs.bad_storage import Asked, BadStorage, Player, Reply, cut, refused, stored
from tests.outputs.conftest import execution_of, until
from tests.outputs.processes import outcome, start, start_cold
from tests.secrets_for_tests import API_KEY

PROMPT = 1.5
"""Seconds that an end may take on a busy machine; what is waited for takes a minute."""

LARGE = bytes(range(256)) * 800


@pytest.fixture
def client(server: SimulatorServer) -> Iterator[Datalab]:
    """Give a client on real time, of a Datalab with a storage that misbehaves."""
    with Datalab(API_KEY, base_url=server.api_url) as client:
        yield client


@contextmanager
def interrupted_when(condition: Callable[[], bool]) -> Iterator[None]:
    """Press Ctrl-C when something is so, and see that the end comes at once."""
    pressed: list[float] = []
    inside, over = threading.Event(), threading.Event()

    def press() -> None:
        assert inside.wait(10)
        until(lambda: over.is_set() or condition())
        main = threading.main_thread().ident
        assert main is not None
        if not over.is_set():
            pressed.append(time.monotonic())
            signal.pthread_kill(main, signal.SIGINT)

    with ThreadPoolExecutor(1) as pool:
        pressing = pool.submit(press)
        try:
            with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the rest is the caller's
                inside.set()
                yield
        finally:
            over.set()
        pressing.result()
        assert time.monotonic() - pressed[0] < PROMPT


def no_worker_is_left() -> bool:
    names = [thread.name for thread in threading.enumerate()]
    return not any(name.startswith(("datalab-save", "datalab-upload")) for name in names)


def of(storage: BadStorage, count: int = 4) -> Any:
    names = [f"{number}.json" for number in range(count)]
    return execution_of(*[("parse", name, storage.url(name)) for name in names])


def says_nothing(storage: BadStorage) -> Player:
    """Give a storage that never answers, as long as it is there."""

    def play(_: Asked) -> Reply:
        storage.over.wait(60)
        return Reply(status=503)

    return play


class TestSaving:
    @pytest.mark.parametrize("phase", ["no answer", "half a body", "a pause between two tries"])
    def test_ctrl_c_ends_all_transfers_at_once(
        self, client: Datalab, storage: BadStorage, tmp_path: Path, phase: str
    ) -> None:
        storage.plays(
            then={
                "no answer": says_nothing(storage),
                "half a body": cut(stored(LARGE), 100_000, "silence"),
                "a pause between two tries": refused(503, Retry_After="50"),
            }[phase]
        )
        with interrupted_when(lambda: len(storage.asked) == 4):
            client.outputs.save_all(of(storage), tmp_path)
        assert no_worker_is_left()
        assert len(storage.asked) == 4

    def test_ctrl_c_leaves_parts_that_the_next_call_goes_on_with(
        self, client: Datalab, storage: BadStorage, tmp_path: Path
    ) -> None:
        """And what was saved is known as saved, and is not fetched again."""
        home = tmp_path / "execution-1001"

        def play(asked: Asked) -> Reply:
            first = asked.target.startswith("/0")
            return (stored(LARGE) if first else cut(stored(LARGE), 100_000, "silence"))(asked)

        def half_done() -> bool:
            parts = list(home.glob("*/*.part"))
            return len(parts) == 3 and all(path.stat().st_size == 100_000 for path in parts)

        storage.plays(then=play)
        with interrupted_when(half_done):
            client.outputs.save_all(of(storage), tmp_path)
        assert [saved.file_key for saved in Manifest.read(home).saved] == ["0.json"]
        assert half_done()
        storage.asked.clear()
        storage.plays(then=stored(LARGE))
        manifest = client.outputs.save_all(of(storage), tmp_path)
        assert manifest.is_complete
        assert [asked.headers["range"] for asked in storage.asked] == ["bytes=100000-"] * 3
        assert {path.suffix for path in home.rglob("*") if path.is_file()} == {".json"}

    def test_ctrl_c_in_a_process_of_its_own_ends_it(
        self, storage: BadStorage, tmp_path: Path
    ) -> None:
        storage.plays(then=cut(stored(LARGE), 100_000, "silence"))
        arguments = {"execution": of(storage).to_dict(), "folder": str(tmp_path)}
        process = start_cold("save_all", **arguments)
        until(lambda: len(list(tmp_path.rglob("*.part"))) == 4)
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        _, err = process.communicate(timeout=10)
        assert time.monotonic() - begun < PROMPT
        assert err.rstrip().endswith("KeyboardInterrupt")
        storage.plays(then=stored(LARGE))
        assert outcome(start("save_all", **arguments))["failed"] == []

    def test_ctrl_c_ends_the_renewal_of_a_url_too(
        self, client: Datalab, storage: BadStorage, simulator: Simulator, tmp_path: Path
    ) -> None:
        """Whoever renews it, and whoever waits for that."""
        execution = client.executions.get(
            simulator.start(ExecutionScript([StepScript("parse"), StepScript("extract")]))
        )
        simulator.inject_always(Fault.hang())
        storage.plays(then=refused(403))
        with interrupted_when(lambda: len(simulator.requests.of("api")) == 2):
            client.outputs.save_all(execution, tmp_path)
        assert no_worker_is_left()

    def test_ctrl_c_does_not_wait_for_a_connection_that_nobody_accepts(
        self, client: Datalab, tmp_path: Path
    ) -> None:
        """The thread that waits for it ends later, and touches nothing any more."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
            address = server.getsockname()
            full = [socket.socket() for _ in range(3)]
            for connection in full:
                connection.setblocking(False)
                connection.connect_ex(address)
            url = f"http://127.0.0.1:{address[1]}/a.json"
            with interrupted_when(lambda: not no_worker_is_left()):
                client.outputs.save_all(execution_of(("parse", "a", url)), tmp_path)
            for connection in full:
                connection.close()
        home = tmp_path / "execution-1001"
        assert [path.name for path in home.iterdir() if path.is_file()] == ["manifest.json"]
        until(no_worker_is_left)

    def test_a_thread_that_the_caller_holds_up_is_left_behind(
        self, client: Datalab, storage: BadStorage, tmp_path: Path
    ) -> None:
        """It keeps nobody from ending the program, and touches nothing when it goes on."""
        held, holding = threading.Event(), threading.Event()

        def hold(_: Any) -> None:
            holding.set()
            held.wait(60)

        storage.plays(then=stored(LARGE))
        with interrupted_when(holding.is_set):
            try:
                client.outputs.save_all(of(storage), tmp_path, on_progress=hold)
            finally:
                workers = [t for t in threading.enumerate() if t.name.startswith("datalab-save")]
                assert workers
                assert all(thread.daemon for thread in workers)
        before = sorted(tmp_path.rglob("*"))
        held.set()
        until(no_worker_is_left)
        assert sorted(tmp_path.rglob("*")) == before
        assert client.outputs.save_all(of(storage), tmp_path).is_complete

    def test_an_error_of_the_callers_ends_what_others_wait_for(
        self, client: Datalab, storage: BadStorage, tmp_path: Path
    ) -> None:
        def play(asked: Asked) -> Reply:
            quiet = says_nothing(storage)
            return (stored(LARGE) if asked.target.startswith("/3") else quiet)(asked)

        def fail(progress: Progress) -> None:
            if not progress.bytes_done:
                return
            until(lambda: len(storage.asked) == 4)
            raise KeyError("mine")

        storage.plays(then=play)
        begun = time.monotonic()
        with pytest.raises(KeyError, match="mine"):
            client.outputs.save_all(of(storage), tmp_path, on_progress=fail)
        assert time.monotonic() - begun < PROMPT
        assert no_worker_is_left()


class TestInterruption:
    @pytest.mark.parametrize("inner", [for_each, lambda *a, **k: list(as_they_end(*a, **k))])
    def test_it_reaches_those_who_work_for_those_it_interrupts(
        self, inner: Callable[..., object]
    ) -> None:
        """As those who save the outputs of a file for one of those who work on a run's files."""
        began, ended = threading.Event(), threading.Event()

        def wait(_: int) -> None:
            began.set()
            try:
                for _ in range(600):
                    SystemClock().sleep(0.1)
            except Interrupted:
                ended.set()
                raise

        def work() -> None:
            inner([1], wait, concurrency=1, name="inner")

        def leave() -> None:
            with Workers(1, "outer") as workers:
                workers.submit(work)
                assert began.wait(10)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            leave()
        assert ended.wait(PROMPT)

    def test_a_wait_is_cut_off_and_none_begins_any_more(self) -> None:
        interruption, waiting = Interruption(), threading.Event()
        one, other = socket.socketpair()

        def wait() -> None:
            with interruption, interruptible(lambda: one.shutdown(socket.SHUT_RDWR)):
                waiting.set()
                one.recv(1)

        def begin() -> None:
            with interruption, interruptible(lambda: None):
                raise AssertionError

        with one, other, ThreadPoolExecutor(1) as pool:
            ended = pool.submit(wait)
            assert waiting.wait(10)
            interruption.set_off()
            with pytest.raises(Interrupted):
                ended.result(10)
            with pytest.raises(Interrupted):
                pool.submit(begin).result(10)

    def test_outside_of_it_nothing_is_interrupted(self) -> None:
        interruption = Interruption()
        interruption.set_off()
        check_interrupted()
        with interruptible(lambda: None):
            check_interrupted()
        with interruption, pytest.raises(Interrupted):
            check_interrupted()

    def test_workers_carry_out_everything_by_so_many_threads(self) -> None:
        seen: set[str] = set()
        together = threading.Barrier(3, timeout=10)

        def work() -> None:
            together.wait()
            seen.add(threading.current_thread().name)

        with Workers(3, "some") as workers:
            workers.carry_out([work] * 9)
        assert len(seen) == 3

    def test_the_first_error_ends_the_rest(self) -> None:
        begun: list[int] = []

        def work(number: int) -> None:
            begun.append(number)
            if number == 1:
                raise DownloadError("no")
            if number > 1:
                SystemClock().sleep(60)

        with pytest.raises(DownloadError, match="no"), Workers(1, "some") as workers:
            workers.carry_out(partial(work, number) for number in range(100))
        assert len(begun) <= 3
