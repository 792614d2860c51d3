"""The delivery plan of an answer, which both transports play."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from datalab_facade.testing import Answer, Fault
from datalab_facade.testing.delivery import Pause, deliver_body, deliver_head, wire_head
from datalab_facade.testing.faults import Ending

ENDINGS = {
    Ending.CLOSED: Fault.truncate,
    Ending.RESET: Fault.reset,
    Ending.SILENT: Fault.hang,
}


@settings(deadline=None)
@given(
    body=st.binary(max_size=40),
    size=st.integers(1, 50),
    ending=st.sampled_from(list(ENDINGS)),
    after=st.integers(0, 50),
)
def test_what_is_delivered_is_a_beginning_of_the_body(
    body: bytes, size: int, ending: Ending, after: int
) -> None:
    """However slow and broken: the right bytes in order, then the right ending, once."""
    answer = Answer(200, body=body, fault=Fault.slow(size, every=2) & ENDINGS[ending](after))
    *events, last = deliver_body(answer)
    pieces = [event for event in events if isinstance(event, bytes)]
    assert b"".join(pieces) == body[:after]
    assert all(0 < len(piece) <= size for piece in pieces)
    assert events.count(Pause(2)) == len(pieces)
    assert last is (ending if after < len(body) else Ending.WHOLE)


def test_the_head_is_plain_http() -> None:
    """Status line, headers, an empty line; and it is slow only if the fault says so."""
    answer = Answer(529, {"A": "é"}, fault=Fault.slow(9, every=1))
    head = wire_head(answer)
    assert head == "HTTP/1.1 529 \r\nA: é\r\n\r\n".encode("latin-1")
    assert list(deliver_head(answer, head)) == [head]


def test_a_break_without_a_number_comes_before_the_head() -> None:
    """After the delay, in place of everything."""
    answer = Answer(200, fault=Fault.delay(3) & Fault.reset())
    assert list(deliver_head(answer, b"head")) == [Pause(3), Ending.RESET]
