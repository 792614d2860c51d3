"""No private name of another package is used: it may go with the next release of that package.

What begins with an underscore is private, unless it ends with two. Where a class of ours and one of
another package have a private name in common, it must be plain that ours is meant.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeAlias

import pytest

PACKAGE = Path(__file__).parents[1] / "datalab_facade"
OURS = frozenset({"datalab_facade", "datalab_api_client"})
# A named tuple documents its methods, which begin with an underscore so as to be no fields.
DOCUMENTED = frozenset({"_replace", "_asdict", "_fields", "_make", "_field_defaults"})
BY_NAME = frozenset({"getattr", "setattr", "hasattr", "delattr", "attrgetter", "methodcaller"})

Module: TypeAlias = tuple[str, ast.Module]


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in DOCUMENTED | {"_"}


@cache
def modules() -> tuple[Module, ...]:
    return tuple(
        (str(path.relative_to(PACKAGE)), ast.parse(path.read_text("utf-8")))
        for path in sorted(PACKAGE.rglob("*.py"))
    )


@cache
def nodes_of(tree: ast.AST) -> tuple[ast.AST, ...]:
    """Give what is in a tree, which is asked for again and again."""
    return tuple(ast.walk(tree))


@pytest.fixture(scope="module", autouse=True)
def forgotten_afterwards() -> Iterator[None]:
    """Let go of the trees: a million objects slow down all tests that come later."""
    yield
    modules.cache_clear()
    nodes_of.cache_clear()


def imported(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Give each name that is imported from somewhere, in full."""
    for node in nodes_of(tree):
        if isinstance(node, ast.Import):
            yield from ((node, one.name) for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node, f"{node.module}.{one.name}") for one in node.names)


@cache
def third_parties() -> frozenset[str]:
    """Give the packages of others that are imported anywhere, and are here."""
    roots = {name.partition(".")[0] for _, tree in modules() for _, name in imported(tree)}
    return frozenset(
        root
        for root in roots - OURS - sys.stdlib_module_names
        if importlib.util.find_spec(root) is not None
    )


@cache
def theirs() -> frozenset[str]:
    """Give the private names of the classes and modules of those packages."""
    found: set[str] = set()
    for root in third_parties():
        spec = importlib.util.find_spec(root)
        assert spec is not None
        for folder in spec.submodule_search_locations or ():
            for path in Path(folder).rglob("*.py"):
                text = path.read_text("utf-8", errors="replace")
                found.update(
                    re.findall(r"(?:\bself\.|\bdef |^ *|class )(_\w+)", text, re.MULTILINE)
                )
    return frozenset(filter(is_private, found))


def names_defined(tree: ast.AST) -> set[str]:
    """Give the private names that functions, classes, assignments and ``self`` have inside."""
    found: set[str] = set()
    for node in nodes_of(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
                found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # A slot is a string.
            found.add(node.value)
    return set(filter(is_private, found))


@cache
def ours() -> frozenset[str]:
    return frozenset(name for _, tree in modules() for name in names_defined(tree))


@cache
def our_classes() -> dict[str, set[str]]:
    """Give the private names of each class of ours."""
    found: dict[str, set[str]] = {}
    for _, tree in modules():
        for node in nodes_of(tree):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, set()).update(names_defined(node))
    return found


def violations(module: str, tree: ast.Module) -> Iterator[str]:
    """Tell where a module uses a private name of another package."""
    for statement, name in imported(tree):
        root, _, rest = name.partition(".")
        if root in third_parties() and any(map(is_private, rest.split("."))):
            yield f"{module}:{statement.lineno} {name}"
    annotated: dict[str, str] = {}
    for name, annotation in _annotations(tree):
        annotated[name] = f"{annotated.get(name, '')} {annotation}"
    for node in nodes_of(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            if not _is_ours(node, annotated):
                yield f"{module}:{node.lineno} {ast.unparse(node)}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in BY_NAME:
            texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            named = [text for text in texts if isinstance(text, str) and text.isidentifier()]
            if any(is_private(name) and name in theirs() for name in named):
                yield f"{module}:{node.lineno} {ast.unparse(node)}"
    for node in nodes_of(tree):
        if isinstance(node, ast.ClassDef):
            yield from (f"{module}:{line}" for line in _inherited_of_others(node))


def _is_ours(node: ast.Attribute, annotated: dict[str, str]) -> bool:
    receiver = node.value
    if isinstance(receiver, ast.Name) and receiver.id in ("self", "cls"):
        # Looked at together with the class.
        return True
    if node.attr not in ours():
        return False
    if node.attr not in theirs():
        return True
    known = annotated.get(ast.unparse(receiver).split(".")[-1], "")
    return not (our_classes().keys() | {"Self"}).isdisjoint(re.findall(r"\w+", known))


def _annotations(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Give what variables, arguments and attributes are said to be."""
    for node in nodes_of(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            yield node.arg, ast.unparse(node.annotation)
        elif isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target).split(".")[-1], ast.unparse(node.annotation)


def _inherited_of_others(node: ast.ClassDef) -> Iterator[str]:
    """Tell which private names a class takes from a base class of another package."""
    bases = {ast.unparse(base).partition("[")[0].split(".")[-1] for base in node.bases}
    if bases <= our_classes().keys() | {"Protocol", "Generic", "object"}:
        return
    defined = names_defined(node).union(*(our_classes().get(base, ()) for base in bases))
    for inner in nodes_of(node):
        if (
            isinstance(inner, ast.Attribute)
            and is_private(inner.attr)
            and isinstance(inner.value, ast.Name)
            and inner.value.id in ("self", "cls")
            and inner.attr not in defined
            and inner.attr in theirs()
        ):
            yield f"{inner.lineno} {ast.unparse(inner)} of {node.name}"


def test_no_private_name_of_another_package_is_used() -> None:
    assert [one for module, tree in modules() for one in violations(module, tree)] == []


@pytest.mark.parametrize(
    "code",
    [
        "import httpx\ndef f(client: httpx.Client): return client._transport",
        "def f(transport): transport._pool = None",
        "def f(pool): return getattr(pool, '_network_backend')",
        "from httpx._client import Client",
        "import httpcore._sync",
        "import httpx\nclass Own(httpx.Client):\n    def f(self): return self._mounts",
        "import operator\npool_of = operator.attrgetter('_pool')",
        "def f(thing): return thing._name_that_nobody_has",
    ],
)
def test_each_way_to_use_one_is_noticed(code: str) -> None:
    assert list(violations("somewhere.py", ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "class Own:\n    def f(self): return self._transport",
        "def f(api: ApiTransport): return api._pool",
        "from datalab_facade._version import __version__",
        "from urllib.parse import urlsplit\nparts = urlsplit('a')._replace(path='b')",
        "def f(thing): return thing.__name__",
    ],
)
def test_what_is_ours_or_documented_is_not(code: str) -> None:
    assert not list(violations("somewhere.py", ast.parse(code)))
