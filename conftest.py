"""Leaves out of a test run what needs packages that this environment has not."""

from __future__ import annotations

from importlib.util import find_spec

# Each integration, and the package that it integrates.
_NEEDS = {
    "airflow/hooks": "airflow",
    "airflow/operators": "airflow",
    "airflow/sensors": "airflow",
    "airflow/triggers": "airflow",
    "dask": "distributed",
    "dask_mapping": "distributed",
    "dask_tasks": "distributed",
    "dask_rate_limiter": "distributed",
    "redis_rate_limiter": "throttled",
}

# Airflow imports these, in processes of its own.
collect_ignore = ["tests/heavy/airflow_dags"]
collect_ignore_glob = [
    f"datalab_facade/integrations/{module}.py"
    for module, package in _NEEDS.items()
    if find_spec(package) is None
]
if find_spec("cloudpickle") is None:
    collect_ignore_glob.append("tests/heavy/test_*.py")
