"""Decodes answers about pipelines, extraction schemas and batch runs. Tolerant, total and pure.

Every answer becomes a model, :class:`~datalab_facade.InvalidResponseError` or, where a success
reports a refusal, :class:`~datalab_facade.RequestRejectedError`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, TypeVar

from datalab_facade.drift import Drift
from datalab_facade.errors import InvalidResponseError
from datalab_facade.fields import (
    FieldReader,
    Sightings,
    named,
    raise_refusal,
    start_of,
    whole_number,
    wrong_subject,
)
from datalab_facade.json_forms import JSON
from datalab_facade.paging import Page, decode_page
from datalab_facade.pipelines.models import (
    BatchRun,
    ExtractionSchema,
    Pipeline,
    PipelineRate,
    PipelineVersion,
    StoredStep,
)
from datalab_facade.wire import Decoder

_T = TypeVar("_T")

Decoded: TypeAlias = tuple[_T, set[Drift]]
"""A model, and the drift in the answer."""

_STEPS = Decoder(StoredStep, "pipeline step", also=("pending_check_url", "pending_name"))
_PIPELINES = Decoder(
    Pipeline, "pipeline", supplied=("id", "steps"), also=("id", "pipeline_id", "steps")
)
_VERSIONS = Decoder(
    PipelineVersion,
    "pipeline version",
    supplied=("version", "steps"),
    also=("id", "version", "steps"),
)
_SCHEMAS = Decoder(
    ExtractionSchema, "extraction schema", supplied=("id",), also=("id", "schema_id")
)
_BATCH_RUNS = Decoder(BatchRun, "batch run", supplied=("id",), also=("id",))

_RATE_NAMES: Final = (
    "total_rate_per_1000_cents",
    "rate_per_1000_cents",
    "rate_per_1000_pages_cents",
)


def decode_pipeline(body: JSON, *, requested_id: str | None = None) -> Decoded[Pipeline]:
    """Decode an answer that is a pipeline.

    Raises:
        RequestRejectedError: The answer says ``success: false``.
        InvalidResponseError: The answer is not an object, has no id, or is another pipeline.
    """
    sightings = Sightings()
    pipeline = _pipeline(body, _PIPELINES.reader(sightings))
    _check_subject("pipeline", requested_id, pipeline.id, body)
    return pipeline, sightings.found


def decode_pipelines(body: JSON) -> Decoded[Page[Pipeline]]:
    """Decode an answer to ``GET /api/v1/pipelines``.

    Raises:
        InvalidResponseError: The answer is not a list of pipelines.
    """
    return _page(body, "pipelines", _pipeline, _PIPELINES)


def decode_version(body: JSON) -> Decoded[PipelineVersion]:
    """Decode an answer that is a version of a pipeline.

    Raises:
        RequestRejectedError: The answer says ``success: false``.
        InvalidResponseError: The answer is not an object, or has no version.
    """
    sightings = Sightings()
    return _version(body, _VERSIONS.reader(sightings)), sightings.found


def decode_versions(body: JSON) -> Decoded[tuple[PipelineVersion, ...]]:
    """Decode an answer to ``GET /api/v1/pipelines/{pipeline_id}/versions``, which has no type.

    Raises:
        InvalidResponseError: The answer is not a list of versions.
    """
    page, drift = _page(body, "versions", _version, _VERSIONS)
    return page.items, drift


def decode_rate(body: JSON) -> Decoded[PipelineRate]:
    """Decode an answer to ``GET /api/v1/pipelines/{pipeline_id}/rate``, which has no type.

    Raises:
        RequestRejectedError: The answer says ``success: false``.
        InvalidResponseError: The answer is not an object.
    """
    reader = FieldReader("pipeline rate", Sightings())
    answer = _object(body, "a pipeline's rate")
    inner = answer.get("rate_breakdown")
    said = inner if isinstance(inner, dict) else answer
    total = next((said[name] for name in _RATE_NAMES if said.get(name) is not None), None)
    steps = next((said[name] for name in ("steps", "step_rates") if said.get(name)), [])
    rate = PipelineRate(
        cents_per_1000_pages=reader.number("rate", total),
        steps=reader.objects("steps", steps),
        raw=answer,
    )
    return rate, reader.sightings.found


def decode_done(body: JSON) -> bool:
    """Return True for an answer that says that it was done, in whatever words.

    Raises:
        RequestRejectedError: The answer says ``success: false``.
    """
    raise_refusal(body)
    return True


def decode_schema(body: JSON, *, requested_id: str | None = None) -> Decoded[ExtractionSchema]:
    """Decode an answer that is an extraction schema.

    Raises:
        RequestRejectedError: The answer says ``success: false``.
        InvalidResponseError: The answer is not an object, has no id, or is another schema.
    """
    sightings = Sightings()
    schema = _schema(body, _SCHEMAS.reader(sightings))
    _check_subject("extraction schema", requested_id, schema.id, body)
    return schema, sightings.found


def decode_schemas(body: JSON) -> Decoded[Page[ExtractionSchema]]:
    """Decode an answer to ``GET /api/v1/extraction_schemas``.

    Raises:
        InvalidResponseError: The answer is not a list of schemas.
    """
    return _page(body, "schemas", _schema, _SCHEMAS)


def decode_batch_run(body: JSON) -> Decoded[BatchRun]:
    """Decode an answer that is a batch run.

    Raises:
        RequestRejectedError: The answer says ``success: false``.
        InvalidResponseError: The answer is not an object, or has no id.
    """
    sightings = Sightings()
    return _batch_run(body, _BATCH_RUNS.reader(sightings)), sightings.found


def decode_batch_runs(body: JSON) -> Decoded[Page[BatchRun]]:
    """Decode an answer to ``GET /api/v1/eval_batch_runs``.

    Raises:
        InvalidResponseError: The answer is not a list of batch runs.
    """
    return _page(body, "batch_runs", _batch_run, _BATCH_RUNS)


def _pipeline(body: JSON, reader: FieldReader) -> Pipeline:
    answer = _object(body, "a pipeline")
    pipeline_id = _text_id(answer, "a pipeline", "pipeline_id")
    steps = _stored_steps(answer, reader)
    return _PIPELINES.read(answer, reader, id=pipeline_id, steps=steps)


def _version(body: JSON, reader: FieldReader) -> PipelineVersion:
    answer = _object(body, "a pipeline's version")
    version = whole_number(answer.get("version"))
    if version is None:
        raise _unexpected("a pipeline's version", "it has no version", body)
    steps = _stored_steps(answer, reader)
    return _VERSIONS.read(answer, reader, version=version, steps=steps)


def _stored_steps(body: dict[str, JSON], reader: FieldReader) -> tuple[StoredStep, ...]:
    inner = _STEPS.reader(reader.sightings)
    return tuple(_STEPS.read(one, inner) for one in reader.objects("steps", body.get("steps")))


def _schema(body: JSON, reader: FieldReader) -> ExtractionSchema:
    answer = _object(body, "an extraction schema")
    schema_id = _text_id(answer, "an extraction schema", "schema_id")
    return _SCHEMAS.read(answer, reader, id=schema_id)


def _batch_run(body: JSON, reader: FieldReader) -> BatchRun:
    answer = _object(body, "a batch run")
    run_id = whole_number(answer.get("id"))
    if run_id is None:
        raise _unexpected("a batch run", "it has no id", body)
    return _BATCH_RUNS.read(answer, reader, id=run_id)


def _page(
    body: JSON, key: str, decode: Callable[[JSON, FieldReader], _T], decoder: Decoder[_T]
) -> Decoded[Page[_T]]:
    sightings = Sightings()
    each = decoder.reader(sightings)
    reader = FieldReader(f"list of {key.replace('_', ' ')}", sightings)
    page = decode_page(body, key, lambda entry: decode(entry, each), reader)
    return page, sightings.found


def _text_id(body: dict[str, JSON], expected: str, name: str) -> str:
    found = body.get(name)
    if not isinstance(found, str) or not found:
        raise _unexpected(expected, f"it has no {name}", body)
    return found


def _object(body: JSON, expected: str) -> dict[str, JSON]:
    raise_refusal(body)
    if not isinstance(body, dict):
        raise _unexpected(expected, "", body)
    return body


def _check_subject(what: str, requested_id: str | None, found: str, body: JSON) -> None:
    if requested_id is not None and found != requested_id:
        raise wrong_subject(what, requested_id, found, body)


def _unexpected(expected: str, why: str, body: JSON) -> InvalidResponseError:
    start = start_of(body)
    reason = why if isinstance(body, dict) and why else f"it is {named(body)}"
    return InvalidResponseError(f"the answer is not {expected}: {reason}: {start}", body=start)
