"""The same program as `before.py`, with this package.

python examples/programs/port/after.py 456 scans/march.pdf scans/april.pdf
"""

from __future__ import annotations

import json
import sys

from datalab_facade import APIStatusError, Datalab


def main(workflow_id: int, paths: list[str]) -> int:
    with Datalab(request_timeout=60) as client:
        try:
            files = client.files.upload_all(paths)
            print("uploaded", [file.filename for file in files])
            handle = client.workflows.execute(workflow_id, files)
            done = handle.wait(timeout=600)
        except TimeoutError as error:
            print(f"too slow: {error}", file=sys.stderr)
            return 75
        except APIStatusError as error:
            print(f"status {error.status}", file=sys.stderr)
            return 1
        print(done.id, done.status)
        for output in done.outputs:
            data = client.outputs.read_json(output)
            print(output.step, json.dumps(data, sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
