"""What is public keeps to the rules for names: whatever the reference pages show is walked."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from datalab_facade import errors
from datalab_facade.executions.kind import ExecutionLike

PAGES = Path(__file__).resolve().parents[1] / "docs" / "reference"

# These need Airflow, Dask or Redis, which the tests under tests/heavy have.
ELSEWHERE = "datalab_facade.integrations."

MODULES = {"datalab_facade.errors", "datalab_facade.testing.pytest_plugin"}

# Scripts for the simulator read better with what they are about in front.
LEADING = {"ExecutionScript": ["steps"], "StepScript": ["name"], "RunScript": ["file_key"]}


def named_on_pages() -> list[str]:
    pages = [page.read_text(encoding="utf-8") for page in sorted(PAGES.glob("*.md"))]
    names = [name for page in pages for name in re.findall(r"^::: (\S+)$", page, re.MULTILINE)]
    return [name for name in names if not name.startswith(ELSEWHERE) and name not in MODULES]


def public() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in named_on_pages():
        module, _, last = name.rpartition(".")
        found[name] = getattr(importlib.import_module(module), last)
    for name in errors.__all__:
        found[f"datalab_facade.errors.{name}"] = getattr(errors, name)
    return found


PUBLIC = public()
CLASSES = {name: thing for name, thing in PUBLIC.items() if inspect.isclass(thing)}
MODELS = {name: kind for name, kind in CLASSES.items() if attrs.has(kind)}


def methods() -> Iterator[tuple[str, inspect.Signature]]:
    for name, kind in CLASSES.items():
        for method, function in inspect.getmembers(kind, inspect.isroutine):
            if not method.startswith("_") and str(getattr(function, "__module__", "")).startswith(
                "datalab_facade"
            ):
                yield f"{name}.{method}", inspect.signature(function)


def times_of(kind: type) -> Iterator[str]:
    """Give the names of the attributes and properties that are times."""
    annotated = dict(getattr(kind, "__annotations__", {}))
    for name, value in vars(kind).items():
        if isinstance(value, property):
            assert value.fget is not None
            annotated[name] = value.fget.__annotations__.get("return", "")
    for name, annotation in annotated.items():
        if not name.startswith("_") and re.search(rf"\b{datetime.__name__}\b", str(annotation)):
            yield name


def test_there_is_something_to_walk() -> None:
    assert len(PUBLIC) > 90
    assert len(MODELS) > 30
    assert len(list(methods())) > 100
    assert sum(len(list(times_of(kind))) for kind in CLASSES.values()) > 10


@pytest.mark.parametrize("name", CLASSES)
def test_an_error_is_named_as_one(name: str) -> None:
    kind = CLASSES[name]
    assert issubclass(kind, BaseException) == kind.__name__.endswith("Error"), kind


@pytest.mark.parametrize("name", CLASSES)
def test_a_time_is_named_as_one(name: str) -> None:
    assert [one for one in times_of(CLASSES[name]) if not one.endswith("_at")] == []


def test_whatever_takes_an_execution_takes_all_that_stands_for_one() -> None:
    takers = [name for name, signature in methods() if "execution" in signature.parameters]
    assert len(takers) > 6
    for name, signature in methods():
        taken = signature.parameters.keys() & {"execution_id", "execution_ids", "ids"}
        assert not taken, f"{name} takes {taken}: an id, and neither a snapshot nor a handle"
        for parameter in ("execution", "executions"):
            if parameter in signature.parameters:
                annotation = str(signature.parameters[parameter].annotation)
                # What reads a snapshot, without a client, can do nothing with an id.
                read = annotation == "Execution"
                assert read or "ExecutionLike" in annotation, f"{name}: {parameter} is {annotation}"
    assert all(
        form in str(ExecutionLike) for form in ("SupportsIndex", "Execution ", "ExecutionHandle")
    )


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_keywords_only(name: str) -> None:
    kind = MODELS[name]
    positional = [
        field.name
        for field in attrs.fields(kind)
        if field.init and not field.kw_only and not field.inherited
    ]
    assert positional == LEADING.get(kind.__name__, []), (
        "a new field in the middle would take the value of another; use kw_only=True"
    )
