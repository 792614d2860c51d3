"""The trigger that waits for a job of any kind in Airflow's triggerer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

from airflow.sdk.exceptions import AirflowNotFoundException, TaskDeferred
from airflow.triggers.base import BaseTrigger, TriggerEvent

from datalab_facade.errors import DatalabError
from datalab_facade.integrations.airflow.events import WaitEvent
from datalab_facade.integrations.airflow.hooks import DEFAULT_CONNECTION_ID, DatalabHook
from datalab_facade.integrations.airflow.memory import Handle
from datalab_facade.integrations.airflow.timeouts import DEFAULT_TIMEOUT, backstop, deadline_after
from datalab_facade.integrations.airflow.waits import shared_waits
from datalab_facade.json_forms import JSON

SETTLE: Final = 10.0
"""The least number of seconds between the start of a trigger and its event.

Airflow's scheduler considers a task killed if the task resumes before its worker has
reported the deferral, up to one heartbeat (five seconds) later."""


class DatalabJobTrigger(BaseTrigger):
    """Waits until a job of any kind has ended, or a deadline has passed.

    Its serialized form holds the job's handle, the connection and the deadline,
    and no state of the wait; so any triggerer can continue the wait of another one. It
    holds the deadline because Airflow's own is enforced by the scheduler, which does
    not run in ``dag.test()``.

    A trigger that another release stored still loads: what it does not say has a default,
    and what this release does not know is ignored.

    All triggers of one triggerer process and one connection share one client, and so
    one rate limiter.

    Args:
        handle: The JSON form of a handle: the job's kind and id, and the API's address.
        datalab_conn_id: The id of the connection.
        deadline: The time to give up, in ISO 8601 with a zone; by default in two hours.
        unknown: What another release stored besides.
    """

    def __init__(
        self,
        handle: Handle | None = None,
        datalab_conn_id: str = DEFAULT_CONNECTION_ID,
        deadline: str | None = None,
        **unknown: object,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.handle = {} if handle is None else handle
        self.datalab_conn_id = datalab_conn_id
        self.deadline = deadline_after(DEFAULT_TIMEOUT) if deadline is None else deadline
        if unknown:
            self.log.warning("Ignored fields of a stored trigger: %s", ", ".join(sorted(unknown)))

    def serialize(self) -> tuple[str, dict[str, JSON]]:
        """Return the trigger's class and arguments, for Airflow to store."""
        arguments: dict[str, JSON] = {
            "handle": self.handle,
            "datalab_conn_id": self.datalab_conn_id,
            "deadline": self.deadline,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, the JSON form of a :class:`WaitEvent`."""
        loop = asyncio.get_running_loop()
        earliest = loop.time() + SETTLE
        event = await self._wait()
        await asyncio.sleep(earliest - loop.time())
        yield TriggerEvent(event.to_dict())

    async def _wait(self) -> WaitEvent:
        remaining = (datetime.fromisoformat(self.deadline) - datetime.now(UTC)).total_seconds()
        waits = shared_waits(self.datalab_conn_id, DatalabHook(self.datalab_conn_id).settings_async)
        limit = asyncio.timeout(remaining)
        try:
            async with limit:
                return WaitEvent.of(self.handle, await waits.outcome(self.handle))
        except (DatalabError, AirflowNotFoundException) as error:
            return WaitEvent.of_error(self.handle, error)
        except TimeoutError:
            if not limit.expired():
                raise
            return WaitEvent.timed_out(self.handle)


def deferral(handle: Handle, datalab_conn_id: str, timeout: float) -> TaskDeferred:
    """Return the exception that defers a task until a job has ended.

    Args:
        handle: The JSON form of the job's handle.
        datalab_conn_id: The id of the connection.
        timeout: Seconds to wait.
    """
    return TaskDeferred(
        trigger=DatalabJobTrigger(handle, datalab_conn_id, deadline_after(timeout)),
        method_name="execute_complete",
        timeout=backstop(timeout),
    )
