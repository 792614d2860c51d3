# Generated from async_resource.py by scripts/unasync.py; change that file, not this one.
"""Document requests, for blocking code: submit, poll, wait, take the result; one or many."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, TypeVar, Unpack, cast, overload

import attrs

from datalab_facade.arguments import checked_callable, checked_seconds
from datalab_facade.concurrency import off_loop
from datalab_facade.context import Context
from datalab_facade.decoding import decode_json
from datalab_facade.documents.handles import DocumentHandle
from datalab_facade.documents.job_ids import id_with_verb
from datalab_facade.documents.kind import DocumentLike, KnownRequest, failure_of, known_request
from datalab_facade.documents.late_values import (
    LateValue,
    asking_again,
    checked_late_value,
    has_arrived,
)
from datalab_facade.documents.result_decoding import decode_result, overlaid
from datalab_facade.documents.results import DocumentResult, Extraction
from datalab_facade.documents.saving import SavedResult, save_result
from datalab_facade.documents.snapshots import DocumentRequest
from datalab_facade.documents.sources import DocumentSource
from datalab_facade.documents.submissions import (
    Accepted,
    PlannedSubmission,
    UploadWay,
    group_of,
    planned_submission,
    remote_result,
)
from datalab_facade.documents.submitter import Submitter
from datalab_facade.documents.tasks import Task
from datalab_facade.documents.verb_options import VerbOptions, call_options
from datalab_facade.documents.verbs import DocumentVerbs
from datalab_facade.errors import DatalabError
from datalab_facade.files.descriptions import MAX_FILE_BYTES
from datalab_facade.files.resource import Files
from datalab_facade.jobs.changes import OnChange
from datalab_facade.jobs.learning import Submitted
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.options import CallOptions
from datalab_facade.transfers.downloads import Downloads
from datalab_facade.transfers.policies import DEFAULT_TIMEOUT
from datalab_facade.transfers.progress import OnProgress
from datalab_facade.transfers.sinks import DEFAULT_MAX_BYTES
from datalab_facade.transport.api import ApiTransport
from datalab_facade.transport.storage import StorageTransport

T = TypeVar("T")
R = TypeVar("R", bound=DocumentResult)
ResultT = TypeVar("ResultT", bound=DocumentResult)
# The server may have taken all the time there was; the error of the wait names the request.
LEAST_TIMEOUT = 0.001


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
        self._submitter = Submitter(self._calls, files, context)
        self._downloads = Downloads(storage, context)

    def submit(
        self,
        task: Task[R],
        source: DocumentSource | None = None,
        *,
        name: str | None = None,
        content_type: str | None = None,
        upload: UploadWay = "auto",
        max_bytes: int = MAX_FILE_BYTES,
        on_progress: OnProgress | None = None,
        checksum: bool = False,
        retry_overloaded: bool = False,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> DocumentHandle[R]:
        """Submit a task, once. This costs money and cannot be cancelled.

        A file is streamed from disk, in constant memory. The request is retried only if the
        server certainly did not act on it: it was not reached, refused the request unread (429),
        or did not get the end of the file.

        Args:
            task: What to do: ``Convert()``, ``Extract(schema)`` and so on.
            source: The document: a path, an ``http(s)`` URL, a ``datalab://`` reference, bytes, a
                file opened in binary mode, an uploaded file, or an earlier result with a
                checkpoint. A text is a URL, a reference, or else a path.
            name: The file's name at Datalab; by default the last part of its path.
            content_type: The file's media type; by default that of the name's suffix.
            upload: ``"form"`` sends a file in the request, ``"storage"`` uploads it before;
                ``"auto"`` does the first unless the task has a ``processing_location``, with which
                the API takes no file.
            max_bytes: The largest size of a file in bytes; 200 MB by default, Datalab's limit.
            on_progress: Called with a :class:`~datalab_facade.Progress` some times a second.
            checksum: Compute the file's SHA-256 as it is sent, for receipts.
            retry_overloaded: Whether to retry after 503 and 529, too, trusting that an overloaded
                server did nothing. If it did, the request is paid twice.
            timeout: Seconds, or a timedelta, for the whole call, which does not wait for the end;
                by default an hour with a file, and else the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

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
        planned = planned_submission(
            task, source, name=name, content_type=content_type, upload=upload
        )
        seconds = planned.longest(self._context.options)
        if timeout is not None:
            seconds = min(checked_seconds("timeout", timeout), DEFAULT_TIMEOUT)
        accepted = self._submitter.start(
            planned,
            seconds=seconds,
            max_bytes=max_bytes,
            on_progress=on_progress,
            checksum=checksum,
            retry_overloaded=retry_overloaded,
            options=options,
        )
        return self._handle_of(task, planned, accepted)

    @overload
    def result(
        self,
        job: DocumentHandle[R],
        *,
        output_dir: str | os.PathLike[str] | None = None,
        wait_for: LateValue | None = None,
        timeout: float | timedelta | None = None,
        policy: WaitPolicy | None = None,
        on_change: OnChange[DocumentRequest] | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        **options: Unpack[CallOptions],
    ) -> R: ...
    @overload
    def result(
        self,
        job: DocumentLike,
        *,
        output_dir: str | os.PathLike[str] | None = None,
        wait_for: LateValue | None = None,
        timeout: float | timedelta | None = None,
        policy: WaitPolicy | None = None,
        on_change: OnChange[DocumentRequest] | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        **options: Unpack[CallOptions],
    ) -> DocumentResult: ...
    def result(
        self,
        job: DocumentLike,
        *,
        output_dir: str | os.PathLike[str] | None = None,
        wait_for: LateValue | None = None,
        timeout: float | timedelta | None = None,
        policy: WaitPolicy | None = None,
        on_change: OnChange[DocumentRequest] | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        **options: Unpack[CallOptions],
    ) -> object:
        """Wait until a request has ended well, and return its result.

        A result that is not in the answer itself is fetched from where the answer says, without
        the key. Results are deleted an hour after they are complete.

        Args:
            job: Its id with its endpoint, its ``request_check_url``, a snapshot or a handle. Only
                a handle knows the task, and so the type of the result.
            output_dir: A folder to save the result in as well; see :meth:`save`.
            wait_for: ``"cost"`` or ``"scores"``: go on polling until the server has filled that
                in, within the deadline and for at most a minute. It may not be there all the same.
            timeout: Seconds until the hard deadline, or a timedelta; by default the policy's, two
                hours. ``math.inf`` waits without end.
            policy: How often to poll and what to retry; by default the client's.
            on_change: Called with each change as it is seen.
            max_bytes: The largest result in bytes that is fetched into memory.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

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
        known = self._known(job)
        late = checked_late_value(wait_for)
        clock = self._context.clock
        limits = self._context.policy_for_wait(timeout, policy, options, self.kind.policy)
        deadline = clock.monotonic() + limits.timeout
        ended = self.wait(known.id, timeout=timeout, policy=policy, on_change=on_change, **options)
        result = self._result_of(ended, known, deadline, max_bytes)
        for pause in asking_again(late, now=clock.monotonic(), deadline=deadline):
            if has_arrived(result, late):
                break
            clock.sleep(pause)
            try:
                newer = self.get(known.id, timeout=limits.request_timeout, **options)
                result = self._result_of(newer, known, deadline, max_bytes)
            except DatalabError:
                # What there is already is not lost for what is still to come.
                continue
        if output_dir is not None:
            off_loop(lambda: save_result(result, output_dir))
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
        return cast("ResultT", self._result_of(snapshot, known, deadline, max_bytes))

    def save(self, result: DocumentResult, output_dir: str | os.PathLike[str]) -> SavedResult:
        """Save a result to a folder, as the official command line does; nothing is sent.

        Args:
            result: The result.
            output_dir: The folder: ``output_dir/STEM/STEM.md`` and so on, with images beside it
                so that links hold, and a receipt.

        Returns:
            The receipt.

        Raises:
            LocalFileError: The files cannot be written.
        """
        return off_loop(lambda: save_result(result, output_dir))

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
        model.record_submission(self.kind.name, known.id, Submitted(group_of(known.task), at))

    def _perform(
        self,
        task: Task[R],
        source: DocumentSource | None,
        *,
        output_dir: str | os.PathLike[str] | None,
        wait_for: LateValue | None,
        timeout: float | timedelta | None,
        on_change: OnChange[DocumentRequest] | None,
        options: VerbOptions,
    ) -> R:
        planned = planned_submission(
            task,
            source,
            name=options.get("name"),
            content_type=options.get("content_type"),
            upload=options.get("upload", "auto"),
        )
        checked_late_value(wait_for)
        checked_callable("on_change", on_change)
        clock, policy, for_calls = self._context.clock, options.get("policy"), call_options(options)
        limits = self._context.policy_for_wait(timeout, policy, for_calls, self.kind.policy)
        deadline = clock.monotonic() + limits.timeout
        accepted = self._submitter.start(
            planned,
            seconds=min(planned.longest(self._context.options), limits.timeout),
            max_bytes=options.get("max_bytes", MAX_FILE_BYTES),
            on_progress=options.get("on_progress"),
            checksum=output_dir is not None,
            retry_overloaded=options.get("retry_overloaded", False),
            options=for_calls,
        )
        return self.result(
            self._handle_of(task, planned, accepted),
            output_dir=output_dir,
            wait_for=wait_for,
            timeout=max(LEAST_TIMEOUT, deadline - clock.monotonic()),
            policy=policy,
            on_change=on_change,
            **for_calls,
        )

    def _handle_of(
        self, task: Task[R], planned: PlannedSubmission, accepted: Accepted
    ) -> DocumentHandle[R]:
        known = KnownRequest(
            accepted.id,
            task,
            source=planned.source_name,
            source_sha256=accepted.source_sha256,
            submitted_at=self._context.clock.now(),
        )
        return cast("DocumentHandle[R]", self._handle(known))

    def _result_of(
        self, ended: DocumentRequest, known: KnownRequest, deadline: float, max_bytes: int
    ) -> DocumentResult:
        if not ended.succeeded:
            raise failure_of(ended)
        body: Any = ended.raw
        if ended.result_url is not None:
            fetched = self._fetch(ended, deadline, max_bytes)
            body = overlaid(decode_json(fetched), dict(ended.raw))
        return self._context.record_drift(
            *decode_result(
                body,
                job_id=ended.id,
                task=known.task,
                into=known.into,
                source=known.source,
                source_sha256=known.source_sha256,
                observed_at=ended.observed_at,
            )
        )

    def _fetch(self, ended: DocumentRequest, deadline: float, max_bytes: int) -> bytes:
        def renew(_: str, left: float) -> str | None:
            newer = self.get(ended.id, timeout=left)
            return newer.result_url

        # A wait without an end does not make a download without one.
        latest = self._context.clock.monotonic() + DEFAULT_TIMEOUT
        return self._downloads.read(
            remote_result(ended), renew, deadline=min(deadline, latest), max_bytes=max_bytes
        )
