"""Why a document cannot be generated from: root causes, and the operations that hang on each."""

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from specs.documents import Document, behind, operations
from specs.problems import ScriptError

_SHOWN = 3


@frozen
class Cause:
    """One reason: what it is about, what is wrong, and which operations cannot be had for it."""

    subject: str
    reason: str
    operations: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The cause as a person would want to read it."""
        first = f"{self.subject}: {self.reason}"
        if all(self.subject.startswith(operation) for operation in self.operations):
            return [first]
        listed = ", ".join(self.operations[:_SHOWN])
        more = len(self.operations) - _SHOWN
        return [first, f"    needed by {listed}{f' and {more} more' if more > 0 else ''}"]


class UnsupportedError(ScriptError):
    """A document with something in it that no repair covers."""

    def __init__(self, sentence: str, causes: Sequence[Cause], derived: int = 0) -> None:
        lines = [line for cause in causes for line in cause.lines()]
        if derived:
            lines.append(f"{derived} more errors follow from these.")
        super().__init__(sentence, "\n".join(lines))
        self.sentence, self.causes, self.derived = sentence, tuple(causes), derived

    def told_by(self, names: Mapping[str, str]) -> "UnsupportedError":
        """The same with operations called otherwise."""
        causes = [
            Cause(
                names.get(cause.subject, cause.subject),
                cause.reason,
                tuple(names.get(operation, operation) for operation in cause.operations),
            )
            for cause in self.causes
        ]
        return UnsupportedError(self.sentence, causes, self.derived)


def hanging_on(document: Document, pointers: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """For each of some pointers, the operations that lead to it."""
    wanted = list(pointers)
    found = dict[str, list[str]]()
    for operation in operations(document):
        reached = behind(document, [operation.body, operation.shared_parameters])
        for pointer in wanted:
            if pointer in reached:
                found.setdefault(pointer, []).append(str(operation))
    return {pointer: tuple(names) for pointer, names in found.items()}
