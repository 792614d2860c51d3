"""Every family of jobs is taken by what takes jobs of all families, also one that is new."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest

from datalab_facade import (
    AsyncDatalab,
    Datalab,
    DatalabError,
    InvalidArgumentError,
    RunReport,
    Status,
)
from datalab_facade.cli.recording import Target
from datalab_facade.documents.receipts import SavedFile, SavedResult, manifest_of
from datalab_facade.integrations.airflow import families as airflow_families
from datalab_facade.integrations.airflow.events import WaitEvent
from datalab_facade.integrations.airflow.families import family_of, handle_of
from datalab_facade.integrations.airflow.job_requests import JobRequest
from datalab_facade.integrations.airflow.memory import is_still_there
from datalab_facade.integrations.airflow.submissions import Submission as SubmissionOnce
from datalab_facade.jobs.async_resource import AsyncJobs
from datalab_facade.jobs.resource import Jobs, JobWaits
from datalab_facade.jobs.retries import Submission
from datalab_facade.models import JSON
from datalab_facade.pipelines.run_task import RunPipeline
from datalab_facade.runs import async_families, async_runner, families, runner
from datalab_facade.runs.async_task_runs import AsyncTaskRun
from datalab_facade.runs.job_family import (
    JobFamily,
    Place,
    Saved,
    Sending,
    failed_result,
    family_of_id,
    recalled,
    saved_result,
)
from datalab_facade.runs.run_records import RunEntry
from datalab_facade.runs.task_runs import TaskRun
from datalab_facade.testing import Fault
from datalab_facade.transport.operations import Operation
from tests.in_process import SOON, blocking, new_simulator
from tests.test_jobs import TOASTS, Kitchen, Toast
from tests.ways import Way

FAMILIES = [one.family for one in families.FAMILIES]


def test_both_clients_have_the_same_families() -> None:
    assert [one.family for one in async_families.FAMILIES] == FAMILIES


def test_every_resource_of_jobs_belongs_to_a_family() -> None:
    with blocking(new_simulator()) as client:
        for family in FAMILIES:
            assert family.jobs(client).kind is family.kind
    kinds = {one.kind.name for one in subclasses(JobWaits) if hasattr(one, "kind")}
    assert kinds == {family.kind.name for family in FAMILIES}


def subclasses(parent: type) -> set[Any]:
    """Return the classes of the package that are derived from one, at any depth."""
    found: list[Any] = parent.__subclasses__()
    children = {one for one in found if one.__module__.startswith("datalab_")}
    return children.union(*map(subclasses, children))


@pytest.mark.parametrize(
    ("text", "kind", "job_id"),
    [
        (7, "execution", 7),
        (" 7\n", "execution", 7),
        ("pex_k8Hx9mP2nQ4v", "pipeline execution", "pex_k8Hx9mP2nQ4v"),
        ("track-changes/Qm3x", "document", "track-changes/Qm3x"),
    ],
)
def test_an_id_belongs_to_one_family(text: object, kind: str, job_id: object) -> None:
    family, found = family_of_id(FAMILIES, text)
    assert (family.kind.name, found) == (kind, job_id)
    assert [one for one in FAMILIES if one.id_of(found) is not None] == [family]


def test_documents_refuse_a_task_of_another_family_before_anything_is_sent(way: Way) -> None:
    simulator = new_simulator()
    with pytest.raises(InvalidArgumentError, match="RunPipeline is not a task of"):
        way.done(way.client(simulator).documents.submit(RunPipeline("pl_1"), "https://a.example/1"))
    assert not simulator.requests


@pytest.mark.parametrize("wrong", ["", "Qm3x", "convert/", "parcels/7", None, True, 1.5, "9" * 400])
def test_what_no_family_takes_for_an_id_is_refused_with_an_example_of_each(wrong: object) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        family_of_id(FAMILIES, wrong)
    assert all(one.id_example in str(caught.value) for one in FAMILIES)


def test_what_an_execution_left_behind_is_saved_through_its_family_or_the_error_tells_why_not(
    tmp_path: Path,
) -> None:
    simulator = new_simulator()
    with blocking(simulator) as client:
        execution_id = simulator.start(SOON)
        client.executions.wait(execution_id)
        handle = handle_of(client, execution_id)
        family = family_of(handle)
        assert family.describe(execution_id) == f"Execution {execution_id}"
        manifest: Any = family.save(client, handle, str(tmp_path / "out"))
        assert (manifest["execution_id"], manifest["failed"]) == (execution_id, [])
        assert manifest["saved"]
        for one in manifest["saved"]:
            assert (tmp_path / "out" / f"execution-{execution_id}" / one["path"]).is_file()
        simulator.inject_always(Fault.status(404), origin="storage")
        with pytest.raises(DatalabError, match=r"failed: The output of step \w+ of execution"):
            family.save(client, handle, str(tmp_path / "other"))


# A new family: that of the toaster in ``test_jobs``, from here to the line below.


@attrs.frozen
class MakeToast:
    """What is done with each file."""

    fails: bool = False

    def to_dict(self) -> dict[str, JSON]:
        return {"fails": self.fails}

    redacted = to_dict


def _submission(task: MakeToast, sending: Sending) -> tuple[Operation, Submission]:
    path = "/api/v1/toasts"
    body: JSON = {"name": sending.item.source, **task.to_dict()}
    return (
        Operation(name="toast", template=path, method="POST", path=path, json=body),
        Submission(
            "the toast", "Look", on_leaving=sending.on_leaving, on_refused=sending.on_refused
        ),
    )


def _id_of_answer(answer: JSON) -> str:
    assert isinstance(answer, dict)
    return str(answer["id"])


def _save_in(folder: Path, toast_id: str) -> SavedResult:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "toast.txt").write_text("brown")
    file = SavedFile(path="toast.txt", bytes=5, sha256="0")
    return SavedResult(id=toast_id, files=(file,), folder=folder)


def _saved(toast: Toast, place: Place) -> Saved:
    if not toast.succeeded:
        return failed_result(TOASTS.failure(toast), Status.FAILED)
    return saved_result(Status.COMPLETED, (_save_in(place.folder, toast.id),), place)


def _recall(entry: RunEntry, folder: Path) -> Saved | None:
    if entry.ended is None:
        return None
    return recalled(entry) if entry.reason or (folder / "toast.txt").is_file() else None


def _keep(_: Datalab, handle: Mapping[str, JSON], folder: str) -> dict[str, JSON]:
    return manifest_of(_save_in(Path(folder), str(handle["id"])))


TOAST_FAMILY = JobFamily(
    kind=TOASTS,
    found_at="toasts",
    noun="toast",
    id_of=lambda job: job if isinstance(job, str) and job.isalnum() and job[0] in "ab" else None,
    id_example="a30",
    task_of=lambda task: task if isinstance(task, MakeToast) else None,
    fetch=lambda job_id: f"client.toasts.get({job_id!r})",
    recall=_recall,
    save=_keep,
)


class AsyncToastRun(AsyncTaskRun[Toast, str]):
    """Toasting files, for async code."""

    family = TOAST_FAMILY

    async def start(self, sending: Sending, *, content_type: str | None) -> str:
        del content_type
        operation, submission = _submission(self._task, sending)
        return await self.jobs._calls.submit(
            operation, _id_of_answer, timeout=None, options={}, submission=submission
        )

    async def save(self, ended: Toast, place: Place) -> Saved:
        return _saved(ended, place)


class ToastRun(TaskRun[Toast, str]):
    """What ``scripts/unasync.py`` would make of it."""

    family = TOAST_FAMILY

    def start(self, sending: Sending, *, content_type: str | None) -> str:
        del content_type
        operation, submission = _submission(self._task, sending)
        return self.jobs._calls.submit(
            operation, _id_of_answer, timeout=None, options={}, submission=submission
        )

    def save(self, ended: Toast, place: Place) -> Saved:
        return _saved(ended, place)


# The end of the new family.


class Bakery(Kitchen):
    """A kitchen that takes orders: what is ordered has ended 30 seconds later."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[bytes] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            return super().handle_request(request)
        self.orders.append(request.content)
        burns = b"true" in request.content
        return httpx.Response(
            200, json={"id": f"{'ab'[burns]}{self.clock.monotonic() + 30 + len(self.orders):.0f}"}
        )


def _toasts_of(jobs: Any, client: Any) -> Any:
    return jobs(client._api, client._context, TOASTS)


@pytest.fixture
def bakery(monkeypatch: pytest.MonkeyPatch) -> Bakery:
    """Give a server for the new family, whose lines are in the table and at the front doors."""
    table = (ToastRun, *families.FAMILIES)
    for module in (families, runner):
        monkeypatch.setattr(module, "FAMILIES", table)
    monkeypatch.setattr(async_runner, "FAMILIES", (AsyncToastRun, *async_families.FAMILIES))
    monkeypatch.setitem(airflow_families._FAMILIES, "toast", TOAST_FAMILY)
    for client, jobs in ((Datalab, Jobs), (AsyncDatalab, AsyncJobs)):
        monkeypatch.setattr(client, "toasts", property(partial(_toasts_of, jobs)), raising=False)
    return Bakery()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("rye.pdf", "white.pdf"):
        (folder / name).write_text(name)
    return folder


def test_a_new_family_runs_over_a_folder_and_goes_on_in_the_next_call(
    way: Way, bakery: Bakery, folder: Path, tmp_path: Path
) -> None:
    client, out = way.client_over(bakery, clock=bakery.clock), tmp_path / "out"
    report = way.done(client.run(MakeToast(), folder / "rye.pdf", output_dir=out))
    assert report, str(report)
    assert (out / "rye" / "toast.txt").is_file()
    report = way.done(client.run(MakeToast(), folder, output_dir=out))
    assert [result.succeeded for result in report.results] == [True, True]
    assert len(bakery.orders) == 2
    known = RunReport.read(out)
    assert [one.job_id for one in known.results] == [one.job_id for one in report.results]
    assert "MakeToast" in known.html()


def test_a_job_of_a_new_family_that_failed_is_not_paid_again(
    way: Way, bakery: Bakery, folder: Path, tmp_path: Path
) -> None:
    client = way.client_over(bakery, clock=bakery.clock)
    for _ in range(2):
        report = way.done(client.run(MakeToast(fails=True), folder, output_dir=tmp_path / "out"))
        assert [one.reason for one in report.results] == [
            f"Toast {one.job_id} is burnt" for one in report.results
        ]
    assert len(bakery.orders) == 2


class Store:
    """What a task of a DAG run remembers."""

    def __init__(self) -> None:
        self.kept: dict[str, object] = {}

    def get(self, key: str) -> object:
        return self.kept.get(key)

    def set(self, key: str, value: dict[str, JSON]) -> None:
        self.kept[key] = value

    def delete(self, key: str) -> None:
        self.kept.pop(key, None)


def test_airflow_submits_a_new_family_once_waits_for_it_and_saves_it(
    bakery: Bakery, tmp_path: Path
) -> None:
    with Datalab("key", http_client=httpx.Client(transport=bakery), clock=bakery.clock) as client:
        family, jobs = TOAST_FAMILY, _toasts_of(Jobs, client)
        for job in (
            "a30",
            jobs.get("a30"),
            jobs.handle("a30"),
            {"handle": jobs.handle("a30").to_dict()},
        ):
            assert handle_of(client, job) == jobs.handle_to_dict("a30")
        handle = handle_of(client, "a30")
        request = JobRequest("toast", ["a30"], lambda _: handle)
        started = [SubmissionOnce(client, store, request) for store in [Store()] * 2]
        assert [one.start_once().before for one in started] == [False, True]
        assert family_of(handle) is family
        event = WaitEvent.of_snapshot(handle, family.jobs(client).wait(handle))
        result = event.to_result(family.save(client, handle, str(tmp_path)))
    assert (result["job_id"], result["status"]) == ("a30", "COMPLETED")
    assert is_still_there(result["manifest"])


def test_the_command_line_records_an_answer_of_a_new_family(bakery: Bakery) -> None:
    assert Target.parse("a30").path == "/api/v1/toasts/a30"
    assert bakery.polls == []
