"""The embedded Datalab: requests in, answers out, and nothing else."""

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
from datalab_facade.testing.fault_rules import FaultHook, FaultRules, Target
from datalab_facade.testing.faults import Fault
from datalab_facade.testing.files import Files
from datalab_facade.testing.messages import Answer, Origin, Request
from datalab_facade.testing.request_log import ReceivedRequest, RequestLog
from datalab_facade.testing.scripts import ExecutionScript
from datalab_facade.testing.signing import Signer
from datalab_facade.testing.state import RateLimit, RatePer, SkewedClock, State
from datalab_facade.testing.storage import answer_storage
from datalab_facade.testing.workflows import Workflows

TEST_API_KEY: Final = "simulated-datalab-key"
"""The key that a :class:`Simulator` accepts unless told otherwise."""

API_ORIGIN: Final = "https://www.datalab.to"
STORAGE_ORIGIN: Final = "https://storage.datalab.invalid"

_ORIGINS: Final = {"api": answer_api, "storage": answer_storage}


class Simulator:
    """A Datalab that plays the executions it is given.

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
        clock: by which executions grow older and URLs expire; the machine's by default.
        api_key: the key that the API accepts.
        more_keys: other keys that it accepts as well.
        rate_limit: ``(requests, seconds)``: so many API requests in any so many
            seconds, then 429. Counted for each key. Default: no limit.
        rate_limit_per: ``"key"``: counted over all endpoints; ``"endpoint"``: for each.
        retry_after: whether such a 429 says ``Retry-After``. Off by default: the
            real service documents no such header.
        url_lifetime: seconds for which a presigned URL is good.
        bucket: the first segment of the path of every output.
        api_origin: where :class:`~datalab_facade.testing.SimulatorTransport` finds the API.
        storage_origin: to where presigned URLs point. A running server changes it.
        clock_skew: seconds by which the dates of the service are ahead of the clock's;
            negative: behind.
        first_execution_id: the id of the first execution; the next ones follow it.
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
        limit = (
            RateLimit(*rate_limit, tell_when=retry_after, per=rate_limit_per)
            if rate_limit
            else None
        )
        self._clock: Final = clock if clock is not None else SystemClock()
        self.api_origin: Final = api_origin
        self.requests: Final = RequestLog()
        """What came in, oldest first."""
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
            more_keys=frozenset(more_keys),
            next_execution_id=first_execution_id,
        )
        self.files: Final = Files(self._state.files, self._state.clock, self._lock)
        """What was uploaded, by id; add files here that tests find there."""
        self.workflows: Final = Workflows(self._state.workflows, self._state.clock, self._lock)
        """What was created, by id; add workflows here that tests find there."""

    @property
    def clock(self) -> Clock:
        """The clock it lives by, without its own skew."""
        return self._clock

    @property
    def api_key(self) -> str:
        """The key that the API accepts; set another one to revoke it."""
        return self._state.api_key

    @api_key.setter
    def api_key(self, key: str) -> None:
        with self._lock:
            self._state.api_key = key

    @property
    def storage_origin(self) -> str:
        """To where presigned URLs point."""
        return self._state.storage_origin

    @storage_origin.setter
    def storage_origin(self, origin: str) -> None:
        with self._lock:
            self._state.storage_origin = origin

    def start(self, script: ExecutionScript) -> int:
        """Create an execution now; its id."""
        with self._lock:
            return self._state.start(script)

    def script_for(self, workflow_id: int, script: ExecutionScript | None) -> None:
        """Let executions of a workflow do what a script says.

        Args:
            workflow_id: of a workflow in :attr:`workflows`; a ``KeyError`` if there is none.
            script: ``None``: what follows from the workflow's steps, as by default.
        """
        self.workflows.script_for(workflow_id, script)

    @property
    def execution_ids(self) -> tuple[int, ...]:
        """The ids of all executions, in the order of their creation."""
        with self._lock:
            return tuple(self._state.executions)

    def handle(self, request: Request) -> Answer:
        """Answer one request, and note it in :attr:`requests`."""
        with self._lock:
            at = self.clock.monotonic()
            fault = self._rules.next_for(request)
            if fault.reply is None:
                answer = _ORIGINS[request.origin](self._state, request)
            else:
                answer = Answer(fault.reply.status, fault.reply.headers, fault.reply.body)
            answer = self._complete(attrs.evolve(answer, fault=fault), request)
            unanswered = fault.broken is not None and fault.broken.after is None
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
        """Let the next requests go wrong: one fault for each, in order.

        Args:
            faults: :meth:`Fault.none` lets one pass.
            path: only requests whose path begins like this or, with ``*``, ``?``
                or ``[``, matches this glob. Paths are compared as they came.
            origin: only requests to this host. Default: the API or, when a path
                is given, either of them.
        """
        with self._lock:
            self._rules.queue(faults, Target(path, origin))

    def inject_always(
        self, fault: Fault, path: str | None = None, origin: Origin | None = None
    ) -> None:
        """Let every request go wrong, until :meth:`clear_faults`.

        What :meth:`inject` queued comes first; a later call of this method or
        of :meth:`inject_with` comes before an earlier one.

        Args:
            fault: what happens.
            path: as for :meth:`inject`.
            origin: as for :meth:`inject`.
        """
        with self._lock:
            self._rules.always(fault, Target(path, origin))

    def inject_with(self, hook: FaultHook) -> None:
        """Let a function decide what goes wrong with a request, until :meth:`clear_faults`.

        Args:
            hook: gets the request and how many requests of the same origin, method
                and path came so far, this one included. It may use this simulator.
                ``None`` leaves the decision to others.
        """
        with self._lock:
            self._rules.hook(hook)

    def clear_faults(self) -> None:
        """Forget the faults of all three kinds."""
        with self._lock:
            self._rules.clear()

    def clear(self) -> None:
        """Forget the faults and the requests; executions go on."""
        with self._lock:
            self._rules.clear()
            self.requests.clear()

    def reset(self) -> None:
        """Forget everything: faults and their counts, requests, executions, and what was created.

        Ids go on, so that none means two things.
        """
        with self._lock:
            self._rules.forget()
            self.requests.clear()
            self._state.forget()

    def _complete(self, answer: Answer, request: Request) -> Answer:
        """Compress what is to be compressed, and add the headers that every answer has."""
        body, headers = answer.body, answer.headers
        if answer.fault.compressed:
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
