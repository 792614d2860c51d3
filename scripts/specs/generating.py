"""Running the generator, so that one document gives the same bytes on every machine."""

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

from specs import naming, narrowing, rewiring
from specs.causes import Cause, UnsupportedError, hanging_on
from specs.documents import Document, Json, Operation, operations, render
from specs.problems import ScriptError
from specs.repairs import bodies

PACKAGE = "datalab_api_client"

# The generator would run its own formatter through a shell, whichever `ruff` is first on PATH, with
# whatever settings lie in a folder above. We run ours, so it gets none.
CONFIGURATION: dict[str, Json] = {"package_name_override": PACKAGE, "post_hooks": []}
STYLE = ("--isolated", "--no-cache", "--quiet", "--line-length=120", "--target-version=py311")

_CRASH = "crash"
_SCHEMA = "/components/schemas/"
_FOLLOWS = ("Could not find reference in parsed models", "was not processed", "not found")


def generate(document: Document, folder: Path, workshop: Path) -> None:
    """Write the package for a repaired document into a folder; a `ScriptError` if any is amiss.

    `workshop` is an empty folder for what is needed on the way.
    """
    package = folder / PACKAGE
    source, configuration = workshop / "document.json", workshop / "configuration.json"
    _ = source.write_bytes(render(document))
    settings = {**CONFIGURATION, "content_type_overrides": bodies.content_types(document)}
    _ = configuration.write_text(json.dumps(settings), encoding="utf-8")
    folder.mkdir(parents=True)

    errors = _errors(source, configuration, package, [])
    if any(error["header"] == _CRASH for error in errors):
        # It says what is wrong, and not where: so each operation is tried by itself.
        shutil.rmtree(package, ignore_errors=True)
        alone = _alone(document, workshop)
        errors = _errors(source, configuration, package, [*alone])
        raise _crashed(errors, {path.stem: name for path, name in alone.items()})
    if errors:
        raise _unsupported(document, errors)
    rewiring.rewire(document, package)
    _refuse_unreadable(document, package)
    _ = (package / "operations.py").write_text(_list_of(document), encoding="utf-8")
    _import_models_when_needed(package / "models" / "__init__.py")
    _ = run(["-m", "ruff", "check", *STYLE, "--fix-only", "--extend-select=I", "."], cwd=package)
    _ = run(["-m", "ruff", "format", *STYLE, "."], cwd=package)
    _ = (package / "py.typed").write_bytes(b"")


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


def _import_models_when_needed(module: Path) -> None:
    """Have each model imported when it is first asked for.

    Whoever builds one request imports a model or two. All of them together cost as much as httpx.
    """
    tree = ast.parse(module.read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    if not imports:
        return
    modules = {one.name: str(node.module) for node in imports for one in node.names}
    lines = "\n    ".join(ast.unparse(node) for node in imports)
    names = ", ".join(map(repr, sorted(modules)))
    text = f'''"""All models of requests and answers; each is imported when it is first needed."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    {lines}
else:
    _MODULES = {modules!r}

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
        return getattr(import_module(f"{{__name__}}.{{_MODULES[name]}}"), name)


__all__ = ({names},)
'''
    _ = module.write_text(text, encoding="utf-8")


def _errors(
    source: Path, configuration: Path, package: Path, others: Sequence[Path]
) -> list[dict[str, str]]:
    script = str(Path(__file__).with_name("generator.py"))
    paths = map(str, [source, configuration, package, *others])
    output = run([script, *paths], cwd=source.parent)
    return cast("list[dict[str, str]]", json.loads(output.splitlines()[-1]))


def _alone(document: Document, workshop: Path) -> dict[Path, str]:
    """A file for each operation with nothing but what it needs, and the operation it is for."""
    files = dict[Path, str]()
    for operation in operations(document):
        item: Json = {operation.method: operation.body}
        part = narrowing.prune({**document, "paths": {operation.path: item}})
        path = workshop / f"{operation.id}.json"
        _ = path.write_bytes(render(part))
        files[path] = str(operation)
    return files


def _crashed(errors: Sequence[dict[str, str]], names: Mapping[str, str]) -> UnsupportedError:
    causes = [
        Cause(names[error["data"]], error["detail"], (names[error["data"]],))
        for error in errors
        if error["data"] in names
    ]
    whole = [Cause("the document", error["detail"]) for error in errors]
    return UnsupportedError("the generator cannot do all of the document", causes or whole)


def modules(document: Document) -> dict[str, Operation]:
    """Which operation each generated module is for; a `ScriptError` if two would be the same."""
    found = dict[str, Operation]()
    for operation in operations(document):
        module = f"api/{naming.folder(operation)}/{operation.id}.py"
        if module in found:
            raise ScriptError(
                f"{operation} and {found[module]} would both be generated as {module}"
            )
        found[module] = operation
    return found


def run(arguments: Sequence[str], cwd: Path) -> str:
    """Run Python in this very environment, and give its output; a `ScriptError` if it fails."""
    # A session of its own, so that the tool and what it starts can be ended together, and Ctrl-C
    # reaches this process alone. `-P` keeps files in `cwd` from being imported in place of modules.
    with subprocess.Popen(
        [sys.executable, "-P", *arguments],
        cwd=cwd,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            output, said = process.communicate()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        if said.rstrip().rpartition("\n")[2].startswith("MemoryError"):
            raise MemoryError
        tool = arguments[1] if arguments[0] == "-m" else Path(arguments[0]).stem
        reason = f"{tool} failed with exit code {process.returncode}"
        raise ScriptError(reason, f"{output}\n{said}".strip())
    return output


def _environment() -> dict[str, str]:
    """This environment, less what would show in the output of the tools."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RUFF_", "LC_", "FORCE_COLOR", "CLICOLOR"))
    }
    return {**kept, "PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}


def _unsupported(document: Document, errors: Sequence[dict[str, str]]) -> UnsupportedError:
    """The errors of the generator: their root causes, and how many follow from those."""
    names = {str(operation): operation for operation in operations(document)}
    roots, derived = dict[str, str](), 0
    for error in errors:
        subject = _subject(error["header"], names)
        reason = _reason(error)
        follows = any(sign in error["detail"] for sign in _FOLLOWS)
        if follows and not _missing(document, error):
            derived += 1
        elif subject not in roots:
            roots[subject] = reason
    if not roots:
        roots = {_subject(error["header"], names): _reason(error) for error in errors}
        derived = 0
    pointers = {
        f"#{_SCHEMA}{subject.removeprefix('schema ')}"
        for subject in roots
        if subject.startswith("schema ")
    }
    hanging = hanging_on(document, pointers)
    causes = [
        Cause(
            subject,
            reason,
            (subject,)
            if subject in names
            else hanging.get(f"#{_SCHEMA}{subject.removeprefix('schema ')}", ()),
        )
        for subject, reason in roots.items()
    ]
    return UnsupportedError("the generator cannot do all of the document", causes, derived)


def _subject(header: str, names: Iterable[str]) -> str:
    found = re.search(rf"schema {_SCHEMA}(\S+?):?$", header.strip())
    if found is not None:
        return f"schema {found[1]}"
    found = re.search(r"parsing ([A-Z]+ \S+) within", header)
    if found is not None and found[1] in set(names):
        return found[1]
    return "the document"


def _reason(error: dict[str, str]) -> str:
    detail = error["detail"].partition("Failure to process schema has resulted")[0]
    text = " ".join(f"{detail} {error['data'][:_LONG]}".split())
    # Some of its messages hold objects, whose addresses say nothing.
    return re.sub(r"<[\w.]+ object at 0x[0-9a-f]+>", "…", text) or error["header"]


_LONG = 160


def _missing(document: Document, error: dict[str, str]) -> bool:
    """Whether what an error could not find is not in the document at all."""
    found = re.search(rf"{_SCHEMA}([\w.-]+)", error["data"])
    if found is None:
        return False
    return found[1] not in str(document.get("components"))


def _refuse_unreadable(document: Document, package: Path) -> None:
    """`UnsupportedError` if a file that was generated is no Python, with the file and the line."""
    owners = modules(document)
    causes = list[Cause]()
    for path in sorted(package.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        try:
            _ = ast.parse(text)
        except SyntaxError as error:
            name = path.relative_to(package).as_posix()
            line = text.splitlines()[(error.lineno or 1) - 1].strip() if text else ""
            users = [
                str(operation)
                for module, operation in owners.items()
                if module == name or f".{path.stem} import" in _read(package / module)
            ]
            where = f"{name}, line {error.lineno}"
            causes.append(Cause(where, f"{error.msg}: {line}", tuple(users)))
    if causes:
        raise UnsupportedError("what was generated is no Python", causes)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
