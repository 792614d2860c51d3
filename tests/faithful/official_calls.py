"""Calls methods of Datalab's own client, one after the other.

A program of its own, because the client warns of itself and its import is heavy.
It reads as JSON from its standard input what to call, and writes as JSON what came of it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.faithful.official_story import sdk


def called(client: Any, call: dict[str, Any]) -> dict[str, Any]:
    """Call a method; its options, if any, are an object of one of the client's classes."""
    named = dict(call["named"])
    if call["options"] is not None:
        kind, fields = call["options"]
        named["options"] = getattr(sdk("datalab_sdk.models"), kind)(**fields)
    try:
        result = getattr(client, call["method"])(*call["arguments"], **named)
    except (sdk("datalab_sdk.exceptions").DatalabError, ValueError) as error:
        return {"raised": type(error).__name__}
    return {"raised": None, **(result if isinstance(result, dict) else vars(result))}


def main() -> None:
    """Do what is asked."""
    given = json.load(sys.stdin)
    client = sdk().DatalabClient(given["key"], given["url"], timeout=20)
    answers = [called(client, call) for call in given["calls"]]
    json.dump(answers, sys.stdout, default=vars)


if __name__ == "__main__":
    main()
