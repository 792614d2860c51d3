"""Pipeline definitions, as values: the steps of a pipeline, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeAlias

import attrs

from datalab_facade.arguments import named
from datalab_facade.codec import AsJSON, JSONFormat, json_field
from datalab_facade.documents.tasks import Convert, Extract, Fill, Segment, Task
from datalab_facade.errors import DefinitionIssue, InvalidArgumentError, InvalidDefinitionError
from datalab_facade.json_forms import JSON
from datalab_facade.known_secrets import Redacted
from datalab_facade.pickling import picklable
from datalab_facade.pipelines.models import StoredStep, graph_of
from datalab_facade.workflows.checks import find_json_issues

if TYPE_CHECKING:
    from datalab_facade.pictures.graph import Graph

_TASKS: Final = (Convert, Segment, Extract, Fill)
_TYPES: Final = frozenset({"convert", "segment", "extract", "fill", "custom"})


@picklable
@attrs.frozen(kw_only=True)
class PipelineStep(AsJSON):
    """A step of a pipeline, for what a task alone does not say.

    >>> PipelineStep.of(Convert(mode="balanced"), eval_rubric_id=4).settings
    {'mode': 'balanced'}
    >>> PipelineStep(type="custom", custom_processor_id="cp_abc123").type
    'custom'
    """

    _json: ClassVar = JSONFormat(by_hand=True)

    type: str
    """``"convert"``, ``"segment"``, ``"extract"``, ``"fill"`` or ``"custom"``."""
    settings: Mapping[str, JSON] = attrs.field(
        factory=dict, hash=False, repr=lambda value: repr(Redacted(dict(value)))
    )
    """The step's settings; their names are those of the task's form fields."""
    custom_processor_id: str | None = attrs.field(
        default=None, metadata=json_field(left_out_if_none=True)
    )
    """The processor of a ``"custom"`` step, such as ``"cp_abc123"``."""
    eval_rubric_id: int | None = attrs.field(
        default=None, metadata=json_field(left_out_if_none=True)
    )
    """The rubric by which the step's result is evaluated."""

    @classmethod
    def of(cls, task: Task[Any], *, eval_rubric_id: int | None = None) -> Self:
        """Return the step that does a task.

        Raises:
            InvalidArgumentError: It is not a task that a pipeline can have.
        """
        if not isinstance(task, _TASKS):
            names = ", ".join(kind.__name__ for kind in _TASKS)
            raise InvalidArgumentError(
                f"A step of a pipeline is one of {names} or a PipelineStep, not {named(task)}"
            )
        return cls(type=task.endpoint, settings=task.body(), eval_rubric_id=eval_rubric_id)


PipelineSteps: TypeAlias = "PipelineDefinition | Iterable[Task[Any] | PipelineStep]"
"""The steps of a pipeline: tasks and steps in their order, or a definition."""


def _to_steps(steps: Iterable[Task[Any] | PipelineStep]) -> tuple[PipelineStep, ...]:
    if isinstance(steps, (str, Mapping, Task)) or not isinstance(steps, Iterable):
        raise InvalidArgumentError(f"steps must be a list of tasks, not {named(steps)}")
    return tuple(one if isinstance(one, PipelineStep) else PipelineStep.of(one) for one in steps)


@picklable
@attrs.frozen
class PipelineDefinition(AsJSON):
    """The steps of a pipeline: a plain value, which :meth:`validate` checks.

    >>> definition = PipelineDefinition([Convert(mode="balanced"), Segment({"Invoice": "a bill"})])
    >>> definition.validate()
    >>> [step.type for step in definition.steps]
    ['convert', 'segment']
    >>> PipelineDefinition.from_dict(definition.to_dict()) == definition
    True
    """

    _json: ClassVar = JSONFormat(version=1)

    steps: tuple[PipelineStep, ...] = attrs.field(converter=_to_steps)

    @classmethod
    def coerce(cls, steps: PipelineSteps) -> PipelineDefinition:
        """Return a definition of whatever stands for one, unchecked.

        Raises:
            InvalidArgumentError: It stands for none.
        """
        return steps if isinstance(steps, PipelineDefinition) else PipelineDefinition(steps)

    def validate(self) -> None:
        """Check that the steps can form a pipeline.

        Convert comes first, extract last, and fill stands alone (Datalab's guide to
        pipelines); a custom step needs its processor.

        Raises:
            InvalidDefinitionError: They cannot; the error lists all issues.
        """
        issues = tuple(_issues(self.steps))
        if issues:
            raise InvalidDefinitionError(issues)

    def to_settings(self) -> list[JSON]:
        """Return the steps as they are sent.

        Raises:
            InvalidDefinitionError: The steps cannot form a pipeline.
        """
        self.validate()
        return [step.to_dict() for step in self.steps]

    def graph(self, title: str = "Pipeline") -> Graph:
        """Return the steps as a graph, to be printed or drawn. They are not checked.

        Args:
            title: What stands above the picture.
        """
        stored = [
            StoredStep(
                type=step.type,
                settings=step.settings,
                custom_processor_id=step.custom_processor_id,
            )
            for step in self.steps
        ]
        return graph_of(title, stored)

    def _repr_html_(self) -> str:
        return self.graph().svg()


def _issues(steps: tuple[PipelineStep, ...]) -> Iterable[DefinitionIssue]:
    if not steps:
        yield DefinitionIssue(place="steps", message="a pipeline needs at least one step")
    types = [step.type for step in steps]
    for place, step in enumerate(steps):
        yield from _issues_of(step, place, types)


def _issues_of(step: PipelineStep, place: int, types: list[str]) -> Iterable[DefinitionIssue]:
    where = f"steps[{place}]"

    def issue(message: str) -> DefinitionIssue:
        return DefinitionIssue(place=where, message=message)

    if step.type not in _TYPES:
        yield issue(f"unknown type {step.type!r:.50}; known types: {', '.join(sorted(_TYPES))}")
    if step.type == "convert" and place:
        yield issue("convert must be the first step")
    if step.type == "extract" and place + 1 < len(types):
        yield issue("extract must be the last step")
    if step.type == "fill" and len(types) > 1:
        yield issue("fill cannot be combined with other steps")
    if step.type in ("segment", "extract", "custom") and not place:
        yield issue(f"{step.type} needs convert before it")
    if (step.type == "custom") != (step.custom_processor_id is not None):
        yield issue(
            "custom needs a custom_processor_id"
            if step.type == "custom"
            else f"{step.type} cannot have a custom_processor_id"
        )
    for text in find_json_issues(dict(step.settings), "settings"):
        yield issue(str(text))
