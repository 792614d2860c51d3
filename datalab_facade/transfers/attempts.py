"""What uploads and downloads decide alike: whether a failure is retried, and when."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import ClassVar, Generic, TypeVar

from datalab_facade.decoding import retry_after_of
from datalab_facade.errors import (
    CALLER_ERRORS,
    APIConnectionError,
    APIStatusError,
    DatalabError,
    DownloadError,
    RateLimitTimeoutError,
    UploadError,
)
from datalab_facade.jobs.commands import Result, Sleep
from datalab_facade.jobs.retries import Randomness, RenewalPauses, RetryState, may_pass
from datalab_facade.redaction import redact_url
from datalab_facade.transfers.commands import StorageReply
from datalab_facade.transfers.policies import TransferPolicy
from datalab_facade.transfers.remotes import InsecureURLError, checked_storage_url

_C = TypeVar("_C")
_T = TypeVar("_T")


class Attempts(ABC, Generic[_C, _T]):
    """The attempts of one transfer, with the failures and the pauses between them."""

    _done: ClassVar[str]
    """What is said of a transfer that succeeded: ``"sent"``."""
    _method: ClassVar[str]
    _gone: ClassVar[frozenset[int]] = frozenset()
    """The statuses of a URL that is refused because nothing is there."""

    def __init__(
        self, policy: TransferPolicy, *, deadline: float, random: Randomness, allow_http: bool
    ) -> None:
        self._deadline = deadline
        self._retries = RetryState(policy, random)
        self._renewal_pauses = RenewalPauses(policy, random)
        self._allow_http = allow_http
        self._now = -math.inf

    def _do(self, command: _C | Sleep) -> Generator[_C | Sleep, Result[_T], Result[_T]]:
        result = yield command
        self._now = result.now
        return result

    def _check_deadline(self) -> None:
        """Check the deadline, which also ends what is too slow.

        Raises:
            DatalabError: The deadline has passed.
        """
        if self._now > self._deadline:
            last = self._retries.last
            after = "" if last is None else f" after a failure: {last}"
            raise self._failure("unreachable", f"was not {self._done} in time{after}") from last

    def _refuse(self, reply: StorageReply, url: str) -> Generator[_C | Sleep, Result[_T], None]:
        """Back off after a status that may pass.

        Raises:
            DatalabError: The status is final, or there were too many failures.
        """
        error = self._status_error(reply, url)
        if not (may_pass(error) or reply.status >= 500):
            raise self._failure(
                "refused", f"is refused by storage with {reply.status}", reply.status
            )
        yield from self._back_off(error)

    def _back_off(self, error: DatalabError) -> Generator[_C | Sleep, Result[_T], None]:
        """Let some time pass after a failure that may pass.

        Raises:
            DatalabError: The failure is final, there were too many, or no time is left.
        """
        if isinstance(error, (*CALLER_ERRORS, RateLimitTimeoutError)):
            raise error
        status = error.status if isinstance(error, APIStatusError) else None
        is_ours = isinstance(error, (DownloadError, UploadError))
        if not (is_ours or may_pass(error)):
            reason = "unreachable" if isinstance(error, APIConnectionError) else "refused"
            raise self._failure(reason, f"could not be {self._done}: {error}", status) from error
        try:
            pause = self._retries.record_failure(error)
        except DatalabError as last:
            if is_ours:
                raise
            raise self._failure(
                "unreachable", f"could not be {self._done}: {last}", status
            ) from last
        if self._now + pause >= self._deadline:
            raise self._failure(
                "unreachable", f"was not {self._done} in time: {error}", status
            ) from error
        yield from self._do(Sleep(pause, *self._retries.count, error))

    def _pause_before_renewal(
        self, reply: StorageReply, url: str
    ) -> Generator[_C | Sleep, Result[_T], None]:
        """Let some time pass before a URL that was refused is renewed; none the first time.

        Raises:
            DatalabError: Too many were refused, or no time is left.
        """
        pause = self._renewal_pauses.next(self._deadline - self._now)
        if pause is None:
            raise self._failure(
                "gone" if reply.status in self._gone else "refused",
                f"is refused by storage with {reply.status}, also with a new URL",
                reply.status,
            )
        if pause:
            error = self._status_error(reply, url)
            yield from self._do(Sleep(pause, *self._renewal_pauses.count, error))

    def _status_error(self, reply: StorageReply, url: str) -> APIStatusError:
        return APIStatusError(
            status=reply.status,
            method=self._method,
            url=redact_url(url),
            retry_after=retry_after_of(reply.headers),
        )

    def _checked_url(self, url: str, verb: str) -> str:
        """Check a URL from the server, and return it.

        Raises:
            DatalabError: It must not be used.
        """
        try:
            return checked_storage_url(url, allow_http=self._allow_http)
        except InsecureURLError as error:
            raise self._failure("refused", f"{verb} {error}") from None

    @abstractmethod
    def _failure(self, reason: str, message: str, status: int | None = None) -> DatalabError:
        """Create the error that names what is transferred."""
