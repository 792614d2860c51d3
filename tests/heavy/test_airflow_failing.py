"""What another try would meet again fails a task for good, wherever it comes from."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from datalab_facade import (
    AuthenticationError,
    BadRequestError,
    Convert,
    Datalab,
    DatalabError,
    InternalServerError,
    NotFoundError,
    PayloadTooLargeError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    SubmissionUncertainError,
    UnprocessableEntityError,
)
from datalab_facade.integrations.airflow.events import WaitEvent
from datalab_facade.models import JSON
from datalab_facade.testing import Fault, Simulator
from tests.in_process import blocking, new_simulator

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(120)]

URL = "https://a.example/1.pdf"
CONVERT = "/api/v1/convert"
REFUSED: dict[int, type[DatalabError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    413: PayloadTooLargeError,
    422: UnprocessableEntityError,
}
PASSING: dict[int, type[DatalabError]] = {429: RateLimitError, 500: InternalServerError}


class Store:
    """A task state store, or the XComs of a task, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def get(self, key: str) -> object:
        return self.kept.get(key)

    def set(self, key: str, value: object, **_: object) -> None:
        self.kept[key] = value

    def delete(self, key: str) -> None:
        self.kept.pop(key, None)

    def xcom_push(self, key: str, value: object) -> None:
        self.kept[key] = value


class World:
    """A simulator, and Airflow's tasks whose connection leads to it."""

    def __init__(self, airflow: SimpleNamespace, folder: Path) -> None:
        self.airflow = airflow
        self.simulator: Simulator = new_simulator()
        self.context: dict[str, Any] = {"ti": Store(), "task_state_store": Store()}
        self._folder = folder

    def operator(self, **options: Any) -> Any:
        return self.airflow.operators.DatalabConvertOperator(
            task_id="converts",
            source=URL,
            save_to=str(self._folder),
            **{"deferrable": False, **options},
        )

    def sensor(self) -> Any:
        return self.airflow.sensors.DatalabJobSensor(task_id="senses", job=self.started())

    def client(self) -> Datalab:
        return blocking(self.simulator)

    def started(self) -> dict[str, JSON]:
        """Start a job, as an earlier task has, and return its handle."""
        with self.client() as client:
            handle = client.documents.submit(Convert(), URL)
            return {name: one for name, one in handle.to_dict().items() if name != "task"}

    def refuse(self, status: int, path: str = f"{CONVERT}*") -> None:
        self.simulator.inject_always(Fault.status(status, {"detail": "not like that"}), path=path)

    @property
    def submitted(self) -> int:
        return sum(one.method == "POST" for one in self.simulator.requests)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """Airflow's side of the integration, imported when it has a home of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("AIRFLOW__CORE__UNIT_TEST_MODE", "true")
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "false")
        names = ("hooks", "operators", "sensors", "failing")
        prefix = "datalab_facade.integrations.airflow"
        yield SimpleNamespace(
            **{name: importlib.import_module(f"{prefix}.{name}") for name in names},
            errors=importlib.import_module("airflow.sdk.exceptions"),
        )


@pytest.fixture
def world(airflow: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(airflow, tmp_path)
    monkeypatch.setattr(airflow.hooks.DatalabHook, "get_conn", lambda _: world.client())
    return world


def submits(world: World, status: int) -> None:
    world.refuse(status, CONVERT)
    world.operator().execute(world.context)


def waits(world: World, status: int) -> None:
    world.refuse(status, f"{CONVERT}/*")
    world.operator().execute(world.context)


def saves(world: World, status: int) -> None:
    event = WaitEvent.from_dict({"handle": world.started(), "status": "COMPLETED"})
    world.refuse(status)
    world.operator().execute_complete(world.context, event.to_dict())


def polls_after_the_deadline(world: World, status: int) -> None:
    event = WaitEvent.timed_out(world.started())
    world.refuse(status)
    world.operator().execute_complete(world.context, event.to_dict())


def pokes(world: World, status: int) -> None:
    sensor = world.sensor()
    world.refuse(status)
    sensor.poke(world.context)


def senses_after_the_deadline(world: World, status: int) -> None:
    event, sensor = WaitEvent.timed_out(world.started()), world.sensor()
    world.refuse(status)
    sensor.execute_complete(world.context, event.to_dict())


STAGES = [submits, waits, saves, polls_after_the_deadline, pokes, senses_after_the_deadline]


@pytest.mark.parametrize("status", REFUSED)
@pytest.mark.parametrize("stage", STAGES)
def test_what_is_refused_fails_the_task_for_good_with_our_error_as_its_cause(
    world: World, stage: Callable[[World, int], None], status: int
) -> None:
    with pytest.raises(world.airflow.errors.AirflowFailException, match="not like that") as caught:
        stage(world, status)
    assert type(caught.value.__cause__) is REFUSED[status]
    assert str(caught.value) == str(caught.value.__cause__)


@pytest.mark.parametrize(
    ("operator", "options", "words"),
    [
        ("Convert", {"options": {5: 6}}, "options must be a mapping of fields, not {5: 6}"),
        ("Convert", {"options": ["mode"]}, "options must be a mapping of fields"),
        ("Extract", {"schema": {}, "options": {"schema": {}}}, "'schema': it is the argument"),
        ("RunPipeline", {"pipeline": "a", "options": {"pipeline_id": "b"}}, "argument pipeline of"),
        (
            "RunPipeline",
            {"pipeline": "a", "version": 2, "options": {"pipeline_version": 1}},
            "argument version of",
        ),
    ],
)
def test_options_that_cannot_be_meant_fail_the_task_for_good(
    world: World, operator: str, options: dict[str, Any], words: str
) -> None:
    kind = getattr(world.airflow.operators, f"Datalab{operator}Operator")
    task = kind(task_id="does", source=URL, **options)
    with pytest.raises(world.airflow.errors.AirflowFailException, match=words):
        task.execute(world.context)
    assert not world.submitted


@pytest.mark.parametrize("status", PASSING)
@pytest.mark.parametrize("stage", [waits, saves, polls_after_the_deadline, pokes])
def test_what_may_pass_leaves_the_task_its_retries(
    world: World, stage: Callable[[World, int], None], status: int
) -> None:
    with pytest.raises(PASSING[status]):
        stage(world, status)


def test_a_submission_that_was_refused_for_its_rate_leaves_the_task_its_retries(
    world: World,
) -> None:
    with pytest.raises(RateLimitError):
        submits(world, 429)
    assert not world.context["task_state_store"].kept


@pytest.mark.parametrize("fault", [Fault.disconnect(), Fault.status(500, {})], ids=["cut", "500"])
def test_a_submission_without_an_answer_is_paid_again_only_where_that_is_wanted(
    world: World, fault: Fault
) -> None:
    for_good = world.airflow.errors.AirflowFailException
    world.simulator.inject(fault, path=CONVERT)
    for _ in range(2):
        with pytest.raises(for_good) as caught:
            world.operator().execute(world.context)
        assert type(caught.value.__cause__) is SubmissionUncertainError
    assert world.submitted == 1
    again = world.operator(retry_unknown=True)
    world.simulator.inject(fault, path=CONVERT)
    with pytest.raises(SubmissionUncertainError):
        again.execute(world.context)
    assert again.execute(world.context)["status"] == "COMPLETED"
    assert world.submitted == 3


@pytest.mark.parametrize("error", [*REFUSED.values(), *PASSING.values()])
@pytest.mark.parametrize("name", ["operator", "sensor"])
def test_an_event_of_the_trigger_fails_the_task_as_the_error_would(
    world: World, error: type[DatalabError], name: str
) -> None:
    errors, event = world.airflow.errors, WaitEvent.of_error(world.started(), error("not so"))
    with pytest.raises(errors.AirflowException, match="not so") as caught:
        getattr(world, name)().execute_complete(world.context, event.to_dict())
    for_good = isinstance(caught.value, errors.AirflowFailException)
    assert for_good is (error in REFUSED.values())


@pytest.mark.parametrize("retry_failed", [False, True])
def test_a_job_that_is_gone_is_final_unless_the_next_try_submits_again(
    world: World, retry_failed: bool
) -> None:
    event = WaitEvent.from_dict({"handle": world.started(), "status": "COMPLETED"})
    world.refuse(404)
    for_good = world.airflow.errors.AirflowFailException
    with pytest.raises(NotFoundError if retry_failed else for_good, match="not like that"):
        world.operator(retry_failed=retry_failed).execute_complete(world.context, event.to_dict())


def test_a_job_that_is_not_known_yet_leaves_a_sensor_its_retries(world: World) -> None:
    with pytest.raises(NotFoundError):
        pokes(world, 404)
