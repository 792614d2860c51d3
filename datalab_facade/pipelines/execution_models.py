"""Frozen snapshots of pipeline executions. They never do IO."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

import attrs

from datalab_facade.codec import AsJSON, JSONFormat
from datalab_facade.fields import number
from datalab_facade.json_forms import JSON
from datalab_facade.models import Failure, Step, StepProgress, StepRun
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redact, redacted_repr
from datalab_facade.statuses import Status
from datalab_facade.wire import wire

if TYPE_CHECKING:
    from datalab_facade.timeline import Timeline


_CATCHING_UP: Final = timedelta(minutes=1)


@picklable
@attrs.frozen(kw_only=True)
class PipelineStepRun(AsJSON):
    """A step of a pipeline at work on the document."""

    index: int = attrs.field(metadata=wire("step_index"))
    """Its place among the steps; the first is 0."""
    type: str = attrs.field(repr=redacted_repr, metadata=wire("step_type"))
    """``"convert"``, ``"segment"``, ``"extract"``, ``"fill"`` or ``"custom"``."""
    status: Status = attrs.field(repr=redacted_repr)
    lookup_key: str | None = attrs.field(default=None, repr=False)
    """The server's key of its partial results."""
    result_url: str | None = attrs.field(
        default=None, repr=redacted_repr, metadata=wire(kind="url")
    )
    """Where the server says that its result is."""
    started_at: datetime | None = attrs.field(default=None, repr=False)
    finished_at: datetime | None = attrs.field(default=None, repr=False)
    error: str | None = attrs.field(
        default=None, repr=redacted_repr, metadata=wire("error_message")
    )
    """What the server says went wrong."""
    source_step_type: str | None = attrs.field(default=None, repr=redacted_repr)
    """The type of the step whose result it took."""
    checkpoint_id: str | None = attrs.field(default=None, repr=redacted_repr)
    """A checkpoint of its result, with which other tasks need not parse again."""
    timezone_assumed: bool = attrs.field(default=False, repr=False)
    """Whether a time came without a zone, so that UTC was assumed."""
    extra: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """Other fields that the server sent, unchanged."""

    @property
    def is_terminal(self) -> bool:
        """Whether the step has ended."""
        return self.status.is_terminal

    @property
    def succeeded(self) -> bool:
        """Whether the step has ended well, so that it has a result."""
        return self.status == Status.COMPLETED

    @property
    def failed(self) -> bool:
        """Whether the step has ended badly."""
        return self.status.is_failure

    @property
    def duration(self) -> timedelta | None:
        """From start to end, where the server gave both."""
        return _between(self.started_at, self.finished_at)


@picklable
@attrs.frozen(kw_only=True, repr=False)
class PipelineExecution(AsJSON):
    """One run of a pipeline over a document, as it stood at one moment.

    >>> execution = PipelineExecution(id="pex_7", status=Status.COMPLETED_WITH_ERRORS)
    >>> execution.is_terminal, execution.succeeded, execution.partially_failed
    (True, False, True)
    >>> PipelineExecution.from_dict(execution.to_dict()) == execution
    True
    """

    _json: ClassVar = JSONFormat(needs=("steps",))

    id: str = attrs.field(metadata=wire("execution_id"))
    """The id, such as ``"pex_k8Hx9mP2nQ4v"``."""
    status: Status
    pipeline_id: str | None = None
    pipeline_version: int | None = None
    """The version that runs; 0 for draft steps."""
    steps: tuple[PipelineStepRun, ...] = ()
    created_at: datetime | None = attrs.field(default=None, metadata=wire("created"))
    started_at: datetime | None = None
    ended_at: datetime | None = attrs.field(default=None, metadata=wire("completed_at"))
    timezone_assumed: bool = False
    """Whether a time came without a zone, so that UTC was assumed."""
    observed_at: datetime | None = attrs.field(default=None, eq=False)
    """When this answer arrived, by the clock of this machine. Not part of equality."""
    raw: Mapping[str, JSON] = attrs.field(factory=dict, hash=False)
    """The server's whole answer, as it came. Do not change it."""

    @property
    def is_terminal(self) -> bool:
        """Whether the execution has ended, well or badly, and its steps with it.

        While an execution runs, the server reads it from another store than when it has ended
        (API reference of pipelines), so a step may stand as running for a moment longer. For a
        minute after its end, such an execution counts as still running.
        """
        if not self.status.is_terminal:
            return False
        if all(step.is_terminal for step in self.steps) or not (self.ended_at and self.observed_at):
            return True
        return not timedelta() <= self.observed_at - self.ended_at <= _CATCHING_UP

    @property
    def succeeded(self) -> bool:
        """Whether the execution ended as completed, without errors."""
        return self.status == Status.COMPLETED

    @property
    def failed(self) -> bool:
        """Whether the execution ended as failed."""
        return self.status.is_failure

    @property
    def partially_failed(self) -> bool:
        """Whether the execution has ended with errors, but not as failed."""
        return self.status == Status.COMPLETED_WITH_ERRORS or (
            self.succeeded and any(step.failed for step in self.steps)
        )

    @property
    def is_usable(self) -> bool:
        """Whether the execution has ended, and at least one of its steps has a result.

        Where the server names no steps, only an execution that succeeded is.
        """
        if not self.status.is_terminal:
            return False
        return any(step.succeeded for step in self.steps) if self.steps else self.succeeded

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Everything that failed so far: the step and the server's words."""
        failures = [
            Failure(
                step=f"{step.type} (step {step.index})",
                file_key=None,
                error=step.error,
                error_stage=None,
            )
            for step in self.steps
            if step.failed
        ]
        if self.failed and not failures:
            failures.append(Failure(step=None, file_key=None, error=None, error_stage=None))
        return tuple(failures)

    @property
    def progress(self) -> StepProgress:
        """Steps done of steps known."""
        finished = sum(step.is_terminal for step in self.steps)
        return StepProgress(finished=finished, total=len(self.steps))

    @property
    def cost_per_1000_pages(self) -> float | None:
        """Cents for 1,000 pages, all steps together, if the server says so."""
        breakdown = self.raw.get("rate_breakdown")
        if not isinstance(breakdown, dict):
            return None
        return number(breakdown.get("total_rate_per_1000_cents"))

    @property
    def duration(self) -> timedelta | None:
        """From creation, or else from the start, to the end, where the server gave both."""
        return _between(self.created_at or self.started_at, self.ended_at)

    def timeline(self) -> Timeline:
        """Tell when which step waited and worked, to be read, printed or drawn.

        The steps of a pipeline run one after the other.
        """
        from datalab_facade.timeline_computation import TimedJob, timeline_of

        steps = [
            Step(
                name=f"{step.index}. {step.type}",
                runs=(
                    StepRun(
                        file_key=None,
                        status=step.status,
                        started_at=step.started_at,
                        finished_at=step.finished_at,
                        error=step.error,
                    ),
                ),
            )
            for step in self.steps
        ]
        timed = TimedJob(
            kind="pipeline execution",
            id=self.id,
            belongs_to=None if self.pipeline_id is None else f"pipeline {self.pipeline_id}",
            status=self.status,
            steps=tuple(steps),
            is_terminal=self.is_terminal,
            created_at=self.created_at or self.started_at,
            updated_at=self.ended_at,
            observed_at=self.observed_at,
            error=None,
        )
        names = [step.name for step in steps]
        return timeline_of(timed, {name: names[:place] for place, name in enumerate(names)})

    def _repr_html_(self) -> str:
        return self.timeline().svg()

    def __repr__(self) -> str:
        steps = redact(", ".join(f"{step.type}: {step.status}" for step in self.steps))
        return f"<PipelineExecution id={redact(self.id)} {redact(self.status)} steps=[{steps}]>"


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    return end - start if start is not None and end is not None else None
