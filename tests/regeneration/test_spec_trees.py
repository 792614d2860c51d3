"""Trees are compared byte by byte, and what differs is told as a patch."""

from pathlib import Path

from specs.trees import differing, patch, read


def test_a_tree_is_what_its_files_hold_without_what_python_caches(tmp_path: Path) -> None:
    for name in ("a.py", "sub/b.py", "__pycache__/a.pyc", "sub/__pycache__/b.pyc", "other/c.py"):
        path = tmp_path / "made" / name if name != "other/c.py" else tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _ = path.write_text(name)
    (tmp_path / "made" / "link").symlink_to(tmp_path / "other")
    assert read(tmp_path, ["made", "missing"]) == {
        "made/a.py": b"a.py",
        "made/link": str(tmp_path / "other").encode(),
        "made/sub/b.py": b"sub/b.py",
    }


def test_a_patch_is_empty_only_for_equal_trees() -> None:
    assert patch({"a": b"1\n"}, {"a": b"1\n"}) == ""
    assert patch({}, {"empty": b""}) == "--- /dev/null\n+++ b/empty\n"
    assert patch({"a": b"\xff"}, {"a": b"\xfe"}) == "Binary files a/a and b/a differ\n"
    assert patch({"a": b"1\r\n\x0c2"}, {"a": b"1\r\n\x0c2\n"}) == (
        "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n 1\r\n-\x0c2\n\\ No newline at end of file\n+\x0c2\n"
    )


def test_the_paths_that_differ_are_named_in_order() -> None:
    assert differing({"b": b"", "a": b"1", "c": b""}, {"a": b"2", "c": b"", "d": b""}) == [
        "a",
        "b",
        "d",
    ]
