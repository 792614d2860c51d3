"""A task's record of the execution that it started, kept across retries and clears.

The API cannot recognize a repeated submission, so the id is kept on this side. XCom
cannot hold it, because Airflow deletes a task's XComs when the task starts again.
Airflow's task state store can: it belongs to the task of one DAG run (and one map
index), not to one of its tries.

The key of the record depends on what was submitted: another workflow, input or address
is another execution. Nothing here imports Airflow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final, Protocol, TypeAlias

import attrs

from datalab_facade.errors import ConfigurationError
from datalab_facade.models import JSON
from datalab_facade.workflows.inputs import InputConfig

_VERSION: Final = 1

Handle: TypeAlias = dict[str, JSON]
"""The JSON form of an execution's handle."""


class StateStore(Protocol):
    """The methods used of Airflow's task state store; values never expire."""

    def get(self, key: str) -> object:
        """Return a value, or None."""
        ...

    def set(self, key: str, value: dict[str, JSON]) -> None:
        """Store a value durably before returning."""
        ...

    def delete(self, key: str) -> None:
        """Delete a value, if there is one."""
        ...


def key_of(base_url: str, workflow_id: int, config: InputConfig | None) -> str:
    """Return the key for the record of a submission: a digest, without secrets.

    >>> key_of("https://a.example", 7, None)
    'datalab-execution-2eeb605723f6a1ca'
    """
    form = None if config is None else config.to_dict()
    text = json.dumps([base_url, workflow_id, form], sort_keys=True)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"datalab-execution-{digest[:16]}"


@attrs.frozen
class Memory:
    """The record of one submission.

    It is written before the request is sent, and again with the handle after it. If
    the process is killed in between, the record :meth:`is_uncertain`.
    """

    _store: StateStore = attrs.field(alias="store", repr=False)
    _key: str = attrs.field(alias="key")

    def handle(self) -> Handle | None:
        """Return the handle of the started execution, if it is known.

        Raises:
            ConfigurationError: Another release wrote the record.
        """
        handle = self._entry().get("handle")
        return dict(handle) if isinstance(handle, Mapping) else None

    def is_uncertain(self) -> bool:
        """Return whether a request was about to be sent, with an unknown result.

        Raises:
            ConfigurationError: Another release wrote the record.
        """
        return self._entry().get("submitting") is True

    def record_attempt(self) -> None:
        """Record that a request is about to be sent."""
        self._store.set(self._key, {"version": _VERSION, "submitting": True})

    def record_handle(self, handle: Handle) -> None:
        """Record the started execution."""
        self._store.set(self._key, {"version": _VERSION, "handle": handle})

    def clear(self) -> None:
        """Delete the record, because nothing was started."""
        self._store.delete(self._key)

    def _entry(self) -> Mapping[str, object]:
        entry = self._store.get(self._key)
        if entry is None:
            return {}
        if not isinstance(entry, Mapping) or entry.get("version") != _VERSION:
            raise ConfigurationError(
                f"The task state store has a record under {self._key!r} that this release of "
                f"datalab-facade cannot read. It describes a started execution: use the release "
                f"that wrote it, or delete the record to submit again"
            )
        return entry
