"""Drift: the API answering something that this version has not seen.

Nothing of it is an error. It is counted, so that a change of the API is noticed
before it hurts: see ``client.drift``.
"""

from __future__ import annotations

import functools
import logging
from collections import Counter
from collections.abc import Iterable
from typing import Literal, TypeAlias

import attrs

from datalab_facade.codec import ToJSON, json_field, to_json
from datalab_facade.forking import ProcessLock
from datalab_facade.json_forms import Form
from datalab_facade.pickling import picklable
from datalab_facade.redaction import excerpt

DriftKind: TypeAlias = Literal["field", "status", "shape", "time", "zone", "deprecation"]

logger = logging.getLogger(__name__)

# A server gone wild must not fill the memory with its inventions.
_MOST_KINDS = 1_000
_LONGEST_NAME = 80


@picklable
@attrs.frozen(kw_only=True, order=True, cache_hash=True)
class Drift(ToJSON):
    """One kind of surprise.

    Attributes:
        kind: ``"field"``, a name not seen before; ``"status"``, a word not seen
            before; ``"shape"``, a value of another type than expected; ``"time"``,
            a timestamp that cannot be read; ``"zone"``, one that names no zone;
            ``"deprecation"``, word that the API is going to end an operation.
        where: The part of the answer, such as ``"execution"`` or ``"step run"``, or
            the operation.
        name: The field, and after ``=`` the word or the type that was found.
    """

    kind: DriftKind
    where: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} in {self.where}"


_COUNTS = Form(
    lambda counts: [{**to_json(drift), "count": count} for drift, count in counts.items()]
)


@picklable
@attrs.frozen(kw_only=True)
class DriftReport(ToJSON):
    """What was seen so far, and in how many answers.

    It is true when there is anything to tell.
    """

    counts: dict[Drift, int] = attrs.field(metadata=json_field(form=_COUNTS))
    dropped: int = 0
    """Sightings left out because there were too many different ones."""

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __str__(self) -> str:
        lines = [f"{count:>7} × {drift}" for drift, count in sorted(self.counts.items())]
        if self.dropped:
            lines.append(f"{self.dropped:>7} × others")
        return "\n".join(lines) or "no drift seen"


class DriftLog:
    """Counts sightings; one for each client, shared by its threads."""

    def __init__(self) -> None:
        self._lock = ProcessLock()
        self._counts: Counter[Drift] = Counter()
        self._dropped = 0

    def record(self, sightings: Iterable[Drift]) -> list[Drift]:
        """Count the sightings and give back those that are new."""
        new: list[Drift] = []
        with self._lock:
            for drift in sightings:
                if drift in self._counts:
                    self._counts[drift] += 1
                elif len(self._counts) < _MOST_KINDS:
                    self._counts[drift] = 1
                    new.append(drift)
                else:
                    self._dropped += 1
        return sorted(new)

    def report(self) -> DriftReport:
        """Give the counts as they stand now."""
        with self._lock:
            return DriftReport(counts=dict(self._counts), dropped=self._dropped)


def announce(log: DriftLog, sightings: Iterable[Drift]) -> None:
    """Count the sightings, and leave a line in the log about each that is new."""
    for new in log.record(sightings):
        # The documented times name no zone, so that is nothing to warn of.
        level = logging.DEBUG if new.kind == "zone" else logging.WARNING
        logger.log(level, "The API answered something new: %s", new)


def sighting(kind: DriftKind, where: str, name: str) -> Drift:
    """Describe a surprise with a name that is short and can be shown, whatever the server said."""
    plain = len(name) <= _LONGEST_NAME and name.isprintable() and "/" not in name
    return _drift(kind, where, name if plain else excerpt(name, limit=_LONGEST_NAME))


@functools.lru_cache(maxsize=_MOST_KINDS)
def _drift(kind: DriftKind, where: str, name: str) -> Drift:
    # Most answers have the same as those before.
    return Drift(kind=kind, where=where, name=name)
