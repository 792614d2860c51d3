"""What is public keeps to the rules for names: whatever the reference pages show is walked."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

import datalab_facade
from datalab_facade import Execution, errors
from datalab_facade.executions.kind import ExecutionLike

PAGES = Path(__file__).resolve().parents[1] / "docs" / "reference"

# These need Airflow, Dask or Redis, which the tests under tests/heavy have.
ELSEWHERE = "datalab_facade.integrations."

MODULES = {"datalab_facade.errors", "datalab_facade.testing.pytest_plugin"}

# Scripts for the simulator read better with what they are about in front.
LEADING = {"ExecutionScript": ["steps"], "StepScript": ["name"], "RunScript": ["file_key"]}
# One that stays the first, since all others have keywords only.
LEADING |= {"Extract": ["schema"], "Fill": ["field_data"], "Segment": ["segmentation_schema"]}
LEADING |= {"CreateDocument": ["markdown"], "RunAgent": ["processor"]}
LEADING |= {"CheckpointSource": ["checkpoint_id"], "PipelineDefinition": ["steps"]}
LEADING |= {"RunPipeline": ["pipeline_id"]}
# Messages of HTTP, whose parts have one order everywhere.
LEADING |= {"Request": ["origin", "method", "path", "query", "headers", "body"]}
LEADING |= {"Answer": ["status", "headers", "body", "fault"]}
LEADING |= {"FormPart": ["name", "body", "filename", "content_type"]}


def named_on_pages() -> list[str]:
    pages = [page.read_text(encoding="utf-8") for page in sorted(PAGES.glob("*.md"))]
    names = [name for page in pages for name in re.findall(r"^::: (\S+)$", page, re.MULTILINE)]
    return [name for name in names if not name.startswith(ELSEWHERE) and name not in MODULES]


def public() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in named_on_pages():
        module, _, last = name.rpartition(".")
        found[name] = getattr(importlib.import_module(module), last)
        # The pages show the blocking classes; the async ones promise the same.
        twin = getattr(importlib.import_module(module), f"Async{last}", None)
        if twin is not None:
            found[f"{module}.Async{last}"] = twin
    for package in (datalab_facade, errors):
        for name in package.__all__:
            found[f"{package.__name__}.{name}"] = getattr(package, name)
    return found


PUBLIC = public()
CLASSES = {name: thing for name, thing in PUBLIC.items() if inspect.isclass(thing)}
MODELS = {name: kind for name, kind in CLASSES.items() if attrs.has(kind)}


def methods_of(name: str, thing: object) -> Iterator[tuple[str, inspect.Signature]]:
    """Give the signatures of a function, or of the public methods of a class."""
    if inspect.isfunction(thing):
        yield name, inspect.signature(thing)
    if inspect.isclass(thing):
        for method, function in inspect.getmembers(thing, inspect.isroutine):
            if not method.startswith("_") and str(getattr(function, "__module__", "")).startswith(
                ("datalab_facade", __name__)
            ):
                yield f"{name}.{method}", inspect.signature(function)


def methods() -> Iterator[tuple[str, inspect.Signature]]:
    for name, thing in PUBLIC.items():
        yield from methods_of(name, thing)


def times_of(kind: type) -> Iterator[str]:
    """Give the names of the attributes and properties that are times."""
    annotated: dict[str, object] = {}
    for base in reversed(kind.__mro__):
        annotated |= getattr(base, "__annotations__", {})
        for name, value in vars(base).items():
            if isinstance(value, property | functools.cached_property):
                getter = value.fget if isinstance(value, property) else value.func
                assert getter is not None
                annotated[name] = getter.__annotations__.get("return", "")
    for name, annotation in annotated.items():
        written = getattr(annotation, "__name__", "") + str(annotation)
        if not name.startswith("_") and re.search(rf"\b{datetime.__name__}\b", written):
            yield name


def misnamed_error(kind: type) -> bool:
    return issubclass(kind, BaseException) != kind.__name__.endswith("Error")


def misnamed_times(kind: type) -> list[str]:
    return [name for name in times_of(kind) if not name.endswith("_at")]


def narrow_parameters(signature: inspect.Signature) -> list[str]:
    """Give the parameters that take a job's id, but not its snapshot or handle."""
    narrow: list[str] = []
    for name, parameter in signature.parameters.items():
        annotation = str(parameter.annotation)
        # What stands for a job of a family is ExecutionLike or DocumentLike, or LikeT where any
        # family is meant.
        # What reads a snapshot, without a client, can do nothing with an id.
        takes_all = annotation == "Execution" or re.search(
            r"(Execution|Document)Like|\bLikeT\b", annotation
        )
        if name in {"id", "ids", "job_id", "job_ids", "execution_id", "execution_ids"} or (
            name in {"execution", "executions", "job", "jobs"} and not takes_all
        ):
            narrow.append(name)
    return narrow


def positional_fields(kind: type) -> list[str]:
    return [
        field.name
        for field in attrs.fields(kind)
        if field.init and not field.kw_only and not field.inherited
    ]


def test_there_is_something_to_walk() -> None:
    assert len(PUBLIC) > 90
    assert len(MODELS) > 30
    assert len(list(methods())) > 100
    assert sum(len(list(times_of(kind))) for kind in CLASSES.values()) > 10


@pytest.mark.parametrize("name", CLASSES)
def test_an_error_is_named_as_one(name: str) -> None:
    assert not misnamed_error(CLASSES[name])


@pytest.mark.parametrize("name", CLASSES)
def test_a_time_is_named_as_one(name: str) -> None:
    assert misnamed_times(CLASSES[name]) == []


# The id is that of an execution that does not exist yet.
CREATES = {"datalab_facade.testing.Simulator.start"}


def test_whatever_takes_an_execution_takes_all_that_stands_for_one() -> None:
    takers = [
        name
        for name, signature in methods()
        if not signature.parameters.keys().isdisjoint({"execution", "job", "jobs"})
    ]
    assert len(takers) > 12
    for name, signature in methods():
        assert name in CREATES or narrow_parameters(signature) == [], (
            f"{name} takes an id, and neither a snapshot nor a handle: use ExecutionLike"
        )
    assert all(
        form in str(ExecutionLike) for form in ("SupportsIndex", "Execution ", "ExecutionHandle")
    )


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_keywords_only(name: str) -> None:
    kind = MODELS[name]
    assert positional_fields(kind) == LEADING.get(kind.__name__, []), (
        "a new field in the middle would take the value of another; use kw_only=True"
    )


class RequestFailed(Exception):  # noqa: N818 - on purpose
    """An exception that is not named as one."""


class NotAnError:
    """The opposite."""


@attrs.frozen(kw_only=True)
class Poll:
    """A model with times that are not named as such."""

    created: datetime | None = None
    finished_at: datetime | None = None

    @property
    def updated(self) -> datetime | None:
        return self.finished_at


@attrs.frozen(kw_only=True)
class LaterPoll(Poll):
    """Inherits them."""


@attrs.frozen
class Page:
    """A model that takes fields by position."""

    number: int
    size: int = attrs.field(default=10, kw_only=True)


class Jobs:
    """Methods that take an id only, and one that takes all that stands for an execution."""

    def get(self, execution_id: int) -> None: ...
    def get_all(self, ids: Iterable[int]) -> None: ...
    def cancel(self, execution: int) -> None: ...
    def cancel_all(self, jobs: Iterable[int]) -> None: ...
    def watch(self, execution: ExecutionLike) -> None: ...
    def draw(self, execution: Execution) -> None: ...


def test_these_tests_fail_for_what_breaks_the_rules() -> None:
    assert misnamed_error(RequestFailed)
    assert misnamed_error(NotAnError)
    assert not misnamed_error(Poll)
    assert misnamed_times(Poll) == ["created", "updated"]
    assert misnamed_times(LaterPoll) == ["created", "updated"]
    assert positional_fields(Page) == ["number"]
    assert positional_fields(Poll) == []
    found = {name: narrow_parameters(signature) for name, signature in methods_of("Jobs", Jobs)}
    assert found == {
        "Jobs.get": ["execution_id"],
        "Jobs.get_all": ["ids"],
        "Jobs.cancel": ["execution"],
        "Jobs.cancel_all": ["jobs"],
        "Jobs.watch": [],
        "Jobs.draw": [],
    }
