"""What stops the generator is mended in its input, what does not is left alone, all is said."""

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from random import Random

import pytest
import regenerate
from hypothesis import given
from hypothesis import strategies as st
from specs.documents import operations, render
from specs.repairing import repair
from specs.validating import validate

from tests.regeneration import oddities
from tests.regeneration.checkouts import Spec, vendored
from tests.regeneration.constructs import CONSTRUCTS, Construct, document_of, operation

BY_NAME = {construct.name: construct for construct in CONSTRUCTS}


@pytest.mark.parametrize("name", BY_NAME)
def test_a_construct_is_mended_and_that_is_said_on_one_line(name: str) -> None:
    document = document_of(BY_NAME[name])
    before = deepcopy(document)
    repaired = repair(document)
    assert document == before
    lines = [str(made) for made in repaired.made]
    assert [line for line in lines if BY_NAME[name].done in line]
    assert not [line for line in lines if "\n" in line or "/health" in line]
    for made in repaired.made:
        assert made.what
        assert made.where
        assert made.why
        assert made.record() == {"what": made.what, "where": made.where, "why": made.why}
    validate(repaired.document)


@pytest.mark.parametrize("name", BY_NAME)
def test_what_is_mended_needs_no_mending_again_in_what_it_is_for(name: str) -> None:
    once = repair(document_of(BY_NAME[name])).document
    again = repair(once)
    # Names are given anew, since they are made of paths; nothing else is to be done.
    said = [made for made in again.made if "generated as" not in made.what]
    assert not said


def test_all_constructs_together_go_through_and_what_they_send_is_what_they_demand(
    tmp_path: Path,
) -> None:
    built = regenerate.build(document_of(*CONSTRUCTS), tmp_path)
    package = built.folder / "generated" / "datalab_api_client"
    made = [path for path in (package / "api").rglob("*.py") if path.stem != "__init__"]
    assert len(made) == len([*operations(document_of(*CONSTRUCTS))])
    run = subprocess.run(
        [sys.executable, "-c", ASKED],
        cwd=built.folder / "generated",
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    assert json.loads(run.stdout) == {
        "deep[a]": "1",
        "joined": "1,2",
        "spaced": "a b",
        "piped": "a|b",
        "content": '{"b": [1]}',
    }


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_whatever_else_a_document_holds_comes_out_as_it_demands(
    version: str, tmp_path: Path
) -> None:
    built = regenerate.build(oddities.document(version), tmp_path)
    made = [
        path for path in (built.folder / "generated").rglob("api/*/*.py") if path.stem != "__init__"
    ]
    assert len(made) == len([*operations(oddities.document(version))])


ASKED = """
import importlib, json, pathlib
import datalab_api_client.models as models
(module,) = pathlib.Path("datalab_api_client/api/default").glob("get_queries_*.py")
queries = importlib.import_module(f"datalab_api_client.api.default.{module.stem}")
(deep,) = [getattr(models, name) for name in models.__all__ if name.endswith("DeepType0")]
(content,) = [getattr(models, name) for name in models.__all__ if name.endswith("ContentType0")]
sent = queries._get_kwargs(
    deep=deep.from_dict({"a": "1"}), joined=[1, 2], spaced=["a", "b"], piped=["a", "b"],
    content=content.from_dict({"b": [1]}),
)
print(json.dumps(sent["params"]))
"""


@given(
    st.lists(st.sampled_from(CONSTRUCTS), unique_by=lambda one: one.name, max_size=6), st.randoms()
)
def test_every_operation_is_there_afterwards_and_the_rest_of_a_document_makes_no_difference(
    constructs: list[Construct], random: Random
) -> None:
    document = document_of(*constructs)
    repaired = repair(document)
    assert len([*operations(repaired.document)]) == len([*operations(document)])
    random.shuffle(constructs)
    other = repair(document_of(*constructs))
    assert sorted(map(str, other.made)) == sorted(map(str, repaired.made))


def test_the_vendored_document_loses_its_cookies_and_what_no_code_depends_on() -> None:
    document = vendored()
    repaired = repair(document)
    assert {made.why for made in repaired.made} == {"the SDK sends no cookies"}
    given: Spec = repaired.document
    for path, item in document["paths"].items():
        for method, body in item.items():
            mended = given["paths"][path][method]
            body["operationId"] = mended["operationId"]
            if "parameters" in body:
                kept = [one for one in body["parameters"] if one["in"] != "cookie"]
                body["parameters"] = kept
            if "requestBody" in body:
                _ = body["requestBody"].setdefault("required", False)
    schemas = document["components"]["schemas"]
    del schemas["CreateExtractionSchemaRequest"]["properties"]["name"]["maxLength"]
    del schemas["CreatePipelineRequest"]["properties"]["steps"]["minItems"]
    del document["servers"]
    assert given == document


def test_what_is_repaired_is_valid_and_can_be_written_down() -> None:
    assert render(repair(vendored()).document)


def test_a_document_of_openapi_3_0_is_read_as_one_of_3_1() -> None:
    document = {**document_of(), "openapi": "3.0.2"}
    (made,) = repair(document).made
    assert made.what == "read as OpenAPI 3.1"


def test_what_lies_in_other_components_is_written_out_where_it_is_used() -> None:
    document = document_of()
    document["components"]["parameters"] = {
        "A": {"$ref": "#/components/parameters/B"},
        "B": {"name": "b", "in": "query", "schema": {"type": "string"}},
    }
    item = {"parameters": [{"$ref": "#/components/parameters/A"}], "get": operation()}
    document["components"]["pathItems"] = {"Item": item}
    document["paths"]["/item"] = {"$ref": "#/components/pathItems/Item"}
    repaired = repair(document)
    assert not repaired.made
    (found,) = [one for one in operations(repaired.document) if one.path == "/item"]
    assert found.body["parameters"] == [document["components"]["parameters"]["B"]]
