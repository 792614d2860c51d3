"""Page ranges: which pages of a document to process. The first page is 0. No IO."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, TypeAlias

from datalab_facade.arguments import named, whole_number
from datalab_facade.errors import InvalidArgumentError

PageRange: TypeAlias = str | range | int | Iterable[int]
"""``"0,5-10"``, both ends included; or a range, a page, or several pages. The first is 0."""

# Larger than any document; an iterable that never ends would otherwise never be read.
_MOST_PAGES: Final = 100_000
_MOST: Final = 2**31 - 1
_PART: Final = re.compile(r"([0-9]{1,10})(?: *- *([0-9]{1,10}))?")


def to_page_range(pages: PageRange | None) -> str | None:
    """Write pages as the API reads them; None, for all pages, stays None.

    The order is kept, and neighbors are joined.

    >>> to_page_range("0, 5-10"), to_page_range(range(3)), to_page_range([0, 2, 3, 4])
    ('0,5-10', '0-2', '0,2-4')

    Raises:
        InvalidArgumentError: It does not name pages, or names none. ``"5-3"`` and pages
            below 0 are such cases.
    """
    if pages is None:
        return None
    if isinstance(pages, str):
        return _checked(pages)
    if isinstance(pages, range) and pages.step == 1 and pages:
        return _written([(_page(pages[0]), _page(pages[-1]))])
    page = whole_number(pages)
    if page is not None:
        return str(_page(page))
    if not isinstance(pages, Iterable) or isinstance(pages, (bytes, bytearray)):
        raise InvalidArgumentError(
            f"page_range must be a text such as '0,5-10', a range or pages, not {named(pages)}"
        )
    return _written(_runs(pages))


def _checked(text: str) -> str:
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        found = _PART.fullmatch(part)
        if found is None:
            raise InvalidArgumentError(
                f"page_range must be pages such as '0,5-10', the first is 0, not {named(text)}"
            )
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise InvalidArgumentError(f"page_range has {named(part)}, which ends before it begins")
        _page(last)
    return ",".join(part.replace(" ", "") for part in parts)


def _page(page: object) -> int:
    number = whole_number(page)
    if number is None or not 0 <= number <= _MOST:
        raise InvalidArgumentError(
            f"A page is a whole number from 0, the first page, on, not {named(page)}"
        )
    return number


def _runs(pages: Iterable[object]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for count, one in enumerate(pages):
        if count >= _MOST_PAGES:
            raise InvalidArgumentError(f"page_range names more than {_MOST_PAGES} pages")
        page = _page(one)
        if runs and page == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], page)
        else:
            runs.append((page, page))
    if not runs:
        raise InvalidArgumentError("page_range names no page; leave it out for all pages")
    return runs


def _written(runs: list[tuple[int, int]]) -> str:
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
