"""A copy of what scripts/regenerate.py needs of a checkout, for a test to do with as it likes."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias
from unittest import mock

import regenerate
from attrs import field, frozen
from specs import checking, generating, trees, validating
from specs.documents import Document, render
from specs.repairing import Repaired, repair

REPOSITORY = Path(__file__).resolve().parents[2]
NEEDED = ("openapi.json", "pyproject.toml", "scripts", "generated")
EXECUTION = "/api/v1/workflows/executions/{execution_id}"

Spec: TypeAlias = dict[str, Any]
Edit: TypeAlias = Callable[[Spec], object]


def vendored() -> Spec:
    """The committed document, for the test to change."""
    document: Spec = json.loads((REPOSITORY / "openapi.json").read_bytes())
    return document


def _committed() -> dict[bytes, trees.Tree]:
    """What is committed, by what it is generated from: other tests see to it that it is."""
    package = trees.read(REPOSITORY / "generated", [generating.PACKAGE])
    return {render(repair(vendored()).document): package}


@frozen
class _Remembered:
    """What was generated and found in order, to be had again without waiting."""

    packages: dict[bytes, trees.Tree] = field(factory=_committed)

    def validate(self, document: Document) -> None:
        if render(document) not in self.packages:
            _VALIDATE(document)

    def generate(self, document: Document, folder: Path, workshop: Path) -> None:
        known = self.packages.get(render(document))
        if known is None:
            generating.generate(document, folder, workshop)
            return
        for name, content in known.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            _ = (folder / name).write_bytes(content)

    def check(self, repaired: Repaired, generated: Path, workshop: Path) -> None:
        content = render(repaired.document)
        if content not in self.packages:
            checking.check(repaired, generated, workshop)
            self.packages[content] = trees.read(generated, [generating.PACKAGE])


_REMEMBERED = _Remembered()
_VALIDATE = validating.validate

GENERATED_ALREADY = f"""
import shutil, sys
sys.path.insert(0, {str(REPOSITORY / "scripts")!r})
from specs import checking, generating, validating
committed = {str(REPOSITORY / "generated")!r}
validating.validate = checking.check = lambda *_: None
generating.generate = lambda _, folder, workshop: shutil.copytree(committed, folder)
"""
"""The prelude of a process that has what is committed where it would generate: what comes before
the swap takes seconds, and is for other tests.
"""


@frozen
class Checkout:
    root: Path

    @classmethod
    def at(cls, root: Path) -> "Checkout":
        for name in NEEDED:
            source = REPOSITORY / name
            if source.is_dir():
                shutil.copytree(
                    source, root / name, ignore=shutil.ignore_patterns("__pycache__", ".*")
                )
            else:
                root.mkdir(parents=True, exist_ok=True)
                _ = shutil.copy(source, root / name)
        facade = root / "datalab_facade" / "transport.py"
        facade.parent.mkdir()
        _ = facade.write_text(
            "from datalab_api_client.api.default import get_workflows_executions_id\n"
            "# get_workflows_executions_id_soon is another word, and get_files is one.\n"
            "answer = get_workflows_executions_id.sync_detailed\n"
        )
        return cls(root)

    @property
    def document(self) -> Path:
        return self.root / "openapi.json"

    @property
    def generated(self) -> Path:
        return self.root / "generated"

    @property
    def package(self) -> Path:
        return self.generated / "datalab_api_client"

    @property
    def staging(self) -> Path:
        return self.root / ".regenerate"

    def main(self, *arguments: str | Path) -> int:
        """Run in this process, and generate from one document only once, which is quicker."""
        with (
            mock.patch.object(regenerate, "generating", _REMEMBERED),
            mock.patch.object(regenerate, "checking", _REMEMBERED),
            mock.patch.object(validating, "validate", _REMEMBERED.validate),
        ):
            return regenerate.main([*map(str, arguments)], self.root)

    def command(self, *arguments: str | Path, prelude: str = "") -> list[str]:
        """The command that runs the script itself, after some Python to prepare its process."""
        script = self.root / "scripts" / "regenerate.py"
        given = [str(script), *map(str, arguments)]
        if not prelude:
            return [sys.executable, *given]
        run = (
            f"import runpy, sys\n{prelude}\n"
            f"sys.path[0] = {str(script.parent)!r}\nsys.argv = {given!r}\n"
            f"runpy.run_path({str(script)!r}, run_name='__main__')"
        )
        return [sys.executable, "-c", run]

    def run(
        self,
        *arguments: str | Path,
        prelude: str = "",
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run the script as a maintainer does."""
        return subprocess.run(
            self.command(*arguments, prelude=prelude),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )

    def edited(self, *edits: Edit) -> Path:
        """A file beside the checkout with a changed document in it."""
        document = vendored()
        for edit in edits:
            _ = edit(document)
        path = self.root.with_name(f"{self.root.name}-edited.json")
        _ = path.write_text(json.dumps(document))
        return path

    def snapshot(self) -> dict[str, bytes | None]:
        """Every file and folder, but for what importing leaves behind."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes() if path.is_file() else None
            for path in sorted(self.root.rglob("*"))
            if "__pycache__" not in path.parts
        }
