"""A value of every kind that travels, and how to tell that it arrived whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs

from datalab_facade import (
    AgentResult,
    Change,
    CheckpointSource,
    Conversion,
    Convert,
    CreatedDocument,
    CreateDocument,
    DatalabError,
    DocumentResult,
    DocumentSegment,
    DriftReport,
    Execution,
    Extract,
    ExtractedField,
    Extraction,
    ExtractionIssue,
    FailedOutput,
    Failure,
    File,
    FileLink,
    Fill,
    FilledForm,
    InputConfig,
    Manifest,
    Outcome,
    Output,
    Progress,
    RunAgent,
    RunReport,
    RunResult,
    SavedOutput,
    SavedResult,
    SchemaIssue,
    SchemaSuggestions,
    Segment,
    Segmentation,
    Span,
    Status,
    Step,
    StepDefinition,
    StepProgress,
    StepRun,
    Steps,
    StepType,
    SuggestSchemas,
    Totals,
    TrackChanges,
    Update,
    UploadOutcome,
    WaitPolicy,
    WaitTimeoutError,
    Workflow,
    WorkflowDefinition,
    WorkflowStep,
)
from datalab_facade.documents.receipts import SavedFile
from datalab_facade.drift import Drift
from tests.test_errors import examples as errors

NOON = datetime(2025, 10, 22, 12, tzinfo=UTC)
_URL = "https://storage.example/out.json?X-Amz-Expires=60"

_RUN = StepRun(
    file_key="987",
    status=Status.COMPLETED,
    id=5,
    started_at=NOON,
    finished_at=NOON + timedelta(seconds=60),
    output_url=_URL,
    total_pages=3,
    file_ids=("npl94jxy",),
    timezone_assumed=True,
    extra={"new": [1, None]},
)
_FAILED_RUN = StepRun(
    file_key=None, status=Status.FAILED, error="no pages", error_stage="VALIDATION", success=False
)
EXECUTION = Execution(
    id=123,
    status=Status.COMPLETED,
    workflow_id=456,
    created_at=NOON,
    updated_at=NOON + timedelta(seconds=90),
    steps=Steps([Step(name="parse", runs=(_RUN,)), Step(name="extract", runs=(_FAILED_RUN,))]),
    error="one file failed",
    success=True,
    external_workflow_id="wf-1",
    observed_at=NOON + timedelta(seconds=91),
    raw={"status": "COMPLETED", "steps": {}},
)
_SAVED = SavedOutput(
    execution_id=123,
    step="parse",
    file_key="987",
    path="parse/987.json",
    bytes=2_048,
    sha256="0123456789abcdef" * 4,
    saved_at=NOON,
    source_status=Status.COMPLETED,
)
_MANIFEST = Manifest(
    execution_id=123,
    status=Status.COMPLETED,
    saved=(_SAVED,),
    failed=(FailedOutput(execution_id=123, step="extract", file_key=None, error="no answer came"),),
)
_DEFINITION = StepDefinition(
    step_key="marker_parse",
    unique_name="parse",
    settings={"max_pages": 3},
    depends_on=[],
    version="1",
)
_TIMED_OUT = WaitTimeoutError(
    kind="execution", job_id=124, snapshot=EXECUTION, stage="COMPLETED", timeout=60, elapsed=60.5
)
_TOTALS = Totals(
    queued=1, running=2, succeeded=3, failed=4, requests=50, requests_left=150, eta_seconds=12.5
)
_CHANGE = Change(
    job="execution 123",
    sequence=1,
    kind="file",
    step="parse",
    file_key="987",
    before=Status.IN_PROGRESS,
    after=Status.COMPLETED,
    snapshot=EXECUTION,
)
_FILE = File(
    id=4,
    reference="datalab://file-npl94jxy",
    filename="a.pdf",
    content_type="application/pdf",
    size=9,
    status="completed",
    created_at=NOON,
)
_RESULT = RunResult(
    source="a.pdf",
    folder=Path("out/a"),
    position=1,
    execution_id=123,
    status=Status.COMPLETED,
    manifest=_MANIFEST,
)
_NOT_DONE = RunResult(
    source="b.pdf", folder=Path("out/b"), error=_TIMED_OUT, reason="it takes too long"
)

_SAVED_FILE = SavedFile(path="a.png", bytes=2, sha256="0123456789abcdef" * 4, image="../a.png")
_ANSWER: Any = {"total": 5, "total_citations": ["/page/0/Text/1"], "total_score": 4}

_VALUES: list[object] = [
    DocumentResult(id="other/a", raw={"status": "complete"}, observed_at=NOON),
    Conversion(
        id="convert/Qm3xT0yLr8sWb2ZkVf6NcA",
        task=Convert(mode="accurate"),
        source="a.pdf",
        source_sha256="0123456789abcdef" * 4,
        observed_at=NOON,
        raw={"markdown": "# A", "images": {"a.png": "iVBORw0KGgo="}, "page_count": 3},
    ),
    Extraction[Any](id="extract/a", raw={"extraction_schema_json": _ANSWER}),
    ExtractedField(path="items[0].amount", value=[5], citations=("/page/0",), score=4.5),
    ExtractionIssue(place="items[0].amount", message="must be a number"),
    Segmentation(id="segment/a", raw={"segmentation_results": {"segments": []}}),
    DocumentSegment(name="Invoice", pages=(0, 1), confidence="high"),
    FilledForm(id="fill/a", raw={"output_base64": "JVBERg=="}),
    CreatedDocument(id="create-document/a", raw={"output_base64": "UEs="}),
    AgentResult(id="agent/a", raw={"status": "complete"}),
    SchemaSuggestions(id="marker/extraction/gen_schemas/a", raw={"suggestions": {}}),
    _SAVED_FILE,
    SavedResult(
        id="convert/a",
        source="a.pdf",
        task={"task": "convert"},
        page_count=3,
        cost_cents=1.5,
        saved_at=NOON,
        files=(_SAVED_FILE,),
        missing=("html",),
    ),
    Status.COMPLETED,
    Status("PAUSED"),
    EXECUTION,
    EXECUTION.steps,
    EXECUTION.steps["parse"],
    _RUN,
    Output(execution_id=123, step="parse", file_key="987", url=_URL, status=Status.COMPLETED),
    Failure(step="parse", file_key="987", error="no pages", error_stage="VALIDATION"),
    StepProgress(finished=1, total=3),
    _CHANGE,
    Outcome(id=123, snapshot=EXECUTION),
    Outcome(id=124, error=_TIMED_OUT),
    _TOTALS,
    Update(totals=_TOTALS, change=_CHANGE),
    _FILE,
    FileLink(file_id=4, filename="a.pdf", url=_URL, expires_in=3_600),
    Progress(name="a.pdf", bytes_done=250, bytes_total=1_000, rate=125.0),
    UploadOutcome(source="a.pdf", file=_FILE),
    _SAVED,
    _MANIFEST.failed[0],
    _MANIFEST,
    _RESULT,
    RunReport(workflow_id=456, folder=Path("out"), results=(_NOT_DONE, _RESULT)),
    Span(started_at=NOON, ended_at=NOON + timedelta(seconds=1), is_open=True),
    EXECUTION.timeline({"extract": ["parse"]}),
    StepType(
        step_key="marker_parse",
        name="Parse",
        version="1",
        description="Parses.",
        settings_schema={"type": "object"},
    ),
    Convert(mode="fast", page_range="0-2", output_format="markdown,html", extra={"new": [1]}),
    Extract({"properties": {"total": {"type": "number"}}}, max_pages=3),
    Segment({"Invoice": "a bill"}),
    Fill({"name": "Jane"}, confidence_threshold=0.5),
    TrackChanges(paginate=True),
    CreateDocument("# Report"),
    RunAgent("cp_abc123"),
    SuggestSchemas(processing_location="eu"),
    CheckpointSource("abc"),
    SchemaIssue(place="lines[].tax", message="is missing"),
    WorkflowStep(
        unique_name="parse",
        step_key="marker_parse",
        settings={"max_pages": 3},
        depends_on=("split",),
    ),
    Workflow(
        id=456,
        name="Invoices",
        team_id=7,
        steps=(WorkflowStep(unique_name="parse"),),
        created_at=NOON,
        updated_at=NOON,
        raw={"id": 456},
    ),
    _DEFINITION,
    WorkflowDefinition(name="Invoices", steps=[_DEFINITION], description="for tests"),
    InputConfig.coerce(["https://a.example/1.pdf"]),
    WaitPolicy(timeout=600, max_interval=20),
    WaitPolicy(timeout=float("inf")),
    DriftReport(counts={Drift(kind="field", where="execution", name="colour"): 2}, dropped=1),
    *errors(),
]


def travellers() -> dict[str, Any]:
    """Give a value of every kind, by names that stay the same."""
    named: dict[str, object] = {}
    for value in _VALUES:
        kind = type(value).__name__
        same = sum(name.partition(" ")[0] == kind for name in named)
        named[f"{kind} {same + 1}" if same else kind] = value
    return named


def plain(value: object) -> object:
    """Take a value apart, so that errors inside of it compare by what they hold."""
    if isinstance(value, DatalabError):
        return type(value), value.args, plain(vars(value))
    kind = type(value)
    if attrs.has(kind):
        return kind, {field.name: plain(getattr(value, field.name)) for field in attrs.fields(kind)}
    if isinstance(value, Steps):
        return Steps, [plain(step) for step in value.values()]
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value), [plain(inner) for inner in value]
    return type(value), value
