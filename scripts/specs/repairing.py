"""The document as the generator should see it, and what was done to it for that.

`openapi.json` itself stays as upstream wrote it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from attrs import frozen

from specs.documents import Document, operations
from specs.naming import functions
from specs.repairs import (
    bodies,
    classes,
    defaults,
    enums,
    keywords,
    parameters,
    paths,
    references,
    styles,
    types,
)
from specs.repairs.made import Made, Mend, Result, schema_by_schema
from specs.repairs.operations import Owner, by_operation
from specs.schemas import rewrite

_Repair: TypeAlias = Callable[[Document], Result]


@frozen
class Repaired:
    """What the generator is given, and what was mended in it."""

    document: Document
    demanded: Document
    """The document as it demands what is sent, before types and names were made to fit."""
    made: Sequence[Made]
    upstream: Mapping[str, str]
    """What upstream calls each operation, whose path may have been mended."""


def repair(document: Document) -> Repaired:
    """Everything that is known to stop the generator, or to come out wrong in silence, mended."""
    made = list[Made]()
    upstream = {name: key for key, name in functions(document).items()}
    for step in _OF_THE_WHOLE:
        document, found = step(document)
        made += found
    demanded = document
    for step in _FOR_THE_GENERATOR:
        document, found = step(document)
        made += found
    written = dict[str, str]()
    for operation in operations(document):
        path, method = upstream[str(operation.id)]
        written[str(operation)] = f"{method.upper()} {path}"
    return Repaired(document, demanded, made, written)


def name_operations(document: Document) -> Result:
    """Give each operation the id that its module shall be called by; that is no repair."""
    names = functions(document)

    def change(operation: Owner, path: str, method: str) -> Owner:
        return {**operation, "operationId": names[path, method]}

    return by_operation(document, change), []


def _without_unread_keywords(document: Document) -> Result:
    return rewrite(document, lambda s, p: keywords.without_unread(document, s, p)), []


def _schemas(*mends: Mend) -> _Repair:
    return lambda document: schema_by_schema(document, mends)


_OF_THE_WHOLE: Sequence[_Repair] = (
    references.inner_targets,
    references.shared_parts,
    name_operations,
    keywords.version,
    keywords.foreign_keys,
    keywords.unread,
    _without_unread_keywords,
    keywords.component_names,
    parameters.shared_parameters,
    references.only_references,
    parameters.cookies,
    parameters.repeated_parameters,
    paths.paths,
)
"""After these, whatever is said of an operation stands at the operation."""

_FOR_THE_GENERATOR: Sequence[_Repair] = (
    _schemas(
        keywords.exclusive_limits,
        keywords.repeated_required,
        references.siblings_of_references,
        types.schemas_that_are_true_or_false,
        types.lists_without_items,
        types.empty_unions,
        types.repeated_types,
        types.constants,
        enums.repeated_values,
        enums.mixed_values,
        enums.values_that_no_literal_holds,
        enums.names_that_fold,
        types.narrowed_parts,
        types.unions_with_anything,
    ),
    bodies.uploads,
    bodies.request_bodies,
    bodies.optional_unions,
    bodies.answers,
    bodies.files_in_json,
    paths.path_parameters,
    styles.headers,
    styles.query_forms,
    parameters.argument_names,
    references.endless_aliases,
    _schemas(defaults.defaults),
    classes.field_names,
    classes.class_names,
)
