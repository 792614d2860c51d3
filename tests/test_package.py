"""What is in the wheel, and what it asks for."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from email import message_from_bytes
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import datalab_facade
import datalab_facade.testing

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


def test_the_wheel_holds_what_the_program_needs_besides_code(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    cli = ROOT / "datalab_facade" / "cli"
    needed = [*(cli / "schemas").glob("*.json"), *(cli / "demonstration").glob("invoice*")]
    assert len(needed) > 20
    assert {path.relative_to(ROOT).as_posix() for path in needed} <= names


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


@pytest.mark.parametrize("package", [datalab_facade, datalab_facade.testing])
def test_every_public_name_is_found_where_type_checkers_find_it(package: ModuleType) -> None:
    assert package.__file__ is not None
    tree = ast.parse(Path(package.__file__).read_text(encoding="utf-8"))
    imported = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for alias in node.names
    }
    for name in package.__all__:
        home = import_module(imported[name])
        assert getattr(package, name) is getattr(home, name)
        assert name in dir(package)


def test_a_name_that_the_package_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'datalab_facade' has no attribute 'Datalap'"):
        _ = datalab_facade.Datalap  # type: ignore[attr-defined]


def test_importing_the_package_imports_neither_httpx_nor_attrs_until_something_is_used() -> None:
    script = (
        "import sys, datalab_facade\n"
        "assert not {'httpx', 'attr', 'asyncio'} & sys.modules.keys(), sorted(sys.modules)\n"
        "assert datalab_facade.errors.DatalabError is datalab_facade.DatalabError\n"
        "assert not {'httpx', 'asyncio', 'datalab_api_client'} & sys.modules.keys()\n"
        "datalab_facade.Datalab, datalab_facade.Extract, datalab_facade.schema_of\n"
        "assert not {'datalab_api_client', 'uvicorn', 'cattrs', 'pydantic'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-I", "-c", script], check=True)


def test_a_client_imports_nothing_of_the_network_until_it_is_used() -> None:
    script = (
        "import sys\n"
        "from datalab_facade import AsyncDatalab, Datalab\n"
        "made = [kind('a-key') for kind in (Datalab, AsyncDatalab)]\n"
        "views = [client.with_options(timeout=5) for client in made]\n"
        "assert 'https://www.datalab.to' in repr(views)\n"
        "network = {'httpx', 'httpcore', 'ssl', 'asyncio'}\n"
        "assert not network & sys.modules.keys(), network & sys.modules.keys()\n"
        "views[0].executions\n"
        "assert 'httpcore' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-I", "-c", script], check=True, env=_unproxied())


def test_a_blocking_client_never_imports_asyncio() -> None:
    script = (
        "import contextlib, sys\n"
        "from datalab_facade import Datalab, DatalabError\n"
        "client = Datalab('a-key', base_url='http://127.0.0.1:9', max_retries=0)\n"
        "pdf = {'source': b'%PDF-1.7', 'name': 'a.pdf'}\n"
        "for call in (\n"
        "    lambda: client.executions.get(1),\n"
        "    lambda: client.outputs.save_all(1, '.'),\n"
        "    lambda: client.files.upload(**pdf),\n"
        "    lambda: client.documents.convert(**pdf),\n"
        "    lambda: list(client.pipelines.list()),\n"
        "    client.close,\n"
        "):\n"
        "    with contextlib.suppress(DatalabError):\n"
        "        call()\n"
        "assert 'asyncio' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-I", "-c", script], check=True, env=_unproxied())


def _unproxied() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SSL_CERT_") and not name.lower().endswith("_proxy")
    }
