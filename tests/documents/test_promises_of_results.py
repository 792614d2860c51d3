"""What users of such APIs complain of in results, each turned into a promise.

The complaints are public: issues of SDKs that turn documents into text. A docstring says whose.
"""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from types import GenericAlias
from typing import Any, Optional

import attrs
import pytest
from typing_extensions import TypedDict

from datalab_facade import (
    Conversion,
    CreatedDocument,
    DocumentFailedError,
    EmptyResultError,
    Extraction,
    ExtractionMismatchError,
    FilledForm,
    FormatNotRequestedError,
    OutputTooLargeError,
    ResultExpiredError,
    Segmentation,
)
from datalab_facade.documents.tasks import Convert, Extract
from datalab_facade.testing import DocumentScript, Fault, Simulator, VirtualClock
from tests.in_process import new_simulator
from tests.secrets_for_tests import API_KEY
from tests.ways import Way

PDF = b"%PDF-1.7 not much"
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass
class Item:
    name: str


@dataclass
class Invoice:
    number: str
    total: float
    items: list[Item]
    note: str | None = None


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"number": {"type": "string"}, "total": {"type": "number"}},
}


@pytest.fixture
def simulator() -> Simulator:
    return new_simulator()


@pytest.fixture
def documents(way: Way, simulator: Simulator) -> Any:
    return way.client(simulator).documents


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("status", ["complete", "failed", "error", "expired"])
def test_success_is_never_guessed(
    way: Way, simulator: Simulator, documents: Any, status: str
) -> None:
    """Open WebUI PR #29810: a 200 that says failure is indexed as text. LlamaParse #937: no reason.

    document-ai-samples #969: "failed to process all documents", and no more.
    """
    simulator.documents.script(DocumentScript(error="The PDF is encrypted", status=status))
    with pytest.raises(DocumentFailedError, match="The PDF is encrypted") as raised:
        way.done(documents.convert(PDF))
    [request_id] = simulator.documents
    assert request_id in str(raised.value)


@pytest.mark.parametrize("extra", [{"markdown": ""}, {"markdown": None}])
def test_an_empty_document_says_so(
    way: Way, simulator: Simulator, documents: Any, extra: dict[str, Any]
) -> None:
    """Datalab's users: success with an empty markdown."""
    simulator.documents.script(DocumentScript(extra=extra))
    with pytest.raises(EmptyResultError, match="markdown") as raised:
        way.done(documents.convert(PDF))
    assert (raised.value.result.page_count, raised.value.result.cost_cents) == (1, 1)


def test_a_format_that_was_not_asked_for_is_not_none(
    way: Way, simulator: Simulator, documents: Any
) -> None:
    """Azure #40193: the batch does not write markdown. The error names the keyword."""
    conversion = way.done(documents.convert(PDF, output_format="html"))
    assert conversion.html
    with pytest.raises(FormatNotRequestedError, match="output_format"):
        _ = conversion.markdown


@pytest.mark.parametrize("via_url", [False, True])
def test_a_large_result_is_a_result_like_any_other(
    way: Way, simulator: Simulator, documents: Any, via_url: bool
) -> None:
    """Reducto PR #35: large results come as a URL, and the caller branches."""
    simulator.documents.script(DocumentScript(markdown="# A" * 100_000, via_url=via_url))
    assert len(way.done(documents.convert(PDF)).markdown) == 300_000
    assert not any("x-api-key" in one.headers for one in simulator.requests.of("storage"))


def test_a_result_that_is_too_large_is_not_put_into_memory(
    way: Way, simulator: Simulator, documents: Any
) -> None:
    simulator.documents.script(DocumentScript(markdown="# A" * 100_000, via_url=True))
    with pytest.raises(OutputTooLargeError):
        way.done(documents.result(way.done(documents.submit(Convert(), PDF)), max_bytes=1000))


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda documents: documents.convert(PDF), Conversion),
        (lambda documents: documents.extract(PDF, SCHEMA), Extraction),
        (lambda documents: documents.segment(PDF), Segmentation),
        (lambda documents: documents.fill(PDF, {"name": "Jane"}), FilledForm),
        (lambda documents: documents.track_changes(PDF), Conversion),
        (lambda documents: documents.create("# New"), CreatedDocument),
    ],
)
def test_a_verb_has_one_type_of_result(
    way: Way, documents: Any, call: Any, kind: type[object]
) -> None:
    """Reducto PR #105: a union of results resolves to the wrong class."""
    assert type(way.done(call(documents))) is kind


@pytest.mark.parametrize("via_url", [False, True])
def test_a_result_can_be_read_as_often_as_one_likes(
    way: Way, simulator: Simulator, documents: Any, via_url: bool
) -> None:
    """Docling (serve) #177: results are gone after one fetch."""
    job_id = f"convert/{simulator.documents.start(DocumentScript(markdown='a', via_url=via_url))}"
    for _ in range(3):
        assert way.done(documents.result(job_id)).markdown == "a"


def test_a_result_that_was_deleted_says_that_it_was(
    way: Way, simulator: Simulator, documents: Any
) -> None:
    """And not that there never was such a request."""
    job_id = f"convert/{simulator.documents.start()}"
    simulator.clock.sleep(3 + 3600)
    with pytest.raises(ResultExpiredError, match="hour"):
        way.done(documents.result(job_id))


def test_a_result_is_plain_json_and_comes_back(way: Way, documents: Any) -> None:
    """Azure #35284: a result is not JSON as it is. documentai-toolbox #271: cannot be read back."""
    conversion = way.done(documents.convert(PDF, output_format=["markdown", "chunks"]))
    assert Conversion.from_dict(json.loads(json.dumps(conversion.to_dict()))) == conversion
    assert pickle.loads(pickle.dumps(conversion)) == conversion


def test_pages_and_cost_are_on_every_result(way: Way, simulator: Simulator, documents: Any) -> None:
    """LlamaParse #1003, #938, #939: credits are missing or wrong."""
    simulator.documents.script_always(DocumentScript(pages=3, cost_cents=2, cost_after=20))
    first = way.done(documents.convert(PDF))
    assert (first.page_count, first.cost_cents) == (3, None)
    simulator.clock.sleep(20)
    assert way.done(documents.refresh(first)).cost_cents == 2
    assert way.done(documents.convert(PDF, wait_for="cost")).cost_cents == 2


@pytest.mark.parametrize("late", ["cost", "scores"])
def test_a_result_is_never_lost_for_what_comes_late(
    way: Way, simulator: Simulator, documents: Any, late: Any
) -> None:
    simulator.documents.script(DocumentScript(cost_after=1e6, scores_after=1e6))
    assert way.done(documents.extract(PDF, SCHEMA, wait_for=late)).data["total"] == 1.5
    assert simulator.clock.monotonic() <= 70


class PlainInvoice(TypedDict):
    number: str
    total: float


@attrs.frozen
class FrozenInvoice:
    number: str
    total: float


@pytest.mark.parametrize("kind", [Invoice, PlainInvoice, FrozenInvoice])
def test_any_class_of_the_users_own_is_a_schema(
    way: Way, documents: Any, kind: type[object]
) -> None:
    """OpenAI #1614: dataclasses are wanted. ade-cli PR #43: people bring their own classes."""
    value = way.done(documents.extract(PDF, kind)).value
    assert (value if isinstance(value, dict) else vars_of(value))["total"] == 1.5


def vars_of(value: Any) -> dict[str, Any]:
    return attrs.asdict(value) if attrs.has(type(value)) else dict(vars(value))


def test_a_pydantic_class_is_a_schema(way: Way, simulator: Simulator, documents: Any) -> None:
    """OpenAI #2557, #2052: $ref, default and Optional are refused by the server."""
    pydantic = pytest.importorskip("pydantic")
    line: Any = pydantic.create_model("Line", name=(str, ...))
    invoice = pydantic.create_model(
        "PydanticInvoice",
        number=(str, pydantic.Field(description="As printed")),
        lines=(GenericAlias(list, line), ...),
        due=(Optional[str], None),  # noqa: UP045 - as users write it
    )
    value = way.done(documents.extract(PDF, invoice)).value
    assert isinstance(value, invoice)
    [request] = simulator.documents.values()
    sent = request.text("page_schema")
    assert "As printed" in sent
    assert "$ref" not in sent
    assert "null" not in sent


@pytest.mark.parametrize("wrong", [{"number": "7"}, {"number": "7", "total": "a lot"}, {}])
def test_a_value_that_does_not_fit_does_not_throw_away_what_was_paid(
    way: Way, simulator: Simulator, documents: Any, wrong: dict[str, Any]
) -> None:
    """OpenAI #1763, #2486; instructor #602, #1891: a validation error throws the answer away."""
    simulator.documents.script(DocumentScript(extraction=wrong))
    with pytest.raises(ExtractionMismatchError, match="total") as raised:
        _ = way.done(documents.extract(PDF, FrozenInvoice)).value
    assert raised.value.extraction.data == wrong
    assert raised.value.extraction.cost_cents == 1
    assert len(simulator.documents) == 1


def test_data_is_exactly_that_of_the_schema_with_citations_beside_it(
    way: Way, documents: Any
) -> None:
    """With citations, Reducto's values change their shape."""
    extraction = way.done(documents.extract(PDF, SCHEMA))
    assert extraction.data == {"number": "Sample number", "total": 1.5}
    total = extraction.fields["total"]
    assert (total.citations, total.status) == (("/page/0/Text/0",), "EXTRACTED")


@pytest.mark.parametrize("name", ["../../evil.png", "/etc/evil.png", "a/../../evil.png"])
def test_no_name_of_the_server_leads_out_of_the_folder(
    way: Way, simulator: Simulator, documents: Any, tmp_path: Path, name: str
) -> None:
    """The official client writes such an image outside the folder."""
    simulator.documents.script(DocumentScript(markdown=f"![]({name})", images={name: PNG}))
    folder = tmp_path / "deep" / "out"
    way.done(documents.convert(PDF, name="a.pdf", output_dir=folder))
    assert tree(tmp_path) == {f"deep/out/{one}" for one in tree(folder)}
    assert [(folder / one).read_bytes() for one in tree(folder)].count(PNG) == 1


def test_links_to_images_hold(
    way: Way, simulator: Simulator, documents: Any, tmp_path: Path
) -> None:
    """Marker #292, Azure #40091: images are dropped, or have other names than in the text."""
    script = DocumentScript(
        markdown="![](_page_0_Figure_1.jpeg) ![](b.png)",
        images={"_page_0_Figure_1.jpeg": b"\xff\xd8\xff", "b.png": PNG},
    )
    simulator.documents.script(script)
    way.done(documents.convert(PDF, name="a.pdf", output_dir=tmp_path))
    text = (tmp_path / "a" / "a.md").read_text()
    links = re.findall(r"\(([^)]+)\)", text)
    assert len(links) == 2
    for link in links:
        assert (tmp_path / "a" / link).read_bytes() == script.images[link]


def test_two_sources_of_one_stem_do_not_overwrite_each_other(
    way: Way, simulator: Simulator, documents: Any, tmp_path: Path
) -> None:
    """Docling #3811: they do, and the exit code is 0."""
    simulator.documents.script(DocumentScript(markdown="# PDF"), DocumentScript(markdown="# DOCX"))
    for name, source in [("a.pdf", PDF), ("a.docx", b"PK\x03\x04")]:
        way.done(documents.convert(source, name=name, output_dir=tmp_path))
    texts = {path.read_text() for path in tmp_path.rglob("*.md")}
    assert {one.strip() for one in texts} == {"# PDF", "# DOCX"}


def test_names_are_the_same_every_time(
    way: Way, simulator: Simulator, documents: Any, tmp_path: Path
) -> None:
    """Unstructured (client) #11: generated names change. report.v2.pdf becomes report.v2.md."""
    for folder in ("first", "second"):
        way.done(documents.convert(PDF, name="report.v2.pdf", output_dir=tmp_path / folder))
    assert tree(tmp_path / "first") == tree(tmp_path / "second")
    assert "report.v2/report.v2.md" in tree(tmp_path / "first")


@pytest.mark.parametrize("via_url", [False, True])
def test_an_extraction_is_saved(
    way: Way, simulator: Simulator, documents: Any, tmp_path: Path, via_url: bool
) -> None:
    """The official client raises on extract(save_output=...), after the pages were paid."""
    simulator.documents.script(DocumentScript(via_url=via_url))
    way.done(documents.extract(PDF, SCHEMA, name="a.pdf", output_dir=tmp_path))
    saved = [path for path in (tmp_path / "a").iterdir() if "extraction" in path.name]
    assert json.loads(saved[0].read_text())["total"] == 1.5


@pytest.mark.parametrize("via_url", [False, True])
def test_an_extraction_that_does_not_fit_is_saved_as_well(
    way: Way, simulator: Simulator, documents: Any, tmp_path: Path, via_url: bool
) -> None:
    """What was paid for is not thrown away, in memory or on disk."""
    wrong = {"number": "7", "total": "a lot"}
    simulator.documents.script_always(DocumentScript(extraction=wrong, via_url=via_url))
    with pytest.raises(ExtractionMismatchError, match="total"):
        way.done(documents.extract(PDF, FrozenInvoice, name="a.pdf", output_dir=tmp_path))
    assert json.loads((tmp_path / "a" / "a.extraction.json").read_bytes()) == wrong
    handle = way.done(documents.submit(Extract(FrozenInvoice), PDF, name="b.pdf"))
    saved = way.done(documents.save(handle, tmp_path))
    assert json.loads((saved.folder / "b.extraction.json").read_bytes()) == wrong


def test_a_document_is_parsed_once(way: Way, simulator: Simulator, documents: Any) -> None:
    """Reducto's jobid://, llama's file_input: an earlier parse is a source."""
    conversion = way.done(documents.convert(PDF, save_checkpoint=True))
    way.done(documents.extract(conversion, SCHEMA))
    first, second = simulator.documents.values()
    assert second.file is None
    assert second.fields["checkpoint_id"] == first.checkpoint_id


def test_a_segment_goes_into_the_next_request_as_it_is(
    way: Way, simulator: Simulator, documents: Any
) -> None:
    simulator.documents.script(DocumentScript(pages=4, segments={"A": [0, 1], "B": [2]}))
    segmentation = way.done(documents.segment(PDF, {"A": "first", "B": "second"}))
    simulator.documents.script_always(DocumentScript(pages=4))
    way.done(documents.extract(PDF, SCHEMA, page_range=segmentation.segments[0].page_range))
    assert list(simulator.documents.values())[-1].pages == (0, 1)


@pytest.mark.parametrize("fault", [Fault.status(503), Fault.reset(), Fault.truncate(10)])
def test_a_result_behind_a_url_survives_trouble_at_storage(
    way: Way, simulator: Simulator, documents: Any, fault: Fault
) -> None:
    simulator.documents.script(DocumentScript(via_url=True, markdown="# A"))
    simulator.inject(fault, origin="storage")
    assert way.done(documents.convert(PDF)).markdown == "# A"
    assert len(simulator.documents) == 1


def test_a_filled_form_says_what_was_not_found(
    way: Way, simulator: Simulator, documents: Any
) -> None:
    """Unstructured (client) #220: what failed is left out, with a warning at most."""
    simulator.documents.script(DocumentScript(not_found=["fax"]))
    form = way.done(documents.fill(PDF, {"name": "Jane", "fax": "1"}))
    assert (form.filled, form.not_found, form.is_complete) == (("name",), ("fax",), False)
    assert form.content == PDF


class SleepyClock(VirtualClock):
    """Of a machine that is suspended in each sleep, once it has fallen asleep."""

    suspended = 0.0

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds + self.suspended)

    async def sleep_async(self, seconds: float) -> None:
        await super().sleep_async(seconds + self.suspended)


def test_what_comes_late_is_asked_for_no_more_after_the_machine_was_suspended(way: Way) -> None:
    clock = SleepyClock()
    simulator = Simulator(clock, api_key=API_KEY)
    simulator.documents.script(DocumentScript(cost_after=1e6))
    documents = way.client(simulator).documents
    handle = way.done(documents.submit(Convert(), PDF))
    way.done(documents.wait(handle))
    before = len(simulator.requests)
    clock.suspended = 3_600.0
    result = way.done(documents.result(handle, wait_for="cost"))
    assert (result.cost_cents, result.page_count) == (None, 1)
    assert len(simulator.requests) == before + 1
