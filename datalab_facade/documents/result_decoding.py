"""Decodes the answers of document requests that are complete into results.

Tolerant, total and pure: whatever comes, the outcome is a result or one of our errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

import attrs

from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.documents.results import (
    AgentResult,
    Conversion,
    CreatedDocument,
    Extraction,
    FilledForm,
    SchemaSuggestions,
    Segmentation,
    requested_formats,
)
from datalab_facade.documents.snapshots import is_bad_end
from datalab_facade.drift import Drift
from datalab_facade.errors import DocumentFailedError, EmptyResultError, InvalidResponseError
from datalab_facade.fields import Sightings, compact, named, start_of, wrong_subject
from datalab_facade.json_forms import JSON

if TYPE_CHECKING:
    from datalab_facade.documents.result_base import AnyTask

_KINDS: Final[Mapping[str, type[DocumentResult]]] = {
    "convert": Conversion,
    "track-changes": Conversion,
    "extract": Extraction,
    "segment": Segmentation,
    "fill": FilledForm,
    "create-document": CreatedDocument,
    "agent": AgentResult,
    "marker/extraction/gen_schemas": SchemaSuggestions,
}

_NUMBER: Final = (int, float)
_FIELDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "checkpoint_id": str,
    "chunks": dict,
    "cost_breakdown": dict,
    "error": str,
    "evaluation": dict,
    "expires_in": int,
    "extraction_mode": str,
    # A string of JSON on /extract, and an object in the steps of pipelines.
    "extraction_schema_json": (str, dict),
    "extraction_score_average": _NUMBER,
    "fields_filled": list,
    "fields_not_found": list,
    "html": str,
    "images": dict,
    "json": dict,
    "markdown": str,
    "metadata": dict,
    "output_base64": str,
    "output_format": str,
    "page_count": int,
    "parse_quality_score": _NUMBER,
    "request_id": str,
    "result_url": str,
    "runtime": _NUMBER,
    "segmentation_results": dict,
    "segmentation_schema": (str, dict, list),
    "status": str,
    "success": bool,
    "suggestions": dict,
    "total_cost": _NUMBER,
    "versions": (str, dict),
}
"""What is known to be in answers, and what it is where it is not null."""


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
        source: The document's path or address.
        source_sha256: The SHA-256 of the document, if it was computed.
        observed_at: When the answer arrived.

    Returns:
        The result, by the endpoint in the id, and the drift of the answer.

    Raises:
        InvalidResponseError: The answer is not a result, or is about another request.
        DocumentFailedError: It says that the request failed.
        EmptyResultError: Nothing came of what was asked for; the error holds the result.
        ExtractionMismatchError: What was extracted does not fit the type; the error holds it.
        ConfigurationError: The type needs a library that is not installed.
    """
    if not isinstance(body, dict):
        start = start_of(body)
        raise InvalidResponseError(
            f"the answer is not a result, it is {named(body)}: {start}", body=start
        )
    kind = result_type(job_id)
    result = kind(
        id=job_id,
        task=task,
        source=source,
        source_sha256=source_sha256,
        observed_at=observed_at,
        raw=body,
    )
    about = body.get("request_id")
    if isinstance(about, str) and about and about != result.request_id:
        raise wrong_subject("request", result.request_id, about, body)
    check_succeeded(result)
    if isinstance(result, Extraction):
        target = into if into is not None else getattr(task, "into", None)
        result = attrs.evolve(result, into=target)
    _check_not_empty(result)
    return result, _drift(body, result)


def result_type(job_id: str) -> type[DocumentResult]:
    """Return the class of a job's result, by the endpoint in its id."""
    return _KINDS.get(job_id.rpartition("/")[0], DocumentResult)


def check_succeeded(result: DocumentResult) -> None:
    """Check that an answer does not say that the request failed.

    Raises:
        DocumentFailedError: It does.
    """
    if result.raw.get("success") is False or (result.status and is_bad_end(result.status)):
        raise DocumentFailedError(_words(result.raw.get("error")), result, stage=_stage(result.raw))


def overlaid(result: JSON, poll: JSON) -> JSON:
    """Return a result from its ``result_url``, with what the poll itself says on top.

    What is null or empty says nothing.
    """
    if not isinstance(result, dict) or not isinstance(poll, dict):
        return result
    said = {name: value for name, value in poll.items() if value not in (None, "", [], {})}
    return {**result, **said}


def _check_not_empty(result: DocumentResult) -> None:
    if isinstance(result, Conversion):
        asked = requested_formats(result.task, result.raw.get("output_format"))
        if all(name in result.empty_formats for name in asked):
            raise EmptyResultError(result, asked)
    elif isinstance(result, Extraction):
        # It reads the extraction, and converts it.
        _ = result.value
    elif isinstance(result, (FilledForm, CreatedDocument)):
        _check_there(result, "output_base64", str)
    elif isinstance(result, Segmentation):
        _check_there(result, "segmentation_results", (dict, list))
    elif isinstance(result, SchemaSuggestions):
        _check_there(result, "suggestions", dict)


def _check_there(result: DocumentResult, name: str, kind: type | tuple[type, ...]) -> None:
    value = result.raw.get(name)
    if not value or not isinstance(value, kind):
        raise EmptyResultError(result, (name,))


def _drift(body: Mapping[str, JSON], result: DocumentResult) -> set[Drift]:
    sightings = Sightings()
    # The form of an agent's answer is not known.
    if isinstance(result, AgentResult):
        return sightings.found
    for name, value in body.items():
        expected = _FIELDS.get(name)
        if expected is None:
            sightings.record("field", "document result", name)
        elif value is not None and (
            not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool)
        ):
            sightings.record("shape", "document result", f"{name}={named(value)}")
    return sightings.found


def _words(value: JSON) -> str:
    return value if isinstance(value, str) else "" if value is None else compact(value)


def _stage(raw: Mapping[str, JSON]) -> str | None:
    return _words(raw.get("error_in")) or None
