# Generated from async_resource.py by scripts/unasync.py; change that file, not this one.
"""Document requests, for blocking code: submit, poll, wait, take the result; one or many."""

from __future__ import annotations

import contextlib
import os
from datetime import timedelta
from typing import Any, TypeVar, Unpack, cast, overload

import attrs

from datalab_facade.arguments import checked_callable, checked_count, checked_seconds
from datalab_facade.context import Context
from datalab_facade.documents.handles import DocumentHandle
from datalab_facade.documents.job_ids import id_with_verb, is_request_id, split_id
from datalab_facade.documents.kind import DocumentLike, KnownRequest, known_request
from datalab_facade.documents.late_values import (
    LONGEST,
    asking_again,
    checked_late_value,
    has_arrived,
)
from datalab_facade.documents.page_ranges import PageRange, to_page_range
from datalab_facade.documents.receipts import SavedResult
from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.documents.result_reading import PollAgain, ResultReader
from datalab_facade.documents.results import Extraction
from datalab_facade.documents.snapshots import DocumentRequest
from datalab_facade.documents.sources import DocumentSource
from datalab_facade.documents.submissions import (
    group_of,
    planned_submission,
)
from datalab_facade.documents.submitter import Submitter
from datalab_facade.documents.task_base import Task
from datalab_facade.documents.thumbnail_decoding import decode_thumbnails
from datalab_facade.documents.verb_options import (
    ResultOptions,
    SubmitOptions,
    VerbOptions,
    call_options,
    result_options,
    submit_options,
    wait_options,
)
from datalab_facade.documents.verbs import DocumentVerbs
from datalab_facade.errors import DatalabError, ExtractionMismatchError
from datalab_facade.files.resource import Files
from datalab_facade.jobs.changes import OnChange
from datalab_facade.jobs.learning import Submitted
from datalab_facade.keywords import shows_options
from datalab_facade.options import CallOptions, WaitOptions, check_names
from datalab_facade.transfers.policies import DEFAULT_TIMEOUT
from datalab_facade.transfers.sinks import DEFAULT_MAX_BYTES
from datalab_facade.transport.api import ApiTransport
from datalab_facade.transport.document_operations import thumbnails
from datalab_facade.transport.storage import StorageTransport

T = TypeVar("T")
R = TypeVar("R", bound=DocumentResult)
ResultT = TypeVar("ResultT", bound=DocumentResult)
# The server may have taken all the time there was; the error of the wait names the request.
_LEAST_TIMEOUT = 0.001


@shows_options(CallOptions, WaitOptions, SubmitOptions, ResultOptions)
class Documents(DocumentVerbs):
    """Documents, for blocking code. Found at ``client.documents``.

    >>> def text(client, path):
    ...     handle = client.documents.submit(Convert(), path)
    ...     return (handle.result()).markdown
    """

    def __init__(
        self,
        api: ApiTransport,
        storage: StorageTransport,
        files: Files,
        context: Context,
    ) -> None:
        super().__init__(api, context)
        self.submitter = Submitter(self._calls, files, context)
        """Submits what was planned, with hooks for a journal; for runs."""
        self._results = ResultReader(storage, context)

    def submit(
        self,
        task: Task[R],
        source: DocumentSource | None = None,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[SubmitOptions],
    ) -> DocumentHandle[R]:
        """Submit a task, once. This costs money and cannot be canceled.

        A file is streamed from disk, in constant memory. The request is retried only if the
        server certainly did not act on it: it was not reached, refused the request unread (429),
        or did not get the end of the file.

        Args:
            task: What to do: ``Convert()``, ``Extract(schema)`` and so on.
            source: The document: a path, an ``http(s)`` URL, a ``datalab://`` reference, bytes, a
                file opened in binary mode, an uploaded file, or an earlier result with a
                checkpoint. A text is a URL, a reference, or else a path.
            timeout: Seconds, or a timedelta, for the whole call, which does not wait for the end;
                by default an hour with a file, and else the client's, a minute.
            options: ``on_progress``, ``name`` and more; see
                :class:`~datalab_facade.documents.verb_options.SubmitOptions`.

        Returns:
            A handle, to wait with.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            UploadError: The file is missing, empty, too large or cannot be read, or changed
                meanwhile; nothing was started.
            AuthenticationError: The key is wrong.
            PaymentRequiredError: The account has reached its spending limit.
            UnprocessableEntityError: The server did not accept the request.
            APIStatusError: The server answered with another error; nothing was started.
            RequestRejectedError: The server reports a refusal with a success status.
            APIConnectionError: The server was not reached, or did not get the end of the file.
            SubmissionUncertainError: The request was sent, but it is not known whether the server
                acted on it.
        """
        check_names(options, SubmitOptions)
        planned = planned_submission(task, source, options)
        seconds = planned.longest(self._context.options)
        if timeout is not None:
            seconds = min(checked_seconds("timeout", timeout), DEFAULT_TIMEOUT)
        return self._handle(self.submitter.start(planned, seconds=seconds, options=options))

    @overload
    def result(
        self,
        job: DocumentHandle[R],
        *,
        on_change: OnChange[DocumentRequest] | None = None,
        **options: Unpack[ResultOptions],
    ) -> R: ...
    @overload
    def result(
        self,
        job: DocumentLike,
        *,
        on_change: OnChange[DocumentRequest] | None = None,
        **options: Unpack[ResultOptions],
    ) -> DocumentResult: ...
    def result(
        self,
        job: DocumentLike,
        *,
        on_change: OnChange[DocumentRequest] | None = None,
        **options: Unpack[ResultOptions],
    ) -> object:
        """Wait until a request has ended well, and return its result.

        A result that is not in the answer itself is fetched from where the answer says, without
        the key. Results are deleted an hour after they are complete.

        Args:
            job: Its id with its endpoint, its ``request_check_url``, a snapshot or a handle. Only
                a handle knows the task, and so the type of the result.
            on_change: Called with each change as it is seen.
            options: ``timeout``, seconds until the hard deadline, by default the policy's, two
                hours; ``output_dir``, a folder to save the result in as well; ``wait_for="cost"``
                or ``"scores"``, which the server may fill in later; and more, see
                :class:`~datalab_facade.documents.verb_options.ResultOptions`.

        Returns:
            The result, by the kind of request.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            DocumentFailedError: The request ended badly; the error has the server's words.
            ResultExpiredError: The request is unknown to this key, or its result was deleted.
            EmptyResultError: Nothing came of what was asked for.
            ExtractionMismatchError: What was extracted does not fit the type; the error holds it.
            OutputTooLargeError: The result is larger than ``max_bytes``.
            DownloadError: The result could not be fetched.
            WaitTimeoutError: The deadline came first; the request goes on.
            DatalabError: Whatever else :meth:`wait` raises.
        """
        check_names(options, ResultOptions)
        late, known = checked_late_value(options.get("wait_for")), self._known(job)
        output_dir, waits = options.get("output_dir"), wait_options(options)
        max_bytes, clock = options.get("max_bytes", DEFAULT_MAX_BYTES), self._context.clock
        deadline = clock.monotonic() + self._limit(waits)
        ended = self.wait(known.id, on_change=on_change, **waits)
        try:
            result = self._read(ended, known, deadline, max_bytes)
        except ExtractionMismatchError as error:
            # What does not fit the type was paid for as well.
            if output_dir is not None:
                with contextlib.suppress(DatalabError):
                    self._results.save_result(error.extraction, output_dir)
            raise
        deadline = min(deadline, clock.monotonic() + LONGEST)
        for pause in asking_again(clock.monotonic, deadline):
            if has_arrived(result, late):
                break
            clock.sleep(pause)
            left = deadline - clock.monotonic()
            if left <= 0:
                break
            limit = min(left, self._context.options.timeout)
            # What there is already is not lost for what is still to come.
            with contextlib.suppress(DatalabError):
                newer = self.get(known.id, timeout=limit, **call_options(options))
                result = self._read(newer, known, deadline, max_bytes)
        if output_dir is not None:
            self._results.save_result(result, output_dir)
        return result

    def refresh(
        self,
        result: ResultT,
        *,
        timeout: float | timedelta | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        **options: Unpack[CallOptions],
    ) -> ResultT:
        """Ask again for a result, since the server fills in the cost and scores later.

        Args:
            result: The result.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            max_bytes: The largest result in bytes that is fetched into memory.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The result as it stands now.

        Raises:
            ResultExpiredError: The result was deleted, an hour after it was complete.
            DatalabError: Whatever else :meth:`get` and :meth:`result` raise.
        """
        known = self._known(result)
        limit = self._context.options_for_call(timeout, options).timeout
        deadline = self._context.clock.monotonic() + limit
        snapshot = self.get(known.id, timeout=timeout, **options)
        return cast("ResultT", self._read(snapshot, known, deadline, max_bytes))

    def save(
        self,
        job: DocumentLike,
        output_dir: str | os.PathLike[str],
        *,
        on_change: OnChange[DocumentRequest] | None = None,
        **options: Unpack[WaitOptions],
    ) -> SavedResult:
        """Save a result to a folder, as the official command line does.

        Of a result that is in memory already nothing is sent. For anything else this waits for the
        end, and a result that is not in the answer itself is saved in constant memory, however
        large it is.

        Args:
            job: A result, or whatever :meth:`result` takes.
            output_dir: The folder: ``output_dir/STEM/STEM.md`` and so on, with images beside it
                so that links hold, and a receipt.
            on_change: Called with each change as it is seen.
            options: ``timeout`` and more, as :meth:`wait`.

        Returns:
            The receipt.

        Raises:
            LocalFileError: The files cannot be written; nothing incomplete has its name.
            EmptyResultError: Something that was asked for came empty; the rest is saved.
            DatalabError: Whatever :meth:`result` raises.
        """
        if isinstance(job, DocumentResult):
            return self._results.save_result(job, output_dir)
        known = self._known(job)
        deadline = self._context.clock.monotonic() + self._limit(options)
        ended = self.wait(known.id, on_change=on_change, **options)
        again = self._polling_again(known)
        return self._results.save(ended, known, again, output_dir, deadline=deadline)

    def thumbnails(
        self,
        document: DocumentLike,
        *,
        page_range: PageRange | None = None,
        width: int | None = None,
        track_changes: bool = False,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> tuple[bytes, ...]:
        """Return small pictures of a document's pages, as JPEG files.

        Args:
            document: A request, or the API's bare lookup key.
            page_range: The pages: ``"0,5-10"``, a ``range``, or numbers. The first page is 0.
            width: The width in pixels; 300 by default.
            track_changes: Whether they show tracked changes.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            RequestRejectedError: The server has none, and says why.
            DatalabError: Whatever else :meth:`get` raises.
        """
        key = str(document) if is_request_id(document) else split_id(self._id(document))[1]
        operation = thumbnails(
            key,
            page_range=to_page_range(page_range),
            width=None if width is None else checked_count("width", width, least=1),
            track_changes=track_changes,
        )
        return self._calls.query(
            operation, decode_thumbnails, timeout=timeout, options=options, subject=key
        )

    @overload
    def handle(self, job: DocumentHandle[R]) -> DocumentHandle[R]: ...
    @overload
    def handle(
        self, job: DocumentLike, *, verb: str | None = None, into: type[T]
    ) -> DocumentHandle[Extraction[T]]: ...
    @overload
    def handle(
        self, job: DocumentLike, *, verb: str | None = None
    ) -> DocumentHandle[DocumentResult]: ...
    def handle(
        self, job: DocumentLike, *, verb: str | None = None, into: type | None = None
    ) -> object:
        """Return a handle of a request; nothing is sent.

        Args:
            job: Its id with its endpoint, its ``request_check_url``, a snapshot, a result, a handle
                that was pickled or belongs to another client, or the dict of a handle's
                ``to_dict``; with ``verb``, the API's bare request id.
            verb: What was submitted, such as ``"convert"`` or ``"track_changes"``.
            into: The type of an extraction's value, which JSON does not hold.

        Raises:
            InvalidArgumentError: It is none of these, or belongs to another API's address.
        """
        known = self._known(job if verb is None else id_with_verb(job, verb))
        return self._handle(known if into is None else attrs.evolve(known, into=into))

    def _handle(self, known: KnownRequest) -> DocumentHandle[Any]:
        self._remember(known)
        return DocumentHandle(
            id=known.id,
            jobs=self,
            task=known.task,
            into=known.into,
            source=known.source,
            source_sha256=known.source_sha256,
            submitted_at=known.submitted_at,
        )

    def _id(self, job: object) -> str:
        return self._known(job).id

    def _known(self, job: object) -> KnownRequest:
        known = known_request(job, self._transport.origin.base_url)
        self._remember(known)
        return known

    def _remember(self, known: KnownRequest) -> None:
        """Let waits know how old the request is, and which others take about as long."""
        model, clock = self._context.duration_model, self._context.clock
        if model is None or known.task is None or known.submitted_at is None:
            return
        age = (clock.now() - known.submitted_at).total_seconds()
        at = clock.monotonic() - max(age, 0.0)
        model.record_submission((self.kind.name, known.id), Submitted(group_of(known.task), at))

    def _perform(
        self,
        task: Task[R],
        source: DocumentSource | None,
        *,
        on_change: OnChange[DocumentRequest] | None,
        options: VerbOptions,
    ) -> R:
        checked_late_value(options.get("wait_for"))
        checked_callable("on_change", on_change)
        planned, clock = planned_submission(task, source, options), self._context.clock
        limit = self._limit(wait_options(options))
        deadline = clock.monotonic() + limit
        sending = submit_options({"checksum": options.get("output_dir") is not None, **options})
        seconds = min(planned.longest(self._context.options), limit)
        known = self.submitter.start(planned, seconds=seconds, options=sending)
        left = max(_LEAST_TIMEOUT, deadline - clock.monotonic())
        waiting = result_options({**options, "timeout": left})
        handle: DocumentHandle[R] = self._handle(known)
        return self.result(handle, on_change=on_change, **waiting)

    def _limit(self, options: WaitOptions) -> float:
        """Return the seconds until the deadline of a wait."""
        if (timeout := options.get("timeout")) is not None:
            return checked_seconds("timeout", timeout)
        policy = options.get("policy")
        return self._context.policy_for_wait(None, policy, {}, self.kind.policy).timeout

    def _read(
        self, ended: DocumentRequest, known: KnownRequest, deadline: float, max_bytes: int
    ) -> DocumentResult:
        again = self._polling_again(known)
        return self._results.read(ended, known, again, deadline=deadline, max_bytes=max_bytes)

    def _polling_again(self, known: KnownRequest) -> PollAgain:
        return lambda left: self.get(known.id, timeout=left)
