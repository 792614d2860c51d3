"""Running the generator, so that one document gives the same bytes on every machine."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from specs import naming
from specs.documents import Document, Json, Operation, operations, rendered
from specs.problems import Problem

PACKAGE = "datalab_api_client"

# The generator would run its own formatter through a shell, whichever `ruff` is first on PATH, with
# whatever settings lie in a folder above. We run ours, so it gets none.
CONFIGURATION: dict[str, Json] = {"package_name_override": PACKAGE, "post_hooks": []}
STYLE = ("--isolated", "--no-cache", "--quiet", "--line-length=120", "--target-version=py311")


def generate(document: Document, folder: Path, workshop: Path) -> None:
    """Write the package for a normalised document into a folder; a `Problem` if any of it is amiss.

    The generator is told to fail on warnings, because it would leave out what it cannot do, and is
    then checked all the same. `workshop` is an empty folder for what is needed on the way.
    """
    expected = _modules(document)
    package = folder / PACKAGE
    source, configuration = workshop / "document.json", workshop / "configuration.json"
    _ = source.write_bytes(rendered(document))
    _ = configuration.write_text(json.dumps(CONFIGURATION), encoding="utf-8")
    folder.mkdir(parents=True)

    _run(
        "openapi_python_client",
        [
            "generate",
            "--meta=none",
            "--fail-on-warning",
            f"--path={source}",
            f"--config={configuration}",
            f"--output-path={package}",
        ],
        cwd=workshop,
    )
    _ = (package / "operations.py").write_text(_list_of(document), encoding="utf-8")
    _run("ruff", ["check", *STYLE, "--fix-only", "--extend-select=I", "."], cwd=package)
    _run("ruff", ["format", *STYLE, "."], cwd=package)
    _ = (package / "py.typed").write_bytes(b"")
    for module, operation in expected.items():
        if not (package / module).is_file():
            raise Problem(f"the generator left out {operation}: there is no {module}")


def _list_of(document: Document) -> str:
    """A module that lists the operations, with what the generator leaves out of them."""
    entries = [
        f"({one.method.upper()!r}, {one.path!r}, {bool(one.body.get('deprecated'))}),"
        for one in operations(document)
    ]
    return (
        '"""Every operation of the API: its method, its path, and whether it is deprecated."""\n\n'
        f"OPERATIONS: tuple[tuple[str, str, bool], ...] = ({' '.join(entries)})\n"
    )


def _modules(document: Document) -> dict[Path, Operation]:
    """Which operation each generated module is for; a `Problem` if two would be the same."""
    modules = dict[Path, Operation]()
    for operation in operations(document):
        module = Path("api", naming.folder(operation), f"{naming.function(operation)}.py")
        if module in modules:
            raise Problem(f"{operation} and {modules[module]} would both be generated as {module}")
        modules[module] = operation
    return modules


def _run(tool: str, arguments: Sequence[str], cwd: Path) -> None:
    """Run a tool of this very environment; a `Problem` with all it said if it fails."""
    # A session of its own, so that the tool and what it starts can be ended together, and Ctrl-C
    # reaches this process alone. `-P` keeps files in `cwd` from being imported in place of modules.
    with subprocess.Popen(
        [sys.executable, "-P", "-m", tool, *arguments],
        cwd=cwd,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            output, _ = process.communicate()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        raise Problem(f"{tool} failed with exit code {process.returncode}", output)


def _environment() -> dict[str, str]:
    """This environment, less what would show in the output of the tools."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RUFF_", "LC_", "FORCE_COLOR", "CLICOLOR"))
    }
    return {**kept, "PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
