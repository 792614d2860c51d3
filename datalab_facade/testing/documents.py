"""The document requests of the simulated service, and access to them for tests."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal, TypeAlias, get_args

import attrs

from datalab_facade.clock import Clock
from datalab_facade.testing.checking import check_type, check_whole
from datalab_facade.testing.document_scripts import DocumentScript
from datalab_facade.testing.forms import FormPart
from datalab_facade.testing.jsonvalue import JSON
from datalab_facade.testing.parameters import TRUE
from datalab_facade.testing.store_views import StoreView

DocumentEndpoint: TypeAlias = Literal[
    "convert",
    "extract",
    "segment",
    "fill",
    "track-changes",
    "agent",
    "create-document",
    "marker/extraction/gen_schemas",
]
"""What a document request asks for: the path that it is sent to, below ``/api/v1/``."""


@attrs.frozen(kw_only=True, eq=False)
class StoredDocumentRequest:
    """A document request that the service accepted; it is equal only to itself."""

    request_id: str
    endpoint: DocumentEndpoint
    fields: Mapping[str, JSON]
    """The fields of the form as text, or of the JSON body; without those that the API ignores."""
    file: FormPart | None = None
    """The document, if it came with the form."""
    document_pages: int
    """Pages of the document, selected or not."""
    pages: tuple[int, ...]
    """The numbers of the selected pages; the first page is 0."""
    checkpoint_id: str | None = None
    """The checkpoint that it saves."""
    script: DocumentScript
    created_at: datetime
    created_monotonic: float

    def text(self, name: str) -> str:
        """Return a field as text; empty if it was not sent."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def flag(self, name: str) -> bool:
        """Return whether a field says yes."""
        return self.text(name).lower() in TRUE

    def age(self, clock: Clock) -> float:
        """Return the seconds since its submission."""
        return clock.monotonic() - self.created_monotonic

    def since_end(self, clock: Clock) -> float | None:
        """Return the seconds since its end; ``None`` before it."""
        seconds = self.script.seconds
        age = self.age(clock)
        return None if seconds is None or age < seconds else age - seconds

    def is_visible(self, clock: Clock) -> bool:
        """Return whether the service knows it: it is visible and not deleted."""
        since, kept_for = self.since_end(clock), self.script.kept_for
        if self.age(clock) < self.script.visible_after:
            return False
        return since is None or kept_for is None or since < kept_for

    @property
    def cost_cents(self) -> int:
        """What it costs; a failure costs nothing."""
        if self.script.failed:
            return 0
        cost = self.script.cost_cents
        return len(self.pages) if cost is None else cost


DocumentHook: TypeAlias = Callable[[StoredDocumentRequest], "DocumentScript | None"]
"""Returns the script of a request, or ``None``. The request has the default script."""


@attrs.define
class DocumentStore:
    """All document requests and their scripts. The simulator's lock guards it."""

    by_id: dict[str, StoredDocumentRequest] = attrs.field(factory=dict[str, StoredDocumentRequest])
    queue: list[tuple[str | None, DocumentScript]] = attrs.field(
        factory=list[tuple[str | None, DocumentScript]]
    )
    hooks: list[DocumentHook] = attrs.field(factory=list[DocumentHook])
    checkpoints: dict[str, int] = attrs.field(factory=dict[str, int])
    """The number of pages behind each checkpoint."""
    page_limit: int = 5000
    spend_cap_cents: int | None = None
    last_id: int = 0

    def add(self, request: StoredDocumentRequest) -> None:
        """Store a request."""
        self.by_id[request.request_id] = request
        if request.checkpoint_id is not None:
            self.checkpoints[request.checkpoint_id] = request.document_pages

    def next_ids(self) -> tuple[str, str]:
        """Return the id of the next request, and that of a checkpoint."""
        self.last_id += 1
        return _token(f"request {self.last_id}"), _token(f"checkpoint {self.last_id}")

    def script_for(self, request: StoredDocumentRequest) -> DocumentScript:
        """Select the script of a request: the first queued one, else from the latest hook."""
        for position, (endpoint, script) in enumerate(self.queue):
            if endpoint in (None, request.endpoint):
                del self.queue[position]
                return script
        for hook in reversed(self.hooks):
            selected = hook(request)
            if selected is not None:
                return selected
        return request.script

    def pages_in_flight(self, clock: Clock) -> int:
        """Return the number of pages of all requests that have not ended."""
        return sum(
            len(request.pages)
            for request in self.by_id.values()
            if request.since_end(clock) is None
        )

    @property
    def spent_cents(self) -> int:
        """The cost of all requests."""
        return sum(request.cost_cents for request in self.by_id.values())


class Documents(StoreView[str, StoredDocumentRequest]):
    """The document requests of a simulator by id, oldest first; see ``simulator.documents``.

    Scripts say what the next ones do::

        simulator.documents.script(DocumentScript(seconds=30, markdown="# Invoice"))
        simulator.documents.script_always(DocumentScript(error="no pages"), endpoint="extract")

    Without a script, a request ends after three seconds, with a result made from what was sent.
    """

    def __init__(self, store: DocumentStore, clock: Clock, lock: threading.RLock) -> None:
        super().__init__(store, lock)
        self._store: Final = store
        self._clock: Final = clock

    def script(self, *scripts: DocumentScript, endpoint: DocumentEndpoint | None = None) -> None:
        """Set the scripts of the next requests: one for each, in order.

        Args:
            scripts: the scripts.
            endpoint: only requests to this endpoint. Default: any.

        Raises:
            TypeError: something is not a :class:`DocumentScript`.
            ValueError: there is no such endpoint.
        """
        _check_endpoint(endpoint)
        checked = [_check_script(script) for script in scripts]
        with self._lock:
            self._store.queue.extend((endpoint, script) for script in checked)

    def script_always(
        self, script: DocumentScript, *, endpoint: DocumentEndpoint | None = None
    ) -> None:
        """Set the script of every request to come.

        Scripts queued by :meth:`script` come first; a later call of this method or of
        :meth:`script_with` comes before an earlier one.

        Args:
            script: the script.
            endpoint: as for :meth:`script`.

        Raises:
            TypeError: as for :meth:`script`.
            ValueError: as for :meth:`script`.
        """
        _check_endpoint(endpoint)
        checked = _check_script(script)
        self.script_with(lambda request: checked if endpoint in (None, request.endpoint) else None)

    def script_with(self, hook: DocumentHook) -> None:
        """Let a function select the script of each request to come.

        Args:
            hook: a function of the request. It returns a script, or ``None`` to leave the
                decision to earlier calls.

        Raises:
            TypeError: the hook is not a function.
        """
        if not callable(hook):
            message = f"a hook must be a function of a request, not {hook!r}"
            raise TypeError(message)
        with self._lock:
            self._store.hooks.append(hook)

    @property
    def page_limit(self) -> int:
        """Pages that may be in flight at a time; can be set.

        As documented, a request that would exceed it is accepted, and its result has
        ``success: false``. Default: 5000.

        Raises:
            ValueError: it is set to something else than a whole number from 0 on.
        """
        return self._store.page_limit

    @page_limit.setter
    def page_limit(self, pages: int) -> None:
        check_whole("page_limit", pages, 0)
        with self._lock:
            self._store.page_limit = pages

    @property
    def spend_cap_cents(self) -> int | None:
        """Cents after which requests are refused with a 402; can be set. ``None``: no cap.

        Raises:
            ValueError: it is set to something else than a whole number from 0 on.
        """
        return self._store.spend_cap_cents

    @spend_cap_cents.setter
    def spend_cap_cents(self, cents: int | None) -> None:
        if cents is not None:
            check_whole("spend_cap_cents", cents, 0)
        with self._lock:
            self._store.spend_cap_cents = cents

    def start(
        self,
        script: DocumentScript | None = None,
        *,
        endpoint: DocumentEndpoint = "convert",
        fields: Mapping[str, JSON] | None = None,
        request_id: str | None = None,
    ) -> str:
        """Accept a request now that nobody sends, such as one of another process.

        Args:
            script: the script. Default: as for a request that is sent.
            endpoint: what it asks for.
            fields: what its form says; not checked.
            request_id: its id. Default: 22 characters, as in recorded answers.

        Returns:
            the request id.

        Raises:
            TypeError: the script is not a :class:`DocumentScript`.
            ValueError: there is no such endpoint, or there is a request with this id.
        """
        _check_endpoint(endpoint)
        if script is not None:
            _ = _check_script(script)
        with self._lock:
            if request_id in self._store.by_id:
                message = f"there is a document request with the id {request_id!r} already"
                raise ValueError(message)
            request = build_request(
                self._store, self._clock, endpoint, fields or {}, script=script, own_id=request_id
            )
            return request.request_id


def build_request(
    store: DocumentStore,
    clock: Clock,
    endpoint: DocumentEndpoint,
    fields: Mapping[str, JSON],
    *,
    file: FormPart | None = None,
    script: DocumentScript | None = None,
    own_id: str | None = None,
) -> StoredDocumentRequest:
    """Build and store a request, with its script and what follows from it.

    Raises:
        ValueError: the pages cannot be read.
    """
    request_id, checkpoint_id = store.next_ids()
    request = StoredDocumentRequest(
        request_id=own_id or request_id,
        endpoint=endpoint,
        fields=fields,
        file=file,
        document_pages=1,
        pages=(0,),
        script=DocumentScript(),
        created_at=clock.now(),
        created_monotonic=clock.monotonic(),
    )
    script = script or store.script_for(request)
    from_checkpoint = store.checkpoints.get(request.text("checkpoint_id"))
    count = script.pages if from_checkpoint is None else from_checkpoint
    pages = select_pages(request.text("page_range"), request.text("max_pages"), count)
    script = _within_limit(store, clock, script, len(pages))
    request = attrs.evolve(
        request,
        script=script,
        document_pages=count,
        pages=pages,
        checkpoint_id=checkpoint_id if request.flag("save_checkpoint") else None,
    )
    store.add(request)
    return request


def select_pages(page_range: str, max_pages: str, count: int) -> tuple[int, ...]:
    """Return the selected pages of a document: ``0,5-10``, or the first few, or all.

    Raises:
        ValueError: the range, or the number, cannot be read.
    """
    if not page_range:
        return tuple(range(min(count, max(0, int(max_pages))) if max_pages else count))
    selected: set[int] = set()
    for part in page_range.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isdecimal() and len(part) < 30 and (not dash or last.isdecimal())):
            message = f"Invalid page range: {page_range[:80]}"
            raise ValueError(message)
        start, stop = int(first), int(last) if dash else int(first)
        if start > stop:
            message = f"Invalid page range: {page_range[:80]}"
            raise ValueError(message)
        selected.update(range(start, min(stop + 1, count)))
    return tuple(page for page in sorted(selected) if page < count)


def _check_script(script: object) -> DocumentScript:
    return check_type(script, DocumentScript, "a script", "DocumentScript(markdown='# Invoice')")


def _check_endpoint(endpoint: str | None) -> None:
    known: tuple[str, ...] = get_args(DocumentEndpoint)
    if endpoint is not None and endpoint not in known:
        message = f"endpoint must be one of {', '.join(known)}, not {endpoint!r}"
        raise ValueError(message)


def _within_limit(
    store: DocumentStore, clock: Clock, script: DocumentScript, pages: int
) -> DocumentScript:
    current = store.pages_in_flight(clock)
    if current + pages <= store.page_limit:
        return script
    error = (
        f"Page rate limit exceeded. Your team has {current} pages in flight and this request adds "
        f"{pages} more ({current + pages} total, limit: {store.page_limit}). Please wait for some "
        "requests to complete before submitting more, or contact support@datalab.to for a higher "
        "limit."
    )
    return attrs.evolve(script, error=error, seconds=0.0)


def _token(text: str) -> str:
    # 22 characters of URL-safe base64, as in recorded answers.
    digest = hashlib.sha256(f"document {text}".encode()).digest()[:16]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
