"""The program as it is installed, and commands that are alone in their kind."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest

from datalab_facade import Datalab, Manifest, StepDefinition, WorkflowDefinition
from datalab_facade.cli import app, main
from datalab_facade.cli.commands.schemas import schema_names
from datalab_facade.cli.demonstration import show
from datalab_facade.cli.demonstration.scene import definition
from datalab_facade.testing import FastClock, Simulator, SimulatorServer
from tests.cli.conftest import Run
from tests.cli.programs import InTerminal, command, surroundings
from tests.cli.schemas import check_document
from tests.cli.test_commands import documents_in
from tests.cli.worlds import World
from tests.secrets_for_tests import API_KEY

ROOT = Path(__file__).parents[2]


def test_the_program_is_installed_under_its_name() -> None:
    [found] = entry_points(group="console_scripts", name="datalab-facade")
    assert found.load() is main


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_the_extra_the_program_says_in_a_line_what_to_install(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; from datalab_facade.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 2
    assert done.stderr == (
        "datalab-facade: the command line is not installed: pip install 'datalab-facade[cli]'\n"
    )


def test_the_version_is_that_of_the_package(run: Run) -> None:
    import datalab_facade

    assert run("--version").out == f"datalab-facade {datalab_facade.__version__}\n"


def test_no_command_at_all_shows_help_and_is_wrong_usage(run: Run) -> None:
    done = run()
    assert done.code == 2
    assert "Commands:" in done.err


@pytest.mark.parametrize("command_name", sorted(app.program.commands))
def test_every_command_has_help_that_says_what_it_does(run: Run, command_name: str) -> None:
    done = run(command_name, "--help")
    assert done.code == 0
    assert len(done.out.splitlines()) > 4


def test_every_command_has_a_schema(run: Run) -> None:
    names = set()
    for name, one in app.program.commands.items():
        inner = getattr(one, "commands", None)
        names |= {name} if inner is None else {f"{name}-{each}" for each in inner}
    assert set(schema_names()) == names | {"error"}


def test_a_schema_is_whole_by_itself(run: Run) -> None:
    schema = json.loads(run("schema", "wait").out)
    assert set(schema["$defs"]) == {"error", "status"}
    document = {"execution_id": 1, "succeeded": False, "execution": None, "error": None}
    jsonschema_rs.validate(schema, document)
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema, {**document, "error": {}})


def test_a_schema_that_refers_to_no_other_holds_no_other(run: Run) -> None:
    assert "$defs" not in json.loads(run("schema", "doctor").out)


def test_pictures_are_written_into_files(run: Run, world: World) -> None:
    for arguments in (["timeline", world.done], ["workflows", "show", world.workflow]):
        done = run(*arguments, "--svg", "picture.svg", "--html", "page.html")
        assert done.code == 0
        root = ET.fromstring((world.folder / "picture.svg").read_text(encoding="utf-8"))
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert (world.folder / "page.html").read_text(encoding="utf-8").startswith("<!doctype")
    assert run("timeline", world.done, "--svg", "nowhere/picture.svg").code == 2


def test_a_definition_is_checked_against_the_types_of_step_that_there_are(
    run: Run, world: World
) -> None:
    odd = world.folder / "odd.json"
    odd.write_text('{"name": "Odd", "steps": [{"step_key": "fly", "unique_name": "a"}]}')
    assert run("workflows", "check", odd).code == 0
    done = run("workflows", "check", odd, "--check-server")
    assert done.code == 2
    assert "fly" in done.err
    odd.write_text('{"name": "Odd", "steps": [{"step_key": "x", "unique_name": "a"}], "name": 1}')
    wrong = run("workflows", "check", odd)
    assert wrong.code == 2
    assert "the key 'name' twice" in wrong.err


def test_a_run_creates_its_workflow_and_reads_secrets_from_files(run: Run, world: World) -> None:
    secret = world.folder / "chat-token"
    secret.write_text("a-token-for-the-chat\n")
    path = world.folder / "chat.json"
    step = {"step_key": "marker_parse", "unique_name": "parse", "settings": {"t": "${secret:chat}"}}
    path.write_text(json.dumps({"name": "Chat", "steps": [step]}))
    arguments = ("run", path, "invoice.pdf", "-o", "chat", "--timeout", "0.2", "--interval", "0.1")
    assert "--secret chat=FILE is missing" in run(*arguments).err
    done = run(*arguments, "--secret", f"chat={secret}")
    assert done.code == 4
    workflow_id = max(world.simulator.workflows)
    assert world.simulator.workflows[workflow_id].steps[0]["settings"] == {
        "t": "a-token-for-the-chat"
    }


def test_files_that_cannot_be_uploaded_do_not_keep_others_from_it(run: Run, world: World) -> None:
    (world.folder / "notes.xyz").write_text("notes")
    done = run("files", "upload", "notes.xyz", "invoice.pdf")
    assert done.code == 2
    assert "invoice.pdf" in done.out
    assert "use --content-type" in done.err
    assert run("files", "upload", "notes.xyz", "--content-type", "text/plain").code == 0


def test_a_file_is_named_by_id_hashid_or_reference(run: Run, world: World) -> None:
    [*_, last] = [world.simulator.files[number] for number in world.simulator.files]
    for name in (last.file_id, last.reference, last.reference.removeprefix("datalab://file-")):
        assert run("files", "show", name).code == 0, name


def test_doctor_finds_what_keeps_the_program_from_working(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run("doctor", "--host", "http://127.0.0.1:9").code == 5
    key_file = tmp_path / "key"
    key_file.write_text(API_KEY)
    key_file.chmod(0o644)
    done = run("doctor", "--key-file", key_file)
    assert done.code == 0
    assert f"chmod 600 {key_file}" in done.out
    key_file.write_text("another-key")
    done = run("doctor", "--key-file", key_file)
    assert done.code == 3
    assert "✗ accepted" in done.out
    monkeypatch.delenv("DATALAB_API_KEY")
    done = run("doctor")
    assert done.code == 2
    assert "✓ reachable" in done.out
    assert "Set DATALAB_API_KEY" in done.out


def test_doctor_sees_that_clocks_differ(run: Run) -> None:
    simulator = Simulator(api_key=API_KEY, clock_skew=-3600.0)
    with SimulatorServer(simulator) as server:
        done = run("doctor", "--host", server.api_url)
    assert done.code == 0
    assert "clock is 3600 s ahead of Datalab's" in done.out or "clock is 3601 s" in done.out
    assert "Everything works, but read the warnings above." in done.out


def test_serve_serves_a_datalab_until_ctrl_c(world: World) -> None:
    process = subprocess.Popen(
        command("serve", "--json", "--speed", "3600"),
        env=surroundings({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    addresses = json.loads(process.stdout.readline())
    check_document("serve", addresses)
    with Datalab(addresses["api_key"], base_url=addresses["api_url"]) as client:
        assert client.workflows.list() == ()
        steps = [StepDefinition(step_key="marker_parse", unique_name="parse")]
        workflow = client.workflows.create(WorkflowDefinition(name="Text", steps=steps))
        execution = client.workflows.execute(workflow, "https://a.example/1.pdf").wait(timeout=20)
        assert execution.duration is not None
        assert execution.duration.total_seconds() > 20
    process.send_signal(2)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, "", "")


def test_serve_says_how_to_use_it(world: World) -> None:
    terminal = InTerminal(["serve"], {}, world.folder, columns=40)
    terminal.until("Ctrl-C stops it.")
    terminal.interrupt()
    done = terminal.done()
    assert done.code == 0
    assert "export DATALAB_HOST=http://127.0.0.1:" in done.plain


def test_the_demo_shows_everything_in_a_terminal(world: World) -> None:
    terminal = InTerminal(["demo"], {}, world.folder, columns=80, rows=60)
    terminal.until("Working on: parse")
    done = terminal.done()
    assert done.code == 0
    for words in ("convert invoice.pdf", "Invoice(vendor='Example Ltd'"):
        assert words in done.plain
    for words in ("files upload", "workflows create", "1249.5", "Critical path", "demo-output"):
        assert words in done.plain
    [home] = (world.folder / "demo-output").iterdir()
    assert len(Manifest.read(home).saved) == 4


def test_the_demo_prints_the_same_as_json_and_into_a_pipe(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show.Demo.__init__, "__defaults__", (200.0,))
    done = run("demo", "--json", "-o", "demo-json")
    assert done.code == 0, done
    documents = documents_in(done.out, streams=True)
    for document in documents:
        check_document("demo", document)
    assert [document["event"] for document in documents[:2]] == ["result", "result"]
    assert documents[-1]["event"] == "saved"
    done = run("demo", "-o", "demo-pipe")
    assert done.code == 0, done
    assert "parse: " in done.out
    assert "\x1b" not in done.out


async def test_the_clock_of_the_demo_is_faster_in_an_event_loop_too() -> None:
    clock = FastClock(speed=1_000.0)
    began = time.monotonic()
    await clock.sleep_async(20.0)
    assert clock.monotonic() >= 20.0
    assert time.monotonic() - began < 15.0


def test_the_workflow_of_the_demo_is_one_of_the_examples() -> None:
    shipped = ROOT / "datalab_facade" / "cli" / "demonstration" / "invoices.json"
    example = ROOT / "examples" / "definitions" / "invoices.json"
    assert shipped.read_bytes() == example.read_bytes()
    definition().validate()


def test_the_client_does_without_the_command_line() -> None:
    script = (
        "import sys, datalab_facade.client, datalab_facade.testing.server\n"
        "import datalab_facade.pictures.timeline_text, datalab_facade.runs.run_plan\n"
        "assert not {'datalab_facade.cli'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-I", "-c", script], check=True)


def test_help_imports_neither_rich_nor_httpx() -> None:
    script = (
        "import sys; from datalab_facade.cli.app import run\n"
        "assert run(['--help']) == 0\n"
        "found = {'rich', 'httpx', 'asyncio', 'uvicorn'} & sys.modules.keys()\n"
        "assert not found, found\n"
    )
    subprocess.run([sys.executable, "-I", "-c", script], check=True, stdout=subprocess.DEVNULL)


def test_the_demo_goes_on_without_what_an_extraction_needs_and_says_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show.Demo.__init__, "__defaults__", (200.0,))
    monkeypatch.setattr(show, "find_spec", lambda _: None)
    done = run("demo", "-o", "demo-without")
    assert done.code == 0, done
    assert "This needs: pip install 'datalab-facade[extraction]'" in done.out
    assert "Invoice(vendor=" not in done.out
    assert "Critical path" in done.out
