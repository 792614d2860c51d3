"""The form parser reads what clients write, and refuses what could mean two things."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import unquote_to_bytes

import aiohttp
import httpx
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from datalab_facade.testing import FormPart
from datalab_facade.testing.forms import MAX_PARTS, InvalidFormError, parse_form

KIND = "multipart/form-data; boundary=b"
# A name in a header has no line breaks or quotes as they are: clients percent-encode these.
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters='"'))
BYTES = st.binary(max_size=60) | st.lists(
    st.sampled_from([b"\r\n--b", b"--", b"\r\n", b"b", b"\r", b"\n", b"--b--", b" ", b"x"])
).map(b"".join)
PARTS = st.lists(st.tuples(NAMES, BYTES, st.none() | NAMES.filter(bool)), max_size=5)


def written(parts: list[tuple[str, bytes, str | None]]) -> tuple[str, bytes]:
    """Let httpx write a form: its content type and body."""
    request = httpx.Request(
        "POST",
        "http://x",
        files=[(name, (filename, body, "a/b")) for name, body, filename in parts] or None,
    )
    return request.headers.get("content-type", KIND), request.read() or b"--b--\r\n"


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end


def part(disposition: str, body: bytes = b"1", more: str = "") -> bytes:
    return f"Content-Disposition: {disposition}\r\n{more}\r\n".encode() + body


@given(PARTS)
def test_what_httpx_writes_is_read_as_it_was(parts: list[tuple[str, bytes, str | None]]) -> None:
    kind, body = written(parts)
    assert [(one.name, one.body, one.filename) for one in parse_form(kind, body)] == parts


LIKE_BOUNDARIES = st.lists(
    st.sampled_from([b"\r\n--boundaryx", b"\r\n--boundary-x", b"--boundary", b"x", b"\r\n-"])
).map(b"".join)


@given(st.lists(st.tuples(NAMES, LIKE_BOUNDARIES)))
def test_content_that_looks_like_a_boundary_stays_content(parts: list[tuple[str, bytes]]) -> None:
    kind = "multipart/form-data; boundary=boundary"
    heads = [
        part(f'form-data; name="{name.encode("unicode_escape").hex()}"', body)
        for name, body in parts
    ]
    body = b"".join(b"--boundary\r\n" + one + b"\r\n" for one in heads) + b"--boundary--"
    assert [one.body for one in parse_form(kind, body)] == [body for _, body in parts]


@given(PARTS.filter(bool), st.data())
def test_a_form_that_was_cut_is_refused_wherever_the_cut_is(
    parts: list[tuple[str, bytes, str | None]], data: st.DataObject
) -> None:
    """Never does it come out as a shorter form."""
    kind, body = written(parts)
    cut = data.draw(st.integers(0, len(body) - len("--\r\n")))
    with pytest.raises(InvalidFormError):
        parse_form(kind, body[:cut])


HOSTILE = st.lists(
    st.sampled_from(
        [
            b"--b",
            b"--",
            b"\r\n",
            b"\n",
            b"\r",
            b" ",
            b"Content-Disposition: form-data",
            b'; name="a"',
            b'; filename="f"',
            b"; filename*=utf-8''%ff",
            b"; name",
            b'; name="',
            b"\\",
            b":",
            b"\xff",
            b"\x00",
            b"text",
        ]
    )
).map(b"".join)


@given(HOSTILE | st.binary())
@example(b"--b\r\n\r\n\r\n--b--")
@example(b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n--b--')
def test_whatever_comes_is_a_form_or_refused(body: bytes) -> None:
    try:
        parts = parse_form(KIND, body)
    except InvalidFormError:
        return
    # A form has its last boundary, and one before each part.
    assert body.count(b"--b") > len(parts)
    for one in parts:
        assert one.body in body
        assert f'name="{one.name}"'.encode() in body
        assert isinstance(one.text, str)


@given(HOSTILE | st.binary(), HOSTILE)
def test_what_is_no_boundary_is_content_whatever_it_is(body: bytes, second: bytes) -> None:
    contents = [one.replace(b"--b", b"") for one in (body, second)]
    assume(not any(b"--b" in one for one in contents))
    names = [part(f'form-data; name="{name}"', one) for name, one in enumerate(contents)]
    read = parse_form(KIND, form(*names))
    assert [(one.name, one.body) for one in read] == [*zip("01", contents, strict=True)]


TOKENS = st.text("bxyz-09", min_size=1)
PARAMETERS = st.lists(st.tuples(TOKENS, TOKENS, st.booleans()), unique_by=lambda one: one[0])


@given(PARAMETERS, st.booleans(), st.data())
def test_the_boundary_is_found_among_other_parameters(
    others: list[tuple[str, str, bool]], quoted: bool, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations([*others, ("boundary", "b", quoted)]))
    more = "".join(
        f'; {name}="{value}"' if in_quotes else f";{name}={value}"
        for name, value, in_quotes in shuffled
    )
    [one] = parse_form(f"multipart/form-data{more}", form(part('form-data; name="a"')))
    assert (one.name, one.body) == ("a", b"1")


@given(st.text() | st.text().map("multipart/form-data".__add__))
def test_whatever_its_type_a_body_is_a_form_or_refused(kind: str) -> None:
    try:
        parts = parse_form(kind, form(part('form-data; name="a"')))
    except InvalidFormError:
        # What is refused is at least said to be a form, or its parameters cannot be read.
        assert kind.strip().startswith("multipart/form-data") or ";" in kind
        return
    assert parts == ()


@given(
    st.binary()
    | st.lists(
        st.sampled_from(
            [b"a", b"=", b"&", b"+", b"%41", b"%ff", b"%26", b"%", b"\xc3\xa9", b"\xff"]
        )
    ).map(b"".join)
)
@example(b"a=%ff&b=+%26%&c&=d%C3\xc3\xa9")
def test_whatever_is_url_encoded_is_read(body: bytes) -> None:
    parts = parse_form("application/x-www-form-urlencoded", body)
    try:
        body.decode()
    except UnicodeDecodeError:
        body = body.decode("latin-1").encode()
    fields = [piece.replace(b"+", b" ").partition(b"=") for piece in body.split(b"&") if piece]
    assert [one.body for one in parts] == [unquote_to_bytes(value) for _, _, value in fields]
    assert all(one.filename is None for one in parts)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
        st.text(st.characters(exclude_categories=["Cs"])),
    )
)
def test_what_httpx_encodes_for_urls_is_read_as_it_was(data: dict[str, str]) -> None:
    request = httpx.Request("POST", "http://x", data=data)
    kind = "application/x-www-form-urlencoded; charset=utf-8"
    assert {one.name: one.text for one in parse_form(kind, request.read())} == data


def test_a_url_encoded_form_has_a_limit_of_fields() -> None:
    with pytest.raises(InvalidFormError, match="error parsing the body"):
        parse_form("application/x-www-form-urlencoded", b"a&" * 10_001)


def test_what_aiohttp_writes_is_read_as_it_was() -> None:
    """Datalab's own client sends with it."""

    async def write() -> tuple[str, bytes]:
        data = aiohttp.FormData()
        data.add_field("file", b"\r\n--x\r\n", filename="é b.pdf", content_type="application/pdf")
        data.add_field("mode", "fast")
        payload = data()
        writer: Any = _Collector()
        await payload.write(writer)
        return payload.headers["Content-Type"], bytes(writer.received)

    kind, body = asyncio.run(write())
    file, mode = parse_form(kind, body)
    assert (file.name, file.body, file.content_type) == ("file", b"\r\n--x\r\n", "application/pdf")
    assert file.filename in ("é b.pdf", "%C3%A9%20b.pdf", "%C3%A9 b.pdf")
    assert (mode.name, mode.text, mode.filename) == ("mode", "fast", None)


class _Collector:
    def __init__(self) -> None:
        self.received = bytearray()

    async def write(self, data: bytes) -> None:
        self.received += data


@pytest.mark.parametrize(
    ("disposition", "expected"),
    [
        ("form-data; name=a", ("a", None)),
        ('FORM-DATA; NAME="a"', ("a", None)),
        ('form-data;name="a";filename=""', ("a", "")),
        ('form-data; name="a;b=c"; filename="x; y"', ("a;b=c", "x; y")),
        (r'form-data; name="a"; filename="say \"hi\".pdf"', ("a", 'say "hi".pdf')),
        (r'form-data; name="a"; filename="C:\new\b.pdf"', ("a", r"C:\new\b.pdf")),
        ('form-data; name="a"; filename="é.pdf"', ("a", "é.pdf")),
        ("form-data; name=\"a\"; filename*=UTF-8''%C3%A9.pdf", ("a", "é.pdf")),
        ('form-data; name="a"; filename="e"; filename*=utf-8\'en\'%C3%A9', ("a", "é")),
        ("form-data; name=\"a\"; filename*=iso-8859-1''%E9", ("a", "é")),
        ('form-data; name="a"; ', ("a", None)),
        ('form-data; name=""', ("", None)),
    ],
)
def test_names_are_read_as_browsers_and_libraries_write_them(
    disposition: str, expected: tuple[str, str | None]
) -> None:
    [one] = parse_form(KIND, form(part(disposition)))
    assert (one.name, one.filename) == expected


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(form(part("attachment; name=a")), id="not form-data"),
        pytest.param(form(part("form-data")), id="no name"),
        pytest.param(form(part('form-data; name="a"; name="b"')), id="two names"),
        pytest.param(form(part('form-data; name="a')), id="an open quote"),
        pytest.param(form(part('form-data; name="a" b')), id="garbage"),
        pytest.param(form(part("form-data; name=a; filename*=utf-7''x")), id="odd charset"),
        pytest.param(form(b"X: 1\r\n\r\n1"), id="no disposition"),
        pytest.param(form(b"\r\n\r\n1"), id="no headers"),
        pytest.param(
            form(part("form-data; name=a", more="Content-Disposition: form-data; name=b\r\n")),
            id="two dispositions",
        ),
        pytest.param(form(part("form-data; name=a", more="no colon\r\n")), id="no colon"),
        pytest.param(form(part("form-data; name=a", more=" folded: 1\r\n")), id="a space first"),
        pytest.param(form(part("form-data; name=a", more="X: 1\nY: 2\r\n")), id="bare line feed"),
        pytest.param(form(part("form-data; name=a", more=f"X: {'y' * 20_000}\r\n")), id="long"),
        pytest.param(form(part("form-data; name=a"), end=b"--b"), id="no end"),
        pytest.param(form(part("form-data; name=a")).replace(b"\r\n", b"\n"), id="line feeds only"),
        pytest.param(b"", id="empty"),
        pytest.param(b"--c--", id="another boundary"),
    ],
)
def test_a_form_that_could_mean_two_things_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidFormError):
        parse_form(KIND, body)


def test_what_stands_before_and_after_a_form_means_nothing() -> None:
    body = b"hello\r\n" + form(part("form-data; name=a")) + b"--b\r\nnot a part"
    assert parse_form(KIND, body) == (FormPart("a", b"1"),)


def test_spaces_may_follow_a_boundary() -> None:
    body = form(part("form-data; name=a")).replace(b"--b\r\n", b"--b \t\r\n")
    assert parse_form(KIND, body) == (FormPart("a", b"1"),)


def test_a_form_has_a_limit_of_parts() -> None:
    one = part("form-data; name=a")
    assert len(parse_form(KIND, form(*[one] * MAX_PARTS))) == MAX_PARTS
    with pytest.raises(InvalidFormError, match=re.escape("1000")):
        parse_form(KIND, form(*[one] * (MAX_PARTS + 1)))


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary="])
def test_a_form_without_a_boundary_is_refused(kind: str) -> None:
    with pytest.raises(InvalidFormError, match="Missing boundary"):
        parse_form(kind, form())


@pytest.mark.parametrize("kind", ["", "application/json", "multipart/mixed; boundary=b"])
def test_what_is_not_a_form_has_no_parts(kind: str) -> None:
    assert parse_form(kind, form(part("form-data; name=a"))) == ()


def test_a_part_is_shown_without_its_content() -> None:
    assert repr(FormPart("file", b"secret", "a.pdf")) == (
        "FormPart(name='file', body=<6 bytes>, filename='a.pdf', content_type=None)"
    )
