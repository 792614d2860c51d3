"""A workflow as text: its layers from top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from datalab_facade.pictures.terminal import BLUE, BOLD, DIM, PLAIN, RED, Terminal
from datalab_facade.pictures.words import cell_width, sanitize, wrap

if TYPE_CHECKING:
    from datalab_facade.pictures.graph import Graph, Node

_NARROW = 60
_MIN_ROOM = 16


def graph_text(graph: Graph, terminal: Terminal) -> str:
    """Draw the graph as lines no wider than the terminal, without a newline at the end."""
    lines = [terminal.paint(line, BOLD) for line in terminal.lines(sanitize(graph.title), most=2)]
    lines += [terminal.paint(line, DIM) for line in terminal.lines(graph.summary)]
    layers = graph.layers
    if layers:
        lines.append("")
    table = _Table.of(layers, terminal)
    for number, layer in enumerate(layers):
        for place, node in enumerate(layer):
            lines += table.rows(node, number, place, len(layer))
    return "\n".join(lines)


@attrs.frozen
class _Table:
    terminal: Terminal
    digits: int
    names: int
    """The columns for names."""
    labels: int
    """The columns for the kinds of step."""
    layer_of: dict[str, int]

    @classmethod
    def of(cls, layers: tuple[tuple[Node, ...], ...], terminal: Terminal) -> _Table:
        nodes = [node for layer in layers for node in layer]
        digits = len(str(len(layers)))
        narrow = terminal.width < _NARROW
        names = _widest([sanitize(node.name) for node in nodes], terminal)
        names = min(names, terminal.width // (2 if narrow else 3))
        labels = _widest([_label(node) for node in nodes], terminal)
        rest = terminal.width - digits - 3 - names - 2
        labels = min(labels, rest if narrow else terminal.width // 3)
        layer_of = {node.name: n for n, layer in enumerate(layers) for node in layer}
        return cls(terminal, digits, names, labels, layer_of)

    def rows(self, node: Node, layer: int, place: int, many: int) -> list[str]:
        terminal = self.terminal
        mark = str(layer + 1) if place == 0 else ""
        head = f"{mark.rjust(self.digits)} {_branch(place, many, terminal)} "
        style = RED if node.is_missing else PLAIN
        parts = [
            (head, DIM),
            (terminal.fit(sanitize(node.name), self.names) + "  ", style),
            (terminal.fit(_label(node), self.labels), style or DIM),
        ]
        if not node.depends_on:
            return [terminal.columns(parts)]
        after = dict.fromkeys(node.depends_on)
        is_right = all(self.layer_of[name] < layer for name in after)
        color = BLUE if is_right else RED
        words = f"{terminal.glyphs.arrow} {', '.join(sanitize(name, limit=32) for name in after)}"
        indent = len(head) + self.names + self.labels + 4
        beside = terminal.width >= _NARROW and terminal.width - indent >= _MIN_ROOM
        if not beside:
            indent = len(head) + 2
        room = terminal.width - indent
        lines = wrap(terminal.adapt(words), room, most=4, ellipsis=terminal.ellipsis)
        rows = [terminal.columns([(" " * indent + line, color)]) for line in lines]
        if beside:
            rows[0] = terminal.columns([*parts, ("  ", PLAIN), (lines[0], color)])
            return rows
        return [terminal.columns(parts), *rows]


def _label(node: Node) -> str:
    return "no such step" if node.is_missing else sanitize(node.label) if node.label else ""


def _widest(texts: list[str], terminal: Terminal) -> int:
    return max((cell_width(terminal.adapt(text)) for text in texts), default=0)


def _branch(place: int, many: int, terminal: Terminal) -> str:
    first, between, last, only = terminal.glyphs.tree
    if many == 1:
        return only
    return first if place == 0 else last if place == many - 1 else between
