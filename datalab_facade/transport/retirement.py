"""Tells of operations that the API is going to end, before it does.

The API says so in its document, and in the headers `Deprecation` (RFC 9745) and `Sunset` (RFC 8594)
of its answers.
"""

from __future__ import annotations

import contextlib
import inspect
import warnings
from collections.abc import Mapping

from datalab_facade.drift import DriftLog, announce, sighting
from datalab_facade.transport.operations import Operation

_OURS = ("datalab_facade", "datalab_api_client")
# Earlier drafts of the standard had words for it.
_NOT_DEPRECATED = frozenset({"", "false", "?0", "0", "@0"})


class Retirement:
    """The operations about which one client has warned that they are going to end."""

    def __init__(self, drift: DriftLog) -> None:
        self._drift = drift
        self._warned: set[str] = set()

    def heed(self, operation: Operation, headers: Mapping[str, str]) -> None:
        """Count what an answer says of the end of its operation, and warn of it once.

        A warning that a filter turns into an error is not raised: what was submitted must
        not be lost for it.

        Args:
            operation: What was asked for.
            headers: Those of the answer, with lower-case names.
        """
        deprecation, sunset = headers.get("deprecation", ""), headers.get("sunset", "")
        found: list[str] = []
        if deprecation.strip().lower() not in _NOT_DEPRECATED:
            found.append(f"Deprecation={deprecation}")
        if sunset.strip():
            found.append(f"Sunset={sunset}")
        if operation.is_deprecated:
            found.append("deprecated=true")
        if not found:
            return
        sightings = [sighting("deprecation", str(operation), name) for name in found]
        announce(self._drift, sightings)
        if str(operation) not in self._warned:
            self._warned.add(str(operation))
            said = ", ".join(one.name for one in sightings)
            with contextlib.suppress(FutureWarning):
                warnings.warn(
                    f"The Datalab API is going to end {operation} ({said}). "
                    "Check for a newer version of datalab-facade",
                    FutureWarning,
                    stacklevel=_levels_to_the_caller(),
                )


def _levels_to_the_caller() -> int:
    """How far above who asks for it the first function is that is not ours."""
    frame, levels = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in _OURS:
        frame, levels = frame.f_back, levels + 1
    return levels
