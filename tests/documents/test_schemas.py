"""Schemas are what the API can use, and what it cannot use is reported with its place."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import enum
import json
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, Optional, Required, TypedDict

import attrs
import pydantic
import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import (
    ConfigurationError,
    InvalidArgumentError,
    InvalidSchemaError,
    LocalFileError,
    SchemaIssue,
    schema_of,
)

Price = Annotated[float, pydantic.Field(description="in euros", ge=0)]


class Color(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class ModelLine(pydantic.BaseModel):
    amount: Price
    note: str | None


class ModelInvoice(pydantic.BaseModel):
    """A bill."""

    number: str
    due: date
    lines: list[ModelLine]
    first: ModelLine | None
    color: Color = Color.RED
    kind: Literal["a", "b"] = "a"


@dataclasses.dataclass
class PlainLine:
    amount: Price
    note: str | None


@dataclasses.dataclass
class PlainInvoice:
    """A bill."""

    number: str
    due: date
    lines: list[PlainLine]
    first: PlainLine | None
    color: Color = Color.RED
    kind: Literal["a", "b"] = "a"


@attrs.frozen
class AttrsLine:
    amount: Price
    note: str | None


@attrs.frozen
class AttrsInvoice:
    """A bill."""

    number: str
    due: date
    lines: list[AttrsLine]
    first: AttrsLine | None
    color: Color = Color.RED
    kind: Literal["a", "b"] = "a"
    computed: int = attrs.field(init=False, default=0)


class TypedLine(TypedDict):
    amount: Price
    note: str | None


class TypedInvoice(TypedDict):
    """A bill."""

    number: str
    due: date
    lines: list[TypedLine]
    first: Optional[TypedLine]  # noqa: UP045 - both ways to say it
    color: NotRequired[Color]
    kind: NotRequired[Literal["a", "b"]]


class OpenInvoice(TypedDict, total=False):
    """A bill."""

    number: Required[str]
    due: Required[date]
    lines: Required[list[TypedLine]]
    first: TypedLine
    color: Color
    kind: Annotated[Literal["a", "b"], "one of them"]


class ExtendedInvoice(typing_extensions.TypedDict):
    """A bill."""

    number: str
    due: date
    lines: list[ModelLine]
    first: AttrsLine | None
    color: typing_extensions.NotRequired[Color]
    kind: typing_extensions.NotRequired[Literal["a", "b"]]


LINE = {
    "type": "object",
    "properties": {
        "amount": {"type": "number", "minimum": 0, "description": "in euros"},
        "note": {"type": "string"},
    },
    "required": ["amount"],
}
INVOICE: dict[str, Any] = {
    "type": "object",
    "description": "A bill.",
    "properties": {
        "number": {"type": "string"},
        "due": {"type": "string", "format": "date"},
        "lines": {"type": "array", "items": LINE},
        "first": LINE,
        "color": {"type": "string", "enum": ["red", "blue"]},
        "kind": {"type": "string", "enum": ["a", "b"]},
    },
    "required": ["number", "due", "lines"],
}


def bare(schema: Any) -> Any:
    """Take out what libraries add in ways of their own: titles and defaults."""
    if isinstance(schema, list):
        return [bare(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {key: bare(one) for key, one in value.items()}
        if name == "properties"
        else bare(value)
        for name, value in schema.items()
        if name not in ("title", "default")
    }


@pytest.mark.parametrize(
    "kind",
    [
        ModelInvoice,
        PlainInvoice,
        AttrsInvoice,
        TypedInvoice,
        OpenInvoice,
        ExtendedInvoice,
    ],
)
def test_every_kind_of_class_gives_the_same_schema(kind: type) -> None:
    """With enumerations, dates, lists, nested classes, and without definitions and null."""
    schema = schema_of(kind)
    assert bare(schema) == INVOICE
    assert "$" not in json.dumps(schema)
    assert "null" not in json.dumps(schema)


def test_a_schema_in_a_file_or_a_dict_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(INVOICE), encoding="utf-8")
    assert schema_of(INVOICE) == schema_of(path) == INVOICE


def test_what_the_caller_passed_is_not_changed() -> None:
    before = {
        "$defs": {"A": {"type": ["string", "null"]}},
        "properties": {"a": {"$ref": "#/$defs/A"}},
        "required": ["a"],
    }
    after = copy.deepcopy(before)
    schema_of(before)
    assert before == after


def of_one(schema: Any, **root: Any) -> Any:
    """Give the schema of a property that is required, and whether it still is."""
    found: Any = schema_of({"properties": {"x": schema}, "required": ["x"], **root})
    return found["properties"]["x"], "required" in found


NULLABLE = [
    ({"type": ["string", "null"]}, {"type": "string"}),
    ({"type": ["string", "null", "number"]}, {"type": ["string", "number"]}),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string"}),
    ({"oneOf": [{"type": "null"}, {"type": "string"}]}, {"type": "string"}),
    ({"type": "string", "nullable": True}, {"type": "string"}),
    ({"enum": ["a", None]}, {"enum": ["a"]}),
    ({"anyOf": [{"type": "string"}, {"const": None}]}, {"type": "string"}),
    ({"anyOf": [{"type": "string"}, {"enum": [None]}]}, {"type": "string"}),
    (
        {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]},
        {"anyOf": [{"type": "string"}, {"type": "number"}]},
    ),
    (
        {"anyOf": [{"$ref": "#/$defs/N"}, {"type": "number"}]},
        {"anyOf": [{"type": "string"}, {"type": "number"}]},
    ),
    (
        {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "description": "d"},
        {"type": "string", "description": "d"},
    ),
    (
        {"anyOf": [{"type": "string", "description": "inner"}, {"type": "null"}]},
        {"type": "string", "description": "inner"},
    ),
    ({"$ref": "#/$defs/N", "description": "outer"}, {"type": "string", "description": "outer"}),
    ({"anyOf": [{"type": "null"}]}, {"type": "null"}),
]


@pytest.mark.parametrize(("schema", "wanted"), NULLABLE)
def test_what_may_be_null_becomes_optional(schema: Any, wanted: Any) -> None:
    definitions = {"N": {"type": ["string", "null"], "description": "inner"}}
    if "description" not in json.dumps(wanted):
        del definitions["N"]["description"]
    assert of_one(schema, **{"$defs": definitions}) == (wanted, False)


KEPT: list[tuple[Any, Any]] = [
    ({"type": "string"}, {"type": "string"}),
    ({"type": "null"}, {"type": "null"}),
    ({"type": "string", "nullable": False}, {"type": "string"}),
    ({"type": "string", "default": "null"}, {"type": "string", "default": "null"}),
    ({"allOf": [{"$ref": "#/$defs/S"}], "title": "T"}, {"type": "string", "title": "T"}),
    (
        {"type": "string", "anyOf": [{"minLength": 1}, {"pattern": "a"}]},
        {"type": "string", "anyOf": [{"minLength": 1}, {"pattern": "a"}]},
    ),
    ({"minLength": 2, "anyOf": [{"minLength": 1}]}, {"minLength": 2, "anyOf": [{"minLength": 1}]}),
    ({"type": "array", "items": {"type": ["number", "null"]}}, None),
    ({"type": "array", "items": [{"$ref": "#/$defs/S"}]}, None),
    (
        {"patternProperties": {"a.*": {"$ref": "#/$defs/S"}}},
        {"patternProperties": {"a.*": {"type": "string"}}},
    ),
    ({"not": {"$ref": "#/$defs/S"}}, {"not": {"type": "string"}}),
    ({"$ref": "#/$defs/a~1b%20~0c"}, {"type": "boolean"}),
    ({"$ref": "#/$defs/L/items/0"}, {"type": "number"}),
    ({"$ref": "#/$defs/R"}, {"type": "string"}),
    ({"enum": [{"$ref": "#/nowhere"}]}, {"enum": [{"$ref": "#/nowhere"}]}),
    ({"default": {"$ref": "#/nowhere"}}, {"default": {"$ref": "#/nowhere"}}),
    (True, True),
    (
        {"type": "object", "properties": {"$ref": {"type": "string"}, "$defs": True}},
        {"type": "object", "properties": {"$ref": {"type": "string"}, "$defs": True}},
    ),
]


@pytest.mark.parametrize(("schema", "wanted"), KEPT)
def test_everything_else_stays_required_and_as_it_is(schema: Any, wanted: Any) -> None:
    definitions = {
        "S": {"type": "string"},
        "R": {"$ref": "#/$defs/S"},
        "a/b ~c": {"type": "boolean"},
        "L": {"items": [{"type": "number"}]},
    }
    found, is_required = of_one(schema, **{"$defs": definitions})
    assert is_required
    assert "$defs/" not in json.dumps(found)
    if wanted is not None:
        assert found == wanted


def deep(levels: int) -> Any:
    found: Any = {"type": "string"}
    for _ in range(levels):
        found = {"type": "array", "items": found}
    return found


WRONG: dict[str, tuple[Any, str | None, str]] = {
    "no properties": ({"type": "object"}, "", "properties"),
    "nothing": ({}, "", "describe an object"),
    "no property": ({"type": "object", "properties": {}}, "", "name its properties"),
    "properties that are a list": ({"properties": []}, "", "properties that are not an object"),
    "a list": ({"type": "array", "items": {"type": "string"}}, "", "describe an object"),
    "a list with properties": (
        {"type": "array", "properties": {"a": True}},
        "",
        "must be of type 'object'",
    ),
    "a free dict": (
        {"properties": {"a": {"type": "object", "additionalProperties": {"type": "string"}}}},
        "a",
        "object without properties",
    ),
    "a free dict in a list": (
        {"properties": {"a": {"type": "array", "items": {"type": "object"}}}},
        "a[]",
        "object without properties",
    ),
    "recursion": (
        {
            "properties": {"node": {"$ref": "#/$defs/Node"}},
            "$defs": {
                "Node": {
                    "type": "object",
                    "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/Node"}}},
                }
            },
        },
        "node.kids[]",
        "refers to itself through #/$defs/Node",
    ),
    "recursion of all of it": (
        {"properties": {"kids": {"type": "array", "items": {"$ref": "#"}}}},
        "kids[]",
        "refers to itself",
    ),
    "recursion of references": (
        {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"$ref": "#/$defs/A"}}},
        "a",
        "refers to itself",
    ),
    "a reference to nowhere": (
        {"properties": {"a": {"$ref": "#/$defs/A"}}},
        "a",
        "not in the schema",
    ),
    "a reference elsewhere": (
        {"properties": {"a": {"$ref": "https://a.example/schema"}}},
        "a",
        "not in the schema",
    ),
    "a reference that is a number": ({"properties": {"a": {"$ref": 5}}}, "a", "not in the schema"),
    "a reference to a text": (
        {"properties": {"a": {"$ref": "#/title/0"}}, "title": "t"},
        "a",
        "not in the schema",
    ),
    "a property that is a text": ({"properties": {"a": "string"}}, "a", "must be a schema"),
    "a union that is an object": ({"properties": {"a": {"anyOf": {}}}}, "a", "list of schemas"),
    "a required that is a flag": (
        {"properties": {"a": {"type": "string"}}, "required": True},
        "",
        "required that is not a list",
    ),
    "a required name that is a list": (
        {"properties": {"a": {"type": "string"}}, "required": [[]]},
        "",
        "required that is not a list",
    ),
    "what is not JSON": ({"properties": {"a": {"enum": [Decimal(1)]}}}, "properties.a", "JSON"),
    "great depth": ({"properties": {"a": deep(200)}}, None, "deep"),
    "bombs": (
        {
            "properties": {"a": {"$ref": "#/$defs/0"}},
            "$defs": {
                str(n): {"anyOf": [{"$ref": f"#/$defs/{n + 1}"}, {"$ref": f"#/$defs/{n + 1}"}]}
                for n in range(40)
            }
            | {"40": {"type": "string"}},
        },
        None,
        "too large",
    ),
}


@pytest.mark.parametrize(("schema", "place", "why"), WRONG.values(), ids=WRONG.keys())
def test_what_the_api_cannot_use_is_told_with_its_place(
    schema: Any, place: str | None, why: str
) -> None:
    with pytest.raises(InvalidSchemaError) as caught:
        schema_of(schema)
    [issue] = caught.value.issues
    assert why in issue.message
    assert place is None or issue.place.startswith(place)


def test_all_issues_are_reported_at_once() -> None:
    with pytest.raises(InvalidSchemaError) as caught:
        schema_of({"properties": {name: {"type": "object"} for name in "abcdef"}})
    assert [issue.place for issue in caught.value.issues] == list("abcdef")
    assert "and 2 more in .issues" in str(caught.value)


class ModelNode(pydantic.BaseModel):
    kids: list[ModelNode]


@dataclasses.dataclass
class PlainNode:
    kids: list[PlainNode]


@attrs.frozen
class AttrsNode:
    kids: list[AttrsNode]


class TypedNode(TypedDict):
    kids: list[TypedNode]


@pytest.mark.parametrize("kind", [ModelNode, PlainNode, AttrsNode, TypedNode])
def test_a_class_that_holds_itself_is_told(kind: type) -> None:
    with pytest.raises(InvalidSchemaError, match="itself"):
        schema_of(kind)


class Strange:
    pass


@attrs.frozen
class HoldsStrange:
    one: Strange


@attrs.frozen
class HoldsUnknown:
    one: Unknown  # type: ignore[name-defined]  # noqa: F821


class Empty(pydantic.BaseModel):
    pass


@dataclasses.dataclass
class Free:
    free: dict[str, str]


@pytest.mark.parametrize(
    "kind", [int, Strange, HoldsStrange, HoldsUnknown, Empty, Free], ids=lambda kind: kind.__name__
)
def test_a_class_that_says_nothing_of_its_fields_is_told_by_its_name(kind: type) -> None:
    with pytest.raises(InvalidSchemaError, match=f"The schema of {kind.__name__} cannot be used"):
        schema_of(kind)


@pytest.mark.parametrize("kind", [ModelInvoice, PlainInvoice, AttrsInvoice, TypedInvoice])
def test_a_class_needs_pydantic_and_says_so(monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
    monkeypatch.setitem(sys.modules, "pydantic", None)
    with pytest.raises(ConfigurationError, match=r"datalab-facade\[extraction\]"):
        schema_of(kind)
    assert schema_of(INVOICE) == INVOICE


def test_a_pydantic_class_is_described_by_its_aliases_and_others_by_their_names() -> None:
    """As they are read again."""

    class Model(pydantic.BaseModel):
        number: str = pydantic.Field(alias="invoiceNumber")

    @dataclasses.dataclass
    class Plain:
        number: Annotated[str, pydantic.Field(alias="invoiceNumber")]

    assert list(schema_of(Model)["properties"]) == ["invoiceNumber"]  # type: ignore[arg-type]
    assert list(schema_of(Plain)["properties"]) == ["number"]  # type: ignore[arg-type]


def test_a_decimal_is_a_number_and_nothing_else() -> None:
    @dataclasses.dataclass
    class Plain:
        total: Decimal
        default: object = dataclasses.field(default_factory=object)

    assert of_fields(Plain)["total"] == {"type": "number"}


def of_fields(kind: type) -> Any:
    return bare(schema_of(kind))["properties"]


@pytest.mark.parametrize("source", ["schema.json", 5, None, [], b"{}", Ellipsis], ids=repr)
def test_anything_else_is_no_schema(source: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="A schema must be a class"):
        schema_of(source)


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    with pytest.raises(LocalFileError, match=r"schema\.json cannot be read"):
        schema_of(path)
    for text in ("{", "\xff", "[" * 100_000):
        path.write_text(text, encoding="latin-1")
        with pytest.raises(LocalFileError, match=r"schema\.json is not JSON"):
            schema_of(path)
    path.write_text("[]")
    with pytest.raises(InvalidSchemaError, match=r"schema\.json cannot be used"):
        schema_of(path)


def test_an_issue_says_where() -> None:
    assert str(SchemaIssue(place="a", message="b")) == "a: b"
    assert str(SchemaIssue(place="", message="b")) == "b"


NAMES = st.sampled_from(["a", "b", "type", "$ref", "anyOf", "properties"])
SCHEMAS = st.recursive(
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "null"},
            {"type": ["number", "null"]},
            {"$ref": "#/$defs/A"},
            {"$ref": "#/$defs/B"},
            {"enum": ["a", None]},
            True,
        ]
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"allOf": st.lists(inner, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.fixed_dictionaries(
            {
                "type": st.just("object"),
                "properties": st.dictionaries(NAMES, inner, min_size=1, max_size=3),
                "required": st.lists(NAMES, max_size=2),
            }
        ),
    ),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {
            "properties": st.dictionaries(NAMES, SCHEMAS, min_size=1, max_size=3),
            "required": st.lists(NAMES, max_size=3),
            "$defs": st.fixed_dictionaries({"A": SCHEMAS, "B": SCHEMAS}),
        }
    )
)
def test_a_schema_is_normalized_once_and_then_stays(schema: dict[str, Any]) -> None:
    """Or refused with places; nothing else is raised, whatever the schema."""
    try:
        found = schema_of(schema)
    except InvalidSchemaError:
        return
    assert schema_of(found) == found
    assert "#/$defs" not in json.dumps(found)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["properties", "type", "items", "anyOf", "allOf", "$ref", "required", "enum"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_json_it_is_it_is_normalized_or_told(schema: Any) -> None:
    with contextlib.suppress(InvalidSchemaError):
        schema_of(schema if isinstance(schema, dict) else {"properties": {"a": schema}})
