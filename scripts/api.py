"""Tell whether today's package breaks what the last release promised.

::

    python scripts/api.py            # compare; the exit code is 1 where something breaks
    python scripts/api.py --accept   # keep today's promises, for the next release or for
                                     # a break that a changes/*.breaking.md tells of

Public is what the reference pages show. Its signatures are kept in
tests/typing/released/surface.json, without docstrings, and compared by griffe. Beside it is
a copy of tests/typing/api.py, which both type checkers hold against today's package.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import griffe
from packing import version_of

ROOT = Path(__file__).resolve().parents[1]
CHANGES = ROOT / "changes"
TYPING = ROOT / "tests" / "typing"
KEPT = TYPING / "released" / "surface.json"
KEPT_TYPING = TYPING / "released" / "api.py"

_SHOWN = re.compile(r"^::: (datalab_facade[\w.]*)$", re.MULTILINE)
_PUBLIC_MODULES = frozenset({"datalab_facade.errors", "datalab_facade.testing.pytest_plugin"})

# What has no part in a promise, and differs with every edit.
_LEFT_OUT = frozenset(
    {"analysis", "decorators", "deleter", "docstring", "endlineno", "filepath", "git_info"}
    | {"lineno", "runtime", "setter", "source_link", "type_parameters"}
)


_HEAD = '''\
"""What type checkers made of the public API of {version}: today's package keeps to it.

A copy of ``tests/typing/api.py``, made by ``scripts/api.py --accept`` and never edited. What was
refused then may be accepted today, so an ``ignore`` may have become superfluous.
"""

# ruff: noqa: B018 - that an expression is refused, or of which type it is, is all there is to see
# mypy: disable-error-code="unused-ignore"
# pyright: reportUnnecessaryTypeIgnoreComment=false
'''


def surface(root: Path = ROOT) -> dict[str, griffe.Object]:
    """Give everything public of a checkout, by the name that users know it by."""
    package = griffe.load(
        "datalab_facade", search_paths=[root], resolve_aliases=True, try_relative_path=False
    )
    pages = sorted((root / "docs" / "reference").glob("*.md"))
    names = [name for page in pages for name in _SHOWN.findall(page.read_text(encoding="utf-8"))]
    found = {name: _found(package, name) for name in names if name not in _PUBLIC_MODULES}
    shown = {name.rpartition(".")[2] for name in names}
    for thing in found.values():
        if isinstance(thing, griffe.Class):
            _inherit(thing, shown)
    return {name: _plain(thing) for name, thing in found.items()}


def breakages(before: dict[str, griffe.Object], now: dict[str, griffe.Object]) -> Iterator[str]:
    """Say what of the surface before does not hold any more, a line each."""
    for name, old in before.items():
        if name not in now:
            yield f"{name}: is not public any more"
        else:
            yield from (_line(name, found) for found in _differences(old, now[name]))


def dumped(things: dict[str, griffe.Object]) -> str:
    """Write a surface as JSON."""
    rows = {name: _bare(json.loads(thing.as_json())) for name, thing in sorted(things.items())}
    lines = (f"{json.dumps(name)}: {json.dumps(row, sort_keys=True)}" for name, row in rows.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def loaded(text: str) -> dict[str, griffe.Object]:
    """Read a surface that was written."""
    rows: dict[str, Any] = json.loads(text, object_hook=_with_line)
    kinds: dict[str, type[griffe.Object]] = {
        "attribute": griffe.Attribute,
        "class": griffe.Class,
        "function": griffe.Function,
    }
    return {name: kinds[row["kind"]].from_json(json.dumps(row)) for name, row in rows.items()}


def released_typing() -> str:
    """Give the copy of the file for type checkers that is kept with a release."""
    text = (TYPING / "api.py").read_text(encoding="utf-8")
    return _HEAD.format(version=version_of()) + text[text.index("from __future__") :]


def is_kept() -> bool:
    """Tell whether what is kept is today's surface, as of today's version."""
    return (
        KEPT.read_text(encoding="utf-8") == dumped(surface())
        and KEPT_TYPING.read_text(encoding="utf-8") == released_typing()
    )


def _with_line(row: dict[str, Any]) -> dict[str, Any]:
    # Numbers of lines are left out when a surface is written.
    return {"lineno": None, **row} if isinstance(row.get("kind"), str) else row


def _found(package: griffe.Object | griffe.Alias, name: str) -> griffe.Object:
    found = package[name.partition(".")[2]]
    return found.final_target if isinstance(found, griffe.Alias) else found


def _inherit(kind: griffe.Class, shown: set[str]) -> None:
    """Add the methods that a class has of bases that no page shows."""
    for name, member in list(kind.inherited_members.items()):
        method = member.final_target
        if isinstance(method, griffe.Function) and not name.startswith("_"):
            base = method.parent
            if base is not None and base.name not in shown:
                kind.set_member(name, copy.copy(method))


def _plain(thing: griffe.Object) -> griffe.Object:
    """Make expressions of annotations text, and leave out what is private or imported."""
    if isinstance(thing, griffe.Class):
        _add_inherited(thing)
        _add_init(thing)
    for name, member in list(thing.members.items()):
        if isinstance(member, griffe.Alias) or (name.startswith("_") and name != "__init__"):
            thing.del_member(name)
        else:
            _plain(member)
    if isinstance(thing, griffe.Function):
        thing.returns = _text(thing.returns)
        for parameter in thing.parameters:
            parameter.annotation = _text(parameter.annotation)
            parameter.default = _text(parameter.default)
    elif isinstance(thing, griffe.Attribute):
        thing.annotation, thing.value = _text(thing.annotation), None
    elif isinstance(thing, griffe.Class):
        thing.bases = [str(base) for base in thing.bases]
    return thing


def _add_inherited(kind: griffe.Class) -> None:
    """Add what a class has from other classes of this package: that is promised as well."""
    for name, member in kind.inherited_members.items():
        target = member.final_target if isinstance(member, griffe.Alias) else member
        if isinstance(target, (griffe.Function, griffe.Attribute)) and not name.startswith("_"):
            kind.set_member(name, copy.copy(target))


def _add_init(kind: griffe.Class) -> None:
    """Add the ``__init__`` that attrs writes, so that a new order of positional fields shows."""
    settings = [str(one.value) for one in kind.decorators if str(one.value).startswith("attrs.")]
    if not settings or "__init__" in kind.members:
        return
    parameters = [griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)]
    for name, field in kind.members.items():
        if not isinstance(field, griffe.Attribute) or "property" in field.labels:
            continue
        value = str(field.value or "")
        custom = value.startswith("attrs.field(")
        keyword = "kw_only=True" in (value if custom and "kw_only=" in value else settings[0])
        is_hidden = keyword and name.startswith("_")
        if "ClassVar" in str(field.annotation):
            continue
        if field.annotation is None or is_hidden or (custom and "init=False" in value):
            continue
        is_optional = re.search(r"\b(default|factory)=", value) if custom else value
        parameters.append(
            griffe.Parameter(
                name.lstrip("_"),
                annotation=field.annotation,
                kind=griffe.ParameterKind.keyword_only
                if keyword
                else griffe.ParameterKind.positional_or_keyword,
                # Any default is as good as another here.
                default="..." if is_optional else None,
            )
        )
    parameters.sort(key=lambda one: one.kind is griffe.ParameterKind.keyword_only)
    kind.set_member(
        "__init__", griffe.Function("__init__", parameters=griffe.Parameters(*parameters))
    )


def _text(expression: object) -> str | None:
    return None if expression is None else str(expression)


def _bare(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        return [_bare(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    # The keys of members are names of users' own, whatever they are.
    return {
        key: {name: _bare(member) for name, member in inner.items()}
        if key == "members"
        else _bare(inner)
        for key, inner in value.items()
        if key not in _LEFT_OUT
    }


def _differences(old: griffe.Object, new: griffe.Object) -> Iterable[griffe.Breakage]:
    # A class and a function hold their parts, an attribute is one.
    holder_old, holder_new = griffe.Module("before"), griffe.Module("now")
    holder_old.members["it"], holder_new.members["it"] = old, new
    return griffe.find_breaking_changes(holder_old, holder_new)


def _line(name: str, breakage: griffe.Breakage) -> str:
    place = breakage.obj.path.rpartition(f"{name.rpartition('.')[2]}.")[2]
    return f"{name}: {place}: {breakage.kind.value}: {breakage.old_value} -> {breakage.new_value}"


def main(arguments: list[str]) -> int:
    """Compare or accept; the exit code is 1 where something breaks."""
    now = surface()
    broken = list(breakages(loaded(KEPT.read_text(encoding="utf-8")), now))
    if "--accept" in arguments:
        if broken and not list(CHANGES.glob("*.breaking.md")):
            print("\n".join(broken))
            print("These break what was promised. Tell of it in changes/+NAME.breaking.md first.")
            return 1
        KEPT.write_text(dumped(now), encoding="utf-8")
        KEPT_TYPING.write_text(released_typing(), encoding="utf-8")
        return 0
    for line in broken:
        print(line)
    if broken:
        print(
            f"{len(broken)} promises of the last release are broken. Deprecate instead "
            "(datalab_facade/deprecation.py), or see CONTRIBUTING.md, 'What breaks'."
        )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
