# pyright: reportPrivateUsage=false
"""The operations of the API about documents, as values; see :mod:`.operations`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from datalab_facade.json_forms import JSON
from datalab_facade.transport.operations import Operation, make_operation

if TYPE_CHECKING:
    from datalab_facade.transport.multipart import Attachment

_Builder: TypeAlias = Callable[..., Mapping[str, Any]]


def _submit_builder(endpoint: str) -> _Builder:
    """Return the generated function that builds a submission."""
    match endpoint:
        case "convert":
            from datalab_api_client.api.default.post_convert import _get_kwargs as post_convert

            build: _Builder = post_convert
        case "extract":
            from datalab_api_client.api.default.post_extract import _get_kwargs as post_extract

            build = post_extract
        case "segment":
            from datalab_api_client.api.default.post_segment import _get_kwargs as post_segment

            build = post_segment
        case "fill":
            from datalab_api_client.api.default.post_fill import _get_kwargs as post_fill

            build = post_fill
        case "track-changes":
            from datalab_api_client.api.default.post_track_changes_cae96b import (
                _get_kwargs as post_track_changes,
            )

            build = post_track_changes
        case "agent":
            from datalab_api_client.api.default.post_agent import _get_kwargs as post_agent

            build = post_agent
        case "create-document":
            from datalab_api_client.api.default.post_create_document_ec5597 import (
                _get_kwargs as post_create_document,
            )

            build = post_create_document
        case "marker/extraction/gen_schemas":
            from datalab_api_client.api.default.post_marker_extraction_gen_schemas_08a025 import (
                _get_kwargs as post_marker_extraction_gen_schemas,
            )

            build = post_marker_extraction_gen_schemas
        case _:
            raise KeyError(endpoint)
    return build


def _poll_builder(endpoint: str) -> _Builder:
    """Return the generated function that builds a poll."""
    match endpoint:
        case "convert":
            from datalab_api_client.api.default.get_convert_id import _get_kwargs as get_convert_id

            build: _Builder = get_convert_id
        case "extract":
            from datalab_api_client.api.default.get_extract_id import _get_kwargs as get_extract_id

            build = get_extract_id
        case "segment":
            from datalab_api_client.api.default.get_segment_id import _get_kwargs as get_segment_id

            build = get_segment_id
        case "fill":
            from datalab_api_client.api.default.get_fill_id import _get_kwargs as get_fill_id

            build = get_fill_id
        case "track-changes":
            from datalab_api_client.api.default.get_track_changes_id_585f7a import (
                _get_kwargs as get_track_changes_id,
            )

            build = get_track_changes_id
        case "agent":
            from datalab_api_client.api.default.get_agent_id import _get_kwargs as get_agent_id

            build = get_agent_id
        case "create-document":
            from datalab_api_client.api.default.get_create_document_id_24569d import (
                _get_kwargs as get_create_document_id,
            )

            build = get_create_document_id
        case "marker/extraction/gen_schemas":
            from datalab_api_client.api.default.get_marker_extraction_gen_schemas_id_a4cf64 import (
                _get_kwargs as get_marker_extraction_gen_schemas_id,
            )

            build = get_marker_extraction_gen_schemas_id
        case _:
            raise KeyError(endpoint)
    return build


@attrs.frozen
class _Body:
    """A body, as generated functions take it: with the names that the caller has checked."""

    content: object

    def to_multipart(self) -> object:
        return self.content

    def to_dict(self) -> object:
        return self.content


def submit_form(
    endpoint: str, fields: Mapping[str, str], attachment: Attachment | None = None
) -> Operation:
    """``POST /api/v1/{endpoint}``, as a form.

    Args:
        endpoint: Such as ``"convert"``.
        fields: The fields of the form, but for the file.
        attachment: The file, if there is one.
    """
    parts = [(name, (None, value)) for name, value in fields.items()]
    built = _submit_builder(endpoint)(body=_Body(parts))
    operation = make_operation(f"submit_{_word(endpoint)}", f"/api/v1/{endpoint}", built)
    return attrs.evolve(operation, attachment=attachment)


def submit_json(endpoint: str, body: Mapping[str, JSON]) -> Operation:
    """``POST /api/v1/{endpoint}``, as JSON. Arguments as :func:`submit_form`."""
    built = _submit_builder(endpoint)(body=_Body(dict(body)))
    return make_operation(f"submit_{_word(endpoint)}", f"/api/v1/{endpoint}", built)


def document_status(endpoint: str, request_id: str) -> Operation:
    """``GET /api/v1/{endpoint}/{request_id}``."""
    path = f"/api/v1/{endpoint}/{{request_id}}"
    built = _poll_builder(endpoint)(request_id)
    return make_operation(f"get_{_word(endpoint)}_status", path, built)


def _word(endpoint: str) -> str:
    return endpoint.rpartition("/")[2].replace("-", "_")


def user_health() -> Operation:
    """``GET /api/v1/user_health``."""
    from datalab_api_client.api.default.get_user_health_8e0487 import _get_kwargs

    return make_operation("get_user_health", "/api/v1/user_health", _get_kwargs())


def thumbnails(
    lookup_key: str, *, page_range: str | None, width: int | None, track_changes: bool
) -> Operation:
    """``GET /api/v1/thumbnails/{lookup_key}``."""
    from datalab_api_client.api.default.get_thumbnails_id import _get_kwargs

    built = _get_kwargs(lookup_key)
    query = {"page_range": page_range, "thumb_width": width, "track_changes": track_changes or None}
    params = {name: value for name, value in query.items() if value is not None}
    path = "/api/v1/thumbnails/{lookup_key}"
    return make_operation("get_thumbnails", path, {**built, "params": params})
