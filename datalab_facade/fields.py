"""Fields of untyped answers: taken out forgivingly, with what is odd about them noted.

Every decoder reads through these, so that all of them forgive and notice the same.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TypeVar

from datalab_facade.drift import Drift, DriftKind, sighting
from datalab_facade.errors import InvalidResponseError
from datalab_facade.models import JSON
from datalab_facade.redaction import excerpt
from datalab_facade.secrecy import redact_value
from datalab_facade.statuses import KNOWN_WORDS, Status

_T = TypeVar("_T")

_LONGEST_DATE = len("2026-01-01")


class Notes:
    """What was odd about one answer; each oddity counts once, however often it occurs."""

    __slots__ = ("taken",)

    def __init__(self) -> None:
        self.taken: set[Drift] = set()

    def note(self, kind: DriftKind, where: str, name: str) -> None:
        """Note an oddity."""
        self.taken.add(sighting(kind, where, name))


class FieldReader:
    """Takes fields out of the objects of one kind, and notes what is odd about them.

    There can be tens of thousands of step runs in an answer, so a field that is
    as expected costs no more than a look-up.
    """

    __slots__ = ("notes", "timezone_assumed", "where", "zone_noted")

    def __init__(self, where: str, notes: Notes) -> None:
        self.where = where
        self.notes = notes
        self.timezone_assumed = False
        self.zone_noted = False

    def odd(self, name: str, value: JSON) -> None:
        """Note that a value is of another type than expected."""
        self.notes.note("shape", self.where, f"{name}={named(value)}")

    def unknown(self, body: dict[str, JSON], known: frozenset[str]) -> dict[str, JSON]:
        """Give the fields beyond those that are known, and note each."""
        if known.issuperset(body):
            return {}
        extra = {name: value for name, value in body.items() if name not in known}
        for name in extra:
            self.notes.note("field", self.where, name)
        return extra

    def status(self, word: str) -> Status:
        """Give the status that a word stands for, and note one that nobody has heard of."""
        status = KNOWN_WORDS.get(word)
        if status is None:
            status = Status.parse(word)
            if not status.is_known:
                self.notes.note("status", self.where, f"status={word}")
        return status

    def of_type(self, body: dict[str, JSON], name: str, kind: type[_T]) -> _T | None:
        """Give a field if it is of the type, else None."""
        value = body.get(name)
        if value is None or isinstance(value, kind):
            return value
        self.odd(name, value)
        return None

    def whole_number(self, body: dict[str, JSON], name: str) -> int | None:
        """Give a whole number, also one that came as a string of digits."""
        value = body.get(name)
        if value is None:
            return None
        number = whole_number(value)
        if number is None:
            self.odd(name, value)
        return number

    def words(self, body: dict[str, JSON], name: str) -> str | None:
        """Give a text; whatever else is there comes as compact JSON."""
        value = body.get(name)
        if value is None or isinstance(value, str):
            return value
        # An error that is an object still holds the server's words.
        self.odd(name, value)
        return compact(value)

    def names(self, body: dict[str, JSON], name: str) -> tuple[str, ...]:
        """Give a list of names; numbers among them become their digits."""
        value = body.get(name)
        if isinstance(value, list) and all(isinstance(item, (str, int)) for item in value):
            return tuple(str(item) for item in value)
        if value is not None:
            self.odd(name, value)
        return ()

    def time(self, body: dict[str, JSON], name: str) -> datetime | None:
        """Give a moment; UTC is assumed where it names no zone, and noted."""
        value = body.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.odd(name, value)
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.notes.note("time", self.where, f"{name}={value}")
            return None
        if moment.tzinfo is None:
            # Parsing it with a zone is many times faster than replace(), and there may be
            # tens of thousands; a date alone takes no zone.
            if len(value) > _LONGEST_DATE:
                moment = datetime.fromisoformat(value + "+00:00")
            else:
                moment = moment.replace(tzinfo=UTC)
            self.timezone_assumed = True
            if not self.zone_noted:
                self.zone_noted = True
                self.notes.note("zone", self.where, name)
        return moment


def whole_number(value: JSON) -> int | None:
    """Give a whole number, also one that came as a string of digits; else None.

    >>> whole_number(5), whole_number("5"), whole_number(5.5), whole_number(True)
    (5, 5, None, None)
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return None


def check_asked_for(what: str, requested_id: int | str, body: JSON, *named_ids: JSON) -> None:
    """Check that an answer is not about another one than was asked for.

    An answer that names no id is fine; what is no whole number is taken for no id, since
    the API has other names for the same, too.

    Args:
        what: What was asked for, in a word.
        requested_id: Its id, or its name where it has one.
        body: The answer.
        named_ids: The ids that it names, the one that counts first.

    Raises:
        InvalidResponseError: It is about another one.
    """
    numbers = (_id_number(value) for value in named_ids)
    found = next((number for number in numbers if number is not None), None)
    if found is not None and found != requested_id:
        raise about_another(what, requested_id, found, body)


def about_another(
    what: str, requested_id: int | str, found: int | str, body: JSON
) -> InvalidResponseError:
    """Give the error for an answer that is about another one than was asked for."""
    start = start_of(body)
    return InvalidResponseError(
        f"the answer is about {what} {excerpt(str(found))}, but {what} {requested_id} was "
        f"asked for: {start}",
        body=start,
    )


def start_of(body: JSON) -> str:
    """Quote the start of an answer, without what may be secret in it."""
    try:
        return excerpt(compact(redact_value(body)))
    except RecursionError:
        return f"{named(body)} that is nested too deeply"


def _id_number(value: JSON) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        # A number of so many digits is no id that anybody asks for.
        return int(value[-400:]) if len(value) <= 400 else -1
    return whole_number(value)


def named(value: JSON) -> str:
    """Say of what type a value is, in words.

    >>> named([1]), named(None)
    ('a list', 'null')
    """
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "a number"


def compact(value: JSON) -> str:
    """Write a value as JSON in one line; total, also for what cannot be written."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return f"{named(value)} that is nested too deeply"
