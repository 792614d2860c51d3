"""The pytest fixtures of an embedded Datalab, and the marker that configures them.

The fixtures are available once the package is installed::

    import pytest
    from datalab_facade.testing import ExecutionScript, Fault, StepScript

    @pytest.mark.datalab(ExecutionScript([StepScript("parse", ends=3600)]))
    def test_my_code_waits_an_hour(datalab, datalab_simulator):
        [execution_id] = datalab_simulator.execution_ids
        assert datalab.executions.wait(execution_id).succeeded

``datalab`` and ``async_datalab``
    clients of the embedded Datalab, in process.
``datalab_simulator``
    the Datalab itself: start executions, script documents, inject faults, inspect requests.
``datalab_clock``
    the clock that they share, a :class:`~datalab_facade.testing.VirtualClock`.
``datalab_server``
    the Datalab behind real sockets, for code that creates its own client. Time is real
    with it. Needs the extra ``datalab-facade[testing]``.

The marker ``@pytest.mark.datalab(*scripts, ...)`` takes scripts by position, the rest by name:

``scripts``
    executions that start before the test, in the order of their ids; and what the first
    document requests do, one script for each.
``faults``
    faults of the first requests to the API, one for each.
``client``
    options of the clients, a mapping.
``seed``
    seed of the random delays of polls and retries. Default: 0, the same on every run.
``real_time``
    whether to use the machine's clock. Default: only with ``datalab_server``.
``speed``
    how much faster than real time the clock runs, with ``datalab_server``. Default: 1.
all others
    options of :class:`~datalab_facade.testing.Simulator`, such as ``rate_limit``.

Markers of a class or module add to the test's own marker, whose options take precedence.
Async tests run with pytest-asyncio, in either mode, or with anyio on asyncio.
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
from datalab_facade.testing.document_scripts import DocumentScript
from datalab_facade.testing.fast_clock import FastClock
from datalab_facade.testing.faults import Fault
from datalab_facade.testing.scripts import ExecutionScript
from datalab_facade.testing.simulator import Simulator
from datalab_facade.testing.transports import ConnectOptions, connect, connect_async
from datalab_facade.testing.virtual import VirtualClock

if TYPE_CHECKING:
    from datalab_facade import AsyncDatalab, Datalab
    from datalab_facade.testing.server import SimulatorServer

MARKER: Final = "datalab"
_OWN_OPTIONS: Final = ("client", "faults", "real_time", "seed", "speed")
_NOT_FOR_MARKERS: Final = frozenset({"self", "clock"})


@attrs.frozen
class MarkerOptions:
    """The options that the markers of one test set."""

    scripts: tuple[ExecutionScript | DocumentScript, ...]
    faults: tuple[Fault, ...]
    client: Mapping[str, object]
    seed: int
    real_time: bool
    speed: float
    simulator: Mapping[str, object]

    @classmethod
    def parse(cls, request: pytest.FixtureRequest) -> MarkerOptions:
        """Read the markers of the test that requests a fixture.

        Raises:
            pytest.UsageError: a marker has an unknown option or a wrong value.
        """
        node = cast("pytest.Item", request.node)
        markers = list(node.iter_markers(MARKER))[::-1]
        values: dict[str, object] = {}
        client: dict[str, object] = {}
        scripts: list[ExecutionScript | DocumentScript] = []
        for marker in markers:
            values |= marker.kwargs
            own = marker.kwargs.get("client", {})
            if not isinstance(own, Mapping):
                raise _usage_error(node, f"client must be a dict of options, not {own!r}")
            client |= own
            scripts += (_check_script(node, value) for value in marker.args)
        given = values.pop("faults", ())
        faults = tuple(given) if isinstance(given, Iterable) else None
        if faults is None or not all(isinstance(fault, Fault) for fault in faults):
            raise _usage_error(
                node, f"faults must be a list of faults such as [Fault.hang()], not {given!r}"
            )
        values.pop("client", None)
        seed = cast("int", values.pop("seed", 0))
        real_time = values.pop("real_time", "datalab_server" in request.fixturenames)
        speed = cast("float", values.pop("speed", 1.0))
        known = inspect.signature(Simulator).parameters.keys() - _NOT_FOR_MARKERS
        for name in values.keys() - known:
            options = ", ".join(sorted({*known, *_OWN_OPTIONS}))
            raise _usage_error(node, f"unknown option {name!r}; known options: {options}")
        return cls(
            tuple(scripts),
            cast("tuple[Fault, ...]", faults),
            client,
            seed,
            bool(real_time),
            speed,
            values,
        )


def _check_script(node: pytest.Item, value: object) -> ExecutionScript | DocumentScript:
    if isinstance(value, (ExecutionScript, DocumentScript)):
        return value
    expected = "an ExecutionScript or a DocumentScript"
    raise _usage_error(node, f"a script must be {expected}, not {value!r}")


def _usage_error(node: pytest.Item, what: str) -> pytest.UsageError:
    return pytest.UsageError(f"{node.nodeid}: @pytest.mark.{MARKER}: {what}")


def new_clock(request: pytest.FixtureRequest) -> Clock:
    """Make the clock of a test."""
    options = MarkerOptions.parse(request)
    if not options.real_time:
        return VirtualClock()
    return SystemClock() if options.speed == 1 else FastClock(options.speed)


def new_simulator(request: pytest.FixtureRequest, clock: Clock) -> Simulator:
    """Make the embedded Datalab of a test."""
    options = MarkerOptions.parse(request)
    # The names are checked already; the simulator checks the values.
    factory = cast("Callable[..., Simulator]", Simulator)
    simulator = factory(clock, **options.simulator)
    for script in options.scripts:
        if isinstance(script, DocumentScript):
            simulator.documents.script(script)
        else:
            _ = simulator.start(script)
    simulator.inject(*options.faults)
    return simulator


def new_client(request: pytest.FixtureRequest, simulator: Simulator) -> Datalab:
    """Make the blocking client of a test."""
    return connect(simulator, **_client_options(request))


def new_async_client(request: pytest.FixtureRequest, simulator: Simulator) -> AsyncDatalab:
    """Make the async client of a test."""
    return connect_async(simulator, **_client_options(request))


def _client_options(request: pytest.FixtureRequest) -> ConnectOptions:
    options = MarkerOptions.parse(request)
    random = Random(options.seed).random  # noqa: S311 - spreads polls, not a secret
    values = {"random": random, **options.client}
    return cast("ConnectOptions", cast("object", values))


@contextmanager
def serving(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatorServer]:
    """Serve a simulator, and set the environment that points to it."""
    from datalab_facade.testing.server import SimulatorServer

    with SimulatorServer(simulator) as server, monkeypatch.context() as environment:
        environment.setenv("DATALAB_HOST", server.api_url)
        environment.setenv("DATALAB_API_KEY", simulator.api_key)
        yield server
