"""Submit now, and save the outputs later in another process, which needs only the handle.

python examples/split_and_resume.py submit 456 https://example.com/report.pdf > handle.json
python examples/split_and_resume.py collect results < handle.json
"""

from __future__ import annotations

import json
import sys

from datalab_facade import Datalab, SubmissionUncertainError


def submit(workflow_id: int, url: str) -> int:
    with Datalab() as client:
        try:
            handle = client.workflows.execute(workflow_id, url)
        except SubmissionUncertainError as error:
            print(f"check at Datalab before you submit again: {error.sent}", file=sys.stderr)
            return 2
        print(json.dumps(handle.to_dict()))
    return 0


def collect(folder: str) -> int:
    with Datalab() as client:
        execution = client.executions.handle(json.load(sys.stdin)).wait()
        print(client.outputs.save_all(execution, folder))
    return 0 if execution.succeeded else 1


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    sys.exit(
        submit(int(arguments[0]), arguments[1]) if command == "submit" else collect(arguments[0])
    )
