"""A family of jobs needs no more than a description: proved with one that Datalab does not have."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest

import datalab_facade
from datalab_facade import (
    Execution,
    InvalidArgumentError,
    InvalidResponseError,
    JobFailedError,
    NotFoundError,
    Status,
    WaitTimeoutError,
)
from datalab_facade.drift import Drift
from datalab_facade.events import Event, JobEnded, RequestSent
from datalab_facade.jobs.async_resource import AsyncJobs
from datalab_facade.jobs.kinds import JobKind
from datalab_facade.jobs.resource import Jobs
from datalab_facade.models import JSON
from datalab_facade.testing import VirtualClock
from datalab_facade.transport.operations import Operation
from tests.ways import Way


def get(path: str) -> Operation:
    """Return a request that no generated module has."""
    return Operation(name="get_toast", template="/toasts/{id}", method="GET", path=path)


# The description of the family: from here to the line below.


@attrs.frozen(kw_only=True)
class Toast:
    """A slice of bread in the toaster."""

    id: str
    status: str
    color: str | None = None
    observed_at: datetime | None = None

    @property
    def is_terminal(self) -> bool:
        return self.status in {"complete", "failed"}

    @property
    def succeeded(self) -> bool:
        return self.status == "complete"


def _checked(value: object) -> str:
    if not isinstance(value, str) or not value.isalnum():
        raise InvalidArgumentError(f"A toast is given as its id, such as 'a1', not as {value!r}")
    return value


def _decoded(body: JSON, toast_id: str, at: datetime) -> tuple[Toast, list[Drift]]:
    if not isinstance(body, dict) or not isinstance(body.get("status"), str):
        raise InvalidResponseError("the answer is not a toast", body=str(body))
    color = body.get("color")
    return (
        Toast(
            id=toast_id,
            status=str(body["status"]),
            color=color if isinstance(color, str) else None,
            observed_at=at,
        ),
        [],
    )


TOASTS: JobKind[Toast, str] = JobKind(
    name="toast",
    snapshot_type=Toast,
    checked_id=_checked,
    poll=lambda toast_id: get(f"/api/v1/toasts/{toast_id}"),
    decode=_decoded,
    failure=lambda toast: JobFailedError(f"Toast {toast.id} is burnt", toast),
)

# The end of the description.


class Kitchen(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A server with a toaster: each slice takes as many seconds as its number says."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.polls: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        toast_id = request.url.path.rpartition("/")[2]
        self.polls.append(toast_id)
        if toast_id == "zzTop":
            return httpx.Response(200, json={"state": "lost"})
        if not toast_id[1:].isdigit():
            return httpx.Response(404, json={"detail": "no such toast"})
        if self.clock.monotonic() < float(toast_id[1:]):
            return httpx.Response(200, json={"status": "toasting"})
        if toast_id.startswith("b"):
            return httpx.Response(200, json={"status": "failed"})
        return httpx.Response(200, json={"status": "complete", "color": "brown"})

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


@pytest.fixture
def kitchen() -> Kitchen:
    return Kitchen()


def toasts(way: Way, kitchen: Kitchen) -> Any:
    """Return the toasts of a client."""
    client = way.client_over(kitchen, clock=kitchen.clock)
    resource = Jobs if not way.is_async else AsyncJobs
    return resource(client._api, client._context, TOASTS)


def test_one_is_polled_and_waited_for(way: Way, kitchen: Kitchen) -> None:
    jobs = toasts(way, kitchen)
    assert way.done(jobs.get("a30")).status == "toasting"
    toast = way.done(jobs.wait("a30"))
    assert toast == Toast(id="a30", status="complete", color="brown", observed_at=toast.observed_at)
    assert way.done(jobs.result(toast)) == way.done(jobs.get(toast))
    with pytest.raises(JobFailedError, match="Toast b40 is burnt") as caught:
        way.done(jobs.result("b40"))
    assert caught.value.snapshot.status == "failed"


def test_an_answer_that_is_not_one_is_an_error_with_the_id_as_it_is(
    way: Way, kitchen: Kitchen
) -> None:
    with pytest.raises(InvalidResponseError, match="Toast zzTop: the answer is not a toast"):
        way.done(toasts(way, kitchen).get("zzTop", max_retries=0))


def test_its_changes_are_seen(way: Way, kitchen: Kitchen) -> None:
    changes = way.changes(toasts(way, kitchen).watch("a30"))
    assert [str(change) for change in changes] == [
        "toast a30: toasting",
        "toast a30: toasting → complete",
    ]
    assert {change.kind for change in changes} == {"job"}


def test_many_are_waited_for_at_once(way: Way, kitchen: Kitchen) -> None:
    jobs = toasts(way, kitchen)
    outcomes = way.done(jobs.wait_many(["a50", "b10", "zz", "a50"]))
    assert [outcome.id for outcome in outcomes] == ["a50", "b10", "zz", "a50"]
    assert [outcome.succeeded for outcome in outcomes] == [True, False, False, True]
    assert isinstance(outcomes[2].error, NotFoundError)
    later = way.collect(jobs.as_completed(["a70", "a60"]))
    assert [outcome.id for outcome in later] == ["a60", "a70"]


def test_listeners_hear_of_it(way: Way, kitchen: Kitchen) -> None:
    heard: list[Event] = []
    client = way.client_over(kitchen, clock=kitchen.clock, listeners=[heard.append])
    resource = Jobs if not way.is_async else AsyncJobs
    jobs: Any = resource(client._api, client._context, TOASTS)
    way.done(jobs.wait("a30"))
    way.done(jobs.wait_many(["b50", "a40"]))
    ended = [event for event in heard if isinstance(event, JobEnded)]
    assert sorted((str(one.job_id), one.status, one.succeeded) for one in ended) == [
        ("a30", "complete", True),
        ("a40", "complete", True),
        ("b50", "failed", False),
    ]
    assert {one.seconds for one in ended} == {None}
    sent = [event for event in heard if isinstance(event, RequestSent)]
    assert [event.job_id for event in sent] == kitchen.polls
    assert {(one.job_kind, one.operation) for one in sent} == {("toast", "get_toast")}


def test_its_handle_is_written_down_and_comes_back(way: Way, kitchen: Kitchen) -> None:
    jobs = toasts(way, kitchen)
    written = json.loads(json.dumps(jobs.handle("a30").to_dict()))
    assert written == {
        "version": 1,
        "kind": "toast",
        "id": "a30",
        "origin": "https://www.datalab.to",
    }
    assert way.done(jobs.handle(written).result()).color == "brown"


def test_a_handle_of_another_kind_is_refused(way: Way, kitchen: Kitchen) -> None:
    client = way.client_over(kitchen, clock=kitchen.clock)
    handle = client.executions.handle(7)
    with pytest.raises(InvalidArgumentError, match="another kind of job, 'execution'"):
        toasts(way, kitchen).handle(handle)
    with pytest.raises(InvalidArgumentError, match="another kind of job, 'toast'"):
        client.executions.handle(toasts(way, kitchen).handle("a1"))
    assert kitchen.polls == []


@pytest.mark.parametrize("wrong", [7, "", "../files", None, Execution(id=7, status=Status.FAILED)])
def test_an_id_that_the_family_does_not_know_is_refused(
    way: Way, kitchen: Kitchen, wrong: object
) -> None:
    with pytest.raises(InvalidArgumentError, match="A toast is given as its id"):
        way.done(toasts(way, kitchen).get(wrong))
    assert kitchen.polls == []


def test_a_wait_that_takes_too_long_says_for_what(way: Way, kitchen: Kitchen) -> None:
    with pytest.raises(WaitTimeoutError, match=r"Toast a900 has not ended .*last seen toasting"):
        way.done(toasts(way, kitchen).wait("a900", timeout=60))


def test_the_description_is_short() -> None:
    lines = Path(__file__).read_text("utf-8").splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("# The description of"))
    last = next(n for n, line in enumerate(lines) if line.startswith("# The end of the desc"))
    assert last - first < 60


def test_the_engine_does_not_know_executions() -> None:
    engine = Path(datalab_facade.__file__).with_name("jobs")
    # Examples in docstrings are of executions.
    allowed = re.compile(r">>>.*|\bexecution 123\b|import Execution|concurrent")
    for module in engine.glob("*.py"):
        text = allowed.sub("", module.read_text("utf-8"))
        assert not re.search("execution", text, re.IGNORECASE), module.name
