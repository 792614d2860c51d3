"""Handles: an execution's id, and the client to ask about it with.

A handle can be written down: its JSON form holds the id and the address of the
API, and nothing secret. Any client of that address takes it back, in another
process or on another day.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping
from typing import TYPE_CHECKING, Unpack

import attrs

from datalab_facade.context import checked_id
from datalab_facade.errors import ConfigurationError
from datalab_facade.redaction import excerpt

if TYPE_CHECKING:
    from datalab_facade.changes import AsyncOnChange, Change, OnChange
    from datalab_facade.executions import Executions
    from datalab_facade.executions_async import AsyncExecutions
    from datalab_facade.models import JSON, Execution, Output
    from datalab_facade.options import CallOptions, WaitOptions

_VERSION = 1


def handle_to_dict(execution_id: int, base_url: str) -> dict[str, JSON]:
    """Give the JSON form of a handle."""
    return {"version": _VERSION, "execution_id": execution_id, "origin": base_url}


def handle_from_dict(data: Mapping[str, JSON], base_url: str) -> int:
    """Take the execution's id out of the JSON form of a handle.

    Raises:
        ConfigurationError: If it is something else, or of another API's origin.
    """
    execution_id, origin = data.get("execution_id"), data.get("origin")
    whole = isinstance(execution_id, int) and not isinstance(execution_id, bool)
    if data.get("version") != _VERSION or not whole or not isinstance(origin, str):
        raise ConfigurationError(
            "This is no handle as to_dict() of this version writes it. "
            "The execution's id alone is enough: handle(123)"
        )
    if origin != base_url:
        raise ConfigurationError(
            f"The handle is of execution {execution_id} at {excerpt(origin)}, "
            f"but this client talks to {base_url}"
        )
    return checked_id(execution_id)


def handle_id(execution: int | Mapping[str, JSON], base_url: str) -> int:
    """Take the execution's id out of an id, or out of the JSON form of a handle.

    Raises:
        ConfigurationError: If it is neither, or of another API's origin.
    """
    if isinstance(execution, Mapping):
        return handle_from_dict(execution, base_url)
    return checked_id(execution)


@attrs.frozen
class ExecutionHandle:
    """One execution, to be asked about for comfort's sake."""

    id: int
    _executions: Executions = attrs.field(repr=False, eq=False, alias="executions")

    def get(self, *, timeout: float | None = None, **options: Unpack[CallOptions]) -> Execution:
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

    def outputs(self) -> tuple[Output, ...]:
        """Look once, and give the outputs there are. Errors as :meth:`get`."""
        return self.get().outputs

    def to_dict(self) -> dict[str, JSON]:
        """Give the handle as plain JSON: the id and the API's address."""
        return self._executions.handle_to_dict(self.id)


@attrs.frozen
class AsyncExecutionHandle:
    """One execution, to be asked about for comfort's sake."""

    id: int
    _executions: AsyncExecutions = attrs.field(repr=False, eq=False, alias="executions")

    async def get(
        self, *, timeout: float | None = None, **options: Unpack[CallOptions]
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

    async def outputs(self) -> tuple[Output, ...]:
        """Look once, and give the outputs there are. Errors as :meth:`get`."""
        return (await self.get()).outputs

    def to_dict(self) -> dict[str, JSON]:
        """Give the handle as plain JSON: the id and the API's address."""
        return self._executions.handle_to_dict(self.id)
