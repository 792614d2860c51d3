"""A task that is begun again finds the execution that it has paid for."""

from __future__ import annotations

from typing import Any

import pytest

from datalab_facade import (
    APIConnectionError,
    BadRequestError,
    ConfigurationError,
    InputConfig,
    NotFoundError,
    SubmissionUncertainError,
)
from datalab_facade.integrations.airflow.job_requests import workflow_request
from datalab_facade.integrations.airflow.submissions import Started, Submission
from datalab_facade.models import JSON
from datalab_facade.testing import ExecutionScript, Fault, Simulator
from tests.in_process import FAILS, SOON, blocking, new_simulator

A = InputConfig.coerce("https://a.example/1.pdf?signature=1")
B = InputConfig.coerce("https://a.example/2.pdf")
EXECUTE = "/api/v1/workflows/workflows/*/execute"


class Task:
    """A task of a DAG run, which may be begun several times, and what it remembers."""

    def __init__(self, script: ExecutionScript = SOON) -> None:
        self.simulator: Simulator = new_simulator()
        self.workflow_id = self.simulator.workflows.add("w", [])
        self.simulator.script_for(self.workflow_id, script)
        self.kept: dict[str, dict[str, JSON]] = {}

    def get(self, key: str) -> object:
        return self.kept.get(key)

    def set(self, key: str, value: dict[str, JSON]) -> None:
        self.kept[key] = value

    def delete(self, key: str) -> None:
        self.kept.pop(key, None)

    def begin(self, config: InputConfig | None = A, **options: Any) -> Started:
        with blocking(self.simulator) as client:
            request = workflow_request(self.workflow_id, config)
            return Submission(client, self, request, **options).start_once()

    @property
    def submitted(self) -> int:
        return sum(one.method == "POST" for one in self.simulator.requests)


def test_a_task_that_is_begun_again_submits_once() -> None:
    task = Task()
    first, second = task.begin(), task.begin()
    assert (first.before, second.before) == (False, True)
    assert first.handle == second.handle
    assert second.snapshot is not None
    assert task.submitted == 1


def test_a_handle_is_kept_and_neither_the_input_nor_the_key() -> None:
    task = Task()
    handle = task.begin().handle
    [(key, value)] = task.kept.items()
    assert value == {"version": 1, "handle": handle}
    assert "signature" not in key


def test_another_input_is_another_execution_and_both_are_remembered() -> None:
    task = Task()
    first, second, none = task.begin(A), task.begin(B), task.begin(None)
    assert len({str(one.handle) for one in (first, second, none)}) == 3
    assert task.begin(A).handle == first.handle
    assert task.submitted == 3


def test_a_submission_without_an_answer_is_not_repeated_by_the_next_try() -> None:
    task = Task()
    task.simulator.inject(Fault.disconnect(), path=EXECUTE)
    with pytest.raises(SubmissionUncertainError):
        task.begin()
    with pytest.raises(SubmissionUncertainError, match="retry_unknown=True"):
        task.begin()
    assert task.submitted == 1
    assert not task.begin(retry_unknown=True).before
    assert task.begin().before
    assert task.submitted == 2


def test_a_try_that_is_killed_between_sending_and_storing_leaves_it_in_doubt() -> None:
    class Killed(Task):
        def set(self, key: str, value: dict[str, JSON]) -> None:
            if "handle" in value:
                raise KeyboardInterrupt
            super().set(key, value)

    task = Killed()
    with pytest.raises(KeyboardInterrupt):
        task.begin()
    with pytest.raises(
        SubmissionUncertainError,
        match="so one may have been started",
    ):
        task.begin()
    assert task.submitted == 1


def test_a_submission_that_was_refused_is_forgotten() -> None:
    task = Task()
    task.simulator.inject(Fault.status(400, {"detail": "no"}), path=EXECUTE)
    with pytest.raises(BadRequestError):
        task.begin()
    assert not task.kept
    assert not task.begin().before


def test_a_refused_retry_does_not_settle_what_an_earlier_try_left_in_doubt() -> None:
    task = Task()
    task.simulator.inject(Fault.disconnect(), path=EXECUTE)
    with pytest.raises(SubmissionUncertainError):
        task.begin()
    task.simulator.inject(Fault.status(400, {"detail": "no"}), path=EXECUTE)
    with pytest.raises(BadRequestError):
        task.begin(retry_unknown=True)
    with pytest.raises(SubmissionUncertainError, match="retry_unknown=True"):
        task.begin()
    assert task.submitted == 2


def test_what_has_failed_is_submitted_again_only_where_that_is_wanted() -> None:
    task = Task(FAILS)
    first = task.begin()
    task.simulator.clock.sleep(600)
    again = task.begin()
    assert again.handle == first.handle
    assert again.snapshot is not None
    assert again.snapshot.status == "FAILED"
    anew = task.begin(retry_failed=True)
    assert anew.handle != first.handle
    assert task.begin(retry_failed=True).handle == anew.handle
    assert task.submitted == 2


def test_what_is_gone_is_submitted_again_only_where_that_is_wanted() -> None:
    task = Task()
    gone = task.begin().handle
    task.simulator.inject_always(
        Fault.status(404, {"detail": "gone"}),
        path=f"/api/v1/workflows/executions/{gone['id']}",
    )
    with pytest.raises(NotFoundError):
        task.begin()
    assert task.begin(retry_failed=True).handle != gone
    assert task.submitted == 2


def test_an_api_that_is_down_does_not_hide_what_was_started() -> None:
    task = Task()
    handle = task.begin().handle
    task.simulator.inject_always(Fault.disconnect())
    found = task.begin()
    assert (found.handle, found.snapshot, found.before) == (handle, None, True)
    with pytest.raises(APIConnectionError):
        task.begin(retry_failed=True)
    assert task.submitted == 1


def test_what_a_later_release_has_stored_is_not_taken_for_nothing() -> None:
    task = Task()
    task.begin()
    for value in task.kept.values():
        value["version"] = 2
    with pytest.raises(ConfigurationError, match="use the release that wrote it"):
        task.begin()
    assert task.submitted == 1
