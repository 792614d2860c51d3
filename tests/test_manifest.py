"""What a manifest promises to whoever reads it, writes it or tampers with it."""

from __future__ import annotations

import errno
import json
import math
import multiprocessing
import os
import pickle
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalab_facade.errors import ConfigurationError, InvalidArgumentError, LocalFileError
from datalab_facade.outputs.manifest import FailedOutput, Manifest, SavedOutput
from datalab_facade.statuses import Status
from datalab_facade.transfers.naming import distinct_names
from tests.conftest import leaks_in
from tests.secrets_for_tests import presigned

NOON = datetime(2025, 10, 22, 12, tzinfo=UTC)


def saved(path: str = "parse/987.json", **fields: Any) -> SavedOutput:
    whole = SavedOutput(
        execution_id=123,
        step="parse",
        file_key="987",
        path=path,
        bytes=2_048,
        sha256="0123456789abcdef" * 4,
        saved_at=NOON,
        source_status=Status.COMPLETED,
        media_type="application/json",
    )
    return attrs.evolve(whole, **fields)


def manifest(*outputs: SavedOutput, missed: tuple[FailedOutput, ...] = ()) -> Manifest:
    return Manifest(
        execution_id=123, status=Status.COMPLETED, saved=outputs or (saved(),), failed=missed
    )


MISSED = FailedOutput(execution_id=123, step="extract", file_key=None, error="no answer came")

# Text with half a surrogate pair here and there, as JSON may hold.
texts = st.text() | st.builds(lambda half, rest: half + rest, st.just("\ud83d"), st.text())
statuses = st.builds(Status.parse, st.sampled_from(["COMPLETED", "FAILED", "IN_PROGRESS"]) | texts)
whole_numbers = st.integers(min_value=-(2**70), max_value=2**70)
paths = st.lists(texts, min_size=1, max_size=3).map(lambda names: "/".join(distinct_names(names)))
times = st.datetimes(timezones=st.timezones() | st.just(UTC)).filter(
    lambda moment: 1 < moment.year < 9999
)
saved_outputs = st.builds(
    SavedOutput,
    execution_id=whole_numbers,
    step=texts,
    file_key=st.none() | texts,
    path=paths,
    bytes=st.integers(min_value=0, max_value=2**63 - 1),
    sha256=st.none() | st.text("0123456789abcdef", min_size=64, max_size=64),
    saved_at=times,
    source_status=statuses,
    media_type=st.none() | texts,
)
failed_outputs = st.builds(
    FailedOutput,
    execution_id=whole_numbers,
    step=texts,
    file_key=st.none() | texts,
    error=texts | st.builds(lambda text: f"{text} {presigned()}", texts),
)
manifests = st.builds(
    Manifest,
    execution_id=whole_numbers,
    status=statuses,
    saved=st.lists(saved_outputs, max_size=3).map(tuple),
    failed=st.lists(failed_outputs, max_size=3).map(tuple),
)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(manifests)
def test_a_manifest_that_was_written_is_read_as_it_was(tmp_path: Path, told: Manifest) -> None:
    told.write(tmp_path)
    assert Manifest.read(tmp_path) == told


@given(manifests)
def test_a_manifest_survives_its_own_json_and_pickling(told: Manifest) -> None:
    assert Manifest.from_dict(told.to_dict()) == told
    assert Manifest.from_dict(json.loads(json.dumps(told.to_dict()))) == told
    assert pickle.loads(pickle.dumps(told)) == told
    for output in told.saved:
        assert SavedOutput.from_dict(output.to_dict()) == output
    for missed in told.failed:
        assert FailedOutput.from_dict(missed.to_dict()) == missed


def test_what_is_on_disk_is_plain_json_that_people_can_read(tmp_path: Path) -> None:
    path = manifest(saved(step="Auszüge"), missed=(MISSED,)).write(tmp_path)
    assert path == tmp_path / "manifest.json"
    text = path.read_bytes().decode()
    assert '"step": "Auszüge"' in text
    assert text.endswith("}\n")
    assert json.loads(text) == {
        "version": 1,
        "execution_id": 123,
        "status": "COMPLETED",
        "saved": [
            {
                "execution_id": 123,
                "step": "Auszüge",
                "file_key": "987",
                "path": "parse/987.json",
                "bytes": 2048,
                "sha256": "0123456789abcdef" * 4,
                "saved_at": "2025-10-22T12:00:00+00:00",
                "source_status": "COMPLETED",
                "media_type": "application/json",
            }
        ],
        "failed": [
            {"execution_id": 123, "step": "extract", "file_key": None, "error": "no answer came"}
        ],
    }


def test_a_manifest_tells_in_a_line_what_was_saved_and_missed() -> None:
    assert str(manifest()) == "Execution 123 (COMPLETED): 1 output saved (2,048 bytes)"
    told = manifest(saved(), saved("b.json"), missed=(MISSED,))
    assert str(told) == "Execution 123 (COMPLETED): 2 outputs saved (4,096 bytes), 1 failed"
    odd = attrs.evolve(told, status=Status("what\nis this? " * 1_000))
    assert len(str(odd).splitlines()) == 1
    assert len(str(odd)) < 150


def test_a_manifest_is_complete_when_nothing_was_missed() -> None:
    assert manifest().is_complete
    assert Manifest(execution_id=123, status=Status.FAILED, saved=()).is_complete
    assert not manifest(missed=(MISSED,)).is_complete


def test_no_signature_of_a_url_is_in_a_manifest(tmp_path: Path) -> None:
    missed = FailedOutput(
        execution_id=123,
        step="parse",
        file_key="987",
        error=f"cannot get {presigned()} or '{presigned('b')}'",
    )
    told = manifest(saved(media_type=presigned()), missed=(missed,))
    read = Manifest.from_dict(
        {**told.to_dict(), "failed": [{**missed.to_dict(), "error": presigned()}]}
    )
    for one in (told, read):
        on_disk = one.write(tmp_path).read_text("utf-8")
        assert not leaks_in(on_disk + repr(one) + str(one) + repr(one.to_dict()))
    assert "https://storage.example/out.json?…" in missed.error


def test_a_time_is_kept_in_utc_whatever_its_zone() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    assert saved(saved_at=NOON.astimezone(zone)) == saved()
    assert saved(saved_at=NOON.astimezone(zone)).to_dict()["saved_at"] == NOON.isoformat()


@pytest.mark.parametrize(
    "wrong",
    [
        {"saved_at": NOON.replace(tzinfo=None)},
        {"saved_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))},
        {"bytes": -1},
        {"sha256": ""},
        {"sha256": "A" * 64},
        {"sha256": "0" * 64 + "\n"},
    ],
)
def test_an_entry_that_cannot_be_true_is_not_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        saved(**wrong)


OUTSIDE = [
    "",
    ".",
    "..",
    "/",
    "/etc/passwd",
    "//server/share",
    "../x.json",
    "parse/../../x.json",
    "parse/..",
    "parse/./x.json",
    "parse//x.json",
    "parse/",
    "C:/x.json",
    "C:x.json",
    "c:",
    "parse/x.json:stream",
    "\\x.json",
    "..\\x.json",
    "parse\\..\\..\\x.json",
    ".. /x.json",
    ".../x.json",
    "parse/... /x.json",
    "x.json.",
    "x\x00.json",
    "x\n.json",
    "x\ud800.json",
    "NUL",
    "parse/com1.json",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_manipulated_manifest_cannot_point_out_of_its_folder(tmp_path: Path, path: str) -> None:
    told: Any = manifest().to_dict()
    told["saved"][0]["path"] = path
    (tmp_path / "manifest.json").write_text(json.dumps(told))
    with pytest.raises(LocalFileError, match="inside the manifest's folder"):
        Manifest.read(tmp_path)
    with pytest.raises(InvalidArgumentError, match="inside the manifest's folder"):
        SavedOutput.from_dict(told["saved"][0])


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_manifest_is_made_that_could_not_be_read_again(path: str) -> None:
    with pytest.raises(InvalidArgumentError, match="inside the manifest's folder"):
        manifest(saved(path))


@given(st.text("./\\:ab \x00~", max_size=12) | st.text(max_size=12))
def test_every_path_that_is_accepted_is_below_the_folder(path: str) -> None:
    try:
        manifest(saved(path))
    except InvalidArgumentError:
        return
    folder = "/home/ada/outputs"
    assert os.path.normpath(f"{folder}/{path}") == f"{folder}/{path}"


@pytest.mark.parametrize("field", ["version", "execution_id", "status", "saved", "failed"])
@given(value=junk)
def test_a_manifest_with_something_else_in_a_field_is_refused(field: str, value: object) -> None:
    whole = manifest(missed=(MISSED,)).to_dict()
    without = {name: whole[name] for name in whole if name != field}
    with pytest.raises(InvalidArgumentError, match=f"has no {field}"):
        Manifest.from_dict(without)
    if not isinstance(value, type(whole[field])) and not isinstance(value, int):
        with pytest.raises(InvalidArgumentError, match=field):
            Manifest.from_dict({**whole, field: value})


@pytest.mark.parametrize("entry", [saved(), MISSED])
@given(data=st.data())
def test_an_entry_with_something_else_in_a_field_is_refused(
    entry: SavedOutput | FailedOutput, data: st.DataObject
) -> None:
    whole = entry.to_dict()
    field = data.draw(st.sampled_from(sorted(whole)))
    wrong: Any = data.draw(st.sampled_from([1.5, True, math.inf, [], {}, ["x"], b"x"]))
    for fields in ({**whole, field: wrong}, {name: whole[name] for name in whole if name != field}):
        with pytest.raises(InvalidArgumentError, match=field):
            type(entry).from_dict(fields)


@given(junk)
def test_something_else_is_no_manifest(value: Any) -> None:
    for kind in (Manifest, SavedOutput, FailedOutput):
        with pytest.raises(InvalidArgumentError, match=r"as to_dict\(\) returns it"):
            kind.from_dict(value)


@pytest.mark.parametrize("moment", ["", "noon", "2025-10-22T12:00:00", presigned()])
def test_a_time_without_a_zone_is_refused_and_not_quoted(moment: str) -> None:
    with pytest.raises(InvalidArgumentError, match="saved_at"):
        SavedOutput.from_dict({**saved().to_dict(), "saved_at": moment})


def test_a_later_version_is_refused_by_its_number() -> None:
    with pytest.raises(InvalidArgumentError, match="version 2, but only version 1 is supported"):
        Manifest.from_dict({**manifest().to_dict(), "version": 2})


def test_a_field_that_is_not_known_does_no_harm() -> None:
    assert Manifest.from_dict({**manifest().to_dict(), "note": "mine"}) == manifest()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"9" * 10_000,
        f'"{presigned()}" and more'.encode(),
        json.dumps(manifest().to_dict()).encode()[:-1],
    ],
)
def test_a_broken_file_is_a_typed_error_that_names_it(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(body)
    with pytest.raises(LocalFileError) as caught:
        Manifest.read(tmp_path)
    assert str(tmp_path / "manifest.json") in str(caught.value)


def test_a_folder_without_a_manifest_is_a_typed_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(LocalFileError, match="No such file or directory") as caught:
        Manifest.read(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_a_folder_that_is_not_there_is_a_typed_error_with_the_words_of_the_system(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    for folder, words in [("none", "No such file or directory"), ("file", "Not a directory")]:
        with pytest.raises(LocalFileError, match=words) as caught:
            manifest().write(tmp_path / folder)
        assert str(tmp_path / folder) in str(caught.value)
        assert ".part" not in str(caught.value)


@pytest.mark.parametrize("wrong", [None, 5, b"folder", "a\x00b"])
def test_a_folder_that_is_not_a_path_is_refused(wrong: Any) -> None:
    for use in (manifest().write, Manifest.read):
        with pytest.raises(InvalidArgumentError, match="folder must be a path"):
            use(wrong)


def test_a_read_only_folder_is_a_typed_error_with_the_words_of_the_system(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("no folder is read-only to this user")
        with pytest.raises(ConfigurationError, match="Permission denied") as caught:
            manifest().write(tmp_path)
    finally:
        tmp_path.chmod(0o700)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("broken", ["pathlib.Path.open", "os.fsync", "pathlib.Path.replace"])
@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EROFS, "Read-only file system"),
        PermissionError(errno.EACCES, "Permission denied"),
    ],
)
def test_a_write_that_fails_leaves_the_old_manifest_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, fault: OSError
) -> None:
    manifest().write(tmp_path)

    def fail(*_: object, **__: object) -> None:
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr(broken, fail)
        with pytest.raises(LocalFileError, match=fault.strerror) as caught:
            manifest(saved("other.json")).write(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert caught.value.__cause__ is fault
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]
    assert Manifest.read(tmp_path) == manifest()


def test_an_interrupted_write_leaves_the_old_manifest_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest().write(tmp_path)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        manifest(saved("other.json")).write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]
    assert Manifest.read(tmp_path) == manifest()


def test_a_manifest_is_on_disk_before_it_takes_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noting_fsync(descriptor: int) -> None:
        happened.append(f"synced {os.fstat(descriptor).st_size > 0}")
        fsync(descriptor)

    def noting_replace(self: Path, target: Path) -> Path:
        happened.append(f"renamed in the same folder {self.parent == target.parent}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(Path, "replace", noting_replace)
    manifest().write(tmp_path)
    assert happened == ["synced True", "renamed in the same folder True"]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
def test_a_manifest_can_be_read_by_whoever_can_read_other_new_files(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    path = manifest().write(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


WRITERS = 4
TIMES = 50


def _version_of(writer: int) -> Manifest:
    outputs = [saved(f"{writer}/{number}.json") for number in range(1 + 100 * writer)]
    return attrs.evolve(manifest(*outputs), execution_id=writer)


def _write_again_and_again(folder: Path, writer: int) -> None:
    told = _version_of(writer)
    for _ in range(TIMES):
        told.write(folder)


def test_whoever_reads_while_several_processes_write_finds_a_whole_manifest(
    tmp_path: Path,
) -> None:
    versions = [_version_of(writer) for writer in range(WRITERS)]
    versions[0].write(tmp_path)
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=_write_again_and_again, args=(tmp_path, writer))
        for writer in range(WRITERS)
    ]
    seen: set[int] = set()
    try:
        for process in writers:
            process.start()
        while any(process.is_alive() for process in writers):
            told = Manifest.read(tmp_path)
            assert told == versions[told.execution_id]
            seen.add(told.execution_id)
        for process in writers:
            process.join(30)
    finally:
        for process in writers:
            process.kill()
    assert [process.exitcode for process in writers] == [0] * WRITERS
    assert len(seen) > 1
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]
    last = Manifest.read(tmp_path)
    assert last == versions[last.execution_id]
