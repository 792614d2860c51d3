"""What :func:`unittest.mock.create_autospec` sees of a client.

It reads every attribute from the class, where a property is only the property itself: a
mock of a client would refuse ``client.executions.get``. So the properties of a client give,
when they are read from the class, an object of the type that they have on a client. This
object has no state and no connection. It is good for its methods' signatures alone.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Self, TypeVar, cast, get_args, get_type_hints

_T = TypeVar("_T")


def mockable(kind: type[_T]) -> type[_T]:
    """Let ``create_autospec`` see what the properties of a class return."""
    for name, attribute in list(vars(kind).items()):
        if isinstance(attribute, cached_property):
            resource = _Resource(cast("cached_property[object]", attribute).func)
            resource.__set_name__(kind, name)
            setattr(kind, name, resource)
        elif type(attribute) is property and not name.startswith("_"):
            setattr(kind, name, _Value(attribute.fget))
    return kind


class _Resource(cached_property[object]):
    """A property that holds a resource of a client, such as ``executions``."""

    def __get__(self, instance: object, owner: type[Any] | None = None) -> Any:  # noqa: ANN401 - as its base
        if instance is not None:
            return super().__get__(instance, owner)
        # Its type is known only to its function, because it is imported there.
        resource = object.__new__(type(self.func(_Anything())))
        # For help().
        resource.__doc__ = self.__doc__
        return resource


class _Value(property):
    """A property that gives a value, such as ``drift``."""

    def __get__(self, instance: object, owner: type[Any] | None = None) -> Any:  # noqa: ANN401 - as its base
        if instance is not None:
            return super().__get__(instance, owner)
        annotation: object = get_type_hints(self.fget)["return"]
        [kind] = [one for one in get_args(annotation) or (annotation,) if one is not type(None)]
        return object.__new__(cast("type[object]", kind))


class _Anything:
    """Whatever a resource is made from."""

    def __getattr__(self, name: str) -> Self:
        return self

    def __call__(self, *_: object) -> Self:
        return self
