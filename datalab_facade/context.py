"""What all parts of one client share, and the decisions that need no IO."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar, cast

import attrs

from datalab_facade.arguments import checked_count, checked_seconds
from datalab_facade.clock import Clock
from datalab_facade.drift import Drift, DriftLog, announce
from datalab_facade.errors import DatalabError, InvalidResponseError
from datalab_facade.jobs.changes import Change
from datalab_facade.jobs.commands import Call, Plan
from datalab_facade.jobs.kinds import IdT, JobKind, SnapshotT
from datalab_facade.jobs.learning import DurationModel
from datalab_facade.jobs.retries import Randomness, retrying
from datalab_facade.jobs.wait import Wait, WaitPolicy, adapted_policy, checked_policy, waiting
from datalab_facade.listeners import Reporter
from datalab_facade.options import CallOptions, Options, check_names
from datalab_facade.rate_limiting.local import RateLimiter

if TYPE_CHECKING:
    from datalab_facade.jobs.scheduling import Scheduler
    from datalab_facade.json_forms import JSON

_T = TypeVar("_T")


@attrs.frozen
class Context:
    """One client's clock, chance, reporter, drift log, what it has learned, and options.

    Views of a client made with ``with_options`` share all of it but the options.
    """

    clock: Clock
    random: Randomness
    reporter: Reporter
    drift: DriftLog
    duration_model: DurationModel | None
    options: Options
    allow_http: bool

    def with_options(self, options: Mapping[str, object]) -> Context:
        """Give the context of a view with other options."""
        return _evolve(self, {"options": _with(self.options, options)})

    def options_for_call(self, timeout: float | timedelta | None, options: CallOptions) -> Options:
        """Give the options of one call: the client's, with the call's on top."""
        if timeout is None and not options:
            return self.options
        check_names(options, CallOptions)
        on_top = options if timeout is None else {**options, "timeout": timeout}
        return _with(self.options, on_top)

    def policy_for_wait(
        self,
        timeout: float | timedelta | None,
        policy: WaitPolicy | None,
        options: CallOptions,
        family: WaitPolicy | None = None,
    ) -> WaitPolicy:
        """Give the policy of one wait: the call's or the client's, with what was given on top.

        What is left at its default is the family's, if that has a policy.
        """
        check_names(options, CallOptions)
        on_top = {name: value for name, value in options.items() if name != "headers"}
        if timeout is not None:
            on_top["timeout"] = timeout
        start = self.options.policy if policy is None else checked_policy("policy", policy)
        return _evolve(adapted_policy(start, family), on_top)

    def retry_plan(
        self, options: Options, repeatable: Callable[[DatalabError], bool]
    ) -> Plan[Call, _T, _T]:
        """Plan one call, which is repeated after the errors that are ``repeatable``."""
        return retrying(
            options.retry_settings,
            repeatable,
            timeout=options.timeout,
            request_timeout=options.request_timeout,
            now=self.clock.monotonic(),
            random=self.random,
        )

    def wait_plan(
        self, kind: JobKind[SnapshotT, IdT], job_id: IdT, policy: WaitPolicy, *, watched: bool
    ) -> Plan[Call, Change[SnapshotT], SnapshotT]:
        """Plan one wait; ``watched`` if its changes are wanted, and not its end only."""
        now = self.clock.monotonic()
        wait = Wait(
            kind,
            job_id,
            policy,
            now=now,
            random=self.random,
            duration_model=self.duration_model,
            watched=watched,
        )
        return waiting(wait, now=now)

    def scheduler(
        self,
        kind: JobKind[SnapshotT, IdT],
        policy: WaitPolicy,
        *,
        timeout: float | timedelta | None,
        concurrency: int,
        rate_limiter: RateLimiter,
        changes: bool,
        expected: int = 0,
        has_room: Callable[[], bool] | None = None,
    ) -> Scheduler[SnapshotT, IdT]:
        """Plan the wait for many jobs.

        Raises:
            InvalidArgumentError: The timeout or the concurrency makes no sense.
        """
        from datalab_facade.jobs.scheduling import Scheduler  # for those who wait for many

        seconds = math.inf if timeout is None else checked_seconds("timeout", timeout)
        checked_count("concurrency", concurrency, least=1)
        now = self.clock.monotonic()
        return Scheduler(
            kind,
            policy,
            concurrency=concurrency,
            deadline=now + seconds,
            rate_limiter=rate_limiter,
            random=self.random,
            now=now,
            changes=changes,
            duration_model=self.duration_model,
            expected=expected,
            has_room=has_room,
        )

    def decode(self, kind: JobKind[SnapshotT, IdT], answer: JSON, job_id: IdT) -> SnapshotT:
        """Make a snapshot of an answer, and count what is odd about it.

        Raises:
            InvalidResponseError: It is not such a job.
        """
        try:
            snapshot, drift = kind.decode(answer, job_id, self.clock.now())
        except InvalidResponseError as error:
            raise InvalidResponseError(
                f"{kind.name.capitalize()} {job_id}: {error}", body=error.body
            ) from None
        return self.record_drift(snapshot, drift)

    def record_drift(self, value: _T, drift: Iterable[Drift]) -> _T:
        """Give a value that was made of an answer, after counting what was odd about it."""
        announce(self.drift, drift)
        return value

    def recording(
        self, decode: Callable[[JSON], tuple[_T, Iterable[Drift]]]
    ) -> Callable[[JSON], _T]:
        """Return a decoder of answers that counts what is odd about each."""
        return lambda answer: self.record_drift(*decode(answer))


def _evolve(value: _T, changes: Mapping[str, object]) -> _T:
    # The names come from TypedDicts, whose types attrs.evolve cannot match up.
    if not changes:
        return value
    evolve = cast("Callable[..., _T]", attrs.evolve)
    return evolve(value, **changes)


def _with(options: Options, changes: Mapping[str, object]) -> Options:
    # Headers add up; everything else is replaced.
    more = changes.get("headers")
    if isinstance(more, Mapping):
        changes = {**changes, "headers": {**options.headers, **more}}
    return _evolve(options, changes)
