"""What all answers have in common: JSON, refusals, and how long to wait. Total and pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime

from datalab_facade.errors import (
    APIStatusError,
    InvalidResponseError,
    UnprocessableEntityError,
    ValidationIssue,
    status_error_class,
)
from datalab_facade.fields import compact, http_date
from datalab_facade.json_forms import JSON
from datalab_facade.redaction import excerpt, redact_headers

# Clocks that nobody sets differ by minutes, and no server asks for longer often.
_LONGEST_BY_OUR_CLOCK = 120.0


def decode_json(body: bytes) -> JSON:
    """Parse a body.

    Raises:
        InvalidResponseError: If it is not JSON, or nested too deeply to read.
    """
    try:
        value: JSON = json.loads(body)
    except (ValueError, RecursionError) as error:
        # ValueError also covers what is not UTF-8 and numbers of absurd length.
        start = excerpt(body)
        wrong = f"not JSON: {start}" if body.strip() else "empty"
        raise InvalidResponseError(f"the body is {wrong}", body=start) from error
    return value


def decode_failure(
    status: int,
    body: bytes,
    headers: Mapping[str, str],
    *,
    method: str,
    url: str,
    now: datetime,
) -> APIStatusError:
    """Make the typed error of an answer that is not a success.

    Args:
        status: The HTTP status.
        body: The answer's body: FastAPI's ``{"detail": ...}``, or anything.
        headers: The answer's headers.
        method: The request's method.
        url: The request's address, free of anything secret.
        now: The date and time, to count from when ``Retry-After`` is a date and the
            answer has none of its own.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    detail, issues = _detail(body)
    shown = redact_headers(lower)
    start = excerpt(body)
    wait = retry_after_of(lower, now)
    if status == 422:
        if not issues:
            issues = (ValidationIssue(loc=(), msg=detail or start or "no reason given", type=""),)
        return UnprocessableEntityError(
            method=method, url=url, issues=issues, headers=shown, body=start, retry_after=wait
        )
    return status_error_class(status)(
        detail or "; ".join(str(issue) for issue in issues),
        status=status,
        method=method,
        url=url,
        headers=shown,
        body=start,
        retry_after=wait,
    )


def _detail(body: bytes) -> tuple[str, tuple[ValidationIssue, ...]]:
    try:
        answer = decode_json(body)
    except InvalidResponseError:
        return "", ()
    if isinstance(answer, dict):
        answer = answer.get("detail", answer.get("error"))
    if isinstance(answer, list):
        return "", tuple(_issue(entry) for entry in answer)
    if answer is None:
        return "", ()
    said = answer if isinstance(answer, str) else compact(answer)
    return excerpt(said, limit=1_000), ()


def _issue(entry: JSON) -> ValidationIssue:
    if not isinstance(entry, dict):
        return ValidationIssue(loc=(), msg=excerpt(compact(entry), limit=1_000), type="")
    place = entry.get("loc")
    parts = place if isinstance(place, list) else [] if place is None else [place]
    message = entry.get("msg")
    said = message if isinstance(message, str) else compact(entry)
    kind = entry.get("type")
    return ValidationIssue(
        loc=tuple(part if isinstance(part, int) else excerpt(_text(part)) for part in parts),
        msg=excerpt(said, limit=1_000),
        type=excerpt(_text(kind)) if kind is not None else "",
    )


def decode_retry_after(value: str | None, now: datetime) -> float | None:
    """Read ``Retry-After``: seconds, or a date of HTTP; None when it says nothing usable.

    >>> decode_retry_after("2.5", datetime.now(UTC))
    2.5
    >>> decode_retry_after("Mon, 01 Jan 2024 00:01:00 GMT", datetime(2024, 1, 1, tzinfo=UTC))
    60.0
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        moment = http_date(value)
        if moment is None:
            return None
        seconds = (moment - now).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def retry_after_of(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Give the seconds that an answer asks to wait, if it does.

    A date counts from the answer's own ``Date``, since the clocks of two machines
    differ. An answer without one is counted by ours, and believed up to two minutes.

    Args:
        headers: The answer's headers, with lower-case names.
        now: The date and time by our clock, if that is known.
    """
    value = headers.get("retry-after")
    if value is None:
        return None
    there = http_date(headers.get("date", ""))
    asked = decode_retry_after(value, there or now or datetime.fromtimestamp(0, UTC))
    if asked is None or there is not None or http_date(value) is None:
        return asked
    return None if now is None else min(asked, _LONGEST_BY_OUR_CLOCK)


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else compact(value)
