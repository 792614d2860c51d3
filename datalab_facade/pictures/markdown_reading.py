"""Reads Markdown as Datalab writes it: headings, lists, tables, images, formulas, and HTML in it.

It is for showing a document, not for every corner of CommonMark: what it does not know is shown as
text. Links are shown as their text, since nothing of a document may lead anywhere.
"""

from __future__ import annotations

import re
from typing import Final

from datalab_facade.pictures.rich_text import TreeBuilder, read_html, read_tag

_HEADING: Final = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)")
_RULE: Final = re.compile(r" {0,3}(?:-[- \t]{2,}|\*[* \t]{2,}|_[_ \t]{2,}|\{\d+\}-{3,})")
_FENCE: Final = re.compile(r" {0,3}(```+|~~~+|\$\$)(.*)")
_ITEM: Final = re.compile(r"([ \t]*)(?:[-*+]|(\d{1,9})[.)])[ \t]+(.*)")
# What is matched once is not tried again in another way, which would take minutes.
_TABLE_RULE: Final = re.compile(
    r" {0,3}\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?[ \t]*+"
)
_QUOTE: Final = re.compile(r" {0,3}> ?(.*)")
_HTML_BLOCK: Final = re.compile(r" {0,3}<(table|ul|ol|div|figure|pre|blockquote)\b", re.IGNORECASE)

IMAGE: Final = re.compile(r"!\[([^\[\]]{0,2000})\]\(([^()\s<>]{1,1000})(?:[ \t][^()]{0,500})?\)")
_LINK: Final = re.compile(r"\[([^\[\]]{1,2000})\]\((?:[^()\s]{0,2000})(?:[ \t][^()]{0,500})?\)")
_CODE: Final = re.compile(r"(`{1,4})([^`]{1,2000})\1(?!`)")
_FORMULA: Final = re.compile(r"(\${1,2})([^\s$][^$]{0,2000})\1")
_ESCAPED: Final = re.compile(r"\\([!-/:-@\[-`{-~])")
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_SPECIAL: Final = re.compile(r"[!\[`$\\*_<&]")
_MAX_LEVELS: Final = 8
_MAX_CELLS: Final = 200


def read_markdown(text: str, builder: TreeBuilder) -> None:
    """Read Markdown into a tree."""
    _Blocks(text.splitlines(), builder).read()


class _Blocks:
    def __init__(self, lines: list[str], builder: TreeBuilder, level: int = 0) -> None:
        self._lines = lines
        self._builder = builder
        self._level = level
        self._at = 0

    def read(self) -> None:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.strip():
                self._at += 1
            elif not (
                self._heading(line)
                or self._rule(line)
                or self._fence(line)
                or self._html(line)
                or self._table(line)
                or self._quote(line)
                or self._list(line)
            ):
                self._paragraph()

    def _heading(self, line: str) -> bool:
        found = _HEADING.fullmatch(line)
        if found is not None:
            self._at += 1
            self._inline(f"h{len(found[1])}", found[2].rstrip(" \t#"))
        return found is not None

    def _rule(self, line: str) -> bool:
        if _RULE.fullmatch(line) is None:
            return False
        self._at += 1
        self._builder.empty("hr")
        return True

    def _fence(self, line: str) -> bool:
        found = _FENCE.fullmatch(line)
        if found is None:
            return False
        fence, first = found[1], found[2]
        if fence == "$$" and first.strip():
            # A formula on one line is a part of a paragraph.
            return False
        self._at += 1
        held: list[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            if line.strip() == fence:
                break
            held.append(line)
        self._builder.begin("pre")
        self._builder.text("\n".join(held))
        self._builder.end("pre")
        return True

    def _html(self, line: str) -> bool:
        found = _HTML_BLOCK.match(line)
        if found is None:
            return False
        closing = f"</{found[1].lower()}>"
        held: list[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            held.append(line)
            if closing in line.lower():
                break
        read_html("\n".join(held), self._builder)
        return True

    def _table(self, line: str) -> bool:
        after = self._lines[self._at + 1] if self._at + 1 < len(self._lines) else ""
        if "|" not in line or "|" not in after or _TABLE_RULE.fullmatch(after) is None:
            return False
        self._builder.begin("table")
        self._row(line, "th")
        self._at += 2
        while self._at < len(self._lines) and "|" in self._lines[self._at]:
            self._row(self._lines[self._at], "td")
            self._at += 1
        self._builder.end("table")
        return True

    def _row(self, line: str, tag: str) -> None:
        self._builder.begin("tr")
        bare = line.strip().removeprefix("|").removesuffix("|")
        for cell in re.split(r"(?<!\\)\|", bare, maxsplit=_MAX_CELLS):
            self._inline(tag, cell.strip())
        self._builder.end("tr")

    def _quote(self, line: str) -> bool:
        if self._level >= _MAX_LEVELS or _QUOTE.fullmatch(line) is None:
            return False
        held: list[str] = []
        while self._at < len(self._lines):
            found = _QUOTE.fullmatch(self._lines[self._at])
            if found is None:
                break
            held.append(found[1])
            self._at += 1
        self._inside("blockquote", held)
        return True

    def _list(self, line: str) -> bool:
        first = _ITEM.fullmatch(line)
        if self._level >= _MAX_LEVELS or first is None:
            return False
        tag = "ul" if first[2] is None else "ol"
        self._builder.begin(tag)
        indent = len(first[1].expandtabs(4))
        while self._at < len(self._lines):
            found = _ITEM.fullmatch(self._lines[self._at])
            if found is None or abs(len(found[1].expandtabs(4)) - indent) > 1:
                break
            self._at += 1
            self._inside("li", [found[3], *self._item_lines(indent)])
        self._builder.end(tag)
        return True

    def _item_lines(self, indent: int) -> list[str]:
        """Return the lines below an item that belong to it: those that are indented more."""
        held: list[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at].expandtabs(4)
            if len(line) - len(line.lstrip()) < indent + 2 or not line.strip():
                break
            held.append(line)
            self._at += 1
        return held

    def _inside(self, tag: str, lines: list[str]) -> None:
        depth = self._builder.depth
        self._builder.begin(tag)
        if tag == "li":
            read_inline(lines.pop(0), self._builder)
        _Blocks(lines, self._builder, self._level + 1).read()
        self._builder.end_to(depth)

    def _paragraph(self) -> None:
        held: list[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.strip() or (held and self._begins_block(line)):
                break
            held.append(line.strip())
            self._at += 1
        self._inline("p", "\n".join(held))

    @staticmethod
    def _begins_block(line: str) -> bool:
        patterns = (_HEADING, _RULE, _FENCE, _QUOTE, _ITEM)
        return _HTML_BLOCK.match(line) is not None or any(
            pattern.fullmatch(line) for pattern in patterns
        )

    def _inline(self, tag: str, text: str) -> None:
        depth = self._builder.depth
        self._builder.begin(tag)
        read_inline(text, self._builder)
        self._builder.end_to(depth)


def read_inline(text: str, builder: TreeBuilder) -> None:
    """Read what stands inside a paragraph; what it leaves open the caller ends."""
    place = 0
    while place < len(text):
        special = _SPECIAL.search(text, place)
        if special is None:
            break
        start = special.start()
        builder.text(text[place:start])
        place = _read_special(text, start, builder)
        if place == start:
            builder.text(text[start])
            place = start + 1
    builder.text(text[place:])


def _read_special(text: str, start: int, builder: TreeBuilder) -> int:
    """Read what begins with a special character; return where the text goes on."""
    char = text[start]
    if char in "*_":
        return _read_emphasis(text, start, builder)
    if char == "<":
        return read_tag(text, start, builder)
    pattern = _PATTERNS[char]
    found = pattern.match(text, start)
    if found is None:
        return start
    if char == "!":
        builder.image(found[2], found[1])
    elif char == "[":
        read_inline(found[1], builder)
    elif char == "\\":
        builder.text(found[1])
    elif char == "&":
        read_html(found[0], builder)
    else:
        builder.begin("code")
        builder.text(found[2])
        builder.end("code")
    return found.end()


_PATTERNS: Final = {
    "!": IMAGE,
    "[": _LINK,
    "`": _CODE,
    "$": _FORMULA,
    "\\": _ESCAPED,
    "&": _ENTITY,
}


def _read_emphasis(text: str, start: int, builder: TreeBuilder) -> int:
    char = text[start]
    mark = char * 2 if text.startswith(char * 2, start) else char
    end = start + len(mark)
    tag = "strong" if len(mark) == 2 else "em"
    before, after = text[start - 1 : start], text[end : end + 1]
    # Inside of a word an underscore is one.
    if char == "_" and before.isalnum() and after.isalnum():
        return start
    if builder.is_open(tag) and before.strip():
        builder.end(tag)
        return end
    if after.strip() and text.find(mark, end) >= 0:
        builder.begin(tag)
        return end
    return start
