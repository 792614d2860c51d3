"""Code that reads invoices, blocking and async; `test_invoices.py` tests it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs

from datalab_facade import (
    AsyncDatalab,
    Datalab,
    ExecutionFailedError,
    InvalidArgumentError,
    UploadError,
)

WORKFLOW_ID = 88


@attrs.frozen
class Invoice:
    vendor: str
    total: float


def read_invoice(client: Datalab, path: Path) -> Invoice | None:
    """Return what the invoice says; None if it is not one that can be read."""
    try:
        file = client.files.upload(path)
        execution = client.workflows.execute(WORKFLOW_ID, file).result(timeout=3600)
    except (InvalidArgumentError, UploadError, ExecutionFailedError):
        return None
    [fields] = [output for output in execution.outputs if output.step == "fields"]
    return client.outputs.read_json(fields, into=Invoice)


async def total_of(client: AsyncDatalab, execution_ids: Iterable[int]) -> float:
    """Return the sum of the invoices that could be read."""
    total = 0.0
    async for outcome in client.executions.as_completed(execution_ids):
        if outcome.succeeded:
            for output in outcome.result().outputs:
                if output.step == "fields":
                    total += (await client.outputs.read_json(output, into=Invoice)).total
    return total
