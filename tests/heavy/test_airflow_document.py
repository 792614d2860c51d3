"""A large FastAPI application that is installed here anyway can be regenerated from."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import airflow
import pytest

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv" / "dev" / "bin" / "python"
"""What regenerates, which the heavy environment has no need for itself."""

DOCUMENTS = sorted(Path(airflow.__file__).parent.glob("api_fastapi/**/openapi/*.yaml"))


def checkout(root: Path) -> Path:
    for name in ("scripts", "generated"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("openapi.json", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    return root / "scripts" / "regenerate.py"


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(PYTHON), str(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not PYTHON.exists(), reason="no development environment: make check")
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_what_airflow_publishes_goes_through_and_a_second_run_changes_nothing(
    document: Path, tmp_path: Path
) -> None:
    script = checkout(tmp_path)
    replaced = run(script, "--json", "--from", str(document))
    assert (replaced.returncode, json.loads(replaced.stdout or "{}").get("outcome")) == (
        0,
        "replaced",
    ), replaced.stderr
    made = list((tmp_path / "generated").rglob("api/*/*.py"))
    assert len([path for path in made if path.stem != "__init__"]) >= 2
    checked = run(script, "--check")
    assert checked.returncode == 0, checked.stdout


def test_airflow_has_a_large_document() -> None:
    assert max(path.stat().st_size for path in DOCUMENTS) > 100_000
