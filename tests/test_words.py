"""Words of the server's stay in their line, whoever prints them."""

from __future__ import annotations

import copy
import pickle
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalab_facade import DatalabError, Execution, InvalidResponseError, Workflow
from datalab_facade.decoding import decode_failure
from datalab_facade.errors import ExecutionFailedError, WaitTimeoutError
from datalab_facade.executions.decoding import decode_execution
from datalab_facade.executions.kind import EXECUTIONS
from datalab_facade.jobs.changes import changes_of
from datalab_facade.models import JSON, Output
from datalab_facade.workflows.decoding import decode_workflow

SAMPLES = [
    "x\nCRITICAL root: all is lost",
    "\x1b]0;title\x07\x1b[2J",
    "\u202egnp.exe",
    "\x85\u2028\u2029\x9b31m",
    "\ud800 and \udfff",
    "\ufeff\u200b",
    "https://storage.example/a?sig=5ecr3t",
]
words = st.sampled_from(SAMPLES) | st.text(
    st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp", "L"]), min_size=1
)


def is_harmless(text: str) -> bool:
    text.encode()
    return all(
        char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        for char in text
    )


def execution_saying(word: str) -> Execution:
    run: dict[str, JSON] = {
        "status": "FAILED",
        "id": word,
        "error": word,
        "error_in": word,
        "output_url": f"https://storage.example/{word}",
        "file_ids": [word],
    }
    body: JSON = {
        "execution_id": 7,
        "status": "FAILED",
        "error": word,
        "external_workflow_id": word,
        "steps": {f"step {word}": {f"file {word}": run, "other": {**run, "status": word}}},
        "input_config": {word: word},
    }
    return decode_execution(body, requested_id=7)[0]


def texts_of(word: str) -> Iterator[str]:
    """Give every text that is made of an execution in which the server says a word."""
    execution = execution_saying(word)
    yield repr(execution)
    yield execution._repr_html_()
    for value in (execution, *execution.failures, *execution.steps.values(), *execution.outputs):
        yield str(value)
        yield repr(value)
    for change in changes_of(
        EXECUTIONS.differences(None, execution), execution, job="execution 7", sequence=1
    ):
        yield str(change)
    for error in errors_of(word, execution):
        for told in (error, pickle.loads(pickle.dumps(error)), copy.copy(error)):
            yield str(told)
            yield repr(told)
    waiting = decode_execution({"status": f"AS {word}", "steps": {}}, requested_id=7)[0]
    yield repr(waiting)
    yield str(
        WaitTimeoutError(
            kind="execution",
            job_id=7,
            snapshot=waiting,
            stage=EXECUTIONS.stage(waiting),
            timeout=1,
            elapsed=1,
        )
    )


def errors_of(word: str, execution: Execution) -> Iterator[DatalabError]:
    yield ExecutionFailedError(execution)
    # What is put into a message is free of secrets before.
    yield DatalabError(word.partition("?")[0])
    for status in (400, 422, 503):
        for body in ({"detail": word}, {"detail": [{"loc": [word], "msg": word, "type": word}]}):
            yield decode_failure(
                status,
                repr(body).replace("'", '"').encode(errors="surrogatepass"),
                {"X-Request-Id": word},
                method="GET",
                url="https://a.example",
                now=datetime(2026, 1, 1, tzinfo=UTC),
            )
    with pytest.raises(InvalidResponseError) as caught:
        decode_execution({"status": 1, word: word}, requested_id=7)
    yield caught.value


@given(words)
def test_what_the_server_says_is_printed_on_one_line_and_does_nothing_to_a_terminal(
    word: str,
) -> None:
    for text in texts_of(word):
        assert is_harmless(text), text
        assert "5ecr3t" not in text
        assert "\nCRITICAL" not in text


@given(words)
def test_what_the_server_said_is_kept_as_it_came(word: str) -> None:
    execution = execution_saying(word)
    assert execution.raw["error"] == word
    assert execution.error == word
    assert f"step {word}" in execution.steps
    assert any(isinstance(output, Output) for output in execution.outputs)


@given(words)
def test_a_workflow_is_printed_on_one_line(word: str) -> None:
    body: JSON = {
        "id": 1,
        "name": word,
        "steps": [{"id": 1, "unique_name": word, "step_key": word, "settings": {word: word}}],
    }
    workflow = decode_workflow(body)[0]
    assert isinstance(workflow, Workflow)
    for text in (repr(workflow), repr(workflow.steps)):
        assert is_harmless(text)
        assert "5ecr3t" not in text
