"""Downloading many small outputs, compared with Datalab's own client, over sockets.

A server on loopback has one execution with hundreds of outputs of 10 KB. Ours saves them with
``client.outputs.save_all``: in files that are checked, durable and listed in a manifest.
Datalab's own client (``datalab-python-sdk``) reads them into memory with
``get_execution_status(..., download_results=True)``, which is all that it offers. Each side
is a process of its own, and the sides take turns. The same is measured with a server that
answers some time later, as any server does that is not on the same machine.

Then a large download is killed in the middle, and started again: how much is transferred twice?
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import attrs
import httpx

from benchmarks.apart import apart, started_apart
from benchmarks.measuring import Goal, Quantity, Section, ratios

_KEY = "a-key-for-benchmarks"
_EXECUTION = 1001
_SIZE = 10_000
_MOST_OF_THEIRS = Goal(1 / 3)
_MOST_AGAIN = Goal(0.55, each=True)


@attrs.frozen(kw_only=True)
class Scale:
    """How much of everything."""

    repeats: int
    many: int
    later: float
    """Seconds until an answer comes, in the second world."""
    large: int
    """The bytes of the large output."""


FULL = Scale(repeats=3, many=1_000, later=0.02, large=400_000_000)
QUICK = Scale(repeats=1, many=5, later=0.001, large=1_000_000)


# --- the server -----------------------------------------------------------------------


@attrs.frozen
class _Held:
    """What the server holds."""

    many: int
    large: int
    later: float


class _Protocol(asyncio.Protocol):
    """Answers from ready-made bytes, in order, after a while."""

    again = 0
    """How many bytes of the large output were sent to those who asked for a part."""

    def __init__(self, held: _Held) -> None:
        self._held = held
        self._taken = b""
        self._left = 0
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._taken += data
        while b"\r\n\r\n" in self._taken:
            head, _, self._taken = self._taken.partition(b"\r\n\r\n")
            if self._held.later:
                asyncio.get_running_loop().call_later(self._held.later, self._answer, head)
            else:
                self._answer(head)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._pump()

    def _answer(self, head: bytes) -> None:
        target = head.split(b" ", 2)[1].decode()
        if target.startswith("/out/"):
            self._send(_body(int(target[5:].partition("?")[0])))
        elif target.startswith("/large"):
            self._begin_large(head, halted="halt" in target)
        elif target == "/again":
            self._send(str(_Protocol.again).encode())
        else:
            port = self._transport.get_extra_info("sockname")[1]
            self._send(_answer_of_the_api(self._held.many, port))

    def _send(self, body: bytes) -> None:
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
            b'ETag: "%s"\r\n\r\n%s' % (len(body), etag.encode(), body)
        )

    def _begin_large(self, head: bytes, *, halted: bool) -> None:
        size = self._held.large
        found = re.search(rb"(?i)\r\nrange: bytes=(\d+)-", head)
        start = int(found[1]) if found else 0
        part = f"Content-Range: bytes {start}-{size - 1}/{size}\r\n" if found else ""
        status = "206 Partial Content" if found else "200 OK"
        self._transport.write(
            f"HTTP/1.1 {status}\r\nContent-Length: {size - start}\r\n"
            f'{part}ETag: "large-3"\r\n\r\n'.encode()
        )
        self._left = size // 2 if halted else size - start
        if not halted:
            _Protocol.again += self._left
        self._pump()

    def _pump(self) -> None:
        piece = bytes(1 << 20)
        while self._left and not self._paused:
            sent = min(len(piece), self._left)
            self._left -= sent
            self._transport.write(piece[:sent])


def _body(number: int) -> bytes:
    return json.dumps({"number": number, "text": "x" * (_SIZE - 60)}).encode().ljust(_SIZE)


def _answer_of_the_api(many: int, port: int) -> bytes:
    runs = {
        str(number): {
            "id": number,
            "status": "COMPLETED",
            "output_url": f"http://127.0.0.1:{port}/out/{number}?X-Amz-Signature=none",
        }
        for number in range(many)
    }
    execution = {
        "execution_id": _EXECUTION,
        "workflow_id": 1,
        "status": "COMPLETED",
        "created": "2026-01-01T00:00:00",
        "updated": "2026-01-01T00:00:00",
        "steps": {"parse": runs},
    }
    return json.dumps(execution).encode()


def serve(*, many: int, large: int, later: float) -> None:
    """Serve; to be called in a process of its own, which prints its port."""

    async def run() -> None:
        held = _Held(many, large, later)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Protocol(held), "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def _server(many: int, large: int, later: float) -> Iterator[str]:
    command = started_apart(__name__, "serve", many=many, large=large, later=later)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


# --- the sides ------------------------------------------------------------------------


def _blocking(url: str, folder: str) -> tuple[int, float]:
    from datalab_facade import Datalab

    with Datalab(_KEY, base_url=url) as client:
        return _timed(lambda: len(client.outputs.save_all(_EXECUTION, folder).saved))


def _async(url: str, folder: str) -> tuple[int, float]:
    from datalab_facade import AsyncDatalab

    async def run() -> tuple[int, float]:
        async with AsyncDatalab(_KEY, base_url=url) as client:
            return await _timed_async(
                lambda: client.outputs.save_all(_EXECUTION, folder),
                lambda manifest: len(manifest.saved),
            )

    return asyncio.run(run())


def _theirs(url: str, _: str) -> tuple[int, float]:
    sdk = importlib.import_module("datalab_sdk")

    def count(execution: Any) -> int:  # noqa: ANN401 - their model
        return sum("downloaded_data" in run for run in execution.steps["parse"].values())

    async def run() -> tuple[int, float]:
        async with sdk.AsyncDatalabClient(api_key=_KEY, base_url=url) as client:
            return await _timed_async(
                lambda: client.get_execution_status(_EXECUTION, download_results=True), count
            )

    return asyncio.run(run())


def _timed(work: Callable[[], int]) -> tuple[int, float]:
    began = time.perf_counter()
    count = work()
    return count, time.perf_counter() - began


async def _timed_async(work: Callable[[], Any], count: Callable[[Any], int]) -> tuple[int, float]:
    began = time.perf_counter()
    done = await work()
    seconds = time.perf_counter() - began
    return count(done), seconds


def _files(url: str, folder: str) -> tuple[int, float]:
    with urlopen(f"{url}/api/v1/workflows/executions/{_EXECUTION}") as answer:
        names = list(json.load(answer)["steps"]["parse"])
    body = bytes(_SIZE)

    def write() -> int:
        for name in names:
            part = Path(folder, f"{name}.part")
            part.write_bytes(body)
            part.replace(Path(folder, name))
        return len(names)

    return _timed(write)


def _fetches(url: str, _: str) -> tuple[int, float]:
    urls = _urls(url)
    with httpx.Client() as client:
        return _timed(lambda: sum(len(client.get(each).content) == _SIZE for each in urls))


def _fetches_async(url: str, _: str) -> tuple[int, float]:
    urls = _urls(url)

    async def run() -> tuple[int, float]:
        async with httpx.AsyncClient() as client:

            async def fetch() -> int:
                return sum([len((await client.get(each)).content) == _SIZE for each in urls])

            return await _timed_async(fetch, int)

    return asyncio.run(run())


def _urls(url: str) -> list[str]:
    with urlopen(f"{url}/api/v1/workflows/executions/{_EXECUTION}") as answer:
        return [run["output_url"] for run in json.load(answer)["steps"]["parse"].values()]


_THEIRS = "datalab-python-sdk"
_FILES = "only files, without any request"
_FETCHES = {
    "ours, blocking": "only requests, plain httpx",
    "ours, async": "only requests, plain httpx, async",
}
"""What fetches the same into memory, one output after the other, for each of ours."""
_MOST_OF_FLOOR = Goal(1.3)
_SIDES = {
    "ours, blocking": _blocking,
    "ours, async": _async,
    _THEIRS: _theirs,
    _FILES: _files,
    _FETCHES["ours, blocking"]: _fetches,
    _FETCHES["ours, async"]: _fetches_async,
}


def _side(name: str, url: str, many: int) -> float:
    """Let one side download all outputs, and return the seconds for each."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        brought, seconds = apart(__name__, "bring", side=name, url=url, folder=folder)
    if brought != many:
        raise RuntimeError(f"{name} has not brought home all outputs")
    return float(seconds) / many


def bring(*, side: str, url: str, folder: str) -> tuple[int, float]:
    """Let a side work; to be called in a process of its own."""
    return _SIDES[side](url, folder)


# --- what is measured -----------------------------------------------------------------


def measure(scale: Scale) -> Iterator[Section]:
    """Measure small outputs, and a large one whose download is killed."""
    yield small(scale)
    yield killed(scale)


def small(scale: Scale) -> Section:
    """Measure how long a small output takes."""
    sides = [side for side in _SIDES if side != _THEIRS or find_spec("datalab_sdk")]
    quantities: list[Quantity] = []
    for later, where in [(0.0, "at once"), (scale.later, f"after {1000 * scale.later:g} ms")]:
        # The floor is of interest only where nothing else takes time.
        measured = [side for side in sides if not later or side not in _FETCHES.values()]
        found: dict[str, list[float]] = {side: [] for side in measured}
        with _server(scale.many, 0, later) as url:
            for _ in range(scale.repeats):
                for side, seconds in found.items():
                    seconds.append(_side(side, url, scale.many))
        milliseconds = {side: [1e3 * each for each in seconds] for side, seconds in found.items()}
        quantities.append(Quantity(f"milliseconds per output, answered {where}", milliseconds))
        if not later:
            floor = {
                side: [sum(pair) for pair in zip(found[_FILES], found[fetches], strict=True)]
                for side, fetches in _FETCHES.items()
            }
            times = {side: ratios(found[side], least) for side, least in floor.items()}
            what = "time, as a multiple of only files and only requests, answered at once"
            quantities.append(Quantity(what, times, _MOST_OF_FLOOR))
            for fetches in _FETCHES.values():
                del found[fetches]
        theirs = found.pop(_THEIRS, None)
        if theirs is not None:
            times = {side: ratios(seconds, theirs) for side, seconds in found.items()}
            least = {_FILES: times.pop(_FILES)}
            what = f"time, as a multiple of datalab-python-sdk, answered {where}"
            quantities.append(Quantity(what, times, _MOST_OF_THEIRS, least))
    notes = [f"{scale.many:,} outputs of {_SIZE:,} bytes each, and the poll of the execution"]
    missing = () if _THEIRS in sides else ("datalab_sdk is not installed",)
    return Section("Small outputs", notes, quantities, missing)


def killed(scale: Scale) -> Section:
    """Measure how much of a large output is transferred again after a kill in the middle."""
    shares: list[float] = []
    for _ in range(scale.repeats):
        with (
            _server(0, scale.large, 0.0) as url,
            tempfile.TemporaryDirectory(dir=Path.cwd()) as folder,
        ):
            path, part = Path(folder, "large"), Path(folder, "large.part")
            halting = started_apart(__name__, "save", url=f"{url}/large?halt", path=str(path))
            with subprocess.Popen(halting, stdout=subprocess.DEVNULL) as first:
                while not part.exists() or part.stat().st_size < scale.large // 2:
                    if first.poll() is not None:
                        raise RuntimeError("The download ended before it could be killed")
                    time.sleep(0.01)
                first.kill()
            apart(__name__, "save", url=f"{url}/large", path=str(path))
            if path.stat().st_size != scale.large:
                raise RuntimeError("The file is not complete")
            with urlopen(f"{url}/again") as answer:
                shares.append(int(answer.read()) / scale.large)
    return Section(
        "A download that was killed in the middle",
        [f"{scale.large:,} bytes, killed with SIGKILL, and begun again by another process"],
        [Quantity("transferred again, of all of it", {"ours, blocking": shares}, _MOST_AGAIN)],
    )


def save(*, url: str, path: str) -> None:
    """Save an output; to be called in a process of its own."""
    from datalab_facade import Datalab, Output

    with Datalab(_KEY, base_url="http://127.0.0.1:9") as client:
        client.outputs.save(
            Output(execution_id=_EXECUTION, step="parse", file_key=None, url=url), path
        )
