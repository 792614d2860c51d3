"""Each command as a real process over a real socket: in a pipe, in a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs
import pytest

from datalab_facade import Convert, Manifest, Segment
from datalab_facade.models import JSON
from datalab_facade.pictures.words import cell_width
from tests.cli.conftest import Run
from tests.cli.programs import Done, in_pipe, in_terminal
from tests.cli.schemas import check_document
from tests.cli.worlds import World
from tests.secrets_for_tests import ALL

DEFINITION = Path(__file__).parents[2] / "examples" / "definitions" / "tell_the_team.json"
PLAIN_DEFINITION = DEFINITION.with_name("invoices.json")

Arguments: TypeAlias = Callable[[World, str], Sequence[object]]


@attrs.frozen
class Case:
    """A command: its arguments, the code that it ends with, and words that it says."""

    arguments: Arguments
    words: tuple[str, ...]
    code: int = 0
    streams: bool = False
    """Whether ``--json`` gives a document on each line."""
    is_wide: bool = False
    """Whether a line may be longer than the terminal, as it is made for copying."""


def _new_workflow(world: World) -> int:
    return world.simulator.workflows.add("Spare", [])


def _new_file(world: World) -> int:
    return world.simulator.files.add("spare.pdf", b"%PDF-1.7 spare")


def _new_pipeline(world: World) -> str:
    """Create a pipeline that is saved, and return its id."""
    with world.client() as client:
        created = client.pipelines.create([Convert(mode="fast"), Segment({"Invoice": "a bill"})])
        return client.pipelines.save(created, f"Invoices {created.id}").id


def _new_pipeline_execution(world: World) -> str:
    with world.client() as client:
        return client.pipelines.run(_new_pipeline(world), world.folder / "invoice.pdf").id


def _new_run(world: World, way: str) -> str:
    name = f"reported-{way}"
    with world.client() as client:
        sources = [world.folder / "invoice.pdf", world.folder / "report.pdf"]
        client.run(Convert(), sources, output_dir=world.folder / name)
    return name


def _new_schema(world: World) -> str:
    with world.client() as client:
        return client.extraction_schemas.create("Invoice", SCHEMA).id


SCHEMA: Final[dict[str, JSON]] = {"properties": {"total": {"type": "number"}}}
INLINE = json.dumps(SCHEMA)

DOCUMENT_CASES = {
    "convert": Case(
        lambda _, way: ["convert", "invoice.pdf", "report.pdf", "-o", f"converted-{way}"],
        ("invoice.pdf", "2 of 2 files done", "2 pages", "$0.02"),
        streams=True,
    ),
    "extract": Case(
        lambda _, __: ["extract", "invoice.pdf", "--schema", INLINE],
        ('"value": {"total": 1.5}',),
        streams=True,
        is_wide=True,
    ),
    "segment": Case(
        lambda _, __: ["segment", "invoice.pdf", "--segment", "Invoice=a bill"],
        ("Invoice", "high", "The first page is 0."),
        streams=True,
    ),
    "fill": Case(
        lambda _, way: [
            *("fill", "invoice.pdf", "--fields", '{"name": "Jane"}'),
            *("-o", f"filled-{way}.pdf"),
        ],
        ("filled-", "1 field filled in"),
        streams=True,
    ),
    "track-changes": Case(
        lambda _, __: ["track-changes", "invoice.pdf"], ("# invoice.pdf",), streams=True
    ),
    "create": Case(
        lambda _, way: ["create", "text.md", "-o", f"created-{way}.docx"],
        ("created-", "$0.01"),
        streams=True,
    ),
    "submit-convert": Case(
        lambda _, __: ["submit", "convert", "invoice.pdf"], ('"id": "convert/',), is_wide=True
    ),
    "submit-create": Case(
        lambda _, __: ["submit", "create", "text.md"], ('"id": "create-document/',), is_wide=True
    ),
    "submit-agent": Case(
        lambda _, __: ["submit", "agent", "invoice.pdf", "--processor", "cp_abc123"],
        ('"id": "agent/',),
        is_wide=True,
    ),
    "suggest-schemas": Case(
        lambda w, _: ["suggest-schemas", w.checkpoint], ('"simple": {',), streams=True
    ),
    "result": Case(lambda w, _: ["result", w.requested], ("# report.pdf",), streams=True),
    "pipelines-list": Case(
        lambda w, _: [_new_pipeline(w), "pipelines", "list"][1:], ("Invoices pl_", "pl_0")
    ),
    "pipelines-show": Case(
        lambda w, _: ["pipelines", "show", _new_pipeline(w)], ("convert", "for 1,000 pages")
    ),
    "pipelines-create": Case(
        lambda _, way: [
            *("pipelines", "create", "pipeline.json", "--name", f"Invoices {way}"),
        ],
        ("convert", "draft"),
    ),
    "pipelines-publish": Case(
        lambda w, _: ["pipelines", "publish", _new_pipeline(w)], ("Published version 1",)
    ),
    "pipelines-archive": Case(
        lambda w, _: ["pipelines", "archive", _new_pipeline(w)], ("is archived.",)
    ),
    "pipelines-run": Case(
        lambda w, _: ["pipelines", "run", _new_pipeline(w), "invoice.pdf"],
        ("Invoice", "high"),
        streams=True,
    ),
    "pipelines-status": Case(
        lambda w, _: ["pipelines", "status", _new_pipeline_execution(w)],
        ("Pipeline execution pex_", "segment"),
    ),
    "pipelines-result": Case(
        lambda w, _: [
            *("pipelines", "result", _new_pipeline_execution(w), "--step", "convert"),
        ],
        ("# invoice.pdf",),
        streams=True,
    ),
    "extraction-schemas-list": Case(
        lambda w, _: [_new_schema(w), "extraction-schemas", "list"][1:], ("Invoice", "sch_")
    ),
    "extraction-schemas-show": Case(
        lambda w, _: ["extraction-schemas", "show", _new_schema(w)], ("Invoice", "total")
    ),
    "extraction-schemas-create": Case(
        lambda _, __: ["extraction-schemas", "create", "schema.json", "--name", "Invoice"],
        ("Created extraction schema sch_",),
    ),
    "extraction-schemas-delete": Case(
        lambda w, _: ["extraction-schemas", "delete", _new_schema(w)],
        ("Deleted extraction schema",),
    ),
}
CASES = {
    **DOCUMENT_CASES,
    "status": Case(lambda w, _: ["status", w.done], ("COMPLETED", "parse", "npl94jxy", "2/2")),
    "watch": Case(lambda w, _: ["watch", w.done], ("COMPLETED", "parse", "extract"), streams=True),
    "wait": Case(
        lambda w, _: ["wait", w.done, w.failed], ("COMPLETED", "FAILED"), code=1, streams=True
    ),
    "download": Case(
        lambda w, way: ["download", w.done, "-o", f"saved-{way}"],
        ("parse/b7.json", "4 outputs"),
        is_wide=True,
    ),
    "run": Case(
        lambda w, way: [
            *("run", w.workflow, "invoice.pdf", "-o", f"ran-{way}"),
            *("--interval", "0.1"),
        ],
        ("invoice.pdf", "1 of 1 file done"),
        streams=True,
    ),
    "report": Case(
        lambda w, way: ["report", _new_run(w, way)],
        ("invoice.pdf", "2 of 2 files done, in", "2 pages", "$0.02"),
    ),
    "timeline": Case(lambda w, _: ["timeline", w.done], ("Execution", "extract")),
    "workflows-list": Case(lambda _, __: ["workflows", "list"], ("Invoices", "parse, tell")),
    "workflows-show": Case(
        lambda w, _: ["workflows", "show", w.workflow], ("api_request", '"token": "***"')
    ),
    "workflows-create": Case(
        lambda _, __: ["workflows", "create", PLAIN_DEFINITION], ("Created workflow", "Invoices")
    ),
    "workflows-delete": Case(
        lambda w, _: ["workflows", "delete", _new_workflow(w)], ("Deleted workflow",)
    ),
    "workflows-check": Case(
        lambda _, __: ["workflows", "check", DEFINITION], ("post_message", "${secret:chat}")
    ),
    "step-types": Case(lambda _, __: ["step-types"], ("marker_parse", "Parse documents")),
    "files-upload": Case(
        lambda _, __: ["files", "upload", "invoice.pdf"],
        ("invoice.pdf", "datalab://file-"),
        streams=True,
    ),
    "files-list": Case(lambda _, __: ["files", "list"], ("report.pdf", "15 B")),
    "files-show": Case(lambda w, _: ["files", "show", w.uploaded], ("report.pdf", "completed")),
    "files-delete": Case(lambda w, _: ["files", "delete", _new_file(w)], ("Deleted file",)),
    "files-download": Case(
        lambda w, way: ["files", "download", w.uploaded, "-o", f"report-{way}.pdf"],
        ("report-",),
    ),
    "doctor": Case(lambda _, __: ["doctor"], ("Datalab accepts the key", "Everything works")),
    "record": Case(
        lambda w, _: ["record", w.done, w.failed],
        ("body.steps.<key>.<key>.status", "Retry-After: absent", "COMPLETED", "steps: nested"),
        is_wide=True,
    ),
    "schema": Case(lambda _, __: ["schema"], ("workflows-check",)),
    "completion": Case(
        lambda _, __: ["completion", "bash"], ("_DATALAB_FACADE_COMPLETE",), is_wide=True
    ),
}
Start: TypeAlias = Callable[[Sequence[object], dict[str, str], Path], Done]

each_command = pytest.mark.parametrize("name", CASES)


def _started(start: Start, name: str, way: str, world: World) -> Done:
    return start(CASES[name].arguments(world, way), world.environment, world.folder)


@each_command
def test_a_command_writes_plain_text_into_a_pipe(name: str, world: World) -> None:
    done = _started(in_pipe, name, "pipe", world)
    assert done.code == CASES[name].code, done
    assert "\x1b" not in done.out + done.err
    for words in CASES[name].words:
        assert words in done.out
    assert not _leaks(done)


@each_command
def test_a_command_writes_for_people_into_a_terminal(name: str, world: World) -> None:
    done = _started(in_terminal, name, "terminal", world)
    assert done.code == CASES[name].code, done
    for words in CASES[name].words:
        assert words in done.plain
    assert not _leaks(done)


@each_command
def test_no_line_is_wider_than_40_columns(
    name: str, run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    monkeypatch.setenv("COLUMNS", "40")
    done = run(*case.arguments(world, "narrow"))
    assert done.code == case.code, done
    assert case.is_wide or [line for line in done.lines if cell_width(line) > 40] == []


@pytest.mark.parametrize("name", ["status", "watch", "download"])
def test_a_terminal_of_40_columns_has_no_line_that_is_wider(name: str, world: World) -> None:
    arguments = CASES[name].arguments(world, "narrow-terminal")
    done = in_terminal(arguments, world.environment, world.folder, columns=40)
    assert done.code == CASES[name].code, done
    assert [line for line in done.lines if cell_width(line.rstrip()) > 40] == []


@each_command
def test_json_is_as_its_schema_says(name: str, run: Run, world: World) -> None:
    case = CASES[name]
    done = run(*case.arguments(world, "json"), "--json")
    assert done.code == case.code, done
    assert not done.err
    assert not _leaks(done)
    documents = documents_in(done.out, streams=case.streams)
    assert documents
    for document in documents:
        check_document(name, document)


def documents_in(text: str, *, streams: bool) -> list[Any]:
    """Read the documents that were printed."""
    return [json.loads(line) for line in text.splitlines()] if streams else [json.loads(text)]


def _leaks(done: Done) -> list[str]:
    return [secret for secret in ALL if secret in done.out + done.err]


@pytest.mark.parametrize("start", [in_pipe, in_terminal])
def test_what_was_saved_is_whole(start: Start, world: World) -> None:
    way = start.__name__
    assert _started(start, "download", way, world).code == 0
    manifest = Manifest.read(world.folder / f"saved-{way}" / f"execution-{world.done}")
    assert manifest.is_complete
    assert len(manifest.saved) == 4
    assert _started(start, "files-download", way, world).code == 0
    assert (world.folder / f"report-{way}.pdf").read_bytes() == b"%PDF-1.7 report"
