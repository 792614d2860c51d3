"""Fixtures for tests against an embedded Datalab.

pytest imports this module at every start, in projects that never use it, too. So it
stands outside the package and imports nothing but pytest: the rest comes when a
test asks for a fixture. See :mod:`datalab_facade.testing.pytest_plugin`.
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
    """Tell pytest about the marker."""
    config.addinivalue_line(
        "markers",
        "datalab(*scripts, faults=(), client={}, seed=0, real_time=False, **options): "
        "the executions that datalab_simulator begins with, what goes wrong, options of the "
        "clients and of the simulator.",
    )


@pytest.fixture
def datalab_clock(request: pytest.FixtureRequest) -> Clock:
    """The clock of the embedded Datalab and its clients: virtual, so an hour passes at once.

    Real when the test uses ``datalab_server``, or its marker says ``real_time=True``.
    """
    from datalab_facade.testing import pytest_plugin

    return pytest_plugin.new_clock(request)


@pytest.fixture
def datalab_simulator(request: pytest.FixtureRequest, datalab_clock: Clock) -> Simulator:
    """An embedded Datalab of the test's own, with the executions and faults of its marker."""
    from datalab_facade.testing import pytest_plugin

    return pytest_plugin.new_simulator(request, datalab_clock)


@pytest.fixture
def datalab(request: pytest.FixtureRequest, datalab_simulator: Simulator) -> Iterator[Datalab]:
    """A blocking client of ``datalab_simulator``, in process and on its clock."""
    from datalab_facade.testing import pytest_plugin

    with pytest_plugin.new_client(request, datalab_simulator) as client:
        yield client


# No async fixture: it would need a plugin to run it, and there is nothing to close.
@pytest.fixture
def async_datalab(request: pytest.FixtureRequest, datalab_simulator: Simulator) -> AsyncDatalab:
    """An async client of ``datalab_simulator``, in process and on its clock."""
    from datalab_facade.testing import pytest_plugin

    return pytest_plugin.new_async_client(request, datalab_simulator)


@pytest.fixture
def datalab_server(
    datalab_simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SimulatorServer]:
    """``datalab_simulator`` behind real sockets of this machine, for the length of the test.

    The environment's ``DATALAB_HOST`` and ``DATALAB_API_KEY`` lead to it meanwhile, so
    that ``Datalab()`` in the code under test, or in a process that it starts, talks to it.
    """
    from datalab_facade.testing import pytest_plugin

    with pytest_plugin.serving(datalab_simulator, monkeypatch) as server:
        yield server
