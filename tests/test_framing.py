"""Where an answer ends is seen from outside as the HTTP parser sees it."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab_facade.transport.network.framing import Watch
from tests.fuzzing import examples

REQUEST = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKS = st.lists(st.binary(min_size=1, max_size=40), max_size=4)
INTERIM = st.sampled_from([b"", b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"])
BEHIND = st.one_of(
    st.just(b""),
    st.binary(min_size=1, max_size=30),
    st.sampled_from([b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"0\r\n\r\n"]),
)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Give an answer as it is on the wire, and what its body is."""
    chunks = draw(CHUNKS)
    status = draw(st.sampled_from([b"200 OK", b"404 Not Found", b"204 No", b"304 No", b"500"]))
    name = draw(st.sampled_from([b"Transfer-Encoding", b"transfer-encoding", b"Content-Length"]))
    body = b"".join(chunks)
    empty = status[:3] in (b"204", b"304")
    if name == b"Content-Length":
        head = b"%s: %d" % (name, len(body))
        sent = body
    else:
        head = name + b": chunked"
        parts = [b"%x;a=b\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
        trailer = draw(st.sampled_from([b"", b"X-Sum: 1\r\n"]))
        sent = b"".join(parts) + b"0\r\n" + trailer + b"\r\n"
    lines = b"HTTP/1.1 %s\r\nX-A: b\r\n%s\r\n\r\n" % (status, head)
    return draw(INTERIM) + lines + (b"" if empty else sent), b"" if empty else body


def in_pieces(wire: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted({min(cut, len(wire)) for cut in cuts} | {len(wire)})
    return [wire[start:end] for start, end in zip([0, *ends], ends, strict=False) if start < end]


@pytest.mark.fuzz
@settings(max_examples=examples(100))
@given(answers(), BEHIND, st.lists(st.integers(0, 400), max_size=8))
def test_an_answer_is_over_when_the_parser_says_so(
    answer: tuple[bytes, bytes], behind: bytes, cuts: list[int]
) -> None:
    watch, parser, body = Watch(), h11.Connection(h11.CLIENT), b""
    assert not watch.begins(REQUEST)
    parser.send(h11.Request(method="GET", target="/a", headers=[("Host", "a")]))
    parser.send(h11.EndOfMessage())
    fed = 0
    wire = answer[0] + behind
    for piece in in_pieces(wire, cuts):
        watch.received(piece)
        parser.receive_data(piece)
        fed += len(piece)
        while isinstance(event := parser.next_event(), h11.Event):
            body += bytes(event.data) if isinstance(event, h11.Data) else b""
        over = parser.their_state is h11.DONE
        assert over == (fed >= len(answer[0]))
        assert watch.surplus == bool(over and parser.trailing_data[0])
        assert watch.may_go_on == (over and not parser.trailing_data[0])
    assert body == answer[1]


def test_an_answer_that_ends_with_its_connection_leaves_none_to_go_on_with() -> None:
    watch = Watch()
    watch.begins(REQUEST)
    watch.received(b"HTTP/1.1 200 OK\r\n\r\n{}")
    assert not watch.may_go_on
    assert not watch.surplus


def test_an_answer_that_cannot_be_read_is_never_over() -> None:
    watch = Watch()
    watch.begins(REQUEST)
    watch.received(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nsoon\r\n0\r\n\r\n")
    assert not watch.may_go_on


def test_a_second_request_begins_with_the_first_write_after_an_answer() -> None:
    watch = Watch()
    assert not watch.begins(b"PUT /a HTTP/1.1\r\nContent-Length: 8\r\n\r\n")
    assert not watch.begins(b"GET home")
    watch.received(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert watch.may_go_on
    assert watch.begins(REQUEST)
    assert not watch.may_go_on


@pytest.mark.parametrize("method", [b"HEAD / HTTP/1.1\r\n\r\n", b"CONNECT a:443 HTTP/1.1\r\n\r\n"])
def test_an_answer_without_a_body_is_over_after_its_headers(method: bytes) -> None:
    watch = Watch()
    watch.begins(method)
    watch.received(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    assert watch.may_go_on


def test_what_is_not_http_is_left_to_who_speaks_it() -> None:
    """A SOCKS proxy is spoken to first, on the same connection."""
    watch = Watch()
    watch.begins(b"\x05\x01\x00")
    watch.received(b"\x05\x00")
    assert watch.may_go_on
    watch.begins(REQUEST)
    watch.received(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n12")
    assert watch.surplus
