"""Write what this version's values look like underway: ``python -m tests.pickling.write``.

Done once for each version, before it is released; what older versions wrote stays as
it is.
"""

from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path

from datalab_facade import AsyncDatalab, Datalab, __version__
from tests.pickling.samples import travellers

WRITTEN = Path(__file__).parent / "written"


def underway() -> dict[str, dict[str, object]]:
    """Give the pickle and, where there is one, the JSON form of each value."""
    handles = {
        "ExecutionHandle": Datalab(api_key="none").executions.handle(123),
        "AsyncExecutionHandle": AsyncDatalab(api_key="none").executions.handle(123),
    }
    told: dict[str, dict[str, object]] = {}
    for name, value in {**travellers(), **handles}.items():
        entry: dict[str, object] = {"pickle": base64.b64encode(pickle.dumps(value, 4)).decode()}
        if hasattr(value, "to_dict"):
            entry["json"] = value.to_dict()
        told[name] = entry
    return told


if __name__ == "__main__":
    text = json.dumps(underway(), indent=1) + "\n"
    (WRITTEN / f"{__version__}.json").write_text(text, encoding="utf-8")
