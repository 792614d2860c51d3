"""What a notebook shows of results, requests and handles. No IO."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from datalab_facade.errors import DatalabError
from datalab_facade.fields import compact
from datalab_facade.json_forms import JSON
from datalab_facade.pictures.cards import Card, CardTable, DocumentText
from datalab_facade.pictures.words import pluralize

if TYPE_CHECKING:
    from datalab_facade.documents.async_handles import AsyncDocumentHandle
    from datalab_facade.documents.extracted_fields import ExtractedField
    from datalab_facade.documents.handles import DocumentHandle
    from datalab_facade.documents.result_base import DocumentResult
    from datalab_facade.documents.results import (
        Conversion,
        CreatedDocument,
        Extraction,
        FilledForm,
        SchemaSuggestions,
        Segmentation,
    )
    from datalab_facade.documents.snapshots import DocumentRequest

_TITLES: Final[Mapping[str, str]] = {
    "convert": "Conversion",
    "track-changes": "Tracked changes",
    "extract": "Extraction",
    "segment": "Segmentation",
    "fill": "Filled form",
    "create-document": "Created document",
    "marker/extraction/gen_schemas": "Suggested schemas",
}


def result_card(
    result: DocumentResult,
    *,
    facts: tuple[str, ...] = (),
    tables: tuple[CardTable, ...] = (),
    texts: tuple[DocumentText, ...] = (),
    notes: tuple[str, ...] = (),
) -> Card:
    """Return a card with what all results have in common, and more."""
    pages, cost, quality = result.page_count, result.cost_cents, result.quality_score
    return Card(
        title=_title(result.endpoint, result.source),
        facts=(
            result.id,
            "" if pages is None else pluralize(pages, "page"),
            "" if cost is None else f"{cost:g} ¢",
            "" if quality is None else f"quality {quality:g} of 5",
            *facts,
        ),
        tables=tables,
        texts=texts,
        notes=notes,
    )


def plain_card(result: DocumentResult) -> Card:
    """Return a card with the answer as JSON."""
    return result_card(result, texts=(_json_text(dict(result.raw)),))


def conversion_card(result: Conversion) -> Card:
    """Return a card with the document, in the most readable format that it was converted to."""
    there = [name for name in result.output_formats if name not in result.empty_formats]
    found = result.raw.get("images")
    images = found if isinstance(found, dict) else {}
    encoded = {name: text for name, text in images.items() if isinstance(text, str)}
    texts: tuple[DocumentText, ...] = ()
    if "markdown" in there:
        texts = (DocumentText(text=result.markdown, images=encoded),)
    elif "html" in there:
        texts = (DocumentText(text=result.html, format="html", images=encoded),)
    else:
        texts = tuple(_json_text(result.raw[name]) for name in there if name in ("json", "chunks"))
    empty = ", ".join(result.empty_formats)
    return result_card(
        result,
        facts=(", ".join(there), pluralize(len(encoded), "image") if encoded else ""),
        texts=texts,
        notes=(f"Nothing came as {empty}",) if empty else (),
    )


def extraction_card(result: Extraction[object]) -> Card:
    """Return a card with a row for each field: its value, its score and its citations."""
    facts = (
        result.extraction_mode or "",
        "" if result.score is None else f"average score {result.score:g} of 5",
    )
    try:
        fields = list(result.fields.values())
    except DatalabError as error:
        return result_card(result, facts=facts, notes=(str(error),))
    rows = [
        _field_row(field)
        for field, after in pairwise([*fields, None])
        if field is not None and not _is_spelled_out(field, after)
    ]
    columns = ("field", "value", "score", "citations", "reasoning")
    # Most modes give no reasons.
    width = 5 if any(row[4] for row in rows) else 4
    table = CardTable(columns=columns[:width], rows=tuple(row[:width] for row in rows))
    return result_card(result, facts=facts, tables=(table,))


def segmentation_card(result: Segmentation) -> Card:
    """Return a card with a row for each part."""
    rows = [
        (one.name, one.page_range, "" if one.confidence is None else f"{one.confidence}")
        for one in result.segments
    ]
    table = CardTable(columns=("segment", "pages", "confidence"), rows=tuple(rows))
    return result_card(result, facts=(pluralize(len(rows), "segment"),), tables=(table,))


def form_card(result: FilledForm) -> Card:
    """Return a card with a row for each value."""
    rows = [(name, "filled in") for name in result.filled]
    rows.extend((name, "not found in the form") for name in result.not_found)
    table = CardTable(columns=("value", "state"), rows=tuple(rows))
    return result_card(result, facts=_about_file(result), tables=(table,))


def created_card(result: CreatedDocument) -> Card:
    """Return a card with the format and the size of the document."""
    return result_card(result, facts=_about_file(result))


def suggestions_card(result: SchemaSuggestions) -> Card:
    """Return a card with each schema that there is."""
    texts: list[DocumentText] = []
    notes: list[str] = []
    for name in ("simple", "moderate", "complex"):
        try:
            schema: JSON = getattr(result, name)
        except DatalabError as error:
            notes.append(f"{name}: {error}")
        else:
            texts.extend([] if schema is None else [_json_text(schema, title=name)])
    return result_card(result, texts=tuple(texts), notes=tuple(notes))


def request_card(request: DocumentRequest) -> Card:
    """Return a card with how a request stands."""
    seen = request.observed_at
    return Card(
        title=_title(request.endpoint, None),
        facts=(
            request.id,
            str(request.status),
            "" if seen is None else f"as of {seen:%Y-%m-%d %H:%M:%S %Z}",
        ),
        notes=() if request.error is None else (request.error,),
    )


def handle_card(
    handle: DocumentHandle[DocumentResult] | AsyncDocumentHandle[DocumentResult],
) -> Card:
    """Return a card with what a handle knows, without a request."""
    sent = handle.submitted_at
    task = {} if handle.task is None else handle.task.redacted()
    rows = [(name, _value(value)) for name, value in task.items()]
    return Card(
        title=_title(handle.endpoint, handle.source),
        facts=(handle.id, "" if sent is None else f"submitted {sent:%Y-%m-%d %H:%M:%S %Z}"),
        tables=(CardTable(columns=("option", "value"), rows=tuple(rows)),) if rows else (),
    )


def _title(endpoint: str, source: str | None) -> str:
    title = _TITLES.get(endpoint, endpoint)
    return title if source is None else f"{title} of {source}"


def _field_row(field: ExtractedField) -> tuple[str, str, str, str, str]:
    return (
        field.path,
        _value(field.value),
        "" if field.score is None else f"{field.score:g}",
        ", ".join(field.citations),
        field.reasoning or "",
    )


def _is_spelled_out(field: ExtractedField, after: ExtractedField | None) -> bool:
    """Tell whether the rows below say all that a row of an object or a list could."""
    if not isinstance(field.value, (dict, list)) or after is None:
        return False
    if field.score is not None or field.citations or field.reasoning:
        return False
    return after.path.startswith((f"{field.path}.", f"{field.path}["))


def _value(value: JSON) -> str:
    return value if isinstance(value, str) else "" if value is None else compact(value)


def _about_file(result: FilledForm | CreatedDocument) -> tuple[str, ...]:
    encoded = result.raw.get("output_base64")
    size = len(encoded) * 3 // 4 if isinstance(encoded, str) else 0
    return (result.output_format or "", f"about {size / 1000:,.1f} kB" if size else "no file")


def _json_text(value: JSON, title: str = "") -> DocumentText:
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False)
    except (RecursionError, ValueError, TypeError):
        text = compact(value)
    return DocumentText(text=text, format="plain", title=title)
