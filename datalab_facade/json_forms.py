"""How a type is written as plain JSON, and read: one form for each type of a field.

======================  ==============================================================
a type                  in JSON
======================  ==============================================================
datetime                a string in ISO 8601
timedelta               a number of seconds
Path, an enum           a string; the enum's value
a subclass of str       a string; read by its ``parse``, if it has that
tuple, list             a list
Mapping[str, ...]       an object
an attrs class          an object, see :mod:`datalab_facade.codec`
``JSON``, object        as it is
a type variable         as the value's own class says
======================  ==============================================================

JSON is strict: it knows no NaN and no infinity, so these are written as null.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from itertools import repeat
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

import attrs

JSON: TypeAlias = "str | int | float | bool | list[JSON] | dict[str, JSON] | None"
"""A value that :func:`json.loads` can give."""

_T = TypeVar("_T")


class InvalidJSONError(ValueError):
    """What is wrong with JSON, and at which place of it.

    Attributes:
        problem: What is wrong, such as ``"must be a string"`` or ``"has no name"``.
        place: Where, such as ``".steps[2].name"``; empty for all of it.
        found: What was found there instead, if that says anything.
    """

    def __init__(self, problem: str, *found: object) -> None:
        super().__init__(problem)
        self.problem = problem
        self.found = found
        self.place = ""

    def inside(self, place: str) -> InvalidJSONError:
        """Return the same error for what holds it, by the place in there."""
        self.place = place + self.place
        return self

    def sentence(self, name: Callable[[object], str], *, whole: str) -> str:
        """Say it in words; ``name`` names what was found, and ``whole`` the JSON as a whole."""
        found = "".join(f", not {name(value)}" for value in self.found)
        place = self.place.removeprefix(".")
        if self.problem.startswith(("must be ", "has no ", "cannot be ")):
            return f"{place or whole} {self.problem}{found}"
        return f"{place}: {self.problem}" if place else self.problem


@attrs.frozen
class Form:
    """How values of a type are written and read."""

    write: Callable[[Any], JSON] | None
    """Turns a value, but never None, into JSON; None if a value is JSON."""
    read: Callable[[object], Any] = lambda value: value
    """Turns JSON into a value; raises :class:`InvalidJSONError`."""

    def written(self, value: object) -> JSON:
        """Write a value, also None."""
        return value if value is None or self.write is None else self.write(value)  # type: ignore[return-value]


def strict(value: object) -> JSON:
    """Return JSON with null for what strict JSON does not know; the same object if it is all known.

    >>> strict({"a": [1.5, float("nan")]})
    {'a': [1.5, None]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        items = {name: strict(item) for name, item in value.items()}
        same = all(item is value[name] for name, item in items.items())
        return value if same else items  # type: ignore[return-value]
    if isinstance(value, (list, tuple)):
        listed = [strict(item) for item in value]
        same = all(new is old for new, old in zip(listed, value, strict=True))
        return value if same else listed  # type: ignore[return-value]
    return value  # type: ignore[return-value]


def named(value: object) -> str:
    """Name JSON in words. A text may be a secret, so it is not quoted.

    >>> named([1]), named("5"), named(None)
    ('a list', 'a string', 'null')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    for kind, name in ((str, "a string"), (Mapping, "an object"), ((list, tuple), "a list")):
        if isinstance(value, kind):
            return name
    return "a number" if isinstance(value, (int, float)) else type(value).__name__


_FORMS: Final[dict[object, Form]] = {}


def register(kind: type[_T], write: Callable[[_T], JSON], read: Callable[[object], _T]) -> None:
    """Say how a class that is not made of attrs fields is written and read."""
    _FORMS[kind] = Form(write, read)


def form_of(hint: object, nested: Callable[[type], Form]) -> Form:
    """Return the form of a type; ``nested`` gives those of attrs classes."""
    origin, arguments = get_origin(hint), get_args(hint)
    form = _FORMS.get(hint, _AS_IT_IS)
    if hint in _SIMPLE:
        form = _simple([hint])
    elif isinstance(hint, TypeVar):
        form = Form(lambda value: _by_class(value, nested))
    elif isinstance(origin, type) and attrs.has(origin):
        form = nested(origin)
    elif origin in (Union, UnionType):
        form = _union(arguments, nested)
    elif origin is Literal:
        form = Form(None, _one_of(arguments))
    elif origin in (tuple, list):
        form = _sequence(arguments, nested)
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        form = _mapping(form_of(arguments[1], nested))
    elif isinstance(hint, type) and hint is not object and hint not in _FORMS:
        form = nested(hint) if attrs.has(hint) else _class(hint)
    return form


def read_inside(place: str, read: Callable[[object], _T], data: object) -> _T:
    """Read what stands at a place of a larger document.

    Raises:
        InvalidJSONError: It is something else; the error names the place.
    """
    try:
        return read(data)
    except InvalidJSONError as wrong:
        raise wrong.inside(place) from wrong.__cause__


def _class(kind: type) -> Form:
    if issubclass(kind, Enum):
        check = _one_of(tuple(one.value for one in kind))
        return Form(lambda value: value.value, lambda value: kind(check(value)))
    if issubclass(kind, datetime):
        return Form(datetime.isoformat, _made_of_text(kind.fromisoformat, "a time in ISO 8601"))
    if issubclass(kind, timedelta):
        check = _checked([float])
        return Form(timedelta.total_seconds, lambda value: timedelta(seconds=check(value)))
    if issubclass(kind, (str, Path)):
        return Form(str, _made_of_text(getattr(kind, "parse", kind), "a string"))
    raise TypeError(f"a {kind.__name__} has no form in JSON")


def _made_of_text(make: Callable[[str], object], expected: str) -> Callable[[object], Any]:
    def read(value: object) -> object:
        if isinstance(value, str):
            try:
                return make(value)
            except ValueError:
                pass
        # Raised outside of the except block, since such an error quotes the text.
        raise InvalidJSONError(f"must be {expected}", value)

    return read


def _is_whole_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_SIMPLE: Final[dict[object, tuple[str, Callable[[object], bool]]]] = {
    str: ("a string", lambda value: isinstance(value, str)),
    bool: ("true or false", lambda value: isinstance(value, bool)),
    int: ("a whole number", _is_whole_number),
    float: ("a number", lambda value: isinstance(value, float) or _is_whole_number(value)),
}
_AS_IT_IS: Final = Form(strict, lambda value: value)


def _simple(kinds: list[object], *, optional: bool = False) -> Form:
    return Form(strict if float in kinds else None, _checked(kinds, optional=optional))


def _by_class(value: object, nested: Callable[[type], Form]) -> JSON:
    kind = type(value)
    return (nested(kind) if attrs.has(kind) else _AS_IT_IS).written(value)


def _checked(kinds: list[object], *, optional: bool = False) -> Callable[[object], Any]:
    simple = [_SIMPLE[kind] for kind in kinds]
    # Most values are of exactly these types, which is quick to see.
    exact = {*kinds, *([int] if float in kinds else []), *([NoneType] if optional else [])}
    expected = " or ".join(name for name, _ in simple)

    def read(value: object) -> object:
        if type(value) not in exact and not any(check(value) for _, check in simple):
            raise InvalidJSONError(f"must be {expected}", value)
        return value

    return read


def _one_of(values: tuple[object, ...]) -> Callable[[object], Any]:
    expected = " or ".join(map(repr, values))

    def read(value: object) -> object:
        # True is equal to 1, and not meant by it.
        if not any(value == one and type(value) is type(one) for one in values):
            raise InvalidJSONError(f"must be {expected}", value)
        return value

    return read


def _union(kinds: tuple[object, ...], nested: Callable[[type], Form]) -> Form:
    others = [kind for kind in kinds if kind is not NoneType]
    if all(kind in _SIMPLE for kind in others):
        return _simple(others, optional=len(others) < len(kinds))
    if len(others) == 1:
        form = form_of(others[0], nested)
    else:
        raise TypeError(f"JSON does not say which of {kinds} a value is")
    return Form(form.write, lambda value: None if value is None else form.read(value))


def _read_list(value: object, forms: Iterable[Form]) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise InvalidJSONError("must be a list", value)
    return [
        read_inside(f"[{number}]", form.read, item)
        for number, (item, form) in enumerate(zip(value, forms, strict=False))
    ]


def _sequence(kinds: tuple[object, ...], nested: Callable[[type], Form]) -> Form:
    forms = [form_of(kind, nested) for kind in kinds if kind is not ...]
    if ... in kinds or len(kinds) == 1:
        [form] = forms

        def write(value: Iterable[object]) -> JSON:
            return [form.written(item) for item in value]

        return Form(write, lambda value: tuple(_read_list(value, repeat(form))))
    count = {2: "two", 3: "three"}.get(len(forms), len(forms))

    def read(value: object) -> object:
        if not isinstance(value, (list, tuple)) or len(value) != len(forms):
            raise InvalidJSONError(f"must be a list of {count}", value)
        return tuple(_read_list(value, forms))

    return Form(
        lambda value: [form.written(item) for form, item in zip(forms, value, strict=True)], read
    )


def _mapping(form: Form) -> Form:
    def write(value: object) -> JSON:
        # What is not a mapping is written as it is, so that whoever checks it can say so.
        if not isinstance(value, Mapping):
            return value  # type: ignore[return-value]
        return {name: form.written(item) for name, item in value.items()}

    def read(value: object) -> object:
        if not isinstance(value, Mapping):
            raise InvalidJSONError("must be an object", value)
        return {name: read_inside(f".{name}", form.read, item) for name, item in value.items()}

    return Form(write, read)


def check_names(data: Mapping[object, object], known: Iterable[str]) -> None:
    """Check that an object has no names but those that are known.

    Raises:
        InvalidJSONError: It has.
    """
    names = list(known)
    for name in data:
        if name not in names:
            listed = ", ".join(names) or "none"
            raise InvalidJSONError(f"unknown field {name!r}; known fields: {listed}")
