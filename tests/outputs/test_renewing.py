"""The URLs of an execution expire together, and one look at it renews them all."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest

from datalab_facade import APIConnectionError, DownloadError, Execution, Output
from datalab_facade.outputs.async_renewing import AsyncRenewals
from datalab_facade.outputs.renewing import Renewals
from datalab_facade.testing import (
    ExecutionScript,
    Fault,
    RunScript,
    Simulator,
    StepScript,
    VirtualClock,
)
from tests.outputs.bad_storage import Asked, BadStorage, Reply, refused, stored
from tests.outputs.conftest import Side, execution_of, output_at, until

BODY = b"[1]"
KEYS = [str(number) for number in range(30)]


def start(simulator: Simulator) -> int:
    """Start an execution of one step with many files."""
    runs = [RunScript(key) for key in KEYS]
    return simulator.start(ExecutionScript([StepScript("parse", runs=runs)], shape="nested"))


def expired(storage: BadStorage, execution_id: int) -> Execution:
    """Give what was known of it an hour ago."""
    runs = [("parse", key, storage.url(f"old/{key}")) for key in KEYS]
    return attrs.evolve(execution_of(*runs), id=execution_id)


def only_new(asked: Asked) -> Reply:
    return (refused(403) if asked.target.startswith("/old") else stored(BODY))(asked)


def looks(simulator: Simulator) -> int:
    return len(simulator.requests.of("api"))


def at_once(side: Side, method: str, outputs: tuple[Output, ...]) -> list[Any]:
    """Call a method for many outputs at the same time; errors are given as well."""
    client = side._client

    def one(output: Output) -> Any:
        try:
            return getattr(client.outputs, method)(output)
        except DownloadError as error:
            return error

    async def all_of_them() -> list[Any]:
        calls = [getattr(client.outputs, method)(output) for output in outputs]
        return await asyncio.gather(*calls, return_exceptions=True)

    if side.way.is_async:
        ended: list[Any] = side.way.done(all_of_them())
        return ended
    with ThreadPoolExecutor(len(outputs)) as pool:
        return list(pool.map(one, outputs))


class TestOneLook:
    def test_is_enough_for_all_that_is_saved(
        self, side: Side, storage: BadStorage, simulator: Simulator, tmp_path: Path
    ) -> None:
        """Once it is known that the URLs expired, the old ones are not even tried."""
        execution_id = start(simulator)
        storage.plays(then=only_new)
        manifest = side.call("save_all", expired(storage, execution_id), tmp_path, concurrency=4)
        assert len(manifest.saved) == len(KEYS)
        assert looks(simulator) == 1
        old = [asked for asked in storage.asked if asked.target.startswith("/old")]
        assert len(old) <= 2 * 4

    def test_is_enough_for_all_that_are_refused_at_the_same_time(
        self, side: Side, storage: BadStorage, simulator: Simulator
    ) -> None:
        """Each of them waits until all are refused, so none can profit from another's end."""
        execution_id = start(simulator)
        together = threading.Barrier(len(KEYS), timeout=20)

        def play(asked: Asked) -> Reply:
            if asked.target.startswith("/old"):
                together.wait()
            return only_new(asked)

        storage.plays(then=play)
        outputs = expired(storage, execution_id).outputs
        assert at_once(side, "read_bytes", outputs) == [BODY] * len(KEYS)
        assert looks(simulator) == 1

    def test_is_enough_for_calls_one_after_the_other(
        self, side: Side, storage: BadStorage, simulator: Simulator
    ) -> None:
        execution_id = start(simulator)
        storage.plays(then=only_new)
        for output in expired(storage, execution_id).outputs:
            assert side.call("read_json", output) == [1]
        assert looks(simulator) == 1

    def test_is_enough_to_know_that_all_of_it_is_gone(
        self, side: Side, storage: BadStorage, simulator: Simulator
    ) -> None:
        storage.plays(then=refused(403))
        failed = at_once(side, "read_bytes", expired(storage, 9_999).outputs)
        assert {error.reason for error in failed} == {"gone"}
        assert len({id(error.__cause__) for error in failed}) == len(failed)
        assert looks(simulator) == 1

    def test_is_enough_to_know_that_an_output_is_no_longer_told_of(
        self, side: Side, storage: BadStorage, simulator: Simulator
    ) -> None:
        execution_id = simulator.start(ExecutionScript([StepScript("parse", output=None)]))
        storage.plays(then=refused(403))
        failed = at_once(side, "read_bytes", expired(storage, execution_id).outputs)
        assert {error.reason for error in failed} == {"gone"}
        assert looks(simulator) == 1


class TestAnotherLook:
    def test_is_made_when_the_new_urls_expire_as_well(
        self, side: Side, storage: BadStorage, simulator: Simulator
    ) -> None:
        """Again one for all."""
        execution_id = start(simulator)
        storage.plays(then=only_new)
        outputs = expired(storage, execution_id).outputs
        assert at_once(side, "read_bytes", outputs) == [BODY] * len(KEYS)
        known = side._client.outputs._renewals._by_execution[execution_id]
        stale = tuple(attrs.evolve(o, url=storage.url(f"old/{o.file_key}")) for o in known.outputs)
        known.outputs = stale
        assert at_once(side, "read_bytes", outputs) == [BODY] * len(KEYS)
        assert looks(simulator) == 2

    def test_is_made_for_another_execution(
        self, side: Side, storage: BadStorage, simulator: Simulator
    ) -> None:
        storage.plays(then=only_new)
        for _ in range(2):
            output = expired(storage, start(simulator)).outputs[0]
            assert side.call("read_bytes", output) == BODY
        assert looks(simulator) == 2

    def test_is_made_some_seconds_after_an_execution_was_gone(
        self, side: Side, storage: BadStorage, simulator: Simulator
    ) -> None:
        storage.plays(then=refused(403))
        output = expired(storage, 9_999).outputs[0]
        for pause in (4.0, 2.0, 0.0):
            with pytest.raises(DownloadError):
                side.call("read_bytes", output)
            side.clock.sleep(pause)
        assert looks(simulator) == 2

    def test_is_made_by_the_next_one_when_the_first_one_is_cut_off(
        self, side: Side, storage: BadStorage, simulator: Simulator
    ) -> None:
        """A look that failed on the way tells nothing of the execution."""
        execution_id = start(simulator)
        storage.plays(then=only_new)
        simulator.inject(Fault.reset(), origin="api")
        outputs = expired(storage, execution_id).outputs
        client = side.client(max_retries=0, http_client=side.http())
        assert client.outputs is not None
        told = at_once(side, "read_bytes", outputs)
        assert [error.reason for error in told if error != BODY] == ["expired"]
        assert told.count(BODY) == len(KEYS) - 1
        assert looks(simulator) == 2

    def test_is_not_waited_for_past_the_timeout(
        self, side: Side, storage: BadStorage, simulator: Simulator
    ) -> None:
        """Somebody who has more time may have to wait for an API that hangs."""
        execution_id = start(simulator)
        simulator.inject_always(Fault.hang(), origin="api")
        storage.plays(then=refused(403))
        patient, hasty = expired(storage, execution_id).outputs[:2]
        client = side._client
        if not side.way.is_async:
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(client.outputs.read_bytes, patient, timeout=3)
                until(lambda: looks(simulator) == 1)
                with pytest.raises(DownloadError) as failed:
                    client.outputs.read_bytes(hasty, timeout=0.3)
                assert not waiting.done()
                assert isinstance(waiting.exception(), DownloadError)
        else:

            async def both() -> Any:
                waiting = asyncio.create_task(client.outputs.read_bytes(patient, timeout=3))
                await asyncio.to_thread(until, lambda: looks(simulator) == 1)
                with pytest.raises(DownloadError) as failed:
                    await client.outputs.read_bytes(hasty, timeout=0.3)
                assert not waiting.done()
                waiting.cancel()
                return failed

            failed = side.way.done(both())
        assert failed.value.reason == "expired"


async def test_a_poll_that_took_all_the_time_leaves_none_for_another() -> None:
    clock, polled = VirtualClock(), list[float]()
    renewals, output = AsyncRenewals(clock), output_at("https://storage.example/a")

    async def fail_slowly(left: float) -> Execution:
        polled.append(left)
        await asyncio.sleep(0)
        clock.sleep(10)
        raise APIConnectionError("broken", method="GET", url="")

    ended = await asyncio.gather(
        renewals.renew(output, output.url, 20, fail_slowly),
        renewals.renew(output, output.url, 5, fail_slowly),
        return_exceptions=True,
    )
    assert polled == [20]
    assert [type(error) for error in ended] == [APIConnectionError, DownloadError]
    assert isinstance(ended[1], DownloadError)
    assert ended[1].reason == "expired"


def test_a_poll_that_took_all_the_time_leaves_none_for_another_thread() -> None:
    began, waits = threading.Event(), threading.Event()

    class Watched(VirtualClock):
        def monotonic(self) -> float:
            now = super().monotonic()
            if threading.current_thread() is threading.main_thread():
                waits.set()
            return now

    clock, polled = Watched(), list[float]()
    renewals, output = Renewals(clock), output_at("https://storage.example/a")

    def fail_slowly(left: float) -> Execution:
        polled.append(left)
        waits.clear()
        began.set()
        assert waits.wait(10)
        clock.sleep(10)
        raise APIConnectionError("broken", method="GET", url="")

    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(renewals.renew, output, output.url, 20, fail_slowly)
        assert began.wait(10)
        with pytest.raises(DownloadError) as failed:
            renewals.renew(output, output.url, 5, fail_slowly)
        assert isinstance(first.exception(10), APIConnectionError)
    assert failed.value.reason == "expired"
    assert polled == [20]


def test_what_is_known_of_executions_is_bounded(
    side: Side, storage: BadStorage, simulator: Simulator
) -> None:
    storage.plays(then=refused(403))
    for execution_id in range(2_000, 2_300):
        with pytest.raises(DownloadError):
            side.call("read_bytes", output_at(storage.url(), execution_id))
    assert len(side._client.outputs._renewals._by_execution) == 256
