"""What a task remembers of the execution that it started, across retries and clears.

Nothing in the API tells two submissions of the same work apart, so the id has to be
kept on this side. XCom is no place for it, since Airflow deletes a task's XComs when the
task begins again. Airflow's task state store is: it belongs to the task of one DAG run
(and one map index), not to one of its tries.

What is remembered is found again by what was submitted: another workflow, input or
address is another execution. Nothing here knows Airflow.
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
    """The part of Airflow's task state store that is used, with values that never expire."""

    def get(self, key: str) -> object:
        """Give a value, or None."""
        ...

    def set(self, key: str, value: dict[str, JSON]) -> None:
        """Keep a value, before this returns."""
        ...

    def delete(self, key: str) -> None:
        """Forget a value, if there is one."""
        ...


def key_of(base_url: str, workflow_id: int, config: InputConfig | None) -> str:
    """Give the key that a submission is remembered under: a digest, with nothing secret.

    >>> key_of("https://a.example", 7, None)
    'datalab-execution-2eeb605723f6a1ca'
    """
    given = None if config is None else config.to_dict()
    text = json.dumps([base_url, workflow_id, given], sort_keys=True)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"datalab-execution-{digest[:16]}"


@attrs.frozen
class Memory:
    """What is remembered of one submission.

    It is noted that a request is about to be sent before it is, and what it gave
    right after. A process that is killed between the two leaves it :attr:`in_doubt`.
    """

    _store: StateStore = attrs.field(alias="store", repr=False)
    _key: str = attrs.field(alias="key")

    def handle(self) -> Handle | None:
        """Give the handle of the execution that was started, if that is known.

        Raises:
            ConfigurationError: What is stored is not understood.
        """
        handle = self._entry().get("handle")
        return dict(handle) if isinstance(handle, Mapping) else None

    def in_doubt(self) -> bool:
        """Tell whether a request was about to be sent, and no more is known.

        Raises:
            ConfigurationError: What is stored is not understood.
        """
        return self._entry().get("submitting") is True

    def submitting(self) -> None:
        """Note that a request is about to be sent."""
        self._store.set(self._key, {"version": _VERSION, "submitting": True})

    def submitted(self, handle: Handle) -> None:
        """Note the execution that was started."""
        self._store.set(self._key, {"version": _VERSION, "handle": handle})

    def forget(self) -> None:
        """Note that nothing was started, or that what was started is of no use."""
        self._store.delete(self._key)

    def _entry(self) -> Mapping[str, object]:
        entry = self._store.get(self._key)
        if entry is None:
            return {}
        if not isinstance(entry, Mapping) or entry.get("version") != _VERSION:
            raise ConfigurationError(
                f"The task state store holds something under {self._key!r} that this release of "
                f"datalab-facade does not understand. It tells of an execution that was started: "
                f"go on with the release that wrote it, or delete it to submit again"
            )
        return entry
