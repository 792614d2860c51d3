"""What the README says of Datalab's own client and of this one, tried with both."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from benchmarks.__main__ import BENCHMARKS
from datalab_facade import (
    APIStatusError,
    Convert,
    Datalab,
    DocumentFailedError,
    ExecutionFailedError,
    Extract,
    PipelineFailedError,
    WaitTimeoutError,
)
from datalab_facade.testing import (
    DocumentScript,
    ExecutionScript,
    Fault,
    Request,
    Simulator,
    SimulatorServer,
    StepScript,
    VirtualClock,
    connect,
)
from tests.markdown import ROOT
from tests.warm import warm

_README = (ROOT / "README.md").read_text(encoding="utf-8")
_ROWS = re.findall(
    r"^\| ([^|]+) \| [^|]+ \| [^|]+ \| `(test_\w+|--only \w+)` \|$", _README, re.MULTILINE
)

Waited: TypeAlias = dict[str, Any]


def _theirs(
    server: SimulatorServer, execution: int, *, in_a_loop: bool = False, **options: Any
) -> Waited:
    given = {
        "key": server.simulator.api_key,
        "url": server.api_url,
        "execution": execution,
        "in_a_loop": in_a_loop,
        "options": {"max_polls": 5, "poll_interval": 0, **options},
    }
    done = subprocess.run(
        warm("tests.faithful.official_wait"),
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        input=json.dumps(given),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    told: Waited = json.loads(done.stdout)
    return told


def _both(
    script: ExecutionScript, *faults: Fault, origin: Any = "api", **options: Any
) -> tuple[Waited, Datalab, int]:
    """Let their client wait; give what came of it, and a client of ours that is to do the same."""
    simulators = Simulator(), Simulator(VirtualClock())
    first, second = (one.start(script) for one in simulators)
    for simulator in simulators:
        simulator.inject(*faults, origin=origin)
    with SimulatorServer(simulators[0]) as server:
        return _theirs(server, first, **options), connect(simulators[1]), second


NESTED = ExecutionScript([StepScript("parse", output={"pages": 2})], shape="nested")
FLAT = ExecutionScript([StepScript("parse", output={"pages": 2})], shape="flat")


def test_one_answer_of_503_ends_their_wait_and_not_ours() -> None:
    theirs, client, execution_id = _both(NESTED, Fault.status(503))
    assert theirs == {"raised": "DatalabAPIError"}
    with client:
        assert client.executions.wait(execution_id).succeeded


def test_when_time_is_up_they_give_what_they_saw_last_and_we_raise() -> None:
    endless = ExecutionScript([StepScript("parse", ends=None)])
    theirs, client, execution_id = _both(endless)
    assert (theirs["raised"], theirs["status"]) == (None, "IN_PROGRESS")
    with client, pytest.raises(WaitTimeoutError) as raised:
        client.executions.wait(execution_id, timeout=60)
    assert raised.value.id == execution_id


def test_a_failed_execution_is_a_result_there_and_an_error_with_its_reason_here() -> None:
    failing = ExecutionScript([StepScript("parse", outcome="FAILED", error="no pages")])
    theirs, client, execution_id = _both(failing)
    assert (theirs["raised"], theirs["status"], theirs["error"]) == (None, "FAILED", None)
    with client, pytest.raises(ExecutionFailedError, match="parse: no pages"):
        client.executions.result(execution_id)


def test_outputs_of_the_documented_shape_are_fetched_only_here(tmp_path: Path) -> None:
    theirs, client, execution_id = _both(FLAT, download_results=True)
    assert theirs["status"] == "COMPLETED"
    assert "downloaded_data" not in json.dumps(theirs)
    with client:
        assert len(client.outputs.save_all(execution_id, tmp_path).saved) == 1


def test_an_output_that_fails_once_is_a_note_in_their_result_and_tried_again_here() -> None:
    theirs, client, execution_id = _both(
        NESTED, Fault.status(503), origin="storage", download_results=True
    )
    [run] = theirs["steps"]["parse"].values()
    assert (theirs["raised"], theirs["status"]) == (None, "COMPLETED")
    assert run["error"] == "Failed to download: HTTP 503"
    assert "downloaded_data" not in run
    with client:
        [output] = client.executions.result(execution_id).outputs
        assert client.outputs.read_json(output) == {"pages": 2}


def _keys_at_another_origin(wait: Callable[[SimulatorServer, int], None]) -> list[str]:
    simulator = Simulator()
    execution_id = simulator.start(NESTED)
    with SimulatorServer(simulator) as server:
        simulator.inject(Fault.redirect(f"{server.storage_url}/elsewhere"))
        wait(server, execution_id)
    elsewhere = [one for one in simulator.requests if one.path == "/elsewhere"]
    return [one.headers["x-api-key"] for one in elsewhere if "x-api-key" in one.headers]


def test_a_redirect_takes_the_key_to_another_host_only_there() -> None:
    def theirs(server: SimulatorServer, execution_id: int) -> None:
        assert _theirs(server, execution_id)["raised"] == "DatalabAPIError"

    def ours(server: SimulatorServer, execution_id: int) -> None:
        key = server.simulator.api_key
        with Datalab(key, base_url=server.api_url) as client, pytest.raises(APIStatusError):
            client.executions.wait(execution_id)

    assert len(_keys_at_another_origin(theirs)) == 1
    assert _keys_at_another_origin(ours) == []


def test_the_blocking_client_works_in_a_running_loop_only_here() -> None:
    theirs, client, execution_id = _both(NESTED, in_a_loop=True)
    assert theirs == {"raised": "RuntimeError"}

    async def cell() -> bool:
        return client.executions.wait(execution_id).succeeded

    with client:
        assert asyncio.run(cell())


SCHEMA: dict[str, Any] = {"type": "object", "properties": {"total": {"type": "number"}}}
PDF = b"%PDF-1.7"


def _call(method: str, *arguments: Any, options: Any = None, **named: Any) -> dict[str, Any]:
    return {"method": method, "arguments": arguments, "named": named, "options": options}


def _convert(folder: Path, **named: Any) -> dict[str, Any]:
    (folder / "a.pdf").write_bytes(PDF)
    return _call("convert", str(folder / "a.pdf"), poll_interval=0, max_polls=50, **named)


def _answers(simulator: Simulator, *calls: dict[str, Any]) -> list[Waited]:
    """Let their client do something; time passes with every poll."""

    def pass_time(request: Request, _count: int) -> Fault | None:
        if request.method == "GET":
            simulator.clock.advance(1)  # type: ignore[attr-defined]
        return None

    simulator.inject_with(pass_time)
    with SimulatorServer(simulator) as server:
        given = {"key": simulator.api_key, "url": server.api_url, "calls": calls}
        done = subprocess.run(
            warm("tests.faithful.official_calls"),
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            input=json.dumps(given),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=50,
        )
    assert done.returncode == 0, done.stderr
    answers: list[Waited] = json.loads(done.stdout)
    return answers


def _simulators(*scripts: DocumentScript) -> tuple[Simulator, Simulator]:
    """Give one for their client, and one for ours."""
    simulators = Simulator(VirtualClock()), Simulator(VirtualClock())
    for simulator in simulators:
        simulator.documents.script(*scripts)
    return simulators


def test_a_failed_document_is_a_result_there_and_an_error_here(tmp_path: Path) -> None:
    first, second = _simulators(DocumentScript(error="The PDF is encrypted"))
    [theirs] = _answers(first, _convert(tmp_path))
    assert (theirs["raised"], theirs["success"], theirs["markdown"]) == (None, False, None)
    with connect(second) as client, pytest.raises(DocumentFailedError, match="encrypted"):
        client.documents.convert(PDF, name="a.pdf")


def test_a_result_behind_a_url_is_empty_there_and_whole_here(tmp_path: Path) -> None:
    first, second = _simulators(DocumentScript(markdown="# A", via_url=True))
    [theirs] = _answers(first, _convert(tmp_path))
    assert (theirs["raised"], theirs["success"], theirs["markdown"]) == (None, True, None)
    with connect(second) as client:
        assert client.documents.convert(PDF, name="a.pdf").markdown == "# A"


def test_a_paid_extraction_cannot_be_saved_there(tmp_path: Path) -> None:
    first, second = _simulators(DocumentScript(extraction={"total": 12.5}))
    (tmp_path / "a.pdf").write_bytes(PDF)
    [theirs] = _answers(
        first,
        _call(
            "extract",
            str(tmp_path / "a.pdf"),
            options=["ExtractOptions", {"page_schema": json.dumps(SCHEMA)}],
            poll_interval=0,
            save_output=str(tmp_path / "theirs" / "a"),
        ),
    )
    assert theirs == {"raised": "ValueError"}
    with connect(second) as client:
        client.documents.extract(PDF, SCHEMA, name="a.pdf", output_dir=tmp_path / "ours")
    assert any("12.5" in path.read_text() for path in (tmp_path / "ours").rglob("*.json"))


def test_an_image_with_a_path_for_a_name_leaves_the_folder_only_there(tmp_path: Path) -> None:
    script = DocumentScript(images={"../../escaped.png": b"\x89PNG"}, markdown="# A")
    first, second = _simulators(script)
    [theirs] = _answers(first, _convert(tmp_path, save_output=str(tmp_path / "1" / "out" / "a")))
    assert theirs["raised"] is None
    assert (tmp_path / "escaped.png").exists()
    (tmp_path / "escaped.png").unlink()
    with connect(second) as client:
        client.documents.convert(PDF, name="a.pdf", output_dir=tmp_path / "2" / "out")
    assert not (tmp_path / "escaped.png").exists()
    assert not (tmp_path / "2" / "escaped.png").exists()


def test_a_document_is_taken_up_by_another_process_only_here(tmp_path: Path) -> None:
    first, second = _simulators(DocumentScript(markdown="# A", cost_cents=3))
    [theirs] = _answers(first, {**_convert(tmp_path), "named": {"max_polls": 1}})
    assert theirs == {"raised": "DatalabTimeoutError"}
    with connect(second) as client:
        note = json.dumps(client.documents.submit(Convert(), PDF, name="a.pdf").to_dict())
    with connect(second) as client:
        assert client.documents.handle(json.loads(note)).result().markdown == "# A"


def _run_pipeline(simulator: Simulator) -> str:
    with connect(simulator) as client:
        pipeline = client.pipelines.create([Convert(), Extract(SCHEMA)])
        return client.pipelines.run(pipeline, PDF, name="a.pdf").id


def _waited(execution_id: str, **named: Any) -> dict[str, Any]:
    return _call("get_pipeline_execution", execution_id, max_polls=50, poll_interval=0, **named)


def test_one_answer_of_503_ends_their_wait_for_a_pipeline_and_not_ours() -> None:
    simulator = Simulator(VirtualClock())
    execution_id = _run_pipeline(simulator)
    simulator.inject(Fault.status(503))
    assert _answers(simulator, _waited(execution_id)) == [{"raised": "DatalabAPIError"}]
    simulator.inject(Fault.status(503))
    with connect(simulator) as client:
        assert client.pipelines.executions.wait(execution_id).succeeded


def test_a_failed_pipeline_is_a_result_there_and_an_error_here() -> None:
    simulator = Simulator(VirtualClock())
    simulator.documents.script_always(DocumentScript(error="no pages"))
    execution_id = _run_pipeline(simulator)
    [theirs] = _answers(simulator, _waited(execution_id))
    assert (theirs["raised"], theirs["status"]) == (None, "failed")
    with connect(simulator) as client, pytest.raises(PipelineFailedError, match="no pages"):
        client.pipelines.executions.result(execution_id)


def test_the_result_of_a_step_behind_a_url_is_followed_only_here() -> None:
    simulator = Simulator(VirtualClock())
    simulator.documents.script_always(DocumentScript(markdown="# A", via_url=True))
    execution_id = _run_pipeline(simulator)
    _, theirs = _answers(
        simulator, _waited(execution_id), _call("get_step_result", execution_id, 0)
    )
    assert theirs["result_url"]
    assert theirs.get("markdown") is None
    with connect(simulator) as client:
        result = client.pipelines.executions.step_result(execution_id, "convert", task=Convert())
        assert result.markdown == "# A"


def test_a_step_that_lags_behind_is_asked_for_again_only_here() -> None:
    simulator = Simulator(VirtualClock())
    simulator.pipelines.steps_lag = 5
    execution_id = _run_pipeline(simulator)
    [theirs] = _answers(simulator, _waited(execution_id))
    assert (theirs["status"], theirs["steps"][-1]["status"]) == ("completed", "running")
    with connect(simulator) as client:
        ended = client.pipelines.executions.wait(execution_id)
        assert [step.succeeded for step in ended.steps] == [True, True]


def test_what_only_they_call_has_left_the_api() -> None:
    paths = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))["paths"]
    assert not [path for path in paths if re.search(r"/(ocr|custom[-_]processors?)\b", path)]
    page = (ROOT / "docs" / "from-datalab-sdk.md").read_text(encoding="utf-8")
    ended = page.partition("These have no counterpart")[2].partition("\n## ")[0]
    assert {"ocr", "run_custom_processor", "run_custom_pipeline"} <= set(
        re.findall(r"`(\w+)`", ended)
    )


def test_every_row_of_the_comparison_names_what_shows_it() -> None:
    table = _README.partition("## Beside the official client")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")][2:]
    rows = [line for line in lines if not line.startswith("| **")]
    assert len(rows) == len(_ROWS) >= 20
    for _, shown_by in _ROWS:
        name = shown_by.removeprefix("--only ")
        assert name in BENCHMARKS if shown_by != name else name in globals(), name
