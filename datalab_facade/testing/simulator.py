"""The embedded Datalab: it turns requests into answers, without IO."""

from __future__ import annotations

import gzip
import secrets
import threading
from collections.abc import Iterable
from email.utils import format_datetime
from typing import Final

import attrs

from datalab_facade.clock import Clock, SystemClock
from datalab_facade.testing.api import answer_api
from datalab_facade.testing.checking import (
    check_clock,
    check_keys,
    check_options,
    check_rate_limit,
    check_type,
    new_id,
)
from datalab_facade.testing.documents import Documents
from datalab_facade.testing.fault_rules import FaultHook, FaultRules, Target
from datalab_facade.testing.faults import Fault
from datalab_facade.testing.files import Files
from datalab_facade.testing.messages import Answer, Origin, Request
from datalab_facade.testing.pipelines import Pipelines
from datalab_facade.testing.request_log import ReceivedRequest, RequestLog
from datalab_facade.testing.scripts import ExecutionScript
from datalab_facade.testing.signing import Signer
from datalab_facade.testing.state import RateLimit, RatePer, SkewedClock, State
from datalab_facade.testing.storage import answer_storage
from datalab_facade.testing.workflows import Workflows

TEST_API_KEY: Final = "simulated-datalab-key"
"""The key that a :class:`Simulator` accepts by default."""

API_ORIGIN: Final = "https://www.datalab.to"
STORAGE_ORIGIN: Final = "https://storage.datalab.invalid"

_ORIGINS: Final = {"api": answer_api, "storage": answer_storage}


class Simulator:
    """A simulated Datalab that plays scripted executions.

    It does no IO and never sleeps: :meth:`handle` takes a request and returns an
    answer. Reach it through a :class:`~datalab_facade.testing.SimulatorTransport`
    in process or a :class:`~datalab_facade.testing.SimulatorServer` over sockets,
    or both at once. Safe to use from several threads.

    ::

        clock = VirtualClock()
        simulator = Simulator(clock)
        execution_id = simulator.start(ExecutionScript([StepScript("parse", ends=120)]))
        http = httpx.Client(transport=SimulatorTransport(simulator))

    Args:
        clock: the clock of executions and of expiring URLs. Default: the machine's.
        api_key: the key that the API accepts.
        more_keys: other keys that the API accepts. Default: none.
        rate_limit: ``(requests, seconds)``: the number of API requests allowed in any
            period of so many seconds; the next one gets a 429. Each key has its own
            limit. Default: no limit.
        rate_limit_per: ``"key"``: all endpoints share a limit; ``"endpoint"``: each has
            its own.
        retry_after: whether a 429 has a ``Retry-After``. Default: False, because the real
            service documents no such header.
        url_lifetime: seconds for which a presigned URL is valid. Default: an hour.
        bucket: the first segment of the path of every output.
        api_origin: the origin of the API for :class:`~datalab_facade.testing.SimulatorTransport`.
        storage_origin: the origin of presigned URLs. A running server changes it.
        clock_skew: seconds by which the dates of the service are ahead of the clock;
            negative: behind.
        first_execution_id: the id of the first execution; the next ones count up.

    Raises:
        TypeError: the clock is not a clock, or a key not a text.
        ValueError: another option makes no sense, such as a rate limit that is not a pair.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        api_key: str = TEST_API_KEY,
        *,
        more_keys: Iterable[str] = (),
        rate_limit: tuple[int, float] | None = None,
        rate_limit_per: RatePer = "key",
        retry_after: bool = False,
        url_lifetime: int = 3600,
        bucket: str = "datalab-outputs",
        api_origin: str = API_ORIGIN,
        storage_origin: str = STORAGE_ORIGIN,
        first_execution_id: int = 1001,
        clock_skew: float = 0.0,
    ) -> None:
        check_clock(clock)
        check_options(url_lifetime, bucket, clock_skew, rate_limit_per)
        check_keys([api_key])
        limit = None
        if rate_limit is not None:
            requests, seconds = check_rate_limit(rate_limit)
            limit = RateLimit(requests, seconds, send_retry_after=retry_after, per=rate_limit_per)
        self._clock: Final = clock if clock is not None else SystemClock()
        self.api_origin: Final = api_origin
        self.requests: Final = RequestLog()
        """The received requests, oldest first."""
        self._lock: Final = threading.RLock()
        self._rules: Final = FaultRules()
        self._state: Final = State(
            clock=SkewedClock(self._clock, clock_skew) if clock_skew else self._clock,
            api_key=api_key,
            signer=Signer(secrets.token_bytes(32)),
            storage_origin=storage_origin,
            bucket=bucket,
            url_lifetime=url_lifetime,
            rate_limit=limit,
            more_keys=check_keys(more_keys),
            next_execution_id=new_id(first_execution_id, 0, (), "an execution"),
            api_origin=api_origin,
        )
        self.files: Final = Files(self._state.files, self._state.clock, self._lock)
        """The uploaded files by id; a test may add files."""
        self.workflows: Final = Workflows(self._state.workflows, self._state.clock, self._lock)
        """The created workflows by id; a test may add workflows."""
        self.documents: Final = Documents(self._state.documents, self._state.clock, self._lock)
        """The document requests by id; a test may say what they do."""
        self.pipelines: Final = Pipelines(self._state.pipelines, self._state.clock, self._lock)
        """The pipelines by id; a test may add pipelines, and say what their executions do."""

    @property
    def clock(self) -> Clock:
        """The clock of the simulator, without its skew."""
        return self._clock

    @property
    def api_key(self) -> str:
        """The key that the API accepts; set another one to revoke this one.

        Raises:
            TypeError: it is set to something else than a text.
        """
        return self._state.api_key

    @api_key.setter
    def api_key(self, key: str) -> None:
        check_keys([key])
        with self._lock:
            self._state.api_key = key

    @property
    def storage_origin(self) -> str:
        """The origin of presigned URLs."""
        return self._state.storage_origin

    @storage_origin.setter
    def storage_origin(self, origin: str) -> None:
        with self._lock:
            self._state.storage_origin = origin

    def start(self, script: ExecutionScript, *, execution_id: int | None = None) -> int:
        """Create an execution now; return its id.

        Args:
            script: what it does, and when.
            execution_id: its id. Default: :attr:`next_execution_id`.

        Raises:
            TypeError: the script is not an :class:`ExecutionScript`.
            ValueError: there is an execution with this id, or it is not above zero.
        """
        checked = check_type(
            script, ExecutionScript, "a script", "ExecutionScript([StepScript('parse', ends=60)])"
        )
        with self._lock:
            return self._state.start(checked, execution_id)

    @property
    def next_execution_id(self) -> int:
        """The id of the next execution, also of one that the code under test submits.

        Can be set; ids count up from there, and leave out those that are taken.

        Raises:
            ValueError: there is an execution with this id, or it is not above zero.
        """
        return self._state.next_execution_id

    @next_execution_id.setter
    def next_execution_id(self, execution_id: int) -> None:
        with self._lock:
            self._state.next_execution_id = new_id(
                execution_id, 0, self._state.executions, "an execution"
            )

    def script_for(self, workflow_id: int, script: ExecutionScript | None) -> None:
        """Set the script of a workflow's executions.

        Args:
            workflow_id: the id of a workflow in :attr:`workflows`.
            script: the script; ``None``: it follows from the workflow's steps, as by default.

        Raises:
            TypeError: the script is not an :class:`ExecutionScript`.
            KeyError: there is no such workflow.
        """
        self.workflows.script_for(workflow_id, script)

    @property
    def execution_ids(self) -> tuple[int, ...]:
        """The ids of all executions, in the order of their creation."""
        with self._lock:
            return tuple(self._state.executions)

    def handle(self, request: Request) -> Answer:
        """Answer a request, and add it to :attr:`requests`."""
        with self._lock:
            at = self.clock.monotonic()
            fault = self._rules.next_for(request)
            if fault.reply is None:
                answer = _ORIGINS[request.origin](self._state, request)
            else:
                answer = Answer(fault.reply.status, fault.reply.headers, fault.reply.body)
            answer = self._finish_answer(attrs.evolve(answer, fault=fault), request)
            unanswered = fault.early_end is not None and fault.early_end.after is None
            self.requests.add(
                ReceivedRequest(
                    origin=request.origin,
                    method=request.method,
                    path=request.path,
                    query=request.query,
                    headers=request.headers,
                    body=request.body,
                    at=at,
                    status=None if unanswered else answer.status,
                )
            )
            return answer

    def inject(self, *faults: Fault, path: str | None = None, origin: Origin | None = None) -> None:
        """Inject faults into the next requests: one fault for each, in order.

        Args:
            faults: the faults; :meth:`Fault.none` lets a request pass.
            path: only requests whose path begins with this or, with ``*``, ``?``
                or ``[``, matches this glob. Paths are compared as received.
            origin: only requests to this host. Default: the API; both hosts if there
                is a path.

        Raises:
            TypeError: something is not a :class:`Fault`: ``Fault.status(503)``, not ``503``.
            ValueError: the path or the origin selects no request.
        """
        with self._lock:
            self._rules.queue(faults, Target(path, origin))

    def inject_always(
        self, fault: Fault, path: str | None = None, origin: Origin | None = None
    ) -> None:
        """Inject a fault into every request, until :meth:`clear_faults`.

        Faults queued by :meth:`inject` come first; a later call of this method or
        of :meth:`inject_with` comes before an earlier one.

        Args:
            fault: the fault.
            path: as for :meth:`inject`.
            origin: as for :meth:`inject`.

        Raises:
            TypeError: as for :meth:`inject`.
            ValueError: as for :meth:`inject`.
        """
        with self._lock:
            self._rules.add_always(fault, Target(path, origin))

    def inject_with(self, hook: FaultHook) -> None:
        """Let a function select the fault of each request, until :meth:`clear_faults`.

        Args:
            hook: a function of the request and its count: how many requests of the same
                origin, method and path came so far, this one included. It returns a
                fault, or ``None`` to leave the decision to earlier calls. It may use
                this simulator.

        Raises:
            TypeError: the hook is not a function.
        """
        with self._lock:
            self._rules.add_hook(hook)

    def clear_faults(self) -> None:
        """Remove all faults, queued and lasting, and all hooks."""
        with self._lock:
            self._rules.clear()

    def clear(self) -> None:
        """Remove all faults and requests; executions go on."""
        with self._lock:
            self._rules.clear()
            self.requests.clear()

    def reset(self) -> None:
        """Remove everything: faults and their counts, requests, what was created, and scripts.

        Ids continue, so no id is used twice.
        """
        with self._lock:
            self._rules.reset()
            self.requests.clear()
            self._state.reset()

    def _finish_answer(self, answer: Answer, request: Request) -> Answer:
        """Compress the body if the fault says so, and add the headers that every answer has."""
        body, headers = answer.body, answer.headers
        if answer.fault.is_compressed:
            body = gzip.compress(body, mtime=0)
            headers = headers.plus({"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
        if "date" not in headers:
            headers = headers.plus({"Date": format_datetime(self._state.clock.now(), usegmt=True)})
        bodiless = answer.status in (204, 304)
        if not (bodiless or "content-length" in headers or "transfer-encoding" in headers):
            headers = headers.plus({"Content-Length": str(len(body))})
        if bodiless or request.method == "HEAD":
            body = b""
        return attrs.evolve(answer, headers=headers, body=body)
