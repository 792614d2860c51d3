"""The endpoints for documents: submit, poll, thumbnails, and the check of a key."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final, cast

from datalab_facade.testing.bodies import field_problems, object_body
from datalab_facade.testing.document_bodies import render
from datalab_facade.testing.document_samples import JPEG
from datalab_facade.testing.documents import DocumentEndpoint, build_request, select_pages
from datalab_facade.testing.form_fields import FieldKind, Form, FormFields, check_kind, read_form
from datalab_facade.testing.jsonvalue import JSON, json_bytes
from datalab_facade.testing.messages import Answer, Request, json_answer
from datalab_facade.testing.refusals import RefusedError, raise_if_any
from datalab_facade.testing.routing import Parameters, Route
from datalab_facade.testing.state import State
from datalab_facade.testing.storage import presigned_result

MAX_FILE_BYTES: Final = 200 * 1024 * 1024


def form_fields(
    strings: str, integers: str = "", booleans: str = "", numbers: str = "", required: str = ""
) -> FormFields:
    """Describe the fields of a form; the names are separated by spaces."""
    pairs: tuple[tuple[FieldKind, str], ...] = (
        ("string", strings),
        ("integer", integers),
        ("boolean", booleans),
        ("number", numbers),
    )
    kinds: dict[str, FieldKind] = {name: kind for kind, names in pairs for name in names.split()}
    return FormFields(kinds, frozenset(required.split()))


FORMS: Final[Mapping[DocumentEndpoint, FormFields]] = {
    "convert": form_fields(
        "file_url mode page_range output_format additional_config extras webhook_url"
        " model_override_settings processing_location",
        "max_pages workflowstepdata_id eval_rubric_id",
        "paginate add_block_ids include_markdown_in_chunks disable_image_extraction"
        " disable_image_captions fence_synthetic_captions token_efficient_markdown skip_cache"
        " save_checkpoint force_new word_bboxes merge_cross_page disable_html_prettify",
    ),
    "extract": form_fields(
        "file_url page_schema schema_id checkpoint_id mode extraction_mode page_range"
        " output_format webhook_url model_override_settings processing_location",
        "schema_version max_pages workflowstepdata_id",
        "save_checkpoint skip_cache include_scores",
    ),
    "segment": form_fields(
        "segmentation_schema file_url checkpoint_id mode page_range webhook_url"
        " model_override_settings processing_location",
        "max_pages workflowstepdata_id",
        "save_checkpoint skip_cache",
        required="segmentation_schema",
    ),
    "fill": form_fields(
        "file_url field_data context page_range processing_location",
        booleans="skip_cache",
        numbers="confidence_threshold",
        required="field_data",
    ),
    "track-changes": form_fields(
        "file_url output_format page_range webhook_url model_override_settings processing_location",
        "max_pages workflowstepdata_id",
        "paginate skip_cache",
    ),
    "agent": form_fields(
        "processor file_url verification_effort webhook_url processing_location",
        booleans="return_images skip_cache",
        required="processor",
    ),
}
"""The fields of each form."""

JSON_BODIES: Final[Mapping[DocumentEndpoint, Mapping[str, tuple[type, bool]]]] = {
    "create-document": {
        "markdown": (str, False),
        "output_format": (str, False),
        "webhook_url": (str, True),
        "processing_location": (str, True),
        "model_override_settings": (dict, True),
    },
    "marker/extraction/gen_schemas": {
        "checkpoint_id": (str, False),
        "webhook_url": (str, True),
        "processing_location": (str, True),
        "model_override_settings": (dict, True),
    },
}
"""The fields of each JSON body: their type, and whether they may be null. The first is required."""

_THUMBNAIL_PARAMETERS: Final[Mapping[str, FieldKind]] = {
    "thumb_width": "integer",
    "track_changes": "boolean",
}


def _submit_form(
    endpoint: DocumentEndpoint, state: State, request: Request, _parameters: Parameters
) -> Answer:
    check_spend_cap(state)
    form = read_form(request, FORMS[endpoint])
    check_source(state, form, has_checkpoints="checkpoint_id" in FORMS[endpoint].kinds)
    check_schemas(form.fields)
    try:
        _ = select_pages(form.fields.get("page_range", ""), "", 1)
    except ValueError as error:
        raise RefusedError(400, str(error)) from error
    fields = _with_stored_schema(state, form.fields)
    stored = build_request(state.documents, state.clock, endpoint, fields, file=form.file)
    return _submitted(state, request, endpoint, stored.request_id)


def _with_stored_schema(state: State, fields: Mapping[str, str]) -> Mapping[str, str]:
    """Add the schema that a request names by its id, if it is stored."""
    stored = state.schemas.by_id.get(fields.get("schema_id", ""))
    if stored is None:
        return fields
    versions = [*cast("list[dict[str, JSON]]", stored["version_history"]), stored]
    wanted = fields.get("schema_version")
    chosen = next((one for one in versions if str(one["version"]) == wanted), stored)
    return {**fields, "page_schema": json.dumps(chosen["schema_json"])}


def _submit_json(
    endpoint: DocumentEndpoint, state: State, request: Request, _parameters: Parameters
) -> Answer:
    check_spend_cap(state)
    body, known = object_body(request), JSON_BODIES[endpoint]
    first = next(iter(known))
    raise_if_any(
        problem
        for name, (kind, nullable) in known.items()
        for problem in field_problems(
            body, name, kind, ("body",), required=name == first, nullable=nullable
        )
    )
    if first == "checkpoint_id":
        _check_checkpoint(state, str(body[first]))
    fields = {name: body[name] for name in known if body.get(name) is not None}
    stored = build_request(state.documents, state.clock, endpoint, fields)
    return _submitted(state, request, endpoint, stored.request_id)


def _submitted(
    state: State, request: Request, endpoint: DocumentEndpoint, request_id: str
) -> Answer:
    return json_answer(
        200,
        {
            "success": True,
            "error": None,
            "request_id": request_id,
            "request_check_url": f"{_origin(state, request)}/api/v1/{endpoint}/{request_id}",
            "versions": None,
        },
    )


def _origin(state: State, request: Request) -> str:
    """Return the origin that the client knows: a running server has another one."""
    host = request.headers.get("host", "")
    return (
        state.api_origin if not host or state.api_origin.endswith(f"/{host}") else f"http://{host}"
    )


def check_spend_cap(state: State) -> None:
    """Refuse a request once the spend cap is reached.

    Raises:
        RefusedError: it is.
    """
    cap = state.documents.spend_cap_cents
    if cap is not None and state.documents.spent_cents >= cap:
        raise RefusedError(
            402, "Your team has reached its spend cap, or has no credits left (spend_cap_error)."
        )


def check_source(state: State, form: Form, *, has_checkpoints: bool) -> None:
    """Check that a form names one document that there is.

    Raises:
        RefusedError: it does not.
    """
    url, checkpoint = form.fields.get("file_url"), form.fields.get("checkpoint_id")
    sources = [one for one in (form.file, url, checkpoint) if one is not None]
    if len(sources) != 1:
        names = "file, file_url or checkpoint_id" if has_checkpoints else "file or file_url"
        raise RefusedError(400, f"Exactly one of {names} must be provided")
    if form.file is not None:
        if not form.file.body:
            raise RefusedError(400, "The file is empty")
        if len(form.file.body) > MAX_FILE_BYTES:
            raise RefusedError(413, "The file is larger than 200 MB")
        if "processing_location" in form.fields:
            raise RefusedError(
                400, "processing_location needs file_url: multipart uploads are rejected"
            )
    elif url is not None and url.startswith("datalab://"):
        file = state.files.find(url.removeprefix("datalab://file-"))
        if file is None or file.upload_status != "completed":
            raise RefusedError(400, f"File {url[:80]} not found")
    elif url is not None and not url.startswith(("http://", "https://")):
        raise RefusedError(400, "file_url must be an http or https URL")
    elif checkpoint is not None:
        _check_checkpoint(state, checkpoint)


def _check_checkpoint(state: State, checkpoint_id: str) -> None:
    if checkpoint_id not in state.documents.checkpoints:
        raise RefusedError(400, f"Checkpoint {checkpoint_id[:80]} not found")


def check_schemas(fields: Mapping[str, JSON]) -> None:
    """Check the fields that hold JSON.

    Raises:
        RefusedError: one of them is wrong, or does not go with another.
    """
    if "page_schema" in fields and "schema_id" in fields:
        raise RefusedError(400, "page_schema and schema_id are mutually exclusive")
    if "schema_version" in fields and "schema_id" not in fields:
        raise RefusedError(400, "schema_version is only valid with schema_id")
    for name in ("page_schema", "segmentation_schema", "field_data", "additional_config"):
        if name in fields:
            value = _parse_object(name, str(fields[name]))
            if name == "page_schema" and not isinstance(value.get("properties"), Mapping):
                raise RefusedError(400, "page_schema must contain a 'properties' key")


def _parse_object(name: str, text: str) -> Mapping[str, JSON]:
    try:
        value = cast("JSON", json.loads(text))
        _ = json_bytes(value)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"{name} is not valid JSON") from error
    if not isinstance(value, Mapping):
        raise RefusedError(400, f"{name} must be a JSON object")
    return value


def _get_result(
    endpoint: DocumentEndpoint, state: State, _request: Request, parameters: Parameters
) -> Answer:
    request_id = parameters["request_id"]
    stored = state.documents.by_id.get(request_id)
    if stored is None or stored.endpoint != endpoint or not stored.is_visible(state.clock):
        raise RefusedError(404, f"Request {request_id} not found")
    since_end = stored.since_end(state.clock)
    sign = partial(presigned_result, state, request_id)
    return json_answer(200, render(stored, since_end, sign))


def get_thumbnails(state: State, request: Request, parameters: Parameters) -> Answer:
    """Return a picture of each page of a request's document."""
    for name, kind in _THUMBNAIL_PARAMETERS.items():
        text = request.parameter(name)
        if text is not None:
            check_kind(kind, ("query", name), text)
    stored = state.documents.by_id.get(parameters["lookup_key"])
    if stored is None:
        raise RefusedError(404, f"Document {parameters['lookup_key']} not found")
    try:
        pages = select_pages(request.parameter("page_range") or "", "", stored.document_pages)
    except ValueError as error:
        raise RefusedError(400, str(error)) from error
    picture = base64.b64encode(JPEG).decode()
    return json_answer(
        200, {"success": True, "error": None, "thumbnails": [picture for _ in pages]}
    )


def get_user_health(_state: State, _request: Request, _parameters: Parameters) -> Answer:
    """Say that the key is right."""
    return json_answer(200, {"status": "ok"})


def _routes() -> Iterator[Route]:
    for endpoint in (*FORMS, *JSON_BODIES):
        submit = _submit_form if endpoint in FORMS else _submit_json
        path = f"/api/v1/{endpoint}"
        yield Route("POST", path, partial(submit, endpoint))
        yield Route("GET", f"{path}/{{request_id}}", partial(_get_result, endpoint))
    yield Route("GET", "/api/v1/thumbnails/{lookup_key}", get_thumbnails)
    yield Route("GET", "/api/v1/user_health", get_user_health)


DOCUMENT_ROUTES: Final = tuple(_routes())
