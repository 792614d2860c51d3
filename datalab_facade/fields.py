"""Fields of untyped answers: read tolerantly, with what was not expected recorded as drift."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from datalab_facade.drift import Drift, DriftKind, sighting
from datalab_facade.errors import InvalidResponseError, RequestRejectedError
from datalab_facade.json_forms import JSON
from datalab_facade.known_secrets import redact_value
from datalab_facade.redaction import excerpt
from datalab_facade.statuses import KNOWN_WORDS, Status

# A date and a time without a zone, to the second and to the microsecond.
_LENGTHS_WITHOUT_ZONE: Final = frozenset({19, 26})
# Beyond that a number cannot become a float; NaN and infinity are not within it.
_MAX_NUMBER: Final = 1e300


class Sightings:
    """The drift of one answer; each kind counts once, however often it occurs.

    Attributes:
        found: The drift.
    """

    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found: set[Drift] = set()

    def record(self, kind: DriftKind, where: str, name: str) -> None:
        """Record one kind of drift."""
        self.found.add(sighting(kind, where, name))


class FieldReader:
    """Reads single fields of the objects of one kind, and records their drift.

    Attributes:
        where: The kind of object, as drift names it.
        sightings: The drift of the answer.
        timezone_assumed: Whether a time named no zone, so that UTC was assumed.
        zone_recorded: Whether that was recorded; once in an answer is enough.
    """

    __slots__ = ("sightings", "timezone_assumed", "where", "zone_recorded")

    def __init__(self, where: str, sightings: Sightings) -> None:
        self.where = where
        self.sightings = sightings
        self.timezone_assumed = self.zone_recorded = False

    def record_type(self, name: str, value: JSON) -> None:
        """Record that a field is of another type than expected."""
        self.sightings.record("shape", self.where, f"{name}={named(value)}")

    def record_unknown(self, body: Iterable[str], known: frozenset[str]) -> None:
        """Record the names that are not known."""
        for name in body:
            if name not in known:
                self.sightings.record("field", self.where, name)

    def record_zone(
        self, body: Mapping[str, JSON], times: Iterable[tuple[str, str | None]]
    ) -> None:
        """Record the first time of an object that names no zone."""
        self.zone_recorded, self.timezone_assumed = True, False
        for first, second in times:
            name = first if second is None or body.get(first) is not None else second
            if self.time(name, body.get(name)) and self.timezone_assumed:
                self.sightings.record("zone", self.where, name)
                return

    def text(self, name: str, value: JSON) -> str | None:
        """Read a text; whatever else is there comes as compact JSON."""
        if value is None or isinstance(value, str):
            return value
        # An error that is an object still holds the server's words.
        self.record_type(name, value)
        return compact(value)

    def url(self, name: str, value: JSON) -> str | None:
        """Read a text that is not empty."""
        if value is None or isinstance(value, str):
            return value or None
        self.record_type(name, value)
        return None

    def flag(self, name: str, value: JSON) -> bool | None:
        """Read true or false."""
        if value is None or isinstance(value, bool):
            return value
        self.record_type(name, value)
        return None

    def whole_number(self, name: str, value: JSON) -> int | None:
        """Read a whole number, also one that came as a string of digits."""
        number = whole_number(value)
        if number is None and value is not None:
            self.record_type(name, value)
        return number

    def number(self, name: str, value: JSON) -> float | None:
        """Read a number that can be counted with, also one that came as a string of digits."""
        found = number(whole_number(value) if isinstance(value, str) else value)
        if found is None and value is not None:
            self.record_type(name, value)
        return found

    def objects(self, name: str, value: JSON) -> tuple[dict[str, JSON], ...]:
        """Read a list of objects; what is not one is left out."""
        if not isinstance(value, list):
            self.record_type(name, value)
            return ()
        for item in value:
            if not isinstance(item, dict):
                self.record_type(f"an item of {name}", item)
        return tuple(item for item in value if isinstance(item, dict))

    def id(self, _: str, value: JSON) -> int | str | None:
        """Read an id, a whole number or a text."""
        return value if isinstance(value, (int, str)) and not isinstance(value, bool) else None

    def version(self, name: str, value: JSON) -> str | None:
        """Read a version, which may be a number."""
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return self.text(name, value)

    def names(self, name: str, value: JSON) -> tuple[str, ...]:
        """Read a list of names; numbers among them become their digits."""
        if isinstance(value, list) and all(isinstance(item, (str, int)) for item in value):
            return tuple(str(item) for item in value)
        self.record_type(name, value)
        return ()

    def object_or_none(self, name: str, value: JSON) -> dict[str, JSON] | None:
        """Read an object."""
        if isinstance(value, dict):
            return value
        self.record_type(name, value)
        return None

    def object(self, name: str, value: JSON) -> dict[str, JSON]:
        """Read an object, empty if there is none."""
        return self.object_or_none(name, value) or {}

    def status(self, name: str, value: JSON) -> Status:
        """Read a status; a word that nobody knows is kept, and recorded."""
        if not isinstance(value, str):
            self.record_type(name, value)
            return Status.UNKNOWN
        status = KNOWN_WORDS.get(value)
        if status is None:
            status = Status.parse(value)
            if not status.is_known:
                self.sightings.record("status", self.where, f"{name}={value}")
        return status

    def time(self, name: str, value: JSON) -> datetime | None:
        """Read a moment; UTC is assumed where it names no zone."""
        if not isinstance(value, str):
            if value is not None:
                self.record_type(name, value)
            return None
        if len(value) in _LENGTHS_WITHOUT_ZONE:
            # Parsing a time once, with a zone, is much faster than adding the zone later, and
            # there may be tens of thousands. What has a zone cannot be parsed with another.
            try:
                moment = datetime.fromisoformat(value + "+00:00")
            except ValueError:
                pass
            else:
                self.timezone_assumed = True
                return moment
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.sightings.record("time", self.where, f"{name}={value}")
            return None
        if moment.tzinfo is None:
            self.timezone_assumed = True
            return moment.replace(tzinfo=UTC)
        return moment


def times_without_zone(values: list[JSON]) -> list[datetime | None] | None:
    """Read moments, each as :meth:`FieldReader.time` does, if none of them names a zone.

    Returns:
        None if one of them does, or cannot be read.
    """
    texts = [value for value in values if isinstance(value, str)]
    lengths, nothings = set(map(len, texts)), len(values) - len(texts)
    if not lengths <= _LENGTHS_WITHOUT_ZONE or (nothings and values.count(None) < nothings):
        return None
    try:
        moments = [datetime.fromisoformat(text + "+00:00") for text in texts]
    except ValueError:
        return None
    if not nothings:
        return [*moments]
    left = iter(moments)
    return [None if value is None else next(left) for value in values]


def http_date(value: str) -> datetime | None:
    """Read a date of HTTP; None if it is not one."""
    from email.utils import parsedate_to_datetime  # rarely needed, and slow to import

    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def whole_number(value: JSON) -> int | None:
    """Return a whole number, also one that came as a string of digits; else None.

    >>> whole_number(5), whole_number("5"), whole_number(5.5), whole_number(True)
    (5, 5, None, None)
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return None


def number(value: JSON) -> float | None:
    """Return a number that can be counted with; else None.

    >>> number(5), number(0.5), number(True), number("5"), number(10**400)
    (5, 0.5, None, None, None)
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return value if -_MAX_NUMBER <= value <= _MAX_NUMBER else None


def check_requested_id(what: str, requested_id: int | str, body: JSON, *named_ids: JSON) -> None:
    """Check that an answer is about what was requested.

    An answer without an id passes. What is not a whole number does not count as an id,
    since the API has other names for the same object, too.

    Args:
        what: What was requested, in a word.
        requested_id: Its id, or its name where it has one.
        body: The answer.
        named_ids: The ids that it names, the one that counts first.

    Raises:
        InvalidResponseError: It is about another object.
    """
    for value in named_ids:
        found = _id_number(value)
        if found is not None:
            if found != requested_id:
                raise wrong_subject(what, requested_id, found, body)
            return


def wrong_subject(
    what: str, requested_id: int | str, found: int | str, body: JSON
) -> InvalidResponseError:
    """Return the error for an answer about another object than the requested one."""
    start = start_of(body)
    return InvalidResponseError(
        f"the answer is about {what} {excerpt(str(found))}, but {what} {requested_id} was "
        f"asked for: {start}",
        body=start,
    )


def raise_refusal(body: JSON) -> None:
    """Raise if an answer says ``success: false``.

    Raises:
        RequestRejectedError: It does; the error has the server's words.
    """
    if not isinstance(body, dict) or body.get("success") is not False:
        return
    reason = next((body[name] for name in ("error", "message", "detail") if body.get(name)), None)
    detail = (
        "" if reason is None else excerpt(reason if isinstance(reason, str) else compact(reason))
    )
    raise RequestRejectedError(
        f"The server rejected the request: {detail or 'it gave no reason'}", detail=detail
    )


def start_of(body: JSON) -> str:
    """Quote the start of an answer, with secrets redacted."""
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


def named(value: object) -> str:
    """Name the type of a value in words, as JSON has it.

    >>> named([1]), named(None)
    ('a list', 'null')
    """
    for kind, words in _KINDS:
        if isinstance(value, kind):
            return words
    return f"a {type(value).__name__}"


_KINDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (type(None), "null"),
    (bool, "a boolean"),
    (str, "a string"),
    (list, "a list"),
    (Mapping, "an object"),
    ((int, float), "a number"),
)


def compact(value: JSON) -> str:
    """Write a value as JSON in one line; total, also for what cannot be written."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return f"{named(value)} that is nested too deeply"
