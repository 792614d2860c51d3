"""What the change report calls breaking, and what not, and in which words."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from specs.changes import Change, changes
from specs.comparing import DECODED_BY_HAND, Kind
from specs.validating import validate

from tests.regeneration.checkouts import EXECUTION, Spec, vendored

REMOVED = object()

GET = "paths /things/{id} get"
POST = "paths /things post"
ANSWER = f"{GET} responses 200 content application/json schema"
BODY = f"{POST} requestBody content application/json schema"
THING = "components schemas Thing"
NEW = "components schemas NewThing"


def reference(name: str) -> Spec:
    return {"$ref": f"#/components/schemas/{name}"}


def nullable(schema: Spec) -> Spec:
    return {"anyOf": [schema, {"type": "null"}]}


def json_content(schema: Spec) -> Spec:
    return {"application/json": {"schema": schema}}


def api() -> Spec:
    """A small API that has one of everything."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Things", "version": "1"},
        "servers": [{"url": "https://one.test"}],
        "paths": {
            "/things/{id}": {
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
                ],
                "get": {
                    "operationId": "get_thing_things__id__get",
                    "summary": "Get a thing",
                    "tags": ["things"],
                    "security": [{"Key": []}],
                    "parameters": [
                        {
                            "name": "page",
                            "in": "query",
                            "schema": {"type": "integer", "default": 1},
                        },
                        {"name": "session", "in": "cookie", "schema": {"type": "string"}},
                    ],
                    "responses": {
                        "200": {
                            "description": "",
                            "headers": {"Age": {"schema": {"type": "integer"}}},
                            "content": json_content(reference("Thing")),
                        },
                        "404": {"description": ""},
                    },
                },
            },
            "/things": {
                "post": {
                    "operationId": "make_thing",
                    "requestBody": {
                        "required": True,
                        "content": json_content(reference("NewThing")),
                    },
                    "responses": {"201": {"description": "", "content": json_content({})}},
                }
            },
        },
        "components": {
            "schemas": {
                "Thing": {
                    "type": "object",
                    "required": ["name", "state", "parts"],
                    "properties": {
                        "name": {"type": "string", "title": "Name"},
                        "state": {"type": "string", "enum": ["new", "done"]},
                        "note": nullable({"type": "string"}),
                        "parent": nullable(reference("Thing")),
                        "parts": {"type": "array", "items": reference("Part")},
                        "size": {"type": "number"},
                        "labels": {
                            "type": "object",
                            "additionalProperties": {"type": "string"},
                        },
                    },
                },
                "Part": {"type": "object", "properties": {"weight": {"type": "integer"}}},
                "NewThing": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": {"type": "string", "maxLength": 20},
                        "kind": {"type": "string", "enum": ["soft", "hard"]},
                        "note": nullable({"type": "string"}),
                        "size": {"type": "number"},
                        "free": {"type": "object"},
                        "either": {"anyOf": [{"type": "string"}, reference("Part")]},
                    },
                },
            },
            "securitySchemes": {"Key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        },
    }


def changed(edits: dict[str, object]) -> Spec:
    """The API with the values at some places replaced, added or removed."""
    document = api()
    for place, value in edits.items():
        *steps, last = place.split(" ")
        inner: Any = document
        for step in steps:
            inner = inner[int(step)] if isinstance(inner, list) else inner.setdefault(step, {})
        if value is REMOVED:
            del inner[int(last) if isinstance(inner, list) else last]
        elif isinstance(inner, list):
            inner.insert(int(last), value)
        else:
            inner[last] = value
    return document


def told(found: list[Change]) -> list[str]:
    return [
        f"{'breaking' if change.breaking else 'fine'}: {change.subject} {change.message}"
        for change in found
    ]


def test_the_api_of_these_tests_is_valid() -> None:
    validate(api())


def test_what_is_the_same_has_not_changed() -> None:
    assert changes(api(), api()) == []
    assert changes(vendored(), vendored()) == []


OPERATIONS: list[tuple[dict[str, object], list[str]]] = [
    ({GET: REMOVED}, ["breaking: operation was removed"]),
    (
        {"paths /more get": {"operationId": "more_more_get", "responses": {}}},
        ["fine: operation was added, and is generated as get_more_a107a6"],
    ),
    (
        {f"{GET} operationId": "read_thing_things__id__get"},
        ["fine: documentation only"],
    ),
    ({f"{GET} operationId": "get_thing"}, ["fine: documentation only"]),
    (
        {f"{GET} tags": ["stuff"]},
        ["breaking: first tag changed: its module moves from api/things/ to api/stuff/"],
    ),
    ({f"{GET} deprecated": True}, ["fine: operation is now deprecated"]),
    ({f"{GET} servers": [{"url": "/2"}]}, ["breaking: operation is now served elsewhere"]),
    ({f"{GET} security": []}, ["breaking: security changed from Key to nothing"]),
    ({f"{POST} security": [{"Key": []}]}, ["breaking: security changed from nothing to Key"]),
    (
        {f"{GET} security 1": {"Key": ["write"]}},
        ["breaking: security changed from Key to Key or Key for write"],
    ),
    ({f"{GET} security 1": {}}, ["breaking: security changed from Key to Key or nothing"]),
    (
        {"components securitySchemes Key name": "Authorization"},
        ["breaking: security changed what Key means"],
    ),
    ({"components securitySchemes Key description": "A key."}, []),
    ({"security": []}, []),
    ({f"{GET} callbacks": {}}, ["fine: callbacks changed; the SDK takes none"]),
    ({f"{GET} summary": "Other words"}, ["fine: documentation only"]),
    ({f"{THING} properties name description": "Words."}, ["fine: documentation only"]),
    ({f"{THING} x-internal": True}, ["fine: documentation only"]),
    ({"components schemas Unused": {}}, []),
    ({"info version": "2"}, ["fine: version changed from 1 to 2"]),
    ({"info description": "Words."}, ["fine: documentation only"]),
    (
        {"servers": [{"url": "https://two.test"}]},
        [
            "breaking: server https://one.test was removed",
            "fine: server https://two.test was added",
        ],
    ),
]

PARAMETERS: list[tuple[dict[str, object], list[str]]] = [
    ({f"{GET} parameters 0": REMOVED}, ["breaking: parameter 'page' (query) was removed"]),
    (
        {f"{GET} parameters 0": {"name": "new", "in": "query", "schema": {}}},
        ["fine: parameter 'new' (query) was added"],
    ),
    (
        {f"{GET} parameters 0": {"name": "new", "in": "header", "required": True, "schema": {}}},
        ["breaking: parameter 'new' (header) was added, and is required"],
    ),
    (
        {f"{GET} parameters 0 required": True},
        ["breaking: parameter 'page' (query) became required"],
    ),
    (
        {f"{GET} parameters 0 schema type": "string"},
        ["breaking: parameter 'page' (query) changed its type from integer to string"],
    ),
    (
        {f"{GET} parameters 0 schema type": "number"},
        ["fine: parameter 'page' (query) changed its type from integer to number"],
    ),
    (
        {f"{GET} parameters 0 schema default": 2},
        ["fine: parameter 'page' (query) changed its default from 1 to 2"],
    ),
    (
        {f"{GET} parameters 0 schema maximum": 9},
        ["breaking: parameter 'page' (query) changed its maximum from nothing to 9"],
    ),
    (
        {f"{GET} parameters 0 deprecated": True},
        ["fine: parameter 'page' (query) is now deprecated"],
    ),
    (
        {f"{GET} parameters 0 style": "form", f"{GET} parameters 0 explode": True},
        ["fine: documentation only"],
    ),
    (
        {f"{GET} parameters 0 explode": False},
        ["breaking: parameter 'page' (query) is written in another style"],
    ),
    (
        {f"{GET} parameters 1": REMOVED},
        ["fine: parameter 'session' (cookie) was removed; the SDK sends no cookies"],
    ),
    (
        {f"{GET} parameters 1 required": True},
        ["fine: parameter 'session' (cookie) changed; the SDK sends no cookies"],
    ),
    (
        {f"{GET} parameters 0": {"name": "c", "in": "cookie", "required": True, "schema": {}}},
        ["fine: parameter 'c' (cookie) was added; the SDK sends no cookies"],
    ),
]

REQUESTS: list[tuple[dict[str, object], list[str]]] = [
    ({f"{POST} requestBody": REMOVED}, ["breaking: request body was removed"]),
    ({f"{POST} requestBody required": False}, ["fine: request body became optional"]),
    (
        {f"{GET} requestBody": {"required": True, "content": json_content({})}},
        ["breaking: request body was added, and is required"],
    ),
    (
        {f"{GET} requestBody": {"content": json_content({})}},
        ["fine: request body was added"],
    ),
    (
        {f"{POST} requestBody content": {"text/csv": {}}},
        [
            "breaking: request body is no longer application/json",
            "fine: request body may now be text/csv",
        ],
    ),
    ({f"{NEW} properties size": REMOVED}, ["breaking: request field 'size' was removed"]),
    ({f"{NEW} properties new": {}}, ["fine: request field 'new' was added"]),
    (
        {f"{NEW} properties new": {}, f"{NEW} required": ["name", "new"]},
        ["breaking: request field 'new' was added, and is required"],
    ),
    ({f"{NEW} required": ["name", "size"]}, ["breaking: request field 'size' became required"]),
    ({f"{NEW} required": []}, ["fine: request field 'name' became optional"]),
    (
        {f"{NEW} properties size type": "integer"},
        ["breaking: request field 'size' changed its type from number to integer"],
    ),
    (
        {f"{NEW} properties size": nullable({"type": "number"})},
        ["fine: request field 'size' may now be null"],
    ),
    (
        {f"{NEW} properties note": {"type": "string"}},
        ["breaking: request field 'note' may no longer be null"],
    ),
    (
        {f"{NEW} properties kind enum": ["soft"]},
        ["breaking: request field 'kind' may no longer be \"hard\""],
    ),
    (
        {f"{NEW} properties kind enum": ["soft", "hard", "wet"]},
        ["fine: request field 'kind' may now be \"wet\""],
    ),
    (
        {f"{NEW} properties name enum": ["a", "b"]},
        ['breaking: request field \'name\' is now limited to "a", "b"'],
    ),
    (
        {f"{NEW} properties kind enum": REMOVED},
        ['fine: request field \'kind\' is no longer limited to "soft", "hard"'],
    ),
    (
        {f"{NEW} properties name maxLength": 10},
        ["breaking: request field 'name' changed its maxLength from 20 to 10"],
    ),
    (
        {f"{NEW} properties name maxLength": 30},
        ["fine: request field 'name' changed its maxLength from 20 to 30"],
    ),
    (
        {f"{NEW} properties name maxLength": REMOVED},
        ["fine: request field 'name' changed its maxLength from 20 to nothing"],
    ),
    (
        {f"{NEW} properties name minLength": 2},
        ["breaking: request field 'name' changed its minLength from nothing to 2"],
    ),
    (
        {f"{NEW} properties name pattern": "a+"},
        ["breaking: request field 'name' changed its pattern from nothing to \"a+\""],
    ),
    (
        {f"{NEW} properties name readOnly": True},
        ["breaking: request field 'name' changed its readOnly from nothing to true"],
    ),
    (
        {f"{NEW} properties name deprecated": True},
        ["fine: request field 'name' is now deprecated"],
    ),
    (
        {f"{NEW} additionalProperties": False},
        ["breaking: request body allows no other fields now"],
    ),
    (
        {f"{NEW} properties free additionalProperties": {"type": "string"}},
        ["breaking: request field 'free{}' became typed: string"],
    ),
    (
        {f"{NEW} properties either anyOf 2": {"type": "null"}},
        ["fine: request field 'either' may now be null"],
    ),
    (
        {f"{NEW} properties either anyOf 0 type": "array"},
        ["breaking: request field 'either' changed its type from string or Part to array or Part"],
    ),
    (
        {f"{NEW} properties size anyOf": [{"type": "number"}, {"type": "string"}]}
        | {f"{NEW} properties size type": REMOVED},
        ["fine: request field 'size' changed its type from number to number or string"],
    ),
    (
        {f"{NEW} properties either anyOf 0": REMOVED},
        ["breaking: request field 'either' changed its type from string or Part to Part"],
    ),
    (
        {"components schemas Part properties weight": REMOVED},
        [
            "breaking: request field 'either.weight' was removed",
            "breaking: response 200 field 'parts[].weight' was removed",
        ],
    ),
]

RESPONSES: list[tuple[dict[str, object], list[str]]] = [
    (
        {f"{POST} responses 201": REMOVED, f"{POST} responses 202": {"description": ""}},
        ["breaking: response 201 was removed", "breaking: response 202 was added"],
    ),
    (
        {f"{GET} responses 404": REMOVED, f"{GET} responses 429": {"description": ""}},
        ["fine: response 404 was removed", "fine: response 429 was added"],
    ),
    ({ANSWER: {}}, ["breaking: response 200 is no longer typed: it was Thing"]),
    (
        {f"{POST} responses 201 content application/json schema": reference("Thing")},
        ["fine: response 201 became typed: Thing"],
    ),
    ({f"{POST} responses 201 content": REMOVED}, ["fine: documentation only"]),
    (
        {f"{GET} responses 404 content": json_content(reference("Thing"))},
        ["fine: response 404 became typed: Thing"],
    ),
    (
        {f"{GET} responses 200 content": {"text/csv": {}}},
        [
            "breaking: response 200 is no longer application/json",
            "fine: response 200 may now be text/csv",
        ],
    ),
    (
        {f"{GET} responses 200 headers": {"Etag": {"schema": {}}}},
        [
            "breaking: response 200 header 'Age' was removed",
            "fine: response 200 header 'Etag' was added",
        ],
    ),
    (
        {f"{GET} responses 200 headers Age schema type": "string"},
        ["breaking: response 200 header 'Age' changed its type from integer to string"],
    ),
    ({f"{THING} properties size": REMOVED}, ["breaking: response 200 field 'size' was removed"]),
    ({f"{THING} properties new": {}}, ["fine: response 200 field 'new' was added"]),
    (
        {f"{THING} properties new": {}, f"{THING} required": ["name", "state", "parts", "new"]},
        ["fine: response 200 field 'new' was added"],
    ),
    (
        {f"{THING} required": ["name", "state"]},
        ["breaking: response 200 field 'parts' is no longer guaranteed"],
    ),
    (
        {f"{THING} required": ["name", "state", "parts", "size"]},
        ["fine: response 200 field 'size' is now guaranteed"],
    ),
    (
        {f"{THING} properties name": nullable({"type": "string"})},
        ["breaking: response 200 field 'name' may now be null"],
    ),
    (
        {f"{THING} properties note": {"type": "string"}},
        ["fine: response 200 field 'note' may no longer be null"],
    ),
    (
        {f"{THING} properties name type": "integer"},
        ["breaking: response 200 field 'name' changed its type from string to integer"],
    ),
    (
        {f"{THING} properties size type": "integer"},
        ["fine: response 200 field 'size' changed its type from number to integer"],
    ),
    (
        {f"{THING} properties name": {"type": ["string", "integer"]}},
        ["breaking: response 200 field 'name' changed its type from string to integer or string"],
    ),
    (
        {f"{THING} properties name": {}},
        ["breaking: response 200 field 'name' is no longer typed: it was string"],
    ),
    (
        {f"{THING} properties name format": "date-time"},
        ["breaking: response 200 field 'name' changed its format from nothing to \"date-time\""],
    ),
    (
        {f"{THING} properties name format": "uri"},
        ["fine: response 200 field 'name' changed its format from nothing to \"uri\""],
    ),
    (
        {f"{THING} properties name maxLength": 9},
        ["fine: response 200 field 'name' changed its maxLength from nothing to 9"],
    ),
    (
        {f"{THING} properties state enum": ["new", "done", "lost"]},
        ["fine: response 200 field 'state' may now be \"lost\""],
    ),
    (
        {f"{THING} properties state enum": ["new"]},
        ["fine: response 200 field 'state' may no longer be \"done\""],
    ),
    (
        {f"{THING} properties state enum": REMOVED},
        ['fine: response 200 field \'state\' is no longer limited to "new", "done"'],
    ),
    (
        {f"{THING} properties labels additionalProperties type": "integer"},
        ["breaking: response 200 field 'labels{}' changed its type from string to integer"],
    ),
    (
        {f"{THING} properties labels additionalProperties": False},
        ["fine: response 200 field 'labels' allows no other fields now"],
    ),
    (
        {
            f"{THING} properties parts items": reference("Piece"),
            "components schemas Piece": api()["components"]["schemas"]["Part"],
        },
        ["fine: response 200 field 'parts[]' is now a Piece instead of a Part"],
    ),
]


@pytest.mark.parametrize(
    ("edits", "expected"), [*OPERATIONS, *PARAMETERS, *REQUESTS, *RESPONSES], ids="; ".join
)
def test_a_change_is_told_in_the_callers_terms_and_judged_from_the_callers_side(
    edits: dict[str, object], expected: list[str]
) -> None:
    assert told(changes(api(), changed(edits))) == expected


@pytest.mark.parametrize(
    "same",
    [
        {ANSWER: {"allOf": [reference("Thing")], "description": "In other words"}},
        {f"{THING} properties note": {"type": ["string", "null"]}},
        {f"{THING} properties note": {"oneOf": [{"type": "null"}, {"type": "string"}]}},
        {f"{THING} properties note": {"type": "string", "nullable": True}},
        {f"{THING} properties state": {"enum": ["done", "new"]}},
        {f"{THING} properties state": {"anyOf": [{"const": "new"}, {"const": "done"}]}},
        {f"{THING} type": REMOVED},
        {f"{THING} additionalProperties": True},
        {f"{THING} properties parts items": {"allOf": [reference("Part"), {"type": "object"}]}},
    ],
    ids="; ".join,
)
def test_another_way_to_write_the_same_schema_is_no_change(same: dict[str, object]) -> None:
    found = changes(api(), changed(same))
    assert [change.kind for change in found] == [Kind.DOCUMENTATION]


def test_of_an_answer_that_became_typed_it_is_said_that_the_facade_decodes_it_by_hand() -> None:
    document = vendored()
    answer = document["paths"][EXECUTION]["get"]["responses"]["200"]
    answer["content"]["application/json"]["schema"] = {"type": "object", "properties": {}}
    (change,) = changes(vendored(), document)
    assert (change.function, change.method, change.path) == (
        "get_workflows_executions_id",
        "GET",
        EXECUTION,
    )
    assert (change.message, change.breaking) == ("became typed: object", False)
    assert change.hint == DECODED_BY_HAND


def test_an_operation_is_looked_for_by_its_name_and_a_new_one_is_not_looked_for() -> None:
    changed_tag = changed({f"{GET} tags": ["stuff"]})
    assert {change.function for change in changes(api(), changed_tag)} == {"get_things_id_0846df"}
    added = changed({"paths /more get": {"operationId": "more_more_get", "responses": {}}})
    assert [change.function for change in changes(api(), added)] == [""]


def test_a_path_that_only_renames_its_parameters_is_still_the_same_operation() -> None:
    document = api()
    item = document["paths"].pop("/things/{id}")
    item["parameters"][0]["name"] = "number"
    item["get"]["operationId"] = "get_thing_things__number__get"
    document["paths"]["/things/{number}"] = item
    assert told(changes(api(), document)) == [
        "breaking: parameter 'id' (path) was removed",
        "breaking: parameter 'number' (path) was added, and is required",
        "fine: path is now written /things/{number}",
    ]


def test_parts_of_an_inherited_schema_count_as_its_own() -> None:
    def inheriting(*required: str) -> Spec:
        own = {"type": "object", "properties": {"more": {}}, "required": [*required]}
        parts = [reference("Part"), own]
        return changed({"components schemas Sub": {"allOf": parts}, ANSWER: reference("Sub")})

    after = inheriting("weight")
    del after["components"]["schemas"]["Part"]["properties"]["weight"]
    assert told(changes(inheriting(), inheriting("weight"))) == [
        "fine: response 200 field 'weight' is now guaranteed"
    ]
    assert "breaking: response 200 field 'weight' no longer typed: it was integer" not in told(
        changes(inheriting("weight"), after)
    )


def test_schemas_that_go_round_in_rings_are_compared_to_the_end() -> None:
    def ringed(kind: str) -> Spec:
        document = api()
        document["components"]["schemas"] |= {
            "Odd": {
                "type": "object",
                "properties": {"next": reference("Even"), "kind": {"type": kind}},
            },
            "Even": {
                "allOf": [
                    reference("Odd"),
                    {"type": "object", "properties": {"next": nullable(reference("Odd"))}},
                ]
            },
        }
        document["components"]["schemas"]["NewThing"] = reference("Even")
        return document

    assert told(changes(ringed("string"), ringed("integer"))) == [
        "breaking: request field 'kind' changed its type from string to integer",
        "breaking: request field 'next.kind' changed its type from string to integer",
    ]


def test_what_lies_below_a_schema_that_is_used_twice_is_told_where_it_comes_first() -> None:
    def doubled(kind: str) -> Spec:
        parts = {name: reference("Part") for name in ("zebra", "ape", "bear")}
        return changed(
            {
                f"{THING} properties": parts,
                f"{THING} required": [],
                "components schemas Part properties weight type": kind,
            }
        )

    def for_things(found: list[Change]) -> list[str]:
        return told([change for change in found if change.method == "GET"])

    assert for_things(changes(doubled("integer"), doubled("string"))) == [
        "breaking: response 200 field 'zebra.weight' changed its type from integer to string"
    ]


def test_the_breaking_changes_come_first_and_then_the_order_is_that_of_paths() -> None:
    document = changed(
        {
            f"{GET} summary": "Words",
            f"{POST} deprecated": True,
            f"{NEW} required": ["name", "size"],
            f"{THING} properties size": REMOVED,
            "info version": "2",
        }
    )
    found = changes(api(), document)
    assert [(change.breaking, change.path) for change in found] == [
        (True, "/things"),
        (True, "/things/{id}"),
        (False, ""),
        (False, "/things"),
    ]


@pytest.mark.parametrize("keyword", ["anyOf", "allOf", "oneOf"])
@pytest.mark.parametrize("last", [{"type": "string"}, False, {"enum": [1, "a", None]}])
def test_a_schema_with_more_alternatives_than_can_be_counted_is_compared_all_the_same(
    keyword: str, last: Spec | bool
) -> None:
    def doubling(end: Spec | bool) -> Spec:
        document = api()
        for level in range(40):
            below = {**reference(f"D{level + 1}")}
            document["components"]["schemas"][f"D{level}"] = {keyword: [below, below]}
        document["components"]["schemas"]["D40"] = end
        document["components"]["schemas"]["NewThing"] = reference("D0")
        return document

    assert changes(doubling(last), doubling(last)) == []
    assert changes(doubling(last), doubling({"type": "integer"}))


SCHEMAS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.sampled_from(
        [
            {},
            {"type": "string"},
            {"type": ["integer", "null"]},
            {"enum": ["a", None]},
            {"type": "string", "format": "date"},
            reference("One"),
            reference("Two"),
        ]
    ),
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"allOf": parts}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(
            lambda properties, required: {
                "type": "object",
                "properties": properties,
                "required": required,
            },
            st.dictionaries(st.sampled_from("abc"), inner),
            st.lists(st.sampled_from("abc"), unique=True),
        ),
        st.builds(lambda rest: {"type": "object", "additionalProperties": rest}, inner),
    ),
    max_leaves=6,
)


@st.composite
def apis(draw: st.DrawFn) -> Spec:
    """APIs whose schemas refer to each other in any way, rings included."""
    document = api()
    document["components"]["schemas"] |= {"One": draw(SCHEMAS), "Two": draw(SCHEMAS)}
    document["paths"]["/things"]["post"]["requestBody"]["content"] = json_content(draw(SCHEMAS))
    answer = document["paths"]["/things/{id}"]["get"]["responses"]["200"]
    answer["content"] = json_content(draw(SCHEMAS))
    return document


@given(apis(), apis())
def test_any_two_documents_can_be_compared_and_none_differs_from_itself(
    one: Spec, other: Spec
) -> None:
    before = deepcopy((one, other))
    assert changes(one, one) == []
    assert changes(one, deepcopy(one)) == []
    found = changes(one, other)
    assert found == sorted(found, key=lambda change: not change.breaking)
    assert (one, other) == before
