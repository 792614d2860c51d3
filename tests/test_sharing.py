"""A rate limiter that processes share: many of them on virtual time, and a store that fails."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable
from itertools import count, pairwise
from random import Random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab_facade import InvalidArgumentError, RateLimitTimeoutError, RequestPriority
from datalab_facade.rate_limiting.queue_member import QueueMember
from datalab_facade.rate_limiting.slot_queue import (
    Pace,
    SlotQueue,
    SlotReply,
    SlotRequest,
    StoreUnavailableError,
)
from tests.test_local_rate_limiter import fullest_minute


class Process(QueueMember):
    """The part of one process; it hands its questions to ``ask_store``."""

    ask_store: Callable[[SlotRequest], None]

    def ask(self, request: SlotRequest) -> None:
        self.ask_store(request)


class Asked(Process):
    """A limiter that notes its questions, for a test that answers them."""

    def __init__(self, limit: float, fallback_share: float | None = None) -> None:
        super().__init__(limit, fallback_share, lambda: 0.5)
        self.questions: list[SlotRequest] = []
        self.ask_store = self.questions.append


def reply(
    *delays: float, next_delay: float = 0.0, pause: float = 0.0, epoch: float = 0.0
) -> SlotReply:
    """Make an answer of a store that took these slots."""
    return SlotReply(
        delays=delays, next_delay=next_delay, pause=pause, epoch=epoch, limit=60.0, members=1
    )


@attrs.define
class Sent:
    """A request that went out."""

    at: float
    process: int
    waited: float
    priority: RequestPriority


class Cluster:
    """Processes with requests to send, and the store between them, on virtual time.

    Args:
        limit: Requests a minute, for all; or the limit of each process.
        processes: How many there are.
        seed: Of all chance.
        latency: The longest way to the store or back, in seconds.
        lost: (from, until): when the store cannot be reached.
        refuse: (time, requests before) -> ``Retry-After`` of a 429, or None.
        skew: The longest that a sleeper oversleeps.
    """

    def __init__(
        self,
        limit: float | Iterable[float],
        processes: int = 0,
        *,
        seed: int = 1,
        latency: float = 0.01,
        lost: tuple[float, float] = (math.inf, math.inf),
        refuse: Callable[[float, int], float | None] = lambda at, before: None,
        oversleep: float = 0.0,
    ) -> None:
        self.random = Random(seed)
        limits = [limit] * processes if isinstance(limit, (int, float)) else list(limit)
        self.processes = [self._process(number, each) for number, each in enumerate(limits)]
        self.queue = SlotQueue()
        self.sent: list[Sent] = []
        self.questions: list[tuple[float, int, SlotRequest]] = []
        self.exhausted = 0
        self.now = 0.0
        self.clock_is_off_by: Callable[[float], float] = lambda now: 0.0
        self._latency = latency
        self._lost = lost
        self._refuse = refuse
        self._oversleep = oversleep
        self._order = count()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []

    def at(self, moment: float, event: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._order), event))

    def _process(self, number: int, limit: float) -> Process:
        process = Process(limit, None, self.random.random)
        process.ask_store = lambda question: self._carry(number, question)
        return process

    def request(
        self,
        process: int,
        came: float,
        deadline: float = math.inf,
        more: int = 0,
        priority: RequestPriority = RequestPriority.POLL,
    ) -> None:
        """Let a request come, and ``more`` after it, each when the one before was sent."""
        slot = self.processes[process].reserve(priority)

        def ask(now: float) -> None:
            try:
                away = slot.delay(now, deadline)
            except RateLimitTimeoutError:
                self.exhausted += 1
                return
            if away > 0:
                late = self._oversleep * self.random.random()
                self.at(now + away + late, ask)
                return
            self._send(process, now, came, priority)
            if more:
                self.request(process, now, deadline, more - 1, priority)

        self.at(came, ask)

    def _send(self, process: int, now: float, came: float, priority: RequestPriority) -> None:
        limiter = self.processes[process]
        retry_after = self._refuse(now, len(self.sent))
        self.sent.append(Sent(now, process, now - came, priority))
        if retry_after is None:
            limiter.record_success()
        else:
            limiter.record_refusal(now, sent_at=now, retry_after=retry_after)

    def _carry(self, process: int, question: SlotRequest) -> None:
        self.questions.append((self.now, process, question))
        there = self.now + self._latency * self.random.random()
        back = there + self._latency * self.random.random()
        if self._lost[0] <= there < self._lost[1]:
            lost = StoreUnavailableError("it is lost")
            self.at(back, lambda now: self._bring_back(process, lost, now))
        else:
            self.at(there, lambda now: self._in_store(process, question, now, back))

    def _in_store(self, process: int, question: SlotRequest, now: float, back: float) -> None:
        answer = self.queue.acquire(question, now + self.clock_is_off_by(now))
        self.at(back, lambda at: self._bring_back(process, answer, at))

    def _bring_back(
        self, process: int, answer: SlotReply | StoreUnavailableError, now: float
    ) -> None:
        self.processes[process].take(answer, now)

    def run(self, until: float = math.inf) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, event = heapq.heappop(self._events)
            event(self.now)

    @property
    def times(self) -> list[float]:
        return sorted(sent.at for sent in self.sent)

    def between(self, start: float, end: float) -> list[Sent]:
        return [sent for sent in self.sent if start <= sent.at < end]


def busy(cluster: Cluster, each: int, tasks: int = 4) -> None:
    """Let every process have so many requests to send, by a few tasks at a time."""
    for process in range(len(cluster.processes)):
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


@pytest.mark.parametrize(("limit", "processes"), [(1_200, 2), (600, 16), (200, 1)])
def test_the_store_is_asked_once_for_each_request(limit: int, processes: int) -> None:
    cluster = Cluster(limit, processes)
    busy(cluster, 2 * limit // processes)
    cluster.run(until=60)
    assert len(cluster.sent) > 0.9 * limit
    assert len(cluster.questions) <= 1.1 * len(cluster.sent) + processes


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
    assert not any(process.is_lost for process in cluster.processes)
    assert len(cluster.between(120, 130)) <= 200 / 6 + 6
    assert len(cluster.between(130, 190)) >= 0.75 * 200
    assert len(cluster.between(180, 240)) >= 0.93 * 200


def test_a_lost_store_is_tried_every_few_seconds_and_not_with_each_request() -> None:
    cluster = Cluster(1_000, 1, lost=(10, 100))
    busy(cluster, 1_500)
    cluster.run(until=100)
    tries = [at for at, _, _ in cluster.questions if at >= 15]
    assert 10 <= len(tries) <= 45


def test_a_refusal_while_the_store_is_lost_slows_down_too_and_is_reported_later() -> None:
    cluster = Cluster(
        200, 2, lost=(20, 60), refuse=lambda at, before: 40.0 if 30 < at < 31.5 else None
    )
    busy(cluster, 300)
    cluster.run(until=100)
    brakes = [at for at, _, asked in cluster.questions if asked.brake is not None and at > 60]
    assert brakes
    assert not cluster.between(65, 70)


def test_who_always_wakes_late_gets_through_all_the_same() -> None:
    cluster = Cluster(200, 2, oversleep=10.0)
    busy(cluster, 20)
    cluster.run(until=600)
    assert len(cluster.sent) == 2 * 4 * 6


def test_a_slot_after_the_deadline_is_left_to_others() -> None:
    cluster = Cluster(60, 2)
    busy(cluster, 10)
    for number in range(10):
        cluster.request(number % 2, 0.5, deadline=3.0)
    cluster.run()
    assert cluster.exhausted == 10
    assert len(cluster.sent) == 24


def test_a_pause_beyond_the_deadline_is_an_error_at_once() -> None:
    limiter = Asked(60)
    limiter.record_refusal(0.0, sent_at=0.0, retry_after=30.0)
    with pytest.raises(RateLimitTimeoutError) as caught:
        limiter.reserve().delay(1.0, deadline=20.0)
    assert caught.value.wait == pytest.approx(29)


def test_the_slot_of_a_request_that_is_cancelled_goes_to_the_next_one() -> None:
    limiter = Asked(60)
    first, second = limiter.reserve(), limiter.reserve()
    assert first.delay(0.0) > 0
    assert second.delay(0.0) > 0
    assert [asked.count for asked in limiter.questions] == [1]
    limiter.take(reply(0.1), 0.01)
    first.cancel()
    assert second.delay(0.11) == 0


def test_a_store_that_hangs_counts_as_lost_and_is_not_asked_twice(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limiter, now = Asked(60, fallback_share=0.5), 0.0
    slot = limiter.reserve()
    while (away := slot.delay(now)) > 0:
        now += away
    assert len(limiter.questions) == 1
    assert 2 < now < 10
    # A late answer is as old as nobody knows, so the store is asked again.
    limiter.take(reply(*[0.0] * 5), now + 1)
    assert limiter.is_lost
    now += 10
    limiter.reserve().delay(now)
    limiter.take(reply(), now + 0.01)
    assert not limiter.is_lost
    assert [message.partition(",")[0] for message in caplog.messages] == [
        "The shared rate limiter cannot be reached",
        "The shared rate limiter can be reached again",
    ]


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
    queue = SlotQueue()

    def after_brake(now: float, brake: float | None = None) -> float:
        asked = SlotRequest(member="a", limit=60, brake=brake)
        return queue.acquire(asked, now).next_delay

    after_brake(0.0, 30.0)
    assert after_brake(1.0, 2.0) == pytest.approx(29)
    assert after_brake(2.0) == pytest.approx(28)
    assert after_brake(3.0, 60.0) == pytest.approx(60)
    assert after_brake(4.0) == pytest.approx(59)


def test_it_counts_the_processes_that_asked_lately() -> None:
    queue = SlotQueue()

    def members(member: str, now: float) -> int:
        return queue.acquire(SlotRequest(member=member, limit=60), now).members

    assert [members(str(n % 3), float(n)) for n in range(5)] == [1, 2, 3, 3, 3]
    assert members("new", 63.5) == 2


def test_a_slot_beyond_the_deadline_is_an_error_and_left_to_the_next_one() -> None:
    limiter = Asked(60)
    first, second = limiter.reserve(), limiter.reserve()
    assert first.delay(0.0, 3.0) > 0
    assert limiter.questions[0].within == 3.0
    assert second.delay(0.0, math.inf) > 0
    limiter.take(reply(5.0), 0.01)
    with pytest.raises(RateLimitTimeoutError) as caught:
        first.delay(0.02, 3.0)
    assert caught.value.wait == pytest.approx(4.99)
    assert second.delay(0.03) == pytest.approx(4.98, abs=0.1)


def test_no_slot_is_taken_where_none_comes_before_the_deadline() -> None:
    limiter = Asked(60)
    hasty, patient = limiter.reserve(), limiter.reserve()
    assert hasty.delay(0.0, 3.0) > 0
    limiter.take(reply(next_delay=5.0), 0.01)
    with pytest.raises(RateLimitTimeoutError) as caught:
        hasty.delay(0.02, 3.0)
    assert caught.value.wait == pytest.approx(4.99)
    # Who has more time asks at once.
    assert patient.delay(0.03) > 0
    assert [(asked.count, asked.within) for asked in limiter.questions] == [(1, 3.0), (1, 60.0)]


def test_a_refusal_of_a_request_from_before_the_last_one_says_nothing_new() -> None:
    limiter = Asked(60)
    limiter.record_refusal(1.0, sent_at=0.5, retry_after=30.0)
    with pytest.raises(RateLimitTimeoutError) as once:
        limiter.reserve().delay(2.0, deadline=3.0)
    limiter.record_refusal(1.5, sent_at=0.6, retry_after=50.0)
    with pytest.raises(RateLimitTimeoutError) as twice:
        limiter.reserve().delay(2.0, deadline=3.0)
    assert once.value.wait == twice.value.wait


def test_a_pause_goes_on_where_the_store_is_lost_during_it() -> None:
    limiter = Asked(60, fallback_share=1)
    limiter.record_refusal(0.0, sent_at=0.0, retry_after=30.0)
    limiter.take(StoreUnavailableError("it is lost"), 1.0)
    assert limiter.is_lost
    with pytest.raises(RateLimitTimeoutError):
        limiter.reserve().delay(2.0, deadline=25.0)


@pytest.mark.parametrize("queued_before", [True, False])
def test_those_that_were_canceled_while_the_store_is_lost_cost_the_others_no_time(
    queued_before: bool,
) -> None:
    limiter = Asked(60, fallback_share=1)
    slots = [limiter.reserve() for _ in range(50)]

    def ask() -> None:
        for slot in slots:
            assert slot.delay(0.0) > 0

    if queued_before:
        ask()
    else:
        slots[-1].delay(0.0)
    limiter.take(StoreUnavailableError("it is lost"), 0.0)
    ask()
    for slot in slots[:-1]:
        slot.cancel()
    now = 0.0
    while (away := slots[-1].delay(now)) > 0:
        now += away
    assert now <= 5


def test_the_smallest_of_different_limits_holds_for_all_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster = Cluster([1_200, 60])
    cluster.request(0, 0.0, more=2_000)
    cluster.request(1, 10.0, more=20)
    cluster.run(until=200)
    both = cluster.between(12, 30)
    assert 0.9 * 18 <= len(both) <= 18 + 2
    assert {sent.process for sent in both} == {0, 1}
    # A minute after the other is gone, the larger limit holds again.
    ended = max(sent.at for sent in cluster.sent if sent.process == 1)
    assert len(cluster.between(ended + 61, ended + 91)) >= 0.9 * 600
    assert caplog.messages == [
        (
            f"The shared rate limiter now allows {limit} requests a minute, the smallest limit of "
            "its processes; this one has 1200"
        )
        for limit in (60, 1200)
    ]


@pytest.mark.parametrize("back", [5.0, 3_600.0])
def test_nobody_waits_because_the_clock_of_the_store_steps_back(back: float) -> None:
    cluster = Cluster(200, 3)
    cluster.clock_is_off_by = lambda now: -back if now >= 30 else 0.0
    busy(cluster, 200)
    cluster.run(until=120)
    gaps = [later - earlier for earlier, later in pairwise(cluster.times)]
    assert max(gaps) < 1
    assert fullest_minute(cluster.times) <= 200


@pytest.mark.parametrize("processes", [1, 4])
@pytest.mark.parametrize("latency", [0.15, 0.275])
@pytest.mark.parametrize("limit", [200, 1_200])
def test_a_slow_store_slows_down_nobody_who_sends_one_after_the_other(
    limit: int, latency: float, processes: int
) -> None:
    cluster = Cluster(limit, processes, latency=latency)
    busy(cluster, 5 * limit // processes, tasks=1)
    cluster.run(until=180)
    assert len(cluster.between(60, 120)) >= 0.8 * limit
    assert fullest_minute(cluster.times) <= limit


def test_a_store_that_is_slower_than_a_slot_lives_is_lost() -> None:
    cluster = Cluster(200, 2, latency=4.0)
    busy(cluster, 200, tasks=1)
    cluster.run(until=120)
    assert len(cluster.between(60, 120)) >= 0.5 * 0.1 * 2 * 200
    assert fullest_minute(cluster.times) <= 200


@pytest.mark.parametrize("nonsense", [math.inf, math.nan, 1e9, -1e9])
def test_no_answer_of_the_store_holds_anybody_for_longer_than_a_minute(nonsense: float) -> None:
    for answer in (
        reply(nonsense),
        reply(next_delay=nonsense),
        reply(pause=nonsense, next_delay=nonsense),
    ):
        limiter, now = Asked(60), 0.0
        slot = limiter.reserve()
        assert slot.delay(now) > 0
        limiter.take(answer, 0.01)
        asked = len(limiter.questions)
        while len(limiter.questions) == asked and (away := slot.delay(now)) > 0:
            now += away
        assert now <= 61


@pytest.mark.parametrize("nonsense", [0.0, -1.0, math.nan, math.inf, 1e-9])
@pytest.mark.parametrize("fallback_share", [None, 1e-9])
def test_a_store_that_answers_nonsense_counts_as_lost(
    nonsense: float, fallback_share: float | None
) -> None:
    """However small a share is, it is a share."""
    limiter = Asked(60, fallback_share)
    slot = limiter.reserve()
    slot.delay(0.0)
    limiter.take(attrs.evolve(reply(0.0), limit=nonsense), 0.01)
    assert limiter.is_lost
    assert slot.delay(0.02) > 0


def test_a_slot_that_was_given_out_long_ago_is_confirmed_before_it_is_used() -> None:
    limiter = Asked(60)
    slot = limiter.reserve()
    slot.delay(0.0)
    limiter.take(reply(10.0, epoch=1.0), 0.01)
    now = 0.02
    now += slot.delay(now)
    assert slot.delay(now) > 0
    assert [asked.count for asked in limiter.questions] == [1, 0]
    # Another process has braked meanwhile, so it is void.
    limiter.take(reply(epoch=2.0, next_delay=20.0), now + 0.01)
    assert slot.delay(now + 0.02) > 0
    assert limiter.questions[-1].count == 1
