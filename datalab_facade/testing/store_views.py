"""What a store of the simulated service holds, for tests to read."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Final, Protocol, TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")


class Store(Protocol[_K, _V]):
    """Holds things by their ids."""

    by_id: dict[_K, _V]


class StoreView(Mapping[_K, _V]):
    """The things in a store by id, oldest first. Safe to read while requests change it."""

    def __init__(self, store: Store[_K, _V], lock: threading.RLock) -> None:
        self._lock: Final = lock
        self._viewed: Final = store

    def __getitem__(self, key: _K) -> _V:
        with self._lock:
            return self._viewed.by_id[key]

    def __iter__(self) -> Iterator[_K]:
        with self._lock:
            return iter(list(self._viewed.by_id))

    def __len__(self) -> int:
        return len(self._viewed.by_id)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self.values())!r})"
