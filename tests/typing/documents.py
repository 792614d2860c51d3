"""What type checkers make of ``client.documents``: every line is checked, none is run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import assert_type

from datalab_facade import (
    AgentResult,
    AsyncDatalab,
    AsyncDocumentHandle,
    Conversion,
    Convert,
    CreatedDocument,
    CreateDocument,
    Datalab,
    DocumentHandle,
    DocumentRequest,
    DocumentResult,
    Extract,
    Extraction,
    FilledForm,
    Health,
    Outcome,
    SavedResult,
    SchemaSuggestions,
    Segmentation,
)
from datalab_facade.models import JSON


@dataclass
class Invoice:
    """A type to extract."""

    number: str


def verbs(client: Datalab, path: Path) -> None:
    """Every verb gives its own result."""
    documents = client.documents
    assert_type(documents.convert(path, mode="fast", timeout=60, output_dir="out"), Conversion)
    assert_type(documents.convert(path).markdown, str)
    assert_type(documents.extract(path, Invoice), Extraction[Invoice])
    assert_type(documents.extract(path, Invoice, wait_for="scores").value, Invoice)
    assert_type(documents.extract(path, {"type": "object"}), Extraction[dict[str, JSON]])
    assert_type(documents.extract(path, schema_id="sch_1"), Extraction[dict[str, JSON]])
    assert_type(documents.segment(path, {"Invoice": "a bill"}), Segmentation)
    assert_type(documents.fill(path, {"name": "Jane"}), FilledForm)
    assert_type(documents.track_changes(path), Conversion)
    assert_type(documents.create("# A"), CreatedDocument)
    assert_type(documents.run_agent(path, "cp_1"), AgentResult)
    assert_type(documents.suggest_schemas(documents.convert(path)), SchemaSuggestions)
    documents.convert(path, paginat=True)  # type: ignore[call-arg]
    documents.convert(path, wait_for="money")  # type: ignore[arg-type]


def jobs(client: Datalab, path: Path) -> None:
    """A handle knows what its result is."""
    documents = client.documents
    handle = documents.submit(Convert(), path)
    assert_type(handle, DocumentHandle[Conversion])
    assert_type(handle.get(), DocumentRequest)
    assert_type(handle.result(), Conversion)
    assert_type(documents.result(handle, timeout=5), Conversion)
    assert_type(documents.result("convert/a"), DocumentResult)
    assert_type(documents.submit(Extract(Invoice), path).result(), Extraction[Invoice])
    assert_type(documents.submit(CreateDocument("# A")).result().content, bytes)
    assert_type(documents.handle({}, into=Invoice), DocumentHandle[Extraction[Invoice]])
    assert_type(documents.handle("a", verb="convert"), DocumentHandle[DocumentResult])
    assert_type(documents.handle(handle), DocumentHandle[Conversion])
    assert_type(documents.refresh(handle.result()), Conversion)
    assert_type(documents.save(handle, "out"), SavedResult)
    assert_type(documents.wait_many([handle, "convert/a"]), list[Outcome[DocumentRequest, str]])
    assert_type(documents.thumbnails("a"), tuple[bytes, ...])
    assert_type(client.health(), Health)


async def asynchronous(client: AsyncDatalab, path: Path) -> None:
    """The same, awaited."""
    documents = client.documents
    assert_type(await documents.convert(path), Conversion)
    assert_type((await documents.extract(path, Invoice)).value, Invoice)
    handle = await documents.submit(Convert(), path)
    assert_type(handle, AsyncDocumentHandle[Conversion])
    assert_type(await handle.result(), Conversion)
    assert_type(await documents.result(handle), Conversion)
    assert_type(await client.health(), Health)
