# Generated from async_client.py by scripts/unasync.py; change that file, not this one.
"""The async client; the blocking one is :class:`~datalab_facade.Datalab`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self, Unpack

from datalab_facade.client_options import (
    ClientOptions,
    check_view,
    checked_rate_limiter,
    find_origin,
    make_context,
    make_tenant_context,
    refuse_assignment,
)
from datalab_facade.clock import Clock
from datalab_facade.context import Context
from datalab_facade.drift import DriftReport
from datalab_facade.jobs.learning import LEARN, DurationModel
from datalab_facade.jobs.retries import Randomness
from datalab_facade.keywords import shows_options
from datalab_facade.mocking import mockable
from datalab_facade.options import CallOptions
from datalab_facade.rate_limiting.local import DEFAULT_REQUESTS_PER_MINUTE, RateLimiter
from datalab_facade.transport.opening import Transports, transports

if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Iterable
    from datetime import timedelta

    import httpx

    from datalab_facade.documents.resource import Documents
    from datalab_facade.events import Listener
    from datalab_facade.executions.resource import Executions
    from datalab_facade.files.resource import Files
    from datalab_facade.health import Health
    from datalab_facade.options import ApiKey
    from datalab_facade.outputs.resource import Outputs
    from datalab_facade.pipelines.batch_runs import BatchRuns
    from datalab_facade.pipelines.extraction_schemas import ExtractionSchemas
    from datalab_facade.pipelines.resource import Pipelines
    from datalab_facade.runs.run_options import RunOptions, RunTask
    from datalab_facade.runs.run_results import RunReport, RunResult
    from datalab_facade.runs.run_sources import Sources
    from datalab_facade.runs.runner import Runs
    from datalab_facade.transport.api import ApiTransport
    from datalab_facade.transport.storage import StorageTransport
    from datalab_facade.workflows.resource import Workflows


@mockable
@shows_options(ClientOptions, CallOptions, "datalab_facade.runs.run_options:RunOptions")
class Datalab:
    """A client of the Datalab API, for blocking code.

    It never starts an event loop, so it works inside one (a notebook) as well,
    and threads may share it. A process that is forked from this one has connections,
    locks and a rate limiter of its own, also if it uses the client that it inherited. Close it,
    or use it in a ``with`` statement.

    Args:
        api_key: The API key; by default the environment's ``DATALAB_API_KEY``. Or a function
            that returns it, for keys that change: it is called when the key is first needed, and
            once again when the API refuses the key (401); the request is then sent again with
            the new one.
        base_url: Where the API is; by default the environment's ``DATALAB_HOST``,
            or else ``https://www.datalab.to``. The key is sent there only.
        requests_per_minute: The rate limit: no minute sees more requests to the
            API than this, whatever this client does; 200 by default, which is what
            the published limits agree on. None switches it off.
        rate_limiter: A rate limiter that is shared with other clients, in place of one of
            the client's own: a :class:`~datalab_facade.LocalRateLimiter` that several
            clients of this process are given, a
            :class:`~datalab_facade.integrations.redis_rate_limiter.RedisRateLimiter` for several
            processes and machines, or any other
            :class:`~datalab_facade.RateLimiter`.
        http_client: An HTTP client of your own, with your proxy, CA or transport.
            It is used for the API and for outputs, and left open on close. By
            default proxies and CAs of the environment are used, as httpx does.
        duration_model: What is known of how long executions take, from an earlier
            client. By default the client begins to learn anew, from those that end
            while it waits for them; None keeps it from learning.
        allow_http: Allow an address without TLS that is not on this machine.
        listeners: Functions that are called with each event: requests, retries, transfers
            and more; see :mod:`datalab_facade.events`. One of them makes spans and metrics:
            :class:`~datalab_facade.opentelemetry.OpenTelemetryListener`.
        clock: Gives the time and sleeps; for tests.
        random: What spreads polls and retries, a function that gives numbers from 0
            to 1; for tests that are to be the same on every run.
        options: ``timeout``, ``request_timeout``, ``max_retries``, ``headers`` and
            ``policy`` for all calls; see :class:`ClientOptions`.

    Raises:
        ConfigurationError: The key is missing or cannot be sent, or the address is wrong.
        InvalidArgumentError: Another argument is wrong, or both a rate limiter and
            requests_per_minute are given.

    >>> def status(execution_id):
    ...     with Datalab(api_key="your-key") as client:
    ...         execution = client.executions.get(execution_id)
    ...         return execution.status
    """

    def __init__(
        self,
        api_key: ApiKey | None = None,
        *,
        base_url: str | None = None,
        requests_per_minute: float | None = DEFAULT_REQUESTS_PER_MINUTE,
        rate_limiter: RateLimiter | None = None,
        http_client: httpx.Client | None = None,
        allow_http: bool = False,
        duration_model: DurationModel | None = LEARN,
        listeners: Iterable[Listener] = (),
        clock: Clock | None = None,
        random: Randomness | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        origin = find_origin(api_key, base_url, allow_http=allow_http)
        context = make_context(
            duration_model, listeners, clock, random, options, allow_http=allow_http
        )
        paced = checked_rate_limiter(rate_limiter, requests_per_minute)
        around = origin, context.clock, context.reporter, paced, context.drift
        opened = transports(
            *around,
            http_client=http_client,
        )
        self._bind(opened, context)

    def _bind(self, opened: Transports[ApiTransport, StorageTransport], context: Context) -> None:
        self._transports = opened
        self._context = context

    @property
    def _api(self) -> ApiTransport:
        return self._transports.api

    @property
    def _storage(self) -> StorageTransport:
        return self._transports.storage

    @cached_property
    def documents(self) -> Documents:
        """Convert documents, extract data from them, segment them, fill in forms, and more."""
        from datalab_facade.documents.resource import Documents

        return Documents(self._api, self._storage, self.files, self._context)

    @cached_property
    def executions(self) -> Executions:
        """Poll executions, wait for them, watch them."""
        from datalab_facade.executions.resource import Executions

        return Executions(self._api, self._context)

    @cached_property
    def outputs(self) -> Outputs:
        """Fetch what steps left behind."""
        from datalab_facade.outputs.resource import Outputs

        return Outputs(self._storage, self.executions, self._context)

    @cached_property
    def files(self) -> Files:
        """Upload documents, list them, fetch them back, delete them."""
        from datalab_facade.files.resource import Files

        return Files(self._api, self._storage, self._context)

    @cached_property
    def pipelines(self) -> Pipelines:
        """Create pipelines, publish them and run them."""
        from datalab_facade.pipelines.resource import Pipelines

        return Pipelines(self._api, self._storage, self.files, self._context)

    @cached_property
    def extraction_schemas(self) -> ExtractionSchemas:
        """Store schemas for extractions, list and change them."""
        from datalab_facade.pipelines.extraction_schemas import ExtractionSchemas

        return ExtractionSchemas(self._api, self._context)

    @cached_property
    def batch_runs(self) -> BatchRuns:
        """Run pipelines over collections of files at Datalab, with evaluation."""
        from datalab_facade.pipelines.batch_runs import BatchRuns

        return BatchRuns(self._api, self._context)

    @cached_property
    def workflows(self) -> Workflows:
        """Create workflows and execute them."""
        from datalab_facade.workflows.resource import Workflows

        return Workflows(self._api, self.executions, self._context)

    def health(
        self, *, timeout: float | timedelta | None = None, **options: Unpack[CallOptions]
    ) -> Health:
        """Ask whether the API is well and accepts the key: the cheapest request that has one.

        Args:
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            AuthenticationError: The key is wrong.
            PermissionDeniedError: The key may not do anything; its subscription may have ended.
            APIStatusError: The server answered with another error.
            APIConnectionError: No whole answer came; as APITimeoutError if it took too long.
            InvalidResponseError: The answer does not say how the API is.
        """
        from datalab_facade.calling import ApiCaller
        from datalab_facade.health import decode_health
        from datalab_facade.transport.document_operations import user_health

        return ApiCaller(self._api, self._context).query(
            user_health(),
            lambda answer: decode_health(answer, self._api.date),
            timeout=timeout,
            options=options,
            subject="the health of the API",
        )

    def run(
        self,
        task: RunTask,
        files: Sources,
        *,
        output_dir: str | os.PathLike[str],
        **options: Unpack[RunOptions],
    ) -> RunReport:
        """Run a task over files: submit each, wait, and save what it leaves behind.

        A journal beside the outputs, ``run.jsonl``, tells what was done. The same call
        again, after a crash too, goes on from there, and takes files that came since:
        none is uploaded or submitted a second time. One that fails does not end the
        others. When the account's spending limit or ``max_cost_cents`` is reached, or Datalab
        cannot be reached for some minutes, nothing more is submitted, and all that was is
        saved; see ``report.left``.

        Args:
            task: A task of documents, such as ``Convert()`` or ``Extract(Invoice)``; a pipeline:
                ``RunPipeline("pl_...")``, a snapshot of it, or its id; or a workflow: its id, a
                snapshot of it, a definition to create it from (once), or the path of a
                definition's JSON file.
            files: Paths, URLs, ``datalab://`` references and uploaded files, or one of
                these; they are read one at a time. A folder stands for the files in it. A
                file is known again by its name and content, so it is read in each call; a
                URL by all of its text. The same one named twice is submitted once.
            output_dir: The folder for the journal and the outputs: ``output_dir/SUB/STEM/STEM.md``
                and so on, as ``client.documents.save`` does; for a workflow
                ``output_dir/NAME/execution-ID/STEP/FILE``. One task can have it, one run at a
                time, and no file to run over may be in it.
            options: See :class:`~datalab_facade.RunOptions`.

        Returns:
            What became of each file, in the order in which they are named; true if all
            are done.

        Raises:
            InvalidArgumentError: An argument is wrong.
            LocalFileError: The folder has the journal of another task, or of a run that goes
                on; or the journal cannot be read or written, and the error says what became
                of the file that it is about.
            ConnectionSetupError: The address, a certificate or the proxy is wrong.
            InvalidDefinitionError: The definition is wrong.
            AuthenticationError: The key is wrong.
            PermissionDeniedError: The key may not do that, or its subscription has ended.
            NotFoundError: The workflow or the pipeline is unknown to this key.
            DatalabError: The workflow could not be created or fetched.
        """
        return self._runs().report(task, files, output_dir, options)

    def iter_run(
        self,
        task: RunTask,
        files: Sources,
        *,
        output_dir: str | os.PathLike[str],
        **options: Unpack[RunOptions],
    ) -> Generator[RunResult, None, None]:
        """Do the same, and give the result of each file as it comes to be.

        Nothing is remembered of a result that was given, so there can be any number.
        Arguments as :meth:`run`.

        Returns:
            An iterator of results.

        Raises:
            DatalabError: Whatever :meth:`run` raises; what is wrong with the arguments
                at once, and the rest when the first result is asked for.
        """
        return self._runs().results(task, files, output_dir, options)

    def _runs(self) -> Runs:
        from datalab_facade.runs.runner import Runs

        return Runs(self, self._api, self._context)

    def with_options(
        self,
        *,
        api_key: ApiKey | None = None,
        requests_per_minute: float | None = DEFAULT_REQUESTS_PER_MINUTE,
        rate_limiter: RateLimiter | None = None,
        duration_model: DurationModel | None = LEARN,
        **options: Unpack[ClientOptions],
    ) -> Self:
        """Give a view of this client with other options, or a client for another key.

        A view shares everything but the options; closing either closes both.

        With ``api_key`` it is a client for another tenant, which shares only the connections,
        address, clock and tracing. It has a rate limiter, a drift report and a duration model of
        its own. Closing it leaves the connections open, and whatever is made of it afterwards
        raises ClientStateError; closing this client ends them for both.

        Args:
            api_key: The key of another tenant, or a function that returns it, as for a new client.
            requests_per_minute: The rate limit of that key, as for a new client.
            rate_limiter: A rate limiter for it, in place of one of its own.
            duration_model: What it knows of how long executions take, as for a new client.
            options: ``timeout``, ``request_timeout``, ``max_retries``, ``headers`` and ``policy``;
                those left out stay as they are.

        >>> client = Datalab(api_key="your-key")
        >>> patient = client.with_options(max_retries=5)
        >>> tenant = client.with_options(api_key="key-of-a-tenant")

        Raises:
            ConfigurationError: The key cannot be used.
            InvalidArgumentError: An option is out of range, or one is given that needs ``api_key``.
        """
        other: Self = object.__new__(type(self))
        limiter = checked_rate_limiter(rate_limiter, requests_per_minute)
        if api_key is None:
            check_view(requests_per_minute, rate_limiter, duration_model, options)
            other._bind(self._transports, self._context.with_options(options))
        else:
            context = make_tenant_context(self._context, duration_model, options)
            opened = (
                self._api.for_tenant(api_key, limiter, context.drift),
                self._storage.for_tenant(),
            )
            other._bind(Transports(self._transports.base_url, lambda: opened), context)
        return other

    @property
    def duration_model(self) -> DurationModel | None:
        """What was learned of how long executions take; None if that is switched off."""
        return self._context.duration_model

    @property
    def drift(self) -> DriftReport:
        """Tell what the API answered that this version has not seen, and how often.

        >>> str(Datalab(api_key="your-key").drift)
        'no drift seen'
        """
        return self._context.drift.report()

    def close(self) -> None:
        """Close all connections. A closed client raises ClientStateError when used.

        Raises:
            ClientStateError: An async client was used in another event loop.
        """
        self._api.close()
        self._storage.close()

    if not TYPE_CHECKING:
        # With it, type checkers would accept the assignment of anything.
        def __setattr__(self, name: str, value: object) -> None:
            refuse_assignment(name)
            super().__setattr__(name, value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._transports.base_url!r})"
