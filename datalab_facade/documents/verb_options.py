"""The options that all verbs of documents have in common, and those of each verb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from datalab_facade.documents.submissions import UploadWay
from datalab_facade.documents.task_fields import (
    ConvertFields,
    CreateDocumentFields,
    ExtractFields,
    FillFields,
    RunAgentFields,
    SegmentFields,
    SuggestSchemasFields,
    TrackChangesFields,
)
from datalab_facade.jobs.wait import WaitPolicy
from datalab_facade.options import CallOptions
from datalab_facade.transfers.progress import OnProgress


class VerbOptions(CallOptions, total=False):
    """Options of a verb that few need; the defaults are those of ``documents.submit``."""

    name: str | None
    """The file's name at Datalab; by default the last part of its path."""
    content_type: str | None
    """The file's media type; by default that of the name's suffix."""
    upload: UploadWay
    """``"form"`` sends a file in the request, ``"storage"`` uploads it before; ``"auto"``."""
    max_bytes: int
    """The largest size of a file in bytes; 200 MB by default, Datalab's limit."""
    on_progress: OnProgress | None
    """Called with a :class:`~datalab_facade.Progress` some times a second while a file is sent."""
    retry_overloaded: bool
    """Whether to submit again after 503 and 529, trusting that an overloaded server did nothing."""
    policy: WaitPolicy | None
    """How often to poll and what to retry; by default the client's."""


class ConvertOptions(ConvertFields, VerbOptions, total=False):
    """The keywords of ``documents.convert``: the fields of Convert, and options."""


class ExtractOptions(ExtractFields, VerbOptions, total=False):
    """The keywords of ``documents.extract``: the fields of Extract, and options."""


class SegmentOptions(SegmentFields, VerbOptions, total=False):
    """The keywords of ``documents.segment``: the fields of Segment, and options."""


class FillOptions(FillFields, VerbOptions, total=False):
    """The keywords of ``documents.fill``: the fields of Fill, and options."""


class TrackChangesOptions(TrackChangesFields, VerbOptions, total=False):
    """The keywords of ``documents.track_changes``: the fields of TrackChanges, and options."""


class CreateOptions(CreateDocumentFields, VerbOptions, total=False):
    """The keywords of ``documents.create``: the fields of CreateDocument, and options."""


class RunAgentOptions(RunAgentFields, VerbOptions, total=False):
    """The keywords of ``documents.run_agent``: the fields of RunAgent, and options."""


class SuggestSchemasOptions(SuggestSchemasFields, VerbOptions, total=False):
    """The keywords of ``documents.suggest_schemas``: the fields of SuggestSchemas, and options."""


_OPTIONS = VerbOptions.__annotations__.keys()
_CALL_OPTIONS = CallOptions.__annotations__.keys()


def split_options(keywords: Mapping[str, object]) -> tuple[dict[str, Any], VerbOptions]:
    """Split the keywords of a verb into fields of its task, and options."""
    fields = {name: value for name, value in keywords.items() if name not in _OPTIONS}
    options = {name: value for name, value in keywords.items() if name in _OPTIONS}
    return fields, cast("VerbOptions", options)


def call_options(options: VerbOptions) -> CallOptions:
    """Return the options that each request has."""
    found = {name: value for name, value in options.items() if name in _CALL_OPTIONS}
    return cast("CallOptions", found)
