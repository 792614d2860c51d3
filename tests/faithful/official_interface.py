"""Writes what Datalab's own client can be asked to do: methods, options, commands.

A program of its own, because the client warns of itself and its import is heavy.
It writes JSON to its standard output.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import sys
from typing import Any

from tests.faithful.official_story import sdk

OPTIONS = {
    "convert": "ConvertOptions",
    "extract": "ExtractOptions",
    "segment": "SegmentOptions",
    "fill": "FormFillingOptions",
    "track_changes": "TrackChangesOptions",
}
"""The classes that hold the options of a method."""


def parameters(method: Any) -> list[str]:
    """Give the names of the parameters of a method, in their order."""
    return list(inspect.signature(method).parameters)[1:]


def methods(client: type) -> dict[str, list[str]]:
    """Give the public methods of a client, each with its parameters."""
    found = inspect.getmembers(client, inspect.isfunction)
    return {name: parameters(method) for name, method in found if not name.startswith("_")}


def main() -> None:
    """Write it."""
    models, commands = sdk("datalab_sdk.models"), sdk("datalab_sdk.cli").cli.commands
    interface = {
        "methods": methods(sdk().DatalabClient),
        "async_methods": methods(sdk().AsyncDatalabClient),
        "options": {
            name: [field.name for field in dataclasses.fields(getattr(models, kind))]
            for name, kind in OPTIONS.items()
        },
        "commands": {
            name: [option for one in command.params for option in one.opts if option[0] == "-"]
            for name, command in commands.items()
        },
    }
    json.dump(interface, sys.stdout)


if __name__ == "__main__":
    main()
