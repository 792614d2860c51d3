"""A server that does almost nothing, so that the client is what is measured.

It answers ``GET /api/v1/workflows/executions/{id}`` with prepared bytes, and knows
of each execution only when it ends. Started as a process of its own by
:class:`ServerProcess`, it prints its port, and ends when its input is closed.

What it serves is set up with :meth:`Control.begin`, over the same port.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import math
import subprocess
import sys
import time
from collections import deque
from contextlib import closing
from datetime import UTC, datetime, timedelta
from random import Random
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote, unquote

import attrs

FIRST_ID = 1_000_000
"""Ids count from here, so that all have the same number of digits."""

_HOST = "127.0.0.1"
_PATH = b"GET /api/v1/workflows/executions/"
_BEGIN = b"GET /control/begin?"
_STATS = b"GET /control/stats"


def url_of(port: int, execution_id: int) -> str:
    """Give the address that tells about an execution."""
    return f"http://{_HOST}:{port}/api/v1/workflows/executions/{execution_id}"


def base_url(port: int) -> str:
    """Give what a client is configured with."""
    return f"http://{_HOST}:{port}"


@attrs.frozen
class World:
    """What there is to serve: ``many`` executions that begin now, with ids from 1,000,000 on.

    They end with their ``polls``-th poll, or after a time from
    ``lasts``; without either they go on for ever.
    """

    many: int
    polls: int | None = None
    lasts: tuple[float, float] | None = None
    """The shortest and the longest duration in seconds; each execution's is drawn."""
    limit: int | None = None
    """Requests that are allowed in any ``window``; the rest is answered with 429."""
    window: float = 60.0

    @property
    def ids(self) -> range:
        """The executions' ids."""
        return range(FIRST_ID, FIRST_ID + self.many)


@attrs.frozen
class Stats:
    """What the server has seen since it began to serve this world."""

    requests: int
    """Requests about executions, those refused included."""
    refused: int
    """Those answered with 429."""
    seen: int
    """Executions that were polled."""
    cpu: float
    """Seconds of CPU that the server has used, since it was started."""


class Control:
    """Sets the server up, and asks it what it saw. It blocks, for a millisecond or two."""

    def __init__(self, port: int) -> None:
        self._port = port

    def begin(self, world: World) -> range:
        """Serve this world from now on; give the executions' ids."""
        self._ask("/control/begin?" + quote(json.dumps(attrs.asdict(world))))
        return world.ids

    def stats(self) -> Stats:
        """Give the counts."""
        return Stats(**self._ask("/control/stats"))

    def _ask(self, target: str) -> dict[str, Any]:
        with closing(http.client.HTTPConnection(_HOST, self._port, timeout=60)) as connection:
            connection.request("GET", target)
            return cast("dict[str, Any]", json.load(connection.getresponse()))


class ServerProcess:
    """The server in a process of its own, for a ``with`` statement."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", __name__]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.control = Control(self.port)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=10)


class _Answers:
    """Ready-made answers of one world, in which only the id is filled in."""

    def __init__(self) -> None:
        self._created = datetime.now(UTC)
        self._running = _parts(_body(self._created, None))
        self._over: dict[int, tuple[bytes, bytes]] = {}

    def running(self, number: bytes) -> bytes:
        """Tell of an execution that goes on."""
        before, after = self._running
        return before + number + after

    def over(self, number: bytes, age: float) -> bytes:
        """Tell of an execution that ended at this age."""
        seconds = int(age)
        parts = self._over.get(seconds)
        if parts is None:
            ended = self._created + timedelta(seconds=seconds)
            parts = self._over[seconds] = _parts(_body(self._created, ended))
        before, after = parts
        return before + number + after


def _body(created: datetime, ended: datetime | None) -> str:
    # As the API's page shows it, with an URL as long as presigned ones are.
    start = _time(created)
    url = "https://outputs.example/step.json?X-Amz-Signature=" + "0123456789abcdef" * 16
    parsed = {
        "status": "COMPLETED",
        "started_at": start,
        "completed_at": start,
        "output_url": url,
    }
    last = {"status": "IN_PROGRESS", "started_at": start}
    if ended is not None:
        last |= {"status": "COMPLETED", "completed_at": _time(ended), "output_url": url}
    answer = {
        "execution_id": FIRST_ID,
        "workflow_id": 456,
        "status": "COMPLETED" if ended else "IN_PROGRESS",
        "created": start,
        "updated": _time(ended or created),
        "steps": {"parse": parsed, "segment": parsed, "extract": last},
    }
    return json.dumps(answer, separators=(",", ":"))


def _time(moment: datetime) -> str:
    # UTC without saying so, as the API writes it.
    return moment.replace(microsecond=0, tzinfo=None).isoformat()


def _parts(body: str) -> tuple[bytes, bytes]:
    head = (
        "HTTP/1.1 200 OK\r\n"
        "Date: Wed, 22 Oct 2025 10:05:00 GMT\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: keep-alive\r\n"
        "Server: lean\r\n"
        "X-Request-ID: 5f0c3b1e-8f3e-4c57-9d0e-0c9a6f1f7a11\r\n\r\n"
    )
    before, after = (head + body).split(str(FIRST_ID))
    return before.encode(), after.encode()


class _Service:
    """Decides on the answers."""

    def __init__(self) -> None:
        self._begin(World(0))

    def answer(self, head: bytes) -> bytes:
        """Answer a request, of which this is everything up to the empty line."""
        if not head.startswith(_PATH):
            return self._controlled(head)
        age = time.monotonic() - self._began
        self._requests += 1
        if self._limit is not None:
            wait = self._seconds_until_admitted(age, self._limit)
            if wait > 0:
                self._refused += 1
                return _refusal(wait)
        number = head[len(_PATH) : head.index(b" ", len(_PATH))]
        execution_id = int(number)
        polls = self._polls[execution_id] = self._polls.get(execution_id, 0) + 1
        ends = self._ends.get(execution_id) if polls < self._last_poll else age
        if ends is None or ends > age:
            return self._answers.running(number)
        return self._answers.over(number, ends)

    def _controlled(self, head: bytes) -> bytes:
        if head.startswith(_BEGIN):
            world = json.loads(unquote(head[len(_BEGIN) :].split(b" ", 1)[0].decode()))
            self._begin(World(**world))
            return _json("200 OK", {})
        if head.startswith(_STATS):
            stats = Stats(self._requests, self._refused, len(self._polls), time.process_time())
            return _json("200 OK", attrs.asdict(stats))
        return _json("404 Not Found", {"detail": "Not Found"})

    def _begin(self, world: World) -> None:
        self._began = time.monotonic()
        self._answers = _Answers()
        self._requests = self._refused = 0
        self._polls: dict[int, int] = {}
        self._last_poll = math.inf if world.polls is None else world.polls
        self._ends = {} if world.lasts is None else _ends(world.ids, *world.lasts)
        self._limit, self._window = world.limit, world.window
        self._admitted: deque[float] = deque()

    def _seconds_until_admitted(self, age: float, limit: int) -> float:
        admitted = self._admitted
        while admitted and admitted[0] <= age - self._window:
            admitted.popleft()
        if len(admitted) >= limit:
            return admitted[0] + self._window - age
        admitted.append(age)
        return 0.0


def _ends(ids: range, shortest: float, longest: float) -> dict[int, float]:
    dice = Random(0)  # the same durations in each run
    return {execution_id: dice.uniform(shortest, longest) for execution_id in ids}


def _refusal(wait: float) -> bytes:
    more = f"Retry-After: {math.ceil(wait)}\r\n"
    return _json("429 Too Many Requests", {"detail": "Rate limit exceeded"}, more)


def _json(status: str, value: object, more_headers: str = "") -> bytes:
    body = json.dumps(value)
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more_headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


class _Connection(asyncio.Protocol):
    """One client's connection. Requests have no bodies, so each ends with an empty line."""

    def __init__(self, service: _Service) -> None:
        self._service = service
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        *heads, self._rest = (self._rest + data).split(b"\r\n\r\n")
        answers = [self._service.answer(head) for head in heads]
        if answers and self._transport is not None:
            self._transport.write(b"".join(answers))


async def _serve() -> None:
    service = _Service()
    loop = asyncio.get_running_loop()
    # Thousands of clients may come at once.
    server = await loop.create_server(lambda: _Connection(service), _HOST, 0, backlog=4_096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve())
