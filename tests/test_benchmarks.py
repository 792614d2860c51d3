"""The benchmarks run, and tell what they found; how fast is not judged here."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from benchmarks import deferred, installed, mapped
from benchmarks.__main__ import BENCHMARKS, main, read_arguments
from benchmarks.measuring import Goal, Quantity, Section, goals, table
from tests.warm import warm

# One fetches packages, the others need some that may not be there; below they are asked
# to do so where they cannot.
_WITHOUT_INDEX = [name for name in BENCHMARKS if name not in {"install", "deferred", "mapped"}]

_ASKED = "requests, nothing known of it"
_REFUSED = "refused with 429"

# What is counted and not timed is the same on every machine.
_COUNTED: dict[str, dict[tuple[str, str], Collection[int]]] = {
    "execution": {
        (_ASKED, "ours"): range(1, 14),
        (_ASKED, "datalab-python-sdk, every 1 s"): {32},
        (_ASKED, "bare generated client, a loop of 1 s"): {32},
    },
    "many": {
        (_REFUSED, "ours, fair rounds"): {0},
        (_REFUSED, "ours, learning"): {0},
    },
    "soak": {
        ("errors that reached the caller", "ours"): {0},
        ("outcomes or outputs that are missing", "ours"): {0},
    },
}


def _values(section: dict[str, Any]) -> dict[tuple[str, str], list[float]]:
    return {
        (quantity["what"], side): figures["values"]
        for quantity in section["quantities"]
        for side, figures in quantity["sides"].items()
    }


@pytest.fixture
def warm_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork the processes of benchmarks from one that has imported the package.

    There are dozens of them, and most of what they do is to import it.
    """
    python = tmp_path / "python"
    # It is called as `python -m MODULE ARGUMENTS`.
    python.write_text(f'#!/bin/sh\nshift\nexec {shlex.join(warm())} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    # Datalab's own client has some.
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")


@pytest.mark.parametrize("name", _WITHOUT_INDEX)
@pytest.mark.timeout(240)
@pytest.mark.usefixtures("warm_python")
def test_a_benchmark_runs_shows_a_table_and_writes_json(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    assert main(["--quick", "--only", name, "--json", str(path)]) == 0
    told = json.loads(path.read_text(encoding="utf-8"))
    assert told["judged"] is False
    assert list(told["benchmarks"]) == [name]
    shown = capsys.readouterr().out
    for section in told["benchmarks"][name]:
        assert all(_values(section).values())
        assert section["unmeasured"] == []
        assert f"\n{section['title']}\n=====" in shown
    assert "MISSED" not in shown
    counted = _values(told["benchmarks"][name][0])
    for (what, side), allowed in _COUNTED.get(name, {}).items():
        assert set(counted[what, side]) <= set(allowed), (what, side)


@pytest.mark.timeout(240)
def test_without_a_package_index_the_report_says_what_was_not_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    for section in installed.measure(installed.QUICK):
        assert section.quantities == []
        assert len(section.unmeasured) == 2
        assert "NOT MEASURED: ours could not be installed: ERROR" in table(section, judged=True)


def test_without_airflow_the_report_says_what_was_not_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deferred, "python_with_airflow", lambda: None)
    [section] = deferred.measure(deferred.QUICK)
    assert section.quantities == []
    assert "NOT MEASURED: ours: Apache Airflow is not installed" in table(section, judged=True)


def test_without_dask_the_report_says_what_was_not_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mapped, "python_with_dask", lambda: None)
    [section] = mapped.measure(mapped.QUICK)
    assert section.quantities == []
    assert "NOT MEASURED: ours: distributed is not installed" in table(section, judged=True)


def test_a_goal_is_missed_by_the_median_or_by_any_repeat() -> None:
    values = [0.0, 0.0, 9.0]
    assert Goal(1).met(values)
    assert not Goal(1, each=True).met(values)
    assert not Goal(at_least=1).met(values)
    assert Goal(at_least=0, each=True).met(values)


def test_goal_and_reached_stand_side_by_side_and_others_are_not_judged() -> None:
    quantity = Quantity("times", {"ours": [1.0, 2.0, 3.0]}, Goal(1.5), {"theirs": [9.0]})
    section = Section("Title", [], [quantity], ["another side: it is not installed"])
    title, what, ours, unmeasured = goals([section], judged=True).splitlines()[2:]
    assert title == "Title"
    assert what.split() == ["times"]
    assert ours.split() == ["ours", "at", "most", "1.50", "2", "1", "3", "MISSED"]
    assert unmeasured == "  NOT MEASURED: another side: it is not installed"
    assert not section.met
    assert "theirs" in table(section, judged=True)
    assert "theirs" not in goals([section], judged=True)


def test_a_name_that_is_no_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "calls"])
    assert "no such benchmark: calls" in capsys.readouterr().err


def test_the_page_names_all_benchmarks_and_its_commands_can_be_given() -> None:
    page = Path(__file__).parents[1].joinpath("docs", "benchmarks.md").read_text(encoding="utf-8")
    _, _, listed = page.partition("## What is measured")
    listed, _, _ = listed.partition("## How to read it")
    assert re.findall(r"^\| `(\w+)` \|", listed, flags=re.MULTILINE) == list(BENCHMARKS)
    commands = re.findall(r'`make bench BENCH="([^"]*)"`', page)
    assert [bool(read_arguments(shlex.split(command)).only) for command in commands] == [True] * 4


def test_what_takes_an_environment_of_its_own_is_measured_only_when_it_is_named() -> None:
    assert set(BENCHMARKS) - set(read_arguments([]).only) == {"deferred", "mapped"}
    assert read_arguments(["--only", "mapped"]).only == ["mapped"]
