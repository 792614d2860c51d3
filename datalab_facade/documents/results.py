"""Results of document requests: frozen values of what the server answered.

A result keeps the server's answer untouched in ``raw``, and reads from it what is asked for:
texts, images, data, pages and cost. Images and files are decoded when they are read, since an
answer may have hundreds of megabytes of them. Nothing here does IO.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Generic, TypeAlias, TypeVar, cast

import attrs

from datalab_facade.codec import AsJSON, JSONFormat, json_field
from datalab_facade.documents.extracted_fields import ExtractedField as ExtractedField  # noqa: PLC0414
from datalab_facade.documents.extracted_fields import ExtractedFields, separate
from datalab_facade.errors import (
    EmptyResultError,
    ExtractionMismatchError,
    FormatNotRequestedError,
    InvalidResponseError,
)
from datalab_facade.fields import compact, number, whole_number
from datalab_facade.json_forms import JSON, Form
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redact, redacted_repr

if TYPE_CHECKING:
    from datalab_facade.documents.tasks import Task

    AnyTask: TypeAlias = "Task[DocumentResult]"
else:
    # Only its JSON is needed here, and that is read by the class when it is there.
    AnyTask = object

T_co = TypeVar("T_co", covariant=True)
_Other = TypeVar("_Other")

FORMATS = ("markdown", "html", "json", "chunks")
"""The formats that a document can be converted to, the most readable first."""


def _read_task(data: object) -> object:
    if data is None:
        return None
    from datalab_facade.documents.tasks import Task

    return Task.from_dict(cast("Mapping[str, JSON]", data))


_TASK_FORM = Form(lambda task: task.to_dict(), _read_task)


@picklable
@attrs.frozen(kw_only=True, repr=False, slots=False)
class DocumentResult(AsJSON):
    """What a document request gave; the base of all results.

    What the server fills in later (cost, scores) is None until it is known: ask again with
    ``client.documents.refresh(result)``. ``str()`` is the text.
    """

    _json: ClassVar = JSONFormat(needs=("raw",))

    id: str
    """The job's id, such as ``"convert/Qm3xT0yLr8sWb2ZkVf6NcA"``."""
    task: AnyTask | None = attrs.field(
        default=None, hash=False, metadata=json_field(form=_TASK_FORM)
    )
    """What was asked for; None where that is not known."""
    source: str | None = attrs.field(default=None, repr=redacted_repr)
    """The name of the document's file, or its address; None where that is not known."""
    source_sha256: str | None = None
    """The SHA-256 of the document in hexadecimal digits, if it was computed."""
    observed_at: datetime | None = attrs.field(default=None, eq=False)
    """When the answer arrived, by the clock of this machine. Not part of equality."""
    raw: Mapping[str, JSON] = attrs.field(factory=dict, hash=False)
    """The server's whole answer, as it came. Do not change it."""

    @property
    def endpoint(self) -> str:
        """The endpoint that the request was sent to, such as ``"convert"``."""
        return self.id.rpartition("/")[0]

    @property
    def request_id(self) -> str:
        """The server's id of the request."""
        return self.id.rpartition("/")[2]

    @property
    def status(self) -> str:
        """The server's word for how the request ended."""
        return _text(self.raw.get("status")) or ""

    @property
    def is_terminal(self) -> bool:
        """Whether the request has ended: always, since there is a result."""
        return True

    @property
    def succeeded(self) -> bool:
        """Whether the server says that it did what was asked for."""
        return self.raw.get("success") is not False

    @property
    def page_count(self) -> int | None:
        """The number of pages that were processed."""
        return whole_number(self.raw.get("page_count"))

    @property
    def cost_cents(self) -> float | None:
        """What it cost, in US cents; None until the server knows."""
        # The total is rounded to whole cents.
        exact = number(_object(self.raw, "cost_breakdown").get("final_cost_cents"))
        return number(self.raw.get("total_cost")) if exact is None else exact

    @property
    def quality_score(self) -> float | None:
        """How well the document could be parsed, from 0 to 5, as the server sees it."""
        return number(self.raw.get("parse_quality_score"))

    @property
    def runtime(self) -> float | None:
        """The seconds that the server worked on it."""
        return number(self.raw.get("runtime"))

    @property
    def checkpoint_id(self) -> str | None:
        """The checkpoint of the parsed document, with which extract and segment parse nothing."""
        return _text(self.raw.get("checkpoint_id"))

    @property
    def metadata(self) -> Mapping[str, JSON]:
        """What the server says about the document; empty if nothing."""
        return _object(self.raw, "metadata")

    @property
    def versions(self) -> JSON:
        """The versions of what worked on the document, as the server names them."""
        return self.raw.get("versions")

    def __str__(self) -> str:
        return compact(dict(self.raw))

    def __repr__(self) -> str:
        parts = [f"id={redact(self.id)!r}"]
        for name in ("page_count", "cost_cents"):
            value = getattr(self, name)
            if value is not None:
                parts.append(f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}")
        return f"<{type(self).__name__} {' '.join(parts)}>"


class Images(Mapping[str, bytes]):
    """Images by the names that the text refers to them by; each is decoded when it is read.

    >>> Images({"a.png": "iVBORw0KGgo="})["a.png"][1:4]
    b'PNG'
    """

    __slots__ = ("_encoded",)

    def __init__(self, encoded: Mapping[str, JSON]) -> None:
        self._encoded = {name: text for name, text in encoded.items() if isinstance(text, str)}

    def __getitem__(self, name: str) -> bytes:
        try:
            text = self._encoded[name]
        except KeyError:
            known = ", ".join(map(repr, list(self._encoded)[:20])) or "none"
            raise KeyError(f"no image {name!r}; the images are: {known}") from None
        return decode_base64(text, f"the image {redact(name)!r}")

    def __contains__(self, name: object) -> bool:
        return name in self._encoded

    def __iter__(self) -> Iterator[str]:
        return iter(self._encoded)

    def __len__(self) -> int:
        return len(self._encoded)

    def __repr__(self) -> str:
        return f"<Images {redact(', '.join(list(self._encoded)[:10]))}>"


@picklable
@attrs.frozen(kw_only=True, repr=False, slots=False)
class Conversion(DocumentResult):
    """A document as text: of ``convert`` and ``track_changes``.

    A format that was not asked for raises :class:`FormatNotRequestedError`; one that was asked
    for and came empty raises :class:`EmptyResultError`.

    >>> conversion = Conversion(id="convert/a", raw={"output_format": "markdown", "markdown": "# A"})
    >>> conversion.markdown, str(conversion), conversion.output_formats
    ('# A', '# A', ('markdown',))
    """

    @cached_property
    def output_formats(self) -> tuple[str, ...]:
        """The formats that were asked for: as the task says, or else the answer."""
        asked: object = getattr(self.task, "output_format", None)
        if asked is None:
            asked = self.raw.get("output_format")
        listed = asked.split(",") if isinstance(asked, str) else asked
        names = [str(name).strip() for name in listed] if isinstance(listed, (list, tuple)) else []
        # An answer may have more than it says.
        names += [name for name in FORMATS if self.raw.get(name)]
        return tuple(dict.fromkeys(filter(None, names))) or ("markdown",)

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
        return Images(_object(self.raw, "images"))

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
        return _text(self.raw.get("extraction_mode"))

    def read_as(self, into: type[_Other]) -> _Other:
        """Convert the data to another type, without a request.

        Raises:
            ExtractionMismatchError: It does not fit the type; the error holds the extraction.
            ConfigurationError: The type needs a library that is not installed.
        """
        raise NotImplementedError

    @cached_property
    def _separated(self) -> tuple[dict[str, JSON], ExtractedFields]:
        raise NotImplementedError

    def __str__(self) -> str:
        return compact(self.data)


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
        """Its pages as ``page_range`` of another request takes them."""
        raise NotImplementedError


@picklable
@attrs.frozen(kw_only=True, repr=False, slots=False)
class Segmentation(DocumentResult):
    """The parts of a document, and on which pages they are."""

    @cached_property
    def segments(self) -> tuple[DocumentSegment, ...]:
        """The parts, in the server's order."""
        raise NotImplementedError


@picklable
@attrs.frozen(kw_only=True, repr=False, slots=False)
class _DocumentFile(DocumentResult):
    """A result that is a file."""

    @property
    def output_format(self) -> str | None:
        """The format of the file, such as ``"pdf"``."""
        return _text(self.raw.get("output_format"))

    @property
    def content(self) -> bytes:
        """The file; it is decoded each time.

        Raises:
            EmptyResultError: There is none.
            InvalidResponseError: It cannot be decoded.
        """
        raise NotImplementedError


@picklable
@attrs.frozen(kw_only=True, repr=False, slots=False)
class FilledForm(_DocumentFile):
    """A form that was filled in."""

    @property
    def filled(self) -> tuple[str, ...]:
        """The names of the values that were filled in."""
        return _texts(self.raw.get("fields_filled"))

    @property
    def not_found(self) -> tuple[str, ...]:
        """The names of the values for which the form has no field."""
        return _texts(self.raw.get("fields_not_found"))

    @property
    def is_complete(self) -> bool:
        """Whether every value was filled in."""
        return not self.not_found


@picklable
@attrs.frozen(kw_only=True, repr=False, slots=False)
class CreatedDocument(_DocumentFile):
    """A document that was made of Markdown."""


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
        raise NotImplementedError

    @property
    def moderate(self) -> dict[str, JSON] | None:
        """The schema in between."""
        raise NotImplementedError

    @property
    def complex(self) -> dict[str, JSON] | None:
        """The schema with the most fields."""
        raise NotImplementedError


def decode_base64(text: str, what: str) -> bytes:
    """Decode what the server sent as base64.

    Raises:
        InvalidResponseError: It is something else.
    """
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError) as error:
        raise InvalidResponseError(f"{what} is not base64: {error}") from None


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: JSON) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _object(raw: Mapping[str, JSON], name: str) -> Mapping[str, JSON]:
    value = raw.get(name)
    return value if isinstance(value, dict) else {}
