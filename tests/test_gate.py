"""No more requests are under way than the gate lets through, and nobody waits past a deadline."""

from __future__ import annotations

import asyncio
import math
import time

import pytest

from datalab_facade import BudgetExhausted
from datalab_facade.clock import SystemClock
from datalab_facade.pacing.pacing import LocalBudget
from datalab_facade.transport.gate import MOST_UNDER_WAY, AsyncGate, Gate


def test_a_request_that_finds_no_room_before_its_deadline_is_not_sent() -> None:
    clock = SystemClock()
    gate = Gate(LocalBudget(None), clock)
    for _ in range(MOST_UNDER_WAY):
        gate.enter(math.inf)
    began = time.monotonic()
    with pytest.raises(BudgetExhausted):
        gate.enter(clock.monotonic() + 0.05)
    assert time.monotonic() - began < 5
    gate.leave()
    gate.enter(clock.monotonic() + 5)


async def test_a_request_of_async_code_that_finds_no_room_is_not_sent_either() -> None:
    clock = SystemClock()
    gate = AsyncGate(LocalBudget(None), clock)
    for _ in range(MOST_UNDER_WAY):
        await gate.enter(math.inf)
    with pytest.raises(BudgetExhausted):
        await gate.enter(clock.monotonic() + 0.05)
    waiting = asyncio.create_task(gate.enter(clock.monotonic() + 30))
    await asyncio.sleep(0)
    gate.leave()
    await waiting
