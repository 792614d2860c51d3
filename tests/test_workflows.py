"""Workflows through the client: what there is, create, delete, execute."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from typing import Any

import httpx
import pytest

from datalab_facade import (
    APIConnectionError,
    AsyncExecutionHandle,
    BadRequestError,
    DatalabError,
    ExecutionHandle,
    InputConfig,
    InvalidArgumentError,
    InvalidDefinitionError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    RequestRejectedError,
    StepDefinition,
    StepType,
    SubmissionUncertainError,
    UnprocessableEntityError,
    Workflow,
    WorkflowDefinition,
)
from datalab_facade.testing import (
    ExecutionScript,
    Fault,
    Request,
    Simulator,
    SimulatorTransport,
    StepScript,
    WorkflowBehavior,
)
from tests.in_process import SOON, new_simulator
from tests.secrets_for_tests import FILLED_IN, SIGNATURE, presigned
from tests.ways import Way

PARSE = {"step_key": "marker_parse", "unique_name": "parse"}
TWO_STEPS = [
    StepDefinition(step_key="marker_parse", unique_name="parse"),
    StepDefinition(
        step_key="marker_extract",
        unique_name="extract",
        settings={"page_schema": {}},
        depends_on=["parse"],
    ),
]
URL = "https://a.example/1.pdf"


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


def with_manners(simulator: Simulator, **behavior: Any) -> None:
    simulator.workflows.behavior = WorkflowBehavior(**behavior)


# What there is.


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("key", ["type", "step_type", "step_key"])
def test_step_types_are_read_however_they_come(
    way: Way, simulator: Simulator, wrapped: bool, key: str
) -> None:
    with_manners(simulator, wrapped=wrapped, step_type_key=key)
    client = way.client(simulator)
    types = way.done(client.workflows.step_types())
    assert [one.step_key for one in types] == list(simulator.workflows.step_types)
    assert types[0] == StepType(
        step_key="marker_parse",
        name="Marker Parse",
        version="1",
        description="Parse documents; saves a checkpoint for downstream steps",
        settings_schema={"type": "object"},
    )
    assert not client.drift


@pytest.mark.parametrize("wrapped", [True, False])
def test_workflows_are_read_however_they_come(
    way: Way, simulator: Simulator, wrapped: bool
) -> None:
    with_manners(simulator, wrapped=wrapped)
    client = way.client(simulator)
    assert way.done(client.workflows.list()) == ()
    ours = simulator.workflows.add("Ours", [PARSE])
    theirs = simulator.workflows.add("Theirs", [PARSE], team_id=7)
    assert [one.id for one in way.done(client.workflows.list())] == [ours]
    [found] = way.done(client.workflows.list(team_id=7))
    assert (found.id, found.name, found.team_id) == (theirs, "Theirs", 7)


def test_a_workflow_can_be_looked_at(way: Way, simulator: Simulator) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    client = way.client(simulator)
    workflow = way.done(client.workflows.get(workflow_id))
    assert (workflow.id, workflow.name, workflow.team_id) == (workflow_id, "Ours", 1)
    assert workflow.created_at == workflow.updated_at
    assert workflow.timezone_assumed
    [step] = workflow.steps
    assert (step.unique_name, step.step_key, step.version) == ("parse", "marker_parse", "1")
    assert workflow.raw["steps"]


def test_an_unknown_workflow_is_not_found(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    foreign = simulator.workflows.add("Theirs", [PARSE], team_id=7)
    for workflow_id in (99, foreign):
        with pytest.raises(NotFoundError):
            way.done(client.workflows.get(workflow_id))
        with pytest.raises(NotFoundError):
            way.done(client.workflows.delete(workflow_id))
        with pytest.raises(NotFoundError):
            way.done(client.workflows.execute(workflow_id, URL))


@pytest.mark.parametrize("wrong", [-1, "5", None, 1.5, True])
def test_what_is_no_id_is_refused_and_nothing_is_sent(
    way: Way, simulator: Simulator, wrong: Any
) -> None:
    client = way.client(simulator)
    attempts: list[Any] = [
        lambda: client.workflows.get(wrong),
        lambda: client.workflows.delete(wrong),
        lambda: client.workflows.execute(wrong, URL),
    ]
    for attempt in attempts:
        with pytest.raises(InvalidArgumentError, match="workflow's id"):
            way.done(attempt())
    assert not simulator.requests


@pytest.mark.parametrize("wrong", ["5", 1.5, True])
def test_what_is_no_team_is_refused_and_nothing_is_sent(
    way: Way, simulator: Simulator, wrong: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="team's id"):
        way.done(way.client(simulator).workflows.list(team_id=wrong))
    assert not simulator.requests


def test_what_passes_is_forgiven_where_repeating_does_no_harm(
    way: Way, simulator: Simulator
) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    client = way.client(simulator)
    for call in (
        client.workflows.step_types,
        client.workflows.list,
        lambda: client.workflows.get(workflow_id),
    ):
        simulator.inject(Fault.status(503), Fault.reset())
        assert way.done(call())
    assert len(simulator.requests) == 9


def test_an_unknown_option_is_a_type_error(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    attempts: list[Any] = [
        lambda: client.workflows.step_types(retries=1),
        lambda: client.workflows.list(retries=1),
        lambda: client.workflows.get(1, retries=1),
        lambda: client.workflows.create("x", TWO_STEPS, retries=1),
        lambda: client.workflows.delete(1, retries=1),
        lambda: client.workflows.execute(1, URL, retries=1),
    ]
    for attempt in attempts:
        with pytest.raises(TypeError, match="retries"):
            way.done(attempt())
    assert not simulator.requests


# Create.


@pytest.mark.parametrize("tells", [True, False])
def test_a_definition_becomes_a_workflow(way: Way, simulator: Simulator, tells: bool) -> None:
    with_manners(simulator, create_tells_step_key=tells)
    client = way.client(simulator)
    definition = WorkflowDefinition(name="Invoices", steps=TWO_STEPS, description="for people")
    workflow = way.done(client.workflows.create(definition))
    assert [step.unique_name for step in workflow.steps] == ["parse", "extract"]
    assert [step.step_key is not None for step in workflow.steps] == [tells, tells]
    assert workflow.steps[1].depends_on == ("parse",)
    stored = simulator.workflows[workflow.id]
    assert stored.name == "Invoices"
    assert list(stored.steps) == [step.to_dict() for step in TWO_STEPS]
    assert not {drift for drift in client.drift.counts if drift.kind != "zone"}


def test_a_name_and_steps_do_as_well(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    workflow = way.done(client.workflows.create("Invoices", iter(TWO_STEPS)))
    assert (workflow.name, len(workflow.steps)) == ("Invoices", 2)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("Invoices",), "needs steps"),
        ((WorkflowDefinition(name="x", steps=TWO_STEPS), TWO_STEPS), "pass it without steps"),
        (({"name": "x", "steps": []},), "not {'name': 'x'"),
        (("Invoices", [PARSE]), "must hold StepDefinition"),
        (("Invoices", []), "at least one step"),
        (("", TWO_STEPS), "name: is empty"),
    ],
)
def test_what_is_no_definition_is_refused_and_nothing_is_sent(
    way: Way, simulator: Simulator, given: tuple[Any, ...], told: str
) -> None:
    client = way.client(simulator)
    with pytest.raises(InvalidArgumentError, match=told):
        way.done(client.workflows.create(*given))
    assert not simulator.requests


def test_what_only_the_server_knows_is_its_error(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    with pytest.raises(BadRequestError, match="marker_prase"):
        way.done(
            client.workflows.create(
                "x", [StepDefinition(step_key="marker_prase", unique_name="parse")]
            )
        )
    assert len(simulator.requests) == 1
    assert not simulator.workflows


# Secrets.


def slack(token: str) -> WorkflowDefinition:
    auth: Any = {"auth": {"type": "bearer", "token": token}, "url": "https://slack.example"}
    return WorkflowDefinition(
        name="Tell",
        steps=[StepDefinition(step_key="api_request", unique_name="post", settings=auth)],
    )


def test_placeholders_are_filled_when_the_workflow_is_created(
    way: Way, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_TOKEN", FILLED_IN)
    client = way.client(simulator)
    for definition, secrets in (
        (slack("${env:SLACK_TOKEN}"), None),
        (slack("${secret:slack}"), {"slack": FILLED_IN}),
    ):
        workflow = way.done(client.workflows.create(definition, secrets=secrets))
        sent: Any = json.loads(simulator.requests[-1].body)
        assert sent["steps"][0]["settings"]["auth"]["token"] == FILLED_IN
        assert FILLED_IN not in repr(workflow)
        assert FILLED_IN not in repr(workflow.steps)
        assert FILLED_IN not in repr(definition)
        assert workflow.steps[0].settings["url"] == "https://slack.example"


def test_all_that_is_missing_is_told_at_once(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    definition = WorkflowDefinition(
        name="Tell",
        steps=[
            StepDefinition(
                step_key="api_request",
                unique_name="one",
                settings={"token": "${env:NO_SUCH_THING}"},
            ),
            StepDefinition(
                step_key="api_request",
                unique_name="two",
                settings={"headers": [{"x": "${secret:gone}"}]},
            ),
        ],
    )
    with pytest.raises(InvalidDefinitionError) as caught:
        way.done(client.workflows.create(definition, secrets={"other": FILLED_IN}))
    assert [str(problem) for problem in caught.value.issues] == [
        "steps[0] 'one'.settings.token: the environment variable NO_SUCH_THING is not set",
        "steps[1] 'two'.settings.headers[0].x: secrets['gone'] is missing",
    ]
    assert not simulator.requests


ECHO = {"detail": [{"loc": ["body"], "msg": FILLED_IN, "type": "x", "input": FILLED_IN}]}


@pytest.mark.parametrize(
    "fault",
    [
        Fault.status(422, ECHO),
        Fault.status(400, {"detail": f"no such token: {FILLED_IN}"}),
        Fault.status(500, {"detail": FILLED_IN * 200}),
        Fault.status(503, ("x" * 190 + FILLED_IN).encode()),
        Fault.status(200, {"success": False, "message": f"no {FILLED_IN}"}),
        Fault.status(200, {"name": "x", "steps": [{"settings": {"token": FILLED_IN}}]}),
        Fault.status(200, f'{{"name": "{FILLED_IN}", "steps": ['.encode()),
        Fault.status(429, {"detail": FILLED_IN}),
    ],
)
def test_a_server_that_echoes_a_secret_does_not_get_it_into_an_error_or_a_log(
    way: Way, simulator: Simulator, fault: Fault
) -> None:
    """That no error of the test tells it is seen to for every test."""
    simulator.inject_always(fault)
    client = way.client(simulator, max_retries=1)
    with pytest.raises(DatalabError) as caught:
        way.done(client.workflows.create(slack("${secret:slack}"), secrets={"slack": FILLED_IN}))
    error: BaseException | None = caught.value
    while error is not None:
        assert FILLED_IN not in f"{error} {vars(error)}"
        error = error.__cause__ or error.__context__


def test_what_was_sent_is_told_with_its_placeholders(way: Way, simulator: Simulator) -> None:
    simulator.inject(Fault.reset())
    client = way.client(simulator)
    with pytest.raises(SubmissionUncertainError) as caught:
        way.done(client.workflows.create(slack("${secret:slack}"), secrets={"slack": FILLED_IN}))
    steps: Any = caught.value.sent["steps"]
    assert steps[0]["settings"]["auth"] == {"type": "bearer", "token": "${secret:slack}"}


def test_a_token_that_is_no_placeholder_is_not_told_either(way: Way, simulator: Simulator) -> None:
    simulator.inject(Fault.reset())
    client = way.client(simulator)
    definition = slack(FILLED_IN)
    with pytest.raises(SubmissionUncertainError) as caught:
        way.done(client.workflows.create(definition))
    assert FILLED_IN not in repr(definition)
    assert FILLED_IN not in repr(caught.value.sent)


# Delete.


def test_a_workflow_can_be_deleted(way: Way, simulator: Simulator) -> None:
    client = way.client(simulator)
    for given in (lambda n: n, lambda n: Workflow(id=n)):
        workflow_id = simulator.workflows.add("Ours", [PARSE])
        assert way.done(client.workflows.delete(given(workflow_id))) is None
        assert workflow_id not in simulator.workflows


@pytest.mark.parametrize(
    ("refusal", "kind"), [("status", BadRequestError), ("success", RequestRejectedError)]
)
def test_a_workflow_with_executions_is_not_deleted(
    way: Way, simulator: Simulator, refusal: str, kind: type[Exception]
) -> None:
    with_manners(simulator, refusal=refusal)
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    client = way.client(simulator)
    way.done(client.workflows.execute(workflow_id, URL))
    with pytest.raises(kind, match="has executions") as caught:
        way.done(client.workflows.delete(workflow_id))
    error: Any = caught.value
    assert (error.method, error.url) == (
        "DELETE",
        f"https://www.datalab.to/api/v1/workflows/workflows/{workflow_id}",
    )
    assert workflow_id in simulator.workflows


@pytest.mark.parametrize("lost", [Fault.reset(), Fault.truncate(3), Fault.hang()])
def test_a_deletion_whose_answer_is_lost_is_done_when_nothing_is_found_afterwards(
    way: Way, simulator: Simulator, lost: Fault
) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    client = way.client(simulator)
    simulator.inject(lost)
    way.done(client.workflows.delete(workflow_id))
    assert workflow_id not in simulator.workflows
    assert [one.status for one in simulator.requests][-1] == 404


# Execute.


@pytest.mark.parametrize("key", ["execution_id", "id"])
@pytest.mark.parametrize("shape", ["flat", "nested"])
def test_an_execution_is_started_and_can_be_waited_for(
    way: Way, simulator: Simulator, key: str, shape: str
) -> None:
    with_manners(simulator, execution_key=key, shape=shape)
    client = way.client(simulator)
    workflow = way.done(client.workflows.create("Invoices", TWO_STEPS))
    handle = way.done(client.workflows.execute(workflow, [URL, "datalab://file-abc"]))
    assert type(handle) is (AsyncExecutionHandle if way.is_async else ExecutionHandle)
    execution = way.done(handle.result())
    assert execution.workflow_id == workflow.id
    assert list(execution.steps) == ["parse", "extract"]
    assert execution.steps["parse"].finished_at == execution.steps["extract"].started_at
    if shape == "nested":
        assert [run.file_key for run in execution.steps["parse"].runs] == ["901", "abc"]


def test_a_script_says_what_the_executions_of_a_workflow_do(way: Way, simulator: Simulator) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    script = ExecutionScript([StepScript("parse", ends=5, outcome="FAILED", error="no pages")])
    simulator.script_for(workflow_id, script)
    client = way.client(simulator)
    execution = way.done(way.done(client.workflows.execute(workflow_id, URL)).wait())
    assert execution.failed
    assert execution.workflow_id == workflow_id


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (URL, {"type": "file_list", "file_urls": [URL]}),
        (InputConfig.single_file(URL), {"type": "single_file", "file_url": URL}),
        (InputConfig.file_urls([URL]), {"file_urls": [URL]}),
        (
            InputConfig.bucket("b", "p/", "*.pdf", "s3"),
            {"bucket": "b", "prefix": "p/", "pattern": "*.pdf", "storage_type": "s3"},
        ),
        (
            InputConfig.coerce(["datalab://file-abc"]),
            {"type": "file_list", "file_urls": ["datalab://file-abc"]},
        ),
    ],
)
def test_the_input_is_sent_as_it_was_given(
    way: Way, simulator: Simulator, given: Any, sent: Any
) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    way.done(way.client(simulator).workflows.execute(workflow_id, given))
    assert json.loads(simulator.requests[-1].body) == {"input_config": sent}


def test_without_an_input_none_is_sent(way: Way, simulator: Simulator) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    way.done(way.client(simulator).workflows.execute(workflow_id, None))
    assert json.loads(simulator.requests[-1].body) == {}


def test_an_input_that_is_wrong_is_refused_and_nothing_is_sent(
    way: Way, simulator: Simulator
) -> None:
    client = way.client(simulator)
    with pytest.raises(InvalidArgumentError, match=r"client\.files\.upload"):
        way.done(client.workflows.execute(1, "report.pdf"))
    assert not simulator.requests


# Honesty.


@pytest.mark.parametrize(
    "fault",
    [
        Fault.reset(),
        Fault.disconnect(),
        Fault.hang(),
        Fault.truncate(5),
        Fault.status(500),
        Fault.status(503),
        Fault.status(529),
        Fault.status(408),
        Fault.html(),
        Fault.invalid_json(),
        Fault.status(200, [1, 2]),
        Fault.status(200, {"status": "processing"}),
        Fault.status(204, b""),
        Fault.redirect("https://www.datalab.to/login", 302),
    ],
)
def test_when_it_cannot_be_known_the_error_says_what_was_sent_and_how_to_find_out(
    way: Way, simulator: Simulator, fault: Fault
) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    simulator.inject_always(fault)
    client = way.client(simulator)
    with pytest.raises(SubmissionUncertainError, match="dashboard") as caught:
        way.done(client.workflows.execute(workflow_id, presigned()))
    error = caught.value
    assert error.method == "POST"
    assert error.url.endswith(f"/api/v1/workflows/workflows/{workflow_id}/execute")
    assert error.url.startswith("https://www.datalab.to/")
    assert error.sent == {
        "workflow_id": workflow_id,
        "input_config": {"type": "file_list", "file_urls": ["https://storage.example/out.json?…"]},
    }
    assert SIGNATURE not in repr(error.sent)
    assert len(simulator.requests) == 1
    for other in (copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert (str(other), other.sent) == (str(error), error.sent)


def test_for_a_creation_the_way_to_find_out_is_the_list(way: Way, simulator: Simulator) -> None:
    simulator.inject(Fault.reset())
    client = way.client(simulator)
    with pytest.raises(SubmissionUncertainError, match=r"client\.workflows\.list\(\)"):
        way.done(client.workflows.create("Invoices", TWO_STEPS))
    [found] = way.done(client.workflows.list())
    assert found.name == "Invoices"


def test_it_is_sent_again_where_the_server_did_not_read_it(way: Way, simulator: Simulator) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    simulator.inject(Fault.status(429), Fault.status(429))
    way.done(way.client(simulator).workflows.execute(workflow_id, URL))
    assert len(simulator.requests) == 3
    assert len(simulator.execution_ids) == 1


def test_too_many_refusals_are_what_they_are(way: Way, simulator: Simulator) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    simulator.inject_always(Fault.status(429))
    with pytest.raises(RateLimitError):
        way.done(way.client(simulator).workflows.execute(workflow_id, URL))
    assert len(simulator.requests) == 3
    assert not simulator.execution_ids


def test_an_overloaded_server_is_asked_again_if_the_caller_believes_it(
    way: Way, simulator: Simulator
) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    client = way.client(simulator)
    simulator.inject(Fault.status(529), Fault.status(503))
    way.done(client.workflows.execute(workflow_id, URL, retry_overloaded=True))
    assert len(simulator.execution_ids) == 1
    simulator.inject_always(Fault.status(529))
    with pytest.raises(OverloadedError):
        way.done(client.workflows.execute(workflow_id, URL, retry_overloaded=True))
    with pytest.raises(OverloadedError):
        way.done(client.workflows.create("x", TWO_STEPS, retry_overloaded=True))
    assert len(simulator.execution_ids) == 1


def test_a_connection_that_was_never_made_is_tried_again(way: Way, simulator: Simulator) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    refusals = [2]
    inner = SimulatorTransport(simulator)

    class Refusing(httpx.BaseTransport, httpx.AsyncBaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            self._refuse()
            return inner.handle_request(request)

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self._refuse()
            return await inner.handle_async_request(request)

        def _refuse(self) -> None:
            if refusals[0]:
                refusals[0] -= 1
                raise httpx.ConnectError("refused")

    transport: Any = Refusing()
    client = way.client_over(transport, clock=simulator.clock)
    way.done(client.workflows.execute(workflow_id, URL))
    assert len(simulator.execution_ids) == 1
    refusals[0] = 9
    with pytest.raises(APIConnectionError) as caught:
        way.done(client.workflows.execute(workflow_id, URL))
    assert not caught.value.may_have_arrived
    assert len(simulator.execution_ids) == 1


def test_a_refusal_in_a_success_is_an_error_with_the_servers_words(
    way: Way, simulator: Simulator
) -> None:
    simulator.inject(Fault.status(200, {"success": False, "error": "Page limit exceeded"}))
    with pytest.raises(RequestRejectedError, match="Page limit exceeded") as caught:
        way.done(way.client(simulator).workflows.execute(5, URL))
    assert caught.value.detail == "Page limit exceeded"
    assert caught.value.url.endswith("/5/execute")


def test_the_servers_issues_come_with_their_places(way: Way, simulator: Simulator) -> None:
    issue = {"loc": ["body", "input_config"], "msg": "Input should be an object", "type": "x"}
    simulator.inject(Fault.status(422, {"detail": [issue]}))
    with pytest.raises(UnprocessableEntityError) as caught:
        way.done(way.client(simulator).workflows.execute(5, URL))
    assert caught.value.issues[0].loc == ("body", "input_config")


def test_an_interruption_carries_the_warning_that_it_may_have_been_started(
    way: Way, simulator: Simulator
) -> None:
    def interrupt(_request: Request, _count: int) -> Fault:
        raise KeyboardInterrupt

    simulator.inject_with(interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        way.done(way.client(simulator).workflows.execute(5, URL))
    assert any("may have been carried out" in note for note in caught.value.__notes__)


def test_a_cancellation_carries_it_as_well(simulator: Simulator) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])

    def cancel(_request: Request, _count: int) -> Fault:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return Fault.delay(5)

    simulator.inject_with(cancel)
    with Way("async") as way, pytest.raises(asyncio.CancelledError) as caught:
        way.done(way.client(simulator).workflows.execute(workflow_id, URL))
    assert any("may have been carried out" in note for note in caught.value.__notes__)
    assert len(simulator.execution_ids) == 1


def test_a_handle_of_a_started_execution_can_be_written_down(
    way: Way, simulator: Simulator
) -> None:
    workflow_id = simulator.workflows.add("Ours", [PARSE])
    simulator.script_for(workflow_id, SOON)
    client = way.client(simulator)
    note = way.done(client.workflows.execute(workflow_id, URL)).to_dict()
    assert way.done(client.executions.handle(note).result()).succeeded


def test_a_secret_that_is_no_text_is_told_by_its_name_and_nothing_is_sent(way: Way) -> None:
    simulator = new_simulator()
    definition = WorkflowDefinition(
        name="Ours", steps=[StepDefinition(step_key="marker_parse", unique_name="parse")]
    )
    with pytest.raises(InvalidArgumentError, match=r"secrets\['chat'\] must be a string"):
        way.done(way.client(simulator).workflows.create(definition, secrets={"chat": 7}))
    assert not simulator.requests
