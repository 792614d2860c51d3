"""A rate limiter for all processes of a Dask cluster, kept by its scheduler (extra ``dask``).

For clusters whose workers, or several other processes with a Dask client, send requests to
the API. The queue is a :class:`~datalab_facade.rate_limiting.leasing.Ledger` in a scheduler
plugin; workers and clients reach it over their existing connections to the scheduler.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias, cast

from datalab_facade.rate_limiting.leasing import Ask, Brake, Ledger, Pace, Reply, StoreLost
from datalab_facade.rate_limiting.local import DEFAULT_REQUESTS_PER_MINUTE, Turn
from datalab_facade.rate_limiting.shared import SharedRateLimiter

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

_PLUGIN = "datalab-facade-budget"
_LEASE = "datalab_budget_lease"
_BRAKE = "datalab_budget_brake"
_TIMEOUT = 1.0

# Processes with adjacent versions may talk to each other, so messages are plain data.
_Message: TypeAlias = dict[str, object]


class DaskRateLimiter(SharedRateLimiter):
    """A rate limiter for all processes that are connected to the same Dask scheduler.

    ::

        with Client("scheduler:8786"):
            with Datalab(rate_limiter=DaskRateLimiter(200)) as client:
                ...

    In a function on a worker it needs no Dask client. Blocking and async clients of
    Datalab may share it. It pickles; the copy uses the worker or the Dask client of the
    process that unpickles it.

    It keeps the promises of :class:`~datalab_facade.rate_limiting.shared.SharedRateLimiter`:
    no minute has more requests than the limit; a 429 in one process slows all of them down;
    if the scheduler is lost, each process continues with a small share of the limit. A
    restarted scheduler begins with an empty queue, and is used as soon as Dask has
    connected to it.

    Args:
        requests_per_minute: The limit for all together; the same in all processes.
        name: The name of the limit; use one for each API key.
        client: The Dask client whose scheduler keeps the queue; by default the worker
            that this runs on, or the most recent client.
        fallback_share: The share of the limit for this process while the scheduler is
            lost; by default half of the limit divided by the number of processes in the
            last minute, or a tenth if that number is unknown.
        clock: The clock, the same as that of the clients; for tests.

    Raises:
        InvalidArgumentError: The limit or the share is wrong. Nothing is sent yet.
    """

    def __init__(
        self,
        requests_per_minute: float = DEFAULT_REQUESTS_PER_MINUTE,
        *,
        name: str = "default",
        client: Client | None = None,
        fallback_share: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._dask = DaskRateLimiterStore(name, client)
        super().__init__(
            self._dask, requests_per_minute, fallback_share=fallback_share, clock=clock
        )
        self._made_of = (requests_per_minute, name, fallback_share)

    def turn(self) -> Turn:
        """Let a request queue. It does not block."""
        # Only the thread of a task knows its worker; the leasing thread does not.
        self._dask.find_link()
        return super().turn()

    def __reduce__(
        self,
    ) -> tuple[Callable[..., DaskRateLimiter], tuple[float, str, float | None]]:
        return revived_dask_rate_limiter, self._made_of

    def __repr__(self) -> str:
        limit, name, _ = self._made_of
        return f"DaskRateLimiter({limit:g}, {name!r})"


def revived_dask_rate_limiter(
    requests_per_minute: float, name: str, fallback_share: float | None
) -> DaskRateLimiter:
    """Rebuild a rate limiter from its pickle. Pickles contain this name, so it stays."""
    return DaskRateLimiter(requests_per_minute, name=name, fallback_share=fallback_share)


class DaskRateLimiterStore:
    """Keeps the queue of a shared rate limiter on the scheduler of a Dask cluster.

    Args:
        name: The name of the limit.
        client: The Dask client to use; None for the worker or client of this process.
    """

    def __init__(self, name: str, client: Client | None) -> None:
        self._name = name
        self._link: Client | Worker | None = client
        self._has_sent_plugin = False
        self.find_link()

    def find_link(self) -> None:
        """Find the worker or the Dask client of this process, unless the known one is running."""
        if self._link is not None and _is_up(self._link):
            return
        for find in (get_worker, default_client):
            with suppress(ValueError):
                found = find()
                if _is_up(found):
                    self._link = found
                    return

    def lease(self, asked: Ask) -> Reply:
        """Queue slots: all of the requested number, or none.

        Raises:
            StoreLost: The scheduler cannot be reached, or reports an error.
        """
        message = self._call(
            _LEASE,
            member=asked.member,
            count=asked.count,
            spacing=asked.pace.spacing,
            at_once=asked.pace.at_once,
        )
        brake = cast("tuple[float, float] | None", message["brake"])
        return Reply(
            places=tuple(cast("list[float]", message["places"])),
            retry=cast("float", message["retry"]),
            brake=None if brake is None else Brake(*brake),
            members=cast("int", message["members"]),
        )

    def brake(self, brake: Brake) -> None:
        """Pause the queue and slow it down; the longer of two brakes applies.

        Raises:
            StoreLost: The scheduler cannot be reached, or reports an error.
        """
        self._call(_BRAKE, pause=brake.pause, ramp=brake.ramp)

    def _call(self, operation: str, **arguments: object) -> _Message:
        self.find_link()
        link = self._link
        if link is None:
            raise StoreLost("this process has neither a Dask worker nor a Dask client")
        loop, scheduler = link.loop, link.scheduler
        assert loop is not None
        assert scheduler is not None
        try:
            answer = sync(
                loop, self._send, scheduler, operation, arguments, callback_timeout=_TIMEOUT
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise StoreLost(
                f"the Dask scheduler does not answer ({type(error).__name__})"
            ) from None
        return answer

    async def _send(
        self, scheduler: rpc | PooledRPCCall, operation: str, arguments: _Message
    ) -> _Message:
        call = getattr(scheduler, operation)
        if not self._has_sent_plugin:
            await _put_plugin(scheduler)
            self._has_sent_plugin = True
        answer: _Message | None = await call(rate_limiter=self._name, **arguments)
        if answer is None:
            # It does not know the operation, because it was restarted.
            await _put_plugin(scheduler)
            answer = await call(rate_limiter=self._name, **arguments)
        if answer is None:
            raise ValueError(operation)
        return answer


def _is_up(link: Client | Worker) -> bool:
    status = link.status
    return str(getattr(status, "name", status)) == "running"


async def _put_plugin(scheduler: rpc | PooledRPCCall) -> None:
    await scheduler.register_scheduler_plugin(
        plugin=dumps(DaskRateLimiterPlugin()), name=_PLUGIN, idempotent=True
    )


class DaskRateLimiterPlugin(SchedulerPlugin):
    """Keeps the queues of shared rate limiters on a scheduler; they install it there."""

    name = _PLUGIN
    idempotent = True

    async def start(self, scheduler: Scheduler) -> None:
        """Register the operations of the queue."""
        self._ledgers: defaultdict[str, Ledger] = defaultdict(Ledger)
        scheduler.handlers.update({_LEASE: self.lease, _BRAKE: self.brake})

    def lease(
        self, rate_limiter: str, member: str, count: int, spacing: float, at_once: int
    ) -> _Message:
        """Queue slots; return the reply of :meth:`Ledger.lease` as plain data."""
        asked = Ask(member, count, Pace(spacing, at_once))
        reply = self._ledgers[rate_limiter].lease(asked, time.monotonic())
        brake = reply.brake
        return {
            "places": list(reply.places),
            "retry": reply.retry,
            "brake": None if brake is None else (brake.pause, brake.ramp),
            "members": reply.members,
        }

    def brake(self, rate_limiter: str, pause: float, ramp: float) -> _Message:
        """Pause the queue and slow it down."""
        self._ledgers[rate_limiter].brake(Brake(pause, ramp), time.monotonic())
        return {}
