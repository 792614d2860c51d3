"""What an execution will do, as data: when its steps begin, end, and with what.

All times are seconds since the execution was created.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Final, Literal, Self, TypeAlias, cast

import attrs

from datalab_facade.testing import data
from datalab_facade.testing.jsonvalue import JSON


class _Sample(Enum):
    SAMPLE = "sample"


SAMPLE: Final = _Sample.SAMPLE
"""The default output: ``{"step": ..., "file": ...}`` for what completes, none for what fails."""

Output: TypeAlias = "JSON | bytes | Literal[_Sample.SAMPLE]"
"""What a run leaves behind: bytes as they are, other values as JSON, ``None`` for no output.

JSON's own null is ``b"null"``.
"""

Shape: TypeAlias = Literal["flat", "nested"]


def _moment(_: object, attribute: attrs.Attribute[float], value: float | None) -> None:
    if value is not None and not (value >= 0 and math.isfinite(value)):
        message = f"{attribute.name} is a number of seconds, zero or more, not {value!r}"
        raise ValueError(message)


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    # A string is an iterable of strings too, and never what is meant.
    return (values,) if isinstance(values, str) else tuple(values)


@attrs.frozen
class RunScript:
    """What a step does with one file.

    It is PENDING before it starts, IN_PROGRESS until it ends, then its outcome.
    """

    file_key: str
    """The key in the nested shape: a file id, or ``"aggregated"``."""
    starts: float = attrs.field(default=0.0, validator=_moment, kw_only=True)
    """Seconds; a run never starts before its execution leaves the queue."""
    ends: float | None = attrs.field(default=0.0, validator=_moment, kw_only=True)
    """Seconds; ``None``: never. An end before the start means at the start."""
    outcome: str = attrs.field(default="COMPLETED", kw_only=True)
    """The status it ends with: COMPLETED, FAILED, or one that nobody has heard of."""
    output: Output = attrs.field(default=SAMPLE, kw_only=True)
    """What is found at ``output_url`` once it ended; ``None``: there is no such field."""
    content_type: str | None = attrs.field(default=None, kw_only=True)
    """``Content-Type`` of the output. By default ``application/json``, or
    ``application/octet-stream`` for bytes."""
    error: str | None = attrs.field(default=None, kw_only=True)
    """The ``error`` field once it ended."""
    file_ids: tuple[str, ...] = attrs.field(default=(), converter=_texts, kw_only=True)
    """The files behind an ``"aggregated"`` run; only the nested shape has them."""
    extra: Mapping[str, JSON] = attrs.field(factory=dict[str, JSON], kw_only=True)
    """Fields laid over the entry, at any time; they replace fields of the same name."""

    def to_dict(self) -> dict[str, JSON]:
        """Plain JSON; what is as by default is left out."""
        return _written(self)

    @classmethod
    def from_dict(cls, value: object, place: str = "") -> Self:
        """Read what :meth:`to_dict` writes; see :meth:`ExecutionScript.from_dict`."""
        return data.made(place, cls, data.fields(value, place, _RUN_FIELDS))


def _runs(runs: Iterable[RunScript]) -> tuple[RunScript, ...]:
    return tuple(runs)


def _all_runs(step: StepScript) -> tuple[RunScript, ...]:
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
class StepScript:
    """What one step does: the same with each of its files, unless :attr:`runs` says otherwise.

    The plain form is short for one :class:`RunScript` for each of :attr:`files`;
    the fields of the same names mean the same.
    """

    name: str
    """The step's ``unique_name``."""
    starts: float = attrs.field(default=0.0, validator=_moment, kw_only=True)
    ends: float | None = attrs.field(default=0.0, validator=_moment, kw_only=True)
    outcome: str = attrs.field(default="COMPLETED", kw_only=True)
    files: tuple[str, ...] = attrs.field(default=("987",), converter=_texts, kw_only=True)
    """The file keys; none at all makes a step with nothing in it."""
    output: Output = attrs.field(default=SAMPLE, kw_only=True)
    content_type: str | None = attrs.field(default=None, kw_only=True)
    error: str | None = attrs.field(default=None, kw_only=True)
    runs: tuple[RunScript, ...] = attrs.field(default=(), converter=_runs, kw_only=True)
    """File by file, in place of all of the above.

    The flat shape has room for one entry, so there a step with several runs
    shows as a whole: from the first start to the last end, FAILED if any run
    failed, with the first output and the first error.
    """
    extra: Mapping[str, JSON] = attrs.field(factory=dict[str, JSON], kw_only=True)
    """Fields laid over every entry of the step; they replace fields of the same name."""
    _each_run: tuple[RunScript, ...] = attrs.field(
        init=False, repr=False, eq=False, default=attrs.Factory(_all_runs, takes_self=True)
    )

    def __attrs_post_init__(self) -> None:
        if self.runs and _plain_form(self) != _plain_form(StepScript(self.name)):
            message = f"step {self.name!r}: say it in runs or in the plain fields, not in both"
            raise ValueError(message)
        keys = [run.file_key for run in self.each_run()]
        if len(set(keys)) < len(keys):
            message = f"step {self.name!r}: a file comes up twice in {keys}"
            raise ValueError(message)

    def each_run(self) -> tuple[RunScript, ...]:
        """The runs, also of the plain form."""
        return self._each_run

    def to_dict(self) -> dict[str, JSON]:
        """Plain JSON; what is as by default is left out."""
        return _written(self)

    @classmethod
    def from_dict(cls, value: object, place: str = "") -> Self:
        """Read what :meth:`to_dict` writes; see :meth:`ExecutionScript.from_dict`."""
        return data.made(place, cls, data.fields(value, place, _STEP_FIELDS))


def _plain_form(step: StepScript) -> tuple[object, ...]:
    timing = (step.starts, step.ends, step.outcome)
    return (*timing, step.files, step.output, step.content_type, step.error)


def _steps(steps: Iterable[StepScript]) -> tuple[StepScript, ...]:
    return tuple(steps)


def _timeline(entries: Iterable[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
    return tuple(entries)


def _known_zone(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not re.fullmatch(r"|Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]", value):
        message = f"{attribute.name} is empty, 'Z' or an offset such as '+02:00', not {value!r}"
        raise ValueError(message)


@attrs.frozen
class ExecutionScript:
    """What one execution does from its creation on."""

    steps: tuple[StepScript, ...] = attrs.field(default=(), converter=_steps)
    shape: Shape = attrs.field(
        default="flat", kw_only=True, validator=attrs.validators.in_(("flat", "nested"))
    )
    """``"flat"``: ``steps.{name}.status`` as documented. ``"nested"``:
    ``steps.{name}.{file}.status`` as the official client reads it."""
    queued: float = attrs.field(default=0.0, validator=_moment, kw_only=True)
    """Seconds it is QUEUED; no step starts before that."""
    status: tuple[tuple[float, str], ...] | None = attrs.field(
        default=None,
        converter=attrs.converters.optional(_timeline),
        kw_only=True,
    )
    """What ``status`` says from which second on: ``((0, "PENDING"), (5, "COMPLETED"))``.

    ``None``: it follows from the steps. QUEUED while queued, IN_PROGRESS until all
    steps ended, then FAILED if any failed, else COMPLETED.
    """
    workflow_id: int = attrs.field(default=456, kw_only=True)
    visible_after: float = attrs.field(default=0.0, validator=_moment, kw_only=True)
    """Seconds for which the API does not know it yet (404), as after a submission."""
    kept_for: float | None = attrs.field(default=None, validator=_moment, kw_only=True)
    """Seconds after its end for which it and its outputs can be had, then 404.

    ``None``: for ever. An explicit :attr:`status` ends with its last entry."""
    outputs_kept_for: float | None = attrs.field(default=None, validator=_moment, kw_only=True)
    """Seconds after the end of a run for which its output can be had; its URL stays.

    ``None``: as long as the execution."""
    zone: str = attrs.field(default="", validator=_known_zone, kw_only=True)
    """How times end, and in which zone they are: ``""`` names none, as documented; ``"Z"``;
    or an offset such as ``"+02:00"``."""
    error: str | None = attrs.field(default=None, kw_only=True)
    """The ``error`` field once it failed."""
    extra: Mapping[str, JSON] = attrs.field(factory=dict[str, JSON], kw_only=True)
    """Fields laid over the body, at any time; they replace fields of the same name."""

    def __attrs_post_init__(self) -> None:
        names = [step.name for step in self.steps]
        if len(set(names)) < len(names):
            message = f"a step comes up twice in {names}"
            raise ValueError(message)
        if self.status is not None:
            moments = [at for at, _ in self.status]
            if not moments or moments != sorted(moments) or not math.isfinite(moments[-1]):
                message = f"the status timeline needs entries in the order of time: {self.status}"
                raise ValueError(message)

    def to_dict(self) -> dict[str, JSON]:
        """Plain JSON; what is as by default is left out."""
        return _written(self)

    @classmethod
    def from_dict(cls, value: object, place: str = "") -> Self:
        """Read what :meth:`to_dict` writes, or a person wrote by hand.

        The names are those of the fields, all with their defaults; ``null`` is
        ``None``. An output is ``{"json": ...}``, ``{"text": "..."}`` or
        ``{"base64": "..."}``; ``null`` is none at all.

        >>> script = ExecutionScript.from_dict({"steps": [{"name": "parse", "ends": 120}]})
        >>> script.steps[0].ends
        120
        >>> ExecutionScript.from_dict({"steps": [{"name": "parse", "ends": "soon"}]})
        Traceback (most recent call last):
        ...
        ValueError: steps[0].ends: a number is wanted, not 'soon'

        Args:
            value: the script.
            place: where it is from, for the front of errors.

        Raises:
            ValueError: it is none. The message names the place.
        """
        return data.made(place, cls, data.fields(value, place, _EXECUTION_FIELDS))


def _output(value: object, place: str) -> JSON | bytes:
    return None if value is None else data.content(value, place)


_RUN_FIELDS: Final[Mapping[str, data.Reader]] = {
    "file_key": data.text,
    "starts": data.number,
    "ends": data.or_null(data.number),
    "outcome": data.text,
    "output": _output,
    "content_type": data.or_null(data.text),
    "error": data.or_null(data.text),
    "file_ids": data.each(data.text),
    "extra": data.an_object,
}
_STEP_FIELDS: Final[Mapping[str, data.Reader]] = {
    "name": data.text,
    **{name: _RUN_FIELDS[name] for name in ("starts", "ends", "outcome")},
    "files": data.each(data.text),
    **{name: _RUN_FIELDS[name] for name in ("output", "content_type", "error")},
    "runs": data.each(RunScript.from_dict),
    "extra": data.an_object,
}
_EXECUTION_FIELDS: Final[Mapping[str, data.Reader]] = {
    "steps": data.each(StepScript.from_dict),
    "shape": data.one_of("flat", "nested"),
    "queued": data.number,
    "status": data.or_null(data.each(data.pair(data.number, data.text))),
    "workflow_id": data.whole,
    "visible_after": data.number,
    "kept_for": data.or_null(data.number),
    "outputs_kept_for": data.or_null(data.number),
    "zone": data.text,
    "error": data.or_null(data.text),
    "extra": data.an_object,
}


def _written(script: RunScript | StepScript | ExecutionScript) -> dict[str, JSON]:
    found: dict[str, JSON] = {}
    for field in attrs.fields(type(script)):
        value = cast("object", getattr(script, field.name))
        if field.init and not _is_default(field, value):
            found[field.name] = _as_json(field.name, value)
    return found


def _is_default(field: attrs.Attribute[object], value: object) -> bool:
    factory = cast("Callable[[], object] | None", getattr(field.default, "factory", None))
    return value == (field.default if factory is None else factory())


def _as_json(name: str, value: object) -> JSON:
    if name == "output" and value is not None:
        return data.written(cast("JSON | bytes", value))
    if isinstance(value, tuple):
        return [_as_json("", item) for item in cast("tuple[object, ...]", value)]
    if isinstance(value, (RunScript, StepScript)):
        return value.to_dict()
    return cast("JSON", value)
