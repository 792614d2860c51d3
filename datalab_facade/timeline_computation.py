"""Compute the timeline of a job from one snapshot."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from datalab_facade.redaction import excerpt
from datalab_facade.statuses import AGGREGATED, Status
from datalab_facade.timeline import Span, Timeline, TimelineRun, TimelineStep

if TYPE_CHECKING:
    from datalab_facade.models import Step, StepRun

# Workers' clocks differ a little, so work may seem to end just after the run that
# waited for it began. The tolerance is a second, at most this share of the whole.
_SKEW = timedelta(seconds=1)
_SKEW_DIVISOR = 100


@attrs.frozen(kw_only=True)
class TimedJob:
    """What a timeline is computed from, whatever kind of job it is."""

    kind: str
    """The family's word for one of them, such as ``"execution"``."""
    id: int | str
    belongs_to: str | None
    """What it is a run of, such as ``"workflow 5"``."""
    status: Status
    steps: tuple[Step, ...]
    is_terminal: bool
    created_at: datetime | None
    updated_at: datetime | None
    observed_at: datetime | None
    error: str | None


def timeline_of(job: TimedJob, depends_on: Mapping[str, Iterable[str]] | None = None) -> Timeline:
    """Compute the timeline of a snapshot, even if times are missing.

    A time without a zone counts as UTC. An end before its beginning counts as equal
    to the beginning.

    Args:
        job: The job, as its snapshot has it.
        depends_on: For each step name, the names of the steps that it waits for, as
            in the workflow's definition. A step that is not a key can have waited
            for any other.
    """
    by_step = [
        [_Draft(step.name, run, _utc(run.started_at), _utc(run.finished_at)) for run in step.runs]
        for step in job.steps
    ]
    drafts = [draft for step in by_step for draft in step]
    start, end = _bounds(job, drafts)
    chain: list[_Draft] = []
    if start is not None and end is not None:
        known = {step: frozenset(names) for step, names in (depends_on or {}).items()}
        _place(drafts, start, end, known, is_open=not job.is_terminal)
        chain = _critical(drafts)
    for draft in chain:
        draft.is_critical = True
    steps = [
        TimelineStep(
            name=step.name,
            status=step.status,
            runs=tuple(sorted((draft.to_run() for draft in runs), key=_began)),
        )
        for step, runs in zip(job.steps, by_step, strict=True)
    ]
    return Timeline(
        kind=job.kind,
        job_id=job.id,
        status=job.status,
        belongs_to=job.belongs_to,
        started_at=start,
        ended_at=end,
        is_open=not job.is_terminal,
        steps=tuple(sorted(steps, key=_began)),
        critical_path=tuple(draft.to_run() for draft in chain),
        error=excerpt(job.error, limit=1_000) if job.error else None,
    )


@attrs.define(eq=False)
class _Draft:
    """A run whose spans are not computed yet."""

    step: str
    run: StepRun
    began: datetime | None
    ended: datetime | None
    waiting: Span | None = None
    working: Span | None = None
    held_up_by: _Draft | None = None
    is_doubtful: bool = False
    is_critical: bool = False

    def to_run(self) -> TimelineRun:
        run = self.run
        message = ": ".join(part for part in (run.error_stage, run.error) if part)
        return TimelineRun(
            step=self.step,
            file_key=run.file_key,
            status=run.status,
            waiting=self.waiting,
            working=self.working,
            failed=run.failed,
            error=excerpt(message, limit=1_000) if message else None,
            is_critical=self.is_critical,
            is_doubtful=self.is_doubtful,
        )


def _bounds(job: TimedJob, drafts: list[_Draft]) -> tuple[datetime | None, datetime | None]:
    created, updated = _utc(job.created_at), _utc(job.updated_at)
    known = [moment for draft in drafts for moment in (draft.began, draft.ended) if moment]
    if created is not None:
        known.append(created)
    latest = list(known)
    if not job.is_terminal:
        # The local clock may lag behind the server's; no known time may lie after the end.
        latest += [moment for moment in (updated, _utc(job.observed_at)) if moment]
    elif updated is not None and not (drafts and all(draft.ended for draft in drafts)):
        latest.append(updated)
    if not known and latest:
        known = [min(latest)]
    return min(known, default=None), max(latest, default=None)


def _place(
    drafts: list[_Draft],
    start: datetime,
    end: datetime,
    depends_on: Mapping[str, frozenset[str]],
    *,
    is_open: bool,
) -> None:
    """Set the spans of every run, and the run that held it up."""
    for draft in drafts:
        _place_begun(draft, end, is_open=is_open)
    finished = _FinishedWork(drafts, min(_SKEW, (end - start) / _SKEW_DIVISOR))
    unfinished = _UnfinishedWork(drafts)
    for draft in drafts:
        steps = depends_on.get(draft.step)
        if draft.began is None and steps is not None and unfinished.any_for(draft, steps):
            # Its input is not there yet, so it is not ready and does not count as waiting.
            continue
        until = draft.began or draft.ended or end
        draft.held_up_by = finished.last_before(draft, until, steps)
        ready = start if draft.held_up_by is None else min(until, _ended(draft.held_up_by))
        if draft.began is not None:
            draft.waiting = (
                Span(started_at=ready, ended_at=draft.began) if ready < draft.began else None
            )
        else:
            _place_not_begun(draft, ready, end, is_open=is_open)


def _place_begun(draft: _Draft, end: datetime, *, is_open: bool) -> None:
    if draft.began is None:
        return
    if draft.ended is not None:
        draft.is_doubtful = draft.ended < draft.began
        draft.working = Span(started_at=draft.began, ended_at=max(draft.began, draft.ended))
    else:
        in_progress = is_open and not draft.run.is_terminal
        draft.is_doubtful = not in_progress
        draft.working = Span(started_at=draft.began, ended_at=end, is_open=in_progress)


def _place_not_begun(draft: _Draft, ready: datetime, end: datetime, *, is_open: bool) -> None:
    if draft.ended is not None:
        draft.is_doubtful = True
        draft.working = Span(started_at=ready, ended_at=draft.ended)
    elif is_open and draft.run.status == Status.IN_PROGRESS:
        draft.is_doubtful = True
        draft.working = Span(started_at=ready, ended_at=end, is_open=True)
    elif is_open and draft.run.status.is_waiting:
        draft.waiting = Span(started_at=ready, ended_at=end, is_open=True)


class _FinishedWork:
    """The work that has ended, by its file."""

    def __init__(self, drafts: list[_Draft], skew: timedelta) -> None:
        self._skew = skew
        ended = [(draft.working, draft) for draft in drafts if draft.ended and draft.working]
        # Of runs that ended at the same time, the longest comes last.
        ended.sort(key=lambda entry: entry[0].started_at, reverse=True)
        ended.sort(key=lambda entry: entry[0].ended_at)
        self._all = [draft for _, draft in ended]
        self._by_file: dict[str | None, list[_Draft]] = {}
        for draft in self._all:
            self._by_file.setdefault(draft.run.file_key, []).append(draft)

    def last_before(
        self, waiting: _Draft, until: datetime, steps: frozenset[str] | None
    ) -> _Draft | None:
        """Return the last run to end before another began, of those it can have waited for.

        These are runs of other steps on the same file, or on all files at once.
        """
        best: _Draft | None = None
        for group in self._groups(waiting.run.file_key):
            found = self._last_in(group, waiting, until, steps)
            if found is not None and (best is None or _ended(best) < _ended(found)):
                best = found
        return best

    def _groups(self, file_key: str | None) -> Iterator[list[_Draft]]:
        if file_key is None or file_key == AGGREGATED:
            yield self._all
            return
        for key in (file_key, None, AGGREGATED):
            if key in self._by_file:
                yield self._by_file[key]

    def _last_in(
        self, group: list[_Draft], waiting: _Draft, until: datetime, steps: frozenset[str] | None
    ) -> _Draft | None:
        place = bisect_right(group, min(until, _LAST - self._skew) + self._skew, key=_ended)
        for draft in reversed(group[:place]):
            assert draft.working is not None
            # Each link leads back in time, so no chain of links is a circle.
            if (
                draft.step != waiting.step
                and draft.working.started_at < until
                and (steps is None or draft.step in steps)
            ):
                return draft
        return None


class _UnfinishedWork:
    """The work that has not ended, by step and file."""

    def __init__(self, drafts: list[_Draft]) -> None:
        self._files: dict[str, set[str | None]] = {}
        for draft in drafts:
            if draft.ended is None and not draft.run.is_terminal:
                self._files.setdefault(draft.step, set()).add(draft.run.file_key)

    def any_for(self, waiting: _Draft, steps: frozenset[str]) -> bool:
        """Check whether a run still needs unfinished work of some steps."""
        key = waiting.run.file_key
        found = (self._files.get(step, set()) for step in steps)
        if key is None or key == AGGREGATED:
            return any(found)
        return any(not files.isdisjoint((key, None, AGGREGATED)) for files in found)


def _ended(draft: _Draft) -> datetime:
    assert draft.working is not None
    return draft.working.ended_at


def _critical(drafts: list[_Draft]) -> list[_Draft]:
    """Follow the runs that held each other up, back from the last end."""
    placed = [(draft.working, draft) for draft in drafts if draft.working is not None]
    if not placed:
        return []
    last = max(span.ended_at for span, _ in placed)
    _, current = min(
        ((span, draft) for span, draft in placed if span.ended_at == last),
        key=lambda entry: entry[0].started_at,
    )
    chain = [current]
    while current.held_up_by is not None:
        current = current.held_up_by
        chain.append(current)
    return chain[::-1]


def _began(part: TimelineStep | TimelineRun) -> tuple[bool, datetime]:
    working = part.working
    return working is None, _FIRST if working is None else working.started_at


_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return _FIRST if moment.year == 1 else _LAST
