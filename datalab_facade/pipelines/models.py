"""Frozen snapshots of pipelines, extraction schemas and batch runs. They never do IO.

They compare by value, hash, pickle and copy, and convert to plain JSON and back with
``to_dict`` and ``from_dict``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from datalab_facade.codec import AsJSON
from datalab_facade.json_forms import JSON
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redact, redacted_repr
from datalab_facade.wire import wire

if TYPE_CHECKING:
    from datalab_facade.pictures.graph import Graph


@picklable
@attrs.frozen(kw_only=True)
class StoredStep(AsJSON):
    """A step of a pipeline, as the server describes it."""

    type: str = attrs.field(repr=redacted_repr)
    """``"convert"``, ``"segment"``, ``"extract"``, ``"fill"`` or ``"custom"``."""
    settings: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """The step's settings; their names are those of the task's form fields."""
    custom_processor_id: str | None = attrs.field(default=None, repr=redacted_repr)
    """The processor of a ``"custom"`` step."""
    eval_rubric_id: int | None = None
    """The rubric by which the step's result is evaluated."""
    extra: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """Other fields that the server sent, unchanged."""


@picklable
@attrs.frozen(kw_only=True, repr=False)
class Pipeline(AsJSON):
    """A pipeline: steps that run one after the other over a document.

    >>> pipeline = Pipeline(id="pl_4a", name="Invoices", steps=(StoredStep(type="convert"),))
    >>> pipeline
    <Pipeline id=pl_4a name='Invoices' steps=[convert]>
    >>> Pipeline.from_dict(pipeline.to_dict()) == pipeline
    True
    """

    id: str = attrs.field(metadata=wire("pipeline_id"))
    """The id, such as ``"pl_k8Hx9mP2nQ4v"``."""
    name: str | None = None
    """The name under which it was saved; None for a draft that has none."""
    steps: tuple[StoredStep, ...] = ()
    """The steps of the draft, or of the version in use."""
    is_saved: bool | None = None
    """Whether it was saved under a name; only saved ones are listed by default."""
    is_archived: bool | None = attrs.field(default=None, metadata=wire("archived"))
    active_version: int | None = None
    """The published version, 1 or more; 0 or None where there are only draft steps."""
    created_at: datetime | None = attrs.field(default=None, metadata=wire("created"))
    updated_at: datetime | None = attrs.field(default=None, metadata=wire("updated"))
    timezone_assumed: bool = False
    """Whether a time came without a zone, so that UTC was assumed."""
    raw: Mapping[str, JSON] = attrs.field(factory=dict, hash=False)
    """The server's answer, unchanged. Do not modify it."""

    def graph(self) -> Graph:
        """Return its steps as a graph, to be printed or drawn."""
        return graph_of(self.name or f"Pipeline {self.id}", self.steps)

    def _repr_html_(self) -> str:
        return self.graph().svg()

    def __repr__(self) -> str:
        name = "" if self.name is None else f" name={redact(self.name)!r}"
        steps = redact(", ".join(step.type for step in self.steps))
        return f"<Pipeline id={redact(self.id)}{name} steps=[{steps}]>"


def graph_of(title: str, steps: Iterable[StoredStep]) -> Graph:
    """Return the graph of steps, each with its mode or processor."""
    from datalab_facade.pictures.graph import Graph

    shown: list[tuple[str, str]] = []
    for step in steps:
        mode = step.settings.get("mode")
        label = step.custom_processor_id or (mode if isinstance(mode, str) else "")
        shown.append((redact(step.type), redact(label)))
    return Graph.chain(redact(title), shown)


@picklable
@attrs.frozen(kw_only=True, repr=False)
class PipelineVersion(AsJSON):
    """A published version of a pipeline: its steps at that time."""

    version: int
    """1 for the first one."""
    steps: tuple[StoredStep, ...] = ()
    description: str | None = attrs.field(default=None, repr=redacted_repr)
    """What is new in it."""
    created_at: datetime | None = attrs.field(default=None, repr=False, metadata=wire("created"))
    timezone_assumed: bool = attrs.field(default=False, repr=False)
    """Whether ``created_at`` came without a time zone, so that UTC was assumed."""
    extra: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """Other fields that the server sent, unchanged."""

    def __repr__(self) -> str:
        about = "" if self.description is None else f" {redact(self.description)!r}"
        steps = redact(", ".join(step.type for step in self.steps))
        return f"<PipelineVersion {self.version}{about} steps=[{steps}]>"


@picklable
@attrs.frozen(kw_only=True)
class PipelineRate(AsJSON):
    """What a pipeline costs.

    The API's document gives the answer no type; the names are those that users have published.
    """

    cents_per_1000_pages: float | None = None
    """Cents for 1,000 pages, all steps together; None if the server does not say."""
    steps: tuple[Mapping[str, JSON], ...] = attrs.field(default=(), hash=False)
    """What the server says of each step, unchanged."""
    raw: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """The server's answer, unchanged. Do not modify it."""


@picklable
@attrs.frozen(kw_only=True)
class ExtractionSchema(AsJSON):
    """A JSON Schema that the server stores, for extractions by its id."""

    id: str = attrs.field(metadata=wire("schema_id"))
    """The id, such as ``"sch_k8Hx9mP2nQ4v"``; ``Extract(schema_id=...)`` takes it."""
    name: str = attrs.field(repr=redacted_repr)
    schema: Mapping[str, JSON] = attrs.field(
        factory=dict, hash=False, repr=False, metadata=wire("schema_json")
    )
    """The JSON Schema."""
    description: str | None = attrs.field(default=None, repr=redacted_repr)
    version: int | None = None
    """The newest version; ``Extract(schema_version=...)`` takes an earlier one."""
    version_history: tuple[Mapping[str, JSON], ...] = attrs.field(
        default=(), hash=False, repr=False
    )
    """What the server says of earlier versions, unchanged."""
    is_archived: bool | None = attrs.field(default=None, metadata=wire("archived"))
    created_at: datetime | None = attrs.field(default=None, repr=False, metadata=wire("created"))
    updated_at: datetime | None = attrs.field(default=None, repr=False, metadata=wire("updated"))
    timezone_assumed: bool = attrs.field(default=False, repr=False)
    """Whether a time came without a zone, so that UTC was assumed."""
    extra: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """Other fields that the server sent, unchanged."""


@picklable
@attrs.frozen(kw_only=True)
class BatchRun(AsJSON):
    """A run of a pipeline, or of one kind of step, over a collection of files, with evaluation."""

    id: int
    collection_id: int | None = None
    eval_rubric_id: int | None = None
    """The rubric by which the results are evaluated."""
    pipeline_id: str | None = attrs.field(default=None, repr=redacted_repr)
    pipeline_type: str | None = attrs.field(default=None, repr=redacted_repr)
    """``"convert"``, ``"extract"`` or ``"segment"``, where there is no pipeline."""
    status: str = attrs.field(default="", repr=redacted_repr)
    """The server's word for how it stands; an unknown word is kept as it is."""
    total_files: int | None = None
    completed_files: int | None = None
    average_score: float | None = attrs.field(default=None, metadata=wire("avg_score"))
    """The average score of the evaluation; None until it is known."""
    created_at: datetime | None = attrs.field(default=None, repr=False, metadata=wire("created"))
    started_at: datetime | None = attrs.field(default=None, repr=False)
    ended_at: datetime | None = attrs.field(default=None, repr=False, metadata=wire("completed_at"))
    timezone_assumed: bool = attrs.field(default=False, repr=False)
    """Whether a time came without a zone, so that UTC was assumed."""
    extra: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """Other fields that the server sent, unchanged."""
