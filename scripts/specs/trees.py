"""Folders as the bytes in them, and the patch that leads from one to another."""

import os
from collections.abc import Iterable, Mapping
from difflib import unified_diff
from io import StringIO
from pathlib import Path
from typing import TypeAlias

Tree: TypeAlias = Mapping[str, bytes]


def read(root: Path, names: Iterable[str]) -> Tree:
    """The bytes of every file under the named files and folders of a root, by path from the root.

    `__pycache__` is left out: it comes from having imported the files, and is no part of them.
    """
    tree = dict[str, bytes]()
    for path in sorted(file for name in names for file in _files(root / name)):
        name = path.relative_to(root).as_posix()
        # A link is compared as a link: what lies behind it is not in the tree.
        tree[name] = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
    return tree


def differing(present: Tree, wanted: Tree) -> list[str]:
    """The paths that are not in both with the same bytes."""
    paths = sorted(present.keys() | wanted.keys())
    return [path for path in paths if present.get(path) != wanted.get(path)]


def patch(present: Tree, wanted: Tree) -> str:
    """A unified diff, path by path, that makes `present` into `wanted`."""
    return "".join(
        _file_patch(path, present.get(path), wanted.get(path))
        for path in differing(present, wanted)
    )


def _files(path: Path) -> Iterable[Path]:
    if path.is_file() or path.is_symlink():
        return [path]
    return [
        Path(folder, name)
        for folder, folders, files in os.walk(path)
        if "__pycache__" not in Path(folder).relative_to(path).parts
        for name in [*files, *(sub for sub in folders if Path(folder, sub).is_symlink())]
    ]


def _file_patch(path: str, present: bytes | None, wanted: bytes | None) -> str:
    before = "/dev/null" if present is None else f"a/{path}"
    after = "/dev/null" if wanted is None else f"b/{path}"
    try:
        old, new = _lines(present), _lines(wanted)
    except UnicodeDecodeError:
        return f"Binary files {before} and {after} differ\n"
    # The header is ours, because a file that is added or missing may have no lines to show.
    hunks = list(unified_diff(old, new))[2:]
    return "".join([f"--- {before}\n+++ {after}\n", *hunks])


def _lines(content: bytes | None) -> list[str]:
    lines = list(StringIO((content or b"").decode(), newline="\n"))
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n\\ No newline at end of file\n"
    return lines
