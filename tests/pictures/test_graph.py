"""A workflow as a graph: every step in its layer, in all three forms."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab_facade.pictures.graph import Graph, Node
from datalab_facade.pictures.layout import lay_out
from datalab_facade.pictures.words import cell_width
from tests.pictures import graphs
from tests.pictures.checking import check_html, check_svg

GOLDEN = Path(__file__).parent / "golden"
CASES = [
    ("invoices", 80, ""),
    ("invoices", 40, ""),
    ("wrong", 80, "color"),
    ("harmful", 60, "ascii"),
    ("forty", 70, "ascii"),
    ("empty", 80, ""),
]
_COLOR = re.compile(r"\x1b\[[\d;]+m")

names = st.sampled_from(["a", "b", "c", "d", "e", "f", "<b>", ""])
any_graph = st.dictionaries(
    names, st.tuples(st.text(max_size=5), st.lists(names, max_size=4)), max_size=7
).map(lambda steps: Graph.of("any", steps))


def drawn(name: str, width: int, how: str) -> str:
    graph = graphs.ALL[name]
    return graph.text(width=width, color=how == "color", ascii_only=how == "ascii") + "\n"


def golden(name: str, width: int, how: str) -> Path:
    return GOLDEN / ("-".join(filter(None, ("graph", name, str(width), how))) + ".txt")


@pytest.mark.parametrize(("name", "width", "how"), CASES)
def test_the_text_is_the_one_that_was_looked_at(name: str, width: int, how: str) -> None:
    """Write the texts anew with ``python -m tests.pictures.test_graph``, and look at the diff."""
    assert drawn(name, width, how) == golden(name, width, how).read_text(encoding="utf-8")


@given(any_graph)
def test_every_step_stands_once_after_all_that_it_waits_for(graph: Graph) -> None:
    layers = graph.layers
    placed = [node.name for layer in layers for node in layer]
    assert sorted(placed) == sorted([*(node.name for node in graph.nodes), *graph.missing])
    place = {node.name: number for number, layer in enumerate(layers) for node in layer}
    wrong = [
        (name, node.name)
        for node in graph.nodes
        for name in node.depends_on
        if place[name] >= place[node.name]
    ]
    assert graph.is_circular == bool(wrong)
    if not graph.is_circular:
        for node in graph.nodes:
            before = [place[name] for name in node.depends_on]
            assert place[node.name] == max(before, default=-1) + 1


@settings(max_examples=50)
@given(any_graph, st.integers(0, 200), st.booleans(), st.booleans())
def test_whatever_a_definition_holds_its_pictures_are_sound(
    graph: Graph, width: int, color: bool, ascii_only: bool
) -> None:
    check_svg(graph.svg(width=width * 10))
    check_html(graph.html())
    bare = _COLOR.sub("", graph.text(width=width, color=color, ascii_only=ascii_only))
    for line in bare.split("\n"):
        assert line.isprintable()
        assert cell_width(line) <= max(32, width)
        assert line == line.rstrip(" ")


@given(st.lists(st.lists(st.integers(0, 30), max_size=4), max_size=20))
def test_no_two_boxes_of_a_layer_overlap(after: list[list[int]]) -> None:
    edges = [(a, b) for b, befores in enumerate(after) for a in {x for x in befores if x < b}]
    layers: list[int] = []
    for number in range(len(after)):
        layers.append(max((layers[a] + 1 for a, b in edges if b == number), default=0))
    layout = lay_out(layers, edges, size=50, gap=10)
    for one in layout.nodes:
        assert one.at >= 25 - 1e-6
        assert one.at <= layout.breadth - 25 + 1e-6
        for other in layout.nodes:
            if one is not other and one.layer == other.layer:
                assert abs(one.at - other.at) >= 60 - 1e-6


def test_a_chain_is_drawn_as_a_straight_line() -> None:
    layout = lay_out([0, 1, 2, 3], [(0, 1), (1, 2), (2, 3)], size=50, gap=10)
    assert {slot.at for slot in layout.nodes} == {25}


def test_lines_that_need_not_cross_do_not() -> None:
    layout = lay_out([0, 0, 1, 1], [(0, 3), (1, 2)], size=50, gap=10)
    one, other, below_other, below_one = layout.nodes
    assert (one.at < other.at) == (below_one.at < below_other.at)


@pytest.mark.parametrize("name", graphs.ALL)
def test_the_pictures_of_every_workflow_are_sound(name: str) -> None:
    check_svg(graphs.ALL[name].svg())
    check_svg(graphs.ALL[name]._repr_html_())
    check_html(graphs.ALL[name].html())


def test_the_drawing_goes_right_where_there_is_room_and_down_where_not() -> None:
    def size(**width: Any) -> tuple[float, float]:
        root = check_svg(graphs.INVOICES.svg(**width))
        return float(root.get("width", "0")), float(root.get("height", "0"))

    wide, narrow = size(), size(width=380)
    assert wide[0] > wide[1]
    assert narrow[0] <= 380
    assert narrow[1] > narrow[0]


def test_a_box_tells_all_on_pointing() -> None:
    graph = Graph(
        title="w",
        nodes=[
            Node(name="parse", label="marker_parse", details="max_pages=5"),
            Node(name="b", label="k", depends_on="parse"),
        ],
    )
    titles = [
        found.text for found in check_svg(graph.svg()).iter("{http://www.w3.org/2000/svg}title")
    ]
    assert "parse · marker_parse · max_pages=5" in titles
    assert "b · k · after parse" in titles


def test_what_is_wrong_with_a_definition_is_said_and_marked() -> None:
    graph = graphs.WRONG
    assert graph.missing == ("nowhere",)
    assert graph.is_circular
    for picture in (graph.text(), graph.svg(), graph.html()):
        assert "nowhere" in picture
        assert "no such step" in picture
        assert "some steps wait for each other" in " ".join(picture.split())


def test_the_hostile_words_are_there_as_words() -> None:
    for picture in (graphs.HARMFUL.svg(), graphs.HARMFUL.html()):
        assert "<script" not in picture
        assert "&lt;script&gt;" in picture


def test_a_workflow_of_which_all_depends_on_all_is_drawn_in_time() -> None:
    steps = {f"{n}": ("k", [f"{before}" for before in range(n)]) for n in range(120)}
    graph = Graph.of("dense", steps)
    assert len(graph.layers) == 120
    check_svg(graph.svg())


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for case in CASES:
        golden(*case).write_text(drawn(*case), encoding="utf-8")


def test_a_graph_prints_as_its_text() -> None:
    graph = Graph.of("Invoices", {"parse": ("marker_parse", []), "save": ("", ["parse"])})
    assert str(graph) == graph.text()
