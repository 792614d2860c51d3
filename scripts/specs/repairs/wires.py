"""Names in the code that differ from the names on the wire.

The generator makes the name of an argument or a field of the name that is sent, and has no way to
say otherwise. So it is given a stand-in: the name that the code shall have, with marks behind it.
The generator leaves the marks out of the code and keeps them in what is sent, where the stand-in is
replaced afterwards.
"""

from typing import TypeAlias

from openapi_python_client.strings import PythonIdentifier, in_double_quote_literal

from specs.documents import Document, Json, table

MARK = "§"
_KEY = "x-wires"
_PREFIX = "field_"

Wires: TypeAlias = dict[str, Json]


def wires(document: Document) -> Wires:
    """The stand-ins of a document: for each its name on the wire, and how it is written there."""
    return table(document.get(_KEY))


def stand_in(taken: Wires, code: str, wire: str, form: str = "") -> str:
    """A stand-in for a name on the wire, whose name in the code is `code`; noted in `taken`."""
    about: Json = {"name": wire, "form": form}
    chosen = f"{code}{MARK}"
    while chosen in taken and taken[chosen] != about:
        chosen += MARK
    taken[chosen] = about
    return chosen


def with_wires(document: Document, noted: Wires) -> Document:
    """The document with the stand-ins that are in it."""
    return {**document, _KEY: noted} if noted else document


def in_code(name: str) -> str:
    """What the generator calls something in the code that has this name on the wire."""
    return str(PythonIdentifier(name, _PREFIX))


def is_kept(name: str) -> bool:
    """Whether the generator writes a name as it is."""
    return in_double_quote_literal(name).replace("\\\\", "\\").replace('\\"', '"') == name
