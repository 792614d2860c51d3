"""What the generated module of an operation is called, and the folder that it lies in."""

import hashlib
import re
from collections import Counter

from openapi_python_client.strings import PythonIdentifier

from specs.documents import Document, Operation, operations

_COMMON = "/api/v1/"
_VARIABLE = "id"


def function(operation: Operation) -> str:
    """The name of the operation's module, which is how the facade imports what it calls.

    It is made of the method and the path alone, so it stays what it is whatever else a document
    holds, and whatever upstream calls its functions: `GET /api/v1/files/{file_id}/download` is
    `get_files_id_download`. A path that could not be told from another by its words carries a
    digest: `POST /api/v1/track-changes`, which is not `/track/changes`.
    """
    path = re.sub(r"{[^{}/]*}", "{}", operation.path)
    words = re.findall(r"[a-z0-9]+", path.removeprefix(_COMMON).replace("{}", _VARIABLE).lower())
    name = "_".join([operation.method, *words])
    if _plain(words) == path:
        return name
    return f"{name[:_LONGEST]}_{hashlib.sha256(path.encode()).hexdigest()[:6]}"


_LONGEST = 100


def _plain(words: list[str]) -> str:
    """The path that has these words for its segments."""
    return _COMMON + "/".join("{}" if word == _VARIABLE else word for word in words)


def folder(operation: Operation) -> str:
    """The name of the folder that the generator files the operation's module in: its first tag."""
    return str(PythonIdentifier("default" if operation.tag is None else operation.tag, "tag"))


def functions(document: Document) -> dict[tuple[str, str], str]:
    """What the generated function of each operation is called, by (path, method)."""
    every = list(operations(document))
    taken = Counter(map(function, every))
    # Two paths that differ in the names of their variables alone are one path, by the rules of
    # OpenAPI; in a document that has both all the same, each is told by its names, too.
    return {
        (operation.path, operation.method): function(operation)
        if taken[function(operation)] == 1
        else f"{function(operation)}_{hashlib.sha256(operation.path.encode()).hexdigest()[:6]}"
        for operation in every
    }
