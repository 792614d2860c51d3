"""A task's record of the job that it started, kept across retries and clears.

The API cannot recognize a repeated submission, so the id is kept on this side. XCom
cannot hold it, because Airflow deletes a task's XComs when the task starts again.
Airflow's task state store can: it belongs to the task of one DAG run (and one map
index), not to one of its tries.

The key of the record depends on what was submitted: another task, input or address is
another job. Nothing here imports Airflow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol, TypeAlias, cast

import attrs

from datalab_facade.errors import ConfigurationError
from datalab_facade.json_forms import JSON

_VERSION: Final = 1

Handle: TypeAlias = dict[str, JSON]
"""The JSON form of a job's handle."""


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


def key_of(base_url: str, kind: str, identity: list[JSON]) -> str:
    """Return the key for the record of a submission: a digest, without secrets.

    >>> key_of("https://a.example", "execution", [7, None])
    'datalab-execution-2eeb605723f6a1ca'
    """
    text = json.dumps([base_url, *identity], sort_keys=True)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"datalab-{kind.replace(' ', '-')}-{digest[:16]}"


def _key_of_result(handle: Mapping[str, JSON]) -> str:
    return key_of(str(handle.get("origin")), "result", [handle.get("kind"), handle.get("id")])


def record_result(
    store: StateStore, handle: Mapping[str, JSON], save_to: str | None, result: dict[str, JSON]
) -> None:
    """Record the result of a job, which is of use when the server has deleted its own."""
    store.set(_key_of_result(handle), {"version": _VERSION, "save_to": save_to, "result": result})


def recorded_result(
    store: StateStore, handle: Mapping[str, JSON], save_to: str | None
) -> dict[str, JSON] | None:
    """Return the recorded result of a job, if all that was saved is still in its place."""
    entry = store.get(_key_of_result(handle))
    if not isinstance(entry, Mapping) or entry.get("version") != _VERSION:
        return None
    result = entry.get("result")
    if entry.get("save_to") != save_to or not isinstance(result, Mapping):
        return None
    if save_to is not None and not is_still_there(result.get("manifest")):
        return None
    return dict(result)


def is_still_there(manifest: JSON) -> bool:
    """Tell whether all files that a manifest names are there."""
    if not isinstance(manifest, dict):
        return False
    if isinstance(steps := manifest.get("steps"), list):
        return all(is_still_there(step) for step in steps)
    folder, files = manifest.get("folder"), manifest.get("files")
    if not isinstance(folder, str) or not isinstance(files, list):
        return False
    return all(Path(folder, str(cast("dict[str, JSON]", file)["path"])).is_file() for file in files)


@attrs.frozen
class Memory:
    """The record of one submission.

    It is written before the request is sent, and again with the handle after it. If
    the process is killed in between, the record :meth:`is_uncertain`.
    """

    _store: StateStore = attrs.field(alias="store", repr=False)
    _key: str = attrs.field(alias="key")

    def handle(self) -> Handle | None:
        """Return the handle of the started job, if it is known.

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
        """Record the started job."""
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
                f"datalab-facade cannot read. It describes a started job: use the release "
                f"that wrote it, or delete the record to submit again"
            )
        return entry
