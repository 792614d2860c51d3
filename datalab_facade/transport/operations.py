"""The generated functions that the facade calls, one small function for each.

A generated module has a sync and an async form of the same request. Both are
kept, with the arguments already in place, so that the decision what to ask is
made once. A module is imported when it is first needed: together they cost as
much as httpx.
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

import attrs

if TYPE_CHECKING:
    import httpx
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


def described(operation: Operation) -> tuple[str, str]:
    """Give the method and the path of a request, as its generated function builds them.

    >>> described(execution_status(123))
    ('GET', '/api/v1/workflows/executions/123')
    """
    import httpx
    from datalab_api_client.client import AuthenticatedClient

    built = _Noting(httpx.Response(204))
    client = AuthenticatedClient(base_url="", token="")
    operation.send(client=client.set_httpx_client(cast("httpx.Client", built)))
    return built.method, built.path


class _Noting:
    """Stands where a generated function expects its httpx client, and sends nothing."""

    method: str = ""
    path: str = ""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    def request(self, method: str, url: str, **_: object) -> httpx.Response:
        self.method, self.path = method.upper(), url
        return self._answer


def execution_status(execution_id: int) -> Operation:
    """``GET /api/v1/workflows/executions/{execution_id}``."""
    from datalab_api_client.api.default import get_execution_status

    return Operation(
        "get_execution_status",
        partial(get_execution_status.sync_detailed, execution_id),
        partial(get_execution_status.asyncio_detailed, execution_id),
    )
