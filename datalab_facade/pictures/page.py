"""Self-contained HTML pages: the frame and the style that all of them share."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Final
from xml.etree import ElementTree as ET

import attrs

from datalab_facade.pictures.markup import (
    DARK,
    FONT,
    LIGHT,
    Element,
    Palette,
    element,
    picture_style,
)

_COLORS: Final = """
:root{{color-scheme:{scheme};--card:{card};--ink:{ink};--mute:{mute};--grid:{grid};--wait:{wait};
--critical:{critical};--failed:{failed};--done:{done};--ground:{ground}}}
"""

_BASE: Final = (
    """
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.45 """
    + FONT
    + """;
font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
main{max-width:1180px;margin:0 auto;padding:24px 20px 48px}
header{padding:4px 4px 18px}
h1,h2,p,ul{margin:0;padding:0}
h1{font-size:24px;line-height:1.2;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:17px;margin-bottom:8px}
ul{list-style:none}
.path{margin-top:6px;overflow-wrap:anywhere}
.card{background:var(--card);border-radius:12px;padding:14px 18px 16px;
box-shadow:0 1px 3px rgb(0 0 0/.09)}
.card+.card{margin-top:18px}
.narrow{display:none}
@media (max-width:640px){
body{font-size:14px}
main{padding:14px 10px 32px}
.card{padding:10px 12px 14px}
}
@media print{body{background:none}.card{box-shadow:none}
*{print-color-adjust:exact}}
"""
)


def page(title: str, style: str, content: list[Element]) -> str:
    """Build a self-contained HTML page.

    Its content policy allows its one style and nothing else: no script, no image, no request.

    Args:
        title: The title of the window.
        style: CSS rules beyond those that all pages share.
        content: The elements of the body.
    """
    style = page_style() + style
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    body = element(None, "body")
    body.extend(content)
    # Serialized as XML, which escapes "<" in attributes, too. No element may be
    # self-closing, because HTML would leave it open.
    markup = ET.tostring(body, encoding="unicode", short_empty_elements=False)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n{markup}</html>\n"
    )


def page_style() -> str:
    """Return the CSS rules that all pages share, for light and dark color schemes."""
    light, dark = _variables(LIGHT, "light", "#f3f5f9"), _variables(DARK, "dark", "#0a0d13")
    return f"{light}@media (prefers-color-scheme:dark){{{dark}}}{_BASE}{picture_style()}"


def _variables(palette: Palette, scheme: str, ground: str) -> str:
    return _COLORS.format(scheme=scheme, ground=ground, **attrs.asdict(palette))
