"""What was filled in for a placeholder is told by nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import (
    InvalidResponseError,
    RequestRejectedError,
    SubmissionUncertainError,
    UnprocessableEntityError,
    ValidationIssue,
)
from datalab_facade.decoding import decode_json
from datalab_facade.known_secrets import NO_SECRETS, Redacted, Secrets, redact_value
from datalab_facade.redaction import excerpt

TOKEN = "xoxb-" + "T0k3n" * 4


@pytest.mark.parametrize(
    "secret", [TOKEN, 'a "quoted" one', "line one\nline two", "ümläut/slash", "p%ct&=+ me"]
)
@pytest.mark.parametrize("length", range(10, 120, 7))
def test_no_part_of_a_secret_is_left_in_the_excerpt_of_a_body_that_echoes_it(
    secret: str, length: int
) -> None:
    for ascii_only in (True, False):
        body = json.dumps({"settings": {"token": secret}}, ensure_ascii=ascii_only)
        told = Secrets([secret]).redact(excerpt(body, limit=length))
        assert secret not in told
        start = json.dumps(secret, ensure_ascii=ascii_only)[1:-1][:4]
        assert start not in told


@given(st.text(min_size=4), st.text(), st.text())
def test_a_text_never_holds_a_secret_after_hiding(secret: str, before: str, after: str) -> None:
    hidden = Secrets([secret]).redact(before + secret + after)
    assert secret not in hidden or secret in "***" or "***" in secret or secret in before + after


def test_an_error_and_what_led_to_it_are_cleared_of_secrets() -> None:
    issue = ValidationIssue(loc=("body", TOKEN), msg=f"not {TOKEN}", type=TOKEN)
    where: dict[str, Any] = {"method": "POST", "url": "https://a.example"}
    first = UnprocessableEntityError(**where, issues=(issue,), headers={"etag": TOKEN}, body=TOKEN)
    first.add_note(f"sent {TOKEN}")
    second = InvalidResponseError(f"got {TOKEN}", **where, body=TOKEN)
    third = RequestRejectedError(f"refused {TOKEN}", **where, detail=TOKEN)
    last = SubmissionUncertainError(f"sent {TOKEN}", **where, sent={"a": [{"b": TOKEN}]})
    last.__context__ = third
    third.__cause__ = second
    second.__cause__ = first
    first.__context__ = last
    Secrets([TOKEN]).redact_in(last)
    for error in (first, second, third, last):
        assert TOKEN not in f"{error} {error!r} {vars(error)}"
        assert "***" in str(error)


def test_what_could_not_be_parsed_is_let_go() -> None:
    with pytest.raises(InvalidResponseError) as caught:
        decode_json(f'{{"token": "{TOKEN}"'.encode())
    assert isinstance(caught.value.__cause__, json.JSONDecodeError)
    Secrets([TOKEN]).redact_in(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_without_secrets_an_error_stays_as_it_is() -> None:
    error = InvalidResponseError("got this", body="this")
    error.__cause__ = cause = ValueError("x")
    NO_SECRETS.redact_in(error)
    assert error.__cause__ is cause
    assert not NO_SECRETS
    assert TOKEN not in repr(Secrets([TOKEN]))


def test_a_word_of_three_letters_is_not_taken_for_a_secret() -> None:
    assert Secrets(["abc"]).redact("abc") == "abc"


@pytest.mark.parametrize(
    "name",
    ["token", "api_key", "API-Key", "X-Api-Key", "Authorization", "client_secret", "passWord"],
)
def test_what_has_a_name_like_a_secret_is_not_shown(name: str) -> None:
    settings: Any = {"headers": [{name: TOKEN}], "url": f"https://a.example/?x={TOKEN}"}
    assert TOKEN not in repr(redact_value(settings))
    assert TOKEN not in repr(Redacted(settings))
    assert "https://a.example/" in repr(Redacted(settings))


@pytest.mark.parametrize("value", [[TOKEN], [[TOKEN], TOKEN], [f"Bearer {TOKEN}"]])
def test_each_of_a_list_with_a_name_like_a_secret_is_not_shown(value: Any) -> None:
    assert TOKEN not in repr(Redacted({"headers": {"Authorization": value}}))
    assert redact_value({"tokens": ["${env:A}", 5]}) == {"tokens": ["${env:A}", 5]}


def test_a_placeholder_is_shown() -> None:
    settings: Any = {"token": "${secret:slack}", "authorization": "Bearer ${env:SLACK}"}
    assert redact_value(settings) == settings


def test_names_that_only_sound_like_a_secret_keep_what_is_no_text() -> None:
    assert redact_value({"max_tokens": 5, "token": None}) == {"max_tokens": 5, "token": None}
