"""What all results of document requests have in common, and how their values are read.

A result keeps the server's answer untouched in ``raw``, and reads from it what is asked for.
Images and files are decoded when they are read, since an answer may have hundreds of megabytes
of them. Nothing here does IO.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, TypeAlias, cast

import attrs

from datalab_facade.codec import AsJSON, JSONFormat, json_field
from datalab_facade.errors import InvalidResponseError
from datalab_facade.fields import compact, number, start_of, whole_number
from datalab_facade.json_forms import JSON, Form
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redact, redacted_repr

if TYPE_CHECKING:
    from datalab_facade.documents.task_base import Task
    from datalab_facade.pictures.cards import Card

    AnyTask: TypeAlias = "Task[DocumentResult]"
else:
    # Only its JSON is needed here, and its class reads that when there is any.
    AnyTask = object


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
        return text_of(self.raw.get("status")) or ""

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
        exact = number(object_of(self.raw, "cost_breakdown").get("final_cost_cents"))
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
        return text_of(self.raw.get("checkpoint_id"))

    @property
    def metadata(self) -> Mapping[str, JSON]:
        """What the server says about the document; empty if nothing."""
        return object_of(self.raw, "metadata")

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

    def _repr_html_(self) -> str:
        return self._card().html()

    def _repr_markdown_(self) -> str:
        return self._card().markdown()

    def _card(self) -> Card:
        """Return what a notebook shows."""
        from datalab_facade.documents.result_cards import plain_card

        return plain_card(self)


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


def decode_base64(text: str, what: str) -> bytes:
    """Decode what the server sent as base64.

    Raises:
        InvalidResponseError: It is something else.
    """
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError) as error:
        raise InvalidResponseError(f"{what} is not base64: {error}") from None


def parsed_object(value: JSON) -> dict[str, JSON]:
    """Return an object that may come as a string of JSON.

    Raises:
        InvalidResponseError: It is something else.
    """
    found = value
    if isinstance(value, str):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            found = None
    if not isinstance(found, dict):
        start = start_of(value)
        raise InvalidResponseError(f"an object in the result is not JSON: {start}", body=start)
    return found


def pages_of(value: JSON) -> tuple[int, ...]:
    """Return a list of pages; empty if it is something else."""
    listed = value if isinstance(value, list) else ()
    pages = (whole_number(page) for page in listed)
    return tuple(page for page in pages if page is not None and page >= 0)


def text_of(value: JSON) -> str | None:
    """Return a text that is not empty; None if it is something else."""
    return value if isinstance(value, str) and value else None


def texts_of(value: JSON) -> tuple[str, ...]:
    """Return the texts of a list; empty if it is something else."""
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def object_of(raw: Mapping[str, JSON], name: str) -> Mapping[str, JSON]:
    """Return an object of an answer; empty if it is something else."""
    value = raw.get(name)
    return value if isinstance(value, dict) else {}
