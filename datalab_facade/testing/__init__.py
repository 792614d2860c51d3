"""An embedded Datalab, to test code that talks to Datalab.

Scripts define what executions do and when, faults define what goes wrong, and on a
virtual clock an hour passes at once:

>>> from datalab_facade.testing import (
...     ExecutionScript, Fault, Simulator, StepScript, VirtualClock, connect,
... )
>>> simulator = Simulator(VirtualClock())
>>> execution_id = simulator.start(
...     ExecutionScript(
...         [StepScript("parse", ends=120), StepScript("extract", starts=120, ends=300)]
...     )
... )
>>> simulator.inject(Fault.status(503), Fault.hang())
>>> with connect(simulator) as client:
...     execution = client.executions.wait(execution_id)
>>> [str(step.status) for step in execution.steps.values()]
['COMPLETED', 'COMPLETED']

For pytest there are fixtures; see :mod:`datalab_facade.testing.pytest_plugin`.

The SDK itself never imports this package. :class:`SimulatorServer` serves the same
simulator over real sockets and needs the extra ``datalab-facade[testing]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from datalab_facade.lazy_imports import lazy_names
from datalab_facade.testing.document_scripts import DocumentScript
from datalab_facade.testing.documents import (
    DocumentEndpoint,
    DocumentHook,
    StoredDocumentRequest,
)
from datalab_facade.testing.fast_clock import FastClock
from datalab_facade.testing.fault_rules import FaultHook
from datalab_facade.testing.faults import Fault
from datalab_facade.testing.files import StoredFile
from datalab_facade.testing.forms import FormPart
from datalab_facade.testing.headers import Headers
from datalab_facade.testing.messages import Answer, Origin, Request
from datalab_facade.testing.request_log import ReceivedRequest, RequestLog
from datalab_facade.testing.scripts import SAMPLE, ExecutionScript, RunScript, StepScript
from datalab_facade.testing.simulator import TEST_API_KEY, Simulator
from datalab_facade.testing.virtual import VirtualClock
from datalab_facade.testing.workflows import StoredWorkflow, WorkflowBehavior

if TYPE_CHECKING:
    from datalab_facade.testing.server import SimulatorServer
    from datalab_facade.testing.transports import (
        ConnectOptions,
        SimulatorTransport,
        WouldHangForeverError,
        connect,
        connect_async,
    )

__all__ = [
    "SAMPLE",
    "TEST_API_KEY",
    "Answer",
    "ConnectOptions",
    "DocumentEndpoint",
    "DocumentHook",
    "DocumentScript",
    "ExecutionScript",
    "FastClock",
    "Fault",
    "FaultHook",
    "FormPart",
    "Headers",
    "Origin",
    "ReceivedRequest",
    "Request",
    "RequestLog",
    "RunScript",
    "Simulator",
    "SimulatorServer",
    "SimulatorTransport",
    "StepScript",
    "StoredDocumentRequest",
    "StoredFile",
    "StoredWorkflow",
    "VirtualClock",
    "WorkflowBehavior",
    "WouldHangForeverError",
    "connect",
    "connect_async",
]

if not TYPE_CHECKING:
    # With it, type checkers would accept any name.
    __getattr__ = lazy_names(
        __name__,
        {
            "server": "SimulatorServer",
            "transports": (
                "ConnectOptions SimulatorTransport WouldHangForeverError connect connect_async"
            ),
        },
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
