"""A workflow as an HTML page: a drawing for wide and for narrow screens, and a list of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.pictures.graph_svg import graph_drawing
from datalab_facade.pictures.markup import Element, element
from datalab_facade.pictures.page import page
from datalab_facade.pictures.words import sanitize

if TYPE_CHECKING:
    from datalab_facade.pictures.graph import Graph, Node

_WIDE, _NARROW = 1080, 340

_LAYOUT = """
.drawing{overflow-x:auto;padding:0}
.drawing svg{display:block;margin:0 auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;vertical-align:top;padding:7px 12px 7px 0;border-top:1px solid var(--grid);
overflow-wrap:anywhere}
thead th{border-top:0;font-size:12.5px;font-weight:500;color:var(--mute)}
tbody th{font-weight:600}
td.lost{color:var(--failed)}
td:first-child,thead th{white-space:nowrap;overflow-wrap:normal}
@media (max-width:640px){.wide{display:none}.narrow{display:block}
thead{display:none}
tbody tr{display:grid;grid-template-columns:2rem minmax(0,1fr);padding:8px 0;
border-top:1px solid var(--grid)}
tbody tr:first-child{border-top:0}
td,tbody th{border:0;padding:0}
td:nth-child(n+3){grid-column:2;color:var(--mute)}
td:nth-child(4):not(:empty)::before{content:"after "}}
"""


def graph_html(graph: Graph) -> str:
    """Draw the graph as an HTML page."""
    main = element(None, "main")
    head = element(main, "header")
    element(head, "h1", sanitize(graph.title))
    element(head, "p", graph.summary, class_="path")
    for style, width in (("wide", _WIDE), ("narrow", _NARROW)):
        drawing = element(main, "section", class_=f"card drawing {style}", aria_label="Graph")
        drawing.append(graph_drawing(graph, width, headed=False))
    if graph.nodes:
        _table(main, graph)
    return page(sanitize(graph.title), _LAYOUT, [main])


def _table(main: Element, graph: Graph) -> None:
    section = element(main, "section", class_="card")
    table = element(section, "table")
    titles = element(element(table, "thead"), "tr")
    for words in ("layer", "step", "kind", "after"):
        element(titles, "th", words, scope="col")
    body = element(table, "tbody")
    for number, layer in enumerate(graph.layers, 1):
        for node in layer:
            _row(element(body, "tr"), number, node)


def _row(row: Element, layer: int, node: Node) -> None:
    element(row, "td", str(layer))
    element(row, "th", sanitize(node.name), scope="row")
    if node.is_missing:
        element(row, "td", "no such step", class_="lost")
    else:
        element(row, "td", sanitize(node.label) if node.label else "")
    element(row, "td", ", ".join(sanitize(name) for name in node.depends_on))
