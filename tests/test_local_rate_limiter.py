"""The rate limiter of one process on its own: who may send when."""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import InvalidArgumentError, RateLimitTimeoutError
from datalab_facade.rate_limiting.local import LocalRateLimiter, RateLimiter, Slot


def play(
    rate_limiter: RateLimiter,
    arrivals: Iterable[float],
    refuse: Callable[[int, float], float | None] = lambda number, now: None,
    deadline: float = math.inf,
) -> list[tuple[float, int]]:
    """Let requests arrive and go through the rate limiter; give when each was sent.

    Args:
        rate_limiter: What is under test.
        arrivals: When each request comes.
        refuse: (how many were sent before, when) -> ``Retry-After`` of a 429, or None.
        deadline: Of every request, from the start.
    """
    order = count()
    events: list[tuple[float, int, int, Slot]] = [
        (at, next(order), number, rate_limiter.reserve()) for number, at in enumerate(arrivals)
    ]
    heapq.heapify(events)
    sent: list[tuple[float, int]] = []
    while events:
        now, _, number, slot = heapq.heappop(events)
        try:
            away = slot.delay(now, deadline)
        except RateLimitTimeoutError:
            continue
        if away > 0:
            heapq.heappush(events, (now + away, next(order), number, slot))
            continue
        retry_after = refuse(len(sent), now)
        sent.append((now, number))
        if retry_after is None:
            rate_limiter.record_success()
        else:
            rate_limiter.record_refusal(now, sent_at=now, retry_after=retry_after)
    return sent


def fullest_minute(times: list[float]) -> int:
    fullest = 0
    for first, start in enumerate(times):
        fullest = max(fullest, sum(1 for at in times[first:] if at < start + 60))
    return fullest


limits = st.floats(1, 1_000) | st.sampled_from([1.0, 10.0, 60.0, 200.0, 400.0])
arrivals = st.lists(st.floats(0, 600), min_size=1, max_size=400)


@given(limits, arrivals)
def test_no_minute_holds_more_than_the_limit(limit: float, coming: list[float]) -> None:
    times = [at for at, _ in play(LocalRateLimiter(limit), coming)]
    assert len(times) == len(coming)
    assert fullest_minute(times) <= max(1, limit)


@given(
    limits,
    arrivals,
    st.dictionaries(st.integers(0, 400), st.floats(0, 300), max_size=20),
)
def test_no_minute_holds_more_than_the_limit_when_the_server_refuses(
    limit: float, coming: list[float], refusals: dict[int, float]
) -> None:
    sent = play(LocalRateLimiter(limit), coming, lambda number, now: refusals.get(number))
    assert fullest_minute([at for at, _ in sent]) <= max(1, limit)
    assert len(sent) == len(coming)


@given(limits, st.integers(1, 300))
def test_who_comes_first_goes_first(limit: float, many: int) -> None:
    sent = play(LocalRateLimiter(limit), [number * 0.01 for number in range(many)])
    assert [number for _, number in sent] == list(range(many))


@pytest.mark.parametrize("limit", [60, 200, 400, 1_000])
def test_nearly_all_of_the_limit_is_used_while_there_is_work(limit: int) -> None:
    times = [at for at, _ in play(LocalRateLimiter(limit), [0.0] * limit * 10)]
    assert len([at for at in times if at < 300]) >= 0.95 * limit * 5


def test_a_few_requests_go_at_once() -> None:
    times = [at for at, _ in play(LocalRateLimiter(200), [100.0] * 3)]
    assert times == [100.0] * 3


def test_a_refusal_pauses_everything_for_as_long_as_it_asks() -> None:
    sent = play(
        LocalRateLimiter(200), [0.0] * 50, lambda number, now: 20.0 if number == 10 else None
    )
    times = [at for at, _ in sent]
    assert times[11] - times[10] >= 20


def test_nobody_stampedes_after_a_pause() -> None:
    sent = play(
        LocalRateLimiter(200), [0.0] * 100, lambda number, now: 20.0 if number == 10 else None
    )
    gaps = [later - earlier for earlier, later in pairwise(at for at, _ in sent[11:])]
    # Half the rate at first, and never anything saved up during the pause.
    assert min(gaps) >= 60 / 200
    assert gaps[0] >= 1.9 * 60 / 200


def test_the_rate_recovers_gradually() -> None:
    coming = [number * 0.31 for number in range(400)]
    sent = play(LocalRateLimiter(200), coming, lambda number, now: 5.0 if number == 10 else None)
    gaps = [later - earlier for earlier, later in pairwise(at for at, _ in sent[11:])]
    full = 60 / (198 * 0.9925)
    assert gaps[0] == pytest.approx(2 * full, rel=0.01)
    assert 1.2 * full < gaps[40] < 1.9 * full
    assert gaps[200] == pytest.approx(full, rel=0.02)


def test_refusals_without_a_time_pause_longer_each_time() -> None:
    def refuse(rate_limiter: LocalRateLimiter, now: float) -> float:
        rate_limiter.record_refusal(now, sent_at=now, retry_after=None)
        slot = rate_limiter.reserve()
        away = slot.delay(now)
        slot.cancel()
        return away

    rate_limiter, now, pauses = LocalRateLimiter(200), 0.0, []
    for _ in range(7):
        pauses.append(refuse(rate_limiter, now))
        now += pauses[-1]
    assert pauses[:3] == pytest.approx([2, 4, 8])
    assert pauses[-1] == pytest.approx(60)


def test_answers_to_requests_from_before_a_refusal_say_nothing_new() -> None:
    rate_limiter = LocalRateLimiter(200)
    rate_limiter.record_refusal(10.0, sent_at=9.0, retry_after=5.0)
    for _ in range(20):
        rate_limiter.record_refusal(10.5, sent_at=9.5, retry_after=60.0)
    assert rate_limiter.reserve().delay(10.5) == pytest.approx(4.5)


def test_an_answer_in_between_lets_the_pauses_begin_anew() -> None:
    rate_limiter = LocalRateLimiter(1_000)
    for sent_at in (0.0, 10.0):
        rate_limiter.record_refusal(sent_at, sent_at=sent_at, retry_after=None)
    rate_limiter.record_success()
    rate_limiter.record_refusal(20.0, sent_at=20.0, retry_after=None)
    assert rate_limiter.reserve().delay(20.0) == pytest.approx(2)


def test_a_request_sent_as_it_slowed_down_tells_something_new() -> None:
    rate_limiter = LocalRateLimiter(200)
    rate_limiter.record_refusal(10.0, sent_at=9.0, retry_after=5.0)
    rate_limiter.record_refusal(10.5, sent_at=10.0, retry_after=20.0)
    assert rate_limiter.reserve().delay(10.5) == pytest.approx(20)


def test_each_refusal_sends_all_who_queue_to_its_end() -> None:
    rate_limiter = LocalRateLimiter(60)
    rate_limiter.reserve().delay(0.0)
    slot = rate_limiter.reserve()
    assert slot.delay(0.0) == pytest.approx(1, rel=0.05)
    for refused_at in (1.0, 2.0):
        rate_limiter.record_refusal(refused_at, sent_at=refused_at, retry_after=30.0)
        assert slot.delay(refused_at) == pytest.approx(30)


def test_who_waits_behind_one_that_was_canceled_moves_up() -> None:
    rate_limiter = LocalRateLimiter(60)
    slots = [rate_limiter.reserve() for _ in range(4)]
    waits = [slot.delay(0.0) for slot in slots]
    slots[1].cancel()
    assert [slot.delay(0.0) for slot in slots[2:]] == waits[1:3]
    assert rate_limiter.reserve().delay(0.0) == waits[3]


@given(limits, st.data())
def test_those_that_were_canceled_cost_the_others_no_time(
    limit: float, data: st.DataObject
) -> None:
    patience = data.draw(st.lists(st.booleans(), min_size=1, max_size=60))
    rate_limiter = LocalRateLimiter(limit)
    slots = [rate_limiter.reserve() for _ in patience]
    waits = [(slot, slot.delay(0.0), stays) for slot, stays in zip(slots, patience, strict=True)]
    for slot, away, stays in waits:
        if away > 0 and not stays:
            slot.cancel()
    left = [slot for slot, away, stays in waits if away > 0 and stays]
    fresh = LocalRateLimiter(limit)
    for _ in range(len(waits) - sum(away > 0 for _, away, _ in waits)):
        fresh.reserve().delay(0.0)
    expected = [fresh.reserve().delay(0.0) for _ in left]
    assert [slot.delay(0.0) for slot in left] == pytest.approx(expected)


def test_who_is_not_there_when_its_time_comes_holds_up_nobody_for_long() -> None:
    rate_limiter = LocalRateLimiter(60)
    for _ in range(4):
        rate_limiter.reserve().delay(0.0)
    slot = rate_limiter.reserve()
    now = away = slot.delay(0.0)
    while away:
        away = slot.delay(now)
        now += away
    assert now <= 6


def test_who_was_passed_over_goes_before_those_who_came_later() -> None:
    rate_limiter = LocalRateLimiter(60)
    rate_limiter.reserve().delay(0.0)
    late, second, third = rate_limiter.reserve(), rate_limiter.reserve(), rate_limiter.reserve()
    for slot in (late, second, third):
        slot.delay(0.0)
    assert second.delay(5.0) == 0
    assert 0 < late.delay(5.0) < third.delay(5.0)


def test_an_absurd_retry_after_is_cut_to_a_minute() -> None:
    rate_limiter = LocalRateLimiter(200)
    rate_limiter.record_refusal(0.0, sent_at=0.0, retry_after=86_400.0)
    assert rate_limiter.reserve().delay(0.0) == pytest.approx(60)


def test_a_slot_after_the_deadline_is_refused_at_once_and_leaves_its_place() -> None:
    rate_limiter = LocalRateLimiter(60)
    for _ in range(10):
        rate_limiter.reserve().delay(0.0)
    with pytest.raises(RateLimitTimeoutError, match="requests_per_minute"):
        rate_limiter.reserve().delay(0.0, deadline=5.0)
    assert rate_limiter.reserve().delay(0.0, deadline=20.0) == pytest.approx(10, rel=0.05)


def test_whose_slot_is_free_at_once_is_not_refused_for_being_late() -> None:
    assert LocalRateLimiter(60).reserve().delay(100.0, deadline=100.0) == 0


def test_a_slot_that_comes_as_time_is_up_is_refused_and_says_both_times() -> None:
    def second(deadline: float) -> float:
        rate_limiter = LocalRateLimiter(60)
        rate_limiter.reserve().delay(100.0)
        return rate_limiter.reserve().delay(100.0, deadline)

    away = second(math.inf)
    with pytest.raises(RateLimitTimeoutError) as refused:
        second(100.0 + away)
    assert refused.value.wait == away
    assert refused.value.left == away


def test_a_rate_limiter_that_is_off_lets_everything_pass() -> None:
    rate_limiter = LocalRateLimiter(None)
    rate_limiter.record_refusal(0.0, sent_at=0.0, retry_after=60.0)
    assert {rate_limiter.reserve().delay(0.0) for _ in range(10_000)} == {0.0}
    assert rate_limiter.remaining(0.0) is None


def test_it_returns_what_is_left_of_the_minute() -> None:
    rate_limiter = LocalRateLimiter(200)
    play(rate_limiter, [0.0] * 4)
    assert rate_limiter.remaining(1.0) == 196
    assert rate_limiter.remaining(90.0) == 200


def test_nothing_is_left_of_a_limit_that_is_used_up() -> None:
    rate_limiter = LocalRateLimiter(1)
    assert rate_limiter.reserve().delay(0.0) == 0
    assert rate_limiter.remaining(59.9) == 0
    assert rate_limiter.remaining(60.0) == 1


def test_threads_share_it() -> None:
    rate_limiter, start = LocalRateLimiter(600), threading.Barrier(8)

    def places(_: int) -> list[float]:
        start.wait()
        return [rate_limiter.reserve().delay(0.0) for _ in range(100)]

    with ThreadPoolExecutor(8) as pool:
        waits = sorted(wait for found in pool.map(places, range(8)) for wait in found)
    assert fullest_minute(waits) <= 600
    assert waits[-1] == pytest.approx(800 / 600 * 60, rel=0.05)


@pytest.mark.parametrize("wrong", [0, -1, math.nan])
def test_a_limit_that_makes_no_sense_is_refused(wrong: float) -> None:
    with pytest.raises(InvalidArgumentError, match="requests_per_minute"):
        LocalRateLimiter(wrong)
