"""Whatever goes wrong, the tree is as it was, and one line on standard error says why."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from specs import swapping, trees

from tests.regeneration.checkouts import GENERATED_ALREADY, Checkout, Spec


def add_a_reference_to(target: str) -> Callable[[Spec], None]:
    def edit(document: Spec) -> None:
        document["components"]["schemas"]["Loose"] = {"$ref": target}

    return edit


def break_a_type(document: Spec) -> None:
    document["components"]["schemas"]["ValidationError"]["type"] = "strin"


def use_one_variable_twice(document: Spec) -> None:
    item = document["paths"].pop("/api/v1/files/{file_id}")
    document["paths"]["/api/v1/files/{file_id}/{file_id}"] = item


def have_a_list_and_its_item(document: Spec) -> None:
    # The code that reads such a list makes one local variable of both.
    request = document["components"]["schemas"]["FileUploadRequest"]
    step = {"$ref": "#/components/schemas/WorkflowStepDefinition"}
    request["properties"]["steps_item"] = {"type": "string"}
    request["properties"]["steps"] = {"type": "array", "items": step}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"openapi": "3.1.0",', "is not JSON: Expecting property name"),
        ("openapi: [", "is not YAML: while parsing"),
        ('{"paths": {}, "paths": {}}', "the key 'paths' is there twice"),
        ("[]", "does not hold an object"),
        ('{"openapi": "3.1.0"}', "has no 'paths'"),
        ("<!doctype html><title>Sign in</title>", "is a web page"),
    ],
)
def test_what_is_no_document_leaves_the_tree_as_it_was(
    checkout: Checkout, capsys: pytest.CaptureFixture[str], content: str, reason: str
) -> None:
    source = checkout.root.with_name("source")
    _ = source.write_text(content)
    before = checkout.snapshot()
    assert checkout.main("--from", source) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert reason in output.err
    assert output.err.endswith("; nothing was changed\n")
    assert output.err.count("\n") == 1
    assert checkout.snapshot() == before


@pytest.mark.parametrize(
    ("edit", "reason", "causes"),
    [
        (break_a_type, "'strin' is not one of", []),
        (
            add_a_reference_to("#/components/schemas/Nowhere"),
            "which it does not have",
            ["#/components/schemas/Nowhere: which it does not have"],
        ),
        (add_a_reference_to("https://localhost/x.json#/X"), "which lies outside of it", []),
        (lambda document: document.update(openapi="3.2.0"), "no OpenAPI 3.0 or 3.1 document", []),
        (
            use_one_variable_twice,
            "the generator cannot do all of the document",
            [
                "GET /api/v1/files/{file_id}/{file_id}: Incorrect path templating",
                "DELETE /api/v1/files/{file_id}/{file_id}: Incorrect path templating",
            ],
        ),
        (
            have_a_list_and_its_item,
            "what was generated is not what the document demands",
            ["POST /api/v1/files/upload: its JSON differs: /steps_item is"],
        ),
    ],
)
def test_a_document_that_cannot_be_generated_from_is_told_by_its_causes_and_changes_nothing(
    checkout: Checkout,
    capsys: pytest.CaptureFixture[str],
    edit: Callable[[Spec], object],
    reason: str,
    causes: list[str],
) -> None:
    before = checkout.snapshot()
    assert checkout.main("--from", checkout.edited(edit)) == 1
    *said, last_line = capsys.readouterr().err.splitlines()
    assert reason in last_line
    assert last_line.endswith("; nothing was changed")
    assert len(said) <= 4
    assert not [line for line in said if "Traceback" in line or " at 0x" in line]
    for cause in causes:
        assert [line for line in said if line.startswith(cause)]
    assert checkout.snapshot() == before


def test_with_skip_unsupported_the_rest_is_had_and_what_is_left_out_is_written_down(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    source = checkout.edited(use_one_variable_twice, have_a_list_and_its_item)
    assert checkout.main("--json", "--from", source, "--skip-unsupported") == 0
    output = capsys.readouterr()
    gone = [
        "DELETE /api/v1/files/{file_id}/{file_id}",
        "GET /api/v1/files/{file_id}/{file_id}",
        "POST /api/v1/files/upload",
    ]
    written = json.loads((checkout.generated / "left-out.json").read_bytes())
    assert [one["operation"] for one in written] == gone
    assert all(one["reason"] for one in written)
    assert {one["operation"] for one in json.loads(output.out)["left_out"]} == {*gone}
    assert output.err.count("left out      ") == len(gone)
    # The document is as upstream wrote it, with all that is left out.
    assert "/api/v1/files/upload" in json.loads(checkout.document.read_bytes())["paths"]
    assert (checkout.package / "api" / "files" / "get_files.py").is_file()
    assert not (checkout.package / "api" / "files" / "post_files_upload.py").exists()

    before = checkout.snapshot()
    assert checkout.main("--check") == 0
    assert checkout.main() == 0
    assert checkout.snapshot() == before


def test_what_no_operation_is_to_blame_for_is_not_skipped(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    before = checkout.snapshot()
    source = checkout.edited(lambda document: document.update(info={"title": 5, "version": "1"}))
    assert checkout.main("--from", source, "--skip-unsupported") == 1
    assert "info/title" in capsys.readouterr().err
    assert checkout.snapshot() == before


def test_a_prefix_that_matches_nothing_leaves_the_tree_as_it_was(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    before = checkout.snapshot()
    assert checkout.main("--only", "/api/v1/files", "--only", "/api/v1/filesystem") == 1
    assert "--only /api/v1/filesystem: the document has no path there" in capsys.readouterr().err
    assert checkout.snapshot() == before


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_another_version_of_a_tool_than_the_pinned_one_is_refused(
    checkout: Checkout, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    pyproject = checkout.root / "pyproject.toml"
    pinned = pyproject.read_text()
    assert '"ruff==' in pinned
    _ = pyproject.write_text(pinned.replace('"ruff==', '"ruff==9'))
    before = checkout.snapshot()
    assert checkout.main(*arguments) == 1
    reason = capsys.readouterr().err
    assert "ruff is " in reason
    assert "pip install -r requirements/dev.txt" in reason
    assert checkout.snapshot() == before


def test_a_missing_tool_is_named_with_the_command_that_installs_it(checkout: Checkout) -> None:
    script = checkout.root / "scripts" / "regenerate.py"
    # Without its site-packages an interpreter is one where nothing has been installed.
    run = subprocess.run(
        [sys.executable, "-S", str(script)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stderr.startswith("regenerate: No module named ")
    assert run.stderr.endswith("; run: pip install -r requirements/dev.txt\n")


@pytest.mark.parametrize(("bytes_allowed", "room_for"), [(1_000, "nothing"), (8_000, "the source")])
def test_a_full_disk_leaves_the_tree_as_it_was(
    checkout: Checkout, bytes_allowed: int, room_for: str
) -> None:
    before = checkout.snapshot()
    run = checkout.run(
        "--only=/api/v1/workflows/executions",
        prelude=f"from resource import *; setrlimit(RLIMIT_FSIZE, ({bytes_allowed},) * 2)",
        env={"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert run.returncode == 1
    assert "File too large" in run.stderr
    last_line = run.stderr.splitlines()[-1]
    assert ("generator failed" in last_line) == (room_for == "the source")
    assert last_line.endswith("; nothing was changed")
    assert checkout.snapshot() == before


def doubling(levels: int, keyword: str) -> Callable[[Spec], None]:
    """A schema of a few lines that has more alternatives than there are atoms in the sea."""

    def edit(document: Spec) -> None:
        schemas = document["components"]["schemas"]
        for level in range(levels):
            below = {"$ref": f"#/components/schemas/D{level + 1}"}
            schemas[f"D{level}"] = {keyword: [below, {**below, "description": "again"}]}
        schemas[f"D{levels}"] = {"anyOf": [{"type": "string"}, {"enum": [1, 2]}]}
        answer = document["paths"]["/api/v1/files"]["get"]["responses"]["200"]
        answer["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/D0"}

    return edit


def laughing(levels: int) -> str:
    """A YAML document of a few hundred bytes that stands for gigabytes."""
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(["openapi: 3.1.0", "paths: {}", "a0: &a0 [x, x, x, x, x, x]", *lines])


# A process counts the memory of the one that started it, too, so a small one starts it.
_MEASURED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""


@pytest.mark.parametrize(
    "content",
    [
        laughing(12),
        '{"openapi": "3.1.0", "paths": {"/a": ' + '{"a":' * 50_000 + "1" + "}" * 50_001 + "}",
        "paths: " + "[" * 50_000,
        '{"paths": {}, "x": [' + "[]," * 2_000_000 + "[]]}",
        "paths: {}\nx: [" + "{}, " * 2_000_000 + "{}]",
        doubling(40, "allOf"),
    ],
    ids=["aliases", "deep", "deep yaml", "wide", "wide yaml", "all of"],
)
def test_no_document_takes_more_than_seconds_and_some_memory(
    checkout: Checkout, content: str | Callable[[Spec], None]
) -> None:
    source = checkout.root.with_name("hostile")
    if isinstance(content, str):
        _ = source.write_text(content)
    else:
        source = checkout.edited(content)
    before = checkout.snapshot()
    command = checkout.command("--timeout", "5", "--from", source)
    measured = [sys.executable, "-c", _MEASURED, *map(str, command)]
    with subprocess.Popen(measured, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        peak, said = process.communicate()
    assert int(peak.split()[-1]) < 500 * 1024
    assert b"Traceback" not in said
    if process.returncode == 0:
        # A document that grows without end only where it is written out can be had.
        assert callable(content)
        return
    assert process.returncode == 1
    assert said.endswith((b"nothing was changed\n", b"allows more\n"))
    assert checkout.snapshot() == before


def test_a_run_that_takes_too_long_leaves_the_tree_as_it_was(checkout: Checkout) -> None:
    (checkout.package / "py.typed").unlink()
    before = checkout.snapshot()
    run = checkout.run("--timeout", "0.2")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        "regenerate: it took more than 0.2 s; nothing was changed; --timeout SECONDS allows more\n"
    )
    assert checkout.snapshot() == before


@pytest.mark.parametrize("wrong", ["0", "-1", "nan", "inf", "soon"])
def test_a_time_limit_is_a_number_of_seconds(checkout: Checkout, wrong: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        _ = checkout.main(f"--timeout={wrong}")
    assert stopped.value.code == 2


def test_a_run_that_takes_too_much_memory_leaves_the_tree_as_it_was(checkout: Checkout) -> None:
    before = checkout.snapshot()
    hungry = (
        "import openapi_spec_validator as v\n"
        "v.OpenAPIV31SpecValidator = lambda _: bytearray(600 * 1024**2)"
    )
    run = checkout.run(prelude=hungry)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == ("regenerate: it takes more than 500 MB of memory; nothing was changed\n")
    assert checkout.snapshot() == before


def started(checkout: Checkout) -> subprocess.Popen[str]:
    """A run that is in the middle: the generator has begun to write."""
    (checkout.package / "py.typed").unlink()
    process = subprocess.Popen(
        checkout.command(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not list(checkout.staging.glob("building-*/*/built/generated/datalab_api_client/*")):
        assert process.poll() is None
        time.sleep(0.01)
    return process


@pytest.mark.parametrize(
    ("number", "name", "exit_code"),
    [(signal.SIGINT, "Ctrl-C", 130), (signal.SIGTERM, "SIGTERM", 143)],
)
def test_a_signal_half_way_leaves_the_tree_as_it_was(
    checkout: Checkout, number: signal.Signals, name: str, exit_code: int
) -> None:
    with started(checkout) as process:
        before = {k: v for k, v in checkout.snapshot().items() if not k.startswith(".regenerate")}
        os.killpg(process.pid, number)
        _, reason = process.communicate()
    assert process.returncode == exit_code
    assert reason == f"regenerate: stopped by {name}; nothing was changed\n"
    assert checkout.snapshot() == before


def test_a_kill_half_way_changes_nothing_and_the_next_run_clears_up(checkout: Checkout) -> None:
    with started(checkout) as process:
        before = trees.read(checkout.root, swapping.OWNED)
        process.kill()
    assert trees.read(checkout.root, swapping.OWNED) == before
    assert checkout.main() == 0
    assert (checkout.package / "py.typed").exists()
    assert not checkout.staging.exists()


AT_THE_SWAP = (
    GENERATED_ALREADY
    + """
import os, signal
def hook(event, arguments):
    if event == "os.rename" and {condition}:
        {action}
sys.addaudithook(hook)
"""
)


def test_ctrl_c_during_the_swap_comes_too_late(checkout: Checkout) -> None:
    (checkout.package / "py.typed").unlink()
    run = checkout.run(
        prelude=AT_THE_SWAP.format(
            condition="'outgoing' in str(arguments[1])",
            action="os.kill(os.getpid(), signal.SIGINT)",
        )
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert (checkout.package / "py.typed").exists()


def test_a_kill_in_the_middle_of_the_swap_is_mended_by_the_next_run_even_if_it_only_checks(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    source = checkout.edited(lambda document: document["info"].update(version="9"))
    before = trees.read(checkout.root, swapping.OWNED)
    run = checkout.run(
        "--from",
        source,
        prelude=AT_THE_SWAP.format(
            condition="str(arguments[0]).endswith('incoming/generated')",
            action="os.kill(os.getpid(), signal.SIGKILL)",
        ),
    )
    assert run.returncode == -signal.SIGKILL
    assert not checkout.generated.exists()
    assert b'"version": "9"' in checkout.document.read_bytes()

    assert checkout.main("--check") == 0
    assert "An earlier run was cut off." in capsys.readouterr().out
    assert trees.read(checkout.root, swapping.OWNED) == before


def test_the_second_of_two_runs_at_the_same_time_says_so_and_stops(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    before = checkout.snapshot()
    with swapping.alone(checkout.root):
        assert checkout.main() == 1
        assert checkout.main("--check") == 1
    assert capsys.readouterr().err == (
        "regenerate: another run is at work on this tree; nothing was changed\n" * 2
    )
    assert checkout.snapshot() == before


def test_what_the_swap_cannot_undo_is_not_said_to_be_unchanged(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in ("incoming/openapi.json", "incoming/generated/a.py", "outgoing/openapi.json"):
        path = checkout.staging / file
        path.parent.mkdir(parents=True, exist_ok=True)
        _ = path.write_text("")
    before = checkout.snapshot()
    assert checkout.main() == 1
    reason = capsys.readouterr().err
    assert "somebody has put openapi.json in its place" in reason
    assert "nothing was changed" not in reason
    assert checkout.snapshot() == before
