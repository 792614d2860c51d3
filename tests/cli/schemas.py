"""Documents held against their written schemas, more strictly than users should."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema_rs

from datalab_facade.cli.commands.schemas import read_schema, schema_names


def _strict(schema: Any) -> Any:
    """Forbid what is not written down; users may not, since fields may be added."""
    if isinstance(schema, list):
        return [_strict(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _strict(inner) for name, inner in schema.items()}
    if "properties" in found:
        found["additionalProperties"] = False
    return found


@cache
def _validator(name: str) -> jsonschema_rs.Validator:
    schemas = {one["$id"]: one for one in map(_strict, map(read_schema, schema_names()))}
    registry = jsonschema_rs.Registry(list(schemas.items()))
    schema = _strict(read_schema(name))
    jsonschema_rs.meta.validate(schema)
    return jsonschema_rs.validator_for(schema, registry=registry, validate_formats=True)


def check_document(name: str, document: Any) -> None:
    """See that a document is exactly what its schema says."""
    _validator(name).validate(document)
