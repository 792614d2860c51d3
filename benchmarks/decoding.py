"""From the bytes of a large answer to models, against ``json.loads`` of the same bytes."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import attrs

from benchmarks.apart import apart
from benchmarks.measuring import Goal, Quantity, Section, ratios
from datalab_facade.decoding import decode_json
from datalab_facade.executions.decoding import decode_execution

_MOST_TIMES_JSON = {"by file": Goal(3), "one run a step": Goal(3.5)}
_PER_STEP = 1_000
_PLAIN = "json.loads"


@attrs.frozen(kw_only=True)
class Scale:
    """How much of everything."""

    rounds: int
    runs: int


FULL = Scale(rounds=40, runs=5_000)
QUICK = Scale(rounds=2, runs=50)


def measure(scale: Scale) -> Iterator[Section]:
    """Measure how long decoding takes, in both shapes that the API is known to answer."""
    result = apart(__name__, "decoded", rounds=scale.rounds, runs=scale.runs)
    took: dict[str, dict[str, list[float]]] = result["seconds"]
    plain = {shape: each.pop(_PLAIN) for shape, each in took.items()}
    times = [
        Quantity(
            f"CPU, as a multiple of json.loads, {shape}",
            {side: ratios(values, plain[shape]) for side, values in sides.items()},
            _MOST_TIMES_JSON[shape],
        )
        for shape, sides in took.items()
    ]
    milliseconds = {
        f"{side}, {shape}": [1e3 * seconds for seconds in values]
        for shape, sides in took.items()
        for side, values in {_PLAIN: plain[shape], **sides}.items()
    }
    sizes = ", ".join(f"{size / 1e6:.1f} MB {shape}" for shape, size in result["bytes"].items())
    yield Section(
        f"Decoding an execution with {scale.runs:,} step runs",
        [f"The body has {sizes}. Ours includes our own json.loads."],
        [*times, Quantity("CPU, ms", milliseconds)],
    )


# --- in a process of its own ----------------------------------------------------------


def decoded(*, rounds: int, runs: int) -> dict[str, object]:
    """Let the sides decode in turn."""
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    bodies = {"by file": body_of(_by_file(runs), now), "one run a step": body_of(flat(runs), now)}

    def ours(body: bytes) -> object:
        return decode_execution(decode_json(body), requested_id=1_001, observed_at=now)

    sides: dict[str, Callable[[bytes], object]] = {_PLAIN: json.loads, "ours": ours}
    took: dict[str, dict[str, list[float]]] = {
        shape: {side: [] for side in sides} for shape in bodies
    }
    for number in range(rounds + 1):
        for shape, body in bodies.items():
            for side, decode in sides.items():
                gc.collect()
                began = time.process_time()
                value = decode(body)
                seconds = time.process_time() - began
                del value
                if number:
                    took[shape][side].append(seconds)
    return {"seconds": took, "bytes": {shape: len(body) for shape, body in bodies.items()}}


def body_of(steps: dict[str, object], now: datetime) -> bytes:
    """Give the answer of an execution with these steps."""
    execution = {
        "execution_id": 1_001,
        "workflow_id": 456,
        "status": "COMPLETED",
        "created": _time(now),
        "updated": _time(now + timedelta(hours=1)),
        "steps": steps,
    }
    return json.dumps(execution, separators=(",", ":")).encode()


def _by_file(runs: int) -> dict[str, object]:
    steps: dict[str, dict[str, object]] = {}
    for number in range(runs):
        step = steps.setdefault(f"step-{number // _PER_STEP}", {})
        step[str(5_000_000 + number)] = {"id": number, **_run(number, "finished_at")}
    return dict(steps)


def flat(runs: int) -> dict[str, object]:
    """Give as many steps, with one run each."""
    return {f"step-{number}": _run(number, "completed_at") for number in range(runs)}


def _run(number: int, ended: str) -> dict[str, object]:
    # With an URL as long as presigned ones are.
    start = datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(seconds=number)
    signature = "0123456789abcdef" * 16
    url = f"https://outputs.example/{number}/step.json?X-Amz-Signature={signature}"
    end = start + timedelta(seconds=90)
    return {
        "status": "COMPLETED",
        "started_at": _time(start),
        ended: _time(end),
        "output_url": url,
    }


def _time(moment: datetime) -> str:
    # UTC without saying so, as the API writes it.
    return moment.replace(tzinfo=None).isoformat()
