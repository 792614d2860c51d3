"""What is sent has the names and forms of the wire, whatever the code calls it."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from specs import rewiring, wire_forms
from specs.repairs import wires

VALUES = st.one_of(st.integers(), st.booleans(), st.text("ab-é"))
NAMES = st.text("abc", min_size=1)


@pytest.mark.parametrize(
    ("form", "value", "written"),
    [
        (wire_forms.deep_object, {"a": 1, "b": "x", "c": None}, [("p[a]", "1"), ("p[b]", "x")]),
        (wire_forms.deep_object, {"a": [1, 2]}, [("p[a]", "1"), ("p[a]", "2")]),
        (wire_forms.exploded, {"a": 1}, [("a", "1")]),
        (wire_forms.exploded, "x", [("p", "x")]),
        (wire_forms.exploded, [{"a": 1}, 2], [("p", '{"a": 1}'), ("p", "2")]),
        (wire_forms.commas, [1, True, "x"], [("p", "1,true,x")]),
        (wire_forms.commas, {"a": 1, "b": 2}, [("p", "a,1,b,2")]),
        (wire_forms.spaces, ["a", "b"], [("p", "a b")]),
        (wire_forms.pipes, ["a", "b"], [("p", "a|b")]),
        (wire_forms.as_json, {"a": [1]}, [("p", '{"a": [1]}')]),
    ],
)
def test_a_form_is_written_as_openapi_says(
    form: Callable[[str, object], dict[str, Any]], value: object, written: list[tuple[str, str]]
) -> None:
    assert httpx.QueryParams(form("p", value)).multi_items() == written


@given(st.dictionaries(NAMES, VALUES))
def test_of_a_deep_object_the_server_reads_every_field(value: dict[str, object]) -> None:
    sent = str(httpx.QueryParams(wire_forms.deep_object("p", value)))
    read = dict(parse_qsl(sent, keep_blank_values=True))
    assert read.keys() == {f"p[{key}]" for key in value}


@given(st.recursive(VALUES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner)))
def test_json_in_a_query_is_read_as_what_it_was(value: object) -> None:
    assert json.loads(wire_forms.as_json("p", value)["p"]) == value


def test_stand_ins_are_replaced_wherever_they_stand() -> None:
    noted: wires.Wires = {}
    body = wires.stand_in(noted, "body_query", "body")
    deep = wires.stand_in(noted, "deep", "deep", "deep_object")
    brace = wires.stand_in(noted, "brace", 'a{"b')
    code = (
        "from ...types import Response, UNSET\n"
        f'    params["{body}"] = body_query\n'
        f'    params["{deep}"] = json_deep\n'
        f'    headers["{brace}"] = brace\n'
        f'    raise ValueError(f"{brace} must match")\n'
    )
    assert rewiring.rewire_code(code, noted) == (
        "from ...types import Response, UNSET\n"
        "from ... import wire_forms as _wire_forms\n"
        '    params["body"] = body_query\n'
        "    if json_deep is not UNSET and json_deep is not None:\n"
        '        params.update(_wire_forms.deep_object("deep", json_deep))\n'
        '    headers["a{\\"b"] = brace\n'
        '    raise ValueError(f"a{{\\"b must match")\n'
    )


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y", "z"]))))
def test_a_stand_in_stands_for_one_name_and_is_called_as_it_shall_be(
    pairs: list[tuple[str, str]],
) -> None:
    noted: wires.Wires = {}
    chosen = {(code, wire): wires.stand_in(noted, code, wire) for code, wire in pairs}
    assert len(set(chosen.values())) == len(chosen)
    for (code, _), stand_in in chosen.items():
        assert wires.in_code(stand_in) == code
        assert wires.is_kept(stand_in)
