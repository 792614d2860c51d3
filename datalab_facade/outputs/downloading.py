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
from typing import Literal, TypeAlias
from urllib.parse import urljoin, urlsplit

import attrs

from datalab_facade.decoding import retry_after_of
from datalab_facade.errors import (
    BudgetExhausted,
    ConfigurationError,
    DatalabError,
    DownloadFailed,
    NotFound,
    StatusError,
)
from datalab_facade.models import Output
from datalab_facade.redaction import shown_name, shown_url
from datalab_facade.waiting.commands import Sleep, Until
from datalab_facade.waiting.faults import Faults, Randomness, may_pass

_OUTPUTS_ARE_DELETED = ": Datalab deletes results about an hour after they finish"
_REFUSALS = frozenset({400, 401, 403, 404, 410})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@attrs.frozen(kw_only=True)
class DownloadPolicy:
    """How a download behaves when storage does not. Times in seconds."""

    max_faults: int = 6
    """Tries in a row that may fail without a byte of progress."""
    fault_backoff: float = 0.5
    """How long to stay away after a first fault; doubled by each further one."""
    max_fault_backoff: float = 30.0
    """The longest backoff."""
    max_retry_after: float = 60.0
    """The longest ``Retry-After`` that is obeyed in full."""
    stall_timeout: float = 30.0
    """How long the connection may be silent."""
    max_renewals: int = 3
    """How often a URL that is refused is renewed by asking for the execution again."""
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
        validator=attrs.validators.optional(attrs.validators.matches_re(r"[ -~]{1,1000}")),
    )
    """What must still be true of it for a part to fit: its ETag, or when it changed."""
    encoding: str = attrs.field(default="", validator=_text)
    """How it is compressed, if it is."""
    media_type: str | None = attrs.field(default=None, validator=attrs.validators.optional(_text))
    digests: Mapping[str, str] = attrs.field(factory=dict, validator=_known_digests)
    """What it must hash to: names of algorithms, and values in hexadecimal."""


@attrs.frozen
class RemoteFile:
    """A file that was uploaded, on its way back."""

    file_id: int
    name: str
    url: str = attrs.field(repr=shown_url)


Remote: TypeAlias = Output | RemoteFile
"""What can be downloaded: it has a presigned URL, and a name for errors."""


@attrs.frozen
class Fetch:
    """Command: ask storage, and tell what it answers before the body."""

    url: str
    headers: Mapping[str, str]
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

    refused: str
    """The one that the execution told last."""
    deadline: float


Command: TypeAlias = Fetch | Receive | Renew | Sleep


@attrs.frozen
class Told:
    """What became of a command."""

    now: float
    status: int = 0
    """Of a fetch."""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """Of a fetch, with lower-case names."""
    received: int = 0
    """Of a body: where in the object it ended."""
    url: str | None = None
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
        self._remote = remote
        self.facts = facts or Facts()
        self.received = received if self.facts.validator else 0
        self._policy = policy
        self._deadline = deadline
        self._faults = Faults(policy, random)
        self._allow_http = allow_http
        self._restartable = restartable
        self._told_url = remote.url
        self._url = self._checked_url(remote.url)
        self._renewals = 0
        self._redirects = 0
        self._restarts = 0
        self._now = -math.inf

    def steps(self) -> Generator[Command, Told, None]:
        """Decide on the whole download; returns when all of the object was received.

        Yields a command at a time and is sent what became of it.

        Raises:
            DownloadFailed: It cannot be had; its ``reason`` tells why.
        """
        while True:
            self.check_deadline(self._now)
            told = yield from self._do(
                Fetch(self._url, self._headers(), self._policy.stall_timeout, self._deadline)
            )
            if told.error is not None:
                yield from self._wait_after(told.error)
            elif told.status in (200, 206):
                if (yield from self._receive(told)):
                    return
            elif told.status == 416:
                if self._is_whole(told.headers):
                    return
                self._start_over("storage has less of it than was received before")
            elif told.status in _REDIRECTS:
                self._redirect(told)
            elif told.status in _REFUSALS:
                yield from self._renew(told.status)
            elif told.status in (408, 425, 429) or told.status >= 500:
                yield from self._wait_after(
                    StatusError(
                        told.status,
                        method="GET",
                        url=shown_url(self._url),
                        retry_after=retry_after_of(told.headers),
                    )
                )
            else:
                raise self._failed(
                    "refused", f"is refused by storage with {told.status}", told.status
                )

    def check_deadline(self, now: float) -> None:
        """Raise once the deadline has passed, also while a body still drips.

        Raises:
            DownloadFailed: It has.
        """
        if now > self._deadline:
            raise self._failed("unreachable", "was not fetched in time")

    def _do(self, command: Command) -> Generator[Command, Told, Told]:
        told = yield command
        self._now = told.now
        return told

    def _headers(self) -> dict[str, str]:
        # Only of the bytes as they are stored is an offset into them meaningful.
        headers = {"Accept-Encoding": "identity"}
        if self._goes_on and self.facts.validator:
            headers["Range"] = f"bytes={self.received}-"
            headers["If-Range"] = self.facts.validator
        return headers

    @property
    def _goes_on(self) -> bool:
        """Whether what was received is gone on with, and not fetched again."""
        return self.received > 0 and self.facts.validator is not None

    def _receive(self, told: Told) -> Generator[Command, Told, bool]:
        offset = self._offset_of(told)
        if offset is None:
            return False
        self._redirects = 0
        ended = yield from self._do(Receive(offset, self._deadline))
        progress = ended.received > self.received
        self.received = ended.received
        if progress:
            self._faults.clear()
        whole = self.facts.total is None or self.received == self.facts.total
        if ended.error is None and whole:
            return True
        error = ended.error or self._failed(
            "incomplete", f"ended after {self.received} of {self.facts.total} bytes"
        )
        yield from self._wait_after(error)
        return False

    def _offset_of(self, told: Told) -> int | None:
        """Give where the body that was begun starts; None if it is of no use."""
        if told.status == 200:
            if self.received:
                self._start_over("storage cannot go on in the middle, or the object changed")
            self.facts = _facts_of(told.headers, _length(told.headers))
            return 0
        found = re.fullmatch(
            r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", told.headers.get("content-range", "")
        )
        if found is None or int(found[1]) != self.received or not self._goes_on:
            self._start_over("storage answered with another part than was asked for")
            return None
        if self._is_another(told.headers):
            self._start_over("the object changed")
            return None
        total = None if found[2] == "*" else int(found[2])
        if self.facts.total is not None and total not in (None, self.facts.total):
            self._start_over("the object changed its length")
            return None
        self.facts = attrs.evolve(self.facts, total=total or self.facts.total)
        return self.received

    def _is_whole(self, headers: Mapping[str, str]) -> bool:
        found = re.fullmatch(r"bytes \*/(\d{1,18})", headers.get("content-range", ""))
        if found is None or self.facts.total not in (None, self.received):
            return False
        return self._goes_on and int(found[1]) == self.received and not self._is_another(headers)

    def _is_another(self, headers: Mapping[str, str]) -> bool:
        """Tell whether an answer is about another object than what was received of it."""
        known = self.facts.validator or ""
        # There are storages that overlook If-Range, so it is not left to them.
        return headers.get("etag" if known[:1] == '"' else "last-modified", known) != known

    def _start_over(self, why: str) -> None:
        if not self._restartable and self.received:
            raise self._failed("incomplete", f"was cut off and cannot go on: {why}")
        self._restarts += 1
        if self._restarts > self._policy.max_restarts:
            raise self._failed("incomplete", f"was begun anew again and again: {why}")
        self.received = 0
        self.facts = Facts()

    def _redirect(self, told: Told) -> None:
        self._redirects += 1
        if self._redirects > self._policy.max_redirects:
            raise self._failed("refused", "is redirected again and again", told.status)
        try:
            target = urljoin(self._url, told.headers.get("location", ""))
            secure = urlsplit(target).scheme == "https"
        except ValueError:
            raise self._failed(
                "refused", "is redirected to a URL that cannot be read", told.status
            ) from None
        if urlsplit(self._url).scheme == "https" and not secure:
            raise self._failed(
                "refused", f"is redirected to {shown_url(target)}, without TLS", told.status
            )
        self._url = self._checked_url(target)

    def _renew(self, status: int) -> Generator[Command, Told, None]:
        if self._renewals >= self._policy.max_renewals:
            gone = status in (404, 410)
            raise self._failed(
                "gone" if gone else "refused",
                f"is refused by storage with {status}, also with a new URL",
                status,
            )
        self._renewals += 1
        self._redirects = 0
        told = yield from self._do(Renew(self._told_url, self._deadline))
        if isinstance(told.error, NotFound) or (told.error is None and told.url is None):
            why = "" if isinstance(self._remote, RemoteFile) else _OUTPUTS_ARE_DELETED
            raise self._failed("gone", f"is no longer there{why}", status) from told.error
        if told.error is not None:
            raise self._failed(
                "expired", f"has a URL that expired and could not be renewed: {told.error}", status
            ) from told.error
        assert told.url is not None
        self._told_url = told.url
        self._url = self._checked_url(told.url)

    def _wait_after(self, error: DatalabError) -> Generator[Command, Told, None]:
        if isinstance(error, (ConfigurationError, BudgetExhausted)):
            raise error
        status = error.status if isinstance(error, StatusError) else None
        if not (may_pass(error) or isinstance(error, DownloadFailed)):
            raise self._failed("refused", f"could not be fetched: {error}", status) from error
        try:
            away = self._faults.forgive(error)
        except DatalabError as last:
            if isinstance(last, DownloadFailed):
                raise
            raise self._failed("unreachable", f"could not be fetched: {last}", status) from last
        if self._now + away >= self._deadline:
            raise self._failed(
                "unreachable", f"was not fetched in time: {error}", status
            ) from error
        yield from self._do(Sleep(away))

    def _checked_url(self, url: str) -> str:
        try:
            return checked_storage_url(url, allow_http=self._allow_http)
        except NotSecure as error:
            raise self._failed("refused", f"has {error}") from None

    def _failed(
        self, reason: FailureReason, message: str, status: int | None = None
    ) -> DownloadFailed:
        return download_failed(self._remote, reason, message, status)


FailureReason: TypeAlias = Literal[
    "unreachable",
    "refused",
    "expired",
    "gone",
    "incomplete",
    "corrupt",
    "too large",
    "exists",
    "disk",
]


def download_failed(
    remote: Remote, reason: FailureReason, message: str, status: int | None = None
) -> DownloadFailed:
    """Make the error that names the output or the file, and tells why it cannot be had."""
    # A step or a file may be called by a presigned URL, and an error is shown to anybody.
    if isinstance(remote, RemoteFile):
        return DownloadFailed(
            f"The file {shown_name(remote.name)!r} (id {remote.file_id}) {message}",
            file_id=remote.file_id,
            status=status,
            reason=reason,
        )
    step = shown_name(remote.step)
    file_key = shown_name(remote.file_key) if remote.file_key is not None else None
    file = f" [{file_key}]" if file_key is not None else ""
    return DownloadFailed(
        f"The output of step {step}{file} of execution {remote.execution_id} {message}",
        execution_id=remote.execution_id,
        step=step,
        file_key=file_key,
        status=status,
        reason=reason,
    )


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
        raise NotSecure(f"a URL that is no https URL: {shown_url(url)}")
    if parts.scheme == "http" and not (allow_http or _is_this_machine(host)):
        raise NotSecure(f"a URL without TLS: {shown_url(url)}. Allow it with allow_http=True")
    return url


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _length(headers: Mapping[str, str]) -> int | None:
    told = headers.get("content-length", "")
    return int(told) if re.fullmatch(r"\d{1,18}", told) else None


def _facts_of(headers: Mapping[str, str], total: int | None) -> Facts:
    etag = headers.get("etag", "")
    # A weak ETag promises the same meaning, not the same bytes.
    strong = re.fullmatch(r'"[!#-~]{1,998}"', etag)
    date = re.fullmatch(r"[ -~]{1,100}", headers.get("last-modified", ""))
    validator = strong or date
    encoding = headers.get("content-encoding", "").strip().lower()
    return Facts(
        total=total,
        validator=validator[0] if validator else None,
        encoding="" if encoding == "identity" else encoding,
        media_type=headers.get("content-type"),
        digests=_digests_of(headers),
    )


def _digests_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Give what the whole object must hash to, by what storage tells of it."""
    digests: dict[str, str] = {}
    for header, algorithm in (
        ("content-md5", "md5"),
        ("x-amz-checksum-sha256", "sha256"),
        ("x-amz-checksum-sha1", "sha1"),
        ("x-amz-checksum-crc32", "crc32"),
    ):
        value = _from_base64(headers.get(header, ""), _DIGESTS[algorithm])
        if value is not None:
            digests[algorithm] = value
    # The ETag of an object that was stored in one piece, and not encrypted with
    # a key of its owner's, is its MD5.
    encrypted = headers.get("x-amz-server-side-encryption", "").startswith("aws:kms") or any(
        name.startswith("x-amz-server-side-encryption-customer") for name in headers
    )
    etag = headers.get("etag", "")
    if "md5" not in digests and not encrypted and re.fullmatch(r'"[0-9a-f]{32}"', etag):
        digests["md5"] = etag.strip('"')
    return digests


def _from_base64(value: str, size: int) -> str | None:
    import base64
    import binascii

    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    # Something of another size, such as a checksum of checksums, tells nothing.
    return raw.hex() if len(raw) == size else None
