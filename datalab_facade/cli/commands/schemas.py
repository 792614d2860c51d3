"""The commands ``schema`` and ``completion``."""

from __future__ import annotations

import json
from importlib.resources import files as resources
from typing import cast

import click
from click.shell_completion import get_completion_class

from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.sessions import PROGRAM, Session, with_session
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.json_forms import JSON

_PREFIX = "urn:datalab-facade:cli:"
_FOLDER = resources("datalab_facade.cli") / "schemas"


def schema_names() -> list[str]:
    """Return the names of the schemas."""
    return sorted(
        entry.name.removesuffix(".json")
        for entry in _FOLDER.iterdir()
        if entry.name.endswith(".json")
    )


def load_schema(name: str) -> dict[str, JSON]:
    """Return a schema that includes all schemas it refers to.

    Raises:
        InvalidArgumentError: There is no schema of that name.
    """
    if name not in schema_names():
        raise InvalidArgumentError(
            f"There is no schema {name!r}; the schemas are: {', '.join(schema_names())}"
        )
    found = read_schema(name)
    others = sorted(_referenced_schemas(found))
    if others:
        # The schemas that it refers to are included, and found by their $id.
        found["$defs"] = {other: read_schema(other) for other in others}
    return found


def read_schema(name: str) -> dict[str, JSON]:
    """Return a schema as it is stored; it may refer to others."""
    text = (_FOLDER / f"{name}.json").read_text(encoding="utf-8")
    return cast("dict[str, JSON]", json.loads(text))


def _referenced_schemas(value: JSON) -> set[str]:
    """Return the names of all schemas that a value refers to, also indirectly."""
    names: set[str] = set()
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            name = reference.removeprefix(_PREFIX)
            names |= {name} | _referenced_schemas(read_schema(name))
        for inner in value.values():
            names |= _referenced_schemas(inner)
    elif isinstance(value, list):
        for inner in value:
            names |= _referenced_schemas(inner)
    return names


@click.command()
@click.argument("name", metavar="[NAME]", required=False)
@with_session
def schema(session: Session, *, name: str | None) -> ExitCode:
    """Print the JSON Schema of --json output.

    NAME is a command, such as status or files-list. Without it, the names of all schemas
    are printed.
    """
    if name is not None:
        session.out.write_json(load_schema(name))
    elif session.as_json:
        session.out.write_json({"schemas": list[JSON](schema_names())})
    else:
        session.out.write("\n".join(schema_names()))
    return ExitCode.DONE


_INSTALL_COMMANDS = {
    "bash": f'eval "$({PROGRAM} completion bash)"  # in ~/.bashrc',
    "zsh": f'eval "$({PROGRAM} completion zsh)"  # in ~/.zshrc',
    "fish": f"{PROGRAM} completion fish > ~/.config/fish/completions/{PROGRAM}.fish",
}


@click.command(
    help="Print completion code for a shell.\n\n"
    "With it, the shell completes commands and options. To install it:\n\n\b\n"
    + "\n".join(_INSTALL_COMMANDS.values())
)
@click.argument("shell", type=click.Choice(list(_INSTALL_COMMANDS)))
@with_session
def completion(session: Session, *, shell: str) -> ExitCode:
    """Print the completion code of a shell."""
    completion_class = get_completion_class(shell)
    assert completion_class is not None
    variable = f"_{PROGRAM.replace('-', '_').upper()}_COMPLETE"
    root = click.get_current_context().find_root().command
    source = completion_class(root, {}, PROGRAM, variable).source()
    if session.as_json:
        session.out.write_json({"shell": shell, "source": source})
    else:
        session.out.write(source)
    return ExitCode.DONE
