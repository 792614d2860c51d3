"""What people read, compared with approved texts: in 80 and 40 columns, and in ASCII."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest

from datalab_facade import (
    Change,
    Conversion,
    DocumentFailedError,
    DocumentRequest,
    Execution,
    ExtractionSchema,
    FailedOutput,
    File,
    FilledForm,
    Manifest,
    NotFoundError,
    Outcome,
    Pipeline,
    PipelineExecution,
    PipelineStepRun,
    SavedOutput,
    Segmentation,
    Status,
    Step,
    StepRun,
    Steps,
    StepType,
    StoredStep,
    Totals,
    WaitTimeoutError,
    Workflow,
    WorkflowDefinition,
    WorkflowStep,
)
from datalab_facade.cli.diagnosis import Check, Diagnosis
from datalab_facade.cli.document_results import SourceResult
from datalab_facade.cli.exits import ExitCode, problem_of
from datalab_facade.cli.live_text import fit_display
from datalab_facade.cli.recording import Recording, Target, summarize
from datalab_facade.cli.rendering.conversions import (
    DocumentRow,
    at_work_text,
    plan_text,
    segments_text,
    written_lines,
)
from datalab_facade.cli.rendering.conversions import report_text as documents_text
from datalab_facade.cli.rendering.conversions import result_line as document_line
from datalab_facade.cli.rendering.diagnoses import diagnosis_text
from datalab_facade.cli.rendering.executions import (
    Overview,
    change_line,
    execution_text,
    many_text,
    outcome_line,
)
from datalab_facade.cli.rendering.files import file_text, files_text, uploaded_line
from datalab_facade.cli.rendering.outputs import manifest_text
from datalab_facade.cli.rendering.pipelines import (
    pipeline_execution_text,
    pipeline_text,
    pipelines_text,
    schema_text,
    schemas_text,
)
from datalab_facade.cli.rendering.recordings import recording_text
from datalab_facade.cli.rendering.runs import report_text
from datalab_facade.cli.rendering.serving import serving_text
from datalab_facade.cli.rendering.signs import plain, size
from datalab_facade.cli.rendering.workflows import (
    created_text,
    definition_text,
    step_types_text,
    workflow_text,
    workflows_text,
)
from datalab_facade.cli.tables import Column, table
from datalab_facade.models import JSON
from datalab_facade.pictures.terminal import Terminal
from datalab_facade.pictures.words import cell_width
from datalab_facade.runs.run_results import RunResult
from datalab_facade.transport.api_calls import PlainAnswer

RECORDING = Recording(
    (
        summarize(
            Target.parse("123"),
            PlainAnswer(
                200,
                {"content-type": "application/json", "x-customer-7": "a"},
                b'{"execution_id": 123, "status": "COMPLETED", "created": "2025-10-22T10:00:00",'
                b' "steps": {"parse": {"987": {"id": 1, "status": "FAILED", "output_url":'
                b' "https://a.example/x?X-Amz-Signature=sig=abc", "error": "no \\u001b[2J"},'
                b' "aggregated": {"id": 2, "status": "COMPLETED", "error": null}}}}',
            ),
        ),
        summarize(
            Target.parse("convert/AbC"),
            PlainAnswer(429, {"retry-after": "30"}, b'{"detail": "Slow down"}'),
        ),
        summarize(
            Target.parse("pex_1"), PlainAnswer(200, {}, b"[" * 15 + b"[[[[[[[1]]]]]]]" + b"]" * 15)
        ),
    )
)

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).parents[2]

_PLAIN = Terminal(80, color=False, ascii_only=False)
BEGAN = datetime(2025, 10, 22, 10, tzinfo=UTC)
HOSTILE = "\x1b[2J請求書 no pages in https://a.example/x?sig=abc"


def _at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def _run(
    key: str | None, word: str, began: float | None = None, ended: float | None = None
) -> StepRun:
    return StepRun(
        file_key=key,
        status=Status.parse(word),
        started_at=None if began is None else _at(began),
        finished_at=None if ended is None else _at(ended),
        error=HOSTILE if word == "FAILED" else None,
    )


RUNNING = Execution(
    id=123,
    status=Status.IN_PROGRESS,
    workflow_id=456,
    created_at=BEGAN,
    updated_at=_at(90),
    steps=Steps(
        [
            Step(
                name="parse", runs=(_run("a1", "COMPLETED", 2, 40), _run("b2", "COMPLETED", 2, 65))
            ),
            Step(
                name="extract",
                runs=(_run("a1", "IN_PROGRESS", 66, None), _run("b2", "PENDING", None, None)),
            ),
            Step(
                name="a_step_whose_name_is_long_請求書_and_goes_on",
                runs=(_run(None, "PENDING", None, None),),
            ),
        ]
    ),
    observed_at=_at(95),
)
FAILED = Execution(
    id=124,
    status=Status.FAILED,
    workflow_id=456,
    created_at=BEGAN,
    updated_at=_at(95),
    steps=Steps(
        [
            Step(name="parse", runs=(_run(None, "COMPLETED", 2, 40),)),
            Step(
                name="extract", runs=(_run("a1", "FAILED", 41, 95), _run("b2", "COMPLETED", 41, 90))
            ),
        ]
    ),
)
QUEUED = Execution(
    id=125,
    status=Status.QUEUED,
    workflow_id=456,
    created_at=BEGAN,
    updated_at=BEGAN,
    observed_at=_at(7),
)
DONE = Execution(
    id=126,
    status=Status.COMPLETED,
    workflow_id=456,
    created_at=BEGAN,
    updated_at=_at(3725),
    steps=Steps(
        [Step(name="parse", runs=tuple(_run(f"f{n}", "COMPLETED", 1, 3725) for n in range(500)))]
    ),
)
UNKNOWN = NotFoundError(
    "Workflow execution 99 not found", method="GET", url="https://www.datalab.to/x"
)
OVERVIEW = Overview(
    {execution.id: execution for execution in (DONE, FAILED, QUEUED, RUNNING)},
    {99: UNKNOWN},
    Totals(
        queued=1, running=1, succeeded=1, failed=2, requests=44, requests_left=156, eta_seconds=61.0
    ),
)
SAVED = tuple(
    SavedOutput(
        execution_id=126,
        step=step,
        file_key=key,
        path=f"{step}/{key}.json",
        bytes=size,
        sha256="ab" * 32,
        saved_at=BEGAN,
        source_status=Status.COMPLETED,
        media_type=kind,
    )
    for step, key, size, kind in (
        ("parse", "a1", 1_234_567, "application/json"),
        ("extract", "a1", 999, None),
    )
)
MANIFEST = Manifest(
    execution_id=126,
    status=Status.COMPLETED,
    saved=SAVED,
    failed=(
        FailedOutput(execution_id=126, step="extract", file_key="b2", error=f"refused: {HOSTILE}"),
    ),
)
FILES = (
    File(
        id=4,
        reference="datalab://file-npl94jxy",
        filename="Bericht über alles.pdf",
        content_type="application/pdf",
        size=25_300,
        status="completed",
        created_at=BEGAN,
    ),
    File(
        id=12,
        reference="datalab://file-b7",
        filename="a name that is far too long for any table.docx",
        content_type=None,
        size=None,
        status="pending",
    ),
)
WORKFLOW = Workflow(
    id=5,
    name="Invoices",
    team_id=7,
    steps=(
        WorkflowStep(unique_name="parse", step_key="marker_parse"),
        WorkflowStep(
            unique_name="tell",
            step_key="api_request",
            settings={"token": "hidden", "url": "https://a.example/?k=v"},
            depends_on=("parse",),
        ),
    ),
    created_at=BEGAN,
)
STEP_TYPES = (
    StepType(
        step_key="marker_parse",
        version="1",
        description="Parse documents, for steps that come after",
    ),
    StepType(step_key="api_request"),
)
RESULTS = (
    RunResult(
        source="in/a.pdf",
        folder=Path("out/a.pdf"),
        execution_id=126,
        status=Status.COMPLETED,
        manifest=Manifest(execution_id=126, status=Status.COMPLETED, saved=SAVED),
    ),
    RunResult(
        source="in/b.pdf",
        folder=Path("out/b.pdf"),
        execution_id=127,
        status=Status.FAILED,
        reason=f"Execution 127 failed: {HOSTILE}",
    ),
)
DIAGNOSIS = Diagnosis(
    (
        Check("versions", "ok", "datalab-facade 1.0, Python 3.13, httpx 0.28, attrs 26, click 8"),
        Check("key", "warning", "found in the file key", "Others may read it: chmod 600 key"),
        Check("reachable", "error", "no route to host", "Check the network"),
        Check("clock", "unknown", "not known"),
    ),
    ExitCode.NETWORK,
)
ABOUT = {
    "api_url": "http://127.0.0.1:1",
    "storage_url": "http://127.0.0.1:2",
    "control_url": "http://127.0.0.1:1/_simulator/",
    "api_key": "simulated-datalab-key",
}
CHANGES = (
    Change(
        job="execution 123",
        sequence=1,
        kind="job",
        step=None,
        file_key=None,
        before=None,
        after=Status.QUEUED,
        snapshot=RUNNING,
    ),
    Change(
        job="execution 123",
        sequence=2,
        kind="step",
        step="parse",
        file_key=None,
        before=Status.PENDING,
        after=Status.IN_PROGRESS,
        snapshot=RUNNING,
    ),
    Change(
        job="execution 123",
        sequence=3,
        kind="file",
        step=HOSTILE,
        file_key="a1",
        before=Status.IN_PROGRESS,
        after=Status.FAILED,
        snapshot=RUNNING,
    ),
)

CONVERTED = Conversion(
    id="convert/Qm3xT0yLr8sWb2ZkVf6NcA",
    raw={"markdown": "# A", "page_count": 12, "total_cost": 7.2},
)
DOCUMENTS = (
    attrs.evolve(SourceResult.of("in/a.pdf", CONVERTED), path=Path("out/a.md")),
    SourceResult(
        source="in/a name that is far too long for any table.docx",
        error=DocumentFailedError(
            snapshot=DocumentRequest(id="convert/b", status=Status.FAILED), detail=HOSTILE
        ),
    ),
)
AT_WORK = (
    DocumentRow(
        source="in/a.pdf",
        state="done",
        status="done",
        seconds=4.2,
        result=SourceResult(source="in/a.pdf", page_count=12, cost_cents=7.2),
    ),
    DocumentRow(source="in/b.pdf", state="failed", status="failed", seconds=1.0),
    DocumentRow(source="in/c.pdf", state="working", status="processing", seconds=3.1),
    DocumentRow(source="in/d.pdf", state="working", status="sending", seconds=0.1),
)
SEGMENTS = Segmentation(
    id="segment/a",
    raw={
        "segmentation_results": {
            "segments": [
                {"name": "Invoice", "pages": [0, 1, 2, 5], "confidence": "high"},
                {"name": HOSTILE, "pages": [3]},
            ]
        }
    },
)
FORM = FilledForm(
    id="fill/a",
    raw={"page_count": 1, "fields_filled": ["name"], "fields_not_found": ["born", HOSTILE]},
)
PLAN: dict[str, JSON] = {
    "event": "plan",
    "endpoint": "convert",
    "task": {"mode": "fast", "output_format": ["markdown", "html"]},
    "sources": [
        {"source": "in/a.pdf", "bytes": 25_300},
        {"source": "https://a.example/b.pdf", "bytes": None},
    ],
    "cents_per_1000_pages": 600.0,
}
PIPELINE = Pipeline(
    id="pl_k8Hx9mP2nQ4v",
    name="Invoices",
    steps=(
        StoredStep(type="convert", settings={"mode": "fast"}),
        StoredStep(type="extract", settings={"webhook_url": "https://a.example/?sig=abc"}),
    ),
    active_version=2,
    created_at=BEGAN,
)
PIPELINE_EXECUTION = PipelineExecution(
    id="pex_7",
    status=Status.COMPLETED_WITH_ERRORS,
    steps=(
        PipelineStepRun(
            index=0,
            type="convert",
            status=Status.COMPLETED,
            started_at=BEGAN,
            finished_at=_at(40),
        ),
        PipelineStepRun(index=1, type="extract", status=Status.FAILED, error=HOSTILE),
    ),
)
SCHEMA = ExtractionSchema(
    id="sch_k8Hx9mP2nQ4v",
    name="Invoice",
    schema={"properties": {"number": {}, "total": {}}},
    description="Of all suppliers",
    version=3,
    created_at=BEGAN,
)

Draw = Callable[[Terminal], str]


def _definition(terminal: Terminal) -> str:
    path = ROOT / "examples" / "definitions" / "tell_the_team.json"
    return definition_text(WorkflowDefinition.from_file(path), terminal)


TEXTS: dict[str, Draw] = {
    "running": lambda t: execution_text(RUNNING, t),
    "running-later": lambda t: execution_text(RUNNING, t, now=_at(150)),
    "running-in-few-rows": lambda t: execution_text(RUNNING, t, rows=2),
    "failed": lambda t: execution_text(FAILED, t),
    "queued": lambda t: execution_text(QUEUED, t),
    "500-files": lambda t: execution_text(DONE, t),
    "many": lambda t: many_text(OVERVIEW, t, now=_at(150), rows=10),
    "many-in-few-rows": lambda t: many_text(OVERVIEW, t, now=None, rows=2),
    "outcomes": lambda t: "\n".join(
        outcome_line(outcome, t)
        for outcome in (
            Outcome(id=126, snapshot=DONE),
            Outcome(id=124, snapshot=FAILED),
            Outcome(id=99, error=UNKNOWN),
        )
    ),
    "changes": lambda t: "\n".join(
        change_line(change, t, many=many) for change in CHANGES for many in (False, True)
    ),
    "manifest": lambda t: manifest_text(MANIFEST, Path("out/execution-126"), t),
    "files": lambda t: files_text(FILES, t),
    "no-files": lambda t: files_text((), t),
    "file": lambda t: file_text(FILES[0], t),
    "uploaded": lambda t: uploaded_line("in/a.pdf", FILES[0], t),
    "workflows": lambda t: workflows_text((WORKFLOW, Workflow(id=6)), t),
    "no-workflows": lambda t: workflows_text((), t),
    "workflow": lambda t: workflow_text(WORKFLOW, t),
    "created": lambda t: created_text(WORKFLOW, t),
    "definition": _definition,
    "step-types": lambda t: step_types_text(STEP_TYPES, t),
    "run": lambda t: report_text(Path("out"), RESULTS, t),
    "documents": lambda t: documents_text("out", DOCUMENTS, t),
    "document-lines": lambda t: "\n".join(document_line(one, t) for one in DOCUMENTS),
    "documents-at-work": lambda t: at_work_text(AT_WORK, 9, 8.0, t, 10),
    "documents-in-few-rows": lambda t: at_work_text(AT_WORK, 9, 8.0, t, 2),
    "segments": lambda t: segments_text(SEGMENTS, t),
    "no-segments": lambda t: segments_text(Segmentation(id="segment/b"), t),
    "form": lambda t: "\n".join(
        written_lines(attrs.evolve(SourceResult.of("f.pdf", FORM), path=Path("out/f.pdf")), t)
    ),
    "plan": lambda t: plan_text(PLAN, t),
    "pipelines": lambda t: pipelines_text((PIPELINE, Pipeline(id="pl_6")), t),
    "no-pipelines": lambda t: pipelines_text((), t),
    "pipeline": lambda t: pipeline_text(PIPELINE, 1000.0, t),
    "pipeline-execution": lambda t: pipeline_execution_text(PIPELINE_EXECUTION, t),
    "extraction-schemas": lambda t: schemas_text((SCHEMA,), t),
    "no-extraction-schemas": lambda t: schemas_text((), t),
    "extraction-schema": lambda t: schema_text(SCHEMA, t),
    "doctor": lambda t: diagnosis_text(DIAGNOSIS, t),
    "recording": lambda t: recording_text(RECORDING, t),
    "serve": lambda t: serving_text(ABOUT, t),
}
TERMINALS = {
    "80": Terminal(80, color=False, ascii_only=False),
    "40": Terminal(40, color=False, ascii_only=False),
    "ascii": Terminal(80, color=False, ascii_only=True),
    "color": Terminal(80, color=True, ascii_only=False),
}
# Lines of changes and outcomes go into pipes, and what serve and record say is for copying.
_NOT_FITTED = {"changes", "recording", "serve"}


def golden_text(name: str) -> str:
    """Write a text for all terminals, as it stands in its file."""
    parts = [f"=== {kind}\n{TEXTS[name](terminal)}\n" for kind, terminal in TERMINALS.items()]
    return "\n".join(parts).replace("\x1b", "<ESC>")


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_the_approved_one(name: str) -> None:
    assert golden_text(name) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_there_is_no_golden_text_of_nothing() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(TEXTS)


@pytest.mark.parametrize("width", [32, 40, 57, 80, 200])
@pytest.mark.parametrize("name", sorted(set(TEXTS) - _NOT_FITTED))
def test_no_line_is_wider_than_its_terminal(name: str, width: int) -> None:
    for ascii_only in (False, True):
        text = TEXTS[name](Terminal(width, color=False, ascii_only=ascii_only))
        assert [line for line in text.splitlines() if cell_width(line) > width] == []
        assert text.isascii() or not ascii_only


@pytest.mark.parametrize("name", TEXTS)
def test_what_a_server_says_cannot_move_the_cursor(name: str) -> None:
    text = TEXTS[name](TERMINALS["80"])
    assert "\x1b" not in text
    assert "sig=abc" not in text


def test_an_error_is_one_line_that_says_what_to_do_next() -> None:
    error = WaitTimeoutError(
        kind="execution",
        job_id=123,
        snapshot=RUNNING,
        stage="IN_PROGRESS, 1/3 steps done",
        timeout=60,
        elapsed=60.2,
    )
    assert problem_of(error).line() == (
        "Execution 123 has not ended after 60 s (last seen IN_PROGRESS, 1/3 steps done). "
        "It continues; to watch it again: datalab-facade watch 123"
    )
    assert problem_of(UNKNOWN).line() == (
        "Datalab answered 404: Workflow execution 99 not found. "
        "Check the id and the team of the key; Datalab deletes old results"
    )


if __name__ == "__main__":
    # Writes the golden texts anew; read what changed before you commit it.
    for each in TEXTS:
        (GOLDEN / f"{each}.txt").write_text(golden_text(each), encoding="utf-8")


def test_a_long_list_of_failures_is_cut_and_says_how_many_there_are_more() -> None:
    runs = tuple(_run(f"f{n}", "FAILED", 1, 2) for n in range(60))
    failed = Execution(
        id=7,
        status=Status.FAILED,
        workflow_id=456,
        created_at=BEGAN,
        updated_at=_at(9),
        steps=Steps([Step(name="parse", runs=runs)]),
    )
    assert " more failed" in execution_text(failed, _PLAIN, now=None)
    standing = Overview({n: attrs.evolve(failed, id=n) for n in range(60)}, {}, None)
    assert " more failed" in many_text(standing, _PLAIN, now=None, rows=10)
    results = [
        RunResult(
            source=f"{n}.pdf",
            folder=Path(f"out/{n}.pdf"),
            execution_id=n,
            status=Status.FAILED,
            reason=f"x{n}",
        )
        for n in range(60)
    ]
    assert "50 more failed" in report_text(Path("out"), results, _PLAIN)
    alike = [attrs.evolve(one, reason="x") for one in results]
    assert "0.pdf and 59 more files: x" in report_text(Path("out"), alike, _PLAIN)


def test_a_long_manifest_is_cut_and_names_the_file_that_has_all_of_it() -> None:
    saved = tuple(attrs.evolve(SAVED[0], file_key=str(n)) for n in range(500))
    text = manifest_text(
        Manifest(execution_id=126, status=Status.COMPLETED, saved=saved, failed=()),
        Path("out"),
        _PLAIN,
    )
    assert "more, all in manifest.json" in text


def test_an_execution_whose_steps_have_all_ended_is_about_to_end() -> None:
    ended = Steps([Step(name="parse", runs=(_run(None, "COMPLETED", 2, 40),))])
    assert "about to end" in execution_text(attrs.evolve(RUNNING, steps=ended), _PLAIN, now=_at(99))


def test_an_execution_of_which_nothing_is_at_work_is_between_steps() -> None:
    one, other = (
        Step(name="parse", runs=(_run(None, "COMPLETED", 2, 40),)),
        Step(name="extract", runs=()),
    )
    between = attrs.evolve(RUNNING, steps=Steps([one, other]))
    assert "Between steps" in execution_text(between, _PLAIN, now=_at(99))


def test_where_nothing_failed_no_failure_is_listed() -> None:
    text = many_text(Overview({DONE.id: DONE}, {}, None), _PLAIN, now=None, rows=10)
    assert len(text.splitlines()) == 2


def test_a_manifest_of_nothing_says_so() -> None:
    text = manifest_text(
        Manifest(execution_id=126, status=Status.COMPLETED, saved=(), failed=()),
        Path("out"),
        _PLAIN,
    )
    assert text.splitlines()[-1] == "0 outputs (0 B) in out"


def test_a_workflow_without_settings_shows_none() -> None:
    workflow = Workflow(id=6, name="Plain", steps=(WorkflowStep(unique_name="parse"),))
    assert workflow_text(workflow, _PLAIN).splitlines()[0] == "workflow 6"
    assert "{" not in workflow_text(workflow, _PLAIN)


def test_a_table_that_cannot_be_narrower_is_as_wide_as_it_must_be() -> None:
    columns = [Column("id"), Column("name", shrinks=True)]
    rows = [[plain("9" * 40), plain("Invoices")]]
    lines = table(columns, rows, Terminal(10, color=False, ascii_only=False))
    assert lines[1].split() == ["9" * 40, "Invoi…"]


def test_a_run_that_is_at_work_in_an_execution_never_seen_took_nobody_knows_how_long() -> None:
    unseen = attrs.evolve(RUNNING, observed_at=None)
    assert "extract" in execution_text(unseen, _PLAIN, now=None)


def test_no_types_of_step_are_reported_as_such() -> None:
    assert step_types_text([], _PLAIN) == "Datalab lists no step types."


def test_the_largest_sizes_are_written_in_terabytes() -> None:
    assert size(5_000_000_000_000_000) == "5000.0 TB"


@pytest.mark.parametrize("rows", [4, 7, 30])
def test_a_display_is_as_high_as_its_terminal_or_lower(rows: int) -> None:
    text = fit_display(
        lambda most: many_text(OVERVIEW, _PLAIN, now=None, rows=most), "Ctrl-C leaves", _PLAIN, rows
    )
    assert len(text.splitlines()) <= max(rows, len(many_text(OVERVIEW, _PLAIN, now=None, rows=1)))
    assert text.endswith("Ctrl-C leaves")


def test_an_execution_of_a_pipeline_whose_steps_are_not_known_yet_has_no_table() -> None:
    execution = PipelineExecution(id="pex_1", status=Status.parse("pending"))
    text = pipeline_execution_text(execution, _PLAIN)
    assert text.startswith("Pipeline execution pex_1")
    assert "\n" not in text
