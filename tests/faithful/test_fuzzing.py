"""A fuzzer reads the API's document and finds nothing wrong with the embedded Datalab.

It sends what the document allows and what it forbids, over real sockets, and holds
every answer against it: status, content type, headers and body; that the allowed is
taken and the forbidden refused; that no answer comes without the key; that what is
deleted is gone.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from datalab_facade.testing import (
    DocumentScript,
    ExecutionScript,
    Simulator,
    SimulatorServer,
    StepScript,
)
from datalab_facade.testing.scripts import Shape
from tests.faithful.documents import DOCUMENT_OPERATIONS, OPERATIONS, whole_document

# Of what every schema allows, some is refused as things stand: the bytes of a file
# have not come, a step depends on one that is not there, a workflow has executions.
SETTINGS = """
seed = 20251022
[generation]
deterministic = true
max-examples = 25
database = "none"
[[operations]]
include-operation-id-regex = "create_workflow|delete_workflow|confirm_upload|file_download_url"
checks.positive_data_acceptance.expected-statuses = [200, 400, 404]
"""

# A schema allows a form without a document, and any text as JSON. And a form has only texts:
# 0 and an empty one are booleans, as FastAPI reads them.
DOCUMENT_SETTINGS = """
seed = 20251022
checks.negative_data_rejection.expected-statuses = [200, 400, 401, 404, 405, 422]
checks.positive_data_acceptance.expected-statuses = [200, 400, 404]
[generation]
deterministic = true
max-examples = 15
database = "none"
"""


@pytest.fixture
def simulator() -> Simulator:
    """A Datalab that holds what low ids can name, and whose files have no other names."""
    made = Simulator(first_execution_id=1)
    made.files.hashids = False
    for number in range(4):
        made.workflows.add(f"Workflow {number}", [])
        made.files.add(f"{number}.pdf", b"%PDF")
        shape: Shape = "flat" if number % 2 else "nested"
        step = StepScript("parse", outcome="FAILED" if number > 1 else "COMPLETED")
        made.start(ExecutionScript([step], shape=shape, workflow_id=number))
    return made


@pytest.mark.timeout(120)
def test_a_fuzzer_finds_nothing(simulator: Simulator, tmp_path: Path) -> None:
    fuzz(simulator, tmp_path, whole_document(), SETTINGS)
    seen = statuses_by_operation(simulator, OPERATIONS)
    for name, (_, path, operation) in OPERATIONS.items():
        wanted = {200, 401, 405}
        if "{" in path:
            wanted.add(404)
        if "_id}" in path or "requestBody" in operation:
            wanted.add(422)
        assert wanted <= seen[name], f"{name} never answered {wanted - seen[name]}"


@pytest.mark.timeout(120)
def test_a_fuzzer_finds_nothing_in_document_requests(simulator: Simulator, tmp_path: Path) -> None:
    document = whole_document(DOCUMENT_OPERATIONS)
    for name, (method, path, _) in DOCUMENT_OPERATIONS.items():
        if "{" in path:
            endpoint: Any = name.removeprefix("GET ").rpartition("/")[0]
            if endpoint == "thumbnails":
                endpoint = "convert"
            request_id = simulator.documents.start(DocumentScript(seconds=0), endpoint=endpoint)
            schema = document["paths"][path][method.lower()]["parameters"][0]["schema"]
            schema["examples"] = [request_id]
    fuzz(simulator, tmp_path, document, DOCUMENT_SETTINGS)
    seen = statuses_by_operation(simulator, DOCUMENT_OPERATIONS)
    for name, (method, path, operation) in DOCUMENT_OPERATIONS.items():
        wanted = {401, 405} if method == "POST" else {200, 401, 405}
        if "{" in path:
            wanted.add(404)
        if "requestBody" in operation:
            wanted |= {422} if "application/json" in str(operation["requestBody"]) else {400}
        assert wanted <= seen[name], f"{name} never answered {wanted - seen[name]}"


def fuzz(simulator: Simulator, folder: Path, document: dict[str, Any], settings: str) -> None:
    (folder / "openapi.json").write_text(json.dumps(document))
    (folder / "settings.toml").write_text(settings)
    with SimulatorServer(simulator) as server:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file=settings.toml", "run"),
                *("openapi.json", f"--url={server.api_url}", "--checks=all", "--no-color"),
                *("--continue-on-failure", "--warnings=off"),
                f"--header=X-API-Key: {simulator.api_key}",
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )
    assert done.returncode == 0, done.stdout + done.stderr


def statuses_by_operation(
    simulator: Simulator, operations: dict[str, tuple[str, str, Any]]
) -> dict[str, set[int | None]]:
    """Give what each operation answered; a 405 is an answer of every operation of its path."""
    seen: defaultdict[str, set[int | None]] = defaultdict(set)
    for request in simulator.requests:
        for name, (method, path, _) in operations.items():
            fits = re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.path)
            if fits and (request.status == 405 or method == request.method):
                seen[name].add(request.status)
    return seen
