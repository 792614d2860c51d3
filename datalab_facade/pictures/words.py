"""Text in pictures: untrusted names, durations, times, ticks."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from datalab_facade.errors import InvalidArgumentError
from datalab_facade.redaction import excerpt

ELLIPSIS = "…"
SEPARATOR = " · "

# No script puts more marks on one letter; more of them would paint over the lines above.
_MAX_MARKS = 2


def sanitize(name: str, *, limit: int = 200) -> str:
    r"""Return a name as one printable line, without secrets.

    Control characters, among them terminal commands, and marks that change the
    direction of writing become escapes.

    >>> sanitize("parse\x1b[2J"), sanitize(" ")
    ('parse\\x1b[2J', '(no name)')
    """
    text = excerpt(name, limit=limit)
    if text.isascii():
        return text or "(no name)"
    kept: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= _MAX_MARKS:
            kept.append(char)
    return "".join(kept)


def checked_width(width: object, least: int) -> float:
    """Return the width of a picture, at least so much.

    Raises:
        InvalidArgumentError: It is not a finite number.
    """
    if isinstance(width, bool) or not isinstance(width, (int, float)) or not math.isfinite(width):
        raise InvalidArgumentError(f"width must be a finite number, not {excerpt(repr(width))}")
    return max(least, width)


def to_ascii(text: str) -> str:
    """Return the closest ASCII form of a text.

    >>> to_ascii("Übersicht · 4 × 請求書…")
    'Ubersicht - 4 x ???...'
    """
    if text.isascii():
        return text
    for char, plain in (("…", "..."), ("·", "-"), ("×", "x"), ("→", "->"), ("←", "<-"), ("—", "-")):
        text = text.replace(char, plain)
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return bare.encode("ascii", "replace").decode()


def cell_width(text: str) -> int:
    """Count the columns of a text in a terminal.

    >>> cell_width("parse"), cell_width("請求書")
    (5, 6)
    """
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def clip(text: str, width: int, *, ellipsis: str = ELLIPSIS) -> str:
    """Shorten a text to a number of terminal columns.

    >>> clip("marker_parse", 8), clip("parse", 8)
    ('marker_…', 'parse')
    """
    if cell_width(text) <= width:
        return text
    room = width - len(ellipsis)
    kept: list[str] = []
    for char in text:  # pragma: no branch - the text does not fit
        room -= _char_width(char)
        if room < 0:
            break
        kept.append(char)
    return ("".join(kept).rstrip() + ellipsis)[: max(0, width)]


def pad(text: str, width: int) -> str:
    """Pad a text with spaces to a number of columns."""
    return text + " " * (width - cell_width(text))


_DAY = 86_400
_UNITS = ((3600, 60, "m", 1, "s"), (_DAY, 3600, "h", 60, "m"), (1000 * _DAY, _DAY, "d", 3600, "h"))


def format_duration(length: timedelta) -> str:
    """Format a duration with at most two units.

    >>> [format_duration(timedelta(seconds=s)) for s in (0, 0.25, 8.04, 12.34, 60, 3725, 180_000)]
    ['0s', '250ms', '8.0s', '12s', '1m 00s', '1h 02m', '2d 02h']
    """
    seconds = length.total_seconds()
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms" if seconds else "0s"
    if seconds < 59.5:
        return f"{seconds:.1f}s" if seconds < 9.95 else f"{seconds:.0f}s"
    for limit, unit, name, smaller, smaller_name in _UNITS:
        whole = round(seconds / smaller) * smaller
        if whole < limit:
            return f"{whole // unit}{name} {whole % unit // smaller:02}{smaller_name}"
    return f"{seconds / _DAY / 365.25:.1f}y"


def format_time(time: datetime) -> str:
    """Format a time, to the second.

    >>> from datetime import UTC
    >>> format_time(datetime(2025, 10, 22, 10, tzinfo=UTC))
    '2025-10-22 10:00:00 UTC'
    """
    return f"{time.replace(tzinfo=None):%Y-%m-%d %H:%M:%S} UTC"


def pluralize(number: int, noun: str) -> str:
    """Format a number and its noun.

    >>> pluralize(1, "file"), pluralize(1200, "file")
    ('1 file', '1,200 files')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


_STEPS = (
    *(base * scale for scale in (0.001, 0.01, 0.1) for base in (1, 2, 5)),
    *(1, 2, 5, 10, 15, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3600 * hours for hours in (1, 2, 3, 6, 12)),
)


def ticks(total: timedelta, most: int) -> list[tuple[float, str]]:
    """Choose round times for the axis of a chart: the share of the whole, and the label.

    Args:
        total: The time that the chart spans.
        most: The largest number of ticks, not counting the one at zero.

    >>> ticks(timedelta(minutes=5), 3)
    [(0.0, '0'), (0.4, '2m'), (0.8, '4m')]
    >>> [words for _, words in ticks(timedelta(minutes=2), 4)]
    ['0', '30s', '1m', '1m30s', '2m']
    """
    seconds = total.total_seconds()
    if seconds <= 0:
        return [(0.0, "0")]
    step = next((step for step in _STEPS if seconds / step <= most), None)
    if step is None:
        days = seconds / _DAY / most
        scale = 10 ** math.floor(math.log10(days))
        step = _DAY * scale * next(base for base in (1, 2, 5, 10) if base * scale >= days)
    count = math.floor(seconds / step + 1e-9)
    return [(number * step / seconds, _tick(number * step)) for number in range(count + 1)]


def _tick(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms" if seconds else "0"
    if seconds < 60:
        return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
    parts: list[str] = []
    rest = round(seconds)
    for unit, name in ((_DAY, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{count}{name}")
    return "".join(parts[:2])


def join_parts(parts: Iterable[str]) -> str:
    """Join the parts that are not empty into one line."""
    return SEPARATOR.join(part for part in parts if part)


def wrap(text: str, width: int, *, most: int, ellipsis: str = ELLIPSIS) -> list[str]:
    """Wrap a text into lines of a number of columns, between words where possible.

    >>> wrap("began late and ended early", 11, most=2)
    ['began late', 'and ended…']
    """
    lines = [""]
    for word in _split_words(text, width):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_width(longer) <= width:
            lines[-1] = longer
        elif lines[-1]:
            lines.append(word)
        else:
            lines[-1] = word
    if len(lines) > most:
        last = clip(lines[most - 1], width - len(ellipsis), ellipsis="")
        lines[most - 1 :] = [last.rstrip(f"{ellipsis} ") + ellipsis]
    return lines


def _split_words(text: str, width: int) -> Iterator[str]:
    """Yield the words; a word wider than a line comes in pieces."""
    for word in text.split():
        piece, used = "", 0
        for char in word:
            used += _char_width(char)
            if used > width:
                yield piece
                piece, used = "", _char_width(char)
            piece += char
        yield piece
