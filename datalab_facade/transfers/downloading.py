"""Decisions about downloads: what to ask storage for next, and when to give up.

A body may be cut off, stall or be refused; its URL expires; the object behind it may
change. :meth:`Download.steps` decides what to do then. It does no IO and has no clock.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import ClassVar, TypeAlias
from urllib.parse import urljoin, urlsplit

import attrs

from datalab_facade.errors import (
    APITimeoutError,
    DatalabError,
    DownloadError,
    NotFoundError,
)
from datalab_facade.jobs.commands import Plan, Report, Result, Sleep
from datalab_facade.jobs.retries import Randomness, may_pass
from datalab_facade.redaction import redact_url
from datalab_facade.transfers.attempts import Attempts
from datalab_facade.transfers.commands import DownloadCommand, Fetch, Read, Renew, StorageReply
from datalab_facade.transfers.facts import (
    Facts,
    content_length,
    content_range,
    length_without_range,
)
from datalab_facade.transfers.policies import REDIRECTS, URL_REFUSED, DownloadPolicy
from datalab_facade.transfers.remotes import Remote
from datalab_facade.transport.network.framing import SurplusBytesError

DownloadValue: TypeAlias = StorageReply | bytes | str | None
"""What a command gives: a fetch a reply, a read bytes, a renewal a URL."""


@attrs.frozen
class Chunk:
    """A piece of an object, as it was received.

    It replaces everything from :attr:`offset` on, since a download may have to
    restart. An empty one begins each body.
    """

    offset: int
    data: bytes


class Download(Attempts[DownloadCommand, DownloadValue]):
    """The download of one object: decides what to do next.

    Attributes:
        facts: What storage said about the object so far.
        received: The number of bytes that the caller had when the last body ended.
        remote: The object.
    """

    _done: ClassVar[str] = "fetched"
    _method: ClassVar[str] = "GET"
    _gone: ClassVar[frozenset[int]] = frozenset({404, 410})

    def __init__(
        self,
        remote: Remote,
        policy: DownloadPolicy,
        *,
        deadline: float,
        random: Randomness,
        allow_http: bool,
        facts: Facts | None = None,
        received: int = 0,
        restartable: bool = True,
    ) -> None:
        super().__init__(policy, deadline=deadline, random=random, allow_http=allow_http)
        self.remote = remote
        self.facts = facts or Facts()
        self.received = received if self.facts.validator else 0
        self._policy = policy
        self._restartable = restartable
        self._api_url = remote.url
        self._url = self._checked_url(remote.url, "has")
        self._redirects = 0
        self._restarts = 0
        self._cut = ""

    def steps(self) -> Plan[DownloadCommand, Chunk, DownloadValue]:
        """Run the download; return when the whole object was received.

        Yields one command at a time, and expects its result to be sent back. Reports
        the chunks.

        Raises:
            DownloadError: The download failed; its ``reason`` says why.
        """
        while True:
            self._check_deadline()
            result = yield from self._do(
                Fetch(self._url, self._headers(), self._policy.stall_timeout, self._deadline)
            )
            if result.error is not None:
                yield from self._back_off(result.error)
                continue
            reply = result.value
            assert isinstance(reply, StorageReply)
            if reply.status in (200, 206):
                offset = self._offset_of(reply)
                if offset is not None and (yield from self._receive(offset)):
                    return
            elif reply.status == 416:
                if self._is_complete(reply):
                    return
                self._restart("storage has fewer bytes than were received before")
            elif reply.status in REDIRECTS:
                self._redirect(reply)
            elif reply.status in URL_REFUSED | self._gone:
                yield from self._renew(reply)
            else:
                yield from self._refuse(reply, self._url)

    def _headers(self) -> dict[str, str]:
        # An offset is meaningful only for bytes as they are stored.
        headers = {"Accept-Encoding": "identity"}
        if self._resumes and self.facts.validator:
            headers["Range"] = f"bytes={self.received}-"
            headers["If-Range"] = self.facts.validator
        return headers

    @property
    def _resumes(self) -> bool:
        """Whether the download resumes after the bytes that were received."""
        return self.received > 0 and self.facts.validator is not None

    def _receive(
        self, offset: int
    ) -> Generator[DownloadCommand | Sleep | Report[Chunk], Result[DownloadValue], bool]:
        """Pass on a body; return whether the whole object was received."""
        self._redirects = 0
        end, data = offset, b""
        while True:
            # The first chunk is empty: a body begins.
            self._now = (yield Report(Chunk(end, data))).now
            end += len(data)
            self._check_deadline()
            result = yield from self._do(Read(self._deadline))
            if result.error is not None or result.value is None:
                break
            assert isinstance(result.value, bytes)
            data = result.value
        progress, self.received = end > self.received, end
        if progress:
            self._retries.clear()
        error = result.error
        if isinstance(error, SurplusBytesError):
            self._restart("storage sent more than it announced")
            return False
        if error is None and self.facts.total in (None, self.received):
            return True
        if error is None or may_pass(error):
            error = self._cut_off(error)
        yield from self._back_off(error)
        return False

    def _cut_off(self, error: DatalabError | None) -> DownloadError:
        total = self.facts.total
        if total is not None and self.received > total:
            message = f"has {self.received} bytes, but storage announced {total}"
        else:
            how = "stalled" if isinstance(error, APITimeoutError) else "was cut off"
            of = "" if total is None else f" of {total}"
            message = f"{how} after {self.received}{of} bytes"
        self._cut = message
        failed = self._failure("incomplete", f"{message}: {error}" if error else message)
        failed.__cause__ = error
        return failed

    def _offset_of(self, reply: StorageReply) -> int | None:
        """Return the offset at which a body starts; None if the body cannot be used."""
        if reply.status == 200:
            return self._begin(reply, content_length(reply.headers))
        part = content_range(reply.headers)
        if not self._resumes and part is not None and part.is_whole:
            return self._begin(reply, part.total)
        if part is None or part.start != self.received or not self._resumes:
            self._restart("storage answered with another range than requested")
            return None
        same = self.facts.is_same(reply.headers)
        if not same:
            why = "storage does not confirm that the object is the same"
            self._restart(why if same is None else "the object changed")
            return None
        if self.facts.total is not None and part.total not in (None, self.facts.total):
            self._restart("the object changed its length")
            return None
        self.facts = attrs.evolve(self.facts, total=part.total or self.facts.total)
        return self.received

    def _begin(self, reply: StorageReply, total: int | None) -> int:
        if self.received:
            self._restart("storage cannot resume, or the object changed")
        self.facts = Facts.of(reply.headers, total)
        return 0

    def _is_complete(self, reply: StorageReply) -> bool:
        length = length_without_range(reply.headers)
        if length is None or not self._resumes or self.facts.is_same(reply.headers) is False:
            return False
        # If no answer gave the object's length, this one may be about another object.
        return length == self.received == self.facts.total

    def _restart(self, why: str) -> None:
        if not self._restartable and self.received:
            raise self._failure("incomplete", f"was cut off and cannot resume: {why}")
        self._restarts += 1
        if self._restarts > self._policy.max_restarts:
            was = f"{self._cut}, and was" if self._cut else "was"
            raise self._failure(
                "incomplete", f"{was} restarted {self._policy.max_restarts} times: {why}"
            )
        self.received = 0
        self.facts = Facts()

    def _redirect(self, reply: StorageReply) -> None:
        self._redirects += 1
        if self._redirects > self._policy.max_redirects:
            raise self._failure(
                "refused",
                f"is redirected more than {self._policy.max_redirects} times",
                reply.status,
            )
        try:
            target = urljoin(self._url, reply.headers.get("location", ""))
            secure = urlsplit(target).scheme == "https"
        except ValueError:
            raise self._failure(
                "refused", "is redirected to a URL that cannot be parsed", reply.status
            ) from None
        if urlsplit(self._url).scheme == "https" and not secure:
            raise self._failure(
                "refused", f"is redirected to {redact_url(target)}, without TLS", reply.status
            )
        self._url = self._checked_url(target, "has")

    def _renew(
        self, reply: StorageReply
    ) -> Generator[DownloadCommand | Sleep, Result[DownloadValue], None]:
        status = reply.status
        yield from self._pause_before_renewal(reply, self._url)
        self._redirects = 0
        result = yield from self._do(Renew(self._api_url, self._deadline))
        error, url = result.error, result.value
        if isinstance(error, NotFoundError) or (error is None and url is None):
            raise self._failure(
                "gone", f"is no longer there{self.remote.why_gone}", status
            ) from error
        if error is not None:
            raise self._failure(
                "expired", f"has a URL that expired and could not be renewed: {error}", status
            ) from error
        assert isinstance(url, str)
        self._api_url = url
        self._url = self._checked_url(url, "has")

    def _failure(self, reason: str, message: str, status: int | None = None) -> DownloadError:
        return self.remote.error(reason, message, status)
