"""What is in the wheel, and what it asks for."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_one_wheel_holds_both_packages_and_their_types(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "datalab_facade",
        "datalab_api_client",
        "_datalab_facade_pytest.py",
    }
    assert {"datalab_facade/py.typed", "datalab_api_client/py.typed"} <= names
    for package in ("datalab_facade", "generated/datalab_api_client"):
        for path in (ROOT / package).rglob("*.py"):
            assert path.relative_to(ROOT).as_posix().removeprefix("generated/") in names


def test_the_runtime_needs_attrs_and_httpx_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = message_from_bytes(wheel.read(name))
    wanted = metadata.get_all("Requires-Dist") or []
    always = [requirement for requirement in wanted if "extra ==" not in requirement]
    assert sorted(requirement.split(">")[0].split("<")[0] for requirement in always) == [
        "attrs",
        "httpx",
    ]
    assert metadata["Requires-Python"] == ">=3.11"
