"""Operations are called by their method and path, whatever else a document holds."""

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from specs import naming
from specs.documents import operations
from specs.narrowing import narrow

from tests.regeneration.checkouts import Spec, vendored


def document_of(*routes: tuple[str, str]) -> Spec:
    """A document of (method, path), whose operations all have the same id."""
    paths: Spec = {}
    for method, path in routes:
        paths.setdefault(path, {})[method] = {"operationId": "result_response", "responses": {}}
    return {"openapi": "3.1.0", "info": {}, "paths": paths}


def name(method: str, path: str) -> str:
    (operation,) = operations(document_of((method, path)))
    return naming.function(operation)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("get", "/api/v1/files", "get_files"),
        ("get", "/api/v1/files/{file_id}/download", "get_files_id_download"),
        ("post", "/api/v1/convert", "post_convert"),
        ("get", "/api/v1/convert/{request_id}", "get_convert_id"),
    ],
)
def test_a_name_is_the_method_and_the_words_of_the_path(
    method: str, path: str, expected: str
) -> None:
    assert name(method, path) == expected


def test_what_a_variable_is_called_makes_no_difference() -> None:
    assert name("get", "/api/v1/files/{a}") == name("get", "/api/v1/files/{file_id}")


def test_a_path_whose_words_could_be_those_of_another_carries_a_digest() -> None:
    alike = ["/api/v1/a/b", "/api/v1/a-b", "/api/v1/a_b", "/a/b", "/api/v1/a/B", "/api/v1/a/b/"]
    names = [name("get", path) for path in alike]
    assert names[0] == "get_a_b"
    assert all(re.fullmatch("get_a_b_[0-9a-f]{6}", one) for one in names[1:])
    assert len(set(names)) == len(names)
    assert name("get", "/api/v1/id") != name("get", "/api/v1/{id}") == "get_id"


def test_the_names_of_the_vendored_document_are_short_and_unique() -> None:
    names = list(naming.functions(vendored()).values())
    assert len(set(names)) == len(names)
    assert not [one for one in names if "api_v1" in one or len(one) > 60]


def test_two_spellings_of_one_path_are_told_by_the_names_of_their_variables() -> None:
    names = naming.functions(document_of(("get", "/api/v1/a/{b}"), ("get", "/api/v1/a/{c}")))
    assert len(set(names.values())) == 2


def test_a_name_is_short_however_long_the_path_is() -> None:
    assert len(name("get", "/a" * 500)) < 120


SEGMENTS = st.sampled_from(["a", "b", "a-b", "a_b", "id", "{id}", "{a}", "api", "v1", "é", "%7B"])
PATHS = st.lists(SEGMENTS, max_size=4).map(lambda steps: "/" + "/".join(steps))
ROUTES = st.lists(st.tuples(st.sampled_from(["get", "post"]), PATHS), unique=True, min_size=1)


def one_spelling(routes: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without paths that are other spellings of one that is there, as OpenAPI asks for."""
    kept = {(method, re.sub("{.*?}", "{}", path)): (method, path) for method, path in routes}
    return list(kept.values())


@given(ROUTES, st.randoms(use_true_random=False))
def test_a_name_is_unique_and_stays_what_it_is_whatever_else_there_is(
    routes: list[tuple[str, str]], random: Random
) -> None:
    routes = one_spelling(routes)
    names = naming.functions(document_of(*routes))
    assert len(set(names.values())) == len(names)
    assert all(one.isidentifier() and one == one.lower() for one in names.values())
    random.shuffle(routes)
    some = routes[: random.randint(1, len(routes))]
    assert naming.functions(document_of(*some)) == {
        (path, method): names[path, method] for method, path in some
    }


def test_a_name_is_the_same_in_a_part_of_the_document() -> None:
    whole = naming.functions(vendored())
    part = naming.functions(narrow(vendored(), ["/api/v1/files"]))
    assert part.items() <= whole.items()
    assert part
