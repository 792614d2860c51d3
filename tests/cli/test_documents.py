"""The commands on documents: sources, spellings, outputs, failures, and what is paid for."""

from __future__ import annotations

import errno
import io
import json
import os
import re
from pathlib import Path
from typing import NoReturn

import httpx
import pytest

from datalab_facade import Datalab
from datalab_facade.cli.document_display import DocumentDisplay
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.sessions import Session
from datalab_facade.documents.tasks import Convert
from datalab_facade.errors import LocalFileError
from datalab_facade.testing import DocumentScript, Fault, VirtualClock
from tests.cli.conftest import Run
from tests.cli.programs import InTerminal, in_pipe, in_terminal
from tests.cli.schemas import check_document
from tests.cli.worlds import World
from tests.in_process import blocking, new_simulator
from tests.secrets_for_tests import API_KEY

SCHEMA = '{"properties": {"total": {"type": "number"}}}'


def _submitted(world: World) -> int:
    return len(world.simulator.documents)


def test_the_spellings_of_marker_and_of_datalabs_program_work(run: Run, world: World) -> None:
    done = run(
        *("convert", "invoice.pdf", "--output_format", "html", "--page_range", "0"),
        *("--max_pages", "1", "--skip_cache", "--disable_image_extraction"),
        *("--set", "word_bboxes=true", "--set", "something_new=7"),
    )
    assert (done.code, done.out) == (0, "<h1>invoice.pdf</h1>\n<p>Page 0.</p>\n")
    *_, request = world.simulator.documents.values()
    wanted = {
        "output_format": "html",
        "page_range": "0",
        "max_pages": "1",
        "skip_cache": "true",
        "disable_image_extraction": "true",
        "word_bboxes": "true",
    }
    assert wanted.items() <= request.fields.items()
    assert run("extract", "invoice.pdf", "--page_schema", SCHEMA, "--max_concurrent", "2").code == 0
    assert run("create-document", "text.md", "--output", "old.docx").code == 0
    assert (world.folder / "old.docx").read_bytes().startswith(b"PK")


@pytest.mark.parametrize("verb", ["convert", "extract"])
def test_help_shows_one_spelling_of_each_option(run: Run, verb: str) -> None:
    text = run(verb, "--help").out
    assert "--output-dir" not in text
    assert "--page-schema" not in text
    assert "-o, --output PATH" in text
    assert "api-key" not in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["convert", "invoice.pdf", "report.pdf"], "2 documents need a folder for their results"),
        (["convert", "invoice.pdf", "--format", "html,json"], "The formats html, json need a fol"),
        (
            ["convert", "invoice.pdf", "nowhere.pdf", "-o", "x"],
            "File nowhere.pdf does not exist; n",
        ),
        (["convert", "invoice.pdf", "--page-range", "5-2"], "which ends before it begins"),
        (["convert", "invoice.pdf", "--set", "oops"], "--set takes NAME=VALUE"),
        (["extract", "invoice.pdf"], "extract needs --schema"),
        (["extract", "invoice.pdf", "--schema", "nowhere.json"], "nowhere.json cannot be read"),
        (["extract", "invoice.pdf", "--schema", "json:nothing"], "json:nothing cannot be read"),
        (["extract", "invoice.pdf", "--schema", "json:dumps"], "json:dumps is not a class"),
        (["extract", "invoice.pdf", "--schema", "{"], "is not JSON"),
        (["segment", "invoice.pdf", "--segment", "oops"], "--segment takes NAME=MEANING"),
        (
            ["segment", "invoice.pdf", "--segment", "a=b", "--segments", "c.json"],
            "either --segments or --segment",
        ),
        (["fill", "invoice.pdf", "-o", "x.pdf"], "fill needs --fields"),
        (["create", "nowhere.md", "-o", "x.docx"], "nowhere.md cannot be read"),
        (["result", "Qm3xT0yLr8sWb2ZkVf6NcA"], "add --verb, such as --verb convert"),
        (["result", "pex_1"], "datalab-facade pipelines result pex_1"),
        (["result", "text.md"], "text.md is not JSON"),
        (["pipelines", "create", "schema.json"], "must hold the steps of a pipeline"),
        (["submit", "agent", "invoice.pdf"], "agent needs --processor"),
        (["suggest-schemas", "invoice.pdf"], "convert invoice.pdf --save-checkpoint --json"),
        (["suggest-schemas", "a", "--only", "simple", "--json"], "--only is not for --json"),
        (["result", "nowhere.json"], "nowhere.json does not exist"),
        (["result", "."], ". is a folder"),
        (["convert", "invoice.pdf", "--page-range", "x"], "--page-range must be pages"),
        (["fill", "invoice.pdf", "--fields", "{}", "-o", "x.pdf"], "--fields is empty"),
    ],
)
def test_wrong_usage_ends_with_2_before_anything_is_paid(
    run: Run, world: World, arguments: list[str], said: str
) -> None:
    before = _submitted(world)
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert _submitted(world) == before


LONG = "x" * 300
ONE_FORM = ["fill", "invoice.pdf", "--fields", '{"a": "b"}', "-o"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["convert", ""], "It is empty"),
        (["convert", "invoice.pdf", "-o", ""], "It is empty"),
        ([*ONE_FORM, ""], "It is empty"),
        (["run", "1", "", "-o", "x"], "It is empty"),
        (["convert", "invoice.pdf", "--key-file", ""], "It is empty"),
        (["convert", "invoice.pdf", "--host", ""], "'--host': It is empty"),
        (["convert", "invoice.pdf", "--format", ""], "'--format': It is empty"),
        (["convert", "invoice.pdf", "--format", "html,"], "--format is empty or has an empty name"),
        (["convert", "invoice.pdf", "--extras", "a,,b"], "--extras is empty or has an empty name"),
        (["convert", "invoice.pdf", "--mode", ""], "'--mode': It is empty"),
        (["convert", "invoice.pdf", "--extensions", ""], "'--extensions': It is empty"),
        (["convert", "invoice.pdf", "--processing-location", ""], "It is empty"),
        (["segment", "invoice.pdf", "--segment", ""], "'--segment': It is empty"),
        (["pipelines", "show", ""], "'PIPELINE': It is empty"),
        (["pipelines", "run", "pl_1", "invoice.pdf", "--step", ""], "'--step': It is empty"),
        (["extraction-schemas", "create", "x.json", "--name", ""], "'--name': It is empty"),
        (["result", ""], "It is empty"),
        (["report", ""], "'DIR': It is empty"),
        ([*ONE_FORM, "x.docx"], "x.docx is not the name of a PDF file"),
        (
            ["fill", "https://a.example/form", "--fields", '{"a": "b"}', "-o", "x.docx"],
            "x.docx is not the name of a PDF or an image",
        ),
        ([*ONE_FORM, "x.png"], "x.png is not the name of a PDF file"),
        (["extract", "invoice.pdf", "--schema", ""], "It is empty"),
        (["segment", "invoice.pdf", "--segments", ""], "It is empty"),
        (["fill", "invoice.pdf", "--fields", "", "-o", "x.pdf"], "It is empty"),
        (["download", "1", "-o", ""], "It is empty"),
        (["files", "upload", ""], "It is empty"),
        (["convert", "-", "invoice.pdf", "-o", "x"], "must be the only source"),
        (["convert", "invoice.pdf", "-o", f"{LONG}.md"], "cannot be written: File name too long"),
        (["convert", f"{LONG}.pdf"], "does not exist"),
        (["convert", "invoice.pdf", "-o", f"{LONG}/x.md"], f"there is no folder {LONG}"),
        (["result", f"{LONG}.json"], "does not exist; a handle is in a file"),
        (["result", "convert/abc", "-o", f"{LONG}.html"], "cannot be written: File name too long"),
        (["convert", "invoice.pdf", "-o", "text.md/x.md"], "there is no folder text.md"),
        (["convert", "invoice.pdf", "-o", "nowhere/x.md"], "there is no folder nowhere"),
        ([*ONE_FORM, "nowhere/x.pdf"], "there is no folder nowhere"),
        (["create", "text.md", "-o", "nowhere/x.docx"], "there is no folder nowhere"),
        (["pipelines", "result", "pex_1", "-o", "nowhere/x.md"], "there is no folder nowhere"),
        (["create", "text.md", "-o", "x.pdf"], "name it x.docx"),
        (["convert", "invoice.pdf", "-o", "invoice.pdf"], "is a file, and these results need a"),
        (["convert", "invoice.pdf", "report.pdf", "-o", "x.md"], "these results need a folder"),
        (["pipelines", "run", "a", "invoice.pdf", "-o", "x.md"], "these results need a folder"),
        (["fill", ".", "--fields", '{"a": "b"}', "-o", "x.pdf"], ". is a folder"),
        (["submit", "convert", "."], ". is a folder"),
        (["convert", "invoice.pdf", "--max-cost", "5"], "--max-cost needs -o FOLDER"),
        (["convert", "invoice.pdf", "-o", "x.md", "--retry-failed"], "--retry-failed needs -o"),
        (["pipelines", "run", "a", "invoice.pdf", "--retry-unknown"], "--retry-unknown needs -o"),
    ],
)
def test_no_path_and_no_option_is_misread_or_ignored(
    run: Run, world: World, arguments: list[str], said: str
) -> None:
    before = _submitted(world), set(world.folder.iterdir())
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert (_submitted(world), set(world.folder.iterdir())) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["convert", "strange.xyz"], "Datalab accepts .pdf"),
        (["convert", "hollow", "-o", "x"], "Nothing was sent"),
        (["convert", "hollow", "-o", "x", "--dry-run"], "nothing was sent"),
        (["pipelines", "show", "Nowhere"], "datalab-facade pipelines list lists them"),
        (["convert", "invoice.pdf", "--outptu-dir", "x"], "No such option"),
        (["convert", "invoice.pdf", "--formt", "html"], "Did you mean '--format' or '--host'?"),
        (["convert", "invoice.pdf", "--concurrency", "0"], "value for '--concurrency': 0"),
        (["status", "abc"], "'abc' is not a whole number"),
        (["convert", "invoice.pdf", "--max-cost", "abc"], "'abc' is not a number"),
    ],
)
def test_errors_name_what_the_command_line_has(
    run: Run, world: World, arguments: list[str], said: str
) -> None:
    (world.folder / "strange.xyz").write_bytes(b"strange")
    (world.folder / "hollow").mkdir(exist_ok=True)
    done = run(*arguments)
    assert done.code in (2, 3)
    assert said in done.err
    for foreign in ("content", "allow_empty", "client.", "--output-", "integer", "old results"):
        assert foreign not in done.err


def test_standard_input_that_holds_no_document_is_refused(world: World) -> None:
    done = in_pipe(["convert", "-"], world.environment, world.folder, "")
    assert (done.code, "Standard input is empty" in done.err) == (2, True)
    done = in_pipe(["create", "-", "-o", "a.docx"], world.environment, world.folder, "\n")
    assert (done.code, "Standard input is empty" in done.err) == (2, True)
    done = in_pipe(["convert", "-"], world.environment, world.folder, "what")
    assert (done.code, "put it into a file with a name such as" in done.err) == (2, True)


def test_the_suffix_of_a_file_says_the_format(run: Run, world: World) -> None:
    for name, start in (("a.html", "<h1>"), ("a.md", "# "), ("a.json", "{"), ("a.txt", "# ")):
        assert run("convert", "invoice.pdf", "-o", name).code == 0
        assert (world.folder / name).read_text(encoding="utf-8").startswith(start)
    assert run("convert", "invoice.pdf", "-o", "b.html", "--format", "markdown").code == 0
    assert (world.folder / "b.html").read_text(encoding="utf-8").startswith("# ")


def test_a_format_that_is_not_known_here_is_no_bug(run: Run, world: World) -> None:
    done = run("convert", "invoice.pdf", "--format", "latex")
    assert (done.code, "has no latex" in done.err) == (1, True)


def test_a_result_that_cannot_be_written_can_be_taken_again(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_bytes(path: str, _: bytes) -> Path:
        raise LocalFileError(f"{path} cannot be written: No space left on device")

    with monkeypatch.context() as patches:
        patches.setattr("datalab_facade.cli.result_output.write_bytes", write_bytes)
        for command in ([*ONE_FORM, "full.pdf"], ["convert", "invoice.pdf", "-o", "full.md"]):
            done = run(*command)
            assert (done.out, "No space left on device" in done.err) == ("", True)
    again = done.err.rpartition("datalab-facade ")[2].split()
    assert run(*again[:-1], "again.md").code == 0
    assert (world.folder / "again.md").exists()


def test_an_agent_is_submitted_and_its_result_taken(run: Run, world: World) -> None:
    done = run(
        *("submit", "agent", "invoice.pdf", "--processor", "cp_abc123@2.0"),
        *("--verification-effort", "balanced", "--return-images"),
    )
    *_, request = world.simulator.documents.values()
    assert request.fields["processor"] == "cp_abc123@2.0"
    assert request.fields["verification_effort"] == "balanced"
    assert request.fields["return_images"] == "true"
    handle = json.loads(done.out)
    assert "raw" in json.loads(run("result", done.out).out)
    number = handle["id"].partition("/")[2]
    assert "raw" in json.loads(run("result", number, "--verb", "agent").out)


def test_a_suggested_schema_is_one_that_extract_takes(run: Run, world: World) -> None:
    shown = json.loads(run("suggest-schemas", world.checkpoint).out)
    assert set(shown["suggestions"]) == {"simple", "moderate", "complex"}
    done = run("suggest-schemas", world.checkpoint, "--only", "simple")
    assert json.loads(done.out) == shown["suggestions"]["simple"]
    assert run("extract", "invoice.pdf", "--schema", done.out.strip()).code == 0
    world.simulator.documents.script(DocumentScript(seconds=0.1, error="no pages"))
    assert run("suggest-schemas", world.checkpoint, "--only", "simple").code == 1
    assert "Nothing was sent." in run("suggest-schemas", world.checkpoint, "--dry-run").out


def test_a_file_that_is_named_twice_counts_once(run: Run, world: World) -> None:
    convert = ("convert", "invoice.pdf", "invoice.pdf", "./report.pdf", "-o", "twice")
    assert "3 of 3 files done, in twice · 2 pages · $0.02" in run(*convert).out
    report = json.loads(run(*convert, "--json").out.splitlines()[-1])
    assert (report["page_count"], report["cost_cents"]) == (2, 2)


def test_a_dry_run_needs_no_key_and_sends_nothing(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATALAB_API_KEY")
    before = _submitted(world)
    for arguments in (
        ["convert", "invoice.pdf", "-o", "dry", "--mode", "fast"],
        ["fill", "invoice.pdf", "--fields", '{"name": "Jane"}', "-o", "dry.pdf"],
        ["create", "text.md", "-o", "dry.docx"],
    ):
        assert "Nothing was sent." in run(*arguments, "--dry-run").out
        [line] = run(*arguments, "--dry-run", "--json").out.splitlines()
        check_document("convert", json.loads(line))
    assert "Jane" not in run("fill", "a.pdf", "--fields", '{"a": "Jane"}', "-o", "b").out
    assert _submitted(world) == before
    assert not (world.folder / "dry").exists()


def test_a_dry_run_of_a_pipeline_says_what_pages_cost(run: Run, world: World) -> None:
    before = _submitted(world)
    created = json.loads(run("pipelines", "create", "pipeline.json", "--json").out)
    done = run("pipelines", "run", created["pipeline_id"], "invoice.pdf", "--dry-run")
    assert done.code == 0
    assert "for 1,000 pages. Nothing was sent." in done.out
    assert _submitted(world) == before


def test_a_document_comes_from_standard_input_and_goes_into_a_file(world: World) -> None:
    done = in_pipe(
        ["convert", "-"], world.environment, world.folder, "<!doctype html><p>A</p></html>"
    )
    assert (done.code, done.out) == (0, "# document.html\n\nPage 0.\n")
    done = in_pipe(["create", "-", "-o", "piped.docx"], world.environment, world.folder, "# Report")
    assert done.code == 0
    assert (world.folder / "piped.docx").read_bytes().startswith(b"PK")


def test_a_document_that_fails_ends_with_1_unless_that_is_unwanted(run: Run, world: World) -> None:
    for more, code in (([], 1), (["--fail-on", "never"], 0)):
        world.simulator.documents.script(DocumentScript(seconds=0.1, error="no pages"))
        done = run("convert", "invoice.pdf", *more)
        assert (done.code, done.out) == (code, "")
        assert "failed: no pages" in done.err
    world.simulator.documents.script(DocumentScript(seconds=0.1, error="no pages"))
    done = run("convert", "invoice.pdf", "-o", "failing")
    assert done.code == 1
    assert "failed: no pages" in done.out
    assert "0 of 1 file done, in failing" in done.out


def test_what_is_saved_is_not_submitted_again(run: Run, world: World) -> None:
    folder = world.folder / "papers" / "sub"
    folder.mkdir(parents=True)
    (folder / "c.pdf").write_bytes(b"%PDF-1.7 c")
    (folder.parent / "a.pdf").write_bytes(b"%PDF-1.7 a")
    before = _submitted(world)
    for _ in range(2):
        done = run("convert", "papers", "-o", "papers-out", "--skip-existing")
        assert done.code == 0
        assert "2 of 2 files done, in papers-out · 2 pages · $0.02" in done.out
        assert _submitted(world) == before + 2
    assert (world.folder / "papers-out" / "sub" / "c" / "c.md").exists()
    done = run("convert", "papers", "-o", "words", "--extensions", "docx")
    assert (done.code, "has no documents; nothing was sent" in done.err) == (2, True)


def test_the_outputs_of_a_run_and_hidden_files_are_no_sources_of_the_next(
    run: Run, world: World
) -> None:
    hidden = world.folder / "mixed" / ".cache"
    hidden.mkdir(parents=True)
    (hidden / "old.html").write_bytes(b"<p>old")
    (hidden.parent / ".draft.html").write_bytes(b"<p>draft")
    (hidden.parent / "page.html").write_bytes(b"<p>page")
    convert = ("convert", "mixed", "-o", "mixed/out", "--extensions", "html", "--format", "html")
    before = _submitted(world)
    for _ in range(2):
        done = run(*convert)
        assert (done.code, "1 of 1 file done, in mixed/out" in done.out) == (0, True), done
        assert (hidden.parent / "out" / "page" / "page.html").exists()
    plan = json.loads(run(*convert, "--dry-run", "--json").out)
    assert [one["source"] for one in plan["sources"]] == ["mixed/page.html"]
    done = run("convert", "mixed/out", "-o", "mixed/out", "--extensions", "html")
    assert (done.code, "mixed/out is where the outputs go" in done.err) == (2, True), done
    assert _submitted(world) == before + 1


def test_costs_that_come_late_are_in_the_totals_of_a_saved_run(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = new_simulator()
    simulator.documents.script_always(DocumentScript(cost_cents=7, cost_after=20))
    monkeypatch.delenv("DATALAB_HOST")
    monkeypatch.setattr(Session, "client", lambda _: blocking(simulator))
    convert = ("convert", "invoice.pdf", "report.pdf", "-o")
    done = run(*convert, "late")
    assert "2 of 2 files done, in late · 2 pages · $0.14" in done.out, done
    lines = run("convert", "invoice.pdf", *convert[1:], "late-too", "--json").out.splitlines()
    events = [json.loads(line) for line in lines]
    for event in events:
        check_document("convert", event)
    assert [one["event"] for one in events] == [*["result"] * 3, "cost", "cost", "report"]
    assert [one["cost_cents"] for one in events] == [None, None, None, 7, 7, 14]
    assert {one["id"] for one in events[:3]} == {one["id"] for one in events[3:5]}


def test_a_limit_of_the_cost_leaves_the_rest_to_a_later_call(run: Run) -> None:
    done = run("convert", "invoice.pdf", "report.pdf", "-o", "limited", "--max-cost", "0.01")
    assert done.code == 1
    assert "1 of 2 files done" in done.out
    assert "cents=" not in done.out
    assert run("convert", "invoice.pdf", "report.pdf", "-o", "limited").code == 0


def test_a_spending_limit_keeps_what_is_done_and_leaves_the_rest(run: Run, world: World) -> None:
    documents = world.simulator.documents
    documents.spend_cap_cents = 0
    try:
        one = run("convert", "invoice.pdf")
        many = run("convert", "invoice.pdf", "report.pdf", "-o", "capped")
    finally:
        documents.spend_cap_cents = None
    for done in (one, many):
        assert done.code == 3
        assert "402" in done.out + done.err
        assert (done.out + done.err).count("spending limit") == 1
    assert "0 of 2 files done, 2 left to do, in capped" in many.out
    assert run("convert", "invoice.pdf", "report.pdf", "-o", "capped").code == 0


def test_a_value_that_does_not_fit_its_class_is_an_error_and_is_printed(
    run: Run, world: World
) -> None:
    (world.folder / "bills.py").write_text(
        "from dataclasses import dataclass\n\n@dataclass\nclass Bill:\n    total: float\n",
        encoding="utf-8",
    )
    done = run("extract", "invoice.pdf", "--schema", "bills:Bill")
    assert (done.code, json.loads(done.out)["value"]) == (0, {"total": 1.5})
    world.simulator.documents.script(
        DocumentScript(seconds=0.1, extraction={"total": "many"}), endpoint="extract"
    )
    done = run("extract", "invoice.pdf", "--schema", "bills:Bill")
    assert done.code == 1
    line = json.loads(done.out)
    assert line["value"] == {"total": "many"}
    assert line["error"]["kind"] == "ExtractionMismatchError"
    assert "does not fit Bill: total" in done.err


def test_a_form_without_a_field_for_a_value_ends_with_1(run: Run, world: World) -> None:
    world.simulator.documents.script(DocumentScript(seconds=0.1, not_found=("born",)))
    done = run(
        "fill", "invoice.pdf", "--fields", '{"name": "Jane", "born": "1990"}', "-o", "form.pdf"
    )
    assert done.code == 1
    assert "1 field filled in; the form has no field for: born" in done.out
    assert (world.folder / "form.pdf").exists()


def test_a_deadline_says_how_to_take_the_result_later(run: Run, world: World) -> None:
    world.simulator.documents.script(DocumentScript(seconds=1.0))
    done = run("convert", "invoice.pdf", "--timeout", "0.3s")
    assert done.code == 4
    command = done.err.strip().rpartition("datalab-facade ")[2].split()
    assert command[0] == "result"
    later = run(*command)
    assert (later.code, later.out) == (0, "# invoice.pdf\n\nPage 0.\n")


def test_a_handle_is_taken_from_a_file_standard_input_or_an_id(run: Run, world: World) -> None:
    done = run("submit", "segment", "invoice.pdf", "--segment", "Letter=words")
    check_document("submit-segment", json.loads(done.out))
    (world.folder / "handle.json").write_text(done.out, encoding="utf-8")
    job_id = json.loads(done.out)["id"]
    url = f"{world.host}/api/v1/{job_id}"
    for job in (["handle.json"], [done.out], [job_id], [url], [job_id[8:], "--verb", "segment"]):
        assert run("result", *job).out.startswith("segment")
    piped = in_pipe(["result", "-"], world.environment, world.folder, done.out)
    assert piped.out.startswith("segment")


def test_a_result_goes_into_a_folder_or_a_file(run: Run, world: World) -> None:
    assert run("result", world.requested, "-o", "one").code == 0
    found = {path.name for path in (world.folder / "one").rglob("*.md")}
    assert len(found) == 1
    assert run("result", world.requested, "-o", "one.md").code == 0
    assert (world.folder / "one.md").read_text(encoding="utf-8") == "# report.pdf\n\nPage 0."
    filled = json.loads(run("submit", "fill", "invoice.pdf", "--fields", '{"a": "b"}').out)
    done = run("result", filled["id"])
    assert (done.code, "is a file: use -o FILE" in done.err) == (2, True)
    done = run("result", world.requested, "-o", "nowhere/one.md")
    assert (done.code, "cannot be written" in done.err) == (2, True)


def test_a_checkpoint_is_a_source(run: Run) -> None:
    line = json.loads(run("convert", "invoice.pdf", "--save-checkpoint", "--json").out)
    done = run("extract", line["checkpoint_id"], "--checkpoint", "--schema", SCHEMA)
    assert (done.code, json.loads(done.out)["value"]) == (0, {"total": 1.5})
    many = ["extract", "a", "b", "--checkpoint", "--schema", SCHEMA, "-o", "x"]
    assert run(*many).code == 2


def test_a_terminal_shows_documents_at_work_and_then_what_came_of_them(world: World) -> None:
    world.simulator.documents.script(DocumentScript(seconds=1.5), DocumentScript(seconds=1.5))
    terminal = InTerminal(
        ["convert", "invoice.pdf", "report.pdf", "-o", "live"], world.environment, world.folder
    )
    terminal.until("0 of 2 files")
    terminal.until("in progress")
    done = terminal.done()
    assert done.code == 0, done
    assert "2 of 2 files done, in live · 2 pages · $0.02" in done.plain


def test_documents_at_work_are_shown_by_their_names_and_not_by_ids(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, shown = DocumentDisplay.show_status, list[str]()

    def show_status(self: DocumentDisplay, source: str, status: str) -> None:
        shown.append(source)
        real(self, source, status)

    monkeypatch.setattr(DocumentDisplay, "show_status", show_status)
    done = run("convert", "invoice.pdf", "report.pdf", "invoice.pdf", "-o", "named")
    assert done.code == 0, done
    assert set(shown) == {"invoice.pdf", "report.pdf"}


def test_ctrl_c_says_how_to_take_the_result_later(world: World) -> None:
    world.simulator.documents.script(DocumentScript(seconds=None))
    terminal = InTerminal(["convert", "invoice.pdf"], world.environment, world.folder)
    terminal.until("in progress")
    terminal.interrupt()
    done = terminal.done()
    assert done.code == ExitCode.INTERRUPTED
    assert "To get its result: datalab-facade result" in " ".join(done.plain.split())


def test_the_text_of_a_document_cannot_move_the_cursor(world: World) -> None:
    for start in (in_pipe, in_terminal):
        world.simulator.documents.script(
            DocumentScript(seconds=0.1, markdown="# A\x1b[2J\x9b2J\n\tb")
        )
        done = start(["convert", "invoice.pdf"], world.environment, world.folder)
        assert done.code == 0
        assert "\x1b[2J" not in done.out
        assert "# A" in done.out


def test_a_server_listens_where_it_is_told(world: World, tmp_path: Path) -> None:
    port = world.host.rpartition(":")[2]
    done = in_pipe(["serve", "--port", port], {}, tmp_path)
    assert done.code == 2
    assert "Cannot listen there" in done.err


def _new_pipeline(run: Run) -> str:
    """Create a pipeline of one conversion, and return its id."""
    created = json.loads(run("pipelines", "create", "pipeline.json", "--json").out)
    return str(created["pipeline_id"])


def test_a_pipeline_with_several_documents_needs_a_folder_and_no_step(
    run: Run, world: World
) -> None:
    pipeline, before = _new_pipeline(run), _submitted(world)
    two = ("pipelines", "run", pipeline, "invoice.pdf", "report.pdf")
    for more in ([], ["--step", "convert", "-o", "two.md"]):
        done = run(*two, *more)
        assert (done.code, done.out) == (2, "")
        assert "2 documents need a folder for their results: use -o FOLDER" in done.err
    assert _submitted(world) == before


def test_a_pipeline_that_finds_no_text_ends_with_1_and_tells_what_it_cost(
    run: Run, world: World
) -> None:
    pipeline, blank = _new_pipeline(run), DocumentScript(seconds=0.1, extra={"markdown": ""})
    world.simulator.documents.script(blank)
    done = run("pipelines", "run", pipeline, "invoice.pdf")
    assert (done.code, done.out) == (1, "")
    assert "has no markdown. Check whether the document is blank" in done.err
    world.simulator.documents.script(blank)
    done = run("pipelines", "run", pipeline, "invoice.pdf", "--json")
    line = json.loads(done.out)
    check_document("pipelines-run", line)
    assert (done.code, line["succeeded"], line["source"]) == (1, False, "invoice.pdf")
    assert (line["page_count"], line["cost_cents"]) == (1, 1)
    assert line["error"]["kind"] == "EmptyResultError"


def test_a_pipeline_that_fails_says_in_which_step_and_why(run: Run, world: World) -> None:
    pipeline = _new_pipeline(run)
    for more, code in (([], 1), (["--fail-on", "never"], 0)):
        world.simulator.documents.script(DocumentScript(seconds=0.1, error="no pages"))
        done = run("pipelines", "run", pipeline, "invoice.pdf", *more)
        assert (done.code, done.out) == (code, "")
        assert "failed: convert (step 0): no pages" in done.err


@pytest.mark.parametrize("step", ["7", "nothing"])
def test_a_step_that_a_pipeline_has_not_is_refused_with_those_that_it_has(
    run: Run, step: str
) -> None:
    done = run("pipelines", "run", _new_pipeline(run), "invoice.pdf", "--step", step)
    assert (done.code, done.out) == (2, "")
    assert "its steps are: 0 (convert)" in done.err


def test_a_deadline_of_a_pipeline_says_how_to_take_the_result_later(run: Run, world: World) -> None:
    pipeline = _new_pipeline(run)
    world.simulator.documents.script(DocumentScript(seconds=1.0))
    done = run("pipelines", "run", pipeline, "invoice.pdf", "--timeout", "0.3s")
    assert (done.code, done.out) == (4, "")
    command = done.err.strip().rpartition("datalab-facade ")[2].split()
    assert command[:2] == ["pipelines", "result"]
    later = run(*command)
    assert (later.code, later.out) == (0, "# invoice.pdf\n\nPage 0.\n")


def test_a_pipeline_is_shown_also_where_its_price_is_not_told(run: Run, world: World) -> None:
    pipeline = _new_pipeline(run)
    assert "for 1,000 pages" in run("pipelines", "show", pipeline).out
    world.simulator.inject_always(Fault.status(403), path=f"/api/v1/pipelines/{pipeline}/rate")
    try:
        shown = run("pipelines", "show", pipeline)
        plan = run("pipelines", "run", pipeline, "invoice.pdf", "--dry-run")
    finally:
        world.simulator.clear_faults()
    assert (shown.code, shown.err) == (0, "")
    assert f"pipeline {pipeline}" in shown.out
    assert "1,000 pages" not in shown.out
    assert "The cost depends on the number of pages" in plan.out


def test_segments_of_several_documents_are_each_below_the_name_of_their_document(
    run: Run, world: World
) -> None:
    world.simulator.documents.script(
        DocumentScript(seconds=0.1), DocumentScript(seconds=0.1, segments={})
    )
    done = run("segment", "invoice.pdf", "report.pdf", "--segment", "Letter=words")
    assert done.code == 0
    lines = done.lines
    assert lines[0] == "invoice.pdf"
    assert lines[2].split() == ["Letter", "0", "high"]
    assert lines[-2:] == ["report.pdf", "No segments were found."]


def test_a_result_of_several_formats_goes_into_a_folder_only(run: Run, world: World) -> None:
    submitted = run("submit", "convert", "invoice.pdf", "--format", "html,json")
    job_id = json.loads(submitted.out)["id"]
    for output in ([], ["-o", "several.html"]):
        done = run("result", job_id, *output)
        assert (done.code, done.out) == (2, "")
        assert "has the formats html, json: use -o FOLDER to save all of them" in done.err
    assert not (world.folder / "several.html").exists()
    assert run("result", job_id, "-o", "several/").code == 0
    saved = {path.suffix for path in (world.folder / "several").rglob("*.*")}
    assert {".html", ".json"} <= saved


@pytest.mark.parametrize("failing", ["claim", "sync"])
def test_a_file_is_as_it_was_if_its_new_content_cannot_be_written(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    (world.folder / "kept.md").write_text("before", encoding="utf-8")
    there = set(world.folder.iterdir())
    monkeypatch.setattr(f"datalab_facade.cli.result_output.{failing}", fail)
    done = run("result", world.requested, "-o", "kept.md")
    assert (done.code, done.out) == (ExitCode.WRITE_ERROR, "")
    assert "kept.md cannot be written: No space left on device" in done.err
    assert (world.folder / "kept.md").read_text(encoding="utf-8") == "before"
    assert set(world.folder.iterdir()) == there


def test_a_document_without_text_is_an_error_and_not_an_empty_answer(
    run: Run, world: World
) -> None:
    world.simulator.documents.script(DocumentScript(seconds=0.1, extra={"markdown": ""}))
    done = run("convert", "invoice.pdf")
    assert (done.code, done.out) == (1, "")
    assert "has no markdown. Check whether the document is blank" in done.err


def test_a_suggestion_that_did_not_come_is_an_error(run: Run, world: World) -> None:
    world.simulator.documents.script(
        DocumentScript(seconds=0.1, extra={"suggestions": {"simple": None}})
    )
    done = run("suggest-schemas", world.checkpoint, "--only", "simple")
    assert (done.code, done.out) == (1, "")
    assert "has no simple schema" in done.err


def test_a_created_document_is_described_as_json_without_its_bytes(run: Run) -> None:
    submitted = json.loads(run("submit", "create", "text.md").out)
    done = run("result", submitted["id"], "--json")
    line = json.loads(done.out)
    check_document("result", line)
    assert (done.code, line["succeeded"], line["files"]) == (0, True, [])
    assert not {"output_base64", "raw"} & set(line)


def test_a_setting_that_is_no_json_is_sent_as_text(run: Run, world: World) -> None:
    assert run("convert", "invoice.pdf", "--set", "mode=fast").code == 0
    *_, request = world.simulator.documents.values()
    assert request.fields["mode"] == "fast"


def test_a_folder_that_cannot_be_read_is_named_before_anything_is_sent(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.folder / "locked").mkdir()
    before = _submitted(world)

    def scandir(_: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    # Root can read everything, so this is not done with the rights of a folder.
    with monkeypatch.context() as patches:
        patches.setattr("os.scandir", scandir)
        done = run("convert", "locked", "-o", "locked-out", "--extensions", "pdf")
    assert (done.code, done.out) == (2, "")
    assert "locked cannot be read: Permission denied; nothing was sent" in done.err
    assert _submitted(world) == before


def test_a_folder_that_is_read_only_is_named_before_anything_is_sent(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _submitted(world)

    def access(_: object, mode: int) -> bool:
        return mode != os.W_OK

    with monkeypatch.context() as patches:
        patches.setattr("os.access", access)
        done = run("convert", "invoice.pdf", "-o", "read-only.md")
    assert (done.code, done.out) == (2, "")
    assert "the folder . is read-only; nothing was sent" in done.err
    assert _submitted(world) == before


def test_a_form_goes_into_a_folder_under_a_name_of_its_own(run: Run, world: World) -> None:
    done = run("fill", "invoice.pdf", "--fields", '{"a": "b"}', "-o", "forms/")
    assert (done.code, "1 field filled in" in done.out) == (0, True), done
    assert len(list((world.folder / "forms").rglob("*.pdf"))) == 1


def test_a_plan_of_many_documents_names_the_first_20_and_counts_the_rest(
    run: Run, world: World
) -> None:
    folder = world.folder / "planned"
    folder.mkdir()
    for number in range(23):
        (folder / f"{number:02}.pdf").write_bytes(b"%PDF-1.7")
    done = run("convert", "planned", "-o", "planned-out", "--dry-run")
    assert done.code == 0
    assert "23 documents to convert" in done.out
    assert "planned/19.pdf" in done.out
    assert "planned/20.pdf" not in done.out
    assert "… 3 more" in done.out


def test_a_run_obeys_its_deadline_and_does_so_many_documents_at_once_as_it_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = new_simulator()
    monkeypatch.delenv("DATALAB_HOST")
    monkeypatch.setattr(Session, "client", lambda _: blocking(simulator))
    simulator.documents.script_always(DocumentScript(seconds=600))
    convert = ("convert", "invoice.pdf", "report.pdf", "-o")
    done = run(*convert, "one-by-one", "--concurrency", "1")
    assert (done.code, "2 of 2 files done" in done.out) == (0, True), done
    first, second = simulator.documents.values()
    assert (second.created_at - first.created_at).total_seconds() >= 600
    began = simulator.clock.monotonic()
    done = run(*convert, "in-time", "--timeout", "5m", "--fail-on", "never")
    assert "0 of 2 files done" in done.out
    assert simulator.clock.monotonic() - began == pytest.approx(300, abs=1)


def test_a_report_of_many_files_shows_those_that_failed_first_and_counts_the_rest(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = new_simulator()
    monkeypatch.delenv("DATALAB_HOST")
    folder = world.folder / "many"
    folder.mkdir()
    for number in range(45):
        (folder / f"{number:02}.pdf").write_bytes(f"%PDF-1.7 {number}".encode())
    simulator.documents.script_with(
        lambda request: DocumentScript(
            error="no pages" if request.file and request.file.filename == "44.pdf" else None
        )
    )
    with blocking(simulator) as client:
        client.run(Convert(), folder, output_dir=world.folder / "many-out")
    done = run("report", "many-out")
    assert done.code == 0
    assert done.lines[1].split()[:2] == ["✗", "44.pdf"]
    assert done.lines[2].split()[:2] == ["✓", "00.pdf"]
    assert "… 5 more files" in done.lines
    assert "44 of 45 files done" in done.out


def test_totals_do_without_late_costs_where_the_journal_is_gone(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_: object) -> NoReturn:
        raise LocalFileError("The journal cannot be read")

    simulator = new_simulator()
    simulator.documents.script_always(DocumentScript(cost_cents=7, cost_after=1e6))
    monkeypatch.delenv("DATALAB_HOST")
    monkeypatch.setattr(Session, "client", lambda _: blocking(simulator))
    monkeypatch.setattr("datalab_facade.runs.run_records.RunRecords.read", read)
    done = run("convert", "invoice.pdf", "report.pdf", "-o", "no-journal")
    assert (done.code, done.err) == (0, "")
    assert "2 of 2 files done, in no-journal · 2 pages\n" in done.out


def test_of_many_documents_that_cannot_be_sent_only_the_first_few_are_tried(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: set[bytes] = set()

    def refuse(request: httpx.Request) -> NoReturn:
        tried.update(re.findall(rb'filename="([^"]+)"', request.read()))
        raise httpx.ConnectError("Connection refused", request=request)

    def client(_: Session) -> Datalab:
        http = httpx.Client(transport=httpx.MockTransport(refuse))
        return Datalab(API_KEY, http_client=http, clock=VirtualClock())

    monkeypatch.setattr(Session, "client", client)
    names = [f"unsent-{number:02}.pdf" for number in range(20)]
    for name in names:
        (world.folder / name).write_bytes(b"%PDF-1.7")
    done = run("segment", *names, "--segment", "Letter=words")
    assert (done.code, done.out) == (5, "")
    assert tried == {b"unsent-00.pdf", b"unsent-01.pdf", b"unsent-02.pdf"}
    assert all(f"{name}: " in done.err for name in names)


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ("list.json", "list.json does not hold a handle, which submit prints"),
        ("[1]", "A document request is given as its id"),
        ("{host}/about", "is not the address of a document request"),
        ("https://elsewhere.example/api/v1/convert/abc", "belongs to another address"),
        ("http://[broken", "is not an address"),
    ],
)
def test_what_is_no_handle_of_a_request_is_refused(
    run: Run, world: World, job: str, said: str
) -> None:
    (world.folder / "list.json").write_text("[1]", encoding="utf-8")
    done = run("result", job.replace("{host}", world.host))
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_standard_input_goes_into_a_file_that_says_the_format(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = io.TextIOWrapper(io.BytesIO(b"<!doctype html><p>A</p></html>"))
    monkeypatch.setattr("sys.stdin", page)
    done = run("convert", "-", "-o", "piped.html")
    assert (done.code, "piped.html" in done.out) == (0, True), done
    assert (world.folder / "piped.html").read_text(encoding="utf-8").startswith("<h1>")


def test_a_report_tells_why_a_document_failed(run: Run, world: World) -> None:
    world.simulator.documents.script(DocumentScript(seconds=0.1, error="no pages"))
    assert run("convert", "invoice.pdf", "-o", "told").code == 1
    done = run("report", "told")
    assert done.code == 0
    assert "✗  invoice.pdf" in done.out
    assert "0 of 1 file done, in told" in done.out


def test_a_checkpoint_is_submitted_without_a_file(run: Run, world: World) -> None:
    done = run("submit", "extract", world.checkpoint, "--checkpoint", "--schema", SCHEMA)
    assert done.code == 0, done
    *_, request = world.simulator.documents.values()
    assert request.fields["checkpoint_id"] == world.checkpoint
    assert request.file is None
    assert json.loads(run("result", done.out).out)["value"] == {"total": 1.5}
