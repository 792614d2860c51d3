"""Decisions about paging: which page to request next, and when the list ends.

A list is requested by limit and offset, while files may be added and deleted. No answer
makes this continue for ever, and no file is listed twice.
"""

from __future__ import annotations

import attrs

from datalab_facade.arguments import checked_count
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.files.decoding import FilePage
from datalab_facade.files.models import File

MOST_PER_PAGE = 100
"""The most files that the API returns in one answer."""

# Files that are added meanwhile push files that were listed already onto the next page. If
# several pages in a row hold nothing else, a broken server is more likely.
_MAX_PAGES_WITHOUT_NEW = 5


@attrs.frozen
class PageRequest:
    """The page to request."""

    limit: int
    offset: int


class Paging:
    """One iteration over all pages.

    It lists every file that exists throughout, if fewer files than a page has are added
    between two requests, and none is deleted.

    Args:
        limit: The largest number of files to list; None for all.
        page_size: The number of files per request.

    Raises:
        InvalidArgumentError: One of them is out of range.
    """

    def __init__(self, *, limit: int | None, page_size: int) -> None:
        if limit is not None:
            checked_count("limit", limit, least=0)
        if checked_count("page_size", page_size, least=1) > MOST_PER_PAGE:
            raise InvalidArgumentError(f"page_size must be 1 to {MOST_PER_PAGE}, not {page_size}")
        self._remaining = limit
        self._page_size = page_size
        self._offset = 0
        self._seen: set[int] = set()
        self._previous_ids: list[int] | None = None
        self._pages_without_new = 0
        self._ended = False

    @property
    def next_request(self) -> PageRequest | None:
        """The next page; None at the end of the list."""
        if self._ended or self._remaining == 0:
            return None
        return PageRequest(self._page_size, self._offset)

    def take(self, page: FilePage) -> list[File]:
        """Process a page, and return those of its files that were not listed before."""
        self._offset += page.count
        new = {file.id: file for file in page.files if file.id not in self._seen}
        self._pages_without_new = 0 if new else self._pages_without_new + 1
        ids = [file.id for file in page.files]
        # A short page is not the end: the server may return fewer files than requested.
        self._ended = (
            page.count == 0
            or (page.total is not None and page.count <= page.total <= self._offset)
            or ids == self._previous_ids
            or self._pages_without_new >= _MAX_PAGES_WITHOUT_NEW
        )
        self._previous_ids = ids
        self._seen.update(new)
        files = list(new.values())[: self._remaining]
        if self._remaining is not None:
            self._remaining -= len(files)
        return files
