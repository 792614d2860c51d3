"""Definitions of workflows, as values: written in Python or read from JSON, and checked.

The JSON form is that of the recipes that Datalab publishes::

    {"name": "Invoices",
     "steps": [{"step_key": "marker_parse", "unique_name": "parse",
                "settings": {}, "depends_on": []}]}

A secret has no place in a definition, but a placeholder has: ``${env:SLACK_TOKEN}``
is filled from the environment and ``${secret:slack}`` from the ``secrets`` of the call
when the workflow is created, in the settings of steps and nowhere else. The server
keeps what was filled in, since executions need it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Self

import attrs

from datalab_facade.arguments import checked_path, named
from datalab_facade.errors import ConfigurationError, DefinitionInvalid, DefinitionProblem
from datalab_facade.models import JSON
from datalab_facade.secrecy import Shown
from datalab_facade.travel import portable
from datalab_facade.workflows.checks import layers_of, problems_of
from datalab_facade.workflows.models import StepType
from datalab_facade.workflows.placeholders import placeholders_in


def _names(values: Iterable[str]) -> tuple[str, ...]:
    # A text is an iterable of texts too, and its letters are never what is meant.
    if isinstance(values, str):
        return (values,)
    if not isinstance(values, Iterable):
        raise ConfigurationError(f"depends_on is a list of names of steps, not {named(values)}")
    return tuple(values)


@portable
@attrs.frozen
class StepDefinition:
    """A step of a workflow to be.

    >>> StepDefinition("marker_extract", "extract", depends_on=["parse"])
    StepDefinition('marker_extract', 'extract', settings={}, depends_on=('parse',), version=None)
    """

    step_key: str
    """Of which type it is; see ``client.workflows.step_types()``."""
    unique_name: str
    """Its name in the workflow: outputs and ``depends_on`` of other steps use it."""
    settings: Mapping[str, JSON] = attrs.field(factory=dict, hash=False)
    """What the type of step wants to know."""
    depends_on: tuple[str, ...] = attrs.field(default=(), converter=_names)
    """The unique names of the steps that must end first."""
    version: str | None = None
    """The version of the type of step; by default the latest."""

    def to_dict(self) -> dict[str, JSON]:
        """Give the step in its JSON form, placeholders as they are."""
        # Settings that are no dict are kept for check() to complain about.
        form: dict[str, Any] = {
            "step_key": self.step_key,
            "unique_name": self.unique_name,
            "settings": self.settings,
            "depends_on": list(self.depends_on),
        }
        if self.version is not None:
            form["version"] = self.version
        return form

    def __repr__(self) -> str:
        return (
            f"StepDefinition({self.step_key!r}, {self.unique_name!r}, "
            f"settings={_shown(self.settings)}, depends_on={self.depends_on!r}, "
            f"version={self.version!r})"
        )


def _steps(steps: Iterable[StepDefinition]) -> tuple[StepDefinition, ...]:
    if not isinstance(steps, Iterable):
        raise ConfigurationError(f"Steps are a list of StepDefinition, not {named(steps)}")
    listed = tuple(steps)
    for step in listed:
        if not isinstance(step, StepDefinition):
            raise ConfigurationError(
                f"A step is a StepDefinition, not a {type(step).__name__}; "
                f"WorkflowDefinition.from_dict() takes the JSON form"
            )
    return listed


@portable
@attrs.frozen
class WorkflowDefinition:
    """A workflow to be: nothing but a value, which may be wrong until it is checked.

    >>> definition = WorkflowDefinition(
    ...     "Invoices",
    ...     [
    ...         StepDefinition("marker_parse", "parse"),
    ...         StepDefinition("marker_extract", "extract", depends_on=["parse"]),
    ...     ],
    ... )
    >>> definition.check()
    >>> [[step.unique_name for step in layer] for layer in definition.layers()]
    [['parse'], ['extract']]
    >>> WorkflowDefinition.from_json(definition.to_json()) == definition
    True
    """

    name: str
    steps: tuple[StepDefinition, ...] = attrs.field(converter=_steps)
    description: str | None = None
    """For people; the API has no place for it, so it is not sent."""

    @classmethod
    def from_dict(cls, data: Mapping[str, JSON]) -> Self:
        """Take the JSON form, checked.

        Raises:
            DefinitionInvalid: With everything that is wrong with it.
        """
        _raise_if_any(problems_of(data))
        form: Mapping[str, Any] = data
        return cls(
            form["name"],
            [
                StepDefinition(
                    step["step_key"],
                    step["unique_name"],
                    step.get("settings", {}),
                    step.get("depends_on", ()),
                    step.get("version"),
                )
                for step in form["steps"]
            ],
            form.get("description"),
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Take the JSON form as text, checked.

        Raises:
            DefinitionInvalid: With everything that is wrong with it; a key that
                comes twice in one object is, and so are NaN and Infinity.
        """
        return cls.from_dict(_parsed(text))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Take the JSON form from a file, checked.

        Raises:
            DefinitionInvalid: With everything that is wrong with it.
            ConfigurationError: The file cannot be read.
        """
        checked = checked_path("path", path)
        try:
            text = checked.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"The definition {checked} cannot be read: {error.strerror or error}"
            ) from error
        try:
            return cls.from_json(text)
        except DefinitionInvalid as error:
            raise DefinitionInvalid(error.problems, source=str(checked)) from None

    def to_dict(self) -> dict[str, JSON]:
        """Give the JSON form, placeholders as they are."""
        form: dict[str, JSON] = {"name": self.name}
        if self.description is not None:
            form["description"] = self.description
        form["steps"] = [step.to_dict() for step in self.steps]
        return form

    def to_json(self) -> str:
        """Give the JSON form as text, indented.

        Raises:
            DefinitionInvalid: With everything that is wrong with it.
        """
        self.check()
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def to_file(self, path: str | os.PathLike[str]) -> None:
        """Write the JSON form into a file, in place of what is there.

        Raises:
            DefinitionInvalid: With everything that is wrong with it; nothing is written.
            ConfigurationError: The file cannot be written.
        """
        text, checked = self.to_json(), checked_path("path", path)
        try:
            checked.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise ConfigurationError(
                f"The definition cannot be written to {checked}: {error.strerror or error}"
            ) from error

    def check(self, step_types: Iterable[StepType | str] | None = None) -> None:
        """Make sure that the definition can be sent.

        Names must be there and be unique, dependencies known and free of circles,
        settings fit for JSON, and placeholders well-formed.

        Args:
            step_types: The types of step that there are, as
                ``client.workflows.step_types()`` gives them; by default they are
                not checked.

        Raises:
            DefinitionInvalid: With everything that is wrong.
        """
        known = None
        if step_types is not None:
            known = {one if isinstance(one, str) else one.step_key for one in step_types}
        _raise_if_any(problems_of(self.to_dict(), known))

    def layers(self) -> tuple[tuple[StepDefinition, ...], ...]:
        """Give the steps in layers: each step comes after all that it depends on.

        The steps of one layer can run at the same time; they keep the order of the
        definition.

        Raises:
            DefinitionInvalid: With everything that is wrong.
        """
        self.check()
        by_name = {step.unique_name: step for step in self.steps}
        names = layers_of({name: step.depends_on for name, step in by_name.items()})
        return tuple(tuple(by_name[name] for name in layer) for layer in names)

    def placeholders(self) -> tuple[str, ...]:
        """Tell what has to be filled in, such as ``"env:SLACK_TOKEN"``; each once.

        Raises:
            DefinitionInvalid: With everything that is wrong.
        """
        self.check()
        found: dict[str, None] = {}
        left: list[Any] = [step.settings for step in reversed(self.steps)]
        while left:
            value = left.pop()
            if isinstance(value, str):
                found.update(dict.fromkeys(f"{k}:{n}" for k, n in placeholders_in(value)))
            elif isinstance(value, dict):
                left += reversed(value.values())
            elif isinstance(value, list):
                left += reversed(value)
        return tuple(found)


def _raise_if_any(problems: tuple[DefinitionProblem, ...]) -> None:
    if problems:
        raise DefinitionInvalid(problems)


def _shown(settings: Mapping[str, JSON]) -> str:
    return repr(Shown(settings)) if isinstance(settings, dict) else "…"


def _parsed(text: str | bytes) -> Mapping[str, JSON]:
    twice: list[DefinitionProblem] = []

    def taken(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                twice.append(DefinitionProblem("", f"the key {key!r} comes twice in one object"))
            found[key] = value
        return found

    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        data: Mapping[str, JSON] = json.loads(text, object_pairs_hook=taken)
    except UnicodeDecodeError:
        raise DefinitionInvalid((DefinitionProblem("", "it is not UTF-8"),)) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise DefinitionInvalid((DefinitionProblem(where, f"no JSON: {error.msg}"),)) from None
    except (ValueError, RecursionError):
        # A number of absurd length, or nested without end.
        raise DefinitionInvalid((DefinitionProblem("", "it cannot be read as JSON"),)) from None
    if twice:
        raise DefinitionInvalid((*twice, *problems_of(data)))
    return data
