"""JSON values, and their encoding by the simulated service."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias, cast

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
"""Any JSON value."""


def json_bytes(value: JSON) -> bytes:
    """Encode JSON as FastAPI does: compact, UTF-8, with as few escapes as possible."""
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_builtin
    ).encode()


def time_text(moment: datetime) -> str:
    """Write a time as the newer endpoints do: in UTC, which they say."""
    return moment.isoformat().replace("+00:00", "Z")


def _as_builtin(value: object) -> dict[str, object]:
    """Convert other mappings: ``json`` accepts only a dict."""
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    message = f"a script must hold JSON values only, not {type(value).__name__}"
    raise TypeError(message)
