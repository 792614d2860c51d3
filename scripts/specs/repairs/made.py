"""What a repair has done, and how those are written that look at one schema at a time."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from attrs import frozen

from specs.documents import METHODS, Document, Json
from specs.schemas import Place, Schema, rewrite


@frozen
class Made:
    """One repair: what was done, where, and why."""

    what: str
    where: str
    why: str

    def __str__(self) -> str:
        """All of it, on one line."""
        return f"{self.where}: {self.what}, since {self.why}"

    def record(self) -> Json:
        """The same for machines."""
        return {"what": self.what, "where": self.where, "why": self.why}


Result: TypeAlias = tuple[Document, list[Made]]

Mended: TypeAlias = tuple[Schema, str, str]
"""A schema as it should be, what was done to it, and why."""

Mend: TypeAlias = Callable[[Document, Schema, Place], "Mended | None"]


def describe(place: Place) -> str:
    """A place in a document, as a person would look for it."""
    match place:
        case ["paths", path, method, *rest] if method in METHODS:
            return ": ".join([f"{method.upper()} {path}", *(["/".join(rest)] if rest else [])])
        case ["paths", path, *rest]:
            return ": ".join([path, *(["/".join(rest)] if rest else [])])
        case ["components", "schemas", name, *rest]:
            return "/".join([f"schema {name}", *rest])
        case _:
            return "/".join(place)


def schema_by_schema(document: Document, mends: Iterable[Mend]) -> Result:
    """Every schema of a document through every one of the mends, in their order."""
    made = list[Made]()
    every = tuple(mends)

    def rule(schema: Schema, place: Place) -> Schema:
        for mend in every:
            mended = mend(document, schema, place)
            if mended is not None:
                schema, what, why = mended
                made.append(Made(what, describe(place), why))
        return schema

    return rewrite(document, rule), made
