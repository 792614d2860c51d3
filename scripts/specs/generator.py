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
from openapi_python_client.parser import GeneratorData

CRASH = "crash"
"""What stands for the header of an error where the generator has raised one of its own."""


def main(arguments: Sequence[str]) -> None:
    """Generate from a document, by a configuration, into a folder; then print the errors.

    More documents may follow: where the generator raises, it is told of each whether it does.
    """
    source, configuration, goal, *others = map(Path, arguments)
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
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it stumbles over
        errors = [_crash(error, "")]
        errors += [found for other in others for found in _try(other, config)]
    print(json.dumps(errors), file=told)


def _try(source: Path, config: Config) -> list[dict[str, str]]:
    """What the generator raises for a document that has one operation alone."""
    try:
        document = json.loads(source.read_bytes())
        _ = GeneratorData.from_dict(document, config=config)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it stumbles over
        return [_crash(error, source.stem)]
    return []


def _crash(error: Exception, name: str) -> dict[str, str]:
    return {"header": CRASH, "detail": f"{type(error).__name__}: {error}", "data": name}


def _record(error: Any) -> dict[str, str]:  # noqa: ANN401
    data = getattr(error, "data", None)
    shown = "" if data is None else data.model_dump_json(exclude_unset=True, by_alias=True)
    return {"header": error.header or "", "detail": error.detail or "", "data": shown}


if __name__ == "__main__":
    main(sys.argv[1:])
