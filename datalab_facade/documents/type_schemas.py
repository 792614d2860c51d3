"""JSON Schemas of types, made by pydantic, which is imported only here, and only when used."""

from __future__ import annotations

import functools
import inspect
import operator
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Union, cast, get_args, get_origin

import attrs

from datalab_facade.errors import ConfigurationError, InvalidSchemaError, SchemaIssue
from datalab_facade.redaction import excerpt
from datalab_facade.typed_reading import is_typed_dict, resolved

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic.json_schema import GenerateJsonSchema


def json_schema_of(kind: type[object]) -> Mapping[str, object]:
    """Return the JSON Schema of a class as pydantic makes it, with ``$ref``s.

    Raises:
        ConfigurationError: pydantic is not installed.
        InvalidSchemaError: pydantic cannot describe the class; the error says why.
    """
    try:
        from pydantic import TypeAdapter
    except ImportError:
        raise ConfigurationError(
            f"Making a JSON Schema of {kind.__name__} needs pydantic 2: install "
            f"datalab-facade[extraction], or pass a JSON Schema, and into={kind.__name__}"
        ) from None
    del TypeAdapter
    try:
        # Only pydantic's own models are read by their aliases.
        return _adapter(kind).json_schema(
            by_alias=hasattr(kind, "model_validate"), schema_generator=_generator()
        )
    except InvalidSchemaError:
        raise
    except Exception as error:
        # Evaluating what the class says of its fields may raise anything.
        why = excerpt(str(error).partition("\n")[0], limit=300)
        raise InvalidSchemaError(
            (SchemaIssue(place="", message=why),), source=kind.__name__
        ) from error


def _adapter(hint: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - any type
    from pydantic import ConfigDict, TypeAdapter
    from pydantic.errors import PydanticUserError

    hint = _replaced(hint, ())
    try:
        # An attrs class is one that pydantic does not know.
        return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:
        # Of a class that pydantic knows, the configuration cannot be set.
        return TypeAdapter(hint)


def _generator() -> type[GenerateJsonSchema]:
    from pydantic.json_schema import GenerateJsonSchema

    class Generator(GenerateJsonSchema):
        """Describes attrs classes, too."""

        # A default that is not JSON is left out, and nobody needs to know.
        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012
        above: tuple[type, ...] = ()

        def is_instance_schema(self, schema: Any) -> dict[str, Any]:  # noqa: ANN401
            kind: type = schema["cls"]
            if not attrs.has(kind):
                return super().is_instance_schema(schema)
            if kind in self.above:
                message = f"{kind.__name__} holds itself; recursion cannot be extracted"
                raise InvalidSchemaError(
                    (SchemaIssue(place="", message=message),), source=self.above[0].__name__
                )
            self.above = (*self.above, kind)
            fields = [field for field in _attrs_fields(kind) if field.init]
            properties = {
                field.name: self.generate_inner(_adapter(field.type).core_schema)
                for field in fields
            }
            self.above = self.above[:-1]
            found: dict[str, Any] = {"type": "object", "title": kind.__name__}
            if kind.__doc__:
                found["description"] = inspect.cleandoc(kind.__doc__)
            found["properties"] = properties
            required = [field.name for field in fields if field.default is attrs.NOTHING]
            return {**found, "required": required} if required else found

        def decimal_schema(self, schema: Any) -> dict[str, Any]:  # noqa: ANN401, ARG002
            # By default it is a number or a string, which is two answers to one question.
            return {"type": "number"}

    return Generator


def _attrs_fields(kind: type) -> tuple[attrs.Attribute[Any], ...]:
    attrs.resolve_types(cast("Any", kind), include_extras=True)
    found: tuple[attrs.Attribute[Any], ...] = attrs.fields(cast("Any", kind))
    return found


def _replaced(hint: Any, above: tuple[object, ...]) -> Any:  # noqa: ANN401 - any type
    """Replace TypedDicts of ``typing``, which pydantic refuses before Python 3.12."""
    if is_typed_dict(hint):
        if hint in above:
            message = f"{hint.__name__} holds itself; recursion cannot be extracted"
            raise InvalidSchemaError((SchemaIssue(place="", message=message),))
        found = resolved(hint, lambda one: _replaced(one, (*above, hint)))
        found.__pydantic_config__ = {"arbitrary_types_allowed": True}
        return found
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[(_replaced(arguments[0], above), *hint.__metadata__)]
    if origin in (Union, types.UnionType):
        return functools.reduce(operator.or_, (_replaced(one, above) for one in arguments))
    if origin in (list, tuple, set, frozenset, dict):
        return types.GenericAlias(origin, tuple(_replaced(one, above) for one in arguments))
    return hint
