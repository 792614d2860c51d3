"""The habits of the project: what is written down about them is how it is."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

from tests.markdown import ROOT

_FRAGMENTS = sorted(path for path in (ROOT / "changes").iterdir() if path.name != "README.md")
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_change_that_is_not_released_is_of_a_kind_that_the_changelog_has() -> None:
    kinds = {kind["directory"] for kind in _PROJECT["tool"]["towncrier"]["type"]}
    for path in _FRAGMENTS:
        found = re.fullmatch(r"\+[a-z0-9-]+\.([a-z]+)\.md", path.name)
        assert found is not None, path.name
        assert found[1] in kinds, path.name


def test_the_changelog_takes_in_every_change() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "9.9"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    said = " ".join(done.stdout.split())
    assert "## 9.9" in said
    for path in _FRAGMENTS:
        assert " ".join(path.read_text(encoding="utf-8").split()) in said, path.name
