"""Handles: a job's id, and the client to ask about it with.

A handle can be written down: its JSON form holds the kind of job, the id and the address of the
API, and nothing secret. Any client of that address takes it back, in another process or on another
day. Its pickle holds the same. What comes out of a pickle has no client; it names the job, and the
client's ``handle`` method gives it one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, Unpack

import attrs

from datalab_facade.jobs.handling import AnyHandle, revived_handle
from datalab_facade.jobs.kinds import IdT, SnapshotT
from datalab_facade.keywords import shows_options
from datalab_facade.options import CallOptions, WaitOptions

if TYPE_CHECKING:
    from datalab_facade.jobs.async_resource import AsyncJobs, AsyncJobWaits
    from datalab_facade.jobs.changes import AsyncOnChange, Change
    from datalab_facade.json_forms import JSON


@shows_options(CallOptions, WaitOptions)
@attrs.frozen(kw_only=True)
class AsyncWaitHandle(AnyHandle, Generic[SnapshotT, IdT]):
    """A job's id bound to a client: what the handles of all kinds have in common."""

    id: IdT
    _jobs: AsyncJobWaits[SnapshotT, IdT, Any] = attrs.field(repr=False, eq=False, alias="jobs")
    found_at: ClassVar[str] = "the resource of its kind"
    """Where a client has the jobs of this kind."""

    async def get(
        self, *, timeout: float | timedelta | None = None, **options: Unpack[CallOptions]
    ) -> SnapshotT:
        """Poll the job once.

        See :meth:`AsyncJobWaits.get <datalab_facade.jobs.async_resource.AsyncJobWaits.get>`.
        """
        return await self._jobs.get(self, timeout=timeout, **options)

    async def wait(
        self, *, on_change: AsyncOnChange[SnapshotT] | None = None, **options: Unpack[WaitOptions]
    ) -> SnapshotT:
        """Wait until the job has ended, well or badly.

        See :meth:`AsyncJobWaits.wait <datalab_facade.jobs.async_resource.AsyncJobWaits.wait>`.
        """
        return await self._jobs.wait(self, on_change=on_change, **options)

    def watch(self, **options: Unpack[WaitOptions]) -> AsyncGenerator[Change[SnapshotT], None]:
        """Yield each change of the job until it has ended.

        See :meth:`AsyncJobWaits.watch <datalab_facade.jobs.async_resource.AsyncJobWaits.watch>`.
        """
        return self._jobs.watch(self, **options)

    def to_dict(self) -> dict[str, JSON]:
        """Return the handle as plain JSON: the kind, the id and the API's address."""
        return self._jobs.handle_to_dict(self.id)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self

    def __reduce__(
        self,
    ) -> tuple[Callable[..., object], tuple[type[Self], dict[str, JSON]]]:
        return revived_handle, (type(self), self.to_dict())


@shows_options(WaitOptions)
@attrs.frozen(kw_only=True)
class AsyncJobHandle(AsyncWaitHandle[SnapshotT, IdT]):
    """A job's id bound to a client.

    Copies share its client. Its pickle holds the kind, the id and the API's address; what comes
    out of it compares equal and has :meth:`to_dict`, and everything else raises
    ClientStateError until the client's ``handle`` method gives it a client.
    """

    _jobs: AsyncJobs[SnapshotT, IdT, Any] = attrs.field(repr=False, eq=False, alias="jobs")

    async def result(
        self, *, on_change: AsyncOnChange[SnapshotT] | None = None, **options: Unpack[WaitOptions]
    ) -> SnapshotT:
        """Wait until the job has ended well.

        See :meth:`AsyncJobs.result <datalab_facade.jobs.async_resource.AsyncJobs.result>`.
        """
        return await self._jobs.result(self, on_change=on_change, **options)
