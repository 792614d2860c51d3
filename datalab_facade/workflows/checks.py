"""Validation of workflow definitions: finds all issues, each with its place. Pure and total."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from datalab_facade.errors import DefinitionIssue
from datalab_facade.fields import named
from datalab_facade.workflows.placeholders import find_placeholders, placeholder_error

_KEYS: Final = ("name", "description", "steps")
_STEP_KEYS: Final = ("step_key", "unique_name", "settings", "depends_on", "version")

# json raises RecursionError somewhat below a depth of 1,000.
_MAX_DEPTH: Final = 100
_MAX_NUMBER_BITS: Final = 10_000


def find_issues(
    definition: object, step_keys: Collection[str] | None = None
) -> tuple[DefinitionIssue, ...]:
    """Find all issues of a definition in its JSON form.

    Args:
        definition: The definition; any object is accepted.
        step_keys: The known step types; None skips that check.
    """
    return tuple(_Check(step_keys).definition(definition))


def layers_of(depends_on: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Sort names into layers, each after its dependencies; leave out circles and what needs them.

    >>> layers_of({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]})
    [['a'], ['b', 'c'], ['d']]
    """
    waits_for = {name: set(needed) for name, needed in depends_on.items()}
    needed_by: dict[str, list[str]] = {name: [] for name in depends_on}
    for name, needed in waits_for.items():
        for one in needed:
            needed_by[one].append(name)
    order = {name: number for number, name in enumerate(depends_on)}
    layers: list[list[str]] = []
    layer = [name for name, needed in waits_for.items() if not needed]
    while layer:
        layers.append(layer)
        ready: set[str] = set()
        for name in layer:
            for other in needed_by[name]:
                waits_for[other].discard(name)
                if not waits_for[other]:
                    ready.add(other)
        layer = sorted(ready, key=order.__getitem__)
    return layers


class _Check:
    """One check; its methods yield the issues that they find."""

    def __init__(self, step_keys: Collection[str] | None) -> None:
        self._step_keys = step_keys

    def definition(self, value: object) -> Iterator[DefinitionIssue]:
        if not isinstance(value, Mapping):
            yield DefinitionIssue(
                place="", message=f"a definition must be an object, not {named(value)}"
            )
            return
        yield from _unknown_keys(value, _KEYS, "")
        yield from _name(value, "name", "")
        description = value.get("description")
        if description is not None and not isinstance(description, str):
            yield DefinitionIssue(
                place="description", message=f"must be a string, not {named(description)}"
            )
        elif description is not None:
            yield from _text(description, "description")
        if "steps" not in value:
            yield DefinitionIssue(place="steps", message="is missing")
        elif not isinstance(value["steps"], (list, tuple)):
            yield DefinitionIssue(
                place="steps", message=f"must be a list, not {named(value['steps'])}"
            )
        elif not value["steps"]:
            yield DefinitionIssue(
                place="steps", message="is empty; a workflow needs at least one step"
            )
        else:
            yield from self._steps(value["steps"])

    def _steps(self, steps: Sequence[object]) -> Iterator[DefinitionIssue]:
        first_of: dict[str, int] = {}
        for number, step in enumerate(steps):
            if isinstance(step, Mapping) and isinstance(step.get("unique_name"), str):
                first_of.setdefault(step["unique_name"], number)
        graph: dict[str, list[str]] = {name: [] for name in first_of}
        for number, step in enumerate(steps):
            place = _place(number, step)
            if not isinstance(step, Mapping):
                yield DefinitionIssue(place=place, message=f"must be an object, not {named(step)}")
                continue
            yield from self._step(step, place)
            name = step.get("unique_name")
            if isinstance(name, str) and first_of[name] != number:
                duplicate = f"steps[{first_of[name]}] already has the name {name!r}"
                yield DefinitionIssue(place=f"{place}.unique_name", message=duplicate)
            yield from _dependencies(step, place, first_of, graph)
        for cycle in _cycles(graph):
            path = " → ".join([*cycle, cycle[0]])
            yield DefinitionIssue(
                place="steps", message=f"depend on each other in a circle: {path}"
            )

    def _step(self, step: Mapping[object, object], place: str) -> Iterator[DefinitionIssue]:
        yield from _unknown_keys(step, _STEP_KEYS, place)
        yield from _name(step, "unique_name", place)
        yield from _name(step, "step_key", place)
        key = step.get("step_key")
        if self._step_keys is not None and isinstance(key, str) and key not in self._step_keys:
            unknown = f"unknown step type {key!r}{_suggest(key, self._step_keys)}"
            yield DefinitionIssue(place=f"{place}.step_key", message=unknown)
        version = step.get("version")
        if version is not None and not (isinstance(version, str) and version.strip()):
            yield DefinitionIssue(
                place=f"{place}.version",
                message="must be a string that is not empty, or be left out",
            )
        if "settings" in step:
            settings = step["settings"]
            where = f"{place}.settings"
            if isinstance(settings, dict):
                yield from _settings(settings, where)
            else:
                yield DefinitionIssue(
                    place=where, message=f"must be an object, not {named(settings)}"
                )


def _dependencies(
    step: Mapping[object, object], place: str, known: Collection[str], graph: dict[str, list[str]]
) -> Iterator[DefinitionIssue]:
    place = f"{place}.depends_on"
    name, needed = step.get("unique_name"), step.get("depends_on", ())
    if not isinstance(needed, (list, tuple)):
        yield DefinitionIssue(place=place, message=f"must be a list of names, not {named(needed)}")
        return
    seen: set[str] = set()
    for one in needed:
        if not isinstance(one, str):
            yield DefinitionIssue(
                place=place, message=f"must be a list of names, not of {named(one)}"
            )
        elif one in seen:
            yield DefinitionIssue(place=place, message=f"names {one!r} twice")
        elif one == name:
            yield DefinitionIssue(place=place, message=f"{one!r} depends on itself")
        elif one not in known:
            yield DefinitionIssue(
                place=place, message=f"there is no step {one!r}{_suggest(one, known)}"
            )
        elif isinstance(name, str):
            graph[name].append(one)
        if isinstance(one, str):
            seen.add(one)


def _cycles(graph: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """Find all circles, each once and from its first step in the definition."""
    order = {name: number for number, name in enumerate(graph)}
    remaining = {name: list(dict.fromkeys(needed)) for name, needed in graph.items()}
    while True:
        placed = {name for layer in layers_of(remaining) for name in layer}
        remaining = {
            name: [one for one in needed if one not in placed]
            for name, needed in remaining.items()
            if name not in placed
        }
        if not remaining:
            return
        # Each remaining name depends on a remaining one, so the walk must close a circle.
        path: dict[str, None] = {}
        here = next(iter(remaining))
        while here not in path:
            path[here] = None
            here = remaining[here][0]
        names = list(path)
        cycle = names[names.index(here) :]
        start = min(range(len(cycle)), key=lambda n: order[cycle[n]])
        yield cycle[start:] + cycle[:start]
        found = set(cycle)
        remaining = {
            name: [one for one in needed if one not in found]
            for name, needed in remaining.items()
            if name not in found
        }


def find_json_issues(value: object, place: str) -> Iterator[DefinitionIssue]:
    """Find values that cannot be written as JSON."""
    return _json(value, place, ())


def _settings(value: object, place: str) -> Iterator[DefinitionIssue]:
    """Find values that cannot be written as JSON; if there are none, wrong placeholders."""
    issues = list(_json(value, place, ()))
    yield from issues or _placeholders(value, place)


def _placeholders(value: object, place: str) -> Iterator[DefinitionIssue]:
    if isinstance(value, str):
        for kind, name in find_placeholders(value):
            message = placeholder_error(kind, name)
            if message is not None:
                yield DefinitionIssue(place=place, message=message)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _placeholders(inner, f"{place}[{number}]")
    elif isinstance(value, dict):
        for name, inner in value.items():
            if any(True for _ in find_placeholders(name)):
                yield DefinitionIssue(
                    place=place,
                    message="has a placeholder in a key; only values can have placeholders",
                )
            yield from _placeholders(inner, f"{place}.{name}")


def _json(value: object, place: str, above: tuple[int, ...]) -> Iterator[DefinitionIssue]:
    if isinstance(value, str):
        yield from _text(value, place)
    elif isinstance(value, float) and not math.isfinite(value):
        yield DefinitionIssue(place=place, message=f"{value} cannot be written as JSON")
    elif isinstance(value, int) and value.bit_length() > _MAX_NUMBER_BITS:
        yield DefinitionIssue(place=place, message="is a number with too many digits to send")
    elif isinstance(value, (list, dict)):
        if id(value) in above:
            yield DefinitionIssue(place=place, message="contains itself")
        elif len(above) >= _MAX_DEPTH:
            yield DefinitionIssue(place=place, message="is nested too deeply")
        else:
            yield from _inside(value, place, (*above, id(value)))
    elif value is not None and not isinstance(value, (bool, int, float)):
        yield DefinitionIssue(place=place, message=f"{named(value)} cannot be written as JSON")


def _inside(
    value: list[object] | dict[object, object], place: str, above: tuple[int, ...]
) -> Iterator[DefinitionIssue]:
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _json(inner, f"{place}[{number}]", above)
        return
    for name, inner in value.items():
        if not isinstance(name, str):
            yield DefinitionIssue(
                place=place, message=f"has a key that is {named(name)}; keys must be strings"
            )
            continue
        yield from _text(name, f"{place}, a key")
        yield from _json(inner, f"{place}.{name}", above)


def _name(value: Mapping[object, object], key: str, place: str) -> Iterator[DefinitionIssue]:
    where = f"{place}.{key}" if place else key
    if key not in value:
        yield DefinitionIssue(place=where, message="is missing")
        return
    name = value[key]
    if not isinstance(name, str):
        yield DefinitionIssue(place=where, message=f"must be a string, not {named(name)}")
    elif not name.strip():
        yield DefinitionIssue(place=where, message="is empty")
    elif name != name.strip():
        yield DefinitionIssue(place=where, message=f"{name!r} begins or ends with white space")
    elif any(True for _ in find_placeholders(name)):
        yield DefinitionIssue(
            place=where, message="has a placeholder; only settings can have placeholders"
        )
    else:
        yield from _text(name, where)


def _text(text: str, place: str) -> Iterator[DefinitionIssue]:
    try:
        text.encode()
    except UnicodeEncodeError:
        yield DefinitionIssue(
            place=place, message="contains a lone surrogate, which cannot be sent"
        )


def _unknown_keys(
    value: Mapping[object, object], known: Sequence[str], place: str
) -> Iterator[DefinitionIssue]:
    for key in value:
        if key in known:
            continue
        name = key if isinstance(key, str) else named(key)
        if name == "team_id":
            hint = "; the team follows from the API key"
        else:
            hint = _suggest(name, known) or f"; the keys are {', '.join(known)}"
        yield DefinitionIssue(place=place, message=f"unknown key {name!r}{hint}")


def _suggest(word: str, known: Collection[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _place(number: int, step: object) -> str:
    name = step.get("unique_name") if isinstance(step, Mapping) else None
    return f"steps[{number}] {name!r}" if isinstance(name, str) else f"steps[{number}]"
