"""JSON Schemas of types, made by pydantic, which is imported only here."""

from __future__ import annotations

import functools
import operator
import sys
import types
from collections.abc import Mapping
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import attrs

from datalab_facade.errors import ConfigurationError, InvalidSchemaError, SchemaIssue
from datalab_facade.redaction import excerpt

if TYPE_CHECKING:
    from pydantic.json_schema import GenerateJsonSchema


def json_schema_of(kind: type[object]) -> Mapping[str, object]:
    """Return the JSON Schema of a class, with definitions and ``$ref``s.

    Raises:
        ConfigurationError: pydantic is not installed.
        InvalidSchemaError: pydantic cannot describe the class; the error says why.
    """
    try:
        from pydantic import TypeAdapter
        from pydantic.errors import PydanticUserError
    except ImportError:
        raise ConfigurationError(
            f"Making a JSON Schema of {kind.__name__} needs pydantic 2: install "
            f"datalab-facade[pydantic], or pass the schema as a dict with into={kind.__name__}"
        ) from None
    del TypeAdapter
    try:
        return _described(kind, ())
    except InvalidSchemaError:
        raise
    except (PydanticUserError, NameError, TypeError) as error:
        why = str(error).partition("\n")[0]
        raise InvalidSchemaError(
            (SchemaIssue(place="", message=excerpt(why, limit=300)),), source=kind.__name__
        ) from error


def _described(hint: object, above: tuple[type, ...]) -> dict[str, Any]:
    from pydantic import ConfigDict, TypeAdapter
    from pydantic.errors import PydanticUserError

    hint = _with_portable_typed_dicts(hint, ())
    try:
        # An attrs class is one that pydantic does not know.
        adapter = TypeAdapter[object](hint, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":
            raise
        adapter = TypeAdapter(hint)
    is_model = hasattr(hint, "model_validate")
    # Only pydantic reads its aliases again.
    return adapter.json_schema(by_alias=is_model, schema_generator=_generator(above))


def _generator(above: tuple[type, ...]) -> type[GenerateJsonSchema]:
    from pydantic.json_schema import GenerateJsonSchema

    class Generator(GenerateJsonSchema):
        ignored_warning_kinds: ClassVar[set[Any]] = {  # type: ignore[misc]
            "skipped-choice",
            "non-serializable-default",
        }

        def is_instance_schema(self, schema: Any) -> dict[str, Any]:  # noqa: ANN401
            kind = schema["cls"]
            if not attrs.has(kind):
                return super().is_instance_schema(schema)
            return _attrs_schema(kind, above)

    return Generator


def _attrs_schema(kind: type, above: tuple[type, ...]) -> dict[str, Any]:
    from datalab_facade.documents.schemas import schema_of

    del schema_of
    if kind in above:
        raise InvalidSchemaError(
            (SchemaIssue(place="", message=f"{kind.__name__} holds itself; recursion cannot be extracted"),),
            source=above[0].__name__,
        )
    hints = get_type_hints(kind, include_extras=True)
    properties: dict[str, Any] = {}
    required: list[str] = []
    for field in attrs.fields(cast("Any", kind)):
        if field.init:
            properties[field.name] = _described(hints[field.name], (*above, kind))
            if field.default is attrs.NOTHING:
                required.append(field.name)
    return {"type": "object", "properties": properties, "required": required}
