"""Scripts of document requests, as data: how long one takes, and what it results in.

All times are seconds since the submission, or since the end where it says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, Self

import attrs

from datalab_facade.codec import JSONFormat, ToJSON, from_json_by_hand, json_field
from datalab_facade.json_forms import Form, InvalidJSONError, read_inside
from datalab_facade.testing import readers
from datalab_facade.testing.checking import as_names, check_seconds, check_whole, is_finite
from datalab_facade.testing.jsonvalue import JSON

HOUR: Final = 3600.0


def _check_seconds(_: object, attribute: attrs.Attribute[float], value: float | None) -> None:
    if value is not None:
        check_seconds(value, attribute.name)


def _check_pages(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    check_whole(attribute.name, value, 1)


def _check_cents(_: object, attribute: attrs.Attribute[int], value: int | None) -> None:
    if value is not None:
        check_whole(attribute.name, value, 0)


def _check_score(_: object, attribute: attrs.Attribute[float], value: float | None) -> None:
    if value is not None and not is_finite(value):
        message = f"{attribute.name} must be a finite number, zero or more, not {value!r}"
        raise ValueError(message)


def _as_segments(
    segments: Mapping[str, Sequence[int]] | None,
) -> dict[str, tuple[int, ...]] | None:
    if segments is None:
        return None
    return {name: tuple(pages) for name, pages in segments.items()}


def _read_bytes(value: object) -> bytes:
    body = readers.BODY.read(value)
    if not isinstance(body, bytes):
        raise InvalidJSONError("must be text or base64, not JSON")
    return body


def _read_images(value: object) -> dict[str, bytes]:
    if not isinstance(value, Mapping):
        raise InvalidJSONError("must be an object", value)
    return {str(name): read_inside(f".{name}", _read_bytes, item) for name, item in value.items()}


_BYTES: Final = Form(
    readers.BODY.write, lambda value: None if value is None else _read_bytes(value)
)
_IMAGES: Final = Form(
    lambda images: {name: readers.BODY.written(body) for name, body in images.items()},
    _read_images,
)


@attrs.frozen(kw_only=True)
class DocumentScript(ToJSON):
    """What a document request does: any of convert, extract, segment, fill and the others.

    Each of them uses the fields that fit it; what is not set is made up from the request,
    such as an extraction from the schema that was sent.
    """

    _json: ClassVar = JSONFormat(by_hand=True)

    seconds: float | None = attrs.field(default=3.0, validator=_check_seconds)
    """Seconds until it ends; ``None``: it never does."""
    error: str | None = None
    """The reason of a failure: it ends with ``success: false``, and nothing else."""
    status: str = "complete"
    """The status after its end. As documented, one that failed is ``complete`` as well; seen
    were ``failed``, ``error`` and ``expired``. Any but ``complete`` is a failure."""
    status_before: str = "processing"
    """The status before its end."""
    pages: int = attrs.field(default=1, validator=_check_pages)
    """Pages of the document; ``page_range`` and ``max_pages`` select some of them."""
    cost_cents: int | None = attrs.field(default=None, validator=_check_cents)
    """Its cost; ``None``: one cent for each page."""
    cost_after: float = attrs.field(default=0.0, validator=_check_seconds)
    """Seconds after its end when its cost becomes known; before that it is null."""
    markdown: str | None = None
    """The text; ``None``: a heading and a line for each page."""
    html: str | None = None
    """``None``: made from the text."""
    json: Mapping[str, JSON] | None = None
    """``None``: a tree of blocks, made from the text."""
    chunks: Mapping[str, JSON] | None = None
    """``None``: a list of blocks, made from the text."""
    images: Mapping[str, bytes] = attrs.field(
        factory=dict[str, bytes], metadata=json_field(form=_IMAGES)
    )
    """The images by the names that the text uses."""
    extraction: Mapping[str, JSON] | None = None
    """The extracted data; ``None``: values that fit the schema which was sent.

    The simulator adds citations to its fields, and what else belongs to the mode."""
    scores_after: float | None = attrs.field(default=None, validator=_check_seconds)
    """Seconds after its end when scores are added to an extraction.

    ``None``: as documented: 20 in the mode ``fast``, 0 with ``include_scores``, else never."""
    segments: Mapping[str, tuple[int, ...]] | None = attrs.field(
        default=None, converter=_as_segments
    )
    """The pages of each segment; ``None``: the pages, dealt to the segments of the schema."""
    not_found: tuple[str, ...] = attrs.field(default=(), converter=as_names)
    """The fields of a form that are not found; all others are filled."""
    output: bytes | None = attrs.field(default=None, metadata=json_field(form=_BYTES))
    """The filled form, or the created document; ``None``: the form as it came, or a DOCX."""
    quality_score: float | None = attrs.field(default=5.0, validator=_check_score)
    """The ``parse_quality_score``."""
    via_url: bool | None = None
    """Whether the result is behind a ``result_url``; ``None``: if processed in the ``eu``."""
    visible_after: float = attrs.field(default=0.0, validator=_check_seconds)
    """Seconds until the API knows it; before that a 404."""
    kept_for: float | None = attrs.field(default=HOUR, validator=_check_seconds)
    """Seconds after its end for which the result is kept; then a 404. ``None``: forever."""
    extra: Mapping[str, JSON] = attrs.field(factory=dict[str, JSON])
    """Fields to add to the result, also one behind a URL; they replace fields of the same name."""

    @property
    def failed(self) -> bool:
        """Whether it ends as a failure."""
        return self.error is not None or self.status != "complete"

    @classmethod
    def from_dict(cls, value: object, place: str = "") -> Self:
        """Read what :meth:`to_dict` writes; it is also easy to write by hand.

        The keys are the names of the fields, with the same defaults. An image or an output
        is ``{"text": "..."}`` or ``{"base64": "..."}``.

        >>> DocumentScript.from_dict({"seconds": 30, "markdown": "# Invoice"}).pages
        1

        Args:
            value: the script.
            place: the place of the value, for error messages.

        Raises:
            ValueError: the value is not a script. The message names the place.
        """
        return from_json_by_hand(cls, value, place)
