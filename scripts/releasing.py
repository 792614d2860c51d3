"""Tell what keeps the checkout from being released.

    python scripts/releasing.py    # a line for each obstacle; the exit code is 1 where there is one

A release is a commit: nothing is changed beside it, the changelog has a section for its version,
and what the API promises is recorded as of this version.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import api
from packing import version_of

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Print what is in the way, or which version can be released."""
    version = version_of(ROOT)
    found = [*obstacles(ROOT), *_changes_of_promises()]
    for line in found:
        print(f"NOT RELEASED: {line}")
    if not found:
        print(f"Releasing {version}.")
    return 1 if found else 0


def sections(root: Path) -> list[str]:
    """Give the versions that the changelog has a section for, as they stand there."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    return re.findall(r"^## (\S+) \(\d{4}-\d{2}-\d{2}\)$", text, flags=re.MULTILINE)


def obstacles(root: Path) -> Iterator[str]:
    """Say what of a checkout's tree, changelog and tags does not fit its version."""
    version = version_of(root)
    changed = _git(root, "status", "--porcelain").splitlines()
    if changed:
        yield (
            f"{len(changed)} files are not as they were committed, such as {changed[0][3:]}. "
            "Commit them, or put them away with `git stash --include-untracked`."
        )
    if sections(root)[:1] != [version]:
        yield (
            f"CHANGELOG.md does not begin with a section for {version}. Set the next version in "
            f"datalab_facade/_version.py, and run `towncrier build --yes --version {version}`."
        )
    fragments = [path for path in (root / "changes").glob("*.md") if path.name != "README.md"]
    if fragments:
        yield (
            f"{len(fragments)} files in changes/ are not in the changelog. Run `towncrier build`, "
            "or move their sentences into the section by hand and delete them."
        )
    tagged = _git(root, "rev-parse", "--quiet", "--verify", f"refs/tags/v{version}^{{commit}}")
    if tagged not in ("", _git(root, "rev-parse", "HEAD")):
        yield (
            f"The tag v{version} is on another commit: this version is released. Set the next "
            "version in datalab_facade/_version.py."
        )


def _changes_of_promises() -> Iterator[str]:
    if not api.is_kept():
        yield (
            "What is recorded of the public API is not that of this version. Run "
            "`python scripts/api.py --accept`, and commit what it writes."
        )


def _git(root: Path, *arguments: str) -> str:
    # Where a command fails, as on a tag that is not there, there is nothing to read.
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip("\n")


if __name__ == "__main__":
    sys.exit(main())
