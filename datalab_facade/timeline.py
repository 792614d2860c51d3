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

from datetime import datetime, timedelta
from typing import ClassVar

import attrs

from datalab_facade.codec import JSONFormat, ToJSON, json_field
from datalab_facade.json_forms import Form
from datalab_facade.pickling import picklable
from datalab_facade.statuses import Status

_ZERO = timedelta(0)

# Of a run that is listed with its step as well, its place is enough.
_PLACES = Form(lambda runs: [{"step": run.step, "file_key": run.file_key} for run in runs])


@picklable
@attrs.frozen(kw_only=True)
class Span(ToJSON):
    """A span of time, in UTC; the end is never before the start."""

    _json: ClassVar = JSONFormat(properties={"duration_seconds": "duration"})

    started_at: datetime
    ended_at: datetime
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
    """The timeline of a job, computed from one snapshot.

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

    kind: str = "execution"
    """What kind of job it is of, such as ``"execution"`` or ``"pipeline execution"``."""
    job_id: int | str
    status: Status
    belongs_to: str | None = None
    """What the job is a run of, such as ``"workflow 5"``."""
    started_at: datetime | None = None
    """When the execution was created, or else its earliest known time; None without any. UTC."""
    ended_at: datetime | None = None
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

        Raises:
            InvalidArgumentError: The width is not a finite number.
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

        Raises:
            InvalidArgumentError: The width is not a finite number.
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
