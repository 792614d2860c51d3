"""A first look at the package, with no account and no internet.

Starts an embedded Datalab on this machine, waits for two executions over a real
socket, one in each of the shapes that the API answers in, prints an output and saves
all of them with a manifest. Run it with ``python -m datalab_facade.testing.demo``.
"""

from __future__ import annotations

import json
import time

from datalab_facade import Change, Datalab, Execution, WaitPolicy
from datalab_facade.testing import ExecutionScript, Simulator, SimulatorServer, StepScript
from datalab_facade.testing.jsonvalue import JSON
from datalab_facade.testing.scripts import Shape

_FOLDER = "demo-output"

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
    began = time.monotonic()

    def show(change: Change) -> None:
        print(f"  {time.monotonic() - began:4.1f} s  {change}")

    return client.executions.result(
        execution_id,
        timeout=30,
        # The demo's steps take a second; a real execution needs no such haste.
        policy=WaitPolicy(interval=0.2),
        on_change=show,
    )


def _tell(execution: Execution) -> None:
    print("\nThe same typed steps, whatever the shape:")
    for name, step in execution.steps.items():
        for run in step.runs:
            took = f"{run.duration.total_seconds():.0f} s" if run.duration is not None else "?"
            print(f"  {name:<8} {run.status:<10} took {took:<4} file {run.file_key or '-'}")


def _bring_home(client: Datalab, execution: Execution) -> None:
    [output] = [found for found in execution.outputs if found.step == "extract"]
    print(f"\nOne output, fetched without the key from {output.url.split('?')[0]}:")
    print("  " + json.dumps(client.outputs.json(output), indent=2).replace("\n", "\n  "))
    manifest = client.outputs.save_all(execution, _FOLDER, overwrite=True)
    print(f"\n{manifest}, below {_FOLDER}/execution-{execution.id}/:")
    for saved in manifest.saved:
        print(f"  {saved.path:<20} {saved.bytes:>4} bytes  sha256 {saved.sha256}")


def main() -> None:
    """Run the demo."""
    simulator = Simulator()
    with (
        SimulatorServer(simulator) as server,
        Datalab(simulator.api_key, base_url=server.api_url) as client,
    ):
        print(f"An embedded Datalab answers at {server.api_url}")
        shapes: tuple[tuple[Shape, str], ...] = (
            ("flat", "the shape that the documentation shows"),
            ("nested", "the shape that the official client reads"),
        )
        for shape, said in shapes:
            execution_id = simulator.start(_script(shape))
            print(f"\nExecution {execution_id}, answered in {said}:")
            execution = _follow(client, execution_id)
            _tell(execution)
            _bring_home(client, execution)
        asked = len(simulator.requests.of("api"))
        print(f"\nThat took {asked} requests to the API. Next: README.md, and a key of your own.")


if __name__ == "__main__":
    main()
