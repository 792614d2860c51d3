"""Elements of SVG and HTML, built as a tree that the serializer escapes."""

from __future__ import annotations

import hashlib
from typing import Final
from xml.etree import ElementTree as ET

import attrs

Element = ET.Element

FONT: Final = 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif'


@attrs.frozen
class Palette:
    """The colors of a picture; text on the card has a contrast of at least 4.5."""

    card: str
    ink: str
    mute: str
    grid: str
    wait: str
    work: str
    critical: str
    failed: str
    done: str


LIGHT: Final = Palette(
    card="#ffffff",
    ink="#1c2433",
    mute="#5b6577",
    grid="#e7eaf0",
    wait="#b3bccb",
    work="#a9c6f5",
    critical="#2f6bd8",
    failed="#cf3b34",
    done="#1f7a4d",
)
DARK: Final = Palette(
    card="#10151e",
    ink="#e6eaf2",
    mute="#9aa6b8",
    grid="#232b38",
    wait="#4b576a",
    work="#33507e",
    critical="#6aa2ff",
    failed="#f2726a",
    done="#57c08a",
)


def element(parent: Element | None, tag: str, text: str = "", **attributes: str | float) -> Element:
    """Add an element; ``class_`` and ``stroke_width`` stand for class and stroke-width."""
    names = {
        name.rstrip("_").replace("_", "-"): value if isinstance(value, str) else number(value)
        for name, value in attributes.items()
    }
    child = Element(tag, names) if parent is None else ET.SubElement(parent, tag, names)
    if text:
        child.text = text
    return child


def number(value: float) -> str:
    """Format a number with at most two decimals.

    >>> number(3.0), number(2.716)
    ('3', '2.72')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")


def as_xml(root: Element) -> str:
    """Serialize an element, for a file or for inside HTML."""
    return ET.tostring(root, encoding="unicode")


def svg(width: float, height: float, *, title: str, description: str, key: str) -> Element:
    """Begin a drawing with a title and a description for screen readers.

    Args:
        width: Its width in pixels.
        height: Its height in pixels.
        title: The title.
        description: What it shows, in a sentence.
        key: The prefix of its ids, which separates them from other drawings on a page.
    """
    root = element(
        None,
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        width=width,
        height=height,
        role="img",
        aria_labelledby=f"{key}-title {key}-description",
        class_="datalab-picture",
    )
    root.set("viewBox", f"0 0 {number(width)} {number(height)}")
    element(root, "title", title, id=f"{key}-title")
    element(root, "desc", description, id=f"{key}-description")
    return root


def key_of(*parts: object) -> str:
    """Return a prefix for ids that is the same for the same picture."""
    digest = hashlib.blake2b(repr(parts).encode("utf-8", "backslashreplace"), digest_size=5)
    return f"d{digest.hexdigest()}"


# Rules name the drawing's class: the style of an inline drawing applies to its whole page.
_RULES = """
.datalab-picture text{{font-family:{font};fill:{ink};font-variant-numeric:tabular-nums}}
.datalab-picture .card{{fill:{card}}}
.datalab-picture .mute{{fill:{mute}}}
.datalab-picture .grid{{stroke:{grid}}}
.datalab-picture .wait{{fill:{wait}}}
.datalab-picture .work{{fill:{work}}}
.datalab-picture .crit{{fill:{critical}}}
.datalab-picture .fail{{fill:{failed}}}
.datalab-picture .done{{fill:{done}}}
.datalab-picture .thread{{stroke:{ink};fill:none}}
.datalab-picture .mark{{fill:{failed};stroke:{card}}}
.datalab-picture .cross{{stroke:{failed};fill:none}}
.datalab-picture .line{{stroke:{mute};fill:none}}
.datalab-picture .box{{fill:{card};stroke:{wait}}}
.datalab-picture .edge{{stroke:{wait};fill:none}}
.datalab-picture .head{{fill:{wait}}}
.datalab-picture .lost{{stroke:{failed}}}
.datalab-picture .stripe{{stroke:{card}}}
"""


def picture_style() -> str:
    """Return the CSS rules for drawings, for light and dark color schemes."""
    light, dark = (
        "".join(_RULES.format(font=FONT, **attrs.asdict(palette)).split("\n"))
        for palette in (LIGHT, DARK)
    )
    return f"{light}@media (prefers-color-scheme:dark){{{dark}}}"


# The reader's font is not known here, so widths are those of a wide font, as shares of
# the size.
_NARROW = frozenset("fijlrtI.,:;'|!()[]{}/\\ -·")
_BROAD = frozenset("mwMWQOGD@%—→…")


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Estimate the width of a text in pixels, rather too large than too small."""
    return size * sum(map(_width_share, text)) * (1.1 if bold else 1)


def _width_share(char: str) -> float:
    if char in _NARROW:
        return 0.42
    if char in _BROAD:
        return 0.98
    if char.isascii():
        return 0.74 if char.isupper() else 0.64
    return 1.05


def fit_text(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """Shorten a text to a width in pixels."""
    if text_width(text, size, bold=bold) <= width:
        return text
    room = width - text_width("…", size)
    kept = 0
    for char in text:  # pragma: no branch - the text does not fit
        room -= text_width(char, size, bold=bold)
        if room < 0:
            break
        kept += 1
    return text[:kept].rstrip() + "…"
