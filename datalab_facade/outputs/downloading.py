"""Downloads as a value: what to ask storage for next, and when to give up.

A body may be cut, stall or be refused; its URL expires; the object behind it may
change. :meth:`Download.steps` decides what to do then. It does no IO and knows no
clock; a sync and an async driver carry its commands out and pass on the chunks.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Generator, Mapping
from typing import TypeAlias
from urllib.parse import urljoin, urlsplit

import attrs

from datalab_facade.decoding import http_date, retry_after_of
from datalab_facade.errors import (
    CALLER_ERRORS,
    APIStatusError,
    APITimeoutError,
    DatalabError,
    DownloadError,
    DownloadFailure,
    NotFoundError,
    RateLimitTimeoutError,
)
from datalab_facade.jobs.commands import Command as TimedCommand
from datalab_facade.jobs.commands import Sleep
from datalab_facade.jobs.retries import Randomness, RenewalPauses, RetryState, may_pass
from datalab_facade.models import Output
from datalab_facade.outputs.unpacking import codings, not_codings
from datalab_facade.redaction import redact_name, redact_url, redacted_repr
from datalab_facade.transport.network.framing import MoreThanAnnounced

_OUTPUTS_ARE_DELETED = ": Datalab deletes results about an hour after they finish"
_REFUSALS = frozenset({400, 401, 403, 404, 410})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@attrs.frozen(kw_only=True)
class DownloadPolicy:
    """How a download retries when storage fails. Times in seconds."""

    max_retries: int = 6
    """The number of attempts in a row that may fail without a byte of progress."""
    retry_backoff: float = 0.5
    """The pause after a first failure; doubled after each further one."""
    max_retry_backoff: float = 30.0
    """The longest backoff."""
    max_retry_after: float = 60.0
    """The longest ``Retry-After`` that is honored in full."""
    stall_timeout: float = 30.0
    """How long the connection may be silent before it counts as stalled."""
    max_renewals: int = 4
    """How many times a refused URL is renewed by fetching the execution again."""
    renewal_backoff: float = 2.0
    """The pause after the first new URL is refused, too; doubled after each further one."""
    max_redirects: int = 5
    """The number of redirects in a row that are followed."""
    max_restarts: int = 5
    """How many times a download may restart from byte 0 because it cannot be resumed."""


_DIGESTS = {"md5": 16, "sha256": 32, "sha1": 20, "crc32": 4}
"""The known checksum algorithms, and the length of their digests in bytes."""


def _known_digests(_: object, __: object, digests: Mapping[str, str]) -> None:
    for algorithm, digest in digests.items():
        if len(bytes.fromhex(digest)) != _DIGESTS.get(algorithm):
            raise ValueError(f"{digest!r} is not a digest of {algorithm}")


_text = attrs.validators.instance_of(str)


@attrs.frozen
class Facts:
    """What storage said about an object; enough to resume its download later."""

    total: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.instance_of(int))
    )
    """Its length in bytes, as it is sent."""
    validator: str | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(
            attrs.validators.matches_re(r"[!-~]([ -~]{0,998}[!-~])?")
        ),
    )
    """What identifies its version: its strong ETag, or the time of its last change."""
    encoding: str = attrs.field(default="", validator=_text)
    """How it is compressed: content codings, separated by commas; empty if it is not."""
    media_type: str | None = attrs.field(default=None, validator=attrs.validators.optional(_text))
    digests: Mapping[str, str] = attrs.field(factory=dict, validator=_known_digests)
    """Its checksums: names of algorithms, and digests in hexadecimal."""
    weak_etag: str | None = attrs.field(default=None, validator=attrs.validators.optional(_text))
    """Its ETag if that is weak, and so cannot be the validator."""
    no_encoding: str = attrs.field(default="", validator=_text)
    """What ``Content-Encoding`` names that is not a compression."""


@attrs.frozen
class RemoteFile:
    """An uploaded file to download."""

    file_id: int
    name: str
    url: str = attrs.field(repr=redact_url)


Remote: TypeAlias = Output | RemoteFile
"""What can be downloaded: it has a presigned URL, and a name for error messages."""


@attrs.frozen
class Fetch:
    """Command: send a request to storage; the result is the answer without its body."""

    url: str = attrs.field(repr=redact_url)
    headers: Mapping[str, str] = attrs.field(repr=False)
    stall_timeout: float
    deadline: float

    def timeout(self, now: float) -> float:
        """Return the seconds for each phase of a request that begins now."""
        return max(0.01, min(self.stall_timeout, self.deadline - now))


@attrs.frozen
class Receive(TimedCommand):
    """Command: pass on the body of the last answer; it starts at this offset."""

    offset: int
    deadline: float


@attrs.frozen
class Renew(TimedCommand):
    """Command: request a new URL from the API."""

    refused: str = attrs.field(repr=redact_url)
    """The last URL that the API returned."""
    deadline: float


Command: TypeAlias = Fetch | Receive | Renew | Sleep


@attrs.frozen
class Result:
    """The result of a command."""

    now: float
    status: int = 0
    """Of a fetch."""
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Of a fetch, with lower-case names."""
    received: int = 0
    """Of a body: the offset in the object at which it ended."""
    url: str | None = attrs.field(default=None, repr=redacted_repr)
    """Of a renewal; None if the object is gone."""
    error: DatalabError | None = None


@attrs.frozen
class Chunk:
    """A piece of an object, as it was received.

    It replaces everything from :attr:`offset` on, since a download may have to
    restart. An empty one begins each body.
    """

    offset: int
    data: bytes


class Download:
    """The download of one output or one file: decides what to do next.

    Attributes:
        facts: What storage said about the object so far.
        received: The number of bytes that the caller has.
        remote: The output or the file.
    """

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
        self.remote = remote
        self.facts = facts or Facts()
        self.received = received if self.facts.validator else 0
        self._policy = policy
        self._deadline = deadline
        self._retries = RetryState(policy, random)
        self._allow_http = allow_http
        self._restartable = restartable
        self._api_url = remote.url
        self._url = self._checked_url(remote.url)
        self._renewal_pauses = RenewalPauses(policy, random)
        self._redirects = 0
        self._restarts = 0
        self._cut = ""
        self._now = -math.inf

    def steps(self) -> Generator[Command, Result, None]:
        """Run the download; return when the whole object was received.

        Yields one command at a time, and expects its result to be sent back.

        Raises:
            DownloadError: The download failed; its ``reason`` says why.
        """
        while True:
            self.check_deadline(self._now)
            result = yield from self._do(
                Fetch(self._url, self._headers(), self._policy.stall_timeout, self._deadline)
            )
            if result.error is not None:
                yield from self._back_off(result.error)
            elif result.status in (200, 206):
                if (yield from self._receive(result)):
                    return
            elif result.status == 416:
                if self._is_complete(result.headers):
                    return
                self._restart("storage has fewer bytes than were received before")
            elif result.status in _REDIRECTS:
                self._redirect(result)
            elif result.status in _REFUSALS:
                yield from self._renew(result.status)
            elif result.status in (408, 425, 429) or result.status >= 500:
                yield from self._back_off(
                    APIStatusError(
                        result.status,
                        method="GET",
                        url=redact_url(self._url),
                        retry_after=retry_after_of(result.headers),
                    )
                )
            else:
                raise self._error(
                    DownloadFailure.REFUSED,
                    f"is refused by storage with {result.status}",
                    result.status,
                )

    def check_deadline(self, now: float) -> None:
        """Check the deadline, which also ends a body that arrives too slowly.

        Raises:
            DownloadError: The deadline has passed.
        """
        if now > self._deadline:
            raise self._error(DownloadFailure.UNREACHABLE, "was not fetched in time")

    def _do(self, command: Command) -> Generator[Command, Result, Result]:
        result = yield command
        self._now = result.now
        return result

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

    def _receive(self, result: Result) -> Generator[Command, Result, bool]:
        offset = self._offset_of(result)
        if offset is None:
            return False
        self._redirects = 0
        body_end = yield from self._do(Receive(offset, self._deadline))
        progress = body_end.received > self.received
        self.received = body_end.received
        if progress:
            self._retries.clear()
        error = body_end.error
        if isinstance(error, MoreThanAnnounced):
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
        failed = self._error(
            DownloadFailure.INCOMPLETE, f"{message}: {error}" if error else message
        )
        failed.__cause__ = error
        return failed

    def _offset_of(self, result: Result) -> int | None:
        """Return the offset at which a body starts; None if the body cannot be used."""
        if result.status == 200:
            return self._begin(result.headers, _length(result.headers))
        found = re.fullmatch(
            r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", result.headers.get("content-range", "")
        )
        start, end, total = map(_number, found.groups()) if found else (None, None, None)
        if not self._resumes and start == 0 and end is not None and total == end + 1:
            return self._begin(result.headers, total)
        if start != self.received or not self._resumes:
            self._restart("storage answered with another range than requested")
            return None
        same = self._is_same(result.headers)
        if not same:
            why = "storage does not confirm that the object is the same"
            self._restart(why if same is None else "the object changed")
            return None
        if self.facts.total is not None and total not in (None, self.facts.total):
            self._restart("the object changed its length")
            return None
        self.facts = attrs.evolve(self.facts, total=total or self.facts.total)
        return self.received

    def _begin(self, headers: Mapping[str, str], total: int | None) -> int:
        if self.received:
            self._restart("storage cannot resume, or the object changed")
        self.facts = _facts_of(headers, total)
        return 0

    def _is_complete(self, headers: Mapping[str, str]) -> bool:
        found = re.fullmatch(r"bytes \*/(\d{1,18})", headers.get("content-range", ""))
        if found is None or not self._resumes or self._is_same(headers) is False:
            return False
        # If no answer gave the object's length, this one may be about another object.
        return int(found[1]) == self.received == self.facts.total

    def _is_same(self, headers: Mapping[str, str]) -> bool | None:
        """Return whether an answer is about the same object; None if it does not say.

        Some storages ignore ``If-Range``, so their answers are checked here.
        """
        facts, etag = self.facts, headers.get("etag")
        encoding = headers.get("content-encoding")
        if encoding is not None and codings(encoding) != codings(facts.encoding):
            return False
        if facts.validator is not None and facts.validator[:1] == '"':
            return None if etag is None else etag == facts.validator
        if etag not in (None, facts.weak_etag):
            return False
        date = headers.get("last-modified")
        return None if date is None else date == facts.validator

    def _restart(self, why: str) -> None:
        if not self._restartable and self.received:
            raise self._error(DownloadFailure.INCOMPLETE, f"was cut off and cannot resume: {why}")
        self._restarts += 1
        if self._restarts > self._policy.max_restarts:
            was = f"{self._cut}, and was" if self._cut else "was"
            raise self._error(
                DownloadFailure.INCOMPLETE,
                f"{was} restarted {self._policy.max_restarts} times: {why}",
            )
        self.received = 0
        self.facts = Facts()

    def _redirect(self, result: Result) -> None:
        self._redirects += 1
        if self._redirects > self._policy.max_redirects:
            raise self._error(
                DownloadFailure.REFUSED,
                f"is redirected more than {self._policy.max_redirects} times",
                result.status,
            )
        try:
            target = urljoin(self._url, result.headers.get("location", ""))
            secure = urlsplit(target).scheme == "https"
        except ValueError:
            raise self._error(
                DownloadFailure.REFUSED,
                "is redirected to a URL that cannot be parsed",
                result.status,
            ) from None
        if urlsplit(self._url).scheme == "https" and not secure:
            raise self._error(
                DownloadFailure.REFUSED,
                f"is redirected to {redact_url(target)}, without TLS",
                result.status,
            )
        self._url = self._checked_url(target)

    def _renew(self, status: int) -> Generator[Command, Result, None]:
        refused = self._error(
            DownloadFailure.GONE if status in (404, 410) else DownloadFailure.REFUSED,
            f"is refused by storage with {status}, also with a new URL",
            status,
        )
        pause = self._renewal_pauses.next(self._deadline - self._now)
        if pause is None:
            raise refused
        if pause:
            yield from self._do(Sleep(pause))
        self._redirects = 0
        result = yield from self._do(Renew(self._api_url, self._deadline))
        if isinstance(result.error, NotFoundError) or (result.error is None and result.url is None):
            why = "" if isinstance(self.remote, RemoteFile) else _OUTPUTS_ARE_DELETED
            raise self._error(
                DownloadFailure.GONE, f"is no longer there{why}", status
            ) from result.error
        if result.error is not None:
            raise self._error(
                DownloadFailure.EXPIRED,
                f"has a URL that expired and could not be renewed: {result.error}",
                status,
            ) from result.error
        assert result.url is not None
        self._api_url = result.url
        self._url = self._checked_url(result.url)

    def _back_off(self, error: DatalabError) -> Generator[Command, Result, None]:
        if isinstance(error, (*CALLER_ERRORS, RateLimitTimeoutError)):
            raise error
        status = error.status if isinstance(error, APIStatusError) else None
        if not (may_pass(error) or isinstance(error, DownloadError)):
            raise self._error(
                DownloadFailure.REFUSED, f"could not be fetched: {error}", status
            ) from error
        try:
            pause = self._retries.forgive(error)
        except DatalabError as last:
            if isinstance(last, DownloadError):
                raise
            raise self._error(
                DownloadFailure.UNREACHABLE, f"could not be fetched: {last}", status
            ) from last
        if self._now + pause >= self._deadline:
            raise self._error(
                DownloadFailure.UNREACHABLE, f"was not fetched in time: {error}", status
            ) from error
        yield from self._do(Sleep(pause))

    def _checked_url(self, url: str) -> str:
        try:
            return checked_storage_url(url, allow_http=self._allow_http)
        except NotSecure as error:
            raise self._error(DownloadFailure.REFUSED, f"has {error}") from None

    def _error(
        self, reason: DownloadFailure, message: str, status: int | None = None
    ) -> DownloadError:
        return download_error(self.remote, reason, message, status)


def download_error(
    remote: Remote, reason: DownloadFailure, message: str, status: int | None = None
) -> DownloadError:
    """Create the error that names the output or the file, and says why it failed."""
    message = f"{subject_of(remote)} {message}"
    if isinstance(remote, RemoteFile):
        return DownloadError(message, file_id=remote.file_id, status=status, reason=reason)
    return DownloadError(
        message,
        execution_id=remote.execution_id,
        step=redact_name(remote.step),
        file_key=redact_name(remote.file_key) if remote.file_key is not None else None,
        status=status,
        reason=reason,
    )


def subject_of(remote: Remote) -> str:
    """Name an output or a file, at the beginning of a sentence."""
    # The name of a step or a file may be a presigned URL, and errors are shown to anybody.
    if isinstance(remote, RemoteFile):
        return f"The file {redact_name(remote.name)!r} (id {remote.file_id})"
    file = f" [{redact_name(remote.file_key)}]" if remote.file_key is not None else ""
    return f"The output of step {redact_name(remote.step)}{file} of execution {remote.execution_id}"


class NotSecure(ValueError):
    """A URL from the server that must not be used; the text says what it is."""


def checked_storage_url(url: str, *, allow_http: bool) -> str:
    """Check a presigned URL, and return it.

    Raises:
        NotSecure: It cannot be parsed, is not an HTTP URL, or does without TLS.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise NotSecure("a URL that cannot be parsed") from None
    if parts.scheme not in ("https", "http") or not host:
        raise NotSecure(f"a URL that is not an https URL: {redact_url(url)}")
    if parts.scheme == "http" and not (allow_http or _is_this_machine(host)):
        raise NotSecure(f"a URL without TLS: {redact_url(url)}. Allow it with allow_http=True")
    return url


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _length(headers: Mapping[str, str]) -> int | None:
    length = headers.get("content-length", "")
    return int(length) if re.fullmatch(r"\d{1,18}", length) else None


def _number(text: str) -> int | None:
    return None if text == "*" else int(text)


def _facts_of(headers: Mapping[str, str], total: int | None) -> Facts:
    etag, encoding = headers.get("etag"), headers.get("content-encoding", "")
    # A weak ETag promises the same meaning, not the same bytes.
    strong = re.fullmatch(r'"[!#-~]{1,998}"', etag or "")
    return Facts(
        total=total,
        validator=strong[0] if strong else _strong_date(headers),
        encoding=", ".join(codings(encoding)),
        media_type=headers.get("content-type"),
        digests=_digests_of(headers),
        weak_etag=None if strong else etag,
        no_encoding=", ".join(not_codings(encoding)),
    )


def _strong_date(headers: Mapping[str, str]) -> str | None:
    """Return when the object changed, unless it may have changed again in the same second."""
    changed = headers.get("last-modified", "").strip()
    if not re.fullmatch(r"[ -~]{1,100}", changed):
        return None
    if "date" in headers:
        then, now = http_date(changed), http_date(headers["date"])
        if then is None or now is None or (now - then).total_seconds() < 1:
            return None
    return changed


def _digests_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the checksums that the received object must have."""
    if _is_transformed(headers):
        return {}
    return stored_digests(headers) | _decode_digests({"md5": headers.get("content-md5", "")})


def _is_transformed(headers: Mapping[str, str]) -> bool:
    """Return whether the body may differ from the stored bytes.

    gzip that is decompressed on the way is another representation, to which checksums of
    the stored bytes do not apply.
    """
    stored_as = headers.get("x-goog-stored-content-encoding")
    return (
        # Storage knows the length of its objects; a proxy that decompresses them does not.
        _length(headers) is None
        or headers.get("etag", "").startswith("W/")
        or re.search(r"(?:^|,)\s*214\b", headers.get("warning", "")) is not None
        or (
            stored_as is not None
            and codings(stored_as) != codings(headers.get("content-encoding", ""))
        )
    )


def stored_digests(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the checksums of the stored object that storage sent.

    An ETag is opaque even if it looks like an MD5, so it is not one of them.
    """
    encoded = {
        algorithm: headers.get(f"x-amz-checksum-{algorithm}", "")
        for algorithm in ("sha256", "sha1", "crc32")
    }
    if headers.get("x-amz-checksum-type", "").upper() == "COMPOSITE":
        # A checksum of the checksums of parts.
        encoded = {}
    for entry in headers.get("x-goog-hash", "").split(","):
        algorithm, _, value = entry.strip().partition("=")
        encoded[algorithm.lower()] = value
    return _decode_digests(encoded)


def _decode_digests(encoded: Mapping[str, str]) -> dict[str, str]:
    digests = {
        algorithm: _from_base64(value, _DIGESTS[algorithm])
        for algorithm, value in encoded.items()
        if algorithm in _DIGESTS
    }
    return {algorithm: digest for algorithm, digest in digests.items() if digest is not None}


def _from_base64(value: str, size: int) -> str | None:
    import base64
    import binascii

    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    # A value of another size, such as a checksum of checksums, cannot be compared.
    return raw.hex() if len(raw) == size else None
