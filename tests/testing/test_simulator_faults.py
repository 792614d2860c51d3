"""What can go wrong with an answer goes wrong alike in process and over sockets."""

from __future__ import annotations

import gzip
import json

import httpx
import pytest

from datalab_facade.testing import (
    Fault,
    Request,
    Simulator,
    SimulatorTransport,
    WouldHangForeverError,
)
from tests.ways import Way

from .carriers import Carrier


def test_an_answer_without_fault_is_whole(carrier: Carrier, execution_path: str) -> None:
    """The plain case, for comparison with the rest."""
    outcome = carrier.get(execution_path)
    assert outcome.status == 200
    assert outcome.error is None
    assert len(outcome.body) == int(outcome.headers["content-length"])
    assert outcome.headers["date"] == "Wed, 22 Oct 2025 10:02:00 GMT"


def test_a_status_comes_with_its_body_and_headers(carrier: Carrier, execution_path: str) -> None:
    """What the fault says is answered, to the byte."""
    carrier.simulator.inject(
        Fault.status(503, body={"detail": "é"}, headers={"Retry-After": "2"}),
        Fault.status(502, body=b"<html>", headers={"Content-Type": "text/html"}),
    )
    first, second, third = (carrier.get(execution_path) for _ in range(3))
    assert (first.status, first.headers["retry-after"]) == (503, "2")
    assert first.headers["content-type"] == "application/json"
    assert first.body == '{"detail":"é"}'.encode()
    assert (second.status, second.body) == (502, b"<html>")
    assert second.headers["content-type"] == "text/html"
    assert third.status == 200


@pytest.mark.parametrize("status", [401, 403, 404, 413, 429, 500, 529, 999])
def test_a_status_alone_has_a_detail(carrier: Carrier, execution_path: str, status: int) -> None:
    """A status unknown to HTTP also gets a body like the API's."""
    carrier.simulator.inject(Fault.status(status))
    outcome = carrier.get(execution_path)
    assert outcome.status == status
    assert isinstance(json.loads(outcome.body)["detail"], str)


def test_html_invalid_json_and_redirects_can_be_played(
    carrier: Carrier, execution_path: str
) -> None:
    """Complete answers that are not what the API sends."""
    carrier.simulator.inject(
        Fault.html(), Fault.invalid_json(), Fault.redirect("https://elsewhere.invalid/")
    )
    html, half, moved = (carrier.get(execution_path) for _ in range(3))
    assert (html.status, html.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert html.body.startswith(b"<!DOCTYPE html>")
    assert (half.status, half.headers["content-type"]) == (200, "application/json")
    with pytest.raises(json.JSONDecodeError):
        json.loads(half.body)
    assert (moved.status, moved.headers["location"]) == (307, "https://elsewhere.invalid/")


def test_a_compressed_body_is_the_same_body(carrier: Carrier, execution_path: str) -> None:
    """``Content-Length`` counts what is sent; the client decompresses."""
    carrier.simulator.inject(Fault.gzip())
    outcome = carrier.get(execution_path)
    assert outcome.headers["content-encoding"] == "gzip"
    assert json.loads(outcome.body)["status"] == "COMPLETED"
    assert int(outcome.headers["content-length"]) == len(gzip.compress(outcome.body))


def test_a_delay_within_the_read_timeout_only_takes_time(
    carrier: Carrier, execution_path: str
) -> None:
    """The answer comes late, and whole."""
    carrier.simulator.inject(Fault.delay(carrier.unit))
    outcome = carrier.get(execution_path, timeout=100 * carrier.unit)
    assert outcome.status == 200
    assert outcome.seconds >= carrier.unit


def test_a_delay_beyond_the_read_timeout_ends_in_it(carrier: Carrier, execution_path: str) -> None:
    """The client gives up after its own timeout, not after the delay."""
    carrier.simulator.inject(Fault.delay(50 * carrier.unit))
    outcome = carrier.get(execution_path, timeout=carrier.unit)
    assert (outcome.status, outcome.error) == (None, httpx.ReadTimeout)
    assert carrier.unit * 0.9 <= outcome.seconds < 10 * carrier.unit


def test_a_delay_can_come_before_another_status(carrier: Carrier, execution_path: str) -> None:
    """Faults are joined by ``&``."""
    carrier.simulator.inject(Fault.delay(carrier.unit) & Fault.status(500))
    outcome = carrier.get(execution_path, timeout=100 * carrier.unit)
    assert outcome.status == 500
    assert outcome.seconds >= carrier.unit


def test_a_hanging_answer_ends_in_a_read_timeout(carrier: Carrier, execution_path: str) -> None:
    """No byte ever comes."""
    carrier.simulator.inject(Fault.hang())
    outcome = carrier.get(execution_path, timeout=carrier.unit)
    assert (outcome.status, outcome.error) == (None, httpx.ReadTimeout)
    assert carrier.simulator.requests[-1].status is None


def test_a_body_can_hang_in_the_middle(carrier: Carrier, execution_path: str) -> None:
    """Headers and some bytes come, then nothing."""
    carrier.simulator.inject(Fault.hang(after=7))
    outcome = carrier.get(execution_path, timeout=3 * carrier.unit)
    assert (outcome.status, outcome.error) == (200, httpx.ReadTimeout)
    assert outcome.body == b'{"execu'


def test_a_reset_is_a_read_error(carrier: Carrier, execution_path: str) -> None:
    """There is no answer, and the connection is gone."""
    carrier.simulator.inject(Fault.reset())
    outcome = carrier.get(execution_path)
    assert (outcome.status, outcome.error) == (None, httpx.ReadError)
    assert carrier.get(execution_path).status == 200


def test_a_connection_closed_without_an_answer_is_a_protocol_error(
    carrier: Carrier, execution_path: str
) -> None:
    """As when a keep-alive connection ran out on the server's side."""
    carrier.simulator.inject(Fault.disconnect())
    outcome = carrier.get(execution_path)
    assert (outcome.status, outcome.error) == (None, httpx.RemoteProtocolError)


@pytest.mark.parametrize("after", [0, 7])
def test_a_cut_body_is_a_protocol_error(carrier: Carrier, execution_path: str, after: int) -> None:
    """Fewer bytes come than ``Content-Length`` promised, and the client notices."""
    carrier.simulator.inject(Fault.truncate(after))
    outcome = carrier.get(execution_path)
    assert (outcome.status, outcome.error) == (200, httpx.RemoteProtocolError)
    assert outcome.body == b'{"execu'[:after]
    assert int(outcome.headers["content-length"]) > after


def test_a_cut_behind_the_end_cuts_nothing(carrier: Carrier, execution_path: str) -> None:
    """A shorter body arrives complete."""
    carrier.simulator.inject(Fault.truncate(100_000))
    outcome = carrier.get(execution_path)
    assert (outcome.status, outcome.error) == (200, None)


@pytest.mark.parametrize("headers", [False, True])
def test_a_drip_takes_long_without_ever_timing_out(
    carrier: Carrier, execution_path: str, headers: bool
) -> None:
    """Each chunk beats the read timeout; all together take far longer."""
    whole = carrier.get(execution_path).body
    size = 100 if headers else -(-len(whole) // 8)
    carrier.simulator.inject(Fault.slow(size, every=carrier.unit / 2, headers=headers))
    outcome = carrier.get(execution_path, timeout=3 * carrier.unit)
    assert (outcome.status, outcome.error) == (200, None)
    assert len(outcome.body) == len(whole)
    assert outcome.seconds >= 3.5 * carrier.unit


def test_a_drip_can_break_off(carrier: Carrier, execution_path: str) -> None:
    """Slow and broken at once."""
    carrier.simulator.inject(Fault.slow(3, every=0.01) & Fault.truncate(7))
    outcome = carrier.get(execution_path)
    assert (outcome.error, outcome.body) == (httpx.RemoteProtocolError, b'{"execu')


def test_no_read_timeout_and_no_answer_is_a_failed_test(
    simulator: Simulator, execution_path: str
) -> None:
    """In process nothing hangs forever: an exception says what would."""
    simulator.inject(Fault.hang())
    with (
        httpx.Client(transport=SimulatorTransport(simulator), timeout=None) as client,
        pytest.raises(WouldHangForeverError, match="no read timeout"),
    ):
        client.get(simulator.api_origin + execution_path)


def test_whole_seconds_are_seconds_too(simulator: Simulator, execution_path: str) -> None:
    """A delay and a timeout may be integers."""
    carrier = Carrier(simulator, None, Way("sync"))
    simulator.inject(Fault.delay(5), Fault.delay(5), Fault.hang())
    assert carrier.get(execution_path, timeout=6).seconds == 5
    assert carrier.get(execution_path, timeout=4).seconds == 4
    assert carrier.get(execution_path, timeout=3).seconds == 3


def test_an_unknown_host_is_no_part_of_the_simulation(simulator: Simulator) -> None:
    """A request to another host gets a connection error, and nothing reaches the simulator."""
    with (
        httpx.Client(transport=SimulatorTransport(simulator)) as client,
        pytest.raises(httpx.ConnectError, match=r"not for elsewhere\.invalid"),
    ):
        client.get("https://elsewhere.invalid/")
    assert not simulator.requests


def _statuses(simulator: Simulator, *paths: str) -> list[int]:
    key = {"X-API-Key": simulator.api_key}
    return [simulator.handle(Request("api", "GET", path, headers=key)).status for path in paths]


def test_queued_faults_wait_for_their_requests(simulator: Simulator, execution_path: str) -> None:
    """Each queued fault applies to the next request that matches its path, in order."""
    simulator.inject(Fault.status(500), Fault.none(), Fault.status(502), path="/api/*/executions/*")
    simulator.inject(Fault.status(503), path="/api/v1/other")
    paths = [execution_path] * 4
    assert _statuses(simulator, "/api/v1/none", *paths) == [404, 500, 200, 502, 200]
    assert _statuses(simulator, "/api/v1/other/thing", "/api/v1/other/thing") == [503, 404]


def test_faults_without_a_path_spare_the_storage(simulator: Simulator) -> None:
    """By default only the API has faults; an origin or a path changes that."""
    simulator.inject(Fault.status(500))
    at_storage = Request("storage", "GET", "/datalab-outputs/executions/1/parse/1.json")
    assert simulator.handle(at_storage).status == 403
    simulator.inject(Fault.status(501), origin="storage")
    simulator.inject(Fault.status(502), path="/datalab-outputs/")
    assert [simulator.handle(at_storage).status for _ in range(3)] == [501, 502, 403]
    assert _statuses(simulator, "/api/v1/none") == [500]


def test_a_standing_fault_stands_until_it_is_cleared(
    simulator: Simulator, execution_path: str
) -> None:
    """Queued faults come first, and a later lasting fault before an earlier one."""
    simulator.inject_always(Fault.status(500))
    simulator.inject_always(Fault.status(502), path=execution_path)
    simulator.inject(Fault.status(503))
    assert _statuses(simulator, execution_path, execution_path, "/api/") == [503, 502, 500]
    simulator.clear_faults()
    assert _statuses(simulator, execution_path) == [200]


def test_a_hook_decides_by_request_and_count(simulator: Simulator, execution_path: str) -> None:
    """A function sees the request and how many requests for this path came so far."""
    seen: list[tuple[str, int]] = []

    def every_second_fails(request: Request, count: int) -> Fault | None:
        seen.append((request.path, count))
        return Fault.status(500) if count % 2 == 0 else None

    simulator.inject_with(every_second_fails)
    assert _statuses(simulator, execution_path, execution_path, "/api/", execution_path) == [
        200,
        500,
        404,
        200,
    ]
    assert seen == [(execution_path, 1), (execution_path, 2), ("/api/", 1), (execution_path, 3)]


def test_faults_that_contradict_each_other_cannot_be_joined() -> None:
    """There is one status, one delay, one end to an answer."""
    for one, other in [
        (Fault.status(500), Fault.html()),
        (Fault.delay(1), Fault.delay(2)),
        (Fault.hang(), Fault.reset()),
        (Fault.slow(1, every=1), Fault.slow(2, every=1)),
    ]:
        with pytest.raises(ValueError, match="cannot be joined"):
            _ = one & other
        assert one & one == one
        assert one & Fault.none() == one == Fault.none() & one


@pytest.mark.parametrize("number", [-1.0, float("nan"), float("inf")])
def test_a_fault_takes_sensible_numbers_only(number: float) -> None:
    """What cannot be played is refused where it is written."""
    with pytest.raises(ValueError, match="seconds"):
        Fault.delay(number)
    with pytest.raises(ValueError, match="seconds"):
        Fault.slow(1, every=number)
    with pytest.raises(ValueError, match="bytes"):
        Fault.truncate(-1)
    with pytest.raises(ValueError, match="status"):
        Fault.status(100)
