"""What every error promises: plain data inside, short words outside, one tree."""

from __future__ import annotations

import builtins
import copy
import json
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import datalab_facade
from datalab_facade import (
    ClientStateError,
    ConflictError,
    ConnectionSetupError,
    Conversion,
    CostLimitError,
    Execution,
    Extraction,
    InvalidArgumentError,
    JobFailedError,
    Manifest,
    PaymentRequiredError,
    PipelineExecution,
    PipelineStepRun,
    Status,
    Step,
    StepRun,
    Steps,
    UploadFailure,
    errors,
)
from datalab_facade.decoding import decode_failure
from datalab_facade.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    DatalabError,
    DefinitionIssue,
    DocumentFailedError,
    DownloadError,
    EmptyResultError,
    ExecutionFailedError,
    ExtractionIssue,
    ExtractionMismatchError,
    FormatNotRequestedError,
    InternalServerError,
    InvalidDefinitionError,
    InvalidResponseError,
    InvalidSchemaError,
    LocalFileError,
    NotFoundError,
    OutputTooLargeError,
    OverloadedError,
    PayloadTooLargeError,
    PermissionDeniedError,
    PipelineFailedError,
    RateLimitError,
    RateLimitTimeoutError,
    RequestRejectedError,
    ResultExpiredError,
    SchemaIssue,
    SubmissionUncertainError,
    UnknownOptionError,
    UnprocessableEntityError,
    UploadError,
    ValidationIssue,
    WaitTimeoutError,
    status_error_class,
)

URL = "https://www.datalab.to/api/v1/workflows/executions/7"


def _failed(said: str) -> Execution:
    runs = [
        StepRun(
            file_key=str(n),
            status=Status.FAILED,
            error=said,
            error_stage="VALIDATION",
            finished_at=_AT,
        )
        for n in range(40)
    ]
    return Execution(
        id=7,
        status=Status(said),
        steps=Steps([Step(name="parse", runs=tuple(runs))]),
        error=said,
        observed_at=_AT,
        raw={"status": said},
    )


_AT = datetime(2025, 10, 22, 10, tzinfo=UTC)


def examples(said: str = "Try again") -> list[DatalabError]:
    """Give an instance of every class, with the server's words wherever they can go."""
    request: dict[str, Any] = {"method": "GET", "url": URL}
    issue = ValidationIssue(loc=("path", 0, said), msg=said, type=said)
    place: dict[str, Any] = {"execution_id": 7, "step": said, "file_key": said}
    refused = [
        kind(
            said,
            status=status,
            **request,
            headers={"retry-after": "3"},
            body=said,
            retry_after=3,
        )
        for status, kind in (
            (418, APIStatusError),
            (400, BadRequestError),
            (401, AuthenticationError),
            (402, PaymentRequiredError),
            (403, PermissionDeniedError),
            (404, NotFoundError),
            (404, ResultExpiredError),
            (409, ConflictError),
            (413, PayloadTooLargeError),
            (429, RateLimitError),
            (500, InternalServerError),
            (529, OverloadedError),
        )
    ]
    return [
        DatalabError(said),
        CostLimitError(said, limit_cents=5.0, committed_cents=4.5),
        ConfigurationError(said),
        InvalidArgumentError(said),
        UnknownOptionError(said, name=said, options=(said, said)),
        ClientStateError(said),
        JobFailedError(said, _failed(said)),
        InvalidDefinitionError((DefinitionIssue(place=said, message=said),) * 9, source=said),
        InvalidSchemaError((SchemaIssue(place=said, message=said),) * 9, source=said),
        APIConnectionError(said, **request, may_have_arrived=True),
        ConnectionSetupError(said, **request, may_have_arrived=False),
        APITimeoutError(said, **request, may_have_arrived=False, timeout=1.5),
        RateLimitTimeoutError(wait=12.5, left=-0.5),
        *refused,
        UnprocessableEntityError(**request, issues=(issue,) * 3, body=said, retry_after=3),
        InvalidResponseError(said, **request, body=said),
        ExecutionFailedError(_failed(said)),
        PipelineFailedError(
            PipelineExecution(
                id="pex_7",
                status=Status.FAILED,
                steps=(PipelineStepRun(index=0, type=said, status=Status.FAILED, error=said),),
            )
        ),
        DocumentFailedError(said, _failed(said), stage=said),
        EmptyResultError(
            Conversion(id="convert/a", raw={"markdown": said}, observed_at=_AT), (said,) * 9
        ),
        ExtractionMismatchError(
            Extraction(id="extract/a", raw={"error": said}, observed_at=_AT),
            into=said,
            issues=(ExtractionIssue(place=said, message=said),) * 9,
        ),
        FormatNotRequestedError(said, requested=(said,)),
        WaitTimeoutError(
            kind=said, job_id=7, snapshot=_failed(said), stage=said, timeout=60, elapsed=60.2
        ),
        DownloadError(said, **place, status=403),
        UploadError(said, file_name=said, status=403, reason=UploadFailure.REFUSED),
        OutputTooLargeError(said, **place),
        LocalFileError(said, manifest=Manifest(execution_id=7, status=Status(said), saved=())),
        RequestRejectedError(said, **request, detail=said),
        SubmissionUncertainError(said, **request, sent={"name": said, "steps": [{"settings": {}}]}),
    ]


def _below(kind: type[DatalabError]) -> Iterator[type[DatalabError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _below(child)


CLASSES = {kind for kind in _below(DatalabError) if kind.__module__ == errors.__name__}
each_error = pytest.mark.parametrize("error", examples(), ids=lambda error: type(error).__name__)


def test_every_class_has_an_example_here() -> None:
    assert {type(error) for error in examples()} == CLASSES


def _assert_same(one: DatalabError, other: DatalabError) -> None:
    assert type(one) is type(other)
    assert one is not other
    assert one.args == other.args
    assert (str(one), repr(one)) == (str(other), repr(other))
    assert vars(one) == vars(other)
    assert one.__notes__ == other.__notes__


@each_error
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_pickling(error: DatalabError, protocol: int) -> None:
    error.add_note("seen twice")
    _assert_same(error, pickle.loads(pickle.dumps(error, protocol)))


@each_error
def test_an_error_survives_copying(error: DatalabError) -> None:
    error.add_note("seen twice")
    _assert_same(error, copy.copy(error))
    _assert_same(error, copy.deepcopy(error))


def test_a_copy_is_raised_and_caught_like_the_original() -> None:
    for error in examples():
        with pytest.raises(type(error)):
            raise copy.deepcopy(error)


def test_errors_survive_the_way_into_another_process_and_back() -> None:
    given = examples()
    for error in given:
        error.add_note("seen twice")
    script = (
        "import pickle, sys\n"
        "errors = pickle.load(sys.stdin.buffer)\n"
        "told = [(type(error).__name__, str(error), error) for error in errors]\n"
        "sys.stdout.buffer.write(pickle.dumps(told))\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", script],
        input=pickle.dumps(given),
        capture_output=True,
        timeout=30,
        check=True,
    )
    told = pickle.loads(child.stdout)
    for error, (name, text, back) in zip(given, told, strict=True):
        assert (type(error).__name__, str(error)) == (name, text)
        _assert_same(error, back)


@pytest.mark.parametrize(
    "said",
    ["x" * 20_000, "too long\n" * 2_000, "<p>\x00\u2028\u20ac</p> " * 2_000],
    ids=["one word", "many lines", "a page"],
)
def test_an_error_prints_short_whatever_the_server_says(said: str) -> None:
    for error in examples(said):
        assert 10 < len(str(error)) <= 1_000, type(error)


def test_an_answer_that_goes_on_for_ever_is_a_short_error_that_still_gives_advice() -> None:
    entry = {"loc": ["body", "x" * 2_000], "msg": "long\n" * 500, "type": "y" * 2_000}
    bodies: list[object] = [{"detail": "z" * 10_000}, {"detail": [entry] * 20}, {"detail": {}}]
    for status in (400, 401, 403, 404, 413, 418, 422, 429, 500, 529):
        for body in (b"<html>" + b"x\n" * 10_000, *(json.dumps(b).encode() for b in bodies)):
            error = decode_failure(status, body, {}, method="GET", url=URL, now=_AT)
            assert len(str(error)) <= 1_000
            assert len(str(error).splitlines()) == 1
            assert str(error).startswith(f"GET {URL} answered {status}")
            assert str(error).endswith(error.advice)


def test_a_failed_execution_tells_the_first_reasons_in_short_and_how_many_more() -> None:
    told = str(ExecutionFailedError(_failed("no pages\n" * 1_000)))
    assert told.startswith("Execution 7 failed: parse [0] in VALIDATION: no pages")
    assert told.endswith("and 36 more in .failures")
    assert len(told.splitlines()) == 1


def _drawn() -> Iterator[tuple[str, str | None, str]]:
    """Give each class of the tree in the module's docstring, its parent, and the words on it."""
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.fullmatch(r"    ((?:[│ ]   )*(?:[├└]── )?)([A-Z]\w+)(?: +(\S.*))?", line)
        if found:
            depth = len(found[1]) // 4
            del path[depth:]
            yield found[2], path[-1] if path else None, found[3] or ""
            path.append(found[2])


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    real = {kind.__name__: _parent(kind) for kind in CLASSES}
    assert {name: parent for name, parent, _ in _drawn()} == real


def _parent(kind: type[DatalabError]) -> str | None:
    parents = [base.__name__ for base in kind.__bases__ if issubclass(base, DatalabError)]
    if kind is not DatalabError:
        assert len(parents) == 1
    return parents[0] if parents else None


def test_the_statuses_in_the_docstring_are_those_of_the_classes() -> None:
    for name, _, words in _drawn():
        for status in map(int, re.findall(r"\b[45]\d\d\b", words)):
            answer = decode_failure(status, b"", {}, method="GET", url=URL, now=_AT)
            kinds = [kind.__name__ for kind in type(answer).__mro__]
            assert kinds[0] == name, status


def test_every_status_that_is_no_success_has_a_class() -> None:
    for status in range(300, 1_000):
        error = decode_failure(status, b"", {}, method="GET", url=URL, now=_AT)
        assert error.status == status
        assert isinstance(error, InternalServerError) == (500 <= status <= 599)
        assert status == 422 or type(error) is status_error_class(status)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (302, "302 Found"),
        (413, "413 Request Entity Too Large"),
        (414, "414 Request-URI Too Long"),
        (416, "416 Requested Range Not Satisfiable"),
        (422, "422 Unprocessable Entity"),
        (503, "503 Service Unavailable"),
        (529, "529"),
        (999, "999"),
    ],
)
def test_the_words_for_a_status_are_the_same_with_every_python(status: int, words: str) -> None:
    error = decode_failure(status, b"", {}, method="GET", url=URL, now=_AT)
    assert re.match(rf".* answered {words}(\.|$)", str(error))


def test_every_class_can_be_imported_from_both_places() -> None:
    names = {kind.__name__ for kind in CLASSES}
    assert names | {
        "DefinitionIssue",
        "DownloadFailure",
        "ExtractionIssue",
        "SchemaIssue",
        "UploadFailure",
        "ValidationIssue",
    } == set(errors.__all__)
    assert errors.__all__ == sorted(errors.__all__)
    assert names <= set(datalab_facade.__all__)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (ConfigurationError, ValueError),
        (InvalidArgumentError, ValueError),
        (ClientStateError, RuntimeError),
        (APIConnectionError, ConnectionError),
        (RateLimitTimeoutError, TimeoutError),
        (LocalFileError, OSError),
        (APITimeoutError, TimeoutError),
        (WaitTimeoutError, TimeoutError),
    ],
)
def test_an_error_is_also_what_python_calls_such_a_thing(
    kind: type[DatalabError], builtin: type[Exception]
) -> None:
    assert issubclass(kind, builtin)


def test_nothing_else_is_kin_to_what_python_has() -> None:
    """Else ``except TimeoutError`` would catch what nobody thinks of."""
    kin = {kind for kind in CLASSES if issubclass(kind, (ValueError, OSError, LookupError))}
    timeouts = {APITimeoutError, RateLimitTimeoutError, WaitTimeoutError}
    arguments = {ConfigurationError, InvalidArgumentError, UnknownOptionError}
    values = {InvalidDefinitionError, InvalidSchemaError}
    connections = {APIConnectionError, ConnectionSetupError}
    assert kin == {*arguments, *values, *connections, LocalFileError, *timeouts}


def test_no_class_hides_a_builtin_one() -> None:
    assert not {kind.__name__ for kind in CLASSES} & set(dir(builtins))


def test_an_error_of_a_status_tells_what_to_do_next() -> None:
    for error in examples():
        if isinstance(error, APIStatusError) and type(error) not in (
            APIStatusError,
            UnprocessableEntityError,
        ):
            assert error.advice
            assert str(error).endswith(error.advice)


PUBLIC = [
    value
    for name in datalab_facade.__all__
    if isinstance(value := getattr(datalab_facade, name), type) and issubclass(value, Exception)
]


@pytest.mark.parametrize("kind", PUBLIC, ids=lambda kind: kind.__name__)
def test_a_test_can_make_any_error_by_hand(kind: type[Any]) -> None:
    execution = Execution(id=7, status=Status.FAILED, error="no pages")
    step = PipelineStepRun(index=0, type="convert", status=Status.FAILED, error="no pages")
    pipeline = PipelineExecution(id="pex_7", status=Status.FAILED, steps=(step,))
    kept: Extraction[Any] = Extraction(id="extract/no pages", raw={}, observed_at=_AT)
    needed: dict[type[Any], tuple[Any, ...]] = {
        ExecutionFailedError: (execution,),
        PipelineFailedError: (pipeline,),
        EmptyResultError: (kept, ("no pages",)),
        ExtractionMismatchError: (kept,),
    }
    of_a_job = ("no pages", execution) if issubclass(kind, JobFailedError) else ("no pages",)
    make: Any = kind
    error = make(*needed.get(kind, of_a_job))
    assert "no pages" in str(error)
    assert all(hasattr(error, name) for name in _annotations(kind))
    assert pickle.loads(pickle.dumps(error)).args == error.args
    assert repr(copy.copy(error)) == repr(error)


def _annotations(kind: type) -> set[str]:
    return {
        name
        for base in kind.__mro__
        if base.__module__ == errors.__name__
        for name in vars(base).get("__annotations__", {})
    }


def test_an_error_of_a_status_made_by_hand_has_this_status() -> None:
    kinds = [one for one in PUBLIC if issubclass(one, APIStatusError)]
    # It is what became of a job, and not what a status means.
    kinds.remove(ResultExpiredError)
    made = {kind("x").status: kind for kind in kinds}
    for status, kind in made.items():
        assert kind is APIStatusError or status == 422 or status_error_class(status) is kind
    assert len(made) == len(kinds) - 1
    assert UnprocessableEntityError("too many pages").issues[0].msg == "too many pages"
    text = str(NotFoundError("no such execution"))
    assert text.startswith("404 Not Found. no such execution. Check")


def test_what_is_wrong_with_a_request_or_a_value_is_plain_json_too() -> None:
    answered = ValidationIssue(loc=("body", 0, "pages"), msg="not a number", type="int_parsing")
    assert answered.to_dict() == {
        "loc": ["body", 0, "pages"],
        "msg": "not a number",
        "type": "int_parsing",
    }
    for kind in (DefinitionIssue, ExtractionIssue, SchemaIssue):
        issue = kind(place="steps[0]", message="no name")
        assert issue.to_dict() == {"place": "steps[0]", "message": "no name"}


def test_the_error_of_a_pipeline_tells_which_steps_failed() -> None:
    steps = [("convert", Status.COMPLETED), ("extract", Status.FAILED), ("segment", Status.FAILED)]
    error = PipelineFailedError(
        PipelineExecution(
            id="pex_7",
            status=Status.FAILED,
            steps=tuple(
                PipelineStepRun(index=index, type=kind, status=status, error=f"bad {kind}")
                for index, (kind, status) in enumerate(steps)
            ),
        )
    )
    assert [failure.error for failure in error.failures] == ["bad extract", "bad segment"]
    assert error.failures == error.snapshot.failures


def test_an_error_that_needs_an_execution_says_so() -> None:
    with pytest.raises(TypeError, match=r"Execution\(id=7, status=Status.FAILED, error='no pages'"):
        ExecutionFailedError("no pages")  # type: ignore[arg-type]
