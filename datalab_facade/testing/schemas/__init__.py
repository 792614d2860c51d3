"""JSON Schemas of the answers that Datalab's own OpenAPI document leaves untyped.

Written from Datalab's documentation and from what its official client reads. They
are open as the API is: other fields and other words may come. The words that are
known stand in ``x-extensible-enum``.

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
"""What :func:`load` takes: an operation, and where it has two shapes, which.

``"refusal"`` is the body of every error but 422, which the OpenAPI document types.
"""


def load(name: str) -> dict[str, JSON]:
    """Give one JSON Schema (2020-12), anew every time.

    Raises:
        ValueError: There is no schema of that name.
    """
    if name not in NAMES:
        message = f"there is no schema {name!r}; there are: {', '.join(NAMES)}"
        raise ValueError(message)
    text = files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    return cast("dict[str, JSON]", json.loads(text))
