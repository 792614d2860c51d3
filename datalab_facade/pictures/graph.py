"""The steps of a workflow and their dependencies, as a value that draws itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self

import attrs

from datalab_facade.pictures.words import join_parts, pluralize, sanitize


def _to_tuple(names: Iterable[str]) -> tuple[str, ...]:
    # A string is an iterable of strings too; its letters are never meant.
    return (names,) if isinstance(names, str) else tuple(names)


@attrs.frozen(kw_only=True)
class Node:
    """A step of a workflow."""

    name: str
    label: str = ""
    """The kind of step."""
    depends_on: tuple[str, ...] = attrs.field(default=(), converter=_to_tuple)
    """The names of the steps that this step waits for."""
    details: str = ""
    """More text for the tooltip."""
    is_missing: bool = False
    """Whether other steps name it, but the workflow does not have it."""

    @property
    def tooltip(self) -> str:
        """All of its facts in one line."""
        after = ", ".join(sanitize(name) for name in self.depends_on)
        return join_parts(
            (
                sanitize(self.name, limit=1_000),
                "there is no such step" if self.is_missing else "",
                sanitize(self.label, limit=1_000) if self.label else "",
                f"after {after}" if after else "",
                sanitize(self.details, limit=1_000) if self.details else "",
            )
        )


def _nodes(nodes: Iterable[Node]) -> tuple[Node, ...]:
    return tuple(nodes)


@attrs.frozen(kw_only=True)
class Graph:
    """A workflow as a graph. Print it, or draw it; a notebook displays it.

    A wrong definition is drawn, too: a step that waits for a missing step, or for
    itself through others, is marked, not refused.

    >>> graph = Graph.of("Invoices", {"parse": ("marker_parse", []), "save": ("", ["parse"])})
    >>> [[node.name for node in layer] for layer in graph.layers]
    [['parse'], ['save']]
    >>> print(graph.text())
    Invoices
    2 steps in 2 layers
    <BLANKLINE>
    1 ─ parse  marker_parse
    2 ─ save                 ← parse
    """

    title: str
    nodes: tuple[Node, ...] = attrs.field(default=(), converter=_nodes)

    @classmethod
    def of(cls, title: str, steps: Mapping[str, tuple[str, Iterable[str]]]) -> Self:
        """Build a graph from a mapping: step name to its kind and the names it waits for."""
        nodes = [
            Node(name=name, label=label, depends_on=_to_tuple(after))
            for name, (label, after) in steps.items()
        ]
        return cls(title=title, nodes=nodes)

    @classmethod
    def chain(cls, title: str, steps: Iterable[tuple[str, str]]) -> Self:
        """Build a graph of steps that run one after the other, of their names and kinds.

        Each name gets its place in front, because several steps may have the same; the first is 0.

        >>> print(Graph.chain("Invoices", [("convert", "balanced"), ("extract", "")]).text())
        Invoices
        2 steps in 2 layers
        <BLANKLINE>
        1 ─ 0. convert  balanced
        2 ─ 1. extract            ← 0. convert
        """
        named = [(f"{place}. {name}", label) for place, (name, label) in enumerate(steps)]
        before = ["", *(name for name, _ in named)]
        nodes = [
            Node(name=name, label=label, depends_on=(after,) if after else ())
            for (name, label), after in zip(named, before, strict=False)
        ]
        return cls(title=title, nodes=nodes)

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the steps that other steps wait for, but that do not exist."""
        known = {node.name for node in self.nodes}
        dependencies = dict.fromkeys(name for node in self.nodes for name in node.depends_on)
        return tuple(name for name in dependencies if name not in known)

    @property
    def layers(self) -> tuple[tuple[Node, ...], ...]:
        """The steps in layers: each step comes after all steps that it waits for.

        The steps of one layer can run at the same time. Where steps wait for each
        other in a circle, the first of them is placed as if it did not wait.
        """
        missing = [Node(name=name, is_missing=True) for name in self.missing]
        nodes = {node.name: node for node in (*missing, *self.nodes)}
        layers: list[tuple[Node, ...]] = []
        placed: set[str] = set()
        waiting = dict(nodes)
        while waiting:
            ready = [n for n in waiting.values() if placed.issuperset(n.depends_on)]
            layer = ready or [next(iter(waiting.values()))]
            layers.append(tuple(layer))
            for node in layer:
                placed.add(node.name)
                del waiting[node.name]
        return tuple(layers)

    @property
    def summary(self) -> str:
        """The number of steps and layers, and the problems of the graph."""
        if not self.nodes:
            return "no steps"
        count = f"{pluralize(len(self.nodes), 'step')} in {pluralize(len(self.layers), 'layer')}"
        missing = " or ".join(f"'{sanitize(name, limit=40)}'" for name in self.missing[:3])
        return join_parts(
            (
                count,
                f"there is no step {missing}" if missing else "",
                "some steps wait for each other" if self.is_circular else "",
            )
        )

    @property
    def is_circular(self) -> bool:
        """Whether steps wait for each other in a circle."""
        layer_of = {n.name: number for number, layer in enumerate(self.layers) for n in layer}
        return any(
            layer_of[name] >= layer_of[node.name] for node in self.nodes for name in node.depends_on
        )

    def text(self, *, width: int = 80, color: bool = False, ascii_only: bool = False) -> str:
        """Draw the graph for a terminal: layer by layer, each step with what it waits for.

        Args:
            width: The columns of the terminal; less than 32 counts as 32.
            color: Whether to use the terminal's colors.
            ascii_only: Whether to write ASCII only, for terminals without Unicode.

        Returns:
            Lines of at most that width, without a newline at the end.

        Raises:
            InvalidArgumentError: The width is not a finite number.
        """
        from datalab_facade.pictures.graph_text import graph_text
        from datalab_facade.pictures.terminal import Terminal

        return graph_text(self, Terminal(width, color, ascii_only))

    def __str__(self) -> str:
        return self.text()

    def svg(self, *, width: float = 960) -> str:
        """Draw the graph as self-contained SVG, for a file or inside HTML.

        Args:
            width: The intended width in pixels. The layers run to the right if they
                fit, and down if not. A graph that fits neither way is wider.

        Returns:
            Well-formed XML without scripts or links. It has its own background, and
            follows the reader's light or dark color scheme.

        Raises:
            InvalidArgumentError: The width is not a finite number.
        """
        from datalab_facade.pictures.graph_svg import graph_svg

        return graph_svg(self, width)

    def html(self) -> str:
        """Draw the graph as a self-contained HTML page, with a list of the steps.

        Returns:
            The page. It has no script, and its content policy lets the browser load nothing.
        """
        from datalab_facade.pictures.graph_html import graph_html

        return graph_html(self)

    def _repr_html_(self) -> str:
        return self.svg()
