"""Measured figures on pages are those of the committed results."""

import json
from pathlib import Path
from typing import Any

import figures
import pytest
from specs.problems import ScriptError

from benchmarks.__main__ import BENCHMARKS
from benchmarks.measuring import Goal, Quantity, Section

POLLS = "requests, nothing known of it"


def report(polls: float, *, judged: bool = True, unmeasured: tuple[str, ...] = ()) -> Any:
    goal = Goal(200)
    quantities = [
        Quantity(POLLS, {"ours": [polls]}, goal, {"datalab-python-sdk, every 5 s": [1442.0]}),
        Quantity("multiple", {"blocking": [1.149]}, Goal(1.15)),
        Quantity("ms", {"ours": [3.0]}),
    ]
    sections = [Section("An execution of 2 h", [], quantities, unmeasured).to_dict()]
    circumstances = {"python": "3.11.9", "versions": {"httpx": "0.28.1", "aiohttp": None}}
    return {
        "circumstances": circumstances,
        "judged": judged,
        "benchmarks": {"execution": sections},
    }


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    both = {name: figures.FIGURES[name] for name in ("polls-2h", "polls-2h-official")}
    monkeypatch.setattr(figures, "FIGURES", both)
    (tmp_path / "docs").mkdir()
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "README.md").write_text(
        "| 9<!-- figure polls-2h --> | 9<!-- figure polls-2h-official --> |\n"
    )
    (tmp_path / "docs" / "benchmarks.md").write_text(
        "<!-- goals -->\nold\n<!-- end of goals -->\nmore\n"
    )
    measured = tmp_path / "bench.json"
    measured.write_text(json.dumps(report(176)))
    assert figures.main([str(measured)], tmp_path) == 0
    return tmp_path


def test_a_report_is_taken_over_and_its_figures_are_written(tree: Path) -> None:
    assert (tree / "README.md").read_text() == (
        "| 176<!-- figure polls-2h --> | 1,442<!-- figure polls-2h-official --> |\n"
    )
    page = (tree / "docs" / "benchmarks.md").read_text()
    assert f"| `execution` | An execution of 2 h: {POLLS} | at most 200 | 176 |\n" in page
    assert "multiple (blocking) | at most 1.15 | 1.15 |\n" in page
    assert "ms" not in page
    assert "old" not in page
    assert page.endswith("<!-- end of goals -->\nmore\n")
    assert figures.main(["--check"], tree) == 0


@pytest.mark.parametrize("page", ["README.md", "docs/benchmarks.md"])
def test_check_fails_where_a_page_has_other_figures(
    page: str, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (tree / page).read_text()
    (tree / page).write_text(text.replace("176", "175"))
    assert figures.main(["--check"], tree) == 1
    assert f"{page} has other figures than benchmarks/results.json" in capsys.readouterr().err
    assert figures.main([], tree) == 0
    assert (tree / page).read_text() == text


def test_a_missed_goal_is_called_so() -> None:
    table = figures.goals_table(figures.merged({"benchmarks": {}}, report(201)))
    assert "| at most 200 | 201, **missed** |" in table


def test_a_part_of_the_benchmarks_replaces_only_its_own() -> None:
    known = {"benchmarks": {"soak": "kept", "execution": "replaced"}}
    found = figures.merged(known, report(176))["benchmarks"]
    assert found["soak"] == "kept"
    assert found["execution"]["versions"] == {"httpx": "0.28.1"}


@pytest.mark.parametrize(
    "useless", [report(176, judged=False), report(176, unmeasured=("theirs: not installed",))]
)
def test_what_means_nothing_is_not_taken_over(useless: Any) -> None:
    with pytest.raises(ScriptError, match=r"quick run|not measured completely: theirs"):
        figures.merged({"benchmarks": {}}, useless)


def test_a_figure_that_is_not_known_or_is_nowhere_is_an_error(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "README.md").write_text("9<!-- figure polls-2h -->")
    assert figures.main(["--check"], tree) == 1
    assert "no page quotes polls-2h-official" in capsys.readouterr().err
    (tree / "README.md").write_text("9<!-- figure of-nothing -->")
    assert figures.main(["--check"], tree) == 1
    assert "there is no figure of-nothing" in capsys.readouterr().err
    (tree / "benchmarks" / "results.json").write_text('{"benchmarks": {}}')
    (tree / "README.md").write_text("9<!-- figure polls-2h -->")
    assert figures.main(["--check"], tree) == 1
    assert 'make bench BENCH="--only execution' in capsys.readouterr().err


def test_the_committed_results_are_of_benchmarks_that_there_are() -> None:
    assert figures.read_results()["benchmarks"].keys() <= BENCHMARKS.keys()
