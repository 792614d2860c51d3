"""Whether the API accepts a key, and what time it is there."""

from __future__ import annotations

from datetime import datetime

import attrs

from datalab_facade.codec import AsJSON
from datalab_facade.errors import InvalidResponseError
from datalab_facade.fields import http_date, start_of
from datalab_facade.json_forms import JSON
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redacted_repr


@picklable
@attrs.frozen(kw_only=True)
class Health(AsJSON):
    """What the API said of itself; that it answered at all means that it accepts the key.

    >>> Health(status="ok").is_ok
    True
    """

    status: str = attrs.field(repr=redacted_repr)
    """The server's word, ``"ok"``."""
    answered_at: datetime | None = None
    """When it answered, by the server's clock, if it said so; to the second."""

    @property
    def is_ok(self) -> bool:
        """Whether the server says that all is well."""
        return self.status.lower() == "ok"


def decode_health(body: JSON, date: str | None) -> Health:
    """Decode an answer to ``GET /api/v1/user_health``.

    Args:
        body: The parsed answer.
        date: The answer's ``Date``, if it has one.

    Raises:
        InvalidResponseError: The answer has no status.
    """
    status = body.get("status") if isinstance(body, dict) else None
    if not isinstance(status, str) or not status:
        start = start_of(body)
        raise InvalidResponseError(f"the answer has no status: {start}", body=start)
    return Health(status=status, answered_at=http_date(date or ""))
