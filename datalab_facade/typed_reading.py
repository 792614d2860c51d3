"""JSON as a value of a type of the caller's, by pydantic or by cattrs. No IO.

A value is never bent to fit: null is not the text ``"None"``, ``"false"`` is not true, and a
text is not a list of its letters.
"""

from __future__ import annotations

import copy
import dataclasses
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, Union, cast, get_args, get_origin

import attrs

from datalab_facade.arguments import named
from datalab_facade.errors import ConfigurationError
from datalab_facade.json_forms import JSON

if TYPE_CHECKING:
    from cattrs import Converter

_T = TypeVar("_T")


@attrs.frozen(kw_only=True)
class Mismatch:
    """One place of a value that does not fit its type."""

    path: tuple[str | int, ...]
    """Where: ``("items", 0, "amount")``; empty for the whole."""
    message: str
    """What."""
    is_missing: bool = False
    """Whether nothing is there."""

    @property
    def place(self) -> str:
        """The path as text: ``"items[0].amount"``."""
        text = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in self.path)
        return text.removeprefix(".")

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.path else self.message


class MismatchError(ValueError):
    """A value does not fit a type.

    Attributes:
        mismatches: All places that do not fit; never empty.
    """

    def __init__(self, mismatches: tuple[Mismatch, ...]) -> None:
        super().__init__("; ".join(map(str, mismatches)))
        self.mismatches = mismatches


def name_of(into: object) -> str:
    """Return the name of a type, for messages."""
    return getattr(into, "__name__", named(into))


def read_as(value: JSON, into: type[_T], *, missing_as_none: bool = False) -> _T:
    """Convert a value to a type, by the type's own validator or by cattrs.

    Args:
        value: The value.
        into: A class of pydantic, or anything that cattrs knows: an attrs class, a
            dataclass, a TypedDict, ``list[int]``.
        missing_as_none: Whether a field that is missing is None if its type allows None,
            even if it has no default.

    Raises:
        MismatchError: The value does not fit.
        ConfigurationError: The type needs cattrs, which is not installed.
    """
    try:
        return _read(value, into)
    except MismatchError as error:
        missing = [one.path for one in error.mismatches if one.is_missing]
        if not missing or not missing_as_none:
            raise
        first = error
    try:
        return _read(_fill(value, missing), into)
    except MismatchError as error:
        still = {one.path for one in error.mismatches}
        left = tuple(one for one in first.mismatches if one.path in still)
        raise MismatchError(left or first.mismatches) from error


def _fill(value: JSON, missing: list[tuple[str | int, ...]]) -> JSON:
    filled = copy.deepcopy(value)
    for *path, name in missing:
        inside: Any = filled
        for part in path:
            try:
                inside = inside[part]
            except (TypeError, LookupError):
                # Not a place of the value: a member of a union, as pydantic names it.
                continue
        if isinstance(inside, dict):
            inside.setdefault(str(name), None)
    return filled


def _read(value: JSON, into: type[_T]) -> _T:
    validate = _validator_of(into)
    try:
        return validate(value) if validate is not None else _structure(value, into)
    except (ConfigurationError, MismatchError):
        raise
    except Exception as error:
        # Each validator raises exceptions of its own.
        raise MismatchError(tuple(_mismatches(error))) from error


def _validator_of(into: type[_T]) -> Callable[[JSON], _T] | None:
    own = getattr(into, "model_validate", None)
    if own is None and hasattr(into, "__pydantic_validator__"):
        from pydantic import TypeAdapter

        own = TypeAdapter(into).validate_python
    return cast("Callable[[JSON], _T] | None", own)


def _mismatches(error: BaseException, path: tuple[str | int, ...] = ()) -> Iterator[Mismatch]:
    # What was raised by a library, that library has been imported for.
    cattrs: Any = sys.modules.get("cattrs")
    pydantic: Any = sys.modules.get("pydantic")
    if cattrs and isinstance(error, cattrs.BaseValidationError):
        # It holds an error for each field or item, with a note of its place.
        inside, others = cast("Any", error).group_exceptions()
        for one, note in inside:
            yield from _mismatches(one, (*path, getattr(note, "name", getattr(note, "index", ""))))
        for one in others:
            yield from _mismatches(one, path)
    elif pydantic and isinstance(error, pydantic.ValidationError):
        for one in cast("Any", error).errors():
            yield Mismatch(
                path=(*path, *one["loc"]), message=one["msg"], is_missing=one["type"] == "missing"
            )
    elif isinstance(error, KeyError):
        yield Mismatch(path=path, message="is required, but missing", is_missing=True)
    else:
        yield Mismatch(path=path, message=str(error) or f"does not fit ({type(error).__name__})")


def _structure(value: JSON, into: type[_T]) -> _T:
    try:
        import cattrs
    except ImportError:
        raise ConfigurationError(
            f"Converting JSON to {name_of(into)} needs cattrs: install datalab-facade[cattrs]"
        ) from None
    del cattrs
    return cast("_T", _reader(cast("Any", into))(value, into))


@lru_cache(maxsize=64)
def _reader(into: Any) -> Callable[[object, Any], object]:  # noqa: ANN401 - any type
    """Return what reads a type; making it takes some milliseconds."""
    return _converter().get_structure_hook(into)


def _converter() -> Converter:
    import cattrs
    from cattrs.strategies import configure_union_passthrough

    converter = cattrs.Converter(detailed_validation=True)
    configure_union_passthrough(Union[str, bool, int, float, None], converter)  # noqa: UP007
    for kind, read in _READ.items():
        converter.register_structure_hook(kind, partial(_convert, read=read))
    converter.register_structure_hook_func(
        lambda hint: _validator_of(hint) is not None,
        lambda value, hint: cast("Any", _validator_of(hint))(value),
    )
    for is_of_shape, shape, name in _SHAPES:
        _check_shape(converter, is_of_shape, shape, name)
    return converter


def _convert(value: object, kind: Any, *, read: Callable[[Any], object]) -> object:  # noqa: ANN401
    try:
        found = read(value)
        # Such as an enumeration of texts.
        return found if isinstance(found, kind) else kind(found)
    except (TypeError, ValueError, ArithmeticError):
        pass
    raise ValueError(f"must be of type {name_of(kind)}, not {named(value)}")


def _only(*kinds: type) -> Callable[[Any], Any]:
    def read(value: object) -> object:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise TypeError
        return value

    return read


def _whole(value: object) -> int:
    number = _only(int, float)(value)
    if number != int(number):
        raise ValueError
    return int(number)


_READ: Final[dict[type, Callable[[Any], object]]] = {
    str: _only(str),
    bool: _only(bool),
    int: _whole,
    float: lambda value: float(_only(int, float)(value)),
    Decimal: lambda value: Decimal(str(_only(int, float, str)(value))),
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    time: time.fromisoformat,
}


def _is_class_of_fields(hint: object) -> bool:
    origin = cast("Any", get_origin(hint) or hint)
    return attrs.has(origin) or dataclasses.is_dataclass(origin) or is_typed_dict(origin)


def is_typed_dict(hint: object) -> bool:
    """Tell whether a type is a TypedDict, of typing or of typing_extensions."""
    # Neither module knows those of the other.
    return hasattr(hint, "__required_keys__")


def resolved(typed_dict: Any, change: Callable[[Any], Any] = lambda hint: hint) -> Any:  # noqa: ANN401
    """Return a TypedDict whose types are no texts, so that it knows which keys it needs.

    Args:
        typed_dict: The class.
        change: Changes the type of each field.
    """
    import typing_extensions  # comes with pydantic and with cattrs

    required: Any = typing_extensions.Required
    not_required: Any = typing_extensions.NotRequired
    kept: dict[str, Any] = {}
    hints = typing_extensions.get_type_hints(typed_dict, include_extras=True)
    for name, hint in hints.items():
        wrapper: Any = get_origin(hint)
        if wrapper in (required, not_required):
            [plain] = get_args(hint)
        else:
            plain = hint
            wrapper = required if name in typed_dict.__required_keys__ else not_required
        kept[name] = wrapper[change(plain)]
    found: Any = typing_extensions.TypedDict(typed_dict.__name__, kept)  # type: ignore[misc]
    found.__doc__ = typed_dict.__doc__
    return found


def _origin(hint: object) -> type:
    origin = get_origin(hint) or hint
    return origin if isinstance(origin, type) else object


_SHAPES: Final[tuple[tuple[Callable[[Any], bool], type, str], ...]] = (
    (_is_class_of_fields, Mapping, "an object"),
    (
        lambda hint: issubclass(_origin(hint), Mapping) and not is_typed_dict(hint),
        Mapping,
        "an object",
    ),
    (
        lambda hint: (
            issubclass(_origin(hint), Collection)
            and not issubclass(_origin(hint), (Mapping, str, bytes))
        ),
        list,
        "a list",
    ),
)


class _Pending(threading.local):
    """The types that a thread makes a reader for; cattrs may make one later, for recursion."""

    def __init__(self) -> None:
        self.hints: set[object] = set()


def _check_shape(
    converter: Converter, is_of_shape: Callable[[Any], bool], shape: type, name: str
) -> None:
    """Accept for such types only values of that shape; cattrs takes whatever can be iterated."""
    pending = _Pending()

    def make(hint: Any, inner_converter: Converter) -> Callable[[object, Any], object]:  # noqa: ANN401
        known = resolved(hint) if is_typed_dict(hint) and not get_args(hint) else hint
        pending.hints.update([hint, known])
        try:
            structure = inner_converter.get_structure_hook(known, cache_result=False)
        finally:
            pending.hints.difference_update([hint, known])

        def checked(value: object, kind: Any) -> object:  # noqa: ANN401
            if not isinstance(value, shape):
                raise TypeError(f"is not {name} but {named(value)}")
            return structure(value, kind)

        return checked

    converter.register_structure_hook_factory(
        lambda hint: hint not in pending.hints and is_of_shape(hint), make
    )
