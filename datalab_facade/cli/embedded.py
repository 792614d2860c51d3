"""The embedded Datalab, as commands use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.clock import Clock
from datalab_facade.errors import ConfigurationError

if TYPE_CHECKING:
    from datalab_facade.testing.server import SimulatorServer


def embedded(clock: Clock | None = None) -> SimulatorServer:
    """Make an embedded Datalab that takes orders; it is to be started.

    Args:
        clock: By which it lives; by default the machine's.

    Raises:
        ConfigurationError: What serves it is not installed.
    """
    from datalab_facade.testing.simulator import Simulator

    try:
        from datalab_facade.testing.server import SimulatorServer
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            "The embedded Datalab is not installed: pip install 'datalab-facade[testing]'"
        ) from missing
    return SimulatorServer(Simulator(clock), control=True)
