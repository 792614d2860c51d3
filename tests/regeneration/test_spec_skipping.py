"""What is left out is left out with all that only it needs, and can be read again."""

from pathlib import Path

from specs.causes import Cause, UnsupportedError
from specs.documents import operations
from specs.skipping import LeftOut, read_record, record, to_leave_out, without

from tests.regeneration.checkouts import Spec, vendored


def test_each_operation_is_left_out_once_for_its_first_reason() -> None:
    causes = [
        Cause("schema A", "broken", ("GET /a", "GET /b")),
        Cause("GET /a", "odd", ("GET /a",)),
        Cause("models/a.py, line 3", "no Python"),
    ]
    assert to_leave_out(UnsupportedError("no", causes)) == [
        LeftOut("GET /a", "schema A: broken"),
        LeftOut("GET /b", "schema A: broken"),
    ]


def test_the_rest_of_a_document_stays_as_it_is() -> None:
    gone = [LeftOut("GET /api/v1/files", "odd"), LeftOut("POST /api/v1/files/upload", "odd")]
    kept: Spec = without(vendored(), gone)
    names = {str(operation) for operation in operations(vendored())}
    assert {str(operation) for operation in operations(kept)} == names - {
        one.operation for one in gone
    }
    schemas = vendored()["components"]["schemas"].keys()
    assert schemas - kept["components"]["schemas"].keys() == {
        "FileUploadRequest",
        "FileUploadResponse",
        "ListFilesResponse",
    }
    assert without(vendored(), []) == vendored()


def test_what_is_written_down_is_read_again(tmp_path: Path) -> None:
    assert read_record(tmp_path) == []
    record(tmp_path, [])
    assert not list(tmp_path.iterdir())
    left_out = [LeftOut("POST /b", "é"), LeftOut("GET /a", "odd")]
    record(tmp_path, left_out)
    assert read_record(tmp_path) == sorted(left_out, key=lambda one: one.operation)
