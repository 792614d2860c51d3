"""What the operators ask for: how a job is started, and what makes it another one.

Nothing here imports Airflow.
"""

from __future__ import annotations

import contextlib
import hashlib
import operator
import os
import pkgutil
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, SupportsIndex

import attrs

from datalab_facade.arguments import named
from datalab_facade.client import Datalab
from datalab_facade.documents.kind import DOCUMENTS
from datalab_facade.documents.sources import FileSource, UrlSource, resolve_source
from datalab_facade.documents.task_base import Task
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.executions.kind import EXECUTIONS
from datalab_facade.integrations.airflow.memory import Handle
from datalab_facade.json_forms import JSON
from datalab_facade.pipelines.kind import PIPELINE_EXECUTIONS
from datalab_facade.pipelines.run_task import RunPipeline
from datalab_facade.workflows.inputs import InputConfig

_CLASS: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")

# Python refuses to convert texts of thousands of digits.
_MAX_DIGITS: Final = 100


@attrs.frozen
class JobRequest:
    """A job that is to be started once."""

    kind: str
    """The name of its kind, as in handles."""
    identity: list[JSON]
    """What was asked for: with anything else in it, it is another job. It is only digested."""
    start: Callable[[Datalab], Handle]
    """Starts it, and returns the JSON form of its handle."""


def workflow_request(workflow_id: int, config: InputConfig | None) -> JobRequest:
    """Return the request that executes a workflow."""
    form = None if config is None else config.to_dict()

    def start(client: Datalab) -> Handle:
        return client.workflows.execute(workflow_id, config).to_dict()

    return JobRequest(EXECUTIONS.name, [workflow_id, form], start)


def without_task(handle: Mapping[str, JSON]) -> Handle:
    """Return a handle for XCom: without the fields of a task, which may be content.

    They are the text of a document that is created, or what fills a form.
    """
    return {name: value for name, value in handle.items() if name != "task"}


def document_request(task: Task[Any], source: str | os.PathLike[str] | None) -> JobRequest:
    """Return the request that a task makes about a document.

    Raises:
        InvalidArgumentError: The source cannot be one of the task.
    """
    about = _identity_of(source, task)

    def start(client: Datalab) -> Handle:
        return without_task(client.documents.submit(task, source, checksum=True).to_dict())

    return JobRequest(DOCUMENTS.name, [task.to_dict(), about], start)


def pipeline_request(
    pipeline: str, source: str | os.PathLike[str] | None, options: Mapping[str, Any]
) -> JobRequest:
    """Return the request that runs a pipeline on a document.

    Args:
        pipeline: The pipeline's id or name. A name is looked up when it is submitted.
        source: The document.
        options: The fields of ``RunPipeline`` besides the id.

    Raises:
        InvalidArgumentError: An option is wrong, or the source cannot be one.
    """
    if source is None:
        raise InvalidArgumentError("source is None; it must be a path or a URL")
    task = RunPipeline("pl_unknown", **options)
    about = _identity_of(source, task)

    def start(client: Datalab) -> Handle:
        found = attrs.evolve(task, pipeline_id=client.pipelines.resolve(pipeline))
        return client.pipelines.submit(found, source).to_dict()

    return JobRequest(PIPELINE_EXECUTIONS.name, [pipeline, task.to_dict(), about], start)


def _identity_of(source: str | os.PathLike[str] | None, task: Task[Any]) -> JSON:
    if isinstance(source, str) and not source.strip():
        raise InvalidArgumentError("source is empty; it must be a path or a URL")
    resolved = resolve_source(source, task=task)
    if isinstance(resolved, UrlSource):
        return resolved.url
    if not isinstance(resolved, FileSource):
        return None
    # A file that was corrected is another document, wherever it lies.
    try:
        with Path(os.fspath(source or "")).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        # Sending it will say what is wrong.
        digest = ""
    return [resolved.name, digest]


def schema_of_setting(schema: object) -> Any:
    """Return the schema that a setting names: a mapping, a class, or the path of a file.

    Args:
        schema: A mapping or a class as it is, the path of a JSON file, or ``"module:Class"``.

    Raises:
        InvalidArgumentError: The module or the class was not found.
    """
    if not isinstance(schema, str):
        return schema
    if not _CLASS.fullmatch(schema.strip()):
        return Path(schema)
    try:
        found: object = pkgutil.resolve_name(schema.strip())
    except (ImportError, AttributeError) as error:
        raise InvalidArgumentError(
            f"The schema {schema!r} cannot be imported: {error}; it must be 'module:Class', where "
            f"every worker can import the module"
        ) from error
    if not isinstance(found, type):
        raise InvalidArgumentError(f"The schema {schema!r} is not a class, but {named(found)}")
    return found


def whole_number(name: str, value: object) -> int:
    """Return a whole number, which a template may have rendered as text.

    Raises:
        InvalidArgumentError: It is not a whole number.
    """
    text = value.strip() if isinstance(value, str) else ""
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS:
        return int(text)
    with contextlib.suppress(TypeError):
        if isinstance(value, SupportsIndex) and not isinstance(value, bool):
            return operator.index(value)
    raise InvalidArgumentError(f"{name} must be a whole number such as 123, not {named(value)}")
