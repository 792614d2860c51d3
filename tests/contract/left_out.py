"""What the spec has and the facade does not: the one list, for all tests that need to know."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from specs import skipping

PLANNED: Final = "planned"

_NOT_GENERATED: Final = {
    one.operation: one.reason
    for one in skipping.read_record(Path(__file__).parents[2] / "generated")
}

LEFT_OUT: Final[dict[str, str]] = {**_NOT_GENERATED}
"""Each operation that the facade leaves out, and why. `PLANNED` ones are to be wrapped;
what the regeneration had to leave out is there by itself."""
