"""Tasks made of the options of commands."""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from datalab_facade.arguments import is_there
from datalab_facade.documents.schemas import read_json_file
from datalab_facade.documents.task_base import argument_of, field_names
from datalab_facade.documents.tasks import (
    Convert,
    CreateDocument,
    Extract,
    Fill,
    RunAgent,
    Segment,
    SuggestSchemas,
    Task,
    TrackChanges,
)
from datalab_facade.errors import InvalidArgumentError, LocalFileError
from datalab_facade.json_forms import JSON
from datalab_facade.redaction import excerpt

if TYPE_CHECKING:
    from datalab_facade.pipelines.run_task import RunPipeline

Options: TypeAlias = Mapping[str, object]
"""The values of a command's options by their names; None, False and () stand for absence."""

_SCHEMA_ID: Final = re.compile(r"sch_[A-Za-z0-9_-]+")
_CLASS: Final = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<name>[A-Za-z_][\w.]*)")


def make_task(verb: str, options: Options) -> Task[Any]:
    """Make the task of a verb.

    Raises:
        InvalidArgumentError: An option is missing or wrong.
        LocalFileError: A file cannot be read.
    """
    return _MAKERS[verb](dict(options))


def make_pipeline_run(pipeline_id: str, options: Options) -> RunPipeline:
    """Make the task that runs a pipeline.

    Raises:
        InvalidArgumentError: An option is wrong.
    """
    from datalab_facade.pipelines.run_task import RunPipeline  # it imports httpx

    return RunPipeline(pipeline_id, **_fields(RunPipeline, dict(options)))


def _fields(kind: type[Task[Any]], options: dict[str, object]) -> dict[str, Any]:
    """Return the arguments of a task: options that are set, and those of ``--set``."""
    settings = cast("Iterable[str]", options.pop("settings", ()))
    found = {
        name: value
        for name, value in options.items()
        if value is not None and value is not False and value != ()
    }
    extra: dict[str, JSON] = {}
    known = field_names(kind)
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not (name and equals):
            raise InvalidArgumentError(
                f"--set takes NAME=VALUE, such as --set word_bboxes=true, not {excerpt(setting)!r}"
            )
        name = name.strip().replace("-", "_")
        if name in known:
            found[argument_of(kind, known[name])] = _value(text)
        else:
            extra[name] = _value(text)
    return {**found, "extra": extra} if extra else found


def _value(text: str) -> JSON:
    try:
        return cast("JSON", json.loads(text))
    except ValueError:
        return text


def _make_conversion(options: dict[str, object]) -> Task[Any]:
    return Convert(**_fields(Convert, options))


def _make_track_changes(options: dict[str, object]) -> Task[Any]:
    return TrackChanges(**_fields(TrackChanges, options))


def _make_extraction(options: dict[str, object]) -> Task[Any]:
    schema = options.pop("schema", None)
    fields = _fields(Extract, options)
    if not isinstance(schema, str):
        raise InvalidArgumentError(
            "extract needs --schema: a JSON file, MODULE:CLASS, or the id of a stored schema"
        )
    if _SCHEMA_ID.fullmatch(schema):
        fields["schema_id"] = schema
        return Extract(**fields)
    return Extract(read_extraction_schema(schema), **fields)


def _make_segmentation(options: dict[str, object]) -> Task[Any]:
    path = options.pop("segments", None)
    named = [one.partition("=") for one in cast("Iterable[str]", options.pop("named_segments", ()))]
    for name, equals, _ in named:
        if not (name and equals):
            raise InvalidArgumentError(
                "--segment takes NAME=MEANING, such as --segment 'Invoice=a bill with a total'"
            )
    if path is not None and named:
        raise InvalidArgumentError("Give either --segments or --segment, not both")
    segments: object = {name: meaning for name, _, meaning in named} or None
    if isinstance(path, str):
        segments = read_json(path)
    return Segment(cast("Any", segments), **_fields(Segment, options))


def _make_filling(options: dict[str, object]) -> Task[Any]:
    path = options.pop("fields", None)
    if not isinstance(path, str):
        raise InvalidArgumentError(
            'fill needs --fields: a JSON file such as {"name": "Jane"}; - is standard input'
        )
    return Fill(cast("Any", read_json(path)), **_fields(Fill, options))


def _make_document(options: dict[str, object]) -> Task[Any]:
    source = cast("str", options.pop("text"))
    text: str | Path = sys.stdin.read() if source == "-" else Path(source)
    task = CreateDocument(cast("str", text), **_fields(CreateDocument, options))
    if not task.markdown.strip():
        where = "Standard input" if source == "-" else source
        raise InvalidArgumentError(f"{where} is empty; nothing was sent")
    return task


def _make_agent_run(options: dict[str, object]) -> Task[Any]:
    processor = options.pop("processor", None)
    if not isinstance(processor, str):
        raise InvalidArgumentError(
            "agent needs --processor: the id of a published agent processor, such as cp_abc123"
        )
    return RunAgent(processor, **_fields(RunAgent, options))


def _make_suggestion(options: dict[str, object]) -> Task[Any]:
    return SuggestSchemas(**_fields(SuggestSchemas, options))


_MAKERS: Final[Mapping[str, Callable[[dict[str, object]], Task[Any]]]] = {
    "convert": _make_conversion,
    "extract": _make_extraction,
    "segment": _make_segmentation,
    "fill": _make_filling,
    "track-changes": _make_track_changes,
    "create": _make_document,
    "agent": _make_agent_run,
    "suggest-schemas": _make_suggestion,
}


def read_extraction_schema(text: str) -> Any:  # noqa: ANN401 - a class, or JSON
    """Read a schema: a JSON file, JSON itself, or a class as ``MODULE:CLASS``.

    Raises:
        InvalidArgumentError: The class was not found.
        LocalFileError: The file cannot be read.
    """
    found = _CLASS.fullmatch(text)
    if found is None or is_there(text):
        return read_json(text) if text.startswith(("{", "-")) else Path(text)
    return _load_class(found["module"], found["name"])


def _load_class(module: str, name: str) -> type:
    # As with ``python -m``, modules of the working folder are found.
    if os.getcwd() not in sys.path:  # noqa: PTH109 - sys.path holds texts
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    try:
        found: object = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:  # importing runs the user's code, which may raise anything
        reason = excerpt(f"{type(error).__name__}: {error}", limit=300)
        raise InvalidArgumentError(f"--schema {module}:{name} cannot be read: {reason}") from error
    if not isinstance(found, type):
        raise InvalidArgumentError(f"--schema {module}:{name} is not a class")
    return found


def read_json(text: str) -> JSON:
    """Read JSON: from a file, from standard input if it is ``-``, or the text itself.

    Raises:
        LocalFileError: It cannot be read, or is not JSON.
    """
    if not text.startswith(("{", "[")) and text != "-":
        return read_json_file(Path(text))
    try:
        return cast("JSON", json.loads(sys.stdin.read() if text == "-" else text))
    except (ValueError, RecursionError):
        where = "Standard input" if text == "-" else f"The argument {excerpt(text, limit=60)!r}"
        raise LocalFileError(f"{where} is not JSON") from None
