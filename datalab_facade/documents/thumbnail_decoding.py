"""Thumbnails of pages: which ones are asked for, and how the answer is read. No IO."""

from __future__ import annotations

from datalab_facade.documents.result_base import decode_base64
from datalab_facade.errors import InvalidResponseError
from datalab_facade.fields import raise_refusal, start_of
from datalab_facade.json_forms import JSON


def decode_thumbnails(body: JSON) -> tuple[bytes, ...]:
    """Decode the thumbnails of an answer to ``GET /api/v1/thumbnails/{lookup_key}``.

    Raises:
        RequestRejectedError: The answer says ``success: false``.
        InvalidResponseError: The answer has no thumbnails.
    """
    raise_refusal(body)
    found = body.get("thumbnails") if isinstance(body, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        start = start_of(body)
        raise InvalidResponseError(f"the answer has no thumbnails: {start}", body=start)
    return tuple(decode_base64(str(one), f"thumbnail {n}") for n, one in enumerate(found))
