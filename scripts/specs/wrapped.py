"""Where the facade uses what is generated."""

import re
from collections.abc import Collection
from pathlib import Path

from attrs import frozen


@frozen(order=True)
class Use:
    """A line of the facade."""

    path: str
    line: int

    def __str__(self) -> str:
        """In the form that editors and terminals can jump to."""
        return f"{self.path}:{self.line}"


def uses(root: Path, package: str, functions: Collection[str]) -> dict[str, list[Use]]:
    """The lines of a package under a root that have a function's name on them as a whole word."""
    found = dict[str, list[Use]]()
    if not functions:
        return found
    names = re.compile(rf"\b({'|'.join(map(re.escape, sorted(functions)))})\b")
    for path in sorted((root / package).rglob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.split("\n"), start=1):
            for name in dict.fromkeys(names.findall(line)):
                use = Use(path.relative_to(root).as_posix(), number)
                found.setdefault(name, []).append(use)
    return found
