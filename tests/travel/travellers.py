"""A value of every kind that travels, and how to tell that it arrived whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs

from datalab_facade import (
    Change,
    DatalabError,
    DriftReport,
    Execution,
    Failure,
    File,
    FileLink,
    FileTransfer,
    InputConfig,
    Manifest,
    MissedOutput,
    Outcome,
    Output,
    Progress,
    RunReport,
    RunResult,
    SavedOutput,
    Span,
    Status,
    Step,
    StepDefinition,
    StepRun,
    Steps,
    StepType,
    Totals,
    Update,
    UploadOutcome,
    WaitPolicy,
    WaitTimedOut,
    Workflow,
    WorkflowDefinition,
    WorkflowStep,
)
from datalab_facade.drift import Drift
from tests.test_errors import examples as errors

NOON = datetime(2025, 10, 22, 12, tzinfo=UTC)
_URL = "https://storage.example/out.json?X-Amz-Expires=60"

_RUN = StepRun(
    "987",
    Status.COMPLETED,
    id=5,
    started_at=NOON,
    finished_at=NOON + timedelta(seconds=60),
    output_url=_URL,
    total_pages=3,
    file_ids=("npl94jxy",),
    zone_assumed=True,
    extra={"new": [1, None]},
)
_FAILED_RUN = StepRun(None, Status.FAILED, error="no pages", error_in="VALIDATION", success=False)
EXECUTION = Execution(
    id=123,
    status=Status.COMPLETED,
    workflow_id=456,
    created=NOON,
    updated=NOON + timedelta(seconds=90),
    steps=Steps([Step("parse", (_RUN,)), Step("extract", (_FAILED_RUN,))]),
    error="one file failed",
    success=True,
    external_workflow_id="wf-1",
    observed_at=NOON + timedelta(seconds=91),
    raw={"status": "COMPLETED", "steps": {}},
)
_SAVED = SavedOutput(
    123, "parse", "987", "parse/987.json", 2_048, "0123456789abcdef" * 4, NOON, Status.COMPLETED
)
_MANIFEST = Manifest(
    123, Status.COMPLETED, (_SAVED,), (MissedOutput(123, "extract", None, "no answer came"),)
)
_DEFINITION = StepDefinition("marker_parse", "parse", {"max_pages": 3}, [], "1")
_TIMED_OUT = WaitTimedOut(124, execution=EXECUTION, timeout=60, elapsed=60.5)
_TOTALS = Totals(1, 2, 3, 4, requests=50, budget_left=150, seconds_to_go=12.5)
_CHANGE = Change(1, "file", "parse", "987", Status.IN_PROGRESS, Status.COMPLETED, EXECUTION)
_FILE = File(4, "datalab://file-npl94jxy", "a.pdf", "application/pdf", 9, "completed", NOON)
_RESULT = RunResult(
    "a.pdf",
    Path("out/a"),
    position=1,
    execution_id=123,
    status=Status.COMPLETED,
    manifest=_MANIFEST,
)
_NOT_DONE = RunResult("b.pdf", Path("out/b"), error=_TIMED_OUT, reason="it takes too long")

_VALUES: list[object] = [
    Status.COMPLETED,
    Status("PAUSED"),
    EXECUTION,
    EXECUTION.steps,
    EXECUTION.steps["parse"],
    _RUN,
    Output(123, "parse", "987", _URL, Status.COMPLETED),
    Failure("parse", "987", "no pages", "VALIDATION"),
    Progress(1, 3),
    _CHANGE,
    Outcome(123, EXECUTION),
    Outcome(124, error=_TIMED_OUT),
    _TOTALS,
    Update(_TOTALS, change=_CHANGE),
    _FILE,
    FileLink(4, "a.pdf", _URL, 3_600),
    FileTransfer("a.pdf", 250, 1_000, 125.0),
    UploadOutcome("a.pdf", _FILE),
    _SAVED,
    _MANIFEST.missed[0],
    _MANIFEST,
    _RESULT,
    RunReport(456, Path("out"), (_NOT_DONE, _RESULT)),
    Span(NOON, NOON + timedelta(seconds=1), is_open=True),
    EXECUTION.timeline({"extract": ["parse"]}),
    StepType("marker_parse", "Parse", "1", "Parses.", {"type": "object"}),
    WorkflowStep("parse", "marker_parse", {"max_pages": 3}, ("split",)),
    Workflow(456, "Invoices", 7, (WorkflowStep("parse"),), NOON, NOON, raw={"id": 456}),
    _DEFINITION,
    WorkflowDefinition("Invoices", [_DEFINITION], "for tests"),
    InputConfig.of(["https://a.example/1.pdf"]),
    WaitPolicy(timeout=600, max_interval=20),
    WaitPolicy(timeout=float("inf")),
    DriftReport({Drift("field", "execution", "colour"): 2}, dropped=1),
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
