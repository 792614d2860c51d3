"""Where the facade uses what is generated."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

from attrs import frozen

from specs.generating import PACKAGE


@frozen(order=True)
class Use:
    """A line of the facade."""

    path: str
    line: int
    function: str = ""
    """The function that the line is in, if it is in one."""

    def __str__(self) -> str:
        """In the form that editors and terminals can jump to."""
        place = f"{self.path}:{self.line}"
        return f"{place} ({self.function})" if self.function else place


def uses(root: Path, package: str, functions: Collection[str]) -> dict[str, list[Use]]:
    """Where a package under a root imports generated functions, by their names."""
    found = dict[str, list[Use]]()
    if not functions:
        return found
    for path in sorted((root / package).rglob("*.py")):
        content = path.read_bytes()
        if PACKAGE.encode() not in content:
            # Most of the facade, and parsing it takes a second.
            continue
        try:
            module = ast.parse(content)
        except (SyntaxError, ValueError):
            continue
        name = path.relative_to(root).as_posix()
        for imported, line, function in _imports(module, ""):
            for wanted in sorted(imported.intersection(functions)):
                found.setdefault(wanted, []).append(Use(name, line, function))
    return found


def _imports(node: ast.AST, function: str) -> Iterator[tuple[set[str], int, str]]:
    """What is imported of the generated package, where, and in which function."""
    for child in ast.iter_child_nodes(node):
        inside = function
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inside = f"{function}.{child.name}" if function else child.name
        elif isinstance(child, ast.ImportFrom) and _generated(child.module):
            names = {alias.name for alias in child.names}
            yield names | set((child.module or "").split(".")), child.lineno, function
        elif isinstance(child, ast.Import):
            for alias in child.names:
                if _generated(alias.name):
                    yield set(alias.name.split(".")), child.lineno, function
        yield from _imports(child, inside)


def _generated(module: str | None) -> bool:
    return module is not None and module.split(".")[0] == PACKAGE
