"""Real services for the integrations, started and stopped by the tests."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def until(holds: Callable[[], object]) -> None:
    """Wait for something to come to hold; fail after half a minute."""
    for _ in range(3_000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it does not come to hold")


def free_port() -> int:
    """Give a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class RedisServer:
    """A Redis of its own, on a port of its own, that keeps nothing on disk."""

    def __init__(self, program: str, folder: Path, *options: str) -> None:
        self._program = program
        self._folder = folder
        self.options = options
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it; returns when it takes connections."""
        given = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir"]
        command = [self._program, *given, str(self._folder), *self.options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError("redis-server does not take connections")

    def stop(self) -> None:
        """End it at once, as a crash would; nothing when it is not running."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def new_redis(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server on this machine: apt-get install redis-server")
    with contextlib.ExitStack() as stack:

        def new(*options: str) -> RedisServer:
            server = RedisServer(program, tmp_path, *options)
            server.start()
            stack.callback(server.stop)
            return server

        yield new


@pytest.fixture
def redis_server(new_redis: Callable[..., RedisServer]) -> RedisServer:
    return new_redis()
