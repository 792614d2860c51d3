"""The files of the simulated service, and access to them for tests."""

from __future__ import annotations

import hashlib
import threading
from datetime import datetime
from typing import Final, Literal, TypeAlias

import attrs

from datalab_facade.clock import Clock
from datalab_facade.testing.checking import check_type, new_id
from datalab_facade.testing.store_views import StoreView

UploadStatus: TypeAlias = Literal["pending", "completed", "failed"]

_MAX_DIGITS: Final = 18


@attrs.frozen(kw_only=True)
class StoredFile:
    """A file stored in the service."""

    file_id: int
    hashid: str
    """The string id of the file, which is part of its reference."""
    filename: str
    content_type: str
    created_at: datetime
    body: bytes | None = attrs.field(
        default=None, repr=lambda body: "None" if body is None else f"<{len(body)} bytes>"
    )
    """The stored bytes; ``None`` before the upload."""
    upload_status: UploadStatus = "pending"

    @property
    def reference(self) -> str:
        """The name of the file in an execution's input."""
        return f"datalab://file-{self.hashid}"


@attrs.define
class FileStore:
    """All files. The simulator's lock guards it."""

    hashids: bool = True
    """Whether a hashid is accepted where the spec asks for an integer."""
    by_id: dict[int, StoredFile] = attrs.field(factory=dict[int, StoredFile])
    last_id: int = 0

    def request(
        self, filename: str, content_type: str, created_at: datetime, file_id: int | None = None
    ) -> StoredFile:
        """Create a file whose bytes are still to be uploaded."""
        file_id = new_id(file_id, self.last_id + 1, self.by_id, "a file")
        self.last_id = max(self.last_id, file_id)
        file = StoredFile(
            file_id=file_id,
            hashid=_hashid(file_id),
            filename=filename,
            content_type=content_type,
            created_at=created_at,
        )
        self.keep(file)
        return file

    def keep(self, file: StoredFile) -> None:
        """Store a file, or replace it."""
        self.by_id[file.file_id] = file

    def find(self, name: str) -> StoredFile | None:
        """Find a file by its integer id or hashid."""
        if name.isascii() and name.isdigit():
            # Python refuses to convert thousands of digits.
            return self.by_id.get(int(name)) if len(name) <= _MAX_DIGITS else None
        return next((file for file in self.by_id.values() if file.hashid == name), None)


class Files(StoreView[int, StoredFile]):
    """The files of a simulator by id, oldest first; see ``simulator.files``.

    ::

        file_id = simulator.files.add("report.pdf", b"%PDF-1.7 ...")
        assert simulator.files[file_id].upload_status == "completed"
    """

    def __init__(self, store: FileStore, clock: Clock, lock: threading.RLock) -> None:
        super().__init__(store, lock)
        self._store: Final = store
        self._clock: Final = clock

    @property
    def hashids(self) -> bool:
        """Whether a hashid is accepted where the spec asks for an integer; can be set."""
        return self._store.hashids

    @hashids.setter
    def hashids(self, accepted: bool) -> None:
        with self._lock:
            self._store.hashids = accepted

    def add(
        self,
        filename: str,
        body: bytes,
        content_type: str = "application/pdf",
        *,
        file_id: int | None = None,
    ) -> int:
        """Add a file whose upload is complete; return its id.

        Args:
            filename: the name.
            body: the bytes.
            content_type: the type.
            file_id: the id. Default: one more than the highest so far.

        Raises:
            TypeError: the body is not bytes.
            ValueError: there is a file with this id, or it is not above zero.
        """
        check_type(body, bytes, "the body of a file", "b'%PDF-1.7'")
        with self._lock:
            file = self._store.request(filename, content_type, self._clock.now(), file_id)
            self._store.keep(attrs.evolve(file, body=body, upload_status="completed"))
            return file.file_id

    def store(self, file_id: int, body: bytes) -> None:
        """Store the bytes of a file without an upload request.

        Raises:
            TypeError: the body is not bytes.
            KeyError: there is no such file.
        """
        check_type(body, bytes, "the body of a file", "b'%PDF-1.7'")
        with self._lock:
            self._store.keep(attrs.evolve(self._store.by_id[file_id], body=body))

    def remove(self, file_id: int) -> None:
        """Delete a file, as another client would.

        Raises:
            KeyError: there is no such file.
        """
        with self._lock:
            del self._store.by_id[file_id]


def _hashid(file_id: int) -> str:
    # The first letter tells a hashid from an integer id, even if only digits follow.
    return "n" + hashlib.sha256(f"file {file_id}".encode()).hexdigest()[:7]
