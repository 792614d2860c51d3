"""How two schemas differ, seen from the side of the caller of an API.

Which differences break a caller depends on the direction. What a caller sends has to be accepted
still, so a request may only become more lenient; what a caller receives has to be what it is
prepared for, so a response may only become more strict. Two liberties are taken with that: fields
and enum values may be added to a response, because upstream says that it will, and clients that
are to last have to live with it.
"""

import json
from collections.abc import Iterable, Iterator
from enum import Enum

from attrs import evolve, field, frozen

from specs.documents import Document, Json
from specs.shapes import Branch, Shape, canonical, shape

DECODED_BY_HAND = (
    "the facade decodes this answer by hand, in datalab_facade/*decoding.py and *models.py"
)

_LOOSER_UPWARDS = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
_LOOSER_DOWNWARDS = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_OTHER_LIMITS = {"pattern", "multipleOf", "uniqueItems", "format"}
_LIMITS = _LOOSER_UPWARDS | _LOOSER_DOWNWARDS | _OTHER_LIMITS
# For these the generator does not give out a string, so the Python that uses it changes too.
_FORMATS_WITH_A_TYPE = ("date", "date-time", "uuid", "binary")

_LONGEST_QUOTE = 200


class Direction(Enum):
    """Which way the JSON travels."""

    REQUEST = "request"
    RESPONSE = "response"


class Kind(Enum):
    """What has happened to something."""

    ADDED = "added"
    REMOVED = "removed"
    ALTERED = "altered"
    DOCUMENTATION = "documentation"


@frozen
class Difference:
    """One thing that is not as it was: `place` and `message` make a sentence."""

    place: str
    message: str
    breaking: bool
    kind: Kind = Kind.ALTERED
    hint: str = ""
    cause: str = ""
    """The same place as seen from the component that it is in, which others may share."""


@frozen
class Place:
    """A value somewhere in a request or a response."""

    root: str
    """What it is in, for example `response 200`."""
    noun: str
    """What its fields are called there, for example `response 200 field`."""
    path: str = ""
    component: str = ""
    """The nearest schema around it that has a name."""
    below: str = ""
    """The part of the path that lies within that schema."""

    def field(self, name: str) -> "Place":
        """The place of one of its fields."""
        path, below = (f"{whole}.{name}" if whole else name for whole in (self.path, self.below))
        return evolve(self, path=path, below=below)

    def inside(self, mark: str) -> "Place":
        """The place of what it holds without a name: `[]` for items, `{}` for free-form fields."""
        return evolve(self, path=self.path + mark, below=self.below + mark)

    def of(self, component: str | None) -> "Place":
        """The same place, if it is where a schema with a name begins."""
        return evolve(self, component=component, below="") if component else self

    def difference(
        self, message: str, *, breaking: bool, kind: Kind = Kind.ALTERED, hint: str = ""
    ) -> Difference:
        """What is different here."""
        schema = f"schema {self.component}" if self.component else ""
        cause = f"{schema} field '{self.below}'" if schema and self.below else schema
        return Difference(str(self), message, breaking, kind, hint, cause)

    def __str__(self) -> str:
        """`response 200 field 'files[].reference'`."""
        return f"{self.noun} '{self.path}'" if self.path else self.root


@frozen
class Comparison:
    """Two documents whose schemas are compared, for values that travel in one direction.

    A ring of schemas ends where it comes back to what has been compared: what lies below a `$ref`
    is reported at the place where it is met first.
    """

    old: Document
    new: Document
    direction: Direction
    _compared: set[tuple[str, str]] = field(factory=set, init=False)

    def compare(self, old: Json, new: Json, place: Place) -> Iterator[Difference]:
        """Every difference between a schema of the old document and one of the new."""
        before, after = shape(self.old, old), shape(self.new, new)
        pairs, gone, come = _paired(before.branches, after.branches)
        if gone or come:
            names = {branch.name for branch in (*gone, *come)}
            there = place.of(names.pop()) if gone and come and len(names) == 1 else place
            yield self._retyped(before, after, gone, come, there)
        if before.nullable != after.nullable and not (before.anything or after.anything):
            yield self._nullability(place, nullable=after.nullable)
        for left, right in pairs:
            yield from self._compare_branches(left, right, place)

    def _breaks(self, *, stricter: bool) -> bool:
        return stricter if self.direction is Direction.REQUEST else not stricter

    def _retyped(
        self,
        before: Shape,
        after: Shape,
        gone: list[Branch],
        come: list[Branch],
        place: Place,
    ) -> Difference:
        if self.direction is Direction.REQUEST:
            breaking = not all(_fits(branch, after) for branch in gone)
        else:
            breaking = not all(_fits(branch, before) for branch in come)
        if before.anything:
            hint = DECODED_BY_HAND if self.direction is Direction.RESPONSE else ""
            return place.difference(f"became typed: {after}", breaking=breaking, hint=hint)
        if after.anything:
            return place.difference(f"is no longer typed: it was {before}", breaking=breaking)
        return place.difference(f"changed its type from {before} to {after}", breaking=breaking)

    def _nullability(self, place: Place, *, nullable: bool) -> Difference:
        message = "may now be null" if nullable else "may no longer be null"
        return place.difference(message, breaking=self._breaks(stricter=not nullable))

    def _compare_branches(self, old: Branch, new: Branch, place: Place) -> Iterator[Difference]:
        if old.name and new.name and old.name != new.name:
            message = f"is now a {new.name} instead of a {old.name}"
            yield place.difference(message, breaking=False)
        place = place.of(new.name or old.name)
        yield from self._compare_enums(old.enum, new.enum, place)
        yield from self._compare_keywords(old, new, place)
        if (old.name or new.name) and self._has_compared(old, new):
            return
        if old.type == "array":
            yield from self.compare(old.items, new.items, place.inside("[]"))
        elif old.type == "object":
            yield from self._compare_fields(old, new, place)
            yield from self._compare_additional(old.additional, new.additional, place)

    def _has_compared(self, old: Branch, new: Branch) -> bool:
        """Whether the insides of these two have been compared before. From now on they have."""
        pair = _insides(old), _insides(new)
        known = pair in self._compared
        self._compared.add(pair)
        return known

    def _compare_enums(
        self, old: tuple[Json, ...] | None, new: tuple[Json, ...] | None, place: Place
    ) -> Iterator[Difference]:
        request = self.direction is Direction.REQUEST
        if old is None and new is not None:
            yield place.difference(f"is now limited to {_listed(new)}", breaking=request)
        elif old is not None and new is None:
            yield place.difference(f"is no longer limited to {_listed(old)}", breaking=False)
        else:
            for value in new or ():
                if value not in (old or ()):
                    yield place.difference(
                        f"may now be {_quoted(value)}", breaking=False, kind=Kind.ADDED
                    )
            for value in old or ():
                if value not in (new or ()):
                    message = f"may no longer be {_quoted(value)}"
                    yield place.difference(message, breaking=request, kind=Kind.REMOVED)

    def _compare_keywords(self, old: Branch, new: Branch, place: Place) -> Iterator[Difference]:
        for keyword in sorted(old.keywords.keys() | new.keywords.keys()):
            before, after = old.keywords.get(keyword), new.keywords.get(keyword)
            if before == after:
                continue
            if keyword == "deprecated":
                message = "is now deprecated" if after else "is no longer deprecated"
                yield place.difference(message, breaking=False)
                continue
            yield place.difference(
                f"changed its {keyword} from {_quoted(before)} to {_quoted(after)}",
                breaking=self._keyword_breaks(keyword, before, after),
            )

    def _keyword_breaks(self, keyword: str, before: Json, after: Json) -> bool:
        if keyword == "default":
            return False
        if keyword not in _LIMITS:
            return True
        if keyword == "format" and (
            before in _FORMATS_WITH_A_TYPE or after in _FORMATS_WITH_A_TYPE
        ):
            return True
        return self.direction is Direction.REQUEST and not _is_looser(keyword, before, after)

    def _compare_fields(self, old: Branch, new: Branch, place: Place) -> Iterator[Difference]:
        before = {**old.properties, **dict.fromkeys(sorted(old.required - old.properties.keys()))}
        after = {**new.properties, **dict.fromkeys(sorted(new.required - new.properties.keys()))}
        for name in {**before, **after}:
            there = place.field(name)
            if name not in after:
                yield there.difference("was removed", breaking=True, kind=Kind.REMOVED)
            elif name not in before:
                demanded = name in new.required and self.direction is Direction.REQUEST
                message = "was added, and is required" if demanded else "was added"
                yield there.difference(message, breaking=demanded, kind=Kind.ADDED)
            else:
                if (name in old.required) != (name in new.required):
                    yield self._obligation(there, required=name in new.required)
                yield from self.compare(before[name], after[name], there)

    def _obligation(self, place: Place, *, required: bool) -> Difference:
        if self.direction is Direction.REQUEST:
            message = "became required" if required else "became optional"
        else:
            message = "is now guaranteed" if required else "is no longer guaranteed"
        return place.difference(message, breaking=self._breaks(stricter=required))

    def _compare_additional(self, old: Json, new: Json, place: Place) -> Iterator[Difference]:
        if (old is False) != (new is False):
            message = "allows no other fields now" if new is False else "allows other fields now"
            request = self.direction is Direction.REQUEST
            yield place.difference(message, breaking=request and new is False)
        elif old is not False:
            yield from self.compare(old, new, place.inside("{}"))


def _paired(
    old: Iterable[Branch], new: Iterable[Branch]
) -> tuple[list[tuple[Branch, Branch]], list[Branch], list[Branch]]:
    """The branches that are about the same, first by name and then by type; and the others."""
    gone, come = list(old), list(new)
    pairs = list[tuple[Branch, Branch]]()
    for by_name in (True, False):
        for left in list(gone):
            for right in come:
                if left.type == right.type and (left.name == right.name or not by_name):
                    pairs.append((left, right))
                    gone.remove(left)
                    come.remove(right)
                    break
    return pairs, gone, come


def _fits(branch: Branch, other: Shape) -> bool:
    """Whether every value of a branch without a partner is allowed by some branch of the other."""
    return any(
        wider.type is None
        or (wider.type == "number" and branch.type == "integer")
        or (wider.type == branch.type and branch.type not in ("object", "array"))
        for wider in other.branches
    )


def _insides(branch: Branch) -> str:
    required: list[Json] = [*sorted(branch.required)]
    return canonical([dict(branch.properties), required, branch.additional, branch.items])


def _is_looser(keyword: str, before: Json, after: Json) -> bool:
    """Whether a limit that has changed lets more through than before."""
    if after is None or after is False:
        return True
    if isinstance(before, int | float) and isinstance(after, int | float):
        if keyword in _LOOSER_UPWARDS:
            return after > before
        if keyword in _LOOSER_DOWNWARDS:
            return after < before
    return False


def _quoted(value: Json) -> str:
    """A value as it stands in the document, or the start of a long one."""
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"


def _listed(values: Iterable[Json]) -> str:
    return ", ".join(map(_quoted, values))
