"""Wait for an execution, and print how it ended.

    python examples/wait_for_one.py 123

Put the key into DATALAB_API_KEY.
"""

from __future__ import annotations

import sys

from datalab_facade import Datalab, ExecutionFailedError, WaitTimeoutError


def main(execution_id: int) -> int:
    with Datalab() as client:
        try:
            execution = client.executions.result(execution_id, timeout=3600, on_change=print)
        except ExecutionFailedError as error:
            for failure in error.failures:
                print(f"{failure.step} failed: {failure.error}")
            return 1
        except WaitTimeoutError as error:
            print(f"{error.execution_id} is still running; wait for it again")
            return 2
    print(execution.timeline())
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
