"""The trigger that waits for an execution, in Airflow's triggerer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

from airflow.sdk.exceptions import TaskDeferred
from airflow.triggers.base import BaseTrigger, TriggerEvent

from datalab_facade.errors import DatalabError
from datalab_facade.integrations.airflow.events import WaitEvent
from datalab_facade.integrations.airflow.hooks import DatalabHook
from datalab_facade.integrations.airflow.memory import Handle
from datalab_facade.integrations.airflow.results import backstop, deadline_after
from datalab_facade.integrations.airflow.waits import shared_waits
from datalab_facade.models import JSON

SETTLE: Final = 10.0
"""Seconds for which a trigger tells nothing after it began.

Airflow's scheduler takes a task for killed if it is resumed before the worker that
deferred it is known to have left, which that worker does up to a heartbeat, five
seconds, later."""


class DatalabExecutionTrigger(BaseTrigger):
    """Waits until an execution has ended, or a deadline has passed.

    Its serialised form is the handle of an execution, by which connection it is looked
    at and until when, and nothing of how the wait has gone; so any triggerer can take
    over from any other. The deadline is in it because Airflow's own is kept by its
    scheduler, which takes no part in ``dag.test()``.

    All triggers of one triggerer process and one connection share one client, and so
    one request budget.

    Args:
        handle: What a handle's ``to_dict`` gave: the execution's id and the API's address.
        datalab_conn_id: The id of the connection.
        deadline: When to give up, as ISO 8601 with a zone.
    """

    def __init__(self, handle: Handle, datalab_conn_id: str, deadline: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.handle = handle
        self.datalab_conn_id = datalab_conn_id
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, JSON]]:
        """Give the trigger's class and arguments, to be stored by Airflow."""
        arguments: dict[str, JSON] = {
            "handle": self.handle,
            "datalab_conn_id": self.datalab_conn_id,
            "deadline": self.deadline,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Give one event, the JSON form of a :class:`WaitEvent`."""
        loop = asyncio.get_running_loop()
        settled = loop.time() + SETTLE
        event = await self._waited()
        await asyncio.sleep(settled - loop.time())
        yield TriggerEvent(event.to_dict())

    async def _waited(self) -> WaitEvent:
        left = (datetime.fromisoformat(self.deadline) - datetime.now(UTC)).total_seconds()
        waits = shared_waits(self.datalab_conn_id, DatalabHook(self.datalab_conn_id).settings_async)
        limit = asyncio.timeout(left)
        try:
            async with limit:
                return WaitEvent.of(self.handle, await waits.outcome(self.handle))
        except DatalabError as error:
            return WaitEvent.of_error(self.handle, error)
        except TimeoutError:
            if not limit.expired():
                raise
            return WaitEvent.timed_out(self.handle)


def deferral(handle: Handle, datalab_conn_id: str, timeout: float) -> TaskDeferred:
    """Give what a task raises to wait for an execution in the triggerer.

    Args:
        handle: The JSON form of the execution's handle.
        datalab_conn_id: The id of the connection.
        timeout: Seconds to wait.
    """
    return TaskDeferred(
        trigger=DatalabExecutionTrigger(handle, datalab_conn_id, deadline_after(timeout)),
        method_name="execute_complete",
        timeout=backstop(timeout),
    )
