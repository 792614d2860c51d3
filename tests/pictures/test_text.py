"""A timeline in a terminal: what stands there, to the letter."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import Execution, InvalidArgumentError, Status
from datalab_facade.pictures.graph import Graph
from datalab_facade.pictures.terminal import RED, Terminal
from datalab_facade.pictures.words import cell_width, clip, sanitize, wrap
from tests.pictures import scenes
from tests.pictures.strategies import executions

GOLDEN = Path(__file__).parent / "golden"
_COLOR = re.compile(r"\x1b\[[\d;]+m")

CASES = [
    *(("invoices", width, "") for width in (40, 80, 120)),
    ("five_hundred_files", 80, ""),
    ("failed", 80, ""),
    ("failed", 40, "ascii"),
    ("failed", 80, "color"),
    ("running", 80, ""),
    ("running", 60, "ascii"),
    ("forty_steps", 80, ""),
    ("hostile", 60, ""),
    ("hostile", 60, "ascii"),
    ("one_step", 40, ""),
    ("without_times", 80, ""),
    ("empty", 80, ""),
]


def drawn(scene: str, width: int, how: str) -> str:
    timeline = scenes.ALL[scene]().timeline()
    return timeline.text(width=width, color=how == "color", ascii_only=how == "ascii") + "\n"


def golden(scene: str, width: int, how: str) -> Path:
    return GOLDEN / ("-".join(filter(None, (scene, str(width), how))) + ".txt")


@pytest.mark.parametrize(("scene", "width", "how"), CASES)
def test_the_text_is_the_one_that_was_looked_at(scene: str, width: int, how: str) -> None:
    """Write the texts anew with ``python -m tests.pictures.test_text``, and look at the diff."""
    assert drawn(scene, width, how) == golden(scene, width, how).read_text(encoding="utf-8")


@pytest.mark.parametrize("wrong", ["80", None, math.nan, math.inf, True])
def test_a_width_is_a_number(wrong: Any) -> None:
    timeline = Execution(id=1, status=Status.COMPLETED).timeline()
    graph = Graph.of("Ours", {"parse": ("", [])})
    for draw in (timeline.text, timeline.svg, graph.text, graph.svg):
        with pytest.raises(InvalidArgumentError, match="width must be a finite number, not "):
            draw(width=wrong)


@given(executions(), st.integers(-1, 200), st.booleans(), st.booleans())
def test_no_line_is_wider_than_the_terminal_and_none_commands_it(
    told: Execution, width: int, color: bool, ascii_only: bool
) -> None:
    text = told.timeline().text(width=width, color=color, ascii_only=ascii_only)
    bare = _COLOR.sub("", text)
    assert color or bare == text
    for line in bare.split("\n"):
        assert line.isprintable()
        assert cell_width(line) <= max(32, width)
        assert line == line.rstrip(" ")
    if ascii_only:
        assert bare.isascii()


def test_the_width_asked_for_is_used() -> None:
    for width in (60, 100, 160):
        lines = scenes.invoices().timeline().text(width=width).split("\n")
        assert max(map(cell_width, lines)) in range(width - 8, width + 1)


def test_a_timeline_prints_itself() -> None:
    timeline = scenes.one_step().timeline()
    assert str(timeline) == timeline.text(width=80)


@given(st.text(), st.integers(1, 30))
def test_words_are_clipped_and_wrapped_to_the_columns_that_they_take(text: str, width: int) -> None:
    name = sanitize(text)
    assert name
    assert cell_width(clip(name, width)) <= width
    assert all(cell_width(line) <= max(2, width) for line in wrap(name, max(2, width), most=3))


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for case in CASES:
        golden(*case).write_text(drawn(*case), encoding="utf-8")


def test_a_word_wider_than_the_line_has_a_line_of_its_own() -> None:
    assert wrap("a", 1, most=3) == ["a"]
    assert wrap("請求書", 1, most=9)[0]


def test_a_text_of_which_only_the_ellipsis_is_too_wide_is_cut_to_nothing() -> None:
    assert clip("parse", 0) == ""
    assert cell_width(clip("請求書", 1)) <= 1


def test_a_line_of_nothing_is_empty() -> None:
    assert Terminal(80, color=True, ascii_only=False).columns([("  ", RED), (" ", "")]) == ""
