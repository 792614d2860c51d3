"""Tasks are values: they check themselves, are sent as the API documents it, and travel."""

from __future__ import annotations

import copy
import json
import pickle
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import (
    Convert,
    CreateDocument,
    DatalabError,
    Extract,
    Fill,
    InvalidArgumentError,
    LocalFileError,
    RunAgent,
    Segment,
    SuggestSchemas,
    Task,
    TrackChanges,
)
from datalab_facade.codec import hints_of
from datalab_facade.documents import task_fields
from datalab_facade.documents.task_base import argument_names, argument_of, field_names

AnyTask = Task[Any]
KINDS: list[type[AnyTask]] = [
    Convert,
    CreateDocument,
    Extract,
    Fill,
    RunAgent,
    Segment,
    SuggestSchemas,
    TrackChanges,
]
SPEC = json.loads((Path(__file__).parents[2] / "openapi.json").read_text())
SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}

# A lone surrogate cannot be sent, and a name with a comma would be two.
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
NAME = st.text("abc_", min_size=1, max_size=8)
JSON_VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.dictionaries(TEXT, JSON_VALUES, max_size=3)
STRATEGIES: dict[str, st.SearchStrategy[Any]] = {
    "max_pages": st.integers(1, 9_999),
    "page_range": st.lists(st.integers(0, 99), min_size=1, max_size=5),
    "confidence_threshold": st.floats(0, 1),
    "markdown": st.text(st.characters(codec="utf-8"), max_size=20),
    "processor": NAME,
    "segments": st.none() | st.dictionaries(TEXT, TEXT, min_size=1, max_size=3),
    "field_data": st.dictionaries(
        TEXT,
        TEXT
        | st.integers()
        | st.booleans()
        | st.fixed_dictionaries({"value": TEXT, "description": TEXT}),
        min_size=1,
        max_size=3,
    ),
    "extra": st.dictionaries(TEXT.map("x_".__add__), JSON_VALUES, max_size=2),
}


def wire_type(kind: type[AnyTask], name: str) -> Any:
    """Give the type of a field, without None."""
    hint = hints_of(kind)[name]
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint
    [one] = [one for one in typing.get_args(hint) if one is not type(None)]
    return one


def strategy_of(kind: type[AnyTask], field: attrs.Attribute[Any]) -> st.SearchStrategy[Any]:
    argument = field.alias or field.name
    if argument in STRATEGIES:
        return STRATEGIES[argument]
    hint = hints_of(kind)[field.name]
    if "tuple" in str(hint):
        return NAME | st.lists(NAME, min_size=1, max_size=3)
    if "Mapping" in str(hint):
        return OBJECTS
    simple = {bool: st.booleans(), int: st.integers(), float: st.floats(0, 1), str: TEXT}
    return simple[wire_type(kind, field.name)]


@st.composite
def tasks(draw: st.DrawFn) -> AnyTask:
    kind = draw(st.sampled_from(KINDS))
    fields = {
        field.alias or field.name: field
        for field in attrs.fields(typing.cast("Any", kind))
        if field.name not in ("into", "schema", "schema_id", "schema_version")
    }
    needed = [name for name, field in fields.items() if field.default is attrs.NOTHING]
    chosen = draw(st.sets(st.sampled_from(sorted(fields)), max_size=6)).union(needed)
    arguments = {name: draw(strategy_of(kind, fields[name])) for name in sorted(chosen)}
    if kind is Extract:
        if draw(st.booleans()):
            arguments["schema"] = SCHEMA
        else:
            arguments["schema_id"] = draw(NAME)
            arguments["schema_version"] = draw(st.none() | st.integers(1, 9))
    return kind(**arguments)


def from_fields(kind: type[AnyTask], sent: Mapping[str, str]) -> AnyTask:
    """Make a task of its form fields, as a server reads them."""
    names = field_names(kind)
    arguments: dict[str, Any] = {"extra": {}}
    for wire_name, text in sent.items():
        if wire_name not in names:
            arguments["extra"][wire_name] = text
            continue
        name = names[wire_name]
        hint = wire_type(kind, name)
        argument = argument_of(kind, name)
        if hint in (str, int, float):
            arguments[argument] = hint(text)
        elif hint is bool:
            arguments[argument] = {"true": True, "false": False}[text]
        elif "tuple" in str(hint):
            arguments[argument] = text.split(",")
        else:
            arguments[argument] = json.loads(text)
    return kind(**arguments)


@given(tasks())
def test_a_task_becomes_form_fields_and_comes_back(task: AnyTask) -> None:
    """All values are texts, and none of them is that of None."""
    sent = task.fields()
    assert all(isinstance(text, str) for text in sent.values())
    texts = {name: sent[name] for name in task.extra}
    again = from_fields(type(task), sent)
    assert again == attrs.evolve(task, extra=texts)
    assert again.fields() == sent


@given(tasks())
def test_a_task_becomes_json_and_comes_back(task: AnyTask) -> None:
    data = json.loads(json.dumps(task.to_dict()))
    assert data["task"] == task.verb
    for kind in (Task, type(task)):
        again = kind.from_dict(data)
        assert type(again) is type(task)
        assert again == task
    assert json.loads(json.dumps(task.body())) == task.body()


@given(tasks())
def test_a_task_pickles_copies_and_hashes(task: AnyTask) -> None:
    assert pickle.loads(pickle.dumps(task)) == task
    assert copy.deepcopy(task) == task
    assert hash(copy.copy(task)) == hash(task)
    assert repr(task).startswith(type(task).__name__)


@pytest.mark.parametrize("kind", KINDS)
def test_the_attributes_are_the_form_fields_of_the_document(kind: type[AnyTask]) -> None:
    post = SPEC["paths"][f"/api/v1/{kind.endpoint}"]["post"]
    [(media_type, content)] = post["requestBody"]["content"].items()
    assert kind.is_form == (media_type == "multipart/form-data")
    schema = SPEC["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    documented = set(schema["properties"])
    assert field_names(kind).keys() == documented - {"file", "file_url", "checkpoint_id"}
    assert kind.takes_file == ("file_url" in documented)
    assert kind.takes_checkpoint == ("checkpoint_id" in documented)

    for wire_name, name in field_names(kind).items():
        documented_type = schema["properties"][wire_name]
        types = {one.get("type") for one in documented_type.get("anyOf", [documented_type])}
        hint = wire_type(kind, name)
        expected = {bool: "boolean", int: "integer", float: "number"}.get(hint)
        assert (expected or ("object" if "object" in types else "string")) in types


@pytest.mark.parametrize("kind", KINDS)
def test_the_keyword_arguments_of_the_verbs_are_the_fields(kind: type[AnyTask]) -> None:
    fields = getattr(task_fields, f"{kind.__name__}Fields")
    own = {"schema", "into", "segments", "field_data", "markdown", "processor"}
    assert set(fields.__annotations__) == set(argument_names(kind)) - own
    hints = typing.get_type_hints(fields, localns={"JSON": object})
    for name, hint in hints.items():
        attribute = hints_of(kind)[name]
        if name != "page_range" and "tuple" not in str(attribute):
            assert hint == attribute


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_that_was_not_given_is_not_sent(kind: type[AnyTask]) -> None:
    """So that the server's own defaults hold; the official client forces a mode."""
    needed: dict[type, dict[str, Any]] = {
        CreateDocument: {"markdown": "x"},
        Extract: {"schema_id": "sch_1"},
        Fill: {"field_data": {"a": "b"}},
        RunAgent: {"processor": "cp_1"},
    }
    arguments = needed.get(kind, {})
    assert set(kind(**arguments).body()) == set(arguments) | (
        {"segmentation_schema"} if kind is Segment else set()
    )


def test_fields_are_sent_as_the_api_reads_them() -> None:
    task = Convert(
        paginate=True,
        skip_cache=False,
        output_format=["markdown", "html"],
        page_range=range(3),
        additional_config={"keep_spreadsheet_formatting": True},
        extras="extract_links, infographic",
        extra={"new": True, "number": 5, "list": [1], "none": None, "text": "ä"},
    )
    assert task.fields() == {
        "paginate": "true",
        "skip_cache": "false",
        "output_format": "markdown,html",
        "page_range": "0-2",
        "additional_config": '{"keep_spreadsheet_formatting":true}',
        "extras": "extract_links,infographic",
        "new": "true",
        "number": "5",
        "list": "[1]",
        "text": "ä",
    }


# For type checkers, these calls are wrong as well.
any_convert: Any = Convert
any_createdocument: Any = CreateDocument
any_extract: Any = Extract
any_fill: Any = Fill
any_runagent: Any = RunAgent
any_segment: Any = Segment
WRONG: dict[str, tuple[Any, str]] = {
    "a text for a flag": (lambda: any_convert(paginate="yes"), "paginate must be true or false"),
    "a flag for a number": (
        lambda: any_convert(max_pages=True),
        "max_pages must be a whole number",
    ),
    "no page": (lambda: any_convert(max_pages=0), "max_pages must be a whole number from 1 on"),
    "a number for a text": (lambda: any_convert(mode=1), "mode must be a string"),
    "a list for an object": (lambda: any_convert(additional_config=[]), "must be an object"),
    "a value that is not JSON": (lambda: any_convert(additional_config={"a": {1}}), "a: a set"),
    "NaN": (lambda: any_convert(extra={"a": float("nan")}), "nan cannot be written"),
    "a text that cannot be sent": (lambda: any_convert(mode="\ud800"), "mode"),
    "an empty format": (lambda: any_convert(output_format="markdown,,html"), "empty name"),
    "no format": (lambda: any_convert(output_format=[]), "output_format is empty"),
    "a number for a format": (lambda: any_convert(output_format=5), "name or several"),
    "numbers for formats": (lambda: any_convert(output_format=[5]), "texts only"),
    "a field twice": (lambda: any_convert(extra={"mode": "fast"}), "pass mode="),
    "a field under its wire name": (
        lambda: any_extract(SCHEMA, extra={"page_schema": "{}"}),
        "pass schema=",
    ),
    "the source": (lambda: any_convert(extra={"file_url": "https://a.example"}), "the source says"),
    "an extra that is a list": (lambda: any_convert(extra=[]), "extra must be an object"),
    "no schema": (any_extract, "either a schema or schema_id"),
    "two schemas": (lambda: any_extract(SCHEMA, schema_id="sch_1"), "either a schema or schema_id"),
    "a version of no schema": (
        lambda: any_extract(SCHEMA, schema_version=1),
        "only with schema_id",
    ),
    "a path as text": (lambda: any_extract("schema.json"), "use a Path"),
    "a number as segments": (lambda: any_segment(5), "segments must be names"),
    "no segments": (lambda: any_segment({}), "leave it out for automatic"),
    "no form data": (lambda: any_fill({}), "field_data is empty"),
    "a list of form data": (lambda: any_fill(["a"]), "field_data must be names and values"),
    "form data without a value": (lambda: any_fill({"a": {"description": "b"}}), "without 'value'"),
    "a value that is a list": (lambda: any_fill({"a": ["b"]}), "a text, a number or a date"),
    "a confidence over 1": (lambda: any_fill({"a": "b"}, confidence_threshold=2), "must be 0 to 1"),
    "no markdown": (lambda: any_createdocument(None), "CreateDocument: markdown is missing"),
    "markdown that is bytes": (lambda: any_createdocument(b"x"), "markdown must be a string"),
    "no processor": (lambda: any_runagent(" "), "processor is empty"),
}


@pytest.mark.parametrize(("make", "why"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_value_is_refused_when_the_task_is_made(make: Any, why: str) -> None:
    with pytest.raises(InvalidArgumentError, match=why):
        make()


def test_an_unknown_name_is_an_error_with_a_similar_one() -> None:
    with pytest.raises(TypeError, match=r"Convert has no field 'pagerange', but 'page_range'"):
        any_convert(pagerange="0")
    with pytest.raises(TypeError, match=r"use extra="):
        any_extract(SCHEMA, zzz=1)
    with pytest.raises(InvalidArgumentError, match=r"but 'page_range'"):
        Task.from_dict({"task": "convert", "pagerange": "0"})
    with pytest.raises(TypeError, match="abstract"):
        Task()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ([], "must be an object"),
        ({}, "must be one of: convert, create, extract"),
        ({"task": "conver"}, "but 'convert'"),
        ({"task": 5}, "not 5"),
        ({"task": ["convert"]}, "must be one of"),
        ({"version": 2, "task": "convert"}, "only version 1"),
        ({"version": True, "task": "convert"}, "only version 1"),
        ({"task": "convert", "mode": 1}, "mode must be a string"),
        ({"task": "convert", "page_range": {"a": 1}}, "A page is a whole number"),
        ({"task": "extract", "schema": "schema.json"}, "A schema must be"),
        ({"task": "extract", "into": "int"}, "has no field 'into'"),
        ({"task": "convert", 5: "a"}, "has no field 5"),
        ({"task": "extract"}, "either a schema or schema_id"),
        ({"task": "run_agent"}, "has no processor"),
    ],
)
def test_other_json_is_not_a_task(data: Any, why: str) -> None:
    with pytest.raises(InvalidArgumentError, match=why):
        Task.from_dict(data)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.data(), tasks())
def test_whatever_json_it_is_it_is_a_task_or_an_invalid_argument(
    data: st.DataObject, valid: AnyTask
) -> None:
    names = st.sampled_from([*field_names(type(valid)).values(), "extra"])
    changed = data.draw(st.dictionaries(names, ANYTHING, max_size=2))
    try:
        task: AnyTask = Task.from_dict({**valid.to_dict(), **changed})
    except InvalidArgumentError:
        assert changed
        return
    assert type(task) is type(valid)
    assert changed or task == valid
    assert Task.from_dict(task.to_dict()) == task
    assert all(isinstance(text, str) for text in task.fields().values())
    assert repr(task)
    assert task.redacted().keys() == task.body().keys()


def test_a_task_is_not_read_as_another() -> None:
    with pytest.raises(InvalidArgumentError, match="must be one of: extract; not 'convert'"):
        Extract.from_dict(Convert().to_dict())


def test_people_may_write_json_as_they_write_python() -> None:
    wanted = Convert(output_format="html,json", page_range="0-1")
    for formats in ("html,json", ["html", "json"]):
        for pages in ("0-1", [0, 1]):
            data = {"task": "convert", "output_format": formats, "page_range": pages}
            assert Task.from_dict(data) == wanted
    assert Task.from_dict({"task": "convert", "mode": None}) == Convert()


SECRET = "T0PSECRET"


def test_a_secret_is_in_no_repr_and_in_nothing_for_logs() -> None:
    task = Convert(
        webhook_url=f"https://hooks.example/services/{SECRET}?token={SECRET}",
        additional_config={"api_key": SECRET, "url": f"https://a.example/?signature={SECRET}"},
        extra={"token": SECRET},
    )
    for text in (repr(task), str(task.redacted()), f"{task}"):
        assert SECRET not in text
        assert "https://hooks.example/…" in text
    assert SECRET in str(task.to_dict())
    fill = Fill({"social security number": SECRET})
    assert SECRET not in repr(fill) + str(fill.redacted())
    assert SECRET not in repr(CreateDocument(SECRET))


@pytest.mark.parametrize("url", [5, ["a"], "", "nonsense", "https://hooks.example", "//a?b#c"])
def test_whatever_a_webhook_is_it_can_be_redacted(url: Any) -> None:
    task = Fill({"a": "b"}, extra={"webhook_url": url})
    assert task.body()["webhook_url"] == url
    assert "webhook_url" in task.redacted()


def test_a_class_of_the_callers_is_sent_as_the_one_that_it_is_made_of() -> None:
    @attrs.frozen(kw_only=True)
    class Mine(Convert):
        """A user's own."""

    assert Mine(mode="fast").fields() == {"mode": "fast"}
    assert Task.from_dict(Mine(mode="fast").to_dict()) == Convert(mode="fast")


def test_an_error_quotes_no_webhook() -> None:
    with pytest.raises(DatalabError) as caught:
        any_convert(webhook_url=[f"https://hooks.example/{SECRET}"])
    assert SECRET not in str(caught.value)


class TestSegments:
    def test_names_and_what_they_mean_become_the_schema(self, tmp_path: Path) -> None:
        wanted = {"segments": [{"name": "Invoice", "description": "a bill"}]}
        path = tmp_path / "segments.json"
        path.write_text(json.dumps(wanted))
        for segments in ({"Invoice": "a bill"}, wanted, path):
            task = Segment(segments)
            assert task.segmentation_schema == wanted
            assert json.loads(task.fields()["segmentation_schema"]) == wanted

    @pytest.mark.parametrize(
        "schema",
        [
            {"method": "auto"},
            {"segmentation_strategy": "document_boundary"},
            {"sections": [{"name": "results", "description": "findings"}]},
            {"segments": []},
        ],
        ids=str,
    )
    def test_a_schema_as_datalab_publishes_it_stays(self, schema: Any) -> None:
        assert Segment(schema).segmentation_schema == schema

    def test_a_part_may_be_called_method(self) -> None:
        names = {"method": "how it was done", "results": "what came out"}
        assert Segment(names).segmentation_schema["segments"] == [
            {"name": name, "description": text} for name, text in names.items()
        ]

    def test_none_leaves_it_to_the_server(self) -> None:
        assert Segment() == Segment(None)
        assert Segment().segmentation_schema == {"segments": []}


class TestWriting:
    def test_values_of_a_form_are_texts(self) -> None:
        from datetime import date

        task = Fill({"a": 5, "b": True, "c": date(1990, 1, 15), "d": {"value": 1.5}})
        assert task.field_data == {
            "a": {"value": "5"},
            "b": {"value": "true"},
            "c": {"value": "1990-01-15"},
            "d": {"value": "1.5"},
        }

    def test_markdown_is_text_or_a_path(self, tmp_path: Path) -> None:
        path = tmp_path / "a.md"
        path.write_text("# Ä", encoding="utf-8")
        assert CreateDocument(path) == CreateDocument("# Ä")
        path.write_bytes(b"\xff")
        with pytest.raises(LocalFileError, match="not UTF-8"):
            CreateDocument(path)
        with pytest.raises(LocalFileError, match=r"none\.md cannot be read"):
            CreateDocument(tmp_path / "none.md")


class TestExtract:
    def test_the_type_is_held_and_is_not_part_of_what_it_equals(self) -> None:
        import pydantic

        class Invoice(pydantic.BaseModel):
            total: float

        task = Extract(Invoice, mode="fast")
        assert task.into is Invoice
        assert task.schema is not None
        again: Extract[Any] = Extract.from_dict(task.to_dict())
        assert again == task
        assert again.into is None
        assert Extract(SCHEMA, into=Invoice).into is Invoice
        assert Extract(schema_id="sch_1", into=Invoice).into is Invoice
        assert Extract(SCHEMA).into is None
        other: Any = task
        assert attrs.evolve(other, mode="accurate").into is Invoice
