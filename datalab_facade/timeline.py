"""When the steps and files of an execution waited and worked, as plain values.

A timeline is made of one snapshot. The server tells when a run began and ended,
never when it became ready; so a run counts as waiting from the end of the last
work that it can have waited for, or else from the creation of the execution.
The same link from run to run, followed back from the last end, is the critical
path. Who knows the workflow's definition passes what depends on what; without
it, everything that ended before a run began can have held it up.

>>> from datalab_facade import Execution, Status
>>> timeline = Execution(id=123, status=Status.COMPLETED).timeline()
>>> timeline.total, timeline.steps
(datetime.timedelta(0), ())
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from datalab_facade.pickling import picklable
from datalab_facade.redaction import excerpt
from datalab_facade.statuses import Status

if TYPE_CHECKING:
    from datalab_facade.models import JSON, Execution, StepRun

# The models lie above this module, so their word for it cannot be imported.
_ALL_FILES = "aggregated"

# Workers' clocks differ a little, so work may seem to end just after the run
# that waited for it began: by so much, or by this share of the whole.
_SKEW = timedelta(seconds=1)
_SKEW_SHARE = 100

_NOTHING = timedelta(0)


@picklable
@attrs.frozen(kw_only=True)
class Span:
    """From one moment to another, both in UTC; the end is never before the start."""

    started_at: datetime
    ended_at: datetime
    is_open: bool = False
    """Whether it was still going on then; the end is that of the timeline."""

    @property
    def duration(self) -> timedelta:
        """How long it took, or has taken so far."""
        return self.ended_at - self.started_at

    def to_dict(self) -> dict[str, JSON]:
        """Give the span as plain JSON, times in ISO 8601 and seconds."""
        return {
            "start": self.started_at.isoformat(),
            "end": self.ended_at.isoformat(),
            "is_open": self.is_open,
            "seconds": self.duration.total_seconds(),
        }


@picklable
@attrs.frozen(kw_only=True)
class TimelineRun:
    """When one step waited and worked on one file, on all files, or as a whole."""

    step: str
    """The step's unique name."""
    file_key: str | None
    """Which file, ``"aggregated"`` for all of them, or None where steps have one run."""
    status: Status
    waiting: Span | None = None
    """From when it can have been ready, by what is known, until it began."""
    working: Span | None = None
    """From its beginning to its end; None if it has not begun."""
    failed: bool = False
    error: str | None = None
    """What the server says went wrong: the stage and its words, without secrets, shortened."""
    is_critical: bool = False
    """Whether it is on the critical path."""
    is_doubtful: bool = False
    """Whether the server left out or contradicted a time, so that the spans are a guess."""

    def to_dict(self) -> dict[str, JSON]:
        """Give the run as plain JSON."""
        return {
            "file_key": self.file_key,
            "status": str(self.status),
            "waiting": None if self.waiting is None else self.waiting.to_dict(),
            "working": None if self.working is None else self.working.to_dict(),
            "failed": self.failed,
            "error": self.error,
            "is_critical": self.is_critical,
            "is_doubtful": self.is_doubtful,
        }


@picklable
@attrs.frozen(kw_only=True)
class TimelineStep:
    """When a step waited and worked, all in all and run by run."""

    name: str
    """The step's unique name."""
    status: Status
    runs: tuple[TimelineRun, ...] = ()
    """In the order in which they began; those that have not begun come last."""

    @property
    def failures(self) -> tuple[TimelineRun, ...]:
        """The runs that failed."""
        return tuple(run for run in self.runs if run.failed)

    @property
    def is_critical(self) -> bool:
        """Whether a run of it is on the critical path."""
        return any(run.is_critical for run in self.runs)

    @property
    def working(self) -> Span | None:
        """From the first beginning to the last end; None if no run has begun."""
        spans = [run.working for run in self.runs if run.working is not None]
        if not spans:
            return None
        return Span(
            started_at=min(span.started_at for span in spans),
            ended_at=max(span.ended_at for span in spans),
            is_open=any(span.is_open for span in spans),
        )

    @property
    def waiting(self) -> Span | None:
        """From when the first run can have been ready until the first one began."""
        spans = [run.waiting for run in self.runs if run.waiting is not None]
        if not spans:
            return None
        start = min(span.started_at for span in spans)
        working = self.working
        if working is None:
            return Span(
                started_at=start,
                ended_at=max(span.ended_at for span in spans),
                is_open=any(s.is_open for s in spans),
            )
        return (
            Span(started_at=start, ended_at=working.started_at)
            if start < working.started_at
            else None
        )

    def to_dict(self) -> dict[str, JSON]:
        """Give the step as plain JSON."""
        return {
            "name": self.name,
            "status": str(self.status),
            "is_critical": self.is_critical,
            "runs": [run.to_dict() for run in self.runs],
        }


@picklable
@attrs.frozen(kw_only=True)
class Timeline:
    """What happened when in an execution, as far as one snapshot tells.

    Print it, or draw it with :meth:`text`, :meth:`svg` and :meth:`html`; a
    notebook shows it by itself.
    """

    execution_id: int
    status: Status
    workflow_id: int | None = None
    started_at: datetime | None = None
    """When the execution was created, or the first time told; None if none is. UTC."""
    ended_at: datetime | None = None
    """When the last run ended; while the execution runs, when it was looked at. UTC.

    Where an end was not told, the execution's last update stands in.
    """
    is_open: bool = False
    """Whether the execution was still running."""
    steps: tuple[TimelineStep, ...] = ()
    """In the order in which they began; those that have not begun come last."""
    critical_path: tuple[TimelineRun, ...] = ()
    """The chain of runs up to the last end, in order: what to speed up to be done sooner."""
    error: str | None = None
    """What went wrong with the execution as a whole, without secrets, shortened."""

    @property
    def total(self) -> timedelta:
        """From start to end."""
        return self.ended_at - self.started_at if self.started_at and self.ended_at else _NOTHING

    @property
    def worked(self) -> timedelta:
        """How much of the total some run of the critical path was at work."""
        worked, until = _NOTHING, self.started_at
        for run in self.critical_path:
            assert run.working is not None
            assert until is not None
            worked += max(_NOTHING, run.working.ended_at - max(until, run.working.started_at))
            until = max(until, run.working.ended_at)
        return worked

    @property
    def waited(self) -> timedelta:
        """How much of the total no run of the critical path was at work."""
        return self.total - self.worked

    @property
    def failures(self) -> tuple[TimelineRun, ...]:
        """The runs that failed, step by step."""
        return tuple(run for step in self.steps for run in step.failures)

    def text(self, *, width: int = 80, colour: bool = False, ascii: bool = False) -> str:  # noqa: A002 - what it is called everywhere
        """Draw it for a terminal: a row for each step, and the failures in words.

        A step with many files is one row that shows how many were at work.

        Args:
            width: The columns of the terminal; less than 32 counts as 32.
            colour: Whether to use the terminal's colours.
            ascii: Whether to do with ASCII, for terminals that know no Unicode.

        Returns:
            Lines no wider than that, without a newline at the end. What the
            server names is made harmless to a terminal.
        """
        from datalab_facade.pictures.terminal import Terminal
        from datalab_facade.pictures.timeline_text import timeline_text

        return timeline_text(self, Terminal(width, colour, ascii))

    def __str__(self) -> str:
        return self.text()

    def svg(self, *, width: float = 960) -> str:
        """Draw it as SVG that stands by itself, in a file or inside of HTML.

        Args:
            width: In pixels; less than 320 counts as 320. The height follows.

        Returns:
            Well-formed XML without scripts or links. It brings its own ground, and
            follows light and dark surroundings.
        """
        from datalab_facade.pictures.timeline_svg import timeline_svg

        return timeline_svg(self, width)

    def html(self) -> str:
        """Draw it as a page of HTML that needs nothing else, with every file and failure.

        Returns:
            The page. It runs no script, and its policy lets a browser load nothing.
        """
        from datalab_facade.pictures.timeline_html import timeline_html

        return timeline_html(self)

    def _repr_html_(self) -> str:
        return self.svg()

    def to_dict(self) -> dict[str, JSON]:
        """Give the timeline as plain JSON, times in ISO 8601 and seconds."""
        return {
            "execution_id": self.execution_id,
            "status": str(self.status),
            "workflow_id": self.workflow_id,
            "start": None if self.started_at is None else self.started_at.isoformat(),
            "end": None if self.ended_at is None else self.ended_at.isoformat(),
            "is_open": self.is_open,
            "total_seconds": self.total.total_seconds(),
            "worked_seconds": self.worked.total_seconds(),
            "waited_seconds": self.waited.total_seconds(),
            "steps": [step.to_dict() for step in self.steps],
            "critical_path": [
                {"step": run.step, "file_key": run.file_key} for run in self.critical_path
            ],
            "error": self.error,
        }


def timeline_of(
    execution: Execution, depends_on: Mapping[str, Iterable[str]] | None = None
) -> Timeline:
    """Make the timeline of a snapshot, whatever times it tells or leaves out.

    Times without a zone are taken as UTC. An end before its beginning counts as
    at its beginning.

    Args:
        execution: The snapshot.
        depends_on: The names of the steps that a step waits for, by its own name,
            as in the workflow's definition. A step that is not in it can have
            waited for any other.
    """
    by_step = [
        [_Draft(step.name, run, _utc(run.started_at), _utc(run.finished_at)) for run in step.runs]
        for step in execution.steps.values()
    ]
    drafts = [draft for step in by_step for draft in step]
    start, end = _bounds(execution, drafts)
    chain: list[_Draft] = []
    if start is not None and end is not None:
        known = {step: frozenset(names) for step, names in (depends_on or {}).items()}
        _place(drafts, start, end, known, is_open=not execution.is_terminal)
        chain = _critical(drafts)
    for draft in chain:
        draft.is_critical = True
    steps = [
        TimelineStep(
            name=step.name,
            status=step.status,
            runs=tuple(sorted((draft.made() for draft in runs), key=_began)),
        )
        for step, runs in zip(execution.steps.values(), by_step, strict=True)
    ]
    return Timeline(
        execution_id=execution.id,
        status=execution.status,
        workflow_id=execution.workflow_id,
        started_at=start,
        ended_at=end,
        is_open=not execution.is_terminal,
        steps=tuple(sorted(steps, key=_began)),
        critical_path=tuple(draft.made() for draft in chain),
        error=excerpt(execution.error, limit=1_000) if execution.error else None,
    )


@attrs.define(eq=False)
class _Draft:
    """A run while its spans are being found."""

    step: str
    run: StepRun
    began: datetime | None
    ended: datetime | None
    waiting: Span | None = None
    working: Span | None = None
    held_up_by: _Draft | None = None
    is_doubtful: bool = False
    is_critical: bool = False

    def made(self) -> TimelineRun:
        run = self.run
        words = ": ".join(part for part in (run.error_stage, run.error) if part)
        return TimelineRun(
            step=self.step,
            file_key=run.file_key,
            status=run.status,
            waiting=self.waiting,
            working=self.working,
            failed=run.failed,
            error=excerpt(words, limit=1_000) if words else None,
            is_critical=self.is_critical,
            is_doubtful=self.is_doubtful,
        )


def _bounds(execution: Execution, drafts: list[_Draft]) -> tuple[datetime | None, datetime | None]:
    created, updated = _utc(execution.created_at), _utc(execution.updated_at)
    told = [moment for draft in drafts for moment in (draft.began, draft.ended) if moment]
    if created is not None:
        told.append(created)
    latest = list(told)
    if not execution.is_terminal:
        # The clock here may lag behind the server's; then nothing told lies in the future.
        latest += [moment for moment in (updated, _utc(execution.observed_at)) if moment]
    elif updated is not None and not (drafts and all(draft.ended for draft in drafts)):
        latest.append(updated)
    if not told and latest:
        told = [min(latest)]
    return min(told, default=None), max(latest, default=None)


def _place(
    drafts: list[_Draft],
    start: datetime,
    end: datetime,
    depends_on: Mapping[str, frozenset[str]],
    *,
    is_open: bool,
) -> None:
    """Give every run its spans, and the run that held it up."""
    for draft in drafts:
        _place_what_began(draft, end, is_open=is_open)
    past = _Past(drafts, min(_SKEW, (end - start) / _SKEW_SHARE))
    not_ended = _NotEnded(drafts)
    for draft in drafts:
        steps = depends_on.get(draft.step)
        if draft.began is None and steps is not None and not_ended.any_for(draft, steps):
            # What it needs is not there, so it is not its turn that it waits for.
            continue
        until = draft.began or draft.ended or end
        draft.held_up_by = past.last_before(draft, until, steps)
        ready = start if draft.held_up_by is None else min(until, _ended(draft.held_up_by))
        if draft.began is not None:
            draft.waiting = (
                Span(started_at=ready, ended_at=draft.began) if ready < draft.began else None
            )
        else:
            _place_the_rest(draft, ready, end, is_open=is_open)


def _place_what_began(draft: _Draft, end: datetime, *, is_open: bool) -> None:
    if draft.began is None:
        return
    if draft.ended is not None:
        draft.is_doubtful = draft.ended < draft.began
        draft.working = Span(started_at=draft.began, ended_at=max(draft.began, draft.ended))
    else:
        goes_on = is_open and not draft.run.is_terminal
        draft.is_doubtful = not goes_on
        draft.working = Span(started_at=draft.began, ended_at=end, is_open=goes_on)


def _place_the_rest(draft: _Draft, ready: datetime, end: datetime, *, is_open: bool) -> None:
    if draft.ended is not None:
        draft.is_doubtful = True
        draft.working = Span(started_at=ready, ended_at=draft.ended)
    elif is_open and draft.run.status == Status.IN_PROGRESS:
        draft.is_doubtful = True
        draft.working = Span(started_at=ready, ended_at=end, is_open=True)
    elif is_open and draft.run.status.is_waiting:
        draft.waiting = Span(started_at=ready, ended_at=end, is_open=True)


class _Past:
    """The work that has ended, by the file that it was about."""

    def __init__(self, drafts: list[_Draft], skew: timedelta) -> None:
        self._skew = skew
        ended = [(draft.working, draft) for draft in drafts if draft.ended and draft.working]
        # Of those that ended together, the one that took longest comes last.
        ended.sort(key=lambda entry: entry[0].started_at, reverse=True)
        ended.sort(key=lambda entry: entry[0].ended_at)
        self._all = [draft for _, draft in ended]
        self._by_file: dict[str | None, list[_Draft]] = {}
        for draft in self._all:
            self._by_file.setdefault(draft.run.file_key, []).append(draft)

    def last_before(
        self, waiting: _Draft, until: datetime, steps: frozenset[str] | None
    ) -> _Draft | None:
        """Give what ended last before a run began, of what it can have waited for.

        That is another step's work on the same file, or on all files at once.
        """
        best: _Draft | None = None
        for group in self._groups(waiting.run.file_key):
            found = self._last_in(group, waiting, until, steps)
            if found is not None and (best is None or _ended(best) < _ended(found)):
                best = found
        return best

    def _groups(self, file_key: str | None) -> Iterator[list[_Draft]]:
        if file_key is None or file_key == _ALL_FILES:
            yield self._all
            return
        for key in (file_key, None, _ALL_FILES):
            if key in self._by_file:
                yield self._by_file[key]

    def _last_in(
        self, group: list[_Draft], waiting: _Draft, until: datetime, steps: frozenset[str] | None
    ) -> _Draft | None:
        place = bisect_right(group, min(until, _LAST - self._skew) + self._skew, key=_ended)
        for draft in reversed(group[:place]):
            assert draft.working is not None
            # Each link goes back in time, so that no chain of them is a circle.
            if (
                draft.step != waiting.step
                and draft.working.started_at < until
                and (steps is None or draft.step in steps)
            ):
                return draft
        return None


class _NotEnded:
    """The work that has not ended, by step and file."""

    def __init__(self, drafts: list[_Draft]) -> None:
        self._files: dict[str, set[str | None]] = {}
        for draft in drafts:
            if draft.ended is None and not draft.run.is_terminal:
                self._files.setdefault(draft.step, set()).add(draft.run.file_key)

    def any_for(self, waiting: _Draft, steps: frozenset[str]) -> bool:
        """Tell whether some of these steps' work that a run needs has not ended."""
        key = waiting.run.file_key
        found = (self._files.get(step, set()) for step in steps)
        if key is None or key == _ALL_FILES:
            return any(found)
        return any(not files.isdisjoint((key, None, _ALL_FILES)) for files in found)


def _ended(draft: _Draft) -> datetime:
    assert draft.working is not None
    return draft.working.ended_at


def _critical(drafts: list[_Draft]) -> list[_Draft]:
    """Follow what held up what, back from the last end."""
    placed = [(draft.working, draft) for draft in drafts if draft.working is not None]
    if not placed:
        return []
    last = max(span.ended_at for span, _ in placed)
    _, at = min(
        ((span, draft) for span, draft in placed if span.ended_at == last),
        key=lambda entry: entry[0].started_at,
    )
    chain = [at]
    while at.held_up_by is not None:
        at = at.held_up_by
        chain.append(at)
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
