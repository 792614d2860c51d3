"""Where the boxes and lines of a layered graph go, in units of its two axes.

The usual steps for layered graphs: lines that skip layers get a slot in each of
them, slots are ordered so that few lines cross, and then moved as straight as
their order and their sizes let them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import attrs

# A graph of which nearly everything depends on everything has no layout worth the time.
_MOST_BENDS = 2_000
_SWEEPS = 6


@attrs.define(eq=False)
class Slot:
    """A place in a layer, taken by a node or by a line that passes through."""

    layer: int
    size: float
    node: int | None
    """The number of the node, or None for a line."""
    before: list[Slot] = attrs.field(factory=list)
    after: list[Slot] = attrs.field(factory=list)
    at: float = 0.0
    """Its middle, across the layers."""


@attrs.frozen
class Layout:
    """The slots of the nodes, and for each line the slots that it goes through."""

    nodes: list[Slot]
    lines: list[list[Slot]]
    breadth: float
    """How much room the layers take, across."""


def laid_out(
    layers: Sequence[int], edges: Sequence[tuple[int, int]], *, size: float, gap: float
) -> Layout:
    """Lay out a graph.

    Args:
        layers: The layer of each node.
        edges: From node to node. Those that do not lead to a later layer are drawn
            too, but nothing is moved for them.
        size: How much room a node takes, across the layers.
        gap: How much room is left between two of them.
    """
    nodes = [Slot(layer, size, number) for number, layer in enumerate(layers)]
    rows: list[list[Slot]] = [[] for _ in range(max(layers, default=-1) + 1)]
    for slot in nodes:
        rows[slot.layer].append(slot)
    bends = sum(max(0, layers[b] - layers[a] - 1) for a, b in edges)
    lines: list[list[Slot]] = []
    for a, b in edges:
        line = [nodes[a], nodes[b]]
        if bends <= _MOST_BENDS:
            passed = [Slot(layer, gap, None) for layer in range(layers[a] + 1, layers[b])]
            for slot in passed:
                rows[slot.layer].append(slot)
            line[1:1] = passed
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
    """Order each layer by where its neighbours stand; keep the best order seen."""
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
    """Move the slots of a layer as near to their neighbours as they can stand in order."""
    offsets, offset = [], 0.0
    for number, slot in enumerate(row):
        offset += slot.size / 2 + (gap if number else 0)
        offsets.append(offset)
        offset += slot.size / 2
    # Less the room that those before take, the places must not fall: where they would,
    # neighbours share the mean of what they want.
    blocks: list[tuple[float, int]] = []
    for slot, taken in zip(row, offsets, strict=True):
        near = [*slot.before, *slot.after]
        wanted = sum(other.at for other in near) / len(near) if near else slot.at
        total, many = wanted - taken, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / many:
            before, more = blocks.pop()
            total, many = total + before, many + more
        blocks.append((total, many))
    places = [total / many for total, many in blocks for _ in range(many)]
    for slot, place, taken in zip(row, places, offsets, strict=True):
        slot.at = place + taken
