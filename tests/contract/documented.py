"""Answers and operations as the published pages show them.

``pages/`` holds the page of Datalab's documentation that the project began from.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

EXECUTION_PATH = "/api/v1/workflows/executions/{execution_id}"

_PAGE = (Path(__file__).parent / "pages" / "get-execution-status.md").read_text()


def documented_body(status: str) -> str:
    """Give the example answer of the page, letter for letter, with one of its statuses.

    The page writes the statuses as alternatives, which JSON does not know.
    """
    example = _PAGE[_PAGE.index("Response:\n{") + len("Response:\n") : _PAGE.index("## OpenAPI")]
    alternatives = re.search(r'"status": ("[A-Z_]+"(?: \| "[A-Z_]+")+)', example)
    assert alternatives is not None
    assert f'"{status}"' in alternatives[1]
    return example.strip().replace(alternatives[1], f'"{status}"', 1)


def published_document() -> dict[str, Any]:
    """Give the OpenAPI block of the page."""
    block = re.search(r"````yaml [^\n]*\n(.*?)\n````", _PAGE, flags=re.DOTALL)
    assert block is not None
    document: dict[str, Any] = yaml.safe_load(block[1])
    return document


# Composed of the fields that the official client reads; no real answer was seen.
NESTED: dict[str, Any] = {
    "execution_id": 123,
    "workflow_id": 456,
    "status": "COMPLETED",
    "created": "2025-10-22T10:00:00",
    "updated": "2025-10-22T10:05:00",
    "steps": {
        "parse": {
            "987": {
                "id": 1,
                "status": "COMPLETED",
                "started_at": "2025-10-22T10:00:00",
                "finished_at": "2025-10-22T10:02:00",
                "output_url": "https://storage.example/parse.json",
            }
        },
        "post_to_slack": {
            "aggregated": {
                "id": 2,
                "status": "COMPLETED",
                "file_ids": ["987"],
                "output_url": "https://storage.example/post.json",
            }
        },
    },
}
