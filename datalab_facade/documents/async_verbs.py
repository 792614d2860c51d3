"""The verbs of documents, for async code: submit, wait and return the result, in one call."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar, Unpack, cast, overload

from datalab_facade.documents.kind import DOCUMENTS, DocumentLike
from datalab_facade.documents.late_values import LateValue
from datalab_facade.documents.results import (
    AgentResult,
    Conversion,
    CreatedDocument,
    DocumentResult,
    Extraction,
    FilledForm,
    SchemaSuggestions,
    Segmentation,
)
from datalab_facade.documents.snapshots import DocumentRequest
from datalab_facade.documents.sources import DocumentSource
from datalab_facade.documents.tasks import (
    Convert,
    CreateDocument,
    Extract,
    Fill,
    RunAgent,
    Segment,
    SuggestSchemas,
    Task,
    TrackChanges,
)
from datalab_facade.documents.verb_options import (
    ConvertOptions,
    CreateOptions,
    ExtractOptions,
    FillOptions,
    RunAgentOptions,
    SegmentOptions,
    SuggestSchemasOptions,
    TrackChangesOptions,
    VerbOptions,
    split_options,
)
from datalab_facade.jobs.async_resource import AsyncJobWaits
from datalab_facade.jobs.changes import AsyncOnChange
from datalab_facade.models import JSON

R = TypeVar("R", bound=DocumentResult)
T = TypeVar("T")


class AsyncDocumentVerbs(AsyncJobWaits[DocumentRequest, str, DocumentLike], ABC):
    """What can be done with documents, for async code."""

    kind = DOCUMENTS

    async def convert(
        self,
        source: DocumentSource,
        *,
        output_dir: str | os.PathLike[str] | None = None,
        wait_for: LateValue | None = None,
        timeout: float | timedelta | None = None,
        on_change: AsyncOnChange[DocumentRequest] | None = None,
        **keywords: Unpack[ConvertOptions],
    ) -> Conversion:
        """Convert a document to Markdown, HTML, JSON or chunks; wait for it, and return its text.

        Submit it, wait, and return the result; it is paid once.

        Args:
            source: A path, a URL, a ``datalab://`` reference, bytes, an open file, an uploaded
                file.
            output_dir: A folder to save the result in as well.
            wait_for: ``"cost"`` or ``"scores"``: go on polling, for at most a minute, until the
                server has filled that in.
            timeout: Seconds, or a timedelta, for all of it; by default the policy's, two hours.
            on_change: Called with each change as it is seen.
            keywords: The fields of :class:`~datalab_facade.Convert` and those of
                :class:`~datalab_facade.documents.VerbOptions`.

        Raises:
            DatalabError: Whatever :meth:`submit` and :meth:`result` raise.
        """
        fields, options = split_options(keywords)
        return await self._perform(
            Convert(**fields),
            source,
            output_dir=output_dir,
            wait_for=wait_for,
            timeout=timeout,
            on_change=on_change,
            options=options,
        )

    @overload
    async def extract(
        self,
        source: DocumentSource,
        schema: type[T],
        *,
        output_dir: str | os.PathLike[str] | None = None,
        wait_for: LateValue | None = None,
        timeout: float | timedelta | None = None,
        on_change: AsyncOnChange[DocumentRequest] | None = None,
        **keywords: Unpack[ExtractOptions],
    ) -> Extraction[T]: ...
    @overload
    async def extract(
        self,
        source: DocumentSource,
        schema: Mapping[str, JSON] | os.PathLike[str] | None = None,
        *,
        output_dir: str | os.PathLike[str] | None = None,
        wait_for: LateValue | None = None,
        timeout: float | timedelta | None = None,
        on_change: AsyncOnChange[DocumentRequest] | None = None,
        **keywords: Unpack[ExtractOptions],
    ) -> Extraction[dict[str, JSON]]: ...
    async def extract(
        self,
        source: DocumentSource,
        schema: type[T] | Mapping[str, JSON] | os.PathLike[str] | None = None,
        *,
        output_dir: str | os.PathLike[str] | None = None,
        wait_for: LateValue | None = None,
        timeout: float | timedelta | None = None,
        on_change: AsyncOnChange[DocumentRequest] | None = None,
        **keywords: Unpack[ExtractOptions],
    ) -> Extraction[T] | Extraction[dict[str, JSON]]:
        """Extract data from a document, as a value of the type that the schema is.

        Submit it, wait, and return the result; it is paid once.

        Args:
            source: A path, a URL, a ``datalab://`` reference, bytes, an open file, an uploaded
                file, or an earlier result with a checkpoint.
            schema: A pydantic class, dataclass, attrs class or TypedDict, a JSON Schema, or the
                path of one; None with ``schema_id``.
            output_dir: A folder to save the result in as well.
            wait_for: ``"cost"`` or ``"scores"``: go on polling, for at most a minute, until the
                server has filled that in.
            timeout: Seconds, or a timedelta, for all of it; by default the policy's, two hours.
            on_change: Called with each change as it is seen.
            keywords: The fields of :class:`~datalab_facade.Extract` and those of
                :class:`~datalab_facade.documents.VerbOptions`.

        Raises:
            DatalabError: Whatever :meth:`submit` and :meth:`result` raise.
        """
        fields, options = split_options(keywords)
        return await self._perform(
            Extract(cast("Any", schema), **fields),
            source,
            output_dir=output_dir,
            wait_for=wait_for,
            timeout=timeout,
            on_change=on_change,
            options=options,
        )

    async def segment(
        self,
        source: DocumentSource,
        segments: Mapping[str, object] | os.PathLike[str] | None = None,
        *,
        output_dir: str | os.PathLike[str] | None = None,
        wait_for: LateValue | None = None,
        timeout: float | timedelta | None = None,
        on_change: AsyncOnChange[DocumentRequest] | None = None,
        **keywords: Unpack[SegmentOptions],
    ) -> Segmentation:
        """Find the parts of a document, and the pages of each.

        Submit it, wait, and return the result; it is paid once.

        Args:
            source: A path, a URL, a ``datalab://`` reference, bytes, an open file, an uploaded
                file, or an earlier result with a checkpoint.
            segments: Names of parts and what they mean, a schema, or the path of one; by default
                the server finds which parts there are.
            output_dir: A folder to save the result in as well.
            wait_for: ``"cost"`` or ``"scores"``: go on polling, for at most a minute, until the
                server has filled that in.
            timeout: Seconds, or a timedelta, for all of it; by default the policy's, two hours.
            on_change: Called with each change as it is seen.
            keywords: The fields of :class:`~datalab_facade.Segment` and those of
                :class:`~datalab_facade.documents.VerbOptions`.

        Raises:
            DatalabError: Whatever :meth:`submit` and :meth:`result` raise.
        """
        fields, options = split_options(keywords)
        return await self._perform(
            Segment(segments, **fields),
            source,
            output_dir=output_dir,
            wait_for=wait_for,
            timeout=timeout,
            on_change=on_change,
            options=options,
        )

    async def fill(
        self,
        source: DocumentSource,
        field_data: Mapping[str, object],
        *,
        output_dir: str | os.PathLike[str] | None = None,
        wait_for: LateValue | None = None,
        timeout: float | timedelta | None = None,
        on_change: AsyncOnChange[DocumentRequest] | None = None,
        **keywords: Unpack[FillOptions],
    ) -> FilledForm:
        """Fill in a form.

        Submit it, wait, and return the result; it is paid once.

        Args:
            source: A path, a URL, a ``datalab://`` reference, bytes, an open file, an uploaded
                file.
            field_data: The name of each field, and its value or
                ``{"value": ..., "description": ...}``.
            output_dir: A folder to save the result in as well.
            wait_for: ``"cost"`` or ``"scores"``: go on polling, for at most a minute, until the
                server has filled that in.
            timeout: Seconds, or a timedelta, for all of it; by default the policy's, two hours.
            on_change: Called with each change as it is seen.
            keywords: The fields of :class:`~datalab_facade.Fill` and those of
                :class:`~datalab_facade.documents.VerbOptions`.

        Raises:
            DatalabError: Whatever :meth:`submit` and :meth:`result` raise.
        """
        fields, options = split_options(keywords)
        return await self._perform(
            Fill(field_data, **fields),
            source,
            output_dir=output_dir,
            wait_for=wait_for,
            timeout=timeout,
            on_change=on_change,
            options=options,
        )

    async def track_changes(
        self,
        source: DocumentSource,
        *,
        output_dir: str | os.PathLike[str] | None = None,
        wait_for: LateValue | None = None,
        timeout: float | timedelta | None = None,
        on_change: AsyncOnChange[DocumentRequest] | None = None,
        **keywords: Unpack[TrackChangesOptions],
    ) -> Conversion:
        """Convert a document with its tracked changes and comments.

        Submit it, wait, and return the result; it is paid once.

        Args:
            source: A path, a URL, a ``datalab://`` reference, bytes, an open file, an uploaded
                file.
            output_dir: A folder to save the result in as well.
            wait_for: ``"cost"`` or ``"scores"``: go on polling, for at most a minute, until the
                server has filled that in.
            timeout: Seconds, or a timedelta, for all of it; by default the policy's, two hours.
            on_change: Called with each change as it is seen.
            keywords: The fields of :class:`~datalab_facade.TrackChanges` and those of
                :class:`~datalab_facade.documents.VerbOptions`.

        Raises:
            DatalabError: Whatever :meth:`submit` and :meth:`result` raise.
        """
        fields, options = split_options(keywords)
        return await self._perform(
            TrackChanges(**fields),
            source,
            output_dir=output_dir,
            wait_for=wait_for,
            timeout=timeout,
            on_change=on_change,
            options=options,
        )

    async def create(
        self,
        markdown: str | os.PathLike[str],
        *,
        output_dir: str | os.PathLike[str] | None = None,
        wait_for: LateValue | None = None,
        timeout: float | timedelta | None = None,
        on_change: AsyncOnChange[DocumentRequest] | None = None,
        **keywords: Unpack[CreateOptions],
    ) -> CreatedDocument:
        """Make a DOCX document of Markdown.

        Submit it, wait, and return the result; it is paid once.

        Args:
            markdown: The text, or the path of a file that has it (a ``Path``).
            output_dir: A folder to save the result in as well.
            wait_for: ``"cost"`` or ``"scores"``: go on polling, for at most a minute, until the
                server has filled that in.
            timeout: Seconds, or a timedelta, for all of it; by default the policy's, two hours.
            on_change: Called with each change as it is seen.
            keywords: The fields of :class:`~datalab_facade.CreateDocument` and those of
                :class:`~datalab_facade.documents.VerbOptions`.

        Raises:
            DatalabError: Whatever :meth:`submit` and :meth:`result` raise.
        """
        fields, options = split_options(keywords)
        return await self._perform(
            CreateDocument(markdown, **fields),
            None,
            output_dir=output_dir,
            wait_for=wait_for,
            timeout=timeout,
            on_change=on_change,
            options=options,
        )

    async def run_agent(
        self,
        source: DocumentSource,
        processor: str,
        *,
        output_dir: str | os.PathLike[str] | None = None,
        wait_for: LateValue | None = None,
        timeout: float | timedelta | None = None,
        on_change: AsyncOnChange[DocumentRequest] | None = None,
        **keywords: Unpack[RunAgentOptions],
    ) -> AgentResult:
        """Run a published agent processor on a document.

        Submit it, wait, and return the result; it is paid once.

        Args:
            source: A path, a URL, a ``datalab://`` reference, bytes, an open file, an uploaded
                file.
            processor: The processor, such as ``"cp_abc123"``, or ``"cp_abc123@2.0"``.
            output_dir: A folder to save the result in as well.
            wait_for: ``"cost"`` or ``"scores"``: go on polling, for at most a minute, until the
                server has filled that in.
            timeout: Seconds, or a timedelta, for all of it; by default the policy's, two hours.
            on_change: Called with each change as it is seen.
            keywords: The fields of :class:`~datalab_facade.RunAgent` and those of
                :class:`~datalab_facade.documents.VerbOptions`.

        Raises:
            DatalabError: Whatever :meth:`submit` and :meth:`result` raise.
        """
        fields, options = split_options(keywords)
        return await self._perform(
            RunAgent(processor, **fields),
            source,
            output_dir=output_dir,
            wait_for=wait_for,
            timeout=timeout,
            on_change=on_change,
            options=options,
        )

    async def suggest_schemas(
        self,
        source: DocumentSource,
        *,
        output_dir: str | os.PathLike[str] | None = None,
        wait_for: LateValue | None = None,
        timeout: float | timedelta | None = None,
        on_change: AsyncOnChange[DocumentRequest] | None = None,
        **keywords: Unpack[SuggestSchemasOptions],
    ) -> SchemaSuggestions:
        """Let the server suggest schemas for extraction.

        Submit it, wait, and return the result; it is paid once.

        Args:
            source: An earlier result that was made with ``save_checkpoint=True``.
            output_dir: A folder to save the result in as well.
            wait_for: ``"cost"`` or ``"scores"``: go on polling, for at most a minute, until the
                server has filled that in.
            timeout: Seconds, or a timedelta, for all of it; by default the policy's, two hours.
            on_change: Called with each change as it is seen.
            keywords: The fields of :class:`~datalab_facade.SuggestSchemas` and those of
                :class:`~datalab_facade.documents.VerbOptions`.

        Raises:
            DatalabError: Whatever :meth:`submit` and :meth:`result` raise.
        """
        fields, options = split_options(keywords)
        return await self._perform(
            SuggestSchemas(**fields),
            source,
            output_dir=output_dir,
            wait_for=wait_for,
            timeout=timeout,
            on_change=on_change,
            options=options,
        )

    @abstractmethod
    async def _perform(
        self,
        task: Task[R],
        source: DocumentSource | None,
        *,
        output_dir: str | os.PathLike[str] | None,
        wait_for: LateValue | None,
        timeout: float | timedelta | None,
        on_change: AsyncOnChange[DocumentRequest] | None,
        options: VerbOptions,
    ) -> R:
        """Submit a task, wait, and return the result."""
