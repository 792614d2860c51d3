"""Wait for many executions in async code, and print the JSON outputs of each as it ends.

python examples/many_async.py 123 124 125
"""

from __future__ import annotations

import asyncio
import json
import sys

from datalab_facade import AsyncDatalab


async def main(ids: list[int]) -> int:
    failed = 0
    async with AsyncDatalab() as client:
        async for outcome in client.executions.as_completed(ids, timeout=3600):
            if outcome.error is not None:
                failed += 1
                print(f"{outcome.id}: {outcome.error}", file=sys.stderr)
                continue
            for output in outcome.result().outputs:
                line = {"id": outcome.id, "step": output.step}
                print(json.dumps({**line, "output": await client.outputs.read_json(output)}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main([int(argument) for argument in sys.argv[1:]])))
