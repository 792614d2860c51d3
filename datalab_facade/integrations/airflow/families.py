"""The family of whatever job Airflow is to wait for, by the kind that a handle names.

Nothing here imports Airflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from datalab_facade.arguments import named
from datalab_facade.client import Datalab
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.integrations.airflow.job_requests import without_task
from datalab_facade.integrations.airflow.memory import Handle
from datalab_facade.jobs.handling import AnyHandle
from datalab_facade.jobs.kinds import JobSnapshot
from datalab_facade.json_forms import JSON
from datalab_facade.runs.families import FAMILIES
from datalab_facade.runs.job_family import JobFamily, family_of_id

_FAMILIES: Final = {one.family.kind.name: one.family for one in FAMILIES}


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
    for family in _FAMILIES.values():
        if isinstance(job, family.kind.snapshot_type):
            return family.jobs(client).handle_to_dict(job)
    family, job_id = family_of_id(_FAMILIES.values(), job)
    return family.jobs(client).handle_to_dict(job_id)
