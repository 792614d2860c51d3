"""Pages are said in several ways, and written in the API's."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import InvalidArgumentError
from datalab_facade.documents.page_ranges import to_page_range

PAGES = st.integers(0, 10_000)


def pages_of(text: str) -> list[int]:
    """Read the API's notation, as the server does."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


@given(st.lists(PAGES, min_size=1))
def test_pages_are_written_in_their_order_none_left_out(pages: list[int]) -> None:
    text = to_page_range(pages)
    assert text is not None
    assert pages_of(text) == pages


@given(st.builds(range, PAGES, PAGES, st.sampled_from([1, 2, 5, -1, -3])).filter(len))
def test_a_range_is_its_pages(pages: range) -> None:
    text = to_page_range(pages)
    assert text is not None
    assert pages_of(text) == list(pages)


@given(st.lists(st.tuples(PAGES, PAGES).map(sorted), min_size=1))
def test_the_notation_of_the_api_stays_and_is_read_again(runs: list[list[int]]) -> None:
    text = " , ".join(f"{first} - {last}" for first, last in runs)
    written = to_page_range(text)
    assert written == ",".join(f"{first}-{last}" for first, last in runs)
    assert to_page_range(written) == written


@pytest.mark.parametrize(
    ("pages", "written"),
    [
        (None, None),
        (0, "0"),
        ("0", "0"),
        (range(10), "0-9"),
        (range(2_000_000_000), "0-1999999999"),
        ([3], "3"),
        ((0, 1, 2, 5), "0-2,5"),
        ((page for page in (7, 8)), "7-8"),
        ({4}, "4"),
        ([1, 1], "1,1"),
    ],
)
def test_all_ways_to_say_pages(pages: Any, written: str | None) -> None:
    assert to_page_range(pages) == written


@pytest.mark.parametrize(
    "pages",
    [
        "",
        "1,",
        "all",
        "5-3",
        "-1",
        "1-",
        "٣",
        "1 2",
        "99999999999",
        "9999999999",
        -1,
        [-1],
        [True],
        True,
        1.0,
        [1.5],
        ["1"],
        [],
        range(0),
        range(-1, 3),
        b"1",
        itertools.count(),
        itertools.repeat(0),
        Ellipsis,
    ],
    ids=repr,
)
def test_what_does_not_name_pages_is_refused_before_it_is_sent(pages: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=r"page|whole number"):
        to_page_range(pages)
