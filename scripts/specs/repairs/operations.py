"""Changing a document operation by operation."""

from collections.abc import Callable
from typing import TypeAlias

from specs.documents import METHODS, Document, Json, table

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
