"""A timeline as SVG and as a page: well-formed, harmless, and telling all there is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from datalab_facade import Execution
from tests.pictures import scenes
from tests.pictures.checking import check_html, check_svg
from tests.pictures.strategies import executions
from tests.secrets_for_tests import SIGNATURE


@pytest.mark.parametrize("scene", scenes.ALL)
@pytest.mark.parametrize("width", [0, 320, 960])
def test_the_svg_of_every_scene_is_sound(scene: str, width: int) -> None:
    timeline = scenes.ALL[scene]().timeline()
    root = check_svg(timeline.svg(width=width))
    assert root.get("width") == str(max(320, width))


@pytest.mark.parametrize("scene", scenes.ALL)
def test_the_page_of_every_scene_is_sound(scene: str) -> None:
    check_html(scenes.ALL[scene]().timeline().html())


@settings(max_examples=50)
@given(executions())
def test_whatever_an_execution_holds_its_pictures_are_sound(told: Execution) -> None:
    timeline = told.timeline()
    check_svg(timeline.svg())
    check_html(timeline.html())
    check_svg(timeline._repr_html_())


def test_the_hostile_words_are_there_as_words() -> None:
    timeline = scenes.hostile().timeline()
    for picture in (timeline.svg(), timeline.html()):
        assert "<script" not in picture
        assert "<img" not in picture
        assert "&lt;script&gt;" in picture
        assert "\x1b" not in picture


def test_names_too_long_for_their_place_are_told_in_full_on_pointing() -> None:
    whole = "x" * 300
    root = check_svg(scenes.hostile().timeline().svg())
    titles = [found.text or "" for found in root.iter("{http://www.w3.org/2000/svg}title")]
    assert any(whole in title for title in titles)
    tips = [found.get("title", "") for _, found in check_html(scenes.hostile().timeline().html())]
    assert any(whole in tip for tip in tips)


def test_no_picture_tells_a_signature() -> None:
    told = scenes.failed()
    timeline = told.timeline()
    for picture in (timeline.text(), timeline.svg(), timeline.html(), told._repr_html_()):
        assert SIGNATURE not in picture
        assert "no such page" in picture


def test_five_hundred_files_are_one_row_in_the_drawing_and_all_on_the_page() -> None:
    timeline = scenes.five_hundred_files().timeline()
    drawing, page = timeline.svg(), timeline.html()
    assert drawing.count("document-0") < 10
    assert "500 files" in drawing
    assert len(drawing) < 25_000
    for number in range(500):
        assert f">document-{number:04}.pdf<" in page
    assert len(page) < 700_000


def test_failures_come_first_where_not_all_files_find_a_place() -> None:
    files = {f"{n:05}": scenes.run(begins=1, ends=2 + n / 100) for n in range(4_000)}
    files["03999"] = scenes.run("FAILED", 3, 4, error="no pages")
    page = scenes.execution({"parse": files}).timeline().html()
    assert ">03999<" in page
    assert "3,000 more files" in page
    assert len(page) < 700_000


def test_the_same_timeline_is_drawn_the_same() -> None:
    one, other = (scenes.running().timeline() for _ in range(2))
    assert (one.svg(), one.html()) == (other.svg(), other.html())
    assert one.svg() != scenes.failed().timeline().svg()


def test_a_notebook_shows_the_picture_and_the_table_of_an_execution() -> None:
    shown = scenes.invoices()._repr_html_()
    assert shown.startswith("<svg")
    assert "<table" in shown
    assert len(shown) < 20_000
    assert len(scenes.five_hundred_files()._repr_html_()) < 200_000


def test_what_a_picture_has_no_room_for_is_counted() -> None:
    steps = {f"step_{number}": scenes.run(begins=0, ends=number) for number in range(3_000)}
    timeline = scenes.execution(steps).timeline()
    for picture in (timeline.svg(), timeline.html(), timeline.text()):
        assert " more steps" in picture


def test_failures_that_a_page_has_no_room_for_are_counted() -> None:
    files = {
        f"file_{number}": scenes.run("FAILED", 0, 1, error="no pages") for number in range(500)
    }
    page = scenes.execution({"parse": files}, "FAILED").timeline().html()
    assert " more failed" in page
