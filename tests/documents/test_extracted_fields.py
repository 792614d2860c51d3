"""Data and remarks about it are separated, whatever the schema and its names."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import ExtractedField
from datalab_facade.documents.extracted_fields import ExtractedFields, join_path, separate
from tests.test_decoding import json_values

# Few names, so that the remarks on one are often the name of another.
_NAMES = [
    "a", "a_score", "a_meta", "a_citations", "a_score_score", "a_citations_meta", "b.c", "b[0]",
    'b"', "", "_score", "é",
]  # fmt: skip
_REMARKS = ("_citations", "_meta", "_score")

schemas: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.sampled_from([{"type": "string"}, {"type": "number"}, {}]),
    lambda inner: (
        st.dictionaries(st.sampled_from(_NAMES), inner, max_size=5).map(
            lambda properties: {"type": "object", "properties": properties}
        )
        | inner.map(lambda items: {"type": "array", "items": items})
        | inner.map(lambda one: {"anyOf": [one, {"type": "null"}]})
    ),
    max_leaves=12,
)
leaves = st.none() | st.booleans() | st.integers(0, 5) | st.text(max_size=3)


@st.composite
def data_of(draw: st.DrawFn, schema: dict[str, Any]) -> Any:
    """Make data of exactly a schema."""
    if "anyOf" in schema:
        return draw(st.none() | data_of(schema["anyOf"][0]))
    if "properties" in schema:
        return {name: draw(data_of(inner)) for name, inner in schema["properties"].items()}
    if "items" in schema:
        return draw(st.lists(data_of(schema["items"]), max_size=3))
    return draw(leaves)


Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]


def remark_on(draw: Draw, ending: str) -> Any:
    """Make what the server may say about a field."""
    if ending == "_citations":
        return draw(st.none() | st.lists(st.text(max_size=3), max_size=2))
    if ending == "_meta":
        return draw(st.none() | st.dictionaries(st.sampled_from(["status", "reasoning"]), leaves))
    return draw(st.none() | st.integers(1, 5) | st.just({"score": 3, "reasoning": "why"}))


def with_remarks(draw: Draw, value: Any) -> Any:
    """Add remarks to data, as the server does, where no field has that name."""
    if isinstance(value, list):
        return [with_remarks(draw, item) for item in value]
    if not isinstance(value, dict):
        return value
    answer = {name: with_remarks(draw, inner) for name, inner in value.items()}
    for name in value:
        for ending in _REMARKS:
            if name + ending not in value and draw(st.booleans()):
                answer[name + ending] = remark_on(draw, ending)
    return answer


def paths_in(value: Any, path: str = "") -> list[str]:
    """Give the paths of all properties, in order."""
    if isinstance(value, list):
        return [
            one for number, item in enumerate(value) for one in paths_in(item, f"{path}[{number}]")
        ]
    if not isinstance(value, dict):
        return []
    return [
        one
        for name, inner in value.items()
        for one in [join_path(path, name), *paths_in(inner, join_path(path, name))]
    ]


def at(value: Any, path: str) -> Any:
    """Find a value by its path, the slow way."""
    found = {"": value}
    for _ in range(50):
        if path in found:
            break
        for place, inner in list(found.items()):
            if isinstance(inner, dict):
                found |= {join_path(place, name): one for name, one in inner.items()}
            if isinstance(inner, list):
                found |= {f"{place}[{number}]": one for number, one in enumerate(inner)}
    return found[path]


@given(st.data(), schemas)
def test_the_data_is_exactly_that_of_the_schema_and_the_remarks_are_beside_it(
    data: st.DataObject, inner: dict[str, Any]
) -> None:
    schema: Any = {"properties": {"a": inner, "a_score": inner, "list": {"items": inner}}}
    value = data.draw(data_of(schema))
    answer = with_remarks(data.draw, value)
    found, fields = separate(answer, schema)
    assert found == value
    assert list(fields) == paths_in(value)
    for path, field in fields.items():
        assert field.path == path
        assert field.value == at(value, path)
    assert found is not answer


@given(st.data(), schemas)
def test_without_a_schema_names_that_do_not_collide_are_separated_alike(
    data: st.DataObject, inner: dict[str, Any]
) -> None:
    schema: Any = {"properties": {"x": inner}}
    value = data.draw(data_of(schema).filter(lambda one: not _collides(one)))
    answer = with_remarks(data.draw, value)
    assert separate(answer, None) == separate(answer, schema)


def _collides(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_collides, value))
    if not isinstance(value, dict):
        return False
    return any(name.endswith(ending) for name in value for ending in _REMARKS) or any(
        map(_collides, value.values())
    )


@given(
    st.dictionaries(st.sampled_from(_NAMES) | st.text(), json_values),
    st.dictionaries(
        st.sampled_from(["properties", "items", "anyOf", "allOf", "additionalProperties"]),
        json_values
        | st.lists(st.dictionaries(st.just("properties"), json_values))
        | st.dictionaries(st.sampled_from(_NAMES), json_values),
    )
    | st.none(),
)
def test_whatever_comes_is_separated(answer: dict[str, Any], schema: dict[str, Any] | None) -> None:
    data, fields = separate(answer, schema)
    assert data.keys() <= answer.keys()
    assert list(fields) == paths_in(data)
    again = {path: ExtractedField.from_dict(field.to_dict()) for path, field in fields.items()}
    # Strict JSON has no infinity.
    assert [one.to_dict() for one in again.values()] == [one.to_dict() for one in fields.values()]


_steps = st.lists(st.sampled_from(_NAMES) | st.text(max_size=4) | st.integers(0, 3), max_size=4)


@given(_steps, _steps)
def test_no_two_places_have_one_path(one: list[str | int], other: list[str | int]) -> None:
    def path_of(parts: list[str | int]) -> str:
        path = ""
        for part in ["root", *parts]:
            path = f"{path}[{part}]" if isinstance(part, int) else join_path(path, part)
        return path

    assert (path_of(one) == path_of(other)) == (one == other)


@pytest.mark.parametrize(
    ("answer", "schema", "data"),
    [
        # What the schema names is data, whatever it is called.
        (
            {"credit": 1, "credit_score": 4, "credit_score_score": 5},
            {"properties": {"credit": {}, "credit_score": {}}},
            {"credit": 1, "credit_score": 4},
        ),
        ({"credit_score": 4}, {"properties": {"credit_score": {}}}, {"credit_score": 4}),
        # Without a schema, a remark must look like one.
        ({"credit": 1, "credit_score": 750}, None, {"credit": 1, "credit_score": 750}),
        ({"a": 1, "a_meta": "x", "a_score": 9}, None, {"a": 1, "a_meta": "x", "a_score": 9}),
        ({"a": 1, "a_citations": 5}, None, {"a": 1, "a_citations": 5}),
        ({"a_score": 4}, None, {"a_score": 4}),
        # A null says nothing about a field, wherever it is.
        ({"a": None, "a_score": None}, None, {"a": None}),
        # Other things that the schema does not name are left out, unless it allows them.
        ({"a": 1, "b": 2}, {"properties": {"a": {}}}, {"a": 1}),
        ({"a": 1, "b": 2, "a_score": 1}, {"properties": {"a": {}}, "additionalProperties": True},
         {"a": 1, "b": 2}),
        # Schemas of several branches.
        ({"x": {"a": 1, "b": 2, "a_score": 3}},
         {"properties": {"x": {"anyOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}}},
         {"x": {"a": 1, "b": 2}}),
    ],
)  # fmt: skip
def test_what_is_data(answer: Any, schema: Any, data: Any) -> None:
    assert separate(answer, schema)[0] == data


def test_a_field_says_where_it_was_found_and_how_sure_the_server_is() -> None:
    answer: Any = {
        "items": [
            {
                "amount": 5,
                "amount_citations": ["/page/0/Text/1", "/page/1/Text/2"],
                "amount_meta": {"status": "FOUND", "reasoning": "r", "verification": {"ok": True}},
                "amount_score": {"score": 4.5, "reasoning": "clear"},
            }
        ],
        "items_citations": ["/page/0"],
    }
    data, fields = separate(answer, None)
    assert data == {"items": [{"amount": 5}]}
    assert list(fields) == ["items", "items[0].amount"]
    assert fields["items"].citations == ("/page/0",)
    assert fields["items[0].amount"] == ExtractedField(
        path="items[0].amount",
        value=5,
        citations=("/page/0/Text/1", "/page/1/Text/2"),
        score=4.5,
        reasoning="clear",
        status="FOUND",
        verification={"ok": True},
    )


def test_fields_are_a_mapping_that_names_what_it_has() -> None:
    _, fields = separate({"a": 1, "b": {"c": 2}}, None)
    assert len(fields) == 3
    assert "b.c" in fields
    assert ("x" in fields) is False
    with pytest.raises(KeyError, match=r"no field 'c'; the fields are: 'a', 'b', 'b\.c'"):
        fields["c"]
    with pytest.raises(KeyError, match="none"):
        ExtractedFields()["c"]
    assert repr(fields) == "<ExtractedFields a, b, b.c>"
    assert pickle.loads(pickle.dumps(fields)) == fields
