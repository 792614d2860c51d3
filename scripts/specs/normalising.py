"""The document as the generator should see it. `openapi.json` itself stays as upstream wrote it."""

import re
from collections import Counter

from specs import naming
from specs.documents import Document, Json, Operation, operations, resolved, table


def normalise(document: Document) -> Document:
    """A copy without cookie parameters and with short operation ids; all else is left alone.

    Cookies go because the generator would make each one an argument, and httpx warns whenever such
    an argument is used: whoever calls this API with a key has no session to send.
    """
    short = short_ids(document)
    return {
        **document,
        "paths": {
            path: _normalised_item(document, path, item, short)
            for path, item in table(document.get("paths")).items()
        },
    }


def short_ids(document: Document) -> dict[tuple[str, str], str]:
    """The operation ids to generate from, by (path, method); operations without an id are left out.

    FastAPI makes ids unique by adding path and method to the name of the function. Without them the
    generated functions carry the names that upstream's own functions have. An id is only shortened
    if its short form can be mistaken for no other operation's id, long or short, as the generator
    spells them; so the outcome does not depend on the order of the document.
    """
    every_operation = list(operations(document))
    taken = Counter[str]()
    for operation in every_operation:
        taken.update({naming.function(operation), naming.function(operation, _short(operation))})
    return {
        (operation.path, operation.method): short
        if taken[naming.function(operation, short)] == 1
        else operation.id
        for operation in every_operation
        if operation.id is not None and (short := _short(operation)) is not None
    }


def functions(document: Document) -> dict[tuple[str, str], str]:
    """What the generated function of each operation is called, by (path, method)."""
    short = short_ids(document)
    return {
        (operation.path, operation.method): naming.function(
            operation, short.get((operation.path, operation.method))
        )
        for operation in operations(document)
    }


def _short(operation: Operation) -> str | None:
    if operation.id is None:
        return None
    suffix = re.sub(r"\W", "_", operation.path) + "_" + operation.method
    return operation.id.removesuffix(suffix) or operation.id


def _normalised_item(
    document: Document, path: str, item: Json, short: dict[tuple[str, str], str]
) -> Json:
    if not isinstance(item, dict):
        return item
    normalised = _without_cookies(document, item)
    for method, body in item.items():
        if (path, method) in short:
            operation = {**table(body), "operationId": short[path, method]}
            normalised[method] = _without_cookies(document, operation)
        elif isinstance(body, dict):
            normalised[method] = _without_cookies(document, body)
    return normalised


def _without_cookies(document: Document, owner: dict[str, Json]) -> dict[str, Json]:
    """A path item or an operation, less those of its parameters that are cookies."""
    parameters = owner.get("parameters")
    if not isinstance(parameters, list):
        return dict(owner)
    kept = [
        parameter
        for parameter in parameters
        if table(resolved(document, parameter)).get("in") != "cookie"
    ]
    return {**owner, "parameters": kept}
