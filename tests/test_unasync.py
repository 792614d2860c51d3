"""What scripts/unasync.py promises: blocking modules are the async ones, translated."""

from __future__ import annotations

import ast
import doctest
from pathlib import Path

import pytest
import unasync

CASES = {
    "an awaited attribute": ("x = (await f()).y", "x = f().y"),
    "an awaited argument": ("g(await f())", "g(f())"),
    "an awaited sum": ("x = (await f() + 1) * 2", "x = (f() + 1) * 2"),
    "a generator": ("x: AsyncGenerator[A[B], None]", "x: Generator[A[B], None, None]"),
    "a callback": ("x: Callable[[A], Awaitable[B | C]]", "x: Callable[[A], B | C]"),
    "either iterable": ("x: Iterable[A[B]] | AsyncIterable[A[B]]", "x: Iterable[A[B]]"),
    "names": ("_AsyncRun(run_async, async_run)", "_Run(run, run)"),
    "a string": ("'see :class:`AsyncFiles`'", "'see :class:`Files`'"),
    "a word that only begins alike": ("asynchronous = Asynchronous", "asynchronous = Asynchronous"),
    "a list": ("[x async for x in y]", "list(y)"),
    "a comprehension": ("[x.z async for x in y]", "[x.z for x in y]"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_piece_of_async_code_is_translated(name: str) -> None:
    ours, theirs = CASES[name]
    assert unasync.translate(ours) == theirs


def test_the_examples_of_the_script_hold() -> None:
    assert doctest.testmod(unasync).failed == 0


@pytest.mark.parametrize(
    "source", unasync.sources(), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_a_blocking_module_waits_for_nothing(source: Path) -> None:
    target = unasync.target_of(source)
    assert target.read_text("utf-8").startswith("# Generated from")
    tree = ast.parse(target.read_text("utf-8"))
    asynchronous = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
    assert not [node for node in ast.walk(tree) if isinstance(node, asynchronous)]
    imported = {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    assert "asyncio" not in imported
