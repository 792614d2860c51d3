"""The nightly batch: run a workflow over all files of a folder, and write a CSV of the results.

python examples/programs/nightly_batch.py 456 inbox results

Start it each night with the same arguments: files that are done are skipped. The exit code is 0 if
all files are done, 1 if some failed, 3 if it cannot work at all, and 130 if it was stopped; then
the next call continues.
"""

from __future__ import annotations

import csv
import logging
import signal
import sys
from pathlib import Path

from datalab_facade import (
    AuthenticationError,
    ConfigurationError,
    Datalab,
    Execution,
    NotFoundError,
    PermissionDeniedError,
    Update,
)

logger = logging.getLogger("nightly")


def log_progress(update: Update[Execution, int]) -> None:
    if update.outcome is not None:
        logger.info("%s", update.totals)


def run(workflow_id: int, folder: str, output_dir: str) -> int:
    failed = 0
    Path(output_dir).mkdir(exist_ok=True)
    with (
        Path(output_dir, "report.csv").open("w", newline="") as file,
        Datalab(max_retries=5) as client,
    ):
        report = csv.writer(file)
        report.writerow(["file", "execution", "status", "outputs", "reason"])
        for result in client.iter_run(
            workflow_id, folder, output_dir=output_dir, timeout=4 * 3600, on_update=log_progress
        ):
            failed += not result.succeeded
            saved = len(result.manifest.saved) if result.manifest else 0
            report.writerow(
                [result.source, result.execution_id, result.status, saved, result.reason]
            )
    return 1 if failed else 0


def main(workflow_id: int, folder: str, output_dir: str) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    # Whoever stops the machine sends SIGTERM; it ends the run as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return run(workflow_id, folder, output_dir)
    except KeyboardInterrupt:
        logger.warning("stopped; the executions go on, and the next call continues")
        return 130
    except (ConfigurationError, AuthenticationError, PermissionDeniedError, NotFoundError) as error:
        logger.critical("%s", error)
        return 3


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
