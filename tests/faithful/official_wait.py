"""Lets Datalab's own client wait for an execution.

A program of its own, because the client warns of itself and its import is heavy.
Told as JSON on its standard input what to do; tells as JSON what came of it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from tests.faithful.official_story import sdk


def waited(given: dict[str, Any]) -> dict[str, Any]:
    """Wait with the blocking client, as its documentation does."""
    client = sdk().DatalabClient(given["key"], given["url"], timeout=20)
    try:
        found = client.get_execution_status(given["execution"], **given["options"])
    except (sdk("datalab_sdk.exceptions").DatalabError, RuntimeError) as error:
        return {"raised": type(error).__name__}
    return {"raised": None, "status": found.status, "error": found.error, "steps": found.steps}


async def _waited_in_a_loop(given: dict[str, Any]) -> dict[str, Any]:
    return waited(given)


def main() -> None:
    """Do what was told."""
    given = json.load(sys.stdin)
    told = asyncio.run(_waited_in_a_loop(given)) if given["in_a_loop"] else waited(given)
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
