"""What a command would send, for ``--dry-run``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datalab_facade.arguments import is_file
from datalab_facade.cli.exits import ExitCode
from datalab_facade.cli.rendering.conversions import plan_text
from datalab_facade.cli.sessions import Session
from datalab_facade.documents.task_base import Task
from datalab_facade.json_forms import JSON
from datalab_facade.redaction import redact_urls


def show_plan(
    session: Session, task: Task[Any], sources: Sequence[str], rate: float | None
) -> ExitCode:
    """Show what would be sent; nothing is.

    Args:
        session: Where to write.
        task: What would be done.
        sources: The documents.
        rate: Cents for 1,000 pages; None if that is not known.
    """
    plan: dict[str, JSON] = {
        "event": "plan",
        "endpoint": task.endpoint,
        "task": task.redacted(),
        "sources": [{"source": redact_urls(one), "bytes": _size(one)} for one in sources],
        "cents_per_1000_pages": rate,
    }
    if session.as_json:
        session.out.write_json(plan, indented=False)
    else:
        session.out.write(plan_text(plan, session.out.for_tables))
    return ExitCode.DONE


def _size(source: str) -> int | None:
    return Path(source).stat().st_size if "://" not in source and is_file(source) else None
