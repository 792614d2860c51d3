"""What belongs to one process, and is made anew in a child that is forked from it.

A child inherits sockets, on which it would read its parent's answers, and locks, which
stay held for ever if another thread of the parent held them at that moment.
"""

from __future__ import annotations

import os
import threading
from typing import Protocol
from weakref import WeakSet

from datalab_facade.errors import ClientStateError


class BelongsToProcess(Protocol):
    """Something that a forked child cannot use as it is."""

    def renew_in_child(self) -> None:
        """Begin anew, without a lock and without IO; only the forking thread is there."""
        ...


_owned: WeakSet[BelongsToProcess] = WeakSet()


def renew_after_fork(owned: BelongsToProcess) -> None:
    """Have something made anew in each child that is forked while it lives."""
    _owned.add(owned)


class ProcessLock:
    """A lock that is free in a forked child, whoever held it in the parent."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        renew_after_fork(self)

    def renew_in_child(self) -> None:
        """Be free."""
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def not_picklable() -> ClientStateError:
    """Return the error for pickling what holds connections and the key."""
    return ClientStateError(
        "A client cannot be pickled or copied: it holds connections and the key. Make one in each "
        "process, and pass ids, snapshots or handles instead"
    )


def _renew_all() -> None:
    for owned in list(_owned):
        owned.renew_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
