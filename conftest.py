"""Leaves out of a test run what needs packages that this environment has not."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

_ROOT = Path(__file__).parent
_PACKAGES = ("airflow", "dask", "distributed", "redis", "throttled")
_MISSING = {name for name in _PACKAGES if find_spec(name) is None}


def _needs_what_is_missing(path: Path) -> bool:
    try:
        import_module(".".join(path.relative_to(_ROOT).with_suffix("").parts))
    except ModuleNotFoundError as error:
        return (error.name or "").partition(".")[0] in _MISSING
    return False


# Airflow imports these, in processes of its own.
collect_ignore = ["tests/heavy/airflow_dags"]
if _MISSING:
    collect_ignore += [
        str(path.relative_to(_ROOT))
        for path in sorted(_ROOT.glob("datalab_facade/integrations/**/*.py"))
        if _needs_what_is_missing(path)
    ]
collect_ignore_glob = [] if find_spec("cloudpickle") else ["tests/heavy/test_*.py"]
