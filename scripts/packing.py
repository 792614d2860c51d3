"""Build the distributions, and try the wheel where the sources are not.

::

    python scripts/packing.py build FOLDER          # a wheel and an sdist, the same bytes each time
    python scripts/packing.py import FOLDER VENV    # all modules of the wheel in FOLDER
    python scripts/packing.py test FOLDER VENV      # tests against it
    python scripts/packing.py release FOLDER        # builds twice, and compares
    python scripts/packing.py smoke FOLDER BARE CLI # scripts/smoke.py; the program and its demo
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# What is asked most of, and needs the least: no browser, no spec, no other client.
TESTS = (
    "tests/test_client.py",
    "tests/test_decoding.py",
    "tests/test_definitions.py",
    "tests/test_errors.py",
    "tests/test_inputs.py",
    "tests/test_logging.py",
    "tests/test_many.py",
    "tests/test_models.py",
    "tests/test_naming.py",
    "tests/test_one_execution.py",
    "tests/test_waiting.py",
    "tests/test_workflows.py",
    "tests/files/test_files_api.py",
    "tests/runs/test_runs.py",
    "tests/testing/test_simulator_server.py",
)

PROGRAM = "datalab-facade"

_WHERE = """
import datalab_facade, datalab_api_client, pathlib, sys
for package in (datalab_facade, datalab_api_client):
    home = pathlib.Path(package.__file__)
    assert home.is_relative_to(sys.prefix), f"{home} is not the wheel's"
"""

# Extras bring these; importing a module that needs one names the extra in its error.
_IMPORT_ALL = """
import importlib, pkgutil, datalab_facade
extras = {"aiohttp", "airflow", "click", "dask", "distributed", "h11", "opentelemetry"}
extras |= {"pytest", "redis", "rich", "typer", "uvicorn"}
missing = []
for found in pkgutil.walk_packages(datalab_facade.__path__, "datalab_facade."):
    if found.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(found.name)
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] not in extras:
            missing.append(f"{found.name} needs {error.name}, which the wheel does not ask for")
raise SystemExit("\\n".join(missing) or None)
"""


def version_of(root: Path = ROOT) -> str:
    """Read the version of a checkout, without importing it."""
    text = (root / "datalab_facade" / "_version.py").read_text(encoding="utf-8")
    found = re.search(r'__version__ = "(.+)"', text)
    assert found is not None
    return found[1]


def build(goal: Path, root: Path = ROOT) -> None:
    """Build a wheel and an sdist from a tree into an empty folder.

    Times in them are SOURCE_DATE_EPOCH, or that of the last commit.
    """
    shutil.rmtree(goal, ignore_errors=True)
    environment = {"SOURCE_DATE_EPOCH": _epoch(), **os.environ}
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(goal.absolute())]
    subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)


def release(goal: Path) -> int:
    """Build twice, and keep the distributions if both builds gave the same bytes."""
    built: list[dict[str, bytes]] = []
    with tempfile.TemporaryDirectory() as name:
        for folder in (Path(name) / "again", goal):
            build(folder)
            built.append({path.name: path.read_bytes() for path in folder.iterdir()})
    differing = [name for name, content in built[1].items() if built[0].get(name) != content]
    if differing:
        print(f"Two builds of this commit differ in {', '.join(differing)}.")
    return 1 if differing else 0


def _epoch() -> str:
    process = subprocess.run(
        ["git", "log", "-1", "--format=%ct"],  # noqa: S607 - whichever git there is
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return process.stdout.strip()


def try_imports(folder: Path, venv: Path) -> int:
    """Import every module of the wheel where there is only what it says it needs."""
    python = _installed(folder, venv)
    with tempfile.TemporaryDirectory() as home:
        return subprocess.run([python, "-c", _IMPORT_ALL], cwd=home, check=False).returncode


def test(folder: Path, venv: Path) -> int:
    """Run tests against the wheel where there is nothing else of the package."""
    python = _installed(folder, venv)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "tests", home / "tests", ignore=ignored)
        for part in ("pyproject.toml", "openapi.json"):
            shutil.copy(ROOT / part, home)
        subprocess.run([python, "-c", _WHERE], cwd=home, check=True)
        command = [python, "-m", "pytest", "-q", "-n", "2", *TESTS]
        return subprocess.run(command, cwd=home, check=False).returncode


def smoke(folder: Path, bare: Path, cli: Path) -> int:
    """Use the wheel where there is only what it depends on, then its program with the extra."""
    commands = [
        [_installed(folder, bare), "-I", str(ROOT / "scripts" / "smoke.py")],
        [_installed(folder, cli), "-m", "datalab_facade.cli", "--version"],
        [str(cli.absolute() / "bin" / PROGRAM), "demo"],
    ]
    with tempfile.TemporaryDirectory() as home:
        for command in commands:
            done = subprocess.run(
                command, cwd=home, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            if done.returncode:
                print(done.stdout.decode(), f"{' '.join(command)} ended with {done.returncode}.")
                return 1
            print(done.stdout.decode().strip().splitlines()[-1])
    return 0


def _installed(folder: Path, venv: Path) -> str:
    [wheel] = folder.glob("*.whl")
    python = str(venv.absolute() / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    install = ["install", "--no-index", "--no-deps", "--force-reinstall", str(wheel)]
    subprocess.run([*pip, *install], check=True)
    subprocess.run([*pip, "check"], check=True)
    return python


def main(arguments: list[str]) -> int:
    """Build, import, test or try."""
    match arguments:
        case ["build", goal]:
            build(Path(goal))
            return 0
        case ["import", folder, venv]:
            return try_imports(Path(folder), Path(venv))
        case ["release", goal]:
            return release(Path(goal))
        case ["smoke", folder, bare, cli]:
            return smoke(Path(folder), Path(bare), Path(cli))
        case ["test", folder, venv]:
            return test(Path(folder), Path(venv))
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
