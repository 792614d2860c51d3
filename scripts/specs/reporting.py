"""Changes and the places that they touch: as lines for people, and as JSON for machines."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from textwrap import wrap

from attrs import frozen

from specs.changes import Change
from specs.comparing import Kind
from specs.documents import Json
from specs.repairs.made import Made
from specs.skipping import LeftOut
from specs.wrapped import Use

_MARGIN = " " * len("not breaking  ")
_WIDTH = 100
_PLACES = 3
_MOST_NAMES = 10
_MOST_HARMLESS = 20
_MOST_FOLDERS = 20

_Uses = Mapping[str, Sequence[Use]]


@frozen
class _Root:
    """One change of the document, and all that comes of it."""

    changes: list[Change]
    places: list[Use]
    """Where the facade calls an operation that it touches."""

    def lines(self) -> Iterator[str]:
        """What changed, what it touches, and if it breaks that, where to look."""
        change = self.changes[0]
        touched = list(dict.fromkeys(one.operation for one in self.changes))
        count = f"{len(touched)} operations"
        if len(self.changes) > 1 and change.cause:
            what = change.cause
            where = f", in {count if len(touched) > 1 else touched[0]}"
        else:
            what = f"{count if len(touched) > 1 else touched[0]}: {change.subject}"
            where = ""
        marker = "breaking" if change.breaking else "not breaking"
        yield f"{marker:<{len(_MARGIN)}}{what} {change.message}{where}"
        if change.breaking and len(touched) > 1:
            names = list(dict.fromkeys(map(_name, self.changes)))
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            yield from _indented(f"{', '.join(names[:_MOST_NAMES])}{more}")
        if change.breaking:
            for place in self.places:
                yield f"{_MARGIN}look at {place}"


def lines(changes: Sequence[Change], uses: _Uses) -> Iterator[str]:
    """What changed, each change of the document once, with what it touches.

    What breaks comes first, and before all what breaks where the facade calls it, with the places.
    The rest is told in short: operations that were added and documentation are counted.
    """
    breaking = [change for change in changes if change.breaking]
    yield _summary(len(changes), breaking, uses)
    roots = sorted(_roots(breaking, uses), key=lambda root: not root.places)
    harmless = _roots(filter(_is_told, changes), uses)
    hints = {""}
    for root in [*roots, *harmless[:_MOST_HARMLESS]]:
        yield from root.lines()
        hint = root.changes[0].hint
        if hint not in hints:
            hints.add(hint)
            yield from _indented(hint)
    if len(harmless) > _MOST_HARMLESS:
        yield f"not breaking  {len(harmless) - _MOST_HARMLESS} more; --json tells them all"
    yield from _added([change for change in changes if _is_new(change)])
    documentation = [change for change in changes if change.kind is Kind.DOCUMENTATION]
    if documentation:
        names = {change.operation for change in documentation}
        yield f"not breaking  {_counted(names)}: documentation only"


def _summary(count: int, breaking: Sequence[Change], uses: _Uses) -> str:
    ways = "one way" if count == 1 else f"{count} ways"
    summary = (
        f"The new document changes the API in {ways}, {len(breaking) or 'none'} of them breaking"
    )
    if not breaking:
        return f"{summary}."
    ours = sum(bool(uses.get(change.function)) for change in breaking)
    return f"{summary}, {ours or 'none'} of these where the facade calls it."


def _is_new(change: Change) -> bool:
    return change.kind is Kind.ADDED and change.subject == "operation"


def _is_told(change: Change) -> bool:
    """Whether a change that breaks nothing is told, and not counted."""
    return not (change.breaking or _is_new(change) or change.kind is Kind.DOCUMENTATION)


def records(changes: Sequence[Change], uses: _Uses) -> list[Json]:
    """Each change as one JSON object, none left out."""
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


def _roots(changes: Iterable[Change], uses: _Uses) -> list[_Root]:
    """The changes, those together that are one change of the document."""
    alike = dict[tuple[object, ...], list[Change]]()
    for change in changes:
        key = (change.kind, change.cause or change.subject, change.message, change.hint)
        alike.setdefault(key, []).append(change)
    return [
        _Root(group, sorted({use for change in group for use in uses.get(change.function, ())}))
        for group in alike.values()
    ]


def _added(changes: Sequence[Change]) -> Iterator[str]:
    if len(changes) == 1:
        yield f"not breaking  {changes[0].operation}: operation {changes[0].message}"
    elif changes:
        folders = Counter("/".join(change.path.split("/")[:4]) for change in changes)
        yield f"not breaking  {len(changes)} operations were added"
        told = [f"{count} at {path}" for path, count in folders.items()][:_MOST_FOLDERS]
        rest = len(changes) - sum(list(folders.values())[:_MOST_FOLDERS])
        yield from _indented(", ".join([*told, f"{rest} elsewhere"] if rest else told))


def _counted(names: Collection[str]) -> str:
    return next(iter(names)) if len(names) == 1 else f"{len(names)} operations"


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
        "cause": change.cause or None,
        "hint": change.hint or None,
        "look_at": [
            {"path": use.path, "line": use.line, "function": use.function or None} for use in uses
        ],
    }
