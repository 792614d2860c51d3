"""Changes are told with the places in the facade that they touch."""

from pathlib import Path

from specs.changes import Change
from specs.comparing import Kind
from specs.reporting import lines, records
from specs.wrapped import Use, uses


def change(function: str, *, breaking: bool = False, message: str = "changed") -> Change:
    return Change(
        method="GET",
        path=f"/{function}",
        function=function,
        subject="operation",
        message=message,
        breaking=breaking,
        kind=Kind.ALTERED,
    )


def test_a_function_is_looked_for_as_a_whole_word_in_every_module_of_the_facade(
    tmp_path: Path,
) -> None:
    files = {
        "facade/transport/calls.py": "import get_thing\nx = get_things\ny = list_things, get_thing",
        "facade/__init__.py": "# my_get_thing\n\nget_thing, get_thing",
        "facade/notes.md": "get_thing",
        "other.py": "get_thing",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _ = path.write_text(content)
    assert uses(tmp_path, "facade", ["get_thing", "list_things", "unused"]) == {
        "get_thing": [
            Use("facade/__init__.py", 3),
            Use("facade/transport/calls.py", 1),
            Use("facade/transport/calls.py", 3),
        ],
        "list_things": [Use("facade/transport/calls.py", 3)],
    }
    assert uses(tmp_path, "facade", []) == {}
    assert uses(tmp_path, "nowhere", ["get_thing"]) == {}


def test_changes_of_one_operation_stand_together_over_the_places_to_look_at() -> None:
    found = [
        change("one", breaking=True, message="was renamed"),
        change("one", breaking=True, message="was worsened"),
        change("two"),
    ]
    assert list(lines(found, {"one": [Use("a.py", 1), Use("a.py", 10), Use("a.py", 9)]})) == [
        "The new document changes the API in 3 ways, 2 of them breaking.",
        "breaking      GET /one: operation was renamed",
        "breaking      GET /one: operation was worsened",
        "              look at a.py:1",
        "              look at a.py:9",
        "              look at a.py:10",
        "not breaking  GET /two: operation changed",
    ]


def test_what_changes_in_the_same_way_for_many_operations_is_told_once() -> None:
    names = ["one", "two", "three"]
    found = [change(name) for name in names] + [change("two", message="was moved")]
    assert list(lines(found, {name: [Use(f"{name}.py", 1)] for name in names})) == [
        "The new document changes the API in 4 ways, none of them breaking.",
        "not breaking  GET /two: operation was moved",
        "              look at two.py:1",
        "not breaking  3 operations: operation changed",
        "              one, two, three",
        "              look at one.py:1",
        "              look at three.py:1",
        "              look at two.py:1",
    ]


def test_a_machine_gets_every_change_with_its_places() -> None:
    (record,) = records([change("one")], {"one": [Use("a.py", 1)]})
    assert record == {
        "breaking": False,
        "kind": "altered",
        "method": "GET",
        "path": "/one",
        "function": "one",
        "subject": "operation",
        "message": "changed",
        "hint": None,
        "look_at": [{"path": "a.py", "line": 1}],
    }
