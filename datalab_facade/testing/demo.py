"""A first look at the package, with no account and no internet.

Starts an embedded Datalab on this machine, waits for two executions over a real
socket, one in each of the shapes that the API answers in, and fetches an output.
Run it with ``python -m datalab_facade.testing.demo``.
"""

from __future__ import annotations

import time

from datalab_facade import Change, Datalab, Execution, WaitPolicy
from datalab_facade.testing import ExecutionScript, Simulator, SimulatorServer, StepScript
from datalab_facade.testing.jsonvalue import JSON
from datalab_facade.testing.scripts import Shape

_INVOICE: dict[str, JSON] = {
    "page_count": 2,
    "extraction": {"vendor": "Example Ltd", "total": 1249.5, "currency": "EUR"},
}


def _script(shape: Shape) -> ExecutionScript:
    return ExecutionScript(
        [
            StepScript("parse", starts=0.4, ends=1.2),
            StepScript("segment", starts=1.2, ends=2.4),
            StepScript("extract", starts=1.2, ends=2.0, output=_INVOICE),
        ],
        shape=shape,
        queued=0.4,
    )


def _follow(client: Datalab, execution_id: int) -> Execution:
    time.monotonic()

    def show(change: Change) -> None:
        pass

    return client.executions.result(
        execution_id,
        timeout=30,
        # The demo's steps take a second; a real execution needs no such haste.
        policy=WaitPolicy(interval=0.2),
        on_change=show,
    )


def _tell(execution: Execution) -> None:
    for step in execution.steps.values():
        for run in step.runs:
            f"{run.duration.total_seconds():.0f} s" if run.duration is not None else "?"


def main() -> None:
    """Run the demo."""
    simulator = Simulator()
    with (
        SimulatorServer(simulator) as server,
        Datalab(simulator.api_key, base_url=server.api_url) as client,
    ):
        shapes: tuple[tuple[Shape, str], ...] = (
            ("flat", "the shape that the documentation shows"),
            ("nested", "the shape that the official client reads"),
        )
        for shape, _said in shapes:
            execution_id = simulator.start(_script(shape))
            execution = _follow(client, execution_id)
            _tell(execution)
            [_output] = [found for found in execution.outputs if found.step == "extract"]
        len(simulator.requests.of("api"))


if __name__ == "__main__":
    main()
