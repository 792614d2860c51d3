"""The decisions of an upload, without any IO: what is done next, whatever became of the last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import (
    APIConnectionError,
    AuthenticationError,
    ConfigurationError,
    DatalabError,
    InternalServerError,
    NotFoundError,
    RateLimitTimeoutError,
    UploadError,
    UploadFailure,
)
from datalab_facade.jobs.commands import Report, Result, Sleep
from datalab_facade.transfers.commands import (
    Compare,
    Confirm,
    Confirmation,
    Put,
    RequestUrl,
    StorageReply,
    Ticket,
)
from datalab_facade.transfers.policies import UploadPolicy
from datalab_facade.transfers.uploading import Upload, UploadValue, upload_error
from tests.secrets_for_tests import SIGNATURE, presigned

MD5 = "0" * 32
OTHER_MD5 = {"x_goog_hash": "crc32c=AAAAAA==,md5=AAAAAAAAAAAAAAAAAAAAAA=="}
BROKEN = APIConnectionError("cut", method="PUT", url="https://s", may_have_arrived=True)
REQUEST: dict[str, Any] = {"method": "GET", "url": "https://a"}


def play(answer: Callable[[Any], dict[str, Any]], **options: Any) -> tuple[list[Any], Any]:
    """Play an upload, each command but sleeping taking a second. Give commands and the end."""
    given_ = {"deadline": 1_000.0, "allow_http": False, **options}
    steps = Upload("a.pdf", UploadPolicy(), random=lambda: 0.5, **given_).steps()
    now, commands = 0.0, list[Any]()
    result: Result[UploadValue] | None = None
    end: object = None
    while True:
        try:
            command = next(steps) if result is None else steps.send(result)
        except StopIteration:
            return commands, end
        except DatalabError as error:
            return commands, error
        if isinstance(command, Report):
            end = command.value
            result = Result(now)
            continue
        commands.append(command)
        if isinstance(command, Sleep):
            now += command.seconds
            result = Result(now)
        else:
            now += 1
            result = Result(**{"now": now, **answer(command)})


def run(*became: dict[str, Any], **options: Any) -> tuple[list[Any], Any]:
    """Play an upload by what becomes of its commands but sleeping."""
    left = iter(became)
    return play(lambda _: next(left), **options)


def ticket(number: int = 1, url: str = "") -> dict[str, Any]:
    reference = f"datalab://file-{number}"
    return {"value": Ticket(number, reference, url or presigned(str(number)))}


def answered(status: int, **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"value": StorageReply(status, named)}


CONFIRMED = {"value": Confirmation(1, "datalab://file-1", success=True, message="")}


def kinds(commands: list[Any]) -> list[type]:
    return [type(command) for command in commands]


def test_an_upload_asks_sends_and_confirms() -> None:
    commands, end = run(ticket(7), answered(200, etag='"1"'), CONFIRMED)
    assert kinds(commands) == [RequestUrl, Put, Confirm]
    assert commands[1].url == presigned("7")
    assert commands[2].file_id == 7
    assert end == CONFIRMED["value"]


@pytest.mark.parametrize("status", [400, 401, 403, 410])
def test_a_url_that_is_refused_is_replaced_at_once_and_then_after_growing_pauses(
    status: int,
) -> None:
    refused = [answered(status)] * 3
    tickets = [ticket(number) for number in (1, 2, 3, 4)]
    paired = [one for pair in zip(tickets, refused, strict=False) for one in pair]
    commands, end = run(*paired, tickets[3], answered(200), CONFIRMED)
    assert isinstance(end, Confirmation)
    assert kinds(commands) == [
        *(RequestUrl, Put, RequestUrl, Put, Sleep, RequestUrl, Put, Sleep, RequestUrl, Put),
        Confirm,
    ]
    assert [one.url for one in commands if isinstance(one, Put)] == [presigned(n) for n in "1234"]
    assert [one.seconds for one in commands if isinstance(one, Sleep)] == [1.5, 3]
    commands, end = run(*[ticket(), answered(status)] * 4)
    assert (type(end), end.reason, end.status) == (UploadError, "refused", status)


@pytest.mark.parametrize("deadline", [4.0, 5.5])
def test_no_url_is_asked_for_when_there_is_no_time_for_the_pause_before(deadline: float) -> None:
    commands, end = run(*[ticket(), answered(403)] * 2, deadline=deadline)
    assert kinds(commands) == [RequestUrl, Put] * 2
    assert (end.reason, end.status) == ("refused", 403)


@pytest.mark.parametrize(
    "became", [{"error": BROKEN}, answered(503), answered(500), answered(408), answered(429)]
)
def test_what_may_pass_is_forgiven_four_times_with_growing_pauses(became: dict[str, Any]) -> None:
    commands, end = run(ticket(), *[became] * 4, answered(200), CONFIRMED)
    assert isinstance(end, Confirmation)
    pauses = [one.seconds for one in commands if isinstance(one, Sleep)]
    assert pauses == sorted(pauses)
    assert len(pauses) == 4
    assert len({one.url for one in commands if isinstance(one, Put)}) == 1
    commands, end = run(ticket(), *[became] * 5)
    assert (type(end), end.reason) == (UploadError, "unreachable")


def test_retry_after_is_obeyed() -> None:
    commands, _ = run(ticket(), answered(503, retry_after="20"), answered(200), CONFIRMED)
    assert commands[2].seconds >= 20


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """A document goes where the API said, and nowhere else."""
    commands, end = run(ticket(), answered(status, location=f"https://else.example/?s={SIGNATURE}"))
    assert kinds(commands) == [RequestUrl, Put]
    assert (end.reason, end.status) == ("refused", status)
    assert "else.example" in str(end)
    assert SIGNATURE not in str(end)


@pytest.mark.parametrize("status", [100, 304, 404, 405, 411, 412, 413, 415, 418])
def test_any_other_status_is_a_refusal(status: int) -> None:
    _, end = run(ticket(), answered(status))
    assert (type(end), end.reason, end.status) == (UploadError, "refused", status)


def test_another_checksum_at_the_other_end_is_sent_again_and_then_told() -> None:
    wrong = [answered(200, **OTHER_MD5), {"value": {"md5"}}]
    commands, end = run(
        ticket(), *wrong, answered(200, **OTHER_MD5), {"value": frozenset()}, CONFIRMED
    )
    assert kinds(commands) == [RequestUrl, Put, Compare, Sleep, Put, Compare, Confirm]
    assert commands[2].digests == {"md5": MD5}
    assert isinstance(end, Confirmation)
    _, end = run(ticket(), *wrong * 5)
    assert end.reason == "corrupt"
    assert "another md5" in str(end)


def test_a_file_that_changed_before_it_could_be_compared_is_not_confirmed() -> None:
    error = upload_error("a.pdf", UploadFailure.CHANGED, "has changed")
    commands, end = run(ticket(), answered(200, **OTHER_MD5), {"error": error})
    assert end is error
    assert kinds(commands) == [RequestUrl, Put, Compare]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"etag": '"v7"'},
        {"etag": f'"{"f" * 32}"'},
        {"etag": f'"{"f" * 32}-2"'},
        {"content_md5": "AAAAAAAAAAAAAAAAAAAAAA=="},
        {"x_goog_hash": "crc32c=AAAAAA=="},
        {"x_amz_checksum_crc64nvme": "AAAAAAAAAAA="},
        {"x_amz_checksum_sha256": f"{'A' * 43}=-2"},
        {"x_amz_checksum_crc32": "AAAAAA==", "x_amz_checksum_type": "COMPOSITE"},
    ],
)
def test_what_is_no_checksum_of_what_was_sent_tells_nothing(headers: dict[str, str]) -> None:
    """An ETag is opaque, and Content-MD5 would be that of the answer's own body."""
    commands, end = run(ticket(), answered(200, **headers), CONFIRMED)
    assert isinstance(end, Confirmation)
    assert kinds(commands) == [RequestUrl, Put, Confirm]


def test_an_error_of_the_api_for_the_url_comes_out_as_it_is() -> None:
    error = AuthenticationError(**REQUEST)
    _, end = run({"error": error})
    assert end is error
    _, end = run(ticket(), answered(403), {"error": error})
    assert end is error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFoundError(**REQUEST), 404),
        (InternalServerError(status=503, **REQUEST), 503),
        (BROKEN, None),
    ],
)
def test_an_upload_that_is_not_confirmed_says_under_which_id_it_was_sent(
    error: DatalabError, status: int | None
) -> None:
    _, end = run(ticket(7), answered(200), {"error": error})
    assert (type(end), end.reason, end.status) == (UploadError, "unconfirmed", status)
    assert "file 7" in str(end)
    assert end.__cause__ is error


def test_a_confirmation_that_says_no_is_an_error_with_its_words() -> None:
    no = {"value": Confirmation(7, "r", success=False, message="size is 0")}
    _, end = run(ticket(7), answered(200), no)
    assert end.reason == "unconfirmed"
    assert "size is 0" in str(end)


@pytest.mark.parametrize(
    "error", [ConfigurationError("closed"), RateLimitTimeoutError(wait=3, left=1)]
)
def test_what_is_the_callers_own_comes_out_as_it_is(error: DatalabError) -> None:
    _, end = run(ticket(), {"error": error})
    assert end is error


def test_a_client_that_is_closed_before_the_confirmation_says_so() -> None:
    error = ConfigurationError("closed")
    _, end = run(ticket(), answered(200), {"error": error})
    assert end is error


def test_what_will_not_pass_is_not_tried_again() -> None:
    error = DatalabError("that is no URL")
    commands, end = run(ticket(), {"error": error})
    assert (type(end), end.reason) == (UploadError, "refused")
    assert end.__cause__ is error
    assert kinds(commands) == [RequestUrl, Put]


def test_what_is_wrong_with_the_file_is_not_tried_again() -> None:
    error = upload_error("a.pdf", UploadFailure.CHANGED, "has changed")
    commands, end = run(ticket(), {"error": error})
    assert end is error
    assert kinds(commands) == [RequestUrl, Put]


@pytest.mark.parametrize(
    ("url", "allow_http", "refused"),
    [
        ("http://storage.example/a", False, True),
        ("http://storage.example/a", True, False),
        ("http://127.0.0.1/a", False, False),
        ("ftp://storage.example/a", True, True),
        ("//storage.example", True, True),
        ("https://[bad", True, True),
    ],
)
def test_nothing_is_sent_to_a_url_that_is_not_safe(
    url: str, allow_http: bool, refused: bool
) -> None:
    commands, end = run(ticket(url=url), answered(200), CONFIRMED, allow_http=allow_http)
    assert (Put in kinds(commands)) is not refused
    if refused:
        assert (type(end), end.reason) == (UploadError, "refused")


def test_the_deadline_is_hard() -> None:
    commands, end = run(ticket(), {"error": BROKEN}, deadline=2.1)
    assert kinds(commands) == [RequestUrl, Put]
    assert (end.reason, "in time" in str(end)) == ("unreachable", True)
    commands, end = run(ticket(), deadline=0.5)
    assert kinds(commands) == [RequestUrl]
    assert end.reason == "unreachable"


any_step = st.one_of(
    st.builds(answered, st.integers(100, 599)),
    st.builds(
        lambda status, after: answered(status, retry_after=after),
        st.sampled_from([429, 503]),
        st.text(max_size=6),
    ),
    st.just({"error": BROKEN}),
)


@given(st.lists(any_step, min_size=40, max_size=40))
def test_whatever_storage_answers_an_upload_ends_soon(steps: list[dict[str, Any]]) -> None:
    """With a confirmation or a typed error, after a bounded number of sendings."""
    left = iter(steps)

    def answer(command: Any) -> dict[str, Any]:
        if isinstance(command, Put):
            return next(left)
        return ticket() if isinstance(command, RequestUrl) else CONFIRMED

    commands, end = play(answer, deadline=10_000.0)
    assert end == CONFIRMED["value"] or isinstance(end, UploadError)
    most = 1 + UploadPolicy().max_retries + UploadPolicy().max_renewals
    assert kinds(commands).count(Put) <= most
