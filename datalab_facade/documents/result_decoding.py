"""Decodes the answers of finished document requests into results. Tolerant, total and pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from datalab_facade.documents.results import (
    AgentResult,
    Conversion,
    CreatedDocument,
    DocumentResult,
    Extraction,
    FilledForm,
    SchemaSuggestions,
    Segmentation,
)
from datalab_facade.drift import Drift
from datalab_facade.json_forms import JSON

if TYPE_CHECKING:
    from datalab_facade.documents.results import AnyTask

_KINDS: Mapping[str, type[DocumentResult]] = {
    "convert": Conversion,
    "track-changes": Conversion,
    "extract": Extraction,
    "segment": Segmentation,
    "fill": FilledForm,
    "create-document": CreatedDocument,
    "agent": AgentResult,
    "marker/extraction/gen_schemas": SchemaSuggestions,
}


def decode_result(
    body: JSON,
    *,
    job_id: str,
    task: AnyTask | None = None,
    into: type | None = None,
    source: str | None = None,
    source_sha256: str | None = None,
    observed_at: datetime | None = None,
) -> tuple[DocumentResult, set[Drift]]:
    """Decode the answer of a document request that is complete.

    Args:
        body: The parsed answer: of the poll, or from its ``result_url`` (see :func:`overlaid`).
        job_id: The job's id, such as ``"convert/Qm3xT0yLr8sWb2ZkVf6NcA"``.
        task: What was asked for, if that is known.
        into: The type of an extraction's value; by default, that of the task.
        source: The name of the document's file, or its address.
        source_sha256: The SHA-256 of the document, if it was computed.
        observed_at: When the answer arrived.

    Returns:
        The result, by the endpoint in the id, and the drift of the answer.

    Raises:
        InvalidResponseError: The answer is not a result.
        DocumentFailedError: It says ``success: false``.
        EmptyResultError: Nothing came of what was asked for.
        ExtractionMismatchError: What was extracted does not fit the type.
    """
    raise NotImplementedError


def overlaid(result: JSON, poll: JSON) -> JSON:
    """Return a result from its ``result_url``, with what the poll itself says on top."""
    raise NotImplementedError
