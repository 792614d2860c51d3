"""What the embedded Datalab does with the demo's invoice."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files as resources
from typing import TYPE_CHECKING, Final

from datalab_facade.testing.document_scripts import DocumentScript
from datalab_facade.testing.scripts import ExecutionScript, StepScript
from datalab_facade.workflows.definitions import WorkflowDefinition

if TYPE_CHECKING:
    from datalab_facade.testing.jsonvalue import JSON

INVOICE_NAME: Final = "invoice.pdf"

_HERE: Final = resources("datalab_facade.cli.demonstration")

_SENDER: Final[JSON] = {"vendor": "Example Ltd", "invoice_number": "2025-0042"}
_ITEMS: Final[JSON] = {
    "items": [
        {"what": "Turned widgets, brass", "amount": 960.0},
        {"what": "Gaskets", "amount": 90.0},
    ]
}
_TOTAL: Final[JSON] = {"total": 1249.5, "currency": "EUR", "adds_up": True}


_MARKDOWN: Final = """\
# INVOICE 2025-0042

Example Ltd

| What | Amount |
| --- | ---: |
| Turned widgets, brass | 960.00 |
| Gaskets | 90.00 |
| VAT | 199.50 |
| **Total EUR** | **1,249.50** |"""


@dataclass
class Invoice:
    """What the demo extracts from the invoice."""

    vendor: str
    invoice_number: str
    total: float
    currency: str


def document_script() -> DocumentScript:
    """Return the script of the requests about the invoice."""
    values: JSON = {"total": 1249.5, "currency": "EUR"}
    assert isinstance(_SENDER, dict)
    assert isinstance(values, dict)
    return DocumentScript(seconds=6.0, markdown=_MARKDOWN, extraction={**_SENDER, **values})


def invoice() -> bytes:
    """Return the invoice as PDF."""
    return (_HERE / INVOICE_NAME).read_bytes()


def definition() -> WorkflowDefinition:
    """Return the definition of the workflow that reads it."""
    return WorkflowDefinition.from_json((_HERE / "invoices.json").read_bytes())


def script(file: str) -> ExecutionScript:
    """Return the script of the execution; times are seconds since its creation."""
    pages: JSON = {"page_count": 1, "pages": [{"number": 1, "title": "INVOICE"}]}
    return ExecutionScript(
        [
            StepScript("parse", starts=6, ends=48, files=(file,), output=pages),
            StepScript("sender", starts=50, ends=68, files=(file,), output=_SENDER),
            StepScript("items", starts=52, ends=85, files=(file,), output=_ITEMS),
            StepScript("total", starts=88, ends=110, files=(file,), output=_TOTAL),
        ],
        shape="nested",
        queued=6,
        zone="Z",
    )
