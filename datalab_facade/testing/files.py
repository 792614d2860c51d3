"""The files that the simulated service holds, and how tests look at them and add to them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, Literal, TypeAlias

import attrs

from datalab_facade.clock import Clock

UploadStatus: TypeAlias = Literal["pending", "completed", "failed"]

_MOST_DIGITS: Final = 18


@attrs.frozen(kw_only=True)
class StoredFile:
    """A file as the service knows it."""

    file_id: int
    hashid: str
    """The other name of the file, which is part of its reference."""
    filename: str
    content_type: str
    created_at: datetime
    body: bytes | None = attrs.field(
        default=None, repr=lambda body: "None" if body is None else f"<{len(body)} bytes>"
    )
    """What lies in the storage; None before anything was sent there."""
    upload_status: UploadStatus = "pending"

    @property
    def reference(self) -> str:
        """What an execution's input names the file by."""
        return f"datalab://file-{self.hashid}"


@attrs.define
class FileStore:
    """All files; the simulator's lock guards it."""

    hashids: bool = True
    """Whether a hashid will do where the spec asks for an integer."""
    by_id: dict[int, StoredFile] = attrs.field(factory=dict[int, StoredFile])
    last_id: int = 0

    def request(self, filename: str, content_type: str, created_at: datetime) -> StoredFile:
        """Make room for a file that is to be sent."""
        self.last_id += 1
        file = StoredFile(
            file_id=self.last_id,
            hashid=_hashid(self.last_id),
            filename=filename,
            content_type=content_type,
            created_at=created_at,
        )
        self.keep(file)
        return file

    def keep(self, file: StoredFile) -> None:
        """Put a file in the place of what it was before."""
        self.by_id[file.file_id] = file

    def find(self, name: str) -> StoredFile | None:
        """The file of an integer id or a hashid."""
        if name.isascii() and name.isdigit():
            # Python converts no text of thousands of digits.
            return self.by_id.get(int(name)) if len(name) <= _MOST_DIGITS else None
        return next((file for file in self.by_id.values() if file.hashid == name), None)


class Files(Mapping[int, StoredFile]):
    """The files of a simulator by id, oldest first. Found at ``simulator.files``.

    ::

        file_id = simulator.files.add("report.pdf", b"%PDF-1.7 ...")
        assert simulator.files[file_id].upload_status == "completed"
    """

    def __init__(self, shelf: FileStore, clock: Clock, lock: threading.RLock) -> None:
        self._shelf: Final = shelf
        self._clock: Final = clock
        self._lock: Final = lock

    @property
    def hashids(self) -> bool:
        """Whether a hashid will do where the spec asks for an integer; set it to decide."""
        return self._shelf.hashids

    @hashids.setter
    def hashids(self, accepted: bool) -> None:
        with self._lock:
            self._shelf.hashids = accepted

    def add(self, filename: str, body: bytes, content_type: str = "application/pdf") -> int:
        """Add a file whose upload is complete; its id."""
        with self._lock:
            file = self._shelf.request(filename, content_type, self._clock.now())
            self._shelf.keep(attrs.evolve(file, body=body, upload_status="completed"))
            return file.file_id

    def store(self, file_id: int, body: bytes) -> None:
        """Put bytes into the storage as what was sent for a file, without a request."""
        with self._lock:
            self._shelf.keep(attrs.evolve(self._shelf.by_id[file_id], body=body))

    def remove(self, file_id: int) -> None:
        """Delete a file, as somebody else would."""
        with self._lock:
            del self._shelf.by_id[file_id]

    def __getitem__(self, file_id: int) -> StoredFile:
        with self._lock:
            return self._shelf.by_id[file_id]

    def __iter__(self) -> Iterator[int]:
        with self._lock:
            return iter(list(self._shelf.by_id))

    def __len__(self) -> int:
        return len(self._shelf.by_id)

    def __repr__(self) -> str:
        return f"Files({list(self.values())!r})"


def _hashid(file_id: int) -> str:
    # A letter first: what is digits only is an integer id.
    return "n" + hashlib.sha256(f"file {file_id}".encode()).hexdigest()[:7]
