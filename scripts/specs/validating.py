"""Whether a document is one to generate from. Nothing is fetched to find out."""

from collections.abc import Iterator

import openapi_spec_validator
from openapi_schema_validator import OAS31Validator

from specs.causes import Cause, UnsupportedError, hanging_on
from specs.documents import (
    METHODS,
    Document,
    Json,
    operations,
    pointed_to,
    reference,
    references,
    target,
)
from specs.problems import ScriptError
from specs.repairs.made import describe
from specs.schemas import Place, schemas

LONGEST_REASON = 300


def validate(document: Document) -> None:
    """A `ScriptError` unless this is a valid OpenAPI 3.0 or 3.1 document that is whole in itself.

    Where it is not, `UnsupportedError` names the faults that others follow from, their places,
    and the operations that cannot be had for them.
    """
    refuse_strangers(document)
    refuse_loose_references(document)
    try:
        found = list(openapi_spec_validator.OpenAPIV31SpecValidator(document).iter_errors())
    except MemoryError:
        raise
    # The validator raises whatever it stumbles over (a ring of `$ref`s ends in RecursionError), and
    # anything that it stumbles over is no document to generate from.
    except Exception as error:
        raise ScriptError(f"the document is not valid OpenAPI: {_worded(error)}") from error
    if found:
        # Of a fault in a schema, the validator tells only the way within that schema.
        placed = [e for e in found if e.absolute_path and e.absolute_path[0] in document]
        causes = dict.fromkeys(_cause(document, (), _root(error)) for error in placed)
        if len(placed) < len(found):
            causes |= dict.fromkeys(_in_schemas(document))
        if not causes:
            causes = dict.fromkeys(_cause(document, (), _root(error)) for error in found)
        first = next(iter(causes))
        raise UnsupportedError(
            f"the document is not valid OpenAPI: {first.reason} (at {first.subject})",
            list(causes),
        )


def _in_schemas(document: Document) -> Iterator[Cause]:
    """The faults of schemas, each with its whole place."""
    for schema, place in schemas(document):
        if len(place) != len(("components", "schemas", "name")) and place[-1] != "schema":
            continue
        try:
            OAS31Validator.check_schema(schema)
        except MemoryError:
            raise
        # It raises what it finds, and what it stumbles over.
        except Exception as error:  # noqa: BLE001
            yield _cause(document, place, _root(error))


def refuse_strangers(document: Document) -> None:
    """A `ScriptError` for a version of OpenAPI that the generator does not know."""
    version = document.get("openapi")
    if not (isinstance(version, str) and version.startswith(("3.0", "3.1"))):
        raise ScriptError(f"this is no OpenAPI 3.0 or 3.1 document: 'openapi' is {version!r}")


def refuse_loose_references(document: Document) -> None:
    """`UnsupportedError` if a `$ref` leads out of the document, nowhere, or round in a ring."""
    causes = list[Cause]()
    loose = dict(_loose(document))
    if not loose:
        return
    hanging = hanging_on(document, loose)
    for pointer, reason in loose.items():
        causes.append(Cause(pointer, reason, hanging.get(pointer, ())))
    pointer, reason = next(iter(loose.items()))
    raise UnsupportedError(f"the document refers to {pointer!r}, {reason}", causes)


def _loose(document: Document) -> Iterator[tuple[str, str]]:
    for pointer in sorted(set(references(document))):
        if not pointer.startswith("#"):
            yield pointer, "which lies outside of it"
            continue
        try:
            found = target(document, pointer)
        except (LookupError, ValueError):
            yield pointer, "which it does not have"
            continue
        if _is_ring(document, pointer, found):
            yield pointer, "which only leads round in a ring"


def _is_ring(document: Document, pointer: str, found: Json) -> bool:
    passed = {pointer}
    while (further := reference(found)) is not None:
        if further in passed:
            return True
        passed.add(further)
        found = pointed_to(document, further)
    return False


def _root(error: object) -> object:
    """The error that is deepest in the document, of those that make up one of the validator's.

    It says of an operation that it is not valid under any of the given schemas; inside of that it
    knows what is wrong with which part.
    """
    context = list(getattr(error, "context", None) or ())
    if not context:
        return error
    # One alternative is that there is a `$ref` in the place, which says nothing.
    telling = [one for one in context if "$ref" not in str(getattr(one, "message", ""))] or context
    return _root(max(telling, key=lambda one: len(getattr(one, "absolute_path", ()))))


def _cause(document: Document, before: Place, error: object) -> Cause:
    place = (*before, *map(str, getattr(error, "absolute_path", ())))
    match place:
        case ["paths", path, method, *_] if method in METHODS:
            hanging: tuple[str, ...] = (f"{method.upper()} {path}",)
        case ["paths", path, *_]:
            hanging = tuple(
                str(operation) for operation in operations(document) if operation.path == path
            )
        case ["components", section, name, *_]:
            pointer = f"#/components/{section}/{name}"
            hanging = hanging_on(document, [pointer]).get(pointer, ())
        case _:
            hanging = ()
    return Cause(describe(place) or "the document", _worded(error), hanging)


def _worded(error: object) -> str:
    written = str(getattr(error, "message", "") or error or type(error).__name__)
    # Some of its messages bring all of what the validator knows along.
    reason = " ".join(written.partition("Failed validating")[0].split())
    return f"{reason[:LONGEST_REASON]}…" if len(reason) > LONGEST_REASON else reason
