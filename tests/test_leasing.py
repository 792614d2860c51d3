"""A budget that processes share: many of them on virtual time, and a store that fails."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable
from itertools import count
from random import Random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab_facade import InvalidArgumentError, RateLimitTimeoutError
from datalab_facade.rate_limiting.leasing import (
    Ask,
    Brake,
    Errand,
    LeasedTurn,
    Leases,
    Ledger,
    Pace,
    Reply,
)
from tests.test_local_rate_limiter import fullest_minute


@attrs.define
class Sent:
    """A request that went out."""

    at: float
    process: int
    waited: float


class Cluster:
    """Processes with requests to send, and the store between them, on virtual time.

    Args:
        limit: Requests a minute, for all.
        processes: How many there are.
        seed: Of all chance.
        latency: The longest way to the store or back, in seconds.
        lost: (from, until): when the store cannot be reached.
        refuse: (time, requests before) -> ``Retry-After`` of a 429, or None.
        skew: The longest that a sleeper oversleeps.
    """

    def __init__(
        self,
        limit: float,
        processes: int,
        *,
        seed: int = 1,
        latency: float = 0.01,
        lost: tuple[float, float] = (math.inf, math.inf),
        refuse: Callable[[float, int], float | None] = lambda at, before: None,
        oversleep: float = 0.0,
    ) -> None:
        self.random = Random(seed)
        self.leases = [
            Leases(limit, member=str(n), fallback_share=None, random=self.random.random)
            for n in range(processes)
        ]
        self.ledger = Ledger()
        self.sent: list[Sent] = []
        self.errands: list[tuple[float, int, Errand]] = []
        self.exhausted = 0
        self._latency = latency
        self._lost = lost
        self._refuse = refuse
        self._oversleep = oversleep
        self._order = count()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []

    def at(self, moment: float, event: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._order), event))

    def request(self, process: int, came: float, deadline: float = math.inf, more: int = 0) -> None:
        """Let a request come, and ``more`` after it, each when the one before was sent."""
        turn, leases = LeasedTurn(), self.leases[process]

        def ask(now: float) -> None:
            try:
                away = leases.wait(turn, now, deadline)
            except RateLimitTimeoutError:
                self.exhausted += 1
                return
            finally:
                self._run_errand(process, now)
            if away > 0:
                late = self._oversleep * self.random.random()
                self.at(now + away + late, ask)
                return
            self._send(process, now, came)
            if more:
                self.request(process, now, deadline, more - 1)

        self.at(came, ask)

    def _send(self, process: int, now: float, came: float) -> None:
        leases = self.leases[process]
        retry_after = self._refuse(now, len(self.sent))
        self.sent.append(Sent(now, process, now - came))
        if retry_after is None:
            leases.answered()
        else:
            leases.refused(now, sent_at=now, retry_after=retry_after)
            self._run_errand(process, now)

    def _run_errand(self, process: int, now: float) -> None:
        leases = self.leases[process]
        errand = leases.errand(now)
        if errand is None:
            return
        self.errands.append((now, process, errand))
        there = now + self._latency * self.random.random()
        back = there + self._latency * self.random.random()
        if self._lost[0] <= there < self._lost[1]:
            self.at(back, lambda at: self._came_back(process, at, leases.lost))
        else:
            self.at(there, lambda at: self._in_store(process, errand, at, back))

    def _in_store(self, process: int, errand: Errand, at: float, back: float) -> None:
        leases = self.leases[process]
        if isinstance(errand, Ask):
            reply = self.ledger.lease(errand, at)
            self.at(
                back, lambda now: self._came_back(process, now, lambda n: leases.took(reply, n))
            )
        else:
            self.ledger.brake(errand, at)
            self.at(back, lambda now: self._came_back(process, now, leases.delivered))

    def _came_back(self, process: int, now: float, take: Callable[[float], None]) -> None:
        take(now)
        self._run_errand(process, now)

    def run(self, until: float = math.inf) -> None:
        while self._events and self._events[0][0] <= until:
            now, _, event = heapq.heappop(self._events)
            event(now)

    @property
    def times(self) -> list[float]:
        return sorted(sent.at for sent in self.sent)

    def between(self, start: float, end: float) -> list[Sent]:
        return [sent for sent in self.sent if start <= sent.at < end]


def busy(cluster: Cluster, each: int, tasks: int = 4) -> None:
    """Let every process have so many requests to send, by a few tasks at a time."""
    for process in range(len(cluster.leases)):
        for number in range(min(tasks, each)):
            cluster.request(process, number * 1e-6, more=each // tasks)


limits = st.floats(1, 1_000) | st.sampled_from([1.0, 10.0, 60.0, 200.0, 400.0])
seeds = st.integers(0, 1_000)


@settings(max_examples=40)
@given(
    limits,
    st.integers(1, 8),
    st.lists(st.floats(0, 300), min_size=1, max_size=120),
    seeds,
)
def test_no_minute_holds_more_than_the_limit_whoever_sends(
    limit: float, processes: int, coming: Iterable[float], seed: int
) -> None:
    cluster = Cluster(limit, processes, seed=seed)
    arrivals = list(coming)
    for number, at in enumerate(arrivals):
        cluster.request(number % processes, at)
    cluster.run()
    assert len(cluster.sent) == len(arrivals)
    assert fullest_minute(cluster.times) <= limit


@settings(max_examples=30)
@given(limits.filter(lambda limit: limit >= 10), st.integers(1, 8), seeds, st.floats(0, 60))
def test_no_minute_holds_more_than_the_limit_when_the_store_comes_and_goes(
    limit: float, processes: int, seed: int, outage: float
) -> None:
    cluster = Cluster(limit, processes, seed=seed, lost=(20.0, 20.0 + outage))
    busy(cluster, max(1, int(limit * 2 / processes)))
    cluster.run(until=240)
    assert fullest_minute(cluster.times) <= limit


@pytest.mark.parametrize("processes", [1, 2, 10, 50])
@pytest.mark.parametrize("limit", [60, 200, 1_000])
def test_nearly_all_of_the_limit_is_used_while_there_is_work(limit: int, processes: int) -> None:
    cluster = Cluster(limit, processes)
    busy(cluster, limit * 5 // processes + 1)
    cluster.run(until=180)
    assert len(cluster.sent) >= 0.93 * limit * 3


@pytest.mark.parametrize("processes", [2, 10])
def test_each_process_gets_its_share(processes: int) -> None:
    cluster = Cluster(200, processes)
    busy(cluster, 2_000 // processes)
    cluster.run(until=120)
    shares = [sum(sent.process == n for sent in cluster.sent) for n in range(processes)]
    assert min(shares) >= 0.5 * len(cluster.sent) / processes
    assert max(shares) <= 2 * len(cluster.sent) / processes


def test_the_store_is_asked_about_once_a_second_and_not_for_each_request() -> None:
    cluster = Cluster(1_000, 2)
    busy(cluster, 1_500)
    cluster.run(until=120)
    assert len(cluster.sent) > 1_800
    assert len(cluster.errands) < 300


def test_a_request_that_comes_alone_goes_as_soon_as_the_store_has_answered() -> None:
    cluster = Cluster(200, 2, latency=0.005)
    for number in range(50):
        cluster.request(number % 2, number * 3.0)
    cluster.run()
    assert max(sent.waited for sent in cluster.sent) < 0.03


def test_a_refusal_that_one_process_sees_makes_all_pause() -> None:
    cluster = Cluster(200, 5, refuse=lambda at, before: 20.0 if before == 100 else None)
    busy(cluster, 200)
    cluster.run(until=200)
    refused_at = cluster.times[100]
    # What was leased before is sent by those who do not know yet.
    assert not cluster.between(refused_at + 3.5, refused_at + 20)
    assert len(cluster.between(refused_at + 1e-9, refused_at + 20)) <= 12
    assert cluster.between(refused_at + 20, refused_at + 25)


def test_nobody_stampedes_after_a_pause_and_the_speed_comes_back() -> None:
    cluster = Cluster(200, 5, refuse=lambda at, before: 20.0 if before == 100 else None)
    busy(cluster, 200)
    cluster.run(until=200)
    resumed = cluster.times[100] + 20
    first, second = cluster.between(resumed, resumed + 10), cluster.between(resumed, resumed + 60)
    assert len(first) <= 0.62 * 200 / 6 + 2
    assert 0.6 * 200 <= len(second) <= 0.9 * 200
    assert len(cluster.between(resumed + 60, resumed + 90)) >= 0.9 * 100


def test_refusals_in_a_row_slow_down_further() -> None:
    def refuse(at: float, before: int) -> float | None:
        return None if at < 10 or at > 60 else 2.0

    cluster = Cluster(200, 3, refuse=refuse)
    busy(cluster, 400)
    cluster.run(until=300)
    # Each refused request pauses all of them.
    assert len(cluster.between(10, 60)) <= 40
    assert len(cluster.between(240, 300)) >= 0.9 * 200


def test_without_the_store_each_goes_on_more_slowly() -> None:
    cluster = Cluster(200, 4, lost=(60, 180))
    busy(cluster, 400)
    cluster.run(until=180)
    alone = cluster.between(65, 180)
    rate = 60 * len(alone) / 115
    assert 0.35 * 200 <= rate <= 0.55 * 200
    assert {sent.process for sent in alone} == {0, 1, 2, 3}
    assert fullest_minute(cluster.times) <= 200


def test_a_process_that_never_reached_the_store_takes_a_tenth() -> None:
    cluster = Cluster(200, 1, lost=(-1, math.inf))
    busy(cluster, 100)
    cluster.run(until=120)
    assert 30 <= len(cluster.sent) <= 41


def test_when_the_store_is_back_it_is_used_within_seconds_and_nobody_stampedes() -> None:
    cluster = Cluster(200, 4, lost=(60, 120))
    busy(cluster, 400)
    cluster.run(until=240)
    assert not any(leases.is_lost for leases in cluster.leases)
    assert len(cluster.between(120, 130)) <= 200 / 6 + 6
    assert len(cluster.between(130, 190)) >= 0.75 * 200
    assert len(cluster.between(180, 240)) >= 0.93 * 200


def test_a_lost_store_is_tried_every_few_seconds_and_not_with_each_request() -> None:
    cluster = Cluster(1_000, 1, lost=(10, 100))
    busy(cluster, 1_500)
    cluster.run(until=100)
    tries = [at for at, _, _ in cluster.errands if at >= 15]
    assert 10 <= len(tries) <= 45


def test_a_refusal_while_the_store_is_lost_slows_down_too_and_is_told_later() -> None:
    cluster = Cluster(
        200, 2, lost=(20, 60), refuse=lambda at, before: 40.0 if 30 < at < 31.5 else None
    )
    busy(cluster, 300)
    cluster.run(until=100)
    brakes = [at for at, _, errand in cluster.errands if isinstance(errand, Brake) and at > 60]
    assert brakes
    assert not cluster.between(65, 70)


def test_who_always_wakes_late_gets_through_all_the_same() -> None:
    cluster = Cluster(200, 2, oversleep=10.0)
    busy(cluster, 20)
    cluster.run(until=600)
    assert len(cluster.sent) == 2 * 4 * 6


def test_a_turn_after_the_deadline_is_left_to_others() -> None:
    cluster = Cluster(60, 2)
    busy(cluster, 10)
    for number in range(10):
        cluster.request(number % 2, 0.5, deadline=3.0)
    cluster.run()
    assert cluster.exhausted == 10
    assert len(cluster.sent) == 24


def test_a_pause_beyond_the_deadline_is_told_at_once() -> None:
    leases = Leases(60, member="a", fallback_share=None, random=lambda: 0.5)
    leases.refused(0.0, sent_at=0.0, retry_after=30.0)
    with pytest.raises(RateLimitTimeoutError) as caught:
        leases.wait(LeasedTurn(), 1.0, deadline=20.0)
    assert caught.value.wait == pytest.approx(29)


def test_a_place_that_is_given_up_goes_to_the_next_one() -> None:
    leases = Leases(60, member="a", fallback_share=None, random=lambda: 0.5)
    first, second = LeasedTurn(), LeasedTurn()
    assert leases.wait(first, 0.0, math.inf) > 0
    assert leases.wait(second, 0.0, math.inf) > 0
    assert isinstance(leases.errand(0.0), Ask)
    leases.took(Reply((0.1,)), 0.01)
    leases.give_up(first, 0.02)
    assert leases.wait(second, 0.11, math.inf) == 0


def test_a_store_that_hangs_counts_as_lost_and_is_not_asked_twice() -> None:
    leases = Leases(60, member="a", fallback_share=0.5, random=lambda: 0.5)
    turn = LeasedTurn()
    now = 0.0
    away = leases.wait(turn, now, math.inf)
    assert leases.errand(now) is not None
    while away > 0:
        now += away
        away = leases.wait(turn, now, math.inf)
        assert leases.errand(now) is None
    assert 2 < now < 10
    # Its late answer is no news of places, but of the store.
    leases.took(Reply((0.0,) * 5), now + 1)
    assert not leases.is_lost
    assert leases.wait(LeasedTurn(), now + 1, math.inf) > 0


def test_fairness_between_a_process_with_much_and_one_with_little_to_send() -> None:
    cluster = Cluster(200, 2)
    cluster.request(0, 0.0, more=600)
    for number in range(40):
        cluster.request(1, 10 + number * 3.0)
    cluster.run(until=150)
    waits = [sent.waited for sent in cluster.sent if sent.process == 1]
    assert len(waits) == 40
    assert max(waits) < 5


@pytest.mark.parametrize("limit", [200, 1_200])
def test_one_that_comes_later_and_sends_one_after_the_other_gets_its_share_too(limit: int) -> None:
    cluster = Cluster(limit, 2)
    cluster.request(0, 0.0, more=10_000)
    cluster.request(1, 20.0, more=10_000)
    cluster.run(until=100)
    lately = cluster.between(40, 100)
    assert sum(sent.process == 1 for sent in lately) >= 0.4 * len(lately)
    assert len(lately) >= 0.9 * limit


@pytest.mark.parametrize("wrong", [0, -1, math.nan])
def test_a_limit_that_makes_no_sense_is_refused(wrong: float) -> None:
    with pytest.raises(InvalidArgumentError, match="requests_per_minute"):
        Pace.of(wrong)


def test_the_longer_of_two_brakes_holds() -> None:
    ledger, ask = Ledger(), Ask("a", 1, Pace.of(60))
    ledger.brake(Brake(30.0, 30.0), 0.0)
    ledger.brake(Brake(2.0, 30.0), 1.0)
    assert ledger.lease(ask, 2.0).retry == pytest.approx(28)
    ledger.brake(Brake(60.0, 30.0), 3.0)
    assert ledger.lease(ask, 4.0).retry == pytest.approx(59)


def test_it_counts_the_processes_that_asked_lately() -> None:
    ledger, pace = Ledger(), Pace.of(60)
    assert [ledger.lease(Ask(str(n % 3), 1, pace), float(n)).members for n in range(5)] == [
        1,
        2,
        3,
        3,
        3,
    ]
    assert ledger.lease(Ask("new", 1, pace), 63.5).members == 2


def test_a_place_beyond_the_deadline_is_told_at_once_and_left_to_the_next_one() -> None:
    leases = Leases(60, member="a", fallback_share=None, random=lambda: 0.5)
    first, second = LeasedTurn(), LeasedTurn()
    assert leases.wait(first, 0.0, 3.0) > 0
    assert isinstance(leases.errand(0.0), Ask)
    leases.took(Reply((5.0,)), 0.01)
    with pytest.raises(RateLimitTimeoutError) as caught:
        leases.wait(first, 0.02, 3.0)
    assert caught.value.wait == pytest.approx(4.99)
    assert leases.wait(second, 0.03, math.inf) == pytest.approx(4.98)


def test_a_refusal_of_a_request_from_before_the_last_one_tells_nothing_new() -> None:
    leases = Leases(60, member="a", fallback_share=None, random=lambda: 0.5)
    leases.refused(1.0, sent_at=0.5, retry_after=30.0)
    with pytest.raises(RateLimitTimeoutError) as once:
        leases.wait(LeasedTurn(), 2.0, deadline=3.0)
    leases.refused(1.5, sent_at=0.6, retry_after=50.0)
    with pytest.raises(RateLimitTimeoutError) as twice:
        leases.wait(LeasedTurn(), 2.0, deadline=3.0)
    assert once.value.wait == twice.value.wait


def test_a_pause_goes_on_where_the_store_is_lost_during_it() -> None:
    leases = Leases(60, member="a", fallback_share=1, random=lambda: 0.5)
    leases.refused(0.0, sent_at=0.0, retry_after=30.0)
    leases.lost(1.0)
    assert leases.is_lost
    with pytest.raises(RateLimitTimeoutError):
        leases.wait(LeasedTurn(), 2.0, deadline=25.0)


@pytest.mark.parametrize("queued_before", [True, False])
def test_those_who_gave_up_while_the_store_is_lost_cost_the_others_no_time(
    queued_before: bool,
) -> None:
    leases = Leases(60, member="a", fallback_share=1, random=lambda: 0.0)
    turns = [LeasedTurn() for _ in range(50)]

    def ask() -> None:
        for turn in turns:
            assert leases.wait(turn, 0.0, math.inf) > 0

    if queued_before:
        ask()
    leases.lost(0.0)
    ask()
    for turn in turns[:-1]:
        leases.give_up(turn, 0.0)
    last, now = turns[-1], 0.0
    while (away := leases.wait(last, now, math.inf)) > 0:
        now += away
    assert now <= 5
