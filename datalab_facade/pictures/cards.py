"""Cards: what a notebook shows of a result, as HTML and as Markdown.

Whatever a card holds is escaped, without secrets where it is not the document itself, and bounded
in size; a note says what was left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Final, Literal

import attrs

from datalab_facade.pictures.markdown_reading import IMAGE, read_markdown
from datalab_facade.pictures.markup import FONT, Element, element
from datalab_facade.pictures.rich_text import (
    ImageStock,
    TreeBuilder,
    as_html,
    printable_text,
    read_html,
)
from datalab_facade.pictures.words import join_parts, pluralize, sanitize

MAX_CHARS: Final = 200_000
"""The most characters of a document's text that a card shows."""

MAX_ROWS: Final = 500
"""The most rows of a table that a card shows."""

_MAX_CELL: Final = 500
_MAX_ALT: Final = 200


@attrs.frozen(kw_only=True)
class DocumentText:
    """The text of a document, with the images that it names."""

    text: str
    format: Literal["markdown", "html", "plain"] = "markdown"
    images: Mapping[str, str] = attrs.field(factory=dict)
    """The images in base64, by the names that the text uses."""
    title: str = ""
    """A line above it."""


@attrs.frozen(kw_only=True)
class CardTable:
    """A table of short texts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@attrs.frozen(kw_only=True)
class Card:
    """A title, facts, tables and texts; it draws itself for a notebook."""

    title: str
    facts: tuple[str, ...] = ()
    """Short facts below the title; empty ones are left out."""
    tables: tuple[CardTable, ...] = ()
    texts: tuple[DocumentText, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader has to know, such as why there is no text."""

    def html(self) -> str:
        """Draw the card as a part of an HTML page: no script, no link, nothing that loads."""
        # Formulas of a document stay text as well: what typesets them has commands for links.
        root = element(None, "div", class_="datalab-card mathjax_ignore tex2jax_ignore")
        element(root, "style", _STYLE)
        element(root, "div", sanitize(self.title), class_="title")
        if line := self._facts():
            element(root, "div", line, class_="facts")
        for table in self.tables:
            _draw_table(root, table)
        notes = list(self.notes)
        for text in self.texts:
            _draw_text(root, text, notes)
        for note in notes:
            element(root, "div", sanitize(note, limit=1_000), class_="note")
        return as_html(root)

    def markdown(self) -> str:
        """Write the card as Markdown: without HTML and links, and with no image but its own."""
        parts = [f"**{_as_text(sanitize(self.title))}**", _as_text(self._facts())]
        parts.extend(_markdown_table(table) for table in self.tables)
        notes = list(self.notes)
        for text in self.texts:
            parts.extend(("" if not text.title else f"*{_as_text(text.title)}*", ""))
            parts.append(_markdown_text(text, notes))
        parts.extend(f"*{_as_text(sanitize(note, limit=1_000))}*" for note in notes)
        return "\n\n".join(part for part in parts if part) + "\n"

    def _facts(self) -> str:
        return join_parts(sanitize(fact) for fact in self.facts if fact)


def _draw_table(root: Element, table: CardTable) -> None:
    drawn = element(root, "table")
    head = element(element(drawn, "thead"), "tr")
    for name in table.columns:
        element(head, "th", name)
    body = element(drawn, "tbody")
    for row in table.rows[:MAX_ROWS]:
        line = element(body, "tr")
        for cell in row:
            element(line, "td", _cell(cell))
    if (left_out := len(table.rows) - MAX_ROWS) > 0:
        note = f"… {pluralize(left_out, 'more row')}"
        element(element(body, "tr"), "td", note, colspan=len(table.columns))


def _draw_text(root: Element, text: DocumentText, notes: list[str]) -> None:
    if text.title:
        element(root, "div", sanitize(text.title), class_="facts")
    shown = _start(text, notes)
    if text.format == "plain":
        element(root, "pre", printable_text(shown))
        return
    stock = ImageStock(text.images)
    builder = TreeBuilder(element(root, "div", class_="document"), stock)
    (read_html if text.format == "html" else read_markdown)(shown, builder)
    notes.extend(_about_images(stock))


def _start(text: DocumentText, notes: list[str]) -> str:
    if len(text.text) <= MAX_CHARS:
        return text.text
    shown = text.text[:MAX_CHARS].rpartition("\n")[0] or text.text[:MAX_CHARS]
    notes.append(f"Shown are {len(shown):,} of {len(text.text):,} characters of the text")
    return shown


def _about_images(stock: ImageStock) -> list[str]:
    if not stock.left_out:
        return []
    count = pluralize(len(stock.left_out), "image")
    return [f"{count} left out: too large to show here, or not PNG, JPEG, GIF or WebP"]


def _cell(text: str) -> str:
    return sanitize(text, limit=_MAX_CELL) if text else ""


# What Markdown, HTML in it and formulas are made of. Written as an entity a character is text.
# Some readers make links of bare addresses.
_STRUCTURE: Final = re.compile(r"[<>\[\]$@]|\\(?=[A-Za-z()\\]|$)|:(?=//)|(?<=[wW]{3})\.")
_MARKS: Final = re.compile(r"[\\`*_{}\[\]<>()#+!|~$&^=:.-]")


def _as_entity(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"


def _as_text(text: str) -> str:
    """Return text as Markdown in which no character means anything."""
    return _MARKS.sub(_as_entity, " ".join(printable_text(text).split()))


def _markdown_table(table: CardTable) -> str:
    lines = [_markdown_row(table.columns), "|" + " --- |" * len(table.columns)]
    lines.extend(_markdown_row(tuple(map(_cell, row))) for row in table.rows[:MAX_ROWS])
    if (left_out := len(table.rows) - MAX_ROWS) > 0:
        more = f"… {pluralize(left_out, 'more row')}"
        lines.append(_markdown_row((more, *[""] * (len(table.columns) - 1))))
    return "\n".join(lines)


def _markdown_row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(map(_as_text, cells)) + " |"


def _markdown_text(text: DocumentText, notes: list[str]) -> str:
    shown = printable_text(_start(text, notes))
    if text.format != "markdown":
        # As a block of code by indentation, which no text in it can end.
        plain = unescape(re.sub(r"<[^<>]*>", " ", shown)) if text.format == "html" else shown
        return "\n".join(f"    {line}" for line in plain.splitlines())
    stock, written, place = ImageStock(text.images), [], 0
    for found in IMAGE.finditer(shown):
        uri = stock.uri(found[2])
        if uri is not None:
            alt = _as_text(found[1][:_MAX_ALT])
            written.append(_STRUCTURE.sub(_as_entity, shown[place : found.start()]))
            written.append(f"![{alt}]({uri})")
            place = found.end()
    written.append(_STRUCTURE.sub(_as_entity, shown[place:]))
    notes.extend(_about_images(stock))
    return "".join(written)


_STYLE: Final = (
    """
.datalab-card{font:14px/1.5 """
    + FONT
    + """;overflow-wrap:anywhere;max-width:100%}
.datalab-card .title{font-weight:600;font-size:15px}
.datalab-card .facts,.datalab-card .note{font-size:13px;opacity:.75}
.datalab-card .note{font-style:italic}
.datalab-card .document{margin-top:8px;overflow-x:auto}
.datalab-card img{max-width:100%;height:auto}
.datalab-card pre{white-space:pre-wrap;overflow-wrap:anywhere}
.datalab-card table{border-collapse:collapse;margin:8px 0}
.datalab-card td,.datalab-card th{border:1px solid rgb(128 128 128/.4);padding:3px 9px;
text-align:left;vertical-align:top}
.datalab-card blockquote{border-left:3px solid rgb(128 128 128/.4);margin-left:0;padding-left:12px}
"""
).replace("\n", "")
"""It leaves colors to the page, since a notebook has a theme of its own."""
