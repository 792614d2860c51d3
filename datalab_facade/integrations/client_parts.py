"""What integrations need of a client, and what no user needs: all that they know of its inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import attrs

from datalab_facade.client import Datalab
from datalab_facade.clock import Clock
from datalab_facade.jobs.kinds import IdT, SnapshotT
from datalab_facade.jobs.resource import JobWaits

_LikeT = TypeVar("_LikeT")

# ruff: noqa: SLF001 - this is the one place for it


def base_url_of(client: Datalab) -> str:
    """Return the API's address, as handles have it."""
    return client._transports.base_url


def allows_http(client: Datalab) -> bool:
    """Tell whether a client may talk to an address without TLS."""
    return client._context.allow_http


def with_clock(
    jobs: JobWaits[SnapshotT, IdT, _LikeT], change: Callable[[Clock], Clock]
) -> JobWaits[SnapshotT, IdT, _LikeT]:
    """Return the waits of a client for a kind of jobs, with another clock and all else shared."""
    context = jobs._context
    changed = attrs.evolve(context, clock=change(context.clock))
    return JobWaits(jobs._transport, changed, jobs.kind)
