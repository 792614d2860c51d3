"""Streams that are closed, full or read by nobody: what the program ends with is true."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from datalab_facade.cli import streams
from datalab_facade.cli.exits import ExitCode
from tests.cli.conftest import Run
from tests.cli.programs import Done, cold, command, surroundings
from tests.cli.schemas import check_document
from tests.cli.test_commands import CASES, each_command
from tests.cli.worlds import World

FULL = "The output could not be written: No space left on device."
ALONE = {
    "help": ["--help"],
    "help of a command": ["status", "--help"],
    "version": ["--version"],
    "demo": ["demo", "-o", "demo"],
    "watch many": ["watch", "1", "2"],
}


def redirected(arguments: Sequence[object], how: str, world: World, **environment: str) -> Done:
    """Run the program as a shell does with redirections."""
    limit, _, how = how.rpartition(";")
    words = cold(*arguments) if limit else command(*arguments, environment=environment)
    done = subprocess.run(
        ["sh", "-c", f'{limit or ":"}; exec "$@" {how}', "sh", *words],
        env={**surroundings(world.environment), **environment},
        cwd=world.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def unread(arguments: Sequence[object], world: World) -> Done:
    """Run the program into a pipe whose reader has gone."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            command(*arguments),
            env=surroundings(world.environment),
            cwd=world.folder,
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=50,
        )
    finally:
        os.close(write)
    return Done(done.returncode, "", done.stderr)


@each_command
def test_a_command_whose_streams_are_closed_ends_as_ever(name: str, world: World) -> None:
    arguments = CASES[name].arguments(world, "closed")
    assert redirected(arguments, "<&- >&- 2>&-", world) == Done(CASES[name].code, "")


@each_command
def test_a_command_says_that_the_disk_is_full(name: str, world: World) -> None:
    done = redirected(CASES[name].arguments(world, "full"), ">/dev/full", world)
    assert done.code == ExitCode.WRITE_ERROR, done
    assert done.err.splitlines()[-1].startswith(f"datalab-facade: {FULL}")
    assert "Traceback" not in done.err


@each_command
def test_a_reader_that_has_gone_is_no_mistake(name: str, world: World) -> None:
    done = unread(CASES[name].arguments(world, "unread"), world)
    assert done == Done(ExitCode.BROKEN_PIPE, "")


@pytest.mark.parametrize("name", ALONE)
def test_so_does_all_that_is_no_single_command(name: str, world: World) -> None:
    arguments = ALONE[name]
    assert redirected(arguments, ">/dev/full 2>&1", world).code == ExitCode.WRITE_ERROR
    assert unread(arguments, world) == Done(ExitCode.BROKEN_PIPE, "")


@pytest.mark.parametrize("how", [">&-", "2>&-", ">&- 2>&-", "2>/dev/full", ">&- 2>/dev/full"])
def test_a_code_is_returned_also_where_no_words_can_be(how: str, world: World) -> None:
    assert redirected(["wait", world.done], how, world).code == ExitCode.DONE
    assert redirected(["wait", world.failed], how, world).code == ExitCode.FAILED
    done = redirected(["status", 999_999, "--debug"], how, world)
    assert (done.code, done.out) == (ExitCode.REFUSED, "")


def test_nothing_that_is_opened_gets_the_number_of_a_closed_stream(world: World) -> None:
    done = redirected(["download", world.done, "-o", "numbers", "--debug"], ">&- 2>&-", world)
    assert done.code == ExitCode.DONE
    saved = world.folder / "numbers" / f"execution-{world.done}" / "parse" / "b7.json"
    assert json.loads(saved.read_bytes())


def test_a_full_disk_is_reported_as_json_where_json_is_wanted(world: World) -> None:
    done = redirected(["status", world.done, "--json"], ">/dev/full", world)
    document = json.loads(done.err)["error"]
    check_document("error", document)
    assert document["exit_code"] == done.code == ExitCode.WRITE_ERROR


def test_python_without_buffers_ends_the_same(world: World) -> None:
    done = redirected(["status", world.done], ">/dev/full", world, PYTHONUNBUFFERED="1")
    assert done.code == ExitCode.WRITE_ERROR
    assert redirected(["schema"], "", world, PYTHONUNBUFFERED="1").code == ExitCode.DONE


def test_a_server_that_cannot_say_where_it_is_ends(world: World) -> None:
    assert redirected(["serve"], ">/dev/full", world).code == ExitCode.WRITE_ERROR
    assert unread(["serve"], world).code == ExitCode.BROKEN_PIPE


def test_a_shell_that_completes_reports_it_too(world: World) -> None:
    environment = {"_DATALAB_FACADE_COMPLETE": "bash_complete", "COMP_CWORD": "1"}
    words = {**environment, "COMP_WORDS": "datalab-facade wa"}
    assert redirected([], ">/dev/full", world, **words).code == ExitCode.WRITE_ERROR
    assert redirected([], ">&-", world, **words).code == ExitCode.DONE


def test_a_pipe_that_does_not_block_gets_all_of_it(world: World) -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    with (
        subprocess.Popen(
            command("schema", "status"), env=surroundings({}), stdout=write, stderr=subprocess.PIPE
        ) as process,
        os.fdopen(read, "rb") as pipe,
    ):
        os.close(write)
        assert json.loads(pipe.read())
        assert process.wait(30) == ExitCode.DONE


def test_a_picture_for_which_there_is_no_room_is_reported(run: Run, world: World) -> None:
    for arguments in (["timeline", world.done, "--svg"], ["workflows", "show", 1, "--html"]):
        done = run(*arguments, "/dev/full")
        assert done.code == ExitCode.WRITE_ERROR
        assert "/dev/full cannot be written: No space left on device" in done.err


def test_a_file_for_which_there_is_no_room_is_reported(world: World) -> None:
    large = world.simulator.files.add("large.pdf", b"%PDF-1.7 " * 10_000)
    arguments = ["files", "download", large, "-o", "large.pdf"]
    done = redirected(arguments, "ulimit -f 8;", world)
    assert done.code == ExitCode.WRITE_ERROR, done
    assert "File too large" in done.err


def test_a_stream_that_is_no_file_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    out, error = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", error)
    streams.guard_streams()
    assert (sys.stdout, sys.stderr) == (out, error)
    assert streams.failure_of(sys.stdout) is None


def test_a_guarded_stream_is_the_same_file_with_the_same_encoding(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "out.txt"
    with path.open("w", encoding="latin-1") as file:
        monkeypatch.setattr(sys, "stdout", file)
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        streams.guard_streams()
        assert sys.stdout.fileno() == file.fileno()
        assert not sys.stdout.isatty()
        sys.stdout.write("für\n")
        assert path.read_bytes() == b"f\xfcr\n"
