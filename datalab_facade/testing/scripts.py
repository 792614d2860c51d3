"""Scripts of executions, as data: when each step starts and ends, and its results.

All times are seconds since the creation of the execution.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import ClassVar, Final, Literal, Self, TypeAlias

import attrs

from datalab_facade.codec import JSONFormat, ToJSON, from_json_by_hand, json_field
from datalab_facade.testing import readers
from datalab_facade.testing.checking import as_names, check_seconds, check_type
from datalab_facade.testing.jsonvalue import JSON


class _Sample(Enum):
    SAMPLE = "sample"


SAMPLE: Final = _Sample.SAMPLE
"""The default output: ``{"step": ..., "file": ...}`` for a run that completes, none for one that
fails."""

Output: TypeAlias = "JSON | bytes | Literal[_Sample.SAMPLE]"
"""The output of a run: bytes as they are, other values as JSON, ``None`` for no output.

Use ``b"null"`` for JSON's own null.
"""

# Everything but what has its default, so that it is short.
_BY_HAND: Final = JSONFormat(by_hand=True)

Shape: TypeAlias = Literal["flat", "nested"]


def _check_seconds(_: object, attribute: attrs.Attribute[float], value: float | None) -> None:
    if value is not None:
        check_seconds(value, attribute.name)


@attrs.frozen
class RunScript(ToJSON):
    """The run of a step on one file.

    Its status is PENDING before it starts, IN_PROGRESS until it ends, then its outcome.
    """

    _json: ClassVar = _BY_HAND

    file_key: str
    """The key in the nested shape: a file id, or ``"aggregated"``."""
    starts: float = attrs.field(default=0.0, validator=_check_seconds, kw_only=True)
    """Seconds. A run never starts before its execution leaves the queue."""
    ends: float | None = attrs.field(default=0.0, validator=_check_seconds, kw_only=True)
    """Seconds; ``None``: never. A run never ends before it starts."""
    outcome: str = attrs.field(default="COMPLETED", kw_only=True)
    """The final status: COMPLETED, FAILED, or an unknown word."""
    output: Output = attrs.field(
        default=SAMPLE, kw_only=True, metadata=json_field(form=readers.BODY_OR_NONE)
    )
    """The output at ``output_url`` after the end; ``None``: there is no such field."""
    content_type: str | None = attrs.field(default=None, kw_only=True)
    """``Content-Type`` of the output. By default ``application/json``, or
    ``application/octet-stream`` for bytes."""
    error: str | None = attrs.field(default=None, kw_only=True)
    """The ``error`` field after the end."""
    file_ids: tuple[str, ...] = attrs.field(default=(), converter=as_names, kw_only=True)
    """The files of an ``"aggregated"`` run; only the nested shape shows them."""
    extra: Mapping[str, JSON] = attrs.field(factory=dict[str, JSON], kw_only=True)
    """Fields to add to the entry at all times; they replace fields of the same name."""

    @classmethod
    def from_dict(cls, value: object, place: str = "") -> Self:
        """Read what :meth:`to_dict` writes; see :meth:`ExecutionScript.from_dict`."""
        return from_json_by_hand(cls, value, place)


def _as_runs(runs: Iterable[RunScript]) -> tuple[RunScript, ...]:
    example = "RunScript('987', ends=60)"
    return tuple(check_type(run, RunScript, "a run", example) for run in runs)


def _expand_runs(step: StepScript) -> tuple[RunScript, ...]:
    return step.runs or tuple(
        RunScript(
            key,
            starts=step.starts,
            ends=step.ends,
            outcome=step.outcome,
            output=step.output,
            content_type=step.content_type,
            error=step.error,
        )
        for key in step.files
    )


@attrs.frozen
class StepScript(ToJSON):
    """A step that does the same with each of its files, unless :attr:`runs` is set.

    The short form stands for one :class:`RunScript` for each of :attr:`files`;
    fields of the same name mean the same.
    """

    _json: ClassVar = _BY_HAND

    name: str
    """The step's ``unique_name``."""
    starts: float = attrs.field(default=0.0, validator=_check_seconds, kw_only=True)
    ends: float | None = attrs.field(default=0.0, validator=_check_seconds, kw_only=True)
    outcome: str = attrs.field(default="COMPLETED", kw_only=True)
    files: tuple[str, ...] = attrs.field(default=("987",), converter=as_names, kw_only=True)
    """The file keys; empty for a step without runs."""
    output: Output = attrs.field(
        default=SAMPLE, kw_only=True, metadata=json_field(form=readers.BODY_OR_NONE)
    )
    content_type: str | None = attrs.field(default=None, kw_only=True)
    error: str | None = attrs.field(default=None, kw_only=True)
    runs: tuple[RunScript, ...] = attrs.field(default=(), converter=_as_runs, kw_only=True)
    """The runs, one for each file, instead of the fields above.

    The flat shape has a single entry for each step. It sums up several runs: from
    the first start to the last end, FAILED if any run failed, with the first output
    and the first error.
    """
    extra: Mapping[str, JSON] = attrs.field(factory=dict[str, JSON], kw_only=True)
    """Fields to add to every entry of the step; they replace fields of the same name."""
    _each_run: tuple[RunScript, ...] = attrs.field(
        init=False, repr=False, eq=False, default=attrs.Factory(_expand_runs, takes_self=True)
    )

    def __attrs_post_init__(self) -> None:
        if self.runs and _short_form(self) != _short_form(StepScript(self.name)):
            message = f"step {self.name!r} must have either runs or the short fields, not both"
            raise ValueError(message)
        keys = [run.file_key for run in self.each_run()]
        if len(set(keys)) < len(keys):
            message = f"step {self.name!r} must name each file once, not {keys}"
            raise ValueError(message)

    def each_run(self) -> tuple[RunScript, ...]:
        """Return all runs, also those of the short form."""
        return self._each_run

    @classmethod
    def from_dict(cls, value: object, place: str = "") -> Self:
        """Read what :meth:`to_dict` writes; see :meth:`ExecutionScript.from_dict`."""
        return from_json_by_hand(cls, value, place)


def _short_form(step: StepScript) -> tuple[object, ...]:
    timing = (step.starts, step.ends, step.outcome)
    return (*timing, step.files, step.output, step.content_type, step.error)


def _as_steps(steps: Iterable[StepScript]) -> tuple[StepScript, ...]:
    return tuple(steps)


def _as_timeline(entries: Iterable[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
    return tuple(entries)


def _check_zone(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not re.fullmatch(r"|Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]", value):
        message = (
            f"{attribute.name} must be empty, 'Z' or an offset such as '+02:00', not {value!r}"
        )
        raise ValueError(message)


@attrs.frozen
class ExecutionScript(ToJSON):
    """An execution from its creation on."""

    _json: ClassVar = _BY_HAND

    steps: tuple[StepScript, ...] = attrs.field(default=(), converter=_as_steps)
    shape: Shape = attrs.field(
        default="flat", kw_only=True, validator=attrs.validators.in_(("flat", "nested"))
    )
    """``"flat"``: ``steps.{name}.status`` as documented. ``"nested"``:
    ``steps.{name}.{file}.status`` as the official client reads it."""
    queued: float = attrs.field(default=0.0, validator=_check_seconds, kw_only=True)
    """Seconds for which it is QUEUED; no step starts before that."""
    status: tuple[tuple[float, str], ...] | None = attrs.field(
        default=None,
        converter=attrs.converters.optional(_as_timeline),
        kw_only=True,
    )
    """The ``status``, each with its first second: ``((0, "PENDING"), (5, "COMPLETED"))``.

    ``None``: it follows from the steps. QUEUED while queued, IN_PROGRESS until all
    steps ended, then FAILED if any failed, else COMPLETED.
    """
    workflow_id: int = attrs.field(default=456, kw_only=True)
    visible_after: float = attrs.field(default=0.0, validator=_check_seconds, kw_only=True)
    """Seconds until the API knows it; before that a 404, as may follow a submission."""
    kept_for: float | None = attrs.field(default=None, validator=_check_seconds, kw_only=True)
    """Seconds after its end for which it and its outputs are kept; then a 404.

    ``None``: forever. An explicit :attr:`status` ends with its last entry."""
    outputs_kept_for: float | None = attrs.field(
        default=None, validator=_check_seconds, kw_only=True
    )
    """Seconds after the end of a run for which its output is kept; its URL stays.

    ``None``: as long as the execution."""
    zone: str = attrs.field(default="", validator=_check_zone, kw_only=True)
    """The time zone of all times, and how they end: ``""`` for UTC without an offset, as
    documented; ``"Z"``; or an offset such as ``"+02:00"``."""
    error: str | None = attrs.field(default=None, kw_only=True)
    """The ``error`` field after a failure."""
    extra: Mapping[str, JSON] = attrs.field(factory=dict[str, JSON], kw_only=True)
    """Fields to add to the body at all times; they replace fields of the same name."""

    def __attrs_post_init__(self) -> None:
        steps = [
            check_type(step, StepScript, "a step", "StepScript('parse', ends=60)")
            for step in self.steps
        ]
        names = [step.name for step in steps]
        if len(set(names)) < len(names):
            message = f"steps must have different names, not {names}"
            raise ValueError(message)
        if self.status is not None:
            times = [at for at, _ in self.status]
            if not times or times != sorted(times) or not math.isfinite(times[-1]):
                message = f"status must have entries in the order of time, not {self.status}"
                raise ValueError(message)

    @classmethod
    def from_dict(cls, value: object, place: str = "") -> Self:
        """Read what :meth:`to_dict` writes; it is also easy to write by hand.

        The keys are the names of the fields, with the same defaults; ``null`` is
        ``None``. An output is ``{"json": ...}``, ``{"text": "..."}`` or
        ``{"base64": "..."}``; ``null`` is no output.

        >>> script = ExecutionScript.from_dict({"steps": [{"name": "parse", "ends": 120}]})
        >>> script.steps[0].ends
        120
        >>> ExecutionScript.from_dict({"steps": [{"name": "parse", "ends": "soon"}]})
        Traceback (most recent call last):
        ...
        ValueError: steps[0].ends must be a number, not 'soon'

        Args:
            value: the script.
            place: the place of the value, for error messages.

        Raises:
            ValueError: the value is not a script. The message names the place.
        """
        return from_json_by_hand(cls, value, place)
