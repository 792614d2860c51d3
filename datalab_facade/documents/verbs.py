# Generated from async_verbs.py by scripts/unasync.py; change that file, not this one.
"""The verbs of documents, for blocking code: submit, wait and return the result, in one call."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar, Unpack, cast, overload

from datalab_facade.documents.kind import DOCUMENTS, DocumentLike
from datalab_facade.documents.result_base import DocumentResult
from datalab_facade.documents.results import (
    AgentResult,
    Conversion,
    CreatedDocument,
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
from datalab_facade.jobs.changes import OnChange
from datalab_facade.jobs.resource import JobWaits
from datalab_facade.json_forms import JSON
from datalab_facade.keywords import shows_options

R = TypeVar("R", bound=DocumentResult)
T = TypeVar("T")


@shows_options(
    ConvertOptions,
    CreateOptions,
    ExtractOptions,
    FillOptions,
    RunAgentOptions,
    SegmentOptions,
    SuggestSchemasOptions,
    TrackChangesOptions,
)
class DocumentVerbs(JobWaits[DocumentRequest, str, DocumentLike], ABC):
    """What can be done with documents, for blocking code."""

    kind = DOCUMENTS

    def convert(
        self,
        source: DocumentSource,
        *,
        on_change: OnChange[DocumentRequest] | None = None,
        **keywords: Unpack[ConvertOptions],
    ) -> Conversion:
        """Convert a document to Markdown, HTML, JSON or chunks; wait for it, and return its text.

        Submit it, wait, and return the result; it is paid once.

        Args:
            source: A path, a URL, a ``datalab://`` reference, bytes, an open file, an uploaded
                file.
            on_change: Called with each change as it is seen.
            keywords: The fields of :class:`~datalab_facade.Convert`, and options:
                ``timeout``, seconds for all of it; ``output_dir``, a folder to save the result in
                as well; ``wait_for="cost"`` or ``"scores"``; ``on_progress`` and more, see
                :class:`~datalab_facade.documents.verb_options.VerbOptions`.

        Raises:
            DatalabError: Whatever :meth:`submit` and :meth:`result` raise.
        """
        fields, options = split_options(keywords)
        return self._perform(
            Convert(**fields),
            source,
            on_change=on_change,
            options=options,
        )

    @overload
    def extract(
        self,
        source: DocumentSource,
        schema: type[T],
        *,
        on_change: OnChange[DocumentRequest] | None = None,
        **keywords: Unpack[ExtractOptions],
    ) -> Extraction[T]: ...
    @overload
    def extract(
        self,
        source: DocumentSource,
        schema: Mapping[str, JSON] | os.PathLike[str] | None = None,
        *,
        on_change: OnChange[DocumentRequest] | None = None,
        **keywords: Unpack[ExtractOptions],
    ) -> Extraction[dict[str, JSON]]: ...
    def extract(
        self,
        source: DocumentSource,
        schema: type[T] | Mapping[str, JSON] | os.PathLike[str] | None = None,
        *,
        on_change: OnChange[DocumentRequest] | None = None,
        **keywords: Unpack[ExtractOptions],
    ) -> Extraction[T] | Extraction[dict[str, JSON]]:
        """Extract data from a document, as a value of the type that the schema is.

        Submit it, wait, and return the result; it is paid once.

        Args:
            source: A path, a URL, a ``datalab://`` reference, bytes, an open file, an uploaded
                file, or an earlier result with a checkpoint.
            schema: A pydantic class, dataclass, attrs class or TypedDict, a JSON Schema, or the
                path of one; None with ``schema_id``.
            on_change: Called with each change as it is seen.
            keywords: The fields of :class:`~datalab_facade.Extract`, and options:
                ``timeout``, seconds for all of it; ``output_dir``, a folder to save the result in
                as well; ``wait_for="cost"`` or ``"scores"``; ``on_progress`` and more, see
                :class:`~datalab_facade.documents.verb_options.VerbOptions`.

        Raises:
            DatalabError: Whatever :meth:`submit` and :meth:`result` raise.
        """
        fields, options = split_options(keywords)
        return self._perform(
            Extract(cast("Any", schema), **fields),
            source,
            on_change=on_change,
            options=options,
        )

    def segment(
        self,
        source: DocumentSource,
        segments: Mapping[str, object] | os.PathLike[str] | None = None,
        *,
        on_change: OnChange[DocumentRequest] | None = None,
        **keywords: Unpack[SegmentOptions],
    ) -> Segmentation:
        """Find the parts of a document, and the pages of each.

        Submit it, wait, and return the result; it is paid once.

        Args:
            source: A path, a URL, a ``datalab://`` reference, bytes, an open file, an uploaded
                file, or an earlier result with a checkpoint.
            segments: Names of parts and what they mean, a schema, or the path of one; by default
                the server finds which parts there are.
            on_change: Called with each change as it is seen.
            keywords: The fields of :class:`~datalab_facade.Segment`, and options:
                ``timeout``, seconds for all of it; ``output_dir``, a folder to save the result in
                as well; ``wait_for="cost"`` or ``"scores"``; ``on_progress`` and more, see
                :class:`~datalab_facade.documents.verb_options.VerbOptions`.

        Raises:
            DatalabError: Whatever :meth:`submit` and :meth:`result` raise.
        """
        fields, options = split_options(keywords)
        return self._perform(
            Segment(segments, **fields),
            source,
            on_change=on_change,
            options=options,
        )

    def fill(
        self,
        source: DocumentSource,
        field_data: Mapping[str, object],
        *,
        on_change: OnChange[DocumentRequest] | None = None,
        **keywords: Unpack[FillOptions],
    ) -> FilledForm:
        """Fill in a form.

        Submit it, wait, and return the result; it is paid once.

        Args:
            source: A path, a URL, a ``datalab://`` reference, bytes, an open file, an uploaded
                file.
            field_data: The name of each field, and its value or
                ``{"value": ..., "description": ...}``.
            on_change: Called with each change as it is seen.
            keywords: The fields of :class:`~datalab_facade.Fill`, and options:
                ``timeout``, seconds for all of it; ``output_dir``, a folder to save the result in
                as well; ``wait_for="cost"`` or ``"scores"``; ``on_progress`` and more, see
                :class:`~datalab_facade.documents.verb_options.VerbOptions`.

        Raises:
            DatalabError: Whatever :meth:`submit` and :meth:`result` raise.
        """
        fields, options = split_options(keywords)
        return self._perform(
            Fill(field_data, **fields),
            source,
            on_change=on_change,
            options=options,
        )

    def track_changes(
        self,
        source: DocumentSource,
        *,
        on_change: OnChange[DocumentRequest] | None = None,
        **keywords: Unpack[TrackChangesOptions],
    ) -> Conversion:
        """Convert a document with its tracked changes and comments.

        Submit it, wait, and return the result; it is paid once.

        Args:
            source: A path, a URL, a ``datalab://`` reference, bytes, an open file, an uploaded
                file.
            on_change: Called with each change as it is seen.
            keywords: The fields of :class:`~datalab_facade.TrackChanges`, and options:
                ``timeout``, seconds for all of it; ``output_dir``, a folder to save the result in
                as well; ``wait_for="cost"`` or ``"scores"``; ``on_progress`` and more, see
                :class:`~datalab_facade.documents.verb_options.VerbOptions`.

        Raises:
            DatalabError: Whatever :meth:`submit` and :meth:`result` raise.
        """
        fields, options = split_options(keywords)
        return self._perform(
            TrackChanges(**fields),
            source,
            on_change=on_change,
            options=options,
        )

    def create(
        self,
        markdown: str | os.PathLike[str],
        *,
        on_change: OnChange[DocumentRequest] | None = None,
        **keywords: Unpack[CreateOptions],
    ) -> CreatedDocument:
        """Make a DOCX document of Markdown.

        Submit it, wait, and return the result; it is paid once.

        Args:
            markdown: The text, or the path of a file that has it (a ``Path``).
            on_change: Called with each change as it is seen.
            keywords: The fields of :class:`~datalab_facade.CreateDocument`, and options:
                ``timeout``, seconds for all of it; ``output_dir``, a folder to save the result in
                as well; ``wait_for="cost"`` or ``"scores"``; ``on_progress`` and more, see
                :class:`~datalab_facade.documents.verb_options.VerbOptions`.

        Raises:
            DatalabError: Whatever :meth:`submit` and :meth:`result` raise.
        """
        fields, options = split_options(keywords)
        return self._perform(
            CreateDocument(markdown, **fields),
            None,
            on_change=on_change,
            options=options,
        )

    def run_agent(
        self,
        source: DocumentSource,
        processor: str,
        *,
        on_change: OnChange[DocumentRequest] | None = None,
        **keywords: Unpack[RunAgentOptions],
    ) -> AgentResult:
        """Run a published agent processor on a document.

        Submit it, wait, and return the result; it is paid once.

        Args:
            source: A path, a URL, a ``datalab://`` reference, bytes, an open file, an uploaded
                file.
            processor: The processor, such as ``"cp_abc123"``, or ``"cp_abc123@2.0"``.
            on_change: Called with each change as it is seen.
            keywords: The fields of :class:`~datalab_facade.RunAgent`, and options:
                ``timeout``, seconds for all of it; ``output_dir``, a folder to save the result in
                as well; ``wait_for="cost"`` or ``"scores"``; ``on_progress`` and more, see
                :class:`~datalab_facade.documents.verb_options.VerbOptions`.

        Raises:
            DatalabError: Whatever :meth:`submit` and :meth:`result` raise.
        """
        fields, options = split_options(keywords)
        return self._perform(
            RunAgent(processor, **fields),
            source,
            on_change=on_change,
            options=options,
        )

    def suggest_schemas(
        self,
        source: DocumentSource,
        *,
        on_change: OnChange[DocumentRequest] | None = None,
        **keywords: Unpack[SuggestSchemasOptions],
    ) -> SchemaSuggestions:
        """Let the server suggest schemas for extraction.

        Submit it, wait, and return the result; it is paid once.

        Args:
            source: An earlier result that was made with ``save_checkpoint=True``.
            on_change: Called with each change as it is seen.
            keywords: The fields of :class:`~datalab_facade.SuggestSchemas`, and options:
                ``timeout``, seconds for all of it; ``output_dir``, a folder to save the result in
                as well; ``wait_for="cost"`` or ``"scores"``; ``on_progress`` and more, see
                :class:`~datalab_facade.documents.verb_options.VerbOptions`.

        Raises:
            DatalabError: Whatever :meth:`submit` and :meth:`result` raise.
        """
        fields, options = split_options(keywords)
        return self._perform(
            SuggestSchemas(**fields),
            source,
            on_change=on_change,
            options=options,
        )

    @abstractmethod
    def _perform(
        self,
        task: Task[R],
        source: DocumentSource | None,
        *,
        on_change: OnChange[DocumentRequest] | None,
        options: VerbOptions,
    ) -> R:
        """Submit a task, wait, and return the result."""
