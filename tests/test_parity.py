"""The blocking and the async form of everything: the same names, arguments and words."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import textwrap
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

import datalab_facade
from datalab_facade import (
    AsyncDatalab,
    AsyncDocumentHandle,
    AsyncExecutionHandle,
    AsyncPipelineExecutionHandle,
    Datalab,
    DocumentHandle,
    ExecutionHandle,
    PipelineExecutionHandle,
    errors,
)
from datalab_facade.documents.async_resource import AsyncDocuments
from datalab_facade.documents.resource import Documents
from datalab_facade.executions.async_resource import AsyncExecutions
from datalab_facade.executions.resource import Executions
from datalab_facade.files.async_resource import AsyncFiles
from datalab_facade.files.resource import Files
from datalab_facade.outputs.async_resource import AsyncOutputs
from datalab_facade.outputs.resource import Outputs
from datalab_facade.pipelines.async_batch_runs import AsyncBatchRuns
from datalab_facade.pipelines.async_executions import AsyncPipelineExecutions
from datalab_facade.pipelines.async_extraction_schemas import AsyncExtractionSchemas
from datalab_facade.pipelines.async_resource import AsyncPipelines
from datalab_facade.pipelines.batch_runs import BatchRuns
from datalab_facade.pipelines.executions import PipelineExecutions
from datalab_facade.pipelines.extraction_schemas import ExtractionSchemas
from datalab_facade.pipelines.resource import Pipelines
from datalab_facade.workflows.async_resource import AsyncWorkflows
from datalab_facade.workflows.resource import Workflows

PAIRS: list[tuple[type, type]] = [
    (Datalab, AsyncDatalab),
    (Documents, AsyncDocuments),
    (Executions, AsyncExecutions),
    (Outputs, AsyncOutputs),
    (Files, AsyncFiles),
    (Workflows, AsyncWorkflows),
    (Pipelines, AsyncPipelines),
    (PipelineExecutions, AsyncPipelineExecutions),
    (ExtractionSchemas, AsyncExtractionSchemas),
    (BatchRuns, AsyncBatchRuns),
    (PipelineExecutionHandle, AsyncPipelineExecutionHandle),
    (DocumentHandle, AsyncDocumentHandle),
    (ExecutionHandle, AsyncExecutionHandle),
]
each_pair = pytest.mark.parametrize(
    ("blocking", "asynchronous"), PAIRS, ids=[pair[0].__name__ for pair in PAIRS]
)

_PAIRED = "|".join(pair[0].__name__ for pair in PAIRS)

# How a name of the blocking form is called in the async one; the rest is the same.
DUNDERS = {"__enter__": "__aenter__", "__exit__": "__aexit__"}
ASYNC_NAMES = [
    (r"\bGenerator\[(.+), None, None\]", r"AsyncGenerator[\1, None]"),
    (r"\bIterator\[", "AsyncIterator["),
    (
        r"\bIterable\[(LikeT|Uploadable)\]",
        r"Iterable[\1] | AsyncIterable[\1]",
    ),
    (r"\bhttpx\.Client\b", "httpx.AsyncClient"),
    (rf"\b({_PAIRED}|JobWaits|Jobs|JobHandle|OnChange|Sources|ApiKey)\b", r"Async\1"),
    (r"\b(ApiTransport|StorageTransport)\b", r"Async\1"),
]

# These do no IO, so they are called without ``await`` in async code too; a watch
# is awaited change by change, and an output is opened with ``async with``.
PLAIN = {
    "BatchRuns.list",
    "ExtractionSchemas.list",
    "Files.list",
    "PipelineExecutions.list",
    "Pipelines.list",
    "as_completed",
    "drift",
    "handle",
    "handle_to_dict",
    "stream",
    "iter_run",
    "to_dict",
    "upload_many",
    "watch",
    "watch_many",
    "with_options",
}
# aiohttp has no blocking form.
ASYNC_ONLY = {"transport"}
# These only give what is there.
NEVER_RAISES = {"drift", "handle_to_dict", "to_dict"}


def _shown(name: str) -> bool:
    dunder = name in {*DUNDERS, *DUNDERS.values(), "__init__", "__repr__"}
    return dunder or not name.startswith("_")


def methods_of(kind: type) -> dict[str, Any]:
    found = inspect.getmembers_static(kind, inspect.isfunction)
    return {name: method for name, method in found if _shown(name)}


def attributes_of(kind: type) -> dict[str, tuple[str, str | None]]:
    """Give the attributes and properties of a class, with their types and docstrings."""
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    told: dict[str, tuple[str, str | None]] = {}
    for line, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(line, ast.FunctionDef) and any(
            ast.unparse(decorator) in ("property", "cached_property")
            for decorator in line.decorator_list
        ):
            assert line.returns is not None
            told[line.name] = (ast.unparse(line.returns), ast.get_docstring(line))
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            words = after.value if isinstance(after, ast.Expr) else None
            text = words.value if isinstance(words, ast.Constant) else None
            told[line.target.id] = (
                ast.unparse(line.annotation),
                text if isinstance(text, str) else None,
            )
    return {name: about for name, about in told.items() if _shown(name)}


def in_async(text: str) -> str:
    for pattern, replacement in ASYNC_NAMES:
        text = re.sub(pattern, replacement, text)
    return text


def public_methods() -> Iterator[tuple[type, str, Any]]:
    for pair in PAIRS:
        for kind in pair:
            for name, method in methods_of(kind).items():
                if not name.startswith("_"):
                    yield kind, name, method


@each_pair
def test_both_have_the_same_methods(blocking: type, asynchronous: type) -> None:
    expected = {DUNDERS.get(name, name) for name in methods_of(blocking)}
    assert set(methods_of(asynchronous)) == expected
    assert len(expected) >= 2


@each_pair
def test_both_have_the_same_attributes_with_the_same_words(
    blocking: type, asynchronous: type
) -> None:
    expected = {
        name: (in_async(a), doc and _doc_in_async(doc))
        for name, (a, doc) in attributes_of(blocking).items()
    }
    assert attributes_of(asynchronous) == expected


@each_pair
def test_both_take_the_same_arguments_and_give_the_same(blocking: type, asynchronous: type) -> None:
    for name, method in methods_of(blocking).items():
        ours = inspect.signature(method)
        theirs = inspect.signature(methods_of(asynchronous)[DUNDERS.get(name, name)])
        assert [
            _parameter(one)
            for one in theirs.parameters.values()
            if one.name in ours.parameters or one.name not in ASYNC_ONLY
        ] == [_parameter(one, mapped=True) for one in ours.parameters.values()], name
        assert str(theirs.return_annotation) == in_async(str(ours.return_annotation)), name


def _parameter(one: inspect.Parameter, *, mapped: bool = False) -> tuple[object, ...]:
    annotation = str(one.annotation)
    return one.name, one.kind, one.default, in_async(annotation) if mapped else annotation


@each_pair
def test_both_are_documented_in_the_same_words(blocking: type, asynchronous: type) -> None:
    for name, method in methods_of(blocking).items():
        if not name.startswith("_"):
            theirs = methods_of(asynchronous)[name].__doc__
            assert theirs == _doc_in_async(method.__doc__), name


def _doc_in_async(doc: str | None) -> str | None:
    # Only examples name the class; prose and references are the same.
    doc = re.sub(
        r"(?<=>>> client = )Datalab|(?<=str\()Datalab|\bJob(?:Wait)?s\b", _async_name, doc or ""
    )
    return doc.replace(".jobs.resource.", ".jobs.async_resource.") or None


def _async_name(found: re.Match[str]) -> str:
    return f"Async{found.group()}"


@each_pair
def test_whatever_does_io_is_awaited_and_nothing_else_is(
    blocking: type, asynchronous: type
) -> None:
    for name, method in methods_of(asynchronous).items():
        if name not in {"__init__", "__repr__"}:
            plain = not PLAIN.isdisjoint({name, f"{blocking.__name__}.{name}"})
            assert inspect.iscoroutinefunction(method) != plain, name
    assert not any(map(inspect.iscoroutinefunction, methods_of(blocking).values()))


@each_pair
def test_both_are_classes_with_words_of_their_own(blocking: type, asynchronous: type) -> None:
    for kind in (blocking, asynchronous):
        assert kind.__doc__
        assert kind.__doc__.splitlines()[0].endswith(".")


def test_every_method_has_a_sentence() -> None:
    for kind, name, method in public_methods():
        assert method.__doc__, f"{kind.__name__}.{name}"
        first = method.__doc__.strip().split("\n\n")[0]
        assert first.endswith("."), f"{kind.__name__}.{name}"


def test_every_method_that_can_raise_tells_what() -> None:
    for kind, name, method in public_methods():
        told = _tells_what_it_raises(kind, method.__doc__ or "", set())
        assert told == (name not in NEVER_RAISES), f"{kind.__name__}.{name}"


def _tells_what_it_raises(kind: type, doc: str, seen: set[str]) -> bool:
    """Look for a section of its own, or for one in a method that the words refer to."""
    # From Python 3.13 on, docstrings come without their indentation.
    if re.search(r"^Raises:$", inspect.cleandoc(doc), re.MULTILINE):
        return True
    for short, full in re.findall(r":meth:`([\w.]+)(?: <([\w.]+)>)?`", doc):
        if short in seen:
            continue
        seen.add(short)
        if full:
            module, kind_name, method_name = full.rsplit(".", 2)
            owner: type = getattr(import_module(module), kind_name)
        else:
            owner, method_name = kind, short
        if _tells_what_it_raises(owner, getattr(owner, method_name).__doc__ or "", seen):
            return True
    return False


def test_what_a_docstring_says_is_raised_exists() -> None:
    kinds = [kind for pair in PAIRS for kind in pair]
    docs = [method.__doc__ or "" for _, _, method in public_methods()]
    docs += [inspect.getdoc(kind) or "" for kind in kinds]
    raised = set()
    for doc in docs:
        section = re.search(r"^Raises:\n((?:    .*\n?|\n)+)", inspect.cleandoc(doc), re.MULTILINE)
        if section:
            raised |= set(re.findall(r"^    (\w+):", section[1], re.MULTILINE))
    assert len(raised) > 8
    for name in raised:
        assert name in errors.__all__ or hasattr(builtins, name), name


def test_every_public_name_has_words() -> None:
    for name in datalab_facade.__all__:
        if name != "__version__":
            doc = getattr(datalab_facade, name).__doc__
            assert doc, name
            # attrs would write one if there were none.
            assert not doc.startswith(("Method generated", f"{name}(")), name


def test_the_public_names_are_exactly_those_listed() -> None:
    there = {name for names in datalab_facade._HOMES.values() for name in names.split()}
    assert datalab_facade.__all__ == sorted(there | {"__version__"})


def test_no_public_name_is_one_of_httpx_or_of_the_generated_client() -> None:
    for name in datalab_facade.__all__:
        module = getattr(getattr(datalab_facade, name), "__module__", "datalab_facade")
        assert module.split(".")[0] == "datalab_facade", name
