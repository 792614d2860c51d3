"""The two front doors: :class:`Datalab` for blocking code, :class:`AsyncDatalab` for async."""

from __future__ import annotations

import os
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from datalab_facade.clock import Clock, SystemClock
from datalab_facade.context import Context
from datalab_facade.drift import DriftLog, DriftReport
from datalab_facade.errors import ConfigurationError
from datalab_facade.executions import Executions
from datalab_facade.executions_async import AsyncExecutions
from datalab_facade.faults import Randomness
from datalab_facade.files import Files
from datalab_facade.files_async import AsyncFiles
from datalab_facade.learning import LEARN, Durations
from datalab_facade.options import Options
from datalab_facade.outputs import Outputs
from datalab_facade.outputs_async import AsyncOutputs
from datalab_facade.pacing import DEFAULT_REQUESTS_PER_MINUTE, Budget
from datalab_facade.tracing import NoTracing, Tracing
from datalab_facade.transport.api import ApiTransport, AsyncApiTransport
from datalab_facade.transport.connecting import Connector
from datalab_facade.transport.exchange import Surroundings
from datalab_facade.transport.lanes import AsyncLanes, Lanes
from datalab_facade.transport.origin import Origin, checked_origin
from datalab_facade.transport.storage import AsyncStorageTransport, StorageTransport
from datalab_facade.workflows import Workflows
from datalab_facade.workflows_async import AsyncWorkflows

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from datalab_facade.waiting import WaitPolicy

DEFAULT_BASE_URL = "https://www.datalab.to"


class ClientOptions(TypedDict, total=False):
    """Options of a client; see :class:`~datalab_facade.options.Options` for each."""

    timeout: float
    """Seconds for one call that does not wait for an execution, tries included; 60."""
    request_timeout: float
    """Seconds for one request of such a call; 30."""
    max_faults: int
    """How many tries of such a call may fail and be repeated; 2."""
    headers: Mapping[str, str]
    """More headers for every request to the API."""
    policy: WaitPolicy
    """How waits behave."""


class Datalab:
    """A client of the Datalab API, for blocking code.

    It never starts an event loop, so it works inside one (a notebook) as well,
    and threads may share it. Close it, or use it in a ``with`` statement.

    Args:
        api_key: The API key; by default the environment's ``DATALAB_API_KEY``.
        base_url: Where the API is; by default the environment's ``DATALAB_HOST``,
            or else ``https://www.datalab.to``. The key is sent there only.
        requests_per_minute: The request budget: no minute sees more requests to the
            API than this, whatever this client does; 200 by default, which is what
            the published limits agree on. None switches it off.
        http_client: An HTTP client of your own, with your proxy, CA or transport.
            It is used for the API and for outputs, and left open on close. By
            default proxies and CAs of the environment are used, as httpx does.
        durations: What is known of how long executions take, from an earlier
            client. By default the client begins to learn anew, from those that end
            while it waits for them; None keeps it from learning.
        allow_http: Allow an address without TLS that is not on this machine.
        tracing: Where spans go, such as
            :class:`~datalab_facade.tracing.OpenTelemetryTracing`; by default nowhere.
        clock: What tells the time and sleeps; for tests.
        random: What spreads looks and tries out, a function that gives numbers from 0
            to 1; for tests that are to be the same on every run.
        options: ``timeout``, ``request_timeout``, ``max_faults``, ``headers`` and
            ``policy`` for all calls; see :class:`ClientOptions`.

    Raises:
        ConfigurationError: If there is no key, it cannot be a header, or the
            address is wrong. Nothing is sent.

    >>> with Datalab(api_key="your-key") as client:
    ...     client.executions.handle(123)
    ExecutionHandle(id=123)
    """

    executions: Executions
    """Look at executions, wait for them, watch them."""
    outputs: Outputs
    """Fetch what steps left behind."""
    files: Files
    """Upload documents, list them, fetch them back, delete them."""
    workflows: Workflows
    """Create workflows and execute them."""

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        requests_per_minute: float | None = DEFAULT_REQUESTS_PER_MINUTE,
        http_client: httpx.Client | None = None,
        allow_http: bool = False,
        durations: Durations | None = LEARN,
        tracing: Tracing | None = None,
        clock: Clock | None = None,
        random: Randomness | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        origin = _origin(api_key, base_url, allow_http=allow_http)
        context = _context(durations, tracing, clock, random, options, allow_http=allow_http)
        surroundings = Surroundings(context.clock, context.tracing)
        connector = Connector()
        lanes = Lanes(origin.base_url, http_client, connector)
        self._bind(
            ApiTransport(origin, surroundings, Budget(requests_per_minute), lanes),
            StorageTransport(surroundings, http_client, connector),
            context,
        )

    def _bind(self, api: ApiTransport, storage: StorageTransport, context: Context) -> None:
        self._api = api
        self._storage = storage
        self._context = context
        self.executions = Executions(api, context)
        self.outputs = Outputs(storage, self.executions, context)
        self.files = Files(api, storage, context)
        self.workflows = Workflows(api, self.executions, context)

    def with_options(self, **options: Unpack[ClientOptions]) -> Self:
        """Give a view of this client with other options.

        The view shares connections, budget, drift log and key; closing either
        closes both.

        >>> client = Datalab(api_key="your-key")
        >>> patient = client.with_options(max_faults=5)

        Raises:
            ConfigurationError: An option is out of range.
        """
        view = object.__new__(type(self))
        view._bind(self._api, self._storage, self._context.with_options(options))
        return view

    @property
    def durations(self) -> Durations | None:
        """What was learnt of how long executions take; None if that is switched off."""
        return self._context.durations

    def drift(self) -> DriftReport:
        """Tell what the API answered that this version has not seen, and how often.

        >>> str(Datalab(api_key="your-key").drift())
        'no drift seen'
        """
        return self._context.drift.report()

    def close(self) -> None:
        """Close all connections. A closed client raises ConfigurationError when used.

        Raises:
            ConfigurationError: An async client was used in another event loop.
        """
        self._api.close()
        self._storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._api.origin.base_url!r})"


class AsyncDatalab:
    """A client of the Datalab API, for async code.

    It belongs to the event loop in which it is first used, and says so when used
    in another. Close it, or use it in an ``async with`` statement.

    Args:
        api_key: The API key; by default the environment's ``DATALAB_API_KEY``.
        base_url: Where the API is; by default the environment's ``DATALAB_HOST``,
            or else ``https://www.datalab.to``. The key is sent there only.
        requests_per_minute: The request budget: no minute sees more requests to the
            API than this, whatever this client does; 200 by default, which is what
            the published limits agree on. None switches it off.
        http_client: An HTTP client of your own, with your proxy, CA or transport.
            It is used for the API and for outputs, and left open on close. By
            default proxies and CAs of the environment are used, as httpx does.
        durations: What is known of how long executions take, from an earlier
            client. By default the client begins to learn anew, from those that end
            while it waits for them; None keeps it from learning.
        allow_http: Allow an address without TLS that is not on this machine.
        tracing: Where spans go, such as
            :class:`~datalab_facade.tracing.OpenTelemetryTracing`; by default nowhere.
        clock: What tells the time and sleeps; for tests.
        random: What spreads looks and tries out, a function that gives numbers from 0
            to 1; for tests that are to be the same on every run.
        options: ``timeout``, ``request_timeout``, ``max_faults``, ``headers`` and
            ``policy`` for all calls; see :class:`ClientOptions`.

    Raises:
        ConfigurationError: If there is no key, it cannot be a header, or the
            address is wrong. Nothing is sent.

    >>> async def status(execution_id):
    ...     async with AsyncDatalab(api_key="your-key") as client:
    ...         return (await client.executions.get(execution_id)).status
    """

    executions: AsyncExecutions
    """Look at executions, wait for them, watch them."""
    outputs: AsyncOutputs
    """Fetch what steps left behind."""
    files: AsyncFiles
    """Upload documents, list them, fetch them back, delete them."""
    workflows: AsyncWorkflows
    """Create workflows and execute them."""

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        requests_per_minute: float | None = DEFAULT_REQUESTS_PER_MINUTE,
        http_client: httpx.AsyncClient | None = None,
        allow_http: bool = False,
        durations: Durations | None = LEARN,
        tracing: Tracing | None = None,
        clock: Clock | None = None,
        random: Randomness | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        origin = _origin(api_key, base_url, allow_http=allow_http)
        context = _context(durations, tracing, clock, random, options, allow_http=allow_http)
        surroundings = Surroundings(context.clock, context.tracing)
        connector = Connector()
        lanes = AsyncLanes(origin.base_url, http_client, connector)
        self._bind(
            AsyncApiTransport(origin, surroundings, Budget(requests_per_minute), lanes),
            AsyncStorageTransport(surroundings, http_client, connector),
            context,
        )

    def _bind(
        self, api: AsyncApiTransport, storage: AsyncStorageTransport, context: Context
    ) -> None:
        self._api = api
        self._storage = storage
        self._context = context
        self.executions = AsyncExecutions(api, context)
        self.outputs = AsyncOutputs(storage, self.executions, context)
        self.files = AsyncFiles(api, storage, context)
        self.workflows = AsyncWorkflows(api, self.executions, context)

    def with_options(self, **options: Unpack[ClientOptions]) -> Self:
        """Give a view of this client with other options.

        The view shares connections, budget, drift log and key; closing either
        closes both.

        >>> client = AsyncDatalab(api_key="your-key")
        >>> patient = client.with_options(max_faults=5)

        Raises:
            ConfigurationError: An option is out of range.
        """
        view = object.__new__(type(self))
        view._bind(self._api, self._storage, self._context.with_options(options))
        return view

    @property
    def durations(self) -> Durations | None:
        """What was learnt of how long executions take; None if that is switched off."""
        return self._context.durations

    def drift(self) -> DriftReport:
        """Tell what the API answered that this version has not seen, and how often.

        >>> str(AsyncDatalab(api_key="your-key").drift())
        'no drift seen'
        """
        return self._context.drift.report()

    async def close(self) -> None:
        """Close all connections. A closed client raises ConfigurationError when used.

        Raises:
            ConfigurationError: An async client was used in another event loop.
        """
        await self._api.close()
        await self._storage.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._api.origin.base_url!r})"


def _origin(api_key: str | None, base_url: str | None, *, allow_http: bool) -> Origin:
    key = api_key if api_key is not None else os.environ.get("DATALAB_API_KEY")
    if key is None:
        raise ConfigurationError(
            "No API key: pass api_key, or set the environment variable DATALAB_API_KEY"
        )
    address = base_url or os.environ.get("DATALAB_HOST") or DEFAULT_BASE_URL
    return checked_origin(address, key, allow_http=allow_http)


def _context(
    durations: Durations | None,
    tracing: Tracing | None,
    clock: Clock | None,
    random: Randomness | None,
    options: ClientOptions,
    *,
    allow_http: bool,
) -> Context:
    return Context(
        clock=clock or SystemClock(),
        random=random or Random().random,  # noqa: S311 - spreads looks out, hides nothing
        tracing=tracing or NoTracing(),
        drift=DriftLog(),
        durations=Durations() if durations is LEARN else durations,
        options=Options(**options),
        allow_http=allow_http,
    )
