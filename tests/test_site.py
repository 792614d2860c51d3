"""The site that is built from docs/, opened in a browser."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import docstrings
import griffe
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
)

import datalab_facade
from tests.markdown import ROOT

_PARTS = ("zensical.toml", "docs", "datalab_facade", "scripts/docstrings.py")

Visit = Callable[[str, int], Page]

# The first test of each process builds the site, before it begins.
pytestmark = pytest.mark.timeout(240)


def _build(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict"],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


def _copy_sources(goal: Path) -> None:
    for part in _PARTS:
        source, copy = ROOT / part, goal / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str) -> Path:
    """Build the site, once for all processes of a run."""
    folder = tmp_path_factory.getbasetemp().parent / f"site-{testrun_uid}"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "site").exists():
            _copy_sources(folder)
            built = _build(folder)
            assert built.returncode == 0, built.stdout + built.stderr
    return folder / "site"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as it is called there
        pass


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=site)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """Open pages, and see to it that nothing went wrong while they were open."""
    wrong: list[str] = []
    contexts: list[BrowserContext] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            wrong.append(f"{message.type}: {message.text}")

    def asked(request: Request) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            wrong.append(f"asked for {request.url}")

    def answered(response: Response) -> None:
        if response.status >= 400:
            wrong.append(f"{response.status}: {response.url}")

    def open_page(path: str, width: int) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", asked)
        page.on("response", answered)
        page.goto(f"{address}/{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


def test_the_site_is_built_without_a_warning(site: Path) -> None:
    pages = {page.relative_to(site).with_suffix(".md") for page in site.rglob("*.html")}
    sources = {page.relative_to(ROOT / "docs") for page in (ROOT / "docs").rglob("*.md")}
    assert sources <= pages


@pytest.mark.parametrize(
    "mistake",
    ["[gone](no-such-page.md)", "[gone](index.md#no-such-place)", "[gone][datalab_facade.Gone]"],
    ids=["page", "place", "name"],
)
def test_a_link_that_leads_nowhere_ends_the_build(mistake: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# Page\n\n{mistake}\n", encoding="utf-8")
    text = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    alone = re.sub(r"^nav = \[\n.*?^\]\n", "", text, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "zensical.toml").write_text(alone, encoding="utf-8")
    _copy_docstrings(tmp_path)
    built = _build(tmp_path)
    assert built.returncode != 0
    assert "1 issue found" in built.stdout + built.stderr


def _copy_docstrings(goal: Path) -> None:
    (goal / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "docstrings.py", goal / "scripts")


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in (site / "reference").iterdir())
    places = set(re.findall(r'id="([\w.]+)"', text))
    missing = [
        name
        for name in datalab_facade.__all__
        if name != "__version__" and f"datalab_facade.{name}" not in places
    ]
    assert not missing


def test_no_page_shows_markup_of_docstrings(site: Path) -> None:
    for page in (site / "reference").iterdir():
        text = page.read_text(encoding="utf-8")
        assert not re.search(r":(?:class|meth|func|mod|attr|data):", text), page.name
        assert "<autoref" not in text, page.name
        assert "&lt;BLANKLINE&gt;" not in text, page.name
        assert not re.search(r"<blockquote>\s*<blockquote>", text), page.name


def test_pages_open_cleanly_on_wide_and_on_narrow_screens(
    site: Path, address: str, visit: Visit
) -> None:
    keep = os.environ.get("DATALAB_SCREENSHOTS")
    page = visit("index.html", 1280)
    # Each page would read a megabyte and index it, which takes as long as all else about it.
    nothing = {**json.loads((site / "search.json").read_bytes()), "items": []}
    page.route("**/search.json", lambda route: route.fulfill(json=nothing))
    for file in sorted(site.rglob("*.html")):
        page.goto(f"{address}/{file.relative_to(site).as_posix()}")
        for width in (1280, 380):
            page.set_viewport_size({"width": width, "height": 900})
            sticking_out = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert sticking_out <= 0, file.name
            if keep:
                page.screenshot(path=Path(keep) / f"site-{file.stem}-{width}.png", full_page=True)
        unseen = page.evaluate(
            "[...document.images].filter(image => !image.naturalWidth).map(image => image.src)"
        )
        assert unseen == []


def test_text_is_large_enough_to_be_read_on_a_phone(visit: Visit) -> None:
    page = visit("tutorial.html", 380)
    small = page.evaluate(
        """() => [...document.querySelectorAll('article p, article li, article pre code')]
            .filter(element => parseFloat(getComputedStyle(element).fontSize) < 12)
            .map(element => element.textContent)"""
    )
    assert small == []
    lines = page.evaluate(
        "[...document.querySelectorAll('article p')].map(one => one.getBoundingClientRect().right)"
    )
    assert max(lines) <= 380


@pytest.mark.parametrize("words", ["as_completed", "proxy", "WaitTimeoutError"])
def test_the_search_finds_pages_and_names(visit: Visit, words: str) -> None:
    page = visit("index.html", 1280)
    page.get_by_role("button", name="Search").click()
    page.locator("input:focus").fill(words)
    expect(page.get_by_text(re.compile(r"^\d+ results?$"))).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: not url.endswith("/index.html"))
    expect(page.locator("article")).to_contain_text(words, ignore_case=True)


def test_the_front_page_shows_what_it_is_and_a_result_in_one_screen(visit: Visit) -> None:
    page = visit("index.html", 1280)
    result = page.get_by_text("2 # A report")
    box = result.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 900


def test_docstrings_become_markdown() -> None:
    package = griffe.load("datalab_facade", search_paths=[ROOT], resolve_aliases=False)
    jobs = package["jobs.resource.JobWaits"]
    assert docstrings.as_markdown("As :meth:`wait`, see :class:`~a.b.C`.", jobs) == (
        'As <autoref optional identifier="datalab_facade.jobs.resource.JobWaits.wait">'
        '<code>wait</code></autoref>, see <autoref optional identifier="a.b.C"><code>C</code>'
        "</autoref>."
    )
    assert docstrings.as_markdown("Try::\n\n    1 + 1", jobs) == "Try:\n\n    1 + 1"
    assert docstrings.as_markdown(">>> print()\n<BLANKLINE>\n\nEnd.", jobs) == (
        "```pycon\n>>> print()\n\n```\n\nEnd."
    )
