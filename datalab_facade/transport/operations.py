"""The generated functions that the facade calls, one small function for each.

A generated module has a sync and an async form of the same request. Both are
kept, with the arguments already in place, so that the decision what to ask is
made once.
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import Protocol

import attrs
from datalab_api_client.api.default import get_execution_status
from datalab_api_client.client import AuthenticatedClient


class _Sync(Protocol):
    def __call__(self, *, client: AuthenticatedClient) -> object: ...


class _Async(Protocol):
    def __call__(self, *, client: AuthenticatedClient) -> Awaitable[object]: ...


@attrs.frozen
class Operation:
    """One request, ready to be sent either way."""

    name: str
    send: _Sync
    send_async: _Async


def execution_status(execution_id: int) -> Operation:
    """``GET /api/v1/workflows/executions/{execution_id}``."""
    return Operation(
        "get_execution_status",
        partial(get_execution_status.sync_detailed, execution_id),
        partial(get_execution_status.asyncio_detailed, execution_id),
    )
