"""The pages, drawings and cards in a browser: no error, no overflow, and nothing runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page

from datalab_facade import RunReport
from datalab_facade.runs.run_results import RunResult
from tests.pictures import cards, graphs, scenes

Open = Callable[[str, str, int, bool], Page]


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Page:
    """Open a tab for all tests of this file: a new one for each page costs more than the page."""
    return browser.new_page()


@pytest.fixture
def opened(tab: Page, tmp_path: Path) -> Iterator[Open]:
    """Open a page, and see to it that nothing went wrong while it was there."""
    wrong: list[str] = []
    files: set[str] = set()

    def refuse(dialog: Dialog) -> None:
        wrong.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    hear: dict[str, Callable[..., None]] = {
        "console": lambda message: wrong.append(f"{message.type}: {message.text}"),
        "pageerror": lambda error: wrong.append(str(error)),
        "requestfailed": lambda request: wrong.append(f"failed: {request.url}"),
        "dialog": refuse,
        # What is in the page itself is not asked for.
        "request": lambda request: (
            None
            if request.url in files or request.url.startswith("data:image/")
            else wrong.append(f"asked for {request.url}")
        ),
    }
    for event, listen in hear.items():
        tab.on(event, listen)  # type: ignore[call-overload]

    def open_page(name: str, text: str, width: int, dark: bool) -> Page:
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        files.add(file.as_uri())
        tab.set_viewport_size({"width": width, "height": 700})
        tab.emulate_media(color_scheme="dark" if dark else "light")
        tab.goto(file.as_uri())
        keep = os.environ.get("DATALAB_SCREENSHOTS")
        if keep and file.suffix == ".html":
            picture = f"{file.stem}-{width}-{'dark' if dark else 'light'}.png"
            tab.screenshot(path=Path(keep) / picture, full_page=True)
        return tab

    yield open_page
    for event, listen in hear.items():
        tab.remove_listener(event, listen)
    assert not wrong


def overflow(page: Page) -> int:
    """Tell by how many pixels the page is wider than the window."""
    return int(
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("scene", scenes.ALL)
def test_a_page_opens_cleanly_on_wide_and_on_narrow_screens(
    opened: Open, scene: str, dark: bool
) -> None:
    text = scenes.ALL[scene]().timeline().html()
    for width in (1100, 380):
        page = opened(f"{scene}.html", text, width, dark)
        assert overflow(page) == 0
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert overflow(page) == 0
        assert page.title() == "Execution 123"
        assert page.evaluate("document.scripts.length") == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", graphs.ALL)
def test_the_page_of_a_workflow_opens_cleanly(opened: Open, name: str, dark: bool) -> None:
    for width in (1100, 380):
        page = opened(f"graph-{name}.html", graphs.ALL[name].html(), width, dark)
        assert overflow(page) == 0
        assert len(page.query_selector_all("svg:visible")) == 1


@pytest.mark.parametrize("name", graphs.ALL)
def test_the_words_in_the_boxes_of_a_workflow_stay_inside_of_them(opened: Open, name: str) -> None:
    page = opened(f"graph-{name}.svg", graphs.ALL[name].svg(), 1000, False)
    assert page.evaluate(
        """() => [...document.querySelectorAll('g > rect')].every(rect => {
            const box = rect.getBBox();
            return [...rect.parentNode.querySelectorAll('text')].map(text => text.getBBox())
                .every(text => text.x >= box.x && text.x + text.width <= box.x + box.width); })"""
    )


def test_a_step_unfolds_its_files_without_any_script(opened: Open) -> None:
    page = opened("files.html", scenes.five_hundred_files().timeline().html(), 1100, False)
    first = page.get_by_text("document-0000.pdf", exact=True).first
    assert not first.is_visible()
    page.get_by_text("500 files").click()
    assert first.is_visible()


def test_the_policy_of_a_page_stops_what_is_put_into_it(browser: Browser, tmp_path: Path) -> None:
    text = scenes.one_step().timeline().html()
    bad = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    file = tmp_path / "bad.html"
    file.write_text(text.replace("</main>", f"{bad}</main>"), encoding="utf-8")
    page = browser.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(file.as_uri())
    assert page.title() == "Execution 123"
    assert any("Content Security Policy" in words for words in refused)
    page.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("scene", scenes.ALL)
def test_a_drawing_opens_by_itself_and_its_text_stays_inside(
    opened: Open, scene: str, dark: bool
) -> None:
    page = opened(f"{scene}.svg", scenes.ALL[scene]().timeline().svg(), 1000, dark)
    outside = page.evaluate(
        """() => [...document.querySelectorAll('text')]
            .filter(text => { const box = text.getBBox();
                return box.x < 0 || box.x + box.width > 960; })
            .map(text => text.textContent)"""
    )
    assert outside == []


@pytest.mark.parametrize("width", [320, 380, 960])
@pytest.mark.parametrize("scene", scenes.ALL)
def test_no_two_texts_of_a_drawing_overlap(opened: Open, scene: str, width: int) -> None:
    page = opened(f"{scene}.svg", scenes.ALL[scene]().timeline().svg(width=width), 1000, False)
    overlaps = page.evaluate(
        """() => { const texts = [...document.querySelectorAll('text')]
                .map(text => [text.textContent, text.getBBox()]);
            return texts.flatMap(([one, a], n) => texts.slice(n + 1)
                .filter(([, b]) => a.x + 1 < b.x + b.width && b.x + 1 < a.x + a.width
                    && a.y + 4 < b.y + b.height && b.y + 4 < a.y + a.height)
                .map(([other]) => [one, other])); }"""
    )
    assert overlaps == []


def test_names_do_not_run_into_the_bars(opened: Open) -> None:
    for scene in ("hostile", "invoices", "five_hundred_files", "forty_steps"):
        page = opened(f"{scene}.svg", scenes.ALL[scene]().timeline().svg(), 1000, False)
        assert page.evaluate(
            """() => { const bars = Math.min(...[...document.querySelectorAll('line.grid')]
                    .map(line => line.getBBox().x));
                return [...document.querySelectorAll('g > text')]
                    .map(text => text.getBBox()).filter(box => box.x < 60)
                    .every(box => box.x + box.width < bars); }"""
        )


def in_a_notebook(html: str) -> str:
    """Put what a cell shows into a page that would let anything run and load."""
    return (
        '<!doctype html><html><head><meta charset="utf-8"><title>notebook</title></head>'
        f"<body><main>{html}</main><p id=after>after</p></body></html>"
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_conversion_shows_its_document_and_its_image(opened: Open, dark: bool) -> None:
    text = in_a_notebook(cards.conversion(cards.INVOICE)._repr_html_())
    for width in (1100, 380):
        page = opened("conversion.html", text, width, dark)
        assert overflow(page) == 0
        assert page.get_by_role("heading", name="Invoice 4711").is_visible()
        image = page.get_by_alt_text("The chart")
        assert image.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [40, 30]
        assert page.get_by_role("cell", name="Nuts").is_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_an_extraction_shows_its_table(opened: Open, dark: bool) -> None:
    answer = {f"field_{n}": "a long value " * 9 for n in range(30)}
    found = cards.extraction({"total": 5, "total_score": 4, "total_citations": ["/p/1"], **answer})
    for width in (1100, 380):
        page = opened("extraction.html", in_a_notebook(found._repr_html_()), width, dark)
        assert overflow(page) == 0
        assert page.get_by_role("cell", name="/p/1").is_visible()


@pytest.mark.parametrize("name", ["markdown", "html"])
def test_a_hostile_document_runs_nothing_loads_nothing_and_stays_in_its_place(
    opened: Open, name: str
) -> None:
    for number, attack in enumerate((*cards.ATTACKS, "".join(cards.ATTACKS))):
        html = cards.conversion(f"before {attack} after", name)._repr_html_()
        printable = html.encode("utf-8").decode()
        page = opened(f"{name}-{number}.html", in_a_notebook(printable), 800, False)
        assert page.title() == "notebook"
        assert page.evaluate(
            """() => [...document.querySelectorAll('.datalab-card *')].every(one =>
                !one.matches('script,a,iframe,object,embed,form,input,button,link,meta,base,svg,math')
                && [...one.attributes].every(({name}) =>
                    ['class', 'colspan', 'rowspan', 'src', 'alt'].includes(name)))"""
        )
        # The page goes on beside the card, not inside of it.
        assert page.evaluate("document.querySelector('body > #after') !== null")
        assert page.evaluate("document.querySelectorAll('main > .datalab-card').length") == 1


@pytest.mark.parametrize("width", [1200, 360])
def test_the_report_of_a_run_opens_cleanly(opened: Open, width: int) -> None:
    attack = "<img src=x onerror=alert(1)><script>alert(1)</script>"
    result = RunResult(source=attack, folder=Path("out/a"), reason=attack)
    report = RunReport(task=attack, folder=Path("out"), results=(result,))
    page = opened("run.html", report.html(), width, False)
    assert page.locator("tbody td .name > span").first.inner_text() == attack
    assert overflow(page) <= 0


@pytest.mark.parametrize(("width", "shown"), [(1200, "wide"), (360, "narrow")])
def test_a_page_shows_the_axis_that_is_made_for_its_width(
    opened: Open, width: int, shown: str
) -> None:
    page = opened("timeline.html", scenes.one_step().timeline().html(), width, False)
    for style in ("wide", "narrow"):
        assert page.locator(f".axis.{style}").is_visible() is (style == shown)
