"""Only whole and valid documents are generated from, and nothing is fetched to find out."""

import socket
from typing import NoReturn

import pytest
from specs.causes import UnsupportedError
from specs.problems import ScriptError
from specs.validating import validate

from tests.regeneration.checkouts import Spec, vendored


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("something is being fetched")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def with_schema(schema: object) -> Spec:
    document = vendored()
    document["components"]["schemas"]["Tried"] = schema
    return document


def test_the_vendored_document_is_valid() -> None:
    validate(vendored())


def test_schemas_may_refer_to_themselves_on_the_way_down() -> None:
    validate(with_schema({"properties": {"child": {"$ref": "#/components/schemas/Tried"}}}))


def test_references_may_go_through_paths_with_all_that_has_to_be_escaped_in_them() -> None:
    pointer = "#/paths/~1api~1v1~1files~1%7Bfile_id%7D/get/parameters/0/schema"
    validate(with_schema({"$ref": pointer}))


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"$ref": "http://127.0.0.1:9/x.json"}, "which lies outside of it"),
        ({"$ref": "other.json#/X"}, "which lies outside of it"),
        ({"$dynamicRef": "http://127.0.0.1:9/#x"}, "which lies outside of it"),
        ({"$ref": "#/components/schemas/Nowhere"}, "which it does not have"),
        ({"$ref": "#anchor"}, "which it does not have"),
        ({"$ref": "#/components/schemas/Tried"}, "which only leads round in a ring"),
        ({"discriminator": {"propertyName": "a", "mapping": {"b": "Nowhere"}}}, "does not have"),
        ({"type": "strin"}, "not valid OpenAPI: 'strin' is not one of"),
    ],
)
def test_a_document_that_is_not_whole_or_not_valid_is_refused(
    schema: dict[str, object], reason: str
) -> None:
    with pytest.raises(ScriptError, match=reason):
        validate(with_schema(schema))


@pytest.mark.parametrize("version", ["2.0", "3.2.0", "4.0.0", 3.1, None])
def test_versions_that_the_generator_does_not_know_are_refused(version: object) -> None:
    document = vendored()
    document["openapi"] = version
    with pytest.raises(ScriptError, match="this is no OpenAPI 3"):
        validate(document)


def test_a_reason_is_short_enough_to_be_read() -> None:
    document = vendored()
    document["info"] = {f"x{number}": "y" * 100 for number in range(100)}
    with pytest.raises(ScriptError) as told:
        validate(document)
    assert len(str(told.value)) < 400


KINDS = ["array", "boolean", "integer", "null", "number", "object", "string"]


def test_of_a_fault_in_a_schema_the_place_and_the_operations_are_told() -> None:
    document = vendored()
    document["components"]["schemas"]["ListFilesResponse"]["properties"]["total"]["type"] = "strin"
    document["paths"]["/api/v1/files/upload"]["post"]["summary"] = 5
    with pytest.raises(UnsupportedError) as told:
        validate(document)
    assert told.value.causes[1].subject == "schema ListFilesResponse/properties/total/type"
    assert told.value.causes[1].operations == ("GET /api/v1/files",)
    assert told.value.output.splitlines() == [
        'POST /api/v1/files/upload: summary: 5 is not of type "string"',
        f"schema ListFilesResponse/properties/total/type: 'strin' is not one of {KINDS}",
        "    needed by GET /api/v1/files",
    ]


def test_of_a_reference_that_leads_nowhere_the_operations_are_told_that_hang_on_it() -> None:
    document = vendored()
    schemas = document["components"]["schemas"]
    schemas["FileMetadataResponse"] = {"$ref": "#/components/schemas/Nowhere"}
    with pytest.raises(UnsupportedError) as told:
        validate(document)
    (cause,) = told.value.causes
    assert (cause.subject, cause.reason) == (
        "#/components/schemas/Nowhere",
        "which it does not have",
    )
    assert set(cause.operations) == {"GET /api/v1/files", "GET /api/v1/files/{file_id}"}
