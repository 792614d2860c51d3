"""That the API is going to end an operation reaches the user once, and is counted."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from datalab_facade import AsyncDatalab, Datalab, Drift, NotFoundError, WaitPolicy
from datalab_facade.drift import DriftLog
from datalab_facade.transport import operations
from datalab_facade.transport.api_calls import DeprecationWatch
from tests.secrets_for_tests import API_KEY

STATUS = "GET /api/v1/workflows/executions/{execution_id}"
DATE = "Mon, 31 Aug 2026 23:59:59 GMT"
ENDED: dict[str, Any] = {"execution_id": 123, "status": "COMPLETED", "steps": {}}
HEADERS = {"Deprecation": "@1782864000", "Sunset": DATE}

Seen = Callable[[int], tuple[list[Drift], list[warnings.WarningMessage]]]


def answering(
    headers: dict[str, str], status: int = 200
) -> Callable[[httpx.Request], httpx.Response]:
    def answer(_: httpx.Request) -> httpx.Response:
        body = ENDED if status == 200 else {"detail": "Not here"}
        return httpx.Response(status, json=body, headers=headers)

    return answer


def blocking(answer: Callable[[httpx.Request], httpx.Response]) -> Datalab:
    http_client = httpx.Client(transport=httpx.MockTransport(answer))
    return Datalab(API_KEY, http_client=http_client, max_retries=0)


@pytest.fixture
def caught() -> Iterator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def deprecations(client: Datalab | AsyncDatalab) -> dict[tuple[str, str], int]:
    counts = client.drift.counts.items()
    return {(one.where, one.name): n for one, n in counts if one.kind == "deprecation"}


EXPECTED = {(STATUS, "Deprecation=@1782864000"): 3, (STATUS, f"Sunset={DATE}"): 3}


def test_it_is_told_once_and_counted_each_time(caught: list[warnings.WarningMessage]) -> None:
    with blocking(answering(HEADERS)) as client:
        frame = inspect.currentframe()
        assert frame is not None
        line = frame.f_lineno + 2
        for _ in range(3):
            client.executions.get(123)
        assert deprecations(client) == EXPECTED
    [warning] = caught
    assert warning.category is FutureWarning
    assert f"is going to end {STATUS} (Deprecation=@1782864000, Sunset={DATE})" in str(
        warning.message
    )
    assert (warning.filename, warning.lineno) == (__file__, line)


async def test_it_is_told_once_by_the_async_client_too(
    caught: list[warnings.WarningMessage],
) -> None:
    http_client = httpx.AsyncClient(transport=httpx.MockTransport(answering(HEADERS)))
    async with AsyncDatalab(API_KEY, http_client=http_client, max_retries=0) as client:
        for _ in range(3):
            await client.executions.get(123)
        assert deprecations(client) == EXPECTED
    assert [one.category for one in caught] == [FutureWarning]


def test_it_is_told_of_each_operation_and_by_each_client(
    caught: list[warnings.WarningMessage],
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        body = ENDED if "executions" in request.url.path else {"workflows": []}
        return httpx.Response(200, json=body, headers=HEADERS)

    for _ in range(2):
        with blocking(answer) as client, client.with_options(timeout=3) as view:
            client.executions.get(123)
            view.executions.wait(123, policy=WaitPolicy(min_interval=0.01))
            view.workflows.list()
    said = [str(one.message).partition(" (")[0].partition("end ")[2] for one in caught]
    assert said == [STATUS, "GET /api/v1/workflows/workflows"] * 2


def test_a_refusal_tells_it_too(caught: list[warnings.WarningMessage]) -> None:
    with blocking(answering({"sunset": DATE}, 404)) as client:
        with pytest.raises(NotFoundError):
            client.executions.get(123)
        assert deprecations(client) == {(STATUS, f"Sunset={DATE}"): 1}
    assert len(caught) == 1


def test_a_filter_that_makes_errors_of_warnings_loses_no_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with blocking(answering({"deprecation": "true"})) as client:
            assert client.executions.get(123).succeeded
    assert f"deprecation Deprecation=true in {STATUS}" in caplog.text


@pytest.mark.parametrize("value", ["false", "?0", "", " "])
def test_what_says_that_nothing_ends_is_not_told(
    value: str, caught: list[warnings.WarningMessage]
) -> None:
    with blocking(answering({"deprecation": value})) as client:
        client.executions.get(123)
        assert not deprecations(client)
    assert not caught


def test_what_the_document_says_is_told_as_well(
    caught: list[warnings.WarningMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "_deprecated", lambda: frozenset({STATUS}))
    with blocking(answering({})) as client:
        client.executions.get(123)
        client.executions.get(123)
        assert deprecations(client) == {(STATUS, "deprecated=true"): 2}
    assert len(caught) == 1


def test_whatever_a_server_says_is_told_in_one_short_line_without_ids(
    caught: list[warnings.WarningMessage],
) -> None:
    log = DriftLog()
    watched = DeprecationWatch(log)
    long = "x" * 10_000
    said = {"deprecation": f"see https://a.test/?sig=s3cret {long}", "sunset": "\x1b[31m\u2028a"}
    watched.heed(operations.file_download_url("npl94jxy", 60), said)
    [one] = [str(warning.message) for warning in caught]
    assert "end GET /api/v1/files/{file_id}/download (" in one
    for text in (one, str(log.report())):
        assert "s3cret" not in text
        assert "npl94jxy" not in text
    assert one.isprintable()
    assert len(one) < 500
