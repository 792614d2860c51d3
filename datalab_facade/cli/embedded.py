"""The embedded Datalab: the simulator as a server, for commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.clock import Clock
from datalab_facade.errors import ConfigurationError

if TYPE_CHECKING:
    from datalab_facade.testing.server import SimulatorServer


def make_embedded_server(clock: Clock | None = None) -> SimulatorServer:
    """Make an embedded Datalab with a control API; the caller starts it.

    Args:
        clock: The clock of the simulator; by default the system clock.

    Raises:
        ConfigurationError: The extra ``testing`` is not installed.
    """
    from datalab_facade.testing.simulator import Simulator

    try:
        from datalab_facade.testing.server import SimulatorServer
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            "The embedded Datalab is not installed: pip install 'datalab-facade[testing]'"
        ) from missing
    return SimulatorServer(Simulator(clock), control=True)
