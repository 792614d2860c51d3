"""Pages of a list as a value: which to ask for next, and when the list is over.

A list is asked for by limit and offset, while files may come and go. No answer
makes this go on for ever, and no file is given twice.
"""

from __future__ import annotations

import attrs

from datalab_facade.arguments import checked_count
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.files.decoding import FilePage
from datalab_facade.files.models import File

MOST_PER_PAGE = 100
"""The most files that the API gives in one answer."""

# Files that were added meanwhile push those that were given already onto the next page. So
# many at once that several pages hold nothing else are more likely a server gone wild.
_MAX_PAGES_WITHOUT_NEW = 5


@attrs.frozen
class PageRequest:
    """The page to ask for."""

    limit: int
    offset: int


class Paging:
    """One walk through all pages.

    Files that are there all the time are all given, if fewer than a page of them are
    added between two pages, and none is deleted.

    Args:
        limit: The most files to give; None for all.
        page_size: How many to ask for at once.

    Raises:
        InvalidArgumentError: One of them makes no sense.
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
        """The next page; None when the list is over."""
        if self._ended or self._remaining == 0:
            return None
        return PageRequest(self._page_size, self._offset)

    def take(self, page: FilePage) -> list[File]:
        """Take a page in, and give those of its files that were not given before."""
        self._offset += page.count
        new = {file.id: file for file in page.files if file.id not in self._seen}
        self._pages_without_new = 0 if new else self._pages_without_new + 1
        ids = [file.id for file in page.files]
        # A short page is not the end where the server gives less than it was asked for.
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
