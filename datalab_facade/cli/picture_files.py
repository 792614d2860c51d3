"""The options ``--svg`` and ``--html``, and writing pictures into files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from datalab_facade.errors import LocalFileError

_Command = TypeVar("_Command", bound=Callable[..., object])


def picture_options(command: _Command) -> _Command:
    """Give a command the options ``--svg`` and ``--html``."""
    for name, what in (("--svg", "SVG picture"), ("--html", "HTML page")):
        option = click.option(
            name,
            metavar="FILE",
            type=click.Path(dir_okay=False),
            help=f"Also write a self-contained {what} into this file.",
        )
        command = option(command)
    return command


def write_file(path: str, text: str) -> None:
    """Write text into a file; an existing file is replaced.

    Raises:
        LocalFileError: The file cannot be written.
    """
    try:
        Path(path).write_text(text, encoding="utf-8", errors="replace", newline="\n")
    except OSError as error:
        raise LocalFileError(f"{path} cannot be written: {error.strerror or error}") from error
