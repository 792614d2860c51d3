"""Reports a request to listeners: that it leaves, and what becomes of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import attrs
import httpx

from datalab_facade.activities import current_number, error_message, error_name, new_number
from datalab_facade.events import RequestFinished, RequestSent
from datalab_facade.listeners import Reporter

if TYPE_CHECKING:
    from datalab_facade.transport.exchange import Exchange


@contextlib.contextmanager
def report_request(exchange: Exchange, url: str, reporter: Reporter) -> Iterator[None]:
    """Report what is done inside as a request.

    Args:
        exchange: The request and its answer.
        url: Its whole address.
        reporter: To whom.
    """
    activity, known = exchange.activity, httpx.URL(url)
    sent = RequestSent(
        id=new_number(),
        parent_id=current_number(),
        job_kind=None if activity is None else activity.job_kind,
        job_id=None if activity is None else activity.job_id,
        method=exchange.method,
        operation=exchange.operation,
        url_template=exchange.template,
        # In storage, a path may hold the name of a document.
        url=exchange.url if exchange.operation else f"{known.scheme}://{known.netloc.decode()}/…",
        server_address=known.host,
        server_port=known.port or (443 if known.scheme == "https" else 80),
        attempt=1 if activity is None else activity.attempt,
    )
    began = reporter.clock.monotonic()
    reporter.report(sent)
    failure: BaseException | None = None
    try:
        yield
    except BaseException as error:
        failure = error
        raise
    finally:
        finished: Callable[..., RequestFinished] = RequestFinished
        event = finished(
            **attrs.asdict(sent),
            seconds=reporter.clock.monotonic() - began,
            status=exchange.status if failure is None else None,
            request_id=exchange.request_id,
            error=error_name(failure),
            message=error_message(failure),
        )
        reporter.report(event, backwards=True)
