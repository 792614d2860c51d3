"""Starts a job once, however often its task starts.

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
from datalab_facade.integrations.airflow.families import family_of, poll
from datalab_facade.integrations.airflow.job_requests import JobRequest
from datalab_facade.integrations.airflow.memory import (
    Handle,
    Memory,
    StateStore,
    key_of,
    recorded_result,
)
from datalab_facade.integrations.client_parts import base_url_of
from datalab_facade.jobs.kinds import JobSnapshot
from datalab_facade.json_forms import JSON


@attrs.frozen
class Started:
    """A started job."""

    handle: Handle
    snapshot: JobSnapshot | None = None
    """Its snapshot, if an earlier try started it and it could be polled."""
    before: bool = False
    """Whether an earlier try started it."""
    result: dict[str, JSON] | None = None
    """What an earlier try returned, if the server knows the job no more."""


@attrs.frozen
class Submission:
    """A request, and the record of its job.

    Args:
        client: The client.
        store: Keeps the record.
        request: What is asked for.
        save_to: Where the task saves what the job leaves behind.
        retry_failed: Whether to submit again if the job has failed or is gone.
        retry_unknown: Whether to submit again if it is not known whether a job was started.
    """

    client: Datalab
    store: StateStore
    request: JobRequest
    save_to: str | None = None
    retry_failed: bool = False
    retry_unknown: bool = False

    def start_once(self) -> Started:
        """Return the job; start it unless an earlier try has.

        Raises:
            SubmissionUncertainError: It is not known whether this try or an earlier one has
                started a job.
            NotFoundError: The job is gone, or the workflow or pipeline does not exist.
            DatalabError: Any other error of starting a job; nothing was started.
        """
        request = self.request
        key = key_of(base_url_of(self.client), request.kind, request.identity)
        memory = Memory(self.store, key)
        handle = memory.handle()
        if handle is not None:
            found = self._find(handle)
            if found is not None:
                return found
        elif memory.is_uncertain() and not self.retry_unknown:
            raise SubmissionUncertainError(
                f"An earlier try was stopped while it sent the request to start the {request.kind},"
                f" or got no answer, so one may have been started. Check Datalab's "
                "dashboard; set retry_unknown=True to submit again",
                method="POST",
                url="",
            )
        was_uncertain = memory.is_uncertain()
        memory.record_attempt()
        try:
            handle = request.start(self.client)
        except SubmissionUncertainError:
            raise
        except DatalabError:
            # This try has started nothing; an earlier one may have.
            if not was_uncertain:
                memory.clear()
            raise
        memory.record_handle(handle)
        return Started(handle)

    def _find(self, handle: Handle) -> Started | None:
        """Poll the job of an earlier try; None if it must be submitted again."""
        try:
            snapshot = poll(self.client, handle)
        except NotFoundError:
            result = recorded_result(self.store, handle, self.save_to)
            if result is not None:
                return Started(handle, before=True, result=result)
            if self.retry_failed:
                return None
            raise
        except APIConnectionError:
            if self.retry_failed:
                raise
            return Started(handle, before=True)
        has_failed = snapshot.is_terminal and family_of(handle).has_failed(snapshot)
        if has_failed and self.retry_failed:
            return None
        return Started(handle, snapshot, before=True)
