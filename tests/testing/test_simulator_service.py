"""What the simulated service does by itself: limits, clocks, zones, and what it deletes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from datalab_facade.testing import (
    TEST_API_KEY,
    ExecutionScript,
    Fault,
    Request,
    Simulator,
    StepScript,
    VirtualClock,
    connect,
)
from datalab_facade.testing.state import SkewedClock

EXECUTIONS = "/api/v1/workflows/executions"


def status(simulator: Simulator, path: str, key: str = TEST_API_KEY) -> int:
    return simulator.handle(Request("api", "GET", path, headers={"X-API-Key": key})).status


def test_each_key_has_a_limit_of_its_own(clock: VirtualClock) -> None:
    simulator = Simulator(clock, rate_limit=(2, 60), more_keys=["another-good-key"])
    path = f"{EXECUTIONS}/{simulator.start(ExecutionScript())}"
    assert [status(simulator, path) for _ in range(3)] == [200, 200, 429]
    assert [status(simulator, path, "another-good-key") for _ in range(3)] == [200, 200, 429]
    assert status(simulator, path, "a-bad-key") == 401
    clock.advance(60)
    assert status(simulator, path) == 200


@pytest.mark.parametrize(("per", "second"), [("key", 429), ("endpoint", 404)])
def test_endpoints_share_a_limit_or_have_their_own(
    clock: VirtualClock, per: Any, second: int
) -> None:
    """An endpoint is one whatever the id in its path."""
    simulator = Simulator(clock, rate_limit=(1, 60), rate_limit_per=per)
    ids = [simulator.start(ExecutionScript()) for _ in range(2)]
    assert [status(simulator, f"{EXECUTIONS}/{one}") for one in ids] == [200, 429]
    assert status(simulator, "/api/v1/files/1") == second


def test_a_limit_counts_per_what_there_is(clock: VirtualClock) -> None:
    with pytest.raises(ValueError, match="per"):
        Simulator(clock, rate_limit=(1, 60), rate_limit_per="planet")  # type: ignore[arg-type]


@pytest.mark.parametrize("skew", [-600.0, 600.0])
def test_a_service_whose_clock_is_wrong_says_so_everywhere(
    clock: VirtualClock, skew: float
) -> None:
    """In its header, in its times and in its URLs; durations stay right."""
    simulator = Simulator(clock, clock_skew=skew)
    execution_id = simulator.start(ExecutionScript([StepScript("parse", ends=60)]))
    with connect(simulator) as client:
        execution = client.executions.wait(execution_id)
        assert execution.created_at is not None
        assert execution.updated_at is not None
        assert execution.updated_at - execution.created_at == timedelta(seconds=60)
        assert execution.created_at == datetime(2025, 10, 22, 10, tzinfo=UTC) + timedelta(
            seconds=skew
        )
        [output] = execution.outputs
        assert client.outputs.read_json(output) == {"step": "parse", "file": "987"}
    assert simulator.clock is clock
    answer = simulator.handle(Request("api", "GET", "/"))
    assert answer.headers["date"].startswith("Wed, 22 Oct 2025 " + ("10:1" if skew > 0 else "09:5"))


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        ("", "2025-10-22T10:00:00"),
        ("Z", "2025-10-22T10:00:00Z"),
        ("+00:00", "2025-10-22T10:00:00+00:00"),
        ("+05:30", "2025-10-22T15:30:00+05:30"),
        ("-02:00", "2025-10-22T08:00:00-02:00"),
    ],
)
def test_times_name_the_zone_that_the_script_names(
    simulator: Simulator, zone: str, written: str
) -> None:
    """The moment stays the same, so clients see the same."""
    execution_id = simulator.start(ExecutionScript([StepScript("parse")], zone=zone))
    request = Request(
        "api", "GET", f"{EXECUTIONS}/{execution_id}", headers={"X-API-Key": TEST_API_KEY}
    )
    body = json.loads(simulator.handle(request).body)
    assert body["created"] == body["steps"]["parse"]["started_at"] == written
    with connect(simulator) as client:
        execution = client.executions.get(execution_id)
    assert execution.created_at == datetime(2025, 10, 22, 10, tzinfo=UTC)


def test_outputs_can_go_before_their_execution(simulator: Simulator, clock: VirtualClock) -> None:
    """Their URLs still show, freshly signed, but nothing is stored there."""
    execution_id = simulator.start(
        ExecutionScript([StepScript("parse", ends=10)], outputs_kept_for=3600)
    )
    key = {"X-API-Key": TEST_API_KEY}

    def fetched() -> int:
        answer = simulator.handle(
            Request("api", "GET", f"{EXECUTIONS}/{execution_id}", headers=key)
        )
        url: str = json.loads(answer.body)["steps"]["parse"]["output_url"]
        path, _, query = url.removeprefix(simulator.storage_origin).partition("?")
        return simulator.handle(Request("storage", "GET", path, query)).status

    clock.advance(3609)
    assert fetched() == 200
    clock.advance(1)
    assert fetched() == 404


async def test_a_clock_that_is_wrong_sleeps_as_long_as_any(clock: VirtualClock) -> None:
    wrong = SkewedClock(clock, 600.0)
    wrong.sleep(3)
    await wrong.sleep_async(4)
    assert wrong.monotonic() == clock.monotonic() == 7
    assert wrong.now() - clock.now() == timedelta(seconds=600)


def test_a_date_in_a_fault_is_sent(simulator: Simulator) -> None:
    date = "Mon, 01 Jan 2024 00:00:00 GMT"
    simulator.inject(Fault.status(503, headers={"Date": date}))
    assert simulator.handle(Request("api", "GET", "/")).headers["date"] == date
