"""Saving a large output over loopback, against plain httpx that streams to a file.

All sides take the same body from the same server, in turn, each in a process of its
own; the ratio is of neighbours. curl takes part where it is installed. The most that
a side holds in memory is measured as well, by the growth of its process.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs

from benchmarks.apart import apart, started_apart
from benchmarks.measuring import Goal, Quantity, Section, ratios, seconds_and_growth

_MIB = 1 << 20


def serve(size: int) -> None:
    """Answer every request with a body of that size, as fast as the socket takes it."""
    piece = bytes(_MIB)

    class Storage(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport
            self.left = 0
            self.paused = False

        def pause_writing(self) -> None:
            self.paused = True

        def resume_writing(self) -> None:
            self.paused = False
            self.pump()

        def data_received(self, data: bytes) -> None:  # noqa: ARG002 - asyncio names it
            self.left = size
            head = f'HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nETag: "large-3"\r\n\r\n'
            self.transport.write(head.encode())
            self.pump()

        def pump(self) -> None:
            while self.left and not self.paused:
                sent = min(len(piece), self.left)
                self.left -= sent
                self.transport.write(piece[:sent])

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Storage, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(run())


def save_with_ours(url: str, path: str) -> dict[str, float]:
    """Save with ``client.outputs.save``."""
    from datalab_facade import Datalab, Output

    with Datalab("a-key-that-nobody-asks-for", base_url="http://127.0.0.1:9") as client:
        return seconds_and_growth(
            lambda: client.outputs.save(
                Output(execution_id=1, step="parse", file_key=None, url=url), path
            )
        )


def save_with_httpx(url: str, path: str) -> dict[str, float]:
    """Save as httpx's documentation shows."""
    import httpx

    def save() -> None:
        with client.stream("GET", url) as response, Path(path).open("wb") as file:
            file.writelines(response.iter_bytes())

    with httpx.Client() as client:
        return seconds_and_growth(save)


def save_with_curl(url: str, path: str) -> dict[str, float]:
    """Save with curl."""
    return seconds_and_growth(lambda: subprocess.run(["curl", "-s", "-o", path, url], check=True))


_OURS, _HTTPX, _CURL = "ours", "plain httpx", "curl"
_SIDES = {_OURS: save_with_ours, _HTTPX: save_with_httpx, _CURL: save_with_curl}
_LEAST_TIMES_HTTPX = Goal(at_least=0.9)
_MOST_MIB = Goal(16)


@attrs.frozen(kw_only=True)
class Scale:
    """How much of everything."""

    mib: int
    repeats: int


FULL = Scale(mib=400, repeats=7)
QUICK = Scale(mib=4, repeats=1)


def measure(scale: Scale) -> Iterator[Section]:
    """Let the sides save a large output, in turn."""
    sides = [side for side in _SIDES if side != _CURL or shutil.which("curl")]
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    serving = started_apart(__name__, "serve", size=scale.mib * _MIB)
    with subprocess.Popen(serving, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/large"
        try:
            for _ in range(scale.repeats):
                for side in sides:
                    with tempfile.TemporaryDirectory() as folder:
                        path = Path(folder, "large")
                        found[side].append(
                            apart(__name__, _SIDES[side].__name__, url=url, path=str(path))
                        )
                        assert path.stat().st_size == scale.mib * _MIB
        finally:
            server.kill()
    seconds = {side: [run["seconds"] for run in runs] for side, runs in found.items()}
    times = {side: ratios(seconds[_HTTPX], took) for side, took in seconds.items()}
    mine = {_OURS: times.pop(_OURS)}
    del times[_HTTPX]
    grown = {side: [run["grown_mib"] for run in found[side]] for side in (_OURS, _HTTPX)}
    others = {_HTTPX: grown[_HTTPX]}
    yield Section(
        f"Saving an output of {scale.mib} MiB",
        ["From loopback, to a temporary folder. Ours is durable and checked; theirs are not."],
        [
            Quantity("throughput, as a multiple of plain httpx", mine, _LEAST_TIMES_HTTPX, times),
            Quantity("seconds", seconds),
            Quantity("growth of the process, MiB", {_OURS: grown[_OURS]}, _MOST_MIB, others),
        ],
        () if _CURL in sides else ("curl is not installed",),
    )
