"""Results of documents that are worked on by a real Dask cluster of two processes."""

from __future__ import annotations

import os
import pickle
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

from datalab_facade import (
    AsyncDatalab,
    Conversion,
    Convert,
    Datalab,
    DocumentFailedError,
    DownloadError,
    EmptyResultError,
    Extract,
    Extraction,
    UploadError,
    WaitPolicy,
    WaitTimeoutError,
)
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.integrations.dask import MappedResult, map_results
from datalab_facade.testing import DocumentScript, Fault, Simulator, SimulatorServer
from tests.conftest import leaks_in
from tests.heavy.conftest import until
from tests.heavy.test_dask import client_of, cluster, dask, datalab, on_workers, server, tasks_of
from tests.secrets_for_tests import API_KEY

__all__ = ["cluster", "dask", "datalab", "server"]

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(120)]

SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}


def text(result: Conversion) -> tuple[int, str, str]:
    return os.getpid(), str(result.source), result.markdown


def failing(result: Conversion) -> int:
    raise LookupError(f"nothing in {result}")


def submitted(server: SimulatorServer) -> int:
    return sum(request.method == "POST" for request in server.simulator.requests.of("api"))


def names(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number}.pdf" for number in range(count)]
    for path in paths:
        path.write_bytes(b"%PDF-1.7 " + path.name.encode())
    return paths


@pytest.mark.parametrize("via_url", [False, True], ids=["in the answer", "behind a URL"])
def test_each_result_is_worked_on_by_a_worker(
    via_url: bool, dask: Client, server: SimulatorServer, datalab: Datalab, tmp_path: Path
) -> None:
    server.simulator.documents.script_always(
        DocumentScript(seconds=0, markdown="# Nuts", via_url=via_url)
    )
    paths = names(tmp_path, 5)
    mapped = list(map_results(Convert(), paths, text, datalab=datalab))
    workers = set(on_workers(dask, os.getpid).values())
    results = [one.result() for one in mapped]
    assert {pid for pid, _, _ in results} <= workers
    assert sorted(name for _, name, _ in results) == [path.name for path in paths]
    assert {markdown for _, _, markdown in results} == {"# Nuts"}
    assert sorted(str(one.source) for one in mapped) == [str(path) for path in paths]
    assert all(one.request is not None and one.id == one.request.id for one in mapped)
    assert submitted(server) == 5
    # A worker fetches what is behind a URL, and this process nothing.
    storage = server.simulator.requests.of("storage")
    assert len(storage) == (5 if via_url else 0)
    assert set(on_workers(dask, os.environ.get, "DATALAB_API_KEY").values()) == {None}


def test_sources_of_every_sort_are_taken(
    dask: Client, server: SimulatorServer, datalab: Datalab, tmp_path: Path
) -> None:
    server.simulator.documents.script_always(DocumentScript(seconds=0))
    [path] = names(tmp_path, 1)
    sources: list[Any] = [path, str(path), b"%PDF-1.7", "https://a.test/b.pdf"]
    with path.open("rb") as file:
        mapped = list(map_results(Convert(), [*sources, file], text, datalab=datalab))
        assert {id(one.source) for one in mapped} == {id(one) for one in (*sources, file)}
    assert len([one.result() for one in mapped]) == 5


def test_an_extraction_keeps_its_schema_and_its_task(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    server.simulator.documents.script_always(DocumentScript(seconds=0, extraction={"total": 12.5}))

    def total(result: Extraction[Any]) -> tuple[Any, bool, str | None]:
        assert result.task is not None
        hook: str | None = getattr(result.task, "webhook_url", "none")
        return result.data["total"], "total" in result.fields, hook

    task = Extract(SCHEMA, webhook_url="https://hook.test/secret")
    [mapped] = map_results(task, [b"%PDF-1.7"], total, datalab=datalab)
    assert mapped.result() == (12.5, True, None)


def test_whatever_fails_is_a_typed_error_on_its_future_and_none_is_lost(
    dask: Client, server: SimulatorServer, datalab: Datalab, tmp_path: Path
) -> None:
    scripts = {
        "failed": DocumentScript(seconds=0, error="no pages"),
        "never": DocumentScript(seconds=None),
        "empty": DocumentScript(seconds=0, markdown=" ", extra={"markdown": ""}),
        "over": DocumentScript(seconds=0),
    }
    paths = []
    for name in scripts:
        paths.append(tmp_path / f"{name}.pdf")
        paths[-1].write_bytes(b"%PDF-1.7")
    wrong: Any = 5
    sources: list[Any] = [*paths, tmp_path / "missing.pdf", wrong]
    order = iter(scripts.values())
    policy = WaitPolicy(min_interval=0.1, max_interval=0.1, timeout=1)
    errors: dict[str, BaseException] = {}
    for source in sources:
        if source in paths:
            server.simulator.documents.script(next(order))
        [mapped] = map_results(Convert(), [source], failing, datalab=datalab, policy=policy)
        with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is looked at below
            mapped.result()
        assert mapped.source is source
        assert (mapped.id is None) == (source not in paths)
        errors[source.stem if isinstance(source, Path) else str(source)] = caught.value
    for script in scripts.values():
        server.simulator.documents.script(script)
    one_by_one: dict[str, Any] = {"concurrency": 1, "policy": policy, "datalab": datalab}
    every = [*map_results(Convert(), sources, failing, **one_by_one)]
    assert sorted(sources.index(one.source) for one in every) == [*range(len(sources))]
    kinds = [type(one.future.exception()) for one in every]
    assert Counter(kinds) == Counter(map(type, errors.values()))
    assert {name: type(error) for name, error in errors.items()} == {
        "failed": DocumentFailedError,
        "never": WaitTimeoutError,
        "empty": EmptyResultError,
        "over": LookupError,
        "missing": UploadError,
        "5": InvalidArgumentError,
    }
    assert "no pages" in str(errors["failed"])


def test_an_error_of_one_source_leaves_the_others_alone(
    dask: Client, server: SimulatorServer, datalab: Datalab, tmp_path: Path
) -> None:
    server.simulator.documents.script_always(DocumentScript(seconds=0))
    paths = names(tmp_path, 4)
    sources = [tmp_path / "missing.pdf", *paths, tmp_path / "gone.pdf"]
    mapped = list(map_results(Convert(), sources, text, datalab=datalab))
    failed = [one for one in mapped if isinstance(one.future.exception(), UploadError)]
    assert len(mapped) == 6
    assert {one.source for one in failed} == {sources[0], sources[-1]}


def test_an_expired_url_is_renewed_where_the_key_is(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    server.simulator.documents.script_always(DocumentScript(seconds=0, via_url=True))
    server.simulator.inject(Fault.status(403), origin="storage")
    [mapped] = map_results(Convert(), [b"%PDF-1.7"], text, datalab=datalab)
    assert mapped.result()[2]
    assert len(server.simulator.requests.of("storage")) == 2


def test_a_url_that_is_refused_again_and_again_ends_as_an_error(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    server.simulator.documents.script_always(DocumentScript(seconds=0, via_url=True))
    server.simulator.inject_always(Fault.status(403), origin="storage")
    [mapped] = map_results(Convert(), [b"%PDF-1.7"], text, datalab=datalab)
    with pytest.raises(DownloadError) as caught:
        mapped.result()
    assert caught.value.reason == "expired"
    assert submitted(server) == 1


def test_slow_takers_hold_back_what_is_submitted(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    server.simulator.documents.script_always(DocumentScript(seconds=0))

    def sources() -> Iterator[bytes]:
        while True:
            yield b"%PDF-1.7"

    results = map_results(
        Convert(), sources(), text, datalab=datalab, max_in_flight=2, concurrency=3
    )
    for taken in range(1, 9):
        next(results).result()
        # Waited for, on the cluster, and on their way to Datalab.
        assert submitted(server) <= taken + 3 + 2 + 1 + 2 * 8
    results.close()
    until(lambda: "datalab-map" not in {thread.name for thread in threading.enumerate()})


def test_the_key_stays_here_and_no_log_holds_a_signature(
    cluster: LocalCluster, dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    server.simulator.documents.script(
        DocumentScript(seconds=0, via_url=True), DocumentScript(seconds=0)
    )
    task = Convert(webhook_url="https://hook.test/secret")
    mapped = list(map_results(task, [b"%PDF-1.7"] * 2, failing, datalab=datalab))
    shown = repr(mapped)
    for one in mapped:
        task_state = tasks_of(cluster)[one.future.key]
        sent = pickle.dumps(task_state.run_spec)
        assert API_KEY.encode() not in sent
        assert b"hook.test" not in sent
        shown += repr(task_state) + repr(task_state.run_spec) + str(task_state.key)
        assert isinstance(one, MappedResult)
    logs = str(dask.get_worker_logs()) + str(dask.get_scheduler_logs())
    assert "nothing in" in logs
    assert not leaks_in(shown + logs)


def test_what_reading_the_sources_raises_comes_after_the_results(
    dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    server.simulator.documents.script_always(DocumentScript(seconds=0))

    def sources() -> Iterator[bytes]:
        yield b"%PDF-1.7 1"
        yield b"%PDF-1.7 2"
        raise ZeroDivisionError

    results = map_results(Convert(), sources(), text, datalab=datalab)
    for _ in range(2):
        assert next(results).result()[2]
    with pytest.raises(ZeroDivisionError):
        next(results)


def _holding(what: object) -> Callable[[Conversion], str]:
    return lambda result: str(what)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"task": "convert"}, "task must be a task"),
        ({"sources": "a.pdf"}, "sources must be a list"),
        ({"sources": 5}, "sources must be"),
        ({"function": "text"}, "function of a result"),
        ({"function": _holding(threading.Lock())}, "cannot be sent to workers"),
        ({"max_in_flight": 0}, "max_in_flight"),
        ({"concurrency": 0}, "concurrency"),
        ({"max_bytes": -1}, "max_bytes"),
        ({"timeout": 0}, "timeout"),
        ({"datalab": AsyncDatalab("key")}, "the blocking client"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(
    change: dict[str, Any], said: str, dask: Client, server: SimulatorServer, datalab: Datalab
) -> None:
    all_of: dict[str, Any] = {"task": Convert(), "sources": [b"%PDF-1.7"], "function": text}
    all_of |= {"datalab": datalab, "client": dask} | change
    with pytest.raises(InvalidArgumentError, match=said):
        map_results(**all_of)
    assert not server.simulator.requests


def test_a_worker_that_dies_loses_nothing_and_nothing_is_paid_twice(dask: Client) -> None:
    simulator = Simulator(api_key=API_KEY)
    simulator.documents.script_always(DocumentScript(seconds=0.1, via_url=True))
    with SimulatorServer(simulator) as server, client_of(server) as datalab:
        before = set(on_workers(dask, os.getpid).values())
        taken = []
        killed = 0
        for mapped in map_results(Convert(), [b"%PDF-1.7"] * 20, text, datalab=datalab):
            taken.append(mapped)
            if len(taken) == 10:
                killed = mapped.result()[0]
                os.kill(killed, 9)
        pids = {mapped.result()[0] for mapped in taken}
        assert submitted(server) == 20
    assert killed in before
    assert killed not in pids
