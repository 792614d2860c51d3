"""Measure in a process of its own, so that nothing that ran before has an effect.

``python -m benchmarks.apart MODULE FUNCTION ARGUMENTS`` calls a function, or awaits it,
and prints its result as JSON; :func:`apart` starts that and returns the result.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import subprocess
import sys
from typing import Any


def apart(module: str, function: str, /, **arguments: object) -> Any:  # noqa: ANN401 - JSON
    """Call a function in a process of its own, and give what it returned.

    Raises:
        RuntimeError: It failed.
    """
    return apart_in(sys.executable, module, function, **arguments)


def apart_in(python: str, module: str, function: str, /, **arguments: object) -> Any:  # noqa: ANN401 - JSON
    """Call a function in a process of another interpreter, and give what it returned.

    Raises:
        RuntimeError: It failed.
    """
    command = [python, *started_apart(module, function, **arguments)[1:]]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"{module}.{function}({arguments}) failed:\n{ended.stderr}")
    return json.loads(ended.stdout)


def started_apart(module: str, function: str, /, **arguments: object) -> list[str]:
    """Give the command that calls a function in a process of its own."""
    return [sys.executable, "-m", __name__, module, function, json.dumps(arguments)]


def _main() -> None:
    module, function, arguments = sys.argv[1:]
    call = getattr(importlib.import_module(module), function)
    given = json.loads(arguments)
    result = asyncio.run(call(**given)) if asyncio.iscoroutinefunction(call) else call(**given)
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    _main()
