"""What is reported of the work of a client: to the log, and to listeners as events."""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import TYPE_CHECKING, cast

from datalab_facade.errors import APIStatusError, DatalabError, DownloadError, UploadError
from datalab_facade.listeners import Reporter, log_fields
from datalab_facade.redaction import excerpt

if TYPE_CHECKING:
    from datalab_facade.jobs.commands import Sleep
    from datalab_facade.jobs.kinds import JobSnapshot, Timing

jobs_logger = logging.getLogger("datalab_facade.jobs")
rate_limit_logger = logging.getLogger("datalab_facade.rate_limiting")

_WITH_STATUS = (APIStatusError, DownloadError, UploadError)
_TRANSFERS = frozenset({"download", "upload"})

LONG_WAIT = 1.0
"""Seconds of waiting for the rate limit that are worth a line in the log."""

# `next` of it is atomic, so threads need no lock.
_numbers = itertools.count(1)
_current: ContextVar[int | None] = ContextVar("datalab_facade_activity", default=None)


class Activity:
    """Work for one call of the caller's, or a part of it, as the log and listeners know it.

    Without a name it is known to the log only.
    """

    __slots__ = (
        "_began",
        "_is_long_wait_logged",
        "_reporter",
        "_subject",
        "attempt",
        "bytes",
        "id",
        "job_id",
        "job_kind",
        "name",
        "parent_id",
    )

    def __init__(
        self,
        reporter: Reporter,
        subject: str = "",
        *,
        name: str = "",
        job_kind: str | None = None,
        job_id: int | str | None = None,
        parent: Activity | None = None,
    ) -> None:
        self._reporter = reporter
        self._subject = subject
        self._is_long_wait_logged = False
        self.name = name
        self.job_kind = job_kind
        self.job_id = job_id
        self.attempt = 1
        """Which attempt comes next or is under way."""
        self.bytes = 0
        """How many bytes a transfer has moved."""
        self.id = self.parent_id = None
        if reporter.has_listeners:
            self.parent_id = _current.get() if parent is None else parent.id
            if name:
                self.id = next(_numbers)

    @classmethod
    def of_wait(
        cls, reporter: Reporter, kind: str, job_id: int | str, parent: Activity | None = None
    ) -> Activity:
        """Return the activity of waiting for a job."""
        return cls(reporter, name="wait", job_kind=kind, job_id=job_id, parent=parent)

    @property
    def subject(self) -> str:
        """What it is about, at the beginning of a line of the log."""
        return self._subject or f"{self.job_kind} {self.job_id}"

    @property
    def is_reported(self) -> bool:
        """Whether listeners hear of it."""
        return self.id is not None

    def log_fields(self, **more: object) -> dict[str, object]:
        """Return the fields of a record of the log; those that are None are left out."""
        fields = {"job_kind": self.job_kind, "job_id": self.job_id, "attempt": self.attempt, **more}
        return log_fields(**fields)

    def reported(self) -> AbstractContextManager[Activity]:
        """Report that it begins, and how it ends, around what is done inside."""
        return contextlib.nullcontext(self) if self.id is None else self._reported()

    @contextlib.contextmanager
    def _reported(self) -> Iterator[Activity]:
        self.start()
        try:
            yield self
        except BaseException as error:
            self.finish(None if isinstance(error, GeneratorExit) else error)
            raise
        else:
            self.finish()

    def start(self) -> None:
        """Report that it begins; only if it is reported at all."""
        from datalab_facade.events import ActivityStarted

        assert self.id is not None
        self._began = self.now
        self._reporter.report(
            ActivityStarted(
                id=self.id,
                name=self.name,
                parent_id=self.parent_id,
                job_kind=self.job_kind,
                job_id=self.job_id,
            )
        )

    def finish(self, error: BaseException | None = None) -> None:
        """Report that it is over; only if it was begun."""
        from datalab_facade.events import ActivityFinished, TransferFinished

        is_transfer = self.name in _TRANSFERS
        kind = TransferFinished if is_transfer else ActivityFinished
        more = {"direction": self.name, "bytes": self.bytes} if is_transfer else {}
        event = cast("Callable[..., ActivityFinished]", kind)(
            id=self.id,
            name=self.name,
            parent_id=self.parent_id,
            job_kind=self.job_kind,
            job_id=self.job_id,
            seconds=self.now - self._began,
            error=error_name(error),
            message=error_message(error),
            **more,
        )
        self._reporter.report(event, backwards=True)

    def active(self) -> AbstractContextManager[None]:
        """Make it the parent of whatever begins inside, if somebody listens."""
        return contextlib.nullcontext() if self.id is None else _parent(self.id)

    def sleeps(self, sleep: Sleep, error: DatalabError | None) -> None:
        """Record the pause before the next attempt, or before the next poll.

        Args:
            sleep: The pause.
            error: What failed; None if nothing did.
        """
        self.attempt = sleep.retry + 1
        if error is not None:
            self.retries(sleep, error)
        elif jobs_logger.isEnabledFor(logging.DEBUG):
            jobs_logger.debug(
                "%s: next poll in %.2f s",
                self.subject,
                sleep.seconds,
                extra=self.log_fields(delay=sleep.seconds),
            )

    def retries(self, sleep: Sleep, error: DatalabError) -> None:
        """Log and report that something failed and is tried again."""
        status = error.status if isinstance(error, _WITH_STATUS) else None
        reason, attempt = type(error).__name__, sleep.retry + 1
        jobs_logger.warning(
            "%s: retrying in %.2f s (%d of %d): %s",
            self.subject,
            sleep.seconds,
            sleep.retry,
            sleep.max_retries,
            error,
            extra=self.log_fields(
                attempt=attempt, delay=sleep.seconds, error=reason, status=status
            ),
        )
        if self._reporter.has_listeners:
            from datalab_facade.events import RetryScheduled

            self._reporter.report(
                RetryScheduled(
                    parent_id=self._scope_id,
                    job_kind=self.job_kind,
                    job_id=self.job_id,
                    reason=reason,
                    status=status,
                    seconds=sleep.seconds,
                    attempt=attempt,
                    max_retries=sleep.max_retries,
                )
            )

    def waits_for_slot(self, seconds: float, requests_per_minute: float | None) -> None:
        """Log, once, that the next request has to wait for long."""
        if seconds <= LONG_WAIT or self._is_long_wait_logged:
            return
        self._is_long_wait_logged = True
        limit = "" if requests_per_minute is None else f" ({requests_per_minute:g} per minute)"
        rate_limit_logger.info(
            "%s: waiting %.1f s for the rate limit%s",
            self.subject,
            seconds,
            limit,
            extra=self.log_fields(delay=seconds, requests_per_minute=requests_per_minute),
        )

    def waited_for_slot(self, seconds: float, requests_per_minute: float | None) -> None:
        """Report how long a request has waited for its slot."""
        if self._reporter.has_listeners:
            from datalab_facade.events import RateLimitWaited

            self._reporter.report(
                RateLimitWaited(
                    parent_id=self._scope_id,
                    job_kind=self.job_kind,
                    job_id=self.job_id,
                    seconds=seconds,
                    requests_per_minute=requests_per_minute,
                )
            )

    def polled(self, began: float, snapshot: JobSnapshot | None, error: str | None) -> None:
        """Report a poll that is over."""
        from datalab_facade.events import PollFinished

        self._reporter.report(
            PollFinished(
                parent_id=self._scope_id,
                job_kind=self.job_kind,
                job_id=self.job_id,
                seconds=self.now - began,
                status=None if snapshot is None else _word(snapshot),
                is_terminal=snapshot is not None and snapshot.is_terminal,
                error=error,
            )
        )

    def job_ended(self, snapshot: JobSnapshot, timing: Timing | None) -> None:
        """Report that the job has ended."""
        from datalab_facade.events import JobEnded

        seconds = None
        if timing is not None and timing.created_at is not None and timing.ended_at is not None:
            seconds = (timing.ended_at - timing.created_at).total_seconds()
        self._reporter.report(
            JobEnded(
                parent_id=self._scope_id,
                job_kind=self.job_kind,
                job_id=self.job_id,
                status=_word(snapshot),
                succeeded=snapshot.succeeded,
                seconds=seconds,
            )
        )

    @property
    def now(self) -> float:
        """The time of the client's clock."""
        return self._reporter.clock.monotonic()

    @property
    def _scope_id(self) -> int | None:
        # What has no number of its own is a part of what it was begun in.
        return self.parent_id if self.id is None else self.id


@contextlib.contextmanager
def _parent(number: int) -> Iterator[None]:
    token = _current.set(number)
    try:
        yield
    finally:
        _current.reset(token)


def _word(snapshot: JobSnapshot) -> str:
    # It is the server's, and may be anything.
    return excerpt(snapshot.status, limit=80)


def new_number() -> int:
    """Return a number that no activity or request of this process has."""
    return next(_numbers)


def current_number() -> int | None:
    """Return the number of the activity in which this thread or task works."""
    return _current.get()


def error_name(error: BaseException | None) -> str | None:
    """Return how an error is called in events."""
    return None if error is None else type(error).__name__


def error_message(error: BaseException | None) -> str | None:
    """Return what an error of ours says; of others it is not known whether it is a secret."""
    return str(error) if isinstance(error, DatalabError) else None
