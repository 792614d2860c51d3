"""The habits of the project: what is written down about them is how it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import packing
import pytest
import supply
import yaml

from tests.markdown import ROOT, blocks_of, run_script

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


_HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
_MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
_CONTRIBUTING = ROOT / "CONTRIBUTING.md"


def test_the_hooks_of_a_commit_are_those_of_the_checks() -> None:
    checks = _MAKEFILE.partition("\ncheck:")[2].partition("\n\n")[0].replace("$(DEV)", ".venv/dev")
    for repository in _HOOKS["repos"]:
        assert repository["repo"] == "local"
        for hook in repository["hooks"]:
            command = hook["entry"].replace(" --force-exclude", "").removeprefix("env ")
            assert f"\t{command}\n" in f"{checks}\n", command


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md", "changes/README.md"])
def test_what_the_pages_for_contributors_name_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for command in re.findall(r"(?:^|`)make ([a-z-]+)", text, flags=re.MULTILINE):
        assert re.search(rf"^{command}:", _MAKEFILE, flags=re.MULTILINE), command
    for path in re.findall(r"`((?:datalab_facade|tests|docs|scripts|changes)/[\w/.-]*)`", text):
        assert (ROOT / path).exists(), path
    for link in re.findall(r"\]\(((?!http)[^)#]+)", text):
        assert (ROOT / page).parent.joinpath(link).exists(), link


def test_the_floor_plan_shows_every_folder_and_module_at_the_top_and_none_that_is_not_there() -> (
    None
):
    text = _CONTRIBUTING.read_text(encoding="utf-8")
    plan = text.partition("## The floor plan")[2].partition("## The rules")[0]
    rows = [row for row in plan.splitlines() if row.startswith("| ")][1:]
    named = {name for row in rows for name in re.findall(r"`(\w+)/?`", row.split("|")[2])}
    package = ROOT / "datalab_facade"
    rooms = [path for path in package.rglob("*") if path.suffix == ".py" or path.is_dir()]
    assert named - {path.stem for path in rooms} == set()
    top = {path.stem for path in rooms if path.parent == package and path.stem[0] != "_"}
    assert top - named == set()


def test_the_code_for_contributors_runs() -> None:
    blocks = [block for block in blocks_of(_CONTRIBUTING) if block.language == "python"]
    assert blocks
    for block in blocks:
        run_script(block)


def test_two_builds_of_a_commit_are_the_same_to_the_byte(tmp_path: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    built: list[dict[str, bytes]] = []
    for number in (1, 2):
        tree, goal = tmp_path / f"tree-{number}", tmp_path / f"dist-{number}"
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                copy = tree / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, copy)
                copy.chmod(0o644 if number == 1 else 0o664)
                os.utime(copy, (number * 1e8, number * 1e8))
        packing.build(goal, tree)
        built.append({path.name: path.read_bytes() for path in goal.iterdir()})
    first, second = built
    assert sorted(Path(name).suffix for name in first) == [".gz", ".whl"]
    assert first == second


def test_the_wheel_holds_both_packages_and_the_types_and_nothing_else(tmp_path: Path) -> None:
    packing.build(tmp_path / "dist")
    [path] = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert tops - {name for name in tops if name.endswith(".dist-info")} == {
        "_datalab_facade_pytest.py",
        "datalab_api_client",
        "datalab_facade",
    }
    assert {"datalab_facade/py.typed", "datalab_api_client/py.typed"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_wheel_is_tried_with_tests_that_are_there() -> None:
    assert [name for name in packing.TESTS if not (ROOT / name).is_file()] == []


def _report(*dependencies: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(dependencies), "fixes": []}


_SAFE = {"name": "httpx", "version": "0.28.1", "vulns": []}
_UNSAFE = {
    "name": "h11",
    "version": "0.14.0",
    "vulns": [{"id": "PYSEC-2025-1", "fix_versions": ["0.16.0"], "aliases": []}],
}
_SKIPPED = {"name": "attrs", "skip_reason": "Dependency not found on PyPI: attrs (26.1.0)"}


@pytest.mark.parametrize(
    ("report", "code", "said"),
    [
        (_report(_SAFE), 0, "1 dependencies, nothing known against them."),
        (_report(_SAFE, _UNSAFE), 1, "h11 0.14.0: PYSEC-2025-1, mended in 0.16.0"),
        (_report(_SAFE, _SKIPPED), 2, "NOT AUDITED: Dependency not found on PyPI: attrs (26.1.0)"),
        (_report(_UNSAFE, _SKIPPED), 1, "1 of 2 could not be looked up"),
        (_report(), 2, "NOT AUDITED: no dependency was found."),
    ],
    ids=["safe", "unsafe", "skipped", "both", "empty"],
)
def test_a_dependency_that_was_not_looked_up_is_never_told_to_be_safe(
    report: dict[str, Any], code: int, said: str
) -> None:
    found, lines = supply.verdict(report)
    assert found == code
    assert said in "\n".join(lines)


def test_an_audit_without_a_service_fails_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = tmp_path / "bin" / "pip-audit"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho 'no route to host' >&2\nexit 1\n", encoding="utf-8")
    tool.chmod(0o755)
    assert supply.audit(tmp_path) == 2
    assert capsys.readouterr().out == "NOT AUDITED: no service could be asked. no route to host\n"


def test_the_bill_of_materials_holds_what_we_depend_on_and_nothing_else() -> None:
    document = {
        "metadata": {"component": {"bom-ref": "root", "name": "datalab-facade"}},
        "components": [{"bom-ref": name} for name in ("httpx", "idna", "pip")],
        "dependencies": [
            {"ref": "root", "dependsOn": ["httpx"]},
            {"ref": "httpx", "dependsOn": ["idna"]},
            {"ref": "idna"},
            {"ref": "pip"},
        ],
    }
    told = supply.completed(document, "1.2")
    assert told["metadata"]["component"]["version"] == "1.2"
    assert [one["bom-ref"] for one in told["components"]] == ["httpx", "idna"]
    assert [one["ref"] for one in told["dependencies"]] == ["root", "httpx", "idna"]
