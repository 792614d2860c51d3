"""A workflow as SVG: boxes in layers, and a line for each dependency."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import attrs

from datalab_facade.pictures.layout import Layout, Slot, lay_out
from datalab_facade.pictures.markup import (
    Element,
    as_xml,
    element,
    fit_text,
    key_of,
    number,
    picture_style,
    svg,
    text_width,
)
from datalab_facade.pictures.words import checked_width, sanitize

if TYPE_CHECKING:
    from datalab_facade.pictures.graph import Graph, Node

_MARGIN: Final = 24.0
_HEAD: Final = 76.0
_HIGH: Final = 50.0
_LEAST_BOX: Final = 96.0
_ARROW: Final = 7.0


@attrs.frozen
class _Style:
    """The measures of one direction."""

    runs_down: bool
    wide: float
    """The width of a box."""
    step: float
    """From the start of one layer to the start of the next."""
    gap: float
    """Between the boxes of a layer."""

    @property
    def size(self) -> float:
        return self.wide if self.runs_down else _HIGH

    @property
    def depth(self) -> float:
        return _HIGH if self.runs_down else self.wide


def graph_svg(graph: Graph, width: float) -> str:
    """Draw the graph: to the right if it fits into the width, else down."""
    return as_xml(graph_drawing(graph, checked_width(width, 0)))


def graph_drawing(graph: Graph, width: float, *, headed: bool = True) -> Element:
    """Draw the graph as an element; without its head it has no background either."""
    layers = graph.layers
    nodes = [node for layer in layers for node in layer]
    number_of = {node.name: n for n, node in enumerate(nodes)}
    layer_of = [n for n, layer in enumerate(layers) for _ in layer]
    edges = [
        (number_of[name], number_of[node.name])
        for node in nodes
        for name in dict.fromkeys(node.depends_on)
    ]
    wide = _box_width(nodes)
    room = width - 2 * _MARGIN
    right = _Style(runs_down=False, wide=wide, step=wide + 64, gap=18)
    most = max(map(len, layers), default=1)
    fits = max(_LEAST_BOX, (room - (most - 1) * 12) / most)
    down = _Style(runs_down=True, wide=min(wide, fits), step=_HIGH + 46, gap=12)
    style = right if len(layers) * right.step - 64 <= room else down
    layout = lay_out(layer_of, edges, size=style.size, gap=style.gap)
    return _draw(graph, nodes, layout, style, width=width, headed=headed)


def _box_width(nodes: list[Node]) -> float:
    longest = max(
        (
            max(text_width(sanitize(n.name), 13.5, bold=True), text_width(sanitize(n.label), 12))
            for n in nodes
        ),
        default=0.0,
    )
    return min(220.0, max(120.0, longest + 32))


def _draw(
    graph: Graph,
    nodes: list[Node],
    layout: Layout,
    style: _Style,
    *,
    width: float,
    headed: bool,
) -> Element:
    layers = 1 + max((slot.layer for slot in layout.nodes), default=-1)
    along = max(0.0, layers * style.step - (style.step - style.depth))
    # Lines that lead back go around the boxes.
    around = max(map(_back, layout.lines), default=0.0)
    across = layout.breadth + around
    inner = (across, along) if style.runs_down else (along, across)
    title, top = sanitize(graph.title), _HEAD if headed else _MARGIN
    total = inner[0] + 2 * _MARGIN
    if headed:
        words = max(text_width(title, 19, bold=True), text_width(graph.summary, 13))
        total = max(total, min(words + 2 * _MARGIN, max(width, 240.0)))
    height = top + inner[1] + _MARGIN - (0 if nodes else 32)
    key = key_of(graph, width, headed)
    root = svg(total, height, title=title, description=_description(graph, nodes), key=key)
    room = total - 2 * _MARGIN
    if headed:
        element(root, "style", picture_style())
        element(root, "rect", class_="card", width=total, height=height, rx=10)
        heading = fit_text(title, room, 19, bold=True)
        element(root, "text", heading, x=_MARGIN, y=40, font_size=19, font_weight=650)
        summary = fit_text(graph.summary, room, 13)
        element(root, "text", summary, class_="mute", x=_MARGIN, y=61, font_size=13)
    left = _MARGIN + (max(0.0, (room - inner[0]) / 2) if style.runs_down else 0.0)
    drawing = _Drawing(layout, style, left, top)
    lines = element(root, "g")
    for line in layout.lines:
        drawing.line(lines, line, nodes)
    for node, slot in zip(nodes, layout.nodes, strict=True):
        drawing.box(root, node, slot)
    return root


def _description(graph: Graph, nodes: list[Node]) -> str:
    return ". ".join([graph.summary, *(node.tooltip for node in nodes[:100])])


def _back(line: list[Slot]) -> float:
    """Return how far a line swings out if it leads back or to itself; 0 for any other."""
    layers = line[0].layer - line[-1].layer
    return 0.0 if layers < 0 else 36.0 + 8 * layers


@attrs.frozen
class _Drawing:
    layout: Layout
    style: _Style
    left: float
    top: float

    def box(self, root: Element, node: Node, slot: Slot) -> None:
        x, y = self._corner(slot)
        group = element(root, "g")
        element(group, "title", node.tooltip)
        box = element(
            group, "rect", class_="box", x=x, y=y, width=self.style.wide, height=_HIGH, rx=8
        )
        box.set("stroke-width", "1.5")
        if node.is_missing:
            box.set("class", "box lost")
            box.set("stroke-dasharray", "5 4")
        label = "no such step" if node.is_missing else sanitize(node.label) if node.label else ""
        middle = x + self.style.wide / 2
        room = self.style.wide - 20
        element(
            group,
            "text",
            fit_text(sanitize(node.name), room, 13.5, bold=True),
            x=middle,
            y=y + (22 if label else 30),
            font_size=13.5,
            font_weight=600,
            text_anchor="middle",
        )
        if label:
            element(
                group,
                "text",
                fit_text(label, room, 12),
                class_="fail" if node.is_missing else "mute",
                x=middle,
                y=y + 39,
                font_size=12,
                text_anchor="middle",
            )

    def line(self, lines: Element, line: list[Slot], nodes: list[Node]) -> None:
        first, last = line[0], line[-1]
        assert first.node is not None
        is_wrong = first.layer >= last.layer or nodes[first.node].is_missing
        style = "edge lost" if is_wrong else "edge"
        around = _back(line)
        path = self._around(line, around) if around else self._path(line)
        stroke = element(lines, "path", class_=style, d=path, stroke_width=1.7)
        if is_wrong:
            stroke.set("stroke-dasharray", "5 4")
        x, y = self._outside(last, 10) if around else self._entry(last)
        # The tip points down or right; after a detour it points into the side of a box.
        if self.style.runs_down:
            tip = f"l{number(_ARROW)} -4v8z" if around else f"l-4 -{number(_ARROW)}h8z"
        else:
            tip = f"l-4 {number(_ARROW)}h8z" if around else f"l-{number(_ARROW)} -4v8z"
        style = "fail" if is_wrong else "head"
        element(lines, "path", class_=style, d=f"M{number(x)} {number(y)}{tip}")

    def _around(self, line: list[Slot], depth: float) -> str:
        """Draw a line back to an earlier box, or to the box itself, around the others."""
        x0, y0 = self._outside(line[0], -10)
        x1, y1 = self._outside(line[-1], 10)
        edge = self.layout.breadth + (self.left if self.style.runs_down else self.top)
        # A Bezier curve reaches three quarters of the way to its control points.
        pull = edge + depth * 1.15
        if self.style.runs_down:
            curve = ((pull, y0), (pull, y1), (x1 + _ARROW, y1))
        else:
            curve = ((x0, pull), (x1, pull), (x1, y1 + _ARROW))
        return f"M{number(x0)} {number(y0)}C" + _points(curve)

    def _outside(self, slot: Slot, aside: float) -> tuple[float, float]:
        x, y = self._corner(slot)
        if self.style.runs_down:
            return x + self.style.wide, y + _HIGH / 2 + aside
        return x + self.style.wide / 2 + aside, y + _HIGH

    def _path(self, line: list[Slot]) -> str:
        x, y = self._exit(line[0])
        path = [f"M{number(x)} {number(y)}"]
        for before, slot in pairwise(line):
            start, end = self._exit(before), self._entry(slot)
            if slot is line[-1]:
                end = (
                    (end[0], end[1] - _ARROW) if self.style.runs_down else (end[0] - _ARROW, end[1])
                )
            path.append(self._curve(start, end))
            if slot is not line[-1]:
                x, y = self._exit(slot)
                path.append(f"L{number(x)} {number(y)}")
        return "".join(path)

    def _curve(self, start: tuple[float, float], end: tuple[float, float]) -> str:
        (x0, y0), (x1, y1) = start, end
        if self.style.runs_down:
            bend = max(24.0, abs(y1 - y0) / 2)
            points = ((x0, y0 + bend), (x1, y1 - bend), end)
        else:
            bend = max(24.0, abs(x1 - x0) / 2)
            points = ((x0 + bend, y0), (x1 - bend, y1), end)
        return "C" + _points(points)

    def _corner(self, slot: Slot) -> tuple[float, float]:
        along, across = slot.layer * self.style.step, slot.at - self.style.size / 2
        if self.style.runs_down:
            return self.left + across, self.top + along
        return self.left + along, self.top + across

    def _entry(self, slot: Slot) -> tuple[float, float]:
        along = slot.layer * self.style.step
        if self.style.runs_down:
            return self.left + slot.at, self.top + along
        return self.left + along, self.top + slot.at

    def _exit(self, slot: Slot) -> tuple[float, float]:
        x, y = self._entry(slot)
        return (x, y + self.style.depth) if self.style.runs_down else (x + self.style.depth, y)


def _points(points: tuple[tuple[float, float], ...]) -> str:
    return " ".join(f"{number(x)} {number(y)}" for x, y in points)
