"""What a handle is as plain JSON, and which job stands behind whatever a caller passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Generic, NoReturn, TypeVar, cast

from datalab_facade.arguments import named
from datalab_facade.errors import ClientStateError, InvalidArgumentError, NotFoundError
from datalab_facade.jobs.kinds import IdT, JobKind, SnapshotT
from datalab_facade.redaction import excerpt

if TYPE_CHECKING:
    from datalab_facade.json_forms import JSON

_VERSION = 1
_HandleT = TypeVar("_HandleT")


class AnyHandle:
    """What all handles have in common, of blocking and of async clients, of all kinds of jobs."""

    __slots__ = ()

    found_at: ClassVar[str]
    """Where a client has the jobs of this kind."""

    def to_dict(self) -> dict[str, JSON]:
        """Return the handle as plain JSON."""
        raise NotImplementedError

    @classmethod
    def more_of(cls, data: Mapping[str, JSON]) -> dict[str, object]:  # noqa: ARG003
        """Return what a handle holds besides the id, of its JSON form: nothing, for most."""
        return {}


def handle_to_dict(kind: str, job_id: int | str, origin: str) -> dict[str, JSON]:
    """Return the JSON form of a handle."""
    return {"version": _VERSION, "kind": kind, "id": job_id, "origin": origin}


def _id_of_dict(kind: JobKind[SnapshotT, IdT], data: Mapping[str, JSON], origin: str) -> IdT:
    job_id, job_kind, of = data.get("id"), data.get("kind"), data.get("origin")
    known = isinstance(job_id, (int, str)) and not isinstance(job_id, bool)
    if data.get("version") != _VERSION or not known or not isinstance(of, str):
        raise InvalidArgumentError(
            "This dict is not the JSON form of a handle, which handle.to_dict() gives. "
            "The id alone is enough: handle(123)"
        )
    if job_kind != kind.name:
        raise InvalidArgumentError(
            f"The handle belongs to another kind of job, {named(job_kind)}, "
            f"and what is asked for here is of the kind {kind.name!r}"
        )
    if of != origin:
        raise InvalidArgumentError(
            f"The handle belongs to {kind.name} {job_id} at {excerpt(of)}, "
            f"but this client talks to {origin}: use a client of the handle's address"
        )
    return kind.checked_id(job_id)


def resolve_id(kind: JobKind[SnapshotT, IdT], job: object, origin: str) -> IdT:
    """Return the id of a job, of whatever stands for it: an id, a snapshot or a handle.

    Raises:
        InvalidArgumentError: It stands for no such job, or the handle has another API's address.
    """
    if isinstance(job, kind.snapshot_type):
        return kind.checked_id(job.id)
    if isinstance(job, AnyHandle):
        job = job.to_dict()
    if isinstance(job, Mapping):
        return _id_of_dict(kind, cast("Mapping[str, JSON]", job), origin)
    return kind.checked_id(job)


class NamedMissing(Generic[SnapshotT, IdT]):
    """Turns what says that a job is not there into the kind's own error, as a context."""

    __slots__ = ("_job_id", "_kind")

    def __init__(self, kind: JobKind[SnapshotT, IdT], job_id: IdT) -> None:
        self._kind = kind
        self._job_id = job_id

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, NotFoundError):
            named_error = self._kind.not_found(error, self._job_id)
            if named_error is not error:
                raise named_error from error.__cause__


class _NoClient:
    """Stands where a handle has the jobs of its client, when there is no client."""

    def __init__(self, kind: str, origin: str, found_at: str) -> None:
        self._kind = kind
        self._origin = origin
        self._found_at = found_at

    def handle_to_dict(self, job_id: int | str) -> dict[str, JSON]:
        return handle_to_dict(self._kind, job_id, self._origin)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ClientStateError(
            f"This handle was pickled, and a pickle holds no client: use "
            f"{self._found_at}.handle(handle), with a client of {self._origin}"
        )


def revived_handle(handle_type: type[_HandleT], data: Mapping[str, JSON]) -> _HandleT:
    """Return the handle that a pickle holds; this name is in pickles, so it stays.

    Raises:
        InvalidArgumentError: The pickle was tampered with, or is of a version too far away.
    """
    kind, job_id, origin = data.get("kind"), data.get("id"), data.get("origin")
    known = isinstance(job_id, (int, str)) and not isinstance(job_id, bool)
    if not (known and isinstance(kind, str) and isinstance(origin, str)):
        raise InvalidArgumentError(
            "This pickle does not hold a handle of this version; make a new one of the id"
        )
    make = cast("Callable[..., _HandleT]", handle_type)
    known_type = cast("type[AnyHandle]", handle_type)
    no_client = _NoClient(kind, origin, known_type.found_at)
    return make(id=job_id, jobs=no_client, **known_type.more_of(data))
