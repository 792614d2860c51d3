"""Bringing home many small outputs, side by side with Datalab's own client, over sockets.

::

    python -m benchmarks.outputs_small                  # everything: a few minutes
    python -m benchmarks.outputs_small --quick          # a tiny version, without a verdict
    python -m benchmarks.outputs_small --json results.json

A server on loopback has one execution with 1,000 outputs of 10 KB. Ours saves them with
``client.outputs.save_all``: in files that are checked, durable and told of in a manifest.
Datalab's own client (``datalab-python-sdk``) takes them into memory with
``get_execution_status(..., download_results=True)``, which is all that it offers. Each side
is a process of its own, and the sides take turns. The same is measured with a server that
answers some time later, as any server does that is not on the same machine.

Then a large download is killed at half, and begun again: how much is transferred twice?
The exit code is 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import importlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import attrs

from benchmarks.measuring import Goal, Quantity, Section, table

_ME = "benchmarks.outputs_small"
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


_FULL = Scale(repeats=5, many=1_000, later=0.02, large=400_000_000)
_QUICK = Scale(repeats=1, many=40, later=0.01, large=8_000_000)


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


def _serve(many: int, large: int, later: float) -> None:
    async def run() -> None:
        held = _Held(many, large, later)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Protocol(held), "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def _server(many: int, large: int, later: float) -> Iterator[str]:
    command = [sys.executable, "-m", _ME, "serve", json.dumps([many, large, later])]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


# --- the sides ------------------------------------------------------------------------


def _blocking(url: str, folder: str) -> int:
    from datalab_facade import Datalab

    with Datalab(_KEY, base_url=url) as client:
        return _timed(lambda: len(client.outputs.save_all(_EXECUTION, folder).saved))


def _async(url: str, folder: str) -> int:
    from datalab_facade import AsyncDatalab

    async def run() -> int:
        async with AsyncDatalab(_KEY, base_url=url) as client:
            return await _timed_async(
                lambda: client.outputs.save_all(_EXECUTION, folder), lambda told: len(told.saved)
            )

    return asyncio.run(run())


def _theirs(url: str, _: str) -> int:
    sdk = importlib.import_module("datalab_sdk")

    def count(execution: Any) -> int:  # noqa: ANN401 - their model
        return sum("downloaded_data" in run for run in execution.steps["parse"].values())

    async def run() -> int:
        async with sdk.AsyncDatalabClient(api_key=_KEY, base_url=url) as client:
            return await _timed_async(
                lambda: client.get_execution_status(_EXECUTION, download_results=True), count
            )

    return asyncio.run(run())


def _timed(work: Callable[[], int]) -> int:
    began = time.perf_counter()
    count = work()
    print(time.perf_counter() - began)
    return count


async def _timed_async(work: Callable[[], Any], count: Callable[[Any], int]) -> int:
    began = time.perf_counter()
    done = await work()
    print(time.perf_counter() - began)
    return count(done)


_SIDES = {"ours, blocking": _blocking, "ours, async": _async, "datalab-python-sdk": _theirs}
_THEIRS = "datalab-python-sdk"


def _side(name: str, url: str, many: int) -> float:
    """Let one side bring home all outputs, and give the seconds for each."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        command = [sys.executable, "-m", _ME, "side", json.dumps([name, url, folder, many])]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout) / many


def _run_side(name: str, url: str, folder: str, many: int) -> None:
    if _SIDES[name](url, folder) != many:
        raise RuntimeError(f"{name} has not brought home all outputs")


# --- what is measured -----------------------------------------------------------------


def small(scale: Scale) -> Section:
    """Measure how long a small output takes."""
    quantities: list[Quantity] = []
    for later, where in [(0.0, "at once"), (scale.later, f"after {1000 * scale.later:g} ms")]:
        found: dict[str, list[float]] = {side: [] for side in _SIDES}
        with _server(scale.many, 0, later) as url:
            for _ in range(scale.repeats):
                for side, seconds in found.items():
                    seconds.append(_side(side, url, scale.many))
        ratios = {
            side: [ours / theirs for ours, theirs in zip(seconds, found[_THEIRS], strict=True)]
            for side, seconds in found.items()
            if side != _THEIRS
        }
        milliseconds = {side: [1e3 * each for each in seconds] for side, seconds in found.items()}
        quantities += [
            Quantity(f"milliseconds per output, answered {where}", milliseconds),
            Quantity(f"ours / theirs, answered {where}", ratios, _MOST_OF_THEIRS),
        ]
    notes = [f"{scale.many:,} outputs of {_SIZE:,} bytes each, and the look at the execution"]
    return Section("Small outputs", notes, quantities)


def killed(scale: Scale) -> Section:
    """Measure how much of a large output is transferred again after a kill at half."""
    shares: list[float] = []
    for _ in range(scale.repeats):
        with (
            _server(0, scale.large, 0.0) as url,
            tempfile.TemporaryDirectory(dir=Path.cwd()) as folder,
        ):
            path, part = Path(folder, "large"), Path(folder, "large.part")
            saving = [sys.executable, "-m", _ME, "save"]
            with subprocess.Popen([*saving, json.dumps([f"{url}/large?halt", str(path)])]) as first:
                while not part.exists() or part.stat().st_size < scale.large // 2:
                    if first.poll() is not None:
                        raise RuntimeError("The download ended before it could be killed")
                    time.sleep(0.01)
                first.kill()
            subprocess.run([*saving, json.dumps([f"{url}/large", str(path)])], check=True)
            if path.stat().st_size != scale.large:
                raise RuntimeError("The file is not whole")
            with urlopen(f"{url}/again") as answer:
                shares.append(int(answer.read()) / scale.large)
    return Section(
        "A download that was killed at half",
        [f"{scale.large:,} bytes, killed with SIGKILL, and begun again by another process"],
        [Quantity("transferred again, of all of it", {"ours, blocking": shares}, _MOST_AGAIN)],
    )


def _save(url: str, path: str) -> None:
    from datalab_facade import Datalab, Output

    with Datalab(_KEY, base_url="http://127.0.0.1:9") as client:
        client.outputs.save(Output(_EXECUTION, "parse", None, url), path)


_JOBS: dict[str, Callable[..., None]] = {"serve": _serve, "side": _run_side, "save": _save}


def main(given: Sequence[str] | None = None) -> int:
    """Measure, show, and tell whether all goals were reached."""
    parser = argparse.ArgumentParser("python -m benchmarks.outputs_small", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="a tiny version, without a verdict")
    parser.add_argument("--repeats", type=int, metavar="N", help="how often to repeat everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers there, too")
    options = parser.parse_args(given)
    scale = _QUICK if options.quick else _FULL
    if options.repeats:
        scale = attrs.evolve(scale, repeats=options.repeats)
    sections = [small(scale), killed(scale)]
    for section in sections:
        print(f"\n{table(section, judged=not options.quick)}")
    if options.json:
        told = {
            "scale": attrs.asdict(scale),
            "judged": not options.quick,
            "sections": [section.to_dict() for section in sections],
        }
        options.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return int(not options.quick and not all(section.met for section in sections))


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in _JOBS:
        _JOBS[sys.argv[1]](*json.loads(sys.argv[2]))
    else:
        sys.exit(main())
