"""Fixtures for tests against an embedded Datalab.

pytest imports this module at every start, also in projects that never use it. So it
stands outside the package and imports only pytest; the rest is imported when a test
requests a fixture. See :mod:`datalab_facade.testing.pytest_plugin`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datalab_facade import AsyncDatalab, Datalab
    from datalab_facade.clock import Clock
    from datalab_facade.testing import Simulator, SimulatorServer


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "datalab(*scripts, faults=(), client={}, seed=0, real_time=False, **options): "
        "executions and faults of datalab_simulator, and options of the clients and of the "
        "simulator.",
    )


@pytest.fixture
def datalab_clock(request: pytest.FixtureRequest) -> Clock:
    """The clock of the embedded Datalab and its clients: virtual, so an hour passes at once.

    It is real if the test uses ``datalab_server`` or its marker has ``real_time=True``.
    """
    from datalab_facade.testing import pytest_plugin

    return pytest_plugin.new_clock(request)


@pytest.fixture
def datalab_simulator(request: pytest.FixtureRequest, datalab_clock: Clock) -> Simulator:
    """A new embedded Datalab, with the executions and faults of the test's marker."""
    from datalab_facade.testing import pytest_plugin

    return pytest_plugin.new_simulator(request, datalab_clock)


@pytest.fixture
def datalab(request: pytest.FixtureRequest, datalab_simulator: Simulator) -> Iterator[Datalab]:
    """A blocking client of ``datalab_simulator``, in process and on its clock."""
    from datalab_facade.testing import pytest_plugin

    with pytest_plugin.new_client(request, datalab_simulator) as client:
        yield client


# Not an async fixture: that would need a plugin, and there is nothing to close.
@pytest.fixture
def async_datalab(request: pytest.FixtureRequest, datalab_simulator: Simulator) -> AsyncDatalab:
    """An async client of ``datalab_simulator``, in process and on its clock."""
    from datalab_facade.testing import pytest_plugin

    return pytest_plugin.new_async_client(request, datalab_simulator)


@pytest.fixture
def datalab_server(
    datalab_simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SimulatorServer]:
    """``datalab_simulator`` behind real sockets of this machine, during the test.

    ``DATALAB_HOST`` and ``DATALAB_API_KEY`` point to it meanwhile, so ``Datalab()`` in
    the code under test, or in a process that it starts, talks to it.
    """
    from datalab_facade.testing import pytest_plugin

    with pytest_plugin.serving(datalab_simulator, monkeypatch) as server:
        yield server
