"""An answer about another one than was asked for is no answer, wherever an id is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datalab_facade import (
    InvalidResponseError,
    RequestRejectedError,
    StepDefinition,
    SubmissionUncertainError,
    UploadError,
)
from datalab_facade.testing import ExecutionScript, Fault, StepScript
from tests.in_process import SOON, new_simulator
from tests.ways import Way

OTHER = 999_999
REFERENCE = "datalab://file-other999"
FILE: dict[str, Any] = {
    "file_id": OTHER,
    "original_filename": "a.pdf",
    "reference": REFERENCE,
    "upload_status": "completed",
    "download_url": "https://storage.example/a",
}
URL = "https://a.example/1.pdf"

CALLS: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "an execution": (
        lambda client: client.executions.get(1),
        {"execution_id": OTHER, "status": "COMPLETED", "steps": {}},
    ),
    "an execution, under the other name": (
        lambda client: client.executions.get(1),
        {"id": str(OTHER), "status": "COMPLETED", "steps": {}},
    ),
    "a workflow": (
        lambda client: client.workflows.get(1),
        {"id": OTHER, "name": "Theirs", "steps": []},
    ),
    "a deletion of a workflow": (
        lambda client: client.workflows.delete(1),
        {"workflow_id": OTHER, "success": True},
    ),
    "a file": (lambda client: client.files.get(4), FILE),
    "a file by its hashid": (lambda client: client.files.get("npl94jxy"), FILE),
    "a link": (lambda client: client.files.download_url(4), FILE),
    "a link by its hashid": (lambda client: client.files.download_url("npl94jxy"), FILE),
    "a deletion of a file": (
        lambda client: client.files.delete(4),
        {"file_id": OTHER, "success": True, "message": "deleted"},
    ),
}


@pytest.mark.parametrize("case", CALLS)
def test_an_answer_about_another_one_is_a_typed_error(way: Way, case: str) -> None:
    call, answer = CALLS[case]
    simulator = new_simulator()
    simulator.inject_always(Fault.status(200, answer))
    client = way.client(simulator)
    with pytest.raises(InvalidResponseError, match="was asked for") as raised:
        way.done(call(client))
    assert str(raised.value).count("999") >= 1
    assert raised.value.url.startswith("https://www.datalab.to/api/v1/") or "Execution 1" in str(
        raised.value
    )
    assert len(simulator.requests.of("api")) == 3, "it may pass, so it is asked again"


def test_what_passes_is_asked_again_and_no_longer_told(way: Way) -> None:
    simulator = new_simulator()
    execution_id = simulator.start(SOON)
    other: Any = {"execution_id": execution_id + 1, "status": "COMPLETED", "steps": {}}
    simulator.inject(*[Fault.status(200, other)] * 3)
    client = way.client(simulator)
    execution = way.done(client.executions.wait(execution_id))
    assert (execution.id, execution.succeeded) == (execution_id, True)
    assert simulator.clock.monotonic() >= 300


def test_one_of_many_is_not_mixed_up_with_another(way: Way) -> None:
    simulator = new_simulator()
    script = ExecutionScript([StepScript("parse", ends=20)])
    ids = [simulator.start(script) for _ in range(3)]

    def mixed_up(_: object, number: int) -> Fault | None:
        answer: Any = {"execution_id": ids[number % 3], "status": "COMPLETED", "steps": {}}
        return Fault.status(200, answer) if number < 6 and number % 2 else None

    simulator.inject_with(mixed_up)
    outcomes = way.done(way.client(simulator).executions.wait_many(ids))
    assert [outcome.result().id for outcome in outcomes] == ids


def test_nothing_of_another_one_is_saved(way: Way, tmp_path: Path) -> None:
    simulator = new_simulator()
    answer: Any = {"execution_id": OTHER, "status": "COMPLETED", "steps": {}}
    simulator.inject_always(Fault.status(200, answer))
    with pytest.raises(InvalidResponseError):
        way.done(way.client(simulator).outputs.save_all(1, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_an_upload_is_not_taken_for_confirmed_by_what_confirms_another(way: Way) -> None:
    simulator = new_simulator()

    def wrong(request: Any, _: int) -> Fault | None:
        if not request.path.endswith("/confirm"):
            return None
        return Fault.status(200, {**FILE, "success": True, "message": "there"})

    simulator.inject_with(wrong)
    with pytest.raises(UploadError, match="was asked for") as raised:
        way.done(way.client(simulator).files.upload(b"%PDF", name="a.pdf"))
    assert raised.value.reason == "unconfirmed"


def test_an_execution_of_another_workflow_is_not_taken_for_the_one_that_was_started(
    way: Way,
) -> None:
    simulator = new_simulator()
    step = StepDefinition(step_key="marker_parse", unique_name="parse")
    workflow_id = simulator.workflows.add("Ours", [step.to_dict()])
    simulator.inject_always(Fault.status(200, {"execution_id": 5, "workflow_id": OTHER}))
    with pytest.raises(SubmissionUncertainError, match="is about workflow 999999"):
        way.done(way.client(simulator).workflows.execute(workflow_id, URL))
    assert len(simulator.requests.of("api")) == 1


@pytest.mark.parametrize(
    ("file", "answer"),
    [
        (4, {**FILE, "file_id": "4"}),
        (4, {**FILE, "file_id": 4}),
        ("npl94jxy", {**FILE, "reference": "datalab://file-npl94jxy"}),
        ("npl94jxy", {**FILE, "reference": None}),
        ("npl94jxy", {**FILE, "reference": f"datalab://file-{OTHER}"}),
        # A hashid may well be all digits.
        ("datalab://file-4821", {**FILE, "reference": "datalab://file-4821"}),
    ],
)
def test_one_file_has_several_names(way: Way, file: Any, answer: dict[str, Any]) -> None:
    simulator = new_simulator()
    simulator.inject_always(Fault.status(200, answer))
    assert way.done(way.client(simulator).files.get(file)).filename == "a.pdf"


@pytest.mark.parametrize("answer", [{"success": False, "message": "in use"}])
def test_a_refusal_that_names_no_id_is_a_refusal(way: Way, answer: dict[str, Any]) -> None:
    simulator = new_simulator()
    simulator.inject_always(Fault.status(200, answer))
    client = way.client(simulator)
    for call in (client.files.delete, client.workflows.delete):
        with pytest.raises(RequestRejectedError, match="in use"):
            way.done(call(4))
