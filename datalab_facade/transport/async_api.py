"""Sends requests to the API, with the key, for async code."""

from __future__ import annotations

from datalab_facade.drift import DriftLog
from datalab_facade.forking import renew_after_fork
from datalab_facade.json_forms import JSON
from datalab_facade.options import AsyncApiKey
from datalab_facade.rate_limiting.local import RateLimiter
from datalab_facade.transport.api_calls import ApiCalls, CallScope, PlainAnswer
from datalab_facade.transport.async_admission import AsyncAdmissionControl
from datalab_facade.transport.async_keys import AsyncKeyHolder
from datalab_facade.transport.exchange import Surroundings
from datalab_facade.transport.network.async_borrowed_pool import AsyncBorrowedPool
from datalab_facade.transport.network.async_connection_pool import AsyncConnectionPool
from datalab_facade.transport.operations import Operation
from datalab_facade.transport.origin import Origin


class AsyncApiTransport(ApiCalls):
    """Talks to the API."""

    def __init__(
        self,
        origin: Origin,
        surroundings: Surroundings,
        rate_limiter: RateLimiter,
        pool: AsyncConnectionPool,
        *,
        drift: DriftLog,
    ) -> None:
        super().__init__(origin, surroundings, rate_limiter, drift)
        self._pool = pool
        self._keys = AsyncKeyHolder(origin.key, surroundings.clock)
        self.renew_in_child()
        renew_after_fork(self)

    def renew_in_child(self) -> None:
        """Have an admission control of the process's own, and a lock around the key."""
        self._keys.renew_in_child()
        self.admission = AsyncAdmissionControl(self._rate_limiter, self._surroundings.clock)

    async def call(self, operation: Operation, scope: CallScope) -> JSON:
        """Make one request and return its JSON.

        Raises:
            APIConnectionError: No whole answer came.
            APIStatusError: The answer was not a success.
            InvalidResponseError: The answer was not JSON.
            ConfigurationError: The function that gives the key raised, or gave none.
            ClientStateError: The client is closed, or belongs to another event loop.
        """
        self._pool.check()
        # Asking for it may take long, and a slot is for now.
        await self._keys.current(scope.call.deadline)
        await self.admission.enter(scope.call.deadline, scope.priority, scope.activity)
        try:
            scope.on_leaving()
            return await self.send(operation, scope)
        finally:
            self.admission.leave()

    async def send(self, operation: Operation, scope: CallScope) -> JSON:
        """Make a request that was admitted. Result and errors as :meth:`call`.

        If the key is refused and there is a newer one, the request is sent once more.
        """
        self._pool.check()
        deadline = scope.call.deadline
        key = await self._keys.current(deadline)
        exchange, request = self.begin(operation, scope, key)
        await self._pool.fetch(exchange, request)
        if exchange.status == 401:
            newer = await self._keys.newer(key, deadline)
            if newer is not None:
                # Whoever refuses a key did nothing else, so a submission may be repeated as well.
                await self.admission.wait_for_slot(deadline, scope.priority, scope.activity)
                exchange, request = self.begin(operation, scope, newer)
                await self._pool.fetch(exchange, request)
        return self.judge(operation, exchange)

    async def plain_answer(self, path: str, scope: CallScope) -> PlainAnswer:
        """GET a path, and return the answer without a judgment on it.

        Raises:
            APIConnectionError: No whole answer came.
            ClientStateError: The client is closed, or belongs to another event loop.
        """
        self._pool.check()
        operation = Operation(name="get", template=path, method="GET", path=path)
        key = await self._keys.current(scope.call.deadline)
        await self.admission.enter(scope.call.deadline, scope.priority)
        try:
            exchange, request = self.begin(operation, scope, key)
            await self._pool.fetch(exchange, request)
        finally:
            self.admission.leave()
        return PlainAnswer(exchange.status, exchange.headers, exchange.body())

    def for_tenant(
        self, key: AsyncApiKey, rate_limiter: RateLimiter, drift: DriftLog
    ) -> AsyncApiTransport:
        """Return one for another key, on the same connections, which it does not close.

        Raises:
            ConfigurationError: The key cannot be a header.
        """
        pool = AsyncBorrowedPool(self._pool)
        origin = self.origin.with_key(key)
        return AsyncApiTransport(origin, self._surroundings, rate_limiter, pool, drift=drift)

    async def close(self) -> None:
        """Close the connections, unless the HTTP client is the caller's own.

        Raises:
            ClientStateError: The connections belong to another event loop.
        """
        await self._pool.close()
