"""The commands on documents: sources, spellings, outputs, failures, and what is paid for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datalab_facade.cli.document_display import DocumentDisplay
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.sessions import Session
from datalab_facade.errors import LocalFileError
from datalab_facade.testing import DocumentScript
from tests.cli.conftest import Run
from tests.cli.programs import InTerminal, in_pipe, in_terminal
from tests.cli.schemas import check_document
from tests.cli.worlds import World
from tests.in_process import blocking, new_simulator

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
        ([*ONE_FORM, "x.png"], "x.png is not the name of a PDF file"),
        (["extract", "invoice.pdf", "--schema", ""], "It is empty"),
        (["segment", "invoice.pdf", "--segments", ""], "It is empty"),
        (["fill", "invoice.pdf", "--fields", "", "-o", "x.pdf"], "It is empty"),
        (["download", "1", "-o", ""], "It is empty"),
        (["files", "upload", ""], "It is empty"),
        (["convert", "-", "invoice.pdf", "-o", "x"], "must be the only source"),
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
