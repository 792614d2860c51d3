"""What another try would meet again uses up no retries; an event of another release is read."""

from __future__ import annotations

import re

import pytest

from datalab_facade import (
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    DatalabError,
    DownloadError,
    DownloadFailure,
    InvalidArgumentError,
    LocalFileError,
    NotFoundError,
    RequestRejectedError,
    ResultExpiredError,
    SubmissionUncertainError,
    UnknownOptionError,
    UploadError,
    UploadFailure,
    WaitTimeoutError,
)
from datalab_facade.errors import (
    APIConnectionError,
    APITimeoutError,
    ConnectionSetupError,
    InvalidResponseError,
    RateLimitTimeoutError,
    status_error_class,
)
from datalab_facade.integrations.airflow.events import WaitEvent
from datalab_facade.integrations.airflow.families import family_of
from datalab_facade.integrations.airflow.permanence import is_permanent
from datalab_facade.models import JSON

HANDLE: dict[str, JSON] = {
    "version": 1,
    "kind": "execution",
    "id": 7,
    "origin": "https://a.example",
}


def of_status(status: int) -> DatalabError:
    return status_error_class(status)("x", status=status)


# Airflow is not installed here; its error is known by its name.
NO_CONNECTION = type("AirflowNotFoundException", (Exception,), {})

PERMANENT: list[Exception] = [
    *map(of_status, (301, 307, 400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 451)),
    NO_CONNECTION("x"),
    ConfigurationError("x"),
    ConnectionSetupError("x"),
    InvalidArgumentError("x"),
    RequestRejectedError("x"),
    SubmissionUncertainError("x"),
    UnknownOptionError("x", name="a", options=()),
    *(DownloadError("x", reason=why) for why in ("gone", "exists", "too_large")),
    *(UploadError("x", reason=why) for why in ("empty", "too_large")),
]
PASSING: list[Exception] = [
    *map(of_status, (408, 409, 425, 429, 500, 502, 503, 504, 529)),
    APIConnectionError("x"),
    APITimeoutError("x"),
    ClientStateError("x"),
    DatalabError("x"),
    InvalidResponseError("x"),
    LocalFileError("x"),
    RateLimitTimeoutError("x"),
    WaitTimeoutError(kind="execution", job_id=1, timeout=1, elapsed=1),
    KeyError("x"),
    *(
        DownloadError("x", reason=why)
        for why in DownloadFailure
        if why not in {"gone", "exists", "too_large"}
    ),
    *(UploadError("x", reason=why) for why in UploadFailure if why not in {"empty", "too_large"}),
]


def name_of(error: Exception) -> str:
    more = getattr(error, "reason", None) or getattr(error, "status", None)
    return f"{type(error).__name__} {more or ''}".strip()


@pytest.mark.parametrize("error", PERMANENT, ids=name_of)
def test_an_error_that_another_try_would_meet_again_is_final(error: Exception) -> None:
    assert is_permanent(error)
    assert WaitEvent.of_error(HANDLE, error).is_final(retry_failed=False)


@pytest.mark.parametrize("error", PASSING, ids=name_of)
def test_an_error_that_may_pass_leaves_the_task_its_retries(error: Exception) -> None:
    assert not is_permanent(error)
    assert not WaitEvent.of_error(HANDLE, error).is_final(retry_failed=False)


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (AuthenticationError("x"), True),
        (InvalidArgumentError("x"), True),
        (NotFoundError("x"), False),
        (ResultExpiredError("x"), False),
    ],
    ids=name_of,
)
def test_retry_failed_mends_what_submitting_again_mends(error: Exception, final: bool) -> None:
    event = WaitEvent.from_dict(WaitEvent.of_error(HANDLE, error).to_dict())
    assert event.is_final(retry_failed=True) is final


@pytest.mark.parametrize("error", [AuthenticationError("x"), None], ids=["error", "none"])
def test_an_event_of_another_release_with_a_field_more_or_less_is_read(
    error: Exception | None,
) -> None:
    event = WaitEvent(HANDLE) if error is None else WaitEvent.of_error(HANDLE, error)
    sent = event.to_dict()
    assert WaitEvent.from_dict({**sent, "later": {"a": 1}}) == event
    for name in sent.keys() - {"handle"}:
        less = WaitEvent.from_dict({key: value for key, value in sent.items() if key != name})
        expected = {**sent, name: WaitEvent(HANDLE).to_dict()[name]}
        assert less.to_dict() == expected


@pytest.mark.parametrize("data", [{}, {"handle": None}, {"handle": 7, "status": "COMPLETED"}])
def test_an_event_that_names_no_job_says_what_to_do(data: dict[str, JSON]) -> None:
    with pytest.raises(InvalidArgumentError, match="handle") as caught:
        WaitEvent.from_dict(data)
    assert "one release of datalab-facade in workers and triggerers" in str(caught.value)
    assert "clear the task" in str(caught.value)


def test_an_event_of_a_family_that_is_not_known_says_which_release_knows_it() -> None:
    event = WaitEvent.from_dict({"handle": {**HANDLE, "kind": "parcel"}, "status": "COMPLETED"})
    assert event.to_result()["job_id"] == 7
    words = re.escape("Use the release of datalab-facade that created the handle")
    with pytest.raises(InvalidArgumentError, match=f"'parcel'.*{words}"):
        family_of(event.handle)


def test_an_event_of_a_status_that_is_not_known_is_read() -> None:
    event = WaitEvent.from_dict({"handle": HANDLE, "status": "ARCHIVED"})
    assert event.to_result()["status"] == "ARCHIVED"
