"""Whatever goes wrong on the way, one call starts one execution at most, and tells the truth."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import example, given
from hypothesis import strategies as st

from datalab_facade import DatalabError, StepDefinition, SubmissionUncertainError
from datalab_facade.testing import Fault, Simulator
from tests.in_process import new_simulator
from tests.ways import Way

URL = "https://a.example/1.pdf"
PARSE = StepDefinition(step_key="marker_parse", unique_name="parse")

# What stands for a server in trouble did nothing; what hits the answer on its way
# back comes after the execution was started. A client cannot tell them apart.
statuses = st.sampled_from(
    [200, 204, 302, 307, 400, 401, 403, 404, 408, 413, 422, 425, 429, 500, 502, 503, 504, 529, 999]
)
bodies: st.SearchStrategy[Any] = st.sampled_from(
    [None, b"", b"<html>", [], {}, {"success": False}, {"id": None}, {"detail": [1]}, "text"]
)
replies = (
    st.builds(Fault.status, statuses, bodies)
    | st.just(Fault.html())
    | st.just(Fault.invalid_json())
    | st.builds(
        lambda seconds: Fault.status(429, None, {"Retry-After": seconds}),
        st.sampled_from(["0", "5", "100", "soon"]),
    )
)
few = st.none() | st.integers(0, 80)
breaks = (
    st.builds(Fault.reset, few)
    | st.builds(Fault.hang, few)
    | st.builds(Fault.truncate, st.integers(0, 80))
    | st.just(Fault.disconnect())
)
slowness = (
    st.builds(Fault.delay, st.floats(0, 100))
    | st.builds(Fault.slow, st.integers(1, 20), st.floats(0, 5), headers=st.booleans())
    | st.just(Fault.gzip())
)


@st.composite
def faults(draw: st.DrawFn, *, slow: bool = True) -> Fault:
    fault = draw(st.just(Fault.none()) | replies)
    for more in (breaks, slowness) if slow else (breaks,):
        if draw(st.booleans()):
            fault &= draw(more)
    return fault


scripts = st.lists(faults(), max_size=5)


@attrs.frozen
class Result:
    """How a call ended for its caller, and what was really done."""

    started: int
    error: DatalabError | None
    known: bool
    """Whether what was returned exists."""


def carried_out(
    script: list[Fault], *, asynchronous: bool, create: bool, **options: Any
) -> tuple[Result, Simulator]:
    simulator = new_simulator()
    workflow_id = 0 if create else simulator.workflows.add("Ours", [PARSE.to_dict()])
    simulator.inject(*script)
    with Way("async" if asynchronous else "sync") as way:
        client = way.client(simulator)
        before = len(simulator.workflows)
        error, given = None, None
        try:
            if create:
                given = way.done(client.workflows.create("Ours", [PARSE], **options)).id
            else:
                given = way.done(client.workflows.execute(workflow_id, URL, **options)).id
        except DatalabError as caught:
            error = caught
    there = simulator.workflows if create else simulator.execution_ids
    done = len(simulator.workflows) - before if create else len(simulator.execution_ids)
    return Result(done, error, given in there), simulator


def holds(result: Result) -> None:
    assert result.started <= 1
    if result.error is None:
        assert result.known
        assert result.started == 1
    elif not isinstance(result.error, SubmissionUncertainError):
        assert result.started == 0


@given(scripts, st.booleans(), st.booleans())
@example([Fault.status(503) & Fault.reset()], False, False)
@example([Fault.status(200, {"success": False}) & Fault.truncate(5)], False, True)
@example([Fault.status(429), Fault.delay(31)], True, False)
def test_no_fault_makes_a_call_act_twice_or_tell_what_is_not_so(
    script: list[Fault], asynchronous: bool, create: bool
) -> None:
    result, _ = carried_out(script, asynchronous=asynchronous, create=create)
    holds(result)
    if isinstance(result.error, SubmissionUncertainError):
        assert result.error.method == "POST"
        assert result.error.url.startswith("https://www.datalab.to/api/v1/workflows/workflows")
        assert result.error.sent


@given(scripts, st.booleans(), st.booleans())
def test_believing_an_overloaded_server_is_safe_where_it_tells_the_truth(
    script: list[Fault], asynchronous: bool, create: bool
) -> None:
    result, _ = carried_out(script, asynchronous=asynchronous, create=create, retry_overloaded=True)
    holds(result)


# Time is left to chance a little, and with it what happens shortly before a deadline.
@given(st.lists(faults(slow=False), max_size=5))
def test_blocking_and_async_code_send_the_same(script: list[Fault]) -> None:
    seen = [
        [(one.method, one.path, one.body, one.status) for one in simulator.requests]
        for result, simulator in (
            carried_out(script, asynchronous=asynchronous, create=False)
            for asynchronous in (False, True)
        )
    ]
    assert seen[0] == seen[1]


def test_the_scripts_reach_every_kind_of_end() -> None:
    """Else the tests above would prove less than they say."""
    nothing, lost = Fault.none(), Fault.reset()
    ends = [
        carried_out(script, asynchronous=False, create=False)[0]
        for script in ([nothing], [lost], [Fault.status(500)], [Fault.status(403)])
    ]
    assert [(result.started, type(result.error).__name__) for result in ends] == [
        (1, "NoneType"),
        (1, "SubmissionUncertainError"),
        (0, "SubmissionUncertainError"),
        (0, "PermissionDeniedError"),
    ]
