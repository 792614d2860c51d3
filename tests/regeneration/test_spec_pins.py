"""The versions of the tools are said in pyproject.toml and nowhere else."""

from importlib import metadata
from pathlib import Path

import pytest
from specs.pins import verify
from specs.problems import ScriptError

from tests.regeneration.checkouts import REPOSITORY

PYTEST = metadata.version("pytest")


def pyproject(folder: Path, group: str) -> Path:
    path = folder / "pyproject.toml"
    _ = path.write_text(f"[dependency-groups]\nregenerate = {group}\n")
    return path


def test_this_environment_has_what_the_project_pins() -> None:
    verify(REPOSITORY / "pyproject.toml")


def test_only_exact_pins_have_to_match_exactly(tmp_path: Path) -> None:
    verify(pyproject(tmp_path, f'["pytest=={PYTEST}", "hypothesis>=1", "PyYAML"]'))


@pytest.mark.parametrize(
    ("group", "reason"),
    [
        ('["pytest==0.1"]', f"pytest is {PYTEST}, and has to be 0.1; run: pip install"),
        ('["no-such-tool==1"]', "no-such-tool is not installed; run: pip install"),
        ('["no-such-tool"]', "no-such-tool is not installed"),
        ('["==1"]', "cannot read '==1'"),
        ("[", "has no dependency group 'regenerate'"),
    ],
)
def test_what_does_not_match_is_named_with_what_to_run(
    tmp_path: Path, group: str, reason: str
) -> None:
    with pytest.raises(ScriptError) as told:
        verify(pyproject(tmp_path, group))
    assert reason in str(told.value)


def test_a_project_without_the_group_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="has no dependency group"):
        verify(tmp_path / "pyproject.toml")
