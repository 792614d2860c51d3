"""Answers of document requests become results, whatever comes."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given

from datalab_facade import (
    AgentResult,
    Conversion,
    CreatedDocument,
    DatalabError,
    DocumentFailedError,
    DocumentResult,
    DocumentSegment,
    EmptyResultError,
    Extraction,
    ExtractionMismatchError,
    FilledForm,
    FormatNotRequestedError,
    InvalidArgumentError,
    InvalidResponseError,
    NotFoundError,
    ResultExpiredError,
    SchemaSuggestions,
    Segmentation,
)
from datalab_facade.documents.result_decoding import decode_result, overlaid, result_type
from datalab_facade.documents.tasks import Convert, Extract
from datalab_facade.drift import Drift
from tests.documents.test_saving_results import bodies, encoded, endpoints
from tests.test_decoding import json_values

_AT = datetime(2026, 1, 1, tzinfo=UTC)

# The answer that the live API was seen to give, with all 25 of its keys.
RECORDED = json.loads(
    (Path(__file__).parents[1] / "contract" / "bodies" / "convert-complete.json").read_bytes()
)


def decoded(body: Any, job_id: str = "convert/a", **given: Any) -> DocumentResult:
    return decode_result(body, job_id=job_id, **given)[0]


def conversion(**raw: Any) -> Conversion:
    result = decoded(raw)
    assert isinstance(result, Conversion)
    return result


def extraction(answer: Any, **raw: Any) -> Extraction[Any]:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    result = decoded({"extraction_schema_json": text, **raw}, "extract/a")
    assert isinstance(result, Extraction)
    return result


# --- the recorded answer ---------------------------------------------------------------


def test_the_recorded_answer_is_a_conversion_without_drift() -> None:
    assert len(RECORDED) == 25
    result, drift = decode_result(RECORDED, job_id="convert/Qm3xT0yLr8", observed_at=_AT)
    assert drift == set()
    assert isinstance(result, Conversion)
    assert result.markdown == RECORDED["markdown"] == str(result)
    assert (result.id, result.endpoint, result.request_id) == (
        "convert/Qm3xT0yLr8",
        "convert",
        "Qm3xT0yLr8",
    )
    assert (result.page_count, result.cost_cents, result.quality_score) == (1, 1.0, 5.0)
    assert (result.runtime, result.checkpoint_id, result.versions) == (
        RECORDED["runtime"],
        None,
        None,
    )
    assert result.metadata == RECORDED["metadata"]
    assert (dict(result.images), result.output_formats, result.empty_formats) == (
        {},
        ("markdown",),
        (),
    )
    assert (result.status, result.is_terminal, result.succeeded) == ("complete", True, True)
    assert result.raw == RECORDED
    assert result.observed_at == _AT


@pytest.mark.parametrize("key", sorted(RECORDED))
def test_each_key_of_the_recorded_answer_may_be_missing_null_or_odd(key: str) -> None:
    odds: list[Any] = [None, ..., "x", 5, [], {}, {"a": 1}, True]
    for odd in odds:
        body = {**RECORDED, key: odd}
        if odd is ...:
            del body[key]
        try:
            result, drift = decode_result(body, job_id="convert/a")
        except (DocumentFailedError, EmptyResultError):
            continue
        read_everything(result)
        assert {one.name.partition("=")[0] for one in drift} <= {key}


def test_what_is_new_in_an_answer_is_drift() -> None:
    body = {**RECORDED, "word_bboxes": [1], "page_count": True}
    assert decode_result(body, job_id="convert/a")[1] == {
        Drift(kind="field", where="document result", name="word_bboxes"),
        Drift(kind="shape", where="document result", name="page_count=a boolean"),
    }
    assert decode_result({"answer": 1}, job_id="agent/a")[1] == set()


# --- whatever comes --------------------------------------------------------------------


def read_everything(result: DocumentResult) -> None:
    """Read all attributes; each is a value or one of our errors."""
    for name in dir(type(result)):
        if not name.startswith("_"):
            try:
                value = getattr(result, name)
                if isinstance(value, Mapping):
                    for inner in value:
                        value[inner]
            except DatalabError:
                pass
    repr(result)
    with contextlib.suppress(DatalabError):
        str(result)


@given(json_values | bodies, endpoints)
def test_whatever_comes_is_a_result_or_an_error_of_ours(body: Any, endpoint: str) -> None:
    before = copy.deepcopy(body)
    try:
        result, drift = decode_result(body, job_id=f"{endpoint}/a", observed_at=_AT)
    except DatalabError as error:
        pickle.loads(pickle.dumps(error))
        return
    assert type(result) is result_type(f"{endpoint}/a")
    assert all(isinstance(one, Drift) for one in drift)
    read_everything(result)
    assert pickle.loads(pickle.dumps(result)) == result
    assert copy.deepcopy(result) == result
    again = type(result).from_dict(json.loads(json.dumps(result.to_dict(), allow_nan=False)))
    assert again == result
    assert again.observed_at == _AT
    hash(result)
    assert body == before


@pytest.mark.parametrize("body", [None, 5, "x", [], True])
def test_what_is_not_an_object_is_no_result(body: Any) -> None:
    with pytest.raises(InvalidResponseError, match="not a result, it is"):
        decoded(body)


def test_an_answer_about_another_request_is_an_error() -> None:
    with pytest.raises(InvalidResponseError, match="about request b, but request a"):
        decoded({"markdown": "x", "request_id": "b"})
    assert decoded({"markdown": "x", "request_id": "a"}).id == "convert/a"


def deep(levels: int = 100_000) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


# What a result of the endpoint needs; without it, nothing else is read.
NEEDED: dict[str, dict[str, Any]] = {
    "convert": {"markdown": "x"},
    "extract": {"extraction_schema_json": '{"total": 1}'},
    "segment": {"segmentation_results": {"segments": []}},
    "fill": {"output_base64": "eA==", "output_format": "pdf"},
    "agent": {},
}
TOO_DEEP: dict[tuple[str, str], type[DatalabError]] = {
    ("convert", "markdown"): EmptyResultError,
    ("extract", "extraction_schema_json"): InvalidResponseError,
}


@pytest.mark.parametrize(
    "name", ["markdown", "json", "extraction_schema_json", "segmentation_results", "metadata"]
)
@pytest.mark.parametrize("endpoint", NEEDED)
def test_what_is_nested_too_deeply_is_no_crash(endpoint: str, name: str) -> None:
    body = {**NEEDED[endpoint], name: {"a": deep()}}
    if error := TOO_DEEP.get((endpoint, name)):
        with pytest.raises(error):
            decoded(body, f"{endpoint}/a")
        return
    result = decoded(body, f"{endpoint}/a")
    assert type(result) is result_type(f"{endpoint}/a")
    assert name in result.raw
    read_everything(result)


# --- failures --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"status": "complete", "success": False, "error": "Page limit"}, "failed: Page limit"),
        ({"status": "failed", "error": ""}, "failed: the server gave no reason"),
        ({"status": "error", "error": {"a": 1}, "error_in": "OCR"}, 'failed in OCR: {"a":1}'),
        ({"status": "expired"}, "failed: the server gave no reason"),
    ],
)
def test_a_failure_has_the_servers_words(raw: Any, words: str) -> None:
    with pytest.raises(DocumentFailedError) as caught:
        decoded({"markdown": "x", **raw}, "convert/abc")
    assert words in str(caught.value)
    assert caught.value.snapshot.id == "convert/abc"
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.detail, again.stage) == (caught.value.detail, caught.value.stage)
    assert again.snapshot == caught.value.snapshot


def test_an_empty_error_is_no_error() -> None:
    assert decoded({"markdown": "x", "success": True, "error": ""}).succeeded
    assert decoded({"markdown": "x", "success": None, "error": None}).succeeded


@pytest.mark.parametrize(
    ("endpoint", "raw", "missing"),
    [
        ("convert", {}, ("markdown",)),
        ("convert", {"markdown": "", "output_format": "markdown"}, ("markdown",)),
        ("convert", {"output_format": "json,html", "json": {}}, ("json", "html")),
        ("track-changes", {"markdown": None}, ("markdown",)),
        ("extract", {}, ("extraction",)),
        ("extract", {"extraction_schema_json": ""}, ("extraction",)),
        ("segment", {"segmentation_results": {}}, ("segmentation_results",)),
        ("fill", {"output_base64": ""}, ("output_base64",)),
        ("create-document", {}, ("output_base64",)),
        ("marker/extraction/gen_schemas", {}, ("suggestions",)),
    ],
)
def test_success_is_never_guessed(endpoint: str, raw: Any, missing: tuple[str, ...]) -> None:
    with pytest.raises(EmptyResultError) as caught:
        decoded({"status": "complete", "success": True, "page_count": 2, **raw}, f"{endpoint}/a")
    assert caught.value.missing == missing
    assert caught.value.result.page_count == 2
    assert "(2 pages) has no" in str(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).result == caught.value.result


def test_a_result_that_is_gone_is_not_found() -> None:
    error = ResultExpiredError(url="https://a.example/api/v1/convert/a")
    assert isinstance(error, NotFoundError)
    assert "deleted an hour after" in str(error)


# --- conversions -----------------------------------------------------------------------


def test_a_format_that_was_not_asked_for_names_the_keyword() -> None:
    result = conversion(markdown="x", output_format="markdown")
    with pytest.raises(
        FormatNotRequestedError, match="pass output_format='markdown,html'"
    ) as caught:
        _ = result.html
    assert (caught.value.format, caught.value.requested) == ("html", ("markdown",))
    assert not hasattr(result, "chunks")
    assert pickle.loads(pickle.dumps(caught.value)).requested == ("markdown",)


def test_a_format_that_was_asked_for_and_came_empty_says_so() -> None:
    result = decoded(
        {"markdown": "x", "html": ""}, task=Convert(output_format=["markdown", "html"])
    )
    assert isinstance(result, Conversion)
    assert result.empty_formats == ("html",)
    with pytest.raises(EmptyResultError, match="has no html") as caught:
        _ = result.html
    assert caught.value.result is result


def test_a_format_that_came_without_being_asked_for_is_there() -> None:
    result = conversion(markdown="x", html="<p>x</p>", output_format="markdown")
    assert result.html == "<p>x</p>"
    assert result.output_formats == ("markdown", "html")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ({"markdown": "# A", "html": "<h1>"}, "# A"),
        ({"html": "<h1>", "output_format": "html"}, "<h1>"),
        ({"json": {"a": [1]}, "output_format": "json"}, '{"a":[1]}'),
    ],
)
def test_the_text_of_a_conversion_is_its_most_readable_format(raw: Any, text: str) -> None:
    assert str(conversion(**raw)) == text


def test_a_conversion_of_nothing_has_no_text() -> None:
    with pytest.raises(EmptyResultError, match="has no markdown"):
        str(Conversion(id="convert/a"))


def test_images_are_decoded_when_they_are_read() -> None:
    result = conversion(markdown="x", images={"a.png": encoded(b"\x89PNG"), "b": "A", "c": 5})
    assert list(result.images) == ["a.png", "b"]
    assert len(result.images) == 2
    assert "a.png" in result.images
    assert result.images["a.png"] == b"\x89PNG"
    with pytest.raises(InvalidResponseError, match="image 'b' is not base64"):
        result.images["b"]
    with pytest.raises(KeyError, match=r"no image 'd'; the images are: 'a.png', 'b'"):
        result.images["d"]
    assert repr(result.images) == "<Images a.png, b>"


@pytest.mark.parametrize(
    ("raw", "cost"),
    [
        ({}, None),
        ({"total_cost": None, "cost_breakdown": None}, None),
        ({"total_cost": 2}, 2),
        ({"total_cost": 1, "cost_breakdown": {"final_cost_cents": 0.6}}, 0.6),
        ({"total_cost": "x", "cost_breakdown": {"final_cost_cents": True}}, None),
        ({"total_cost": 0}, 0),
        ({"total_cost": 10**400}, None),
    ],
)
def test_what_the_server_does_not_know_yet_is_none(raw: Any, cost: float | None) -> None:
    assert conversion(markdown="x", **raw).cost_cents == cost


def test_what_is_shown_of_a_result_is_short_and_without_secrets() -> None:
    result = conversion(
        markdown="x" * 10**6, page_count=3, total_cost=1, result_url="https://a?sig=1"
    )
    assert repr(result) == "<Conversion id='convert/a' page_count=3 cost_cents=1>"


def test_a_value_that_is_not_a_result_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="not a conversion as to_dict"):
        Conversion.from_dict({"id": "convert/a"})
    result = decoded({"markdown": "x"}, task=Convert(mode="fast"), source="a.pdf")
    again = Conversion.from_dict(result.to_dict())
    assert (again, again.task, again.source) == (result, Convert(mode="fast"), "a.pdf")


# --- extractions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer", ['{"total": 5, "total_score": 4}', {"total": 5, "total_score": 4}]
)
def test_an_extraction_is_data_and_what_is_said_about_it(answer: Any) -> None:
    result = extraction(answer, extraction_score_average=4.2, extraction_mode="fast")
    assert result.data == result.value == {"total": 5}
    assert result.fields["total"].score == 4
    assert (result.score, result.scored, result.extraction_mode) == (4.2, True, "fast")
    assert str(result) == '{"total":5}'


def test_the_schema_of_the_task_decides_what_is_data() -> None:
    task: Extract[Any] = Extract({"properties": {"credit": {}, "credit_score": {}}})
    body = {"extraction_schema_json": '{"credit": 1, "credit_score": 3, "other": 5}'}
    result = decoded(body, "extract/a", task=task)
    assert isinstance(result, Extraction)
    assert result.data == {"credit": 1, "credit_score": 3}
    assert not result.scored


@pytest.mark.parametrize("answer", ["[1]", "nope", "5", "[" * 100_000])
def test_an_extraction_that_is_not_an_object_is_an_error(answer: str) -> None:
    with pytest.raises(InvalidResponseError, match="not JSON"):
        extraction(answer)


# --- the others ------------------------------------------------------------------------


def test_a_segmentation_has_parts_whose_pages_go_into_the_next_request() -> None:
    listed = [
        {"name": "Invoice", "pages": [0, 1, "2", 5], "confidence": "high"},
        {"name": "Letter", "pages": None, "confidence": 0.5},
        "odd",
        {"pages": [True, -1, 3]},
    ]
    result = decoded({"segmentation_results": {"segments": listed}}, "segment/a")
    assert isinstance(result, Segmentation)
    assert result.segments == (
        DocumentSegment(name="Invoice", pages=(0, 1, 2, 5), confidence="high"),
        DocumentSegment(name="Letter", confidence=0.5),
        DocumentSegment(name="", pages=(3,)),
    )
    assert [segment.page_range for segment in result.segments] == ["0-2,5", "", "3"]
    assert str(result).splitlines()[0] == "Invoice: 0-2,5"
    assert DocumentSegment.from_dict(result.segments[0].to_dict()) == result.segments[0]


def test_a_filled_form_says_what_was_not_found() -> None:
    raw = {
        "output_base64": encoded(b"%PDF"),
        "output_format": "pdf",
        "fields_filled": ["name"],
        "fields_not_found": ["age"],
    }
    result = decoded(raw, "fill/a")
    assert isinstance(result, FilledForm)
    assert (result.content, result.output_format) == (b"%PDF", "pdf")
    assert (result.filled, result.not_found, result.is_complete) == (("name",), ("age",), False)
    with pytest.raises(InvalidResponseError, match="the file is not base64"):
        _ = attrs_with(result, output_base64="A").content
    with pytest.raises(EmptyResultError):
        _ = attrs_with(result, output_base64=None).content


def attrs_with(result: FilledForm, **raw: Any) -> FilledForm:
    return FilledForm(id=result.id, raw={**result.raw, **raw})


def test_the_other_results_are_read() -> None:
    created = decoded(
        {"output_base64": encoded(b"PK"), "output_format": "docx"}, "create-document/a"
    )
    assert isinstance(created, CreatedDocument)
    assert created.content == b"PK"
    agent = decoded({"status": "complete", "x": 1}, "agent/a")
    assert isinstance(agent, AgentResult)
    assert str(agent) == '{"status":"complete","x":1}'
    suggested = decoded(
        {"suggestions": {"simple_schema": '{"a": 1}', "moderate_schema": {"b": 2}}},
        "marker/extraction/gen_schemas/a",
    )
    assert isinstance(suggested, SchemaSuggestions)
    assert suggested.endpoint == "marker/extraction/gen_schemas"
    assert (suggested.simple, suggested.moderate, suggested.complex) == ({"a": 1}, {"b": 2}, None)


@given(json_values | bodies, json_values | bodies)
def test_what_the_poll_says_goes_on_top(body: Any, poll: Any) -> None:
    found = overlaid(body, poll)
    if not isinstance(body, dict) or not isinstance(poll, dict):
        assert found == body
        return
    assert isinstance(found, dict)
    for name in {*body, *poll}:
        said = poll.get(name)
        assert found.get(name) == (body.get(name) if said in (None, "", [], {}) else said)


# --- typed -----------------------------------------------------------------------------


@attrs.frozen
class Item:
    """A line of an invoice."""

    amount: float
    note: str | None


@attrs.frozen
class Invoice:
    """An invoice."""

    number: str
    items: list[Item]


ANSWER = {
    "number": "A-1",
    "number_citations": ["/page/0/Text/1"],
    "items": [{"amount": 5, "amount_score": 4}, {"amount": 2.5, "note": "x"}],
}


def test_an_extraction_is_a_value_of_the_type_that_was_asked_for() -> None:
    result = decoded({"extraction_schema_json": json.dumps(ANSWER)}, "extract/a", into=Invoice)
    assert isinstance(result, Extraction)
    invoice = Invoice("A-1", [Item(5, None), Item(2.5, "x")])
    assert result.value == invoice
    assert result.data == {"number": "A-1", "items": [{"amount": 5}, {"amount": 2.5, "note": "x"}]}
    assert pickle.loads(pickle.dumps(result)).value == invoice
    again: Extraction[Any] = Extraction.from_dict(json.loads(json.dumps(result.to_dict())))
    assert again.value == result.data
    assert again.read_as(Invoice) == invoice


def test_the_type_of_the_task_is_the_type_of_the_value() -> None:
    schema: Any = {"properties": {"number": {"type": "string"}}}
    result = decoded(
        {"extraction_schema_json": ANSWER}, "extract/a", task=Extract(schema, into=dict)
    )
    assert isinstance(result, Extraction)
    assert result.value == {"number": "A-1"}


def test_a_value_that_does_not_fit_keeps_what_was_paid_for() -> None:
    answer = {"number": 7, "items": [{"amount": "five", "note": None}], "items_score": 2}
    body: Any = {"extraction_schema_json": json.dumps(answer), "total_cost": 25, "page_count": 4}
    with pytest.raises(ExtractionMismatchError, match=r"extract/a does not fit Invoice") as caught:
        decode_result(body, job_id="extract/a", into=Invoice)
    error = caught.value
    assert {issue.place for issue in error.issues} == {"number", "items[0].amount"}
    assert error.into == "Invoice"
    assert (
        error.extraction.value
        == error.extraction.data
        == {
            "number": 7,
            "items": [{"amount": "five", "note": None}],
        }
    )
    assert error.extraction.fields["items"].score == 2
    assert (error.extraction.cost_cents, error.extraction.page_count) == (25, 4)
    assert error.extraction.read_as(dict[str, Any])["number"] == 7
    again = pickle.loads(pickle.dumps(error))
    assert (again.extraction, again.issues, str(again)) == (
        error.extraction,
        error.issues,
        str(error),
    )
