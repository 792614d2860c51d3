"""Executing a workflow once, however often the task that does it is begun.

Nothing here knows Airflow.
"""

from __future__ import annotations

import attrs

from datalab_facade.client import Datalab
from datalab_facade.errors import (
    APIConnectionError,
    DatalabError,
    NotFoundError,
    SubmissionUncertainError,
)
from datalab_facade.integrations.airflow.memory import Handle, Memory, StateStore, key_of
from datalab_facade.models import Execution
from datalab_facade.workflows.inputs import InputConfig


@attrs.frozen
class Started:
    """An execution that was started."""

    handle: Handle
    execution: Execution | None = None
    """A look at it, if it was started before and could be looked at."""
    before: bool = False
    """Whether it was started by an earlier try."""


@attrs.frozen
class Submission:
    """A workflow and its input, and what is remembered of executing it.

    Args:
        client: The client.
        store: Where it is remembered.
        workflow_id: The workflow's id.
        config: The input, or None for none.
        retry_failed: Whether to submit again what has failed or is gone.
        retry_unknown: Whether to submit again where it is not known whether an
            execution was started.
    """

    client: Datalab
    store: StateStore
    workflow_id: int
    config: InputConfig | None
    retry_failed: bool = False
    retry_unknown: bool = False

    def started(self) -> Started:
        """Give the execution, which is started unless an earlier try has.

        Raises:
            SubmissionUncertainError: It is not known whether an execution was started, by this
                try or by an earlier one.
            NotFoundError: The one that was started is gone, or the workflow is unknown.
            DatalabError: Whatever executing a workflow raises; nothing was started.
        """
        base_url = str(self.client.executions.handle_to_dict(0)["origin"])
        memory = Memory(self.store, key_of(base_url, self.workflow_id, self.config))
        known = memory.handle()
        if known is not None:
            found = self._found(known)
            if found is not None:
                return found
        elif memory.in_doubt() and not self.retry_unknown:
            raise SubmissionUncertainError(
                "An earlier try was stopped while it sent the request that starts the execution, "
                "or got no answer to it, so an execution may have been started. Look for it at "
                "Datalab; retry_unknown=True submits again",
                method="POST",
                url="",
            )
        memory.submitting()
        try:
            handle = self.client.workflows.execute(self.workflow_id, self.config).to_dict()
        except SubmissionUncertainError:
            raise
        except DatalabError:
            # Nothing was started.
            memory.forget()
            raise
        memory.submitted(handle)
        return Started(handle)

    def _found(self, handle: Handle) -> Started | None:
        """Look at what was started before; None if it is of no use any more."""
        try:
            execution = self.client.executions.handle(handle).get()
        except NotFoundError:
            if self.retry_failed:
                return None
            raise
        except APIConnectionError:
            if self.retry_failed:
                raise
            return Started(handle, before=True)
        if execution.failed and self.retry_failed:
            return None
        return Started(handle, execution, before=True)
