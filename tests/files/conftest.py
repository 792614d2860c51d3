"""A Datalab whose storage takes what it likes, and both kinds of client for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from datalab_facade.testing import Simulator, SimulatorServer
from tests.files.slow_taker import Arrival, SlowTaker
from tests.in_process import new_simulator
from tests.outputs.conftest import Side
from tests.secrets_for_tests import API_KEY
from tests.ways import Way


@pytest.fixture
def simulator() -> Simulator:
    """Give a Datalab on a clock of its own."""
    return new_simulator()


@pytest.fixture
def taker() -> Iterator[SlowTaker]:
    """Give a storage over sockets that does what a test says."""
    with SlowTaker() as taker:
        yield taker


@pytest.fixture
def real(taker: SlowTaker) -> Iterator[SimulatorServer]:
    """Serve an API whose upload URLs lead to that storage."""
    simulator = Simulator(api_key=API_KEY)

    def store(arrival: Arrival) -> None:
        hashid = arrival.target.split("/")[3]
        [file_id] = [number for number, file in simulator.files.items() if file.hashid == hashid]
        # That it came is enough here; what came is not kept.
        simulator.files.store(file_id, b"?")

    taker.on_stored = store
    with SimulatorServer(simulator) as server:
        simulator.storage_origin = taker.origin
        yield server


@pytest.fixture
def side(real: SimulatorServer, way: Way) -> Side:
    """Give one way to use files over sockets."""
    return Side(way, real.api_url)


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """Give a document of some 3 MB."""
    path = tmp_path / "report.pdf"
    path.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 12_000)
    return path
