"""Measure everything, and show each goal beside the measured value.

::

    python -m benchmarks                          # all except deferred and mapped: ten minutes
    python -m benchmarks --only call,decoding     # a part
    python -m benchmarks --quick                  # a tiny version, without comparing with goals
    python -m benchmarks --json results.json      # also write all values there

The exit code is 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

import attrs

from benchmarks import (
    decoding,
    deferred,
    document_results,
    documents,
    downloads,
    growth,
    installed,
    many,
    mapped,
    one_call,
    one_execution,
    outputs_small,
    runs,
    soak,
    sockets,
    where,
)
from benchmarks.measuring import Section, goals, table

_VERSIONS = (
    "datalab-facade",
    "datalab-python-sdk",
    "httpx",
    "httpcore",
    "anyio",
    "aiohttp",
)


@attrs.frozen
class Benchmark:
    """Something that can be measured by itself."""

    full: Callable[[], Iterator[Section]]
    quick: Callable[[], Iterator[Section]]
    alone: bool = True
    """Whether it times anything, so that nothing else may run meanwhile."""
    by_name_only: bool = False
    """Whether it is measured only when named, since it takes an environment of its own."""


_Scale = TypeVar("_Scale")


def _benchmark(
    measure: Callable[[_Scale], Iterator[Section]],
    full: _Scale,
    quick: _Scale,
    *,
    alone: bool = True,
    by_name_only: bool = False,
) -> Benchmark:
    return Benchmark(partial(measure, full), partial(measure, quick), alone, by_name_only)


BENCHMARKS: Mapping[str, Benchmark] = {
    "execution": _benchmark(
        one_execution.measure, one_execution.FULL, one_execution.QUICK, alone=False
    ),
    "many": _benchmark(many.measure, many.FULL, many.QUICK, alone=False),
    # It takes more than a minute, and counts where others time.
    "limited": _benchmark(
        sockets.limited, attrs.evolve(sockets.FULL, repeats=1), sockets.QUICK, alone=False
    ),
    "deferred": _benchmark(
        deferred.measure, deferred.FULL, deferred.QUICK, alone=False, by_name_only=True
    ),
    "soak": _benchmark(soak.measure, soak.FULL, soak.QUICK, alone=False),
    "install": _benchmark(installed.measure, installed.FULL, installed.QUICK),
    "call": _benchmark(one_call.measure, one_call.FULL, one_call.QUICK),
    "decoding": _benchmark(decoding.measure, decoding.FULL, decoding.QUICK),
    "outputs": _benchmark(outputs_small.measure, outputs_small.FULL, outputs_small.QUICK),
    "documents": _benchmark(documents.measure, documents.FULL, documents.QUICK),
    "results": _benchmark(document_results.measure, document_results.FULL, document_results.QUICK),
    "downloads": _benchmark(downloads.measure, downloads.FULL, downloads.QUICK),
    "runs": _benchmark(runs.measure, runs.FULL, runs.QUICK),
    "growth": _benchmark(growth.measure, growth.FULL, growth.QUICK),
    "mapped": _benchmark(mapped.measure, mapped.FULL, mapped.QUICK, by_name_only=True),
    "load": _benchmark(sockets.load, sockets.FULL, sockets.QUICK),
    # Memory hardly differs from one time to the next, and it takes a minute each.
    "parked": _benchmark(sockets.parked, attrs.evolve(sockets.FULL, repeats=1), sockets.QUICK),
    "where": _benchmark(where.measure, where.FULL, where.QUICK),
}
"""By name, in the order of the report."""


def measured(names: Sequence[str], *, quick: bool) -> Iterator[tuple[str, list[Section]]]:
    """Measure these; give the name and the sections of each."""

    def measure(name: str) -> list[Section]:
        began = time.monotonic()
        benchmark = BENCHMARKS[name]
        sections = list((benchmark.quick if quick else benchmark.full)())
        sys.stderr.write(f"{name}: {time.monotonic() - began:.0f} s\n")
        return sections

    together = [name for name in names if not BENCHMARKS[name].alone]
    with ThreadPoolExecutor(max(1, len(together))) as pool:
        yield from zip(together, pool.map(measure, together), strict=True)
    for name in names:
        if BENCHMARKS[name].alone:
            yield name, measure(name)


def main(given: Sequence[str] | None = None) -> int:
    """Measure, show, and tell whether all goals were reached."""
    arguments = read_arguments(given)
    judged = not arguments.quick
    circumstances = _circumstances()
    print(_heading(circumstances))
    began = time.monotonic()
    sections: dict[str, list[Section]] = {}
    for name, found in measured(arguments.only, quick=arguments.quick):
        sections[name] = found
        for section in found:
            print(f"\n{table(section, judged=judged)}", flush=True)
    circumstances["seconds"] = time.monotonic() - began
    circumstances["load_average_after"] = os.getloadavg()[0]
    everything = [section for found in sections.values() for section in found]
    print(f"\n\n{goals(everything, judged=judged)}\n\n{_ending(circumstances)}")
    if arguments.json:
        report = {
            "circumstances": circumstances,
            "judged": judged,
            "benchmarks": {
                name: [section.to_dict() for section in found] for name, found in sections.items()
            },
        }
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return int(judged and not all(section.met for section in everything))


def read_arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; it ends the program if it makes no sense."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="a tiny version, without goals")
    parser.add_argument("--only", metavar="NAME,...", help=f"some of: {', '.join(BENCHMARKS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all values there")
    arguments = parser.parse_args(given)
    usual = [name for name, benchmark in BENCHMARKS.items() if not benchmark.by_name_only]
    wanted = arguments.only.split(",") if arguments.only else usual
    unknown = set(wanted) - BENCHMARKS.keys()
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    arguments.only = [name for name in BENCHMARKS if name in wanted]
    return arguments


def _circumstances() -> dict[str, object]:
    versions: dict[str, object] = {}
    for name in _VERSIONS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "versions": versions,
    }


def _heading(circumstances: Mapping[str, object]) -> str:
    versions = circumstances["versions"]
    assert isinstance(versions, dict)
    known = ", ".join(f"{name} {number}" for name, number in versions.items() if number)
    return (
        f"Python {circumstances['python']}, {known}\n"
        f"{circumstances['cores']} cores, load average {circumstances['load_average']:.2f} before"
    )


def _ending(circumstances: Mapping[str, object]) -> str:
    return (
        f"{circumstances['seconds']:.0f} s; load average {circumstances['load_average']:.2f} "
        f"before, {circumstances['load_average_after']:.2f} after. What else ran on the machine "
        "makes times longer, and\nratios less reliable: compare min and max."
    )


if __name__ == "__main__":
    sys.exit(main())
