"""Where an answer ends on the wire, and whether something came after it.

A server that sends more than it announced would have the rest read as the answer to
the next request. What has been handed to the HTTP parser cannot be seen any more, so
each connection is followed from outside: its requests as they are written, and of its
answers the lengths.
"""

from __future__ import annotations

import re
import select
from typing import Protocol

from datalab_facade.errors import APIConnectionError

_HTTP_METHODS = frozenset(
    {b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS", b"CONNECT"}
)
_LONGEST_METHOD = 8
_BLANK_LINE = re.compile(rb"\n\r?\n")
_STATUS = re.compile(rb"http/\d\.\d +(\d{3})")
_CHUNKED = re.compile(rb"\ntransfer-encoding[ \t]*:[^\n]*chunked")
_LENGTH = re.compile(rb"\ncontent-length[ \t]*:[ \t]*(\d{1,20})")


class SurplusBytesError(APIConnectionError):
    """More came than the body was announced to have, so what was taken for it may be cut."""


class Watch:
    """Follows one connection."""

    def __init__(self) -> None:
        self._answer: _Answer | None = None

    def begins(self, data: bytes) -> bool:
        """Take note of what is written; tell whether it begins another request."""
        if self._answer is not None and not self._answer.begun:
            return False
        again = self._answer is not None
        method = bytes(data[:_LONGEST_METHOD]).partition(b" ")[0]
        # What is not HTTP/1.1, as the words for a SOCKS proxy, is left to who speaks it.
        self._answer = _Answer(method) if method in _HTTP_METHODS else None
        return again

    def received(self, data: bytes) -> None:
        """Take note of what is read."""
        if self._answer is not None:
            self._answer.feed(data)

    @property
    def surplus(self) -> bool:
        """Whether more came than the answer that was asked for."""
        return self._answer is not None and self._answer.body.surplus

    @property
    def may_go_on(self) -> bool:
        """Whether the last answer came to its end, with nothing behind it."""
        return self._answer is None or self._answer.body.is_exact


class _HasDescriptor(Protocol):
    def fileno(self) -> int: ...


def is_readable(connection: _HasDescriptor) -> bool:
    """Tell whether there is something to read, or the end; so it is for one that is closed."""
    descriptor = connection.fileno()
    if descriptor < 0:
        return True
    if not hasattr(select, "poll"):
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


class _Answer:
    """An answer to one request."""

    def __init__(self, method: bytes) -> None:
        self.method = method
        self._head: bytearray | None = bytearray()
        self.begun = False
        self.body: _Body | _Chunks = _Body(None)

    def feed(self, data: bytes) -> None:
        self.begun = True
        while self._head is not None:
            searched = max(0, len(self._head) - 2)
            self._head += data
            end = _BLANK_LINE.search(self._head, searched)
            if end is None:
                return
            head, data = bytes(self._head[: end.start()]).lower(), bytes(self._head[end.end() :])
            status = _STATUS.match(head)
            if status is not None and 100 <= int(status[1]) < 200 and int(status[1]) != 101:
                # The answer proper is still to come.
                self._head = bytearray()
                continue
            self._head = None
            self.body = self._body_after(head, int(status[1]) if status is not None else 0)
        self.body.feed(data)

    def _body_after(self, head: bytes, status: int) -> _Body | _Chunks:
        tunnel = self.method == b"CONNECT" and 200 <= status < 300
        if status in (204, 304) or self.method == b"HEAD" or tunnel:
            return _Body(0)
        if _CHUNKED.search(head):
            return _Chunks()
        length = _LENGTH.search(head)
        return _Body(None if length is None else int(length[1]))


class _Body:
    """A body of a known length, or one that ends with the connection."""

    def __init__(self, length: int | None) -> None:
        self._left = length

    def feed(self, data: bytes) -> None:
        if self._left is not None:
            self._left -= len(data)

    @property
    def is_exact(self) -> bool:
        return self._left == 0

    @property
    def surplus(self) -> bool:
        return self._left is not None and self._left < 0


class _Chunks:
    """A body in chunks."""

    def __init__(self) -> None:
        self.over = False
        self.surplus = False
        self._line = b""
        self._skip = 0
        self._trailer = False

    @property
    def is_exact(self) -> bool:
        return self.over and not self.surplus

    def feed(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self.over:
                self.surplus = True
                return
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            end = data.find(b"\n", at)
            if end < 0:
                self._line += data[at:]
                return
            line, self._line, at = self._line + data[at:end], b"", end + 1
            self._take_line(line.rstrip(b"\r"))

    def _take_line(self, line: bytes) -> None:
        if self._trailer:
            self.over = not line
            return
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            # The HTTP parser refuses it as well, and the connection ends.
            size = -1
        if size < 0:
            self._skip = 1 << 62
        elif size == 0:
            self._trailer = True
        else:
            self._skip = size + len(b"\r\n")
