"""Text of documents as a tree of harmless elements: what HTML and Markdown are read into.

Only elements that are known to be harmless are made, with no attribute of the document but a
number of cells. All else of a document becomes text, which the serializer escapes, or is left
out. So nothing of it runs, loads or links to anything, whatever it holds. Each reader passes a
text once.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from html import unescape
from typing import Final
from xml.etree import ElementTree as ET

from datalab_facade.pictures.markup import Element, element

MAX_IMAGE_CHARS: Final = 8_000_000
"""The largest size of all images of a picture together, as base64."""

_MAX_DEPTH: Final = 60
_MAX_TAG: Final = 4_000

_INLINE: Final = frozenset("b strong i em u s del ins sub sup code mark small span br".split())  # noqa: SIM905
_BLOCKS: Final = frozenset(
    "p div h1 h2 h3 h4 h5 h6 ul ol li blockquote pre hr table caption thead tbody tfoot tr"  # noqa: SIM905
    " td th dl dt dd figure figcaption".split()
)
_EMPTY: Final = frozenset({"br", "hr"})
_OTHERS: Final[Mapping[str, str]] = {
    "math": "code",
    "section": "div",
    "article": "div",
    "header": "div",
    "footer": "div",
    "main": "div",
    "tt": "code",
    "strike": "s",
}
# Their content is not for reading.
_UNREAD: Final = frozenset(
    "script style template iframe object embed svg noscript title textarea select".split()  # noqa: SIM905
)

_TAG: Final = re.compile(rf"<(/?)([A-Za-z][A-Za-z0-9]*)\b([^<>]{{0,{_MAX_TAG}}})>")
_COMMENT: Final = "<!--"
_ATTRIBUTE: Final = re.compile(
    r"""(?<![A-Za-z])([A-Za-z]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=]+))"""
)
_SPAN: Final = re.compile(r"[1-9][0-9]{0,2}")
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]"
)

_IMAGE_TYPES: Final = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
)


def printable_text(text: str) -> str:
    r"""Return a text with a replacement for each character that is not to be shown.

    >>> printable_text("a\x00\u202eb\n")
    'a��b\n'
    """
    return _UNPRINTABLE.sub("\ufffd", text)


def data_uri(encoded: str) -> str | None:
    """Return an image in base64 as a ``data:`` URI; None if it is no PNG, JPEG, GIF or WebP.

    Its first bytes tell what it is, so an image in another format, such as SVG, is none.
    """
    try:
        data = base64.b64decode(encoded)
    except (binascii.Error, ValueError):
        return None
    kind = next((kind for start, kind in _IMAGE_TYPES if data.startswith(start)), None)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = "webp"
    return kind and f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


class ImageStock:
    """The images of a document, by the names that its text uses, up to a size.

    Args:
        encoded: The images in base64.
        max_chars: The largest size of all that are used, in characters of base64.
    """

    def __init__(self, encoded: Mapping[str, str], max_chars: int = MAX_IMAGE_CHARS) -> None:
        self._encoded = encoded
        self._left = max_chars
        self._uris: dict[str, str | None] = {}
        self.left_out: set[str] = set()
        """The names of images of the document that were asked for and not shown."""

    def __contains__(self, name: object) -> bool:
        return name in self._encoded

    def uri(self, name: str) -> str | None:
        """Return an image as a ``data:`` URI; None if there is none, or no room for it."""
        if name not in self._encoded:
            return None
        # An image that is used again costs its size again.
        size = len(self._encoded[name])
        if size <= self._left:
            if name not in self._uris:
                self._uris[name] = data_uri(self._encoded[name])
            if (uri := self._uris[name]) is not None:
                self._left -= size
                return uri
        self.left_out.add(name)
        return None


class TreeBuilder:
    """Builds a tree of harmless elements.

    Args:
        root: What they are put into.
        images: The images that they may show.
    """

    def __init__(self, root: Element, images: ImageStock) -> None:
        self._open = [root]
        self._images = images

    @property
    def depth(self) -> int:
        """How many elements are open."""
        return len(self._open)

    def text(self, text: str) -> None:
        """Add text, as it is."""
        text = printable_text(text)
        parent = self._open[-1]
        if len(parent):
            parent[-1].tail = (parent[-1].tail or "") + text
        else:
            parent.text = (parent.text or "") + text

    def begin(self, tag: str, **attributes: str) -> None:
        """Open an element that is known to be harmless."""
        if tag in _BLOCKS:
            self._end_paragraph()
        if len(self._open) < _MAX_DEPTH:
            self._open.append(element(self._open[-1], tag, **attributes))

    def end(self, tag: str) -> None:
        """Close the innermost element with this tag, and what is open in it, if there is one."""
        for place in range(len(self._open) - 1, 0, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def end_to(self, depth: int) -> None:
        """Close all elements but so many."""
        del self._open[max(1, depth) :]

    def is_open(self, tag: str) -> bool:
        """Tell whether an element with this tag is open."""
        return any(one.tag == tag for one in self._open[1:])

    def empty(self, tag: str) -> None:
        """Add an element that holds nothing."""
        element(self._open[-1], tag)

    def image(self, name: str, alt: str) -> None:
        """Add one of the document's images; in place of any other, what it shows in words."""
        uri = self._images.uri(name)
        if uri is None:
            self.text(f"[image: {alt or name}]" if alt or name in self._images else "[image]")
        else:
            element(self._open[-1], "img", src=uri, alt=printable_text(alt))

    def _end_paragraph(self) -> None:
        if self._open[-1].tag == "p":
            self._open.pop()


def read_html(text: str, builder: TreeBuilder) -> None:
    """Read HTML, or text with tags in it, in one pass."""
    depth, place = builder.depth, 0
    while place < len(text):
        start = text.find("<", place)
        if start < 0:
            break
        builder.text(unescape(text[place:start]))
        place = read_tag(text, start, builder)
        if place == start:
            builder.text("<")
            place = start + 1
    builder.text(unescape(text[place:]))
    builder.end_to(depth)


def read_tag(text: str, start: int, builder: TreeBuilder) -> int:
    """Read a tag or a comment inside a text, if there is one; it leaves open what it opens.

    Returns:
        Where the text goes on; ``start`` if there is no tag.
    """
    if text.startswith(_COMMENT, start):
        end = text.find("-->", start + len(_COMMENT))
        return len(text) if end < 0 else end + 3
    found = _TAG.match(text, start)
    if found is None:
        return start
    closes, tag, attributes = found[1] == "/", found[2].lower(), found[3]
    tag = _OTHERS.get(tag, tag)
    if tag in _UNREAD and not closes:
        # What is never closed goes on to the end, as it does in browsers.
        closing = re.compile(rf"</{tag}\b[^<>]{{0,{_MAX_TAG}}}>", re.IGNORECASE)
        closed = closing.search(text, found.end())
        return len(text) if closed is None else closed.end()
    if tag == "img":
        if not closes:
            about = _attributes(attributes)
            builder.image(about.get("src", ""), about.get("alt", ""))
    elif tag in _EMPTY:
        builder.empty(tag)
    elif tag in _INLINE or tag in _BLOCKS:
        if closes:
            builder.end(tag)
        else:
            builder.begin(tag, **(_cells(attributes) if tag in {"td", "th"} else {}))
    return found.end()


def _attributes(text: str) -> dict[str, str]:
    return {
        found[1].lower(): unescape(found[2] or found[3] or found[4] or "")
        for found in _ATTRIBUTE.finditer(text)
    }


def _cells(text: str) -> dict[str, str]:
    about = _attributes(text)
    return {
        name: about[name] for name in ("colspan", "rowspan") if _SPAN.fullmatch(about.get(name, ""))
    }


def as_html(root: Element) -> str:
    """Serialize a tree for inside a page of HTML, which knows elements without an end."""
    return ET.tostring(root, encoding="unicode", method="html")
