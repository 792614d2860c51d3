"""Results as they come, and as somebody hostile would have them."""

from __future__ import annotations

import base64
import json
import struct
import zlib

from hypothesis import strategies as st

from datalab_facade import Conversion, Extraction
from datalab_facade.models import JSON


def png(width: int, height: int) -> str:
    """Give a gray picture of this size, in base64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x88" * width) * height)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", rows), chunk(b"IEND", b""))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode()


SVG = base64.b64encode(
    b'<svg xmlns="http://www.w3.org/2000/svg" onload="document.title=1"><script>1</script></svg>'
).decode()

INVOICE = """# Invoice **4711**

To *Ada Lovelace*, H<sub>2</sub>O and $E = mc^2$, 5 < 6 &amp; so on.

![The chart](_page_0_Figure_1.png)

| item | amount |
|:-----|-------:|
| Nuts | **2.50** |
| a \\| b | `x<y` |

<table><tbody><tr><th colspan="2">Total</th></tr><tr><td>EUR</td><td>12</td></tr></tbody></table>

- first
  - second
1. third

{1}------------------------------------------------

> quoted

```
def f(): <b>
```
"""

ATTACKS = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "![x](https://attacker.test/pixel.png)",
    '![x](javascript:alert(1)) [y](javascript:alert(1) "z")',
    "[a][b]\n\n[b]: https://attacker.test/\n\n![a][b]",
    "<svg onload=alert(1)><style>@import url(https://attacker.test)</style></svg>",
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></table></math>",
    "<form action=https://attacker.test><button formaction=javascript:alert(1)>go</form>",
    '<a href="javascript:alert(1)" style="position:fixed">here</a> <https://attacker.test>',
    "<style>*{background:url(https://attacker.test)}</style><link rel=stylesheet href=//a.test>",
    "<!--><img src=x onerror=alert(1)>-->",
    "</div></div></body><base href=https://attacker.test><meta http-equiv=refresh content=0>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<table><tr><td colspan='2\" onmouseover=\"alert(1)'>a<td></table>",
    '![_page](_page_0_Figure_1.png "x" onerror=alert(1))',
    '![svg](evil.svg) <img src=evil.svg> <img src="_page_0_Figure_1.png" onload=alert(1)>',
    "`<script>alert(1)</script>` ```\n</pre><script>alert(1)</script>\n```",
    "\\![a](https://attacker.test/b.png) \\\\![a](https://attacker.test/c.png)",
    "$\\href{javascript:alert(1)}{x}$ \\begin{a} \\(x\\) \\[y\\]",
    "https://attacker.test/ www.attacker.test a@attacker.test &lt;script&gt;",
    "\x00\x1b[2J\ud800\u202e",
    "<" * 50,
    "> " * 50,
    "<b>" * 100,
)

hostile = st.lists(st.sampled_from(ATTACKS) | st.text(max_size=8), max_size=8).map("".join)

IMAGES: dict[str, JSON] = {"_page_0_Figure_1.png": png(40, 30), "evil.svg": SVG, "no.png": 5}


def conversion(text: str, name: str = "markdown") -> Conversion:
    """Give a conversion to a format, with this text."""
    raw: dict[str, JSON] = {name: text, "images": IMAGES, "output_format": name}
    return Conversion(id="convert/a", source="in/a.pdf", raw={**raw, "page_count": 2})


def extraction(answer: dict[str, JSON]) -> Extraction[object]:
    """Give an extraction of this answer."""
    return Extraction(
        id="extract/a",
        raw={"extraction_schema_json": json.dumps(answer), "extraction_score_average": 4.5},
    )
