"""JSON values, and how the simulated service writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
"""Anything that :func:`json.dumps` takes."""


def json_bytes(value: JSON) -> bytes:
    """JSON as FastAPI writes it: compact, UTF-8, nothing escaped that need not be."""
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_builtin
    ).encode()


def _as_builtin(value: object) -> dict[str, object]:
    """Let any mapping through, which json takes only as a dict."""
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    message = f"a script may hold JSON values only, not {type(value).__name__}"
    raise TypeError(message)
