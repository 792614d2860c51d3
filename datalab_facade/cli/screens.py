"""Output streams: what each can show, and writing to it."""

from __future__ import annotations

import json
import locale
import os
import shutil
from collections.abc import Mapping
from typing import Final, TextIO

import attrs
import click

from datalab_facade.cli.streams import OutputLostError, failure_of
from datalab_facade.json_forms import JSON
from datalab_facade.pictures.terminal import Terminal

_CHART_WIDTH_IN_PIPE: Final = 80
_UNLIMITED_WIDTH: Final = 100_000
# An encoding that has these has all characters that are drawn with.
_SIGNS: Final = "✓✗▸·…→━█"


@attrs.frozen
class Screen:
    """A stream, and what it can show."""

    stream: TextIO
    is_terminal: bool
    color: bool
    ascii_only: bool
    width: int | None
    """Columns of the terminal; None if there is no terminal and ``COLUMNS`` is not set."""
    is_result: bool = True
    """Whether the result of the command goes here, and not only messages."""

    @classmethod
    def of(
        cls,
        stream: TextIO,
        environment: Mapping[str, str] = os.environ,
        *,
        is_result: bool = True,
    ) -> Screen:
        """Detect what a stream can show.

        ``NO_COLOR`` switches colors off and ``FORCE_COLOR`` switches them on; without
        either, terminals have them. ``COLUMNS`` overrides the width of the terminal.
        """
        is_terminal = stream.isatty()
        columns = environment.get("COLUMNS", "")
        width = int(columns) if columns.isdecimal() and int(columns) else None
        if width is None and is_terminal:
            width = shutil.get_terminal_size().columns
        return cls(
            stream=stream,
            is_terminal=is_terminal,
            color=_has_color(environment, is_terminal=is_terminal),
            ascii_only=_needs_ascii(stream.encoding or "ascii", environment),
            width=width,
            is_result=is_result,
        )

    @property
    def for_tables(self) -> Terminal:
        """The terminal for tables and lines; in a pipe nothing is cut."""
        return Terminal(self.width or _UNLIMITED_WIDTH, self.color, self.ascii_only)

    @property
    def for_charts(self) -> Terminal:
        """The terminal for charts; a pipe counts as 80 columns."""
        return Terminal(self.width or _CHART_WIDTH_IN_PIPE, self.color, self.ascii_only)

    def write(self, text: str) -> None:
        """Write text and a newline.

        Raises:
            OutputLostError: The result cannot be written.
        """
        # A name may hold characters that the encoding lacks; they become escapes.
        encoding = self.stream.encoding or "ascii"
        text = text.encode(encoding, "backslashreplace").decode(encoding)
        click.echo(text, file=self.stream, color=self.color)
        if self.is_result and failure_of(self.stream) is not None:
            raise OutputLostError

    def write_json(self, document: Mapping[str, JSON], *, indented: bool = True) -> None:
        """Write a JSON document: indented, or on one line if more documents follow."""
        self.write(
            json.dumps(
                document,
                ensure_ascii=self.ascii_only,
                indent=2 if indented else None,
                allow_nan=False,
            )
        )


def _has_color(environment: Mapping[str, str], *, is_terminal: bool) -> bool:
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return is_terminal and environment.get("TERM") != "dumb"


def _needs_ascii(encoding: str, environment: Mapping[str, str]) -> bool:
    try:
        _SIGNS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return True
    # Python writes UTF-8 where the locale is "C", but such a terminal may not show it.
    name = next(
        (environment[key] for key in ("LC_ALL", "LC_CTYPE", "LANG") if environment.get(key)), ""
    )
    return locale.normalize(name) in {"C", "POSIX"}
