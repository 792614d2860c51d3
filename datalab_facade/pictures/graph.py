"""The steps of a workflow and what depends on what, as a value that draws itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self

import attrs

from datalab_facade.pictures.words import counted, joined, shown


def _texts(names: Iterable[str]) -> tuple[str, ...]:
    # A string is an iterable of strings too, and never what is meant.
    return (names,) if isinstance(names, str) else tuple(names)


@attrs.frozen(kw_only=True)
class Node:
    """A step of a workflow."""

    name: str
    label: str = ""
    """What kind of step it is."""
    depends_on: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    """The names of the steps that it waits for."""
    details: str = ""
    """What else there is to tell when it is pointed at."""
    is_missing: bool = False
    """Whether it is only named by others, and no step of the workflow."""

    @property
    def tooltip(self) -> str:
        """Everything about it in a line."""
        after = ", ".join(shown(name) for name in self.depends_on)
        return joined(
            (
                shown(self.name, limit=1_000),
                "there is no such step" if self.is_missing else "",
                shown(self.label, limit=1_000) if self.label else "",
                f"after {after}" if after else "",
                shown(self.details, limit=1_000) if self.details else "",
            )
        )


def _nodes(nodes: Iterable[Node]) -> tuple[Node, ...]:
    return tuple(nodes)


@attrs.frozen(kw_only=True)
class Graph:
    """A workflow as a graph. Print it, or draw it; a notebook shows it by itself.

    Whatever the definition says is drawn: a step that waits for one that does not
    exist, or for itself by a detour, is marked rather than refused.

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
        """Make it of what each step is and what it waits for, by its name."""
        nodes = [
            Node(name=name, label=label, depends_on=_texts(after))
            for name, (label, after) in steps.items()
        ]
        return cls(title=title, nodes=nodes)

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of steps that others wait for, but that do not exist."""
        known = {node.name for node in self.nodes}
        named = dict.fromkeys(name for node in self.nodes for name in node.depends_on)
        return tuple(name for name in named if name not in known)

    @property
    def layers(self) -> tuple[tuple[Node, ...], ...]:
        """The steps by the earliest time at which they can run, those of a layer side by side.

        Each stands after all that it waits for. Where steps wait for each other in
        a circle, that cannot be; the first of them stands as if it did not wait.
        """
        ghosts = [Node(name=name, is_missing=True) for name in self.missing]
        nodes = {node.name: node for node in (*ghosts, *self.nodes)}
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
        """How large it is, and what is wrong with it."""
        if not self.nodes:
            return "no steps"
        count = f"{counted(len(self.nodes), 'step')} in {counted(len(self.layers), 'layer')}"
        missing = " or ".join(f"'{shown(name, limit=40)}'" for name in self.missing[:3])
        return joined(
            (
                count,
                f"there is no step {missing}" if missing else "",
                "some steps wait for each other" if self.is_circular else "",
            )
        )

    @property
    def is_circular(self) -> bool:
        """Whether steps wait for each other in a circle."""
        place = {n.name: number for number, layer in enumerate(self.layers) for n in layer}
        return any(
            place[name] >= place[node.name] for node in self.nodes for name in node.depends_on
        )

    def text(self, *, width: int = 80, colour: bool = False, ascii: bool = False) -> str:  # noqa: A002 - what it is called everywhere
        """Draw it for a terminal: layer by layer, each step with what it waits for.

        Args:
            width: The columns of the terminal; less than 32 counts as 32.
            colour: Whether to use the terminal's colours.
            ascii: Whether to do with ASCII, for terminals that know no Unicode.

        Returns:
            Lines no wider than that, without a newline at the end.
        """
        from datalab_facade.pictures.graph_text import graph_text
        from datalab_facade.pictures.terminal import Terminal

        return graph_text(self, Terminal(width, colour, ascii))

    def __str__(self) -> str:
        return self.text()

    def svg(self, *, width: float = 960) -> str:
        """Draw it as SVG that stands by itself, in a file or inside of HTML.

        Args:
            width: How wide it may be in pixels. It runs to the right where that is
                wide enough, and down where it is not; what still does not fit makes
                it wider.

        Returns:
            Well-formed XML without scripts or links. It brings its own ground, and
            follows light and dark surroundings.
        """
        from datalab_facade.pictures.graph_svg import graph_svg

        return graph_svg(self, width)

    def html(self) -> str:
        """Draw it as a page of HTML that needs nothing else, with a list of the steps.

        Returns:
            The page. It runs no script, and its policy lets a browser load nothing.
        """
        from datalab_facade.pictures.graph_html import graph_html

        return graph_html(self)

    def _repr_html_(self) -> str:
        return self.svg()
