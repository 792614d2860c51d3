# Generated from async_renewing.py by scripts/unasync.py; change that file, not this one.
"""New URLs for outputs whose URLs expired: one poll serves all outputs of an execution.

The URLs of one execution expire together. The first download that is refused polls the
execution again; downloads that are refused meanwhile wait for that poll, and later ones
take from it a URL that is newer than the refused one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from typing import TypeAlias

import attrs

from datalab_facade.clock import Clock
from datalab_facade.concurrency import Lock
from datalab_facade.errors import APIStatusError
from datalab_facade.forking import ProcessLock
from datalab_facade.models import Execution, Output
from datalab_facade.outputs.remote_outputs import no_time_left

_MAX_EXECUTIONS = 256
"""The number of executions whose latest poll is kept; a client may see any number."""

_SECONDS_GONE = 5.0
"""Seconds during which an execution that is gone is not polled again."""

Poll: TypeAlias = Callable[[float], Execution]


@attrs.define
class _LatestPoll:
    """The result of the latest poll of one execution."""

    lock: Lock = attrs.field(factory=Lock)
    """Held during a poll."""
    polls: int = 0
    at: float = -math.inf
    outputs: tuple[Output, ...] = ()
    error: APIStatusError | None = None

    def is_fresh_for(self, output: Output, refused: str, polls: int, now: float) -> bool:
        """Return whether no other poll is needed.

        Args:
            output: The output that needs a URL.
            refused: The URL that storage refused.
            polls: The number of polls when it was refused.
            now: The time.
        """
        if self.polls != polls:
            return True
        url = _url_in(self.outputs, output)
        if url is None:
            return now - self.at < _SECONDS_GONE
        return url != refused

    def record(self, execution: Execution, now: float) -> None:
        """Record the execution that a poll returned."""
        self.polls, self.at = self.polls + 1, now
        self.outputs, self.error = execution.outputs, None

    def record_error(self, error: APIStatusError, now: float) -> None:
        """Record the error that a poll was answered with."""
        self.polls, self.at = self.polls + 1, now
        self.outputs, self.error = (), error

    def url_of(self, output: Output) -> str | None:
        """Return the URL of an output; None if the output is gone.

        Raises:
            APIStatusError: The latest poll was answered with it.
        """
        if self.error is not None:
            # Several downloads raise it, and each adds to the traceback.
            raise copy(self.error)
        return _url_in(self.outputs, output)


class Renewals:
    """The latest polls of one client's executions, for blocking code."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_execution: dict[int, _LatestPoll] = {}
        self._guard = ProcessLock()

    def newest(self, output: Output, since: float) -> Output:
        """Return an output with its URL of a poll after ``since``, if there was one."""
        latest = self._by_execution.get(output.execution_id)
        url = _url_in(latest.outputs, output) if latest and latest.at > since else None
        return output if url is None else attrs.evolve(output, url=url)

    def renew(self, output: Output, refused: str, left: float, poll: Poll) -> str | None:
        """Return an output's new URL; None if the output is gone.

        Args:
            output: The output that needs a URL.
            refused: The URL that storage refused.
            left: The seconds that are left for it.
            poll: Fetches the execution, within some seconds.

        Raises:
            DatalabError: What ``poll`` raises.
            DownloadError: Another poll took all the time that was left.
        """
        latest, end = self._latest(output.execution_id), self._clock.monotonic() + left
        polls = latest.polls
        if not latest.lock.acquire(left):
            raise no_time_left(output)
        try:
            now = self._clock.monotonic()
            if not latest.is_fresh_for(output, refused, polls, now):
                if now >= end:
                    raise no_time_left(output)
                try:
                    latest.record(poll(end - now), self._clock.monotonic())
                except APIStatusError as error:
                    latest.record_error(error, self._clock.monotonic())
                    raise
            return latest.url_of(output)
        finally:
            latest.lock.release()

    def _latest(self, execution_id: int) -> _LatestPoll:
        with self._guard:
            # The least recently used one is dropped first.
            latest = self._by_execution.pop(execution_id, None) or _LatestPoll()
            self._by_execution[execution_id] = latest
            if len(self._by_execution) > _MAX_EXECUTIONS:
                del self._by_execution[next(iter(self._by_execution))]
            return latest


def _url_in(outputs: tuple[Output, ...], expected: Output) -> str | None:
    """Return the URL of an output in a newer list of outputs; None if it is not there."""
    for output in outputs:
        if (output.step, output.file_key) == (expected.step, expected.file_key):
            return output.url
    return None
