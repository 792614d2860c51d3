"""What may be shown: allow-lists for headers and query names, and redacted text.

A presigned URL is a credential, and so is everything that a header might carry.
Only what is named here is ever written to a log, a repr or a message.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

SAFE_HEADERS = frozenset(
    {
        "accept-ranges",
        "cf-ray",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "date",
        "etag",
        "last-modified",
        "location",
        "retry-after",
        "server",
        "x-request-id",
    }
)
SAFE_QUERY_NAMES = frozenset({"expires_in", "limit", "offset", "team_id"})

# What follows a scheme; inside JSON slashes may be escaped. A URL may well be taken for
# longer than it is, but never for shorter: what is left over of a query could be a signature.
_URL = re.compile(r":(?:\\*/){2}[^\s\"<>]+")
_NOT_IN_URL = re.compile(r"[\s\"<>]")
_ESCAPED_SLASH = re.compile(r"\\+/")
# The parts of an address. Its host is known by its letters, so that what was meant as a
# password, and is not written as one, is not taken for it.
_ADDRESS = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?"
    r"//(?:[^/?#]*@)?"
    r"(?P<host>(?:(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::[0-9]*)?)?)"
    # In a text, punctuation may follow.
    r"(?P<path>[^\w/?#@%\\]*(?:/[^?#@]*)?)"
    r"(?:\?(?P<query>[^#@]*))?"
    r"(?:#[^@]*)?"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# A name in JSON and the beginning of its text or list, also within a text that is JSON by itself.
# An object is not a secret, whatever its name: schemas describe fields in objects.
_JSON_NAME = re.compile(r'\\*"([^"\\]{1,80})(\\*)"\s*:\s*(?:\\*"|\[)')
_JSON_MARK = re.compile(r'(\\*)"|[\[\]]')
# Names under which people keep secrets; compared without case, dashes and underscores.
_SECRET_NAME = re.compile(
    r"token|password|passwd|passphrase|secret|apikey|authorization|cookie|credentials?$|privatekey"
)
REDACTED = "***"
"""What stands in place of a secret."""
_HARMLESS = re.compile(r"[\w.-]{0,40}", re.ASCII)


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Keep the headers that may be shown, with lower-case names.

    >>> redact_headers({"Retry-After": "2", "Set-Cookie": "session=1"})
    {'retry-after': '2'}
    """
    lower = {name.lower(): value for name, value in headers.items()}
    return {
        name: redact_url(value) if name == "location" else value
        for name, value in lower.items()
        if name in SAFE_HEADERS
    }


def redact_url(url: str) -> str:
    """Give an address without user, fragment and any query value that is not harmless.

    A password with ``/``, ``?`` or ``#`` in it makes an address that reads as another
    one. So nothing is shown up to the last ``@``, nor after it where it is not certain
    that the host begins there; and of what cannot be read, not even a part.

    >>> redact_url("https://key@bucket.example/out.json?X-Amz-Signature=abc#top")
    'https://bucket.example/out.json?…'
    >>> redact_url("https://www.datalab.to/api/v1/files?limit=50&token=abc")
    'https://www.datalab.to/api/v1/files?limit=50&…'
    >>> redact_url("redis://:pass/word@cache.example"), redact_url("ada:secret@cache.example")
    ('redis://…', '…')
    """
    parts = _ADDRESS.fullmatch(url)
    if parts is None:
        start = _SCHEME.match(url)
        if start:
            return start[0].lower() + "…"
        # A path, or the name of a host alone.
        return "…" if re.search(r"[@%]|//", url) else printable(re.split("[?#]", url)[0])
    scheme, query = parts["scheme"], parts["query"]
    try:
        pairs = parse_qsl(query or "", keep_blank_values=True)
    except ValueError:
        pairs = []
    shown = [
        f"{name}={value}"
        for name, value in pairs
        if name in SAFE_QUERY_NAMES and _HARMLESS.fullmatch(value)
    ]
    if len(shown) < len(pairs) or (query and not pairs):
        shown.append("…")
    origin = (f"{scheme.lower()}://" if scheme else "") + parts["host"]
    return printable(origin + parts["path"] + ("?" + "&".join(shown) if shown else ""))


def can_be_shown(url: str) -> bool:
    """Tell whether an address is read by others as it was meant, so that its host can be shown.

    >>> can_be_shown("redis://:pass%2Fword@a.example"), can_be_shown("redis://:pass/word@a.example")
    (True, False)
    """
    shown = redact_url(url)
    return shown != "…" and not shown.endswith("://…")


def printable(text: str) -> str:
    r"""Give a text in which what is not printable is escaped.

    So it stays in its line, does nothing to a terminal, and can be encoded: line breaks,
    escapes, marks that turn the direction of writing, and lone surrogates.

    >>> printable("a\nb \u202e\ud800")
    'a\\nb \\u202e\\ud800'
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def redact_urls(text: str) -> str:
    """Take the user and the query, and so any signature, out of every URL in a piece of text.

    >>> redact_urls("no such object: https://bucket.example/a?sig=b")
    'no such object: https://bucket.example/a?…'
    """
    return _URL.sub(_redacted_url, text)


def redact(text: str) -> str:
    r"""Give a text of the server's as it may be shown: on one line, and without signatures.

    >>> redact("no such object:\nhttps://bucket.example/a?sig=b")
    'no such object:\\nhttps://bucket.example/a?…'
    """
    return printable(redact_urls(text))


def redacted_repr(value: object) -> str:
    """Give the repr of a text, or of a tuple of texts, without signatures; for fields of attrs."""
    if isinstance(value, tuple):
        return repr(tuple(redact_urls(text) for text in value))
    return repr(redact_urls(value) if isinstance(value, str) else value)


def names_a_secret(name: str) -> bool:
    """Tell whether people keep secrets under such a name.

    >>> names_a_secret("Api-Key"), names_a_secret("page_limit")
    (True, False)
    """
    return bool(_SECRET_NAME.search(re.sub(r"[-_\s]", "", name).lower()))


def redact_name(name: str) -> str:
    """Give a name that comes from the server, without the query of any URL in it.

    Where something had to be left out, eight digits of the whole name's SHA-256 tell
    which one it is; they tell nothing of what was left out. Doing so again changes
    nothing.

    >>> redact_name("invoice.pdf"), redact_name("https://bucket.example/a?sig=b")
    ('invoice.pdf', 'https://bucket.example/a?… [1ba5b6d7]')
    """
    shown = redact_urls(name)
    if shown == name:
        return name
    # What is escaped in a URL may be left out when it is read again.
    while (again := redact_urls(shown)) != shown:
        shown = again
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    return f"{shown} [{digest[:8]}]"


def _redacted_url(found: re.Match[str]) -> str:
    # Several URLs without a space between them are found as one.
    return redact_url("x" + _ESCAPED_SLASH.sub("/", found[0])).removeprefix("x")


def _without_secrets(text: str) -> str:
    pieces: list[str] = []
    done = 0
    for found in _JSON_NAME.finditer(text):
        if found.start() < done or not names_a_secret(found[1]):
            continue
        pieces += (text[done : found.end()], REDACTED)
        done = _end_of_value(text, found.end(), len(found[2]))
    return "".join(pieces) + text[done:]


def _end_of_value(text: str, start: int, escapes: int) -> int:
    """Return where a text or list of JSON ends, or the end of all that is there.

    Args:
        text: The JSON, which may be cut off.
        start: Where the value's content begins.
        escapes: How many backslashes are before each of its quotes: one in a text that is JSON by
            itself, three in a text in there, and so on.
    """
    is_text = text[start - 1] == '"'
    depth, end = 0 if is_text else 1, start
    for mark in _JSON_MARK.finditer(text, start):
        if mark[0][-1] == '"':
            # More backslashes may be the end of the text, or escape a quote in it.
            if len(mark[1]) % (2 * escapes + 2) == escapes:
                is_text = not is_text
            end = mark.end() - 1 - escapes
        elif not is_text:
            depth += 1 if mark[0] == "[" else -1
            end = mark.start()
        if depth == 0 and not is_text:
            return end
    return len(text)


def excerpt(body: bytes | str, *, limit: int = 200) -> str:
    r"""Give the start of a body: one printable line of at most ``limit`` characters.

    It is redacted, and texts that JSON holds under a name like a secret's are hidden.

    >>> excerpt(b"<html>\n  <title>Bad gateway</title>")
    '<html> <title>Bad gateway</title>'
    >>> excerpt(b'[{"type": "bearer", "token": "xoxb-12')
    '[{"type": "bearer", "token": "***'
    """
    # A URL cut in two could keep a part of its secrets, so the text is redacted with
    # a margin and only then cut, and a URL at the end of the margin is left out.
    margin = limit + 4096
    text = body[: 4 * margin].decode(errors="replace") if isinstance(body, bytes) else body
    if len(text) >= margin:
        text = text[:margin]
        last_word = _NOT_IN_URL.split(text)[-1]
        url = _URL.search(last_word)
        if url:
            text = text[: url.start() - len(last_word)] + "…"
    text = printable(_without_secrets(redact_urls(" ".join(text.split()))))
    return text if len(text) <= limit else text[: limit - 1] + "…"
