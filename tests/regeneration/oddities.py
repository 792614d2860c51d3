"""Much that a document may hold, and that has to come out right without anybody looking at it."""

from typing import Any

from tests.regeneration.checkouts import Spec
from tests.regeneration.constructs import (
    MAP,
    NULL,
    NUMBER,
    TEXT,
    answering,
    model,
    operation,
    query,
    ref,
    sending,
)

SCHEMAS: Spec = {}
PATHS: Spec = {}

DT: Spec = {**TEXT, "format": "date-time"}
D: Spec = {**TEXT, "format": "date"}
U: Spec = {**TEXT, "format": "uuid"}


def add(path: str, item: Spec, **schemas: Any) -> None:
    PATHS[path] = item
    SCHEMAS.update(schemas)


def opt(schema: Any, media: str = "application/json") -> Spec:
    return operation(requestBody={"content": {media: {"schema": schema}}})


def arr(items: Any) -> Spec:
    return {"type": "array", "items": items}


def nullable(schema: Spec) -> Spec:
    return {**schema, "nullable": True}


def document(version: str) -> Spec:
    return {
        "openapi": version,
        "info": {"title": "Odd", "version": "1"},
        "paths": PATHS,
        "components": {"schemas": SCHEMAS, "securitySchemes": {}},
    }


add(
    "/o1",
    {
        "post": opt(arr(ref("M1"))),
        "put": opt(arr(TEXT)),
        "patch": opt({"type": ["array", "null"], "items": ref("M1")}),
    },
    M1=model(a=TEXT),
)
add(
    "/o2",
    {
        "post": sending(
            model(x={"anyOf": [{}, TEXT]}, y={"anyOf": [{}, NULL]}, z={"oneOf": [{}, arr({})]})
        )
    },
)
add(
    "/o3",
    {
        "post": sending(
            model(
                i={"enum": [1, -1, 0], "type": "integer"},
                n={"enum": ["a", None]},
                r={"nullable": True, "$ref": "#/components/schemas/M1"},
                e={"type": "string", "nullable": True, "enum": ["x", "y"]},
            )
        )
    },
)
add(
    "/o4",
    {"post": sending(ref("Node"))},
    Node={
        **model(
            kids=arr(ref("Node")),
            map={"type": "object", "additionalProperties": ref("Node")},
            up={"anyOf": [ref("Node"), NULL]},
            u={"oneOf": [ref("Node"), ref("M1")], "discriminator": {"propertyName": "a"}},
        )
    },
)
add(
    "/o5",
    {
        "post": sending(ref("123")),
        "put": sending(
            model(
                **{
                    "123": TEXT,
                    "": TEXT,
                    "None": TEXT,
                    "ünï": TEXT,
                    "中": TEXT,
                    "a.b.c": NUMBER,
                    "@type": TEXT,
                }
            )
        ),
    },
    **{"123": {**model(a=TEXT), "title": "!!"}},
)
for i, t in enumerate(["v1/users", "class", "Ünï", "", "a b", "None"]):
    add(f"/o6/{i}", {"get": operation(tags=[t])})
add(
    "/o7",
    {
        "post": sending(
            model(
                files=arr({**TEXT, "format": "binary"}),
                meta=ref("M1"),
                metas=arr(ref("M1")),
                any={},
                free=MAP,
                at=DT,
                u=U,
                n={"anyOf": [NUMBER, NULL]},
                e={**TEXT, "enum": ["q"]},
                c={"const": "k"},
                i={"const": 3},
                b={"type": "boolean"},
                maybe={"anyOf": [arr({**TEXT, "format": "binary"}), NULL]},
                un={"anyOf": [{**TEXT, "format": "binary"}, TEXT]},
            ),
            "multipart/form-data",
        ),
        "patch": sending(model(a=arr(TEXT), b=NUMBER, d=DT), "application/x-www-form-urlencoded"),
    },
)
add(
    "/o8",
    {
        "get": operation(
            parameters=[
                query("d", arr(DT)),
                query("u", arr(U)),
                query("ue", {"anyOf": [{**TEXT, "enum": ["a"]}, NULL]}),
                query("rn", {"anyOf": [TEXT, NULL]}, required=True),
                query("ff", MAP),
                query("ds", {**NUMBER, "default": "5"}),
                query("any", {}),
                query("bo", arr({"type": "boolean"})),
                query("lit", {"const": "x", "default": "x"}),
                query("nullable", {"type": "string", "nullable": True}),
                query("tl", {"type": ["string", "integer", "null"]}),
                query("refe", ref("En")),
                query("dd", {**D, "default": "2020-01-01"}),
                query("def", {"allOf": [ref("En")], "default": "one"}),
                query("lst", {**arr(TEXT), "default": ["a"]}),
                query("no", {"anyOf": [arr(MAP), NULL]}),
            ]
        )
    },
    En={**TEXT, "enum": ["one", "two"]},
)
add(
    "/o9",
    {
        "get": {
            "responses": {
                "204": {"description": ""},
                "default": {
                    "description": "",
                    "content": {"application/json": {"schema": ref("M1")}},
                },
            }
        },
        "head": operation(),
        "options": operation(),
        "trace": operation(),
    },
)
add(
    "/o10/{user-id}/{user_id}",
    {
        "get": operation(
            parameters=[
                {"name": n, "in": "path", "required": True, "schema": TEXT}
                for n in ("user-id", "user_id")
            ]
        )
    },
)
add(
    "/o11",
    {
        "post": sending(
            model(
                e={"allOf": [ref("En")], "default": "one", "description": "x"},
                m={"allOf": [ref("Wide11")], "description": "d"},
                m2={"allOf": [ref("Wide11")], "title": "M2"},
            )
        )
    },
    Wide11=model(inner=model(a=TEXT), en={**TEXT, "enum": ["p"]}),
)
add("/o12", {"get": operation(summary='a """ b \\ c', description='x\\U \\N{x} """ é')})
add("/o13", {"post": sending({**model(a=model(b=model(c=TEXT))), "title": "Long" + " Long" * 60})})
for i, s in enumerate(
    [
        TEXT,
        NUMBER,
        {**TEXT, "enum": ["a", "b"]},
        arr({**TEXT, "enum": ["m"]}),
        {"type": "object", "additionalProperties": ref("M1")},
        U,
        DT,
        D,
        arr(arr(ref("M1"))),
        arr({"anyOf": [ref("M1"), ref("Node")]}),
        {"anyOf": [NUMBER, TEXT]},
        {"type": "boolean"},
        {"const": "c"},
        {},
        MAP,
        arr({}),
        {"type": ["object", "null"], "properties": {"q": TEXT}},
        {"type": "number"},
        arr(DT),
    ]
):
    add(f"/o14/{i}", {"post": sending(s), "put": opt(s)})
add(
    "/o15",
    {
        "post": sending(
            model(
                a={**model(x=TEXT), "title": "Item"},
                b={**model(y=TEXT), "title": "Item"},
                c={**TEXT, "enum": ["z"], "title": "Item"},
                d=arr({**model(w=TEXT), "title": "Item"}),
            )
        )
    },
)
add(
    "/o16",
    {
        "post": sending(ref("M1"), "application/json; charset=utf-8"),
        "put": sending(ref("M1"), "application/vnd.api+json"),
        "patch": sending({"type": "object"}, "application/merge-patch+json"),
    },
)
add(
    "/o17",
    {
        "get": operation(
            parameters=[
                query("a", TEXT),
                {"name": "a", "in": "header", "schema": TEXT},
                query("A", TEXT),
                query("class", TEXT),
                query("self", TEXT),
                query("datetime", TEXT),
                query("x[]", arr(TEXT)),
                query("filter[name]", TEXT),
                query("$top", NUMBER),
                query("_private", TEXT),
                query("cast", TEXT),
                query("isinstance", TEXT),
                query("k", TEXT),
                query("v", TEXT),
                query("response", TEXT),
                query("unset", TEXT),
                query("uuid", U),
                query("errors", TEXT),
                query("httpx", TEXT),
            ]
        )
    },
)
add(
    "/o18",
    {
        "post": sending({"allOf": [ref("M1"), {"required": ["a"]}, model(b=TEXT)]}),
        "put": sending({"allOf": [ref("En")]}),
        "patch": sending({"allOf": [ref("U18"), model(k=TEXT)]}),
    },
    U18={"oneOf": [ref("M1"), ref("Node")]},
)
add(
    "/o19",
    {"post": sending(ref("T"))},
    T=model(a=TEXT),
    Any=model(a=TEXT),
    Mapping=model(a=ref("Any")),
    File={**TEXT, "enum": ["x"]},
    datetime=model(a=DT),
    List=arr(ref("Any")),
    Dict={
        "type": "object",
        "additionalProperties": {"type": "object", "additionalProperties": arr(ref("T"))},
    },
    Optional=model(z=ref("Dict")),
    Client=model(m=ref("Mapping"), f=ref("File")),
)
add(
    "/o20",
    {
        "post": sending(
            {
                "type": "object",
                "properties": {"a": TEXT},
                "additionalProperties": False,
                "required": ["a", "zz"],
            }
        ),
        "put": sending({"type": "object", "required": ["only"]}),
    },
)
add(
    "/o21",
    {
        "post": sending(
            {
                "anyOf": [
                    {"type": "object", "properties": {"a": TEXT}, "required": ["a"]},
                    {"type": "object", "properties": {"b": TEXT}, "required": ["b"]},
                ]
            }
        ),
        "put": sending(
            {
                "type": "object",
                "properties": {"a": TEXT},
                "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
            }
        ),
    },
)
add(
    "/o22",
    {
        "get": operation(
            parameters=[
                {"name": "X-A", "in": "header", "schema": {"type": "integer", "default": 5}},
                {"name": "Authorization", "in": "header", "schema": TEXT},
                {"name": "Content-Type", "in": "header", "schema": TEXT},
                {
                    "name": "x",
                    "in": "header",
                    "schema": {"anyOf": [{"enum": ["a"], "type": "string"}, NULL]},
                },
                {"name": "y", "in": "header", "schema": {}},
                {"name": "z", "in": "header", "schema": {"type": ["string", "null"]}},
            ],
            security=[{}],
        )
    },
)
SCHEMAS["Weird"] = {
    "properties": {"self": ref("Weird"), "type": {"default": "object"}},
    "default": {},
}
add("/o23", {"post": sending(ref("Weird"))})
add(
    "/n1",
    {
        "post": sending(
            model(
                a=nullable(TEXT),
                b=nullable(arr(ref("M1"))),
                c=nullable({"allOf": [ref("M1")]}),
                d=nullable({"allOf": [ref("M1"), model(z=TEXT)]}),
                e=nullable(MAP),
                f=nullable({"anyOf": [TEXT, NUMBER]}),
                g=nullable({**TEXT, "enum": ["a"]}),
                h=nullable(model(q=TEXT)),
                i=nullable(DT),
            )
        )
    },
)
add(
    "/n2/{p}",
    {
        "parameters": [
            {"name": "p", "in": "path", "required": True, "schema": nullable(TEXT)},
            query("q", TEXT),
        ],
        "get": operation(
            parameters=[
                query("q", NUMBER),
                {"name": "X", "in": "header", "schema": nullable(NUMBER)},
                {"name": "x", "in": "header", "schema": TEXT},
            ]
        ),
        "delete": operation(
            requestBody={"content": {"application/json": {"schema": nullable(ref("M1")) | {}}}}
        ),
    },
)
add(
    "/n3",
    {
        "post": operation(
            requestBody={"content": {"application/json": {"schema": nullable(model(a=TEXT))}}}
        ),
        "put": operation(
            requestBody={
                "required": True,
                "content": {"application/json": {"schema": nullable(model(a=TEXT))}},
            }
        ),
        "patch": operation(
            requestBody={
                "required": True,
                "content": {
                    "multipart/form-data": {"schema": {"allOf": [ref("M1")], "title": "Body"}}
                },
            }
        ),
    },
)
add(
    "/n4",
    {
        "post": operation(
            requestBody={
                "required": True,
                "content": {
                    "multipart/form-data": {
                        "schema": {
                            "allOf": [
                                ref("M1"),
                                model(
                                    file={**TEXT, "contentMediaType": "application/octet-stream"}
                                ),
                            ]
                        }
                    }
                },
            }
        ),
        "put": operation(
            requestBody={
                "required": True,
                "content": {
                    "application/json": {"schema": ref("M1")},
                    "multipart/form-data": {"schema": ref("Other")},
                    "application/octet-stream": {"schema": {**TEXT, "format": "binary"}},
                },
            }
        ),
    },
    Other=model(zz=TEXT),
)
add(
    "/n5",
    {"post": sending(ref("RecA")), "put": sending(ref("Json"))},
    RecA=model(b=ref("RecB")),
    RecB={"allOf": [ref("RecA"), model(x=TEXT)]},
    Json={
        "anyOf": [
            TEXT,
            NUMBER,
            NULL,
            arr(ref("Json")),
            {"type": "object", "additionalProperties": ref("Json")},
        ]
    },
)
add(
    "/n6",
    {"post": sending(ref("Base"))},
    Base={**model(kind={**TEXT, "enum": ["a", "b"]}), "required": ["kind"]},
    Sub={"allOf": [ref("Base"), model(kind={**TEXT, "enum": ["a"], "title": "Kind"})]},
    Sub2={"allOf": [ref("Sub"), model(kind={"const": "a"})]},
)
add(
    "/n7",
    {
        "get": operation(
            parameters=[
                query("sort", {**TEXT, "enum": ["a:asc", "a:desc", "-a", "+a", "a"]}),
                query("n", {"enum": [1, 2, 2], "type": "integer"}),
                query(
                    "v",
                    {
                        "type": "string",
                        "enum": [
                            "1.0",
                            "1_0",
                            "10",
                            "v1",
                            "V1",
                            "",
                            "None",
                            "mro",
                            "name",
                            "value",
                        ],
                    },
                ),
                query("f", {"type": "number", "enum": [1.5, 2]}),
                query("x", {"type": "boolean", "enum": [True]}),
                query("i", {"type": "integer", "enum": ["1", "2"]}),
            ]
        )
    },
)
add(
    "/n8",
    {
        "post": sending(
            {
                "title": "Body",
                "anyOf": [ref("Sub"), ref("Sub2")],
                "discriminator": {
                    "propertyName": "kind",
                    "mapping": {"a": "#/components/schemas/Sub"},
                },
            }
        )
    },
)
add(
    "/n9",
    {
        "get": answering(
            {
                "application/json": {"schema": {"anyOf": [ref("Base"), arr({})]}},
                "text/csv": {"schema": TEXT},
            }
        ),
        "post": answering({"text/event-stream": {"schema": model(a=TEXT)}}),
        "put": answering({"*/*": {}}),
        "patch": answering({"application/vnd.x+json": {"schema": ref("Base")}}),
        "delete": answering({"image/*": {"schema": {**TEXT, "format": "binary"}}}),
    },
)
