"""Compute the body of the status endpoint from an execution's script and age. No side effects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TypeAlias

import attrs

from datalab_facade.testing.jsonvalue import JSON, json_bytes
from datalab_facade.testing.scripts import SAMPLE, ExecutionScript, RunScript, StepScript

OutputUrl: TypeAlias = Callable[[str, str], str]
"""Signs a fresh URL of an output, from a step name and a file key."""


@attrs.frozen
class StoredOutput:
    """An output as it is stored."""

    body: bytes
    content_type: str
    age: float
    """Seconds between the creation of the execution and of this output."""


def render(
    script: ExecutionScript, execution_id: int, created: datetime, age: float, url_of: OutputUrl
) -> dict[str, JSON]:
    """Render the body of the status endpoint ``age`` seconds after the creation."""
    page = _Page(script, execution_id, created, age, url_of)
    body: dict[str, JSON] = {
        "execution_id": execution_id,
        "workflow_id": script.workflow_id,
        "status": execution_status(script, age),
        "created": page.time(0.0),
        "updated": page.time(max(at for at in _changes(script) if at <= age)),
        "steps": page.flat_steps() if script.shape == "flat" else page.nested_steps(),
    }
    if script.error is not None and is_failure(execution_status(script, age)):
        body["error"] = script.error
    return body | dict(script.extra)


def execution_status(script: ExecutionScript, age: float) -> str:
    """Return the ``status`` at an age."""
    if script.status is not None:
        reached = [status for at, status in script.status if at <= age]
        return reached[-1] if reached else script.status[0][1]
    if age < script.queued:
        return "QUEUED"
    end = ends_at(script)
    if end is None or age < end:
        return "IN_PROGRESS"
    failed = any(is_failure(run.outcome) for step in script.steps for run in step.each_run())
    return "FAILED" if failed else "COMPLETED"


def ends_at(script: ExecutionScript) -> float | None:
    """Return the age at which the execution ends; ``None``: never."""
    if script.status is not None:
        return script.status[-1][0]
    last = script.queued
    for step in script.steps:
        for run in step.each_run():
            end = _end(run, script)
            if end is None:
                return None
            last = max(last, end)
    return last


def stored_output(
    script: ExecutionScript, step_name: str, file_key: str, age: float
) -> StoredOutput | None:
    """Return the stored output of one run at an age; ``None``: there is none at that age."""
    for step in script.steps:
        for run in step.each_run():
            if (step.name, run.file_key) == (step_name, file_key):
                end = _end(run, script)
                if end is None or age < end or _is_deleted(script, age - end):
                    return None
                return _output(step, run, end)
    return None


def _is_deleted(script: ExecutionScript, since_end: float) -> bool:
    return script.outputs_kept_for is not None and since_end >= script.outputs_kept_for


def is_failure(status: str) -> bool:
    """Return whether a status means failure, in any letter case."""
    return status.upper() == "FAILED"


@attrs.frozen
class _Page:
    """One rendering of a body, with what all its parts need."""

    script: ExecutionScript
    execution_id: int
    created: datetime
    age: float
    url_of: OutputUrl

    def flat_steps(self) -> dict[str, JSON]:
        """Render one entry for each step, as documented."""
        return {step.name: self._flat(step) for step in self.script.steps}

    def nested_steps(self) -> dict[str, JSON]:
        """Render one entry for each file of each step, as the official client reads it."""
        steps: dict[str, JSON] = {}
        number = 0
        for step in self.script.steps:
            files: dict[str, JSON] = {}
            for run in step.each_run():
                number += 1
                files[run.file_key] = self._nested(step, run, number)
            steps[step.name] = files
        return steps

    def time(self, at: float) -> str:
        """Format a time as the API does: whole seconds, by default UTC without an offset."""
        zone = self.script.zone
        moment = (self.created + timedelta(seconds=at)).replace(microsecond=0)
        if zone not in ("", "Z"):
            return moment.astimezone(
                datetime.fromisoformat(f"2000-01-01T00:00{zone}").tzinfo
            ).isoformat()
        return moment.replace(tzinfo=None).isoformat() + zone

    def _flat(self, step: StepScript) -> dict[str, JSON]:
        runs = step.each_run()
        entry: dict[str, JSON] = {"status": "PENDING"}
        if runs:
            start = min(_start(run, self.script) for run in runs)
            ends = [self._end_if_reached(run) for run in runs]
            finished = [end for end in ends if end is not None]
            if self.age >= start:
                entry = {"status": "IN_PROGRESS", "started_at": self.time(start)}
            if len(finished) == len(runs):
                failed = [run for run in runs if is_failure(run.outcome)]
                entry["status"] = (failed or runs)[0].outcome
                entry["completed_at"] = self.time(max(finished))
                entry |= self._first_result("output_url", step) | self._first_result("error", step)
        for run in runs[:1]:
            entry |= run.extra
        return entry | dict(step.extra)

    def _first_result(self, field: str, step: StepScript) -> dict[str, JSON]:
        for run in step.each_run():
            results = self._results(step, run)
            if field in results:
                return {field: results[field]}
        return {}

    def _nested(self, step: StepScript, run: RunScript, number: int) -> dict[str, JSON]:
        start, end = _start(run, self.script), self._end_if_reached(run)
        entry: dict[str, JSON] = {"id": self.execution_id * 1000 + number, "status": "PENDING"}
        if self.age >= start:
            entry |= {"status": "IN_PROGRESS", "started_at": self.time(start)}
        if end is not None:
            entry |= {"status": run.outcome, "finished_at": self.time(end)}
            entry |= self._results(step, run)
        if run.file_ids:
            entry["file_ids"] = list(run.file_ids)
        return entry | dict(run.extra) | dict(step.extra)

    def _results(self, step: StepScript, run: RunScript) -> dict[str, JSON]:
        results: dict[str, JSON] = {}
        if _has_output(run):
            results["output_url"] = self.url_of(step.name, run.file_key)
        if run.error is not None:
            results["error"] = run.error
        return results

    def _end_if_reached(self, run: RunScript) -> float | None:
        end = _end(run, self.script)
        return end if end is not None and self.age >= end else None


def _start(run: RunScript, script: ExecutionScript) -> float:
    return max(run.starts, script.queued)


def _end(run: RunScript, script: ExecutionScript) -> float | None:
    return None if run.ends is None else max(run.ends, _start(run, script))


def _changes(script: ExecutionScript) -> Iterator[float]:
    yield 0.0
    yield script.queued
    yield from (at for at, _ in script.status or ())
    for step in script.steps:
        for run in step.each_run():
            yield _start(run, script)
            end = _end(run, script)
            if end is not None:
                yield end


def _has_output(run: RunScript) -> bool:
    if run.output is SAMPLE:
        return not is_failure(run.outcome)
    return run.output is not None


def _output(step: StepScript, run: RunScript, age: float) -> StoredOutput | None:
    if not _has_output(run):
        return None
    if isinstance(run.output, bytes):
        return StoredOutput(run.output, run.content_type or "application/octet-stream", age)
    value: JSON = run.output if run.output is not SAMPLE else _sample(step, run)
    return StoredOutput(json_bytes(value), run.content_type or "application/json", age)


def _sample(step: StepScript, run: RunScript) -> JSON:
    return {"step": step.name, "file": run.file_key}
