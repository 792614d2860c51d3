"""How answers become models: by one table for each model, which is the model itself.

The fields of a model are those of an answer. The type of a field says how it is read, and
:func:`wire` says where the API has another name for it, or where the type does not say
all. :class:`Decoder` reads by that table, so all answers are read alike, and a new field
of a model is read without further work.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, cached_property, reduce
from itertools import groupby
from types import NoneType, UnionType
from typing import Any, Final, Generic, TypeAlias, TypeVar, Union, cast, get_args, get_origin

import attrs

from datalab_facade.codec import hints_of
from datalab_facade.fields import FieldReader, Sightings, times_without_zone
from datalab_facade.json_forms import JSON
from datalab_facade.statuses import Status

_T = TypeVar("_T")

_WIRE: Final = "datalab_facade.wire"

# So few objects are read one by one.
_FEW: Final = 4


def wire(
    name: str | None = None, *, or_else: str | None = None, kind: str | None = None
) -> dict[str, object]:
    """Return the metadata of a model's field that answers have in another way.

    Args:
        name: The API's name for the field; by default, the field's own.
        or_else: The name in answers that do not have that one.
        kind: How it is read, a key of ``KINDS``; by default, as its type says.
    """
    return {_WIRE: _Wire(name, or_else, kind)}


@attrs.frozen
class _Wire:
    name: str | None = None
    or_else: str | None = None
    kind: str | None = None


_Kind: TypeAlias = Callable[[FieldReader, str, Any], Any]

KINDS: Final[Mapping[str, tuple[_Kind, type | None]]] = {
    "flag": (FieldReader.flag, bool),
    "id": (FieldReader.id, int),
    "names": (FieldReader.names, None),
    "number": (FieldReader.number, None),
    "object": (FieldReader.object, dict),
    "object or none": (FieldReader.object_or_none, dict),
    "objects": (FieldReader.objects, None),
    "status": (FieldReader.status, None),
    "text": (FieldReader.text, str),
    "time": (FieldReader.time, None),
    "url": (FieldReader.url, str),
    "version": (FieldReader.version, str),
    "whole number": (FieldReader.whole_number, int),
}
"""How a field can be read, and the type of JSON of which it is taken as it is, unless empty."""


class Decoder(Generic[_T]):
    """Reads the objects of one kind into a model, by the model's own fields.

    What is not a field goes into the model's ``extra``, the object itself into its ``raw``,
    and whether a zone was assumed into ``timezone_assumed``, where the model has these.

    Args:
        model: The attrs class.
        where: The kind of object, as drift names it.
        supplied: The fields that are not read, but passed to :meth:`read`.
        also: Names that are known beyond those of the fields.
    """

    def __init__(
        self,
        model: type[_T],
        where: str,
        *,
        supplied: Iterable[str] = (),
        also: Iterable[str] = (),
    ) -> None:
        self._model = model
        self._where = where
        self._supplied = frozenset(supplied)
        self._also = frozenset(also)

    @cached_property
    def _table(self) -> _Table:
        return _Table(self._model, self._supplied)

    def reader(self, sightings: Sightings) -> FieldReader:
        """Return the reader for all objects of this kind in one answer."""
        return FieldReader(self._where, sightings)

    def read(self, body: dict[str, JSON], reader: FieldReader, **supplied: object) -> _T:
        """Read an object, whatever it holds."""
        table = self._table
        values = table.defaults.copy()
        for name, value in supplied.items():
            values[table.places[name]] = value
        reader.timezone_assumed = False
        extra = self._read_fields(table.fields, values, body, reader)
        for name in table.needed:
            if body.get(name) is None:
                reader.record_type(name, None)
        for place, make in table.factories:
            if values[place] is None:
                values[place] = make()
        if reader.timezone_assumed:
            values[table.timezone_assumed] = True
            if not reader.zone_recorded:
                reader.record_zone(body, table.times)
        if table.extra is not None:
            values[table.extra] = extra
        if table.raw is not None:
            values[table.raw] = body
        made: Any = table.twin(*values)
        made.__class__ = self._model
        model: _T = made
        return model

    def read_all(
        self, bodies: Sequence[dict[str, JSON]], reader: FieldReader, **supplied: Sequence[object]
    ) -> list[_T]:
        """Read objects, whatever they hold, each as :meth:`read` does.

        There may be tens of thousands of them, most of them with the same names as their
        neighbors. Those are read field by field, which takes half the time.

        Args:
            bodies: The objects.
            reader: Reads their fields.
            supplied: The values that are not read, one for each object.
        """
        table = self._table
        models: list[_T] = []
        # What there are few of is not worth the sorting.
        groups = groupby(bodies, tuple) if len(bodies) >= _FEW else [((), bodies)]
        for names, group in groups:
            alike, start = list(group), len(models)
            part = {name: values[start : start + len(alike)] for name, values in supplied.items()}
            is_usual = len(alike) >= _FEW and not table.factories and table.needed <= set(names)
            columns = self._columns(names, alike, reader, part) if is_usual else None
            if columns is not None:
                models += make_all(self._model, columns)
                continue
            for place, body in enumerate(alike):
                own = {name: values[place] for name, values in part.items()}
                models.append(self.read(body, reader, **own))
        return models

    def _read_fields(
        self,
        fields: Mapping[str, _Field],
        values: list[object],
        body: dict[str, JSON],
        reader: FieldReader,
    ) -> dict[str, JSON]:
        """Put the values of the fields in their places, and return what is not a field."""
        extra: dict[str, JSON] = {}
        # An answer may have tens of thousands of objects, each with few of the fields, so this
        # goes by the names that are there. What is as expected costs no more than look-ups.
        for name, value in body.items():
            field = fields.get(name)
            if field is None:
                if name not in self._also:
                    extra[name] = value
                    reader.sightings.record("field", self._where, name)
            elif value is not None:
                place, as_it_is, read, unless = field
                if value and type(value) is as_it_is:
                    values[place] = value
                elif unless is None or body.get(unless) is None:
                    values[place] = read(reader, name, value)
        return extra

    def _columns(
        self,
        names: tuple[str, ...],
        bodies: list[dict[str, JSON]],
        reader: FieldReader,
        supplied: Mapping[str, Sequence[object]],
    ) -> list[Iterable[object]] | None:
        """Return the values of each field, of objects with the same names.

        Returns:
            None if something in them is unusual, so that they are to be read one by one.
        """
        table = self._table
        columns: list[Iterable[object]] = [[default] * len(bodies) for default in table.defaults]
        for name, one_each in supplied.items():
            columns[table.places[name]] = one_each
        times: list[Iterable[object]] = []
        for name in names:
            field = table.fields.get(name)
            if field is None and name in self._also:
                continue
            values: list[JSON] = [body[name] for body in bodies]
            column = None if field is None else self._column(name, field, names, values, reader)
            if field is None or column is None:
                return None
            columns[field[0]] = column
            if field[2] is FieldReader.time:
                times.append(column)
        if times:
            all_have = [True] * len(bodies) if all(times[0]) else None
            assumed = all_have or list(map(any, zip(*times, strict=True)))
            columns[table.timezone_assumed] = assumed
            if True in assumed and not reader.zone_recorded:
                reader.record_zone(bodies[assumed.index(True)], table.times)
        if table.extra is not None:
            columns[table.extra] = [{} for _ in bodies]
        if table.raw is not None:
            columns[table.raw] = bodies
        return columns

    def _column(
        self,
        name: str,
        field: _Field,
        names: tuple[str, ...],
        values: list[JSON],
        reader: FieldReader,
    ) -> Iterable[object] | None:
        place, as_it_is, read, unless = field
        types = set(map(type, values))
        if unless in names or (NoneType in types and name in self._table.needed):
            return None
        if types == {as_it_is} and all(values):
            return values
        if read is FieldReader.time:
            return times_without_zone(values)
        known: dict[str | None, object] = {None: self._table.defaults[place]}
        if not types <= {str, NoneType}:
            return [known[None] if value is None else read(reader, name, value) for value in values]
        # Such are statuses: few different words.
        words = cast("list[str | None]", values)
        known |= {word: read(reader, name, word) for word in set(words) if word is not None}
        return [known[word] for word in words]


_Field: TypeAlias = tuple[int, type | None, _Kind, str | None]
"""Its place in the model, the type to take as it is, its kind, and the name that goes first."""


class _Table:
    """The fields of a model, as :class:`Decoder` needs them."""

    def __init__(self, model: type, supplied: frozenset[str]) -> None:
        self.fields: dict[str, _Field] = {}
        """By the API's name."""
        self.places: dict[str, int] = {}
        """By the model's name; the order is that of the model."""
        self.twin = _unfrozen_twin_of(model)
        self.defaults: list[object] = []
        self.factories: list[tuple[int, Callable[[], object]]] = []
        self.needed: set[str] = set()
        """The names that each answer should have."""
        self.times: list[tuple[str, str | None]] = []
        hints = hints_of(model)
        for place, field in enumerate(attrs.fields(model)):
            self.places[field.name] = place
            if field.name in supplied or field.name in _SET_BY_DECODER:
                self.defaults.append(False if field.name == "timezone_assumed" else None)
                continue
            is_optional, kind = _kind_of(hints[field.name])
            self._add_default(field, is_optional=is_optional)
            found = field.metadata.get(_WIRE, _Wire())
            name = found.name or field.name
            read, as_it_is = KINDS[found.kind or kind]
            self.fields[name] = (place, as_it_is, read, None)
            if found.or_else is not None:
                # It has to be compared with the other, so it is never taken as it is.
                self.fields[found.or_else] = (place, None, read, name)
            if read is FieldReader.time:
                self.times.append((name, found.or_else))
            if field.default is attrs.NOTHING and not is_optional:
                self.needed.add(name)
        self.extra, self.raw = self.places.get("extra"), self.places.get("raw")
        # Where there are no times, no zone is assumed.
        self.timezone_assumed = self.places.get("timezone_assumed", 0)

    def _add_default(self, field: attrs.Attribute[Any], *, is_optional: bool) -> None:
        default: object = field.default
        factory = getattr(default, "factory", None)
        if factory is not None:
            self.factories.append((len(self.defaults), factory))
            default = None
        elif default is attrs.NOTHING:
            default = None if is_optional else _NOTHING_SAID[field.type]
        self.defaults.append(default)


_SET_BY_DECODER: Final = frozenset({"extra", "raw", "timezone_assumed"})
_NOTHING_SAID: Final[Mapping[object, object]] = {"str": "", "Status": Status.UNKNOWN}
_KINDS_BY_TYPE: Final[Mapping[object, str]] = {
    bool: "flag",
    int: "whole number",
    str: "text",
    datetime: "time",
    float: "number",
    Status: "status",
    int | str: "id",
    tuple[str, ...]: "names",
}


def _kind_of(hint: object) -> tuple[bool, str]:
    """Return whether a field may be None, and how its type says that it is read."""
    is_optional = get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint)
    others = [one for one in get_args(hint) if one is not NoneType] if is_optional else [hint]
    plain: object = reduce(operator.or_, others)
    if get_origin(plain) is Mapping:
        return is_optional, "object or none" if is_optional else "object"
    if get_origin(plain) is tuple and get_origin(get_args(plain)[0]) is Mapping:
        return is_optional, "objects"
    return is_optional, _KINDS_BY_TYPE[plain]


def make_all(model: type[_T], columns: Iterable[Iterable[object]]) -> list[_T]:
    """Make values of a frozen attrs class, of all fields in their order.

    The constructor of a frozen class sets each field by a call. This makes values of a
    subclass that is not frozen, and then gives them the class; that takes half the time.

    Args:
        model: The class.
        columns: For each field, the values of it.
    """
    kind: type = model
    made: list[Any] = list(map(_unfrozen_twin_of(kind), *columns))
    for one in made:
        one.__class__ = model
    return made


@cache
def _unfrozen_twin_of(model: type) -> Callable[..., object]:
    unfrozen: dict[str, Any] = {
        "__slots__": (),
        "__setattr__": object.__setattr__,
        "__delattr__": object.__delattr__,
    }
    twin: Callable[..., object] = attrs.define(
        type(model.__name__, (model,), unfrozen),
        slots=False,
        eq=False,
        repr=False,
        field_transformer=lambda _, fields: [
            field.evolve(kw_only=False, default=attrs.NOTHING) for field in fields
        ],
    )
    return twin
