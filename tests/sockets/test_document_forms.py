"""Forms with a file over real sockets: sent again if they broke midway, in constant memory."""

from __future__ import annotations

import errno
import io
import json
import logging
import socket
import struct
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

from datalab_facade import Convert, Progress, SubmissionUncertainError, UploadError
from datalab_facade.testing import DocumentScript, SimulatorServer
from datalab_facade.testing.forms import parse_form
from tests.ways import KINDS_ON_SOCKETS, Way

_TAKEN = json.dumps({"success": True, "request_id": "abc", "request_check_url": "x"}).encode()
_RESET = struct.pack("ii", 1, 0)
_SIZE = 30_000_000


class Server:
    """Reads forms; the first connections break after so many bytes of the body."""

    def __init__(self, *breaks: int, keeps: bool = True) -> None:
        self.forms: list[tuple[str, bytes]] = []
        self.lengths: list[int] = []
        self._breaks = list(breaks)
        self._keeps = keeps
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection, suppress(ConnectionError):
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        buffer = b""
        while b"\r\n\r\n" not in buffer:
            received = connection.recv(1 << 16)
            if not received:
                return
            buffer += received
        head, _, body = buffer.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode("ascii").split("\r\n")[1:]]
        headers = {name.lower(): value for name, value in lines}
        length, kept, read = int(headers["content-length"]), [body], len(body)
        most = self._breaks.pop(0) if self._breaks else None
        while read < length:
            if most is not None and read >= most:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                return
            piece = connection.recv(1 << 16)
            if not piece:
                return
            read += len(piece)
            if self._keeps:
                kept.append(piece)
        self.lengths.append(read)
        self.forms.append((headers["content-type"], b"".join(kept)))
        if most is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            return
        answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
        connection.sendall(answer + b"content-length: %d\r\n\r\n" % len(_TAKEN) + _TAKEN)


@pytest.fixture(params=KINDS_ON_SOCKETS)
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    with Way(request.param) as found:
        yield found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "large.pdf"
    with path.open("wb") as file:
        file.write(b"%PDF-1.7")
        file.truncate(_SIZE)
    return path


def test_a_form_that_broke_midway_is_sent_again(way: Way, path: Path) -> None:
    with Server(100_000, _SIZE // 2) as server:
        client = way.network_client(base_url=server.url, random=lambda: 0.0)
        handle = way.done(client.documents.submit(Convert(mode="fast"), path))
    assert handle.id == "convert/abc"
    [(content_type, body)] = server.forms
    field, file = parse_form(content_type, body)
    assert (field.name, field.text) == ("mode", "fast")
    assert file.body == path.read_bytes()


def test_a_form_that_arrived_whole_is_not_sent_again(way: Way, path: Path) -> None:
    with Server(2 * _SIZE) as server:
        client = way.network_client(base_url=server.url)
        with pytest.raises(SubmissionUncertainError):
            way.done(client.documents.submit(Convert(), path))
    assert len(server.forms) == 1


def test_a_file_that_cannot_be_read_to_its_end_is_named(way: Way, path: Path) -> None:
    """The network is not at fault, whatever a library makes of it, and nothing is retried."""

    class Broken(io.FileIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > _SIZE // 2:
                raise OSError(errno.EIO, "the disk is broken")
            return super().read(size)

    with Server() as server, Broken(path) as file:
        client = way.network_client(base_url=server.url)
        with pytest.raises(UploadError, match="cannot be read: the disk is broken"):
            way.done(client.documents.submit(Convert(), file))
    assert not server.forms


def test_a_large_form_needs_little_memory(way: Way, path: Path) -> None:
    with Server(keeps=False) as server:
        client = way.network_client(base_url=server.url)
        way.done(client.documents.submit(Convert(), b"%PDF-1.7"))
        tracemalloc.start()
        try:
            way.done(client.documents.submit(Convert(), path))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert server.lengths[1] > _SIZE
    assert peak < 8_000_000


class ToldOf(io.BytesIO):
    """A file of the user's that logs what is read."""

    def read(self, size: int | None = -1) -> bytes:
        logging.getLogger("app").warning("read")
        return super().read(size)


@pytest.mark.parametrize("upload", ["form", "storage"])
def test_what_the_user_logs_while_their_file_is_sent_is_logged_as_ever(
    way: Way, upload: str, server: SimulatorServer, caplog: pytest.LogCaptureFixture
) -> None:
    def report(progress: Progress) -> None:
        logging.getLogger("app").warning("%s: %s bytes", progress.name, progress.bytes_done)

    server.simulator.documents.script(DocumentScript(seconds=0))
    client = way.network_client(base_url=server.api_url)
    file = ToldOf(b"%PDF-1.7 and so on")
    call = client.documents.convert(file, name="a.pdf", upload=upload, on_progress=report)
    way.done(call)
    told = [record.getMessage() for record in caplog.records if record.name == "app"]
    assert told.count("read") >= 3
    assert "a.pdf: 18 bytes" in told
