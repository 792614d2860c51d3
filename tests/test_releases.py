"""A release is a commit whose version, changelog and promises agree."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import api
import packing
import pytest
import releasing

import datalab_facade

_ROOT = Path(__file__).parents[1]


def test_the_version_is_the_newest_in_the_changelog() -> None:
    assert releasing.sections(_ROOT)[0] == datalab_facade.__version__ == packing.version_of()


def test_no_version_has_two_sections() -> None:
    versions = releasing.sections(_ROOT)
    assert len(set(versions)) == len(versions)


def test_breaks_are_looked_for_since_the_newest_version_in_the_changelog() -> None:
    promises = api.KEPT_TYPING.read_text(encoding="utf-8")
    assert f" public API of {releasing.sections(_ROOT)[0]}:" in promises


def _git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@a.example"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make a checkout that can be released."""
    for folder in ("datalab_facade", "changes"):
        (tmp_path / folder).mkdir()
    version = tmp_path / "datalab_facade" / "_version.py"
    version.write_text('__version__ = "1.2.0"\n', encoding="utf-8")
    changelog = "# Changelog\n\n## 1.2.0 (2026-01-02)\n\n- Two.\n\n## 1.1.0 (2026-01-01)\n"
    (tmp_path / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    (tmp_path / "changes" / "README.md").write_text("How to.\n", encoding="utf-8")
    _git(tmp_path, "init", "--quiet")
    _commit(tmp_path)
    return tmp_path


def _commit(root: Path) -> None:
    _git(root, "add", "--all")
    _git(root, "commit", "--quiet", "--allow-empty", "--message", "All")


def test_a_committed_version_with_its_section_is_released(checkout: Path) -> None:
    assert list(releasing.obstacles(checkout)) == []
    _git(checkout, "tag", "v1.2.0")
    assert list(releasing.obstacles(checkout)) == []


def _edit(root: Path) -> None:
    path = root / "CHANGELOG.md"
    path.write_text(f"{path.read_text(encoding='utf-8')}More.\n", encoding="utf-8")


def _add(root: Path) -> None:
    (root / "new.py").touch()


def _raise_version(root: Path) -> None:
    version = root / "datalab_facade" / "_version.py"
    version.write_text('__version__ = "1.3.0"\n', encoding="utf-8")
    _commit(root)


def _take_an_older_version(root: Path) -> None:
    version = root / "datalab_facade" / "_version.py"
    version.write_text('__version__ = "1.1.0"\n', encoding="utf-8")
    _commit(root)


def _tell_of_a_change(root: Path) -> None:
    (root / "changes" / "+more.added.md").write_text("More.\n", encoding="utf-8")
    _commit(root)


def _go_on_after_the_tag(root: Path) -> None:
    _git(root, "tag", "--annotate", "--message", "1.2.0", "v1.2.0")
    _commit(root)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_edit, "1 files are not as they were committed, such as CHANGELOG.md. Commit them"),
        (_add, "such as new.py. Commit them"),
        (_raise_version, "does not begin with a section for 1.3.0. Set the next version"),
        (_take_an_older_version, "does not begin with a section for 1.1.0. Set the next version"),
        (_tell_of_a_change, "1 files in changes/ are not in the changelog. Run `towncrier build`"),
        (_go_on_after_the_tag, "v1.2.0 is on another commit: this version is released. Set"),
    ],
)
def test_what_is_no_release_is_refused_with_what_to_do(
    checkout: Path, change: Callable[[Path], None], words: str
) -> None:
    change(checkout)
    [obstacle] = releasing.obstacles(checkout)
    assert words in obstacle


def test_a_release_is_refused_while_other_promises_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "surface.json"
    kept.write_text("{}\n", encoding="utf-8")
    monkeypatch.setattr(api, "KEPT", kept)
    assert releasing.main() == 1
    assert "Run `python scripts/api.py --accept`" in capsys.readouterr().out


def test_builds_that_differ_are_no_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = iter((b"one", b"two"))

    def build(goal: Path) -> None:
        goal.mkdir()
        (goal / "package.whl").write_bytes(next(content))

    monkeypatch.setattr(packing, "build", build)
    assert packing.release(tmp_path / "dist") == 1
    assert "differ in package.whl" in capsys.readouterr().out
