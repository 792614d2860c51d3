"""A client in odd surroundings: stopped clocks, other event loops, pickles, the environment."""

from __future__ import annotations

import asyncio
import copy
import importlib.util
import inspect
import pickle
import sys
import time
from pathlib import Path
from typing import Any

import certifi
import httpx
import pytest

from datalab_facade import (
    AsyncDatalab,
    ClientStateError,
    ConfigurationError,
    Datalab,
    LocalRateLimiter,
    WaitPolicy,
    WaitTimeoutError,
)
from datalab_facade.clock import SystemClock, wait_by
from datalab_facade.testing import Fault
from datalab_facade.transport.network.environment import certificates, proxy_for
from tests.in_process import FINISHED, Recorder
from tests.secrets_for_tests import API_KEY
from tests.ways import KINDS_ON_SOCKETS, Way

PASSWORD = "hunter2-hunter2"


# Stopped clocks.


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Stop the clock, as freezegun does, and note what is slept."""
    slept: list[float] = []
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def test_a_rate_limiter_gives_slots_also_where_the_clock_stands_still(stopped: list[float]) -> None:
    recorder = Recorder()
    limiter = LocalRateLimiter(200, burst=1)
    http = httpx.Client(transport=recorder)
    with Datalab(API_KEY, http_client=http, rate_limiter=limiter) as client:
        for _ in range(12):
            client.executions.get(7)
    assert len(recorder.requests) == 12
    # Its pace is the same as ever.
    assert sum(stopped) == pytest.approx(10 * 60 / 200, rel=0.1)


def test_a_wait_ends_at_its_deadline_also_where_the_clock_stands_still(
    stopped: list[float],
) -> None:
    recorder = Recorder(Fault.status(200, {**FINISHED, "status": "IN_PROGRESS"}))
    with (
        Datalab(API_KEY, http_client=httpx.Client(transport=recorder)) as client,
        pytest.raises(TimeoutError),
    ):
        client.executions.wait(7, timeout=20)
    assert sum(stopped) == pytest.approx(20, rel=0.1)


async def test_a_sleep_that_no_event_loop_would_end_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = Recorder(Fault.status(200, {**FINISHED, "status": "IN_PROGRESS"}))
    async with AsyncDatalab(API_KEY, http_client=httpx.AsyncClient(transport=recorder)) as client:
        now = time.monotonic()
        with monkeypatch.context() as patched:
            patched.setattr(time, "monotonic", lambda: now)
            with pytest.raises(ClientStateError, match="real_asyncio"):
                await client.executions.wait(7)
        policy = WaitPolicy(min_interval=0.01, max_interval=0.01)
        with pytest.raises(TimeoutError):
            await client.executions.wait(7, timeout=0.2, policy=policy)


async def test_async_waiting_ends_at_its_deadline_where_only_the_event_loops_clock_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = Recorder(Fault.status(200, {**FINISHED, "status": "IN_PROGRESS"}))
    loop, goes_on = asyncio.get_running_loop(), time.monotonic
    policy = WaitPolicy(min_interval=0.01, max_interval=0.01)
    http = httpx.AsyncClient(transport=recorder)
    async with AsyncDatalab(API_KEY, http_client=http, requests_per_minute=None) as client:
        with monkeypatch.context() as patched:
            now = time.monotonic()
            # As freezegun does with real_asyncio=True.
            patched.setattr(loop, "time", goes_on)
            patched.setattr(time, "monotonic", lambda: now)
            with pytest.raises(WaitTimeoutError):
                await client.executions.wait(7, timeout=0.3, policy=policy)
        assert 0.1 < goes_on() - now < 5
    assert len(recorder.requests) > 2


async def test_a_wait_for_others_by_a_clock_that_cannot_sleep_says_so() -> None:
    class Stopped(SystemClock):
        async def sleep_async(self, seconds: float) -> None:
            raise ClientStateError(f"no sleep of {seconds} s ends here")

    waited_for: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with pytest.raises(ClientStateError, match="no sleep of 5"):
        await wait_by(Stopped(), waited_for, 5.0)


# Other event loops.


def without_loop(coroutine: Any) -> None:
    """Begin to run a coroutine where asyncio does not, as trio would."""
    if inspect.isasyncgen(coroutine):
        coroutine = anext(coroutine)
    coroutine.__await__().send(None)


@pytest.mark.parametrize(
    "call",
    [
        lambda client, _: client.executions.get(7),
        lambda client, _: client.executions.wait(7),
        lambda client, _: client.executions.watch(7),
        lambda client, _: client.executions.as_completed([7]),
        lambda client, _: client.executions.watch_many([7]),
        lambda client, _: client.executions.wait_many([7]),
        lambda client, _: client.outputs.save_all(7, "out"),
        lambda client, path: client.files.upload(path),
        lambda client, path: client.files.upload_many([path]),
        lambda client, _: client.files.list(),
        lambda client, _: client.files.download(7, "out"),
        lambda client, _: client.workflows.get(7),
        lambda client, path: client.run(7, [path], output_dir=path.parent / "out"),
    ],
)
def test_another_event_loop_than_asyncios_is_an_error(call: Any, tmp_path: Path) -> None:
    document = tmp_path / "a.pdf"
    document.write_bytes(b"%PDF")
    client = AsyncDatalab(API_KEY)
    with pytest.raises(ClientStateError, match="asyncio event loop"):
        without_loop(call(client, document))


# Pickles.


@pytest.mark.parametrize("kind", [Datalab, AsyncDatalab])
def test_a_client_and_what_belongs_to_it_says_that_it_cannot_be_pickled(kind: Any) -> None:
    client = kind(API_KEY)
    parts = [client, client.executions, client.outputs, client.files, client.workflows]
    for thing in [*parts, client.executions.get, client.run, [client]]:
        for save in (pickle.dumps, copy.deepcopy):
            with pytest.raises(ClientStateError, match="Make one in each process"):
                save(thing)
    assert pickle.loads(pickle.dumps(client.executions.handle(7))).id == 7


# The environment.


each_kind = pytest.mark.parametrize("way", KINDS_ON_SOCKETS, indirect=True)


@each_kind
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize(
    "address",
    [
        f"http://ada:{PASSWORD}#1@proxy.example:3128",
        f"http://ada:1/{PASSWORD}@proxy.example:3128",
        f"http://ada:1?{PASSWORD}@proxy.example:3128",
        f"ada:{PASSWORD}#@proxy.example:3128",
        f"http://ada:{PASSWORD}@proxy.example:port",
        f"http://ada:{PASSWORD}@[::1",
        f"http://ada:{PASSWORD}",
        f"ftp://ada:{PASSWORD}@proxy.example",
        f"http:/ada:{PASSWORD}@proxy.example",
        f"://ada:{PASSWORD}@proxy.example:3128",
        f"http://ada:{PASSWORD}@exa mple:3128",
        f"http://ada:{PASSWORD}@a..b\\c:3128",
        f"http://ada:{PASSWORD}@",
        f"http://ada:{PASSWORD}@:3128",
        "http:///proxy.example",
        ":3128",
        "/",
    ],
)
def test_a_proxy_that_cannot_be_used_is_an_error_that_names_its_variable_without_its_password(
    way: Way, variable: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, address)
    with pytest.raises(ConfigurationError, match=variable) as caught:
        way.network_client()
    assert PASSWORD not in f"{caught.value}{caught.value!r}{caught.value.__cause__!r}"


@each_kind
@pytest.mark.parametrize("entry", ["[::1]", "fe80::/10", "a.example, [::1]:80", "é..x", "\x7f"])
def test_an_entry_of_no_proxy_that_cannot_be_used_is_an_error(
    way: Way, entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", entry)
    with pytest.raises(ConfigurationError, match="NO_PROXY has an entry") as caught:
        way.network_client()
    assert str(caught.value).isprintable()
    monkeypatch.setenv("NO_PROXY", f"{entry},*")
    way.network_client()


@each_kind
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_not_there_are_an_error_with_their_path(
    way: Way, variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = tmp_path / "no such thing"
    monkeypatch.setenv(variable, str(missing))
    with pytest.raises(ConfigurationError, match=f"{variable} names .*no such thing"):
        way.network_client()


def test_a_file_without_certificates_is_an_error_with_its_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "junk.pem").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "junk.pem"))
    with pytest.raises(ConfigurationError, match=r"SSL_CERT_FILE names .*junk\.pem"):
        Datalab(API_KEY)


def test_clients_share_the_certificates_until_these_change(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert certificates() is certificates()
    named = tmp_path / "ours.pem"
    named.write_bytes(Path(certifi.where()).read_bytes())
    usual = certificates()
    monkeypatch.setenv("SSL_CERT_FILE", str(named))
    ours = certificates()
    assert ours is not usual
    assert ours is certificates()
    named.write_bytes(named.read_bytes() + b"\n")
    assert certificates() is not ours
    named.write_text("no certificate")
    with pytest.raises(ConfigurationError, match=r"SSL_CERT_FILE names .*ours\.pem"):
        certificates()


@pytest.mark.parametrize(
    ("no_proxy", "direct", "through"),
    [
        ("", [], ["https://a.example", "https://[::1]"]),
        ("*", ["https://a.example", "https://[::1]"], []),
        ("a.example", ["https://a.example", "https://b.a.example"], ["https://xa.example"]),
        (".a.example", ["https://b.a.example"], ["https://a.example"]),
        ("A.EXAMPLE", ["https://a.example"], []),
        ("::1", ["https://[::1]:8443"], ["https://[::2]"]),
        ("10.0.0.1", ["https://10.0.0.1:8443"], ["https://10.0.0.2"]),
        ("localhost", ["https://localhost:8443"], ["https://a.localhost"]),
        ("a.example:8443", ["https://a.example:8443"], ["https://a.example"]),
        ("https://a.example", ["https://a.example"], ["https://b.a.example"]),
        ("http://a.example", [], ["https://a.example"]),
        ("x.example, a.example", ["https://a.example"], []),
    ],
)
def test_no_proxy_means_what_it_means_for_httpx(
    no_proxy: str, direct: list[str], through: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert not any(map(proxy_for, direct))
    for address in through:
        setting = proxy_for(address)
        assert setting is not None
        assert (setting.variable, setting.address) == ("HTTPS_PROXY", "http://proxy.example:3128")


def test_the_aiohttp_transport_refuses_a_proxy_that_speaks_socks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"socks5://ada:{PASSWORD}@proxy.example:1080")
    with pytest.raises(ConfigurationError) as caught:
        AsyncDatalab(API_KEY, transport="aiohttp")
    assert PASSWORD not in f"{caught.value}{caught.value!r}"
    assert "ALL_PROXY" in str(caught.value)
    assert "transport='httpx'" in str(caught.value)


@pytest.mark.parametrize("kind", [Datalab, AsyncDatalab])
def test_a_socks_proxy_without_its_package_is_an_error_that_names_its_variable(
    kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("ALL_PROXY", f"socks5h://ada:{PASSWORD}@proxy.example:1080")
    with pytest.raises(ConfigurationError, match=r"ALL_PROXY.*install httpx\[socks\]") as caught:
        kind(API_KEY)
    assert PASSWORD not in str(caught.value)
