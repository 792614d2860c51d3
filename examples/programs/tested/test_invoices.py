"""Tests of `invoices.py`, without a network and in virtual time.

python -m pytest examples/programs/tested/test_invoices.py
"""

from __future__ import annotations

from pathlib import Path
from unittest.mock import create_autospec

import pytest
from invoices import WORKFLOW_ID, Invoice, read_invoice, total_of

from datalab_facade import (
    AsyncDatalab,
    AuthenticationError,
    Datalab,
    DownloadError,
    Execution,
    ExecutionFailedError,
    ExecutionHandle,
    Status,
)
from datalab_facade.testing import ExecutionScript, Fault, Simulator, StepScript, VirtualClock

READ = ExecutionScript(
    [
        StepScript("parse", ends=600),
        StepScript(
            "fields", starts=600, ends=1200, output={"vendor": "Example Ltd", "total": 12.5}
        ),
    ]
)
UNREADABLE = ExecutionScript([StepScript("parse", ends=60, outcome="FAILED", error="no pages")])


@pytest.fixture
def path(tmp_path: Path, datalab_simulator: Simulator) -> Path:
    datalab_simulator.workflows.add("Invoices", [], workflow_id=WORKFLOW_ID)
    datalab_simulator.workflows.script_for(WORKFLOW_ID, READ)
    path = tmp_path / "march.pdf"
    path.write_bytes(b"%PDF-1.7")
    return path


def test_an_invoice_is_read(datalab: Datalab, path: Path, datalab_clock: VirtualClock) -> None:
    assert read_invoice(datalab, path) == Invoice("Example Ltd", 12.5)
    assert 1200 <= datalab_clock.monotonic() < 1300


def test_the_file_is_what_the_execution_reads(
    datalab: Datalab, path: Path, datalab_simulator: Simulator
) -> None:
    read_invoice(datalab, path)
    [file] = datalab_simulator.files.values()
    assert file.body == b"%PDF-1.7"
    [submitted] = [one for one in datalab_simulator.requests if one.path.endswith("/execute")]
    assert file.reference in submitted.body.decode()


def test_trouble_on_the_way_changes_nothing(
    datalab: Datalab, path: Path, datalab_simulator: Simulator
) -> None:
    datalab_simulator.inject(Fault.status(503), Fault.reset(), path="/api/v1/workflows/executions")
    datalab_simulator.inject(Fault.status(500), Fault.truncate(3), origin="storage")
    assert read_invoice(datalab, path) == Invoice("Example Ltd", 12.5)


def test_a_file_that_is_no_invoice_is_none(
    datalab: Datalab, path: Path, datalab_simulator: Simulator
) -> None:
    datalab_simulator.workflows.script_for(WORKFLOW_ID, UNREADABLE)
    assert read_invoice(datalab, path) is None
    path.write_bytes(b"")
    assert read_invoice(datalab, path) is None


def test_an_output_that_is_gone_is_an_error(
    datalab: Datalab, path: Path, datalab_simulator: Simulator
) -> None:
    datalab_simulator.inject_always(Fault.status(404), origin="storage", path="*/fields/*")
    with pytest.raises(DownloadError):
        read_invoice(datalab, path)


@pytest.mark.parametrize("error", [AuthenticationError("Unknown key"), TimeoutError("too slow")])
def test_other_errors_are_the_caller_s(error: Exception, path: Path) -> None:
    client = create_autospec(Datalab, instance=True)
    client.files.upload.side_effect = error
    with pytest.raises(type(error)):
        read_invoice(client, path)
    client.workflows.execute.assert_not_called()


def test_a_failure_needs_no_simulator(path: Path) -> None:
    handle = create_autospec(ExecutionHandle, instance=True)
    failed = Execution(id=7, status=Status.FAILED, error="no pages")
    handle.result.side_effect = ExecutionFailedError(failed)
    client = create_autospec(Datalab, instance=True)
    client.workflows.execute.return_value = handle
    assert read_invoice(client, path) is None


@pytest.mark.asyncio
@pytest.mark.datalab(READ, UNREADABLE, READ)
async def test_what_can_be_read_is_added_up(
    async_datalab: AsyncDatalab, datalab_simulator: Simulator
) -> None:
    assert await total_of(async_datalab, datalab_simulator.execution_ids) == 25.0
