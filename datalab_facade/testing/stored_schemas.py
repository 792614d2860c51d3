"""The extraction schemas and batch runs of the simulated service."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import attrs

from datalab_facade.clock import Clock
from datalab_facade.testing.jsonvalue import JSON, time_text

_FILES: Final = 10
_SECONDS_PER_FILE: Final = 2.0


@attrs.frozen(kw_only=True)
class StoredBatchRun:
    """A batch run over ten files, one after the other."""

    number: int
    collection_id: int
    eval_rubric_id: JSON
    pipeline_id: JSON
    pipeline_type: str
    created_at: datetime
    created_monotonic: float

    def body(self, clock: Clock) -> dict[str, JSON]:
        """Return the answer about it."""
        age = clock.monotonic() - self.created_monotonic
        done = min(_FILES, int(age / _SECONDS_PER_FILE))
        ended = done == _FILES
        created = time_text(self.created_at)
        ends_at = self.created_at + timedelta(seconds=_FILES * _SECONDS_PER_FILE)
        return {
            "id": self.number,
            "collection_id": self.collection_id,
            "eval_rubric_id": self.eval_rubric_id,
            "pipeline_id": self.pipeline_id,
            "pipeline_type": self.pipeline_type,
            "status": "completed" if ended else "running",
            "started_at": created,
            "completed_at": time_text(ends_at) if ended else None,
            "total_files": _FILES,
            "completed_files": done,
            "avg_score": 4.5 if ended and self.eval_rubric_id is not None else None,
            "created": created,
        }


@attrs.define
class SchemaStore:
    """All schemas and batch runs. The simulator's lock guards it."""

    by_id: dict[str, dict[str, JSON]] = attrs.field(factory=dict[str, dict[str, JSON]])
    """The schemas by their ids, as they are answered."""
    runs: list[StoredBatchRun] = attrs.field(factory=list[StoredBatchRun])
    last_id: int = 0

    def next_number(self) -> int:
        """Return a number that nothing else has."""
        self.last_id += 1
        return self.last_id
