"""Calls go before the polls of waits, and no minute sees more than the limit."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable, Iterable
from itertools import count, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import InvalidArgumentError, LocalRateLimiter, RateLimiter, RequestPriority
from datalab_facade.rate_limiting.local import Slot
from datalab_facade.rate_limiting.priorities import MOST_PASSED, PriorityLine
from datalab_facade.rate_limiting.slot_queue import SlotQueue, SlotRequest
from datalab_facade.testing import ExecutionScript, Simulator, StepScript, VirtualClock
from tests.in_process import asynchronous
from tests.secrets_for_tests import API_KEY
from tests.test_local_rate_limiter import fullest_minute
from tests.test_sharing import Cluster
from tests.ways import Way

ENDLESS = ExecutionScript([StepScript("parse", ends=None)])

CALL, SUBMISSION, POLL = RequestPriority

limits = st.floats(1, 600) | st.sampled_from([1.0, 10.0, 60.0, 200.0, 400.0])
bursts = st.none() | st.integers(1, 1_000)
arrivals = st.lists(st.tuples(st.floats(0, 200), st.sampled_from(RequestPriority)), max_size=300)


def play(
    rate_limiter: RateLimiter,
    arrivals: Iterable[tuple[float, RequestPriority]],
    *,
    refuse: Callable[[int], float | None] = lambda number: None,
    patience: Callable[[int], float] = lambda number: math.inf,
) -> list[tuple[float, int]]:
    """Let requests arrive, each with a priority; give when each was sent.

    Args:
        rate_limiter: What is under test.
        arrivals: When each request comes, and what it is for.
        refuse: (how many were sent before) -> ``Retry-After`` of a 429, or None.
        patience: (number) -> after how many seconds it is cancelled.
    """
    order = count()
    events: list[tuple[float, int, int, Slot, float]] = [
        (at, next(order), number, rate_limiter.reserve(priority), at + patience(number))
        for number, (at, priority) in enumerate(arrivals)
    ]
    heapq.heapify(events)
    sent: list[tuple[float, int]] = []
    while events:
        now, _, number, slot, until = heapq.heappop(events)
        if now >= until:
            slot.cancel()
            continue
        away = slot.delay(now)
        if away > 0:
            # As a client does: whoever waits looks again each second.
            heapq.heappush(events, (now + min(away, 1.0), next(order), number, slot, until))
            continue
        retry_after = refuse(len(sent))
        sent.append((now, number))
        if retry_after is None:
            rate_limiter.record_success()
        else:
            rate_limiter.record_refusal(now, sent_at=now, retry_after=retry_after)
    return sent


@given(
    limits,
    bursts,
    arrivals,
    st.dictionaries(st.integers(0, 300), st.floats(0, 90), max_size=5),
    st.dictionaries(st.integers(0, 300), st.floats(0, 5), max_size=50),
)
def test_whatever_comes_and_goes_no_minute_holds_more_than_the_limit(
    limit: float,
    burst: int | None,
    coming: list[tuple[float, RequestPriority]],
    refusals: dict[int, float],
    impatient: dict[int, float],
) -> None:
    sent = play(
        LocalRateLimiter(limit, burst=burst),
        coming,
        refuse=refusals.get,
        patience=lambda number: impatient.get(number, math.inf),
    )
    assert fullest_minute([at for at, _ in sent]) <= max(1, limit)
    assert len(sent) >= len(coming) - len(impatient)


@given(st.integers(1, 200), st.integers(0, 100), st.randoms(use_true_random=False))
def test_the_whole_limit_may_be_a_burst_and_the_minute_holds(
    limit: int, more: int, random: Random
) -> None:
    coming = [(random.random() * 100, CALL) for _ in range(limit + more)]
    sent = play(LocalRateLimiter(limit, burst=limit), coming)
    assert fullest_minute([at for at, _ in sent]) <= limit


@pytest.mark.parametrize(("limit", "at_once"), [(200, 66), (400, 133), (60, 20), (1, 1), (2, 1)])
def test_a_third_of_the_limit_goes_at_once_after_a_pause(limit: int, at_once: int) -> None:
    sent = play(LocalRateLimiter(limit), [(100.0, CALL)] * (at_once + 1))
    assert [at for at, _ in sent].count(100.0) == at_once


def test_polls_do_not_burst() -> None:
    sent = play(LocalRateLimiter(200), [(100.0, POLL)] * 60)
    assert [at for at, _ in sent].count(100.0) == 3


def test_a_burst_of_one_spaces_calls_evenly() -> None:
    sent = play(LocalRateLimiter(60, burst=1), [(100.0, CALL)] * 3)
    assert [at for at, _ in sent] == pytest.approx([100, 101, 102], abs=0.05)


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5])
def test_a_burst_that_makes_no_sense_is_refused(wrong: int) -> None:
    with pytest.raises(InvalidArgumentError, match="burst"):
        LocalRateLimiter(60, burst=wrong)


def test_a_call_goes_before_polls_and_a_read_before_submissions() -> None:
    coming = [(0.0, POLL)] * 1_000 + [(90.0, SUBMISSION)] * 70 + [(91.0, CALL)]
    sent = {number: at for at, number in play(LocalRateLimiter(200), coming)}
    assert sent[1_070] - 91 <= 2 * 0.31
    # Three of four slots are theirs until all are through.
    assert max(sent[number] for number in range(1_000, 1_070)) - 90 <= 72 * 4 / 3 * 0.31 + 1


def test_polls_get_a_slot_of_four_at_least_while_calls_want_all() -> None:
    coming = [(0.0, CALL)] * 1_000 + [(30.0, POLL)] * 50
    sent = play(LocalRateLimiter(200), coming)
    order = [number for at, number in sent if at > 31]
    places = [place for place, number in enumerate(order) if number >= 1_000]
    assert len(places) >= 49
    assert max(later - earlier for earlier, later in pairwise(places)) <= MOST_PASSED + 1


def test_after_a_burst_polls_go_at_two_thirds_of_the_pace_and_do_not_stand_still() -> None:
    coming = [(0.0, CALL)] * 66 + [(0.1, POLL)] * 300
    sent = play(LocalRateLimiter(200), coming)
    polls = [at for at, number in sent if number >= 66]
    assert max(later - earlier for earlier, later in pairwise(polls)) <= 1.5 * 0.31
    assert fullest_minute([at for at, _ in sent]) <= 200
    # The limit is used up nevertheless.
    assert len([at for at, _ in sent if at < 60]) >= 195


def test_after_a_refusal_nothing_bursts() -> None:
    sent = play(
        LocalRateLimiter(200),
        [(0.0, CALL)] * 60,
        refuse=lambda number: 20.0 if number == 10 else None,
    )
    times = [at for at, _ in sent]
    assert times[11] - times[10] >= 20
    assert min(later - earlier for earlier, later in pairwise(times[11:])) >= 0.29


@given(st.lists(st.sampled_from(RequestPriority), max_size=60), st.data())
def test_nobody_in_a_line_is_passed_more_often_than_promised(
    coming: list[RequestPriority], data: st.DataObject
) -> None:
    line = PriorityLine()
    waiting: dict[int, RequestPriority] = {}
    passed = dict.fromkeys(RequestPriority, 0)
    numbers = count()
    for priority in coming:
        number = next(numbers)
        line.join(number, priority)
        line.join(number, priority)
        waiting[number] = priority
        while waiting and bool(data.draw(st.booleans())):
            first = line.first()
            assert first is not None
            assert line.ahead(*first) == (0, 0)
            others = [one for one in waiting.items() if one != first]
            assert all(sum(line.ahead(*one)) for one in others)
            line.leave(*first)
            line.count_passed(first[1])
            del waiting[first[0]]
            for lower in RequestPriority:
                is_passed = lower > first[1] and lower in waiting.values()
                passed[lower] = passed[lower] + 1 if is_passed else passed[lower]
                if lower is first[1] or lower not in waiting.values():
                    passed[lower] = 0
            # Both of the lower ones may have been passed so often at once.
            assert max(passed.values()) <= MOST_PASSED + 1
    assert len(line) == len(waiting)


def test_a_store_lets_calls_go_at_once_and_polls_go_on() -> None:
    queue = SlotQueue()
    many = SlotRequest(member="a", limit=200.0, burst=66, urgent=66, count=3)
    reply = queue.acquire(many, 100.0)
    assert reply.urgent_delays == (0.0,) * 66
    assert reply.urgent_next_delay > 0
    assert all(later - earlier <= 0.7 for earlier, later in pairwise((0.0, *reply.delays)))


@given(
    st.sampled_from([10.0, 60.0, 200.0]),
    st.integers(1, 4),
    arrivals,
    st.integers(0, 2**16),
    st.dictionaries(st.integers(0, 300), st.floats(0, 30), max_size=3),
)
def test_no_minute_holds_more_than_the_limit_whoever_sends(
    limit: float,
    processes: int,
    coming: list[tuple[float, RequestPriority]],
    seed: int,
    refusals: dict[int, float],
) -> None:
    cluster = Cluster(
        limit,
        processes,
        seed=seed,
        latency=0.05,
        refuse=lambda at, before: refusals.get(before),
    )
    for number, (at, priority) in enumerate(coming):
        cluster.request(number % processes, at, priority=priority)
    cluster.run(until=10_000)
    assert len(cluster.sent) == len(coming)
    assert fullest_minute(cluster.times) <= limit


def test_processes_that_share_a_limiter_have_bursts_and_calls_go_first() -> None:
    cluster = Cluster(200, 4)
    for number in range(64):
        cluster.request(number % 4, 0.0, priority=CALL)
    cluster.run(until=0.5)
    assert len(cluster.sent) == 64
    for number in range(800):
        cluster.request(number % 4, 1.0)
    cluster.request(0, 100.0, priority=CALL)
    cluster.run(until=102.5)
    assert [sent.waited <= 2 for sent in cluster.sent if sent.priority is CALL][-1]
    cluster.run()
    assert fullest_minute(cluster.times) <= 200
    polls = [sent.at for sent in cluster.sent if sent.priority is POLL]
    assert max(later - earlier for earlier, later in pairwise(polls)) <= 1.5


def test_sixty_calls_of_an_idle_client_are_instant(way: Way) -> None:
    simulator = Simulator(VirtualClock(), API_KEY, rate_limit=(200, 60.0))
    client = way.client(simulator, requests_per_minute=200)
    execution_id = simulator.start(ENDLESS)
    began = simulator.clock.monotonic()
    for _ in range(60):
        way.done(client.executions.get(execution_id))
    assert simulator.clock.monotonic() - began < 0.5


async def test_a_status_beside_submissions_and_long_waits_is_soon_there() -> None:
    simulator = Simulator(VirtualClock(), API_KEY, rate_limit=(200, 60.0))
    clock = simulator.clock
    async with asynchronous(simulator, requests_per_minute=200) as client:
        execution_id, workflow = simulator.start(ENDLESS), simulator.workflows.add("Any", [])
        waits = [
            asyncio.create_task(client.executions.wait(execution_id, timeout=900))
            for _ in range(200)
        ]
        await asyncio.gather(*(client.executions.get(execution_id) for _ in range(66)))
        await clock.sleep_async(30)
        submissions = [
            asyncio.create_task(client.workflows.execute(workflow, "https://files.example/a.pdf"))
            for _ in range(100)
        ]
        await clock.sleep_async(1)
        began = clock.monotonic()
        await client.executions.get(execution_id)
        assert clock.monotonic() - began <= 1.5
        for task in (*waits, *submissions):
            task.cancel()
        await asyncio.gather(*waits, *submissions, return_exceptions=True)
    assert {request.status for request in simulator.requests} <= {200, None}


@pytest.mark.parametrize("priority", RequestPriority)
def test_a_line_takes_nobody_twice_and_lets_go_of_nobody_else(priority: RequestPriority) -> None:
    line = PriorityLine()
    for number in (1, 3, 3):
        line.join(number, priority)
    line.leave(2, priority)
    assert (len(line), line.first()) == (2, (1, priority))
    line.leave(1, priority)
    line.leave(1, priority)
    assert (len(line), line.first()) == (1, (3, priority))
