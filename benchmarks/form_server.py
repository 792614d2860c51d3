"""A server that swallows forms, so that the client is what is measured.

It takes any ``POST``, of whatever length, and answers that a request was started; any ``GET``
answers that it is complete. Started as a process of its own by :class:`FormServer`, it prints its
port, and ends when its input is closed.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from types import TracebackType
from typing import Self

_STARTED = json.dumps(
    {
        "success": True,
        "error": None,
        "request_id": "Qm3xT0yLr8sWb2ZkVf6NcA",
        "request_check_url": "https://www.datalab.to/api/v1/convert/Qm3xT0yLr8sWb2ZkVf6NcA",
    }
).encode()
_COMPLETE = json.dumps(
    {"status": "complete", "success": True, "output_format": "markdown", "markdown": "# A" * 900}
).encode()


class FormServer:
    """The server, in a process of its own."""

    port: int

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", __name__]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()

    @property
    def url(self) -> str:
        """What a client is configured with."""
        return f"http://127.0.0.1:{self.port}"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            left = 0
            for line in head.split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    left = int(line.partition(b":")[2])
            while left:
                left -= len(await reader.read(min(left, 1 << 20)))
            body = _STARTED if head.startswith(b"post") else _COMPLETE
            kind = b"content-type: application/json\r\n"
            writer.write(b"HTTP/1.1 200 OK\r\n%scontent-length: %d\r\n\r\n" % (kind, len(body)))
            writer.write(body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _main() -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main())
