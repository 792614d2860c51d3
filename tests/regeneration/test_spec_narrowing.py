"""--only keeps some paths and exactly what they need."""

from copy import deepcopy

import pytest
from specs.narrowing import narrow
from specs.problems import ScriptError
from specs.validating import validate

from tests.regeneration.checkouts import Spec, vendored

FILES = "/api/v1/files"


def test_a_prefix_stands_for_whole_segments() -> None:
    document = vendored()
    document["paths"]["/api/v1/filesystem"] = {}
    narrowed: Spec = narrow(document, [FILES])
    assert set(narrowed["paths"]) == {path for path in vendored()["paths"] if FILES in path}
    assert narrow(document, [f"{FILES}/"]) == narrowed


def test_what_is_kept_is_kept_in_its_order_and_the_original_is_not_touched() -> None:
    document = vendored()
    before = deepcopy(document)
    narrowed: Spec = narrow(document, ["/api/v1/workflows", FILES])
    assert document == before
    assert list(narrowed) == list(document)
    kept = ("/api/v1/workflows", FILES)
    assert list(narrowed["paths"]) == [p for p in document["paths"] if p.startswith(kept)]
    assert narrow(document, ["/"])["paths"] == document["paths"]


def test_components_are_kept_if_something_kept_leads_to_them() -> None:
    narrowed: Spec = narrow(vendored(), ["/api/v1/workflows/workflows"])
    assert list(narrowed["components"]) == ["schemas", "securitySchemes"]
    assert set(narrowed["components"]["schemas"]) == {
        "CreateWorkflowRequest",
        "ExecuteWorkflowRequest",
        "HTTPValidationError",
        "ValidationError",
        "WorkflowDefinitionResponse",
        "WorkflowStepDefinition",
    }
    validate(narrowed)


def needy() -> Spec:
    """A document whose one path needs a component of every kind, each in its own way."""
    operation = {
        "tags": ["used"],
        "security": [{"Key": []}],
        "parameters": [{"$ref": "#/components/parameters/Page"}],
        "requestBody": {"$ref": "#/components/requestBodies/Body"},
        "responses": {"200": {"$ref": "#/components/responses/Answer"}},
    }
    kinds = {
        "parameters": {"Page": {"name": "p", "in": "query", "schema": {"type": "integer"}}},
        "requestBodies": {"Body": {"content": {"application/json": {"schema": {}}}}},
        "responses": {
            "Answer": {
                "description": "",
                "headers": {"X": {"$ref": "#/components/headers/X"}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}},
            }
        },
        "headers": {"X": {"schema": {"type": "string"}}},
        "schemas": {
            "Pet": {
                "type": "object",
                "properties": {
                    "kind": {"type": "string"},
                    "up": {"$ref": "#/components/schemas/Pet"},
                },
                "discriminator": {
                    "propertyName": "kind",
                    "mapping": {"cat": "Cat", "dog": "#/components/schemas/Dog/allOf/0"},
                },
            },
            "Cat": {"type": "object"},
            "Dog": {"allOf": [{"type": "object"}, {"$ref": "#/components/schemas/Tail"}]},
            "Tail": {"type": "object"},
        },
        "securitySchemes": {
            "Key": {"type": "apiKey", "in": "header", "name": "X"},
            "Everywhere": {"type": "http", "scheme": "bearer"},
        },
        "pathItems": {"Item": {"get": operation}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "security": [{"Everywhere": []}],
        "tags": [{"name": "used"}, {"name": "unused"}],
        "paths": {
            "/kept": {"$ref": "#/components/pathItems/Item"},
            "/left": {"get": {"tags": ["unused"], "responses": {"200": {"description": ""}}}},
        },
        "components": kinds,
    }


def test_every_kind_of_component_is_followed_through_every_way_to_need_one() -> None:
    document = needy()
    validate(document)
    narrowed: Spec = narrow(document, ["/kept"])
    assert narrowed["components"] == document["components"]
    assert narrowed["tags"] == [{"name": "used"}]


def test_components_that_nothing_needs_any_more_go_with_their_section() -> None:
    document = needy()
    document["webhooks"] = {"w": {"post": {"$ref": "#/components/schemas/Cat"}}}
    document["components"]["x-notes"] = "stay"
    narrowed: Spec = narrow(document, ["/left"])
    everywhere = document["components"]["securitySchemes"]["Everywhere"]
    assert narrowed["components"] == {
        "securitySchemes": {"Everywhere": everywhere},
        "x-notes": "stay",
    }
    assert "webhooks" not in narrowed


@pytest.mark.parametrize("prefix", ["/api/v1/file", "/api/v2", "api/v1/files", ""])
def test_a_prefix_that_matches_nothing_is_a_problem(prefix: str) -> None:
    with pytest.raises(ScriptError, match="has no path there"):
        _ = narrow(vendored(), [FILES, prefix])
