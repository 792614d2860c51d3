"""A document request as it stood at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import attrs

from datalab_facade.codec import AsJSON
from datalab_facade.documents.job_ids import is_request_id, split_id
from datalab_facade.drift import Drift
from datalab_facade.errors import InvalidResponseError
from datalab_facade.fields import Sightings, compact, raise_refusal, start_of, wrong_subject
from datalab_facade.json_forms import JSON
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redact_url, redacted_repr
from datalab_facade.statuses import Status

# "error" and "expired" are seen in Datalab's own clients; they mean that no result will come.
_BAD_ENDS: Final = frozenset({"failed", "error", "expired"})


def is_bad_end(status: str) -> bool:
    """Whether a status says that the request failed, in capitals or not."""
    return status.lower() in _BAD_ENDS


@picklable
@attrs.frozen(kw_only=True)
class DocumentRequest(AsJSON):
    """A request about a document, as it stood at one moment.

    >>> request = DocumentRequest(id="convert/Qm3x", status=Status.COMPLETED, success=True)
    >>> request.endpoint, request.request_id, request.succeeded
    ('convert', 'Qm3x', True)
    """

    id: str
    """The endpoint and the request id, ``"convert/Qm3xT0yLr8sWb2ZkVf6NcA"``."""
    status: Status = attrs.field(repr=redacted_repr)
    success: bool | None = None
    """What the server says of it, if anything; False is a failure whatever the status is."""
    error: str | None = attrs.field(default=None, repr=redacted_repr)
    """What the server says went wrong; None if it says nothing."""
    result_url: str | None = attrs.field(
        default=None, repr=lambda url: repr(url and redact_url(url))
    )
    """Where the result is, if it is not in the answer itself. It is a credential that expires."""
    observed_at: datetime | None = attrs.field(default=None, eq=False)
    """When this answer arrived, by the clock of this machine. Not part of equality."""
    raw: Mapping[str, JSON] = attrs.field(factory=dict, hash=False, repr=False)
    """The server's whole answer, as it came. Do not change it."""

    @property
    def endpoint(self) -> str:
        """What kind of request it is, as in the API's paths, such as ``"track-changes"``."""
        return split_id(self.id)[0]

    @property
    def request_id(self) -> str:
        """The API's id, which counts within its endpoint."""
        return split_id(self.id)[1]

    @property
    def is_terminal(self) -> bool:
        """Whether the request has ended, well or badly."""
        if self.status.is_terminal or is_bad_end(self.status):
            return True
        # A refusal may come without a word on the status.
        return self.success is False and self.status == Status.UNKNOWN

    @property
    def succeeded(self) -> bool:
        """Whether it ended well: complete, and not with ``success: false``."""
        if self.status != Status.COMPLETED or self.success is False:
            return False
        return self.success is True or self.error is None

    def _repr_html_(self) -> str:
        from datalab_facade.documents.result_cards import request_card

        return request_card(self).html()


def decode_request(
    body: JSON, *, job_id: str, observed_at: datetime | None = None
) -> tuple[DocumentRequest, set[Drift]]:
    """Decode an answer to ``GET /api/v1/{endpoint}/{request_id}``.

    Args:
        body: The parsed answer.
        job_id: The id that was asked for.
        observed_at: When the answer arrived.

    Returns:
        The snapshot, and what was surprising.

    Raises:
        InvalidResponseError: It is not about a request, or about another one.
    """
    sightings = Sightings()
    if not isinstance(body, dict):
        raise _unexpected("it is not an object", body)
    found, asked = body.get("request_id"), split_id(job_id)[1]
    if isinstance(found, str) and found and found != asked:
        raise wrong_subject("request", asked, found, body)
    word, success = body.get("status"), body.get("success")
    if isinstance(word, str) and word:
        status = Status.parse(word)
        if not status.is_known and not is_bad_end(word):
            sightings.record("status", "document request", f"status={word}")
    elif success is False:
        status = Status.UNKNOWN
    else:
        raise _unexpected("it has no status", body)
    error, url = body.get("error"), body.get("result_url")
    return (
        DocumentRequest(
            id=job_id,
            status=status,
            success=success if isinstance(success, bool) else None,
            error=None if error in (None, "", False) else _text(error),
            result_url=url if isinstance(url, str) and url else None,
            observed_at=observed_at,
            raw=body,
        ),
        sightings.found,
    )


def decode_submitted(body: JSON) -> str:
    """Decode the request id of an answer to a submission.

    Raises:
        RequestRejectedError: The answer says ``success: false``; nothing was started.
        InvalidResponseError: The answer names no request.
    """
    if not isinstance(body, dict):
        raise _unexpected("it is not an object", body)
    raise_refusal(body)
    found = body.get("request_id")
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    if not isinstance(found, str) or not is_request_id(found):
        raise _unexpected("it has no request_id", body)
    return found


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else compact(value)


def _unexpected(why: str, body: JSON) -> InvalidResponseError:
    start = start_of(body)
    return InvalidResponseError(
        f"the answer is not about a document request: {why}: {start}", body=start
    )
