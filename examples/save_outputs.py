"""Save all outputs of an execution to a folder. A second run downloads nothing twice.

python examples/save_outputs.py 123 results
"""

from __future__ import annotations

import sys

from datalab_facade import Datalab


def main(execution_id: int, folder: str) -> int:
    with Datalab() as client:
        execution = client.executions.wait(execution_id)
        manifest = client.outputs.save_all(execution, folder)
    print(manifest)
    for saved in manifest.saved:
        print(f"{saved.bytes:>10}  {saved.sha256}  {saved.path}")
    for failed in manifest.failed:
        print(f"failed: {failed.step}: {failed.error}")
    return 0 if manifest.is_complete else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
