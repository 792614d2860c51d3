"""A definition is a value that is checked as a whole before it is sent."""

from __future__ import annotations

import copy
import json
import math
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import (
    InvalidArgumentError,
    InvalidDefinitionError,
    LocalFileError,
    StepDefinition,
    StepType,
    WorkflowDefinition,
)
from datalab_facade.workflows.checks import find_issues, layers_of
from datalab_facade.workflows.placeholders import fill
from tests.test_decoding import json_values


def problems(definition: Any) -> list[str]:
    return [str(problem) for problem in find_issues(definition)]


def step(name: Any, *needs: Any, key: Any = "marker_parse", **more: Any) -> dict[str, Any]:
    return {"step_key": key, "unique_name": name, "depends_on": list(needs), **more}


def workflow(*steps: Any, **more: Any) -> dict[str, Any]:
    return {"name": "Invoices", "steps": list(steps), **more}


def test_a_definition_comes_and_goes_as_json(tmp_path: Path) -> None:
    definition = WorkflowDefinition(
        name="Rechnungen für München",
        steps=[
            StepDefinition(
                step_key="marker_parse", unique_name="parse", settings={"max_pages": 5}, version="2"
            ),
            StepDefinition(
                step_key="marker_extract",
                unique_name="extract",
                settings={"page_schema": {"a": [1.5]}},
                depends_on=["parse"],
            ),
        ],
        description="for people",
    )
    assert WorkflowDefinition.from_json(definition.to_json()) == definition
    assert WorkflowDefinition.from_json(definition.to_json().encode()) == definition
    assert WorkflowDefinition.from_dict(definition.to_dict()) == definition
    path = tmp_path / "definition.json"
    definition.to_file(path)
    assert WorkflowDefinition.from_file(path) == definition
    assert WorkflowDefinition.from_file(str(path)) == definition
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert WorkflowDefinition.from_file(path) == definition
    assert pickle.loads(pickle.dumps(definition)) == definition
    assert copy.deepcopy(definition) == definition
    assert hash(copy.deepcopy(definition)) == hash(definition)


def test_what_may_be_left_out_is_left_out() -> None:
    definition = WorkflowDefinition.from_dict(
        {"name": "x", "steps": [{"step_key": "marker_parse", "unique_name": "parse"}]}
    )
    assert definition.steps == (StepDefinition(step_key="marker_parse", unique_name="parse"),)
    assert definition.to_dict() == {
        "name": "x",
        "steps": [
            {"step_key": "marker_parse", "unique_name": "parse", "settings": {}, "depends_on": []}
        ],
    }


@pytest.mark.parametrize("wrong", [None, 5, [{"step_key": "a"}], "steps"])
def test_what_are_no_steps_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="StepDefinition"):
        WorkflowDefinition(name="x", steps=wrong)


@pytest.mark.parametrize("wrong", [None, 5])
def test_what_are_no_names_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="list of step names"):
        StepDefinition(step_key="a", unique_name="b", depends_on=wrong)


def test_settings_that_are_no_object_are_left_to_the_check() -> None:
    settings: Any = [1]
    step = StepDefinition(step_key="a", unique_name="b", settings=settings)
    assert "settings=…" in repr(step)
    with pytest.raises(InvalidDefinitionError, match="must be an object, not a list"):
        WorkflowDefinition(name="x", steps=[step]).validate()


def test_a_single_name_is_a_list_of_one() -> None:
    assert StepDefinition(step_key="a", unique_name="b", depends_on="parse").depends_on == (
        "parse",
    )


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        ([], ["a definition must be an object, not a list"]),
        ({}, ["name: is missing", "steps: is missing"]),
        (workflow(), ["steps: is empty; a workflow needs at least one step"]),
        (workflow(name=""), None),
        ({"name": " ", "steps": {}}, ["name: is empty", "steps: must be a list, not an object"]),
        ({"name": " x", "steps": None}, None),
        (
            workflow(step("a"), setps=1),
            ["unknown key 'setps'; did you mean 'steps'?"],
        ),
        (workflow(step("a"), team_id=1), ["unknown key 'team_id'; the team follows from"]),
        (
            workflow(step("a", depend_on=["b"])),
            ["steps[0] 'a': unknown key 'depend_on'; did you mean 'depends_on'?"],
        ),
        (
            workflow(step("a", zzz=1)),
            ["unknown key 'zzz'; the keys are step_key, unique_name, settings"],
        ),
        (workflow(5), ["steps[0]: must be an object, not a number"]),
        (workflow({}), ["steps[0].unique_name: is missing", "steps[0].step_key: is missing"]),
        (
            workflow(step("a"), {"step_key": "x", "depends_on": ["a"]}),
            ["steps[1].unique_name: is missing"],
        ),
        (workflow(step("")), ["steps[0] ''.unique_name: is empty"]),
        (workflow(step(5)), ["steps[0].unique_name: must be a string, not a number"]),
        (workflow(step("a", key=None)), ["steps[0] 'a'.step_key: must be a string, not null"]),
        (
            workflow(step("a"), step("b"), step("a")),
            ["steps[2] 'a'.unique_name: steps[0] already has the name 'a'"],
        ),
        (
            workflow(step("parse"), step("b", "prase")),
            ["steps[1] 'b'.depends_on: there is no step 'prase'; did you mean 'parse'?"],
        ),
        (workflow(step("a", "a")), ["steps[0] 'a'.depends_on: 'a' depends on itself"]),
        (workflow(step("a"), step("b", "a", "a")), ["steps[1] 'b'.depends_on: names 'a' twice"]),
        (workflow(step("a", 5)), ["steps[0] 'a'.depends_on: must be a list of names"]),
        (
            workflow({**step("a"), "depends_on": "b"}),
            ["steps[0] 'a'.depends_on: must be a list of names, not a string"],
        ),
        (
            workflow(step("a", "c"), step("b", "a"), step("c", "b"), step("d", "c")),
            ["steps: depend on each other in a circle: a → c → b → a"],
        ),
        (
            workflow(step("a", "b"), step("b", "a"), step("c", "d"), step("d", "c")),
            ["in a circle: a → b → a", "in a circle: c → d → c"],
        ),
        (workflow(step("a", version=2)), ["steps[0] 'a'.version: must be a string"]),
        (
            workflow(step("a", settings=None)),
            ["steps[0] 'a'.settings: must be an object, not null"],
        ),
        (
            workflow(step("a", settings={"x": [1, {"y": math.nan}]})),
            ["steps[0] 'a'.settings.x[1].y: nan cannot be written as JSON"],
        ),
        (workflow(step("a", settings={"x": math.inf})), ["settings.x: inf cannot be written"]),
        (
            workflow(step("a", settings={"x": {1}, "y": object, "z": b""})),
            [
                "settings.x: a set cannot be",
                "settings.y: a type cannot",
                "settings.z: a bytes cannot",
            ],
        ),
        (workflow(step("a", settings={"x": (1,)})), ["settings.x: a tuple cannot be"]),
        (workflow(step("a", settings={5: 1})), ["settings: has a key that is a number"]),
        (workflow(step("a", settings={"x": "\ud800"})), ["settings.x: contains a lone surrogate"]),
        (
            workflow(step("a", settings={"x": 10**5000})),
            ["settings.x: is a number with too many digits"],
        ),
        (
            workflow(step("a", settings={"x": "${evn:TOKEN}"})),
            ["settings.x: ${evn:TOKEN} is not a placeholder; write ${env:…} or ${secret:…}"],
        ),
        (workflow(step("a", settings={"x": "${env:}"})), ["${env:} has a name that"]),
        (workflow(step("a", settings={"x": "${env:A-B}"})), ["${env:A-B} has a name that"]),
        (
            workflow(step("a", settings={"${env:A}": 1})),
            ["settings: has a placeholder in a key; only values can have"],
        ),
        (workflow(step("${env:A}")), ["unique_name: has a placeholder; only settings can"]),
        (workflow(step("a"), description=5), ["description: must be a string, not a number"]),
    ],
)
def test_each_problem_is_told_with_its_place(definition: Any, told: list[str] | None) -> None:
    found = problems(definition)
    assert found
    if told is not None:
        assert len(found) == len(told)
        for problem, words in zip(found, told, strict=True):
            assert words in problem


def test_all_problems_are_told_in_one_error() -> None:
    definition = WorkflowDefinition(
        name="",
        steps=[
            StepDefinition(
                step_key="", unique_name="a", settings={"x": math.nan}, depends_on=["b"]
            ),
            StepDefinition(
                step_key="marker_parse", unique_name="b", settings={}, depends_on=["a", "zzz"]
            ),
        ],
    )
    with pytest.raises(InvalidDefinitionError) as caught:
        definition.validate()
    assert [problem.place for problem in caught.value.issues] == [
        "name",
        "steps[0] 'a'.step_key",
        "steps[0] 'a'.settings.x",
        "steps[1] 'b'.depends_on",
        "steps",
    ]
    assert "and 1 more in .issues" in str(caught.value)
    for refuses in (definition.layers, definition.to_json, definition.placeholders):
        with pytest.raises(InvalidDefinitionError):
            refuses()


def test_types_of_step_are_checked_when_they_are_known() -> None:
    definition = WorkflowDefinition(
        name="x", steps=[StepDefinition(step_key="marker_prase", unique_name="parse")]
    )
    definition.validate()
    for known in (["marker_parse"], [StepType(step_key="marker_parse")]):
        with pytest.raises(InvalidDefinitionError, match="did you mean 'marker_parse'"):
            definition.validate(known)
    definition.validate(["marker_prase"])
    with pytest.raises(InvalidDefinitionError, match="unknown step type"):
        definition.validate([])


def test_settings_that_hold_themselves_are_found() -> None:
    settings: dict[str, Any] = {"a": []}
    settings["a"].append(settings)
    assert problems(workflow(step("x", settings=settings))) == [
        "steps[0] 'x'.settings.a[0]: contains itself"
    ]
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    [problem] = problems(workflow(step("x", settings={"a": deep})))
    assert problem.endswith("is nested too deeply")
    definition = WorkflowDefinition(
        name="x", steps=[StepDefinition(step_key="a", unique_name="b", settings={"a": deep})]
    )
    assert repr(definition)


def test_a_long_chain_is_checked_and_layered_at_once() -> None:
    steps = [StepDefinition(step_key="p", unique_name="0")]
    steps += [
        StepDefinition(step_key="p", unique_name=str(n), depends_on=[str(n - 1)])
        for n in range(1, 5_000)
    ]
    assert len(WorkflowDefinition(name="x", steps=reversed(steps)).layers()) == 5_000
    [problem] = problems(workflow(*(step(str(n), str((n + 1) % 5_000)) for n in range(5_000))))
    assert "0 → 1 → 2" in problem


def test_layers_keep_the_order_of_the_definition() -> None:
    definition = WorkflowDefinition(
        name="x",
        steps=[
            StepDefinition(step_key="p", unique_name="post", depends_on=["b", "a"]),
            StepDefinition(step_key="p", unique_name="b", depends_on=["parse"]),
            StepDefinition(step_key="p", unique_name="parse"),
            StepDefinition(step_key="p", unique_name="a", depends_on=["parse"]),
            StepDefinition(step_key="p", unique_name="other"),
        ],
    )
    names = [[one.unique_name for one in layer] for layer in definition.layers()]
    assert names == [["parse", "other"], ["b", "a"], ["post"]]


@given(st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 9), unique=True), min_size=1))
def test_a_circle_is_told_exactly_when_there_is_one(graph: dict[int, list[int]]) -> None:
    known = {
        str(name): [str(one) for one in needs if one in graph] for name, needs in graph.items()
    }
    told = problems(workflow(*(step(name, *needs) for name, needs in known.items())))
    layers = layers_of({name: [n for n in needs if n != name] for name, needs in known.items()})
    placed = [name for layer in layers for name in layer]
    assert any("in a circle" in problem for problem in told) == (len(placed) < len(known))
    done: set[str] = set()
    for layer in layers:
        for name in layer:
            assert set(known[name]) - {name} <= done
        done.update(layer)


@given(json_values)
def test_any_json_is_a_definition_or_a_typed_error(data: Any) -> None:
    try:
        definition = WorkflowDefinition.from_json(json.dumps(data))
    except InvalidDefinitionError:
        return
    assert WorkflowDefinition.from_json(definition.to_json()) == definition


fields = {
    "step_key": st.just("marker_parse") | json_values,
    "unique_name": st.sampled_from("abc") | json_values,
    "settings": st.dictionaries(st.text(), json_values) | json_values,
    "depends_on": st.lists(st.sampled_from("abc")) | json_values,
    "version": st.none() | st.just("1") | json_values,
    "surprise": json_values,
}
almost = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("x") | json_values,
        "description": st.none() | st.text() | json_values,
        "steps": st.lists(st.fixed_dictionaries({}, optional=fields) | json_values) | json_values,
    },
)


@given(almost)
def test_whatever_is_almost_a_definition_is_one_or_a_typed_error(data: Any) -> None:
    try:
        definition = WorkflowDefinition.from_dict(data)
    except InvalidDefinitionError:
        assert find_issues(data)
        return
    definition.validate()
    assert WorkflowDefinition.from_json(definition.to_json()) == definition
    assert sum(map(len, definition.layers())) == len(definition.steps)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1, column 1: not JSON"),
        ('{"name": "x",\n "steps": }', "line 2, column 11: not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("9" * 10_000, "cannot be read as JSON"),
        ('{"name": "x", "name": "y", "steps": []}', "the key 'name' twice"),
        ('{"name": "x", "steps": [{"settings": {"a": NaN}}]}', "nan cannot be written"),
    ],
)
def test_text_that_is_no_json_is_told_where(text: str | bytes, told: str) -> None:
    with pytest.raises(InvalidDefinitionError, match=told):
        WorkflowDefinition.from_json(text)


def test_a_file_that_is_wrong_is_named(tmp_path: Path) -> None:
    path = tmp_path / "invoices.json"
    with pytest.raises(LocalFileError, match=r"invoices\.json cannot be read"):
        WorkflowDefinition.from_file(path)
    with pytest.raises(LocalFileError, match="cannot be read"):
        WorkflowDefinition.from_file(tmp_path)
    path.write_text("{}")
    with pytest.raises(InvalidDefinitionError, match=r"invoices\.json") as caught:
        WorkflowDefinition.from_file(path)
    assert caught.value.source == os.fspath(path)
    definition = WorkflowDefinition(name="x", steps=[StepDefinition(step_key="a", unique_name="b")])
    with pytest.raises(LocalFileError, match="cannot be written"):
        definition.to_file(tmp_path / "no" / "such")
    with pytest.raises(InvalidDefinitionError):
        WorkflowDefinition(name="", steps=()).to_file(path)
    assert path.read_text() == "{}"


# Placeholders.


def test_what_has_to_be_filled_in_is_told_once_each() -> None:
    settings: Any = {
        "url": "https://a.example/{{_internal.file_url}}?k=${env:KEY}",
        "headers": [{"a": "Bearer ${secret:slack.bot}"}, {"b": "${env:KEY}"}],
        "plain": "${nothing} $${env:ESCAPED} {{step.output}}",
    }
    definition = WorkflowDefinition(
        name="x",
        steps=[StepDefinition(step_key="api_request", unique_name="post", settings=settings)],
    )
    assert definition.placeholders() == ("env:KEY", "secret:slack.bot")


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("${env:A}", "from env"),
        ("x ${env:A} ${secret:b} y", "x from env from mapping y"),
        ("$${env:A}", "${env:A}"),
        ("$$${env:A}", "$${env:A}"),
        ("{{_internal.file_url}}", "{{_internal.file_url}}"),
        ("${A} $A ${}", "${A} $A ${}"),
        ("", ""),
    ],
)
def test_only_our_own_placeholders_are_filled(text: str, done: str) -> None:
    given: Any = {"a": [text, 5, None], "b": True}
    result = fill(given, "here", {"b": "from mapping"}, {"A": "from env"})
    assert result.value == {"a": [done, 5, None], "b": True}
    assert not result.missing


def test_what_was_filled_in_is_not_filled_again_and_not_shown() -> None:
    result = fill("${env:A}", "here", {"b": "x"}, {"A": "${secret:b}"})
    assert result.value == "${secret:b}"
    assert "secret:b" not in repr(result)


@pytest.mark.parametrize(("environ", "state"), [({}, "is not set"), ({"A": ""}, "is empty")])
def test_an_empty_value_is_as_good_as_none(environ: dict[str, str], state: str) -> None:
    result = fill({"x": "${env:A}"}, "here", {}, environ)
    assert [str(one) for one in result.missing] == [f"here.x: the environment variable A {state}"]
