"""What an installation contains, and what an import costs, in virtual environments of their own.

There are two, each with nothing but one client and its dependencies: ours, from a wheel
that is built here, and Datalab's own. A development environment would give other numbers:
if rich is installed, for example, httpx imports it. Without a package index nothing can be
installed, and the report says so instead of numbers.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from benchmarks.lean_server import FIRST_ID, ServerProcess, World, base_url
from benchmarks.measuring import Goal, Quantity, Section, ratios

_ROOT = Path(__file__).parents[1]

_OURS = "ours"
_THEIRS = "datalab-python-sdk"
_HTTPX = "import httpx"
_MADE = ", and a client made"
_SENT = ", and a request sent"

_MOST_TIMES_HTTPX = Goal(1.5)
_MOST_TIMES_HTTPX_MADE = Goal(1.25)
_MOST_DISTRIBUTIONS = Goal(10)
_MOST_MIB = Goal(6)

_PROGRAMS = {
    _HTTPX: (_OURS, "import httpx"),
    "ours: import datalab_facade": (_OURS, "import datalab_facade"),
    "ours: from datalab_facade import Datalab": (_OURS, "from datalab_facade import Datalab"),
    _HTTPX + _MADE: (_OURS, "import httpx; httpx.Client()"),
    _OURS + _MADE: (_OURS, "from datalab_facade import Datalab; Datalab('key')"),
    _HTTPX + _SENT: (
        _OURS,
        (
            "import httpx;"
            f" httpx.Client().get('{{base_url}}/api/v1/workflows/executions/{FIRST_ID}').json()"
        ),
    ),
    _OURS + _SENT: (
        _OURS,
        (
            "from datalab_facade import Datalab;"
            f" Datalab('key', base_url='{{base_url}}').executions.get({FIRST_ID})"
        ),
    ),
    "bare generated client": (
        _OURS,
        (
            "import datalab_api_client.client;"
            " from datalab_api_client.api.default import get_workflows_executions_id"
        ),
    ),
    _THEIRS: (_THEIRS, "import datalab_sdk"),
}

_OF_CONNECTIONS = re.compile(r"SSL_CERT_(FILE|DIR)$|.*_proxy$", flags=re.IGNORECASE)

# One line for each module: its own microseconds, those with all that it imported, its name.
_IMPORTED = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|", flags=re.MULTILINE)

_SIZES = """
import importlib.metadata, json
found = {}
for one in importlib.metadata.distributions():
    sizes = {True: 0, False: 0}
    for path in map(one.locate_file, one.files or ()):
        if path.is_file():
            sizes[path.suffix == ".pyc"] += path.stat().st_size
    found[one.name] = [sizes[False], sizes[True]]
print(json.dumps(found))
"""


@attrs.frozen(kw_only=True)
class Scale:
    """How much of everything."""

    repeats: int


FULL = Scale(repeats=15)
QUICK = Scale(repeats=1)


def measure(scale: Scale) -> Iterator[Section]:
    """Create the environments, and measure them."""
    with tempfile.TemporaryDirectory() as folder:
        pythons: dict[str, str] = {}
        unmeasured: list[str] = []
        for side, wanted in {_OURS: _wheel(folder), _THEIRS: _THEIRS}.items():
            try:
                pythons[side] = _environment(Path(folder, side), wanted)
            except subprocess.CalledProcessError as error:
                unmeasured.append(f"{side} could not be installed: {_reason(error)}")
        yield _install(pythons, unmeasured)
        with ServerProcess() as server:
            server.control.begin(World(many=1))
            yield _imports(scale, pythons, unmeasured, base_url(server.port))


def _wheel(folder: str) -> str:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(command, cwd=_ROOT, check=True, capture_output=True)
    [built] = Path(folder).glob("*.whl")
    return str(built)


def _environment(folder: Path, wanted: str) -> str:
    venv.create(folder)
    python = str(folder / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    # A pip of its own would take seconds, and nobody would use it again.
    pip = (sys.executable, "-m", "pip", "--python", python)
    _ = _printed(*pip, "install", "--quiet", "--retries=1", wanted)
    return python


def _reason(error: subprocess.CalledProcessError) -> str:
    lines = [line for line in str(error.stderr).splitlines() if line.startswith("ERROR")]
    return lines[-1] if lines else f"pip ended with {error.returncode}"


def _printed(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout


def _install(pythons: Mapping[str, str], unmeasured: list[str]) -> Section:
    sizes: dict[str, dict[str, list[int]]] = {
        side: json.loads(_printed(python, "-c", _SIZES)) for side, python in pythons.items()
    }
    many: dict[str, list[float]] = {}
    sources: dict[str, list[float]] = {}
    all_of_it: dict[str, list[float]] = {}
    for side, found in sizes.items():
        many[side] = [len(found)]
        sources[side] = [sum(source for source, _ in found.values()) / 2**20]
        all_of_it[side] = [sum(source + compiled for source, compiled in found.values()) / 2**20]
    return Section(
        "A default install",
        ["All distributions in a clean environment."],
        [
            _judged("distributions", many, _MOST_DISTRIBUTIONS),
            _judged("MiB, with the bytecode that pip compiles", all_of_it, _MOST_MIB),
            Quantity("MiB, without bytecode", sources),
        ]
        if many
        else [],
        unmeasured,
    )


def _judged(what: str, values: dict[str, list[float]], goal: Goal) -> Quantity:
    ours = {side: value for side, value in values.items() if side == _OURS}
    others = {side: value for side, value in values.items() if side != _OURS}
    return Quantity(what, ours, goal if ours else None, others)


def _imports(scale: Scale, pythons: Mapping[str, str], unmeasured: list[str], api: str) -> Section:
    programs = {
        name: (pythons[side], program.format(base_url=api))
        for name, (side, program) in _PROGRAMS.items()
        if side in pythons
    }
    took: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(scale.repeats + 1):
        for name, (python, program) in programs.items():
            milliseconds = _import_time(python, program)
            if number:  # the first round fills the caches
                took[name].append(milliseconds)
    quantities: list[Quantity] = []
    if _HTTPX in took:
        imports = {
            name: values for name, values in took.items() if not name.endswith((_MADE, _SENT))
        }
        times = {name: ratios(values, imports[_HTTPX]) for name, values in imports.items()}
        del times[_HTTPX]
        ours = {name: times.pop(name) for name in list(times) if name.startswith(_OURS)}
        quantities.append(Quantity("as a multiple of import httpx", ours, _MOST_TIMES_HTTPX, times))
        for further, goal in [(_MADE, _MOST_TIMES_HTTPX_MADE), (_SENT, None)]:
            reached = {_OURS + further: ratios(took[_OURS + further], took[_HTTPX + further])}
            quantities.append(Quantity(f"as a multiple of {_HTTPX}{further}", reached, goal))
    return Section(
        "Imports, by -X importtime",
        [
            "All modules that a fresh interpreter imports until the program has ended.",
            "The environment names neither proxies nor certificates, which are checked at once.",
        ],
        [*quantities, Quantity("ms", took)] if took else [],
        unmeasured,
    )


def _import_time(python: str, program: str) -> float:
    command = [python, "-X", "importtime", "-c", program]
    environment = {
        name: value for name, value in os.environ.items() if not _OF_CONNECTIONS.match(name)
    }
    times = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment
    ).stderr
    return sum(int(own) for own in _IMPORTED.findall(times)) / 1_000
