"""Lets Datalab's own client do all that it can do with files and workflows.

A program of its own, because the client warns of itself and its import is heavy.
Told as JSON on its standard input where to go; tells as JSON what it saw.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[..., Any]


def sdk(name: str = "datalab_sdk") -> Any:
    """Give a module of the client, which brings no types. Collecting tests must not import it."""
    return importlib.import_module(name)


def story(call: Call, files: list[str], failing: int) -> dict[str, Any]:
    """Create, upload, execute, poll, download; then meet what goes wrong."""
    models = sdk("datalab_sdk.models")
    seen: dict[str, Any] = {"step_types": call("get_step_types")}
    steps = [
        models.WorkflowStep("parse", {"max_pages": 10}, step_key="marker_parse"),
        models.WorkflowStep(
            "extract",
            {"page_schema": {"total": {"type": "number"}}},
            step_key="marker_extract",
            depends_on=["parse"],
        ),
    ]
    workflow = call("create_workflow", "Invoices", steps)
    same = call("get_workflow", workflow.id)
    seen["workflow"] = same.to_dict()
    seen["listed"] = [one.id for one in call("list_workflows")]

    uploaded = call("upload_files", files)
    known = call("get_file_metadata", uploaded[0].file_id)
    seen["file"] = [known.original_filename, known.upload_status, known.file_size]
    seen["file_by_hashid"] = call(
        "get_file_metadata", known.reference.removeprefix("datalab://file-")
    ).file_id
    page = call("list_files", limit=1)
    seen["page"] = [[one.file_id for one in page["files"]], page["total"]]
    seen["download"] = call("get_file_download_url", uploaded[0].file_id, expires_in=600)

    config = models.InputConfig(file_urls=[one.reference for one in uploaded])
    execution = call("execute_workflow", workflow.id, config)
    seen["started"] = [execution.id, execution.status, execution.success]
    early = call("get_execution_status", execution.id)
    seen["early"] = [early.status, early.success, early.error]
    done = call(
        "get_execution_status", execution.id, max_polls=50, poll_interval=0, download_results=True
    )
    seen["done"] = [done.id, done.workflow_id, done.status, done.success, done.error]
    seen["steps"] = done.steps
    done.save_output(Path(files[0]).with_name("saved"))

    failed = call("get_execution_status", failing, max_polls=50, poll_interval=0)
    seen["failed"] = [failed.status, failed.success, failed.error]
    seen["refused"] = {
        "execution": refused(call, "get_execution_status", 999),
        "workflow": refused(call, "get_workflow", 999),
        "step type": refused(call, "create_workflow", "x", [models.WorkflowStep("x", {}, "x")]),
        "file": refused(call, "get_file_metadata", 999),
        "executed": refused(call, "delete_workflow", workflow.id),
    }
    spare = call("create_workflow", "Spare", steps[:1])
    seen["deleted"] = [call("delete_workflow", spare.id), call("delete_file", uploaded[1].file_id)]
    return seen


def refused(call: Call, *asked: Any, **named: Any) -> int | None:
    """Give the status of a refusal; the client loses its words."""
    try:
        call(*asked, **named)
    except sdk("datalab_sdk.exceptions").DatalabAPIError as error:
        status: int = error.status_code
        return status
    return None


def caller(kind: str, url: str, key: str, runner: asyncio.Runner) -> Call:
    """Give what calls a method of a client by its name."""
    if kind == "sync":
        blocking = sdk().DatalabClient(key, url, timeout=20)
        return lambda name, *args, **named: getattr(blocking, name)(*args, **named)
    client = sdk().AsyncDatalabClient(key, url, timeout=20)

    async def call(name: str, *args: Any, **named: Any) -> Any:
        async with client:
            return await getattr(client, name)(*args, **named)

    return lambda *args, **named: runner.run(call(*args, **named))


def main() -> None:
    """Tell the story of one kind of client."""
    told = json.load(sys.stdin)
    with asyncio.Runner() as runner:
        stranger = caller(told["kind"], told["url"], "another", runner)
        seen: dict[str, Any] = {
            "stranger": refused(stranger, "get_execution_status", told["failing"])
        }
        call = caller(told["kind"], told["url"], told["key"], runner)
        seen |= story(call, told["files"], told["failing"])
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
