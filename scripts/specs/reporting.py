"""Changes and the places that they touch: as lines for people, and as JSON for machines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from textwrap import wrap

from specs.changes import Change
from specs.documents import Json
from specs.repairs.made import Made
from specs.skipping import LeftOut
from specs.wrapped import Use

_MARGIN = " " * len("not breaking  ")
_WIDTH = 100
_PLACES = 3
_TOGETHER = 3
"""From as many operations on, one change that they share is told once."""


def lines(changes: Sequence[Change], uses: Mapping[str, Sequence[Use]]) -> Iterator[str]:
    """What changed, the breaking first, each followed by where to look in the facade.

    What changed in the same way for several operations (a cookie more, a field of an error that all
    of them share) is told once, after what is particular to one of them.
    """
    breaking = sum(change.breaking for change in changes)
    ways = "one way" if len(changes) == 1 else f"{len(changes)} ways"
    yield f"The new document changes the API in {ways}, {breaking or 'none'} of them breaking."
    shared = _shared(changes)
    for breaks in (True, False):
        section = [change for change in changes if change.breaking is breaks]
        alone = [change for change in section if _said(change) not in shared]
        for operation, group in groupby(alone, lambda change: change.operation):
            yield from _paragraph(operation, list(group), uses)
        for said in dict.fromkeys(map(_said, section)):
            if said in shared:
                yield from _paragraph(f"{len(shared[said])} operations", shared[said][:1], {})
                yield from _indented(", ".join(map(_name, shared[said])))
                yield from _places(shared[said], uses)


def records(changes: Sequence[Change], uses: Mapping[str, Sequence[Use]]) -> list[Json]:
    """The same, each change as one JSON object."""
    return [_record(change, uses.get(change.function, ())) for change in changes]


def repairs(made: Sequence[Made]) -> Iterator[str]:
    """What was mended for the generator: one line for what was done for the same reason."""
    alike = dict[tuple[str, str], list[Made]]()
    for one in made:
        alike.setdefault((one.what, one.why), []).append(one)
    for (what, why), group in alike.items():
        places = [*dict.fromkeys(one.where for one in group)]
        more = len(places) - _PLACES
        listed = ", ".join(places[:_PLACES]) + (f" and {more} more places" if more > 0 else "")
        yield f"repaired      {listed}: {what}, since {why}"


def left_out(operations: Sequence[LeftOut]) -> Iterator[str]:
    """Which operations there is no code for."""
    for one in operations:
        yield f"left out      {one.operation}: {one.reason}"


def _said(change: Change) -> tuple[object, ...]:
    return (change.breaking, change.kind, change.subject, change.message, change.hint)


def _shared(changes: Iterable[Change]) -> dict[tuple[object, ...], list[Change]]:
    """What is said of several operations, and of which."""
    alike = dict[tuple[object, ...], list[Change]]()
    for change in changes:
        alike.setdefault(_said(change), []).append(change)
    return {said: group for said, group in alike.items() if len(group) >= _TOGETHER}


def _paragraph(
    operation: str, changes: Sequence[Change], uses: Mapping[str, Sequence[Use]]
) -> Iterator[str]:
    for change in changes:
        marker = "breaking" if change.breaking else "not breaking"
        yield f"{marker:<{len(_MARGIN)}}{operation}: {change.subject} {change.message}"
        yield from _indented(change.hint)
    yield from _places(changes, uses)


def _places(changes: Iterable[Change], uses: Mapping[str, Sequence[Use]]) -> Iterator[str]:
    places = {use for change in changes for use in uses.get(change.function, ())}
    for use in sorted(places):
        yield f"{_MARGIN}look at {use}"


def _name(change: Change) -> str:
    return change.function or change.operation


def _indented(text: str) -> list[str]:
    return wrap(
        text, _WIDTH, initial_indent=_MARGIN, subsequent_indent=_MARGIN, break_long_words=False
    )


def _record(change: Change, uses: Sequence[Use]) -> Json:
    return {
        "breaking": change.breaking,
        "kind": change.kind.value,
        "method": change.method or None,
        "path": change.path or None,
        "function": change.function or None,
        "subject": change.subject,
        "message": change.message,
        "hint": change.hint or None,
        "look_at": [{"path": use.path, "line": use.line} for use in uses],
    }
