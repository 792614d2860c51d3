"""The options of a client, and what is made of them before anything is sent."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from random import SystemRandom
from typing import TYPE_CHECKING, TypedDict

import attrs

from datalab_facade.arguments import checked_callable, checked_methods, named
from datalab_facade.clock import Clock, SystemClock
from datalab_facade.context import Context
from datalab_facade.drift import DriftLog
from datalab_facade.errors import ClientStateError, ConfigurationError, InvalidArgumentError
from datalab_facade.jobs.learning import LEARN, DurationModel
from datalab_facade.jobs.retries import Randomness
from datalab_facade.listeners import Reporter, checked_listeners
from datalab_facade.options import Options, check_names
from datalab_facade.rate_limiting.local import (
    DEFAULT_REQUESTS_PER_MINUTE,
    LocalRateLimiter,
    RateLimiter,
)
from datalab_facade.transport.origin import DEFAULT_BASE_URL, Origin, checked_origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from datalab_facade.events import Listener
    from datalab_facade.jobs.wait import WaitPolicy
    from datalab_facade.options import AsyncApiKey

# Where no program has set logging up, Python would print every warning of this package.
logging.getLogger("datalab_facade").addHandler(logging.NullHandler())


class ClientOptions(TypedDict, total=False):
    """Options of a client; see :class:`~datalab_facade.options.Options` for each."""

    timeout: float | timedelta
    """Seconds for one call that does not wait for a job, retries included; 60."""
    request_timeout: float | timedelta
    """Seconds for one request of such a call; 30."""
    max_retries: int
    """How many times such a call is retried, where repeating is safe; 2."""
    headers: Mapping[str, str]
    """More headers for every request to the API."""
    policy: WaitPolicy
    """How waits behave."""


def checked_rate_limiter(
    rate_limiter: RateLimiter | None, requests_per_minute: float | None
) -> RateLimiter:
    """Return the rate limiter of a client: the one that was passed, or one of its own.

    Raises:
        InvalidArgumentError: It is not a rate limiter, or both were passed.
    """
    if rate_limiter is None:
        return LocalRateLimiter(requests_per_minute)
    checked_methods(
        "rate_limiter", rate_limiter, "reserve", "record_success", "record_refusal", "remaining"
    )
    if requests_per_minute != DEFAULT_REQUESTS_PER_MINUTE:
        raise InvalidArgumentError("Pass either rate_limiter or requests_per_minute, not both")
    return rate_limiter


def find_origin(api_key: AsyncApiKey | None, base_url: str | None, *, allow_http: bool) -> Origin:
    """Return where the API is, and the key for it: the arguments, or the environment's.

    Raises:
        ConfigurationError: There is no key, or the key or the address cannot be used.
    """
    key = api_key if api_key is not None else os.environ.get("DATALAB_API_KEY")
    if key is None:
        raise ConfigurationError(
            "No API key: pass api_key, or set the environment variable DATALAB_API_KEY"
        )
    address, source = base_url, "base_url"
    if address is None:
        address, source = os.environ.get("DATALAB_HOST", DEFAULT_BASE_URL), "DATALAB_HOST"
    if address == "":
        # The live host would be a surprise for whoever meant another one.
        raise ConfigurationError(
            f"{source} is empty. Leave it out for {DEFAULT_BASE_URL}, or name another address"
        )
    return checked_origin(address, key, allow_http=allow_http)


def make_context(
    duration_model: DurationModel | None,
    listeners: Iterable[Listener],
    clock: Clock | None,
    random: Randomness | None,
    options: ClientOptions,
    *,
    allow_http: bool,
) -> Context:
    """Return what all parts of a client share.

    Raises:
        InvalidArgumentError: An argument is wrong.
    """
    check_names(options, ClientOptions)
    heard_by = checked_listeners(listeners)
    if clock is not None:
        checked_methods("clock", clock, "monotonic", "now", "sleep", "sleep_async")
    checked_callable("random", random)
    known_clock = SystemClock() if clock is None else clock
    return Context(
        clock=known_clock,
        # Forked processes that drew the same numbers would all poll at the same moments.
        random=SystemRandom().random if random is None else random,
        reporter=Reporter(heard_by, known_clock),
        drift=DriftLog(),
        duration_model=_checked_model(duration_model),
        options=Options(**options),
        allow_http=allow_http,
    )


def make_tenant_context(
    parent: Context, duration_model: DurationModel | None, options: ClientOptions
) -> Context:
    """Return what the parts of a client for another tenant share: nothing learned is shared.

    Raises:
        InvalidArgumentError: An argument is wrong.
    """
    check_names(options, ClientOptions)
    return attrs.evolve(
        parent.with_options(options),
        drift=DriftLog(),
        duration_model=_checked_model(duration_model),
    )


def check_view(
    requests_per_minute: float | None,
    rate_limiter: RateLimiter | None,
    duration_model: DurationModel | None,
    options: ClientOptions,
) -> None:
    """Accept what a view of a client may be given: one key has one rate limiter.

    Raises:
        InvalidArgumentError: Something is given that needs a key.
    """
    check_names(options, ClientOptions)
    changed = {
        "requests_per_minute": requests_per_minute != DEFAULT_REQUESTS_PER_MINUTE,
        "rate_limiter": rate_limiter is not None,
        "duration_model": duration_model is not LEARN,
    }
    wrong = [name for name, is_changed in changed.items() if is_changed]
    if wrong:
        raise InvalidArgumentError(
            f"{wrong[0]} needs api_key: a view with the same key shares it with this client"
        )


_NOT_ASSIGNED = frozenset(
    {"api_key", "base_url", "requests_per_minute", "rate_limiter"}
) | frozenset(ClientOptions.__annotations__)


def refuse_assignment(name: str) -> None:
    """Refuse to assign an option to a client, where it would have no effect.

    Raises:
        ClientStateError: It is one.
    """
    if name not in _NOT_ASSIGNED:
        return
    advice = f"Use the client that client.with_options({name}=...) returns"
    if name == "base_url":
        advice = "Make a new client"
    if name == "api_key":
        advice += ", or make the client with a function, api_key=..., that returns the current key"
    raise ClientStateError(f"{name} of a client cannot be assigned. {advice}")


def _checked_model(duration_model: DurationModel | None) -> DurationModel | None:
    """Return a duration model of a client: the one that was passed, or a new one.

    Raises:
        InvalidArgumentError: It is not one.
    """
    if duration_model is not None and not isinstance(duration_model, DurationModel):
        raise InvalidArgumentError(
            f"duration_model must be a DurationModel, or None, not {named(duration_model)}"
        )
    return DurationModel() if duration_model is LEARN else duration_model
