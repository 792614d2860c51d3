"""The demo, step by step."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from datalab_facade.cli import documents
from datalab_facade.cli.demonstration.scene import (
    INVOICE_NAME,
    Invoice,
    definition,
    document_script,
    invoice,
    script,
)
from datalab_facade.cli.document_results import SourceResult, to_document
from datalab_facade.cli.embedded import make_embedded_server
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.following import ExecutionDisplay
from datalab_facade.cli.rendering.executions import execution_text
from datalab_facade.cli.rendering.files import uploaded_line
from datalab_facade.cli.rendering.outputs import manifest_text
from datalab_facade.cli.rendering.workflows import created_text, graph_of_definition
from datalab_facade.cli.sessions import PROGRAM, Session
from datalab_facade.cli.tables import paragraph
from datalab_facade.client import Datalab
from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.models import Execution
from datalab_facade.pictures.terminal import BOLD, CYAN, DIM
from datalab_facade.testing.fast_clock import FastClock

_SPEED: Final = 20.0


class Demo:
    """Run the demo and show, for each step, the command that does the same.

    Args:
        session: Where to show it.
        folder: Where to save the outputs.
        speed: Seconds of the demo's clock per second of real time.
    """

    def __init__(self, session: Session, folder: Path, speed: float = _SPEED) -> None:
        self._session = session
        self._folder = folder
        self._clock = FastClock(speed)

    def play(self) -> ExitCode:
        """Run the demo to its end."""
        with self._client() as client:
            self._read(client)
            workflow_id, reference = self._prepare(client)
            execution = self._follow(client, workflow_id, reference)
            self._download(client, execution)
        self._show_next_steps()
        return ExitCode.DONE if execution.succeeded else ExitCode.FAILED

    @contextlib.contextmanager
    def _client(self) -> Generator[Datalab, None, None]:
        server = make_embedded_server(self._clock)
        self._simulator = server.simulator
        with (
            server,
            Datalab(
                server.simulator.api_key,
                base_url=server.api_url,
                clock=self._clock,
                # Answers do not come faster, so timeouts grow with the speed of the clock.
                timeout=60 * self._clock.speed,
                request_timeout=30 * self._clock.speed,
                policy=WaitPolicy(interval_growth=0.0, request_timeout=30 * self._clock.speed),
            ) as client,
        ):
            self._say(
                f"An embedded Datalab answers at {server.api_url}. "
                f"Its clock runs {self._clock.speed:.0f} times faster than real time.",
                DIM,
            )
            yield client

    def _read(self, client: Datalab) -> None:
        self._simulator.documents.script_always(document_script())
        self._step(f"convert {INVOICE_NAME}")
        conversion = client.documents.convert(invoice(), name=INVOICE_NAME)
        self._show_result(conversion, str(conversion))
        code = f'client.documents.extract("{INVOICE_NAME}", Invoice).value'
        self._step(code, program="", prompt=">>> ")
        if not all(map(find_spec, ("cattrs", "pydantic"))):
            self._say("This needs: pip install 'datalab-facade[extraction]'", DIM)
            return
        extraction = client.documents.extract(invoice(), Invoice, name=INVOICE_NAME)
        self._show_result(extraction, str(extraction.value))

    def _show_result(self, result: DocumentResult, text: str) -> None:
        self._show(text)
        if self._session.as_json:
            document = to_document(SourceResult.of(INVOICE_NAME, result))
            self._session.out.write_json({"event": "result", **document}, indented=False)

    def _prepare(self, client: Datalab) -> tuple[int, str]:
        self._step(f"files upload {INVOICE_NAME}")
        file = client.files.upload(invoice(), name=INVOICE_NAME)
        self._show(uploaded_line(INVOICE_NAME, file, self._session.out.for_tables))
        self._step("workflows create invoices.json")
        workflow = client.workflows.create(definition())
        terminal = self._session.out.for_charts
        graph = graph_of_definition(definition()).text(
            width=terminal.width, color=terminal.color, ascii_only=terminal.ascii_only
        )
        self._show(f"{created_text(workflow, terminal)}\n\n{graph}")
        self._simulator.workflows.script_for(workflow.id, script(file.hashid))
        return workflow.id, file.reference

    def _follow(self, client: Datalab, workflow_id: int, reference: str) -> Execution:
        handle = client.workflows.execute(workflow_id, reference)
        self._step(f"watch {handle.id}")
        display = ExecutionDisplay(self._session, many=False, now=self._clock.now)
        with display:
            execution = handle.wait(on_change=display.show_change)
        if self._session.out.is_terminal:
            self._show(execution_text(execution, self._session.out.for_tables))
        return execution

    def _download(self, client: Datalab, execution: Execution) -> None:
        self._step(f"download {execution.id} -o {self._folder}")
        manifest = client.outputs.save_all(execution, self._folder, overwrite=True)
        target = self._folder / f"execution-{execution.id}"
        self._show(manifest_text(manifest, target, self._session.out.for_tables))
        [total] = [saved for saved in manifest.saved if saved.step == "total"]
        self._step(f"cat {target / total.path}", program="")
        self._show((target / total.path).read_text(encoding="utf-8"))
        self._step(f"timeline {execution.id}")
        depends_on = {step.unique_name: step.depends_on for step in definition().steps}
        terminal = self._session.out.for_charts
        self._show(
            execution.timeline(depends_on).text(
                width=terminal.width, color=terminal.color, ascii_only=terminal.ascii_only
            )
        )
        if self._session.as_json:
            self._session.out.write_json(
                {
                    "event": "saved",
                    "execution": documents.execution(execution),
                    "folder": str(target),
                    **manifest.to_dict(),
                },
                indented=False,
            )

    def _show_next_steps(self) -> None:
        self._say("")
        for name, command in (
            ("A folder of documents, with your own key", "convert *.pdf -o results"),
            ("A workflow over all of them", "run invoices.json *.pdf -o results"),
            ("Everything else", "--help"),
        ):
            self._say(f"{name}: {PROGRAM} {command}", DIM)

    def _step(self, command: str, program: str = f"{PROGRAM} ", *, prompt: str = "$ ") -> None:
        terminal = self._session.out.for_tables
        words = terminal.columns([(f"\n{prompt}", DIM), (f"{program}{command}", CYAN)])
        self._show(words)

    def _say(self, words: str, style: str = BOLD) -> None:
        self._show("\n".join(paragraph(words, self._session.out.for_tables, style)))

    def _show(self, text: str) -> None:
        if not self._session.as_json:
            self._session.out.write(text)
