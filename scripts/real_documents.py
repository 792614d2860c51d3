"""Tries scripts/regenerate.py on documents of other projects, and prints a table of how it went.

  real_documents.py FOLDER_OR_FILE...

Each document is taken in whole and, in another copy, only below one of its paths; and both twice,
since the second run has to leave every byte as it is. Nothing of the checkout is touched. Exit code
1 if any of it fails.
"""

import io
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import regenerate
from specs import loading, repairing, swapping, trees
from specs.documents import Document, operations

_NEEDED = ("pyproject.toml", regenerate.VENDORED, regenerate.GENERATED)
_HEAD = ("document", "operations", "repairs", "seconds", "whole", "--only", "of it")


@dataclass(frozen=True)
class Row:
    """How it went with one document."""

    cells: tuple[str, ...]
    fine: bool


def main(arguments: Sequence[str]) -> int:
    """Try every document that is named, or lies in a folder that is."""
    rows = list[Row]()
    print(f"| {' | '.join(_HEAD)} |\n|{'---|' * len(_HEAD)}", flush=True)
    for path in _documents(arguments):
        row = tried(path)
        rows.append(row)
        print(f"| {' | '.join(row.cells)} |", flush=True)
    return 0 if rows and all(row.fine for row in rows) else 1


def tried(path: Path) -> Row:
    """Take one document in, whole and in part."""
    document = loading.load(str(path))
    prefix = _prefix(document)
    whole, seconds = _outcome(path, [])
    part, _ = _outcome(path, ["--only", prefix])
    made = len(repairing.repair(document).made)
    cells = (path.name, str(len([*operations(document)])), str(made), f"{seconds:.1f}")
    return Row((*cells, whole, prefix, part), fine=whole == part == "the same twice")


def _documents(arguments: Sequence[str]) -> Iterator[Path]:
    for path in map(Path, arguments):
        if path.is_dir():
            yield from sorted(one for one in path.iterdir() if one.suffix in (".json", ".yaml"))
        else:
            yield path


def _prefix(document: Document) -> str:
    """The path that has most of the operations below it, but not all where that can be had."""
    every = [operation.path for operation in operations(document)]
    counts = dict[str, int]()
    for path in every:
        steps = path.split("/")
        for length in range(2, len(steps) + 1):
            prefix = "/".join(steps[:length])
            counts[prefix] = counts.get(prefix, 0) + 1
    smaller = {prefix: count for prefix, count in counts.items() if count < len(every)}
    return max(smaller or counts, key=lambda prefix: (counts[prefix], prefix))


def _outcome(path: Path, more: Sequence[str]) -> tuple[str, float]:
    """What a run leaves, whether a second one leaves the same, and how long the first took."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in _NEEDED:
            source = regenerate.ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            _ = copy(source, root / name)
        said, began = io.StringIO(), time.monotonic()
        with redirect_stdout(said), redirect_stderr(said):
            code = regenerate.main(["--from", str(path), *more], root)
        seconds = time.monotonic() - began
        if code:
            return f"failed: {said.getvalue().strip().splitlines()[-1]}", seconds
        before = trees.read(root, swapping.OWNED)
        with redirect_stdout(said), redirect_stderr(said):
            code = regenerate.main(["--check"], root)
        if code or trees.read(root, swapping.OWNED) != before:
            return "differs the second time", seconds
        return "the same twice", seconds


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
