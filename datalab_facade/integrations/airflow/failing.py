"""Which errors end a task for good, and which leave it its retries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowNotFoundException,
)

from datalab_facade.integrations.airflow.events import WRONG_SETTINGS, WaitEvent


@contextmanager
def failing_for_good(*more: type[Exception]) -> Iterator[None]:
    """Fail a task without retries where they would end the same way.

    That is so for a wrong argument, and for a connection that is missing or has a wrong field.

    Args:
        more: Other errors for which that is so.
    """
    final: tuple[type[Exception], ...] = (*WRONG_SETTINGS, AirflowNotFoundException, *more)
    try:
        yield
    except final as error:
        raise AirflowFailException(str(error)) from error


def raise_problem(event: WaitEvent, *, retry_failed: bool = False) -> NoReturn:
    """Raise the problem of an event, for good if another try would meet it again."""
    is_final = event.is_final(retry_failed=retry_failed)
    raise (AirflowFailException if is_final else AirflowException)(event.problem)
