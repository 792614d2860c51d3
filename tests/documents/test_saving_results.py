"""Saved results: the tree of marker and the official command line, without their faults."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalab_facade import (
    AgentResult,
    Conversion,
    CreatedDocument,
    DatalabError,
    DocumentFailedError,
    DocumentResult,
    EmptyResultError,
    Extraction,
    FilledForm,
    InvalidArgumentError,
    InvalidResponseError,
    LocalFileError,
    SavedResult,
    SchemaSuggestions,
    Segmentation,
)
from datalab_facade.documents import result_files, saving
from datalab_facade.documents.receipts import SavedFile, stem_of
from datalab_facade.documents.result_decoding import result_type
from datalab_facade.documents.result_files import ResultFiles
from datalab_facade.documents.saving import save_body, save_result
from datalab_facade.documents.tasks import Convert, Extract
from datalab_facade.transfers.disk import folder_lock
from tests.fuzzing import examples
from tests.test_decoding import json_values

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
_AT = datetime(2026, 1, 1, tzinfo=UTC)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def conversion(name: str = "a", **raw: Any) -> Conversion:
    raw.setdefault("markdown", "# Hello ![](fig.png)")
    return Conversion(id=f"convert/{name}", raw=raw)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_tree_is_that_of_marker_and_the_official_command_line(tmp_path: Path) -> None:
    result = conversion(
        output_format="markdown,html,json,chunks",
        html="<h1>Hé</h1>",
        json={"children": [{"id": "/page/0"}]},
        chunks={"blocks": [{"id": "/page/0/Text/1", "html": "é"}], "page_info": {}},
        images={"fig.png": encoded(PNG)},
        metadata={"page_stats": [{"page_id": 0}]},
        page_count=1,
        total_cost=1,
    )
    saved = save_result(result, tmp_path, source="scans/report.v2.pdf", saved_at=_AT)
    assert saved.folder == tmp_path / "report.v2"
    assert sorted(tree(tmp_path)) == [
        "report.v2/fig.png",
        "report.v2/report.v2.chunks.json",
        "report.v2/report.v2.html",
        "report.v2/report.v2.json",
        "report.v2/report.v2.md",
        "report.v2/report.v2.metadata.json",
        "report.v2/report.v2.result.json",
    ]
    assert (saved.folder / "fig.png").read_bytes() == PNG
    assert (saved.folder / "report.v2.md").read_text(encoding="utf-8") == result.markdown
    for name in ("json", "chunks"):
        suffix = ".chunks.json" if name == "chunks" else ".json"
        text = (saved.folder / f"report.v2{suffix}").read_text(encoding="utf-8")
        assert json.loads(text) == result.raw[name]


def test_the_receipt_says_what_was_made_of_what_for_how_much(tmp_path: Path) -> None:
    result = Conversion(
        id="convert/Qm3x",
        task=Convert(mode="fast", webhook_url="https://hooks.example/T0/secret"),
        raw={"markdown": "x", "page_count": 3, "cost_breakdown": {"final_cost_cents": 1.5}},
    )
    digest = sha256(b"source").hexdigest()
    saved = save_result(
        result, tmp_path, source="https://a.example/b.pdf?sig=s", source_sha256=digest, saved_at=_AT
    )
    receipt = json.loads((tmp_path / "b" / "b.result.json").read_bytes())
    assert receipt == {
        "version": 1,
        "id": "convert/Qm3x",
        "source": "https://a.example/b.pdf?…",
        "source_sha256": digest,
        "task": {"task": "convert", **result.task.redacted()} if result.task else None,
        "page_count": 3,
        "cost_cents": 1.5,
        "saved_at": _AT.isoformat(),
        "files": [{"path": "b.md", "bytes": 1, "sha256": sha256(b"x").hexdigest(), "image": None}],
        "missing": [],
    }
    assert "secret" not in json.dumps(receipt)
    assert SavedResult.from_dict(receipt).files == saved.files
    assert saved.paths == (tmp_path / "b" / "b.md",)


HOSTILE = [
    "../../evil.png", "/etc/passwd", "..", "", ".", "a/b.png", "C:\\x.png", "NUL", "x\0.png",
    "a" * 300, "\ud800.png", "a.md", "A.MD", "a.result.json", "a.json", "é.png", "e\u0301.png",
]  # fmt: skip


def test_images_never_lead_out_of_the_folder_nor_replace_each_other(tmp_path: Path) -> None:
    images = {name: encoded(str(number).encode()) for number, name in enumerate(HOSTILE)}
    out = tmp_path / "deep" / "out"
    saved = save_result(conversion(images=images), out, source="a.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert [path.name for path in out.iterdir()] == ["a"]
    found = {file.image: (saved.folder / file.path).read_bytes() for file in saved.files}
    assert {name: found[name] for name in HOSTILE} == {
        name: str(number).encode() for number, name in enumerate(HOSTILE)
    }
    assert (saved.folder / "a.md").read_text(encoding="utf-8").startswith("# Hello")
    assert len({file.path.casefold() for file in saved.files}) == len(saved.files)


@pytest.mark.parametrize(
    "source", ["..", "../..", "/", "http://[::1", "", "https://a.example/../..%2f..", "\0", "."]
)
def test_no_source_leads_out_of_the_folder(source: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    saved = save_result(conversion(), out, source=source)
    assert saved.folder.parent == out
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        ("report.v2.pdf", "report.v2"),
        ("report.v2", "report.v2"),
        ("a/b/Scan 7.DOCX", "Scan 7"),
        ("https://a.example/x/y.pdf?sig=1", "y"),
        ("datalab://file-8f3a", "file-8f3a"),
        (None, "convert-a"),
    ],
)
def test_suffixes_are_appended_and_only_those_of_documents_replaced(
    source: str | None, stem: str, tmp_path: Path
) -> None:
    saved = save_result(conversion(), tmp_path, source=source)
    assert saved.folder.name == stem
    assert [file.path for file in saved.files] == [f"{stem}.md"]


def test_an_address_that_cannot_be_read_has_no_name() -> None:
    assert stem_of("http://[x/a.pdf") == ""


def test_two_sources_of_one_stem_are_kept_apart(tmp_path: Path) -> None:
    sources = ["in/a.pdf", "in/a.docx", "other/a.pdf", "other/a.docx", "more/a.pdf", "A.png"]
    folders = {
        save_result(conversion(str(number), markdown=source), tmp_path, source=source).folder
        for number, source in enumerate(sources)
    }
    assert len({folder.name.casefold() for folder in folders if folder.name != "A"}) >= 5
    texts = {path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.md")}
    assert texts == set(sources)
    assert (tmp_path / "a" / "a.md").exists()
    assert (tmp_path / "a.docx" / "a.md").exists()


def test_threads_that_save_at_once_are_kept_apart(tmp_path: Path) -> None:
    sources = [f"in/a.{suffix}" for suffix in ("pdf", "docx", "png", "html", "csv", "odt")]
    threads = [
        threading.Thread(
            target=save_result,
            args=(conversion(source[-3:], markdown=source), tmp_path),
            kwargs={"source": source},
        )
        for source in sources
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.md")} == set(sources)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_later_result_of_the_same_source_replaces_the_earlier(tmp_path: Path) -> None:
    for number in (1, 2):
        saved = save_result(
            conversion(str(number), markdown=f"# {number}"), tmp_path, source="in/a.pdf"
        )
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (saved.folder / "a.md").read_text(encoding="utf-8") == "# 2"


def test_what_was_converted_and_extracted_of_one_document_is_together(tmp_path: Path) -> None:
    digest = sha256(b"x").hexdigest()
    save_result(conversion(), tmp_path, source="a.pdf", source_sha256=digest)
    extraction: Extraction[dict[str, Any]] = Extraction(
        id="extract/b",
        task=Extract({"properties": {"total": {"type": "number"}}}),
        raw={"extraction_schema_json": '{"total": 5, "total_citations": ["/page/0/Text/1"]}'},
    )
    save_result(extraction, tmp_path, source="a.pdf", source_sha256=digest)
    assert sorted(tree(tmp_path)) == [
        "a/a.extract.result.json",
        "a/a.extraction.json",
        "a/a.fields.json",
        "a/a.md",
        "a/a.result.json",
    ]
    assert json.loads((tmp_path / "a/a.extraction.json").read_bytes()) == {"total": 5}
    fields = json.loads((tmp_path / "a/a.fields.json").read_bytes())
    assert fields["total"]["citations"] == ["/page/0/Text/1"]


def test_a_folder_of_somebody_else_stays_as_it_is(tmp_path: Path) -> None:
    theirs = tmp_path / "a" / "a.md"
    theirs.parent.mkdir()
    theirs.write_text("theirs", encoding="utf-8")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "notes.txt").touch()
    (tmp_path / "c").symlink_to(tmp_path / "b")
    assert save_result(conversion(), tmp_path, source="a.pdf").folder.name == "a.pdf"
    assert save_result(conversion(), tmp_path, source="b.pdf").folder.name == "b"
    assert save_result(conversion(), tmp_path, source="c.pdf").folder.name == "c.pdf"
    assert theirs.read_text(encoding="utf-8") == "theirs"


def test_no_folder_is_left_is_an_error(tmp_path: Path) -> None:
    for name in saving._Order(
        output_dir=tmp_path,
        job_id="convert/a",
        task=None,
        source="a.pdf",
        source_sha256=None,
        saved_at=None,
    ).folder_names:
        (tmp_path / name).write_text("", encoding="utf-8")
    before = tree(tmp_path)
    with pytest.raises(LocalFileError, match="not lost"):
        save_result(conversion(), tmp_path, source="a.pdf")
    assert tree(tmp_path) == before


def test_every_kind_of_result_is_saved(tmp_path: Path) -> None:
    results: dict[DocumentResult, dict[str, bytes | Any]] = {
        FilledForm(id="fill/a", raw={"output_format": "PDF", "output_base64": encoded(b"%PDF")}): {
            "f.pdf": b"%PDF"
        },
        CreatedDocument(
            id="create-document/a",
            raw={"output_base64": encoded(b"PK"), "output_format": "../docx"},
        ): {"f.bin": b"PK"},
        Segmentation(
            id="segment/a",
            raw={"segmentation_results": {"segments": [{"name": "Invoice", "pages": [0]}]}},
        ): {"f.segments.json": {"segments": [{"name": "Invoice", "pages": [0]}]}},
        SchemaSuggestions(
            id="marker/extraction/gen_schemas/a",
            raw={"suggestions": {"simple_schema": '{"properties": {}}'}},
        ): {"f.schemas.json": {"simple": {"properties": {}}, "moderate": None, "complex": None}},
        AgentResult(id="agent/a", raw={"status": "complete", "answer": [1]}): {
            "f.agent.json": {"status": "complete", "answer": [1]}
        },
    }
    for result, files in results.items():
        out = tmp_path / type(result).__name__
        saved = save_result(result, out, source="f.pdf")
        assert [file.path for file in saved.files] == list(files)
        for name, content in files.items():
            found = (saved.folder / name).read_bytes()
            assert (found if isinstance(content, bytes) else json.loads(found)) == content
        assert len(list(saved.folder.glob("*.result.json"))) == 1


def test_what_came_empty_is_said_and_the_rest_is_saved(tmp_path: Path) -> None:
    result = conversion(
        output_format="markdown,html,json",
        html="",
        json={},
        images={"a.png": encoded(PNG), "b.png": "A", "c.png": None, "d.png": ""},
    )
    with pytest.raises(EmptyResultError) as caught:
        save_result(result, tmp_path, source="a.pdf")
    missing = ("html", "json", "images/b.png", "images/c.png", "images/d.png")
    assert caught.value.missing == missing
    assert caught.value.result == result
    receipt = json.loads((tmp_path / "a/a.result.json").read_bytes())
    assert tuple(receipt["missing"]) == missing
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [
        "a.md",
        "a.png",
        "a.result.json",
    ]


@pytest.mark.parametrize(
    "result",
    [
        Extraction(id="extract/a"),
        Segmentation(id="segment/a"),
        FilledForm(id="fill/a"),
        SchemaSuggestions(id="marker/extraction/gen_schemas/a"),
    ],
    ids=lambda result: type(result).__name__,
)
def test_a_result_with_nothing_in_it_is_said(result: DocumentResult, tmp_path: Path) -> None:
    with pytest.raises(EmptyResultError):
        save_result(result, tmp_path, source="a.pdf")


def test_nothing_incomplete_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ResultFiles, "sync", full)
    with pytest.raises(LocalFileError, match="No space left on device"):
        save_result(conversion(), tmp_path / "out", source="a.pdf")
    assert list((tmp_path / "out").iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    code = (
        "import os, signal\n"
        "from datalab_facade import Conversion\n"
        "from datalab_facade.documents import saving\n"
        "saving.ResultFiles.sync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "result = Conversion(id='convert/a', raw={'markdown': 'x' * 100_000})\n"
        f"saving.save_result(result, {str(tmp_path)!r}, source='a.pdf')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=50)
    assert done.returncode == -signal.SIGKILL
    [left] = tmp_path.iterdir()
    assert left.name.startswith(".a.")
    save_result(conversion(), tmp_path, source="a.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_another_process_still_writes_is_left_alone(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from datalab_facade import Conversion\n"
        "from datalab_facade.documents import saving\n"
        "saving.ResultFiles.sync = lambda _: (print(flush=True), sys.stdin.readline())\n"
        "result = Conversion(id='convert/a', raw={'markdown': 'theirs'})\n"
        f"saving.save_result(result, {str(tmp_path)!r}, source='a.pdf')\n"
    )
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        [theirs] = tmp_path.iterdir()
        save_result(conversion(), tmp_path, source="a.pdf")
        assert (theirs / "a.md").read_text() == "theirs"
        with pytest.raises(TimeoutError), folder_lock(theirs, 0):
            pass
        assert (tmp_path / "a" / "a.md").read_text() != "theirs"
        other.communicate("go on\n", timeout=50)
    assert other.returncode == 0
    assert (tmp_path / "a" / "a.md").read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("path", ["", "..", "../x", "a/b", "a\\b", "C:x", ". ", "a\0"])
def test_a_receipt_never_names_a_file_elsewhere(path: str) -> None:
    with pytest.raises(InvalidArgumentError, match="name in the result's folder"):
        SavedFile(path=path, bytes=1, sha256="")


@pytest.mark.parametrize("result", [None, {"markdown": "x"}, "convert/a"])
def test_what_is_not_a_result_is_refused(result: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="result must be a result"):
        save_result(result, tmp_path)


# --- while it arrives -----------------------------------------------------------------


def pieces_of(body: object, size: int) -> Iterator[bytes]:
    data = json.dumps(body).encode()
    for start in range(0, len(data), size):
        yield data[start : start + size]


def contents(folder: Path) -> dict[str, Any]:
    """Give all files; JSON by what it says, since the server's own spaces are kept."""
    return {
        name: json.loads(data) if name.endswith(".json") else data
        for name, data in tree(folder).items()
        if not name.endswith(".result.json")
    }


names = st.sampled_from(["a.png", "../b.png", "", "a.md", "A.PNG"]) | st.text(max_size=5)
base64_texts = st.binary(max_size=30).map(encoded) | st.text(max_size=10)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["complete", "failed"]) | json_values,
        "success": st.booleans() | st.none(),
        "output_format": st.sampled_from(["markdown", "markdown,html,json,chunks"]) | json_values,
        "markdown": st.text() | json_values,
        "html": st.text() | json_values,
        "json": st.dictionaries(st.text(), json_values) | json_values,
        "chunks": st.dictionaries(st.text(), json_values) | json_values,
        "images": st.dictionaries(names, base64_texts | json_values) | json_values,
        "metadata": st.dictionaries(st.text(), json_values) | json_values,
        "extraction_schema_json": st.sampled_from(['{"a": 1, "a_score": 2}', "{", ""])
        | json_values,
        "segmentation_results": json_values,
        "output_base64": base64_texts | json_values,
        "suggestions": st.dictionaries(st.sampled_from(["simple_schema"]), json_values)
        | json_values,
        "page_count": json_values,
        "total_cost": json_values,
        "surprise": json_values,
    },
)
endpoints = st.sampled_from(
    ["convert", "extract", "segment", "fill", "create-document", "agent",
     "track-changes", "marker/extraction/gen_schemas", "odd"]
)  # fmt: skip


@settings(max_examples=examples(60), deadline=None)
@given(body=bodies, endpoint=endpoints, size=st.integers(1, 50))
def test_whatever_comes_is_saved_alike_from_memory_and_while_it_arrives(
    body: dict[str, Any], endpoint: str, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("alike")
    job_id = f"{endpoint}/a"
    body = json.loads(json.dumps(body))
    outcomes: list[tuple[str, Any]] = []
    for out in (folder / "memory", folder / "arriving"):
        try:
            if out.name == "memory":
                result = result_type(job_id)(id=job_id, raw=body)
                saved = save_result(result, out, source="a.pdf")
            else:
                saved = save_body(pieces_of(body, size), out, job_id=job_id, source="a.pdf")
            outcomes.append(("saved", [file.path for file in saved.files]))
        except DatalabError as error:
            outcomes.append((type(error).__name__, getattr(error, "missing", None)))
    assert outcomes[0] == outcomes[1]
    assert contents(folder / "memory") == contents(folder / "arriving")
    assert not [path for path in folder.glob("*/*") if path.name != "a"]


def test_a_body_that_says_failed_leaves_nothing(tmp_path: Path) -> None:
    body = {"markdown": "x" * 100_000, "success": False, "error": "Page limit", "error_in": "X"}
    with pytest.raises(DocumentFailedError, match="failed in X: Page limit"):
        save_body(pieces_of(body, 1000), tmp_path, job_id="convert/a")
    assert list(tmp_path.iterdir()) == []


def test_a_body_that_is_cut_off_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidResponseError, match="cut off"):
        save_body([b'{"markdown": "abc'], tmp_path, job_id="convert/a")
    assert list(tmp_path.iterdir()) == []


def test_what_reading_the_pieces_raises_comes_out_as_it_is(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"markdown": "abc'
        raise LocalFileError("the part file is gone")

    with pytest.raises(LocalFileError, match="the part file is gone"):
        save_body(pieces(), tmp_path, job_id="convert/a")
    assert list(tmp_path.iterdir()) == []


def test_what_the_poll_says_goes_first(tmp_path: Path) -> None:
    poll: Mapping[str, Any] = {"total_cost": 7, "page_count": None, "images": {}, "markdown": ""}
    body = {"total_cost": None, "page_count": 3, "markdown": "x"}
    saved = save_body(pieces_of(body, 10), tmp_path, job_id="convert/a", poll=poll)
    assert (saved.cost_cents, saved.page_count) == (7, 3)


def test_a_result_without_a_source_has_a_folder_by_its_id(tmp_path: Path) -> None:
    for number, name in enumerate(["x-y", "x/y", "x-y"]):
        save_result(conversion(name, markdown=f"{name} {number}"), tmp_path)
    texts = {path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.md")}
    assert texts == {"x-y 2", "x/y 1"}
    assert (tmp_path / "convert-x-y").is_dir()


def test_a_receipt_that_cannot_be_read_is_not_ours(tmp_path: Path) -> None:
    theirs = tmp_path / "a" / "a.result.json"
    theirs.parent.mkdir()
    theirs.write_text("[" * 100_000, encoding="utf-8")
    assert save_result(conversion(), tmp_path, source="a.pdf").folder.name == "a"
    theirs.write_text("{}", encoding="utf-8")
    (tmp_path / "a" / "b.result.json").mkdir()
    assert save_result(conversion("b"), tmp_path, source="a.pdf").folder.name == "a.pdf"


def test_large_files_are_written_whole_and_large_wrong_ones_are_not(tmp_path: Path) -> None:
    large = bytes(range(256)) * 40_000
    wrong = encoded(large[:300_000]) + "A"
    text = "x" * 9_000_000 + "\ud800é"
    result = conversion(markdown=text, images={"a.png": encoded(large), "b.png": wrong})
    with pytest.raises(EmptyResultError, match=r"has no images/b\.png"):
        save_result(result, tmp_path, source="a.pdf")
    files = tree(tmp_path)
    assert files.pop("a/a.result.json")
    assert files == {"a/a.png": large, "a/a.md": text.replace("\ud800", "?").encode()}


def test_a_part_that_comes_twice_counts_as_in_any_json(tmp_path: Path) -> None:
    image, other = encoded(PNG * 500), encoded(PNG)
    body = (
        f'{{"markdown": "{"x" * 100_000}", "markdown": "y", "metadata": {{"a": 1}}, '
        f'"metadata": null, "images": {{"a": "{image}", "a": "{other}"}}}}'
    )
    saved = save_body([body.encode()], tmp_path, job_id="convert/a", source="a.pdf")
    assert {file.path for file in saved.files} == {
        "a.md",
        *(f.path for f in saved.files if f.image),
    }
    assert (saved.folder / "a.md").read_text(encoding="utf-8") == "y"
    [file] = [file for file in saved.files if file.image == "a"]
    assert (saved.folder / file.path).read_bytes() == PNG


def deep(levels: int = 100_000) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_what_is_nested_too_deeply_or_not_json_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidResponseError, match="nested too deeply"):
        save_result(conversion(json={"a": deep()}), tmp_path)
    for body in (b'{"metadata": [nope]}', b'{"metadata": ' + b"[" * 99_999 + b"]" * 99_999 + b"}"):
        with pytest.raises(InvalidResponseError, match="metadata is not JSON, or too deep"):
            save_body([body], tmp_path, job_id="convert/a")
    assert list(tmp_path.iterdir()) == []


def test_what_has_to_be_kept_in_memory_has_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result_files, "_MAX_KEPT", 1 << 20)
    body = json.dumps({"markdown": "x" * (2 << 20), "metadata": {"a": "x" * (1 << 20)}}).encode()
    with pytest.raises(InvalidResponseError, match="more than 1 MiB beside its texts and images"):
        save_body([body], tmp_path, job_id="convert/a")
    assert list(tmp_path.iterdir()) == []
