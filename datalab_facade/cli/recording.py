"""What the API really sends: a look at some answers, of which only the shape is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import attrs

from datalab_facade._version import __version__
from datalab_facade.cli.shapes import Shape, header_may_be_shown, shape_of
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.models import JSON

if TYPE_CHECKING:
    from datalab_facade.transport.api import ApiTransport, PlainAnswer

RetryAfter: TypeAlias = Literal["absent", "seconds", "a date", "something else"]

# Nobody has an execution of this number; what is answered then is worth knowing, too.
_NOBODYS: Final = str(2**31 - 1)
_NO_JSON: Final = Shape(
    kinds={"body": ["no JSON"]}, words={}, keys={}, step_shape=None, is_whole=True
)
_DOCUMENTS: Final = (
    *("convert", "extract", "segment", "fill", "track-changes", "create-document", "agent"),
    "marker/extraction/gen_schemas",
)
_FORMS: Final = (
    (re.compile(r"[0-9]{1,18}"), "/api/v1/workflows/executions/", "{execution_id}"),
    (re.compile(r"pex_[\w-]{1,64}", re.ASCII), "/api/v1/pipelines/executions/", "{execution_id}"),
    *(
        (re.compile(rf"{name}/(?P<id>[\w-]{{1,64}})", re.ASCII), f"/api/v1/{name}/", "{request_id}")
        for name in _DOCUMENTS
    ),
)


@attrs.frozen
class Target:
    """Where to look: an address with an id, and the same without."""

    path: str
    shown: str

    @classmethod
    def of(cls, given: str) -> Target:
        """Find out what kind of id it is.

        Raises:
            InvalidArgumentError: None that is known.

        >>> Target.of("123").shown, Target.of("agent/npl94jxy").path
        ('GET /api/v1/workflows/executions/{execution_id}', '/api/v1/agent/npl94jxy')
        """
        for form, folder, name in _FORMS:
            found = form.fullmatch(given)
            if found is not None:
                number = found.groupdict().get("id") or given
                return cls(f"{folder}{number}", f"GET {folder}{name}")
        raise InvalidArgumentError(
            "An id is that of an execution (123), of a pipeline's execution (pex_...) or of a "
            f"request (convert/ID; also {', '.join(_DOCUMENTS[1:])})"
        )


@attrs.frozen
class Recorded:
    """What is kept of one answer."""

    request: str
    status_code: int
    headers: list[str] = attrs.field(repr=False)
    retry_after: RetryAfter
    shape: Shape

    def to_dict(self) -> dict[str, JSON]:
        """Give it as plain JSON."""
        return {
            "request": self.request,
            "status_code": self.status_code,
            "headers": list[JSON](self.headers),
            "retry_after": self.retry_after,
            "step_shape": self.shape.step_shape,
            "kinds": _listed(self.shape.kinds),
            "words": _listed(self.shape.words),
            "keys": _listed(self.shape.keys),
            "is_whole": self.shape.is_whole,
        }


@attrs.frozen
class Recording:
    """What is kept of all answers. The date is a fact of the recording, and no value."""

    answers: tuple[Recorded, ...]

    def to_dict(self) -> dict[str, JSON]:
        """Give it as plain JSON."""
        answers: list[JSON] = [answer.to_dict() for answer in self.answers]
        return {"datalab_facade": __version__, "answers": answers}


def record(api: ApiTransport, targets: Sequence[Target]) -> Recording:
    """Look at each target once, and at an execution that is not there.

    Raises:
        APIConnectionError: No whole answer came.
    """
    nobodys = Target.of(_NOBODYS)
    return Recording(tuple(kept(target, _poll(api, target)) for target in (*targets, nobodys)))


def kept(target: Target, answer: PlainAnswer) -> Recorded:
    """Keep of an answer what is no value."""
    names = {name.lower() for name in answer.headers}
    shown = {name if header_may_be_shown(name) else "<header>" for name in names}
    return Recorded(
        target.shown,
        answer.status,
        sorted(shown),
        _retry_after(answer.headers.get("retry-after")),
        _shape(answer.body),
    )


def _poll(api: ApiTransport, target: Target) -> PlainAnswer:
    import math

    from datalab_facade.jobs.commands import Call
    from datalab_facade.transport.api import CallScope

    return api.plain_answer(target.path, CallScope(Call(timeout=30.0, deadline=math.inf)))


def _shape(body: bytes) -> Shape:
    try:
        return shape_of(json.loads(body))
    except (ValueError, RecursionError):
        return _NO_JSON


def _retry_after(value: str | None) -> RetryAfter:
    if value is None:
        return "absent"
    if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value, re.ASCII):
        return "seconds"
    return "a date" if re.search(r"\d\d:\d\d:\d\d", value) else "something else"


def _listed(found: dict[str, list[str]]) -> dict[str, JSON]:
    return {place: list[JSON](kinds) for place, kinds in found.items()}
