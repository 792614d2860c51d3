"""A shared rate limiter in the hands of clients, over a store in this process that may fail."""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import Any

import pytest

from datalab_facade import InvalidArgumentError
from datalab_facade.clock import SystemClock
from datalab_facade.rate_limiting.local import RateLimiter
from datalab_facade.rate_limiting.shared import SharedRateLimiter
from datalab_facade.rate_limiting.slot_queue import (
    SlotQueue,
    SlotReply,
    SlotRequest,
    StoreUnavailableError,
)
from datalab_facade.testing import ExecutionScript, Fault, Simulator, StepScript
from tests.secrets_for_tests import API_KEY
from tests.ways import Way

NEVER_ENDS = ExecutionScript([StepScript("parse", ends=None)])


class Store:
    """A queue that several limiters of this process share."""

    def __init__(self) -> None:
        self.queue = SlotQueue()
        self.lost = False
        self.asked = 0
        self.threads: set[str] = set()

    def acquire(self, request: SlotRequest) -> SlotReply:
        self.asked += 1
        self.threads.add(threading.current_thread().name)
        if self.lost:
            raise StoreUnavailableError("the store of this test is lost")
        return self.queue.acquire(request, time.monotonic())


def simulator() -> Simulator:
    return Simulator(SystemClock(), API_KEY)


def test_it_is_a_rate_limiter() -> None:
    rate_limiter: RateLimiter = SharedRateLimiter(Store(), 60)
    assert rate_limiter.requests_per_minute == 60
    assert rate_limiter.remaining(0.0) == 60


def test_clients_share_it_and_ask_the_store_from_a_thread_of_its_own(way: Way) -> None:
    datalab, store = simulator(), Store()
    execution_id = datalab.start(NEVER_ENDS)
    clients = [
        way.client(datalab, rate_limiter=SharedRateLimiter(store, 1_200, burst=1)) for _ in range(2)
    ]
    began = time.monotonic()
    for _ in range(30):
        for client in clients:
            way.done(client.executions.get(execution_id))
    assert time.monotonic() - began >= (60 - 13) * 60 / 1_200
    assert store.threads == {"datalab-rate-limiter"}
    assert store.asked <= 70


def test_a_lost_store_slows_down_and_ends_no_wait(
    way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    datalab, store = simulator(), Store()
    execution_id = datalab.start(NEVER_ENDS)
    rate_limiter = SharedRateLimiter(store, 6_000, fallback_share=0.5)
    client = way.client(datalab, rate_limiter=rate_limiter)
    with caplog.at_level(logging.WARNING, "datalab_facade.rate_limiting"):
        way.done(client.executions.get(execution_id))
        store.lost = True
        for _ in range(150):
            way.done(client.executions.get(execution_id))
        store.lost = False
        while "The shared rate limiter can be reached again" not in caplog.messages:
            way.done(client.executions.get(execution_id))
    assert caplog.messages == [
        (
            "The shared rate limiter cannot be reached, so this process sends 3000 of 6000 "
            "requests a minute: the store of this test is lost"
        ),
        "The shared rate limiter can be reached again",
    ]


def test_a_refusal_reaches_the_other_client_through_the_store(way: Way) -> None:
    datalab, store = simulator(), Store()
    execution_id = datalab.start(NEVER_ENDS)
    one, other = (
        way.client(datalab, rate_limiter=SharedRateLimiter(store, 6_000)) for _ in range(2)
    )
    datalab.inject(Fault.status(429, headers={"Retry-After": "1"}))
    way.done(one.executions.get(execution_id))
    way.done(other.executions.get(execution_id))
    refused, *later = (request.at for request in datalab.requests)
    assert min(later) >= refused + 0.99


def test_whatever_else_a_store_raises_is_raised_in_its_thread_and_ends_no_wait() -> None:
    class Broken(Store):
        def acquire(self, request: SlotRequest) -> SlotReply:
            raise ZeroDivisionError

    raised: list[object] = []
    before, threading.excepthook = threading.excepthook, raised.append
    try:
        slot = SharedRateLimiter(Broken(), 60_000, fallback_share=1.0).reserve()
        while (away := slot.delay(time.monotonic())) > 0:
            time.sleep(away)
    finally:
        threading.excepthook = before
    assert raised


@pytest.mark.parametrize("wrong", [0, -1, 1.5, math.nan])
def test_a_share_that_makes_no_sense_is_refused(wrong: float) -> None:
    with pytest.raises(InvalidArgumentError, match="fallback_share"):
        SharedRateLimiter(Store(), 60, fallback_share=wrong)


@pytest.mark.parametrize("wrong", [None, "redis://cache.example"])
def test_what_is_no_store_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="store must be something with the methods"):
        SharedRateLimiter(wrong, 60)


def test_a_slot_that_is_cancelled_goes_to_the_next_one() -> None:
    rate_limiter = SharedRateLimiter(Store(), 60)
    first, second = rate_limiter.reserve(), rate_limiter.reserve()
    now = time.monotonic()
    first.delay(now)
    first.cancel()
    while (away := second.delay(time.monotonic())) > 0:
        time.sleep(min(away, 0.05))
    assert rate_limiter.remaining(time.monotonic()) == 59


def test_what_was_sent_counts_for_a_minute() -> None:
    rate_limiter = SharedRateLimiter(Store(), 60)
    slot = rate_limiter.reserve()
    while (away := slot.delay(time.monotonic())) > 0:
        time.sleep(min(away, 0.05))
    sent = time.monotonic()
    assert rate_limiter.remaining(sent + 59) == 59
    assert rate_limiter.remaining(sent + 60) == 60


def test_where_no_thread_can_be_had_a_process_goes_on_with_a_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    rate_limiter, store = SharedRateLimiter(Store(), 6_000, fallback_share=1), Store()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    slot = rate_limiter.reserve()
    while (away := slot.delay(time.monotonic())) > 0:
        time.sleep(min(away, 0.05))
    assert store.asked == 0
