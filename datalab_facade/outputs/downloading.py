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
from datalab_facade.models import Output
from datalab_facade.outputs.unpacking import codings, not_codings
from datalab_facade.redaction import redact_name, redact_url, redacted_repr
from datalab_facade.transport.exchange import MoreThanAnnounced
from datalab_facade.waiting.commands import Sleep, Until
from datalab_facade.waiting.retries import Randomness, RenewalPauses, RetryState, may_pass

_OUTPUTS_ARE_DELETED = ": Datalab deletes results about an hour after they finish"
_REFUSALS = frozenset({400, 401, 403, 404, 410})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@attrs.frozen(kw_only=True)
class DownloadPolicy:
    """How a download behaves when storage does not. Times in seconds."""

    max_retries: int = 6
    """Tries in a row that may fail without a byte of progress."""
    retry_backoff: float = 0.5
    """How long to stay away after a first fault; doubled by each further one."""
    max_retry_backoff: float = 30.0
    """The longest backoff."""
    max_retry_after: float = 60.0
    """The longest ``Retry-After`` that is obeyed in full."""
    stall_timeout: float = 30.0
    """How long the connection may be silent."""
    max_renewals: int = 4
    """How often a URL that is refused is renewed by asking for the execution again."""
    renewal_backoff: float = 2.0
    """How long to stay away when the first new URL is refused as well; doubled by each more."""
    max_redirects: int = 5
    """How many redirects in a row are followed."""
    max_restarts: int = 5
    """How often all of it is begun anew, because what was received cannot be gone on with."""


_DIGESTS = {"md5": 16, "sha256": 32, "sha1": 20, "crc32": 4}
"""The algorithms that are known, and how many bytes they give."""


def _known_digests(_: object, __: object, digests: Mapping[str, str]) -> None:
    for algorithm, digest in digests.items():
        if len(bytes.fromhex(digest)) != _DIGESTS.get(algorithm):
            raise ValueError(f"{digest!r} is no {algorithm}")


_text = attrs.validators.instance_of(str)


@attrs.frozen
class Facts:
    """What storage told of the object; enough to go on with it another day."""

    total: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.instance_of(int))
    )
    """Its length in bytes, as sent."""
    validator: str | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(
            attrs.validators.matches_re(r"[!-~]([ -~]{0,998}[!-~])?")
        ),
    )
    """What must still be true of it for a part to fit: its ETag, or when it changed."""
    encoding: str = attrs.field(default="", validator=_text)
    """How it is compressed, if it is: one or more codings, separated by commas."""
    media_type: str | None = attrs.field(default=None, validator=attrs.validators.optional(_text))
    digests: Mapping[str, str] = attrs.field(factory=dict, validator=_known_digests)
    """What it must hash to: names of algorithms, and values in hexadecimal."""
    weak_etag: str | None = attrs.field(default=None, validator=attrs.validators.optional(_text))
    """Its ETag, where that is a weak one and no validator."""
    no_encoding: str = attrs.field(default="", validator=_text)
    """What storage calls an encoding, and is none."""


@attrs.frozen
class RemoteFile:
    """A file that was uploaded, on its way back."""

    file_id: int
    name: str
    url: str = attrs.field(repr=redact_url)


Remote: TypeAlias = Output | RemoteFile
"""What can be downloaded: it has a presigned URL, and a name for errors."""


@attrs.frozen
class Fetch:
    """Command: ask storage, and tell what it answers before the body."""

    url: str = attrs.field(repr=redact_url)
    headers: Mapping[str, str] = attrs.field(repr=False)
    stall_timeout: float
    deadline: float

    def timeout(self, now: float) -> float:
        """Give the seconds for each phase of the request, if it begins now."""
        return max(0.01, min(self.stall_timeout, self.deadline - now))


@attrs.frozen
class Receive(Until):
    """Command: pass on the body that was just begun; it starts at this offset."""

    offset: int
    deadline: float


@attrs.frozen
class Renew(Until):
    """Command: ask the API again, and tell the new URL."""

    refused: str = attrs.field(repr=redact_url)
    """The one that the execution told last."""
    deadline: float


Command: TypeAlias = Fetch | Receive | Renew | Sleep


@attrs.frozen
class Result:
    """What became of a command."""

    now: float
    status: int = 0
    """Of a fetch."""
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Of a fetch, with lower-case names."""
    received: int = 0
    """Of a body: where in the object it ended."""
    url: str | None = attrs.field(default=None, repr=redacted_repr)
    """Of a renewal; None if there is no such thing any more."""
    error: DatalabError | None = None


@attrs.frozen
class Chunk:
    """A piece of an object, as it is on the wire.

    Whoever takes it forgets first what was held from :attr:`offset` on: a
    download may have to start over. An empty one begins each body.
    """

    offset: int
    data: bytes


class Download:
    """One output, or one file, on its way home.

    Attributes:
        facts: What is known of the object so far.
        received: How much of it the caller holds.
        remote: What it is that is fetched.
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
        """Decide on the whole download; returns when all of the object was received.

        Yields a command at a time and is sent what became of it.

        Raises:
            DownloadError: It cannot be had; its ``reason`` tells why.
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
                self._restart("storage has less of it than was received before")
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
                raise self._failed(
                    DownloadFailure.REFUSED,
                    f"is refused by storage with {result.status}",
                    result.status,
                )

    def check_deadline(self, now: float) -> None:
        """Raise once the deadline has passed, also while a body still drips.

        Raises:
            DownloadError: It has.
        """
        if now > self._deadline:
            raise self._failed(DownloadFailure.UNREACHABLE, "was not fetched in time")

    def _do(self, command: Command) -> Generator[Command, Result, Result]:
        result = yield command
        self._now = result.now
        return result

    def _headers(self) -> dict[str, str]:
        # Only of the bytes as they are stored is an offset into them meaningful.
        headers = {"Accept-Encoding": "identity"}
        if self._resumes and self.facts.validator:
            headers["Range"] = f"bytes={self.received}-"
            headers["If-Range"] = self.facts.validator
        return headers

    @property
    def _resumes(self) -> bool:
        """Whether what was received is gone on with, and not fetched again."""
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
            message = f"has {self.received} bytes, where storage told of {total}"
        else:
            how = "stalled" if isinstance(error, APITimeoutError) else "was cut off"
            of = "" if total is None else f" of {total}"
            message = f"{how} after {self.received}{of} bytes"
        self._cut = message
        failed = self._failed(
            DownloadFailure.INCOMPLETE, f"{message}: {error}" if error else message
        )
        failed.__cause__ = error
        return failed

    def _offset_of(self, result: Result) -> int | None:
        """Give where the body that was begun starts; None if it is of no use."""
        if result.status == 200:
            return self._begin(result.headers, _length(result.headers))
        found = re.fullmatch(
            r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", result.headers.get("content-range", "")
        )
        start, end, total = map(_number, found.groups()) if found else (None, None, None)
        if not self._resumes and start == 0 and end is not None and total == end + 1:
            return self._begin(result.headers, total)
        if start != self.received or not self._resumes:
            self._restart("storage answered with another part than was asked for")
            return None
        same = self._is_same(result.headers)
        if not same:
            why = "storage does not tell that it is a part of the same object"
            self._restart(why if same is None else "the object changed")
            return None
        if self.facts.total is not None and total not in (None, self.facts.total):
            self._restart("the object changed its length")
            return None
        self.facts = attrs.evolve(self.facts, total=total or self.facts.total)
        return self.received

    def _begin(self, headers: Mapping[str, str], total: int | None) -> int:
        if self.received:
            self._restart("storage cannot go on in the middle, or the object changed")
        self.facts = _facts_of(headers, total)
        return 0

    def _is_complete(self, headers: Mapping[str, str]) -> bool:
        found = re.fullmatch(r"bytes \*/(\d{1,18})", headers.get("content-range", ""))
        if found is None or not self._resumes or self._is_same(headers) is False:
            return False
        # Where no answer told how long the object is, this one may be about another.
        return int(found[1]) == self.received == self.facts.total

    def _is_same(self, headers: Mapping[str, str]) -> bool | None:
        """Tell whether an answer is about the object that was received; None if it is not told.

        There are storages that overlook ``If-Range``, so it is not left to them.
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
            raise self._failed(DownloadFailure.INCOMPLETE, f"was cut off and cannot go on: {why}")
        self._restarts += 1
        if self._restarts > self._policy.max_restarts:
            was = f"{self._cut}, and was" if self._cut else "was"
            raise self._failed(
                DownloadFailure.INCOMPLETE, f"{was} begun anew again and again: {why}"
            )
        self.received = 0
        self.facts = Facts()

    def _redirect(self, result: Result) -> None:
        self._redirects += 1
        if self._redirects > self._policy.max_redirects:
            raise self._failed(
                DownloadFailure.REFUSED, "is redirected again and again", result.status
            )
        try:
            target = urljoin(self._url, result.headers.get("location", ""))
            secure = urlsplit(target).scheme == "https"
        except ValueError:
            raise self._failed(
                DownloadFailure.REFUSED, "is redirected to a URL that cannot be read", result.status
            ) from None
        if urlsplit(self._url).scheme == "https" and not secure:
            raise self._failed(
                DownloadFailure.REFUSED,
                f"is redirected to {redact_url(target)}, without TLS",
                result.status,
            )
        self._url = self._checked_url(target)

    def _renew(self, status: int) -> Generator[Command, Result, None]:
        refused = self._failed(
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
            raise self._failed(
                DownloadFailure.GONE, f"is no longer there{why}", status
            ) from result.error
        if result.error is not None:
            raise self._failed(
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
            raise self._failed(
                DownloadFailure.REFUSED, f"could not be fetched: {error}", status
            ) from error
        try:
            pause = self._retries.forgive(error)
        except DatalabError as last:
            if isinstance(last, DownloadError):
                raise
            raise self._failed(
                DownloadFailure.UNREACHABLE, f"could not be fetched: {last}", status
            ) from last
        if self._now + pause >= self._deadline:
            raise self._failed(
                DownloadFailure.UNREACHABLE, f"was not fetched in time: {error}", status
            ) from error
        yield from self._do(Sleep(pause))

    def _checked_url(self, url: str) -> str:
        try:
            return checked_storage_url(url, allow_http=self._allow_http)
        except NotSecure as error:
            raise self._failed(DownloadFailure.REFUSED, f"has {error}") from None

    def _failed(
        self, reason: DownloadFailure, message: str, status: int | None = None
    ) -> DownloadError:
        return download_failed(self.remote, reason, message, status)


def download_failed(
    remote: Remote, reason: DownloadFailure, message: str, status: int | None = None
) -> DownloadError:
    """Make the error that names the output or the file, and tells why it cannot be had."""
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
    # A step or a file may be called by a presigned URL, and an error is shown to anybody.
    if isinstance(remote, RemoteFile):
        return f"The file {redact_name(remote.name)!r} (id {remote.file_id})"
    file = f" [{redact_name(remote.file_key)}]" if remote.file_key is not None else ""
    return f"The output of step {redact_name(remote.step)}{file} of execution {remote.execution_id}"


class NotSecure(ValueError):
    """A URL of the server's to which nothing is to be sent; its text says what it is."""


def checked_storage_url(url: str, *, allow_http: bool) -> str:
    """Give a presigned URL back if it may be used.

    Raises:
        NotSecure: It cannot be read, is no URL of HTTP, or would do without TLS.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise NotSecure("a URL that cannot be read") from None
    if parts.scheme not in ("https", "http") or not host:
        raise NotSecure(f"a URL that is no https URL: {redact_url(url)}")
    if parts.scheme == "http" and not (allow_http or _is_this_machine(host)):
        raise NotSecure(f"a URL without TLS: {redact_url(url)}. Allow it with allow_http=True")
    return url


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _length(headers: Mapping[str, str]) -> int | None:
    result = headers.get("content-length", "")
    return int(result) if re.fullmatch(r"\d{1,18}", result) else None


def _number(result: str) -> int | None:
    return None if result == "*" else int(result)


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
    """Give when the object changed, unless it may have changed again in the same second."""
    changed = headers.get("last-modified", "").strip()
    if not re.fullmatch(r"[ -~]{1,100}", changed):
        return None
    if "date" in headers:
        then, now = http_date(changed), http_date(headers["date"])
        if then is None or now is None or (now - then).total_seconds() < 1:
            return None
    return changed


def _digests_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Give what the whole object must hash to, by what storage tells of it."""
    if _is_transformed(headers):
        return {}
    return stored_digests(headers) | _decoded({"md5": headers.get("content-md5", "")})


def _is_transformed(headers: Mapping[str, str]) -> bool:
    """Tell whether what comes was made of what is stored, on the way or by storage.

    Stored gzip that is unpacked on the way is another representation, and checksums of
    what is stored say nothing about it.
    """
    stored_as = headers.get("x-goog-stored-content-encoding")
    return (
        # Storage knows how long its objects are; whoever unpacks them on the way does not.
        _length(headers) is None
        or headers.get("etag", "").startswith("W/")
        or re.search(r"(?:^|,)\s*214\b", headers.get("warning", "")) is not None
        or (
            stored_as is not None
            and codings(stored_as) != codings(headers.get("content-encoding", ""))
        )
    )


def stored_digests(headers: Mapping[str, str]) -> dict[str, str]:
    """Give what an object hashes to as it is stored, by what storage tells of it.

    An ETag is opaque, also where it looks like an MD5, so it is none of these.
    """
    result = {
        algorithm: headers.get(f"x-amz-checksum-{algorithm}", "")
        for algorithm in ("sha256", "sha1", "crc32")
    }
    if headers.get("x-amz-checksum-type", "").upper() == "COMPOSITE":
        # A checksum of the checksums of parts.
        result = {}
    for entry in headers.get("x-goog-hash", "").split(","):
        algorithm, _, value = entry.strip().partition("=")
        result[algorithm.lower()] = value
    return _decoded(result)


def _decoded(result: Mapping[str, str]) -> dict[str, str]:
    digests = {
        algorithm: _from_base64(value, _DIGESTS[algorithm])
        for algorithm, value in result.items()
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
    # Something of another size, such as a checksum of checksums, tells nothing.
    return raw.hex() if len(raw) == size else None
