"""Outputs that Dask's workers process, and one process alone, for `benchmarks.mapped`.

It needs distributed. A fast server in a process of its own serves completed executions, each
with one output of a megabyte: the text of a document as JSON. The function counts its words
and which follow which, all in Python, so that threads of one process would not be faster.

One process takes the time of the function, and 4 ms for a poll and a megabyte. Dask takes
about 9 ms more of CPU for each output: half of it in the workers, the rest in the process that
waits and in the scheduler; the server takes one or two. On a machine with two cores, all that
comes out of the workers' share. So the function is one that takes about 60 ms; with one that
takes 10, the overhead would be measured. The cluster is up, and both workers have processed
some outputs, before the time counts.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from random import Random
from typing import cast

from distributed import Client, LocalCluster

from benchmarks.apart import started_apart
from datalab_facade import Datalab, Output
from datalab_facade.integrations.dask import map_outputs

FIRST_ID = 1_000_000
_WORD = re.compile(r"\w+")
_API = b"GET /api/v1/workflows/executions/"


def vocabulary(output: Output, data: bytes) -> tuple[int, int]:  # noqa: ARG001 - it is the same
    """Count the words of a document, and which follow which, as one does for a language model."""
    words: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for page in json.loads(data)["pages"]:
        found = _WORD.findall(page["text"].lower())
        words.update(found)
        pairs.update(pairwise(found))
    return len(words), len(pairs)


def with_dask(many: int, size: int) -> float:
    """Process so many outputs with two workers; return the seconds that it takes."""
    logging.getLogger("distributed").setLevel(logging.ERROR)
    with (
        _served(size) as url,
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
        _datalab(url) as datalab,
    ):
        expected = _warmed_up(client, datalab)
        began = time.perf_counter()
        results = _results(client, datalab, many)
        took = time.perf_counter() - began
        assert results == [expected] * many
    return took


def in_one_process(many: int, size: int) -> float:
    """Process them one after the other; return the seconds that it takes."""
    with _served(size) as url, _datalab(url) as datalab:
        began = time.perf_counter()
        results = [
            vocabulary(output, datalab.outputs.read_bytes(output))
            for outcome in datalab.executions.as_completed(range(FIRST_ID, FIRST_ID + many))
            for output in outcome.result().outputs
        ]
        took = time.perf_counter() - began
        assert len(results) == many
        assert len(set(results)) == 1
    return took


def _datalab(url: str) -> Datalab:
    return Datalab("a-key", base_url=url, requests_per_minute=None)


def _warmed_up(client: Client, datalab: Datalab) -> tuple[int, int]:
    """Let both workers do it once; return the results."""
    [expected] = set(_results(client, datalab, 20))
    return expected


def _results(client: Client, datalab: Datalab, many: int) -> list[tuple[int, int]]:
    mapped = map_outputs(range(FIRST_ID, FIRST_ID + many), vocabulary, datalab=datalab)
    return cast("list[tuple[int, int]]", client.gather([one.future for one in mapped]))


@contextmanager
def _served(size: int) -> Iterator[str]:
    with subprocess.Popen(
        started_apart(__name__, "serve", size=size), stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def serve(size: int) -> None:
    """Serve completed executions and their outputs, until killed."""
    document = _answer(_document(size))

    class Connection(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport
            self.port: int = transport.get_extra_info("sockname")[1]

        def data_received(self, data: bytes) -> None:
            if not data.startswith(_API):
                self.transport.write(document)
                return
            number = int(data[len(_API) : data.index(b" ", len(_API))])
            self.transport.write(_answer(_status(number, self.port)))

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(run())


def _document(size: int) -> bytes:
    dice = Random(1)
    letters = "abcdefghijklmnop"
    known = ["".join(dice.choices(letters, k=dice.randint(2, 9))) for _ in range(5_000)]
    pages: list[dict[str, str]] = []
    left = size - 5_000
    while left > 0:
        pages.append({"text": " ".join(dice.choices(known, k=600))})
        left -= len(pages[-1]["text"]) + 15
    return json.dumps({"pages": pages}).encode().ljust(size)


def _status(number: int, port: int) -> bytes:
    run = {
        "status": "COMPLETED",
        "started_at": "2025-10-22T10:00:00",
        "completed_at": "2025-10-22T10:01:00",
        "output_url": f"http://127.0.0.1:{port}/outputs/{number}.json",
    }
    answer = {
        "execution_id": number,
        "workflow_id": 456,
        "status": "COMPLETED",
        "created": "2025-10-22T10:00:00",
        "updated": "2025-10-22T10:01:00",
        "steps": {"parse": run},
    }
    return json.dumps(answer).encode()


def _answer(body: bytes) -> bytes:
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
