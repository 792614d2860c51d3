"""A key that changes: when its function is asked, and what becomes of requests meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab_facade import (
    APITimeoutError,
    AsyncDatalab,
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    Datalab,
    Status,
    WaitPolicy,
)
from datalab_facade.clock import SystemClock
from datalab_facade.known_secrets import Echo
from datalab_facade.testing import ExecutionScript, Fault, Simulator, StepScript
from datalab_facade.workers import Workers
from tests.fuzzing import examples
from tests.in_process import SOON, new_simulator
from tests.outputs.conftest import until
from tests.secrets_for_tests import API_KEY
from tests.ways import Way

OTHER_KEY = "dl-" + "0th3r" * 4
HOURS = ExecutionScript([StepScript("parse", ends=5 * 3600)])
# Polls take the time of a test, and a key is refused between any two of them.
RARELY = WaitPolicy(timeout=36_000, max_interval=60)


STEPS: list[dict[str, Any]] = [
    {"step_key": "parse", "unique_name": "parse", "settings": {}, "depends_on": []}
]


@attrs.define
class Keys:
    """A function that gives the key of a simulator, as a secret manager would."""

    simulator: Simulator
    asked: int = 0

    def __call__(self) -> str:
        self.asked += 1
        return self.simulator.api_key

    def of(self, way: Way) -> Callable[[], Any]:
        """Give it for a client: virtual time does not stand still while a thread is at work."""

        async def ask() -> str:
            return self()

        return ask if way.is_async else self

    def rotate(self) -> None:
        """Give out another key from now on; the one before is revoked."""
        self.simulator.api_key = OTHER_KEY if self.simulator.api_key == API_KEY else API_KEY


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


@pytest.fixture
def keys(simulator: Simulator) -> Keys:
    return Keys(simulator)


def statuses(simulator: Simulator) -> list[int | None]:
    return [request.status for request in simulator.requests.of("api")]


def test_a_function_is_asked_when_the_key_is_first_needed_and_never_again(
    way: Way, simulator: Simulator, keys: Keys
) -> None:
    client = way.client(simulator, api_key=keys.of(way))
    assert keys.asked == 0
    for _ in range(3):
        way.done(client.executions.wait(simulator.start(SOON)))
    assert len(simulator.requests) > 6
    assert keys.asked == 1


def test_the_functions_of_async_code_may_be_async(simulator: Simulator, keys: Keys) -> None:
    async def fetch() -> str:
        await asyncio.sleep(0)
        return keys()

    class Fetcher:
        async def __call__(self) -> str:
            return await fetch()

    with Way("async") as way:
        unmarked: Callable[[], Any] = lambda: fetch()  # noqa: E731, PLW0108 - it is not async
        for function in (fetch, Fetcher(), unmarked):
            client = way.client(simulator, api_key=function)
            assert way.done(client.executions.get(simulator.start(SOON))).id


def test_a_function_that_blocks_does_not_block_the_event_loop(simulator: Simulator) -> None:
    go_on = threading.Event()

    def fetch() -> str:
        assert go_on.wait(10)
        return API_KEY

    async def let_go() -> None:
        go_on.set()

    async def main() -> None:
        await asyncio.gather(client.executions.get(simulator.start(SOON)), let_go())

    with Way("async") as way:
        client = way.client(simulator, api_key=fetch)
        way.done(main())


# After a 401.


def test_a_refused_key_is_asked_for_once_and_the_request_sent_again(
    way: Way, simulator: Simulator, keys: Keys
) -> None:
    client = way.client(simulator, api_key=keys.of(way))
    execution_id = simulator.start(SOON)
    for count in range(1, 4):
        way.done(client.executions.get(execution_id))
        assert keys.asked == count
        keys.rotate()
    assert statuses(simulator) == [200, 401, 200, 401, 200]


def test_a_submission_whose_key_is_refused_is_made_once(
    way: Way, simulator: Simulator, keys: Keys
) -> None:
    workflow = simulator.workflows.add("w", STEPS)
    client = way.client(simulator, api_key=keys.of(way))
    way.done(client.workflows.execute(workflow, "https://a.example/a.pdf"))
    keys.rotate()
    way.done(client.workflows.execute(workflow, "https://a.example/a.pdf"))
    assert statuses(simulator)[-2:] == [401, 200]
    assert len(simulator.execution_ids) == 2


def test_a_key_that_stays_the_same_is_refused_at_once(way: Way, simulator: Simulator) -> None:
    asked: list[str] = []

    def fetch() -> str:
        asked.append(OTHER_KEY)
        return asked[-1]

    client = way.client(simulator, api_key=fetch)
    for count in (1, 2):
        with pytest.raises(AuthenticationError):
            way.done(client.executions.get(7))
        assert statuses(simulator) == [401] * count
        assert len(asked) == count + 1


def test_a_new_key_that_is_refused_as_well_is_the_end(way: Way, simulator: Simulator) -> None:
    numbers = itertools.count()
    client = way.client(simulator, api_key=lambda: f"dl-no-good-{next(numbers)}")
    with pytest.raises(AuthenticationError):
        way.done(client.executions.get(7))
    assert statuses(simulator) == [401, 401]


def test_a_key_that_is_a_text_is_not_sent_again(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator, api_key=OTHER_KEY)
    with pytest.raises(AuthenticationError):
        way.done(client.executions.get(7))
    assert statuses(simulator) == [401]


def test_a_request_that_is_sent_again_has_a_slot_of_its_own(
    way: Way, simulator: Simulator, keys: Keys
) -> None:
    client = way.client(simulator, api_key=keys.of(way), requests_per_minute=6)
    execution_id = simulator.start(HOURS)
    for _ in range(4):
        way.done(client.executions.get(execution_id, timeout=1000))
        keys.rotate()
    times = [request.at for request in simulator.requests.of("api")]
    assert len(times) == 7
    assert all(late - early >= 59.9 for early, late in zip(times, times[6:], strict=False))


@pytest.mark.parametrize("how", ["wait", "watch", "wait_many"])
def test_what_takes_hours_survives_rotations(
    way: Way, simulator: Simulator, keys: Keys, how: str
) -> None:
    client = way.client(simulator, api_key=keys.of(way))
    ids = [simulator.start(HOURS) for _ in range(1 if how != "wait_many" else 4)]
    rotations: list[float] = []
    began = simulator.clock.monotonic()
    simulator.inject_with(lambda *_: rotate_each_hour())

    def rotate_each_hour() -> None:
        if (simulator.clock.monotonic() - began) // 3600 > len(rotations):
            rotations.append(began)
            keys.rotate()

    if how == "wait":
        assert way.done(client.executions.wait(ids[0], timeout=10 * 3600)).succeeded
    elif how == "watch":
        assert (
            way.changes(client.executions.watch(ids[0], timeout=10 * 3600))[-1].after
            == Status.COMPLETED
        )
    else:
        outcomes = way.done(client.executions.wait_many(ids, policy=RARELY))
        assert all(outcome.succeeded for outcome in outcomes)
    assert 3 <= len(rotations) <= 5
    assert keys.asked == 1 + len(rotations)


@pytest.mark.fuzz
@settings(max_examples=examples(40))
@given(rotations=st.lists(st.integers(1, 4000), max_size=6), many=st.booleans())
def test_whenever_keys_change_no_request_is_sent_more_than_twice(
    rotations: list[int], many: bool
) -> None:
    simulator = new_simulator()
    keys = Keys(simulator)
    left, began = sorted(rotations), simulator.clock.monotonic()

    def rotate_when_due() -> None:
        while left and simulator.clock.monotonic() - began >= left[0]:
            left.pop(0)
            keys.rotate()

    simulator.inject_with(lambda *_: rotate_when_due())
    with Way("sync") as way:
        client = way.client(simulator, api_key=keys.of(way))
        scripts = [ExecutionScript([StepScript("parse", ends=3600)])] * (3 if many else 1)
        ids = [simulator.start(script) for script in scripts]
        assert all(outcome.succeeded for outcome in client.executions.wait_many(ids, policy=RARELY))
    refused = statuses(simulator).count(401)
    assert refused <= len(rotations) * len(ids)
    assert keys.asked <= 1 + refused


# Many at once.


def test_requests_that_are_refused_at_the_same_time_ask_once(
    way: Way, simulator: Simulator
) -> None:
    number = 12
    asked: list[None] = []

    def fetch() -> str:
        asked.append(None)
        if len(asked) == 1:
            return API_KEY
        until(lambda: statuses(simulator).count(401) == number)
        return OTHER_KEY

    execution_id = simulator.start(HOURS)
    client = way.client(simulator, api_key=fetch, requests_per_minute=None)
    way.done(client.executions.get(execution_id))
    simulator.api_key = OTHER_KEY

    async def all_at_once() -> None:
        await asyncio.gather(*(client.executions.get(execution_id) for _ in range(number)))

    if way.is_async:
        way.done(all_at_once())
    else:
        with Workers(number, "test") as workers:
            workers.carry_out([lambda: client.executions.get(execution_id)] * number)
    assert len(asked) == 2
    assert statuses(simulator).count(200) == 1 + number


def test_those_who_wait_for_a_function_that_fails_fail_with_it(simulator: Simulator) -> None:
    asked: list[None] = []

    async def fetch() -> str:
        asked.append(None)
        await asyncio.sleep(0)
        raise OSError("the vault is closed")

    async def all_at_once() -> list[object]:
        calls = (client.executions.get(7) for _ in range(9))
        found: list[object] = await asyncio.gather(*calls, return_exceptions=True)
        return found

    with Way("async") as way:
        client = way.client(simulator, api_key=fetch)
        errors: list[object] = way.done(all_at_once())
    assert all(isinstance(error, ConfigurationError) for error in errors)
    assert len({id(error) for error in errors}) == 9
    assert len(asked) == 1


def test_who_stops_waiting_for_the_key_leaves_it_to_the_others(simulator: Simulator) -> None:
    asked: list[None] = []
    began = asyncio.Event()

    async def fetch() -> str:
        asked.append(None)
        began.set()
        if len(asked) == 1:
            await asyncio.Event().wait()
        return API_KEY

    async def cancel_the_first() -> None:
        execution_id = simulator.start(SOON)
        first, second = (asyncio.create_task(client.executions.get(execution_id)) for _ in range(2))
        await began.wait()
        first.cancel()
        assert (await second).id == execution_id
        with pytest.raises(asyncio.CancelledError):
            await first

    with Way("async") as way:
        client = way.client(simulator, api_key=fetch)
        way.done(cancel_the_first())


# What is wrong.


def failing(answer: object) -> Callable[[], Any]:
    def fetch() -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return fetch


@pytest.mark.parametrize(
    "answer",
    [None, b"dl-bytes", 5, "", "\n", "a b", ["x"], ValueError("no"), StopIteration()],
    ids=repr,
)
def test_what_is_not_a_key_is_an_error_before_anything_is_sent(
    way: Way, simulator: Simulator, answer: object
) -> None:
    client = way.client(simulator, api_key=failing(answer))
    with pytest.raises(ConfigurationError, match="api_key, a function"):
        way.done(client.executions.get(7))
    assert not simulator.requests


def test_an_async_function_is_refused_by_blocking_code(simulator: Simulator) -> None:
    async def fetch() -> str:
        raise AssertionError

    with Way("sync") as way:
        client = way.client(simulator, api_key=fetch)
        with pytest.raises(ConfigurationError, match="async"):
            client.executions.get(7)


def test_a_function_that_failed_is_asked_again_by_the_next_call(
    way: Way, simulator: Simulator
) -> None:
    answers: list[Any] = [API_KEY, OSError("closed"), None, OTHER_KEY]

    def fetch() -> Any:
        return failing(answers.pop(0))()

    client = way.client(simulator, api_key=fetch)
    execution_id = simulator.start(SOON)
    way.done(client.executions.get(execution_id))
    simulator.api_key = OTHER_KEY
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="401"):
            way.done(client.executions.get(execution_id))
    assert way.done(client.executions.get(execution_id)).id == execution_id


def test_a_function_that_takes_too_long_ends_with_the_call(simulator: Simulator) -> None:
    async def fetch() -> str:
        await asyncio.Event().wait()
        raise AssertionError

    with Way("async") as way:
        client = AsyncDatalab(fetch)
        with pytest.raises(APITimeoutError, match="api_key"):
            way.done(client.executions.get(7, timeout=0.05))
        way.done(client.close())


def late_source(way: Way, simulator: Simulator, seconds: list[float]) -> Callable[[], Any]:
    """Give a function that gives up after so many seconds, and gives the key without any left."""

    async def ask() -> str:
        if not seconds:
            return simulator.api_key
        await simulator.clock.sleep_async(seconds.pop(0))
        raise TimeoutError("the vault is slow")

    def ask_blocking() -> str:
        if not seconds:
            return simulator.api_key
        simulator.clock.sleep(seconds.pop(0))
        raise TimeoutError("the vault is slow")

    return ask if way.is_async else ask_blocking


def test_a_function_that_gives_up_while_there_is_time_left_has_failed(
    way: Way, simulator: Simulator
) -> None:
    client = way.client(simulator, api_key=late_source(way, simulator, [3.0]))
    with pytest.raises(ConfigurationError, match="raised TimeoutError: the vault is slow"):
        way.done(client.executions.get(7, timeout=5))
    assert not simulator.requests


def test_a_function_that_gives_up_when_the_time_of_the_call_is_over_was_too_late(
    way: Way, simulator: Simulator
) -> None:
    execution_id = simulator.start(SOON)
    client = way.client(simulator, api_key=late_source(way, simulator, [6.0]))
    with pytest.raises(APITimeoutError, match="did not give the key in time") as caught:
        way.done(client.executions.get(execution_id, timeout=5))
    assert not caught.value.may_have_arrived
    assert not simulator.requests
    assert way.done(client.executions.get(execution_id, timeout=5)).id == execution_id


def test_a_refused_key_whose_successor_comes_too_late_is_told_with_the_refusal(
    way: Way, simulator: Simulator
) -> None:
    seconds: list[float] = []
    execution_id = simulator.start(SOON)
    client = way.client(simulator, api_key=late_source(way, simulator, seconds))
    way.done(client.executions.get(execution_id))
    simulator.api_key = OTHER_KEY
    seconds.append(6.0)
    with pytest.raises(APITimeoutError, match=r"refused the key \(401\).*in time"):
        way.done(client.executions.get(execution_id, timeout=5))
    assert way.done(client.executions.get(execution_id)).id == execution_id
    assert statuses(simulator) == [200, 401, 401, 200]


def test_who_waits_for_a_key_that_another_call_asked_for_waits_no_longer_than_its_own_time(
    way: Way, simulator: Simulator
) -> None:
    began, go_on = threading.Event(), threading.Event()
    asked: list[None] = []

    def fetch() -> str:
        asked.append(None)
        began.set()
        assert go_on.wait(10)
        return API_KEY

    execution_id = simulator.start(SOON)
    # By the machine's clock: the first call is held up by a thread, for which no other clock waits.
    client = way.client(simulator, api_key=fetch, clock=SystemClock())

    async def both() -> Any:
        first = asyncio.create_task(client.executions.get(execution_id))
        await asyncio.to_thread(began.wait, 10)
        with pytest.raises(APITimeoutError, match="did not give the key in time"):
            await client.executions.get(execution_id, timeout=0.05)
        go_on.set()
        return await first

    if way.is_async:
        found = way.done(both())
    else:
        with ThreadPoolExecutor(1) as thread:
            first = thread.submit(client.executions.get, execution_id)
            assert began.wait(10)
            with pytest.raises(APITimeoutError, match="did not give the key in time"):
                client.executions.get(execution_id, timeout=0.05)
            go_on.set()
            found = first.result(10)
    assert found.id == execution_id
    assert len(asked) == 1


@pytest.mark.parametrize("kind", [Datalab, AsyncDatalab])
@pytest.mark.parametrize("key", [5, b"dl-bytes", ["x"], True], ids=repr)
def test_a_key_of_a_wrong_type_is_refused(kind: Any, key: object) -> None:
    with pytest.raises(ConfigurationError, match="function that returns one"):
        kind(key)


@pytest.mark.parametrize("name", ["api_key", "base_url", "timeout", "max_retries", "headers"])
def test_what_would_have_no_effect_is_not_assigned(
    way: Way, simulator: Simulator, name: str
) -> None:
    client = way.client(simulator)
    for one in (client, client.with_options(timeout=5)):
        with pytest.raises(ClientStateError, match=rf"{name} .*(with_options|new client)"):
            setattr(one, name, "x")


# Secrecy and processes.


def parts_of(thing: object, depth: int = 6) -> Iterator[object]:
    """Give all objects of ours that a client consists of."""
    if depth and hasattr(thing, "__dict__") and type(thing).__module__.startswith("datalab_facade"):
        if type(thing).__module__.startswith("datalab_facade.testing"):
            return
        yield thing
        for value in list(vars(thing).values()):
            yield from parts_of(value, depth - 1)


def test_neither_the_new_key_nor_the_old_one_is_shown(
    way: Way, simulator: Simulator, keys: Keys
) -> None:
    source = keys.of(way)
    client = way.client(simulator, api_key=source)
    keys.rotate()
    way.done(client.executions.get(simulator.start(SOON)))
    keys.rotate()
    body: Any = {"detail": f"{OTHER_KEY} was replaced by {API_KEY}"}
    simulator.inject(Fault.status(401, body), Fault.status(401, body))
    with pytest.raises(AuthenticationError) as caught:
        way.done(client.executions.get(7))
    assert caught.value.detail == "*** was replaced by ***"
    parts = {id(one): one for one in parts_of(client)}
    # What holds the key has the function that gives it, and is among them.
    assert any(value is source for one in parts.values() for value in vars(one).values())
    for one in parts.values():
        for text in (repr(one), repr(vars(one))):
            assert API_KEY not in text
            assert OTHER_KEY not in text


def test_what_a_function_raises_does_not_show_the_key_that_it_gave(
    way: Way, simulator: Simulator
) -> None:
    answers: list[Any] = [API_KEY, ValueError(f"{API_KEY} is revoked")]

    def fetch() -> Any:
        return failing(answers.pop(0))()

    client = way.client(simulator, api_key=fetch)
    simulator.api_key = OTHER_KEY
    with pytest.raises(ConfigurationError, match=r"\*\*\* is revoked") as caught:
        way.done(client.executions.get(7))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("secret", [API_KEY, "https://vault.example/key?token=hunter2"])
def test_what_led_to_the_error_of_a_function_shows_no_secret_either(
    way: Way, simulator: Simulator, secret: str
) -> None:
    answers: list[Any] = [API_KEY]

    def fetch() -> Any:
        if answers:
            return answers.pop()
        try:
            failing(ValueError(f"got {secret}"))()
        except ValueError:
            raise RuntimeError("the vault is sealed")  # noqa: B904 - so that it is only implied

    client = way.client(simulator, api_key=fetch)
    simulator.api_key = OTHER_KEY
    with pytest.raises(ConfigurationError, match="the vault is sealed") as caught:
        way.done(client.executions.get(7))
    assert secret not in "".join(traceback.format_exception(caught.value))


def test_an_echo_of_two_keys_takes_out_both_each_by_its_own_rule() -> None:
    echo = Echo("dl-7", "dl-long-enough-9")
    assert echo.redact("dl-7, dl-77 and xdl-long-enough-9x") == "***, dl-77 and x***x"
    assert echo.redact_bytes(b"dl-7 dl-long-enough-9") == b"*** ***"


def test_a_run_survives_a_rotation(
    way: Way, simulator: Simulator, keys: Keys, tmp_path: Path
) -> None:
    workflow = simulator.workflows.add("w", STEPS)
    rotated: list[str] = []

    def rotate_before(request: Any, _: int) -> None:
        # Each kind of request meets a refusal.
        kind = f"{request.method} {request.path.rstrip('0123456789')}"
        if request.origin == "api" and kind not in rotated:
            rotated.append(kind)
            keys.rotate()

    simulator.inject_with(rotate_before)
    client = way.client(simulator, api_key=keys.of(way))
    source = tmp_path / "a.pdf"
    source.write_bytes(b"%PDF-1.4 ")
    assert way.done(client.run(workflow, [source], output_dir=tmp_path / "out"))
    assert len(simulator.execution_ids) == 1
    assert len(rotated) >= 5
    assert keys.asked == 1 + len(rotated)
