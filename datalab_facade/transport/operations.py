"""The generated functions that the facade calls, one small function for each.

A generated module has a sync and an async form of the same request. Both are
kept, with the arguments already in place, so that the decision what to ask is
made once. A module is imported when it is first needed: together they cost as
much as httpx.
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
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
    from datalab_api_client.api.default import get_execution_status

    return Operation(
        "get_execution_status",
        partial(get_execution_status.sync_detailed, execution_id),
        partial(get_execution_status.asyncio_detailed, execution_id),
    )
