"""The shape of the API's real answers: names and types, without values."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import attrs

from datalab_facade._version import __version__
from datalab_facade.cli.shapes import Shape, header_may_be_shown, shape_of
from datalab_facade.codec import json_field, to_json
from datalab_facade.json_forms import JSON

if TYPE_CHECKING:
    from datalab_facade.transport.api import ApiTransport
    from datalab_facade.transport.api_calls import PlainAnswer

RetryAfter: TypeAlias = Literal["absent", "seconds", "date", "other"]

# No execution has this id; the answer for a missing one is recorded, too.
_UNUSED_ID: Final = str(2**31 - 1)
_NOT_JSON: Final = Shape(
    kinds={"body": ["not JSON"]}, words={}, keys={}, step_shape=None, is_complete=True
)


@attrs.frozen
class Target:
    """A request to record: its path with an id, and a label without it."""

    path: str
    label: str

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read an id from the command line, and find the endpoint that it belongs to.

        Raises:
            InvalidArgumentError: The id has no known form.

        >>> Target.parse("123").label, Target.parse("agent/npl94jxy").path
        ('GET /api/v1/workflows/executions/{execution_id}', '/api/v1/agent/npl94jxy')
        """
        from datalab_facade.runs.families import FAMILIES  # it imports httpx
        from datalab_facade.runs.job_family import family_of_id

        family, job_id = family_of_id((one.family for one in FAMILIES), text)
        operation = family.kind.poll(family.kind.checked_id(job_id))
        return cls(operation.path, f"{operation.method} {operation.template}")


@attrs.frozen
class RecordedAnswer:
    """The shape of one answer."""

    request: str
    status_code: int
    headers: list[str] = attrs.field(repr=False)
    retry_after: RetryAfter
    shape: Shape = attrs.field(metadata=json_field(left_out=True))

    def to_dict(self) -> dict[str, JSON]:
        """Return the value as plain JSON."""
        return to_json(self) | to_json(self.shape)


@attrs.frozen
class Recording:
    """The shapes of all answers."""

    answers: tuple[RecordedAnswer, ...]

    def to_dict(self) -> dict[str, JSON]:
        """Return the value as plain JSON."""
        answers: list[JSON] = [answer.to_dict() for answer in self.answers]
        return {"datalab_facade": __version__, "answers": answers}


def record(api: ApiTransport, targets: Sequence[Target]) -> Recording:
    """Request each target once, and an execution that does not exist.

    Raises:
        APIConnectionError: No complete answer came.
    """
    missing = Target.parse(_UNUSED_ID)
    return Recording(
        tuple(summarize(target, _request(api, target)) for target in (*targets, missing))
    )


def summarize(target: Target, answer: PlainAnswer) -> RecordedAnswer:
    """Return the shape of an answer."""
    names = {name.lower() for name in answer.headers}
    recorded = {name if header_may_be_shown(name) else "<header>" for name in names}
    return RecordedAnswer(
        target.label,
        answer.status,
        sorted(recorded),
        _retry_after(answer.headers.get("retry-after")),
        _shape(answer.body),
    )


def _request(api: ApiTransport, target: Target) -> PlainAnswer:
    import math

    from datalab_facade.jobs.commands import Call
    from datalab_facade.transport.api_calls import CallScope

    return api.plain_answer(target.path, CallScope(Call(timeout=30.0, deadline=math.inf)))


def _shape(body: bytes) -> Shape:
    try:
        return shape_of(json.loads(body))
    except (ValueError, RecursionError):
        return _NOT_JSON


def _retry_after(value: str | None) -> RetryAfter:
    if value is None:
        return "absent"
    if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value, re.ASCII):
        return "seconds"
    return "date" if re.search(r"\d\d:\d\d:\d\d", value) else "other"
