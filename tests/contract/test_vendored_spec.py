from __future__ import annotations

from typing import Any

from tests.contract.documented import EXECUTION_PATH, published_document


def test_the_status_operation_is_the_published_one(spec: dict[str, Any]) -> None:
    published = published_document()
    assert spec["paths"][EXECUTION_PATH]["get"] == published["paths"][EXECUTION_PATH]["get"]


def test_what_the_status_operation_needs_is_the_published_one(spec: dict[str, Any]) -> None:
    published = published_document()
    for part in ("openapi", "info", "servers", "security"):
        assert spec[part] == published[part]
    for kind, parts in published["components"].items():
        for name, part in parts.items():
            assert spec["components"][kind][name] == part


def test_no_operation_is_multipart(spec: dict[str, Any]) -> None:
    """The generated code for multipart bodies has a fixed boundary, which is not safe."""
    media_types = {
        media_type
        for item in spec["paths"].values()
        for operation in item.values()
        for media_type in operation.get("requestBody", {}).get("content", {})
    }
    assert media_types == {"application/json"}
