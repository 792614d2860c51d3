"""JSON becomes a value of the caller's type, or is told where it does not fit. Nothing is bent."""

from __future__ import annotations

import dataclasses
import enum
import sys
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal, NotRequired, Optional, TypedDict

import attrs
import pydantic
import pytest
import typing_extensions
from pydantic import dataclasses as pydantic_dataclasses

from datalab_facade import ConfigurationError
from datalab_facade.typed_reading import MismatchError, name_of, read_as


class Color(enum.StrEnum):
    RED = "red"


class Size(enum.IntEnum):
    SMALL = 1


class ModelLine(pydantic.BaseModel):
    amount: float
    note: str | None


@dataclasses.dataclass
class PlainLine:
    amount: float
    note: str | None


@attrs.frozen
class AttrsLine:
    amount: float
    note: str | None


class TypedLine(TypedDict):
    amount: float
    note: str | None


class ExtendedLine(typing_extensions.TypedDict):
    amount: float
    note: str | None


@pydantic_dataclasses.dataclass
class CheckedLine:
    amount: float
    note: str | None


LINES: list[Any] = [ModelLine, PlainLine, AttrsLine, TypedLine, ExtendedLine, CheckedLine]


@pytest.mark.parametrize("kind", LINES)
class TestClasses:
    def test_a_value_that_fits_is_read(self, kind: Any) -> None:
        assert read_as({"amount": 2, "note": None}, kind) == kind(amount=2.0, note=None)

    def test_several_are_read(self, kind: Any) -> None:
        value: Any = [{"amount": 2, "note": "a"}, {"amount": 1.5, "note": None}]
        read = read_as(value, list[kind])
        assert read == [kind(amount=2.0, note="a"), kind(amount=1.5, note=None)]

    @pytest.mark.parametrize("value", [None, [], "", 0, [{}]])
    def test_what_is_not_an_object_does_not_fit(self, kind: Any, value: Any) -> None:
        with pytest.raises(MismatchError):
            read_as(value, kind)

    def test_each_place_that_does_not_fit_is_told(self, kind: Any) -> None:
        with pytest.raises(MismatchError) as caught:
            read_as({"amount": "many", "note": 5}, kind)
        assert {one.place for one in caught.value.mismatches} == {"amount", "note"}
        assert "amount: " in str(caught.value)
        assert not any(one.is_missing for one in caught.value.mismatches)

    def test_a_missing_field_that_may_be_null_is_null_if_the_caller_says_so(
        self, kind: Any
    ) -> None:
        """Since the schema has made it optional, the server may leave it out."""
        with pytest.raises(MismatchError) as caught:
            read_as({"amount": 1}, kind)
        [one] = caught.value.mismatches
        assert (one.place, one.is_missing) == ("note", True)
        assert read_as({"amount": 1}, kind, missing_as_none=True) == kind(amount=1.0, note=None)

    def test_a_missing_field_that_may_not_be_null_is_told_as_missing(self, kind: Any) -> None:
        value: Any = {}
        with pytest.raises(MismatchError) as caught:
            read_as(value, kind, missing_as_none=True)
        [one] = caught.value.mismatches
        assert (one.place, one.is_missing) == ("amount", True)
        assert value == {}


@attrs.frozen
class Everything:
    model: ModelLine
    plain: list[PlainLine]
    typed: dict[str, TypedLine]
    day: date
    moment: datetime
    hour: time
    total: Decimal
    color: Color
    size: Size
    kind: Literal["a", "b"]
    either: int | str | None
    flag: bool
    count: int
    pair: tuple[int, ...] = ()
    names: set[str] = attrs.field(factory=set)
    anything: Any = None
    old: Optional[float] = None  # noqa: UP045 - both ways to say it
    nested: Everything | None = None


GOOD: dict[str, Any] = {
    "model": {"amount": 1, "note": None},
    "plain": [{"amount": 1, "note": "a"}],
    "typed": {"x": {"amount": 1, "note": None}},
    "day": "2026-01-02",
    "moment": "2026-01-02T03:04:05+00:00",
    "hour": "03:04",
    "total": 1.1,
    "color": "red",
    "size": 1,
    "kind": "a",
    "either": "x",
    "flag": True,
    "count": 2.0,
    "pair": [1, 2],
    "names": ["a"],
    "anything": [{"a": None}],
    "old": 1,
}


def test_all_types_are_read() -> None:
    read = read_as({**GOOD, "nested": GOOD}, Everything)
    assert read.nested is not None
    assert read.nested == Everything(
        model=ModelLine(amount=1, note=None),
        plain=[PlainLine(1, "a")],
        typed={"x": {"amount": 1, "note": None}},
        day=date(2026, 1, 2),
        moment=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        hour=time(3, 4),
        total=Decimal("1.1"),
        color=Color.RED,
        size=Size.SMALL,
        kind="a",
        either="x",
        flag=True,
        count=2,
        pair=(1, 2),
        names={"a"},
        anything=[{"a": None}],
        old=1.0,
    )
    assert type(read.color) is Color
    assert type(read.count) is int


BENT: list[tuple[dict[str, Any], str]] = [
    ({"flag": "false"}, "flag"),
    ({"flag": 1}, "flag"),
    ({"count": "2"}, "count"),
    ({"count": 2.5}, "count"),
    ({"count": True}, "count"),
    ({"count": None}, "count"),
    ({"count": float("inf")}, "count"),
    ({"old": "1"}, "old"),
    ({"old": True}, "old"),
    ({"color": None}, "color"),
    ({"color": "green"}, "color"),
    ({"size": 7}, "size"),
    ({"kind": "c"}, "kind"),
    ({"either": 1.5}, "either"),
    ({"either": []}, "either"),
    ({"day": "soon"}, "day"),
    ({"day": 5}, "day"),
    ({"moment": None}, "moment"),
    ({"hour": "25:00"}, "hour"),
    ({"total": "much"}, "total"),
    ({"total": True}, "total"),
    ({"pair": "12"}, "pair"),
    ({"pair": {"1": 2}}, "pair"),
    ({"names": "ab"}, "names"),
    ({"plain": {"amount": 1}}, "plain"),
    ({"plain": [[]]}, "plain[0]"),
    ({"plain": [{"amount": 1, "note": 5}]}, "plain[0].note"),
    ({"typed": []}, "typed"),
    ({"typed": {"x": {"amount": None, "note": None}}}, "typed.x.amount"),
    ({"model": {"amount": "x", "note": None}}, "model.amount"),
    ({"model": []}, "model"),
]


@pytest.mark.parametrize(("change", "place"), BENT, ids=str)
def test_nothing_is_bent_to_fit(change: dict[str, Any], place: str) -> None:
    """Neither null to the text None, nor a text to its letters, nor "false" to true."""
    with pytest.raises(MismatchError) as caught:
        read_as({**GOOD, **change}, Everything)
    [one] = caught.value.mismatches
    assert one.place == place
    assert one.message


def test_what_is_missing_inside_is_filled_inside() -> None:
    value = {
        **GOOD,
        "plain": [{"amount": 1}],
        "model": {"amount": 1},
        "typed": {"x": {"amount": 1}},
    }
    read = read_as(value, Everything, missing_as_none=True)
    assert read.plain[0].note is None
    assert read.model.note is None
    assert read.typed["x"]["note"] is None


@dataclasses.dataclass
class Checking:
    total: int

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.total < 0:
            raise ValueError("total is below 0")


def test_what_a_class_itself_refuses_is_a_mismatch() -> None:
    with pytest.raises(MismatchError) as caught:
        read_as([{"total": -1}], list[Checking])
    [one] = caught.value.mismatches
    assert (one.place, one.message) == ("[0]", "total is below 0")


class Circle(pydantic.BaseModel):
    kind: Literal["circle"]
    radius: float | None


class Square(pydantic.BaseModel):
    kind: Literal["square"]
    side: float | None


class Drawing(pydantic.BaseModel):
    shapes: list[Annotated[Circle | Square, pydantic.Field(discriminator="kind")]]


def test_what_is_missing_in_a_member_of_a_union_is_filled_there() -> None:
    """Although pydantic puts the member's name into the place."""
    read = read_as({"shapes": [{"kind": "circle"}]}, Drawing, missing_as_none=True)
    assert read.shapes == [Circle(kind="circle", radius=None)]
    with pytest.raises(MismatchError, match="shapes"):
        read_as({"shapes": [{}]}, Drawing, missing_as_none=True)


class Pair(pydantic.BaseModel):
    pair: tuple[int, int]


def test_an_item_that_is_missing_is_not_filled() -> None:
    with pytest.raises(MismatchError, match=r"pair\[1\]"):
        read_as({"pair": [1]}, Pair, missing_as_none=True)


def test_simple_types_are_read() -> None:
    assert read_as([1, 2], list[int]) == [1, 2]
    assert read_as({"a": [1]}, dict[str, list[int]]) == {"a": [1]}
    assert read_as("x", str) == "x"
    with pytest.raises(MismatchError) as caught:
        read_as(5, str)
    assert caught.value.mismatches[0].place == ""


class Peculiar:
    """A validator of another library, with an exception of its own."""

    @classmethod
    def model_validate(cls, value: object) -> Peculiar:
        raise KeyboardError

    def __init__(self) -> None:
        """Do nothing."""


class KeyboardError(Exception):
    pass


def test_whatever_a_validator_raises_is_a_mismatch() -> None:
    with pytest.raises(MismatchError, match="KeyboardError"):
        read_as({}, Peculiar)


class WithOptionalKey(TypedDict):
    a: int
    b: NotRequired[int]


def test_a_key_that_may_be_absent_stays_absent() -> None:
    assert read_as({"a": 1}, WithOptionalKey, missing_as_none=True) == {"a": 1}


def test_cattrs_is_asked_for_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cattrs", None)
    with pytest.raises(ConfigurationError, match=r"datalab-facade\[cattrs\]"):
        read_as({}, PlainLine)
    for kind in (ModelLine, CheckedLine):
        assert read_as({"amount": 1, "note": None}, kind) == kind(amount=1, note=None)


def test_a_type_is_named() -> None:
    assert name_of(PlainLine) == "PlainLine"
    assert name_of(int | None) == "int | None"
