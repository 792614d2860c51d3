"""Whatever is shown of URLs, texts and headers holds no secret."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datalab_facade.redaction import (
    SAFE_HEADERS,
    SAFE_QUERY_NAMES,
    excerpt,
    redact_headers,
    redact_name,
    redact_url,
    redact_urls,
)

# In every secret, so that a part of one that is left over is seen as well.
MARK = "5ecr3t"

_PLAIN = string.ascii_letters + string.digits + "-._~"
_IN_USER = _PLAIN + "!$&'()*+,;=:%@"
_IN_QUERY = _PLAIN + "!$'()*+,;=:%@/?{}|\\^`[]é"


def _around(mark: str, alphabet: str) -> st.SearchStrategy[str]:
    some = st.text(alphabet, max_size=8)
    return st.builds(lambda before, after: before + mark + after, some, some)


@st.composite
def urls(draw: st.DrawFn) -> str:
    """Give a URL with a secret as its user, in its query, or both."""
    scheme = draw(st.sampled_from(["https", "http", "HTTPS", "s3", "git+ssh"]))
    user = draw(st.none() | _around(MARK, _IN_USER))
    host = draw(st.sampled_from(["a.example", "storage.a.example:9000", "[::1]:80", "127.0.0.1"]))
    path = draw(st.sampled_from(["", "/", "/a/b.json", "/a%20b/ü"]))
    secret = _around(MARK, _IN_QUERY)
    hidden = st.builds(
        lambda name, value: f"{name}={value}",
        st.sampled_from(["X-Amz-Signature", "sig", "token", "", "Limit", "é"]),
        secret,
    )
    harmless = st.sampled_from(["limit=50", "offset=0", "team_id=7", "flag", "a=b"])
    pairs = draw(st.lists(hidden | harmless | secret, max_size=4))
    fragment = draw(st.none() | _around(MARK, _PLAIN))
    return (
        f"{scheme}://"
        + (f"{user}@" if user is not None else "")
        + host
        + path
        + ("?" + "&".join(pairs) if pairs else "")
        + (f"#{fragment}" if fragment is not None else "")
    )


def _written(url: str) -> list[str]:
    """Give a URL in the ways that it is found in texts."""
    as_json = json.dumps(url)
    return [
        url,
        as_json,
        as_json.replace("/", "\\/"),
        as_json.replace("&", "\\u0026"),
        json.dumps(as_json),
        url.replace("&", "&amp;"),
        repr(url),
        f"<{url}>",
    ]


texts = st.text(max_size=30) | st.sampled_from(
    ["", "see ", "x", "{'url':'", "https://a.example/,", "https://a.example?limit=", "at\n", "=("]
)


@given(urls())
def test_a_url_is_shown_without_user_query_values_and_fragment(url: str) -> None:
    shown = redact_url(url)
    assert MARK not in shown
    assert len(shown.splitlines()) == 1
    parts = urlsplit(url)
    # An @ behind the host may as well be the one that ends a password with a slash in it.
    if "@" not in parts.path + parts.query + parts.fragment:
        assert (parts.hostname or "").lower() in shown.lower()


@given(
    scheme=st.sampled_from(
        [
            "https://",
            "HTTP://",
            "redis://",
            "socks5h://",
            "//",
            "://",
            "",
            "http:/",
            "1x://",
            "ht tp://",
        ]
    ),
    user=st.text(_IN_USER, max_size=5),
    password=_around(MARK, string.printable + "é\u2028\ud800"),
    host=st.sampled_from(
        ["a.example", "[::1]:80", "127.0.0.1:6379/0", "", "a b", "[", "x@y.example"]
    ),
)
def test_no_part_of_a_password_is_shown_whatever_is_in_it(
    scheme: str, user: str, password: str, host: str
) -> None:
    encoded = password.translate(str.maketrans("/?#", "---")) + "%40"
    for written in (f"{user}:{password}@{host}", f"{password}@{host}", f":{encoded}{host}"):
        shown = redact_url(scheme + written)
        assert MARK not in shown
        assert shown.isprintable()
        # In a text, an address ends where it cannot go on.
        if scheme.endswith("://") and not re.search(r'[\s"<>]', written):
            assert MARK not in redact_urls(f"see {scheme}{written} there")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://cache.internal:6379/0", "redis://cache.internal:6379/0"),
        ("redis://:p@ss@cache.internal:6379/0", "redis://cache.internal:6379/0"),
        ("redis://:p ss@cache.internal:6379/0", "redis://cache.internal:6379/0"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock?…"),
        ("http://ada:12/34@proxy.example:3128", "http://…"),
        ("http://ada:hunter2", "http://…"),
        ("http:/ada:hunter2@proxy.example", "…"),
        ("ada:hunter2@proxy.example:3128", "…"),
        ("localhost:6379", "localhost:6379"),
        ("www.datalab.to", "www.datalab.to"),
    ],
)
def test_of_an_address_that_cannot_be_read_nothing_is_shown(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@given(st.sampled_from(sorted(SAFE_QUERY_NAMES)), st.integers())
def test_harmless_query_values_are_shown(name: str, value: int) -> None:
    url = f"https://www.datalab.to/api?{name}={value}"
    assert redact_url(url) == url


@given(st.sampled_from(sorted(SAFE_QUERY_NAMES)), urls(), st.text())
def test_a_harmless_name_does_not_excuse_a_value_that_is_not(
    name: str, url: str, text: str
) -> None:
    begin = f"https://www.datalab.to/api?{name}="
    assert MARK not in redact_url(begin + url)
    assert MARK not in redact_url(begin + quote(url))
    assert redact_url(begin + quote(text)).isprintable()
    assert redact_url(begin + text).isprintable()


@given(st.text())
def test_anything_can_be_asked_to_be_shown(text: str) -> None:
    redact_url(text)
    redact_urls(text)
    excerpt(text)
    redact_headers({text: text, "Location": text})


@given(texts, urls(), texts)
def test_a_text_is_redacted_of_the_urls_in_it(before: str, url: str, after: str) -> None:
    for written in _written(url):
        assert MARK not in redact_urls(f"{before}{written}{after}"), written


@given(st.lists(urls(), min_size=1, max_size=4), st.sampled_from([",", "|", "','", '","', " "]))
def test_a_list_of_urls_is_redacted_of_each(several: list[str], between: str) -> None:
    assert MARK not in redact_urls(between.join(several))


def test_a_text_without_urls_stays_as_it_is() -> None:
    for text in ("", "no pages: 3/4 {a: 'b?c'}", "mail ada@a.example: what?", "C:\\x\n"):
        assert redact_urls(text) == text


def test_a_redacted_url_can_still_be_recognised() -> None:
    text = "cannot read 'https://key@a.example/out.json?sig=b' (https://b.example/x)"
    assert redact_urls(text) == "cannot read 'https://a.example/out.json?… (https://b.example/x)"


@given(
    st.text(max_size=400) | st.binary(max_size=400),
    st.integers(min_value=1, max_value=300),
)
def test_an_excerpt_is_one_printable_line_of_limited_length(body: str | bytes, limit: int) -> None:
    shown = excerpt(body, limit=limit)
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= 1
    assert shown.isprintable()


@given(texts, urls(), texts, st.integers(min_value=1, max_value=300))
def test_an_excerpt_is_redacted(before: str, url: str, after: str, limit: int) -> None:
    for written in _written(url):
        text = f"{before}{written}{after}"
        assert MARK not in excerpt(text, limit=limit)
        assert MARK not in excerpt(text.encode(errors="replace"), limit=limit)
        assert len(excerpt(text, limit=limit).splitlines()) <= 1


@pytest.mark.parametrize("filler", [" ", "x", "\U0001f600"])
@settings(max_examples=25)
@given(urls(), st.integers(min_value=-250, max_value=20))
def test_a_url_cut_in_two_gives_nothing_away(filler: str, url: str, shift: int) -> None:
    """However much is looked at, there is a place where it ends."""
    for polled_at in (200, 200 + 4096):
        body = filler * (polled_at + shift) + url + " and more" * 1_000
        assert MARK not in excerpt(body)
        assert MARK not in excerpt(body.encode())
        for cut in range(len(url)):
            assert MARK not in excerpt(filler * (polled_at - cut) + url + "x" * 10)


def test_a_long_word_costs_no_more_than_its_length() -> None:
    """The square of this length would be minutes."""
    for word in ("x" * 1_000_000, "a:" * 500_000, "a://" * 250_000, "\\" * 1_000_000):
        redact_urls(word + " ")
        excerpt(word)


@given(
    name=st.sampled_from(["token", "API-Key", "client_secret", "Authorization", "db password"]),
    secret=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1),
    depth=st.integers(0, 2),
    cut=st.integers(0, 60),
    shape=st.sampled_from(
        [
            lambda secret: secret,
            lambda secret: [secret, "]", secret],
            lambda secret: [[secret], [secret[1:-5], 5, secret]],
            lambda secret: [{"a": [secret], "b": {"]": secret, "token": secret}}, secret],
            lambda secret: [0, {"\\": secret + "\\"}, secret],
        ]
    ),
)
@example("token", "]", 0, 0, lambda secret: [secret, "]", secret])
@example("token", "\\", 2, 0, lambda secret: [secret[1:2], "]MARK", secret])
def test_an_excerpt_hides_what_json_keeps_under_the_name_of_a_secret_also_where_it_is_cut(
    name: str, secret: str, depth: int, cut: int, shape: Callable[[str], object]
) -> None:
    marked = f"<{secret}>MARK"
    value = shape(marked)
    body = json.dumps([{"type": "bearer", name: value, "page": "7"}])
    for _ in range(depth):
        body = json.dumps({"settings": body})
    told = excerpt(body[: len(body) - cut], limit=5_000)
    assert "MARK" not in told
    assert f"<{secret[:1]}" not in told
    assert "bearer" in told or cut > 20
    # Nothing more is hidden; but a text that looks like a URL may be taken for longer than it is.
    assert "page" in told or cut > 0 or ":" in secret


def test_an_excerpt_shows_an_object_under_the_name_of_a_secret() -> None:
    """It describes a field of a schema."""
    body = json.dumps({"properties": {"token": {"type": "string", "default": "none"}}})
    assert excerpt(body, limit=500) == body


def test_an_excerpt_of_a_huge_body_begins_with_its_beginning() -> None:
    assert excerpt(b"Bad gateway " + b"x" * 10_000_000).startswith("Bad gateway xxx")


names = st.text(st.characters(codec="ascii", categories=["L", "N", "Pd"])) | st.sampled_from(
    [*SAFE_HEADERS, *map(str.title, SAFE_HEADERS), "Set-Cookie", "X-API-Key", "Authorization"]
)


@given(st.dictionaries(names, _around(MARK, _PLAIN)))
def test_only_headers_of_the_list_are_shown(headers: dict[str, str]) -> None:
    shown = redact_headers(headers)
    assert set(shown) == {name.lower() for name in headers} & SAFE_HEADERS


def test_what_may_carry_a_credential_is_not_on_the_list() -> None:
    credentials = {"set-cookie", "cookie", "authorization", "x-api-key", "proxy-authorization"}
    assert not credentials & SAFE_HEADERS


@given(urls())
def test_a_redirect_is_shown_without_its_secrets(url: str) -> None:
    shown = redact_headers({"Location": url})
    assert MARK not in shown["location"]


@given(st.text() | st.from_regex(r"[a-z]*://[^/]{0,9}(/[^/]{0,9}){0,2}", fullmatch=True))
@example("https://\u200b/out.json")
@example("://\x1b")
def test_a_name_is_redacted_once_and_for_all(name: str) -> None:
    redacted = redact_name(name)
    assert redact_name(redacted) == redacted
