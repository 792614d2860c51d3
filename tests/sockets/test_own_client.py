"""An HTTP client of the caller's own is used as it is, and never changed."""

from __future__ import annotations

import time
from typing import Any

import httpcore
import httpx
import pytest

from datalab_facade import (
    APITimeoutError,
    AsyncDatalab,
    ClientStateError,
    ConfigurationError,
    Datalab,
)
from datalab_facade.testing import ExecutionScript, Fault, Simulator, SimulatorServer, StepScript
from tests.secrets_for_tests import API_KEY

# What httpcore's pool itself changes while requests come and go.
_MOVING = frozenset({"_connections", "_requests"})


def state(client: httpx.Client | httpx.AsyncClient) -> dict[str, object]:
    """Give all that a client is, down to its pools."""
    found: dict[str, object] = {}
    for name, value in vars(client).items():
        found[name] = value.copy() if isinstance(value, (dict, list)) else value
    found["_state"] = client.is_closed
    found["hooks"] = {name: list(hooks) for name, hooks in client.event_hooks.items()}
    found["cookies"] = dict(client.cookies)
    found["headers"] = dict(client.headers)
    found["timeout"] = client.timeout.as_dict()
    for number, transport in enumerate([client._transport, *client._mounts.values()]):
        if transport is not None:
            pool = vars(transport)["_pool"]
            found[f"transport {number}"] = vars(transport).copy()
            found[f"pool {number}"] = {
                name: value for name, value in vars(pool).items() if name not in _MOVING
            }
    return found


def options() -> dict[str, Any]:
    return {
        "headers": {"X-Own": "1"},
        "cookies": {"own": "cookie"},
        "timeout": httpx.Timeout(7.0, connect=3.0),
        "limits": httpx.Limits(max_connections=5),
        "follow_redirects": True,
    }


@pytest.fixture
def execution_id(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> int:
    # So that there are several transports.
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    return simulator.start(ExecutionScript([StepScript("parse", output={"a": 1})]))


def test_a_blocking_one_is_the_same_after_use_and_close(
    server: SimulatorServer, execution_id: int
) -> None:
    seen: list[httpx.Request] = []
    hooks: dict[str, list[Any]] = {"request": [seen.append], "response": []}
    with httpx.Client(event_hooks=hooks, **options()) as own:
        own.get(server.api_url)
        before = state(own)
        with Datalab(API_KEY, base_url=server.api_url, http_client=own) as client:
            assert state(own) == before
            [output] = client.executions.get(execution_id).outputs
            assert client.outputs.read_json(output) == {"a": 1}
            assert state(own) == before
        assert state(own) == before
        assert isinstance(before["pool 0"], dict)
        assert isinstance(before["pool 0"]["_network_backend"], httpcore.SyncBackend)
        own.get(server.api_url)
    assert len(seen) == 4


async def test_an_async_one_is_the_same_after_use_and_close(
    server: SimulatorServer, execution_id: int
) -> None:
    seen: list[httpx.Request] = []

    async def see(request: httpx.Request) -> None:
        seen.append(request)

    hooks: dict[str, list[Any]] = {"request": [see], "response": []}
    async with httpx.AsyncClient(event_hooks=hooks, **options()) as own:
        await own.get(server.api_url)
        before = state(own)
        async with AsyncDatalab(API_KEY, base_url=server.api_url, http_client=own) as client:
            assert state(own) == before
            [output] = (await client.executions.get(execution_id)).outputs
            assert await client.outputs.read_json(output) == {"a": 1}
            assert state(own) == before
        assert state(own) == before
        await own.get(server.api_url)
    assert len(seen) == 4


DRIP = Fault.slow(1, every=0.1)


def test_a_deadline_bounds_each_silence_and_then_the_whole_of_a_blocking_one(
    simulator: Simulator, server: SimulatorServer, execution_id: int
) -> None:
    """What comes in drops is given up at the first drop after the deadline."""
    simulator.inject_always(DRIP, origin="api")
    with httpx.Client() as own:
        client = Datalab(API_KEY, base_url=server.api_url, http_client=own, max_retries=0)
        began = time.monotonic()
        with pytest.raises(APITimeoutError):
            client.executions.get(execution_id, timeout=0.5)
        assert time.monotonic() - began < 0.5 + 0.75
        simulator.clear_faults()
        simulator.inject_always(Fault.hang(), origin="api")
        began = time.monotonic()
        with pytest.raises(APITimeoutError):
            client.executions.get(execution_id, timeout=0.5)
        assert time.monotonic() - began < 0.5 + 0.75


async def test_a_deadline_bounds_the_whole_of_an_async_one(
    simulator: Simulator, server: SimulatorServer, execution_id: int
) -> None:
    simulator.inject_always(Fault.slow(1, every=0.1, headers=True), origin="api")
    async with httpx.AsyncClient() as own:
        client = AsyncDatalab(API_KEY, base_url=server.api_url, http_client=own, max_retries=0)
        began = time.monotonic()
        with pytest.raises(APITimeoutError):
            await client.executions.get(execution_id, timeout=0.5)
        assert time.monotonic() - began < 0.5 + 0.75


def test_one_that_is_closed_is_not_used(server: SimulatorServer) -> None:
    own = httpx.Client()
    client = Datalab(API_KEY, base_url=server.api_url, http_client=own)
    own.close()
    with pytest.raises(ClientStateError, match="closed"):
        client.executions.get(1)


@pytest.mark.parametrize(
    ("make", "own"), [(Datalab, httpx.Client), (AsyncDatalab, httpx.AsyncClient)]
)
def test_one_with_an_auth_that_would_not_be_used_is_refused(make: Any, own: Any) -> None:
    with pytest.raises(ConfigurationError, match="requests carry the API key") as caught:
        make(API_KEY, http_client=own(auth=("ada", "a password")))
    assert "a password" not in str(caught.value)
