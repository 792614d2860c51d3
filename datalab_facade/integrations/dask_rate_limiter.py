"""A rate limiter for all processes of a Dask cluster, kept by its scheduler (extra ``dask``).

For clusters whose workers call the API themselves, or where several processes that hold a Dask
client do. The queue is a :class:`~datalab_facade.rate_limiting.slot_queue.SlotQueue` in a plugin of
the scheduler; workers and clients ask it over the connections that they have anyway.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import attrs

from datalab_facade.rate_limiting.local import DEFAULT_REQUESTS_PER_MINUTE, Slot
from datalab_facade.rate_limiting.priorities import RequestPriority
from datalab_facade.rate_limiting.shared import SharedRateLimiter
from datalab_facade.rate_limiting.slot_queue import (
    SlotQueue,
    SlotReply,
    SlotRequest,
    StoreUnavailableError,
)
from datalab_facade.redaction import excerpt

try:
    from distributed import Client, Scheduler, SchedulerPlugin, Worker, default_client, get_worker
    from distributed.core import PooledRPCCall, rpc
    from distributed.protocol.pickle import dumps
    from distributed.utils import sync
except ModuleNotFoundError as missing:
    _message = "DaskRateLimiter needs distributed: pip install 'datalab-facade[dask]'"
    raise ModuleNotFoundError(_message, name=missing.name) from missing

if TYPE_CHECKING:
    from datalab_facade.clock import Clock

_PLUGIN = "datalab-facade-rate-limiter"
_ACQUIRE = "datalab_rate_limiter_acquire"
_TIMEOUT = 1.0

_T = TypeVar("_T")


class DaskRateLimiter(SharedRateLimiter):
    """One rate limiter for all processes that are connected to the same Dask scheduler.

    ::

        with Client("scheduler:8786"):
            with Datalab(rate_limiter=DaskRateLimiter(200)) as client:
                ...

    In a function that runs on a worker it needs no client of Dask's. Blocking and async
    clients of Datalab may share it. It pickles; what comes out of the pickle finds the
    worker or the client of the process it is in.

    It keeps the promises of
    :class:`~datalab_facade.rate_limiting.shared.SharedRateLimiter`: no minute
    sees more requests than the limit; a 429 that one process sees slows all of them
    down; the smallest of several limits holds; where the scheduler is lost, each process goes on
    with a small share of the limit.
    A scheduler that was started again begins with an empty queue, and is found as soon as
    Dask has connected to it.

    Args:
        requests_per_minute: The limit for all together; the same in all processes.
        name: Which limiter: one for each API key.
        client: The client of Dask's whose scheduler keeps it; by default the worker that
            this runs on, or the client that was made last.
        fallback_share: The share of the limit that this process takes while the scheduler
            is lost; by default half of the limit divided by the number of processes
            that used it in the last minute, or a tenth where that is not known.
        burst: How many calls may go at once after a pause, of all processes together; by default a
            third of the limit, as of :class:`~datalab_facade.LocalRateLimiter`.
        clock: What tells the time, the same as that of the clients; for tests.

    Raises:
        InvalidArgumentError: The limit, the share or the burst makes no sense. Nothing is
            sent yet.
    """

    def __init__(
        self,
        requests_per_minute: float = DEFAULT_REQUESTS_PER_MINUTE,
        *,
        name: str = "default",
        client: Client | None = None,
        fallback_share: float | None = None,
        burst: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._dask = DaskRateLimiterStore(name, client)
        super().__init__(
            self._dask,
            requests_per_minute,
            fallback_share=fallback_share,
            burst=burst,
            clock=clock,
        )
        self._made_of = (requests_per_minute, name, fallback_share, burst)

    def reserve(self, priority: RequestPriority = RequestPriority.POLL) -> Slot:
        """Let a request queue. It does not block."""
        # Only the thread of a task knows its worker; the one that asks for slots does not.
        self._dask.find_link()
        return super().reserve(priority)

    def __reduce__(
        self,
    ) -> tuple[Callable[..., DaskRateLimiter], tuple[float, str, float | None, int | None]]:
        return revived_dask_rate_limiter, self._made_of

    def __repr__(self) -> str:
        limit, name, *_ = self._made_of
        return f"DaskRateLimiter({limit:g}, {name!r})"


def revived_dask_rate_limiter(
    requests_per_minute: float,
    name: str,
    fallback_share: float | None,
    burst: int | None = None,
) -> DaskRateLimiter:
    """Make the limiter that a pickle holds; this name is in pickles, so it stays."""
    return DaskRateLimiter(
        requests_per_minute, name=name, fallback_share=fallback_share, burst=burst
    )


class DaskRateLimiterStore:
    """Keeps the queue of a shared rate limiter on the scheduler of a Dask cluster.

    Args:
        name: Which limiter.
        client: The client of Dask's to ask through; None for whatever this process has.
    """

    def __init__(self, name: str, client: Client | None) -> None:
        self._name = name
        self._link: Client | Worker | None = client
        self._has_asked = False
        self.find_link()

    def find_link(self) -> None:
        """Find the worker or the client of Dask's that this process has, if need be."""
        if self._link is not None and _is_up(self._link):
            return
        for find in (get_worker, default_client):
            with suppress(ValueError):
                found = find()
                if _is_up(found):
                    self._link = found
                    return

    def acquire(self, request: SlotRequest) -> SlotReply:
        """Take slots for a process.

        Raises:
            StoreUnavailableError: The scheduler cannot be reached, or refuses.
        """
        self.find_link()
        link = self._link
        if link is None:
            raise StoreUnavailableError("this process has neither a Dask worker nor a Dask client")
        loop, scheduler = link.loop, link.scheduler
        assert loop is not None
        assert scheduler is not None
        try:
            return sync(loop, self._ask, scheduler, request, callback_timeout=_TIMEOUT)
        except StoreUnavailableError:
            raise
        except (OSError, RuntimeError) as error:
            raise StoreUnavailableError(
                f"Dask's scheduler does not answer ({type(error).__name__})"
            ) from None
        except Exception as error:  # noqa: BLE001 - what the scheduler raises is raised here
            message = excerpt(f"{type(error).__name__}: {error}")
            raise StoreUnavailableError(f"Dask's scheduler answers: {message}") from None

    async def _ask(self, scheduler: rpc | PooledRPCCall, request: SlotRequest) -> SlotReply:
        ask = getattr(scheduler, _ACQUIRE)
        # Processes with versions one apart may talk to each other, so plain data travels.
        asked: dict[str, object] = attrs.asdict(request)
        answer: dict[str, object] | None = None
        if self._has_asked:
            answer = await ask(name=self._name, **asked)
        self._has_asked = True
        if answer is None:
            # It does not know the question: it is new, or was started again.
            await _put_plugin(scheduler)
            answer = await ask(name=self._name, **asked)
        if answer is None:
            raise StoreUnavailableError(f"Dask's scheduler does not know {_ACQUIRE}")
        return _from_plain(SlotReply, answer)


def _from_plain(kind: Callable[..., _T], fields: Mapping[str, object]) -> _T:
    return kind(**fields)


def _is_up(link: Client | Worker) -> bool:
    status = link.status
    return str(getattr(status, "name", status)) == "running"


async def _put_plugin(scheduler: rpc | PooledRPCCall) -> None:
    await scheduler.register_scheduler_plugin(
        plugin=dumps(DaskRateLimiterPlugin()), name=_PLUGIN, idempotent=True
    )


class DaskRateLimiterPlugin(SchedulerPlugin):
    """Keeps the queues of shared rate limiters on a scheduler; the limiters put it there."""

    name = _PLUGIN
    idempotent = True

    async def start(self, scheduler: Scheduler) -> None:
        """Take questions from now on."""
        self._queues: defaultdict[str, SlotQueue] = defaultdict(SlotQueue)
        scheduler.handlers[_ACQUIRE] = self.acquire

    def acquire(self, name: str, **asked: object) -> dict[str, object]:
        """Take slots; question and answer are those of :meth:`SlotQueue.acquire`, as plain data."""
        request = _from_plain(SlotRequest, asked)
        return attrs.asdict(self._queues[name].acquire(request, time.monotonic()))
