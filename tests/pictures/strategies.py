"""Executions with any times at all, as far as an answer can tell them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from datalab_facade import Execution
from datalab_facade.executions.decoding import decode_execution
from tests.pictures.scenes import BEGAN

near = st.integers(-100, 10_000).map(
    lambda tenths: datetime.fromtimestamp(BEGAN.timestamp() + tenths / 10, UTC).isoformat()
)
times = near | st.sampled_from(
    [
        "2025-10-22T10:00:00",
        "2025-10-22T12:00:00.25+02:00",
        "0001-01-01T00:00:00+02:00",
        "0001-01-01T00:00:00",
        "9999-12-31T23:59:59.999999-11:00",
        "soon",
        None,
    ]
)
statuses = st.sampled_from(
    ["COMPLETED", "FAILED", "IN_PROGRESS", "PENDING", "QUEUED", "SKIPPED", "<b>"]
)
runs = st.fixed_dictionaries(
    {"status": statuses},
    optional={
        "started_at": times,
        "finished_at": times,
        "success": st.booleans(),
        "error": st.text(max_size=20),
        "error_in": st.text(max_size=5),
    },
)
keys = st.sampled_from(["a", "b", "c", "aggregated"]) | st.text(max_size=4)
names = st.sampled_from(["parse", "segment", "extract"]) | st.text(max_size=6)


@st.composite
def executions(draw: st.DrawFn) -> Execution:
    """Give an execution in either shape, seen at any time or none."""
    body: dict[str, Any] = {
        "execution_id": 123,
        "status": draw(statuses),
        "created": draw(times),
        "updated": draw(times),
        "steps": draw(
            st.dictionaries(names, runs | st.dictionaries(keys, runs, max_size=9), max_size=6)
        ),
    }
    seen = draw(st.none() | st.datetimes(timezones=st.just(UTC)))
    return decode_execution(body, requested_id=123, observed_at=seen)[0]
