"""A program that takes up a pipeline execution by the JSON form of its handle, and writes its end.

It reads the address, the key and the handle as JSON from its standard input. It says so on its
standard output before it waits, so that a test knows when to end it.
"""

from __future__ import annotations

import json
import sys

from datalab_facade import Datalab, WaitPolicy


def main() -> None:
    """Wait, and write how the execution ended."""
    given = json.load(sys.stdin)
    policy = WaitPolicy(min_interval=0.05, max_interval=0.2)
    with Datalab(given["key"], base_url=given["url"], policy=policy) as client:
        sys.stdout.write("waiting\n")
        sys.stdout.flush()
        handle = client.pipelines.executions.handle(given["handle"])
        execution = handle.result(timeout=30)
        result = client.pipelines.executions.step_result(execution, 1)
    json.dump([str(execution.status), getattr(result, "data", None)], sys.stdout)


if __name__ == "__main__":
    main()
