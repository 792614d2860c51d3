"""One codec for all values: attrs classes to plain JSON and back, by their fields.

The type of a field says how it is written and read (:mod:`datalab_facade.json_forms`);
what a type cannot say stands in the field's metadata (:func:`json_field`) or in the
class's :class:`JSONFormat`. So a new field of a value needs nothing more to travel.

A class is analyzed once, when the first of its values is written or read.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from types import GenericAlias
from typing import Any, ClassVar, Final, Generic, Self, TypeVar, cast, get_type_hints

import attrs

from datalab_facade.errors import DatalabError, InvalidArgumentError
from datalab_facade.json_forms import (
    JSON,
    Form,
    InvalidJSONError,
    check_names,
    form_of,
    named,
    register,
)
from datalab_facade.redaction import redact, redact_urls

_T = TypeVar("_T")

_FIELD: Final = "datalab_facade.json"

_URLS: Final = frozenset({"output_url", "result_url", "download_url", "upload_url"})
_PRESIGNED: Final = re.compile(r"https?://[^\s?#]*\?.*", flags=re.IGNORECASE | re.DOTALL)


@attrs.frozen(kw_only=True)
class JSONFormat:
    """What JSON has of a class beyond its fields; the class holds it as ``_json``."""

    version: int | None = None
    """Written as ``version``; JSON of any other version is refused."""
    properties: Mapping[str, str] = attrs.field(factory=dict)
    """Properties to write as well, by their names in JSON; they are not read."""
    needs: tuple[str, ...] = ()
    """Fields with a default that JSON has in every version, so that it is refused without."""
    urls: tuple[str, ...] = ()
    """Names in JSON of presigned URLs, besides those that are called so everywhere."""
    by_hand: bool = False
    """Whether people write it: defaults are left out, and unknown names are refused."""


@attrs.frozen
class _FieldFormat:
    name: str | None = None
    left_out: bool = False
    left_out_if_none: bool = False
    form: Form | None = None


def json_field(
    name: str | None = None,
    *,
    left_out: bool = False,
    left_out_if_none: bool = False,
    form: Form | None = None,
) -> dict[str, object]:
    """Return the metadata of a field whose type does not say all about its JSON.

    Args:
        name: The name in JSON, if it is not the field's own.
        left_out: Whether the field is neither written nor read.
        left_out_if_none: Whether None is not written.
        form: How the field is written and read, if not as its type says.
    """
    return {_FIELD: _FieldFormat(name, left_out, left_out_if_none, form)}


class ToJSON:
    """A value that becomes plain JSON, by its fields."""

    __slots__ = ()

    _json: ClassVar[JSONFormat] = JSONFormat()

    def to_dict(self, *, urls: bool = True) -> dict[str, JSON]:
        """Return the value as plain JSON, which every JSON library takes: no NaN, no infinity.

        Args:
            urls: Whether to include presigned URLs, which are credentials. False is for logs and
                for answers to others: it writes null for them, wherever they are, also in
                ``raw``, and takes user and query out of all other URLs. Settings are not redacted.
        """
        found = to_json(self)
        return found if urls else without_urls(found, self._json.urls)


class AsJSON(ToJSON):
    """A value that becomes plain JSON and comes back, by its fields."""

    __slots__ = ()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build a value of what :meth:`to_dict` returned, even after a trip through JSON.

        Names that are not known are ignored, since a newer version may have written them.

        Raises:
            InvalidArgumentError: The data is something else. The message names the place.
        """
        return from_json(cls, data)


def to_json(value: object) -> dict[str, JSON]:
    """Return a value of an attrs class as plain JSON."""
    return plan_of(type(value)).write(value)


def without_urls(data: Mapping[str, JSON], names: Container[str] = ()) -> dict[str, JSON]:
    """Return JSON with null for presigned URLs, and other URLs without user and query.

    >>> without_urls({"output_url": "https://a.example/b", "error": "no https://a.example/b?c=d"})
    {'output_url': None, 'error': 'no https://a.example/b?…'}
    """
    return {
        name: None if name in _URLS or name in names else _without_urls(value)
        for name, value in data.items()
    }


def _without_urls(value: JSON) -> JSON:
    if isinstance(value, str):
        if "://" not in value:
            return value
        return None if _PRESIGNED.fullmatch(value) else redact_urls(value)
    if isinstance(value, Mapping):
        return without_urls(value)
    if isinstance(value, (list, tuple)):
        return [_without_urls(item) for item in value]
    return value


def from_json(kind: type[_T], data: object) -> _T:
    """Build a value of an attrs class of what :func:`to_json` returned.

    Raises:
        InvalidArgumentError: The data is something else. The message names the place.
    """
    try:
        return plan_of(kind).read(data)
    except InvalidJSONError as wrong:
        why = wrong.sentence(named, whole="it")
    # Raised outside of the except block, since the error below may quote a secret.
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).lower()
    article = "an" if words[0] in "aeiou" else "a"
    raise InvalidArgumentError(f"The data is not {article} {words} as to_dict() returns it: {why}")


def from_json_by_hand(kind: type[_T], data: object, place: str = "") -> _T:
    """Build a value of JSON that somebody wrote by hand.

    Args:
        kind: The class.
        data: The JSON.
        place: Where the JSON stands in a larger document, for error messages.

    Raises:
        ValueError: The data is something else. The message names the place, and quotes
            what is there.
    """
    try:
        return cast("_T", form_of_field(kind).read(data))
    except InvalidJSONError as wrong:
        message = wrong.inside(place).sentence(lambda value: repr(value)[:80], whole="the value")
        raise ValueError(message) from wrong.__cause__


def form_of_field(hint: object) -> Form:
    """Return how a field of this type is written and read."""
    return form_of(hint, _nested)


def read_list(kind: type[_T], data: object) -> list[_T]:
    """Build values of an attrs class of a list in JSON.

    Raises:
        InvalidJSONError: The data is something else.
    """
    return list(form_of_field(GenericAlias(tuple, (kind, ...))).read(data))


def hints_of(kind: type) -> dict[str, Any]:
    """Return the types of a class's fields, with ``object`` for aliases of what has no form."""
    return get_type_hints(kind, localns={"JSON": object, "Uploadable": object})


@attrs.frozen
class _Field:
    name: str
    attribute: str
    argument: str
    default: Any
    is_needed: bool
    left_out_if_none: bool
    form: Form

    def is_default(self, value: object) -> bool:
        factory = getattr(self.default, "factory", None)
        return bool(value == (self.default if factory is None else factory()))


class Plan(Generic[_T]):
    """How the values of a class are written and read."""

    def __init__(self, kind: type[_T]) -> None:
        self._kind = kind
        self._format: JSONFormat = getattr(kind, "_json", JSONFormat())
        hints = hints_of(kind)
        self._fields = [
            self._field(one, hints[one.name])
            for one in attrs.fields(cast("Any", kind))
            if one.init and not one.name.startswith("_") and not _format_of(one).left_out
        ]
        self._readers = {one.name: (one.argument, one.form.read) for one in self._fields}
        self._properties = [
            (name, attribute, _form_of_property(kind, attribute))
            for name, attribute in self._format.properties.items()
        ]

    def _field(self, field: attrs.Attribute[Any], hint: object) -> _Field:
        own = _format_of(field)
        return _Field(
            name=own.name or field.name,
            attribute=field.name,
            argument=field.alias or field.name,
            default=field.default,
            is_needed=field.default is attrs.NOTHING or field.name in self._format.needs,
            left_out_if_none=own.left_out_if_none,
            form=own.form or form_of_field(hint),
        )

    def write(self, value: object) -> dict[str, JSON]:
        """Return a value as JSON."""
        found: dict[str, JSON] = {}
        if self._format.version is not None:
            found["version"] = self._format.version
        for one in self._fields:
            item = getattr(value, one.attribute)
            if item is None and one.left_out_if_none:
                continue
            if self._format.by_hand and one.is_default(item):
                continue
            found[one.name] = one.form.written(item)
        for name, attribute, form in self._properties:
            found[name] = form.written(getattr(value, attribute))
        return found

    def read(self, data: object) -> _T:
        """Build a value of JSON.

        Raises:
            InvalidJSONError: It is something else.
            InvalidArgumentError: The class does not take the values of the fields, or the
                version is not supported.
        """
        if not isinstance(data, Mapping):
            raise InvalidJSONError("must be an object", data)
        if self._format.version is not None:
            self._check_version(data)
        if self._format.by_hand:
            check_names(data, (one.name for one in self._fields))
        for one in self._fields:
            if one.is_needed and one.name not in data:
                raise InvalidJSONError(f"has no {one.name}")
        arguments = self.read_some(data)
        try:
            return self._kind(**arguments)
        except InvalidArgumentError:
            raise
        except (ValueError, TypeError) as error:
            raise InvalidJSONError(str(error)) from error

    def read_some(self, data: Mapping[str, object]) -> dict[str, Any]:
        """Read those fields that JSON has, as arguments of the class.

        Raises:
            InvalidJSONError: One of them is something else.
        """
        arguments: dict[str, Any] = {}
        name = ""
        try:
            for name, value in data.items():
                if (field := self._readers.get(name)) is not None:
                    argument, read = field
                    arguments[argument] = read(value)
        except InvalidJSONError as wrong:
            raise wrong.inside(f".{name}") from wrong.__cause__
        return arguments

    def _check_version(self, data: Mapping[str, object]) -> None:
        if "version" not in data:
            raise InvalidJSONError("has no version")
        version = data["version"]
        if type(version) is not int:
            raise InvalidJSONError("must be a whole number", version).inside(".version")
        if version != self._format.version:
            raise InvalidArgumentError(
                f"The {self._kind.__name__.lower()} has version {version}, but only version "
                f"{self._format.version} is supported. Read it with the release of "
                f"datalab-facade that wrote it"
            )


_PLANS: Final[dict[type, Plan[Any]]] = {}


def plan_of(kind: type[_T]) -> Plan[_T]:
    """Return the plan of an attrs class; it is made once."""
    plan = _PLANS.get(kind)
    if plan is None:
        plan = _PLANS[kind] = Plan(kind)
    return plan


def _nested(kind: type) -> Form:
    # The plan is looked up late, since classes may hold each other.
    return Form(to_json, lambda value: plan_of(kind).read(value))


def _form_of_property(kind: type, name: str) -> Form:
    getter = cast("property", getattr(kind, name)).fget
    hints = get_type_hints(getter, localns={"JSON": object})
    return form_of_field(hints.get("return", object))


def _format_of(field: attrs.Attribute[Any]) -> _FieldFormat:
    found = field.metadata.get(_FIELD)
    return found if isinstance(found, _FieldFormat) else _FieldFormat()


def _no_error(data: object) -> DatalabError:
    raise InvalidJSONError("cannot be read: an error is only written", data)


register(
    DatalabError,
    write=lambda error: {"type": type(error).__name__, "message": redact(str(error))},
    read=_no_error,
)
