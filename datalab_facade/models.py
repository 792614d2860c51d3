"""Frozen snapshots of what the API answered.

A snapshot never does IO and never changes. It compares by value, hashes,
pickles, copies, becomes plain JSON with ``to_dict`` and comes back with
``from_dict``. The API answers in two shapes (a step is one run, or one run for
each file); both come out as the same models, so nothing here tells them apart.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

import attrs

from datalab_facade import summaries
from datalab_facade.codec import AsJSON, JSONFormat, ToJSON, read_list, to_json
from datalab_facade.json_forms import JSON as JSON  # noqa: PLC0414 - it belongs to the models
from datalab_facade.json_forms import register
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redact, redact_url, redacted_repr
from datalab_facade.statuses import Status
from datalab_facade.wire import wire

if TYPE_CHECKING:
    from datalab_facade.timeline import Timeline


@picklable
@attrs.frozen(kw_only=True)
class Output(ToJSON):
    """What a step run left behind a presigned URL.

    The URL is a credential that expires; it is hidden in ``repr``. Fetch it with
    ``client.outputs``.
    """

    _json: ClassVar = JSONFormat(urls=("url",))

    execution_id: int
    step: str = attrs.field(repr=redacted_repr)
    """The step's unique name."""
    file_key: str | None = attrs.field(repr=redacted_repr)
    """Which file, ``"aggregated"`` for all of them, or None where steps have one run."""
    url: str = attrs.field(repr=redact_url)
    status: Status = attrs.field(default=Status.UNKNOWN, repr=redacted_repr)
    """How the step run stood that left it behind."""


@picklable
@attrs.frozen(kw_only=True)
class Failure(ToJSON):
    """One thing that failed, in the server's words."""

    step: str | None = attrs.field(repr=redacted_repr)
    """The step's unique name, or None where the whole execution failed."""
    file_key: str | None = attrs.field(repr=redacted_repr)
    error: str | None = attrs.field(repr=redacted_repr)
    """What the server said, if anything."""
    error_stage: str | None = attrs.field(repr=redacted_repr)
    """The stage of the step where it happened, such as ``"VALIDATION"``, if known."""

    def __str__(self) -> str:
        place = self.step or "the execution"
        if self.file_key is not None:
            place += f" [{self.file_key}]"
        if self.error_stage:
            place += f" in {self.error_stage}"
        return redact(f"{place}: {self.error or 'no reason given'}")


@picklable
@attrs.frozen(kw_only=True)
class StepProgress(ToJSON):
    """How many steps have ended, of those that the server tells of.

    >>> str(StepProgress(finished=1, total=3)), StepProgress(finished=1, total=4).fraction
    ('1/3', 0.25)
    """

    finished: int
    total: int

    @property
    def fraction(self) -> float:
        """From 0 to 1; 0 while no step is known."""
        return self.finished / self.total if self.total else 0.0

    def __str__(self) -> str:
        return f"{self.finished}/{self.total}"


@picklable
@attrs.frozen(kw_only=True)
class StepRun(AsJSON):
    """A step at work on one file, on all files, or on the execution as a whole."""

    file_key: str | None = attrs.field(repr=redacted_repr)
    """The server's key of the file, ``"aggregated"``, or None where steps have one run."""
    status: Status = attrs.field(repr=redacted_repr)
    id: int | str | None = attrs.field(default=None, repr=redacted_repr)
    started_at: datetime | None = None
    finished_at: datetime | None = attrs.field(
        default=None, metadata=wire("completed_at", or_else="finished_at")
    )
    output_url: str | None = attrs.field(
        default=None, repr=redacted_repr, metadata=wire(kind="url")
    )
    error: str | None = attrs.field(default=None, repr=redacted_repr)
    """What the server says went wrong."""
    error_stage: str | None = attrs.field(
        default=None, repr=redacted_repr, metadata=wire("error_in")
    )
    """The stage where it went wrong, such as ``"VALIDATION"``."""
    success: bool | None = None
    total_pages: int | None = None
    """Pages that were parsed, on parse steps."""
    file_ids: tuple[str, ...] = attrs.field(default=(), repr=redacted_repr)
    """The files that went into an aggregated run."""
    timezone_assumed: bool = attrs.field(default=False, repr=False)
    """True where a time came without a zone; UTC was assumed then."""
    extra: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """What the server sent beyond the fields above, as it came."""

    @property
    def is_terminal(self) -> bool:
        """Whether this run has ended."""
        return self.status.is_terminal

    @property
    def failed(self) -> bool:
        """Whether this run ended badly."""
        return self.status.is_failure or (self.status.is_terminal and self.success is False)

    @property
    def duration(self) -> timedelta | None:
        """From start to end, where the server gave both."""
        return _between(self.started_at, self.finished_at)


@picklable
@attrs.frozen(kw_only=True)
class Step(AsJSON):
    """A step of a workflow, by its unique name, with the runs it consists of.

    Its own status, times and errors follow from its runs.
    """

    name: str = attrs.field(repr=redacted_repr)
    runs: tuple[StepRun, ...] = ()

    @property
    def status(self) -> Status:
        """How the step as a whole stands.

        FAILED or COMPLETED once all runs have ended (FAILED if any failed);
        what all runs have in common if they agree; IN_PROGRESS otherwise.
        UNKNOWN while the server tells nothing of it.
        """
        if len(self.runs) == 1:
            return self.runs[0].status
        statuses = {run.status for run in self.runs}
        if not statuses:
            return Status.UNKNOWN
        if len(statuses) == 1:
            return next(iter(statuses))
        if all(status.is_terminal for status in statuses):
            is_failure = any(status.is_failure for status in statuses)
            return Status.FAILED if is_failure else Status.COMPLETED
        return (
            Status.PENDING if all(status.is_waiting for status in statuses) else Status.IN_PROGRESS
        )

    @property
    def is_terminal(self) -> bool:
        """Whether all runs have ended."""
        return bool(self.runs) and all(run.status.is_terminal for run in self.runs)

    @property
    def failed(self) -> bool:
        """Whether all runs have ended, at least one of them badly."""
        return self.is_terminal and any(run.failed for run in self.runs)

    @property
    def partially_failed(self) -> bool:
        """Whether some runs ended badly and some well, so that there is something to save."""
        ended = [run.failed for run in self.runs if run.is_terminal]
        return any(ended) and not all(ended)

    @property
    def started_at(self) -> datetime | None:
        """When the first run began."""
        return min((run.started_at for run in self.runs if run.started_at), default=None)

    @property
    def finished_at(self) -> datetime | None:
        """When the last run ended; None while any run goes on."""
        if not self.is_terminal:
            return None
        return max((run.finished_at for run in self.runs if run.finished_at), default=None)

    @property
    def duration(self) -> timedelta | None:
        """From the first run's start to the last one's end, where the server gave both."""
        return _between(self.started_at, self.finished_at)

    @property
    def errors(self) -> tuple[str, ...]:
        """The server's words on the runs that failed."""
        return tuple(run.error for run in self.runs if run.error)


class Steps(Mapping[str, Step]):
    """The steps of an execution by name, in the server's order; immutable and hashable.

    >>> steps = Steps([Step(name="parse"), Step(name="extract")])
    >>> list(steps), steps["parse"].name
    (['parse', 'extract'], 'parse')
    """

    __slots__ = ("_by_name",)

    _by_name: dict[str, Step]

    def __init__(self, steps: tuple[Step, ...] | list[Step] = ()) -> None:
        object.__setattr__(self, "_by_name", {step.name: step for step in steps})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Steps is frozen; cannot set {name!r}")

    def __getitem__(self, name: str) -> Step:
        try:
            return self._by_name[name]
        except KeyError:
            known = ", ".join(repr(step) for step in self._by_name) or "none"
            raise KeyError(f"no step {name!r}; the steps are: {known}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def items(self) -> ItemsView[str, Step]:
        """Return the names and the steps."""
        # That of Mapping finds each step by its name anew, and every poll reads all steps.
        return self._by_name.items()

    def values(self) -> ValuesView[Step]:
        """Return the steps."""
        return self._by_name.values()

    def __hash__(self) -> int:
        return hash(tuple(self._by_name.values()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Steps):
            return NotImplemented
        return list(self._by_name.values()) == list(other.values())

    def __reduce__(self) -> tuple[type[Steps], tuple[list[Step]]]:
        return Steps, (list(self._by_name.values()),)

    def __repr__(self) -> str:
        return f"Steps({list(self._by_name.values())!r})"


register(
    Steps,
    write=lambda steps: [to_json(step) for step in steps.values()],
    read=lambda data: Steps(read_list(Step, data)),
)


@picklable
@attrs.frozen(kw_only=True, repr=False)
class Execution(AsJSON):
    """One run of a workflow, as it stood at one moment.

    >>> execution = Execution(id=123, status=Status.COMPLETED)
    >>> execution.succeeded, execution.is_terminal
    (True, True)
    >>> Execution.from_dict(execution.to_dict()) == execution
    True
    """

    _json: ClassVar = JSONFormat(needs=("steps",))

    id: int
    status: Status
    workflow_id: int | None = None
    created_at: datetime | None = attrs.field(default=None, metadata=wire("created"))
    updated_at: datetime | None = attrs.field(default=None, metadata=wire("updated"))
    steps: Steps = attrs.field(factory=Steps)
    error: str | None = None
    """What the server says went wrong with the execution as a whole."""
    success: bool | None = None
    external_workflow_id: str | None = None
    """The id that the execution has inside Datalab's own engine, if known."""
    timezone_assumed: bool = False
    """True where ``created_at`` or ``updated_at`` came without a zone; UTC was assumed then."""
    observed_at: datetime | None = attrs.field(default=None, eq=False)
    """When this answer arrived, by the clock of this machine. Not part of equality."""
    raw: Mapping[str, JSON] = attrs.field(factory=dict, hash=False)
    """The server's whole answer, as it came. Do not change it."""

    @property
    def is_terminal(self) -> bool:
        """Whether the execution has ended, well or badly."""
        return self.status.is_terminal

    @property
    def succeeded(self) -> bool:
        """Whether the execution ended as COMPLETED.

        Single files may have failed all the same: see :attr:`partially_failed`.
        """
        return self.status == Status.COMPLETED

    @property
    def failed(self) -> bool:
        """Whether the execution ended badly: as FAILED."""
        return self.status.is_failure

    @property
    def partially_failed(self) -> bool:
        """Whether the execution has ended with some step runs failed and others not."""
        if not self.is_terminal:
            return False
        ended = [run.failed for step in self.steps.values() for run in step.runs]
        return any(ended) and not all(ended)

    @property
    def progress(self) -> StepProgress:
        """Steps done of steps known."""
        finished = sum(step.is_terminal for step in self.steps.values())
        return StepProgress(finished=finished, total=len(self.steps))

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Everything that failed so far: step, file and the server's words."""
        failures = [
            Failure(
                step=step.name, file_key=run.file_key, error=run.error, error_stage=run.error_stage
            )
            for step in self.steps.values()
            for run in step.runs
            if run.failed
        ]
        if self.error or (self.failed and not failures):
            failures.append(Failure(step=None, file_key=None, error=self.error, error_stage=None))
        return tuple(failures)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What can be fetched now: of completed, failed and still running steps alike."""
        return tuple(
            Output(
                execution_id=self.id,
                step=step.name,
                file_key=run.file_key,
                url=run.output_url,
                status=run.status,
            )
            for step in self.steps.values()
            for run in step.runs
            if run.output_url
        )

    @property
    def input_config(self) -> JSON:
        """The input that the execution was started with, if the server repeats it."""
        return self.raw.get("input_config")

    @property
    def duration(self) -> timedelta | None:
        """From creation to the last update, once ended and where the server gave both."""
        return _between(self.created_at, self.updated_at) if self.is_terminal else None

    def rows(self) -> list[dict[str, str | int | float | bool | None]]:
        """Return a flat dict for each step run, without URLs: for pandas, CSV or a database."""
        return summaries.execution_rows(self)

    def timeline(self, depends_on: Mapping[str, Iterable[str]] | None = None) -> Timeline:
        """Tell when which step waited and worked, to be read, printed or drawn.

        Args:
            depends_on: The names of the steps that a step waits for, by its own name,
                as in the workflow's definition. Without it, that is inferred from the
                times: see :mod:`datalab_facade.timeline`.
        """
        from datalab_facade.timeline_computation import TimedJob, timeline_of

        timed = TimedJob(
            kind="execution",
            id=self.id,
            belongs_to=None if self.workflow_id is None else f"workflow {self.workflow_id}",
            status=self.status,
            steps=tuple(self.steps.values()),
            is_terminal=self.is_terminal,
            created_at=self.created_at,
            updated_at=self.updated_at,
            observed_at=self.observed_at,
            error=self.error,
        )
        return timeline_of(timed, depends_on)

    def __repr__(self) -> str:
        return summaries.execution_line(self)

    def _repr_html_(self) -> str:
        return self.timeline().svg() + summaries.execution_table(self)


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    return end - start if start is not None and end is not None else None
