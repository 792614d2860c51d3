"""A call that must not be made twice is not, and nothing is claimed that is not known."""

from __future__ import annotations

from typing import Any

import pytest

from datalab_facade import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    DatalabError,
    InvalidResponseError,
    NotFoundError,
    RateLimitTimeoutError,
    RequestRejectedError,
)
from datalab_facade.errors import status_error_class
from datalab_facade.jobs.retries import Removal, Submission

WHERE: dict[str, Any] = {"method": "POST", "url": "https://a.example"}


def answered(status: int) -> APIStatusError:
    return status_error_class(status)(status=status, **WHERE)


def broken(*, may_have_arrived: bool) -> APIConnectionError:
    return APIConnectionError("x", **WHERE, may_have_arrived=may_have_arrived)


STRICT = Submission("workflow 5", "Look there.", sent={"a": 1})
BELIEVING = Submission("workflow 5", "Look there.", retry_overloaded=True)


@pytest.mark.parametrize("error", [broken(may_have_arrived=False), answered(429), answered(425)])
def test_it_is_repeated_where_the_server_certainly_did_nothing(error: DatalabError) -> None:
    assert STRICT.may_repeat(error)
    assert STRICT.unknown(error) is None


@pytest.mark.parametrize(
    "error",
    [
        broken(may_have_arrived=True),
        APITimeoutError("x", **WHERE, may_have_arrived=True, timeout=1),
        InvalidResponseError("a page", **WHERE),
        *map(answered, (300, 302, 303, 408, 500, 502, 503, 504, 520, 529, 599, 600, 999)),
    ],
    ids=str,
)
def test_it_is_unknown_where_the_server_may_have_acted(error: DatalabError) -> None:
    assert not STRICT.may_repeat(error)
    unknown = STRICT.unknown(error)
    assert unknown is not None
    assert (unknown.method, unknown.url, unknown.sent) == ("POST", WHERE["url"], {"a": 1})
    assert str(unknown).startswith("workflow 5: sent, but")
    assert str(unknown).endswith("Look there.")


def test_what_is_unknown_quotes_the_start_of_what_was_answered() -> None:
    unknown = STRICT.unknown(InvalidResponseError("x" * 1_000, **WHERE))
    assert f"({'x' * 499}…)" in str(unknown)


@pytest.mark.parametrize(
    "error",
    [
        *map(answered, (307, 308, 400, 401, 403, 404, 409, 413, 418, 451, 499)),
        RequestRejectedError("no", **WHERE),
        RateLimitTimeoutError(wait=1, left=0),
        ConfigurationError("closed"),
    ],
    ids=str,
)
def test_a_refusal_is_raised_as_it_is_and_not_repeated(error: DatalabError) -> None:
    assert not STRICT.may_repeat(error)
    assert STRICT.unknown(error) is None


@pytest.mark.parametrize("status", [503, 529])
def test_an_overloaded_server_is_asked_again_only_if_the_caller_says_so(status: int) -> None:
    assert BELIEVING.may_repeat(answered(status))
    assert BELIEVING.unknown(answered(status)) is None
    assert not STRICT.may_repeat(answered(status))
    assert STRICT.unknown(answered(status)) is not None


@pytest.mark.parametrize("status", [500, 502, 504, 408])
def test_believing_in_overload_changes_nothing_else(status: int) -> None:
    assert not BELIEVING.may_repeat(answered(status))
    assert BELIEVING.unknown(answered(status)) is not None


def test_an_interruption_says_that_it_may_have_been_carried_out() -> None:
    error = KeyboardInterrupt()
    STRICT.explain(error)
    [note] = error.__notes__
    assert "may have been carried out" in note
    assert "Look there." in note


@pytest.mark.parametrize(
    "error", [broken(may_have_arrived=True), answered(500), InvalidResponseError("cut")], ids=str
)
def test_what_is_gone_after_a_lost_answer_was_removed(error: DatalabError) -> None:
    removal = Removal()
    assert removal.may_repeat(error)
    assert removal.is_done(NotFoundError(**WHERE))


@pytest.mark.parametrize("error", [broken(may_have_arrived=False), answered(429)], ids=str)
def test_what_was_not_there_before_was_not_removed(error: DatalabError) -> None:
    removal = Removal()
    assert removal.is_done(NotFoundError(**WHERE)) is False
    assert removal.may_repeat(error)
    assert not removal.is_done(NotFoundError(**WHERE))
    assert not removal.is_done(answered(403))


def test_a_removal_that_was_refused_is_not_repeated() -> None:
    assert not Removal().may_repeat(answered(403))
