"""Executions worth a picture."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from datalab_facade import Execution
from datalab_facade.executions.decoding import decode_execution
from tests.secrets_for_tests import presigned

BEGAN = datetime(2025, 10, 22, 10, tzinfo=UTC)
HOSTILE = "\x1b[2J\u202e</title><script>alert('owned')</script><img src=x onerror=alert(1)>" * 3


def at(seconds: float) -> str:
    """Give a moment as the server writes it."""
    return (BEGAN + timedelta(seconds=seconds)).isoformat()


def run(
    status: str = "COMPLETED", begins: float | None = 0, ends: float | None = 0, **more: Any
) -> dict[str, Any]:
    """Give a run as the server tells it."""
    told: dict[str, Any] = {"status": status, **more}
    if begins is not None:
        told["started_at"] = at(begins)
    if ends is not None:
        told["finished_at"] = at(ends)
    return told


def execution(
    steps: Any, status: str = "COMPLETED", seen: float | None = None, **more: Any
) -> Execution:
    """Give the execution of an answer."""
    body = {
        "execution_id": 123,
        "workflow_id": 456,
        "status": status,
        "created": at(0),
        "steps": steps,
        **more,
    }
    observed = None if seen is None else BEGAN + timedelta(seconds=seen)
    return decode_execution(body, requested_id=123, observed_at=observed)[0]


def one_step() -> Execution:
    """Give the smallest there is, in the flat shape."""
    return execution({"parse": run(begins=2.5, ends=64)})


def invoices(status: str = "COMPLETED", seen: float | None = None) -> Execution:
    """Give a typical one: three files through five steps, the last over all of them."""
    steps = {
        "parse": {
            "invoice-0917.pdf": run(begins=4, ends=71, total_pages=3),
            "invoice-0918.pdf": run(begins=4, ends=122, total_pages=12),
            "contract.docx": run(begins=71, ends=109, total_pages=5),
        },
        "segment": {
            "invoice-0917.pdf": run(begins=71, ends=103),
            "invoice-0918.pdf": run(begins=124, ends=187),
            "contract.docx": run(begins=118, ends=141),
        },
        "extract": {
            "invoice-0917.pdf": run(begins=110, ends=160),
            "invoice-0918.pdf": run(begins=206, ends=318),
            "contract.docx": run(begins=141, ends=199),
        },
        "translate": run(begins=130, ends=176),
        "post_to_slack": {"aggregated": run(begins=330, ends=336)},
    }
    return execution(steps, status, seen)


def forty_steps() -> Execution:
    """Give a long one: forty steps, each after one or two of those before."""
    chance = random.Random(7)
    ends: list[float] = []
    steps: dict[str, Any] = {}
    for number in range(40):
        before = max(ends[-3:], default=0.0) if number % 3 == 0 else (ends or [0.0])[-1] * 0.96
        begins = before + chance.uniform(0, 40)
        ends.append(begins + chance.uniform(20, 300))
        steps[f"step_{number:02}"] = run(begins=begins, ends=ends[-1])
    return execution(steps)


def five_hundred_files() -> Execution:
    """Give a wide one: 500 files through three steps, some of them in vain."""
    chance = random.Random(11)
    free = [3.0] * 24
    parse: dict[str, Any] = {}
    extract: dict[str, Any] = {}
    for number in range(500):
        key = f"document-{number:04}.pdf"
        worker = min(range(24), key=free.__getitem__)
        begins = free[worker] + chance.uniform(0.1, 2)
        ends = free[worker] = begins + chance.lognormvariate(4.2, 0.6)
        if number % 61 == 17:
            parse[key] = run(
                "FAILED",
                begins,
                ends,
                error="the document has no pages",
                error_in="VALIDATION",
                success=False,
            )
            continue
        parse[key] = run(begins=begins, ends=ends)
        later = ends + chance.uniform(1, 90)
        extract[key] = run(begins=later, ends=later + chance.lognormvariate(3.6, 0.5))
    over = max(
        float((datetime.fromisoformat(r["finished_at"]) - BEGAN).total_seconds())
        for r in extract.values()
    )
    steps = {
        "parse": parse,
        "extract": extract,
        "export": {"aggregated": run(begins=over + 12, ends=over + 75)},
    }
    return execution(steps)


def failed() -> Execution:
    """Give one that came to nothing."""
    steps = {
        "parse": run(begins=1, ends=38),
        "segment": run(
            "FAILED",
            40,
            93,
            error=f"no such page: 14 of 12, see {presigned('page.png')}",
            error_in="VALIDATION",
        ),
        "classify": run(begins=39, ends=58),
        "extract": run("PENDING", None, None),
    }
    return execution(steps, "FAILED", updated=at(94), error="step 'segment' failed")


def running() -> Execution:
    """Give one that goes on, seen after four minutes."""
    steps = {
        "parse": {
            "a.pdf": run(begins=5, ends=95),
            "b.pdf": run(begins=6, ends=170),
            "c.pdf": run("IN_PROGRESS", 98, None),
        },
        "extract": {
            "a.pdf": run("IN_PROGRESS", 121, None),
            "b.pdf": run("QUEUED", None, None),
            "c.pdf": run("PENDING", None, None),
        },
        "report": {"aggregated": run("PENDING", None, None)},
    }
    return execution(steps, "IN_PROGRESS", seen=240)


def hostile() -> Execution:
    """Give one whose every word is meant to do harm."""
    bad = HOSTILE
    return execution(
        {
            bad: {
                bad: run("FAILED", 0, 60, error=bad, error_in=bad),
                "請求書" * 30 + ".pdf": run(begins=10, ends=50),
                "a\u0301\u0301\u0301\u0301\u0301": run(bad, 10, None),
            },
            "\x00\ud800\ufffe &amp; ]]> --> {{7*7}} ${x}": run("PAUSED", 20, None),
            "": run(begins=60, ends=3_700),
            "x" * 300: run(begins=60, ends=120),
        },
        "COMPLETED",
        error=bad,
    )


def without_times() -> Execution:
    """Give one of which nothing is told but how it stands."""
    return execution(
        {"parse": {"status": "COMPLETED"}, "extract": {"status": "IN_PROGRESS"}},
        "IN_PROGRESS",
        created=None,
    )


def empty() -> Execution:
    """Give one that has only been created."""
    return execution({}, "QUEUED", seen=3)


ALL = {
    scene.__name__: scene
    for scene in (
        one_step,
        invoices,
        forty_steps,
        five_hundred_files,
        failed,
        running,
        hostile,
        without_times,
        empty,
    )
}
