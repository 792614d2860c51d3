"""What the simulated service remembers."""

from __future__ import annotations

from collections import deque
from datetime import datetime

import attrs

from datalab_facade.clock import Clock
from datalab_facade.testing.files import FileShelf
from datalab_facade.testing.rendering import ends_at
from datalab_facade.testing.scripts import ExecutionScript
from datalab_facade.testing.signing import Signer


@attrs.frozen
class StartedExecution:
    """An execution that exists."""

    execution_id: int
    script: ExecutionScript
    created: datetime
    created_monotonic: float

    def age(self, clock: Clock) -> float:
        """Seconds since it was created."""
        return clock.monotonic() - self.created_monotonic

    def can_be_had(self, clock: Clock) -> bool:
        """Whether the service knows it: already, and still."""
        age, end = self.age(clock), ends_at(self.script)
        if age < self.script.visible_from:
            return False
        if self.script.retained is None or end is None:
            return True
        return age < end + self.script.retained


@attrs.define
class RateLimit:
    """So many requests in any so many seconds."""

    requests: int
    seconds: float
    tell_when: bool
    """Whether a refusal says ``Retry-After``."""
    _admitted: deque[float] = attrs.field(factory=deque[float], init=False)

    def admit(self, now: float) -> float | None:
        """Count a request; or, when there were too many, say in how many seconds there is room.

        What is refused does not count.
        """
        while self._admitted and self._admitted[0] <= now - self.seconds:
            _ = self._admitted.popleft()
        if len(self._admitted) < self.requests:
            self._admitted.append(now)
            return None
        return self._admitted[0] + self.seconds - now if self._admitted else self.seconds


@attrs.define
class State:
    """Everything that endpoints read and change; the simulator's lock guards it."""

    clock: Clock
    api_key: str
    signer: Signer
    storage_origin: str
    bucket: str
    url_lifetime: int
    """Seconds for which a presigned URL is good."""
    rate_limit: RateLimit | None = None
    executions: dict[int, StartedExecution] = attrs.field(factory=dict[int, StartedExecution])
    files: FileShelf = attrs.field(factory=FileShelf)

    def execution(self, execution_id: int) -> StartedExecution | None:
        """The execution, if the service knows it now."""
        found = self.executions.get(execution_id)
        return found if found is not None and found.can_be_had(self.clock) else None
