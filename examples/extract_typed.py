"""Upload an invoice, extract its fields, and get them as an object of your own type.

    python examples/extract_typed.py invoice.pdf

Needs pydantic.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import BaseModel

from datalab_facade import Datalab, WorkflowDefinition

DEFINITION = Path(__file__).parent / "definitions" / "invoice_fields.json"


class Invoice(BaseModel):
    vendor: str
    total: float
    currency: str


def main(path: str) -> Invoice:
    with Datalab() as client:
        workflow = client.workflows.create(WorkflowDefinition.from_file(DEFINITION))
        handle = client.workflows.execute(workflow, client.files.upload(path))
        execution = handle.result(timeout=3600)
        [output] = [found for found in execution.outputs if found.step == "fields"]
        return client.outputs.read_json(output, into=Invoice)


if __name__ == "__main__":
    print(main(sys.argv[1]))
