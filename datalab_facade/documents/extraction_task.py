"""The task that extracts typed data; see :mod:`~datalab_facade.documents.tasks` for the others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast, overload

import attrs

from datalab_facade.codec import json_field
from datalab_facade.documents.page_ranges import to_page_range
from datalab_facade.documents.schemas import schema_of
from datalab_facade.documents.task_base import (
    Task,
    check_max_pages,
    shown,
    shown_webhook,
    to_formats,
)
from datalab_facade.documents.task_fields import ExtractFields
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.json_forms import JSON
from datalab_facade.keywords import shows_options
from datalab_facade.pickling import picklable

if TYPE_CHECKING:
    from typing import Unpack

    from datalab_facade.documents.results import Extraction  # noqa: F401 - the base names it

_T = TypeVar("_T")


@picklable
@shows_options(ExtractFields)
@attrs.frozen(repr=False, init=False)  # its own __init__ takes types, too
class Extract(Task["Extraction[_T]"], Generic[_T]):
    """Extract data from a document by a JSON Schema, or by a type that gives one.

    >>> task = Extract({"properties": {"total": {"type": "number"}}}, mode="balanced")
    >>> task.fields()["page_schema"]
    '{"type":"object","properties":{"total":{"type":"number"}}}'
    >>> Extract(schema_id="sch_k8Hx9mP2nQ4v", schema_version=2).fields()
    {'schema_id': 'sch_k8Hx9mP2nQ4v', 'schema_version': '2'}

    Args:
        schema: A pydantic, dataclass, attrs or TypedDict class, a JSON Schema, or the path
            of one in a file; see :func:`~datalab_facade.documents.schemas.schema_of`.
        into: The type of the result's value, if ``schema`` is not that type.
        **fields: The other fields.

    Raises:
        InvalidSchemaError: The API cannot use the schema; the error names all places.
        InvalidArgumentError: Neither a schema nor a ``schema_id`` is given, or both.
        ConfigurationError: A class is given, and pydantic is not installed.
    """

    endpoint: ClassVar[str] = "extract"
    verb: ClassVar[str] = "extract"
    takes_checkpoint: ClassVar[bool] = True
    _wire_names: ClassVar[Mapping[str, str]] = {"schema": "page_schema"}

    schema: Mapping[str, JSON] | None = attrs.field(default=None, hash=False)
    """The JSON Schema that is sent as ``page_schema``; None if ``schema_id`` names one."""
    into: type[_T] | None = attrs.field(
        default=None, kw_only=True, eq=False, metadata=json_field(left_out=True)
    )
    """The type of the result's value. It is not part of equality, nor of JSON."""
    schema_id: str | None = attrs.field(default=None, kw_only=True)
    """The id of a saved extraction schema, such as ``"sch_k8Hx9mP2nQ4v"``, instead of a schema."""
    schema_version: int | None = attrs.field(default=None, kw_only=True)
    """The version of the saved schema; server default: the latest."""
    mode: str | None = attrs.field(default=None, kw_only=True)
    """How a file is parsed: ``"fast"``, ``"balanced"`` or ``"accurate"``; server default: fast.
    Without effect for a checkpoint."""
    extraction_mode: str | None = attrs.field(default=None, kw_only=True)
    """How data is extracted, which decides the price. Seen: ``"turbo"``, ``"fast"``,
    ``"balanced"``, ``"accurate"``."""
    max_pages: int | None = attrs.field(default=None, kw_only=True)
    """The most pages to process; server default: all."""
    page_range: str | None = attrs.field(default=None, kw_only=True, converter=to_page_range)
    """The pages: ``"0,5-10"``, a ``range``, or numbers. The first page is 0."""
    output_format: tuple[str, ...] | None = attrs.field(
        default=None, kw_only=True, converter=to_formats
    )
    """The formats of the converted document; server default: markdown."""
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
    include_scores: bool | None = attrs.field(default=None, kw_only=True)
    """Whether fields get scores of 1 to 5, which come late; server default: no."""

    @overload
    def __init__(
        self, schema: type[_T], *, into: None = None, **fields: Unpack[ExtractFields]
    ) -> None: ...

    @overload
    def __init__(
        self,
        schema: type[object] | Mapping[str, object] | os.PathLike[str] | None = None,
        *,
        into: type[_T],
        **fields: Unpack[ExtractFields],
    ) -> None: ...

    @overload
    def __init__(
        self: Extract[dict[str, JSON]],
        schema: Mapping[str, object] | os.PathLike[str] | None = None,
        *,
        into: None = None,
        **fields: Unpack[ExtractFields],
    ) -> None: ...

    def __init__(
        self,
        schema: type[object] | Mapping[str, object] | os.PathLike[str] | None = None,
        *,
        into: type[_T] | None = None,
        **fields: Unpack[ExtractFields],
    ) -> None:
        if into is None and isinstance(schema, type):
            into = cast("type[_T]", schema)
        plain = None if schema is None else schema_of(schema)
        cast("Any", self).__attrs_init__(plain, into=into, **fields)

    def _check(self) -> None:
        check_max_pages(self.max_pages)
        if (self.schema is None) == (self.schema_id is None):
            raise InvalidArgumentError("Extract takes either a schema or schema_id")
        if self.schema_version is not None and self.schema_id is None:
            raise InvalidArgumentError("schema_version takes effect only with schema_id")
