"""Each command as a real process over a real socket: in a pipe, in a terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import pytest

from datalab_facade import Manifest
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


CASES = {
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
