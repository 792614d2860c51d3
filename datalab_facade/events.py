"""What a client tells its listeners: requests, retries, waits, transfers, as they happen.

A listener is a function that takes an event. A client takes any number of them:

>>> from datalab_facade import Datalab
>>> from datalab_facade.events import Event, RequestFinished
>>> def listen(event: Event) -> None:
...     if isinstance(event, RequestFinished):
...         print(event.operation, event.status, f"{event.seconds:.3f} s")
>>> client = Datalab("your-key", listeners=[listen])

Listeners are called on the thread, or in the task, that does the work, which waits for them: they
should be quick, and must not block. What a listener raises goes to the log, once, and disturbs
nothing. Without listeners no event is made.

No event holds a key, the query of a presigned URL, the name of a file, or text of a document.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import attrs

from datalab_facade.redaction import redact_url

Direction: TypeAlias = Literal["download", "upload"]


@attrs.frozen(kw_only=True)
class Event:
    """What all events have.

    An activity is something that takes time: a wait, a run, a transfer. Activities and requests
    have numbers, which are unique in a process; so a listener can tell what belongs together.
    """

    parent_id: int | None = None
    """The number of the activity that this is a part of; None outside any."""
    job_kind: str | None = None
    """The kind of the job that this is about, such as ``"execution"``; None where there is none."""
    job_id: int | str | None = None
    """The job's id."""


@attrs.frozen(kw_only=True)
class ActivityStarted(Event):
    """A wait, a run or a transfer begins."""

    id: int
    """Its number."""
    name: str
    """``wait``, ``wait_many``, ``run``, ``save_all``, ``upload_many``, ``download`` or ``upload``.

    There may be more in later versions."""


@attrs.frozen(kw_only=True)
class ActivityFinished(Event):
    """A wait, a run or a transfer is over."""

    id: int
    """Its number, as in :class:`ActivityStarted`."""
    name: str
    """As in :class:`ActivityStarted`."""
    seconds: float
    """How long it took."""
    error: str | None = None
    """The name of the exception that ended it; None if it went well, or was left early."""
    message: str | None = None
    """What the exception says, if it is one of this package: these hold no secrets."""


@attrs.frozen(kw_only=True)
class TransferFinished(ActivityFinished):
    """A download or an upload is over; its ``name`` is its direction."""

    direction: Direction
    bytes: int
    """How many bytes went through the network, repeated ones too."""


@attrs.frozen(kw_only=True)
class RequestSent(Event):
    """A request is about to leave: it has its slot of the rate limiter."""

    id: int
    """Its number."""
    method: str
    """``GET``, ``POST``, ``PUT`` or ``DELETE``."""
    operation: str | None
    """The short name of the API's operation, such as ``get_execution_status``; None for a request
    to storage."""
    url_template: str | None
    """The operation's path, with names in place of ids; None for a request to storage."""
    url: str = attrs.field(repr=redact_url)
    """The address: of the API with its path, of storage without, and never with a secret.

    It holds ids, so it is no label for a metric."""
    server_address: str
    """The host."""
    server_port: int
    attempt: int
    """1, and one more after each failure in a row."""


@attrs.frozen(kw_only=True)
class RequestFinished(Event):
    """A request was answered, or failed. It has all that :class:`RequestSent` told of it."""

    id: int
    """Its number, as in :class:`RequestSent`."""
    method: str
    operation: str | None
    url_template: str | None
    url: str = attrs.field(repr=redact_url)
    server_address: str
    server_port: int
    attempt: int
    seconds: float
    """How long it took; of a download until its body began."""
    status: int | None
    """The HTTP status, whatever it says; None if no whole answer came."""
    request_id: str | None = None
    """What the answer's header ``X-Request-Id`` says, for questions to the support."""
    error: str | None = None
    """The name of the exception, if no whole answer came."""
    message: str | None = None
    """What the exception says, if it is one of this package."""


@attrs.frozen(kw_only=True)
class PollFinished(Event):
    """A poll of a wait is over: the request, and the reading of its answer."""

    seconds: float
    """How long it took, without the time that it waited for its slot if it is one of many."""
    status: str | None
    """The job's status, in the server's word; None if the poll failed."""
    is_terminal: bool
    """Whether the job has ended."""
    error: str | None = None
    """The name of the exception, if the poll failed."""


@attrs.frozen(kw_only=True)
class RetryScheduled(Event):
    """Something failed in a way that may pass, and is tried again."""

    reason: str
    """The name of the exception."""
    status: int | None
    """The HTTP status of the refusal, if it was one."""
    seconds: float
    """The pause before the next attempt."""
    attempt: int
    """The attempt that comes next; 2 after the first failure."""
    max_retries: int
    """How many failures in a row are retried."""


@attrs.frozen(kw_only=True)
class RateLimitWaited(Event):
    """A request waited for its slot of the rate limiter, and has it now."""

    seconds: float
    """How long it waited."""
    requests_per_minute: float | None
    """The limit."""


@attrs.frozen(kw_only=True)
class JobEnded(Event):
    """A wait found that its job has ended. It comes once for each wait for a job."""

    status: str
    """The job's status, in the server's word."""
    succeeded: bool
    seconds: float | None
    """How long the job took, by the server's times; None where the server does not tell."""


Listener: TypeAlias = Callable[[Event], object]
"""A function that takes events; what it returns is ignored."""
