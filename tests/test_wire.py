"""A model says by its fields how it is read out of an answer."""

from __future__ import annotations

import contextlib
import copy
import math
import pickle
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datalab_facade import Status, StepRun
from datalab_facade.fields import FieldReader, Sightings
from datalab_facade.json_forms import JSON
from datalab_facade.wire import Decoder, make_all, wire


@attrs.frozen(kw_only=True)
class Thing:
    given: int
    word: str
    status: Status
    text: str | None = None
    number: int | None = None
    cost: float | None = None
    flag: bool | None = None
    at: datetime | None = None
    names: tuple[str, ...] = ()
    id: int | str | None = None
    settings: Mapping[str, JSON] = attrs.field(factory=dict)
    schema: Mapping[str, JSON] | None = None
    renamed: str | None = attrs.field(default=None, metadata=wire("wire_name"))
    twice: datetime | None = attrs.field(default=None, metadata=wire("new", or_else="old"))
    url: str | None = attrs.field(default=None, metadata=wire(kind="url"))
    version: str | None = attrs.field(default=None, metadata=wire(kind="version"))
    timezone_assumed: bool = False
    extra: Mapping[str, JSON] = attrs.field(factory=dict)
    raw: Mapping[str, JSON] = attrs.field(factory=dict)


THINGS = Decoder(Thing, "thing", supplied=("given",), also=("ignored",))
NEEDED: dict[str, Any] = {"word": "w", "status": "COMPLETED"}
BARE = Thing(given=7, word="w", status=Status.COMPLETED)


def read(body: dict[str, Any]) -> tuple[Thing, set[str]]:
    sightings = Sightings()
    thing = THINGS.read(body, THINGS.reader(sightings), given=7)
    assert thing.raw is body
    return attrs.evolve(thing, raw={}), {str(one) for one in sightings.found}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {}),
        ({"text": "a"}, {"text": "a"}),
        ({"text": None}, {}),
        ({"number": 5}, {"number": 5}),
        ({"number": "5"}, {"number": 5}),
        ({"cost": "5"}, {"cost": 5}),
        ({"cost": 0.5}, {"cost": 0.5}),
        ({"flag": False}, {"flag": False}),
        ({"at": "2025-10-22T10:00:00Z"}, {"at": datetime(2025, 10, 22, 10, tzinfo=UTC)}),
        ({"names": ["a", 2]}, {"names": ("a", "2")}),
        ({"id": 5}, {"id": 5}),
        ({"id": "five"}, {"id": "five"}),
        ({"id": 5.5}, {}),
        ({"id": True}, {}),
        ({"settings": {"a": 1}}, {"settings": {"a": 1}}),
        ({"schema": {"a": 1}}, {"schema": {"a": 1}}),
        ({"wire_name": "a"}, {"renamed": "a"}),
        ({"url": "https://a.example"}, {"url": "https://a.example"}),
        ({"url": ""}, {}),
        ({"version": 5}, {"version": "5"}),
        ({"version": "5"}, {"version": "5"}),
        ({"ignored": 5}, {}),
    ],
)
def test_a_field_is_read_as_its_type_says(body: dict[str, Any], fields: dict[str, Any]) -> None:
    assert read({**NEEDED, **body}) == (attrs.evolve(BARE, **fields), set())


@pytest.mark.parametrize(
    ("body", "fields", "drift"),
    [
        ({"text": [1]}, {"text": "[1]"}, "shape text=a list in thing"),
        ({"number": True}, {}, "shape number=a boolean in thing"),
        # Such cannot be counted with, nor written as one with decimals.
        ({"cost": 10**400}, {}, "shape cost=a number in thing"),
        ({"cost": math.inf}, {}, "shape cost=a number in thing"),
        ({"cost": "much"}, {}, "shape cost=a string in thing"),
        ({"cost": True}, {}, "shape cost=a boolean in thing"),
        ({"flag": 1}, {}, "shape flag=a number in thing"),
        ({"at": 5}, {}, "shape at=a number in thing"),
        ({"at": "soon"}, {}, "time at=soon in thing"),
        ({"names": "a"}, {}, "shape names=a string in thing"),
        ({"settings": 5}, {}, "shape settings=a number in thing"),
        ({"schema": 5}, {}, "shape schema=a number in thing"),
        ({"wire_name": 5}, {"renamed": "5"}, "shape wire_name=a number in thing"),
        ({"url": 5}, {}, "shape url=a number in thing"),
        (
            {"version": {}},
            {"version": "{}"},
            "shape version={} in thing".replace("{}", "an object"),
        ),
        ({"word": None}, {"word": ""}, "shape word=null in thing"),
        ({"status": None}, {"status": Status.UNKNOWN}, "shape status=null in thing"),
        ({"status": "NEW"}, {"status": "NEW"}, "status status=NEW in thing"),
        ({"renamed": "a"}, {"extra": {"renamed": "a"}}, "field renamed in thing"),
        ({"given": 5}, {"extra": {"given": 5}}, "field given in thing"),
        ({"raw": 5}, {"extra": {"raw": 5}}, "field raw in thing"),
    ],
)
def test_what_is_not_as_the_type_says_is_recorded(
    body: dict[str, Any], fields: dict[str, Any], drift: str
) -> None:
    assert read({**NEEDED, **body}) == (attrs.evolve(BARE, **fields), {drift})


EARLY, LATE = "2025-10-22T10:00:00Z", "2025-10-22T11:00:00Z"


@pytest.mark.parametrize("order", [("new", "old"), ("old", "new")])
@pytest.mark.parametrize(
    ("new", "old", "found"),
    [(EARLY, LATE, 10), (EARLY, None, 10), (None, LATE, 11), (None, None, None), ("?", LATE, None)],
)
def test_one_of_two_names_counts_first_whatever_their_order(
    order: tuple[str, str], new: str | None, old: str | None, found: int | None
) -> None:
    values = {"new": new, "old": old}
    thing, _ = read({**NEEDED, **{name: values[name] for name in order}})
    assert (thing.twice.hour if thing.twice else None) == found


@pytest.mark.parametrize(
    ("times", "name"),
    [
        ({"at": EARLY[:-1], "new": EARLY[:-1]}, "at"),
        ({"new": EARLY[:-1], "at": EARLY[:-1]}, "at"),
        ({"at": EARLY, "new": EARLY[:-1]}, "new"),
        ({"at": None, "new": None, "old": EARLY[:-1]}, "old"),
        ({"at": "soon", "old": "2025-10-22"}, "old"),
    ],
)
def test_the_first_field_without_a_zone_is_recorded(times: dict[str, Any], name: str) -> None:
    thing, drift = read({**NEEDED, **times})
    assert thing.timezone_assumed
    assert {one for one in drift if one.startswith("zone")} == {f"zone {name} in thing"}


TIMES = r"\d{4}-?(W\d\d|\d\d)-?\d\d[T ]\d\d:?\d\d(:?\d\d)?[.,]?\d{0,6}([+-]\d\d:?\d?\d?|Z)?"


@given(
    st.datetimes().map(datetime.isoformat)
    | st.datetimes(timezones=st.timezones()).map(datetime.isoformat)
    | st.from_regex(
        r"\d{4}-?(W\d\d|\d\d)-?\d\d[T ]\d\d:?\d\d(:?\d\d)?[.,]?\d{0,6}([+-]\d\d:?\d?\d?|Z)?"
    )
)
def test_a_time_is_what_python_reads_in_it(text: str) -> None:
    reader = FieldReader("thing", Sightings())
    moment = reader.time("at", text)
    expected: datetime | None = None
    with contextlib.suppress(ValueError):
        expected = datetime.fromisoformat(text)
    assert reader.timezone_assumed == (expected is not None and expected.tzinfo is None)
    if expected is not None and expected.tzinfo is None:
        expected = expected.replace(tzinfo=UTC)
    assert moment == expected


def test_an_added_field_is_read_and_nothing_else_is_needed() -> None:
    @attrs.frozen(kw_only=True)
    class Newer(StepRun):
        credits_used: int | None = None

    runs = Decoder(Newer, "step run", supplied=("file_key",))
    sightings = Sightings()
    body: dict[str, JSON] = {"status": "COMPLETED", "credits_used": 7}
    run = runs.read(body, runs.reader(sightings), file_key=None)
    assert run.credits_used == 7
    assert not sightings.found
    assert Newer.from_dict(run.to_dict()) == run
    assert Newer.from_dict({**run.to_dict(), "credits_used": 8}).credits_used == 8


def test_what_is_made_at_once_is_like_what_the_constructor_makes() -> None:
    values = ("a", Status.COMPLETED, 1, *[None] * 6, 5, ("b",), False, {"c": 1})
    [made] = make_all(StepRun, [[value] for value in values])
    built = StepRun(
        file_key="a",
        status=Status.COMPLETED,
        id=1,
        total_pages=5,
        file_ids=("b",),
        extra={"c": 1},
    )
    assert made == built
    assert (type(made), hash(made), repr(made)) == (StepRun, hash(built), repr(built))
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == built
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(made, "error", "x")  # noqa: B010 - the checkers know that this is wrong


NAIVE, ZONED = st.sampled_from([EARLY[:-1], LATE[:-1]]), st.sampled_from([EARLY, "soon", 5])
RUNS = Decoder(StepRun, "step run", supplied=("file_key",))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "status": st.sampled_from(["COMPLETED", "FAILED"]) | st.sampled_from(["NEW", None, 5]),
    "started_at": NAIVE | st.none() | ZONED,
    "completed_at": NAIVE | st.none() | ZONED,
    "finished_at": NAIVE | st.none(),
    "output_url": st.sampled_from(["https://a.example/1", "", None]),
    "success": st.sampled_from([True, False, None, "yes"]),
    "surprise": st.just({}),
}


@st.composite
def many_runs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Runs as a server gives them: stretches with the same names, in the same order."""
    bodies: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(0, 3))):
        names = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True))
        usual = {name: draw(VALUES[name]) for name in names}
        for _ in range(draw(st.sampled_from([1, 4, 6]))):
            # A constant is what a server repeats; now and then one differs.
            one = {name: draw(st.just(usual[name]) | VALUES[name]) for name in names}
            bodies.append(one)
    return bodies


@given(many_runs())
@example([{"status": "COMPLETED", "started_at": "half past ten or so"}] * 6)
def test_many_are_read_as_each_alone(bodies: list[dict[str, Any]]) -> None:
    alone, together = Sightings(), Sightings()
    keys = [str(number) for number in range(len(bodies))]
    reader = RUNS.reader(alone)
    each = [RUNS.read(one, reader, file_key=key) for one, key in zip(bodies, keys, strict=True)]
    assert RUNS.read_all(bodies, RUNS.reader(together), file_key=keys) == each
    assert together.found == alone.found


def test_many_have_nothing_in_common_that_can_change() -> None:
    bodies: list[dict[str, Any]] = [{"status": "COMPLETED"} for _ in range(9)]
    runs = RUNS.read_all(bodies, RUNS.reader(Sightings()), file_key=[None] * 9)
    assert len({id(run.extra) for run in runs}) == 9


def test_of_many_as_of_one_the_names_that_are_known_beyond_the_fields_are_no_surprise() -> None:
    runs = Decoder(StepRun, "step run", also=("known",))
    sightings = Sightings()
    bodies: list[dict[str, Any]] = [
        {"status": "COMPLETED", "known": number, "success": True} for number in range(9)
    ]
    found = runs.read_all(bodies, runs.reader(sightings))
    assert [(one.status, one.success, one.extra) for one in found] == [
        (Status.COMPLETED, True, {})
    ] * 9
    assert not sightings.found


def test_many_keep_the_bodies_that_they_were_read_from() -> None:
    things = Decoder(Kept, "thing")
    bodies: list[dict[str, Any]] = [{"word": str(number)} for number in range(9)]
    found = things.read_all(bodies, things.reader(Sightings()))
    assert [(thing.word, thing.raw) for thing in found] == [(one["word"], one) for one in bodies]


@attrs.frozen(kw_only=True)
class Kept:
    word: str
    raw: Mapping[str, JSON] = attrs.field(factory=dict)
