"""A process that runs a task over files, and may be made to kill itself in its journal.

usage: python -m tests.runs.runner URL KEY TASK OUT KILL_AT FILE...

The task is the id of a workflow or a pipeline, or "convert".

MOST_BYTES in its environment is the most that any of its files may have.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import Any

from datalab_facade import Convert, Datalab, Task, WaitPolicy
from datalab_facade.runs.run_journal import RunJournal

FAST = WaitPolicy(initial_delay=0.05, min_interval=0.05, max_interval=0.05)


def task_of(name: str) -> int | str | Task[object]:
    """Give the task that is meant."""
    if name == "convert":
        return Convert()
    return int(name) if name.isdecimal() else name


def die_at_line(number: int) -> None:
    """Let the process be killed just after it wrote so many lines of its journal."""
    real, written = RunJournal._write, 0

    def write(self: RunJournal, *line: Any) -> None:
        nonlocal written
        real(self, *line)
        written += 1
        if written == number:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(RunJournal, "_write", write)  # noqa: B010 - type checkers refuse the other way


def main() -> None:
    if most := os.environ.get("MOST_BYTES"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), int(most)))
    url, key, task, out, kill_at, *files = sys.argv[1:]
    if int(kill_at):
        die_at_line(int(kill_at))
    with Datalab(key, base_url=url, requests_per_minute=None, policy=FAST) as client:
        client.run(task_of(task), files, output_dir=out)


if __name__ == "__main__":
    main()
