"""The tasks that write a document: fill in a form, and create one of markdown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, ClassVar, cast

import attrs

from datalab_facade.arguments import named
from datalab_facade.documents.page_ranges import to_page_range
from datalab_facade.documents.task_base import Task, shown, shown_webhook
from datalab_facade.errors import InvalidArgumentError, LocalFileError
from datalab_facade.json_forms import JSON
from datalab_facade.json_forms import named as kind_of
from datalab_facade.pickling import picklable

if TYPE_CHECKING:
    from datalab_facade.documents.results import (  # noqa: F401 - the bases name them
        CreatedDocument,
        FilledForm,
    )


def _to_field_data(fields: Mapping[str, object]) -> dict[str, JSON]:
    if isinstance(fields, Mapping) and not fields:
        raise InvalidArgumentError("field_data is empty: it names nothing to fill in")
    if not isinstance(fields, Mapping):
        raise InvalidArgumentError(
            f"field_data must be names and values, such as {{'name': 'Jane'}}, "
            f"not {kind_of(fields)}"
        )
    return {name: _to_field(name, value) for name, value in fields.items()}


def _to_field(name: object, value: object) -> JSON:
    if isinstance(value, Mapping):
        if "value" not in value:
            raise InvalidArgumentError(
                f"field_data: the field {named(name)} is an object without 'value'"
            )
        return cast("JSON", {**value, "value": _to_field_text(name, value["value"])})
    return {"value": _to_field_text(name, value)}


def _to_field_text(name: object, value: object) -> str:
    # The API documents texts alone.
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (int, float)):
        return str(value)
    raise InvalidArgumentError(
        f"field_data: the value of {named(name)} must be a text, a number or a date, "
        f"not a {type(value).__name__}"
    )


def _to_markdown(text: str | os.PathLike[str]) -> str:
    if not isinstance(text, os.PathLike):
        return text
    try:
        with open(text, encoding="utf-8") as file:  # noqa: PTH123 - any os.PathLike
            return file.read()
    except (OSError, UnicodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise LocalFileError(f"The text {os.fspath(text)} cannot be read: {said}") from error


@picklable
@attrs.frozen(repr=False)
class Fill(Task["FilledForm"]):
    """Fill in a form, of a PDF or an image, with or without fields of its own.

    >>> Fill({"name": "Jane", "born": {"value": "1990-01-15", "description": "date of birth"}})
    Fill(field_data=<2 fields>)

    Raises:
        InvalidArgumentError: A value is not a text, a number or a date.
    """

    endpoint: ClassVar[str] = "fill"
    verb: ClassVar[str] = "fill"

    field_data: Mapping[str, JSON] = attrs.field(
        converter=_to_field_data, hash=False, repr=lambda fields: f"<{len(fields)} fields>"
    )
    """What to fill in: each field's name, and its value or
    ``{"value": ..., "description": ...}``, whose description helps to find the field."""
    context: str | None = attrs.field(default=None, kw_only=True)
    """What the form is about, such as ``"Initial hire for new employee"``."""
    confidence_threshold: float | None = attrs.field(default=None, kw_only=True)
    """The least confidence, 0 to 1, with which a field is filled in; server default: 0.5."""
    page_range: str | None = attrs.field(default=None, kw_only=True, converter=to_page_range)
    """The pages: ``"0,5-10"``, a ``range``, or numbers. The first page is 0."""
    skip_cache: bool | None = attrs.field(default=None, kw_only=True)
    """Whether it is processed anew even if the server has a result; server default: no."""
    processing_location: str | None = attrs.field(default=None, kw_only=True)
    """The region, such as ``"us"`` or ``"eu"``; server default: that of the team. The server
    then takes no file in the form, so a local one is uploaded first."""

    def redacted(self) -> dict[str, JSON]:
        """Return :meth:`body` without its secrets and the values of the fields."""
        return {**super().redacted(), "field_data": dict.fromkeys(self.field_data, "***")}

    def _check(self) -> None:
        if self.confidence_threshold is not None and not 0 <= self.confidence_threshold <= 1:
            raise InvalidArgumentError(
                f"confidence_threshold must be 0 to 1, not {named(self.confidence_threshold)}"
            )


@picklable
@attrs.frozen(repr=False)
class CreateDocument(Task["CreatedDocument"]):
    """Make a DOCX document of markdown; it has no source.

    >>> CreateDocument("# Report").body()
    {'markdown': '# Report'}

    Raises:
        LocalFileError: The markdown is a path, and the file cannot be read as UTF-8.
    """

    endpoint: ClassVar[str] = "create-document"
    verb: ClassVar[str] = "create"
    is_form: ClassVar[bool] = False
    takes_file: ClassVar[bool] = False

    markdown: str = attrs.field(converter=_to_markdown, repr=lambda text: f"<{len(text)} letters>")
    """The text; a ``Path`` is read when the task is made."""
    output_format: str | None = attrs.field(default=None, kw_only=True)
    """The format of the document; server default: docx."""
    webhook_url: str | None = attrs.field(default=None, kw_only=True, repr=shown_webhook)
    """The URL that the server calls when the request is complete."""
    processing_location: str | None = attrs.field(default=None, kw_only=True)
    """The region, such as ``"us"`` or ``"eu"``; server default: that of the team."""
    model_override_settings: Mapping[str, JSON] | None = attrs.field(
        default=None, kw_only=True, hash=False, repr=shown
    )
    """Internal to Datalab."""
