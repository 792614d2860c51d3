"""Whatever is passed where something else belongs is told in an error of this package."""

from __future__ import annotations

import contextlib
import inspect
import math
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import datalab_facade
from datalab_facade import (
    AsyncDatalab,
    Datalab,
    DatalabError,
    Durations,
    File,
    InputConfig,
    LocalBudget,
    WaitPolicy,
    WorkflowDefinition,
)
from datalab_facade.testing import ExecutionScript, Simulator, StepScript
from tests.in_process import Way, new_simulator
from tests.secrets_for_tests import API_KEY

ODD: dict[str, Any] = {
    "None": None,
    "True": True,
    "-1": -1,
    "0": 0,
    "huge": 10**5000,
    "-huge": -(10**5000),
    "large": 2**64,
    "1.5": 1.5,
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "complex": 1j,
    "decimal": Decimal("NaN"),
    "fraction": Fraction(1, 3),
    "timedelta": timedelta(seconds=5),
    "empty": "",
    "digit": "5",
    "null": "a\0b",
    "control": "a\x1b[2J\r\n",
    "surrogate": "\ud800",
    "long": "x" * 100_000,
    "bytes": b"\xff\0",
    "object": object(),
    "class": int,
    "list": [[]],
    "dict": {"a": object()},
    "dict of odd": {1: 2},
    "dict with a line break": {"x": "a\nb"},
    "set": {1},
    "function": lambda: None,
    "uuid": uuid.UUID(int=7),
    "exception": ValueError("x"),
}


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr of this")

    __str__ = __repr__


ODD["unprintable"] = Unprintable()


def settled(way: Way, value: Any) -> Any:
    """Give what a call gave, to its end."""

    async def taken(stream: AsyncIterator[Any]) -> list[Any]:
        return [item async for item in stream]

    if inspect.isasyncgen(value):
        assert way.runner is not None
        return way.runner.run(taken(value))
    if isinstance(value, contextlib.AbstractAsyncContextManager) and not isinstance(
        value, AsyncDatalab
    ):

        async def opened() -> None:
            async with value as chunks:
                [chunk async for chunk in chunks]

        assert way.runner is not None
        return way.runner.run(opened())
    if isinstance(value, contextlib.AbstractContextManager) and not isinstance(value, Datalab):
        with value as chunks:
            return list(chunks)
    return list(value) if inspect.isgenerator(value) else way.done(value)


class World:
    """A client, and valid arguments for all of its methods."""

    def __init__(self, way: Way, folder: Path) -> None:
        self.simulator = new_simulator()
        self.client = way.client(self.simulator)
        self.execution_id = self.simulator.start(ExecutionScript([StepScript("parse")]))
        execution = way.done(self.client.executions.get(self.execution_id))
        file = way.done(self.client.files.upload(b"%PDF-1.7", name="a.pdf"))
        definition = WorkflowDefinition.from_dict(
            {
                "name": "w",
                "steps": [{"unique_name": "parse", "step_key": "marker_parse", "settings": {}}],
            }
        )
        workflow = way.done(self.client.workflows.create(definition))
        self.document = folder / "a.pdf"
        self.document.write_bytes(b"%PDF-1.7")
        self.valid: dict[str, Any] = {
            "execution_id": self.execution_id,
            "execution": self.execution_id,
            "ids": [self.execution_id],
            "output": execution.outputs[0],
            "path": folder / "out",
            "folder": folder / "all",
            "file": file,
            "source": self.document,
            "sources": [self.document],
            "workflow": workflow.id,
            "workflow_id": workflow.id,
            "definition": definition,
            "files": [self.document],
            "to": folder / "run",
            "name": "a.pdf",
            "input_config": {"file_urls": ["https://a.example/a.pdf"]},
        }
        self.folder = folder

    def places(self) -> Iterator[tuple[Any, str]]:
        for noun in ("executions", "outputs", "files", "workflows"):
            owner = getattr(self.client, noun)
            for method in sorted(vars(type(owner))):
                if not method.startswith("_"):
                    yield owner, method
        for method in ("run", "run_as_completed", "with_options"):
            yield self.client, method


OPTIONS = ("timeout", "request_timeout", "max_faults", "headers", "policy")


def parameters_of(method: Callable[..., Any]) -> list[inspect.Parameter]:
    return [
        parameter
        for parameter in inspect.signature(method).parameters.values()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]


def names_of(way: Way, folder: Path) -> list[tuple[str, str]]:
    return [(type(owner).__name__, method) for owner, method in World(way, folder).places()]


def tried(call: Callable[[], Any]) -> str:
    """Give what is wrong about how a call ended; empty if nothing is."""
    try:
        call()
    except DatalabError as error:
        text = f"{error}{error!r}"
        if not text.isprintable() or len(text) > 5_000:
            return f"says {text[:200]!r}"
    except Exception as error:  # noqa: BLE001
        import traceback

        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error!s:.80} at {Path(place.filename).name}:{place.lineno}"
    return ""
