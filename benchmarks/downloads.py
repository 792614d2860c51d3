"""Saving a large output over loopback, against plain httpx that streams to a file.

Run it with ``python -m benchmarks.downloads``. Both sides take the same body from the
same server, in turn, each in a process of its own; the ratio is of neighbours.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


def save_with_ours(url: str, path: str) -> None:
    """Save with ``client.outputs.save``."""
    from datalab_facade import Datalab, Output

    with Datalab("a-key-that-nobody-asks-for", base_url="http://127.0.0.1:9") as client:
        _measured(lambda: client.outputs.save(Output(1, "parse", None, url), path))


def save_with_httpx(url: str, path: str) -> None:
    """Save as httpx's documentation shows."""
    import httpx

    def save() -> None:
        with client.stream("GET", url) as response, Path(path).open("wb") as file:
            file.writelines(response.iter_bytes())

    with httpx.Client() as client:
        _measured(save)


def save_with_curl(url: str, path: str) -> None:
    """Save with curl."""
    _measured(lambda: subprocess.run(["curl", "-s", "-o", path, url], check=True))


def _measured(save: object) -> None:
    assert callable(save)
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    save()
    seconds = time.perf_counter() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle
    print(json.dumps({"seconds": seconds, "grown_mib": grown / 1024}))


_SIDES = {"ours": save_with_ours, "httpx": save_with_httpx, "curl": save_with_curl}


def compare(*, mib: int, repeats: int) -> dict[str, list[dict[str, float]]]:
    """Let the sides take turns."""
    me = [sys.executable, "-m", "benchmarks.downloads"]
    sides = [side for side in _SIDES if side != "curl" or shutil.which("curl")]
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    with subprocess.Popen([*me, "--serve", str(mib * _MIB)], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/large"
        try:
            for _ in range(repeats):
                for side in sides:
                    with tempfile.TemporaryDirectory() as folder:
                        command = [*me, "--side", side, url, f"{folder}/large"]
                        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
                        assert Path(folder, "large").stat().st_size == mib * _MIB
                    found[side].append(json.loads(done.stdout))
        finally:
            server.kill()
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a small body, once")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--side", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
    elif options.side:
        side, url, path = options.side
        _SIDES[side](url, path)
    else:
        found = compare(mib=8 if options.quick else 400, repeats=1 if options.quick else 7)
        for side, runs in found.items():
            seconds = [run["seconds"] for run in runs]
            grown = max(run["grown_mib"] for run in runs)
            print(
                f"{side:<6} median {statistics.median(seconds):.3f} s, "
                f"{min(seconds):.3f} to {max(seconds):.3f} s, {grown:.1f} MiB above idle"
            )
        ratios = [
            plain["seconds"] / ours["seconds"]
            for ours, plain in zip(found["ours"], found["httpx"], strict=True)
        ]
        print(f"throughput, ours / httpx: median {statistics.median(ratios):.2f} (goal >= 0.9)")
        if options.json:
            options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
