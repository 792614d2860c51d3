"""The options that all verbs of documents have in common, and those of each verb."""

from __future__ import annotations

import os
from collections.abc import Container, Mapping
from typing import Any, cast

from datalab_facade.documents.late_values import LateValue
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
from datalab_facade.options import CallOptions, WaitOptions
from datalab_facade.transfers.progress import OnProgress


class ResultOptions(WaitOptions, total=False):
    """Options of waiting for a result; left out, the client's policy holds.

    ``timeout`` is the deadline of all of it, in seconds or as a timedelta; by default the
    policy's, two hours. ``math.inf`` waits without end.
    """

    output_dir: str | os.PathLike[str] | None
    """A folder to save the result in as well; see ``documents.save``."""
    wait_for: LateValue | None
    """``"cost"`` or ``"scores"``: go on polling until the server has filled that in, within the
    deadline and for at most a minute. It may not be there all the same."""
    max_bytes: int
    """The largest result in bytes that is fetched into memory; 256 MiB by default."""


class SubmitOptions(CallOptions, total=False):
    """Options of a submission; few need them."""

    name: str | None
    """The file's name at Datalab; by default the last part of its path."""
    content_type: str | None
    """The file's media type; by default that of the name's suffix."""
    upload: UploadWay
    """``"form"`` sends a file in the request, ``"storage"`` uploads it before; ``"auto"``, the
    default, does the first unless the task has a ``processing_location``, with which the API takes
    no file."""
    max_file_bytes: int
    """The largest size of a file in bytes; 200 MB by default, Datalab's limit."""
    on_progress: OnProgress | None
    """Called with a :class:`~datalab_facade.Progress` some times a second while a file is sent."""
    checksum: bool
    """Whether to compute the SHA-256 of a file that is sent in a form, for receipts; by default
    where the result is saved."""
    retry_overloaded: bool
    """Whether to submit again after 503 and 529, trusting that an overloaded server did nothing.
    If it did, the request is paid twice."""


class VerbOptions(SubmitOptions, ResultOptions, total=False):
    """Options of a verb, which submits a task, waits and returns the result."""


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


_CALL = CallOptions.__annotations__.keys()
_WAIT = WaitOptions.__annotations__.keys()
_RESULT = ResultOptions.__annotations__.keys()
_SUBMIT = SubmitOptions.__annotations__.keys()


def split_options(keywords: Mapping[str, object]) -> tuple[dict[str, Any], VerbOptions]:
    """Split the keywords of a verb into fields of its task, and options."""
    known = VerbOptions.__annotations__
    fields = {name: value for name, value in keywords.items() if name not in known}
    return fields, cast("VerbOptions", _only(known, keywords))


def call_options(options: Mapping[str, object]) -> CallOptions:
    """Return the options that each request has."""
    return cast("CallOptions", _only(_CALL, options))


def wait_options(options: Mapping[str, object]) -> WaitOptions:
    """Return the options of waiting for the end."""
    return cast("WaitOptions", _only(_WAIT, options))


def result_options(options: Mapping[str, object]) -> ResultOptions:
    """Return the options of waiting for a result."""
    return cast("ResultOptions", _only(_RESULT, options))


def submit_options(options: Mapping[str, object]) -> SubmitOptions:
    """Return the options of a submission."""
    return cast("SubmitOptions", _only(_SUBMIT, options))


def _only(names: Container[str], options: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in options.items() if name in names}
