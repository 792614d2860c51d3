"""Lets Datalab's own client do all that it can do with pipelines and extraction schemas.

A program of its own, because the client warns of itself and its import is heavy.
It reads as JSON from its standard input where to go, and writes as JSON what it saw.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.faithful.official_story import Call, caller, refused, sdk

SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}


def story(call: Call, file: Path) -> dict[str, Any]:
    """Create, save, publish, run, poll, take a step's result, go back, archive."""
    models = sdk("datalab_sdk.models")
    steps = [
        models.PipelineProcessor(type="convert", settings={"mode": "balanced"}),
        models.PipelineProcessor(type="extract", settings={"page_schema": SCHEMA}),
    ]
    pipeline = call("create_pipeline", steps=steps)
    seen: dict[str, Any] = {"created": vars(pipeline)}
    name = pipeline.pipeline_id
    seen["saved"] = vars(call("save_pipeline", name, "Invoices"))
    seen["version"] = vars(call("create_pipeline_version", name, description="first"))
    seen["updated"] = vars(call("update_pipeline", name, steps=steps[:1]))
    seen["discarded"] = vars(call("discard_pipeline_draft", name, version=1))
    listed = call("list_pipelines")
    seen["listed"] = [[one.pipeline_id for one in listed["pipelines"]], listed["total"]]
    versions = call("list_pipeline_versions", name)["versions"]
    seen["versions"] = [one.version for one in versions]
    seen["rate"] = call("get_pipeline_rate", name)

    started = call("run_pipeline", name, file_path=str(file), page_range="0")
    seen["started"] = [started.status, started.pipeline_version]
    ended = call("get_pipeline_execution", started.execution_id, max_polls=50, poll_interval=0)
    seen["ended"] = [ended.status, [step.status for step in ended.steps]]
    seen["converted"] = call("get_step_result", ended.execution_id, 0)
    seen["extracted"] = call("get_step_result", ended.execution_id, 1)
    partly = call("run_pipeline", name, file_url="https://files.example/a.pdf", version=0)
    partly = call("get_pipeline_execution", partly.execution_id, max_polls=50, poll_interval=0)
    seen["partly"] = [partly.status, [step.error_message for step in partly.steps]]
    executions = call("list_pipeline_executions", name)
    seen["executions"] = [one.execution_id for one in executions["executions"]]

    call("archive_pipeline", name)
    seen["archived"] = call("list_pipelines")["total"]
    call("unarchive_pipeline", name)
    seen["unarchived"] = call("list_pipelines")["total"]

    schema = call("create_extraction_schema", "Invoice", SCHEMA, description="of 2026")
    seen["schema"] = vars(schema)
    changed = call("update_extraction_schema", schema.schema_id, "Bill", create_new_version=True)
    seen["changed"] = [changed.name, changed.version]
    seen["schemas"] = call("list_extraction_schemas")["total"]
    seen["fetched"] = call("get_extraction_schema", schema.schema_id).name
    seen["deleted"] = call("delete_extraction_schema", schema.schema_id).schema_id
    seen["refused"] = {
        "pipeline": refused(call, "get_pipeline", "pl_none"),
        "step": refused(call, "get_step_result", partly.execution_id, 1),
        "execution": refused(call, "get_pipeline_execution", "pex_none"),
        "schema": refused(call, "get_extraction_schema", schema.schema_id),
    }
    return seen


def main() -> None:
    """Tell the story of one kind of client."""
    given = json.load(sys.stdin)
    with asyncio.Runner() as runner:
        call = caller(given["kind"], given["url"], given["key"], runner)
        seen = story(call, Path(given["file"]))
    json.dump(seen, sys.stdout, default=vars)


if __name__ == "__main__":
    main()
