"""Progress below a cell: in one place in a notebook, line by line elsewhere."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from datalab_facade import Change, Convert, Datalab, Execution, Progress, Status
from datalab_facade.notebook import show_progress
from datalab_facade.testing import (
    DocumentScript,
    ExecutionScript,
    Simulator,
    SimulatorTransport,
    StepScript,
    VirtualClock,
)
from tests.secrets_for_tests import API_KEY


class Handle:
    """A display below a cell."""

    def __init__(self, content: Any) -> None:
        self.contents = [content]

    def update(self, content: Any) -> None:
        self.contents.append(content)

    @property
    def html(self) -> str:
        return str(self.contents[-1]._repr_html_())


class Notebook:
    """A kernel, as far as it can be seen from inside of a cell."""

    kernel = object()

    def __init__(self) -> None:
        self.execution_count = 1
        self.displays: list[Handle] = []

    def display(self, content: Any, *, display_id: bool) -> Handle:
        assert display_id
        self.displays.append(Handle(content))
        return self.displays[-1]


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    import IPython.core.getipython
    import IPython.display

    running = Notebook()
    monkeypatch.setattr(IPython.core.getipython, "get_ipython", lambda: running)
    monkeypatch.setattr(IPython.display, "display", running.display)
    return running


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(VirtualClock(), API_KEY, first_execution_id=123)


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Datalab]:
    import httpx

    http = httpx.Client(transport=SimulatorTransport(simulator))
    with Datalab(API_KEY, http_client=http, clock=simulator.clock) as running:
        yield running


def moved(name: str, done: int, total: int | None = 4_000_000) -> Progress:
    return Progress(name=name, bytes_done=done, bytes_total=total, rate=1.0)


def test_a_cell_has_one_display_that_changes_in_its_place(notebook: Notebook) -> None:
    for done in (0, 1_000_000, 4_000_000):
        show_progress(moved("<b>.pdf", done))
    show_progress(moved("unknown.pdf", 500_000, None))
    [shown] = notebook.displays
    assert len(shown.contents) == 4
    assert "&lt;b&gt;.pdf</td>" in shown.html
    assert "100% of 4.0 MB" in shown.html
    assert "<td>0.5 MB</td>" in shown.html
    assert "unknown.pdf" in repr(shown.contents[-1])
    notebook.execution_count += 1
    show_progress(moved("next.pdf", 0))
    assert len(notebook.displays) == 2
    assert "unknown.pdf" not in notebook.displays[1].html


def test_a_document_is_followed_from_its_upload_to_its_end(
    notebook: Notebook, client: Datalab, simulator: Simulator
) -> None:
    simulator.documents.script(DocumentScript(seconds=9))
    client.documents.convert(
        b"%PDF-1.7", name="a.pdf", on_progress=show_progress, on_change=show_progress
    )
    [shown] = notebook.displays
    assert "a.pdf" in shown.html
    assert "convert/" in shown.html
    assert Status.COMPLETED in shown.html


def test_a_single_execution_is_its_timeline(
    notebook: Notebook, client: Datalab, simulator: Simulator
) -> None:
    started = simulator.start(ExecutionScript([StepScript("parse", ends=5)]))
    client.executions.wait(started, on_change=show_progress)
    [shown] = notebook.displays
    assert isinstance(shown.contents[-1], Execution)
    assert "<svg" in shown.html


def test_of_many_jobs_the_last_that_moved_are_shown_with_totals(
    notebook: Notebook, client: Datalab, simulator: Simulator
) -> None:
    script = ExecutionScript([StepScript("parse", ends=5)])
    ids = [simulator.start(script) for _ in range(40)]
    for update in client.executions.watch_many(ids):
        show_progress(update)
    [shown] = notebook.displays
    assert "40/40 finished" in shown.html
    assert shown.html.count("<tr>") == 31
    assert "Shown are the 30 that moved last" in shown.html


def test_elsewhere_each_change_is_printed(
    client: Datalab, simulator: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    started = simulator.start(ExecutionScript([StepScript("parse", ends=5)]))
    changes: list[Change[Execution]] = []
    client.executions.wait(started, on_change=changes.append)
    for change in changes:
        show_progress(change)
    for done in (0, 2_000_000, 4_000_000):
        show_progress(moved("a.pdf", done))
    for update in client.executions.watch_many([started]):
        show_progress(update)
    printed = capsys.readouterr().out.splitlines()
    assert printed[: len(changes)] == [str(change) for change in changes]
    assert printed[len(changes)] == f"a.pdf: {'█' * 20} 100% of 4.0 MB"
    assert "1/1 finished" in printed[-1]


def test_what_an_output_cannot_hold_disturbs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a program in Windows whose output goes into a file."""
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output, encoding="cp1252"))
    show_progress(moved("請求書.pdf", 4_000_000))
    sys.stdout.flush()
    assert output.getvalue().splitlines() == [b"???.pdf: " + b"?" * 20 + b" 100% of 4.0 MB"]


def test_a_shell_in_a_terminal_is_no_notebook(
    monkeypatch: pytest.MonkeyPatch, notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Notebook, "kernel", None)
    show_progress(moved("a.pdf", 4_000_000))
    assert not notebook.displays
    assert "a.pdf" in capsys.readouterr().out


def test_ipython_is_never_imported_where_it_was_not() -> None:
    program = (
        "import sys\n"
        "from datalab_facade import Conversion, Progress\n"
        "from datalab_facade.notebook import show_progress\n"
        "show_progress(Progress(name='a', bytes_done=1, bytes_total=1, rate=1))\n"
        "Conversion(id='convert/a', raw={'markdown': 'a'})._repr_html_()\n"
        "assert 'IPython' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=50)


def test_an_update_that_tells_of_no_job_moves_the_totals_alone(
    notebook: Notebook, client: Datalab, simulator: Simulator
) -> None:
    started = simulator.start(ExecutionScript([StepScript("parse", ends=5)]))
    *_, last = client.executions.watch_many([started])
    show_progress(attrs.evolve(last, change=None, outcome=None))
    [shown] = notebook.displays
    assert "1/1 finished" in shown.html
    assert "<tr>" not in shown.html
    show_progress(last)
    assert shown.html.count(f"<td>{started}</td>") == 1


def test_a_run_that_finds_everything_done_shows_its_totals(
    notebook: Notebook, client: Datalab, tmp_path: Path
) -> None:
    sources = [tmp_path / "a.pdf", tmp_path / "b.pdf"]
    for source in sources:
        source.write_bytes(f"%PDF-1.7 {source.name}".encode())
    client.run(Convert(), sources, output_dir=tmp_path / "out")
    client.run(Convert(), sources, output_dir=tmp_path / "out", on_update=show_progress)
    [shown] = notebook.displays
    assert "2/2 finished" in shown.html


def test_an_ipython_that_is_not_whole_is_no_notebook(
    monkeypatch: pytest.MonkeyPatch, notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    # An import of it raises ImportError.
    monkeypatch.setitem(sys.modules, "IPython.core.getipython", None)
    show_progress(moved("a.pdf", 4_000_000))
    assert not notebook.displays
    assert capsys.readouterr().out == f"a.pdf: {'█' * 20} 100% of 4.0 MB\n"
