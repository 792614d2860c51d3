"""No more requests are under way than are admitted, and nobody waits past a deadline."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import math
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from datalab_facade import RateLimitTimeoutError
from datalab_facade.clock import SystemClock
from datalab_facade.interrupting import Interrupted, Interruption
from datalab_facade.rate_limiting.local import LocalRateLimiter
from datalab_facade.rate_limiting.priorities import RequestPriority
from datalab_facade.testing import VirtualClock
from datalab_facade.transport.admission import AdmissionControl
from datalab_facade.transport.async_admission import AsyncAdmissionControl
from datalab_facade.transport.permits import MOST_UNDER_WAY

CALL = RequestPriority.CALL


def until(holds: Callable[[], bool]) -> None:
    """Let other threads run until something holds."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.0005)


def full_admission() -> AdmissionControl:
    admission = AdmissionControl(LocalRateLimiter(None), SystemClock())
    for _ in range(MOST_UNDER_WAY):
        admission.enter(math.inf, CALL)
    return admission


async def full_async_admission() -> AsyncAdmissionControl:
    admission = AsyncAdmissionControl(LocalRateLimiter(None), VirtualClock())
    for _ in range(MOST_UNDER_WAY):
        await admission.enter(math.inf, CALL)
    return admission


def test_a_request_that_finds_no_room_before_its_deadline_is_not_sent() -> None:
    clock = SystemClock()
    admission = full_admission()
    began = time.monotonic()
    with pytest.raises(RateLimitTimeoutError, match="64 requests are under way"):
        admission.enter(clock.monotonic() + 0.05, CALL)
    assert time.monotonic() - began < 5
    admission.leave()
    admission.enter(clock.monotonic() + 5, CALL)


async def test_a_request_of_async_code_that_finds_no_room_is_not_sent_either() -> None:
    clock = VirtualClock()
    admission = AsyncAdmissionControl(LocalRateLimiter(None), clock)
    for _ in range(MOST_UNDER_WAY):
        await admission.enter(math.inf, CALL)
    with pytest.raises(RateLimitTimeoutError, match="64 requests are under way"):
        await admission.enter(50.0, CALL)
    assert clock.monotonic() == 50
    waiting = asyncio.create_task(admission.enter(math.inf, CALL))
    await asyncio.sleep(0)
    admission.leave()
    await waiting
    assert admission.under_way == MOST_UNDER_WAY


def test_threads_enter_in_the_order_of_coming() -> None:
    admission = full_admission()
    entered: list[int] = []
    threads: list[threading.Thread] = []

    def enter(number: int) -> None:
        admission.enter(math.inf, CALL)
        entered.append(number)

    for number in range(20):
        thread = threading.Thread(target=enter, args=(number,))
        thread.start()
        threads.append(thread)
        until(lambda: admission.waiting == len(threads))
    for number, thread in enumerate(threads):
        admission.leave()
        thread.join()
        assert entered == list(range(number + 1))


def test_nobody_overtakes_who_waits() -> None:
    """However busy the others are, and though the one that waits has yet to wake up."""
    admission = full_admission()
    for _ in range(50):
        thread = threading.Thread(target=admission.enter, args=(math.inf, CALL))
        thread.start()
        until(lambda: admission.waiting == 1)
        admission.leave()
        with pytest.raises(RateLimitTimeoutError):
            admission.enter(time.monotonic(), CALL)
        thread.join()
    assert admission.under_way == MOST_UNDER_WAY


@pytest.mark.parametrize("deadline", [1e10, 1e300, math.inf])
def test_no_deadline_is_too_far_away_to_be_waited_for(deadline: float) -> None:
    admission = full_admission()

    def make_room() -> None:
        until(lambda: admission.waiting == 1)
        admission.leave()

    thread = threading.Thread(target=make_room)
    thread.start()
    admission.enter(deadline, CALL)
    thread.join()
    assert admission.under_way == MOST_UNDER_WAY


@pytest.mark.parametrize(
    "send",
    [
        lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT),
        # Like a signal that comes just before the wait, this does not wake who waits.
        _thread.interrupt_main,
    ],
    ids=["during the wait", "before it"],
)
def test_an_interrupt_while_waiting_for_room_leaves_nothing_behind(
    send: Callable[[], object],
) -> None:
    admission = full_admission()

    def interrupt() -> None:
        until(lambda: admission.waiting == 1)
        send()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        admission.enter(math.inf, CALL)
    thread.join()
    assert admission.waiting == 0
    for _ in range(MOST_UNDER_WAY):
        admission.leave()
    assert admission.under_way == 0


def test_a_thread_that_nobody_waits_for_any_more_waits_for_no_room() -> None:
    admission, interruption = full_admission(), Interruption()

    def enter() -> None:
        with pytest.raises(Interrupted), interruption:
            admission.enter(math.inf, CALL)

    with ThreadPoolExecutor(1) as threads:
        ended = threads.submit(enter)
        until(lambda: admission.waiting == 1)
        interruption.set_off()
        ended.result(20)
    assert (admission.waiting, admission.under_way) == (0, MOST_UNDER_WAY)


async def test_a_task_that_is_cancelled_as_it_is_let_in_lets_the_next_one_in() -> None:
    admission = await full_async_admission()
    first, second = (asyncio.create_task(admission.enter(math.inf, CALL)) for _ in range(2))
    await asyncio.sleep(0)
    admission.leave()
    first.cancel()
    await second
    with contextlib.suppress(asyncio.CancelledError):
        await first
    assert (first.cancelled(), admission.waiting, admission.under_way) == (True, 0, MOST_UNDER_WAY)


@pytest.mark.parametrize("deadline", [math.inf, 1e10])
async def test_a_task_that_is_cancelled_while_it_waits_for_room_waits_no_longer(
    deadline: float,
) -> None:
    admission = await full_async_admission()
    waiting = asyncio.create_task(admission.enter(deadline, CALL))
    await asyncio.sleep(0)
    assert admission.waiting == 1
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    assert admission.waiting == 0
    admission.leave()
    assert admission.under_way == MOST_UNDER_WAY - 1


async def test_tasks_that_stopped_waiting_for_their_slot_cost_the_next_one_nothing() -> None:
    clock = VirtualClock()
    admission = AsyncAdmissionControl(LocalRateLimiter(200, burst=3), clock)
    impatient = [asyncio.create_task(admission.enter(math.inf, CALL)) for _ in range(300)]
    await asyncio.gather(*impatient[:3])
    for task in impatient:
        task.cancel()
    await asyncio.gather(*impatient, return_exceptions=True)
    before = clock.monotonic()
    await admission.enter(math.inf, CALL)
    assert clock.monotonic() - before <= 0.31


async def test_those_who_stay_move_up_when_others_are_canceled() -> None:
    clock = VirtualClock()
    admission = AsyncAdmissionControl(LocalRateLimiter(60, burst=1), clock)
    await admission.enter(math.inf, CALL)
    impatient = [asyncio.create_task(admission.enter(math.inf, CALL)) for _ in range(50)]
    await asyncio.sleep(0)
    patient = asyncio.create_task(admission.enter(math.inf, CALL))
    await asyncio.sleep(0)
    for task in impatient:
        task.cancel()
    await patient
    assert clock.monotonic() <= 3


def test_threads_that_stopped_waiting_for_their_slot_cost_the_next_one_nothing() -> None:
    class Impatient(VirtualClock):
        def sleep(self, seconds: float) -> None:
            raise KeyboardInterrupt

    clock = Impatient()
    admission = AdmissionControl(LocalRateLimiter(60, burst=1), clock)
    admission.enter(math.inf, CALL)
    for _ in range(300):
        with pytest.raises(KeyboardInterrupt):
            admission.enter(math.inf, CALL)
    assert admission.under_way == 1
    assert admission.rate_limiter.reserve(CALL).delay(clock.monotonic()) <= 1.01
