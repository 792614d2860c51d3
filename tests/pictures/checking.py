"""What holds for every drawing and every page, whoever named the things in it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

# All that a picture needs; none of it runs, links or loads anything.
SVG_TAGS = frozenset(
    "svg title desc style defs pattern g rect circle line path text tspan".split()  # noqa: SIM905
)
HTML_TAGS = SVG_TAGS | frozenset(
    "html head meta body main header section div h1 h2 p ul ol li span strong"  # noqa: SIM905
    " details summary table thead tbody tr td th".split()
)


def check_svg(text: str) -> ET.Element:
    """Check that a drawing is well-formed, harmless and can be read; give its root."""
    root = ET.fromstring(text)
    for element in root.iter():
        assert element.tag.removeprefix("{http://www.w3.org/2000/svg}") in SVG_TAGS
        _check_attributes(element.attrib)
        assert float(element.get("font-size", "12")) >= 12
    assert root.get("role") == "img"
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    named = (root.get("aria-labelledby") or "").split()
    assert len(named) == 2
    for name in named:
        [told] = [element for element in root.iter() if element.get("id") == name]
        assert told.text
    return root


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def check_html(text: str) -> list[tuple[str, dict[str, str]]]:
    """Check that a page or a part of one holds nothing that runs or loads; give its tags."""
    tags = _Tags()
    tags.feed(text)
    for tag, attributes in tags.found:
        assert tag in HTML_TAGS, tag
        _check_attributes(attributes)
    return tags.found


def _check_attributes(attributes: dict[str, str]) -> None:
    for name, value in attributes.items():
        assert not name.startswith("on")
        assert name not in {"href", "src", "style", "action", "srcdoc"}
        if name not in {"title", "aria-label", "content"}:
            assert "url(" not in value or re.fullmatch(r"url\(#[\w-]+\)", value)
