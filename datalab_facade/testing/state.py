"""The state of the simulated service."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, TypeAlias, cast

import attrs

from datalab_facade.clock import Clock
from datalab_facade.testing.checking import new_id
from datalab_facade.testing.documents import DocumentStore
from datalab_facade.testing.execution_bodies import ends_at
from datalab_facade.testing.files import FileStore
from datalab_facade.testing.pipelines import PipelineStore
from datalab_facade.testing.scripts import ExecutionScript
from datalab_facade.testing.signing import Signer
from datalab_facade.testing.stored_schemas import SchemaStore
from datalab_facade.testing.workflows import WorkflowStore


@attrs.frozen
class StartedExecution:
    """An execution of the service."""

    execution_id: int
    script: ExecutionScript
    created: datetime
    created_monotonic: float

    def age(self, clock: Clock) -> float:
        """Return the seconds since its creation."""
        return clock.monotonic() - self.created_monotonic

    def is_visible(self, clock: Clock) -> bool:
        """Return whether the service knows it: it is visible and not deleted."""
        age, end = self.age(clock), ends_at(self.script)
        if age < self.script.visible_after:
            return False
        if self.script.kept_for is None or end is None:
            return True
        return age < end + self.script.kept_for


RatePer: TypeAlias = Literal["key", "endpoint"]


@attrs.define
class RateLimit:
    """A limit of requests in any period of so many seconds."""

    requests: int
    seconds: float
    send_retry_after: bool
    """Whether a 429 has a ``Retry-After``."""
    per: RatePer = attrs.field(default="key", kw_only=True)
    """Whether all endpoints share the limit, or each has its own. Keys never share it."""
    _admitted: dict[tuple[str, str], deque[float]] = attrs.field(
        factory=lambda: defaultdict[tuple[str, str], deque[float]](deque), init=False
    )

    def admit(self, now: float, *, key: str, endpoint: str) -> float | None:
        """Count a request and return ``None``; or return the seconds until the next is allowed.

        Refused requests do not count.
        """
        admitted = self._admitted[key, endpoint if self.per == "endpoint" else ""]
        while admitted and admitted[0] <= now - self.seconds:
            _ = admitted.popleft()
        if len(admitted) < self.requests:
            admitted.append(now)
            return None
        return admitted[0] + self.seconds - now if admitted else self.seconds

    def clear(self) -> None:
        """Reset all counts."""
        self._admitted.clear()


@attrs.frozen
class SkewedClock:
    """A clock whose date is some seconds wrong; durations are right."""

    clock: Clock
    skew: float

    def monotonic(self) -> float:
        """Return the reading of the right clock."""
        return self.clock.monotonic()

    def now(self) -> datetime:
        """Return the wrong date and time."""
        return self.clock.now() + timedelta(seconds=self.skew)

    def sleep(self, seconds: float) -> None:
        """Sleep by the right clock."""
        self.clock.sleep(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Sleep by the right clock."""
        await self.clock.sleep_async(seconds)


@attrs.define
class State:
    """All that endpoints read and change. The simulator's lock guards it."""

    clock: Clock
    api_key: str = attrs.field(repr=False)
    signer: Signer = attrs.field(repr=False)
    storage_origin: str
    bucket: str
    url_lifetime: int
    """Seconds for which a presigned URL is valid."""
    rate_limit: RateLimit | None = None
    more_keys: frozenset[str] = attrs.field(default=frozenset(), repr=False)
    """Other keys that the API accepts."""
    executions: dict[int, StartedExecution] = attrs.field(factory=dict[int, StartedExecution])
    files: FileStore = attrs.field(factory=FileStore)
    next_execution_id: int = 1001
    workflows: WorkflowStore = attrs.field(factory=WorkflowStore)
    documents: DocumentStore = attrs.field(factory=DocumentStore)
    pipelines: PipelineStore = attrs.field(factory=PipelineStore)
    schemas: SchemaStore = attrs.field(factory=SchemaStore)
    api_origin: str = ""
    """The origin of the API where a request does not say which host it is sent to."""

    def start(self, script: ExecutionScript, execution_id: int | None = None) -> int:
        """Create an execution now; return its id."""
        execution_id = new_id(execution_id, self.next_execution_id, self.executions, "an execution")
        self.next_execution_id = max(self.next_execution_id, execution_id + 1)
        while self.next_execution_id in self.executions:
            self.next_execution_id += 1
        self.executions[execution_id] = StartedExecution(
            execution_id, script, self.clock.now(), self.clock.monotonic()
        )
        return execution_id

    @property
    def keys(self) -> frozenset[str]:
        """All keys that the API accepts."""
        return self.more_keys | {self.api_key}

    def execution(self, execution_id: int) -> StartedExecution | None:
        """Return the execution, if the service knows it now."""
        execution = self.executions.get(execution_id)
        return execution if execution is not None and execution.is_visible(self.clock) else None

    def reset(self) -> None:
        """Remove everything received or created, and reset all counts."""
        if self.rate_limit is not None:
            self.rate_limit.clear()
        for field in attrs.fields(State):
            # Fields that begin empty hold the data. Others refer to these objects, so they are
            # emptied in place.
            factory = cast("Callable[[], object] | None", getattr(field.default, "factory", None))
            if factory is not None:
                _reset_object(cast("object", getattr(self, field.name)), factory())


def _reset_object(old: object, new: object) -> None:
    if isinstance(old, dict):
        cast("dict[object, object]", old).clear()
        return
    for field in attrs.fields(cast("type[attrs.AttrsInstance]", type(old))):
        # Ids continue, so no id is used twice.
        if field.name != "last_id":
            setattr(old, field.name, cast("object", getattr(new, field.name)))
