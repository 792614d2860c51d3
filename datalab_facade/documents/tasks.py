"""The tasks: what can be done with a document, each as a frozen value with the API's fields.

The names, units and defaults of the fields are those of ``openapi.json``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, cast

import attrs

from datalab_facade.arguments import named
from datalab_facade.documents.extraction_task import Extract
from datalab_facade.documents.page_ranges import to_page_range
from datalab_facade.documents.schemas import read_json_file
from datalab_facade.documents.task_base import (
    Task,
    check_max_pages,
    shown,
    shown_webhook,
    to_extras,
    to_formats,
)
from datalab_facade.documents.writing_tasks import CreateDocument, Fill
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.json_forms import JSON
from datalab_facade.pickling import picklable

if TYPE_CHECKING:
    from datalab_facade.documents.results import (  # noqa: F401 - the bases name them
        AgentResult,
        Conversion,
        SchemaSuggestions,
        Segmentation,
    )

__all__ = [
    "Convert",
    "CreateDocument",
    "Extract",
    "Fill",
    "RunAgent",
    "Segment",
    "SuggestSchemas",
    "Task",
    "TrackChanges",
]


def _to_segmentation_schema(
    segments: Mapping[str, object] | os.PathLike[str] | None,
) -> dict[str, JSON]:
    if segments is None:
        return {"segments": []}
    plain = read_json_file(segments) if isinstance(segments, os.PathLike) else segments
    if not isinstance(plain, Mapping) or not plain:
        raise InvalidArgumentError(
            f"segments must be names and what they mean, such as {{'Invoice': 'a bill'}}, or a "
            f"schema, not {named(plain)}; leave it out for automatic segments"
        )
    is_schema = plain == {"method": "auto"} or "segmentation_strategy" in plain
    if not is_schema and all(isinstance(one, str) for one in plain.values()):
        found = [{"name": name, "description": text} for name, text in plain.items()]
        return {"segments": cast("JSON", found)}
    return cast("dict[str, JSON]", dict(plain))


@picklable
@attrs.frozen(kw_only=True, repr=False)
class Convert(Task["Conversion"]):
    """Convert a document to markdown, HTML, JSON or chunks.

    >>> Convert(mode="accurate", output_format="markdown,json").fields()
    {'mode': 'accurate', 'output_format': 'markdown,json'}
    """

    endpoint: ClassVar[str] = "convert"
    verb: ClassVar[str] = "convert"

    mode: str | None = None
    """``"fast"`` (lowest latency), ``"balanced"`` or ``"accurate"``; server default: fast."""
    max_pages: int | None = None
    """The most pages to convert; server default: all."""
    page_range: str | None = attrs.field(default=None, converter=to_page_range)
    """The pages to convert: ``"0,5-10"``, a ``range``, or numbers. The first page is 0.
    Overrides ``max_pages``."""
    paginate: bool | None = None
    """Whether a horizontal rule with the page's number separates pages; server default: no."""
    add_block_ids: bool | None = None
    """Whether HTML elements have ``data-block-id``, for citations; server default: no."""
    include_markdown_in_chunks: bool | None = None
    """Whether chunks hold markdown, too; server default: no."""
    disable_image_extraction: bool | None = None
    """Whether images are left out; server default: no."""
    disable_image_captions: bool | None = None
    """Whether captions of images are left out; server default: no."""
    fence_synthetic_captions: bool | None = None
    """Whether captions that the server wrote are fenced; server default: no."""
    output_format: tuple[str, ...] | None = attrs.field(default=None, converter=to_formats)
    """One or several of ``"markdown"``, ``"html"``, ``"json"`` and ``"chunks"``; server
    default: markdown."""
    token_efficient_markdown: bool | None = None
    """Whether markdown uses few tokens; server default: no."""
    skip_cache: bool | None = None
    """Whether it is processed anew even if the server has a result; server default: no."""
    save_checkpoint: bool | None = None
    """Whether the parsed document is kept for a later extract or segment; server default: no."""
    additional_config: Mapping[str, JSON] | None = attrs.field(default=None, hash=False, repr=shown)
    """More settings. Seen: ``keep_spreadsheet_formatting``, ``keep_pageheader_in_output``,
    ``keep_pagefooter_in_output``."""
    workflowstepdata_id: int | None = None
    """The workflow step data that the request belongs to."""
    extras: tuple[str, ...] | None = attrs.field(default=None, converter=to_extras)
    """One or several of ``"track_changes"``, ``"chart_understanding"``, ``"extract_links"``,
    ``"table_cell_bboxes"``, ``"list_item_bboxes"``, ``"infographic"``, ``"new_block_types"``."""
    webhook_url: str | None = attrs.field(default=None, repr=shown_webhook)
    """The URL that the server calls when the request is complete."""
    force_new: bool | None = None
    """Internal to Datalab; server default: no."""
    model_override_settings: Mapping[str, JSON] | None = attrs.field(
        default=None, hash=False, repr=shown
    )
    """Internal to Datalab."""
    eval_rubric_id: int | None = None
    """The rubric with which the result is evaluated."""
    word_bboxes: bool | None = None
    """Whether the result has the boxes of words; server default: no."""
    processing_location: str | None = None
    """The region, such as ``"us"`` or ``"eu"``; server default: that of the team. The server
    then takes no file in the form, so a local one is uploaded first."""
    merge_cross_page: bool | None = None
    """Whether what crosses pages is merged; server default: no."""
    disable_html_prettify: bool | None = None
    """Whether HTML is not indented; server default: no."""

    def _check(self) -> None:
        check_max_pages(self.max_pages)


@picklable
@attrs.frozen(repr=False)
class Segment(Task["Segmentation"]):
    """Find the parts of a document, and the pages of each.

    >>> Segment({"Invoice": "a bill with a total"}).segmentation_schema
    {'segments': [{'name': 'Invoice', 'description': 'a bill with a total'}]}
    >>> Segment().fields()  # the server finds which parts there are
    {'segmentation_schema': '{"segments":[]}'}
    """

    endpoint: ClassVar[str] = "segment"
    verb: ClassVar[str] = "segment"
    takes_checkpoint: ClassVar[bool] = True

    segmentation_schema: Mapping[str, JSON] = attrs.field(
        default=None, alias="segments", converter=_to_segmentation_schema, hash=False
    )
    """The parts, as they are sent. The argument is ``segments``: names and what they mean,
    a schema, the path of one in a file, or None, with which the server finds them."""
    mode: str | None = attrs.field(default=None, kw_only=True)
    """How a file is parsed: ``"fast"``, ``"balanced"`` or ``"accurate"``; server default: fast."""
    max_pages: int | None = attrs.field(default=None, kw_only=True)
    """The most pages to process; server default: all."""
    page_range: str | None = attrs.field(default=None, kw_only=True, converter=to_page_range)
    """The pages: ``"0,5-10"``, a ``range``, or numbers. The first page is 0."""
    save_checkpoint: bool | None = attrs.field(default=None, kw_only=True)
    """Whether the parsed document is kept for a later extract or segment; server default: no."""
    skip_cache: bool | None = attrs.field(default=None, kw_only=True)
    """Whether it is processed anew even if the server has a result; server default: no."""
    webhook_url: str | None = attrs.field(default=None, kw_only=True, repr=shown_webhook)
    """The URL that the server calls when the request is complete."""
    workflowstepdata_id: int | None = attrs.field(default=None, kw_only=True)
    """The workflow step data that the request belongs to."""
    model_override_settings: Mapping[str, JSON] | None = attrs.field(
        default=None, kw_only=True, hash=False, repr=shown
    )
    """Internal to Datalab."""
    processing_location: str | None = attrs.field(default=None, kw_only=True)
    """The region, such as ``"us"`` or ``"eu"``; server default: that of the team. The server
    then takes no file in the form, so a local one is uploaded first."""

    def _check(self) -> None:
        check_max_pages(self.max_pages)


@picklable
@attrs.frozen(kw_only=True, repr=False)
class TrackChanges(Task["Conversion"]):
    """Convert a document with its tracked changes and comments: DOCX, also PDF and images.

    >>> TrackChanges(output_format="markdown", page_range=0).fields()
    {'output_format': 'markdown', 'page_range': '0'}
    """

    endpoint: ClassVar[str] = "track-changes"
    verb: ClassVar[str] = "track_changes"

    output_format: tuple[str, ...] | None = attrs.field(default=None, converter=to_formats)
    """One or several of ``"markdown"``, ``"html"`` and ``"chunks"``; server default: all."""
    max_pages: int | None = None
    """The most pages to process; server default: all."""
    page_range: str | None = attrs.field(default=None, converter=to_page_range)
    """The pages: ``"0,5-10"``, a ``range``, or numbers. The first page is 0."""
    paginate: bool | None = None
    """Whether a horizontal rule with the page's number separates pages; server default: no."""
    skip_cache: bool | None = None
    """Whether it is processed anew even if the server has a result; server default: no."""
    webhook_url: str | None = attrs.field(default=None, repr=shown_webhook)
    """The URL that the server calls when the request is complete."""
    workflowstepdata_id: int | None = None
    """The workflow step data that the request belongs to."""
    model_override_settings: Mapping[str, JSON] | None = attrs.field(
        default=None, hash=False, repr=shown
    )
    """Internal to Datalab."""
    processing_location: str | None = None
    """The region, such as ``"us"`` or ``"eu"``; server default: that of the team. The server
    then takes no file in the form, so a local one is uploaded first."""

    def _check(self) -> None:
        check_max_pages(self.max_pages)


@picklable
@attrs.frozen(repr=False)
class RunAgent(Task["AgentResult"]):
    """Run a published agent processor on a document.

    >>> RunAgent("cp_abc123@2.0", return_images=True).fields()
    {'processor': 'cp_abc123@2.0', 'return_images': 'true'}
    """

    endpoint: ClassVar[str] = "agent"
    verb: ClassVar[str] = "run_agent"

    processor: str
    """The processor, such as ``"cp_abc123"``, or ``"cp_abc123@2.0"`` for one version of it;
    without a version the newest published one runs."""
    verification_effort: str | None = attrs.field(default=None, kw_only=True)
    """How much the agent verifies before it may finish: ``"fast"``, ``"balanced"`` or
    ``"accurate"``; server default: fast."""
    return_images: bool | None = attrs.field(default=None, kw_only=True)
    """Whether the run's images are in the result; server default: no."""
    skip_cache: bool | None = attrs.field(default=None, kw_only=True)
    """Whether it is processed anew even if the server has a result; server default: no."""
    webhook_url: str | None = attrs.field(default=None, kw_only=True, repr=shown_webhook)
    """The URL that the server calls when the request is complete."""
    processing_location: str | None = attrs.field(default=None, kw_only=True)
    """The region, such as ``"us"`` or ``"eu"``; server default: that of the team. The server
    then takes no file in the form, so a local one is uploaded first."""

    def _check(self) -> None:
        if not self.processor.strip():
            raise InvalidArgumentError("processor is empty; it is an id such as 'cp_abc123'")


@picklable
@attrs.frozen(kw_only=True, repr=False)
class SuggestSchemas(Task["SchemaSuggestions"]):
    """Suggest extraction schemas; the source is an earlier result with a checkpoint.

    >>> SuggestSchemas(processing_location="eu").body()
    {'processing_location': 'eu'}
    """

    endpoint: ClassVar[str] = "marker/extraction/gen_schemas"
    verb: ClassVar[str] = "suggest_schemas"
    is_form: ClassVar[bool] = False
    takes_file: ClassVar[bool] = False
    takes_checkpoint: ClassVar[bool] = True

    webhook_url: str | None = attrs.field(default=None, repr=shown_webhook)
    """The URL that the server calls when the request is complete."""
    processing_location: str | None = None
    """The region, such as ``"us"`` or ``"eu"``; server default: that of the team."""
    model_override_settings: Mapping[str, JSON] | None = attrs.field(
        default=None, hash=False, repr=shown
    )
    """Internal to Datalab."""
