"""Both are swapped or neither is, wherever the swap is cut off."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from specs import swapping
from specs.problems import ScriptError

from tests.regeneration.checkouts import REPOSITORY

OLD = {"openapi.json": "old", "generated/a.py": "old", "generated/gone.py": "old"}
NEW = {"openapi.json": "new", "generated/a.py": "new", "generated/sub/come.py": "new"}

# An audit hook sees every change to the file system before it happens, so this dies or fails at
# each of them in turn without swapping.py having to know that it is watched.
AT_STEP = """
import os, signal, sys
sys.path.insert(0, {scripts!r})
from pathlib import Path
from specs import swapping
left = {step}
def hook(event, arguments):
    global left
    if event in ("os.rename", "os.mkdir", "os.rmdir", "os.remove"):
        left -= 1
        if left == 0:
            {action}
sys.addaudithook(hook)
root = Path({root!r})
{call}
"""
DIE = "os.kill(os.getpid(), signal.SIGKILL)"
FAIL = "raise OSError('No space left on device')"
SWAP = "swapping.swap(root, root / '.regenerate' / 'building-1')"
RECOVER = "swapping.recover(root)"


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _ = path.write_text(content)


def contents(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in root.rglob("*")
        if path.is_file() and swapping.STAGING not in path.parts
    }


def prepared(root: Path, old: dict[str, str], new: dict[str, str] = NEW) -> Path:
    write(root, old)
    write(root / swapping.STAGING / "building-1", new)
    return root


def call(root: Path, call: str, action: str, step: int) -> int:
    program = AT_STEP.format(
        scripts=str(REPOSITORY / "scripts"), root=str(root), call=call, action=action, step=step
    )
    return subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, check=False
    ).returncode


def until_it_passes(attempt: Callable[[int], int]) -> Sequence[int]:
    """The exit codes of an attempt that is cut off at step 1, step 2, … and at last at none."""
    codes = list[int]()
    while 0 not in codes:
        codes.append(attempt(len(codes) + 1))
    return codes


@pytest.mark.parametrize("old", [OLD, {}, {"openapi.json": "old"}])
def test_a_swap_replaces_everything_and_leaves_no_way_back(
    tmp_path: Path, old: dict[str, str]
) -> None:
    root = prepared(tmp_path, old)
    swapping.swap(root, root / swapping.STAGING / "building-1")
    assert contents(root) == NEW
    assert not swapping.recover(root)
    with swapping.building(root):
        pass
    assert contents(root) == NEW
    assert not (root / swapping.STAGING).exists()


FETCHED = {"openapi.provenance.json": "new"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (OLD, NEW),
        ({}, NEW),
        (OLD, {**NEW, **FETCHED}),
        ({**OLD, **dict.fromkeys(FETCHED, "old")}, {**NEW, **FETCHED}),
    ],
)
def test_a_process_that_is_killed_at_any_step_of_the_swap_is_undone_by_the_next(
    tmp_path: Path, old: dict[str, str], new: dict[str, str]
) -> None:
    undone = list[bool]()

    def attempt(step: int) -> int:
        root = prepared(tmp_path / str(step), old, new)
        code = call(root, SWAP, DIE, step)
        undone.append(swapping.recover(root))
        assert contents(root) == (new if code == 0 else old)
        with swapping.building(root):
            pass
        assert not (root / swapping.STAGING).exists()
        return code

    codes = until_it_passes(attempt)
    assert set(codes[:-1]) == {-signal.SIGKILL}
    assert any(undone)
    assert not undone[-1]


def test_a_process_that_is_killed_while_it_undoes_a_swap_is_undone_by_the_next(
    tmp_path: Path,
) -> None:
    def swap(step: int) -> int:
        return call(prepared(tmp_path / str(step), OLD), SWAP, DIE, step)

    for swap_step in range(1, len(until_it_passes(swap))):

        def undo(step: int, swap_step: int = swap_step) -> int:
            root = prepared(tmp_path / f"{swap_step} {step}", OLD)
            assert call(root, SWAP, DIE, swap_step) == -signal.SIGKILL
            code = call(root, RECOVER, DIE, step)
            _ = swapping.recover(root)
            assert contents(root) == OLD
            return code

        _ = until_it_passes(undo)


def test_a_swap_that_fails_at_any_step_puts_everything_back(tmp_path: Path) -> None:
    def attempt(step: int) -> int:
        root = prepared(tmp_path / str(step), OLD)
        code = call(root, SWAP, FAIL, step)
        assert contents(root) == (NEW if code == 0 else OLD)
        assert not swapping.recover(root)
        return code

    assert len(until_it_passes(attempt)) > 6


def test_nothing_is_moved_if_somebody_has_meddled_with_what_a_cut_off_swap_left(
    tmp_path: Path,
) -> None:
    restored = prepared(tmp_path / "restored", OLD)
    assert call(restored, SWAP, DIE, step=4) == -signal.SIGKILL
    assert "openapi.json" not in contents(restored)
    write(restored, OLD)
    removed = prepared(tmp_path / "removed", OLD)
    assert call(removed, SWAP, DIE, step=4) == -signal.SIGKILL
    shutil.rmtree(removed / swapping.STAGING / "incoming")
    for root in (restored, removed):
        before = contents(root)
        with pytest.raises(swapping.TornError, match="a swap was cut off"):
            _ = swapping.recover(root)
        assert contents(root) == before
        assert (root / swapping.STAGING / "outgoing" / "openapi.json").exists()


def test_only_one_run_at_a_time_works_on_a_tree(tmp_path: Path) -> None:
    with (
        swapping.alone(tmp_path),
        pytest.raises(ScriptError, match="another run is at work"),
        swapping.alone(tmp_path),
    ):
        pass
    with swapping.alone(tmp_path):
        assert not list(tmp_path.iterdir())
