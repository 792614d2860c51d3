"""Timelines: when the steps and files of an execution waited and worked, as plain values.

A timeline is computed from one snapshot. The server reports when a run began and
ended, but not when it became ready. So a run counts as waiting from the end of the
last work that it can have waited for, or else from the creation of the execution.
The critical path follows the same links back from the last end. Pass the
dependencies of the workflow's definition if you know them; without them, anything
that ended before a run began counts as what it waited for.

>>> from datalab_facade import Execution, Status
>>> timeline = Execution(id=123, status=Status.COMPLETED).timeline()
>>> timeline.total, timeline.steps
(datetime.timedelta(0), ())
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

import attrs

from datalab_facade.codec import JSONFormat, ToJSON, json_field
from datalab_facade.json_forms import Form
from datalab_facade.pickling import picklable
from datalab_facade.redaction import excerpt
from datalab_facade.statuses import Status

if TYPE_CHECKING:
    from datalab_facade.models import Execution, StepRun

# The models lie above this module, so their constant cannot be imported.
_ALL_FILES = "aggregated"

# Workers' clocks differ a little, so work may seem to end just after the run that
# waited for it began. The tolerance is a second, at most this share of the whole.
_SKEW = timedelta(seconds=1)
_SKEW_DIVISOR = 100

_ZERO = timedelta(0)

# Of a run that is listed with its step as well, its place is enough.
_PLACES = Form(lambda runs: [{"step": run.step, "file_key": run.file_key} for run in runs])


@picklable
@attrs.frozen(kw_only=True)
class Span(ToJSON):
    """A span of time, in UTC; the end is never before the start."""

    _json: ClassVar = JSONFormat(properties={"seconds": "duration"})

    started_at: datetime = attrs.field(metadata=json_field("start"))
    ended_at: datetime = attrs.field(metadata=json_field("end"))
    is_open: bool = False
    """Whether it was still in progress; the end is then that of the timeline."""

    @property
    def duration(self) -> timedelta:
        """How long it took, or has taken so far."""
        return self.ended_at - self.started_at


@picklable
@attrs.frozen(kw_only=True)
class TimelineRun(ToJSON):
    """The times that one step waited and worked: on one file, on all files, or as a whole."""

    step: str = attrs.field(metadata=json_field(left_out=True))
    """The step's unique name."""
    file_key: str | None
    """The file, ``"aggregated"`` for all of them, or None where a step has one run."""
    status: Status
    waiting: Span | None = None
    """From the earliest time that it can have been ready until it began."""
    working: Span | None = None
    """From its beginning to its end; None if it has not begun."""
    failed: bool = False
    error: str | None = None
    """The server's error: the stage and the message, without secrets, shortened."""
    is_critical: bool = False
    """Whether it is on the critical path."""
    is_doubtful: bool = False
    """Whether times are missing or contradict each other, so that the spans are a guess."""


@picklable
@attrs.frozen(kw_only=True)
class TimelineStep(ToJSON):
    """The times that a step waited and worked, as a whole and for each run."""

    _json: ClassVar = JSONFormat(properties={"is_critical": "is_critical"})

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
        """Whether one of its runs is on the critical path."""
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
        """From the earliest time that a run can have been ready until the first run began."""
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


@picklable
@attrs.frozen(kw_only=True)
class Timeline(ToJSON):
    """The timeline of an execution, computed from one snapshot.

    Print it, or draw it with :meth:`text`, :meth:`svg` and :meth:`html`; a notebook
    displays it.
    """

    _json: ClassVar = JSONFormat(
        properties={
            "total_seconds": "total",
            "worked_seconds": "worked",
            "waited_seconds": "waited",
        }
    )

    execution_id: int
    status: Status
    workflow_id: int | None = None
    started_at: datetime | None = attrs.field(default=None, metadata=json_field("start"))
    """When the execution was created, or else its earliest known time; None without any. UTC."""
    ended_at: datetime | None = attrs.field(default=None, metadata=json_field("end"))
    """When the last run ended; while the execution runs, the time of the snapshot. UTC.

    If the end of a run is missing, the execution's last update is used.
    """
    is_open: bool = False
    """Whether the execution was still running."""
    steps: tuple[TimelineStep, ...] = ()
    """In the order in which they began; those that have not begun come last."""
    critical_path: tuple[TimelineRun, ...] = attrs.field(
        default=(), metadata=json_field(form=_PLACES)
    )
    """The chain of runs up to the last end, in order: speed these up to finish sooner."""
    error: str | None = None
    """The error of the execution as a whole, without secrets, shortened."""

    @property
    def total(self) -> timedelta:
        """The time from start to end."""
        return self.ended_at - self.started_at if self.started_at and self.ended_at else _ZERO

    @property
    def worked(self) -> timedelta:
        """The part of the total in which a run of the critical path worked."""
        worked, until = _ZERO, self.started_at
        for run in self.critical_path:
            assert run.working is not None
            assert until is not None
            worked += max(_ZERO, run.working.ended_at - max(until, run.working.started_at))
            until = max(until, run.working.ended_at)
        return worked

    @property
    def waited(self) -> timedelta:
        """The part of the total in which no run of the critical path worked."""
        return self.total - self.worked

    @property
    def failures(self) -> tuple[TimelineRun, ...]:
        """The runs that failed, step by step."""
        return tuple(run for step in self.steps for run in step.failures)

    def text(self, *, width: int = 80, color: bool = False, ascii_only: bool = False) -> str:
        """Draw the timeline for a terminal: a row for each step, and the failures in words.

        A step with many files is one row that shows how many of them were running.

        Args:
            width: The columns of the terminal; less than 32 counts as 32.
            color: Whether to use the terminal's colors.
            ascii_only: Whether to write ASCII only, for terminals without Unicode.

        Returns:
            Lines of at most that width, without a newline at the end. Names from
            the server are escaped, so that they cannot control the terminal.
        """
        from datalab_facade.pictures.terminal import Terminal
        from datalab_facade.pictures.timeline_text import timeline_text

        return timeline_text(self, Terminal(width, color, ascii_only))

    def __str__(self) -> str:
        return self.text()

    def svg(self, *, width: float = 960) -> str:
        """Draw the timeline as self-contained SVG, for a file or inside HTML.

        Args:
            width: The width in pixels; less than 320 counts as 320. The height follows from it.

        Returns:
            Well-formed XML without scripts or links. It has its own background, and
            follows the reader's light or dark color scheme.
        """
        from datalab_facade.pictures.timeline_svg import timeline_svg

        return timeline_svg(self, width)

    def html(self) -> str:
        """Draw the timeline as a self-contained HTML page, with every file and failure.

        Returns:
            The page. It has no script, and its content policy lets the browser load nothing.
        """
        from datalab_facade.pictures.timeline_html import timeline_html

        return timeline_html(self)

    def _repr_html_(self) -> str:
        return self.svg()


def timeline_of(
    execution: Execution, depends_on: Mapping[str, Iterable[str]] | None = None
) -> Timeline:
    """Compute the timeline of a snapshot, even if times are missing.

    A time without a zone counts as UTC. An end before its beginning counts as equal
    to the beginning.

    Args:
        execution: The snapshot.
        depends_on: For each step name, the names of the steps that it waits for, as
            in the workflow's definition. A step that is not a key can have waited
            for any other.
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
            runs=tuple(sorted((draft.to_run() for draft in runs), key=_began)),
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
        critical_path=tuple(draft.to_run() for draft in chain),
        error=excerpt(execution.error, limit=1_000) if execution.error else None,
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


def _bounds(execution: Execution, drafts: list[_Draft]) -> tuple[datetime | None, datetime | None]:
    created, updated = _utc(execution.created_at), _utc(execution.updated_at)
    known = [moment for draft in drafts for moment in (draft.began, draft.ended) if moment]
    if created is not None:
        known.append(created)
    latest = list(known)
    if not execution.is_terminal:
        # The local clock may lag behind the server's; no known time may lie after the end.
        latest += [moment for moment in (updated, _utc(execution.observed_at)) if moment]
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
        if key is None or key == _ALL_FILES:
            return any(found)
        return any(not files.isdisjoint((key, None, _ALL_FILES)) for files in found)


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
