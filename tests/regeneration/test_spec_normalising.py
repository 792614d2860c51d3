"""The generator gets short operation ids and no cookies; everything else it gets as it is."""

import re
from copy import deepcopy
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from specs import naming
from specs.documents import operations
from specs.normalising import functions, normalise, short_ids

from tests.regeneration.checkouts import Spec, vendored


def fastapi_id(name: str, path: str, method: str) -> str:
    """The id that FastAPI makes for a route function."""
    return f"{re.sub(r'[^a-zA-Z0-9_]', '_', name + path)}_{method}"


def document_of(*routes: tuple[str, str, str | None]) -> Spec:
    """A document of (method, path, operation id)."""
    paths: Spec = {}
    for method, path, operation_id in routes:
        named = {} if operation_id is None else {"operationId": operation_id}
        paths.setdefault(path, {})[method] = {**named, "responses": {}}
    return {"openapi": "3.1.0", "paths": paths}


def ids(document: Spec) -> list[str | None]:
    return [operation.id for operation in operations(normalise(document))]


def test_ids_that_fastapi_made_are_cut_back_to_the_names_of_the_functions() -> None:
    assert functions(vendored())["/api/v1/files/{file_id}/download", "get"] == (
        "get_file_download_url"
    )
    # FastAPI calls the functions that look at a request all alike, so these stay as they are.
    long = [name for name in functions(vendored()).values() if "api_v1" in name]
    assert all(name.startswith("result_response_") for name in long)


def test_an_id_is_cut_only_if_it_ends_in_its_own_path_and_method() -> None:
    kept = ["read_a_get_get", "read_b_post", "read_a_get_", "a", "_d_get", None]
    paths = ["/b", "/b1", "/a", "/c", "/d", "/e"]
    routes = [("get", path, kept_id) for path, kept_id in zip(paths, kept, strict=True)]
    assert ids(document_of(*routes)) == kept
    assert ids(document_of(("get", "/a-b/{c}", "read_a_b__c__get"))) == ["read"]


def test_ids_that_would_collide_all_stay_long() -> None:
    one, two = fastapi_id("read", "/a", "get"), fastapi_id("read", "/b", "get")
    assert ids(document_of(("get", "/a", one), ("get", "/b", two))) == [one, two]


def test_ids_collide_as_the_generator_spells_them_and_with_long_ones_too() -> None:
    for other in ("readAll", "read-all", "read_all"):
        long = fastapi_id("read_all", "/a", "get")
        assert ids(document_of(("get", "/a", long), ("get", "/b", other))) == [long, other]
    unnamed = fastapi_id("get_b", "/a", "get")
    assert ids(document_of(("get", "/a", unnamed), ("get", "/b", None))) == [unnamed, None]
    longest = fastapi_id("read_a_get", "/c", "get")
    assert ids(document_of(("get", "/a", "read_a_get"), ("get", "/c", longest))) == [
        "read",
        longest,
    ]


def test_cookies_are_dropped_wherever_they_are_said() -> None:
    cookie = {"name": "session", "in": "cookie", "schema": {"type": "string"}}
    query = {"name": "page", "in": "query", "schema": {"type": "integer"}}
    referred = [{"$ref": f"#/components/parameters/{name}"} for name in ("Cookie", "Other", "Page")]
    document = document_of(("get", "/a", "a"))
    document["paths"]["/a"]["parameters"] = [cookie, query]
    document["paths"]["/a"]["get"]["parameters"] = [*referred, cookie]
    document["components"] = {
        "parameters": {"Cookie": cookie, "Other": referred[0], "Page": {**query, "name": "p"}}
    }
    normalised: Spec = normalise(document)
    assert normalised["paths"] == {
        "/a": {
            "parameters": [query],
            "get": {"operationId": "a", "responses": {}, "parameters": [referred[2]]},
        }
    }
    assert normalised["components"] == document["components"]


def test_the_vendored_document_loses_its_cookies_and_nothing_else() -> None:
    document = vendored()
    normalised: Spec = normalise(document)
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if "parameters" in operation:
                kept = [p for p in operation["parameters"] if p["in"] != "cookie"]
                operation["parameters"] = kept
            operation["operationId"] = normalised["paths"][path][method]["operationId"]
    assert normalised == document


NAMES = st.sampled_from(["read", "read_all", "readAll", "list", "read_a_get", "import"])
PATHS = st.sampled_from(["/a", "/b", "/a/{b}", "/a-b", "/a_get/c"])
METHODS = st.sampled_from(["get", "post"])
COOKIES = st.lists(st.sampled_from(["cookie", "query", "header"]), max_size=3)


@st.composite
def documents(draw: st.DrawFn) -> Spec:
    """Documents whose ids the generator can tell apart, as FastAPI made them or as they came."""
    document: Spec = {"openapi": "3.1.0", "info": {}, "paths": {}}
    taken = set[str]()
    routes = draw(st.lists(st.tuples(METHODS, PATHS), unique=True))
    for method, path in routes:
        name = draw(NAMES)
        chosen = draw(st.sampled_from([name, fastapi_id(name, path, method), None]))
        candidate = document_of((method, path, chosen))
        (operation,) = operations(candidate)
        if naming.function(operation) not in taken:
            taken.add(naming.function(operation))
            candidate["paths"][path][method]["parameters"] = [
                {"name": str(number), "in": where} for number, where in enumerate(draw(COOKIES))
            ]
            document["paths"].setdefault(path, {}).update(candidate["paths"][path])
    return document


@given(documents())
def test_ids_stay_unique_nothing_is_mutated_and_nothing_else_is_touched(document: Spec) -> None:
    before = deepcopy(document)
    normalised: Spec = normalise(document)
    assert document == before

    names = [naming.function(operation) for operation in operations(normalised)]
    assert len(set(names)) == len(names)

    for operation in operations(normalised):
        original = before["paths"][operation.path][operation.method]
        if operation.id is not None:
            assert original["operationId"].startswith(operation.id)
            original["operationId"] = operation.id
        original["parameters"] = [p for p in original["parameters"] if p["in"] != "cookie"]
    assert normalised == before


@given(documents(), st.randoms(use_true_random=False))
def test_the_order_of_a_document_makes_no_difference(document: Spec, random: Random) -> None:
    paths = list(document["paths"].items())
    random.shuffle(paths)
    shuffled = {**document, "paths": dict(paths)}
    assert short_ids(shuffled) == short_ids(document)
