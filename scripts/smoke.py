"""What an installed wheel has to do on every Python, without anything but what it depends on.

Run by ``scripts/packing.py smoke``, with the Python of an environment that has no sources.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import datalab_api_client

import datalab_facade
from datalab_facade import Datalab
from datalab_facade.models import JSON
from datalab_facade.testing import ExecutionScript, Simulator, StepScript, VirtualClock, connect

_SCHEMA: dict[str, JSON] = {"type": "object", "properties": {"title": {"type": "string"}}}


def main() -> None:
    """Convert, extract and run a workflow on the embedded Datalab, and save what comes of it."""
    for package in (datalab_facade, datalab_api_client):
        home = Path(package.__file__ or "")
        assert home.is_relative_to(sys.prefix), f"{home} is not the wheel's"
    assert version("datalab-facade") == datalab_facade.__version__
    simulator = Simulator(VirtualClock())
    with connect(simulator) as client:
        _documents(client)
        _workflow(client, simulator)
    python = "{}.{}.{}".format(*sys.version_info)
    print(f"datalab-facade {datalab_facade.__version__} works on Python {python}.")


def _documents(client: Datalab) -> None:
    conversion = client.documents.convert(b"%PDF-1.7", name="report.pdf")
    assert conversion.markdown
    assert all(path.is_file() for path in client.documents.save(conversion, "converted").paths)
    assert "title" in client.documents.extract(b"%PDF-1.7", _SCHEMA, name="report.pdf").data


def _workflow(client: Datalab, simulator: Simulator) -> None:
    script = ExecutionScript([StepScript("parse", ends=3600, output={"total": 12.5})])
    execution = client.executions.result(simulator.start(script))
    [output] = execution.outputs
    assert client.outputs.read_json(output) == {"total": 12.5}
    assert client.outputs.save_all(execution, "saved").is_complete


if __name__ == "__main__":
    main()
