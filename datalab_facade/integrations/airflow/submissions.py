"""Executes a workflow once, however often its task starts.

Nothing here imports Airflow.
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
    """A started execution."""

    handle: Handle
    execution: Execution | None = None
    """Its snapshot, if an earlier try started it and it could be polled."""
    before: bool = False
    """Whether an earlier try started it."""


@attrs.frozen
class Submission:
    """A workflow, its input, and the record of its execution.

    Args:
        client: The client.
        store: Keeps the record.
        workflow_id: The workflow's id.
        config: The input, or None.
        retry_failed: Whether to submit again if the execution has failed or is gone.
        retry_unknown: Whether to submit again if it is not known whether an execution
            was started.
    """

    client: Datalab
    store: StateStore
    workflow_id: int
    config: InputConfig | None
    retry_failed: bool = False
    retry_unknown: bool = False

    def start_once(self) -> Started:
        """Return the execution; start it unless an earlier try has.

        Raises:
            SubmissionUncertainError: It is not known whether this try or an earlier one has
                started an execution.
            NotFoundError: The execution is gone, or the workflow does not exist.
            DatalabError: Any other error of executing a workflow; nothing was started.
        """
        base_url = str(self.client.executions.handle_to_dict(0)["origin"])
        memory = Memory(self.store, key_of(base_url, self.workflow_id, self.config))
        handle = memory.handle()
        if handle is not None:
            found = self._find(handle)
            if found is not None:
                return found
        elif memory.is_uncertain() and not self.retry_unknown:
            raise SubmissionUncertainError(
                "An earlier try was stopped while it sent the request to start the execution, or "
                "got no answer, so an execution may have been started. Check Datalab's "
                "dashboard; set retry_unknown=True to submit again",
                method="POST",
                url="",
            )
        memory.record_attempt()
        try:
            handle = self.client.workflows.execute(self.workflow_id, self.config).to_dict()
        except SubmissionUncertainError:
            raise
        except DatalabError:
            # Nothing was started.
            memory.clear()
            raise
        memory.record_handle(handle)
        return Started(handle)

    def _find(self, handle: Handle) -> Started | None:
        """Poll the execution of an earlier try; None if it must be submitted again."""
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
