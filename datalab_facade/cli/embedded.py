"""The embedded Datalab: the simulator as a server, for commands."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from datalab_facade.clock import Clock
from datalab_facade.errors import ConfigurationError

if TYPE_CHECKING:
    from datalab_facade.testing.server import SimulatorServer


def make_embedded_server(
    clock: Clock | None = None, host: str = "127.0.0.1", port: int = 0
) -> SimulatorServer:
    """Make an embedded Datalab with a control API; the caller starts it.

    Args:
        clock: The clock of the simulator; by default the system clock.
        host: The address to listen on.
        port: The port of the API; 0 stands for any that is free.

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
    return SimulatorServer(Simulator(clock), host, port, control=True)


@contextlib.contextmanager
def listening(server: SimulatorServer) -> Iterator[SimulatorServer]:
    """Start a server, and stop it at the end.

    Raises:
        ConfigurationError: It cannot listen on its address and port.
    """
    try:
        server.start()
    except OSError as error:
        raise ConfigurationError(f"Cannot listen there: {error.strerror or error}") from error
    try:
        yield server
    finally:
        server.stop()
