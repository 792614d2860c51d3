"""What the pytest fixtures are made of, and the marker that says how.

The fixtures are there as soon as the package is installed::

    import pytest
    from datalab_facade.testing import ExecutionScript, Fault, StepScript

    @pytest.mark.datalab(ExecutionScript([StepScript("parse", ends=3600)]))
    def test_my_code_waits_an_hour(datalab, datalab_simulator):
        [execution_id] = datalab_simulator.execution_ids
        assert datalab.executions.wait(execution_id).succeeded

``datalab`` and ``async_datalab``
    clients of the embedded Datalab, in process.
``datalab_simulator``
    the Datalab itself: start executions, queue faults, look at the requests that came.
``datalab_clock``
    the clock that they share, a :class:`~datalab_facade.testing.VirtualClock`.
``datalab_server``
    the Datalab behind real sockets, for code that makes its own client; with it, time
    is real. Needs the extra ``datalab-facade[testing]``.

The marker ``@pytest.mark.datalab(*scripts, ...)`` takes, all by name but the scripts:

``scripts``
    executions that have begun when the test begins, in the order of their ids.
``faults``
    what goes wrong with the first requests to the API, one for each.
``client``
    options of the clients, a mapping.
``seed``
    of what spreads looks and tries out: the same on every run by default.
``real_time``
    whether time is the machine's.
all others
    options of :class:`~datalab_facade.testing.Simulator`, such as ``rate_limit``.

Markers of a class or module add up with the test's own, whose options go first.
Async tests may be run by pytest-asyncio, in either mode, or by anyio on asyncio.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Final, cast

import attrs
import pytest

from datalab_facade.clock import Clock, SystemClock
from datalab_facade.testing.faults import Fault
from datalab_facade.testing.scripts import ExecutionScript
from datalab_facade.testing.simulator import Simulator
from datalab_facade.testing.transports import ConnectOptions, connect, connect_async
from datalab_facade.testing.virtual import VirtualClock

if TYPE_CHECKING:
    from datalab_facade import AsyncDatalab, Datalab
    from datalab_facade.testing.server import SimulatorServer

MARKER: Final = "datalab"
_NOT_FOR_MARKERS: Final = frozenset({"self", "clock"})


@attrs.frozen
class Wishes:
    """What the markers of one test ask for."""

    scripts: tuple[ExecutionScript, ...]
    faults: tuple[Fault, ...]
    client: Mapping[str, object]
    seed: int
    real_time: bool
    simulator: Mapping[str, object]

    @classmethod
    def of(cls, request: pytest.FixtureRequest) -> Wishes:
        """Read the markers of the test that a fixture is made for.

        Raises:
            pytest.UsageError: a marker has something that it does not take.
        """
        node = cast("pytest.Item", request.node)
        markers = list(node.iter_markers(MARKER))[::-1]
        given: dict[str, object] = {}
        client: dict[str, object] = {}
        scripts: list[ExecutionScript] = []
        for marker in markers:
            given |= marker.kwargs
            client |= cast("Mapping[str, object]", marker.kwargs.get("client", {}))
            scripts += (_script(node, one) for one in marker.args)
        faults = tuple(cast("Iterable[object]", given.pop("faults", ())))
        if not all(isinstance(one, Fault) for one in faults):
            raise _wrong(node, f"faults are Fault values such as Fault.hang(), not {faults!r}")
        given.pop("client", None)
        seed = cast("int", given.pop("seed", 0))
        real_time = given.pop("real_time", "datalab_server" in request.fixturenames)
        possible = inspect.signature(Simulator).parameters.keys() - _NOT_FOR_MARKERS
        for name in given.keys() - possible:
            raise _wrong(node, f"there is no option {name!r}")
        return cls(
            tuple(scripts), cast("tuple[Fault, ...]", faults), client, seed, bool(real_time), given
        )


def _script(node: pytest.Item, one: object) -> ExecutionScript:
    if isinstance(one, ExecutionScript):
        return one
    raise _wrong(node, f"a script is an ExecutionScript, not {one!r}")


def _wrong(node: pytest.Item, what: str) -> pytest.UsageError:
    return pytest.UsageError(f"{node.nodeid}: @pytest.mark.{MARKER}: {what}")


def new_clock(request: pytest.FixtureRequest) -> Clock:
    """The clock for a test."""
    return SystemClock() if Wishes.of(request).real_time else VirtualClock()


def new_simulator(request: pytest.FixtureRequest, clock: Clock) -> Simulator:
    """The embedded Datalab for a test."""
    wishes = Wishes.of(request)
    # The names are checked, and what values they take the simulator says itself.
    make = cast("Callable[..., Simulator]", Simulator)
    simulator = make(clock, **wishes.simulator)
    for script in wishes.scripts:
        _ = simulator.start(script)
    simulator.inject(*wishes.faults)
    return simulator


def new_client(request: pytest.FixtureRequest, simulator: Simulator) -> Datalab:
    """The blocking client for a test."""
    return connect(simulator, **_client_options(request))


def new_async_client(request: pytest.FixtureRequest, simulator: Simulator) -> AsyncDatalab:
    """The async client for a test."""
    return connect_async(simulator, **_client_options(request))


def _client_options(request: pytest.FixtureRequest) -> ConnectOptions:
    wishes = Wishes.of(request)
    random = Random(wishes.seed).random  # noqa: S311 - spreads looks out, hides nothing
    given = {"random": random, **wishes.client}
    return cast("ConnectOptions", cast("object", given))


@contextmanager
def serving(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatorServer]:
    """The server for a test, and the environment that leads to it."""
    from datalab_facade.testing.server import SimulatorServer

    with SimulatorServer(simulator) as server, monkeypatch.context() as environment:
        environment.setenv("DATALAB_HOST", server.api_url)
        environment.setenv("DATALAB_API_KEY", simulator.api_key)
        yield server
