"""Pages of a list as a value: which to ask for next, and when the list is over.

A list is asked for by limit and offset, while files may come and go. No answer
makes this go on for ever, and no file is given twice.
"""

from __future__ import annotations

import attrs

from datalab_facade.arguments import checked_count
from datalab_facade.errors import ConfigurationError
from datalab_facade.files.decoding import FilePage
from datalab_facade.files.models import File

MOST_PER_PAGE = 100
"""The most files that the API gives in one answer."""

# Files that were added meanwhile push those that were given already onto the next page. So
# many at once that several pages hold nothing else are more likely a server gone wild.
_MOST_FRUITLESS = 5


@attrs.frozen
class Wanted:
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
        ConfigurationError: One of them makes no sense.
    """

    def __init__(self, *, limit: int | None, page_size: int) -> None:
        if limit is not None:
            checked_count("limit", limit, least=0)
        if checked_count("page_size", page_size, least=1) > MOST_PER_PAGE:
            raise ConfigurationError(f"page_size must be 1 to {MOST_PER_PAGE}, not {page_size}")
        self._left = limit
        self._page_size = page_size
        self._offset = 0
        self._given: set[int] = set()
        self._before: list[int] | None = None
        self._fruitless = 0
        self._ended = False

    @property
    def wanted(self) -> Wanted | None:
        """The next page; None when the list is over."""
        if self._ended or self._left == 0:
            return None
        return Wanted(self._page_size, self._offset)

    def take(self, page: FilePage) -> list[File]:
        """Take a page in, and give those of its files that were not given before."""
        self._offset += page.count
        new = {file.file_id: file for file in page.files if file.file_id not in self._given}
        self._fruitless = 0 if new else self._fruitless + 1
        ids = [file.file_id for file in page.files]
        # A short page is not the end where the server gives less than it was asked for.
        self._ended = (
            page.count == 0
            or (page.total is not None and page.count <= page.total <= self._offset)
            or ids == self._before
            or self._fruitless >= _MOST_FRUITLESS
        )
        self._before = ids
        self._given.update(new)
        files = list(new.values())[: self._left]
        if self._left is not None:
            self._left -= len(files)
        return files
