"""Values arrive whole: in other processes, from files, and from other versions."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import pickletools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from datalab_facade import (
    AsyncExecutionHandle,
    ClientStateError,
    Execution,
    ExecutionHandle,
    InvalidArgumentError,
    RunResult,
    Status,
    WaitPolicy,
    __version__,
)
from datalab_facade.pickling import picklable, rebuilt
from tests.conftest import leaks_in
from tests.in_process import SOON, blocking, new_simulator
from tests.pickling.samples import EXECUTION, plain, travellers
from tests.pickling.write import WRITTEN
from tests.ways import Way

TRAVELLERS = travellers()
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
each_traveller = pytest.mark.parametrize("name", TRAVELLERS)
each_version = pytest.mark.parametrize(
    "written", sorted(WRITTEN.glob("*.json")), ids=lambda path: path.stem
)


@each_traveller
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_value_arrives_whole_by_pickle(name: str, protocol: int) -> None:
    value = TRAVELLERS[name]
    assert plain(pickle.loads(pickle.dumps(value, protocol))) == plain(value)


@each_traveller
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_value_is_whole(name: str, copied: Callable[[object], object]) -> None:
    assert plain(copied(TRAVELLERS[name])) == plain(TRAVELLERS[name])


@each_traveller
def test_a_value_whose_class_reads_json_arrives_whole_by_json(name: str) -> None:
    value = TRAVELLERS[name]
    if not (hasattr(value, "to_dict") and hasattr(value, "from_dict")):
        assert type(value).__name__ not in {"Execution", "Workflow", "File", "Manifest"}
        return
    assert type(value).from_dict(json.loads(json.dumps(value.to_dict()))) == value


def test_a_documented_status_is_the_same_object_wherever_it_has_been() -> None:
    result = RunResult(source="a.pdf", folder=Path("out"), status=Status.COMPLETED)
    assert pickle.loads(pickle.dumps(result)).succeeded
    assert copy.deepcopy(Status.COMPLETED) is Status.COMPLETED
    assert pickle.loads(pickle.dumps(Status.UNKNOWN)) is Status.UNKNOWN
    assert pickle.loads(pickle.dumps(Status("PAUSED"))) == "PAUSED"


@each_version
def test_a_value_arrives_whole_from_an_older_version(written: Path) -> None:
    entries = json.loads(written.read_text(encoding="utf-8"))
    assert len(entries) > 50
    for name, entry in entries.items():
        arrived = pickle.loads(base64.b64decode(entry["pickle"]))
        if name in TRAVELLERS:
            assert plain(arrived) == plain(TRAVELLERS[name]), name
        if "json" in entry and hasattr(arrived, "from_dict"):
            assert type(arrived).from_dict(entry["json"]) == arrived, name


@each_version
def test_a_handle_arrives_from_an_older_version(written: Path) -> None:
    entries = json.loads(written.read_text(encoding="utf-8"))
    client = blocking(new_simulator())
    for name, kind in (
        ("ExecutionHandle", ExecutionHandle),
        ("AsyncExecutionHandle", AsyncExecutionHandle),
    ):
        handle = pickle.loads(base64.b64decode(entries[name]["pickle"]))
        assert type(handle) is kind
        assert client.executions.handle(handle).id == 123
        assert client.executions.handle(entries[name]["json"]).id == 123


def test_what_this_version_writes_is_kept() -> None:
    kept = WRITTEN / f"{__version__}.json"
    assert kept.exists(), "run: python -m tests.pickling.write"
    entries = json.loads(kept.read_text(encoding="utf-8"))
    assert entries.keys() - {"ExecutionHandle", "AsyncExecutionHandle"} == TRAVELLERS.keys()


def _fields_in_pickle(value: Any) -> dict[str, object]:
    make, (kind, fields) = value.__reduce__()
    assert (make, kind) == (rebuilt, type(value))
    return dict(fields)


def test_a_field_of_a_newer_version_is_left_out_and_one_of_this_version_has_its_default() -> None:
    @picklable
    @attrs.frozen
    class Newer:
        shared: int
        added: str = "default"

    @picklable
    @attrs.frozen
    class Older:
        shared: int

    assert rebuilt(Older, _fields_in_pickle(Newer(1, "added"))) == Older(1)
    assert rebuilt(Newer, _fields_in_pickle(Older(1))) == Newer(1, "default")


def test_json_of_a_newer_version_is_read_without_what_it_added() -> None:
    newer: dict[str, Any] = EXECUTION.to_dict()
    newer["priority"] = 3
    newer["steps"][0]["runs"][0]["cost"] = 1.5
    assert Execution.from_dict(newer) == EXECUTION
    for name in ("File", "Workflow", "StepType"):
        value = TRAVELLERS[name]
        assert type(value).from_dict({**value.to_dict(), "novel": 1}) == value


def test_a_pickle_names_nothing_but_public_values_and_their_fields() -> None:
    for name, value in TRAVELLERS.items():
        named = {
            argument.split(" ")[0]
            for operation, argument, _ in pickletools.genops(pickle.dumps(value, 2))
            if operation.name == "GLOBAL" and isinstance(argument, str)
        }
        ours = {module for module in named if module.startswith("datalab_")}
        assert not {module for module in ours if "transport" in module or "client" in module}, name
        assert ours, name


def test_a_policy_that_makes_no_sense_does_not_arrive() -> None:
    fields = _fields_in_pickle(WaitPolicy())
    with pytest.raises(InvalidArgumentError, match="interval"):
        rebuilt(WaitPolicy, {**fields, "min_interval": -1.0})


def test_a_handle_that_was_pickled_says_what_it_needs(way: Way) -> None:
    simulator = new_simulator()
    handle = way.client(simulator).executions.handle(simulator.start(SOON))
    for protocol in PROTOCOLS:
        arrived = pickle.loads(pickle.dumps(handle, protocol))
        assert type(arrived) is type(handle)
        assert arrived == handle
        assert arrived.to_dict() == handle.to_dict()
        assert repr(arrived) == repr(handle)
        for use in ("get", "wait", "result", "fetch_outputs"):
            with pytest.raises(ClientStateError, match=r"client\.executions\.handle\(handle\)"):
                way.done(getattr(arrived, use)())
        with pytest.raises(ClientStateError, match=r"https://www\.datalab\.to"):
            arrived.watch()


@pytest.mark.parametrize(
    "changed", [{"id": None}, {"id": True}, {"id": 1.5}, {"kind": 7}, {"origin": None}], ids=str
)
def test_a_pickle_that_holds_no_handle_is_refused_in_words(
    way: Way, changed: dict[str, Any]
) -> None:
    handle = way.client(new_simulator()).executions.handle(7)
    make, (kind, data) = handle.__reduce__()
    assert make(kind, data) == handle
    with pytest.raises(InvalidArgumentError, match="does not hold a handle of this version"):
        make(kind, {**data, **changed})


def test_what_stands_for_the_client_of_a_pickled_handle_is_copied_like_anything(way: Way) -> None:
    simulator = new_simulator()
    handle = way.client(simulator).executions.handle(simulator.start(SOON))
    nobody = pickle.loads(pickle.dumps(handle))._jobs
    assert copy.deepcopy(nobody).handle_to_dict(7) == nobody.handle_to_dict(7)
    assert nobody.handle_to_dict(7)["origin"] == "https://www.datalab.to"


def test_a_handle_that_was_pickled_twice_still_gets_a_client(way: Way) -> None:
    simulator = new_simulator()
    handle = way.client(simulator).executions.handle(simulator.start(SOON))
    arrived = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(handle))))
    assert way.done(way.client(simulator).executions.handle(arrived).result()).succeeded


def test_a_copy_of_a_handle_keeps_its_client(way: Way) -> None:
    simulator = new_simulator()
    handle = way.client(simulator).executions.handle(simulator.start(SOON))
    for copied in (copy.copy(handle), copy.deepcopy(handle)):
        assert way.done(copied.result()).succeeded


def test_a_handle_of_another_origin_is_refused(way: Way) -> None:
    simulator = new_simulator()
    other = way.client(simulator, base_url="https://eu.datalab.example").executions.handle(1)
    for handle in (other, pickle.loads(pickle.dumps(other))):
        with pytest.raises(InvalidArgumentError, match=r"eu\.datalab\.example"):
            way.client(simulator).executions.handle(handle)


def test_a_pickled_handle_tells_no_key(way: Way) -> None:
    handle = way.client(new_simulator()).executions.handle(1)
    assert not leaks_in(pickle.dumps(handle, 0).decode("ascii"))


_CHILD = """
import pickle, sys
handles = pickle.load(sys.stdin.buffer)
try:
    handles[0].get()
except RuntimeError as error:
    refused = str(error)
sys.stdout.buffer.write(pickle.dumps((handles, refused)))
"""


def test_handles_travel_to_another_process_and_back(way: Way) -> None:
    simulator = new_simulator()
    client = way.client(simulator)
    sent = [blocking(simulator).executions.handle(simulator.start(SOON)) for _ in range(3)]
    child = subprocess.run(
        [sys.executable, "-c", _CHILD],
        input=pickle.dumps(sent),
        capture_output=True,
        timeout=30,
        check=True,
    )
    arrived, refused = pickle.loads(child.stdout)
    assert arrived == sent
    assert "a pickle holds no client" in refused
    for handle in arrived:
        assert way.done(client.executions.handle(handle).result()).succeeded
