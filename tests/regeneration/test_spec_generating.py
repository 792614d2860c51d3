"""What the generator cannot do is told by its root causes, without its tracebacks."""

import shutil
from pathlib import Path

import pytest
from specs.causes import Cause, UnsupportedError
from specs.checking import check
from specs.documents import table
from specs.generating import generate, run
from specs.repairing import Repaired, repair

from tests.regeneration.checkouts import Spec
from tests.regeneration.constructs import (
    NUMBER,
    TEXT,
    document_of,
    model,
    operation,
    query,
    ref,
    sending,
)


def generated(document: Spec, folder: Path) -> Path:
    (folder / "tools").mkdir()
    generate(document, folder / "generated", folder / "tools")
    return folder / "generated"


def given(paths: Spec, schemas: Spec | None = None) -> Repaired:
    """A document that is repaired, for the test to break again."""
    document = document_of()
    document["paths"] |= paths
    document["components"]["schemas"] |= schemas or {}
    return repair(document)


def test_a_crash_is_told_with_the_operation_that_it_comes_from(tmp_path: Path) -> None:
    broken = given({"/zones": {"get": operation(parameters=[query("zone", TEXT)])}}).document
    zones = table(table(table(broken["paths"])["/zones"])["get"])
    zones["parameters"] = [query("zone", {"type": "string", "enum": ["GMT+0", "GMT0"]})]
    with pytest.raises(UnsupportedError) as told:
        _ = generated(broken, tmp_path)
    (cause,) = told.value.causes
    assert cause.subject == "GET /zones"
    assert cause.reason.startswith("ValueError: Duplicate key GMT0")


def test_errors_that_follow_from_others_are_counted_and_the_others_name_what_hangs_on_them(
    tmp_path: Path,
) -> None:
    parts = {"/a": {"post": sending(ref("Outer"))}, "/b": {"post": sending(ref("Faulty"))}}
    broken = given(parts, {"Outer": model(x=ref("Faulty")), "Faulty": model(y=TEXT)}).document
    schemas = table(table(broken["components"])["schemas"])
    schemas["Faulty"] = {"type": "object", "properties": {"y": {"type": "array"}}}
    with pytest.raises(UnsupportedError) as told:
        _ = generated(broken, tmp_path)
    lines = told.value.output.splitlines()
    assert lines[0].startswith("schema Faulty: type array must have items")
    assert lines[1] == "    needed by POST /a, POST /b"
    assert "more errors follow from these" in lines[-1]
    assert len(lines) == 3


def test_a_file_that_is_no_python_is_named_with_its_line(tmp_path: Path) -> None:
    form = {"type": "object", "additionalProperties": {"type": "array", "items": TEXT}}
    document = given({"/forms": {"post": sending(form, "multipart/form-data")}}).document
    with pytest.raises(UnsupportedError) as told:
        _ = generated(document, tmp_path)
    (cause,) = told.value.causes
    assert cause.subject.startswith("models/")
    assert ", line " in cause.subject
    assert "expected an indented block" in cause.reason
    assert cause.operations == ("POST /forms",)


BREAKS = {
    "its method": ('"method": "get"', '"method": "put"', "its method is put"),
    "its path": ('"url": "/things/', '"url": "/thing/', "its path is /thing/"),
    "a parameter": ('params["page"] = page', "pass", "its query is empty, not page=7"),
    "a name in its query": ('params["page"]', 'params["pages"]', "its query is pages=7"),
    "a header": ('headers["X-A"] = x_a', "pass", "its header X-A is None"),
    "an argument": ("page: int | Unset = UNSET,", "", "its arguments are thing, x_a"),
    "an import": ("from ...types", "from ...typos", "it cannot be imported"),
}


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> tuple[Repaired, Path]:
    repaired = given(
        {
            "/things/{thing}": {
                "get": operation(
                    parameters=[
                        {"name": "thing", "in": "path", "required": True, "schema": TEXT},
                        {"name": "X-A", "in": "header", "schema": TEXT},
                        query("page", NUMBER),
                    ]
                )
            }
        }
    )
    folder = tmp_path_factory.mktemp("things")
    package = generated(repaired.document, folder)
    check(repaired, package, folder / "tools")
    return repaired, package


@pytest.mark.parametrize("name", BREAKS)
def test_code_that_does_not_send_what_the_document_demands_is_refused(
    name: str, things: tuple[Repaired, Path], tmp_path: Path
) -> None:
    repaired, package = things[0], shutil.copytree(things[1], tmp_path / "generated")
    (module,) = package.rglob("get_things_*.py")
    before, after, reason = BREAKS[name]
    code = module.read_text()
    assert before in code
    _ = module.write_text(code.replace(before, after, 1))
    with pytest.raises(UnsupportedError) as told:
        check(repaired, package, tmp_path)
    assert reason in told.value.output
    assert "things" in told.value.causes[0].subject


def test_a_module_too_few_or_too_many_and_an_enum_with_other_values_are_refused(
    tmp_path: Path,
) -> None:
    words = {"type": "string", "enum": ["one", "two"]}
    repaired = given({"/a": {"post": sending(model(word=ref("Word")))}}, {"Word": words})
    package = generated(repaired.document, tmp_path)
    api = package / "datalab_api_client" / "api" / "default"
    (kept,) = api.glob("post_a_*.py")
    _ = kept.rename(api / "more.py")
    enum = package / "datalab_api_client" / "models" / "word.py"
    _ = enum.write_text(enum.read_text().replace('"two"', '"three"'))
    with pytest.raises(UnsupportedError) as told:
        check(repaired, package, tmp_path / "tools")
    assert {cause.subject for cause in told.value.causes} == {
        "api/default/more.py",
        "POST /a",
        "schema Word",
    }


def test_a_cause_lists_a_few_operations_and_counts_the_rest() -> None:
    cause = Cause("schema A", "broken", tuple(f"GET /{number}" for number in range(9)))
    assert cause.lines() == ["schema A: broken", "    needed by GET /0, GET /1, GET /2 and 6 more"]


def test_a_tool_that_runs_out_of_memory_is_told_as_that(tmp_path: Path) -> None:
    with pytest.raises(MemoryError):
        _ = run(["-c", "bytearray(1 << 62)"], cwd=tmp_path)
