"""Decisions about uploads: what to do next, and when to give up.

An upload requests a URL from the API, sends the bytes to it, and lets the API confirm
them. The connection may break, storage may refuse, and the URL expires;
:meth:`Upload.steps` decides what to do then. It does no IO and has no clock; a
blocking and an async driver carry out its commands.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Generator, Mapping
from typing import TypeAlias

import attrs

from datalab_facade.decoding import retry_after_of
from datalab_facade.errors import (
    CALLER_ERRORS,
    APIStatusError,
    DatalabError,
    RateLimitTimeoutError,
    UploadError,
    UploadFailure,
)
from datalab_facade.files.decoding import Confirmation, Ticket
from datalab_facade.jobs.commands import Command as TimedCommand
from datalab_facade.jobs.commands import Sleep
from datalab_facade.jobs.retries import Randomness, RenewalPauses, RetryState, may_pass
from datalab_facade.outputs.downloading import NotSecure, checked_storage_url, stored_digests
from datalab_facade.redaction import redact_url

_EXPIRED = frozenset({400, 401, 403, 410})
_PASSING = frozenset({408, 425, 429})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@attrs.frozen(kw_only=True)
class UploadPolicy:
    """How an upload retries when storage fails. Times in seconds."""

    max_retries: int = 4
    """How many times the whole file is sent again after a failure."""
    retry_backoff: float = 0.5
    """The pause after a first failure; doubled after each further one."""
    max_retry_backoff: float = 30.0
    """The longest backoff."""
    max_retry_after: float = 60.0
    """The longest ``Retry-After`` that is honored in full."""
    stall_timeout: float = 60.0
    """How long the connection may be silent; storage answers only once it has stored all."""
    max_renewals: int = 3
    """How many times a new URL is requested because storage refuses the current one."""
    renewal_backoff: float = 2.0
    """The pause after the first new URL is refused, too; doubled after each further one."""


@attrs.frozen
class RequestUrl(TimedCommand):
    """Command: request an upload URL from the API."""

    deadline: float


@attrs.frozen
class Put(TimedCommand):
    """Command: send all bytes to the URL, from the first one on."""

    url: str = attrs.field(repr=redact_url)
    stall_timeout: float
    deadline: float


@attrs.frozen
class Confirm(TimedCommand):
    """Command: let the API confirm that the bytes arrived."""

    file_id: int
    deadline: float


@attrs.frozen
class Compare:
    """Command: compare checksums with those of the bytes that were sent."""

    digests: Mapping[str, str]
    """Names of algorithms, and digests in hexadecimal."""


Command: TypeAlias = RequestUrl | Put | Compare | Confirm | Sleep


@attrs.frozen
class Result:
    """The result of a command."""

    now: float
    ticket: Ticket | None = None
    """Of a request for a URL."""
    status: int = 0
    """Of sending."""
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Of sending, with lower-case names."""
    mismatches: Collection[str] = ()
    """Of comparing: the algorithms whose checksum differs."""
    confirmation: Confirmation | None = None
    """Of confirming."""
    error: DatalabError | None = None


class Upload:
    """The upload of one file: decides what to do next."""

    def __init__(
        self,
        name: str,
        policy: UploadPolicy,
        *,
        deadline: float,
        random: Randomness,
        allow_http: bool,
    ) -> None:
        self.name = name
        self._policy = policy
        self._deadline = deadline
        self._retries = RetryState(policy, random)
        self._allow_http = allow_http
        self._renewal_pauses = RenewalPauses(policy, random)
        self._now = -math.inf

    def steps(self) -> Generator[Command, Result, Confirmation]:
        """Run the upload; return when the API has confirmed it.

        Yields one command at a time, and expects its result to be sent back.

        Raises:
            UploadError: The upload failed; its ``reason`` says why.
            DatalabError: The error of the request for a URL.
        """
        ticket = yield from self._request_ticket()
        while True:
            if self._now > self._deadline:
                raise self._error(UploadFailure.UNREACHABLE, "was not sent in time")
            result = yield from self._do(
                Put(ticket.url, self._policy.stall_timeout, self._deadline)
            )
            if result.error is not None:
                yield from self._back_off(result.error)
            elif 200 <= result.status <= 299:
                mismatches = yield from self._compare(result.headers)
                if not mismatches:
                    return (yield from self._confirm(ticket))
                yield from self._back_off(
                    self._error(
                        UploadFailure.CORRUPT,
                        f"arrived with another {min(mismatches)} checksum than it was sent with",
                    )
                )
            elif result.status in _EXPIRED:
                ticket = yield from self._renew(result.status)
            elif result.status in _PASSING or result.status >= 500:
                yield from self._back_off(
                    APIStatusError(
                        result.status,
                        method="PUT",
                        url=redact_url(ticket.url),
                        retry_after=retry_after_of(result.headers),
                    )
                )
            elif result.status in _REDIRECTS:
                # A document goes to the URL that the API issued, and nowhere else.
                target = redact_url(result.headers.get("location", "nowhere"))
                raise self._error(
                    UploadFailure.REFUSED,
                    f"is redirected to {target} by storage; redirects of uploads are not followed",
                    result.status,
                )
            else:
                raise self._error(
                    UploadFailure.REFUSED,
                    f"is refused by storage with {result.status}",
                    result.status,
                )

    def _do(self, command: Command) -> Generator[Command, Result, Result]:
        result = yield command
        self._now = result.now
        return result

    def _request_ticket(self) -> Generator[Command, Result, Ticket]:
        result = yield from self._do(RequestUrl(self._deadline))
        if result.error is not None:
            raise result.error
        assert result.ticket is not None
        try:
            checked_storage_url(result.ticket.url, allow_http=self._allow_http)
        except NotSecure as error:
            raise self._error(UploadFailure.REFUSED, f"would be sent to {error}") from None
        return result.ticket

    def _confirm(self, ticket: Ticket) -> Generator[Command, Result, Confirmation]:
        result = yield from self._do(Confirm(ticket.file_id, self._deadline))
        error = result.error
        if isinstance(error, CALLER_ERRORS):
            raise error
        if error is not None:
            status = error.status if isinstance(error, APIStatusError) else None
            raise self._error(
                UploadFailure.UNCONFIRMED,
                f"was sent as file {ticket.file_id}, but not confirmed: {error}",
                status,
            ) from error
        assert result.confirmation is not None
        if not result.confirmation.success:
            raise self._error(
                UploadFailure.UNCONFIRMED,
                f"was sent as file {ticket.file_id}, but Datalab does not confirm it: "
                f"{result.confirmation.message or 'no reason given'}",
            )
        return result.confirmation

    def _compare(self, headers: Mapping[str, str]) -> Generator[Command, Result, Collection[str]]:
        """Return the algorithms whose checksum of the stored bytes differs."""
        digests = stored_digests(headers)
        if not digests:
            return ()
        result = yield from self._do(Compare(digests))
        if result.error is not None:
            raise result.error
        return result.mismatches

    def _renew(self, status: int) -> Generator[Command, Result, Ticket]:
        refused = self._error(
            UploadFailure.REFUSED,
            f"is refused by storage with {status}, also with a new URL",
            status,
        )
        pause = self._renewal_pauses.next(self._deadline - self._now)
        if pause is None:
            raise refused
        if pause:
            yield from self._do(Sleep(pause))
        return (yield from self._request_ticket())

    def _back_off(self, error: DatalabError) -> Generator[Command, Result, None]:
        is_ours = isinstance(error, UploadError)
        if isinstance(error, (*CALLER_ERRORS, RateLimitTimeoutError)):
            raise error
        if isinstance(error, UploadError) and error.reason != UploadFailure.CORRUPT:
            # The source is at fault, so sending it again does not help.
            raise error
        status = error.status if isinstance(error, APIStatusError) else None
        if not (is_ours or may_pass(error)):
            raise self._error(
                UploadFailure.REFUSED, f"could not be sent: {error}", status
            ) from error
        try:
            pause = self._retries.forgive(error)
        except DatalabError as last:
            if is_ours:
                raise
            raise self._error(
                UploadFailure.UNREACHABLE, f"could not be sent: {last}", status
            ) from last
        if self._now + pause >= self._deadline:
            raise self._error(
                UploadFailure.UNREACHABLE, f"was not sent in time: {error}", status
            ) from error
        yield from self._do(Sleep(pause))

    def _error(self, reason: UploadFailure, message: str, status: int | None = None) -> UploadError:
        return upload_error(self.name, reason, message, status)


def upload_error(
    name: str, reason: UploadFailure, message: str, status: int | None = None
) -> UploadError:
    """Create the error that names the file and says why the upload failed."""
    return UploadError(f"The file {name!r} {message}", file_name=name, status=status, reason=reason)
