"""Pipelines are found by name, run, waited for, and their steps' results come out typed."""

from __future__ import annotations

import json
from typing import Any

import attrs
import httpx
import pytest

from datalab_facade import (
    InvalidArgumentError,
    NotFoundError,
    PipelineFailedError,
    Status,
    WaitTimeoutError,
)
from datalab_facade.documents.results import Conversion, Extraction
from datalab_facade.documents.tasks import Extract
from datalab_facade.testing import VirtualClock
from tests.ways import Way

INVOICE = {"type": "object", "properties": {"total": {"type": "number"}}}


@attrs.frozen
class Invoice:
    """What is extracted."""

    total: float


class Server(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A server with pipelines; an execution takes half a minute."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.names = {"pl_1": "Invoices", "pl_2": "Letters", "pl_3": "Letters"}
        self.end = "completed"
        self.step_ends = ["completed", "completed"]
        self.lag = 0.0
        """The seconds after the end for which the last step stands as running."""
        self.behind_url = False
        self.seconds = 0.0
        """How long each answer takes."""
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        return self.answer(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        return self.answer(request)

    def answer(self, request: httpx.Request) -> httpx.Response:  # noqa: PLR0911
        self.clock.advance(self.seconds)
        path = request.url.path
        if request.url.host == "storage.example":
            return httpx.Response(200, json=self.result(path.rpartition("/")[2]))
        if path.endswith("/run"):
            return httpx.Response(200, json=self.execution())
        if path.endswith("/result"):
            step = path.split("/")[-2]
            if self.behind_url:
                url = f"https://storage.example/{step}"
                return httpx.Response(200, json={"status": "complete", "result_url": url})
            return httpx.Response(200, json=self.result(step))
        if "/executions/" in path:
            return httpx.Response(200, json=self.execution())
        listed = [
            {"pipeline_id": one, "name": name, "steps": []} for one, name in self.names.items()
        ]
        if path.endswith("/pipelines"):
            return httpx.Response(200, json={"pipelines": listed, "total": len(listed)})
        return httpx.Response(200, json=listed[0])

    def result(self, step: str) -> dict[str, Any]:
        if step == "0":
            return {"status": "complete", "success": True, "markdown": "# Invoice"}
        data = {"total": 12.5, "total_citations": ["/page/0/Text/1"]}
        return {"status": "complete", "success": True, "extraction_schema_json": data}

    def execution(self) -> dict[str, Any]:
        seconds = self.clock.monotonic()
        ended = seconds >= 30
        words = ["running", "pending"] if not ended else list(self.step_ends)
        if ended and seconds < 30 + self.lag:
            words[-1] = "running"
        now = self.clock.now().isoformat()
        return {
            "execution_id": "pex_1",
            "pipeline_id": "pl_1",
            "pipeline_version": 1,
            "status": self.end if ended else "running",
            "completed_at": now if ended else None,
            "steps": [
                {"step_index": n, "step_type": kind, "status": word}
                for n, (kind, word) in enumerate(zip(["convert", "extract"], words, strict=True))
            ],
        }


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def client(way: Way, server: Server) -> Any:
    return way.client_over(server, clock=server.clock)


def test_a_name_is_looked_up(way: Way, client: Any, server: Server) -> None:
    assert way.done(client.pipelines.get("Invoices")).id == "pl_1"
    assert [one.url.path for one in server.requests] == [
        "/api/v1/pipelines",
        "/api/v1/pipelines/pl_1",
    ]


def test_an_id_is_not_looked_up(way: Way, client: Any, server: Server) -> None:
    way.done(client.pipelines.get("pl_1"))
    assert len(server.requests) == 1


def test_a_name_that_several_have_is_not_guessed(way: Way, client: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="pl_2, pl_3"):
        way.done(client.pipelines.archive("Letters"))


def test_a_name_that_nobody_has_is_not_found(way: Way, client: Any) -> None:
    with pytest.raises(NotFoundError, match=r"'Bills'.*list\(\)"):
        way.done(client.pipelines.rate("Bills"))


@pytest.mark.parametrize(
    "wrong", [{"version": -1}, {"page_range": "x"}, {"upload": "x"}, {"mode": "fast"}]
)
def test_a_wrong_argument_is_told_before_a_name_is_looked_up(
    way: Way, client: Any, server: Server, wrong: dict[str, Any]
) -> None:
    with pytest.raises((InvalidArgumentError, TypeError)):
        way.done(client.pipelines.run("Invoices", b"%PDF-1.7", name="a.pdf", **wrong))
    assert not server.requests


def test_the_timeout_of_a_run_counts_the_look_up_of_the_name(
    way: Way, client: Any, server: Server
) -> None:
    server.seconds = 4
    way.done(client.pipelines.run("Invoices", b"%PDF-1.7", name="a.pdf", timeout=9))
    longest = [max(one.extensions["timeout"].values()) for one in server.requests]
    assert longest == pytest.approx([9, 5])


def test_the_result_of_a_step_may_name_its_own_request(
    way: Way, client: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.clock.advance(60)
    real = server.result
    monkeypatch.setattr(server, "result", lambda step: {**real(step), "request_id": "Qm3x"})
    result = way.done(client.pipelines.executions.step_result("pex_1", "convert"))
    assert result.id == "convert/Qm3x"


def test_a_run_is_waited_for_and_its_results_are_typed(
    way: Way, client: Any, server: Server
) -> None:
    handle = way.done(client.pipelines.run("pl_1", b"%PDF-1.7", name="a.pdf"))
    execution = way.done(handle.result())
    assert (execution.status, server.clock.monotonic() >= 30) == (Status.COMPLETED, True)
    conversion = way.done(handle.step_result(0))
    assert isinstance(conversion, Conversion)
    assert conversion.markdown == "# Invoice"
    executions = client.pipelines.executions
    extraction = way.done(executions.step_result(execution, "extract", task=Extract(Invoice)))
    assert isinstance(extraction, Extraction)
    assert extraction.value == Invoice(total=12.5)
    assert extraction.data == {"total": 12.5}


def test_a_result_behind_a_url_is_fetched_without_the_key(
    way: Way, client: Any, server: Server
) -> None:
    server.behind_url = True
    server.clock.sleep(40)
    result = way.done(client.pipelines.executions.step_result("pex_1", -1))
    assert result.data == {"total": 12.5}
    assert server.requests[-1].url.host == "storage.example"
    assert "x-api-key" not in server.requests[-1].headers


def test_errors_in_a_part_are_told_and_the_rest_is_usable(
    way: Way, client: Any, server: Server
) -> None:
    server.end, server.step_ends = "completed_with_errors", ["completed", "failed"]
    execution = way.done(client.pipelines.executions.result("pex_1"))
    assert (execution.succeeded, execution.partially_failed) == (False, True)
    assert [failure.step for failure in execution.failures] == ["extract (step 1)"]
    with pytest.raises(InvalidArgumentError, match="has no result: it is FAILED"):
        way.done(client.pipelines.executions.step_result(execution, "extract"))


def test_without_anything_usable_the_result_raises(way: Way, client: Any, server: Server) -> None:
    server.end, server.step_ends = "completed_with_errors", ["failed", "skipped"]
    with pytest.raises(PipelineFailedError, match=r"convert \(step 0\)") as caught:
        way.done(client.pipelines.executions.result("pex_1"))
    assert caught.value.snapshot.id == "pex_1"
    assert way.done(client.pipelines.executions.wait("pex_1")).partially_failed


def test_a_step_that_lags_behind_is_asked_for_again(way: Way, client: Any, server: Server) -> None:
    server.lag = 5
    execution = way.done(client.pipelines.executions.result("pex_1"))
    assert all(step.is_terminal for step in execution.steps)
    assert 35 <= server.clock.monotonic() < 60


@pytest.mark.parametrize("step", [2, -3, "fill", True, None, 1.5])
def test_a_step_that_is_not_there_is_said(way: Way, client: Any, server: Server, step: Any) -> None:
    server.clock.sleep(40)
    with pytest.raises(InvalidArgumentError, match=r"no step|A step is given"):
        way.done(client.pipelines.executions.step_result("pex_1", step))


def test_a_handle_comes_back_from_json(way: Way, client: Any) -> None:
    handle = client.pipelines.executions.handle("pex_1")
    again = client.pipelines.executions.handle(json.loads(json.dumps(handle.to_dict())))
    assert again == handle
    with pytest.raises(WaitTimeoutError, match="pex_1"):
        way.done(again.wait(timeout=5))


def test_many_are_waited_for_as_one(way: Way, client: Any) -> None:
    outcomes = way.done(client.pipelines.executions.wait_many(["pex_1", "pex_1"]))
    assert [outcome.id for outcome in outcomes] == ["pex_1", "pex_1"]
    assert all(outcome.succeeded for outcome in outcomes)


def test_the_timeline_is_that_of_a_pipeline(way: Way, client: Any, server: Server) -> None:
    server.clock.sleep(40)
    timeline = way.done(client.pipelines.executions.get("pex_1")).timeline()
    assert str(timeline).startswith("Pipeline execution pex_1")
    assert "pipeline pl_1" in str(timeline)
