"""A request on its way out, and the headers of an answer, as httpcore and httpx have them."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import TypeAlias

import attrs
import httpcore
import httpx

from datalab_facade.redaction import redact_url
from datalab_facade.transport.origin import Server

Content: TypeAlias = bytes | Iterable[bytes] | AsyncIterable[bytes]
Trace: TypeAlias = Callable[[str, Mapping[str, object]], object]
"""Is called with how far a request has come, as httpcore's extension of that name is."""

_WITH_A_BODY = frozenset({"POST", "PUT", "PATCH"})


@attrs.frozen(kw_only=True, eq=False)
class Request:
    """A request, complete."""

    method: str
    url: str = attrs.field(repr=redact_url)
    server: Server
    target: bytes = attrs.field(repr=False)
    """The path and the query of the URL."""
    headers: Mapping[str, str] = attrs.field(repr=False)
    """With lower-case names, and without ``Host``."""
    content: Content = attrs.field(default=b"", repr=False)
    timeout: float
    """The seconds that it may take."""
    silence: float | None = None
    """The seconds for which the connection may be silent; None for as many as it may take."""

    def for_httpcore(self, trace: Trace | None) -> httpcore.Request:
        """Return it as httpcore has it; who sends it bounds the time that it takes."""
        headers = [(b"Host", self.server.name)]
        for name, value in self.headers.items():
            headers.append((name.encode("ascii"), value.encode("ascii")))
        if self.content or self.method in _WITH_A_BODY:
            headers += self._about_content()
        extensions: dict[str, object] = {}
        if self.silence is not None:
            extensions["timeout"] = httpx.Timeout(self.silence).as_dict()
        if trace is not None:
            extensions["trace"] = trace
        request = httpcore.Request(
            self.method.encode("ascii"),
            url_for_httpcore(self.server, self.target),
            content=self.content,
            extensions=extensions,
        )
        # The constructor would check the type of each of them, several times.
        request.headers = headers
        return request

    def for_httpx(self, trace: Trace | None) -> httpx.Request:
        """Return it as httpx has it."""
        longest = self.timeout if self.silence is None else self.silence
        extensions: dict[str, object] = {"timeout": httpx.Timeout(longest).as_dict()}
        if trace is not None:
            extensions["trace"] = trace
        content, stream = self.content or None, None
        if isinstance(content, (httpx.SyncByteStream, httpx.AsyncByteStream)):
            content, stream = None, content
        return httpx.Request(
            self.method,
            self.url,
            headers=self.headers,
            content=content,
            stream=stream,
            extensions=extensions,
        )

    def _about_content(self) -> list[tuple[bytes, bytes]]:
        if "content-length" in self.headers or "transfer-encoding" in self.headers:
            return []
        if isinstance(self.content, bytes):
            return [(b"content-length", b"%d" % len(self.content))]
        return [(b"transfer-encoding", b"chunked")]


def url_for_httpcore(server: Server, target: bytes = b"/") -> httpcore.URL:
    """Return the URL of a target on a server."""
    return httpcore.URL(scheme=server.scheme, host=server.host, port=server.port, target=target)


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers with lower-case names; those that came several times, joined.

    >>> headers_of([(b"Vary", b"a"), (b"vary", b"b")])
    {'vary': 'a, b'}
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name = raw_name.decode("latin-1").lower()
        try:
            value = raw_value.decode()
        except UnicodeDecodeError:
            value = raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
