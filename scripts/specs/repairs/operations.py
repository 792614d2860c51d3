"""Changing a document operation by operation, or parameter by parameter."""

from collections.abc import Callable
from typing import TypeAlias

from specs.documents import METHODS, Document, Json, array, table
from specs.repairs.made import describe

Owner: TypeAlias = dict[str, Json]
Change: TypeAlias = Callable[[Owner, str, str], Owner]
"""From an operation, with its path and method, to what it shall be."""


def by_operation(document: Document, change: Change) -> Document:
    """The document with each operation changed."""
    paths = dict[str, Json]()
    for path, item in table(document.get("paths")).items():
        new = dict(table(item))
        for method in METHODS:
            if isinstance(new.get(method), dict):
                new[method] = change(table(new[method]), path, method)
        paths[path] = new
    return {**document, "paths": paths}


def by_parameter(document: Document, change: Callable[[Json, str], Json]) -> Document:
    """The document with each parameter of an operation changed, given its place; None is none."""

    def change_all(operation: Owner, path: str, method: str) -> Owner:
        if "parameters" not in operation:
            return operation
        place = describe(("paths", path, method))
        changed = [change(one, place) for one in array(operation["parameters"])]
        return {**operation, "parameters": [one for one in changed if one is not None]}

    return by_operation(document, change_all)
