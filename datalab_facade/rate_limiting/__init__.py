"""Rate limiters: for one process, or shared by many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.lazy_imports import lazy_names

if TYPE_CHECKING:
    from datalab_facade.rate_limiting.local import LocalRateLimiter, RateLimiter, Slot
    from datalab_facade.rate_limiting.priorities import RequestPriority
    from datalab_facade.rate_limiting.shared import RateLimiterStore, SharedRateLimiter
    from datalab_facade.rate_limiting.slot_queue import (
        SlotQueue,
        SlotReply,
        SlotRequest,
        StoreUnavailableError,
    )

__all__ = [
    "LocalRateLimiter",
    "RateLimiter",
    "RateLimiterStore",
    "RequestPriority",
    "SharedRateLimiter",
    "Slot",
    "SlotQueue",
    "SlotReply",
    "SlotRequest",
    "StoreUnavailableError",
]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(
        __name__,
        {
            "local": "RateLimiter LocalRateLimiter Slot",
            "priorities": "RequestPriority",
            "shared": "RateLimiterStore SharedRateLimiter",
            "slot_queue": "SlotQueue SlotReply SlotRequest StoreUnavailableError",
        },
    )
