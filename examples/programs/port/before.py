"""A program that uses the official client: upload, execute, wait, download.

python examples/programs/port/before.py 456 scans/march.pdf scans/april.pdf
"""

from __future__ import annotations

import json
import sys

from datalab_sdk import DatalabClient
from datalab_sdk.exceptions import DatalabAPIError, DatalabTimeoutError
from datalab_sdk.models import InputConfig


def main(workflow_id: int, paths: list[str]) -> int:
    client = DatalabClient(timeout=60)
    try:
        files = client.upload_files(paths)
        print("uploaded", [file.original_filename for file in files])
        config = InputConfig(file_urls=[file.reference for file in files])
        execution = client.execute_workflow(workflow_id, config)
        done = client.get_execution_status(
            execution.id, max_polls=600, poll_interval=1, download_results=True
        )
    except DatalabTimeoutError as error:
        print(f"too slow: {error}", file=sys.stderr)
        return 75
    except DatalabAPIError as error:
        print(f"status {error.status_code}", file=sys.stderr)
        return 1
    print(done.id, done.status)
    for step, runs in done.steps.items():
        for run in runs.values():
            print(step, json.dumps(run["downloaded_data"], sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
