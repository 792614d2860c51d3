"""Four ways for a request to reach a simulator, and the outcome."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import attrs
import httpx

from datalab_facade.testing import (
    TEST_API_KEY,
    Simulator,
    SimulatorServer,
    SimulatorTransport,
)
from tests.ways import Way

PATIENCE: Final = 20.0
"""An upper bound in seconds, so that a bug fails instead of hanging."""


@attrs.frozen
class Outcome:
    """The outcome of one request for a client."""

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    """The received part of the body."""
    error: type[Exception] | None
    seconds: float
    """The duration: on the virtual clock in process, on the real one over sockets."""


@attrs.frozen
class Carrier:
    """A way to the simulator: in process or over sockets, with a sync or an async client."""

    simulator: Simulator
    server: SimulatorServer | None
    way: Way

    @property
    def unit(self) -> float:
        """A duration in seconds, long enough to measure and short enough to wait for."""
        return 60.0 if self.server is None else 0.1

    def get(
        self,
        url: str,
        *,
        timeout: float | None = PATIENCE,
        headers: Mapping[str, str] | None = None,
    ) -> Outcome:
        """GET a path of the API, with the key, or a whole URL, without it."""
        sent = dict(headers or {})
        if url.startswith("/"):
            url = (self.server.api_url if self.server else self.simulator.api_origin) + url
            sent.setdefault("X-API-Key", TEST_API_KEY)
        request = httpx.Request("GET", url, headers=sent)
        request.extensions = {"timeout": httpx.Timeout(timeout).as_dict()}
        return self.way.done((self._get_async if self.way.is_async else self._get)(request))

    def _get(self, request: httpx.Request) -> Outcome:
        started = self._now()
        status, got, answered = None, b"", httpx.Headers()
        error: type[Exception] | None = None
        transport = (
            httpx.HTTPTransport(verify=False) if self.server else SimulatorTransport(self.simulator)
        )
        # Without verify=False each transport would read the machine's certificates.
        # No httpx.Client around it: that logs every URL, and here they are presigned.
        with transport:
            try:
                response = transport.handle_request(request)
                status, answered = response.status_code, response.headers
                for piece in response.iter_bytes():
                    got += piece
                response.close()
            except httpx.HTTPError as raised:
                error = type(raised)
        return Outcome(status, answered, got, error, self._now() - started)

    async def _get_async(self, request: httpx.Request) -> Outcome:
        started = self._now()
        status, got, answered = None, b"", httpx.Headers()
        error: type[Exception] | None = None
        transport = (
            httpx.AsyncHTTPTransport(verify=False)
            if self.server
            else SimulatorTransport(self.simulator)
        )
        async with transport:
            try:
                response = await transport.handle_async_request(request)
                status, answered = response.status_code, response.headers
                async for piece in response.aiter_bytes():
                    got += piece
                await response.aclose()
            except httpx.HTTPError as raised:
                error = type(raised)
        return Outcome(status, answered, got, error, self._now() - started)

    def _now(self) -> float:
        return time.monotonic() if self.server else self.simulator.clock.monotonic()
