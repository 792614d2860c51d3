"""Values become plain JSON and come back by their fields, whatever the fields are."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import DatalabError, Execution, InvalidArgumentError, Manifest, Status
from datalab_facade.codec import (
    AsJSON,
    JSONFormat,
    from_json,
    from_json_by_hand,
    json_field,
    to_json,
)
from datalab_facade.json_forms import JSON, Form
from tests.secrets_for_tests import SIGNATURE, presigned

ROOT = Path(__file__).parents[1]
NOON = datetime(2025, 10, 22, 12, tzinfo=UTC)


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


class Size(Enum):
    SMALL = 1
    LARGE = 2


@attrs.frozen(kw_only=True)
class Inner(AsJSON):
    number: int
    text: str | None = None


@attrs.frozen(kw_only=True)
class Everything(AsJSON):
    whole: int
    real: float
    flag: bool
    text: str
    status: Status
    color: Color
    size: Size
    literal: Literal["round", "flat"]
    at: datetime
    took: timedelta
    path: Path
    id: int | str
    perhaps: datetime | None
    inner: Inner
    inners: tuple[Inner, ...]
    pair: tuple[float, str]
    named: Mapping[str, Inner]
    json: JSON
    raw: Mapping[str, JSON]
    _private: int = 0


EVERYTHING = Everything(
    whole=1,
    real=2.5,
    flag=True,
    text="a",
    status=Status.COMPLETED,
    color=Color.RED,
    size=Size.LARGE,
    literal="flat",
    at=NOON,
    took=timedelta(seconds=1.5),
    path=Path("a/b"),
    id="x",
    perhaps=None,
    inner=Inner(number=1),
    inners=(Inner(number=2, text="b"),),
    pair=(0.5, "c"),
    named={"d": Inner(number=3)},
    json=[1, {"e": None}],
    raw={"f": [2]},
)
WRITTEN: dict[str, Any] = {
    "whole": 1,
    "real": 2.5,
    "flag": True,
    "text": "a",
    "status": "COMPLETED",
    "color": "red",
    "size": 2,
    "literal": "flat",
    "at": "2025-10-22T12:00:00+00:00",
    "took": 1.5,
    "path": "a/b",
    "id": "x",
    "perhaps": None,
    "inner": {"number": 1, "text": None},
    "inners": [{"number": 2, "text": "b"}],
    "pair": [0.5, "c"],
    "named": {"d": {"number": 3, "text": None}},
    "json": [1, {"e": None}],
    "raw": {"f": [2]},
}


def test_each_type_has_one_form_in_json() -> None:
    written = EVERYTHING.to_dict()
    assert written == WRITTEN
    assert type(written["status"]) is str
    assert Everything.from_dict(json.loads(json.dumps(written))) == EVERYTHING


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"whole": 1.0}, "whole must be a whole number, not a number"),
        ({"whole": True}, "whole must be a whole number, not true"),
        ({"real": "1"}, "real must be a number, not a string"),
        ({"flag": 1}, "flag must be true or false, not a number"),
        ({"text": None}, "text must be a string, not null"),
        ({"status": 5}, "status must be a string, not a number"),
        ({"color": "green"}, "color must be 'red' or 'blue', not a string"),
        ({"size": True}, "size must be 1 or 2, not true"),
        ({"literal": "square"}, "literal must be 'round' or 'flat', not a string"),
        ({"at": "noon"}, "at must be a time in ISO 8601, not a string"),
        ({"took": "long"}, "took must be a number, not a string"),
        ({"path": []}, "path must be a string, not a list"),
        ({"id": 1.5}, "id must be a whole number or a string, not a number"),
        ({"perhaps": "soon"}, "perhaps must be a time in ISO 8601, not a string"),
        ({"inner": 5}, "inner must be an object, not a number"),
        ({"inner": {"number": "1"}}, "inner.number must be a whole number, not a string"),
        ({"inners": {}}, "inners must be a list, not an object"),
        ({"inners": [{"number": 1}, {}]}, "inners[1] has no number"),
        ({"inners": [{"number": 1, "text": 1}]}, "inners[0].text must be a string, not a number"),
        ({"pair": [1]}, "pair must be a list of two, not a list"),
        ({"pair": [1, 2]}, "pair[1] must be a string, not a number"),
        ({"named": {"a": None}}, "named.a must be an object, not null"),
        ({"raw": []}, "raw must be an object, not a list"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(changed: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        Everything.from_dict({**WRITTEN, **changed})
    expected = f"The data is not an everything as to_dict() returns it: {problem}"
    assert str(caught.value) == expected


def test_the_place_in_a_snapshot_is_the_run() -> None:
    run = {"file_key": None, "status": 5}
    data: dict[str, Any] = {"id": 1, "status": "QUEUED", "steps": [{"name": "a", "runs": [run]}]}
    with pytest.raises(InvalidArgumentError, match=r"steps\[0\]\.runs\[0\]\.status must be a str"):
        Execution.from_dict(data)


@pytest.mark.parametrize("data", [None, [], "a", 5])
def test_what_is_not_an_object_is_said_as_such(data: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=r"an inner as .*: it must be an object, not "):
        Inner.from_dict(data)


def test_nothing_that_may_be_secret_is_quoted() -> None:
    for name in ("at", "color", "whole", "inner"):
        with pytest.raises(InvalidArgumentError) as caught:
            Everything.from_dict({**WRITTEN, name: presigned()})
        assert SIGNATURE not in str(caught.value)
        assert caught.value.__context__ is None


def test_a_newer_version_may_add_fields_and_an_older_one_lack_those_with_a_default() -> None:
    assert Inner.from_dict({"number": 1, "added": [1]}) == Inner(number=1)


def test_what_a_class_says_of_its_fields_is_an_error_of_the_caller() -> None:
    @attrs.frozen
    class Positive(AsJSON):
        number: int = attrs.field(validator=attrs.validators.gt(0))

    with pytest.raises(InvalidArgumentError, match="'number' must be > 0"):
        Positive.from_dict({"number": -1})


@attrs.frozen(kw_only=True)
class Special(AsJSON):
    _json: ClassVar = JSONFormat(version=3, properties={"twice": "double"}, needs=("number",))

    number: int = 1
    other: int = attrs.field(default=2, metadata=json_field("renamed"))
    missing: int = attrs.field(default=3, metadata=json_field(left_out=True))
    maybe: int | None = attrs.field(default=None, metadata=json_field(left_out_if_none=True))
    odd: int = attrs.field(
        default=4, metadata=json_field(form=Form(lambda value: f"<{value}>", lambda _: 5))
    )

    @property
    def double(self) -> timedelta:
        return timedelta(seconds=2 * self.number)


def test_a_field_and_a_class_can_say_what_their_types_do_not() -> None:
    written = Special(missing=7).to_dict()
    assert written == {"version": 3, "number": 1, "renamed": 2, "odd": "<4>", "twice": 2.0}
    assert Special.from_dict({**written, "maybe": 6}) == Special(maybe=6, odd=5)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"version": 4}, "The special has version 4, but only version 3 is supported"),
        ({"version": "3"}, "version must be a whole number, not a string"),
        ({"version": True}, "version must be a whole number, not true"),
    ],
)
def test_another_version_is_refused(changed: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidArgumentError, match=problem):
        Special.from_dict({**Special().to_dict(), **changed})


@pytest.mark.parametrize("name", ["version", "number"])
def test_what_every_version_has_is_needed(name: str) -> None:
    data = Special().to_dict()
    del data[name]
    with pytest.raises(InvalidArgumentError, match=f"it has no {name}"):
        Special.from_dict(data)


@attrs.frozen(kw_only=True)
class ByHand:
    _json: ClassVar = JSONFormat(by_hand=True)

    name: str
    numbers: tuple[int, ...] = ()
    names: Mapping[str, JSON] = attrs.field(factory=dict)


def test_what_people_write_has_no_defaults_and_its_errors_quote_it() -> None:
    assert to_json(ByHand(name="a")) == {"name": "a"}
    assert from_json_by_hand(ByHand, {"name": "a"}) == ByHand(name="a")
    for data, problem in (
        ({"name": "a", "nam": 1}, "items[2]: unknown field 'nam'; known fields: name, numbers"),
        ({"name": "a", "numbers": [1, "b"]}, "items[2].numbers[1] must be a whole number, not 'b'"),
        ({}, "items[2] has no name"),
        (5, "items[2] must be an object, not 5"),
    ):
        with pytest.raises(ValueError, match=r".") as caught:
            from_json_by_hand(ByHand, data, "items[2]")
        assert str(caught.value).startswith(problem)
    with pytest.raises(ValueError, match="the value has no name"):
        from_json_by_hand(ByHand, {})


@pytest.mark.parametrize("kind", [bytes, datetime | Path])
def test_a_type_without_a_form_in_json_is_noticed_at_once(kind: Any) -> None:
    made = attrs.make_class("Made", {"field": attrs.field(type=kind)})
    made.__annotations__ = {"field": kind}
    with pytest.raises(TypeError, match="JSON"):
        to_json(made(None))


@attrs.frozen(kw_only=True)
class WithError(AsJSON):
    error: DatalabError | None = None


def test_an_error_is_written_in_words_and_not_read_again() -> None:
    written = to_json(WithError(error=DatalabError("The page is missing")))
    assert written == {"error": {"type": "DatalabError", "message": "The page is missing"}}
    with pytest.raises(InvalidArgumentError, match="error cannot be read: an error is only writt"):
        from_json(WithError, written)
    assert from_json(WithError, {"error": None}) == WithError()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*WRITTEN, "number", "id", "runs", "name"]), inner)
        ),
    )
)
def test_whatever_comes_is_a_value_or_an_error_of_the_caller(data: Any) -> None:
    for kind in (Everything, Execution, Manifest):
        try:
            value = from_json(kind, data)
        except InvalidArgumentError:
            continue
        assert isinstance(value, kind)


BY_HAND = {
    "recording.py": {"to_dict"},  # its parts lie beside each other
    "handling.py": {"to_dict"},  # holds a client
    "handles.py": {"to_dict"},
    "async_handles.py": {"to_dict"},
    "manifest.py": {"from_dict"},  # checks the path as well
    "faults.py": {"to_dict", "from_dict"},  # the names of functions to call
    "scripts.py": {"from_dict"},  # says the place in a larger document
    "learning.py": {"to_dict", "from_dict"},  # is not a value
    "definitions.py": {"from_dict"},  # lists all issues at once
    "events.py": {"from_dict"},  # says which programs are of different releases
    "inputs.py": {"to_dict"},  # is JSON already
    "errors.py": {"to_dict"},  # below the codec
    "task_base.py": {"to_dict", "from_dict"},  # says of which class it is
    "document_operations.py": {"to_dict"},  # stands for a generated body
    "document_scripts.py": {"from_dict"},  # says the place of an error
    "progress.py": {"to_dict"},  # transfers know no class of outputs
}


def test_no_value_becomes_json_by_hand_but_those_that_are_more_than_their_fields() -> None:
    found: dict[str, set[str]] = {}
    for path in (ROOT / "datalab_facade").rglob("*.py"):
        if path.name == "codec.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name in ("to_dict", "from_dict"):
                found.setdefault(path.name, set()).add(node.name)
    assert found == BY_HAND
