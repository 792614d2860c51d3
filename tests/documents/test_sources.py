"""Sources are told apart by one rule, and checked before anything is sent."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import attrs
import pytest

from datalab_facade import (
    CheckpointSource,
    Convert,
    CreateDocument,
    Extract,
    File,
    Fill,
    InvalidArgumentError,
    RunAgent,
    Segment,
    SuggestSchemas,
    Task,
    TrackChanges,
    UploadError,
)
from datalab_facade.documents.sources import FileSource, UrlSource, resolve_source
from datalab_facade.transfers.sources import open_source, open_source_async

CONVERT = Convert()
EXTRACT: Task[Any] = Extract(schema_id="sch_1")
PDF = b"%PDF-1.7\n..."
FILE = File(id=4, reference="datalab://file-npl94jxy", filename="a.pdf", status="completed")


@attrs.frozen(kw_only=True)
class Result:
    """What matters here of an earlier result."""

    checkpoint_id: str | None = None


def archive(*names: str, mimetype: str | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        if mimetype is not None:
            file.writestr("mimetype", mimetype)
        for name in names:
            file.writestr(name, "x")
    return buffer.getvalue()


class TestTheRule:
    @pytest.mark.parametrize(
        "url",
        [
            "https://a.example/1.pdf?signature=abc",
            "http://a.example/1.pdf",
            "HTTPS://a.example/1.pdf",
            "datalab://file-npl94jxy",
        ],
    )
    def test_a_url_and_a_reference_are_fetched_by_the_server(self, url: str) -> None:
        source = resolve_source(url, task=CONVERT)
        assert source == UrlSource(url)
        assert source is not None
        assert source.fields() == {"file_url": url}
        assert "signature" not in repr(source)

    def test_an_uploaded_file_is_its_reference(self) -> None:
        assert resolve_source(FILE, task=CONVERT) == UrlSource("datalab://file-npl94jxy")
        assert resolve_source(attrs.evolve(FILE, status=""), task=CONVERT) is not None

    @pytest.mark.parametrize("status", ["pending", "failed", "FAILED"])
    def test_a_file_that_is_not_there_yet_is_refused(self, status: str) -> None:
        with pytest.raises(InvalidArgumentError, match="The file 4 is not uploaded"):
            resolve_source(attrs.evolve(FILE, status=status), task=CONVERT)

    @pytest.mark.parametrize(
        "path", ["a.pdf", "scans/a.pdf", "C:\\scans\\a.pdf", "https:/a.pdf", Path("a.pdf")]
    )
    def test_everything_else_in_text_is_a_path(self, path: Any) -> None:
        source = resolve_source(path, task=CONVERT)
        assert isinstance(source, FileSource)
        assert source.name == "a.pdf"
        assert source.content_type == "application/pdf"
        assert source.fields() == {}

    def test_a_path_may_look_like_a_url_if_it_is_a_path(self) -> None:
        assert isinstance(resolve_source(Path("s3://b/a.pdf"), task=CONVERT), FileSource)

    @pytest.mark.parametrize(
        "url", ["s3://bucket/a.pdf", "file:///a.pdf", "ftp://a.example/a.pdf", "gs://b/a.pdf"]
    )
    def test_another_scheme_is_not_taken_for_a_path(self, url: str) -> None:
        with pytest.raises(InvalidArgumentError, match=r"must begin with http://, https://"):
            resolve_source(url, task=CONVERT)

    @pytest.mark.parametrize(
        "url",
        [
            "https://",
            "https://user:secret@a.example/a.pdf",
            "https://a.example/a b.pdf",
            "datalab://",
            "datalab://a?secret",
        ],
    )
    def test_a_url_that_cannot_work_is_refused_without_its_secrets(self, url: str) -> None:
        with pytest.raises(InvalidArgumentError) as caught:
            resolve_source(url, task=CONVERT)
        assert "secret" not in str(caught.value)

    def test_a_result_with_a_checkpoint_is_not_parsed_twice(self) -> None:
        source: Any = Result(checkpoint_id="cp")
        for task in (EXTRACT, Segment(), SuggestSchemas()):
            assert resolve_source(source, task=task) == CheckpointSource("cp")
        assert CheckpointSource("cp").fields() == {"checkpoint_id": "cp"}

    def test_a_result_without_a_checkpoint_says_how_to_get_one(self) -> None:
        source: Any = Result()
        with pytest.raises(InvalidArgumentError, match="save_checkpoint=True"):
            resolve_source(source, task=EXTRACT)

    @pytest.mark.parametrize(
        "task", [CONVERT, Fill({"a": "b"}), TrackChanges(), RunAgent("cp_1")], ids=repr
    )
    def test_a_checkpoint_is_only_for_what_takes_one(self, task: Task[Any]) -> None:
        with pytest.raises(InvalidArgumentError, match="takes no checkpoint"):
            resolve_source(CheckpointSource("cp"), task=task)

    def test_suggestions_are_made_of_a_checkpoint_alone(self) -> None:
        for source in ("a.pdf", "https://a.example/a.pdf?secret=1", PDF):
            with pytest.raises(InvalidArgumentError, match="takes an earlier result") as caught:
                resolve_source(source, task=SuggestSchemas())
            assert "secret" not in str(caught.value)

    def test_a_document_that_is_created_has_no_source(self) -> None:
        assert resolve_source(None, task=CreateDocument("# A")) is None
        with pytest.raises(InvalidArgumentError, match="CreateDocument takes no source"):
            resolve_source("a.pdf", task=CreateDocument("# A"))

    @pytest.mark.parametrize("source", [None, 5, [], ["a.pdf"], {"url": "a"}, Ellipsis], ids=repr)
    def test_anything_else_is_no_source(self, source: Any) -> None:
        with pytest.raises(InvalidArgumentError, match="source must be a path, a URL"):
            resolve_source(source, task=CONVERT)

    @pytest.mark.parametrize("source", ["", ".", "a\0.pdf", b"".decode(), "/"])
    def test_a_path_that_names_no_file_is_refused(self, source: str) -> None:
        with pytest.raises(InvalidArgumentError):
            resolve_source(source, task=CONVERT)

    @pytest.mark.parametrize(
        "source", [UrlSource("https://a.example"), CheckpointSource("cp"), FILE], ids=repr
    )
    def test_a_name_is_for_files_of_this_machine(self, source: Any) -> None:
        with pytest.raises(InvalidArgumentError, match="for files of this machine"):
            resolve_source(source, task=EXTRACT, name="a.pdf")

    def test_a_resolved_source_is_a_source(self) -> None:
        for source in (UrlSource("https://a.example"), FileSource(PDF, "a.pdf", "b/c")):
            assert resolve_source(source, task=CONVERT) is source

    def test_what_names_a_document_elsewhere_pickles(self) -> None:
        for source in (UrlSource("https://a.example"), CheckpointSource("cp")):
            assert pickle.loads(pickle.dumps(source)) == source


TOLD: dict[str, tuple[bytes, str, str]] = {
    "pdf": (PDF, ".pdf", "application/pdf"),
    "pdf after some bytes": (b"\n\n" + PDF, ".pdf", "application/pdf"),
    "png": (b"\x89PNG\r\n\x1a\n...", ".png", "image/png"),
    "jpg": (b"\xff\xd8\xff\xe0", ".jpg", "image/jpeg"),
    "webp": (b"RIFF\n\0\0\0WEBPVP8 ", ".webp", "image/webp"),
    "gif": (b"GIF89a...", ".gif", "image/gif"),
    "tiff": (b"II*\0...", ".tiff", "image/tiff"),
    "html": (b"\xef\xbb\xbf \n<!DOCTYPE html><p>", ".html", "text/html"),
    "docx": (archive("word/document.xml"), ".docx", "application/vnd.openxmlformats"),
    "xlsx": (archive("[Content_Types].xml", "xl/workbook.xml"), ".xlsx", "application/vnd.open"),
    "pptx": (archive("ppt/presentation.xml"), ".pptx", "application/vnd.openxmlformats"),
    "odt": (
        archive(mimetype="application/vnd.oasis.opendocument.text"),
        ".odt",
        "application/vnd.oasis",
    ),
}
UNTOLD: dict[str, bytes] = {
    "nothing": b"",
    "text": b"hello",
    "an archive": archive("a.txt"),
    "an archive of another type": archive(mimetype="application/epub+zip"),
    "a broken archive": b"PK\x03\x04...",
    "old office": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "pdf far away": b" " * 2000 + PDF,
    "sound": b"RIFF\n\0\0\0WAVE",
}


class Nameless(io.BytesIO):
    """An open file without a name."""


@pytest.mark.parametrize("opened", [bytes, Nameless, bytearray, memoryview])
class TestBytes:
    @pytest.mark.parametrize(("data", "suffix", "kind"), TOLD.values(), ids=TOLD.keys())
    def test_the_first_bytes_tell_the_type(
        self, opened: Any, data: bytes, suffix: str, kind: str
    ) -> None:
        source = resolve_source(opened(data), task=CONVERT)
        assert isinstance(source, FileSource)
        assert source.name == f"document{suffix}"
        assert source.content_type.startswith(kind)

    @pytest.mark.parametrize("data", UNTOLD.values(), ids=UNTOLD.keys())
    def test_a_name_is_asked_for_only_where_they_do_not(self, opened: Any, data: bytes) -> None:
        with pytest.raises(InvalidArgumentError, match="pass name"):
            resolve_source(opened(data), task=CONVERT)
        source = resolve_source(opened(data), task=CONVERT, name="a.csv")
        assert isinstance(source, FileSource)
        assert (source.name, source.content_type) == ("a.csv", "text/csv")

    def test_what_the_caller_says_comes_first(self, opened: Any) -> None:
        source = resolve_source(opened(PDF), task=CONVERT, name="b.docx", content_type="x/y")
        assert isinstance(source, FileSource)
        assert (source.name, source.content_type) == ("b.docx", "x/y")
        source = resolve_source(opened(b"hello"), task=CONVERT, content_type="x/y")
        assert isinstance(source, FileSource)
        assert (source.name, source.content_type) == ("document", "x/y")


class TestOpenFiles:
    def test_a_file_has_the_name_of_its_path(self, tmp_path: Path) -> None:
        path = tmp_path / "a.docx"
        path.write_bytes(PDF)
        with path.open("rb") as file:
            source = resolve_source(file, task=CONVERT)
            assert isinstance(source, FileSource)
            assert source.name == "a.docx"

    def test_looking_at_a_file_does_not_move_it(self) -> None:
        for data in (PDF, archive("word/document.xml")):
            file = Nameless(b"..." + data)
            file.seek(3)
            resolve_source(file, task=CONVERT)
            assert file.tell() == 3
            assert not file.closed

    def test_a_pipe_is_not_read_to_look_at_it(self) -> None:
        class Pipe(io.RawIOBase):
            def readable(self) -> bool:
                return True

        with pytest.raises(InvalidArgumentError, match="pass name"):
            resolve_source(Pipe(), task=CONVERT)  # type: ignore[arg-type]
        assert resolve_source(Pipe(), task=CONVERT, name="a.pdf") is not None  # type: ignore[arg-type]

    def test_a_file_that_fails_asks_for_a_name(self) -> None:
        closed = Nameless(PDF)
        closed.close()
        with pytest.raises(InvalidArgumentError, match="pass name"):
            resolve_source(closed, task=CONVERT)


class TestOpening:
    def opened(self, source: Any, max_bytes: int = 1_000) -> bytes:
        found = resolve_source(source, task=CONVERT)
        assert isinstance(found, FileSource)
        with open_source(found.source, found.name, max_bytes=max_bytes) as file:
            return b"".join(file.pieces())

    def test_a_path_and_bytes_are_read(self, tmp_path: Path) -> None:
        path = tmp_path / "a.pdf"
        path.write_bytes(PDF)
        assert self.opened(path) == self.opened(str(path)) == self.opened(PDF) == PDF

    async def test_also_beside_an_event_loop(self, tmp_path: Path) -> None:
        path = tmp_path / "a.pdf"
        path.write_bytes(PDF)
        found = resolve_source(path, task=CONVERT)
        assert isinstance(found, FileSource)
        with await open_source_async(found.source, found.name, max_bytes=1_000) as file:
            assert file.size == len(PDF)

    def test_what_cannot_be_sent_is_an_error_before(self, tmp_path: Path) -> None:
        empty, folder, missing = (tmp_path / f"{name}.pdf" for name in ("e", "f", "m"))
        empty.touch()
        folder.mkdir()
        for path, reason in ((empty, "empty"), (folder, "unreadable"), (missing, "missing")):
            with pytest.raises(UploadError) as caught:
                self.opened(path)
            assert caught.value.reason == reason
        with pytest.raises(UploadError) as caught:
            self.opened(PDF, max_bytes=3)
        assert caught.value.reason == "too_large"

    @pytest.mark.parametrize("path", ["a.exe", "a", "pdf"])
    def test_a_type_that_datalab_does_not_know_is_an_error_before(self, path: str) -> None:
        with pytest.raises(InvalidArgumentError, match="suffix of the name"):
            resolve_source(path, task=CONVERT)
        assert resolve_source(path, task=CONVERT, content_type="application/pdf") is not None


def test_a_repr_shows_no_bytes() -> None:
    assert "PDF" not in repr(FileSource(PDF, "a.pdf", "application/pdf"))
