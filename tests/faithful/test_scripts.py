"""Whatever a script says, its answers have the documented form at any moment."""

from __future__ import annotations

import json
from typing import Any, cast

import jsonschema_rs
import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from datalab_facade.testing import (
    SAMPLE,
    ExecutionScript,
    Request,
    RunScript,
    Simulator,
    StepScript,
    VirtualClock,
)
from datalab_facade.testing.schemas import load

BODIES = {
    shape: jsonschema_rs.validator_for(load(f"get_execution_status.{shape}"))
    for shape in ("flat", "nested")
}
REFUSAL = jsonschema_rs.validator_for(load("refusal"))
# What an extra lays over a documented field is the field then: that is how a test breaks it.
DOCUMENTED = {
    name
    for shape, entry in (("flat", "step"), ("nested", "run"))
    for whole in [cast("dict[str, Any]", load(f"get_execution_status.{shape}"))]
    for schema in (whole, whole["$defs"][entry])
    for name in schema["properties"]
}


words = st.text(max_size=6)
statuses = st.sampled_from(["PENDING", "COMPLETED", "FAILED", "failed", "SKIPPED", ""]) | words
moments = st.floats(0, 1e4) | st.integers(0, 100) | st.sampled_from([0.0, 1e12, 1.7e308])
ends = st.none() | moments
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
extras = st.dictionaries(words.filter(lambda name: name not in DOCUMENTED), values, max_size=2)
outputs = st.just(SAMPLE) | st.binary(max_size=4) | values
told = st.none() | words
fields: dict[str, Any] = {
    "starts": moments,
    "ends": ends,
    "outcome": statuses,
    "output": outputs,
    "error": told,
}
runs = st.builds(RunScript, words, **fields, file_ids=st.lists(words, max_size=2), extra=extras)
steps = st.one_of(
    st.builds(
        StepScript,
        words,
        **fields,
        files=st.lists(words, max_size=3, unique=True),
        extra=extras,
    ),
    st.builds(
        StepScript,
        words,
        runs=st.lists(runs, min_size=1, max_size=3, unique_by=lambda run: run.file_key),
        extra=extras,
    ),
)
zones = st.sampled_from(["", "Z", "+02:00", "-11:30", "+00:00", "+23:59"])
timelines = st.lists(st.tuples(st.floats(0, 1e4), statuses), min_size=1, max_size=3).map(
    lambda entries: sorted(entries, key=lambda entry: entry[0])
)
scripts = st.builds(
    ExecutionScript,
    st.lists(steps, max_size=3, unique_by=lambda step: step.name),
    shape=st.sampled_from(["flat", "nested"]),
    queued=moments,
    status=st.none() | timelines,
    workflow_id=st.integers(),
    visible_after=st.just(0.0) | moments,
    kept_for=st.none() | moments,
    outputs_kept_for=st.none() | moments,
    zone=zones,
    error=told,
    extra=extras,
)


@given(script=scripts, ages=st.lists(st.floats(0, 2e4), min_size=1, max_size=3).map(sorted))
@example(ExecutionScript([StepScript("a", ends=1e9)], zone="-23:59"), [0.0, 1e9])
def test_a_script_makes_documented_answers_at_any_moment(
    script: ExecutionScript, ages: list[float]
) -> None:
    clock = VirtualClock()
    simulator = Simulator(clock)
    path = f"/api/v1/workflows/executions/{simulator.start(script)}"
    request = Request("api", "GET", path, headers={"X-API-Key": simulator.api_key})
    passed = 0.0
    for age in ages:
        clock.advance(age - passed)
        passed = age
        answer = simulator.handle(request)
        event(f"{script.shape} {answer.status}")
        assert answer.status in (200, 404)
        validator = BODIES[script.shape] if answer.status == 200 else REFUSAL
        validator.validate(json.loads(answer.body))


@pytest.mark.parametrize("zone", ["+24:00", "-29:59", "+02:60", "02:00", "z"])
def test_a_zone_that_no_time_can_be_in_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="zone must be empty, 'Z' or an offset"):
        ExecutionScript(zone=zone)
