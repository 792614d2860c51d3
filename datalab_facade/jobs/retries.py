"""What to retry, how often, and after which pause.

A failure is a poll or a call that failed in a way that may pass: it says nothing
about the job. This module decides; it does no IO and knows no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeGuard, TypeVar

import attrs

from datalab_facade.errors import (
    APIConnectionError,
    APIStatusError,
    ConnectionSetupError,
    DatalabError,
    InvalidResponseError,
    NotFoundError,
    RateLimitTimeoutError,
    SubmissionUncertainError,
)
from datalab_facade.jobs.commands import Call, Report, Result, Sleep
from datalab_facade.known_secrets import NO_SECRETS, Secrets
from datalab_facade.redaction import excerpt

if TYPE_CHECKING:
    from datalab_facade.json_forms import JSON

_T = TypeVar("_T")

Randomness: TypeAlias = Callable[[], float]
"""Gives a number from 0 up to, but not including, 1."""

_PASSING_STATUSES = frozenset({408, 425, 429})

_REFUSED_UNREAD = frozenset({425, 429})

# A proxy that gave up waiting says so with 408, whatever the server behind it did.
_MAY_HAVE_ACTED = frozenset({408})

# These ask for the same request elsewhere, so nobody acted on it here.
_SENT_ELSEWHERE = frozenset({307, 308})

_OVERLOADED = frozenset({503, 529})


class RetrySettings(Protocol):
    """How failures are retried; a :class:`~datalab_facade.WaitPolicy` is one."""

    @property
    def max_retries(self) -> int:
        """How many failures in a row are retried."""
        ...

    @property
    def retry_backoff(self) -> float:
        """Seconds to wait after the first failure; doubled by each further one."""
        ...

    @property
    def max_retry_backoff(self) -> float:
        """The longest of these, in seconds."""
        ...

    @property
    def max_retry_after(self) -> float:
        """The longest ``Retry-After`` that is obeyed in full, in seconds."""
        ...


def may_pass(error: DatalabError) -> bool:
    """Tell whether the same request may well succeed a little later.

    408, 425, 429 and 500 to 599 may pass, so may a connection that broke, a
    timeout, and a success whose body is a web page or cut JSON. Everything else
    the server meant, or has to be set up in another way.
    """
    if isinstance(error, APIStatusError):
        return error.status in _PASSING_STATUSES or 500 <= error.status <= 599
    if isinstance(error, (ConnectionSetupError, RateLimitTimeoutError)):
        return False
    return isinstance(error, (APIConnectionError, InvalidResponseError))


@attrs.frozen
class Submission:
    """Decides on a call that must not be carried out twice."""

    subject: str
    """What it is about, for the log and the error."""
    advice: str
    """How the caller finds out whether the server acted, as a sentence."""
    sent: Mapping[str, JSON] = attrs.field(factory=dict)
    """What is sent, free of anything secret."""
    secrets: Secrets = NO_SECRETS
    """What is sent in it besides, and must not be shown."""
    retry_overloaded: bool = False
    """Whether 503 and 529 are believed to mean that the server did nothing."""
    on_leaving: Callable[[], None] = lambda: None
    """Called each time that it is about to be sent; what it raises keeps it from that."""
    on_refused: Callable[[], None] = lambda: None
    """Called each time that it is certain that the server did nothing with what was sent."""

    def may_repeat(self, error: DatalabError) -> bool:
        """Tell whether the server certainly did nothing, and may do it when asked again.

        That is so when no connection was made, and after 425 and 429, which refuse a
        request unread. An overloaded server (503, 529) says no such thing, so it is
        taken for that only when the caller says so.
        """
        if isinstance(error, APIStatusError):
            believed = self.retry_overloaded and error.status in _OVERLOADED
            return believed or error.status in _REFUSED_UNREAD
        return is_unsent(error) and may_pass(error)

    def unknown(self, error: DatalabError) -> SubmissionUncertainError | None:
        """Give the error for a submission of which it is not known whether the server acted.

        None when it is known that it did not: nothing was sent, or the server refused it.
        """
        if not isinstance(error, (APIStatusError, APIConnectionError, InvalidResponseError)):
            return None
        if isinstance(error, RateLimitTimeoutError):
            return None
        if is_unsent(error) or self.may_repeat(error):
            return None
        if isinstance(error, APIStatusError) and _refuses(error.status):
            return None
        return SubmissionUncertainError(
            f"{self.subject}: sent, but whether the server acted on it is not known "
            f"({excerpt(str(error), limit=500)}). It was not sent again, since that could do it "
            f"twice. {self.advice}",
            method=error.method,
            url=error.url,
            sent=self.sent,
        )

    def explain(self, error: BaseException) -> None:
        """Note on what interrupts the call that it may have been carried out all the same."""
        error.add_note(
            f"{self.subject}: interrupted while it was being sent, so it may have been "
            f"carried out. {self.advice}"
        )


def is_unsent(error: DatalabError) -> TypeGuard[APIConnectionError]:
    """Tell whether a request was not sent, since no connection could be made."""
    # A slot that is too late comes no earlier when it is asked for again.
    return (
        isinstance(error, APIConnectionError)
        and not error.may_have_arrived
        and not isinstance(error, RateLimitTimeoutError)
    )


def _refuses(status: int) -> bool:
    return status in _SENT_ELSEWHERE or (400 <= status <= 499 and status not in _MAY_HAVE_ACTED)


class Removal:
    """Decides on a call that removes something, which may be repeated.

    When an attempt that got no answer is followed by one that finds nothing there, then
    it was the first that removed it.
    """

    def __init__(self) -> None:
        self._may_be_done = False

    def may_repeat(self, error: DatalabError) -> bool:
        """Tell whether the same request may well succeed a little later."""
        if not may_pass(error):
            return False
        refused = isinstance(error, APIStatusError) and error.status in _REFUSED_UNREAD
        self._may_be_done = self._may_be_done or not (refused or is_unsent(error))
        return True

    def is_done(self, error: DatalabError) -> bool:
        """Tell whether the last attempt failed only because an earlier one had succeeded."""
        return self._may_be_done and isinstance(error, NotFoundError)


def backoff(first: float, most: float, before: int, random: Randomness) -> float:
    """Return the pause in seconds after so many failures before: doubled, half left to chance."""
    return min(first * 2.0 ** min(before, 30), most) * (0.5 + 0.5 * random())


class RetryState:
    """Counts the failures in a row and spaces out the retries."""

    def __init__(self, settings: RetrySettings, random: Randomness) -> None:
        self._settings = settings
        self._random = random
        self._in_row: list[DatalabError] = []

    @property
    def count(self) -> tuple[int, int]:
        """How many failures came in a row, and how many may."""
        return len(self._in_row), self._settings.max_retries

    @property
    def last(self) -> DatalabError | None:
        """The last failure; None if an attempt has succeeded since, or none has failed."""
        return self._in_row[-1] if self._in_row else None

    def clear(self) -> None:
        """Record that an attempt succeeded."""
        self._in_row.clear()

    def record_failure(self, error: DatalabError) -> float:
        """Count a failure and return the seconds before the next attempt.

        Half of the doubling backoff is left to chance, and what ``Retry-After``
        asks for is lengthened by up to a tenth, so that clients which failed
        together do not come back together.

        Raises:
            DatalabError: The failure itself, with those before it in its notes,
                when more have come in a row than the settings allow.
        """
        settings = self._settings
        if len(self._in_row) >= settings.max_retries:
            self.explain(error)
            raise error
        self._in_row.append(error)
        pause = backoff(
            settings.retry_backoff,
            settings.max_retry_backoff,
            len(self._in_row) - 1,
            self._random,
        )
        asked = error.retry_after if isinstance(error, APIStatusError) else None
        if asked is not None:
            pause = max(pause, min(asked, settings.max_retry_after) * (1 + 0.1 * self._random()))
        return pause

    def explain(self, error: DatalabError) -> None:
        """Add a note to an error that is about to be raised: the failures before it."""
        if self._in_row:
            lines = [f"{number}. {failure}" for number, failure in enumerate(self._in_row, 1)]
            if len(lines) > 6:
                lines[3:-2] = ["…"]
            error.add_note("Failures before this one, each retried:\n" + "\n".join(lines))


class RenewalSettings(Protocol):
    """How often a URL that is refused is renewed, and how soon."""

    @property
    def max_renewals(self) -> int:
        """How often."""
        ...

    @property
    def renewal_backoff(self) -> float:
        """Seconds to wait when the first new one is refused as well; then doubled."""
        ...

    @property
    def max_retry_backoff(self) -> float:
        """The longest of these, in seconds."""
        ...


class RenewalPauses:
    """Spaces out the renewals of a URL that is refused.

    An old one has expired, so the first is due at once. A new one that is refused may
    have to become valid yet, and what it leads to may have to appear everywhere.
    """

    def __init__(self, settings: RenewalSettings, random: Randomness) -> None:
        self._settings = settings
        self._random = random
        self._count = 0

    @property
    def count(self) -> tuple[int, int]:
        """How many renewals there were, and how many may be."""
        return self._count, self._settings.max_renewals

    def next(self, left: float) -> float | None:
        """Give the seconds to wait before the next one; None if no more may follow.

        Args:
            left: The seconds that are left for all of it.
        """
        settings, before = self._settings, self._count - 1
        if self._count >= settings.max_renewals:
            return None
        self._count += 1
        if before < 0:
            return 0.0
        pause = backoff(settings.renewal_backoff, settings.max_retry_backoff, before, self._random)
        return pause if pause < left else None


def retrying(
    settings: RetrySettings,
    repeatable: Callable[[DatalabError], bool],
    *,
    timeout: float,
    request_timeout: float,
    now: float,
    random: Randomness,
) -> Generator[Call | Sleep | Report[_T], Result[_T], None]:
    """Decide on the attempts of one call, which is repeated after ``repeatable`` errors only.

    Yields a command at a time and is sent what became of it; reports what the
    call gave when one succeeded. The deadline is hard: no attempt begins that could not end by it.

    Raises:
        DatalabError: What the last attempt raised.
    """
    retries = RetryState(settings, random)
    deadline = now + timeout
    while True:
        answer = yield Call(request_timeout, deadline)
        if answer.error is None:
            yield Report(answer.returned)
            return
        if not repeatable(answer.error):
            raise answer.error
        pause = retries.record_failure(answer.error)
        if answer.now + pause >= deadline:
            retries.explain(answer.error)
            raise answer.error
        now = (yield Sleep(pause, *retries.count)).now
        if now >= deadline:
            raise answer.error
