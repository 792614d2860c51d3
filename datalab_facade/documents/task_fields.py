"""The keyword arguments of the verbs: the fields of each task, for type checkers.

What each field means, the task says; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypedDict

from datalab_facade.documents.page_ranges import PageRange
from datalab_facade.json_forms import JSON


class _Fields(TypedDict, total=False):
    extra: Mapping[str, JSON]


class ConvertFields(_Fields, total=False):
    """The fields of :class:`~datalab_facade.documents.tasks.Convert`."""

    mode: str | None
    max_pages: int | None
    page_range: PageRange | None
    paginate: bool | None
    add_block_ids: bool | None
    include_markdown_in_chunks: bool | None
    disable_image_extraction: bool | None
    disable_image_captions: bool | None
    fence_synthetic_captions: bool | None
    output_format: str | Iterable[str] | None
    token_efficient_markdown: bool | None
    skip_cache: bool | None
    save_checkpoint: bool | None
    additional_config: Mapping[str, JSON] | None
    workflowstepdata_id: int | None
    extras: str | Iterable[str] | None
    webhook_url: str | None
    force_new: bool | None
    model_override_settings: Mapping[str, JSON] | None
    eval_rubric_id: int | None
    word_bboxes: bool | None
    processing_location: str | None
    merge_cross_page: bool | None
    disable_html_prettify: bool | None


class ExtractFields(_Fields, total=False):
    """The fields of :class:`~datalab_facade.documents.tasks.Extract`, without its types."""

    schema_id: str | None
    schema_version: int | None
    mode: str | None
    extraction_mode: str | None
    max_pages: int | None
    page_range: PageRange | None
    output_format: str | Iterable[str] | None
    save_checkpoint: bool | None
    skip_cache: bool | None
    webhook_url: str | None
    workflowstepdata_id: int | None
    model_override_settings: Mapping[str, JSON] | None
    processing_location: str | None
    include_scores: bool | None


class SegmentFields(_Fields, total=False):
    """The fields of :class:`~datalab_facade.documents.tasks.Segment` but the segments."""

    mode: str | None
    max_pages: int | None
    page_range: PageRange | None
    save_checkpoint: bool | None
    skip_cache: bool | None
    webhook_url: str | None
    workflowstepdata_id: int | None
    model_override_settings: Mapping[str, JSON] | None
    processing_location: str | None


class FillFields(_Fields, total=False):
    """The fields of :class:`~datalab_facade.documents.tasks.Fill` but ``field_data``."""

    context: str | None
    confidence_threshold: float | None
    page_range: PageRange | None
    skip_cache: bool | None
    processing_location: str | None


class TrackChangesFields(_Fields, total=False):
    """The fields of :class:`~datalab_facade.documents.tasks.TrackChanges`."""

    output_format: str | Iterable[str] | None
    max_pages: int | None
    page_range: PageRange | None
    paginate: bool | None
    skip_cache: bool | None
    webhook_url: str | None
    workflowstepdata_id: int | None
    model_override_settings: Mapping[str, JSON] | None
    processing_location: str | None


class CreateDocumentFields(_Fields, total=False):
    """The fields of :class:`~datalab_facade.documents.tasks.CreateDocument` but the markdown."""

    output_format: str | None
    webhook_url: str | None
    processing_location: str | None
    model_override_settings: Mapping[str, JSON] | None


class RunAgentFields(_Fields, total=False):
    """The fields of :class:`~datalab_facade.documents.tasks.RunAgent` but the processor."""

    verification_effort: str | None
    return_images: bool | None
    skip_cache: bool | None
    webhook_url: str | None
    processing_location: str | None


class SuggestSchemasFields(_Fields, total=False):
    """The fields of :class:`~datalab_facade.documents.tasks.SuggestSchemas`."""

    webhook_url: str | None
    processing_location: str | None
    model_override_settings: Mapping[str, JSON] | None
