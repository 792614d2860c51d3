"""Whatever stands for an execution is taken wherever one is, and a timeout in either form."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from datalab_facade import (
    Execution,
    Outcome,
    WaitPolicy,
    WaitTimeoutError,
)
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.testing import Simulator
from tests.in_process import NEVER_ENDS, SOON, asynchronous, blocking, new_simulator
from tests.ways import Way


class Integer:
    """A whole number of another library's, such as NumPy's."""

    def __init__(self, value: int) -> None:
        self._value = value

    def __index__(self) -> int:
        return self._value


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


Form = Callable[[Any, Way, int], Any]

FORMS: dict[str, Form] = {
    "id": lambda _client, _way, number: number,
    "integer": lambda _client, _way, number: Integer(number),
    "snapshot": lambda client, way, number: way.done(client.executions.get(number)),
    "handle": lambda client, _way, number: client.executions.handle(number),
    "unpickled": lambda client, _way, number: pickle.loads(
        pickle.dumps(client.executions.handle(number))
    ),
    "JSON": lambda client, _way, number: client.executions.handle(number).to_dict(),
}


def ids_of(outcomes: list[Outcome[Execution, int]]) -> list[int]:
    assert all(outcome.succeeded for outcome in outcomes)
    return [outcome.id for outcome in outcomes]


USES: dict[str, Callable[[Any, Way, Any, Path], object]] = {
    "get": lambda client, way, it, _: way.done(client.executions.get(it)).id,
    "wait": lambda client, way, it, _: way.done(client.executions.wait(it)).id,
    "result": lambda client, way, it, _: way.done(client.executions.result(it)).id,
    "watch": lambda client, way, it, _: way.collect(client.executions.watch(it))[-1].snapshot.id,
    "as_completed": lambda client, way, it, _: ids_of(
        way.collect(client.executions.as_completed([it]))
    )[0],
    "wait_many": lambda client, way, it, _: ids_of(way.done(client.executions.wait_many([it])))[0],
    "watch_many": lambda client, way, it, _: ids_of(
        [way.collect(client.executions.watch_many([it]))[-1].outcome]
    )[0],
    "handle": lambda client, _way, it, _: client.executions.handle(it).id,
    "handle_to_dict": lambda client, _way, it, _: client.executions.handle_to_dict(it)["id"],
    "save_all": lambda client, way, it, folder: (
        way.done(client.outputs.save_all(it, folder)).execution_id
    ),
}
each_use = pytest.mark.parametrize("use", USES.values(), ids=USES.keys())


@each_use
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_whatever_stands_for_an_execution_is_taken(
    way: Way, simulator: Simulator, tmp_path: Path, form: Form, use: Callable[..., object]
) -> None:
    client = way.client(simulator)
    number = simulator.start(SOON)
    found = use(client, way, form(client, way, number), tmp_path)
    assert (found, type(found)) == (number, int)


@each_use
def test_a_handle_of_the_other_client_is_taken(
    way: Way, simulator: Simulator, tmp_path: Path, use: Callable[..., object]
) -> None:
    other = blocking if way.is_async else asynchronous
    number = simulator.start(SOON)
    handle = other(simulator).executions.handle(number)
    assert use(way.client(simulator), way, handle, tmp_path) == number


@each_use
@pytest.mark.parametrize(
    "wrong",
    [True, None, "5", 5.0, -1, {}, [5], Execution, Outcome(id=5)],
    ids=str,
)
def test_what_stands_for_no_execution_is_refused(
    way: Way, simulator: Simulator, tmp_path: Path, use: Callable[..., object], wrong: Any
) -> None:
    with pytest.raises((InvalidArgumentError, AssertionError)):
        use(way.client(simulator), way, wrong, tmp_path)
    assert len(simulator.requests) == 0


@each_use
def test_a_handle_of_another_address_is_refused(
    way: Way, simulator: Simulator, tmp_path: Path, use: Callable[..., object]
) -> None:
    elsewhere = way.client(simulator, base_url="https://eu.datalab.example").executions.handle(7)
    with pytest.raises((InvalidArgumentError, AssertionError)):
        use(way.client(simulator), way, elsewhere, tmp_path)
    assert len(simulator.requests) == 0


def test_forms_may_be_mixed(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    numbers = [simulator.start(SOON) for _ in FORMS]
    mixed = [form(client, way, n) for form, n in zip(FORMS.values(), numbers, strict=True)]
    assert ids_of(way.done(client.executions.wait_many(mixed))) == numbers
    assert sorted(ids_of(way.collect(client.executions.as_completed(mixed)))) == numbers


def test_one_that_is_refused_does_not_end_the_wait_for_the_others(
    way: Way, simulator: Simulator
) -> None:
    client = way.client(simulator)
    good = client.executions.handle(simulator.start(SOON))
    wrong = way.client(simulator, base_url="https://eu.datalab.example").executions.handle(7)
    outcomes = way.collect(client.executions.as_completed([wrong, good]))
    by_id = {outcome.id: outcome for outcome in outcomes}
    assert isinstance(by_id[7].error, InvalidArgumentError)
    assert by_id[good.id].succeeded


WAITS: dict[str, Callable[..., Any]] = {
    "wait": lambda client, way, it, **options: way.done(client.executions.wait(it, **options)),
    "watch": lambda client, way, it, **options: way.collect(client.executions.watch(it, **options)),
    "handle": lambda client, way, it, **options: way.done(
        client.executions.handle(it).wait(**options)
    ),
    "many": lambda client, way, it, **options: way.done(
        client.executions.wait_many([it], **options)
    )[0].result(),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())
def test_a_timedelta_is_a_timeout(way: Way, simulator: Simulator, wait: Callable[..., Any]) -> None:
    client = way.client(simulator)
    number = simulator.start(NEVER_ENDS)
    began = simulator.clock.monotonic()
    with pytest.raises(WaitTimeoutError) as caught:
        wait(client, way, number, timeout=timedelta(minutes=2))
    assert caught.value.timeout == 120.0
    assert simulator.clock.monotonic() - began == pytest.approx(120, abs=1)


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())
@pytest.mark.parametrize("wrong", ["30", "PT5M", timedelta(0), timedelta(-1), True, b"5"], ids=str)
def test_what_is_no_time_is_refused(
    way: Way, simulator: Simulator, wait: Callable[..., Any], wrong: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="timeout must be"):
        wait(way.client(simulator), way, 7, timeout=wrong)
    assert len(simulator.requests) == 0


@pytest.mark.parametrize("name", ["timeout", "request_timeout"])
def test_a_timedelta_is_a_setting_too(way: Way, simulator: Simulator, name: str) -> None:
    options = {name: timedelta(seconds=90)}
    assert getattr(WaitPolicy(**options), name) == 90.0  # type: ignore[arg-type]
    client = way.client(simulator, **options)
    assert getattr(client._context.options, name) == 90.0
    number = simulator.start(SOON)
    assert way.done(client.executions.get(number, **options)).id == number
    with pytest.raises(InvalidArgumentError, match=f"{name} must be a number of seconds"):
        way.client(simulator, **{name: "90"})
