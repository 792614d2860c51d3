"""Which errors end a task for good, and which leave it its retries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from datalab_facade.integrations.airflow.events import WaitEvent
from datalab_facade.integrations.airflow.permanence import is_permanent


@contextmanager
def failing_for_good(*mendable: type[Exception]) -> Iterator[None]:
    """Fail a task without retries where they would end the same way.

    Args:
        mendable: The errors that another try of this task can mend.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, mendable) or not is_permanent(error):
            raise
        raise AirflowFailException(str(error)) from error


def raise_problem(event: WaitEvent, *, retry_failed: bool = False) -> NoReturn:
    """Raise the problem of an event, for good if another try would meet it again."""
    is_final = event.is_final(retry_failed=retry_failed)
    raise (AirflowFailException if is_final else AirflowException)(event.problem)
