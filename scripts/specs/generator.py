"""Runs the generator in a process of its own, and tells its errors as JSON.

The errors have no addresses of objects and no tracebacks in them, as its command line would print.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType


def main(arguments: Sequence[str]) -> None:
    """Generate from a document, by a configuration, into a folder; then print the errors."""
    source, configuration, goal = map(Path, arguments)
    config = Config.from_sources(
        ConfigFile.load_from_path(configuration),
        MetaType.NONE,
        source,
        file_encoding="utf-8",
        overwrite=False,
        output_path=goal,
    )
    told = sys.stdout
    sys.stdout = sys.stderr
    try:
        errors = [_record(error) for error in generate(config=config)]
    except OSError as error:
        sys.exit(f"{error.strerror}: {error.filename}")
    except Exception as error:  # noqa: BLE001 - whatever it stumbles over
        errors = [{"header": "", "detail": f"{type(error).__name__}: {error}", "data": ""}]
    print(json.dumps(errors), file=told)


def _record(error: Any) -> dict[str, str]:  # noqa: ANN401
    data = getattr(error, "data", None)
    shown = "" if data is None else data.model_dump_json(exclude_unset=True, by_alias=True)
    return {"header": error.header or "", "detail": error.detail or "", "data": shown}


if __name__ == "__main__":
    main(sys.argv[1:])
