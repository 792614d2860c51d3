"""Decisions about paging: which page to request next, what it holds, and when the list ends.

A list is requested by limit and offset, while items may be added and deleted. No answer
makes this continue for ever, and no item is listed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import attrs

from datalab_facade.arguments import checked_count
from datalab_facade.errors import InvalidArgumentError, InvalidResponseError
from datalab_facade.fields import FieldReader, compact, named
from datalab_facade.json_forms import JSON
from datalab_facade.redaction import excerpt

_T = TypeVar("_T")

# Items that are added meanwhile push items that were listed already onto the next page. If
# several pages in a row hold nothing else, a broken server is more likely.
_MAX_PAGES_WITHOUT_NEW = 5


@attrs.frozen
class PageRequest:
    """The page to request."""

    limit: int
    offset: int


@attrs.frozen
class Page(Generic[_T]):
    """One page of a list."""

    items: tuple[_T, ...]
    count: int
    """The number of entries, including those that could not be read."""
    total: int | None
    """The number of items on all pages, if the answer has it."""


def decode_page(
    body: JSON, key: str, decode: Callable[[JSON], _T], reader: FieldReader
) -> Page[_T]:
    """Decode an answer that is one page of a list.

    An entry that is not such an item is left out, and recorded as drift.

    Args:
        body: The parsed answer.
        key: The name of the list in it.
        decode: Makes an item of an entry; raises InvalidResponseError if it is not one.
        reader: Records the drift; ``reader.where`` names the list in errors.

    Raises:
        InvalidResponseError: The answer is not such a list.
    """
    if isinstance(body, list):
        reader.record_type("answer", body)
        body = {key: body}
    entries = body.get(key) if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(entries, list):
        why = f"it has no {key}" if isinstance(body, dict) else f"it is {named(body)}"
        start = excerpt(compact(body))
        raise InvalidResponseError(
            f"the answer is not a valid {reader.where}: {why}: {start}", body=start
        )
    reader.record_unknown(body, frozenset({key, "total", "limit", "offset"}))
    items: list[_T] = []
    for entry in entries:
        try:
            items.append(decode(entry))
        except InvalidResponseError:
            reader.record_type(key.removesuffix("s"), entry)
    total = reader.whole_number("total", body.get("total"))
    return Page(tuple(items), len(entries), total)


class Paging(Generic[_T]):
    """One iteration over all pages.

    It lists every item that exists throughout, if fewer items than a page has are added
    between two requests, and none is deleted.

    Args:
        limit: The largest number of items to list; None for all.
        page_size: The number of items per request.
        most: The largest page that the API returns.
        key: Returns what tells an item from all others.

    Raises:
        InvalidArgumentError: One of them is out of range.
    """

    def __init__(
        self, *, limit: int | None, page_size: int, most: int, key: Callable[[_T], Hashable]
    ) -> None:
        if limit is not None:
            checked_count("limit", limit, least=0)
        if checked_count("page_size", page_size, least=1) > most:
            raise InvalidArgumentError(f"page_size must be 1 to {most}, not {page_size}")
        self._remaining = limit
        self._page_size = page_size
        self._key = key
        self._offset = 0
        self._seen: set[Hashable] = set()
        self._previous: list[Hashable] | None = None
        self._pages_without_new = 0
        self._ended = False

    @property
    def next_request(self) -> PageRequest | None:
        """The next page; None at the end of the list."""
        if self._ended or self._remaining == 0:
            return None
        return PageRequest(self._page_size, self._offset)

    def take(self, page: Page[_T]) -> list[_T]:
        """Process a page, and return those of its items that were not listed before."""
        self._offset += page.count
        keys = [self._key(item) for item in page.items]
        new = {
            key: item for key, item in zip(keys, page.items, strict=True) if key not in self._seen
        }
        self._pages_without_new = 0 if new else self._pages_without_new + 1
        # A short page is not the end: the server may return fewer items than requested.
        self._ended = (
            page.count == 0
            or (page.total is not None and page.count <= page.total <= self._offset)
            or keys == self._previous
            or self._pages_without_new >= _MAX_PAGES_WITHOUT_NEW
        )
        self._previous = keys
        self._seen.update(new)
        items = list(new.values())[: self._remaining]
        if self._remaining is not None:
            self._remaining -= len(items)
        return items
