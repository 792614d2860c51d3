"""What a notebook shows of results: readable, bounded, and harmless whatever a document holds."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from markdown_it import MarkdownIt
from markdown_it.token import Token

from datalab_facade import (
    AgentResult,
    AsyncDatalab,
    Conversion,
    CreatedDocument,
    Datalab,
    DocumentRequest,
    Extract,
    FilledForm,
    SchemaSuggestions,
    Segmentation,
    Status,
)
from datalab_facade.documents.async_handles import AsyncDocumentHandle
from datalab_facade.documents.handles import DocumentHandle
from datalab_facade.models import JSON
from datalab_facade.pictures import cards as drawing
from datalab_facade.pictures.markdown_reading import read_markdown
from datalab_facade.pictures.markup import element
from datalab_facade.pictures.rich_text import ImageStock, TreeBuilder, as_html, read_html
from tests.pictures.cards import ATTACKS, IMAGES, INVOICE, conversion, extraction, hostile
from tests.secrets_for_tests import API_KEY

_TAGS = frozenset(
    "div style table thead tbody tfoot tr td th caption p h1 h2 h3 h4 h5 h6 ul ol li"  # noqa: SIM905
    " blockquote pre hr br b strong i em u s del ins sub sup code mark small span img"
    " dl dt dd figure figcaption".split()
)
_DATA = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+")


class _Checked(HTMLParser):
    """Checks each tag of a card, and that its own elements end where they should."""

    def __init__(self) -> None:
        super().__init__()
        self.styles = 0
        self.images: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _TAGS
        self.styles += tag == "style"
        for name, value in attrs:
            assert name in {"class", "colspan", "rowspan", "src", "alt"}
            if name == "src":
                assert _DATA.fullmatch(value or "")
                self.images.append(value or "")
            elif name in {"colspan", "rowspan"}:
                assert (value or "").isdecimal()

    def handle_comment(self, data: str) -> None:
        pytest.fail(f"a comment: {data}")


def check_card(html: str) -> list[str]:
    """Check that nothing of a card runs, loads or leads anywhere; give its images."""
    html.encode()
    checked = _Checked()
    checked.feed(html)
    checked.close()
    assert checked.styles == 1
    return checked.images


def check_markdown(text: str) -> None:
    """Check that Markdown has no HTML, no links, and no images that are not in it."""
    text.encode()

    def check(tokens: list[Token]) -> None:
        for token in tokens:
            assert token.type not in {"html_inline", "html_block", "link_open"}, token
            if token.type == "image":
                assert _DATA.fullmatch(str(token.attrs["src"]))
            check(token.children or [])

    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    # As a notebook would read it, which allows images that are in the text.
    vars(markdown)["validateLink"] = lambda url: True
    check(markdown.parse(text))


def test_a_conversion_is_shown_as_its_document_with_its_images() -> None:
    shown = conversion(INVOICE)._repr_html_()
    [image] = check_card(shown)
    assert image.endswith(str(IMAGES["_page_0_Figure_1.png"]))
    for part in (
        "Conversion of in/a.pdf",
        "convert/a · 2 pages",
        "<h1>Invoice <strong>4711</strong></h1>",
        "<em>Ada Lovelace</em>, H<sub>2</sub>O and <code>E = mc^2</code>, 5 &lt; 6 &amp; so on.",
        'alt="The chart"',
        "<tr><td>Nuts</td><td><strong>2.50</strong></td></tr>",
        "<tr><td>a | b</td><td><code>x&lt;y</code></td></tr>",
        '<th colspan="2">Total</th></tr><tr><td>EUR</td><td>12</td></tr></tbody></table>',
        "<ul><li>first<ul><li>second</li></ul></li>",
        "<li>third</li>",
        "<hr>",
        "<blockquote><p>quoted</p></blockquote>",
        "<pre>def f(): &lt;b&gt;</pre>",
    ):
        assert part in shown


def test_a_conversion_as_markdown_keeps_what_it_is_made_of() -> None:
    shown = conversion(INVOICE)._repr_markdown_()
    check_markdown(shown)
    assert "# Invoice **4711**" in shown
    assert f"![The chart](data:image/png;base64,{IMAGES['_page_0_Figure_1.png']})" in shown
    assert "| Nuts | **2.50** |" in shown


@pytest.mark.parametrize("name", ["markdown", "html"])
@given(text=hostile)
def test_nothing_of_a_document_runs_loads_or_leads_anywhere(name: str, text: str) -> None:
    result = conversion(text, name)
    check_card(result._repr_html_())
    check_markdown(result._repr_markdown_())


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("name", ["markdown", "html"])
def test_no_attack_becomes_an_element(name: str, attack: str) -> None:
    result = conversion(f"before {attack}\n\nafter {attack}", name)
    shown = result._repr_html_()
    check_card(shown)
    check_markdown(result._repr_markdown_())
    assert "before" in shown


@given(text=hostile)
@example(text="\ud800")
def test_whatever_stands_in_a_result_of_another_kind_is_text(text: str) -> None:
    raw: dict[str, JSON] = {
        "segmentation_results": {"segments": [{"name": text, "pages": [1], "confidence": text}]},
        "fields_filled": [text],
        "fields_not_found": [text],
        "suggestions": {"simple_schema": {"title": text}, "complex_schema": text or "no"},
        "output_format": text,
        text: text,
    }
    found = extraction({"a" + text: text, "b": {text: text}, "b_score": 3, "b_citations": [text]})
    for result in (
        found,
        Segmentation(id="a/b", source=text, raw=raw),
        FilledForm(id="a/b", source=text, raw=raw),
        CreatedDocument(id="a/b", source=text, raw=raw),
        SchemaSuggestions(id="a/b", source=text, raw=raw),
        AgentResult(id="a/b", source=text, raw=raw),
    ):
        assert check_card(result._repr_html_()) == []
        check_markdown(result._repr_markdown_())
    request = DocumentRequest(id="convert/a", status=Status.parse(text or "no"), error=text)
    check_card(request._repr_html_())


def test_an_extraction_is_a_table_with_values_scores_and_citations() -> None:
    shown = extraction(
        {
            "total": 12.5,
            "total_score": {"score": 4, "reasoning": "clear"},
            "total_citations": ["/page/0/Text/1", "/page/1/Text/2"],
            "items": [{"name": "<b>Nuts</b>"}],
            "note": None,
        }
    )._repr_html_()
    assert "average score 4.5 of 5" in shown
    cells = "<td>total</td><td>12.5</td><td>4</td><td>/page/0/Text/1, /page/1/Text/2</td>"
    assert f"<tr>{cells}<td>clear</td></tr>" in shown
    assert "<td>items[0].name</td><td>&lt;b&gt;Nuts&lt;/b&gt;</td>" in shown
    # What the rows below say has no row of its own.
    assert "<td>items</td>" not in shown
    assert "<td>note</td><td></td>" in shown


def test_an_extraction_that_cannot_be_read_says_so() -> None:
    broken = extraction({})
    broken.raw["extraction_schema_json"] = "{"  # type: ignore[index]
    assert "is not JSON" in broken._repr_html_()


def test_the_other_results_show_what_they_hold() -> None:
    raw: dict[str, JSON] = {
        "segmentation_results": {"segments": [{"name": "Letter", "pages": [0, 1, 4]}]},
        "fields_filled": ["name"],
        "fields_not_found": ["date"],
        "output_format": "pdf",
        "output_base64": "QUJD" * 1000,
        "suggestions": {"simple_schema": {"title": "Simple"}},
    }
    segments = Segmentation(id="segment/a", raw=raw)._repr_html_()
    assert "<td>Letter</td><td>0-1,4</td>" in segments
    form = FilledForm(id="fill/a", raw=raw)._repr_html_()
    assert "pdf · about 3.0 kB" in form
    assert "<td>date</td><td>not found in the form</td>" in form
    assert "about 3.0 kB" in CreatedDocument(id="create-document/a", raw=raw)._repr_html_()
    suggested = SchemaSuggestions(id="marker/extraction/gen_schemas/a", raw=raw)._repr_html_()
    assert "simple" in suggested
    assert '"title": "Simple"' in suggested


def test_a_conversion_to_json_alone_shows_it() -> None:
    result = conversion("", "html")
    result.raw["json"] = {"children": ["<b>"]}  # type: ignore[index]
    shown = result._repr_html_()
    assert '"children"' in shown
    assert "Nothing came as html" in shown
    check_card(shown)


def test_a_request_and_a_handle_show_what_is_known() -> None:
    request = DocumentRequest(id="convert/a", status=Status.parse("processing"), error="no <pages>")
    shown = request._repr_html_()
    check_card(shown)
    assert f"convert/a · {request.status}" in shown
    assert "no &lt;pages&gt;" in shown
    with Datalab(API_KEY) as client:
        task = Extract({"properties": {"a": {}}}, webhook_url="https://a.test/secret")
        handle = DocumentHandle(id="extract/a", jobs=client.documents, task=task)
        shown = handle._repr_html_()
    check_card(shown)
    assert "page_schema" in shown
    assert API_KEY not in shown
    assert "/secret" not in shown


def test_what_is_too_large_is_left_out_and_said() -> None:
    result = conversion("a line\n" * 60_000)
    shown = result._repr_html_()
    assert len(shown) < 250_000
    note = "of 420,000 characters of the text"
    assert note in shown
    assert note in result._repr_markdown_()
    many = extraction({f"field {n}": n for n in range(drawing.MAX_ROWS + 7)})
    assert "… 7 more rows" in many._repr_html_()
    assert "… 7 more rows" in many._repr_markdown_()
    svg = conversion("![a](evil.svg)")._repr_html_()
    assert "[image: a]" in svg
    assert "1 image left out" in svg


def test_images_have_a_limit_together_however_often_they_are_shown() -> None:
    encoded = str(IMAGES["_page_0_Figure_1.png"])
    stock = ImageStock({"a": encoded, "b": encoded}, max_chars=2 * len(encoded))
    assert stock.uri("a")
    assert stock.uri("a")
    assert stock.uri("b") is None
    assert stock.uri("missing") is None
    assert stock.left_out == {"b"}


@pytest.mark.parametrize("read", [read_markdown, read_html])
@pytest.mark.parametrize(
    "part", ["<", "<!--", "[", "![a", "*a ", "**", "`a", "$a", "> ", "- ", "|", "<b>", "<script>"]
)
def test_reading_takes_about_as_long_as_the_text_is(
    read: Callable[[str, TreeBuilder], None], part: str
) -> None:
    assert seconds_of(read, part * (100_000 // len(part))) < 10


@pytest.mark.parametrize("read", [read_markdown, read_html])
@pytest.mark.parametrize(
    "text",
    [
        f"# {'#' * 100_000}x",
        f"# a{' ' * 100_000}x",
        f"a|b\n|-{' ' * 100_000}x|\n",
        f"a|b\n|-{'|-' * 50_000}x|\n",
        f"- {' ' * 100_000}x",
        f"<td {'a' * 3_900}>" * 25,
    ],
    ids=["marks", "spaces", "rule", "columns", "item", "attributes"],
)
def test_a_line_that_is_almost_something_takes_no_longer(
    read: Callable[[str, TreeBuilder], None], text: str
) -> None:
    assert seconds_of(read, text) < 3


def seconds_of(read: Callable[[str, TreeBuilder], None], text: str) -> float:
    """Return how long reading takes; something quadratic would take minutes."""
    root = element(None, "div")
    began = time.process_time()
    read(text, TreeBuilder(root, ImageStock({})))
    as_html(root)
    return time.process_time() - began


async def test_a_handle_of_the_async_client_is_shown_as_one_of_the_blocking_client() -> None:
    task = Extract({"properties": {"a": {}}}, webhook_url="https://a.test/secret")
    async with AsyncDatalab(API_KEY) as client:
        handle = AsyncDocumentHandle(id="extract/a", jobs=client.documents, task=task)
        shown = handle._repr_html_()
    check_card(shown)
    assert "page_schema" in shown
    assert API_KEY not in shown
    assert "/secret" not in shown
    with Datalab(API_KEY) as client:
        same = DocumentHandle(id="extract/a", jobs=client.documents, task=task)
        assert same._repr_html_() == shown


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n and more", "png"),
        (b"\xff\xd8\xff and more", "jpeg"),
        (b"GIF89a and more", "gif"),
        (b"RIFF\x04\0\0\0WEBP", "webp"),
    ],
)
def test_an_image_is_shown_as_what_its_first_bytes_say(data: bytes, kind: str) -> None:
    encoded = base64.b64encode(data).decode()
    # The name says nothing: whoever wrote the document chose it.
    result = Conversion(
        id="convert/a", raw={"markdown": "![a](a.bmp)", "images": {"a.bmp": encoded}}
    )
    assert check_card(result._repr_html_()) == [f"data:image/{kind};base64,{encoded}"]


@pytest.mark.parametrize("encoded", ["a", "ä", "RIFF", base64.b64encode(b"RIFF1234WAVE").decode()])
def test_what_is_no_image_is_left_out_and_said(encoded: str) -> None:
    result = Conversion(
        id="convert/a", raw={"markdown": "![a](a.png)", "images": {"a.png": encoded}}
    )
    shown = result._repr_html_()
    assert check_card(shown) == []
    assert "[image: a]" in shown
    assert "1 image left out" in shown


def test_breaks_and_lines_of_html_are_kept_and_what_ends_nothing_is_dropped() -> None:
    shown = conversion("<p>one<br>two</img></br></p><hr><p>three</nothing></p>", "html")
    html = shown._repr_html_()
    check_card(html)
    assert "<p>one<br>two" in html
    assert "<hr><p>three</p>" in html
    assert "nothing" not in html


def test_a_formula_on_one_line_is_a_part_of_its_paragraph() -> None:
    shown = conversion("$$E = mc^2$$\nand so on")._repr_html_()
    check_card(shown)
    assert "<p><code>E = mc^2</code>\nand so on</p>" in shown


@pytest.mark.parametrize("end", ["", "\n</table>\n\nafter"])
def test_a_table_over_several_lines_is_one_table_even_if_it_never_ends(end: str) -> None:
    shown = conversion(f"before\n\n<table>\n<tr><td>1</td></tr>\n<tr><td>2</td></tr>{end}")
    html = shown._repr_html_()
    check_card(html)
    assert "<p>before</p><table>" in html
    assert html.count("<td>1</td>") == html.count("<td>2</td>") == 1
    assert ("<p>after</p>" in html) == bool(end)


def test_a_code_block_that_never_ends_goes_on_to_the_end() -> None:
    shown = conversion("before\n\n```\n# no heading\n\n<b>")._repr_html_()
    check_card(shown)
    assert "<pre># no heading\n\n&lt;b&gt;</pre>" in shown


def test_json_that_is_too_deep_for_a_card_does_not_keep_it_from_being_shown() -> None:
    deep: JSON = "end"
    for _ in range(100_000):
        deep = [deep]
    shown = AgentResult(id="agent/a", raw={"answer": deep})._repr_html_()
    check_card(shown)
    assert "agent/a" in shown
