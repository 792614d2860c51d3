"""A host has several addresses, some of which lead nowhere, and a resolver that may hang."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpcore
import pytest

from datalab_facade import APIConnectionError, APITimeoutError, ConnectionSetupError
from datalab_facade.interrupting import Interrupted, Interruption
from datalab_facade.testing import Simulator, SimulatorServer
from datalab_facade.transport.network.resolving import Address, Resolver
from datalab_facade.transport.network.sockets import _first_to_connect
from tests.in_process import NEVER_ENDS
from tests.outputs.conftest import until
from tests.sockets.conftest import Caller
from tests.sockets.test_deadlines import GRACE
from tests.ways import KINDS, Way

HOST = "datalab.test"


class Addresses:
    """What the resolver says of the one host there is."""

    def __init__(self, port: int) -> None:
        self.live = ("127.0.0.1", port)
        self.found: list[tuple[str, int]] = [self.live]
        self.asked = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self._real = socket.getaddrinfo

    def find(self, host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host != HOST:
            return self._real(host, port, *args, **options)
        self.asked += 1
        self.go_on.wait()
        if not self.found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, address) for address in self.found]


@pytest.fixture
def addresses(server: SimulatorServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Addresses]:
    addresses = Addresses(urlsplit(server.api_url).port or 0)
    monkeypatch.setattr(socket, "getaddrinfo", addresses.find)
    yield addresses
    addresses.go_on.set()


@pytest.fixture
def url(server: SimulatorServer) -> str:
    return f"http://{HOST}:{urlsplit(server.api_url).port}"


@pytest.fixture
def swallowing() -> Iterator[tuple[str, int]]:
    """Give an address that answers no SYN, as its queue of connections is full."""
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = opened.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        yield listener.getsockname()


@pytest.fixture
def refusing() -> Iterator[tuple[str, int]]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()


@pytest.fixture
def call(way: Way, url: str) -> Caller:
    """Give a way to call a method of ``client.executions`` at the host, and time it."""
    return Caller(way.kind, {"base_url": url, "allow_http": True})


def test_an_address_that_swallows_costs_a_moment_only(
    simulator: Simulator,
    call: Caller,
    addresses: Addresses,
    swallowing: tuple[str, int],
) -> None:
    addresses.found = [swallowing, addresses.live]
    outcome = call("get", simulator.start(NEVER_ENDS), timeout=20)
    assert outcome.error is None
    assert 0.2 < outcome.seconds < 0.25 + GRACE


def test_an_address_that_refuses_costs_nothing(
    simulator: Simulator,
    call: Caller,
    addresses: Addresses,
    refusing: tuple[str, int],
) -> None:
    addresses.found = [refusing, refusing, addresses.live]
    outcome = call("get", simulator.start(NEVER_ENDS), timeout=20)
    assert outcome.error is None


def test_an_address_that_the_system_does_not_even_try_costs_nothing(
    simulator: Simulator, call: Caller, addresses: Addresses
) -> None:
    # Nobody may connect to the address of all machines.
    addresses.found = [("255.255.255.255", 9), addresses.live]
    outcome = call("get", simulator.start(NEVER_ENDS), timeout=20)
    assert outcome.error is None


def test_where_no_address_can_be_tried_the_last_failure_is_told(
    call: Caller, addresses: Addresses
) -> None:
    addresses.found = [("255.255.255.255", 9)] * 2
    outcome = call("get", 1, max_retries=0)
    assert type(outcome.error) is APIConnectionError
    assert not outcome.error.may_have_arrived


def test_all_addresses_share_the_time(
    call: Caller, addresses: Addresses, swallowing: tuple[str, int]
) -> None:
    addresses.found = [swallowing] * 3
    outcome = call("get", 1, timeout=0.7)
    assert isinstance(outcome.error, APITimeoutError)
    assert outcome.seconds < 0.7 + GRACE


def test_an_address_that_says_nothing_is_not_given_up_for_one_that_refuses(
    call: Caller,
    addresses: Addresses,
    swallowing: tuple[str, int],
    refusing: tuple[str, int],
) -> None:
    addresses.found = [swallowing, refusing]
    outcome = call("get", 1, timeout=0.7)
    assert isinstance(outcome.error, APITimeoutError)
    assert outcome.seconds < 0.7 + GRACE


def test_an_address_that_is_only_slow_goes_on_while_the_next_is_tried(
    swallowing: tuple[str, int],
) -> None:
    """The second never answers, so the first is not given up for it."""
    with socket.socket() as late:
        late.bind(("127.0.0.1", 0))
        late.listen(0)
        fillers = [socket.socket() for _ in range(2)]
        for filler in fillers:
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(late.getsockname())

        def accept() -> None:
            for _ in fillers:
                late.accept()[0].close()

        accepting = threading.Timer(0.4, accept)
        accepting.start()
        found = [Address(socket.AF_INET, one) for one in (late.getsockname(), swallowing)]
        with _first_to_connect(found, time.monotonic() + 10) as connected:
            assert connected.getpeername() == late.getsockname()
        accepting.join()
        for filler in fillers:
            filler.close()


def test_a_host_that_refuses_everywhere_is_an_error_that_says_what_to_check(
    call: Caller, addresses: Addresses, refusing: tuple[str, int]
) -> None:
    addresses.found = [refusing] * 2
    outcome = call("get", 1, max_retries=0)
    assert type(outcome.error) is APIConnectionError
    assert not outcome.error.may_have_arrived


def test_a_resolver_that_hangs_does_not_outlive_the_deadline(
    call: Caller, addresses: Addresses
) -> None:
    """Nor does the event loop wait for it in the end."""
    addresses.go_on.clear()
    outcome = call("get", 1, timeout=0.7, request_timeout=0.2)
    assert isinstance(outcome.error, APITimeoutError)
    assert outcome.seconds < 0.7 + GRACE
    assert addresses.asked == 1, "each try left a thread behind"


def test_a_host_without_addresses_is_an_error_that_says_so(
    call: Caller, addresses: Addresses
) -> None:
    addresses.found = []
    outcome = call("get", 1, max_retries=0)
    assert type(outcome.error) is ConnectionSetupError
    assert "not known" in str(outcome.error)


def test_the_families_of_a_host_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"6": socket.AF_INET6, "4": socket.AF_INET}
    known = [
        (kinds[one[0]], socket.SOCK_STREAM, 6, "", (one, 443))
        for one in ("6a", "6b", "6c", "4a", "6a")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: known)
    assert [one.where[0] for one in Resolver().find(HOST, 443, 5)] == ["6a", "4a", "6b", "6c"]


def test_who_stops_waiting_leaves_the_lookup_to_the_others(addresses: Addresses) -> None:
    resolver = Resolver()
    addresses.go_on.clear()

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await resolver.find_async(HOST, 80)

    asyncio.run(impatient())
    with pytest.raises(httpcore.ConnectTimeout):
        resolver.find(HOST, 80, 0.05)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(resolver.find, HOST, 80, 20)
        addresses.go_on.set()
        assert [one.where for one in waiting.result()] == addresses.found
    assert addresses.asked == 1


def test_a_lookup_that_hangs_holds_no_thread_that_is_not_wanted_any_more(
    addresses: Addresses,
) -> None:
    addresses.go_on.clear()
    interruption = Interruption()

    def find() -> None:
        with interruption:
            Resolver().find(HOST, 80, 20)

    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(find)
        until(lambda: addresses.asked == 1)
        interruption.set_off()
        with pytest.raises(Interrupted):
            waiting.result(GRACE)


def test_where_no_thread_can_be_had_the_next_lookup_begins_anew(
    addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    resolver = Resolver()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(httpcore.ConnectError, match="can't start new thread"):
            resolver.find(HOST, 80, 5)
        with pytest.raises(httpcore.ConnectError, match="can't start new thread"):
            asyncio.run(resolver.find_async(HOST, 80))
    assert [one.where for one in resolver.find(HOST, 80, 5)] == addresses.found


def test_a_lookup_that_breaks_is_told_as_it_is_and_the_next_begins_anew(
    addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise MemoryError

    resolver = Resolver()
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", broken)
        with pytest.raises(MemoryError):
            resolver.find(HOST, 80, 5)
        with pytest.raises(MemoryError):
            asyncio.run(resolver.find_async(HOST, 80))
    assert [one.where for one in resolver.find(HOST, 80, 5)] == addresses.found


@pytest.mark.parametrize("literal", ["127.0.0.1", "::1"])
def test_an_address_needs_no_lookup(literal: str, addresses: Addresses) -> None:
    [found] = Resolver().find(literal, 80, 5)
    assert found.where[:2] == (literal, 80)
    assert addresses.asked == 0


@pytest.mark.parametrize("way", KINDS, indirect=True)
@pytest.mark.parametrize("hanging", ["resolver", "address"])
def test_what_never_left_is_known_not_to_have_arrived(
    call: Caller, hanging: str, addresses: Addresses, swallowing: tuple[str, int]
) -> None:
    """So that a submission can be sent again."""
    addresses.found = [swallowing]
    if hanging == "resolver":
        addresses.go_on.clear()
    outcome = call("get", 1, timeout=0.1)
    assert isinstance(outcome.error, APITimeoutError)
    assert not outcome.error.may_have_arrived
