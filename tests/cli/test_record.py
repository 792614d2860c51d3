"""Of what the API answers its shape is recorded, and never a value."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade.cli.recording import RecordedAnswer, Target, summarize
from datalab_facade.cli.shapes import header_may_be_shown, may_be_shown, shape_of
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.transport.api_calls import PlainAnswer
from tests.cli.conftest import Run
from tests.cli.schemas import check_document
from tests.cli.worlds import World
from tests.contract.documented import NESTED, documented_body

TARGET = Target.parse("123")


def recorded(
    body: object, headers: dict[str, str] | None = None, status: int = 200
) -> RecordedAnswer:
    return summarize(TARGET, PlainAnswer(status, headers or {}, json.dumps(body).encode()))


IDS = (
    st.from_regex(r"[0-9]{3,12}", fullmatch=True)
    | st.from_regex(r"(file|pex|pl)[-_][a-z]{0,4}[0-9][a-z0-9]{6,12}", fullmatch=True)
    | st.from_regex(r"[A-Za-z0-9_-]{10}[0-9][A-Za-z0-9_-]{11}", fullmatch=True)
    | st.from_regex(r"[b-df-hj-np-tv-xz]{6,12}", fullmatch=True)
    | st.uuids().map(str)
)
FILES = st.builds("{}.{}".format, st.text(min_size=3), st.sampled_from(["pdf", "docx", "png"]))
NAMES = st.sampled_from(
    ["status", "error", "output_url", "detail", "finished_at", "file_ids", "settings", "images"]
)
SECRETS = st.text(min_size=4).map(lambda text: f"s3cret {text}") | IDS | FILES | st.emails()
BODIES: st.SearchStrategy[Any] = st.recursive(
    SECRETS | st.none() | st.booleans() | st.integers(min_value=10**6) | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES | IDS | FILES | SECRETS, inner, max_size=4)
        | st.dictionaries(st.just("steps"), st.dictionaries(st.text(), inner), max_size=1)
    ),
    max_leaves=15,
)


def secrets_in(value: object) -> set[str]:
    """Give every text and large number, and every name that is not one of a field."""
    if isinstance(value, dict):
        names = {name for name in value if not may_be_shown(name)}
        return names.union(*(secrets_in(inner) for inner in value.values()))
    if isinstance(value, list):
        return set[str]().union(*map(secrets_in, value))
    large = isinstance(value, str) or (isinstance(value, int) and value >= 10**6)
    return {str(value)} if large else set()


@given(BODIES, st.dictionaries(IDS, SECRETS, max_size=2))
def test_whatever_is_answered_no_value_no_id_and_no_name_of_a_file_is_recorded(
    body: object, headers: dict[str, str]
) -> None:
    document = recorded(body, headers).to_dict()
    check_document("record", {"datalab_facade": "1", "answers": [document]})
    text = json.dumps(document, ensure_ascii=False)
    hidden = {one for one in secrets_in(body) | headers.keys() if len(one) > 3}
    words = {word for kinds in (document["kinds"], document["keys"]) for word in words_in(kinds)}
    assert not {one for one in hidden if one in text and one not in " ".join(words)}


def words_in(kinds: object) -> set[str]:
    """Give the words that the recording itself is made of."""
    assert isinstance(kinds, dict)
    return {word for found in kinds.values() for word in found}


@given(IDS | FILES)
def test_what_looks_like_an_id_or_the_name_of_a_file_is_not_shown(name: str) -> None:
    assert not may_be_shown(name)


@pytest.mark.parametrize(
    "name",
    ["status", "finished_at", "output_base64", "file_id", "html", "result_url", "expires_in"],
)
def test_what_is_the_name_of_a_field_is_shown(name: str) -> None:
    assert may_be_shown(name)


@pytest.mark.parametrize(
    ("name", "recorded_as_is"),
    [
        ("x-request-id", True),
        ("x-ratelimit-remaining", True),
        ("retry-after", True),
        ("cf-ray", True),
        ("server", True),
        ("x-customer-npl94jxy", False),
        ("x" * 50, False),
    ],
)
def test_the_name_of_a_header_is_shown_if_it_is_made_of_words(
    name: str, recorded_as_is: bool
) -> None:
    assert header_may_be_shown(name) is recorded_as_is
    assert recorded({}, {name: "s3cret"}).headers == [name if recorded_as_is else "<header>"]


def test_the_two_shapes_of_steps_are_distinguished() -> None:
    flat = shape_of(json.loads(documented_body("IN_PROGRESS")))
    nested = shape_of(NESTED)
    assert (flat.step_shape, nested.step_shape) == ("flat", "nested")
    assert flat.kinds["body.steps.<key>.started_at"] == ["time without zone"]
    assert flat.words["body.steps.<key>.status"] == ["COMPLETED", "IN_PROGRESS", "PENDING"]
    assert nested.keys["body.steps.<key>.<key>"] == ["aggregated", "digits"]
    assert nested.kinds["body.steps.<key>.<key>.file_ids[]"] == ["digits"]
    assert shape_of({"steps": {}}).step_shape is None
    assert shape_of([]).step_shape is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("2025-10-22T10:00:00Z", "time in UTC"),
        ("2025-10-22T10:00:00.123456+02:00", "time with an offset, with fractions"),
        ("https://a.test/b?X-Amz-Signature=s3cret", "signed URL"),
        ("https://a.test/b", "URL"),
        ("datalab://file-npl94jxy", "reference"),
        ("", "empty text"),
        ("4", "digits"),
    ],
)
def test_a_text_is_described_by_its_kind(text: str, kind: str) -> None:
    assert shape_of({"value": text}).kinds["body.value"] == [kind]


@pytest.mark.parametrize("name", ["input_config", "settings", "page_schema", "metadata"])
def test_what_users_make_up_is_not_looked_into(name: str) -> None:
    assert shape_of({name: {"customer": {"status": "ACME"}}}).kinds == {
        "body": ["object"],
        f"body.{name}": ["object"],
    }


def test_a_word_that_cannot_be_a_status_is_none() -> None:
    words = shape_of([{"status": one} for one in ("ok then", "s3cret", "Zq", "xkqzvb", "DONE")])
    assert words.words == {"body[].status": ["DONE"]}


def test_an_answer_without_end_is_cut_and_says_so() -> None:
    deep: Any = "x"
    for _ in range(100):
        deep = [deep]
    assert not shape_of(deep).is_complete
    letters = "abcdefghijklmnopqrstuvwxyz"
    wide: Any = {f"a{a}e{b}i{c}o": 1 for a in letters for b in letters for c in letters}
    shape = shape_of(wide)
    assert not shape.is_complete
    assert len(shape.kinds) <= 2_000


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, "absent"),
        ({"retry-after": "30"}, "seconds"),
        ({"retry-after": "Mon, 31 Aug 2026 23:59:59 GMT"}, "date"),
        ({"retry-after": "soon"}, "other"),
    ],
)
def test_in_which_form_retry_after_comes_is_recorded(headers: dict[str, str], kind: str) -> None:
    assert recorded({}, headers).retry_after == kind


@pytest.mark.parametrize("content", [b"<html>s3cret", b"", b"[" * 100_000, b"\xff"])
def test_what_is_no_json_is_said_to_be_none(content: bytes) -> None:
    assert summarize(TARGET, PlainAnswer(200, {}, content)).shape.kinds == {"body": ["not JSON"]}


@pytest.mark.parametrize(
    ("given_id", "path"),
    [
        ("123", "/api/v1/workflows/executions/123"),
        ("pex_a1B2-c", "/api/v1/pipelines/executions/pex_a1B2-c"),
        ("convert/AbC-_1", "/api/v1/convert/AbC-_1"),
        (
            "marker/extraction/gen_schemas/x1",
            "/api/v1/marker/extraction/gen_schemas/x1",
        ),
    ],
)
def test_an_id_says_where_to_look(given_id: str, path: str) -> None:
    target = Target.parse(given_id)
    assert target.path == path
    assert re.fullmatch(r"GET /api/v1/[a-z_/]+/\{(execution|request)_id\}", target.label)


@pytest.mark.parametrize(
    "given_id", ["", "-1", "abc", "convert/", "convert/../files", "files/1", "1?x=y", "convert/a/b"]
)
def test_what_is_no_id_is_refused_before_anything_is_sent(given_id: str) -> None:
    with pytest.raises(InvalidArgumentError, match="is not an id"):
        _ = Target.parse(given_id)


def test_what_is_there_and_what_is_not_are_both_recorded(run: Run, world: World) -> None:
    done = run("record", world.done, "--json")
    assert done.code == 0
    there, nowhere = json.loads(done.out)["answers"]
    assert (there["status_code"], there["step_shape"]) == (200, "nested")
    assert (nowhere["status_code"], nowhere["kinds"]) == (
        404,
        {"body": ["object"], "body.detail": ["text"]},
    )
    assert "npl94jxy" not in done.out


def test_a_refused_key_is_recorded_and_reported_by_the_exit_code(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATALAB_API_KEY", "another-key-that-is-wrong")
    done = run("record", world.done, "--json")
    assert done.code == 3
    assert {one["status_code"] for one in json.loads(done.out)["answers"]} == {401}
