"""JSON Schemas of the answers that Datalab's own OpenAPI document leaves untyped.

They are based on Datalab's documentation and on the fields that its official client
reads. Like the API, they are open: an answer may have other fields and other words.
``x-extensible-enum`` lists the known words.

The schemas are the files beside this module, named after the operations:

>>> from datalab_facade.testing.schemas import NAMES, load
>>> NAMES
('delete_workflow', 'execute_workflow', 'get_execution_status.flat',
 'get_execution_status.nested', 'list_step_types', 'list_workflows', 'refusal')
>>> load("delete_workflow")["required"]
['success']
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Final, cast

from datalab_facade.testing.jsonvalue import JSON

NAMES: Final = (
    "delete_workflow",
    "execute_workflow",
    "get_execution_status.flat",
    "get_execution_status.nested",
    "list_step_types",
    "list_workflows",
    "refusal",
)
"""The names for :func:`load`: an operation, and its shape if it has two.

``"refusal"`` is the body of every error except 422, which the OpenAPI document types.
"""


def load(name: str) -> dict[str, JSON]:
    """Load a JSON Schema (2020-12); each call returns a new object.

    Raises:
        ValueError: there is no schema of that name.
    """
    if name not in NAMES:
        message = f"name must be one of {', '.join(NAMES)}, not {name!r}"
        raise ValueError(message)
    text = files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    return cast("dict[str, JSON]", json.loads(text))
