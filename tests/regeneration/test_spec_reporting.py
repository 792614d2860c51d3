"""What breaks is told first, by its root and with the places; the rest is counted."""

import re
from pathlib import Path

import pytest
from specs.changes import Change, changes
from specs.comparing import Kind
from specs.reporting import lines, records
from specs.wrapped import Use, uses

from tests.regeneration.checkouts import REPOSITORY, Spec, vendored


def change(
    function: str,
    *,
    breaking: bool = False,
    message: str = "changed",
    subject: str = "operation",
    kind: Kind = Kind.ALTERED,
    hint: str = "",
    cause: str = "",
) -> Change:
    return Change(
        method="GET",
        path=f"/{function}",
        function=function,
        subject=subject,
        message=message,
        breaking=breaking,
        kind=kind,
        hint=hint,
        cause=cause,
    )


WRAPPER = """
import httpx, datalab_api_client.api.files.list_files
from datalab_api_client.api.default import get_thing as generated, get_things
from elsewhere import list_things

class Calls:
    def made(self):
        from datalab_api_client.api.things.make_thing import sync
        return get_thing, unused

async def convert():
    from datalab_api_client.api.default import convert
"""


def test_a_generated_function_is_used_where_it_is_imported_and_nowhere_else(
    tmp_path: Path,
) -> None:
    files = {
        "facade/transport/calls.py": WRAPPER,
        "facade/words.py": "convert = 'get_thing'  # make_thing",
        "facade/broken.py": "from datalab_api_client.api.default import (",
        "facade/notes.md": "from datalab_api_client.api.default import get_thing",
        "other.py": WRAPPER,
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _ = path.write_text(content)
    wanted = ["get_thing", "list_files", "make_thing", "convert", "list_things", "unused"]
    calls = "facade/transport/calls.py"
    assert uses(tmp_path, "facade", wanted) == {
        "list_files": [Use(calls, 2)],
        "get_thing": [Use(calls, 3)],
        "make_thing": [Use(calls, 8, "Calls.made")],
        "convert": [Use(calls, 12, "convert")],
    }
    assert uses(tmp_path, "facade", []) == {}
    assert uses(tmp_path, "nowhere", ["get_thing"]) == {}


def test_what_breaks_the_facade_is_told_first_with_the_places_it_breaks() -> None:
    found = [
        change("zero", breaking=True),
        change("one", breaking=True, message="was renamed"),
        change("one", breaking=True, message="was worsened"),
        change("two", message="was bettered"),
    ]
    places = {"one": [Use("a.py", 10), Use("a.py", 9, "wrap")], "two": [Use("b.py", 1)]}
    told = list(lines(found, places))
    assert told.pop(0).endswith(
        " 4 ways, 3 of them breaking, 2 of these where the facade calls it."
    )
    assert told == [
        "breaking      GET /one: operation was renamed",
        "              look at a.py:9 (wrap)",
        "              look at a.py:10",
        "breaking      GET /one: operation was worsened",
        "              look at a.py:9 (wrap)",
        "              look at a.py:10",
        "breaking      GET /zero: operation changed",
        "not breaking  GET /two: operation was bettered",
    ]


def test_what_one_change_of_a_component_breaks_is_told_once_and_where() -> None:
    names = [f"op{number:02}" for number in range(12)]
    found = [
        change(name, breaking=True, subject=f"response {name}", cause="schema Part field 'a'")
        for name in names
    ]
    _, *told = lines(found, {"op00": [Use("a.py", 1)], "op09": [Use("a.py", 7)]})
    assert told == [
        "breaking      schema Part field 'a' changed, in 12 operations",
        "              op00, op01, op02, op03, op04, op05, op06, op07, op08, op09 and 2 more",
        "              look at a.py:1",
        "              look at a.py:7",
    ]


def test_what_breaks_nothing_is_told_without_places_and_as_short_as_can_be() -> None:
    found = [
        *(change(name, message="was moved", hint="so it is") for name in ("one", "two")),
        *(change(name, kind=Kind.DOCUMENTATION) for name in ("a", "b", "c")),
        *(change(f"api/v1/{name}", kind=Kind.ADDED) for name in ("x/1", "x/2", "y")),
    ]
    assert list(lines(found, {name: [Use("a.py", 1)] for name in ("one", "a", "x/1")})) == [
        "The new document changes the API in 8 ways, none of them breaking.",
        "not breaking  2 operations: operation was moved",
        "              so it is",
        "not breaking  3 operations were added",
        "              2 at /api/v1/x, 1 at /api/v1/y",
        "not breaking  3 operations: documentation only",
    ]


def test_of_many_harmless_changes_only_some_are_told() -> None:
    found = [change(f"op{number}", message=f"changed {number}") for number in range(30)]
    *_, last = told = list(lines(found, {}))
    assert len(told) == 22
    assert last == "not breaking  10 more; --json tells them all"
    assert len(records(found, {})) == 30


def test_of_many_places_with_new_operations_only_some_are_told() -> None:
    found = [change(f"op{number}", kind=Kind.ADDED) for number in range(1_000)]
    _, told, *where = lines(found, {})
    assert told == "not breaking  1000 operations were added"
    assert len(where) < 10
    assert where[-1].endswith(" 980 elsewhere")


def a_field_less(name: str, field: str) -> Spec:
    document = vendored()
    del document["components"]["schemas"][name]["properties"][field]
    return document


@pytest.mark.parametrize(
    ("name", "field", "places"),
    [
        ("ListFilesResponse", "total", 1),
        ("FileUploadResponse", "file_id", 1),
        ("ThumbnailResponse", "error", 1),
    ],
)
def test_the_places_are_those_of_the_wrappers(name: str, field: str, places: int) -> None:
    found = changes(vendored(), a_field_less(name, field))
    used = uses(REPOSITORY, "datalab_facade", {one.function for one in found})
    shown = [line for line in lines(found, used) if "look at" in line]
    assert len(shown) == places
    assert all(re.search(r"datalab_facade/transport/\w*operations\.py:", line) for line in shown)


def test_a_change_of_a_shared_component_is_one_root() -> None:
    found = changes(vendored(), a_field_less("InitialResponse", "request_id"))
    assert len(found) == 8
    breaking = [line for line in lines(found, {}) if line.startswith("breaking")]
    assert len(breaking) == 1
    assert "schema InitialResponse field 'request_id'" in breaking[0]
    assert "in 8 operations" in breaking[0]


def test_forty_more_operations_are_a_handful_of_lines() -> None:
    before = vendored()
    for path in [path for path in before["paths"] if "workflows" not in path]:
        del before["paths"][path]
    found = changes(before, vendored())
    assert len(found) > 40
    assert len(list(lines(found, {}))) < 10


def test_a_machine_gets_every_change_with_its_places() -> None:
    (record,) = records([change("one", cause="schema A")], {"one": [Use("a.py", 1, "wrap")]})
    assert record == {
        "breaking": False,
        "kind": "altered",
        "method": "GET",
        "path": "/one",
        "function": "one",
        "subject": "operation",
        "message": "changed",
        "cause": "schema A",
        "hint": None,
        "look_at": [{"path": "a.py", "line": 1, "function": "wrap"}],
    }
