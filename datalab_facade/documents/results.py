"""Results of document requests: frozen values of what the server answered. No IO."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import attrs

from datalab_facade.codec import AsJSON, json_field
from datalab_facade.documents.extracted_fields import ExtractedField, ExtractedFields, separate
from datalab_facade.documents.page_ranges import to_page_range
from datalab_facade.documents.result_base import (
    AnyTask,
    Images,
    decode_base64,
    object_of,
    pages_of,
    parsed_object,
    text_of,
    texts_of,
)
from datalab_facade.documents.result_base import (
    DocumentResult as DocumentResult,  # noqa: PLC0414 - it belongs to the results
)
from datalab_facade.errors import (
    EmptyResultError,
    ExtractionIssue,
    ExtractionMismatchError,
    FormatNotRequestedError,
    InvalidResponseError,
)
from datalab_facade.fields import compact, number
from datalab_facade.json_forms import JSON
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redacted_repr

if TYPE_CHECKING:
    from datalab_facade.pictures.cards import Card

T_co = TypeVar("T_co", covariant=True)
_Other = TypeVar("_Other")

FORMATS = ("markdown", "html", "json", "chunks")
"""The formats that a document can be converted to, the most readable first."""


@picklable
@attrs.frozen(kw_only=True, repr=False, slots=False)
class Conversion(DocumentResult):
    """A document as text: of ``convert`` and ``track_changes``.

    A format that was not asked for raises :class:`FormatNotRequestedError`; one that was asked
    for and came empty raises :class:`EmptyResultError`.

    >>> conversion = Conversion(id="convert/a", raw={"markdown": "# A"})
    >>> conversion.markdown, str(conversion), conversion.output_formats
    ('# A', '# A', ('markdown',))
    """

    @cached_property
    def output_formats(self) -> tuple[str, ...]:
        """The formats that were asked for: as the task says, or else the answer."""
        # An answer may have more than it says.
        asked = requested_formats(self.task, self.raw.get("output_format"))
        return tuple(dict.fromkeys((*asked, *filter(self._is_there, FORMATS))))

    @property
    def empty_formats(self) -> tuple[str, ...]:
        """The formats that were asked for and came empty."""
        return tuple(
            name for name in self.output_formats if name in FORMATS and not self._is_there(name)
        )

    @property
    def markdown(self) -> str:
        """The document as Markdown."""
        return cast("str", self._format("markdown"))

    @property
    def html(self) -> str:
        """The document as HTML."""
        return cast("str", self._format("html"))

    @property
    def json(self) -> Mapping[str, JSON]:
        """The document as a tree of blocks."""
        return cast("Mapping[str, JSON]", self._format("json"))

    @property
    def chunks(self) -> Mapping[str, JSON]:
        """The document as a list of blocks, in ``blocks``."""
        return cast("Mapping[str, JSON]", self._format("chunks"))

    @cached_property
    def images(self) -> Images:
        """The images by the names that the text refers to them by; empty if there are none."""
        return Images(object_of(self.raw, "images"))

    def __str__(self) -> str:
        for name in FORMATS:
            if self._is_there(name):
                value = self.raw[name]
                return value if isinstance(value, str) else compact(value)
        raise EmptyResultError(self, self.output_formats)

    def _format(self, name: str) -> JSON:
        if self._is_there(name):
            return self.raw[name]
        if name not in self.output_formats:
            raise FormatNotRequestedError(name, requested=self.output_formats)
        raise EmptyResultError(self, (name,))

    def _is_there(self, name: str) -> bool:
        value = self.raw.get(name)
        kind = str if name in ("markdown", "html") else dict
        return isinstance(value, kind) and bool(value)

    def _card(self) -> Card:
        from datalab_facade.documents.result_cards import conversion_card

        return conversion_card(self)


@picklable
@attrs.frozen(kw_only=True, repr=False, slots=False)
class Extraction(DocumentResult, Generic[T_co]):
    """Data that was extracted from a document, typed.

    ``value`` is what was asked for, as a value of the type that was given, or the plain data.
    ``data`` is always the plain data, of exactly the schema. ``fields`` tells of each field where
    it was found and how sure the server is.
    """

    into: type[T_co] | None = attrs.field(
        default=None, eq=False, metadata=json_field(left_out=True)
    )
    """The type of ``value``; None for plain data, and after a trip through JSON."""

    @cached_property
    def value(self) -> T_co:
        """What was extracted, as the type that was asked for.

        Raises:
            ExtractionMismatchError: It does not fit the type; the error holds the extraction.
        """
        return cast("T_co", self.data) if self.into is None else self.read_as(self.into)

    @property
    def data(self) -> dict[str, JSON]:
        """What was extracted, as plain JSON, without the server's remarks."""
        return self._separated[0]

    @property
    def fields(self) -> Mapping[str, ExtractedField]:
        """What the server says about each field, by its path, such as ``"items[0].amount"``."""
        return self._separated[1]

    @property
    def score(self) -> float | None:
        """The average score of all fields, from 1 to 5; None until the server knows."""
        return number(self.raw.get("extraction_score_average"))

    @property
    def scored(self) -> bool:
        """Whether there are scores."""
        return self.score is not None or any(
            field.score is not None for field in self.fields.values()
        )

    @property
    def extraction_mode(self) -> str | None:
        """The mode that was used, which decides the price."""
        return text_of(self.raw.get("extraction_mode"))

    def read_as(self, into: type[_Other]) -> _Other:
        """Convert the data to another type, without a request.

        Raises:
            ExtractionMismatchError: It does not fit the type; the error holds the extraction.
            ConfigurationError: The type needs a library that is not installed.
        """
        from datalab_facade.typed_reading import MismatchError, name_of, read_as

        try:
            return read_as(self.data, into, missing_as_none=True)
        except MismatchError as error:
            issues = tuple(
                ExtractionIssue(place=one.place, message=one.message) for one in error.mismatches
            )
        # Raised outside of the except block, since the library's error has no more to say.
        raise ExtractionMismatchError(
            cast("Extraction[dict[str, JSON]]", attrs.evolve(self, into=None)),
            into=name_of(into),
            issues=issues,
        )

    @cached_property
    def _separated(self) -> tuple[dict[str, JSON], ExtractedFields]:
        answer = self.raw.get("extraction_schema_json")
        if answer is None or answer == "":
            raise EmptyResultError(self, ("extraction",))
        schema: object = getattr(self.task, "schema", None)
        try:
            return separate(parsed_object(answer), schema if isinstance(schema, Mapping) else None)
        except RecursionError:
            raise InvalidResponseError("the extraction is nested too deeply") from None

    def __str__(self) -> str:
        return compact(self.data)

    def _card(self) -> Card:
        from datalab_facade.documents.result_cards import extraction_card

        return extraction_card(self)


@picklable
@attrs.frozen(kw_only=True)
class DocumentSegment(AsJSON):
    """One part of a document.

    >>> DocumentSegment(name="Invoice", pages=(0, 1, 2, 5)).page_range
    '0-2,5'
    """

    name: str = attrs.field(repr=redacted_repr)
    """What it is: one of the names that were asked for."""
    pages: tuple[int, ...] = ()
    """Its pages; the first page of a document is 0."""
    confidence: str | float | None = None
    """How sure the server is, in its words."""

    @property
    def page_range(self) -> str:
        """Its pages as ``page_range`` of another request takes them; empty without pages."""
        return to_page_range(self.pages) or "" if self.pages else ""


@picklable
@attrs.frozen(kw_only=True, repr=False, slots=False)
class Segmentation(DocumentResult):
    """The parts of a document, and on which pages they are."""

    @cached_property
    def segments(self) -> tuple[DocumentSegment, ...]:
        """The parts, in the server's order; empty if the server found none."""
        found = self.raw.get("segmentation_results")
        listed = found.get("segments") if isinstance(found, dict) else found
        return tuple(
            DocumentSegment(
                name=text_of(one.get("name")) or "",
                pages=pages_of(one.get("pages")),
                confidence=text_of(one.get("confidence")) or number(one.get("confidence")),
            )
            for one in (listed if isinstance(listed, list) else ())
            if isinstance(one, dict)
        )

    def __str__(self) -> str:
        return "\n".join(f"{segment.name}: {segment.page_range}" for segment in self.segments)

    def _card(self) -> Card:
        from datalab_facade.documents.result_cards import segmentation_card

        return segmentation_card(self)


@picklable
@attrs.frozen(kw_only=True, repr=False, slots=False)
class _DocumentFile(DocumentResult):
    """A result that is a file."""

    @property
    def output_format(self) -> str | None:
        """The format of the file, such as ``"pdf"``."""
        return text_of(self.raw.get("output_format"))

    @property
    def content(self) -> bytes:
        """The file; it is decoded each time.

        Raises:
            EmptyResultError: The result has none.
            InvalidResponseError: It cannot be decoded.
        """
        text = self.raw.get("output_base64")
        if not isinstance(text, str) or not text:
            raise EmptyResultError(self, ("output_base64",))
        return decode_base64(text, "the file")


@picklable
@attrs.frozen(kw_only=True, repr=False, slots=False)
class FilledForm(_DocumentFile):
    """A form that was filled in."""

    @property
    def filled(self) -> tuple[str, ...]:
        """The names of the values that were filled in."""
        return texts_of(self.raw.get("fields_filled"))

    @property
    def not_found(self) -> tuple[str, ...]:
        """The names of the values for which the form has no field."""
        return texts_of(self.raw.get("fields_not_found"))

    @property
    def is_complete(self) -> bool:
        """Whether every value was filled in."""
        return not self.not_found

    def _card(self) -> Card:
        from datalab_facade.documents.result_cards import form_card

        return form_card(self)


@picklable
@attrs.frozen(kw_only=True, repr=False, slots=False)
class CreatedDocument(_DocumentFile):
    """A document that was made of Markdown."""

    def _card(self) -> Card:
        from datalab_facade.documents.result_cards import created_card

        return created_card(self)


@picklable
@attrs.frozen(kw_only=True, repr=False, slots=False)
class AgentResult(DocumentResult):
    """What an agent gave; its form is not documented, so there is only ``raw``."""


@picklable
@attrs.frozen(kw_only=True, repr=False, slots=False)
class SchemaSuggestions(DocumentResult):
    """JSON Schemas that the server suggests for a document; None where it suggests none."""

    @property
    def simple(self) -> dict[str, JSON] | None:
        """The schema with the fewest fields."""
        return self._suggestion("simple_schema")

    @property
    def moderate(self) -> dict[str, JSON] | None:
        """The schema in between."""
        return self._suggestion("moderate_schema")

    @property
    def complex(self) -> dict[str, JSON] | None:
        """The schema with the most fields."""
        return self._suggestion("complex_schema")

    def _suggestion(self, name: str) -> dict[str, JSON] | None:
        value = object_of(self.raw, "suggestions").get(name)
        return parsed_object(value) if value else None

    def _card(self) -> Card:
        from datalab_facade.documents.result_cards import suggestions_card

        return suggestions_card(self)


def requested_formats(task: AnyTask | None, answered: JSON) -> tuple[str, ...]:
    """Return the formats that were asked for: as the task says, or else the answer."""
    asked: object = getattr(task, "output_format", None)
    listed = answered.split(",") if asked is None and isinstance(answered, str) else asked
    if not isinstance(listed, (list, tuple)):
        listed = ()
    names = [str(name).strip() for name in listed]
    return tuple(dict.fromkeys(filter(None, names))) or ("markdown",)
