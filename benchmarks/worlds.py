"""A world on virtual time in which executions come, take their time, and end."""

from __future__ import annotations

import math
import statistics
from collections import deque
from datetime import UTC, datetime, timedelta
from random import Random

import attrs

from datalab_facade import Execution, Status, WaitPolicy
from datalab_facade.errors import RateLimitError
from datalab_facade.executions.kind import EXECUTIONS
from datalab_facade.jobs.commands import Result as CommandResult
from datalab_facade.jobs.learning import DurationModel
from datalab_facade.jobs.outcomes import Update
from datalab_facade.jobs.scheduling import Scheduler
from datalab_facade.rate_limiting.local import LocalRateLimiter

_EPOCH = datetime(2025, 1, 1, tzinfo=UTC)


@attrs.frozen
class World:
    """When each execution begins and ends, in seconds; its id is its place in the list."""

    begins: tuple[float, ...]
    ends: tuple[float, ...]
    per_minute: int
    """Requests that the server allows in any minute."""


def log_normal_world(
    *, many: int, median: float, sigma: float, per_second: float, per_minute: int, seed: int
) -> World:
    """Executions that arrive evenly and take log-normally long."""
    dice = Random(seed)
    begins = tuple(number / per_second for number in range(many))
    ends = tuple(at + dice.lognormvariate(math.log(median), sigma) for at in begins)
    return World(begins, ends, per_minute)


@attrs.frozen
class Result:
    """What it took to see all executions end."""

    requests: int
    refused: int
    late: tuple[float, ...]
    """Seconds from each end until it was seen."""
    use: float
    """Requests sent while a poll was due, as a share of what the server allows in that time."""

    @property
    def mean_late(self) -> float:
        return statistics.fmean(self.late)


def fair_round(world: World) -> Result:
    """The ideal: at exactly the limit, always poll the execution polled longest ago."""
    queue: deque[int] = deque()
    waiting = deque(range(len(world.begins)))
    spacing, now, requests = 60 / world.per_minute, 0.0, 0
    late: list[float] = []
    while queue or waiting:
        while waiting and world.begins[waiting[0]] <= now:
            queue.append(waiting.popleft())
        if queue:
            requests += 1
            number = queue.popleft()
            if world.ends[number] <= now:
                late.append(now - world.ends[number])
            else:
                queue.append(number)
        now += spacing
    return Result(requests, 0, tuple(late), 1.0)


class _Server:
    """Counts as the API does: so many requests in any minute, then 429."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._recent: deque[float] = deque()
        self.requests = 0
        self.refused = 0

    def admits(self, now: float) -> bool:
        while self._recent and self._recent[0] <= now - 60:
            self._recent.popleft()
        self.requests += 1
        if len(self._recent) >= self._per_minute:
            self.refused += 1
            return False
        self._recent.append(now)
        return True


def scheduled(
    world: World,
    policy: WaitPolicy,
    *,
    concurrency: int,
    seed: int,
    durations: DurationModel | None = None,
) -> Result:
    """Ours: the scheduler and the rate limiter, driven as the clients drive them."""
    rate_limiter, server = LocalRateLimiter(world.per_minute), _Server(world.per_minute)
    scheduler = Scheduler(
        EXECUTIONS,
        policy,
        concurrency=concurrency,
        deadline=math.inf,
        rate_limiter=rate_limiter,
        random=Random(seed).random,
        now=0.0,
        changes=False,
        duration_model=durations,
    )
    arriving = deque(enumerate(world.begins))
    now, busy, hurried = 0.0, 0.0, 0
    late: list[float] = []
    while not scheduler.finished:
        _feed(scheduler, arriving, now)
        until_next = arriving[0][1] - now if arriving else math.inf
        away = min(scheduler.away(now), until_next if until_next > 0 else math.inf)
        if away > 0:
            now += away
            continue
        slot, came = rate_limiter.reserve(), now
        while (wait := slot.delay(now)) > 0:
            now += wait
        if now > came:
            busy += now - came
            hurried += 1
        taken = scheduler.pick(now)
        if taken is None:
            continue
        answer = _answer(world, server, taken.id, now)
        if answer.error is not None:
            rate_limiter.record_refusal(now, sent_at=now, retry_after=None)
        else:
            rate_limiter.record_success()
        scheduler.polled(taken, answer)
        found = [
            update.outcome
            for update in scheduler.events()
            if isinstance(update, Update) and update.outcome is not None
        ]
        late.extend(now - world.ends[outcome.id] for outcome in found)
    allowed = busy * world.per_minute / 60
    return Result(server.requests, server.refused, tuple(late), hurried / allowed)


def _feed(
    scheduler: Scheduler[Execution, int], arriving: deque[tuple[int, float]], now: float
) -> None:
    while arriving and arriving[0][1] <= now and scheduler.wants_more:
        scheduler.add(arriving.popleft()[0], now)
    if not arriving:
        scheduler.close_feed()


def _answer(world: World, server: _Server, number: int, now: float) -> CommandResult[Execution]:
    if not server.admits(now):
        return CommandResult(now, error=RateLimitError(url="simulated"))
    over = world.ends[number] <= now
    return CommandResult(
        now,
        Execution(
            id=number,
            workflow_id=1,
            status=Status.COMPLETED if over else Status.IN_PROGRESS,
            created_at=_EPOCH + timedelta(seconds=world.begins[number]),
            updated_at=_EPOCH + timedelta(seconds=min(now, world.ends[number])),
            observed_at=_EPOCH + timedelta(seconds=now),
        ),
    )
