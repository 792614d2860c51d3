"""The pipelines of the simulated service, their executions, and access to them for tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, cast

import attrs

from datalab_facade.clock import Clock
from datalab_facade.testing.checking import check_seconds
from datalab_facade.testing.documents import (
    DocumentEndpoint,
    DocumentStore,
    StoredDocumentRequest,
    build_request,
)
from datalab_facade.testing.forms import FormPart
from datalab_facade.testing.jsonvalue import JSON
from datalab_facade.testing.store_views import StoreView

_ENDPOINTS: Final[Mapping[str, DocumentEndpoint]] = {
    "convert": "convert",
    "segment": "segment",
    "extract": "extract",
    "fill": "fill",
    "custom": "convert",
}
STEP_TYPES: Final = tuple(_ENDPOINTS)
"""The types that a step can have."""

_PENDING_SECONDS: Final = 0.5


@attrs.define(kw_only=True)
class StoredPipeline:
    """A pipeline of the simulated service."""

    number: int
    pipeline_id: str
    steps: list[JSON]
    """The steps of the draft."""
    name: str | None = None
    is_saved: bool = False
    archived: bool = False
    created_at: datetime
    updated_at: datetime
    versions: list[dict[str, JSON]] = attrs.field(factory=list[dict[str, JSON]])
    """The published versions, the first one first."""

    def steps_of(self, version: int | None) -> tuple[int, Sequence[JSON]] | None:
        """Return the number and the steps of a version; ``None`` if there is no such version.

        Without a version it is the published one, or the draft where there is none; 0 is the
        draft.
        """
        number = len(self.versions) if version is None else version
        if number == 0:
            return 0, self.steps
        if not 0 < number <= len(self.versions):
            return None
        return number, cast("list[JSON]", self.versions[number - 1]["steps"])


@attrs.frozen(kw_only=True)
class StoredPipelineExecution:
    """An execution of a pipeline: a document request for each step, one after the other."""

    execution_id: str
    pipeline_id: str
    version: int
    types: tuple[str, ...]
    """The types of the steps."""
    requests: tuple[StoredDocumentRequest, ...]
    """What each step does; its times follow those of the step before."""
    fields: Mapping[str, str]
    """The fields of the form that started it."""
    filename: str | None
    created_at: datetime
    created_monotonic: float

    def statuses(self, clock: Clock, lag: float = 0.0) -> tuple[str, ...]:
        """Return the status of each step; the last one stands as running for ``lag`` seconds."""
        found: list[str] = []
        for request in self.requests:
            since = request.since_end(clock)
            if "failed" in found or "skipped" in found:
                found.append("skipped")
            elif since is not None:
                found.append("failed" if request.script.failed else "completed")
            else:
                found.append("running" if request.age(clock) >= 0 else "pending")
        ended = self.since_end(clock)
        if ended is not None and ended < lag:
            found[-1] = "running"
        return tuple(found)

    def status(self, clock: Clock) -> str:
        """Return the status of the execution."""
        if self.since_end(clock) is None:
            is_new = clock.monotonic() - self.created_monotonic < _PENDING_SECONDS
            return "pending" if is_new else "running"
        statuses = self.statuses(clock)
        if "failed" not in statuses:
            return "completed"
        return "completed_with_errors" if "completed" in statuses else "failed"

    def since_end(self, clock: Clock) -> float | None:
        """Return the seconds since its end; ``None`` before it."""
        for request in self.requests:
            since = request.since_end(clock)
            if since is None or request.script.failed:
                return since
        return self.requests[-1].since_end(clock)


@attrs.define
class PipelineStore:
    """All pipelines and their executions. The simulator's lock guards it."""

    by_id: dict[str, StoredPipeline] = attrs.field(factory=dict[str, StoredPipeline])
    executions: dict[str, StoredPipelineExecution] = attrs.field(
        factory=dict[str, StoredPipelineExecution]
    )
    steps_lag: float = 0.0
    last_id: int = 0

    def next_number(self) -> int:
        """Return a number that nothing else has."""
        self.last_id += 1
        return self.last_id

    def create(self, clock: Clock, steps: Sequence[JSON]) -> StoredPipeline:
        """Store a new draft."""
        number, now = self.next_number(), clock.now()
        pipeline = StoredPipeline(
            number=number,
            pipeline_id=f"pl_{number:012d}",
            steps=list(steps),
            created_at=now,
            updated_at=now,
        )
        self.by_id[pipeline.pipeline_id] = pipeline
        return pipeline

    def execute(
        self,
        documents: DocumentStore,
        clock: Clock,
        *,
        pipeline: StoredPipeline,
        version: int,
        steps: Sequence[JSON],
        fields: Mapping[str, str],
        file: FormPart | None,
    ) -> StoredPipelineExecution:
        """Start an execution: the requests of all steps, each after the one before."""
        requests: list[StoredDocumentRequest] = []
        types: list[str] = []
        begins = 0.0
        for step in cast("Sequence[Mapping[str, JSON]]", steps):
            kind = str(step["type"])
            asked = {**settings_of(step), **_passed_on(fields)}
            if requests:
                asked["checkpoint_id"] = requests[-1].checkpoint_id
            request = build_request(
                documents, clock, _ENDPOINTS[kind], {**asked, "save_checkpoint": "true"}, file=file
            )
            moved = attrs.evolve(
                request,
                created_at=request.created_at + timedelta(seconds=begins),
                created_monotonic=request.created_monotonic + begins,
            )
            documents.add(moved)
            requests.append(moved)
            types.append(kind)
            begins += request.script.seconds if request.script.seconds is not None else 1e9
        execution = StoredPipelineExecution(
            execution_id=f"pex_{self.next_number():012d}",
            pipeline_id=pipeline.pipeline_id,
            version=version,
            types=tuple(types),
            requests=tuple(requests),
            fields=fields,
            filename=None if file is None else file.filename,
            created_at=clock.now(),
            created_monotonic=clock.monotonic(),
        )
        self.executions[execution.execution_id] = execution
        return execution


class Pipelines(StoreView[str, StoredPipeline]):
    """The pipelines of a simulator by id, oldest first; see ``simulator.pipelines``.

    Each step of an execution is a document request, so ``simulator.documents`` has the scripts
    that say what it does.
    """

    def __init__(self, store: PipelineStore, clock: Clock, lock: threading.RLock) -> None:
        super().__init__(store, lock)
        self._store: Final = store
        self._clock: Final = clock

    def create(self, steps: Sequence[JSON], *, name: str | None = None) -> str:
        """Create a pipeline that nobody sends.

        Args:
            steps: its steps, each such as ``{"type": "convert", "settings": {}}``.
            name: its name; with one it counts as saved.

        Returns:
            the pipeline's id.

        Raises:
            ValueError: there are no steps, or one has no type that there is.
        """
        types = [step.get("type") if isinstance(step, Mapping) else None for step in steps]
        if not types or not all(kind in STEP_TYPES for kind in types):
            message = (
                f"steps must be a list, each such as {{'type': 'convert', 'settings': {{}}}} with "
                f"one of the types {', '.join(STEP_TYPES)}, not {list(steps)!r}"
            )
            raise ValueError(message)
        with self._lock:
            pipeline = self._store.create(self._clock, steps)
            pipeline.name, pipeline.is_saved = name, name is not None
            return pipeline.pipeline_id

    @property
    def executions(self) -> Mapping[str, StoredPipelineExecution]:
        """All executions by id, oldest first."""
        with self._lock:
            return dict(self._store.executions)

    @property
    def steps_lag(self) -> float:
        """Seconds after the end of an execution for which its last step stands as running.

        As documented, an execution that has ended is read from another store. Default: 0.

        Raises:
            ValueError: it is set to something else than a finite number, zero or more.
        """
        return self._store.steps_lag

    @steps_lag.setter
    def steps_lag(self, seconds: float) -> None:
        check_seconds(seconds, "steps_lag")
        with self._lock:
            self._store.steps_lag = seconds


def settings_of(step: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the settings of a step, as the fields of a form."""
    settings = step.get("settings")
    if not isinstance(settings, Mapping):
        return {}
    return {name: _text(value) for name, value in settings.items() if value is not None}


def _text(value: JSON) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(cast("list[str]", value))
    return value if isinstance(value, str) else json.dumps(value)


def _passed_on(fields: Mapping[str, str]) -> dict[str, JSON]:
    """Return the fields of a run that go to each step."""
    names = ("page_range", "output_format", "skip_cache", "file_url", "processing_location")
    return {name: fields[name] for name in names if name in fields}
