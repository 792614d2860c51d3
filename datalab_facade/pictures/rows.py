"""The rows of a timeline chart, for every way to draw it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

import attrs

from datalab_facade.pictures.words import (
    format_duration,
    format_time,
    join_parts,
    pluralize,
    sanitize,
)
from datalab_facade.statuses import Status

if TYPE_CHECKING:
    from datalab_facade.timeline import Span, Timeline, TimelineRun, TimelineStep

State: TypeAlias = Literal["done", "failed", "working", "waiting", "other"]

# A step with more files than this is one row that shows how many were running.
_MAX_FILES = 6
# A chart with more rows than this cannot be read at a glance, so it shows no files.
_MAX_ROWS = 48
_MAX_STEPS = 200


@attrs.frozen
class Row:
    """One row: a step, one of its files, or a step with many files as a density."""

    kind: Literal["step", "file", "files"]
    step: TimelineStep
    run: TimelineRun | None
    """The run if the row shows one run; None if it shows several."""

    @property
    def label(self) -> str:
        """The text beside the bar, not shortened."""
        if self.kind == "file":
            return "all files" if self._is_whole else file_label(self.run)
        return sanitize(self.step.name)

    @property
    def _is_whole(self) -> bool:
        return self.run is not None and self.run.file_key == "aggregated"

    @property
    def many(self) -> int:
        """The number of runs in the row."""
        return len(self.runs)

    @property
    def state(self) -> State:
        """The state, which sets sign and color."""
        if self.run is not None:
            return state_of(self.run.status, failed=self.run.failed)
        return state_of(self.step.status, failed=bool(self.step.failures))

    @property
    def is_critical(self) -> bool:
        """Whether the row is on the critical path."""
        return self.step.is_critical if self.run is None else self.run.is_critical

    @property
    def waiting(self) -> Span | None:
        """The time that it waited."""
        return self.step.waiting if self.run is None else self.run.waiting

    @property
    def working(self) -> Span | None:
        """The time that it worked."""
        return self.step.working if self.run is None else self.run.working

    @property
    def runs(self) -> tuple[TimelineRun, ...]:
        """The runs in the row."""
        return self.step.runs if self.run is None else (self.run,)

    @property
    def worked(self) -> list[Span]:
        """The times that its runs worked."""
        return [run.working for run in self.runs if run.working is not None]

    @property
    def critical(self) -> list[Span]:
        """The times that a run on the critical path worked."""
        return [run.working for run in self.runs if run.is_critical and run.working is not None]

    @property
    def failed(self) -> list[Span]:
        """The times that a failed run worked."""
        return [run.working for run in self.runs if run.failed and run.working is not None]

    @property
    def tooltip(self) -> str:
        """All of its facts in one line: the full name, the times, the error."""
        name = sanitize(self.step.name, limit=1_000)
        if self.run is not None and self.run.file_key is not None:
            name += f", file {sanitize(self.run.file_key, limit=1_000)}"
        parts = [sanitize(self.step.status if self.run is None else self.run.status)]
        if self.run is None:
            parts.append(pluralize(len(self.step.runs), "run"))
            if self.step.failures:
                parts.append(f"{len(self.step.failures):,} failed")
        parts += [describe_spans(self.waiting, self.working)]
        if self.run is not None and self.run.is_doubtful:
            parts.append("times incomplete or contradictory")
        if self.is_critical:
            parts.append("on the critical path")
        line = f"{name}: {join_parts(parts)}"
        error = self.run.error if self.run is not None else None
        return f"{line} — {error}" if error else line


def file_label(run: TimelineRun | None) -> str:
    """Return the label of a run's file."""
    return "" if run is None or run.file_key is None else sanitize(run.file_key)


def state_of(status: Status, *, failed: bool) -> State:
    """Return the state that a row shows for a status."""
    if failed or status.is_failure or status == Status.COMPLETED_WITH_ERRORS:
        return "failed"
    if status == Status.COMPLETED:
        return "done"
    if status == Status.IN_PROGRESS:
        return "working"
    return "waiting" if status.is_waiting else "other"


def describe_spans(waiting: Span | None, working: Span | None) -> str:
    """Describe in words how long it waited and worked."""
    parts: list[str] = []
    if waiting is not None:
        parts.append(f"waited {format_duration(waiting.duration)}")
    if working is not None:
        so_far = " so far" if working.is_open else ""
        parts.append(f"worked {format_duration(working.duration)}{so_far}")
    return join_parts(parts) or "no times known"


def rows_of(timeline: Timeline) -> tuple[list[Row], int]:
    """Return the rows of a chart, and the number of steps left out."""
    steps, left_out = steps_of(timeline)
    with_files = [step for step in steps if 1 < len(step.runs) <= _MAX_FILES]
    show_files = len(steps) + sum(len(step.runs) for step in with_files) <= _MAX_ROWS
    rows: list[Row] = []
    for step in steps:
        if len(step.runs) <= 1:
            rows.append(Row("step", step, step.runs[0] if step.runs else None))
        elif show_files and len(step.runs) <= _MAX_FILES:
            rows.append(Row("step", step, None))
            rows.extend(Row("file", step, run) for run in step.runs)
        else:
            rows.append(Row("files", step, None))
    return rows, left_out


def steps_of(timeline: Timeline) -> tuple[tuple[TimelineStep, ...], int]:
    """Return the steps that a chart shows, and the number of steps left out."""
    steps = timeline.steps[:_MAX_STEPS]
    return steps, len(timeline.steps) - len(steps)


def file_rows(step: TimelineStep, most: int) -> list[Row]:
    """Return a row for each file of a step with several; if that is too many, failed ones first.

    The rows keep the order in which the runs began.
    """
    if len(step.runs) <= 1:
        return []
    places = sorted(range(len(step.runs)), key=lambda place: not step.runs[place].failed)
    return [Row("file", step, step.runs[place]) for place in sorted(places[: max(0, most)])]


@attrs.frozen
class Headline:
    """The text above a chart."""

    title: str
    status: str
    state: State
    total: str
    facts: tuple[str, ...]
    path: str
    """The critical path in words, or an empty string."""

    @classmethod
    def of(cls, timeline: Timeline) -> Headline:
        """Describe a timeline."""
        total = format_duration(timeline.total) if timeline.started_at is not None else ""
        return cls(
            title=sanitize(f"{timeline.kind[:1].upper()}{timeline.kind[1:]} {timeline.job_id}"),
            status=sanitize(timeline.status),
            state=state_of(timeline.status, failed=False),
            total=f"{total} so far" if total and timeline.is_open else total,
            facts=tuple(_facts(timeline)),
            path=_describe_path(timeline),
        )

    @property
    def summary(self) -> str:
        """All of the text in one line."""
        return join_parts((f"{self.title}: {self.status}", self.total, *self.facts, self.path))


def legend_of(timeline: Timeline) -> list[tuple[Literal["crit", "work", "wait"], str]]:
    """Return what the bars of a chart mean, each with the name of its style."""
    if timeline.critical_path:
        return [("crit", "critical path"), ("work", "other work"), ("wait", "waiting")]
    found: list[tuple[Literal["crit", "work", "wait"], str]] = [("work", "at work")]
    if any(step.waiting for step in timeline.steps):
        found.append(("wait", "waiting"))
    return found


def _facts(timeline: Timeline) -> Iterator[str]:
    yield f"began {format_time(timeline.started_at)}" if timeline.started_at else "no times known"
    if timeline.belongs_to is not None:
        yield sanitize(timeline.belongs_to)
    if len(timeline.steps) == 1 and len(runs := timeline.steps[0].runs) > 1:
        done = sum(run.status.is_terminal for run in runs)
        yield f"{done:,} of {pluralize(len(runs), 'file')} done"
    elif timeline.steps:
        done = sum(
            bool(step.runs) and all(run.status.is_terminal for run in step.runs)
            for step in timeline.steps
        )
        yield f"{done} of {pluralize(len(timeline.steps), 'step')} done"
    else:
        yield "no steps yet" if timeline.is_open else "no steps"
    if timeline.failures:
        yield f"{len(timeline.failures):,} failed"


def _describe_path(timeline: Timeline) -> str:
    if len(timeline.critical_path) < 1 or not timeline.total:
        return ""
    names = [sanitize(run.step, limit=40) for run in timeline.critical_path]
    if len(names) > 6:
        names = [*names[:3], f"… {len(names) - 5} more …", *names[-2:]]
    work, wait = format_duration(timeline.worked), format_duration(timeline.waited)
    return f"Critical path: {' → '.join(names)} ({work} at work, {wait} waiting)"


@attrs.frozen
class Load:
    """The number of running and of waiting runs of a step, over equal parts of the time."""

    working: tuple[float, ...]
    """The average number of running runs in each part."""
    waiting: tuple[float, ...]
    failed: tuple[int, ...]
    """The number of runs that failed in each part."""

    @property
    def max_working(self) -> float:
        """The largest number of running runs."""
        return max(self.working, default=0.0)

    @property
    def max_waiting(self) -> float:
        """The largest number of waiting runs."""
        return max(self.waiting, default=0.0)


def load_of(runs: Sequence[TimelineRun], start: datetime, end: datetime, parts: int) -> Load:
    """Count running, waiting and failed runs in equal parts of a time."""
    working, waiting, failed = _Sum(parts), _Sum(parts), [0] * parts
    for run in runs:
        if run.working is not None:
            working.add(*_shares(run.working, start, end))
        if run.waiting is not None:
            waiting.add(*_shares(run.waiting, start, end))
        span = run.working or run.waiting
        if run.failed and span is not None:
            place = share_of(span.ended_at, start, end) * parts
            failed[min(parts - 1, int(place))] += 1
    return Load(working.totals(), waiting.totals(), tuple(failed))


def share_of(time: datetime, start: datetime, end: datetime) -> float:
    """Return the position of a time, from 0 at the start to 1 at the end."""
    whole = end - start
    return min(1.0, max(0.0, (time - start) / whole)) if whole > timedelta(0) else 0.0


def _shares(span: Span, start: datetime, end: datetime) -> tuple[float, float]:
    return share_of(span.started_at, start, end), share_of(span.ended_at, start, end)


class _Sum:
    """Adds up the parts of the time that spans cover, in constant time per span."""

    def __init__(self, parts: int) -> None:
        self._parts = parts
        self._edges = [0.0] * parts
        self._steps = [0.0] * (parts + 1)

    def add(self, start: float, end: float) -> None:
        """Add a span between two shares of the time; an instant still leaves a mark."""
        first = start * self._parts
        last = max(end * self._parts, first + 0.02)
        a, b = min(int(first), self._parts - 1), min(int(last), self._parts - 1)
        if a == b:
            self._edges[a] += last - first
            return
        self._edges[a] += a + 1 - first
        self._edges[b] += last - b
        self._steps[a + 1] += 1
        self._steps[b] -= 1

    def totals(self) -> tuple[float, ...]:
        """Return the sum of each part."""
        level = 0.0
        totals: list[float] = []
        for edge, step in zip(self._edges, self._steps, strict=False):
            level += step
            totals.append(edge + level)
        return tuple(totals)
