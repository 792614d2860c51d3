"""The options of calls, and their defaults."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TypeAlias, TypedDict

import attrs

from datalab_facade.arguments import (
    checked_count,
    checked_mapping,
    checked_seconds,
    checked_text,
    in_seconds,
    named,
)
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.jobs.retries import RetrySettings
from datalab_facade.jobs.wait import WaitPolicy, checked_policy
from datalab_facade.keywords import check_options

_OURS = frozenset(
    {"x-api-key", "authorization", "cookie", "host"}
    # What says where a request ends, or asks for an answer that nobody here expects.
    | {"content-length", "transfer-encoding", "expect", "upgrade"}
)


ApiKey: TypeAlias = str | Callable[[], str]
"""An API key, or a function that returns it, for keys that change."""

AsyncApiKey: TypeAlias = str | Callable[[], str | Awaitable[str]]
"""The same for async code, where the function may be async."""


def _positive(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if checked_seconds(attribute.name, value) == math.inf:
        raise InvalidArgumentError(f"{attribute.name} must have an end; it cannot be infinite")


def _count(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    checked_count(attribute.name, value, least=0)


def _checked_policy(policy: WaitPolicy) -> WaitPolicy:
    return checked_policy("policy", policy)


def _checked_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    checked: dict[str, str] = {}
    for given_name, given_value in checked_mapping("headers", headers).items():
        name = checked_text("The name of a header", given_name)
        value = checked_text(f"The value of the header {named(name)}", given_value)
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise InvalidArgumentError(f"{named(name)} is not a valid header name")
        if name.lower() in _OURS:
            raise InvalidArgumentError(f"The header {name} is set by this package; leave it out")
        if not re.fullmatch(r"[\t -~]*", value) or value != value.strip():
            raise InvalidArgumentError(
                f"The value of the header {name} must be printable ASCII, without white space at "
                "either end"
            )
        checked[name.lower()] = value
    return checked


class CallOptions(TypedDict, total=False):
    """Options of a single call that few need; left out, the client's hold."""

    request_timeout: float | timedelta
    """The longest that one request may take, in seconds or as a timedelta."""
    max_retries: int
    """How many requests in a row may fail before the last one's error is raised."""
    headers: Mapping[str, str]
    """More headers for the requests of this call."""


@attrs.frozen(kw_only=True)
class Options:
    """What a client does unless a call says otherwise."""

    timeout: float = attrs.field(default=60.0, converter=in_seconds, validator=_positive)
    """Seconds for one call that does not wait for a job, retries included.

    A minute: a status takes a fraction of a second, and this leaves room for two retries."""

    request_timeout: float = attrs.field(default=30.0, converter=in_seconds, validator=_positive)
    """Seconds for one request of such a call, from the connection to the last byte."""

    max_retries: int = attrs.field(default=2, validator=_count)
    """How many times such a call is retried, where repeating is safe.

    Two: enough for a dropped connection or a restart, and the answer still comes soon."""

    headers: Mapping[str, str] = attrs.field(factory=dict, converter=_checked_headers, repr=False)
    """More headers for every request to the API."""

    policy: WaitPolicy = attrs.field(factory=WaitPolicy, converter=_checked_policy)
    """How waits behave."""

    retry_settings: RetrySettings = attrs.field(
        init=False,
        repr=False,
        eq=False,
        default=attrs.Factory(
            lambda options: attrs.evolve(options.policy, max_retries=options.max_retries),
            takes_self=True,
        ),
    )
    """How often failures of a single call are retried."""


class WaitOptions(CallOptions, total=False):
    """Options of a wait; left out, the client's policy holds."""

    timeout: float | timedelta
    """The deadline of the wait, in seconds or as a timedelta; ``math.inf`` waits without end."""
    policy: WaitPolicy
    """How to wait; the options beside it go on top."""


# It is natural to look for them where a wait is called.
_OF_A_POLICY = {
    field.name: f"It is a setting of WaitPolicy: pass policy=WaitPolicy({field.name}=...)"
    for field in attrs.fields(WaitPolicy)
}


def check_names(options: Mapping[str, object], kind: type) -> None:
    """Accept options if a TypedDict has all of them.

    Raises:
        UnknownOptionError: It does not have one.
    """
    check_options(options, kind.__annotations__, advice=_OF_A_POLICY)
