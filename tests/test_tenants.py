"""Clients for other keys, made of one client: what they share with it, and what is their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from datalab_facade import (
    ClientStateError,
    ConfigurationError,
    DownloadError,
    DurationModel,
    InvalidArgumentError,
    LocalRateLimiter,
    Output,
    Status,
)
from datalab_facade.testing import Simulator, SimulatorServer, VirtualClock
from tests.in_process import SOON
from tests.secrets_for_tests import API_KEY, presigned
from tests.sockets.tls import fronted
from tests.test_keys import OTHER_KEY
from tests.ways import KINDS_ON_SOCKETS, Way


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(VirtualClock(), api_key=API_KEY, more_keys=[OTHER_KEY])


def keys_sent(simulator: Simulator) -> list[str | None]:
    return [request.headers.get("x-api-key") for request in simulator.requests.of("api")]


def test_each_sends_its_own_key(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator, headers={"X-Team": "7"})
    tenant = client.with_options(api_key=OTHER_KEY, headers={"X-Tenant": "8"})
    assert type(tenant) is type(client)
    execution_id = simulator.start(SOON)
    for one in (client, tenant, tenant.with_options(max_retries=1), client):
        way.done(one.executions.get(execution_id))
    assert keys_sent(simulator) == [API_KEY, OTHER_KEY, OTHER_KEY, API_KEY]
    names = ("x-team", "x-tenant")
    sent = [[request.headers.get(name) for name in names] for request in simulator.requests]
    assert sent[:2] == [["7", None], ["7", "8"]]


def test_the_key_of_a_tenant_may_change(way: Way, simulator: Simulator) -> None:
    given = ["dl-was-revoked", OTHER_KEY]
    tenant = way.client(simulator).with_options(api_key=lambda: given.pop(0))
    way.done(tenant.executions.get(simulator.start(SOON)))
    assert not given


def test_what_is_seen_and_learnt_is_of_one_tenant_alone(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    model = DurationModel()
    tenants = [
        client.with_options(api_key=OTHER_KEY),
        client.with_options(api_key=OTHER_KEY, duration_model=model),
        client.with_options(api_key=OTHER_KEY, duration_model=None),
    ]
    way.done(tenants[0].executions.get(simulator.start(SOON)))
    assert tenants[0].drift
    assert not client.drift
    models = [one.duration_model for one in (client, *tenants)]
    assert models[2] is model
    assert models[3] is None
    assert len({id(one) for one in models}) == 4
    view = tenants[0].with_options(timeout=5)
    assert view.drift == tenants[0].drift
    assert view.duration_model is tenants[0].duration_model


def test_no_tenant_waits_for_the_slots_of_another(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator, requests_per_minute=1)
    execution_id = simulator.start(SOON)
    tenants = [
        client.with_options(api_key=key, requests_per_minute=1)
        for key in (OTHER_KEY, OTHER_KEY, API_KEY)
    ]
    for one in (client, *tenants):
        way.done(one.executions.get(execution_id))
    assert {request.at for request in simulator.requests} == {simulator.clock.monotonic()}
    way.done(tenants[1].executions.get(execution_id, timeout=100))
    assert simulator.requests[-1].at - simulator.requests[0].at >= 59.9


def test_tenants_may_share_a_rate_limiter(way: Way, simulator: Simulator) -> None:
    client, shared = way.client(simulator), LocalRateLimiter(1)
    execution_id = simulator.start(SOON)
    for _ in range(2):
        tenant = client.with_options(api_key=OTHER_KEY, rate_limiter=shared)
        way.done(tenant.executions.get(execution_id, timeout=100))
    assert simulator.requests[1].at - simulator.requests[0].at >= 59.9


@pytest.mark.parametrize(
    "option",
    [{"rate_limiter": LocalRateLimiter(1)}, {"requests_per_minute": 5}, {"duration_model": None}],
    ids=lambda option: next(iter(option)),
)
def test_one_key_keeps_its_one_rate_limiter(
    way: Way, simulator: Simulator, option: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArgumentError, match=f"{next(iter(option))} needs api_key"):
        way.client(simulator).with_options(**option)


@pytest.mark.parametrize(
    "options",
    [{"api_key": ""}, {"api_key": b"x"}, {"api_key": "x", "duration_model": 5}],
    ids=str,
)
def test_what_cannot_be_used_is_refused_at_once(
    way: Way, simulator: Simulator, options: dict[str, Any]
) -> None:
    with pytest.raises((ConfigurationError, InvalidArgumentError)):
        way.client(simulator).with_options(**options)


# Closing.


def check_closed(way: Way, client: Any) -> None:
    with pytest.raises(ClientStateError, match="closed"):
        way.done(client.executions.get(7))
    output = Output(
        execution_id=7, step="parse", file_key=None, url=presigned(), status=Status.COMPLETED
    )
    with pytest.raises((ClientStateError, DownloadError), match="closed"):
        way.done(client.outputs.read_bytes(output))


def test_closing_a_tenant_leaves_the_others_open(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    tenant, other = (client.with_options(api_key=OTHER_KEY) for _ in range(2))
    view = tenant.with_options(timeout=5)
    nested = tenant.with_options(api_key=API_KEY)
    way.done(tenant.close())
    way.done(tenant.close())
    for one in (tenant, view, nested):
        check_closed(way, one)
    for one in (client, other):
        way.done(one.executions.get(simulator.start(SOON)))


def test_closing_the_client_ends_its_tenants(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    tenant = client.with_options(api_key=OTHER_KEY)
    way.done(client.close())
    check_closed(way, tenant)
    check_closed(way, tenant.with_options(api_key=API_KEY))


# Over sockets.


@pytest.mark.parametrize("way", KINDS_ON_SOCKETS, indirect=True)
def test_tenants_use_the_same_connections(way: Way) -> None:
    simulator = Simulator(api_key=API_KEY, more_keys=[OTHER_KEY])
    with (
        SimulatorServer(simulator) as server,
        fronted(urlsplit(server.api_url).port or 0, tls=False) as front,
    ):
        client = way.network_client(base_url=f"http://127.0.0.1:{front.port}")
        execution_id = simulator.start(SOON)
        for number in range(9):
            key = (API_KEY, OTHER_KEY)[number % 2]
            tenant = client.with_options(api_key=key, requests_per_minute=None)
            way.done(tenant.executions.get(execution_id))
            way.done(tenant.close())
        assert front.accepted == 1
    assert keys_sent(simulator) == [API_KEY, OTHER_KEY] * 4 + [API_KEY]


_MANY = """
import resource, sys, time
from datalab_facade import Datalab

client = Datalab("a-key", base_url="http://127.0.0.1:9")
client.with_options(api_key="another")
before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
tenants = [client.with_options(api_key=f"dl-{'k' * 20}-{number}") for number in range(200)]
seconds = time.process_time() - began
print(seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is counted in bytes")
def test_two_hundred_tenants_cost_little() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _MANY],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONWARNINGS": "error"},
        timeout=50,
    )
    seconds, megabytes = map(float, done.stdout.split())
    assert seconds < 1.0
    assert megabytes < 10
