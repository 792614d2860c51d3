"""Where text goes: what a stream can show, and writing to it."""

from __future__ import annotations

import json
import locale
import os
import shutil
from collections.abc import Mapping
from typing import Final, TextIO

import attrs
import click

from datalab_facade.cli.streams import OutputLost, failure_of
from datalab_facade.models import JSON
from datalab_facade.pictures.terminal import Terminal

_CHARTS_WITHOUT_TERMINAL: Final = 80
_AS_WIDE_AS_NEEDED: Final = 100_000
# What is drawn with; an encoding that has these has the rest.
_SIGNS: Final = "✓✗▸·…→━█"


@attrs.frozen
class Screen:
    """A stream, and what it can show."""

    stream: TextIO
    is_terminal: bool
    colour: bool
    ascii_only: bool
    width: int | None
    """Columns for tables; None where nobody counts them."""
    is_result: bool = True
    """Whether what is written here is what the program is run for."""

    @classmethod
    def of(
        cls,
        stream: TextIO,
        environment: Mapping[str, str] = os.environ,
        *,
        is_result: bool = True,
    ) -> Screen:
        """Find out what a stream can show.

        ``NO_COLOR`` switches colours off and ``FORCE_COLOR`` switches them on; without
        either, terminals have them. ``COLUMNS`` is believed before the terminal.
        """
        is_terminal = stream.isatty()
        columns = environment.get("COLUMNS", "")
        width = int(columns) if columns.isdecimal() and int(columns) else None
        if width is None and is_terminal:
            width = shutil.get_terminal_size().columns
        return cls(
            stream=stream,
            is_terminal=is_terminal,
            colour=_is_coloured(environment, is_terminal=is_terminal),
            ascii_only=_is_plain(stream.encoding or "ascii", environment),
            width=width,
            is_result=is_result,
        )

    @property
    def for_tables(self) -> Terminal:
        """How to write tables and lines: into a pipe, nothing is cut."""
        return Terminal(self.width or _AS_WIDE_AS_NEEDED, self.colour, self.ascii_only)

    @property
    def for_charts(self) -> Terminal:
        """How to write what needs some width: into a pipe, 80 columns."""
        return Terminal(self.width or _CHARTS_WITHOUT_TERMINAL, self.colour, self.ascii_only)

    def write(self, text: str) -> None:
        """Write a text and the end of its line.

        Raises:
            OutputLost: It is the result, and cannot be written.
        """
        # What the encoding does not have, as a name may, must not end the program.
        encoding = self.stream.encoding or "ascii"
        text = text.encode(encoding, "backslashreplace").decode(encoding)
        click.echo(text, file=self.stream, color=self.colour)
        if self.is_result and failure_of(self.stream) is not None:
            raise OutputLost

    def write_json(self, document: Mapping[str, JSON], *, indented: bool = True) -> None:
        """Write a document: on many lines, or on one where more documents follow."""
        self.write(
            json.dumps(
                document,
                ensure_ascii=self.ascii_only,
                indent=2 if indented else None,
                allow_nan=False,
            )
        )


def _is_coloured(environment: Mapping[str, str], *, is_terminal: bool) -> bool:
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return is_terminal and environment.get("TERM") != "dumb"


def _is_plain(encoding: str, environment: Mapping[str, str]) -> bool:
    try:
        _SIGNS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return True
    # Python writes UTF-8 where the locale is "C", but such a terminal may not show it.
    named = next(
        (environment[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environment.get(name)), ""
    )
    return locale.normalize(named) in {"C", "POSIX"}
