"""Render the answers about document requests."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, cast

from datalab_facade.testing import document_samples as samples
from datalab_facade.testing.documents import StoredDocumentRequest
from datalab_facade.testing.jsonvalue import JSON, json_bytes

SCORE: Final = 4.5
"""The score of every field."""
_SCORED_AFTER: Final = 20.0

RESULT_KEYS: Final = (
    "status",
    "result_url",
    "expires_in",
    "output_format",
    "chunks",
    "json",
    "markdown",
    "html",
    "extraction_schema_json",
    "extraction_score_average",
    "extraction_mode",
    "segmentation_results",
    "segmentation_schema",
    "images",
    "metadata",
    "success",
    "error",
    "parse_quality_score",
    "page_count",
    "total_cost",
    "cost_breakdown",
    "runtime",
    "checkpoint_id",
    "versions",
    "evaluation",
)
"""All keys of a result, in the order of a recorded answer, which has all of them."""

_OUTPUT_KEYS: Final = (
    "status",
    "success",
    "error",
    "output_format",
    "output_base64",
    "runtime",
    "page_count",
    "cost_breakdown",
    "versions",
)
_KEYS: Final[Mapping[str, Sequence[str]]] = {
    "fill": (*_OUTPUT_KEYS[:5], "fields_filled", "fields_not_found", *_OUTPUT_KEYS[5:]),
    "create-document": _OUTPUT_KEYS,
    "agent": ("status", "success", "error"),
    "marker/extraction/gen_schemas": (
        "success",
        "error",
        "suggestions",
        "status",
        "page_count",
        "total_cost",
    ),
}
_STAYS_IN_THE_POLL: Final = (
    *("status", "success", "error"),
    *("page_count", "total_cost", "cost_breakdown", "runtime"),
)


def render(
    request: StoredDocumentRequest, since_end: float | None, sign: Callable[[], tuple[str, int]]
) -> dict[str, JSON]:
    """Render the answer to a poll.

    Args:
        request: the request.
        since_end: seconds since its end; ``None`` before it.
        sign: returns a URL of the result, and the seconds for which it is valid.
    """
    if since_end is None:
        return {**_empty(request), "status": request.script.status_before}
    if not is_behind_url(request):
        return render_result(request, since_end)
    url, lifetime = sign()
    values = {
        "status": request.script.status,
        "success": True,
        "error": "",
        **_numbers(request, since_end),
        **request.script.extra,
    }
    kept = {key: values[key] for key in _STAYS_IN_THE_POLL}
    return {**_empty(request), **kept, "result_url": url, "expires_in": lifetime}


def encode_result(request: StoredDocumentRequest, since_end: float) -> bytes:
    """Encode the whole result of a request that has ended, as it stands behind its URL."""
    moments = (request.script.cost_after, _scores_after(request))
    # Large ones are fetched in ranges, and nothing changes between these moments.
    latest = max((one for one in moments if one is not None and one <= since_end), default=0.0)
    return _encode(request, latest)


@lru_cache(maxsize=1)
def _encode(request: StoredDocumentRequest, since_end: float) -> bytes:
    return json_bytes(render_result(request, since_end))


def is_behind_url(request: StoredDocumentRequest) -> bool:
    """Return whether a result is behind a URL, and not in the answer to a poll."""
    if request.script.failed or request.endpoint in _KEYS:
        return False
    via_url = request.script.via_url
    return request.text("processing_location") == "eu" if via_url is None else via_url


def render_result(request: StoredDocumentRequest, since_end: float) -> dict[str, JSON]:
    """Render the whole result of a request that has ended."""
    script = request.script
    result = {**_empty(request), "status": script.status, "success": not script.failed}
    if script.failed:
        result["error"] = script.error if script.error is not None else "Processing failed"
        return {**result, **script.extra}
    result["error"] = ""
    values = {**_numbers(request, since_end), **_RENDERERS[request.endpoint](request, since_end)}
    result |= {key: value for key, value in values.items() if key in result}
    return {**result, **script.extra}


def _empty(request: StoredDocumentRequest) -> dict[str, JSON]:
    return dict.fromkeys(_KEYS.get(request.endpoint, RESULT_KEYS))


def _numbers(request: StoredDocumentRequest, since_end: float) -> dict[str, JSON]:
    script = request.script
    known = since_end >= script.cost_after
    cost = request.cost_cents
    return {
        "parse_quality_score": script.quality_score,
        "page_count": len(request.pages),
        "total_cost": cost if known else None,
        "cost_breakdown": {"final_cost_cents": float(cost)} if known else None,
        "runtime": script.seconds,
        "checkpoint_id": request.checkpoint_id,
    }


def formats(request: StoredDocumentRequest) -> tuple[str, ...]:
    """Return the formats that a request asks for."""
    default = "markdown,html,chunks" if request.endpoint == "track-changes" else "markdown"
    sent = request.text("output_format") or default
    return tuple(name.strip() for name in sent.split(","))


def _conversion(request: StoredDocumentRequest, _: float) -> dict[str, JSON]:
    script, pages, asked = request.script, request.pages, formats(request)
    if script.markdown is None:
        texts = samples.page_texts(_name(request), pages)
        markdown = samples.join_pages(texts, pages, paginated=request.flag("paginate"))
    else:
        # All of the text is on the first page.
        markdown = script.markdown
        texts = [markdown, *[""] * len(pages)][: len(pages)]
    made: dict[str, Callable[[], JSON]] = {
        "markdown": lambda: markdown,
        "html": lambda: samples.as_html("\n\n".join(texts)) if script.html is None else script.html,
        "json": lambda: samples.as_tree(texts, pages) if script.json is None else script.json,
        "chunks": lambda: (
            samples.as_chunks(texts, pages) if script.chunks is None else script.chunks
        ),
    }
    images = {} if request.flag("disable_image_extraction") else script.images
    return {
        "output_format": ",".join(asked),
        **{name: make() for name, make in made.items() if name in asked},
        "images": {name: base64.b64encode(body).decode() for name, body in images.items()},
        "metadata": samples.page_stats(pages),
    }


def _name(request: StoredDocumentRequest) -> str:
    if request.file is not None and request.file.filename:
        return request.file.filename
    return request.text("file_url").rpartition("/")[2] or "Document"


def _extraction(request: StoredDocumentRequest, since_end: float) -> dict[str, JSON]:
    mode = request.text("extraction_mode") or "balanced"
    data = request.script.extraction
    if data is None:
        made = samples.fit_schema(cast("JSON", json.loads(request.text("page_schema") or "{}")))
        data = made if isinstance(made, Mapping) else {}
    siblings: dict[str, JSON] = {
        "citations": [samples.block_id(page) for page in request.pages[:1]]
    }
    if mode in ("balanced", "accurate"):
        siblings["meta"] = {
            "extraction_status": "EXTRACTED",
            "reasoning": "Stated in the document.",
            "verification": {"status": "PASS", "reasoning": "The citation says so."},
        }
    after = _scores_after(request)
    scored = after is not None and since_end >= after
    if scored:
        siblings["score"] = {"score": SCORE, "reasoning": "The citation says so."}
    return {
        **_conversion(request, since_end),
        "extraction_schema_json": json.dumps(_with_siblings(data, siblings)),
        "extraction_score_average": SCORE if scored else None,
        "extraction_mode": mode,
    }


def _scores_after(request: StoredDocumentRequest) -> float | None:
    """Return the seconds after the end when scores are added; ``None``: never."""
    if request.script.scores_after is not None:
        return request.script.scores_after
    if request.flag("include_scores"):
        return 0.0
    return _SCORED_AFTER if request.text("extraction_mode") == "fast" else None


def _with_siblings(value: JSON, siblings: Mapping[str, JSON]) -> JSON:
    """Add to each field what is known of it, beside it, unless the data has that name itself."""
    if isinstance(value, Mapping):
        fields: dict[str, JSON] = {}
        for name, item in value.items():
            fields[name] = _with_siblings(item, siblings)
            for suffix, sibling in siblings.items():
                if f"{name}_{suffix}" not in value:
                    fields[f"{name}_{suffix}"] = sibling
        return fields
    if isinstance(value, (list, tuple)):
        return [_with_siblings(item, siblings) for item in value]
    return value


def _segmentation(request: StoredDocumentRequest, _: float) -> dict[str, JSON]:
    schema = request.text("segmentation_schema")
    segments = request.script.segments
    if segments is None:
        names = samples.segment_names(cast("JSON", json.loads(schema or "{}"))) or ["Document"]
        segments = {name: request.pages[start :: len(names)] for start, name in enumerate(names)}
    found: list[JSON] = [
        {"name": name, "pages": list(pages), "confidence": "high"}
        for name, pages in segments.items()
    ]
    details: dict[str, JSON] = {
        "total_pages": len(request.pages),
        "segmentation_method": "schema_defined",
    }
    return {
        "segmentation_results": {"segments": found, "metadata": details},
        "segmentation_schema": schema or None,
        "metadata": samples.page_stats(request.pages),
        "images": {},
    }


def _filled_form(request: StoredDocumentRequest, _: float) -> dict[str, JSON]:
    data: object = json.loads(request.text("field_data") or "{}")
    names = [str(name) for name in data] if isinstance(data, Mapping) else []
    not_found = [name for name in names if name in request.script.not_found]
    form = samples.PDF if request.file is None else request.file.body
    output = form if request.script.output is None else request.script.output
    return {
        "output_format": "png" if output.startswith(b"\x89PNG") else "pdf",
        "output_base64": base64.b64encode(output).decode(),
        "fields_filled": [name for name in names if name not in not_found],
        "fields_not_found": cast("list[JSON]", not_found),
    }


def _created_document(request: StoredDocumentRequest, _: float) -> dict[str, JSON]:
    output = request.script.output
    if output is None:
        output = samples.docx(request.text("markdown"))
    return {
        "output_format": request.text("output_format") or "docx",
        "output_base64": base64.b64encode(output).decode(),
    }


def _suggestions(_request: StoredDocumentRequest, _: float) -> dict[str, JSON]:
    title: dict[str, JSON] = {"title": {"type": "string"}}
    simple: dict[str, JSON] = {"type": "object", "properties": title}
    moderate = {**simple, "properties": {**title, "date": {"type": "string"}}}
    return {
        "suggestions": {
            "simple_schema": json.dumps(simple),
            "moderate_schema": json.dumps(moderate),
            "complex_schema": None,
        }
    }


def _agent(_request: StoredDocumentRequest, _: float) -> dict[str, JSON]:
    # What an agent's result holds is documented nowhere; a script says it as `extra`.
    return {}


_RENDERERS: Final[Mapping[str, Callable[[StoredDocumentRequest, float], dict[str, JSON]]]] = {
    "convert": _conversion,
    "track-changes": _conversion,
    "extract": _extraction,
    "segment": _segmentation,
    "fill": _filled_form,
    "create-document": _created_document,
    "marker/extraction/gen_schemas": _suggestions,
    "agent": _agent,
}
