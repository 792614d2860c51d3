# Generated from async_requests.py by scripts/unasync.py; change that file, not this one.
"""Requests about files, for blocking code: their operations, and how their answers are decoded."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from functools import partial
from typing import TypeVar

from datalab_facade.calling import ApiCaller
from datalab_facade.context import Context
from datalab_facade.drift import Drift
from datalab_facade.errors import DatalabError, UnprocessableEntityError
from datalab_facade.files.decoding import (
    decode_confirmation,
    decode_deletion,
    decode_file,
    decode_files,
    decode_link,
    decode_ticket,
)
from datalab_facade.files.descriptions import Described
from datalab_facade.files.models import File, FileLink
from datalab_facade.json_forms import JSON
from datalab_facade.options import CallOptions
from datalab_facade.paging import Paging
from datalab_facade.transfers.commands import Confirmation, Ticket
from datalab_facade.transport.api import ApiTransport
from datalab_facade.transport.operations import (
    Operation,
    confirm_upload,
    delete_file,
    file_download_url,
    file_metadata,
    list_files,
    request_upload_url,
)

_T = TypeVar("_T")


class FileRequests:
    """The requests about files, for blocking code.

    A file is named by its integer id or its hashid. If the API rejects a hashid (422), the
    integer id is looked up by confirming the upload, which accepts both.
    """

    def __init__(self, api: ApiTransport, context: Context) -> None:
        self._context = context
        self._calls = ApiCaller(api, context)

    def pages(
        self, paging: Paging[File], timeout: float | timedelta | None, options: CallOptions
    ) -> Generator[File, None, None]:
        """Yield the files of all pages."""
        return self._calls.pages(
            paging,
            lambda page: list_files(page.limit, page.offset),
            self._context.recording(decode_files),
            timeout=timeout,
            options=options,
            subject="list of files",
        )

    def file(
        self, number: int | str, timeout: float | timedelta | None, options: CallOptions
    ) -> File:
        """Request a file's metadata."""

        def ask(file_id: int | str) -> File:
            decode = partial(decode_file, requested_id=file_id)
            operation = file_metadata(file_id)
            return self._ask(operation, decode, timeout, options, f"file {file_id}")

        return self._by_id(number, ask, timeout, options)

    def link(
        self,
        number: int | str,
        lifetime: int,
        timeout: float | timedelta | None,
        options: CallOptions,
    ) -> FileLink:
        """Request a URL at which a file can be downloaded for so many seconds."""

        def ask(file_id: int | str) -> FileLink:
            decode = partial(decode_link, requested_id=file_id)
            operation = file_download_url(file_id, lifetime)
            return self._ask(operation, decode, timeout, options, f"file {file_id}")

        return self._by_id(number, ask, timeout, options)

    def delete(
        self, number: int | str, timeout: float | timedelta | None, options: CallOptions
    ) -> None:
        """Delete a file."""

        def ask(file_id: int | str) -> None:
            self._calls.delete(
                delete_file(file_id),
                self._context.recording(partial(decode_deletion, requested_id=file_id)),
                timeout=timeout,
                options=options,
                subject=f"file {file_id}",
            )

        self._by_id(number, ask, timeout, options)

    def ticket(
        self, described: Described, timeout: float | timedelta | None, options: CallOptions
    ) -> Ticket:
        """Request a URL for an upload."""
        operation = request_upload_url(described.name, described.content_type)
        subject = f"upload of {described.name!r}"
        return self._ask(operation, decode_ticket, timeout, options, subject)

    def confirmation(
        self, number: int | str, timeout: float | timedelta | None, options: CallOptions
    ) -> Confirmation:
        """Let the API confirm an upload."""
        decode = partial(decode_confirmation, requested_id=number)
        subject = f"confirmation of file {number}"
        return self._ask(confirm_upload(number), decode, timeout, options, subject)

    def _ask(
        self,
        operation: Operation,
        decode: Callable[[JSON], tuple[_T, set[Drift]]],
        timeout: float | timedelta | None,
        options: CallOptions,
        subject: str,
    ) -> _T:
        return self._calls.query(
            operation,
            self._context.recording(decode),
            timeout=timeout,
            options=options,
            subject=subject,
        )

    def _by_id(
        self,
        number: int | str,
        ask: Callable[[int | str], _T],
        timeout: float | timedelta | None,
        options: CallOptions,
    ) -> _T:
        """Ask about a file, by its integer id if the API rejects its hashid."""
        try:
            return ask(number)
        except UnprocessableEntityError as error:
            if isinstance(number, int):
                raise
            try:
                found = self.confirmation(number, timeout, options).file_id
            except DatalabError:
                raise error from None
        return ask(found)
