"""Whatever is passed where something else belongs is told in an error of this package."""

from __future__ import annotations

import contextlib
import inspect
import math
import operator
import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import pytest

from datalab_facade import (
    AsyncDatalab,
    ConfigurationError,
    Convert,
    Datalab,
    DatalabError,
    InputConfig,
    InvalidArgumentError,
    LocalRateLimiter,
    Manifest,
    Progress,
    StepDefinition,
    WaitPolicy,
    WorkflowDefinition,
)
from datalab_facade.executions import Executions
from datalab_facade.files import Files
from datalab_facade.outputs import Outputs
from datalab_facade.pipelines.batch_runs import BatchRuns
from datalab_facade.pipelines.executions import PipelineExecutions
from datalab_facade.pipelines.extraction_schemas import ExtractionSchemas
from datalab_facade.pipelines.resource import Pipelines
from datalab_facade.pipelines.run_task import RunPipeline
from datalab_facade.rate_limiting import SharedRateLimiter, SlotQueue
from datalab_facade.testing import ExecutionScript, StepScript
from datalab_facade.workflows import Workflows
from tests.in_process import new_simulator
from tests.secrets_for_tests import API_KEY
from tests.ways import Way

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
    if inspect.isasyncgen(value) or inspect.isgenerator(value):
        return way.collect(value)
    if isinstance(value, contextlib.AbstractAsyncContextManager) and not isinstance(
        value, AsyncDatalab
    ):

        async def opened() -> None:
            async with value as chunks:
                [chunk async for chunk in chunks]

        return way.done(opened())
    if isinstance(value, contextlib.AbstractContextManager) and not isinstance(
        value, (Datalab, Path)
    ):
        with value as chunks:
            return list(chunks)
    return way.done(value)


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
            "execution": self.execution_id,
            "job": self.execution_id,
            "executions": [self.execution_id],
            "jobs": [self.execution_id],
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
            "output_dir": folder / "run",
            "task": definition,
            "name": "a.pdf",
            "input_config": {"file_urls": ["https://a.example/a.pdf"]},
        }
        self._pipelines = self._pipeline_names(way)

    def _pipeline_names(self, way: Way) -> dict[str, Any]:
        schema = {"type": "object", "properties": {"total": {"type": "number"}}}
        pipeline = way.done(self.client.pipelines.create([Convert()]))
        handle = way.done(self.client.pipelines.run(pipeline, self.document))
        way.done(handle.wait())
        stored = way.done(self.client.extraction_schemas.create("Invoice", schema))
        return {
            "pipeline": pipeline,
            "pipeline_id": pipeline.id,
            "steps": [Convert()],
            "name": "Invoices",
            "job": handle.id,
            "jobs": [handle.id],
            "step": 0,
            "task": RunPipeline(pipeline.id),
            "schema": stored.id,
            "collection_id": 3,
        }

    def valid_for(self, noun: str, method: str) -> dict[str, Any]:
        """Return valid arguments for the methods of a resource."""
        if noun not in ("pipelines", "pipelines.executions", "extraction_schemas", "batch_runs"):
            return self.valid
        found = {**self.valid, **self._pipelines}
        if noun == "batch_runs":
            found["task"] = found["pipeline_id"]
        if (noun, method) == ("extraction_schemas", "create"):
            found["schema"] = {"type": "object", "properties": {"total": {"type": "number"}}}
        return found


OPTIONS = ("timeout", "request_timeout", "max_retries", "headers", "policy")
METHODS = [
    (noun, method)
    for noun, kind in (
        ("executions", Executions),
        ("outputs", Outputs),
        ("files", Files),
        ("workflows", Workflows),
        ("pipelines", Pipelines),
        ("pipelines.executions", PipelineExecutions),
        ("extraction_schemas", ExtractionSchemas),
        ("batch_runs", BatchRuns),
    )
    for method in dir(kind)
    if not method.startswith("_") and callable(getattr(kind, method))
] + [("", method) for method in ("run", "iter_run", "with_options")]


def tried(call: Callable[[], Any]) -> str:
    """Give what is wrong about how a call ended; empty if nothing is."""
    try:
        call()
    except DatalabError as error:
        text = f"{error}{error!r}"
        if not text.isprintable() or len(text) > 5_000:
            return f"says {text[:200]!r}"
    except Exception as error:  # noqa: BLE001 - any other is what is looked for
        return repr(error)[:200]
    return ""


def faults_of(
    call: Callable[..., Any], names: list[str], valid: dict[str, Any], *, but: tuple[str, ...] = ()
) -> list[str]:
    """Pass each odd value in each place, and give what went wrong."""
    return [
        f"{name}={label}: {said}"
        for name in names
        for label, odd in ODD.items()
        if f"{name}={label}" not in but and (said := tried(lambda: call(**{**valid, name: odd})))  # noqa: B023 - called at once
    ]


@pytest.fixture
def world(way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    # Some odd values are paths.
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return World(way, tmp_path)


@pytest.mark.parametrize(("noun", "method"), METHODS, ids=str)
def test_no_method_ends_in_another_error(way: Way, world: World, noun: str, method: str) -> None:
    owner = operator.attrgetter(noun)(world.client) if noun else world.client
    call = getattr(owner, method)
    parameters = inspect.signature(call).parameters.values()
    names = [one.name for one in parameters if one.kind is not one.VAR_KEYWORD]
    if len(names) < len(parameters):
        names += [option for option in OPTIONS if option not in names and noun]
        names += [*OPTIONS] if method == "with_options" else []
    valid = {
        one.name: world.valid_for(noun, method)[one.name]
        for one in parameters
        if one.default is one.empty and one.kind is not one.VAR_KEYWORD
    }
    # A function that is called, and raises something of its own, is another matter; so is an
    # option that a method does not have.
    ours = [
        f"{callback}={label}"
        for callback in ("on_change", "on_progress", "on_progress", "on_update")
        for label in ("class", "function")
    ]
    faults = faults_of(lambda **given: settled(way, call(**given)), names, valid, but=(*ours,))
    assert [fault for fault in faults if "unknown option" not in fault] == []


@pytest.mark.parametrize(
    ("verb", "names"),
    [
        ("outputs.save", "output path"),
        ("outputs.save_all", "execution folder"),
        ("files.upload", "source"),
        ("files.upload_many", "sources"),
        ("files.download", "file path"),
        ("documents.convert", "source"),
    ],
)
def test_a_report_of_progress_that_nobody_would_await_is_refused(
    way: Way, world: World, verb: str, names: str
) -> None:
    async def report(_: Progress) -> None:
        raise AssertionError

    call = operator.attrgetter(verb)(world.client)
    valid = {one: world.valid[one] for one in names.split()}
    before = len(world.simulator.requests)
    with pytest.raises(InvalidArgumentError, match="on_progress must be a plain function"):
        settled(way, call(**valid, on_progress=report))
    assert len(world.simulator.requests) == before


@pytest.mark.parametrize(
    ("kind", "http"), [(Datalab, httpx.Client), (AsyncDatalab, httpx.AsyncClient)]
)
def test_no_client_is_made_with_another_error(kind: Any, http: Any) -> None:
    names = [name for name in inspect.signature(kind).parameters if name != "options"]
    valid = {"api_key": API_KEY, "http_client": http()}
    assert faults_of(kind, [*names, *OPTIONS], valid) == []


@pytest.mark.parametrize(
    "key", [API_KEY.encode(), [API_KEY], {"key": API_KEY}], ids=["bytes", "list", "dict"]
)
def test_a_key_of_another_type_is_not_quoted(key: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Datalab(key)
    assert API_KEY not in f"{caught.value!r}{caught.value}"


@pytest.mark.parametrize(
    ("make", "valid"),
    [
        (WaitPolicy, {}),
        (LocalRateLimiter, {}),
        (SharedRateLimiter, {"store": SlotQueue(), "requests_per_minute": 200}),
        (InputConfig.coerce, {}),
        (InputConfig.bucket, {"name": "b"}),
        (StepDefinition, {"unique_name": "parse", "step_key": "marker_parse"}),
        (WorkflowDefinition, {"name": "w", "steps": []}),
        (WorkflowDefinition.from_dict, {}),
        (WorkflowDefinition.from_file, {}),
        (Manifest.read, {}),
    ],
)
def test_no_setting_is_made_with_another_error(
    make: Callable[..., Any], valid: dict[str, Any]
) -> None:
    names = [name for name in inspect.signature(make).parameters if name != "clock"]
    assert faults_of(make, names, valid) == []


def test_a_client_of_the_other_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"httpx\.Client"):
        Datalab(API_KEY, http_client=httpx.AsyncClient())  # type: ignore[arg-type]
    with httpx.Client() as client, pytest.raises(ConfigurationError, match=r"httpx\.AsyncClient"):
        AsyncDatalab(API_KEY, http_client=client)  # type: ignore[arg-type]
