"""The definitions in ``examples/`` are right, and show what definitions can express."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datalab_facade import WorkflowDefinition
from datalab_facade.testing import Simulator
from tests.in_process import blocking, new_simulator
from tests.secrets_for_tests import FILLED_IN

PATHS = sorted((Path(__file__).parents[1] / "examples" / "definitions").glob("*.json"))
each_example = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


@each_example
def test_an_example_is_read_checked_and_written_as_it_was(path: Path, simulator: Simulator) -> None:
    definition = WorkflowDefinition.from_file(path)
    definition.validate(simulator.workflows.step_types)
    assert definition.description
    assert definition.to_dict() == json.loads(path.read_text(encoding="utf-8"))
    assert WorkflowDefinition.from_json(definition.to_json()) == definition


@each_example
def test_an_example_can_be_created_and_executed(
    path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = WorkflowDefinition.from_file(path)
    secrets = {}
    for placeholder in definition.placeholders():
        kind, _, name = placeholder.partition(":")
        if kind == "env":
            monkeypatch.setenv(name, FILLED_IN)
        else:
            secrets[name] = FILLED_IN
    with blocking(simulator) as client:
        workflow = client.workflows.create(definition, secrets=secrets)
        execution = client.workflows.execute(workflow, "https://a.example/1.pdf").result()
    assert list(execution.steps) == [
        step.unique_name for layer in definition.layers() for step in layer
    ]
    sent = simulator.requests[0].body.decode()
    assert "${" not in sent
    assert (FILLED_IN in sent) == bool(definition.placeholders())


def test_the_examples_show_what_the_published_recipes_do() -> None:
    definitions = [WorkflowDefinition.from_file(path) for path in PATHS]
    layers = [definition.layers() for definition in definitions]
    settings: list[Any] = [step.settings for definition in definitions for step in definition.steps]
    assert any(len(layer) > 1 and layer is not found[0] for found in layers for layer in found)
    assert any(len(found[0]) > 1 for found in layers)
    assert any(len(step.depends_on) > 1 for found in layers for layer in found for step in layer)
    assert any("segment_reference" in one for one in settings)
    strategies = {
        one["segmentation_schema"]["segmentation_strategy"]
        for one in settings
        if "segmentation_schema" in one
    }
    assert strategies == {"custom", "document_boundary"}
    assert any("{{_internal.file_url}}" in json.dumps(one) for one in settings)
    filled = {kind for one in definitions for kind in one.placeholders()}
    assert {name.partition(":")[0] for name in filled} == {"env", "secret"}
