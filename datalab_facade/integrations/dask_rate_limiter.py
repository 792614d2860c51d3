"""A request budget for all processes of a Dask cluster, kept by its scheduler (extra ``dask``).

For clusters whose workers ask the API themselves, or where several processes that hold a
Dask client do. The queue is a :class:`~datalab_facade.rate_limiting.leasing.Ledger` in a plugin
of the
scheduler; workers and clients ask it over the connections that they have anyway.
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

_PLUGIN = "datalab-facade-budget"
_LEASE = "datalab_budget_lease"
_BRAKE = "datalab_budget_brake"
_TIMEOUT = 1.0

# Processes with versions one apart may talk to each other, so it is plain data that travels.
_Told: TypeAlias = dict[str, object]


class DaskRateLimiter(SharedRateLimiter):
    """One request budget for all processes that are connected to the same Dask scheduler.

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
    down; where the scheduler is lost, each goes on with a small share of the limit.
    A scheduler that was started again begins with an empty queue, and is found as soon as
    Dask has connected to it.

    Args:
        requests_per_minute: The limit for all together; the same in all processes.
        name: Which budget: one for each API key.
        client: The client of Dask's whose scheduler keeps it; by default the worker that
            this runs on, or the client that was made last.
        fallback_share: The share of the limit that this process takes while the scheduler
            is lost; by default half of the limit divided by the number of processes
            that used it in the last minute, or a tenth where that is not known.
        clock: What tells the time, the same as that of the clients; for tests.

    Raises:
        InvalidArgumentError: The limit or the share makes no sense. Nothing is sent yet.
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
        # Only the thread of a task knows its worker; the one that asks for places does not.
        self._dask.look_around()
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
    """Make the budget that a pickle holds; this name is in pickles, so it stays."""
    return DaskRateLimiter(requests_per_minute, name=name, fallback_share=fallback_share)


class DaskRateLimiterStore:
    """Keeps the queue of a shared budget on the scheduler of a Dask cluster.

    Args:
        name: Which budget.
        client: The client of Dask's to ask through; None for whatever this process has.
    """

    def __init__(self, name: str, client: Client | None) -> None:
        self._name = name
        self._link: Client | Worker | None = client
        self._has_asked = False
        self.look_around()

    def look_around(self) -> None:
        """Find the worker or the client of Dask's that this process has, if need be."""
        if self._link is not None and _is_up(self._link):
            return
        for find in (get_worker, default_client):
            with suppress(ValueError):
                found = find()
                if _is_up(found):
                    self._link = found
                    return

    def lease(self, asked: Ask) -> Reply:
        """Queue places, all that were asked for or none.

        Raises:
            StoreLost: The scheduler cannot be reached, or says no.
        """
        told = self._ask(
            _LEASE,
            member=asked.member,
            count=asked.count,
            spacing=asked.pace.spacing,
            at_once=asked.pace.at_once,
        )
        brake = cast("tuple[float, float] | None", told["brake"])
        return Reply(
            places=tuple(cast("list[float]", told["places"])),
            retry=cast("float", told["retry"]),
            brake=None if brake is None else Brake(*brake),
            members=cast("int", told["members"]),
        )

    def brake(self, brake: Brake) -> None:
        """Pause the queue and slow it down; the longer of two brakes holds.

        Raises:
            StoreLost: The scheduler cannot be reached, or says no.
        """
        self._ask(_BRAKE, pause=brake.pause, ramp=brake.ramp)

    def _ask(self, operation: str, **told: object) -> _Told:
        self.look_around()
        link = self._link
        if link is None:
            raise StoreLost("this process has neither a Dask worker nor a Dask client")
        loop, scheduler = link.loop, link.scheduler
        assert loop is not None
        assert scheduler is not None
        try:
            answer = sync(loop, self._asked, scheduler, operation, told, callback_timeout=_TIMEOUT)
        except StoreLost:
            raise
        except (OSError, RuntimeError) as error:
            raise StoreLost(f"Dask's scheduler does not answer ({type(error).__name__})") from None
        except Exception as error:  # noqa: BLE001 - what the scheduler raises is raised here
            said = excerpt(f"{type(error).__name__}: {error}")
            raise StoreLost(f"Dask's scheduler answers: {said}") from None
        return answer

    async def _asked(self, scheduler: rpc | PooledRPCCall, operation: str, told: _Told) -> _Told:
        ask = getattr(scheduler, operation)
        if not self._has_asked:
            await _put_plugin(scheduler)
            self._has_asked = True
        answer: _Told | None = await ask(rate_limiter=self._name, **told)
        if answer is None:
            # It does not know the question: it was started again.
            await _put_plugin(scheduler)
            answer = await ask(rate_limiter=self._name, **told)
        if answer is None:
            raise StoreLost(f"Dask's scheduler does not know {operation}")
        return answer


def _is_up(link: Client | Worker) -> bool:
    status = link.status
    return str(getattr(status, "name", status)) == "running"


async def _put_plugin(scheduler: rpc | PooledRPCCall) -> None:
    await scheduler.register_scheduler_plugin(
        plugin=dumps(DaskRateLimiterPlugin()), name=_PLUGIN, idempotent=True
    )


class DaskRateLimiterPlugin(SchedulerPlugin):
    """Keeps the queues of shared budgets on a scheduler; the budgets put it there."""

    name = _PLUGIN
    idempotent = True

    async def start(self, scheduler: Scheduler) -> None:
        """Take questions from now on."""
        self._ledgers: defaultdict[str, Ledger] = defaultdict(Ledger)
        scheduler.handlers.update({_LEASE: self.lease, _BRAKE: self.brake})

    def lease(
        self, rate_limiter: str, member: str, count: int, spacing: float, at_once: int
    ) -> _Told:
        """Queue places; the answer is that of :meth:`Ledger.lease`, as plain data."""
        asked = Ask(member, count, Pace(spacing, at_once))
        reply = self._ledgers[rate_limiter].lease(asked, time.monotonic())
        brake = reply.brake
        return {
            "places": list(reply.places),
            "retry": reply.retry,
            "brake": None if brake is None else (brake.pause, brake.ramp),
            "members": reply.members,
        }

    def brake(self, rate_limiter: str, pause: float, ramp: float) -> _Told:
        """Pause the queue and slow it down."""
        self._ledgers[rate_limiter].brake(Brake(pause, ramp), time.monotonic())
        return {}
