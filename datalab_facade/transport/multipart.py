"""Forms with a file that is streamed: what stands around the file's bytes. No IO."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import httpx

if TYPE_CHECKING:
    from datalab_facade.transport.exchange import Exchange
    from datalab_facade.transport.network.messages import Content
    from datalab_facade.transport.operations import Operation


class Attachment(Protocol):
    """A file that goes as the last part of a form, read as it is sent."""

    name: str
    """The file's name, as it is sent."""
    content_type: str
    size: int
    """In bytes."""
    silence: float
    """The seconds for which the connection may be silent while it is sent."""

    def body(self, exchange: Exchange, head: bytes, tail: bytes) -> Content:
        """Return the whole form, from its beginning: it may be sent more than once.

        Args:
            exchange: Learns whether the end of the form has left.
            head: What stands before the file's bytes.
            tail: What stands after them.
        """
        ...


def encode_form(operation: Operation, exchange: Exchange, headers: dict[str, str]) -> Content:
    """Return the body of a form, and add to the headers what describes it.

    httpx encodes everything but the bytes of the attachment, with a random boundary.
    """
    attachment = operation.attachment
    parts = cast("list[tuple[str, object]]", operation.files)
    if attachment is not None:
        parts = [*parts, ("file", (attachment.name, b"", attachment.content_type))]
    form = httpx.Request(
        operation.method, "https://any.invalid", files=cast("dict[str, bytes]", parts)
    )
    names = ("content-type", "content-length", "transfer-encoding")
    headers.update((name, form.headers[name]) for name in names if name in form.headers)
    if attachment is None:
        return cast("Content", form.stream)
    whole = form.read()
    boundary = form.headers["content-type"].rpartition("boundary=")[2]
    tail = f"\r\n--{boundary}--\r\n".encode("ascii")
    assert whole.endswith(tail), "the attachment is the last part"
    headers["content-length"] = str(len(whole) + attachment.size)
    return attachment.body(exchange, whole.removesuffix(tail), tail)
