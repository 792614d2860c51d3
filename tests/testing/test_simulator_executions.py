"""Scripts become the bodies that the API shows, second by second."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab_facade.testing import (
    ExecutionScript,
    Request,
    RunScript,
    Simulator,
    StepScript,
    VirtualClock,
)

# A body as tests use it: any JSON.
Body = dict[str, Any]


def poll(simulator: Simulator, execution_id: int) -> tuple[int, Body]:
    """Poll an execution; return the status and the body."""
    path = f"/api/v1/workflows/executions/{execution_id}"
    headers = {"X-API-Key": simulator.api_key}
    answer = simulator.handle(Request("api", "GET", path, headers=headers))
    body: Body = json.loads(answer.body)
    return answer.status, body


def test_the_flat_shape_is_as_documented(simulator: Simulator, clock: VirtualClock) -> None:
    """The published example comes out field by field, but for the URL."""
    execution_id = simulator.start(
        ExecutionScript(
            [
                StepScript("parse", ends=120),
                StepScript("extract", starts=120, ends=None),
                StepScript("segment", starts=900),
            ]
        )
    )
    clock.advance(300)
    status, body = poll(simulator, execution_id)
    url = body["steps"]["parse"].pop("output_url")
    assert url.startswith("https://storage.datalab.invalid/datalab-outputs/executions/1001/parse/")
    assert status == 200
    assert body == {
        "execution_id": execution_id,
        "workflow_id": 456,
        "status": "IN_PROGRESS",
        "created": "2025-10-22T10:00:00",
        "updated": "2025-10-22T10:02:00",
        "steps": {
            "parse": {
                "status": "COMPLETED",
                "started_at": "2025-10-22T10:00:00",
                "completed_at": "2025-10-22T10:02:00",
            },
            "extract": {"status": "IN_PROGRESS", "started_at": "2025-10-22T10:02:00"},
            "segment": {"status": "PENDING"},
        },
    }


def test_the_nested_shape_has_an_entry_for_each_file(
    simulator: Simulator, clock: VirtualClock
) -> None:
    """As the official client reads it, files that differ and an aggregated run included."""
    execution_id = simulator.start(
        ExecutionScript(
            [
                StepScript(
                    "parse",
                    runs=[
                        RunScript("987", ends=10, extra={"total_pages": 3}),
                        RunScript("npl94jxy", starts=2, ends=20, outcome="FAILED", error="torn"),
                    ],
                ),
                StepScript("notify", runs=[RunScript("aggregated", starts=30, file_ids=["987"])]),
            ],
            shape="nested",
        )
    )
    clock.advance(25)
    _, body = poll(simulator, execution_id)
    assert body["steps"]["parse"]["987"].pop("output_url")
    assert body["steps"] == {
        "parse": {
            "987": {
                "id": 1001001,
                "status": "COMPLETED",
                "started_at": "2025-10-22T10:00:00",
                "finished_at": "2025-10-22T10:00:10",
                "total_pages": 3,
            },
            "npl94jxy": {
                "id": 1001002,
                "status": "FAILED",
                "started_at": "2025-10-22T10:00:02",
                "finished_at": "2025-10-22T10:00:20",
                "error": "torn",
            },
        },
        "notify": {"aggregated": {"id": 1001003, "status": "PENDING", "file_ids": ["987"]}},
    }


@pytest.mark.parametrize("shape", ["flat", "nested"])
def test_an_execution_goes_from_queued_to_its_end(
    simulator: Simulator, clock: VirtualClock, shape: Any
) -> None:
    """QUEUED, IN_PROGRESS, COMPLETED; and each status begins at its very second."""
    script = ExecutionScript([StepScript("parse", ends=60)], shape=shape, queued=5)
    execution_id = simulator.start(script)

    def seen() -> tuple[str, str]:
        _, body = poll(simulator, execution_id)
        parse = body["steps"]["parse"]
        return body["status"], (parse if shape == "flat" else parse["987"])["status"]

    assert seen() == ("QUEUED", "PENDING")
    clock.advance(4.999)
    assert seen() == ("QUEUED", "PENDING")
    clock.advance(0.001)
    assert seen() == ("IN_PROGRESS", "IN_PROGRESS")
    clock.advance(54.999)
    assert seen() == ("IN_PROGRESS", "IN_PROGRESS")
    clock.advance(0.001)
    assert seen() == ("COMPLETED", "COMPLETED")


def test_a_failed_run_fails_the_execution_once_all_is_over(
    simulator: Simulator, clock: VirtualClock
) -> None:
    """Errors show when their step, or the execution, failed; not before."""
    execution_id = simulator.start(
        ExecutionScript(
            [
                StepScript("parse", ends=1, outcome="FAILED", error="bad page"),
                StepScript("x", ends=9),
            ],
            error="one step failed",
        )
    )
    clock.advance(5)
    _, body = poll(simulator, execution_id)
    assert body["status"] == "IN_PROGRESS"
    assert "error" not in body
    assert body["steps"]["parse"]["error"] == "bad page"
    assert "output_url" not in body["steps"]["parse"]
    clock.advance(5)
    _, body = poll(simulator, execution_id)
    assert (body["status"], body["error"]) == ("FAILED", "one step failed")


def test_a_step_that_never_ends_keeps_its_execution_going(
    simulator: Simulator, clock: VirtualClock
) -> None:
    """Not even after a year."""
    execution_id = simulator.start(ExecutionScript([StepScript("parse", ends=None)]))
    clock.advance(365 * 86400)
    assert poll(simulator, execution_id)[1]["status"] == "IN_PROGRESS"


def test_a_status_timeline_says_what_it_says(simulator: Simulator, clock: VirtualClock) -> None:
    """Whatever the steps do, and whether or not anyone knows the word."""
    script = ExecutionScript(
        [StepScript("parse")], status=[(0, "PENDING"), (5, "hibernating"), (10, "COMPLETED")]
    )
    execution_id = simulator.start(script)
    seen: list[str] = []
    for _ in range(4):
        seen.append(poll(simulator, execution_id)[1]["status"])
        clock.advance(4)
    assert seen == ["PENDING", "PENDING", "hibernating", "COMPLETED"]


def test_an_execution_can_be_unknown_at_first_and_forgotten_later(
    simulator: Simulator, clock: VirtualClock
) -> None:
    """404 before ``visible_after`` and once ``retained`` is over."""
    script = ExecutionScript([StepScript("parse", ends=10)], visible_after=2, kept_for=3600)
    execution_id = simulator.start(script)
    assert poll(simulator, execution_id)[0] == 404
    clock.advance(2)
    assert poll(simulator, execution_id)[0] == 200
    clock.advance(8 + 3599)
    assert poll(simulator, execution_id)[0] == 200
    clock.advance(1)
    assert poll(simulator, execution_id)[0] == 404


def test_extra_fields_are_laid_over_the_body(simulator: Simulator) -> None:
    """New fields appear, and known ones can be made strange."""
    execution_id = simulator.start(
        ExecutionScript(
            [StepScript("parse", extra={"status": None, "success": False})],
            extra={"external_workflow_id": "wf-1", "workflow_id": "not a number"},
        )
    )
    _, body = poll(simulator, execution_id)
    assert (body["external_workflow_id"], body["workflow_id"]) == ("wf-1", "not a number")
    assert body["steps"]["parse"]["status"] is None
    assert body["steps"]["parse"]["success"] is False


def test_the_flat_shape_shows_a_step_of_many_files_as_a_whole(
    simulator: Simulator, clock: VirtualClock
) -> None:
    """From the first start to the last end, failed if any file failed."""
    runs = [RunScript("a", starts=5, ends=9), RunScript("b", ends=30, outcome="FAILED", error="e")]
    execution_id = simulator.start(ExecutionScript([StepScript("parse", runs=runs)]))
    clock.advance(10)
    assert poll(simulator, execution_id)[1]["steps"]["parse"] == {
        "status": "IN_PROGRESS",
        "started_at": "2025-10-22T10:00:00",
    }
    clock.advance(20)
    step = poll(simulator, execution_id)[1]["steps"]["parse"]
    assert "/parse/a.json?" in step.pop("output_url")
    assert step == {
        "status": "FAILED",
        "started_at": "2025-10-22T10:00:00",
        "completed_at": "2025-10-22T10:00:30",
        "error": "e",
    }


def test_a_step_can_have_no_files_yet(simulator: Simulator) -> None:
    """Empty in the nested shape, pending in the flat one."""
    steps = [StepScript("parse", files=[])]
    nested = simulator.start(ExecutionScript(steps, shape="nested"))
    flat = simulator.start(ExecutionScript(steps))
    assert poll(simulator, nested)[1]["steps"] == {"parse": {}}
    assert poll(simulator, flat)[1]["steps"] == {"parse": {"status": "PENDING"}}


def test_a_run_can_leave_nothing_behind(simulator: Simulator) -> None:
    """No output, no URL."""
    execution_id = simulator.start(ExecutionScript([StepScript("notify", output=None)]))
    step = poll(simulator, execution_id)[1]["steps"]["notify"]
    assert (step["status"], "output_url" in step) == ("COMPLETED", False)


def test_scripts_take_any_mapping_and_nothing_but_json(simulator: Simulator) -> None:
    """A read-only mapping is as good as a dict; what JSON cannot say is an error that says so."""
    script = ExecutionScript(extra=MappingProxyType({"a": MappingProxyType({"b": 1})}))
    assert poll(simulator, simulator.start(script))[1]["a"] == {"b": 1}
    not_json = ExecutionScript(extra={"a": object()})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="JSON values only, not object"):
        poll(simulator, simulator.start(not_json))


def test_executions_have_ids_of_their_own(simulator: Simulator, clock: VirtualClock) -> None:
    """Two executions of one script live side by side, each from its own start on."""
    script = ExecutionScript([StepScript("parse", ends=10)])
    first = simulator.start(script)
    clock.advance(6)
    second = simulator.start(script)
    clock.advance(6)
    assert first != second
    assert poll(simulator, first)[1]["status"] == "COMPLETED"
    assert poll(simulator, second)[1]["status"] == "IN_PROGRESS"


def test_scripts_that_make_no_sense_are_refused() -> None:
    """Where they are written, not where they are played."""
    with pytest.raises(ValueError, match="number of seconds"):
        StepScript("parse", ends=-1)
    with pytest.raises(ValueError, match="not both"):
        StepScript("parse", ends=5, runs=[RunScript("1")])
    with pytest.raises(ValueError, match="name each file once"):
        StepScript("parse", files=["1", "1"])
    with pytest.raises(ValueError, match="different names"):
        ExecutionScript([StepScript("parse"), StepScript("parse")])
    with pytest.raises(ValueError, match="order of time"):
        ExecutionScript(status=[(5, "COMPLETED"), (0, "PENDING")])
    with pytest.raises(ValueError, match="shape"):
        ExecutionScript(shape="round")  # type: ignore[arg-type]


def test_one_file_key_may_be_a_plain_string() -> None:
    """``files="987"`` is one file, not three."""
    assert StepScript("parse", files="987").files == ("987",)


@settings(deadline=None)
@given(
    starts=st.floats(0, 100),
    ends=st.floats(0, 100) | st.none(),
    queued=st.floats(0, 100),
    pauses=st.lists(st.floats(0, 50), max_size=8),
)
def test_an_execution_never_goes_back(
    starts: float, ends: float | None, queued: float, pauses: list[float]
) -> None:
    """At any time, for any script: a status never goes back to an earlier one."""
    clock = VirtualClock()
    simulator = Simulator(clock)
    step = StepScript("parse", starts=starts, ends=ends)
    execution_id = simulator.start(ExecutionScript([step], queued=queued))
    order = ["QUEUED", "PENDING", "IN_PROGRESS", "COMPLETED"]
    last = (0, 0)
    for pause in pauses:
        _, body = poll(simulator, execution_id)
        seen = (order.index(body["status"]), order.index(body["steps"]["parse"]["status"]))
        assert seen >= last
        last = seen
        clock.advance(pause)
