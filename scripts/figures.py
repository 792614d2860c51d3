"""Write the measured figures into README.md and docs/, from benchmarks/results.json.

::

    python scripts/figures.py                   # write them
    python scripts/figures.py --check           # tell whether they are what would be written
    python scripts/figures.py bench.json        # before that, take over what was measured there

``bench.json`` is what ``make bench BENCH="--json bench.json"`` writes. A part of the benchmarks
replaces the results of these benchmarks only, so several runs may fill ``results.json`` together.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from specs.problems import ScriptError

_ROOT = Path(__file__).resolve().parents[1]
RESULTS: Final = Path("benchmarks") / "results.json"
GOALS_PAGE: Final = Path("docs") / "benchmarks.md"

_SHORT, _LONG = "An execution of 30 s", "An execution of 2 h"
_OURS, _THEIRS = "ours", "datalab-python-sdk"

_POLLS, _DELAY = "requests", "seconds from end to detection"
_AT_FIRST, _AGAIN = "nothing known of it", "its workflow has run once"
_CONVERSION = "requests after the submission, nothing known of it"
_FLOOR = "time, as a multiple of only files and only requests, answered at once"
_AT_ONCE = "5,000 executions waited for at once, without a rate limit"
_CPU, _AS_COMPLETED = "CPU for a request, as a multiple of", "async, one as_completed, transport="

FIGURES: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "polls-2h": ("execution", _LONG, f"{_POLLS}, {_AT_FIRST}", _OURS),
    "polls-2h-official": ("execution", _LONG, f"{_POLLS}, {_AT_FIRST}", f"{_THEIRS}, every 5 s"),
    "delay-2h": ("execution", _LONG, f"{_DELAY}, {_AT_FIRST}", _OURS),
    "delay-2h-official": ("execution", _LONG, f"{_DELAY}, {_AT_FIRST}", f"{_THEIRS}, every 5 s"),
    "polls-30s": ("execution", _SHORT, f"{_POLLS}, {_AGAIN}", _OURS),
    "polls-30s-official": ("execution", _SHORT, f"{_POLLS}, {_AT_FIRST}", f"{_THEIRS}, every 1 s"),
    "delay-30s": ("execution", _SHORT, f"{_DELAY}, {_AGAIN}", _OURS),
    "delay-30s-official": ("execution", _SHORT, f"{_DELAY}, {_AT_FIRST}", f"{_THEIRS}, every 1 s"),
    "polls-conversion-3s": ("documents", "A conversion of 3 s", _CONVERSION, _OURS),
    "polls-conversion-60s": ("documents", "A conversion of 60 s", _CONVERSION, _OURS),
    "distributions": ("install", "A default install", "distributions", _OURS),
    "small-outputs": ("outputs", "Small outputs", _FLOOR, f"{_OURS}, blocking"),
    "small-outputs-async": ("outputs", "Small outputs", _FLOOR, f"{_OURS}, async"),
    "aiohttp-waits": ("load", _AT_ONCE, f"{_CPU} plain aiohttp", f'{_AS_COMPLETED}"aiohttp"'),
    "distributions-official": ("install", "A default install", "distributions", _THEIRS),
}
"""The figures that pages quote: the benchmark, the section, the quantity and the side of each.

A page marks a figure with a comment behind it: ``176<!-- figure polls-2h -->``.
"""

_FIGURE = re.compile(r"(?P<number>[\d,.]*\d)?<!-- figure (?P<name>[\w-]+) -->")
_GOALS = re.compile(r"(?<=<!-- goals -->\n).*?(?=<!-- end of goals -->\n)", re.DOTALL)


def read_results(root: Path = _ROOT) -> dict[str, Any]:
    """Read ``results.json``; a `ScriptError` if it cannot be read."""
    return _read(root / RESULTS)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScriptError(f"cannot read {path.name}: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("benchmarks"), dict):
        raise ScriptError(f"{path.name} is not a report of make bench")
    return found


def merged(known: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, Any]:
    """Take over from a report of ``make bench`` the medians of everything that has a goal.

    Raises:
        ScriptError: It is the report of a quick run, whose numbers mean nothing.
    """
    if not report.get("judged"):
        raise ScriptError("the report is of a --quick run, whose figures mean nothing")
    circumstances = report["circumstances"]
    benchmarks = dict(known["benchmarks"])
    for name, sections in report["benchmarks"].items():
        if missing := [one for section in sections for one in section["unmeasured"]]:
            raise ScriptError(f"{name} was not measured completely: {missing[0]}")
        benchmarks[name] = {
            "python": circumstances["python"],
            "versions": {key: one for key, one in circumstances["versions"].items() if one},
            "sections": [
                {"title": section["title"], "quantities": quantities}
                for section in sections
                if (quantities := [*_with_goals(section)])
            ],
        }
    return {"benchmarks": dict(sorted(benchmarks.items()))}


def _with_goals(section: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for quantity in section["quantities"]:
        if quantity["goal"] is not None:
            yield {
                "what": quantity["what"],
                "goal": quantity["goal"],
                "sides": {
                    side: {"median": float(f"{one['median']:.4g}"), "met": one["met"]}
                    for side, one in quantity["sides"].items()
                },
            }


def quoted(results: Mapping[str, Any], name: str) -> str:
    """Give a figure as a page quotes it: whole numbers as they are, others with two digits.

    Raises:
        ScriptError: It has no such name, or was not measured.
    """
    try:
        benchmark, title, what, side = FIGURES[name]
    except KeyError:
        raise ScriptError(f"there is no figure {name}; add it to FIGURES") from None
    for section in results["benchmarks"].get(benchmark, {}).get("sections", ()):
        for quantity in section["quantities"]:
            if (section["title"], quantity["what"]) == (title, what) and side in quantity["sides"]:
                return _written(quantity["sides"][side]["median"], 2)
    raise ScriptError(
        f"{RESULTS} has no figure {name}; measure it: "
        f'make bench BENCH="--only {benchmark} --json bench.json"'
    )


def _written(value: float, digits: int = 3) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:.{digits}g}"


def goals_table(results: Mapping[str, Any]) -> str:
    """Give the table of all goals and the values that were reached."""
    lines = ["", "| `--only` | measured | goal | reached |", "| --- | --- | --- | --- |"]
    for benchmark, found in results["benchmarks"].items():
        for section in found["sections"]:
            for quantity in section["quantities"]:
                for side, one in quantity["sides"].items():
                    if one["met"] is None:
                        continue
                    which = "" if side == _OURS else f" ({side})"
                    missed = "" if one["met"] else ", **missed**"
                    lines.append(
                        f"| `{benchmark}` | {section['title']}: {quantity['what']}{which} "
                        f"| {_goal(quantity['goal'])} | {_written(one['median'])}{missed} |"
                    )
    return "\n".join([*lines, "", ""])


def _goal(goal: Mapping[str, Any]) -> str:
    bounds = {"at most": goal["at_most"], "at least": goal["at_least"]}
    words = [f"{word} {_written(bound)}" for word, bound in bounds.items() if bound is not None]
    return " and ".join(words) + (" each time" if goal["each"] else "")


def pages(root: Path = _ROOT) -> Iterator[tuple[Path, str, str]]:
    """Yield each page that quotes something: its path, its text, and the text it should have.

    Raises:
        ScriptError: A page quotes what is not known, or a figure is quoted nowhere.
    """
    results, names = read_results(root), set[str]()

    def figure(found: re.Match[str]) -> str:
        names.add(found["name"])
        return f"{quoted(results, found['name'])}<!-- figure {found['name']} -->"

    for path in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        new = _FIGURE.sub(figure, text)
        if path == root / GOALS_PAGE:
            new = _GOALS.sub(lambda _: goals_table(results), new)
        if new != text or _FIGURE.search(text):
            yield path, text, new
    if unused := FIGURES.keys() - names:
        raise ScriptError(f"no page quotes {', '.join(sorted(unused))}; remove it from FIGURES")


def main(arguments: list[str], root: Path = _ROOT) -> int:
    """Write the figures, or with ``--check`` fail if a page has others."""
    if len(arguments) > 1 or any(one.startswith("-") and one != "--check" for one in arguments):
        print(__doc__)
        return 2
    try:
        if arguments and arguments != ["--check"]:
            known = read_results(root) if (root / RESULTS).exists() else {"benchmarks": {}}
            text = json.dumps(merged(known, _read(Path(arguments[0]))), indent=1)
            _ = (root / RESULTS).write_text(text + "\n", encoding="utf-8")
        outdated = [(path, new) for path, text, new in pages(root) if new != text]
        if arguments == ["--check"]:
            for path, _ in outdated:
                where = path.relative_to(root)
                print(
                    f"{where} has other figures than {RESULTS}; run: make figures", file=sys.stderr
                )
            return int(bool(outdated))
        for path, new in outdated:
            _ = path.write_text(new, encoding="utf-8")
    except (ScriptError, OSError) as error:
        print(f"figures: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
