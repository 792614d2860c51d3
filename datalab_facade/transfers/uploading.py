"""Decisions about uploads: what to do next, and when to give up.

An upload requests a URL from the API, sends the bytes to it, and lets the API confirm
them. The connection may break, storage may refuse, and the URL expires;
:meth:`Upload.steps` decides what to do then. It does no IO and has no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from typing import ClassVar, TypeAlias

from datalab_facade.errors import (
    CALLER_ERRORS,
    APIStatusError,
    DatalabError,
    UploadError,
    UploadFailure,
)
from datalab_facade.jobs.commands import Plan, Report, Result, Sleep
from datalab_facade.jobs.retries import Randomness
from datalab_facade.redaction import redact_url
from datalab_facade.transfers.attempts import Attempts
from datalab_facade.transfers.commands import (
    Compare,
    Confirm,
    Confirmation,
    Put,
    RequestUrl,
    StorageReply,
    Ticket,
    UploadCommand,
)
from datalab_facade.transfers.facts import stored_digests
from datalab_facade.transfers.policies import REDIRECTS, URL_REFUSED, UploadPolicy

UploadValue: TypeAlias = Ticket | StorageReply | Collection[str] | Confirmation
"""What a command gives, in the order of the commands."""


class Upload(Attempts[UploadCommand, UploadValue]):
    """The upload of one file: decides what to do next."""

    _done: ClassVar[str] = "sent"
    _method: ClassVar[str] = "PUT"

    def __init__(
        self,
        name: str,
        policy: UploadPolicy,
        *,
        deadline: float,
        random: Randomness,
        allow_http: bool,
    ) -> None:
        super().__init__(policy, deadline=deadline, random=random, allow_http=allow_http)
        self.name = name
        self._policy = policy

    def steps(self) -> Plan[UploadCommand, Confirmation, UploadValue]:
        """Run the upload; report the confirmation of the API, and return.

        Yields one command at a time, and expects its result to be sent back.

        Raises:
            UploadError: The upload failed; its ``reason`` says why.
            DatalabError: The error of the request for a URL.
        """
        ticket = yield from self._request_ticket()
        while True:
            self._check_deadline()
            result = yield from self._do(
                Put(ticket.url, self._policy.stall_timeout, self._deadline)
            )
            if result.error is not None:
                yield from self._back_off(result.error)
                continue
            reply = result.value
            assert isinstance(reply, StorageReply)
            if 200 <= reply.status <= 299:
                mismatches = yield from self._compare(reply.headers)
                if not mismatches:
                    yield Report((yield from self._confirm(ticket)))
                    return
                yield from self._back_off(
                    self._failure(
                        "corrupt",
                        f"arrived with another {min(mismatches)} checksum than it was sent with",
                    )
                )
            elif reply.status in URL_REFUSED:
                yield from self._pause_before_renewal(reply, ticket.url)
                ticket = yield from self._request_ticket()
            elif reply.status in REDIRECTS:
                # A document goes to the URL that the API issued, and nowhere else.
                target = redact_url(reply.headers.get("location", "nowhere"))
                raise self._failure(
                    "refused",
                    f"is redirected to {target} by storage; redirects of uploads are not followed",
                    reply.status,
                )
            else:
                yield from self._refuse(reply, ticket.url)

    def _request_ticket(
        self,
    ) -> Generator[UploadCommand | Sleep, Result[UploadValue], Ticket]:
        result = yield from self._do(RequestUrl(self._deadline))
        if result.error is not None:
            raise result.error
        assert isinstance(result.value, Ticket)
        self._checked_url(result.value.url, "would be sent to")
        return result.value

    def _confirm(
        self, ticket: Ticket
    ) -> Generator[UploadCommand | Sleep, Result[UploadValue], Confirmation]:
        result = yield from self._do(Confirm(ticket.file_id, self._deadline))
        error = result.error
        if isinstance(error, CALLER_ERRORS):
            raise error
        if error is not None:
            status = error.status if isinstance(error, APIStatusError) else None
            raise self._failure(
                "unconfirmed",
                f"was sent as file {ticket.file_id}, but not confirmed: {error}",
                status,
            ) from error
        confirmation = result.value
        assert isinstance(confirmation, Confirmation)
        if not confirmation.success:
            raise self._failure(
                "unconfirmed",
                f"was sent as file {ticket.file_id}, but Datalab does not confirm it: "
                f"{confirmation.message or 'no reason given'}",
            )
        return confirmation

    def _compare(
        self, headers: Mapping[str, str]
    ) -> Generator[UploadCommand | Sleep, Result[UploadValue], Collection[str]]:
        """Return the algorithms whose checksum of the stored bytes differs."""
        digests = stored_digests(headers)
        if not digests:
            return ()
        result = yield from self._do(Compare(digests, self._deadline))
        if result.error is not None:
            raise result.error
        assert isinstance(result.value, Collection)
        return result.value

    def _back_off(
        self, error: DatalabError
    ) -> Generator[UploadCommand | Sleep, Result[UploadValue], None]:
        if isinstance(error, UploadError) and error.reason != UploadFailure.CORRUPT:
            # The source is at fault, so sending it again does not help.
            raise error
        yield from super()._back_off(error)

    def _failure(self, reason: str, message: str, status: int | None = None) -> UploadError:
        return upload_error(self.name, reason, message, status)


def upload_error(
    name: str, reason: UploadFailure | str, message: str, status: int | None = None
) -> UploadError:
    """Create the error that names the file and says why the upload failed."""
    return UploadError(f"The file {name!r} {message}", file_name=name, status=status, reason=reason)
