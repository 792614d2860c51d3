"""A list ends, holds every file, and holds none twice, whatever the server makes of pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import File, InvalidArgumentError
from datalab_facade.paging import Page, PageRequest, Paging


def files(*numbers: int) -> tuple[File, ...]:
    return tuple(
        File(id=number, reference=f"datalab://file-{number}", filename=f"{number}.pdf")
        for number in numbers
    )


@attrs.define
class Server:
    """A list of files behind pages; the oddities of servers are switches."""

    numbers: list[int]
    cap: int = 100
    tells_total: bool = True
    ignores_offset: bool = False
    meanwhile: Callable[[Server], None] = lambda _: None
    asked: list[PageRequest] = attrs.field(factory=list)

    def page(self, wanted: PageRequest) -> Page[File]:
        self.asked.append(wanted)
        assert len(self.asked) < 10_000, "this goes on for ever"
        start = 0 if self.ignores_offset else wanted.offset
        shown = self.numbers[start : start + min(wanted.limit, self.cap)]
        page = Page(files(*shown), len(shown), len(self.numbers) if self.tells_total else None)
        self.meanwhile(self)
        return page


def paging_of(**options: Any) -> Paging[File]:
    """Give a paging of files."""
    return Paging(most=100, key=lambda file: file.id, **options)


def walk(server: Server, *, limit: int | None = None, page_size: int = 100) -> list[int]:
    paging, given_ = paging_of(limit=limit, page_size=page_size), list[int]()
    while (wanted := paging.next_request) is not None:
        given_ += (file.id for file in paging.take(server.page(wanted)))
    return given_


@given(
    count=st.integers(0, 60),
    cap=st.integers(1, 20),
    page_size=st.integers(1, 20),
    tells_total=st.booleans(),
    limit=st.none() | st.integers(0, 70),
)
def test_every_file_is_given_once_in_order(
    count: int, cap: int, page_size: int, tells_total: bool, limit: int | None
) -> None:
    """Also where pages are shorter than asked for, and no total is told."""
    server = Server(list(range(count)), cap=cap, tells_total=tells_total)
    assert walk(server, limit=limit, page_size=page_size) == list(range(count))[:limit]
    pages = -(-count // min(cap, page_size))
    assert len(server.asked) <= pages + 1


@given(count=st.integers(0, 60), page_size=st.integers(1, 20), added=st.lists(st.integers(0, 20)))
def test_files_that_are_added_meanwhile_make_no_duplicates(
    count: int, page_size: int, added: list[int]
) -> None:
    """They push others onto the next page, since the newest come first."""
    more = iter(added)

    def add(server: Server) -> None:
        # A whole page of new ones between two pages cannot be told from the same page again.
        for _ in range(min(next(more, 0), page_size - 1)):
            server.numbers.insert(0, max([1_000, *server.numbers]) + 1)

    given_ = walk(Server(list(range(count)), meanwhile=add), page_size=page_size)
    assert len(given_) == len(set(given_))
    assert set(given_) >= set(range(count))


@given(st.integers(0, 30), st.integers(1, 20), st.booleans())
def test_a_server_that_ignores_the_offset_ends_the_list(
    count: int, page_size: int, tells_total: bool
) -> None:
    server = Server(list(range(count)), ignores_offset=True, tells_total=tells_total)
    assert walk(server, page_size=page_size) == list(range(min(count, page_size)))
    assert len(server.asked) <= 2


@given(
    st.lists(
        st.builds(
            lambda numbers, extra, total: Page(files(*numbers), len(numbers) + extra, total),
            st.lists(st.integers(0, 5), max_size=5),
            st.integers(0, 2),
            st.none() | st.integers(-5, 1_000),
        ),
        max_size=40,
    )
)
def test_whatever_pages_say_no_file_comes_twice_and_it_ends(pages: list[Page[File]]) -> None:
    """With so few different files, endless pages bring nothing new sooner or later."""
    paging, given_, left = paging_of(limit=None, page_size=5), list[int](), iter(pages * 3)
    for page in left:
        if paging.next_request is None:
            break
        given_ += (file.id for file in paging.take(page))
    assert len(given_) == len(set(given_))
    paging_on = 0
    while paging.next_request is not None:
        paging.take(Page(files(1, 2 + paging_on % 2), 2, None))
        paging_on += 1
        assert paging_on < 20


def test_nothing_is_asked_for_beyond_the_limit() -> None:
    server = Server(list(range(500)))
    assert len(walk(server, limit=150)) == 150
    assert server.asked == [PageRequest(100, 0), PageRequest(100, 100)]
    assert paging_of(limit=0, page_size=10).next_request is None


def test_entries_that_are_no_files_do_not_end_the_list() -> None:
    paging = paging_of(limit=None, page_size=2)
    assert paging.take(Page((), 2, None)) == []
    assert paging.next_request == PageRequest(2, 2)


@pytest.mark.parametrize(
    "wrong", [{"limit": -1}, {"limit": 1.5}, {"page_size": 0}, {"page_size": 101}]
)
def test_a_limit_or_a_page_size_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
        paging_of(**{"limit": None, "page_size": 10, **wrong})
