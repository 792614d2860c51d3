"""Lets Datalab's own client do all that it can do with documents.

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
    """Convert, extract, segment, fill, track changes, create; then meet what goes wrong."""
    models = sdk("datalab_sdk.models")
    every = models.ConvertOptions(
        output_format="markdown,html,json,chunks",
        save_checkpoint=True,
        paginate=True,
        additional_config={"keep_pageheader_in_output": True},
        extras="extract_links",
        skip_cache=True,
    )
    saved = file.parent / "out" / "converted"
    converted = call("convert", str(file), options=every, save_output=str(saved), poll_interval=0)
    seen: dict[str, Any] = {
        "convert": shown(converted),
        "saved": {path.name: path.read_bytes().hex() for path in saved.parent.iterdir()},
    }
    by_url = call("convert", file_url="https://files.example/a.pdf", poll_interval=0)
    seen["by_url"] = shown(by_url)

    extract = models.ExtractOptions(
        page_schema=json.dumps(SCHEMA), checkpoint_id=converted.checkpoint_id
    )
    seen["extract"] = shown(call("extract", options=extract, poll_interval=0))
    saved_schema = models.ExtractOptions(schema_id="sch_1", schema_version=2)
    seen["by_schema_id"] = shown(call("extract", str(file), options=saved_schema, poll_interval=0))
    segments = models.SegmentOptions(
        segmentation_schema=json.dumps({"segments": [{"name": "A", "description": "first"}]})
    )
    seen["segment"] = shown(call("segment", str(file), options=segments, poll_interval=0))
    fill = models.FormFillingOptions(
        field_data={"name": {"value": "Jane", "description": "Name"}}, context="A test"
    )
    filled = call("fill", str(file), options=fill, poll_interval=0)
    filled.save_output(file.parent / "filled")
    seen["fill"] = shown(filled)
    seen["track_changes"] = shown(call("track_changes", str(file), poll_interval=0))
    created = call("create_document", "# New\n\n<ins>text</ins>", poll_interval=0)
    created.save_output(file.parent / "created")
    seen["create"] = shown(created)

    streamed = file.parent / "streamed.json"
    call("convert", str(file), stream_response_to=streamed, poll_interval=0)
    seen["streamed"] = json.loads(streamed.read_text())

    seen["failed"] = shown(call("convert", str(file), poll_interval=0))
    seen["raised"] = raised(call, "convert", str(file), poll_interval=0)
    bad = models.ExtractOptions(page_schema='{"type": "object"}')
    seen["refused"] = refused(call, "extract", str(file), options=bad)
    seen["late"] = raised(call, "convert", str(file), poll_interval=0, max_polls=2)
    return seen


def shown(result: Any) -> dict[str, Any]:
    """Give the fields of a result."""
    return dict(vars(result))


def raised(call: Call, *asked: Any, **named: Any) -> list[str]:
    """Give the name and the words of an error."""
    try:
        call(*asked, **named)
    except sdk("datalab_sdk.exceptions").DatalabError as error:
        return [type(error).__name__, str(error)]
    return []


def main() -> None:
    """Tell the story of one kind of client."""
    given = json.load(sys.stdin)
    with asyncio.Runner() as runner:
        call = caller(given["kind"], given["url"], given["key"], runner)
        seen = story(call, Path(given["file"]))
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
