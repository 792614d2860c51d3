"""Write the lists of public names that follow from the imports in ``datalab_facade/__init__.py``.

A public name is listed once, among the imports for type checkers. ``__all__``, and where each name
is found at run time, are made here of these imports.

usage: python scripts/public_names.py [--check]
"""

from __future__ import annotations

import argparse
import ast
import sys
import textwrap
from pathlib import Path

PATH = Path(__file__).resolve().parent.parent / "datalab_facade" / "__init__.py"

BEGIN = "# What follows is written by scripts/public_names.py, of the imports above.\n"
END = "# Until here.\n"
_PREFIX = "datalab_facade."
_WIDTH = 100


def homes_of(source: str) -> dict[str, list[str]]:
    """Return the modules that the imports for type checkers name, with the names of each."""
    [block] = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    return {
        str(line.module).removeprefix(_PREFIX): sorted(name.name for name in line.names)
        for line in block.body
        if isinstance(line, ast.ImportFrom)
    }


def lists_of(homes: dict[str, list[str]]) -> str:
    """Return the code of both lists."""
    names = sorted({"__version__", *(name for found in homes.values() for name in found)})
    lines = ["__all__ = [", *(f'    "{name}",' for name in names), "]", "", "_HOMES = {"]
    for module, found in sorted(homes.items()):
        entry = f'    "{module}": "{" ".join(found)}",'
        if len(entry) <= _WIDTH:
            lines.append(entry)
            continue
        parts = textwrap.wrap(" ".join(found), _WIDTH - 12)
        lines.append(f'    "{module}": (')
        lines += [f'        "{part} "' for part in parts[:-1]]
        lines += [f'        "{parts[-1]}"', "    ),"]
    return "\n".join([*lines, "}", ""])


def written(source: str) -> str:
    """Return the module with the lists that belong into it."""
    before, _, rest = source.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{lists_of(homes_of(source))}{END}{after}"


def main() -> int:
    """Write the lists, or tell whether they are as they should be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    arguments = parser.parse_args()
    source = PATH.read_text(encoding="utf-8")
    right = written(source)
    if source == right:
        return 0
    if arguments.check:
        print(f"{PATH.name} lists other names than it imports: run make format", file=sys.stderr)
        return 1
    PATH.write_text(right, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
