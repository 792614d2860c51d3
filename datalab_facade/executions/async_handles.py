"""A handle of an execution."""

from __future__ import annotations

from typing import ClassVar

import attrs

from datalab_facade.jobs.async_handles import AsyncJobHandle
from datalab_facade.models import Execution, Output


@attrs.frozen(kw_only=True)
class AsyncExecutionHandle(AsyncJobHandle[Execution, int]):
    """An execution id bound to a client.

    Copies share its client. Its pickle holds the id and the API's address; what comes
    out of it compares equal and has :meth:`to_dict`, and everything else raises
    ClientStateError until ``client.executions.handle(handle)`` gives it a client.
    """

    found_at: ClassVar[str] = "client.executions"

    async def fetch_outputs(self) -> tuple[Output, ...]:
        """Poll once and return the outputs that exist so far. Raises what :meth:`get` raises."""
        return (await self.get()).outputs
