"""Whether a document is one to generate from. Nothing is fetched to find out."""

import openapi_spec_validator

from specs.documents import Document, reference, references, resolved, target
from specs.problems import Problem

LONGEST_REASON = 300


def validate(document: Document) -> None:
    """A `Problem` unless this is a valid OpenAPI 3.0 or 3.1 document that is whole in itself."""
    version = document.get("openapi")
    if not (isinstance(version, str) and version.startswith(("3.0", "3.1"))):
        raise Problem(f"this is no OpenAPI 3.0 or 3.1 document: 'openapi' is {version!r}")
    refuse_loose_references(document)
    try:
        openapi_spec_validator.validate(document)
    except MemoryError:
        raise
    # The validator raises whatever it stumbles over (a ring of `$ref`s ends in RecursionError), and
    # anything that it stumbles over is no document to generate from.
    except Exception as error:
        raise Problem(f"the document is not valid OpenAPI: {_reason(error)}") from error


def refuse_loose_references(document: Document) -> None:
    """A `Problem` if a `$ref` leads out of the document, nowhere, or round in a ring."""
    for pointer in sorted(set(references(document))):
        if not pointer.startswith("#"):
            raise Problem(f"the document refers to {pointer!r}, which lies outside of it")
        try:
            found = target(document, pointer)
        except (LookupError, ValueError) as error:
            raise Problem(f"the document refers to {pointer!r}, which it does not have") from error
        if reference(found) is not None and resolved(document, found) is None:
            raise Problem(f"the document refers to {pointer!r}, which only leads round in a ring")


def _reason(error: Exception) -> str:
    place = "/".join(map(str, getattr(error, "absolute_path", ())))
    reason = str(getattr(error, "message", "") or error or type(error).__name__)
    if len(reason) > LONGEST_REASON:
        reason = f"{reason[:LONGEST_REASON]}…"
    return f"{reason} (at {place})" if place else reason
