"""The forms of what ``--json`` prints: schema; and completion for shells."""

from __future__ import annotations

import json
from importlib.resources import files as resources
from typing import cast

import click
from click.shell_completion import get_completion_class

from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.sessions import PROGRAM, Session, in_session
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.models import JSON

_PREFIX = "urn:datalab-facade:cli:"
_FOLDER = resources("datalab_facade.cli") / "schemas"


def schema_names() -> list[str]:
    """Give the names of the schemas."""
    return sorted(
        entry.name.removesuffix(".json")
        for entry in _FOLDER.iterdir()
        if entry.name.endswith(".json")
    )


def schema_of(name: str) -> dict[str, JSON]:
    """Give a schema, whole by itself.

    Raises:
        InvalidArgumentError: There is none of that name.
    """
    if name not in schema_names():
        raise InvalidArgumentError(
            f"There is no schema {name!r}; there are: {', '.join(schema_names())}"
        )
    found = read_schema(name)
    others = sorted(_named_in(found))
    if others:
        # Whole by itself: what it refers to is inside, found by its own $id.
        found["$defs"] = {other: read_schema(other) for other in others}
    return found


def read_schema(name: str) -> dict[str, JSON]:
    """Give a schema as it is written, which may refer to others."""
    text = (_FOLDER / f"{name}.json").read_text(encoding="utf-8")
    return cast("dict[str, JSON]", json.loads(text))


def _named_in(value: JSON) -> set[str]:
    """Give the names of all schemas that one refers to, by a detour too."""
    named: set[str] = set()
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            name = reference.removeprefix(_PREFIX)
            named |= {name} | _named_in(read_schema(name))
        for inner in value.values():
            named |= _named_in(inner)
    elif isinstance(value, list):
        for inner in value:
            named |= _named_in(inner)
    return named


@click.command()
@click.argument("name", required=False)
@in_session
def schema(session: Session, *, name: str | None) -> ExitCode:
    """Print the JSON Schema of what a command prints with --json; or the names of all."""
    if name is not None:
        session.out.write_json(schema_of(name))
    elif session.as_json:
        session.out.write_json({"schemas": list[JSON](schema_names())})
    else:
        session.out.write("\n".join(schema_names()))
    return ExitCode.DONE


_WHERE = {
    "bash": f'eval "$({PROGRAM} completion bash)"  # in ~/.bashrc',
    "zsh": f'eval "$({PROGRAM} completion zsh)"  # in ~/.zshrc',
    "fish": f"{PROGRAM} completion fish > ~/.config/fish/completions/{PROGRAM}.fish",
}


@click.command(
    help="Print what makes a shell complete commands and options.\n\n\b\n"
    + "\n".join(_WHERE.values())
)
@click.argument("shell", type=click.Choice(list(_WHERE)))
@in_session
def completion(session: Session, *, shell: str) -> ExitCode:
    """Print a shell's completion."""
    made = get_completion_class(shell)
    assert made is not None
    variable = f"_{PROGRAM.replace('-', '_').upper()}_COMPLETE"
    root = click.get_current_context().find_root().command
    source = made(root, {}, PROGRAM, variable).source()
    if session.as_json:
        session.out.write_json({"shell": shell, "source": source})
    else:
        session.out.write(source)
    return ExitCode.DONE
