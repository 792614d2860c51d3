"""The layout of a layered graph: positions of its boxes and lines along two axes.

The usual steps for layered graphs (Sugiyama): a line that skips layers gets a slot
in each of them; slots are ordered so that few lines cross; then they are moved so
that lines are as straight as order and sizes allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import attrs

# A graph where almost everything depends on everything has no layout worth the time.
_MAX_BENDS = 2_000
_SWEEPS = 6


@attrs.define(eq=False)
class Slot:
    """A position in a layer, for a node or for a line that passes through."""

    layer: int
    size: float
    node: int | None
    """The number of the node, or None for a line."""
    before: list[Slot] = attrs.field(factory=list)
    after: list[Slot] = attrs.field(factory=list)
    at: float = 0.0
    """The position of its middle, across the layers."""


@attrs.frozen
class Layout:
    """The slots of the nodes, and the slots that each line passes through."""

    nodes: list[Slot]
    lines: list[list[Slot]]
    breadth: float
    """The room that the layers take, across."""


def lay_out(
    layers: Sequence[int], edges: Sequence[tuple[int, int]], *, size: float, gap: float
) -> Layout:
    """Lay out a graph.

    Args:
        layers: The layer of each node.
        edges: From node to node. An edge that does not lead to a later layer gets a
            line, too, but does not move any node.
        size: The room that a node takes, across the layers.
        gap: The room between two nodes.
    """
    nodes = [Slot(layer, size, number) for number, layer in enumerate(layers)]
    rows: list[list[Slot]] = [[] for _ in range(max(layers, default=-1) + 1)]
    for slot in nodes:
        rows[slot.layer].append(slot)
    bends = sum(max(0, layers[b] - layers[a] - 1) for a, b in edges)
    lines: list[list[Slot]] = []
    for a, b in edges:
        line = [nodes[a], nodes[b]]
        if bends <= _MAX_BENDS:
            bends_of_line = [Slot(layer, gap, None) for layer in range(layers[a] + 1, layers[b])]
            for slot in bends_of_line:
                rows[slot.layer].append(slot)
            line[1:1] = bends_of_line
        if layers[a] < layers[b]:
            for earlier, later in pairwise(line):
                earlier.after.append(later)
                later.before.append(earlier)
        lines.append(line)
    _order(rows)
    _straighten(rows, gap)
    start = min((slot.at - slot.size / 2 for row in rows for slot in row), default=0.0)
    end = max((slot.at + slot.size / 2 for row in rows for slot in row), default=0.0)
    for row in rows:
        for slot in row:
            slot.at -= start
    return Layout(nodes, lines, end - start)


def _order(rows: list[list[Slot]]) -> None:
    """Order each layer by the positions of its neighbors; keep the order with fewest crossings."""
    best = [list(row) for row in rows]
    fewest = _crossings(rows)
    for sweep in range(_SWEEPS):
        downwards = sweep % 2 == 0
        for row in rows if downwards else rows[::-1]:
            place = {id(slot): n for other in rows for n, slot in enumerate(other)}

            def middle(
                slot: Slot, place: dict[int, int] = place, *, down: bool = downwards
            ) -> float:
                near = slot.before if down else slot.after
                if not near:
                    return place[id(slot)]
                return sum(place[id(other)] for other in near) / len(near)

            row.sort(key=middle)
        crossings = _crossings(rows)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    for row, kept in zip(rows, best, strict=True):
        row[:] = kept


def _crossings(rows: list[list[Slot]]) -> int:
    place = {id(slot): n for row in rows for n, slot in enumerate(row)}
    crossings = 0
    for row in rows:
        ends: list[int] = []
        for slot in row:
            for end in sorted(place[id(other)] for other in slot.after):
                crossings += sum(other > end for other in ends)
                ends.append(end)
    return crossings


def _straighten(rows: list[list[Slot]], gap: float) -> None:
    for row in rows:
        at = 0.0
        for slot in row:
            slot.at = at + slot.size / 2
            at += slot.size + gap
        for slot in row:
            slot.at -= (at - gap) / 2
    for sweep in range(2 * _SWEEPS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            _settle(row, gap)


def _settle(row: list[Slot], gap: float) -> None:
    """Move the slots of a layer as close to their neighbors as their order allows."""
    offsets, offset = [], 0.0
    for number, slot in enumerate(row):
        offset += slot.size / 2 + (gap if number else 0)
        offsets.append(offset)
        offset += slot.size / 2
    # Isotonic regression: minus its offset, no position may be below the one before.
    # Where one would be, the slots form a block at the mean of their ideal positions.
    blocks: list[tuple[float, int]] = []
    for slot, offset in zip(row, offsets, strict=True):
        near = [*slot.before, *slot.after]
        ideal = sum(other.at for other in near) / len(near) if near else slot.at
        total, many = ideal - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / many:
            before, more = blocks.pop()
            total, many = total + before, many + more
        blocks.append((total, many))
    places = [total / many for total, many in blocks for _ in range(many)]
    for slot, place, offset in zip(row, places, offsets, strict=True):
        slot.at = place + offset
