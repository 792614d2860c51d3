"""The option ``--secret``: secrets come from files, never from arguments."""

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
    help="The file with the value for ${secret:NAME} in the definition. Repeatable.",
)


def read_secrets(options: Iterable[str]) -> dict[str, str]:
    """Read the secrets that options of the form ``NAME=FILE`` name.

    Raises:
        InvalidArgumentError: An option has another form, or its file cannot be read.
    """
    secrets: dict[str, str] = {}
    for option in options:
        name, equals, path = option.partition("=")
        if not (name and equals and path):
            # The option may hold a secret by mistake, so it is not quoted.
            raise InvalidArgumentError(
                "--secret takes NAME=FILE: the name of the secret, and a file with its value"
            )
        try:
            secrets[name] = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            message = f"The file for the secret {name!r} cannot be read: {reason}"
            raise InvalidArgumentError(message) from None
    return secrets
