"""Smallest pieces of documents, each with something in it that the generator cannot do alone."""

from typing import Any

from attrs import field, frozen

from tests.regeneration.checkouts import Spec

ANSWER: Spec = {"200": {"description": "", "content": {"application/json": {"schema": {}}}}}


@frozen
class Construct:
    """Some operations and schemas, and what is to be done to them; it goes into any document."""

    name: str
    done: str
    """What a repair says that it did."""
    paths: Spec
    schemas: Spec = field(factory=dict)
    security: Spec = field(factory=dict)


def operation(**more: Any) -> Spec:
    return {"responses": ANSWER, **more}


def query(name: str, schema: Any = None, **more: Any) -> Spec:
    return {"name": name, "in": "query", **({} if schema is None else {"schema": schema}), **more}


def sending(schema: Any, media: str = "application/json", **more: Any) -> Spec:
    return operation(requestBody={"required": True, "content": {media: {"schema": schema}}, **more})


def answering(content: Spec, status: str = "200") -> Spec:
    return operation(responses={status: {"description": "", "content": content}})


def ref(name: str) -> Spec:
    return {"$ref": f"#/components/schemas/{name}"}


def model(**properties: Any) -> Spec:
    return {"type": "object", "properties": properties}


TEXT: Spec = {"type": "string"}
NULL: Spec = {"type": "null"}
NUMBER: Spec = {"type": "integer"}
MAP: Spec = {"type": "object", "additionalProperties": True}

CONSTRUCTS = [
    Construct(
        "components of one title",
        "generated as ParcelInput",
        {
            "/parcels": {
                "post": sending(ref("Parcel-Input")),
                "get": answering({"application/json": {"schema": ref("Parcel-Output")}}),
            }
        },
        {
            "Parcel-Input": {**model(weight=NUMBER), "title": "Parcel"},
            "Parcel-Output": {**model(weight=NUMBER, id=NUMBER), "title": "Parcel"},
        },
    ),
    Construct(
        "components whose modules are one",
        "generated as HTTPFaultModel",
        {"/faults": {"post": sending(ref("Faults"))}},
        {
            "HttpFault": model(text=TEXT),
            "HTTPFault": model(code=NUMBER),
            "Faults": model(one=ref("HttpFault"), two=ref("HTTPFault")),
        },
    ),
    Construct(
        "an inner object that is called like a component",
        "generated as HouseGardenModel",
        {"/houses": {"post": sending(ref("House")), "put": sending(ref("HouseGarden"))}},
        {"House": model(garden={**MAP, "title": "Garden"}), "HouseGarden": model(size=NUMBER)},
    ),
    Construct(
        "a class that the generated code has itself",
        "generated as UNSETModel",
        {"/unset": {"post": sending(ref("UNSET")), "put": sending(ref("Response"))}},
        {"UNSET": model(a=TEXT), "Response": model(a=TEXT)},
    ),
    Construct(
        "names of components that OpenAPI refuses",
        "called it Page_Item_1",
        {"/page": {"post": {**sending(ref("Page[Item, 1]")), "security": [{"My Key": []}]}}},
        {"Page[Item, 1]": model(next=ref("Page[Item, 1]"))},
        {"My Key": {"type": "apiKey", "in": "header", "name": "x"}},
    ),
    Construct(
        "a component that is only a reference",
        "took Dog for it",
        {"/dogs": {"post": sending(model(one=ref("Pet"), two=ref("Beast"), three=ref("Dog")))}},
        {
            "Pet": ref("Dog"),
            "Beast": {"allOf": [ref("Pet")], "title": "Beast"},
            "Dog": model(name=TEXT, tail=model(length=NUMBER)),
        },
    ),
    Construct(
        "a union that contains itself",
        "let it contain anything where it would contain itself",
        {"/trees": {"post": sending(model(tree=ref("Tree"), leaf=ref("Leaf")))}},
        {
            "Tree": {"anyOf": [TEXT, {"type": "array", "items": ref("Tree")}, ref("Leaf")]},
            "Leaf": {"anyOf": [NUMBER, {"type": "array", "items": ref("Tree")}]},
        },
    ),
    Construct(
        "a reference into a component",
        "made a component",
        {"/inner": {"post": sending(model(a={"$ref": "#/components/schemas/Outer/properties/b"}))}},
        {"Outer": model(b=model(c=TEXT))},
    ),
    Construct(
        "an object for a default",
        "left out the default",
        {"/scans": {"post": sending(ref("Scan"))}},
        {
            "Scan": model(
                target={"oneOf": [ref("Zip"), NULL], "default": {"kind": "zip"}},
                labels={"anyOf": [MAP, NULL], "default": {}},
                quoted={**TEXT, "default": 'a "b"'},
            ),
            "Zip": model(kind={"type": "string", "const": "zip"}),
        },
    ),
    Construct(
        "a default that its schema refuses",
        "left out the default",
        {
            "/since": {
                "get": operation(
                    parameters=[
                        query(
                            "since",
                            {**TEXT, "format": "date-time", "default": "0001-01-01T00:00:00"},
                        ),
                        query("count", {**NUMBER, "default": "many"}),
                        query("word", {**TEXT, "enum": ["a"], "default": "b"}),
                    ]
                )
            }
        },
    ),
    Construct(
        "values of an enum whose names fold",
        "named them C, C_PLUS_PLUS, C_NUMBER",
        {
            "/languages": {
                "get": operation(
                    parameters=[
                        query("language", {**TEXT, "enum": ["C", "C++", "C#"]}, required=True),
                        query("zone", {**TEXT, "enum": ["GMT0", "GMT+0", "GMT-0", "gmt0", ""]}),
                    ]
                )
            }
        },
    ),
    Construct(
        "a value of an enum twice",
        "listed each value once",
        {
            "/twice": {
                "get": operation(parameters=[query("kind", {**TEXT, "enum": ["a", "b", "a"]})])
            }
        },
    ),
    Construct(
        "values of an enum of several types",
        "made it a union of one list for each type",
        {
            "/mixed": {
                "post": sending(
                    model(
                        level={"enum": [1, "high", None]},
                        share={"enum": [0.5, 1.5]},
                        flag={"enum": [True]},
                    )
                )
            }
        },
    ),
    Construct(
        "values of an enum that no literal holds",
        "took any string for its values",
        {"/controls": {"post": sending(model(end={"type": "string", "enum": ["a\nb", "c"]}))}},
    ),
    Construct(
        "constants of odd types",
        "wrote the constant as its type",
        {"/constants": {"post": sending(model(nothing={"const": None}, share={"const": 0.5}))}},
    ),
    Construct(
        "lists without items",
        "let the list hold anything",
        {
            "/lists": {
                "post": sending(
                    model(
                        some={"type": "array"},
                        pair={"type": "array", "prefixItems": [TEXT, NUMBER], "items": False},
                        any={"type": "array", "items": True},
                    )
                )
            }
        },
    ),
    Construct(
        "schemas that are true or false",
        "took a schema that is true or false for one of anything",
        {"/booleans": {"post": sending(model(anything=True, nothing=False))}},
    ),
    Construct(
        "a body of anything or null",
        "took it for anything",
        {
            "/values": {
                "put": operation(
                    requestBody={
                        "content": {
                            "application/json": {"schema": {"anyOf": [{}, NULL], "title": "Value"}}
                        }
                    }
                )
            }
        },
    ),
    Construct(
        "a body that may be left out and is a union",
        "made it required, and None not to send it",
        {
            "/choices": {
                "put": operation(
                    requestBody={
                        "content": {
                            "application/json": {"schema": {"anyOf": [ref("Left"), ref("Right")]}}
                        }
                    }
                ),
                "post": operation(
                    requestBody={
                        "content": {"application/json": {"schema": {"anyOf": [ref("Left"), NULL]}}}
                    }
                ),
            }
        },
        {"Left": {**model(left=TEXT), "required": ["left"]}, "Right": model(right=TEXT)},
    ),
    Construct(
        "an allOf that narrows",
        "joined its parts into one object",
        {"/narrow": {"post": sending(ref("Narrow"))}},
        {
            "Wide": {**model(kind=TEXT, size={"type": "number"}), "required": ["kind"]},
            "Narrow": {"allOf": [ref("Wide"), model(kind={**TEXT, "const": "narrow"}, more=TEXT)]},
        },
    ),
    Construct(
        "an allOf of what is no object",
        "took the part of its allOf that says its type",
        {"/word": {"post": sending(model(word={"allOf": [TEXT, {"maxLength": 5}]}))}},
    ),
    Construct(
        "limits of OpenAPI 3.0",
        "wrote the excluded limit as a number",
        {
            "/limits": {
                "get": operation(
                    parameters=[query("count", {**NUMBER, "minimum": 1, "exclusiveMinimum": True})]
                )
            }
        },
    ),
    Construct(
        "a required field that is listed twice",
        "listed each required field once",
        {"/required": {"post": sending({**model(a=TEXT), "required": ["a", "a"]})}},
    ),
    Construct(
        "keys that OpenAPI does not know",
        "left out the key 'description'",
        {"/foreign": {"get": answering({"text/plain": {"description": "words", "schema": TEXT}})}},
    ),
    Construct(
        "examples without a value",
        "read image/png as bytes",
        {"/examples": {"get": answering({"image/png": {"examples": {"a": {"x": 1}}}})}},
    ),
    Construct(
        "JSON beside the true content type",
        "read as application/pdf, not as JSON",
        {
            "/report": {
                "get": answering({"application/json": {"schema": {}}, "application/pdf": {}})
            }
        },
    ),
    Construct(
        "a content type that is none, and a status that is none",
        "left it out",
        {
            "/async": {
                "get": {
                    "responses": {
                        "200": {
                            "description": "",
                            "content": {"application/json async": {"schema": {}}},
                        },
                        "4xx": {"description": ""},
                        "ok": {"description": ""},
                    }
                }
            }
        },
    ),
    Construct(
        "a body of another content type",
        "sent as the bytes that are given",
        {
            "/bytes": {
                "post": sending(TEXT, "text/plain"),
                "put": sending(MAP, "application/xml"),
                "patch": sending({}, "*/*"),
                "get": answering({"text/plain": {"schema": TEXT}}),
            }
        },
    ),
    Construct(
        "two bodies that nothing tells apart",
        "left out the body of type application/x-www-form-urlencoded",
        {
            "/two": {
                "post": operation(
                    requestBody={
                        "required": True,
                        "content": {
                            "application/json": {"schema": ref("Both")},
                            "application/x-www-form-urlencoded": {"schema": ref("Both")},
                            "text/csv": {"schema": TEXT},
                        },
                    }
                )
            }
        },
        {"Both": model(a=TEXT)},
    ),
    Construct(
        "files that are said by contentMediaType",
        "took it for a file",
        {"/uploads": {"post": sending(ref("Upload"), "multipart/form-data")}},
        {
            "Upload": {
                **model(
                    file={**TEXT, "contentMediaType": "application/octet-stream"},
                    pages={"type": "array", "items": {**TEXT, "contentMediaType": "image/png"}},
                    cover={"anyOf": [{**TEXT, "contentMediaType": "image/png"}, NULL]},
                    options={**TEXT, "contentMediaType": "application/json"},
                    force={"type": "boolean"},
                ),
                "required": ["file"],
            }
        },
    ),
    Construct(
        "files in JSON",
        "took it for a string",
        {"/files": {"post": sending(ref("Letter"))}},
        {"Letter": model(scan={**TEXT, "format": "binary"})},
    ),
    Construct(
        "forms that are no object",
        "left null out of it",
        {
            "/forms": {
                "post": operation(
                    requestBody={
                        "content": {
                            "multipart/form-data": {"schema": {"anyOf": [ref("Form"), NULL]}}
                        }
                    }
                ),
                "put": sending(
                    {"anyOf": [ref("Form"), ref("Sheet")]}, "application/x-www-form-urlencoded"
                ),
                "patch": sending({}, "application/x-www-form-urlencoded"),
            }
        },
        {"Form": model(a=TEXT), "Sheet": model(b=TEXT)},
    ),
    Construct(
        "a path parameter that may be null",
        "left null out of its types",
        {
            "/frames/{camera}": {
                "get": operation(
                    parameters=[
                        {
                            "name": "camera",
                            "in": "path",
                            "required": True,
                            "schema": {"anyOf": [TEXT, NULL], "default": "x"},
                        },
                    ]
                )
            }
        },
    ),
    Construct(
        "path parameters that are not declared, or not there",
        "declared 'flow' as a string",
        {
            "/flows/{flow}": {
                "get": operation(
                    parameters=[{"name": "run", "in": "path", "required": True, "schema": TEXT}]
                )
            }
        },
    ),
    Construct(
        "path parameters of other types and styles",
        "took it for a string, to be given as it is sent",
        {
            "/kinds/{ids}/{at}/{on}/{by}": {
                "get": operation(
                    parameters=[
                        {
                            "name": "ids",
                            "in": "path",
                            "required": True,
                            "schema": {"type": "array", "items": NUMBER},
                        },
                        {
                            "name": "at",
                            "in": "path",
                            "required": True,
                            "schema": {**TEXT, "format": "date-time"},
                        },
                        {
                            "name": "on",
                            "in": "path",
                            "required": True,
                            "schema": {"type": "boolean"},
                        },
                        {
                            "name": "by",
                            "in": "path",
                            "required": True,
                            "style": "matrix",
                            "schema": TEXT,
                        },
                    ]
                )
            }
        },
    ),
    Construct(
        "paths that cannot be filled in",
        "generated for /odd/{a_b}/{rest}%7D",
        {
            "/odd/{a.b}/{rest:path}}": {
                "get": operation(
                    parameters=[
                        {"name": name, "in": "path", "required": True, "schema": TEXT}
                        for name in ("a.b", "rest")
                    ]
                )
            }
        },
    ),
    Construct(
        "headers of other types",
        "took it for a string, to be given as it is sent",
        {
            "/headers": {
                "get": operation(
                    parameters=[
                        {"name": f"X-{number}", "in": "header", "required": True, "schema": schema}
                        for number, schema in enumerate(
                            [
                                {**TEXT, "format": "uuid"},
                                {**TEXT, "const": "none"},
                                {"anyOf": [NUMBER, NULL]},
                                {"type": "array", "items": TEXT},
                                {**TEXT, "format": "date-time"},
                                TEXT,
                                {"type": "boolean"},
                                {"anyOf": [TEXT, NULL]},
                            ]
                        )
                    ]
                )
            }
        },
    ),
    Construct(
        "ways to write a query",
        "written by wire_forms.deep_object",
        {
            "/queries": {
                "get": operation(
                    parameters=[
                        query("deep", MAP, style="deepObject", required=True),
                        query("named", model(a=NUMBER, b=TEXT), style="deepObject", explode=True),
                        query("maybe", {"anyOf": [MAP, NULL]}, style="deepObject"),
                        query("joined", {"type": "array", "items": NUMBER}, explode=False),
                        query(
                            "spaced",
                            {"type": "array", "items": TEXT},
                            style="spaceDelimited",
                            explode=False,
                        ),
                        query(
                            "piped",
                            {"type": "array", "items": TEXT},
                            style="pipeDelimited",
                            explode=False,
                        ),
                        query("flat", model(c=NUMBER), explode=False),
                        query("union", {"anyOf": [model(d=TEXT), NULL]}),
                        query("content", content={"application/json": {"schema": MAP}}),
                        query(
                            "many",
                            {"type": "array", "items": {"enum": ["x", "y"], "type": "string"}},
                        ),
                        query("plain", model(e=TEXT)),
                    ]
                )
            }
        },
    ),
    Construct(
        "arguments that the code has itself",
        "generated as body_query",
        {
            "/arguments/{quote}": {
                "post": {
                    **sending(model(a=TEXT)),
                    "parameters": [
                        {"name": "quote", "in": "path", "required": True, "schema": TEXT},
                        *[
                            query(name, TEXT)
                            for name in ("body", "headers", "params", "client", "url", "kwargs")
                        ],
                        query("ids", {"type": "array", "items": ref("Word")}),
                        query("json_ids", TEXT),
                        query("a.b", TEXT),
                        query("a-b", TEXT),
                        query("a_b", TEXT),
                        {"name": "A-B", "in": "header", "required": True, "schema": TEXT},
                    ],
                }
            }
        },
        {"Word": {"type": "string", "enum": ["yes", "no"]}},
    ),
    Construct(
        "fields that the code has itself",
        "generated as to_dict_field",
        {
            "/fields": {
                "post": sending(
                    model(
                        **dict.fromkeys(
                            (
                                "to_dict",
                                "d",
                                "cls",
                                "additional_properties",
                                "cast",
                                "$",
                                "@",
                                "a b",
                                "a-b",
                                "a_b",
                                "self",
                                "class",
                                "prop",
                            ),
                            TEXT,
                        )
                    )
                )
            }
        },
    ),
    Construct(
        "a parameter that is declared twice",
        "left out the second declaration of 'x-a' (header)",
        {
            "/declared": {
                "get": operation(
                    parameters=[
                        query("a", TEXT),
                        query("a", NUMBER),
                        {"name": "X-A", "in": "header", "schema": TEXT},
                        {"name": "x-a", "in": "header", "schema": TEXT},
                    ]
                )
            }
        },
    ),
    Construct(
        "cookies",
        "left out the cookie 'session'",
        {
            "/cookies": {
                "get": operation(
                    parameters=[
                        {"name": "session", "in": "cookie", "schema": TEXT},
                        query("page", NUMBER),
                    ]
                )
            }
        },
    ),
]


def document_of(*constructs: Construct) -> Spec:
    """A document with some constructs in it, and an operation with nothing odd."""
    document: Spec = {
        "openapi": "3.1.0",
        "info": {"title": "Constructs", "version": "1"},
        "paths": {"/health": {"get": operation()}},
        "components": {"schemas": {}, "securitySchemes": {}},
    }
    for construct in constructs:
        document["paths"] |= construct.paths
        document["components"]["schemas"] |= construct.schemas
        document["components"]["securitySchemes"] |= construct.security
    return document
