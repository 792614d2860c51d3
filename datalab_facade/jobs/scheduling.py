"""Waiting for many jobs: which one to poll next.

The API tells about one job at a time, and a key has only so many requests
a minute. Each job has a :class:`~datalab_facade.jobs.wait.Wait` of its own,
which says when its next poll is due. As long as the rate limit allows, each is polled
when it is due; when more are due than the rate limit allows, the one that was
polled longest ago comes first, so that no job is forgotten.

Nothing here does IO or knows a clock. A driver asks :meth:`Scheduler.away`, gets
through the rate limiter, takes a poll with :meth:`Scheduler.pick`, and reports its result.
"""

from __future__ import annotations

import heapq
import logging
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Generic

import attrs

from datalab_facade.errors import DatalabError, WaitTimeoutError
from datalab_facade.jobs.changes import Change
from datalab_facade.jobs.commands import Call, Result, Sleep
from datalab_facade.jobs.kinds import IdT, JobKind, SnapshotT
from datalab_facade.jobs.learning import DurationModel
from datalab_facade.jobs.outcomes import Abandoned, Outcome, Settled, Totals, Update
from datalab_facade.jobs.retries import Randomness
from datalab_facade.jobs.wait import Wait, WaitPolicy
from datalab_facade.rate_limiting.local import RateLimiter

logger = logging.getLogger("datalab_facade.jobs")

DEFAULT_CONCURRENCY = 1_000
"""How many jobs are waited for at once unless the caller says otherwise.

At 200 requests a minute a round over so many takes five minutes; more at once
would only make each be seen later."""


@attrs.define(eq=False)
class _Entry(Generic[SnapshotT, IdT]):
    """One job that is waited for."""

    wait: Wait[SnapshotT, IdT]
    deadline: float
    times_wanted: int = 1
    """How many outcomes the caller expects: an id may come more than once."""
    standing: str = "queued"
    over: bool = False
    place: int | None = None
    """Where it is among those that are due, if it is."""


class _FairQueue(Generic[SnapshotT, IdT]):
    """Those that are due: whoever was polled longest ago comes first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, _Entry[SnapshotT, IdT]]] = []
        self._tie_break = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, entry: _Entry[SnapshotT, IdT]) -> None:
        self._tie_break += 1
        heapq.heappush(self._heap, (entry.wait.polled_at, self._tie_break, entry))

    def take(self, now: float) -> _Entry[SnapshotT, IdT]:  # noqa: ARG002 - the other queue needs it
        return heapq.heappop(self._heap)[2]


class _LikelyQueue(Generic[SnapshotT, IdT]):
    """Those that are due: first whose end has most likely been missed for longest.

    With many due, the best of a sample is taken, so that it costs the same
    however many there are. What is known may be wrong, so every second one is the one that
    was polled longest ago: whatever was learned, nobody waits more than twice as long
    for a poll as in a fair round.
    """

    _SAMPLE = 48

    def __init__(self, random: Randomness) -> None:
        self._entries: list[_Entry[SnapshotT, IdT]] = []
        self._oldest: _FairQueue[SnapshotT, IdT] = _FairQueue()
        self._random = random
        self._fair = True

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: _Entry[SnapshotT, IdT]) -> None:
        entry.place = len(self._entries)
        self._entries.append(entry)
        self._oldest.add(entry)

    def take(self, now: float) -> _Entry[SnapshotT, IdT]:
        self._fair = not self._fair
        entry = self._longest_ago(now) if self._fair else self._likeliest(now)
        place, last = entry.place, self._entries.pop()
        if last is not entry:
            assert place is not None
            self._entries[place] = last
            last.place = place
        entry.place = None
        return entry

    def _longest_ago(self, now: float) -> _Entry[SnapshotT, IdT]:
        while (entry := self._oldest.take(now)).place is None:
            pass
        return entry

    def _likeliest(self, now: float) -> _Entry[SnapshotT, IdT]:
        entries, many = self._entries, len(self._entries)
        first = int(self._random() * many) if many > self._SAMPLE else 0
        sample = (entries[(first + step) % many] for step in range(min(many, self._SAMPLE)))
        return max(sample, key=lambda entry: entry.wait.lateness(now))


@attrs.frozen
class Poll(Generic[SnapshotT, IdT]):
    """A poll that is due now."""

    id: IdT
    call: Call
    began: float
    entry: _Entry[SnapshotT, IdT] = attrs.field(repr=False)


class Scheduler(Generic[SnapshotT, IdT]):
    """Decides which of many jobs of one kind to poll, and when.

    Args:
        kind: The kind of the jobs.
        policy: How each single one is waited for.
        concurrency: How many are waited for at once; the others are not yet read.
        deadline: When all of it has to be over, of the driver's clock.
        rate_limiter: Read only for how many requests it has left, for the totals.
        random: Spreads the polls.
        now: The time at the start.
        changes: Whether to report each change, and not outcomes only.
        duration_model: What is known of how long jobs take, if that is to be used.
        expected: How many will be read, as far as that is known.
        has_room: Whether another may be read now, for reasons of the caller's own. It must say
            so whenever nothing is waited for.
    """

    def __init__(
        self,
        kind: JobKind[SnapshotT, IdT],
        policy: WaitPolicy,
        *,
        concurrency: int,
        deadline: float,
        rate_limiter: RateLimiter,
        random: Randomness,
        now: float,
        changes: bool,
        duration_model: DurationModel | None = None,
        expected: int = 0,
        has_room: Callable[[], bool] | None = None,
    ) -> None:
        self._kind = kind
        self._reports_changes = changes
        self._duration_model = duration_model
        self._policy = policy
        self._concurrency = concurrency
        self._deadline = deadline
        self._rate_limiter = rate_limiter
        self._random = random
        self._started = now
        # One policy for all, so deadlines come in the order of adding.
        self._active: OrderedDict[IdT, _Entry[SnapshotT, IdT]] = OrderedDict()
        self._later: list[tuple[float, int, _Entry[SnapshotT, IdT]]] = []
        # Without a limit whatever is due is polled, so the order matters little.
        scarce = rate_limiter.requests_per_minute is not None
        self._ready: _FairQueue[SnapshotT, IdT] | _LikelyQueue[SnapshotT, IdT] = (
            _LikelyQueue(random) if scarce and duration_model is not None else _FairQueue()
        )
        self._unread = expected
        self._has_room = has_room
        self._feed_open = True
        self._feed_error: Exception | None = None
        self._tie_break = 0
        self._counts = {"queued": 0, "running": 0, "succeeded": 0, "failed": 0}
        self._requests = 0
        self._events: deque[Update[SnapshotT, IdT] | Settled[object]] = deque()

    @property
    def wants_more(self) -> bool:
        """Whether there is room for another id."""
        if not self._feed_open or len(self._active) >= self._concurrency:
            return False
        return self._has_room is None or self._has_room()

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return not self._active and not self._feed_open

    def add(self, job_id: IdT, now: float) -> None:
        """Begin to wait for a job. One that is waited for already is not polled twice."""
        if now >= self._deadline:
            self.close_feed()
            return
        self._count_read()
        entry = self._active.get(job_id)
        if entry is not None:
            entry.times_wanted += 1
        else:
            timeout = min(self._policy.timeout, self._deadline - now)
            policy = self._policy
            if timeout < policy.timeout:
                policy = attrs.evolve(policy, timeout=timeout)
            wait = Wait(
                self._kind,
                job_id,
                policy,
                now=now,
                random=self._random,
                duration_model=self._duration_model,
                watched=self._reports_changes,
            )
            entry = self._active[job_id] = _Entry(wait, now + timeout)
            if wait.due > now:
                self._poll_later(entry)
            else:
                self._ready.add(entry)
        self._counts[entry.standing] += 1

    def _count_read(self) -> None:
        self._unread = max(0, self._unread - 1)

    def close_feed(self) -> None:
        """Record that there are no more jobs."""
        self._feed_open = False
        self._unread = 0

    def feed_failed(self, error: Exception) -> None:
        """Record that reading the jobs raised, so that there are no more."""
        self._feed_error = error
        self.close_feed()
        logger.warning(
            "Reading the jobs raised %s; it is raised again when the %d jobs that were read have "
            "their outcomes",
            type(error).__name__,
            len(self._active),
        )

    def raise_feed_error(self) -> None:
        """Raise what reading the jobs raised, if it did.

        Raises:
            Exception: Reading the jobs raised it.
        """
        if self._feed_error is not None:
            raise self._feed_error

    def settle(self, settled: Settled[object], now: float) -> None:
        """Pass on a result that was known already."""
        self._count_read()
        self._counts["succeeded" if settled.succeeded else "failed"] += 1
        self._report(now, source=settled.source)
        self._events.append(settled)

    def refuse(self, job_id: IdT, error: DatalabError, now: float) -> None:
        """Record that there is no such job to wait for."""
        self._count_read()
        self._counts["failed"] += 1
        self._report(now, outcome=Outcome(id=job_id, error=error))

    def abandon(self, abandoned: Abandoned[IdT]) -> None:
        """Stop waiting for a job, without an outcome."""
        entry = self._active.pop(abandoned.id, None)
        if entry is not None:
            self._forget(entry)
            self._counts[entry.standing] -= entry.times_wanted

    def away(self, now: float) -> float:
        """Give the seconds until there is something to do; 0 if a poll is due."""
        self._expire(now)
        self._promote(now)
        if self._ready:
            return 0.0
        soonest = self._later[0][0] if self._later else math.inf
        return min(soonest, self.next_deadline) - now

    @property
    def next_deadline(self) -> float:
        """When waiting for one of them, or for all, has to be over."""
        oldest = next(iter(self._active.values()), None)
        return self._deadline if oldest is None else oldest.deadline

    def pick(self, now: float) -> Poll[SnapshotT, IdT] | None:
        """Take the poll that matters most now, if any is due."""
        self._expire(now)
        self._promote(now)
        while self._ready:
            entry = self._ready.take(now)
            if entry.over:
                continue
            try:
                call = entry.wait.poll(now)
            except WaitTimeoutError as error:
                self._end(entry, Outcome(id=entry.wait.id, error=error), now)
                continue
            self._requests += 1
            return Poll(entry.wait.id, call, now, entry)
        return None

    def polled(self, poll: Poll[SnapshotT, IdT], answer: Result[SnapshotT]) -> Sleep | None:
        """Record the result of a poll; return the pause before the next if it is to be retried."""
        entry, now = poll.entry, answer.now
        if entry.over:
            return None
        wait = entry.wait
        try:
            if answer.error is not None:
                wait.failed(answer.error, now=now)
            else:
                snapshot = answer.returned
                changes = wait.answered(snapshot, now=now, took=now - poll.began)
                self._count_as(entry, "queued" if self._kind.is_queued(snapshot) else "running")
                if self._reports_changes:
                    for change in changes:
                        self._report(now, change=change)
                if snapshot.is_terminal:
                    self._end(entry, Outcome(id=wait.id, snapshot=snapshot), now)
                    return None
                wait.schedule(now)
        except DatalabError as error:
            self._end(entry, Outcome(id=wait.id, error=error), now)
        else:
            self._poll_later(entry)
            if answer.error is not None:
                return Sleep(wait.due - now, *wait.retries, cause=answer.error)
        return None

    def _poll_later(self, entry: _Entry[SnapshotT, IdT]) -> None:
        # Ties are broken by the order of pushing; entries themselves do not compare.
        self._tie_break += 1
        heapq.heappush(self._later, (entry.wait.due, self._tie_break, entry))

    def events(self) -> Iterator[Update[SnapshotT, IdT] | Settled[object]]:
        """Return what happened since the last time, in order."""
        while self._events:
            yield self._events.popleft()

    def _promote(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            _, _, entry = heapq.heappop(self._later)
            if not entry.over:
                self._ready.add(entry)

    def _expire(self, now: float) -> None:
        while self._active and self.next_deadline <= now:
            entry = next(iter(self._active.values()))
            error = entry.wait.timed_out(now)
            self._end(entry, Outcome(id=entry.wait.id, error=error), now)
        if now >= self._deadline:
            self.close_feed()

    def _end(
        self, entry: _Entry[SnapshotT, IdT], outcome: Outcome[SnapshotT, IdT], now: float
    ) -> None:
        self._forget(entry)
        del self._active[outcome.id]
        self._count_as(entry, "succeeded" if outcome.succeeded else "failed")
        for _ in range(entry.times_wanted):
            self._report(now, outcome=outcome)

    def _forget(self, entry: _Entry[SnapshotT, IdT]) -> None:
        entry.over = True
        # It may still stand in a queue, and snapshots are large.
        entry.wait.last = None

    def _count_as(self, entry: _Entry[SnapshotT, IdT], standing: str) -> None:
        self._counts[entry.standing] -= entry.times_wanted
        self._counts[standing] += entry.times_wanted
        entry.standing = standing

    def _report(
        self,
        now: float,
        *,
        change: Change[SnapshotT] | None = None,
        outcome: Outcome[SnapshotT, IdT] | None = None,
        source: str | None = None,
    ) -> None:
        totals = self._totals(now)
        self._events.append(Update(totals=totals, change=change, outcome=outcome, source=source))

    def _totals(self, now: float) -> Totals:
        counts = {**self._counts, "queued": self._counts["queued"] + self._unread}
        ended = counts["succeeded"] + counts["failed"]
        left = counts["queued"] + counts["running"]
        return Totals(
            **counts,
            requests=self._requests,
            requests_left=self._rate_limiter.remaining(now),
            eta_seconds=(now - self._started) / ended * left if ended else None,
        )
