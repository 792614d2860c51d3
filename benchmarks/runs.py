"""Runs over many files: a call that finds nothing to do, and a journal of many entries.

The files were done by an earlier call, against the embedded Datalab on virtual time. Then the same
call is made again with another client, as another process would: it reads the journal and each
file, and finds each result on disk. Its time is real.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import attrs

from benchmarks.apart import apart
from benchmarks.measuring import Goal, Quantity, Section
from datalab_facade import Convert
from datalab_facade.clock import SystemClock
from datalab_facade.runs.run_journal import RunJournal
from datalab_facade.runs.run_records import FILE_NAME, RunHeader
from datalab_facade.testing import Simulator, VirtualClock, connect, connect_async

_MOST_SECONDS = Goal(1.0)
_MOST_MILLISECONDS = Goal(1.0)
_NONE = Goal(0, each=True)


@attrs.frozen(kw_only=True)
class Scale:
    """How much of everything."""

    files: int
    entries: int
    repeats: int


FULL = Scale(files=2_000, entries=100_000, repeats=3)
QUICK = Scale(files=5, entries=100, repeats=1)


def measure(scale: Scale) -> Iterator[Section]:
    """Measure a run that is done, and a long journal."""
    done = apart(__name__, "done_again", files=scale.files, repeats=scale.repeats)
    yield Section(
        f"A run over {scale.files:,} documents of 10 KB that are done",
        ["The journal, all files and all results are read; nothing is sent."],
        [
            Quantity("seconds", done["seconds"], _MOST_SECONDS),
            Quantity("requests", {"both": [done["requests"]]}, _NONE),
        ],
    )
    found = apart(__name__, "journal", entries=scale.entries, repeats=scale.repeats)
    yield Section(
        f"A run's journal of {scale.entries:,} entries, each of another file",
        [],
        [
            Quantity("seconds to open it", {"ours": found["open"]}, _MOST_SECONDS),
            Quantity("ms for one more entry, synced", {"ours": found["more"]}, _MOST_MILLISECONDS),
        ],
    )


def done_again(*, files: int, repeats: int) -> dict[str, object]:
    """Run, and run again; to be called in a process of its own."""
    simulator = Simulator(VirtualClock())
    seconds: dict[str, list[float]] = {"blocking": [], "async": []}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as place:
        documents, out = Path(place, "in"), Path(place, "out")
        documents.mkdir()
        for number in range(files):
            start = b"%%PDF-1.7 %d " % number
            (documents / f"{number}.pdf").write_bytes(start.ljust(10_000))

        async def run() -> float:
            async with connect_async(simulator, requests_per_minute=None) as client:
                began = time.perf_counter()
                report = await client.run(Convert(), documents, output_dir=out)
                assert report
                assert len(report.results) == files
                return time.perf_counter() - began

        asyncio.run(run())
        before = len(simulator.requests)
        for _ in range(repeats):
            seconds["async"].append(asyncio.run(run()))
            with connect(simulator, requests_per_minute=None) as client:
                began = time.perf_counter()
                assert client.run(Convert(), documents, output_dir=out)
                seconds["blocking"].append(time.perf_counter() - began)
        return {"seconds": seconds, "requests": len(simulator.requests) - before}


def journal(*, entries: int, repeats: int) -> dict[str, list[float]]:
    """Open a journal and write to it; to be called in a process of its own."""
    opened: list[float] = []
    more: list[float] = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as place:
        folder = Path(place)
        header = RunHeader(origin="https://www.datalab.to", kind="document", task="0" * 64)
        with RunJournal(folder, SystemClock().now) as made:
            made.begin(header)
        with (folder / FILE_NAME).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(_entry(number)) + "\n" for number in range(entries))
        for repeat in range(repeats):
            began = time.perf_counter()
            with RunJournal(folder, SystemClock().now) as known:
                opened.append(time.perf_counter() - began)
                more.append(1e3 * statistics.median(_more(known, repeat)))
    return {"open": opened, "more": more}


def _more(known: RunJournal, repeat: int) -> Iterator[float]:
    for number in range(100):
        name = f"more-{repeat}-{number}"
        began = time.perf_counter()
        known.record(_key(name), source=f"{name}.pdf", folder=name)
        yield time.perf_counter() - began


def _entry(number: int) -> dict[str, object]:
    return {
        "file": _key(f"{number}"),
        "source": f"documents/{number}.pdf",
        "folder": f"{number}",
        "job_id": f"Qm3xT0yLr8sWb2ZkVf6NcA-{number}",
        "ended": "COMPLETED",
        "cents": 0.25,
        "pages": 3,
    }


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
