"""Pictures and pages that a command writes into files because it was told to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from datalab_facade.errors import LocalFileError

_Command = TypeVar("_Command", bound=Callable[..., object])


def drawn(command: _Command) -> _Command:
    """Let a command write its picture into files."""
    for name, what in (("--svg", "picture"), ("--html", "page")):
        option = click.option(
            name,
            metavar="FILE",
            type=click.Path(dir_okay=False),
            help=f"Write it as a {what}, too, that needs nothing else.",
        )
        command = option(command)
    return command


def write_file(path: str, text: str) -> None:
    """Write a text into a file, in place of what is there.

    Raises:
        LocalFileError: It cannot be written.
    """
    try:
        Path(path).write_text(text, encoding="utf-8", errors="replace", newline="\n")
    except OSError as error:
        raise LocalFileError(f"{path} cannot be written: {error.strerror or error}") from error
