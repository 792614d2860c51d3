"""The families of jobs that Airflow can wait for, by the kind that a handle names.

A new family is a line in the table. Nothing here imports Airflow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from datalab_facade.arguments import named
from datalab_facade.async_client import AsyncDatalab
from datalab_facade.client import Datalab
from datalab_facade.documents.kind import DOCUMENTS
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.executions.kind import EXECUTIONS
from datalab_facade.integrations.airflow.job_requests import whole_number, without_task
from datalab_facade.integrations.airflow.memory import Handle
from datalab_facade.integrations.airflow.saving import (
    save_document,
    save_execution,
    save_pipeline_execution,
)
from datalab_facade.jobs.async_resource import AsyncJobWaits
from datalab_facade.jobs.handling import AnyHandle
from datalab_facade.jobs.kinds import JobKind, JobSnapshot
from datalab_facade.jobs.resource import JobWaits
from datalab_facade.models import JSON
from datalab_facade.pipelines.kind import PIPELINE_EXECUTIONS


@attrs.frozen(eq=False)
class JobFamily:
    """A family of jobs, and where the clients have it."""

    kind: JobKind[Any, Any]
    jobs: Callable[[Datalab], JobWaits[Any, Any, Any]]
    async_jobs: Callable[[AsyncDatalab], AsyncJobWaits[Any, Any, Any]]
    failed: Callable[[Any], bool]
    """Tells of a job that has ended whether nothing of it can be used."""
    save: Callable[[Datalab, Mapping[str, JSON], str], dict[str, JSON]]
    """Saves what the job left behind in a folder, and returns the manifest for XCom."""

    def describe(self, job_id: int | str) -> str:
        """Return how a job is called in messages, at the start of a sentence."""
        text = self.kind.describe(job_id)
        return text[:1].upper() + text[1:]


_FAMILIES: Final = {
    family.kind.name: family
    for family in (
        JobFamily(
            EXECUTIONS,
            lambda client: client.executions,
            lambda client: client.executions,
            lambda execution: execution.failed,
            save_execution,
        ),
        JobFamily(
            DOCUMENTS,
            lambda client: client.documents,
            lambda client: client.documents,
            lambda request: not request.succeeded,
            save_document,
        ),
        JobFamily(
            PIPELINE_EXECUTIONS,
            lambda client: client.pipelines.executions,
            lambda client: client.pipelines.executions,
            lambda execution: not execution.is_usable,
            save_pipeline_execution,
        ),
    )
}


def family_of(handle: Mapping[str, JSON]) -> JobFamily:
    """Return the family of the job that the JSON form of a handle names.

    Raises:
        InvalidArgumentError: The handle names no kind of job that this release knows.
    """
    kind = handle.get("kind")
    family = _FAMILIES.get(kind) if isinstance(kind, str) else None
    if family is None:
        known = ", ".join(map(repr, _FAMILIES))
        raise InvalidArgumentError(
            f"The handle is of the kind {named(kind)}, and this release waits for jobs of the "
            f"kinds {known}. Use the release of datalab-facade that created the handle"
        )
    return family


def poll(client: Datalab, handle: Mapping[str, JSON]) -> JobSnapshot:
    """Poll a job once.

    Raises:
        InvalidArgumentError: It is not the handle of a job of the client's API.
        DatalabError: Any other error of polling a job.
    """
    found: JobSnapshot = family_of(handle).jobs(client).get(handle)
    return found


def handle_of(client: Datalab, job: object) -> Handle:
    """Return the JSON form of a handle of whatever stands for a job.

    Args:
        client: The client.
        job: A job's id, a snapshot, a handle, the JSON form of one, or the result of an operator,
            which holds that.

    Raises:
        InvalidArgumentError: It is none of these, or belongs to another API's address.
    """
    if isinstance(job, AnyHandle):
        job = job.to_dict()
    if isinstance(job, Mapping):
        inner = job.get("handle", job)
        handle = without_task(inner if isinstance(inner, Mapping) else job)
        family_of(handle).jobs(client).handle_to_dict(handle)
        return handle
    family = _family_of_id(job)
    if isinstance(job, str):
        # A template renders a number as text.
        job = whole_number("job", job) if family == EXECUTIONS.name else job.strip()
    return _FAMILIES[family].jobs(client).handle_to_dict(job)


def _family_of_id(job: object) -> str:
    for name, family in _FAMILIES.items():
        if isinstance(job, family.kind.snapshot_type):
            return name
    if isinstance(job, str):
        job = job.strip()
        if not (job.isascii() and job.isdigit()):
            is_pipeline = job.startswith("pex_")
            return PIPELINE_EXECUTIONS.name if is_pipeline else DOCUMENTS.name
    return EXECUTIONS.name
