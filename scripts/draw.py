"""Draw the pictures of the documentation with the package's own tools.

::

    python scripts/draw.py            # write docs/pictures/
    python scripts/draw.py --check    # tell whether they are what would be drawn
"""

from __future__ import annotations

import sys
from pathlib import Path

from datalab_facade import WorkflowDefinition
from datalab_facade.pictures.graph import Graph
from datalab_facade.testing import ExecutionScript, RunScript, Simulator, StepScript, VirtualClock
from datalab_facade.testing.transports import connect

_ROOT = Path(__file__).resolve().parents[1]
_FOLDER = _ROOT / "docs" / "pictures"

# The column of a page is about so wide, on a large screen and on a phone.
_WIDE = 720
_NARROW = 360


def _run(name: str, starts: float, ends: float, outcome: str = "COMPLETED") -> RunScript:
    return RunScript(name, starts=starts, ends=ends, outcome=outcome)


INVOICES = ExecutionScript(
    [
        StepScript(
            "parse",
            runs=[
                _run("march.pdf", 5, 65),
                _run("april.pdf", 5, 48),
                _run("may.pdf", 8, 30),
            ],
        ),
        StepScript(
            "extract",
            runs=[
                _run("march.pdf", 65, 150),
                _run("april.pdf", 48, 95),
                RunScript("may.pdf", starts=30, ends=52, outcome="FAILED", error="no total found"),
            ],
        ),
        StepScript("report", starts=150, ends=172, files=["aggregated"]),
    ],
    shape="nested",
    queued=5,
    status=((0, "QUEUED"), (5, "IN_PROGRESS"), (172, "COMPLETED")),
)


def pictures() -> dict[str, str]:
    """Give each picture, by the name of its file."""
    simulator = Simulator(VirtualClock(), first_execution_id=123)
    with connect(simulator) as client:
        execution = client.executions.wait(simulator.start(INVOICES))
    definition = WorkflowDefinition.from_file(
        _ROOT / "examples" / "definitions" / "compare_splitting.json"
    )
    steps = {one.unique_name: (one.step_key, one.depends_on) for one in definition.steps}
    return {
        "timeline.svg": execution.timeline().svg(width=_WIDE),
        "timeline-narrow.svg": execution.timeline().svg(width=_NARROW),
        "workflow.svg": Graph.of(definition.name, steps).svg(width=_WIDE),
    }


def main(arguments: list[str]) -> int:
    """Write them, or check them; the exit code is 1 if they differ."""
    differ = [
        name
        for name, drawing in pictures().items()
        if not (_FOLDER / name).is_file() or (_FOLDER / name).read_text(encoding="utf-8") != drawing
    ]
    if "--check" in arguments:
        for name in differ:
            print(f"docs/pictures/{name} is not what is drawn today; run scripts/draw.py")
        return 1 if differ else 0
    _FOLDER.mkdir(exist_ok=True)
    for name in differ:
        (_FOLDER / name).write_text(pictures()[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
