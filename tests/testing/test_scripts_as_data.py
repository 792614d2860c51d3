"""Scripts and faults as plain JSON, there and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade.testing import ExecutionScript, Fault, RunScript, StepScript

SCRIPTS = [
    ExecutionScript(),
    ExecutionScript([StepScript("parse", ends=None), StepScript("x", starts=1, files=())]),
    ExecutionScript(
        [
            StepScript("a", output={"x": [1, None]}, extra={"y": 1}, error="e", outcome="FAILED"),
            StepScript("b", output=b"\xff\x00", content_type="image/png"),
            StepScript("c", output=b"text", files=["1", "2"]),
            StepScript("d", output=None),
            StepScript("e", output={}),
            StepScript("f", output=0),
            StepScript(
                "g",
                runs=[
                    RunScript("1", ends=4, output=b"null"),
                    RunScript("aggregated", ends=None, file_ids=["1", "2"], extra={"k": []}),
                ],
            ),
        ],
        shape="nested",
        queued=3,
        status=[(0, "PENDING"), (9.5, "COMPLETED")],
        workflow_id=7,
        visible_after=1,
        kept_for=60,
        outputs_kept_for=30,
        zone="+02:00",
        error="failed",
        extra={"new": {"field": True}},
    ),
]


@pytest.mark.parametrize("script", SCRIPTS, ids=["empty", "short", "everything"])
def test_a_script_survives_json(script: ExecutionScript) -> None:
    assert ExecutionScript.from_dict(json.loads(json.dumps(script.to_dict()))) == script


@pytest.mark.parametrize("script", SCRIPTS, ids=["empty", "short", "everything"])
def test_a_step_and_a_run_survive_json_by_themselves(script: ExecutionScript) -> None:
    for step in script.steps:
        assert StepScript.from_dict(json.loads(json.dumps(step.to_dict()))) == step
        for run in step.each_run():
            assert RunScript.from_dict(json.loads(json.dumps(run.to_dict()))) == run
    with pytest.raises(ValueError, match=r"steps\[2\]"):
        StepScript.from_dict({"name": 5}, "steps[2]")
    with pytest.raises(ValueError, match="ends"):
        RunScript.from_dict({"file_key": "987", "ends": "soon"})


def test_defaults_are_left_out() -> None:
    script = ExecutionScript([StepScript("parse", ends=120)])
    assert script.to_dict() == {"steps": [{"name": "parse", "ends": 120}]}


FAULTS = [
    Fault.none(),
    Fault.status(503),
    Fault.status(429, body={"a": "é"}, headers={"Retry-After": "2"}),
    Fault.status(500, b"\xff", [("X", "1"), ("X", "2")]),
    Fault.html(),
    Fault.invalid_json(),
    Fault.redirect("https://elsewhere.invalid/"),
    Fault.gzip(),
    Fault.delay(2.5),
    Fault.hang(),
    Fault.hang(after=3),
    Fault.reset(),
    Fault.reset(after=0),
    Fault.disconnect(),
    Fault.truncate(0),
    Fault.truncate(10)
    & Fault.slow(3, every=0.5, headers=True)
    & Fault.status(502)
    & Fault.delay(1),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_survives_json(fault: Fault) -> None:
    assert Fault.from_dict(json.loads(json.dumps(fault.to_dict()))) == fault


def test_a_fault_can_be_written_by_hand() -> None:
    written = {"status": {"status": 503, "headers": {"Retry-After": "2"}}, "delay": {"seconds": 1}}
    assert Fault.from_dict(written) == Fault.status(503, headers={"Retry-After": "2"}) & (
        Fault.delay(1)
    )
    assert Fault.from_dict({"status": {"status": 400, "body": {"json": {"detail": "no"}}}}) == (
        Fault.status(400, {"detail": "no"})
    )


WRONG: list[tuple[Any, str]] = [
    ([], "the value must be an object, not []"),
    ({"step": []}, "unknown field 'step'; known fields: steps, shape"),
    ({"steps": {}}, "steps must be a list, not {}"),
    ({"steps": [{"name": "a"}, {"name": 7}]}, "steps[1].name must be a string, not 7"),
    ({"steps": [{"ends": 5}]}, "steps[0] has no name"),
    ({"steps": [{"name": "a", "ends": -5}]}, "steps[0]: ends must be a finite number of seconds"),
    ({"steps": [{"name": "a", "ends": True}]}, "steps[0].ends must be a number, not True"),
    (
        {"steps": [{"name": "a", "runs": [{"file_key": None}]}]},
        "steps[0].runs[0].file_key must be a s",
    ),
    ({"steps": [{"name": "a", "output": 5}]}, "steps[0].output must be an object, not 5"),
    (
        {"steps": [{"name": "a", "output": {}}]},
        "steps[0].output: a body must be exactly one of json",
    ),
    (
        {"steps": [{"name": "a", "output": {"base64": "?"}}]},
        "steps[0].output.base64 cannot be decoded: ",
    ),
    ({"steps": [{"name": "a"}, {"name": "a"}]}, "steps must have different names, not ['a', 'a']"),
    ({"status": [[0, "PENDING"], [1]]}, "status[1] must be a list of two, not [1]"),
    ({"status": [[0, 1]]}, "status[0][1] must be a string, not 1"),
    ({"shape": "round"}, "shape must be 'flat' or 'nested', not 'round'"),
    ({"workflow_id": 1.5}, "workflow_id must be a whole number, not 1.5"),
    ({"zone": "CET"}, "zone must be empty, 'Z' or an offset such as '+02:00', not 'CET'"),
    ({"extra": []}, "extra must be an object, not []"),
]


@pytest.mark.parametrize(("written", "message"), WRONG)
def test_an_error_in_a_script_names_the_place_and_the_reason(written: Any, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        ExecutionScript.from_dict(written)
    assert str(caught.value).startswith(message)


WRONG_FAULTS: list[tuple[Any, str]] = [
    ("hang", "faults[0] must be an object, not 'hang'"),
    ({"hangs": {}}, "faults[0]: unknown field 'hangs'; known fields: none, status"),
    ({"truncate": {}}, "faults[0].truncate has no after"),
    ({"hang": 5}, "faults[0].hang must be an object, not 5"),
    ({"truncate": {"after": -1}}, "faults[0].truncate: after must be a number of bytes"),
    ({"status": {"status": 42}}, "faults[0].status: status must be a final status from 200"),
    (
        {"status": {"status": 500, "headers": {"X": 1}}},
        "faults[0].status.headers.X must be a string",
    ),
    ({"hang": {}, "reset": {}}, "faults[0]: two faults that both set an early end"),
    ({"slow": {"size": 1, "every": 1, "headers": 1}}, "faults[0].slow.headers must be true"),
]


@pytest.mark.parametrize(("written", "message"), WRONG_FAULTS)
def test_an_error_in_a_fault_names_the_place_and_the_reason(written: Any, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        Fault.from_dict(written, "faults[0]")
    assert str(caught.value).startswith(message)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["steps", "name", "runs", "status", "output", "json", "truncate", "delay"]
            ),
            inner,
            max_size=3,
        )
    ),
)


@given(ANYTHING)
def test_anything_else_is_a_value_error(written: Any) -> None:
    for read in (ExecutionScript.from_dict, Fault.from_dict):
        try:
            read(written)
        except ValueError as error:
            assert str(error)  # noqa: PT017 - some drawn values are valid
