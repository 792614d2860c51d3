"""Secrets for the placeholders of a definition: read from files, never from arguments."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click

from datalab_facade.errors import InvalidArgumentError

SECRETS: Final = click.option(
    "--secret",
    "secrets",
    metavar="NAME=FILE",
    multiple=True,
    help="A file with the value of ${secret:NAME} in the definition; repeatable.",
)


def secrets_of(given: Iterable[str]) -> dict[str, str]:
    """Read the secrets that were given as ``NAME=FILE``.

    Raises:
        LocalFileError: One is not of that form, or its file cannot be read.
    """
    found: dict[str, str] = {}
    for one in given:
        name, equals, path = one.partition("=")
        if not (name and equals and path):
            # Whoever wrote a secret here by mistake does not want to read it again.
            raise InvalidArgumentError(
                "--secret takes NAME=FILE, the name and a file with the value"
            )
        try:
            found[name] = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            message = f"The file with the secret {name!r} cannot be read: {why}"
            raise InvalidArgumentError(message) from None
    return found
