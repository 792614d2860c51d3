"""Whatever Datalab's own client can do stands in tables, with what does it here, and that runs."""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import operator
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

import datalab_facade
from datalab_facade import AsyncDatalab, Convert, Extract, Fill, Segment, TrackChanges
from datalab_facade.testing import ExecutionScript, StepScript
from tests.in_process import blocking, new_simulator
from tests.markdown import ROOT, put_documents
from tests.secrets_for_tests import API_KEY

PAGE: Final = (ROOT / "docs" / "from-datalab-sdk.md").read_text(encoding="utf-8")
SCHEMA: Final[dict[str, Any]] = {"type": "object", "properties": {"total": {"type": "number"}}}

_CODE = re.compile(r"`([^`]+)`")


def section(title: str) -> str:
    """Return the text of a section of the page."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[tuple[str, str]]:
    """Return the rows of all tables in a text, without what stands above a line."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    headers = {before for before, line in itertools.pairwise(lines) if line[2] == "-"}
    cells = [
        line.strip("| ").split(" | ")
        for line in lines
        if line not in headers and not line.startswith("| -")
    ]
    return [(left, right) for left, right in cells]


METHODS = section("Every method")
IMPLEMENTED, _, ENDED = METHODS.partition("These have no counterpart")
CALLS = [(_CODE.findall(left)[0], _CODE.findall(right)[0]) for left, right in rows(IMPLEMENTED)]
COMMANDS = section("The command line")


@pytest.fixture(scope="module")
def theirs() -> Any:
    """Return what the official client can be asked to do."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faithful.official_interface"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def called(code: str) -> ast.Call:
    """Return a call as it is written."""
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call), code
    return call


def test_each_method_of_the_official_client_has_its_row(theirs: Any) -> None:
    ended = {name for left, reason in rows(ENDED) if reason for name in _CODE.findall(left)}
    shown = {ast.unparse(called(left).func) for left, _ in CALLS}
    assert shown | ended == set(theirs["methods"])
    assert not shown & ended


def test_their_async_client_has_nothing_more(theirs: Any) -> None:
    plumbing = {"close", "get_form_params"}
    assert set(theirs["async_methods"]) - plumbing == set(theirs["methods"])


def test_each_parameter_of_a_method_is_on_the_page(theirs: Any) -> None:
    """Those that are given in their places need no name."""
    prose = re.sub(r"^```.*?^```", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    words = set(re.findall(r"\w+", " ".join(_CODE.findall(prose))))
    for left, _ in CALLS:
        call = called(left)
        names = theirs["methods"][ast.unparse(call.func)]
        assert {one.arg for one in call.keywords} <= set(names), left
        assert set(names[len(call.args) :]) <= words, left


@pytest.mark.parametrize(
    "task", [Convert, Extract, Segment, Fill, TrackChanges], ids=lambda task: task.__name__
)
def test_each_option_of_a_method_is_ours_or_in_a_table(theirs: Any, task: Any) -> None:
    options = set(theirs["options"][task.verb])
    fields = {field.name for field in attrs.fields(task)}
    documents = section("Documents")
    explained = {name for left, _ in rows(documents) for name in re.findall(r"\w+", left)}
    assert {option for option in options - fields if option not in explained} == set()


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the names that the calls of the page use, in a world where all of them work."""
    monkeypatch.chdir(tmp_path)
    put_documents(tmp_path)
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    segments = {"segments": [{"name": "Bill", "description": "a bill"}]}
    (tmp_path / "segments.json").write_text(json.dumps(segments), encoding="utf-8")
    (tmp_path / "report.docx").write_bytes(b"PK\x03\x04")
    simulator = new_simulator()
    client = blocking(simulator)
    pipeline = client.pipelines.create([Convert(), Extract(SCHEMA)])
    client.pipelines.save(pipeline, "Invoices")
    client.pipelines.create_version(pipeline)
    run = client.pipelines.run(pipeline, b"%PDF-1.7", name="a.pdf")
    run.wait()
    step = datalab_facade.StepDefinition(step_key="marker_parse", unique_name="parse")
    return {
        **{name: getattr(datalab_facade, name) for name in datalab_facade.__all__},
        "Path": Path,
        "client": client,
        "path": "report.pdf",
        "schema": SCHEMA,
        "fields": {"name": "Jane"},
        "markdown": "# Report",
        "steps": [step],
        "earlier": client.documents.convert(b"%PDF-1.7", name="a.pdf", save_checkpoint=True),
        "pipeline_id": pipeline.id,
        "pipeline_execution_id": run.id,
        "schema_id": client.extraction_schemas.create("Invoice", SCHEMA).id,
        "workflow_id": simulator.workflows.add("Text", []),
        "execution_id": simulator.start(ExecutionScript([StepScript("parse")])),
        "file_id": simulator.files.add("a.pdf", b"%PDF-1.7"),
    }


def done(code: str, names: dict[str, Any]) -> None:
    """Run a call to its end."""
    result = eval(compile(code, "page", "eval", dont_inherit=True), names)
    if inspect.isgenerator(result):
        assert isinstance(list(result), list)


@pytest.mark.parametrize("ours", [ours for _, ours in CALLS])
def test_our_call_runs(ours: str, names: dict[str, Any]) -> None:
    done(ours, names)


def test_the_async_client_has_each_call_as_well() -> None:
    client = AsyncDatalab(API_KEY)
    for _, ours in CALLS:
        assert callable(operator.attrgetter(ast.unparse(called(ours).func)[7:])(client)), ours


def test_each_command_and_each_of_its_options_is_in_a_table(theirs: Any) -> None:
    shown: dict[str, set[str]] = {}
    for left, right in rows(COMMANDS):
        assert right, left
        for code in _CODE.findall(left):
            if code.startswith("datalab "):
                shown.setdefault(code.split()[1], set()).update(re.findall(r" (-{1,2}\w+)", code))
    assert shown.keys() == theirs["commands"].keys()
    everywhere = {"--api_key", "--base_url"}
    for left, _ in rows(COMMANDS):
        everywhere.update(code for code in _CODE.findall(left) if code.startswith("-"))
    for name, options in theirs["commands"].items():
        assert shown[name] <= set(options), name
        assert set(options) <= shown[name] | everywhere, name


@pytest.mark.parametrize(
    "ours",
    [
        code
        for left, right in rows(COMMANDS)
        if left.startswith("`datalab ")
        for code in _CODE.findall(right)
        if code.startswith("client.")
    ],
)
def test_our_call_in_place_of_a_command_runs(ours: str, names: dict[str, Any]) -> None:
    done(ours, names)


def test_each_keyword_in_place_of_an_option_is_one(theirs: Any) -> None:
    convert = inspect.signature(datalab_facade.Datalab(API_KEY).documents.convert).parameters
    shown = [
        code.removesuffix("=")
        for _, right in rows(COMMANDS)
        for code in _CODE.findall(right)
        if re.fullmatch(r"\w+=", code)
    ]
    assert set(shown) <= set(convert)
    assert theirs["commands"]
