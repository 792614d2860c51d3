"""A Datalab behind real sockets, with something of everything in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import attrs

from datalab_facade import Convert, Datalab
from datalab_facade.cli.demonstration.scene import invoice
from datalab_facade.testing import (
    DocumentScript,
    ExecutionScript,
    Simulator,
    SimulatorServer,
    StepScript,
)
from tests.secrets_for_tests import API_KEY, FILLED_IN, SIGNATURE

HOSTILE = f"no pages\x1b[2J in https://a.example/x?X-Amz-Signature={SIGNATURE}"


@attrs.frozen
class World:
    """Where it is, and what there is."""

    simulator: Simulator
    host: str
    folder: Path
    done: int
    failed: int
    endless: int
    workflow: int
    uploaded: int
    requested: str
    """The id of a conversion that has ended."""
    checkpoint: str
    """The checkpoint of a conversion."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which the program finds it."""
        return {"DATALAB_API_KEY": API_KEY, "DATALAB_HOST": self.host}

    def client(self) -> Datalab:
        """Give a client of it."""
        return Datalab(API_KEY, base_url=self.host)

    def start(self, *steps: StepScript) -> int:
        """Start another execution."""
        return self.simulator.start(ExecutionScript(steps))


@contextlib.contextmanager
def new_world(folder: Path) -> Iterator[World]:
    """Make one; files for and of the program are in a folder."""
    simulator = Simulator(api_key=API_KEY)
    with SimulatorServer(simulator) as server:
        two = ("npl94jxy", "b7")
        done = simulator.start(
            ExecutionScript(
                [StepScript("parse", files=two), StepScript("extract", files=two)], shape="nested"
            )
        )
        failed = simulator.start(
            ExecutionScript(
                [StepScript("parse"), StepScript("extract", outcome="FAILED", error=HOSTILE)]
            )
        )
        endless = simulator.start(
            ExecutionScript([StepScript("parse"), StepScript("extract", ends=None)])
        )
        token = {"auth": {"type": "bearer", "token": FILLED_IN}}
        workflow = simulator.workflows.add(
            "Invoices",
            [
                {"step_key": "marker_parse", "unique_name": "parse"},
                {
                    "step_key": "api_request",
                    "unique_name": "tell",
                    "depends_on": ["parse"],
                    "settings": token,
                },
            ],
        )
        quick = [StepScript("parse", ends=0.3), StepScript("tell", starts=0.3, ends=0.5)]
        simulator.workflows.script_for(workflow, ExecutionScript(quick))
        (folder / "invoice.pdf").write_bytes(invoice())
        (folder / "report.pdf").write_bytes(invoice())
        (folder / "text.md").write_text("# Report", encoding="utf-8")
        (folder / "schema.json").write_text('{"properties": {"total": {"type": "number"}}}')
        (folder / "pipeline.json").write_text('[{"type": "convert", "settings": {}}]')
        simulator.documents.script_always(DocumentScript(seconds=0.2))
        with Datalab(API_KEY, base_url=server.api_url) as client:
            requested = client.documents.submit(Convert(), folder / "report.pdf").id
            saved = client.documents.convert(folder / "report.pdf", save_checkpoint=True)
            assert saved.checkpoint_id is not None
        yield World(
            simulator=simulator,
            host=server.api_url,
            folder=folder,
            done=done,
            failed=failed,
            endless=endless,
            workflow=workflow,
            uploaded=simulator.files.add("report.pdf", b"%PDF-1.7 report"),
            requested=requested,
            checkpoint=saved.checkpoint_id,
        )
