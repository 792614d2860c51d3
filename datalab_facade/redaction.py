"""What may be shown: allow-lists for headers and query names, and scrubbed text.

A presigned URL is a credential, and so is everything that a header might carry.
Only what is named here is ever written to a log, a repr or a message.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

SHOWN_HEADERS = frozenset(
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
SHOWN_QUERY_NAMES = frozenset({"expires_in", "limit", "offset", "team_id"})

# What follows a scheme; inside JSON slashes may be escaped. A URL may well be taken for
# longer than it is, but never for shorter: what is left over of a query could be a signature.
_URL = re.compile(r":(?:\\*/){2}[^\s\"<>]+")
_NOT_IN_URL = re.compile(r"[\s\"<>]")
_ESCAPED_SLASH = re.compile(r"\\+/")
_USER = re.compile(r"//[^/?#]*@")
# A name in JSON and the begin of its text, also within a text that is JSON by itself.
_JSON_NAME = re.compile(r'\\*"([^"\\]{1,80})\\*"\s*:\s*(\\*)"')
# Names under which people keep secrets; compared without case, dashes and underscores.
_SECRET_NAME = re.compile(
    r"token|password|passwd|passphrase|secret|apikey|authorization|cookie|credentials?$|privatekey"
)
HIDDEN = "***"
"""What stands in place of a secret."""
_HARMLESS = re.compile(r"[\w.-]{0,40}", re.ASCII)


def shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Keep the headers that may be shown, with lower-case names.

    >>> shown_headers({"Retry-After": "2", "Set-Cookie": "session=1"})
    {'retry-after': '2'}
    """
    lower = {name.lower(): value for name, value in headers.items()}
    return {
        name: shown_url(value) if name == "location" else value
        for name, value in lower.items()
        if name in SHOWN_HEADERS
    }


def shown_url(url: str) -> str:
    """Give a URL without user, fragment and any query value that is not harmless.

    >>> shown_url("https://key@bucket.example/out.json?X-Amz-Signature=abc#top")
    'https://bucket.example/out.json?…'
    >>> shown_url("https://www.datalab.to/api/v1/files?limit=50&token=abc")
    'https://www.datalab.to/api/v1/files?limit=50&…'
    """
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return "…"
    shown = [
        f"{name}={value}"
        for name, value in pairs
        if name in SHOWN_QUERY_NAMES and _HARMLESS.fullmatch(value)
    ]
    if len(shown) < len(pairs) or (parts.query and not pairs):
        shown.append("…")
    host = parts.netloc.rpartition("@")[2]
    origin = f"{parts.scheme}://{host}" if parts.scheme else host
    return origin + parts.path + ("?" + "&".join(shown) if shown else "")


def scrubbed(text: str) -> str:
    """Take the query, and so any signature, out of every URL in a piece of text.

    >>> scrubbed("no such object: https://bucket.example/a?sig=b")
    'no such object: https://bucket.example/a?…'
    """
    return _URL.sub(_scrubbed_url, text)


def names_a_secret(name: str) -> bool:
    """Tell whether people keep secrets under such a name.

    >>> names_a_secret("Api-Key"), names_a_secret("page_limit")
    (True, False)
    """
    return bool(_SECRET_NAME.search(re.sub(r"[-_\s]", "", name).lower()))


def shown_name(name: str) -> str:
    """Give a name that comes from the server, without the query of any URL in it.

    Where something had to be left out, eight digits of the whole name's SHA-256 tell
    which one it is; they tell nothing of what was left out. Doing so again changes
    nothing.

    >>> shown_name("invoice.pdf"), shown_name("https://bucket.example/a?sig=b")
    ('invoice.pdf', 'https://bucket.example/a?… [1ba5b6d7]')
    """
    shown = scrubbed(name)
    if shown == name:
        return name
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    return f"{shown} [{digest[:8]}]"


def _scrubbed_url(found: re.Match[str]) -> str:
    address, *query = _ESCAPED_SLASH.sub("/", found[0]).split("?", 1)
    # Several URLs without a space between them are found as one.
    url = "?".join([_USER.sub("//", address), *query])
    return shown_url("x" + url).removeprefix("x")


def _without_secrets(text: str) -> str:
    pieces: list[str] = []
    done = 0
    for found in _JSON_NAME.finditer(text):
        if found.start() < done or not names_a_secret(found[1]):
            continue
        pieces += (text[done : found.end()], HIDDEN)
        # The quote that ends it is escaped as often as the one that begins it, if it is there.
        end = re.compile(rf'(?<!\\){re.escape(found[2])}"').search(text, found.end())
        done = end.start() if end else len(text)
    return "".join(pieces) + text[done:]


def excerpt(body: bytes | str, *, limit: int = 200) -> str:
    r"""Give the start of a body: one printable line of at most ``limit`` characters.

    It is scrubbed, and texts that JSON holds under a name like a secret's are hidden.

    >>> excerpt(b"<html>\n  <title>Bad gateway</title>")
    '<html> <title>Bad gateway</title>'
    >>> excerpt(b'[{"type": "bearer", "token": "xoxb-12')
    '[{"type": "bearer", "token": "***'
    """
    # A URL cut in two could keep a part of its secrets, so the text is scrubbed with
    # a margin and only then cut, and a URL at the end of the margin is left out.
    margin = limit + 4096
    text = body[: 4 * margin].decode(errors="replace") if isinstance(body, bytes) else body
    if len(text) >= margin:
        text = text[:margin]
        last_word = _NOT_IN_URL.split(text)[-1]
        url = _URL.search(last_word)
        if url:
            text = text[: url.start() - len(last_word)] + "…"
    text = _without_secrets(scrubbed(" ".join(text.split())))
    if not text.isprintable():
        text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
