"""Handles: an execution's id, and the client to ask about it with.

A handle can be written down: its JSON form holds the id and the address of the
API, and nothing secret. Any client of that address takes it back, in another
process or on another day. Its pickle holds the same. What comes out of a pickle
has no client; it names the execution, and ``client.executions.handle`` gives it one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from datetime import timedelta
from typing import (
    TYPE_CHECKING,
    NoReturn,
    Self,
    SupportsIndex,
    TypeAlias,
    TypeVar,
    Unpack,
    cast,
)

import attrs

from datalab_facade.arguments import checked_id, named, whole_number
from datalab_facade.errors import ClientStateError, InvalidArgumentError
from datalab_facade.models import Execution
from datalab_facade.redaction import excerpt

if TYPE_CHECKING:
    from datalab_facade.changes import AsyncOnChange, Change, OnChange
    from datalab_facade.executions.async_resource import AsyncExecutions
    from datalab_facade.executions.resource import Executions
    from datalab_facade.models import JSON, Output
    from datalab_facade.options import CallOptions, WaitOptions

_VERSION = 1


def handle_to_dict(execution_id: int, base_url: str) -> dict[str, JSON]:
    """Give the JSON form of a handle."""
    return {"version": _VERSION, "execution_id": execution_id, "origin": base_url}


def handle_from_dict(data: Mapping[str, JSON], base_url: str) -> int:
    """Take the execution's id out of the JSON form of a handle.

    Raises:
        InvalidArgumentError: If it is something else, or of another API's origin.
    """
    execution_id, origin = data.get("execution_id"), data.get("origin")
    whole = isinstance(execution_id, int) and not isinstance(execution_id, bool)
    if data.get("version") != _VERSION or not whole or not isinstance(origin, str):
        raise InvalidArgumentError(
            "This dict is not the JSON form of a handle, which handle.to_dict() gives. "
            "The execution's id alone is enough: handle(123)"
        )
    if origin != base_url:
        raise InvalidArgumentError(
            f"The handle belongs to execution {execution_id} at {excerpt(origin)}, "
            f"but this client talks to {base_url}: use a client of the handle's address"
        )
    return checked_id(execution_id)


def resolve_id(execution: ExecutionLike, base_url: str) -> int:
    """Give the id of an execution, of whatever stands for it.

    Raises:
        InvalidArgumentError: It stands for no execution, or the handle has another API's address.
    """
    if isinstance(execution, Execution):
        return checked_id(execution.id)
    if isinstance(execution, (ExecutionHandle, AsyncExecutionHandle)):
        execution = execution.to_dict()
    if isinstance(execution, Mapping):
        return handle_from_dict(execution, base_url)
    if whole_number(execution) is None:
        raise InvalidArgumentError(
            "An execution is given as its id, a whole number such as 123, as a snapshot or as "
            f"a handle, not as {named(execution)}"
        )
    return checked_id(execution)


class _NoClient:
    """Stands where a handle has the executions of its client, when there is no client."""

    def __init__(self, origin: str) -> None:
        self.origin = origin

    def handle_to_dict(self, execution_id: int) -> dict[str, JSON]:
        return handle_to_dict(execution_id, self.origin)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ClientStateError(
            f"This handle was pickled, and a pickle holds no client: use "
            f"client.executions.handle(handle), with a client of {self.origin}"
        )


_Handle = TypeVar("_Handle")


def revived_handle(kind: type[_Handle], data: Mapping[str, JSON]) -> _Handle:
    """Give the handle that a pickle holds; this name is in pickles, so it stays.

    Raises:
        InvalidArgumentError: The pickle was tampered with, or is of a version too far away.
    """
    origin = data.get("origin")
    execution_id = handle_from_dict(data, origin if isinstance(origin, str) else "")
    make = cast("Callable[..., _Handle]", kind)
    return make(id=execution_id, executions=_NoClient(str(origin)))


@attrs.frozen(kw_only=True)
class ExecutionHandle:
    """An execution id bound to a client.

    Copies share its client. Its pickle holds the id and the API's address; what comes
    out of it compares equal and has :meth:`to_dict`, and everything else raises
    ClientStateError until ``client.executions.handle(handle)`` gives it a client.
    """

    id: int
    _executions: Executions = attrs.field(repr=False, eq=False, alias="executions")

    def get(
        self, *, timeout: float | timedelta | None = None, **options: Unpack[CallOptions]
    ) -> Execution:
        """See :meth:`Executions.get <datalab_facade.executions.Executions.get>`."""
        return self._executions.get(self.id, timeout=timeout, **options)

    def wait(
        self, *, on_change: OnChange | None = None, **options: Unpack[WaitOptions]
    ) -> Execution:
        """See :meth:`Executions.wait <datalab_facade.executions.Executions.wait>`."""
        return self._executions.wait(self.id, on_change=on_change, **options)

    def result(
        self, *, on_change: OnChange | None = None, **options: Unpack[WaitOptions]
    ) -> Execution:
        """See :meth:`Executions.result <datalab_facade.executions.Executions.result>`."""
        return self._executions.result(self.id, on_change=on_change, **options)

    def watch(self, **options: Unpack[WaitOptions]) -> Generator[Change, None, None]:
        """See :meth:`Executions.watch <datalab_facade.executions.Executions.watch>`."""
        return self._executions.watch(self.id, **options)

    def fetch_outputs(self) -> tuple[Output, ...]:
        """Poll once and return the outputs that exist so far. Raises what :meth:`get` raises."""
        return self.get().outputs

    def to_dict(self) -> dict[str, JSON]:
        """Return the handle as plain JSON: the id and the API's address."""
        return self._executions.handle_to_dict(self.id)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self

    def __reduce__(
        self,
    ) -> tuple[Callable[..., object], tuple[type[Self], dict[str, JSON]]]:
        return revived_handle, (type(self), self.to_dict())


@attrs.frozen(kw_only=True)
class AsyncExecutionHandle:
    """An execution id bound to a client.

    Copies share its client. Its pickle holds the id and the API's address; what comes
    out of it compares equal and has :meth:`to_dict`, and everything else raises
    ClientStateError until ``client.executions.handle(handle)`` gives it a client.
    """

    id: int
    _executions: AsyncExecutions = attrs.field(repr=False, eq=False, alias="executions")

    async def get(
        self, *, timeout: float | timedelta | None = None, **options: Unpack[CallOptions]
    ) -> Execution:
        """See :meth:`Executions.get <datalab_facade.executions.Executions.get>`."""
        return await self._executions.get(self.id, timeout=timeout, **options)

    async def wait(
        self, *, on_change: AsyncOnChange | None = None, **options: Unpack[WaitOptions]
    ) -> Execution:
        """See :meth:`Executions.wait <datalab_facade.executions.Executions.wait>`."""
        return await self._executions.wait(self.id, on_change=on_change, **options)

    async def result(
        self, *, on_change: AsyncOnChange | None = None, **options: Unpack[WaitOptions]
    ) -> Execution:
        """See :meth:`Executions.result <datalab_facade.executions.Executions.result>`."""
        return await self._executions.result(self.id, on_change=on_change, **options)

    def watch(self, **options: Unpack[WaitOptions]) -> AsyncGenerator[Change, None]:
        """See :meth:`Executions.watch <datalab_facade.executions.Executions.watch>`."""
        return self._executions.watch(self.id, **options)

    async def fetch_outputs(self) -> tuple[Output, ...]:
        """Poll once and return the outputs that exist so far. Raises what :meth:`get` raises."""
        return (await self.get()).outputs

    def to_dict(self) -> dict[str, JSON]:
        """Return the handle as plain JSON: the id and the API's address."""
        return self._executions.handle_to_dict(self.id)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self

    def __reduce__(
        self,
    ) -> tuple[Callable[..., object], tuple[type[Self], dict[str, JSON]]]:
        return revived_handle, (type(self), self.to_dict())


ExecutionLike: TypeAlias = (
    "SupportsIndex | Execution | ExecutionHandle | AsyncExecutionHandle | Mapping[str, JSON]"
)
"""Whatever stands for an execution: its id (an int, or an integer of NumPy's), a snapshot,
a handle of either client, or the JSON form of a handle."""
