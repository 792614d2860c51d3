"""Workflow definitions, as values: write them in Python or read them from JSON, and check them.

The JSON form is that of Datalab's published recipes::

    {"name": "Invoices",
     "steps": [{"step_key": "marker_parse", "unique_name": "parse",
                "settings": {}, "depends_on": []}]}

Write placeholders into a definition, not secrets. When the workflow is created,
``${env:SLACK_TOKEN}`` is filled from the environment and ``${secret:slack}`` from the
``secrets`` of the call, in the settings of steps and nowhere else. The server stores
the filled values, because executions need them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Self

import attrs

from datalab_facade import codec
from datalab_facade.arguments import checked_path, named
from datalab_facade.codec import ToJSON, json_field
from datalab_facade.errors import (
    DefinitionIssue,
    InvalidArgumentError,
    InvalidDefinitionError,
    LocalFileError,
)
from datalab_facade.json_forms import JSON
from datalab_facade.known_secrets import Redacted
from datalab_facade.pickling import picklable
from datalab_facade.workflows.checks import find_issues, layers_of
from datalab_facade.workflows.models import StepType
from datalab_facade.workflows.placeholders import find_placeholders


def _to_names(values: Iterable[str]) -> tuple[str, ...]:
    # A string is an iterable of strings too; its letters are never meant.
    if isinstance(values, str):
        return (values,)
    if not isinstance(values, Iterable):
        raise InvalidArgumentError(f"depends_on must be a list of step names, not {named(values)}")
    return tuple(values)


@picklable
@attrs.frozen(kw_only=True)
class StepDefinition(ToJSON):
    """The definition of a workflow's step.

    >>> step = StepDefinition(
    ...     step_key="marker_extract", unique_name="extract", depends_on=["parse"]
    ... )
    >>> step.depends_on
    ('parse',)
    """

    step_key: str
    """The step type; ``client.workflows.step_types()`` lists them."""
    unique_name: str
    """The step's name in the workflow; outputs and other steps' ``depends_on`` use it."""
    settings: Mapping[str, JSON] = attrs.field(factory=dict, hash=False)
    """The settings of the step; its type decides which there are."""
    depends_on: tuple[str, ...] = attrs.field(default=(), converter=_to_names)
    """The unique names of the steps that must end first."""
    version: str | None = attrs.field(default=None, metadata=json_field(left_out_if_none=True))
    """The version of the step type; by default the latest."""

    def __repr__(self) -> str:
        return (
            f"StepDefinition(step_key={self.step_key!r}, unique_name={self.unique_name!r}, "
            f"settings={_redacted(self.settings)}, depends_on={self.depends_on!r}, "
            f"version={self.version!r})"
        )


def _to_steps(steps: Iterable[StepDefinition]) -> tuple[StepDefinition, ...]:
    if not isinstance(steps, Iterable):
        raise InvalidArgumentError(f"steps must be a list of StepDefinition, not {named(steps)}")
    result = tuple(steps)
    for step in result:
        if not isinstance(step, StepDefinition):
            raise InvalidArgumentError(
                f"steps must hold StepDefinition objects, not {named(step)}; "
                f"for the JSON form use WorkflowDefinition.from_dict()"
            )
    return result


@picklable
@attrs.frozen(kw_only=True)
class WorkflowDefinition(ToJSON):
    """The definition of a workflow: a plain value, which :meth:`validate` checks.

    >>> definition = WorkflowDefinition(
    ...     name="Invoices",
    ...     steps=[
    ...         StepDefinition(step_key="marker_parse", unique_name="parse"),
    ...         StepDefinition(
    ...             step_key="marker_extract", unique_name="extract", depends_on=["parse"]
    ...         ),
    ...     ],
    ... )
    >>> definition.validate()
    >>> [[step.unique_name for step in layer] for layer in definition.layers()]
    [['parse'], ['extract']]
    >>> WorkflowDefinition.from_json(definition.to_json()) == definition
    True
    """

    name: str
    description: str | None = attrs.field(default=None, metadata=json_field(left_out_if_none=True))
    """A text for people. It is not sent, because the API has no field for it."""
    steps: tuple[StepDefinition, ...] = attrs.field(converter=_to_steps)

    @classmethod
    def from_dict(cls, data: Mapping[str, JSON]) -> Self:
        """Build a definition from its JSON form, and check it.

        Raises:
            InvalidDefinitionError: The definition has issues; the error lists all of them.
        """
        _raise_if_any(find_issues(data))
        return codec.from_json(cls, data)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Build a definition from its JSON form as text, and check it.

        Raises:
            InvalidDefinitionError: The definition has issues; the error lists all of
                them. A key twice in one object, NaN and Infinity are issues, too.
        """
        return cls.from_dict(_parsed(text))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Build a definition from its JSON form in a file, and check it.

        Raises:
            InvalidDefinitionError: The definition has issues; the error lists all of them.
            LocalFileError: The file cannot be read.
        """
        checked = checked_path("path", path)
        try:
            text = checked.read_bytes()
        except OSError as error:
            raise LocalFileError(
                f"The definition {checked} cannot be read: {error.strerror or error}"
            ) from error
        try:
            return cls.from_json(text)
        except InvalidDefinitionError as error:
            raise InvalidDefinitionError(error.issues, source=str(checked)) from None

    def to_json(self) -> str:
        """Return the JSON form as indented text.

        Raises:
            InvalidDefinitionError: The definition has issues; the error lists all of them.
        """
        self.validate()
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def to_file(self, path: str | os.PathLike[str]) -> None:
        """Write the JSON form to a file, and replace its content.

        Raises:
            InvalidDefinitionError: The definition has issues; the error lists all of them.
                Nothing is written.
            LocalFileError: The file cannot be written.
        """
        text, checked = self.to_json(), checked_path("path", path)
        try:
            checked.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise LocalFileError(
                f"The definition cannot be written to {checked}: {error.strerror or error}"
            ) from error

    def validate(self, step_types: Iterable[StepType | str] | None = None) -> None:
        """Check that the definition can be sent.

        Names must exist and be unique, dependencies must exist and form no circle,
        settings must be JSON, and placeholders must be well-formed.

        Args:
            step_types: The known step types, as ``client.workflows.step_types()``
                returns them; by default step types are not checked.

        Raises:
            InvalidDefinitionError: The definition has issues; the error lists all of them.
        """
        known = None
        if step_types is not None:
            known = {one if isinstance(one, str) else one.step_key for one in step_types}
        # What strict JSON does not know has to be found, so it must not be gone already.
        steps = [{**step.to_dict(), "settings": step.settings} for step in self.steps]
        _raise_if_any(find_issues({**self.to_dict(), "steps": steps}, known))

    def layers(self) -> tuple[tuple[StepDefinition, ...], ...]:
        """Return the steps in layers: each step comes after all steps that it depends on.

        The steps of one layer can run at the same time; they keep the order of the
        definition.

        Raises:
            InvalidDefinitionError: The definition has issues; the error lists all of them.
        """
        self.validate()
        by_name = {step.unique_name: step for step in self.steps}
        names = layers_of({name: step.depends_on for name, step in by_name.items()})
        return tuple(tuple(by_name[name] for name in layer) for layer in names)

    def placeholders(self) -> tuple[str, ...]:
        """List the placeholders, such as ``"env:SLACK_TOKEN"``, each once.

        Raises:
            InvalidDefinitionError: The definition has issues; the error lists all of them.
        """
        self.validate()
        found: dict[str, None] = {}
        pending: list[Any] = [step.settings for step in reversed(self.steps)]
        while pending:
            value = pending.pop()
            if isinstance(value, str):
                found.update(dict.fromkeys(f"{k}:{n}" for k, n in find_placeholders(value)))
            elif isinstance(value, dict):
                pending += reversed(value.values())
            elif isinstance(value, list):
                pending += reversed(value)
        return tuple(found)


def _raise_if_any(issues: tuple[DefinitionIssue, ...]) -> None:
    if issues:
        raise InvalidDefinitionError(issues)


def _redacted(settings: Mapping[str, JSON]) -> str:
    return repr(Redacted(settings)) if isinstance(settings, dict) else "…"


def _parsed(text: str | bytes) -> Mapping[str, JSON]:
    duplicates: list[DefinitionIssue] = []

    def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                duplicates.append(
                    DefinitionIssue(place="", message=f"an object has the key {key!r} twice")
                )
            found[key] = value
        return found

    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        data: Mapping[str, JSON] = json.loads(text, object_pairs_hook=without_duplicates)
    except UnicodeDecodeError:
        raise InvalidDefinitionError(
            (DefinitionIssue(place="", message="the text is not UTF-8"),)
        ) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InvalidDefinitionError(
            (DefinitionIssue(place=where, message=f"not JSON: {error.msg}"),)
        ) from None
    except (ValueError, RecursionError):
        # A number with too many digits, or too deep a nesting.
        raise InvalidDefinitionError(
            (
                DefinitionIssue(
                    place="",
                    message="the text cannot be read as JSON: its nesting or a number is too long",
                ),
            )
        ) from None
    if duplicates:
        raise InvalidDefinitionError((*duplicates, *find_issues(data)))
    return data
