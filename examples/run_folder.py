"""Run a workflow over all files of a folder. Stop it at any time, and start it again to continue.

python examples/run_folder.py examples/definitions/invoice_fields.json scans results
"""

from __future__ import annotations

import sys
from pathlib import Path

from datalab_facade import Datalab, Update


def progress(update: Update) -> None:
    if update.outcome is not None:
        print(update.totals.finished, "of", update.totals.total, "finished")


def main(definition: str, folder: str, output_dir: str) -> int:
    with Datalab() as client:
        report = client.run(Path(definition), folder, output_dir=output_dir, on_update=progress)
    print(report)
    for result in report.failed:
        print(f"{result.source}: {result.reason}")
    return 0 if report else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
