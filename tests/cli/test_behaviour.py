"""What every command has in common: codes, errors, Ctrl-C, the key, colors, locales."""

from __future__ import annotations

import csv
import errno
import importlib.metadata
import io
import json
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from datalab_facade import (
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    ConflictError,
    DatalabError,
    DownloadError,
    DownloadFailure,
    Execution,
    ExecutionFailedError,
    InvalidArgumentError,
    JobFailedError,
    LocalFileError,
    Manifest,
    NotFoundError,
    OverloadedError,
    PaymentRequiredError,
    RateLimitError,
    Status,
    UploadError,
    UploadFailure,
)
from datalab_facade.cli import app, diagnosis
from datalab_facade.cli.commands import executions
from datalab_facade.cli.diagnosis import clock_check
from datalab_facade.cli.exits import MEANINGS, ExitCode, problem_of
from datalab_facade.models import JSON
from datalab_facade.testing import (
    ExecutionScript,
    Fault,
    Simulator,
    SimulatorServer,
    StepScript,
    VirtualClock,
)
from tests.cli.conftest import Run
from tests.cli.programs import InTerminal, command, in_pipe, in_terminal, surroundings
from tests.cli.schemas import check_document
from tests.cli.worlds import World
from tests.secrets_for_tests import ALL, API_KEY

ASCII = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}


def test_help_lists_the_exit_codes(run: Run) -> None:
    text = run("--help").out
    for code, meaning in MEANINGS.items():
        assert re.search(rf"^ +{int(code)}  {re.escape(meaning)}$", text, flags=re.MULTILINE)
    assert set(MEANINGS) == set(ExitCode)


def test_a_completed_execution_ends_with_0_and_a_failed_one_with_1(run: Run, world: World) -> None:
    assert run("wait", world.done).code == 0
    assert run("wait", world.failed).code == 1
    assert run("watch", world.failed).code == 1
    assert run("watch", world.done, world.failed).code == 1
    assert run("status", world.failed).code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command 'nonsense'. See: datalab-facade --help"),
        (["status"], "Missing argument 'ID'. See: datalab-facade status --help"),
        (["status", "abc"], "'abc' is not a whole number"),
        (["status", "0"], "0 is not in the range"),
        (
            ["wait", "1", "--timeout", "soon"],
            "'soon' is not a duration; use 90, 90s, 10m, 1h30m or forever",
        ),
        (["workflows", "check", "nowhere.json"], "nowhere.json cannot be read: No such file"),
        (["files", "upload", "nowhere.pdf"], "nowhere.pdf' does not exist"),
        (["status", "1", "--urls"], "--urls works only together with --json"),
        (["status", "1", "--csv", "--json"], "--csv and --json exclude each other"),
        (["status", "1", "--host", "ftp://a.example"], "must be an address such as https://"),
        (["status", "1", "--host", "http://a.example"], "Use https, or --allow-http"),
        (
            ["schema", "nothing"],
            "There is no schema 'nothing'; the schemas are: completion, convert",
        ),
        (["run", "1", "a.pdf", "-o", "out", "--secret", "oops"], "--secret takes NAME=FILE"),
        (["download", "1", "-o", "invoice.pdf"], "'invoice.pdf' is a file"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_to_do(
    run: Run, arguments: list[str], said: str
) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert not done.out
    assert said in done.err
    assert done.err.count("\n") == 1


def test_what_is_not_found_or_refused_ends_with_3(run: Run, world: World) -> None:
    assert run("status", 999_999).code == 3
    assert run("workflows", "show", 999).code == 3
    assert run("files", "show", 999).code == 3
    done = run("download", world.done, "-o", "out", "--step", "nothing")
    assert done.code == 2
    assert "has no step 'nothing'; its steps are: parse, extract" in done.err


def test_a_workflow_with_executions_is_not_deleted_and_ends_with_3(run: Run, world: World) -> None:
    assert run("run", world.workflow, "invoice.pdf", "-o", "one", "--interval", "0.1").code == 0
    done = run("workflows", "delete", world.workflow)
    assert done.code == 3
    assert "has executions and cannot be deleted" in done.err


def test_a_deadline_ends_with_4_and_says_how_to_come_back(run: Run, world: World) -> None:
    done = run("wait", world.endless, "--timeout", "0.3s", "--interval", "0.1")
    assert done.code == 4
    assert f"It continues; to watch it again: datalab-facade watch {world.endless}" in done.out
    assert run("watch", world.endless, "--timeout", "0.3s", "--interval", "0.1").code == 4


def test_no_answer_ends_with_5(run: Run, world: World) -> None:
    # Port 9 of this machine is nobody's.
    done = run("status", world.done, "--host", "http://127.0.0.1:9")
    assert done.code == 5
    assert "datalab-facade doctor" in done.err
    world.simulator.inject(*[Fault.status(503)] * 3)
    assert run("status", world.done).code == 5
    world.simulator.clear_faults()


def test_outputs_that_are_gone_end_with_1_and_are_named(run: Run, world: World) -> None:
    gone = world.simulator.start(ExecutionScript([StepScript("parse")], outputs_kept_for=0))
    done = run("download", gone, "-o", "gone")
    assert done.code == 1
    assert "parse" in done.out
    assert "1 failed" in done.out


def test_a_mistake_in_the_program_is_reported_in_one_line(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a screw is loose")

    monkeypatch.setattr(executions, "execution_text", broken)
    done = run("status", world.done)
    assert done.code == 70
    assert (
        "RuntimeError: a screw is loose. Run the command with --debug for the traceback\n"
        in done.err
    )
    assert "Traceback" not in done.err
    assert "Traceback" in run("status", world.done, "--debug").err


def test_debug_logs_requests_and_tracebacks_but_never_the_key(world: World) -> None:
    done = in_pipe(["status", 999_999, "--debug"], world.environment, world.folder)
    assert done.code == 3
    assert "GET " in done.err
    assert "Traceback" in done.err
    assert not [secret for secret in ALL if secret in done.out + done.err]


def test_an_error_is_json_where_json_is_wanted(run: Run) -> None:
    for arguments, code in ((["status", 999_999], 3), (["nonsense"], 2), (["status", "x"], 2)):
        done = run(*arguments, "--json")
        assert done.code == code
        assert not done.out
        document = json.loads(done.err)
        check_document("error", document["error"])
        assert document["error"]["exit_code"] == code


def test_urls_of_outputs_are_printed_only_on_request(run: Run, world: World) -> None:
    assert "X-Amz-Signature" not in run("status", world.done, "--json").out
    document = json.loads(run("status", world.done, "--json", "--urls").out)
    check_document("status", document)
    assert "X-Amz-Signature" in document["steps"][0]["runs"][0]["output_url"]


def test_step_runs_are_written_as_csv(run: Run, world: World) -> None:
    text = run("status", world.done, "--csv").out
    first, *others = csv.DictReader(io.StringIO(text))
    assert first["execution_id"] == str(world.done)
    assert {row["status"] for row in (first, *others)} == {"COMPLETED"}
    assert "://" not in text


@pytest.mark.parametrize("name", ["watch", "wait"])
def test_ctrl_c_says_that_the_execution_goes_on_and_how_to_come_back(
    name: str, world: World
) -> None:
    arguments = [name, world.endless, "--interval", "0.1"]
    before = len(world.simulator.requests)
    process = subprocess.Popen(
        command(*arguments),
        env=surroundings(world.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _until_polled(world, before)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == (
        f"datalab-facade: Interrupted. Execution {world.endless} continues; "
        f"to watch again: datalab-facade watch {world.endless}\n"
    )


def _until_polled(world: World, before: int) -> None:
    polled = threading.Event()

    def hook(*_: object) -> None:
        if len(world.simulator.requests) > before:
            polled.set()

    world.simulator.inject_with(hook)
    assert polled.wait(30)
    world.simulator.clear_faults()


def test_ctrl_c_takes_the_live_table_away_and_says_how_to_come_back(world: World) -> None:
    arguments = ["watch", world.endless, "--interval", "0.1"]
    terminal = InTerminal(arguments, world.environment, world.folder)
    terminal.until("Working on: extract")
    terminal.interrupt()
    done = terminal.done()
    assert done.code == 130
    assert f"to watch again: datalab-facade watch {world.endless}" in " ".join(done.plain.split())
    # The cursor is there again.
    assert done.out.rindex("\x1b[?25h") > done.out.rindex("\x1b[?25l")


def test_ctrl_c_while_many_are_watched_names_all_of_them(world: World) -> None:
    arguments = ["watch", world.endless, world.done, "--interval", "0.1"]
    terminal = InTerminal(arguments, world.environment, world.folder, columns=200)
    terminal.until("1/2 finished")
    terminal.interrupt()
    done = terminal.done()
    assert done.code == 130
    assert f"datalab-facade watch {world.endless} {world.done}" in done.plain


def test_ctrl_c_during_a_run_is_made_good_by_the_same_command(world: World) -> None:
    slow = world.simulator.workflows.add("Slow", [])
    script = ExecutionScript([StepScript("parse", ends=1.5)])
    world.simulator.workflows.script_for(slow, script)
    arguments = ["run", slow, "invoice.pdf", "-o", "resumed", "--interval", "0.1"]
    terminal = InTerminal(arguments, world.environment, world.folder)
    terminal.until("Working on: parse")
    terminal.interrupt()
    done = terminal.done()
    assert done.code == 130
    assert "run the same command again to continue the run" in " ".join(done.plain.split())
    started = world.simulator.execution_ids
    again = in_pipe(arguments, world.environment, world.folder)
    assert again.code == 0
    assert "1 of 1 file done, in resumed" in again.out
    assert world.simulator.execution_ids == started


def test_a_live_table_shows_what_is_going_on_and_then_how_it_ended(world: World) -> None:
    clock = VirtualClock()
    simulator = Simulator(clock, api_key=API_KEY)
    soon = simulator.start(ExecutionScript([StepScript("parse", ends=60.0)]))
    with SimulatorServer(simulator) as server:
        environment = {**world.environment, "DATALAB_HOST": server.api_url}
        arguments = ["watch", soon, "--interval", "0.1"]
        terminal = InTerminal(arguments, environment, world.folder, rows=9)
        terminal.until("Working on: parse")
        clock.advance(60.0)
        done = terminal.done()
    assert done.code == 0
    assert "Ctrl-C stops watching" in done.plain
    assert done.plain.rindex("Working on: parse") < done.plain.rindex("COMPLETED")


def test_no_color_is_obeyed_and_so_is_force_color(world: World) -> None:
    color = re.compile(r"\x1b\[[0-9;]*m")
    arguments = ["status", world.failed]
    assert color.search(in_terminal(arguments, world.environment, world.folder).out)
    plain = in_terminal(arguments, {**world.environment, "NO_COLOR": "1"}, world.folder)
    assert not color.search(plain.out)
    live = ["watch", world.failed]
    plain = in_terminal(live, {**world.environment, "NO_COLOR": "1"}, world.folder)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", plain.out)
    forced = in_pipe(arguments, {**world.environment, "FORCE_COLOR": "1"}, world.folder)
    assert color.search(forced.out)


@pytest.mark.parametrize("name", ["status", "watch", "timeline", "download"])
def test_a_locale_without_utf_8_gets_ascii(name: str, world: World) -> None:
    steps = [StepScript("請求書", files=("ü",)), StepScript("extract", files=("a", "b"))]
    named = world.simulator.start(ExecutionScript(steps, shape="nested"))
    where = ["-o", "out-請求書"] if name == "download" else []
    environment = {**world.environment, **ASCII}
    for start in (in_pipe, in_terminal):
        done = start([name, named, *where], environment, world.folder)
        assert done.code == 0, done
        assert (done.out + done.err).isascii()
        assert "extract" in done.plain


def test_json_in_a_locale_without_utf_8_says_the_same(world: World) -> None:
    named = world.start(StepScript("請求書🧾"))
    done = in_pipe(["status", named, "--json"], {**world.environment, **ASCII}, world.folder)
    assert done.out.isascii()
    assert json.loads(done.out)["steps"][0]["name"] == "請求書🧾"


def test_the_key_may_be_in_a_file(
    run: Run, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATALAB_API_KEY")
    missing = run("status", world.done)
    assert missing.code == 2
    assert "Set DATALAB_API_KEY, or pass a file that holds it: --key-file FILE" in missing.err
    key_file = tmp_path / "key"
    key_file.write_text(f"\n  {API_KEY}\n")
    assert run("status", world.done, "--key-file", key_file).code == 0
    monkeypatch.setenv("DATALAB_API_KEY_FILE", str(key_file))
    assert run("status", world.done).code == 0
    key_file.write_text(f"{API_KEY}\nand more\n")
    done = run("status", world.done)
    assert done.code == 2
    assert "on one line and nothing else; it has 2 lines with text" in done.err
    assert API_KEY not in done.err
    assert run("status", world.done, "--key-file", tmp_path / "none").code == 2


def test_a_shell_completes_commands_and_options(world: World) -> None:
    environment = {"_DATALAB_FACADE_COMPLETE": "bash_complete", "COMP_CWORD": "1"}
    words = {**environment, "COMP_WORDS": "datalab-facade wa"}
    assert in_pipe([], words, world.folder).out.split() == ["plain,wait", "plain,watch"]


def test_a_time_may_be_for_ever(run: Run, world: World) -> None:
    assert run("wait", world.done, "--timeout", "forever").code == 0


def test_a_file_that_fails_does_not_keep_the_others_from_being_uploaded(
    run: Run, world: World
) -> None:
    done = run("files", "upload", "no.pdf", "invoice.pdf", "--content-type", "application/pdf")
    assert done.code != 0
    assert "no.pdf" in done.err
    assert "invoice.pdf" in done.out


def test_outputs_of_one_that_goes_on_are_saved_as_far_as_there_are_any(
    run: Run, world: World
) -> None:
    done = run("download", world.endless, "-o", "early")
    assert done.code == 0
    assert (
        f"Execution {world.endless} continues; run the same command again for later outputs"
        in done.err
    )


def test_many_are_watched_as_json(run: Run, world: World) -> None:
    done = run("watch", world.done, world.failed, "--json")
    events = [json.loads(line)["event"] for line in done.lines]
    assert events[-1] == "totals"
    assert events.count("outcome") == 2


def test_the_wait_for_an_unknown_one_prints_its_error_as_json(run: Run) -> None:
    [document] = [json.loads(line) for line in run("wait", 999_999, "--json").lines]
    assert document["execution"] is None
    assert (document["error"]["kind"], document["error"]["exit_code"]) == ("NotFoundError", 3)


def test_a_secret_whose_file_cannot_be_read_is_reported_without_the_secret(
    run: Run, world: World
) -> None:
    (world.folder / "secret").write_bytes(b"\xff\xfe hidden")
    for path, why in (("nowhere", "No such file or directory"), ("secret", "it is not UTF-8 text")):
        done = run("run", world.workflow, "invoice.pdf", "-o", "out", "--secret", f"chat={path}")
        assert done.code == 2
        assert f"The file for the secret 'chat' cannot be read: {why}" in done.err
        assert "hidden" not in done.err


def test_the_doctor_tells_of_a_server_in_trouble(run: Run, world: World) -> None:
    world.simulator.inject(*[Fault.status(503)] * 2)
    done = run("doctor")
    world.simulator.clear_faults()
    assert done.code == 5
    assert "Datalab answered 503" in done.out


def test_the_doctor_tells_of_a_setting_that_cannot_be(run: Run) -> None:
    done = run("doctor", "--host", "http://a.example")
    assert done.code == 2
    assert "settings" in done.out
    assert "--allow-http" in done.out


def test_the_doctor_tells_of_proxies_that_are_set(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://name:hidden@proxy.example:3128")
    done = run("doctor")
    assert "proxies set by HTTPS_PROXY" in done.out
    assert "hidden" not in done.out


@pytest.mark.parametrize("as_json", [[], ["--json"]], ids=["text", "JSON"])
@pytest.mark.parametrize(
    "address",
    [
        "http://ada:hidden#x@a.example:3128",
        "http://ada:12/hidden@a.example",
        "http://ada:x?hidden@a.example",
        "http://ada:x hidden@a.example",
        "http://ada:x@hidden@a..example",
        "ada:hidden@a.example",
        "http:/ada:hidden@a.example",
        "://ada:hidden@a.example",
        "http://ada:hidden",
    ],
)
def test_the_doctor_shows_no_password_whatever_is_in_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, address: str, as_json: list[str]
) -> None:
    done = [run("doctor", *as_json, "--host", address)]
    monkeypatch.setenv("HTTPS_PROXY", address)
    done.append(run("doctor", *as_json))
    assert "hidden" not in "".join(one.out + one.err for one in done)
    assert all("host" in one.out for one in done)


@pytest.mark.parametrize("date", [None, "not a date"])
def test_an_answer_without_a_time_says_nothing_of_the_clock(date: str | None) -> None:
    headers = {} if date is None else {"date": date}
    answer = NotFoundError(method="GET", url="https://a.example", headers=headers)
    assert (
        clock_check(answer, datetime.now(UTC)).message
        == "not checked: the answer has no Date header"
    )


def test_a_time_without_a_zone_is_not_taken_for_one_of_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    headers = {"date": "Wed, 22 Oct 2025 10:00:00 -0000"}
    answer = NotFoundError(method="GET", url="https://a.example", headers=headers)
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        check = clock_check(answer, datetime(2025, 10, 22, 10, tzinfo=UTC))
    time.tzset()
    assert check.message == "this machine's clock agrees with Datalab's"


def test_a_library_that_is_not_installed_is_reported_as_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def version(_: str) -> str:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert "httpx not installed" in diagnosis._check_versions().message


def test_ctrl_c_before_a_command_has_begun_ends_with_130(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app.program, "main", interrupted)
    assert run("status", "1").code == 130


def test_a_hint_follows_a_question_without_a_full_stop(run: Run) -> None:
    assert "Did you mean 'status'? See: datalab-facade --help\n" in run("statsu", "1").err


def test_an_embedded_datalab_that_is_not_installed_is_reported_with_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "datalab_facade.testing.server", None)
    done = run("serve")
    assert done.code == 2
    assert "pip install 'datalab-facade[testing]'" in done.err


def test_a_timeline_of_an_execution_whose_workflow_is_known_follows_its_graph(
    run: Run, world: World
) -> None:
    assert run("run", world.workflow, "invoice.pdf", "-o", "lined", "--interval", "0.1").code == 0
    done = run("timeline", world.simulator.execution_ids[-1])
    assert f"workflow {world.workflow} · 2 of 2 steps done" in done.out


def test_an_execution_that_failed_says_where_to_read_more() -> None:
    problem = problem_of(ExecutionFailedError(Execution(id=7, status=Status.FAILED)))
    assert (problem.code, problem.hint) == (1, "For details: datalab-facade status 7")


def _after(cause: OSError, error: LocalFileError) -> LocalFileError:
    try:
        try:
            raise cause
        except OSError:
            raise error from None
    except LocalFileError as raised:
        return raised


def _answered(kind: type[APIStatusError], status: int) -> APIStatusError:
    return kind(status=status, method="GET", url="https://a.example")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidArgumentError("x"), ExitCode.USAGE),
        (ConfigurationError("x"), ExitCode.USAGE),
        (LocalFileError("x"), ExitCode.USAGE),
        (_after(PermissionError(errno.EACCES, "x"), LocalFileError("x")), ExitCode.USAGE),
        (_after(OSError(errno.ENOSPC, "x"), LocalFileError("x")), ExitCode.WRITE_ERROR),
        (DownloadError("x", reason=DownloadFailure.DISK), ExitCode.WRITE_ERROR),
        (DownloadError("x", reason=DownloadFailure.EXISTS), ExitCode.USAGE),
        (DownloadError("x", reason=DownloadFailure.GONE), ExitCode.REFUSED),
        (DownloadError("x", reason=DownloadFailure.CORRUPT), ExitCode.NETWORK),
        (UploadError("x", file_name="a.pdf", reason=UploadFailure.MISSING), ExitCode.USAGE),
        (JobFailedError("x", Execution(id=7, status=Status.FAILED)), ExitCode.FAILED),
        (_answered(PaymentRequiredError, 402), ExitCode.REFUSED),
        (_answered(ConflictError, 409), ExitCode.REFUSED),
        (_answered(RateLimitError, 429), ExitCode.NETWORK),
        (_answered(OverloadedError, 529), ExitCode.NETWORK),
        (
            APITimeoutError("x", method="GET", url="", may_have_arrived=True, timeout=1.0),
            ExitCode.NETWORK,
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, DatalabError) else value.name,
)
def test_each_kind_of_error_has_its_exit_code(error: DatalabError, code: ExitCode) -> None:
    assert problem_of(error).code is code


def test_a_folder_of_another_run_ends_with_2_and_says_so(run: Run, world: World) -> None:
    assert run("run", world.workflow, "invoice.pdf", "-o", "taken", "--interval", "0.1").code == 0
    done = run("run", world.workflow + 1, "invoice.pdf", "-o", "taken")
    assert done.code == 2
    assert "belongs to a run of another workflow" in done.err
    assert "Choose another folder" in done.err


def test_saving_is_proposed_only_where_there_is_something_to_save(run: Run, world: World) -> None:
    nothing = world.start(StepScript("parse", outcome="FAILED"))
    assert "To save its outputs" in run("status", world.done).err
    assert "To save its outputs" not in run("status", nothing).err
    seen = in_terminal(["watch", nothing], world.environment, world.folder)
    assert seen.code == 1
    assert "To save its outputs" not in seen.plain


def test_outputs_of_the_steps_that_are_named_are_saved(run: Run, world: World) -> None:
    done = run("download", world.done, "-o", "some", "--step", "parse", "--step", "extract")
    assert done.code == 0
    assert "4 outputs" in done.out


def test_of_many_that_are_watched_an_unknown_one_is_reported_and_the_rest_continues(
    world: World,
) -> None:
    arguments = ["watch", world.done, 999_999, "--interval", "0.1"]
    for seen in (
        in_terminal(arguments, world.environment, world.folder),
        in_pipe(arguments, world.environment, world.folder),
    ):
        assert seen.code == 3
        assert re.search(rf"{world.done} .*COMPLETED", seen.plain)
        assert re.search(r"999999 .*404", seen.plain)
        assert "2/2 finished" in seen.plain


def test_a_timeline_does_without_a_workflow_that_is_not_named(run: Run, world: World) -> None:
    body: JSON = {
        "execution_id": 7,
        "status": "COMPLETED",
        "created": "2025-10-22T10:00:00Z",
        "steps": {"parse": {"status": "COMPLETED", "started_at": "2025-10-22T10:00:01Z"}},
    }
    world.simulator.inject(Fault.status(200, body))
    done = run("timeline", 7)
    assert done.code == 0
    assert "parse" in done.out


def test_wrong_usage_of_no_command_in_particular_leads_to_the_help_of_the_program(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_: object, **__: object) -> None:
        raise click.FileError("a.pdf", "no such file")

    monkeypatch.setattr(app.program, "main", unreadable)
    done = run("status", "1")
    assert done.code == 2
    assert done.err.endswith("no such file. See: datalab-facade --help\n")


def test_the_doctor_tells_where_datalab_is_by_default() -> None:
    assert diagnosis._check_host(None, {}).message == "https://www.datalab.to, by default"


def test_the_doctor_is_content_with_any_answer_of_datalab(run: Run, world: World) -> None:
    execution: JSON = {"execution_id": 2**31 - 1, "status": "COMPLETED", "steps": {}}
    world.simulator.inject(Fault.status(200, execution))
    done = run("doctor")
    assert "Datalab answers" in done.out
    assert "Datalab accepts the key" in done.out


def test_the_doctor_leaves_the_hint_to_an_error_that_names_the_setting(
    run: Run, world: World
) -> None:
    done = run("doctor", "--host", world.host.replace("http:", "https:"))
    assert done.code == 5
    assert "Check scheme and port of base_url or DATALAB_HOST" in done.out
    assert "Check the network" not in done.out
    assert "not checked: Datalab cannot be reached" in done.out


def test_outputs_whose_manifest_cannot_be_written_end_with_74_and_can_be_saved_again(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: object) -> None:
        raise LocalFileError("The manifest cannot be written: Read-only file system")

    with monkeypatch.context() as patches:
        patches.setattr(Manifest, "write", write)
        done = run("download", world.done, "-o", "listed")
    assert done.code == ExitCode.WRITE_ERROR
    assert "its manifest does not list them" in done.err
    assert run("download", world.done, "-o", "listed").code == 0
    [home] = (world.folder / "listed").iterdir()
    assert len(Manifest.read(home).saved) == 4
