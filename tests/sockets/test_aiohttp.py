"""The way through aiohttp keeps every promise that the way through httpx keeps."""

from __future__ import annotations

import sys
from typing import Any

import httpx
import pytest

from datalab_facade import (
    APIConnectionError,
    APIStatusError,
    AsyncDatalab,
    ClientStateError,
    ConfigurationError,
    DatalabError,
    InvalidArgumentError,
    InvalidResponseError,
    WaitPolicy,
)
from datalab_facade.testing import Fault, Simulator, SimulatorServer
from tests.in_process import NEVER_ENDS
from tests.secrets_for_tests import API_KEY

FAST = WaitPolicy(min_interval=0.01, max_interval=0.01, max_retries=0)


def client_of(server: SimulatorServer, **options: Any) -> AsyncDatalab:
    return AsyncDatalab(API_KEY, base_url=server.api_url, transport="aiohttp", **options)


async def test_requests_are_the_same_byte_for_byte_but_for_who_sends_them(
    simulator: Simulator, server: SimulatorServer
) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    async with AsyncDatalab(API_KEY, base_url=server.api_url) as one, client_of(server) as other:
        for client in (one, other):
            await client.executions.get(execution_id, headers={"X-Own": "1"})
            [page async for page in client.files.list()]
    seen = [
        {name.lower(): value for name, value in request.headers.items()}
        for request in simulator.requests
    ]
    half = len(seen) // 2
    for ours, theirs in zip(seen[:half], seen[half:], strict=True):
        ours.pop("connection", None)
        assert theirs == ours
    assert [request.query for request in simulator.requests][:half] == [
        request.query for request in simulator.requests
    ][half:]


async def test_a_cookie_is_not_sent_back_and_a_redirect_not_followed(
    simulator: Simulator, server: SimulatorServer
) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    simulator.inject(
        Fault.status(302, None, {"Location": "/elsewhere", "Set-Cookie": "session=1; Path=/"})
    )
    async with client_of(server) as client:
        with pytest.raises(APIStatusError):
            await client.executions.get(execution_id)
        await client.executions.get(execution_id)
    assert len(simulator.requests) == 2
    assert all("cookie" not in request.headers for request in simulator.requests)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.reset(), APIConnectionError),
        (Fault.reset(20), APIConnectionError),
        (Fault.truncate(20), APIConnectionError),
        (Fault.disconnect(), APIConnectionError),
        (Fault.html(), InvalidResponseError),
        (Fault.invalid_json(), InvalidResponseError),
        (Fault.status(503), APIStatusError),
        (Fault.status(200, b"not gzip", {"Content-Encoding": "gzip"}), DatalabError),
    ],
)
async def test_what_goes_wrong_raises_the_same_errors(
    fault: Fault,
    error: type[DatalabError],
    simulator: Simulator,
    server: SimulatorServer,
) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    async with client_of(server, max_retries=0) as client:
        simulator.inject_always(fault)
        with pytest.raises(error) as caught:
            await client.executions.get(execution_id)
        assert API_KEY not in f"{caught.value!r} {caught.value}"
        simulator.clear_faults()
        assert (await client.executions.get(execution_id)).id == execution_id


async def test_a_compressed_answer_is_read(simulator: Simulator, server: SimulatorServer) -> None:
    execution_id = simulator.start(NEVER_ENDS)
    simulator.inject_always(Fault.gzip())
    async with client_of(server) as client:
        assert (await client.executions.get(execution_id)).id == execution_id


async def test_a_server_that_is_not_there_was_certainly_not_reached() -> None:
    async with AsyncDatalab(
        API_KEY, base_url="http://127.0.0.1:1", transport="aiohttp", max_retries=0
    ) as client:
        with pytest.raises(APIConnectionError) as caught:
            await client.executions.get(1)
        assert caught.value.may_have_arrived is False


async def test_a_proxy_of_the_environment_is_used(
    simulator: Simulator, server: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.api_url)
    async with AsyncDatalab(
        API_KEY,
        base_url="http://datalab.invalid",
        allow_http=True,
        transport="aiohttp",
        max_retries=0,
    ) as client:
        with pytest.raises(APIStatusError, match=r"datalab\.invalid"):
            await client.executions.get(1)
    assert len(simulator.requests) == 1


async def test_a_closed_client_says_so(server: SimulatorServer) -> None:
    client = client_of(server)
    await client.close()
    with pytest.raises(ClientStateError, match="closed"):
        await client.executions.get(1)


def test_without_the_package_an_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(ConfigurationError, match=r"install datalab-facade\[aiohttp\]"):
        AsyncDatalab(API_KEY, transport="aiohttp")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"transport": "requests"}, "transport must be"),
        ({"transport": "aiohttp", "http_client": httpx.AsyncClient}, "leave one of them out"),
    ],
)
def test_a_transport_that_makes_no_sense_is_refused(options: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidArgumentError, match=match):
        AsyncDatalab(API_KEY, **options)
