"""Write an HTML page that shows when each step and file of an execution waited and worked.

python examples/draw_timeline.py 123 timeline.html
"""

from __future__ import annotations

import sys
from pathlib import Path

from datalab_facade import Datalab


def main(execution_id: int, page: str) -> None:
    with Datalab() as client:
        timeline = client.executions.get(execution_id).timeline()
    Path(page).write_text(timeline.html(), encoding="utf-8")
    print(timeline.text(width=100))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
