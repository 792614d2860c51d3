"""What the API answers that this version does not know is counted, not feared."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from datalab_facade import Datalab, Drift, DriftReport
from datalab_facade.drift import DriftLog, sighting
from datalab_facade.testing import ExecutionScript, RunScript, Simulator, StepScript
from tests.in_process import blocking, new_simulator
from tests.secrets_for_tests import SIGNATURE, presigned

# The API's own times name no zone, so that is noted about every answer.
ZONED: dict[str, Any] = {"created": "2025-10-22T10:00:00Z", "updated": "2025-10-22T10:05:00Z"}
KNOWN = ExecutionScript(extra=ZONED)


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Datalab]:
    with blocking(simulator) as client:
        yield client


def with_fields(**fields: Any) -> ExecutionScript:
    return ExecutionScript(extra={**ZONED, **fields})


def seen(client: Datalab) -> dict[tuple[str, str, str], int]:
    report = client.drift
    return {(drift.kind, drift.where, drift.name): n for drift, n in report.counts.items()}


def test_a_report_is_false_while_there_is_nothing_to_tell(
    simulator: Simulator, client: Datalab
) -> None:
    client.executions.get(simulator.start(KNOWN))
    report = client.drift
    assert not report
    assert report == DriftReport(counts={})
    assert str(report) == "no drift seen"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"novel": 1}, ("field", "execution", "novel")),
        ({"status": "UNHEARD_OF"}, ("status", "execution", "status=UNHEARD_OF")),
        ({"workflow_id": "many"}, ("shape", "execution", "workflow_id=a string")),
        ({"steps": []}, ("shape", "execution", "steps=a list")),
        ({"error": {"code": 1}}, ("shape", "execution", "error=an object")),
        ({"created": "yesterday"}, ("time", "execution", "created=yesterday")),
        ({"created": "2025-10-22T10:00:00"}, ("zone", "execution", "created")),
    ],
)
def test_each_kind_of_surprise_is_told_with_its_place(
    simulator: Simulator, client: Datalab, fields: dict[str, Any], told: tuple[str, str, str]
) -> None:
    client.executions.get(simulator.start(with_fields(**fields)))
    assert seen(client) == {told: 1}


def test_a_surprise_counts_once_for_each_answer(simulator: Simulator, client: Datalab) -> None:
    runs = [RunScript(str(n), extra={"novel": n}) for n in range(5)]
    execution_id = simulator.start(
        ExecutionScript([StepScript("parse", runs=runs)], shape="nested", extra=ZONED)
    )
    for looks in (1, 2, 3):
        client.executions.get(execution_id)
        assert seen(client)["field", "step run", "novel"] == looks


def test_what_is_known_is_no_surprise(simulator: Simulator, client: Datalab) -> None:
    script = ExecutionScript([StepScript("parse", extra={"total_pages": 3})], extra=ZONED)
    client.executions.wait(simulator.start(script))
    assert not [kind for kind, _, _ in seen(client) if kind != "zone"]


def test_a_report_does_not_change_after_it_was_given(simulator: Simulator, client: Datalab) -> None:
    execution_id = simulator.start(with_fields(novel=1))
    client.executions.get(execution_id)
    before = client.drift
    client.executions.get(execution_id)
    assert list(before.counts.values()) == [1]
    assert list(client.drift.counts.values()) == [2]


def test_clients_do_not_share_what_they_saw(simulator: Simulator, client: Datalab) -> None:
    client.executions.get(simulator.start(with_fields(novel=1)))
    assert client.drift
    assert not blocking(simulator).drift


def test_a_server_gone_wild_is_counted_within_bounds(simulator: Simulator, client: Datalab) -> None:
    execution_id = simulator.start(with_fields(**{f"novel {n}": n for n in range(1_500)}))
    client.executions.get(execution_id)
    report = client.drift
    assert (len(report.counts), report.dropped) == (1_000, 500)
    client.executions.get(execution_id)
    report = client.drift
    assert (len(report.counts), report.dropped) == (1_000, 1_000)
    assert set(report.counts.values()) == {2}
    assert str(report).endswith("1000 × others")


def test_a_surprise_has_a_short_printable_name_without_secrets(
    simulator: Simulator, client: Datalab
) -> None:
    fields = {"x" * 10_000: 1, "a\nb\x1b[2Jc": 2, "d\u2028e": 3, "": 4, presigned(): 5}
    client.executions.get(simulator.start(with_fields(**fields, status=presigned("s"))))
    report = client.drift
    assert len(report.counts) == 6
    for drift in report.counts:
        assert len(drift.name) <= 100
        assert str(drift).isprintable()
        assert SIGNATURE[:8] not in f"{drift} {drift!r}"


def test_a_report_is_readable() -> None:
    log = DriftLog()
    for _ in range(12):
        log.record([Drift(kind="field", where="execution", name="novel")])
    log.record([Drift(kind="status", where="step run", name="status=UNHEARD_OF")])
    assert str(log.report()).splitlines() == [
        "     12 × field novel in execution",
        "      1 × status status=UNHEARD_OF in step run",
    ]


def test_what_is_new_is_told_once() -> None:
    log = DriftLog()
    one, other = sighting("field", "execution", "a"), sighting("field", "execution", "b")
    assert log.record({one}) == [one]
    assert log.record({one, other}) == [other]
    assert log.record({one, other}) == []


def test_threads_lose_no_count() -> None:
    log = DriftLog()
    rounds, threads = 500, 8
    common = Drift(kind="field", where="execution", name="common")
    news: list[Drift] = []

    def record(thread: int) -> None:
        for number in range(rounds):
            news.extend(
                log.record(
                    {common, Drift(kind="field", where="execution", name=f"{thread} {number}")}
                )
            )

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(record, range(threads)))
    finally:
        sys.setswitchinterval(interval)
    report = log.report()
    assert report.counts[common] == rounds * threads
    assert len(report.counts) == len(news) == len(set(news)) == 1_000
    assert sum(report.counts.values()) + report.dropped == 2 * rounds * threads
