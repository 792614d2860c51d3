"""Control a simulator over HTTP, from another process or another language.

All paths are below :data:`PREFIX`; all bodies are JSON. A server offers them only with
``control=True``, and only to this machine:

``POST executions``
    Start an execution. The body is a script, as for :meth:`ExecutionScript.from_dict`; it may
    have an ``execution_id`` of your choice. The answer is ``{"execution_id": ...}``.
``POST documents``
    Set the scripts of the next document requests. The body is ``{"scripts": [...]}``, each as
    for :meth:`DocumentScript.from_dict`. With ``"always": true``, set a single one for all
    requests. ``endpoint`` selects requests, as in :meth:`Documents.script`.
``POST workflows``
    Add a workflow: ``{"name": ..., "steps": [...], "workflow_id": ..., "script": {...}}``, all
    optional; the script is that of its executions. The answer is ``{"workflow_id": ...}``.
``POST faults``
    Inject faults into the next requests. The body is ``{"faults": [...]}``, each as for
    :meth:`Fault.from_dict`. With ``"always": true``, inject a single one into all requests.
    ``path`` and ``origin`` select requests, as in :meth:`Simulator.inject`.
``DELETE faults``
    Remove all faults.
``GET requests``, ``DELETE requests``
    List the received requests, without keys; clear the list.
``GET clock``, ``POST clock`` with ``{"advance": seconds}``
    Read the clock; advance it, if it is a :class:`~datalab_facade.testing.VirtualClock` or a
    :class:`~datalab_facade.testing.FastClock`. ``datalab-facade serve`` has a fast one.
``POST reset``
    Reset the simulator.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import ClassVar, Final, TypeAlias, cast

import attrs

from datalab_facade.codec import JSONFormat, from_json_by_hand
from datalab_facade.testing import readers
from datalab_facade.testing.document_scripts import DocumentScript
from datalab_facade.testing.documents import DocumentEndpoint
from datalab_facade.testing.fast_clock import FastClock
from datalab_facade.testing.faults import Fault
from datalab_facade.testing.headers import redact
from datalab_facade.testing.jsonvalue import JSON
from datalab_facade.testing.messages import Answer, Origin, Request, json_answer
from datalab_facade.testing.request_log import ReceivedRequest
from datalab_facade.testing.scripts import ExecutionScript
from datalab_facade.testing.simulator import Simulator
from datalab_facade.testing.virtual import VirtualClock

PREFIX: Final = "/_simulator/"


def answer_control(simulator: Simulator, request: Request, client: str | None) -> Answer:
    """Carry out a control request.

    Args:
        simulator: the simulator to control.
        request: the control request. It is not added to the simulator's request log.
        client: the address of the sender; only an address of this machine is accepted.
    """
    if not (_is_loopback(client) and _is_loopback(_host(request))):
        return _refusal(403, "the simulator accepts control requests from this machine only")
    return _dispatch(simulator, request)


def _dispatch(simulator: Simulator, request: Request) -> Answer:
    name = request.path.removeprefix(PREFIX)
    methods = _HANDLERS.get(name)
    if methods is None:
        return _refusal(404, f"unknown path {name!r}; known paths: {', '.join(_HANDLERS)}")
    handler = methods.get(request.method)
    if handler is None:
        allowed = ", ".join(methods)
        return _refusal(
            405, f"{request.method} is not allowed for {name}; use {allowed}", {"Allow": allowed}
        )
    if request.method == "POST" and not _is_json(request):
        # A browser cannot send this type across sites without a CORS preflight.
        return _refusal(415, "Content-Type must be application/json")
    try:
        return handler(simulator, _body(request))
    except ValueError as error:
        return _refusal(422, str(error))


def _body(request: Request) -> object:
    try:
        return cast("object", json.loads(request.body or b"{}"))
    except ValueError as error:
        message = f"the body is not JSON: {error}"
        raise ValueError(message) from error


Handler: TypeAlias = Callable[[Simulator, object], Answer]


def _start_execution(simulator: Simulator, body: object) -> Answer:
    if not isinstance(body, Mapping) or "execution_id" not in body:
        return _started(simulator.start(ExecutionScript.from_dict(body)))
    script = dict(cast("Mapping[str, object]", body))
    execution_id = cast("int", script.pop("execution_id"))
    return _started(simulator.start(ExecutionScript.from_dict(script), execution_id=execution_id))


def _started(execution_id: int) -> Answer:
    return json_answer(201, {"execution_id": execution_id})


@attrs.frozen(kw_only=True)
class _Scripts:
    _json: ClassVar = JSONFormat(by_hand=True)

    scripts: tuple[DocumentScript, ...] = ()
    endpoint: DocumentEndpoint | None = None
    always: bool = False


def _script_documents(simulator: Simulator, body: object) -> Answer:
    given = from_json_by_hand(_Scripts, body)
    if not given.always:
        simulator.documents.script(*given.scripts, endpoint=given.endpoint)
    elif len(given.scripts) == 1:
        simulator.documents.script_always(given.scripts[0], endpoint=given.endpoint)
    else:
        message = f"scripts must hold exactly one script with always, not {len(given.scripts)}"
        raise ValueError(message)
    return Answer(204)


@attrs.frozen(kw_only=True)
class _NewWorkflow:
    _json: ClassVar = JSONFormat(by_hand=True)

    name: str = "Workflow"
    steps: tuple[Mapping[str, JSON], ...] = ()
    workflow_id: int | None = None
    script: ExecutionScript | None = None


def _add_workflow(simulator: Simulator, body: object) -> Answer:
    given = from_json_by_hand(_NewWorkflow, body)
    workflow_id = simulator.workflows.add(given.name, given.steps, workflow_id=given.workflow_id)
    simulator.workflows.script_for(workflow_id, given.script)
    return json_answer(201, {"workflow_id": workflow_id})


@attrs.frozen(kw_only=True)
class _Injection:
    _json: ClassVar = JSONFormat(by_hand=True)

    faults: tuple[Fault, ...] = ()
    path: str | None = None
    origin: Origin | None = None
    always: bool = False


@attrs.frozen
class _Advance:
    _json: ClassVar = JSONFormat(by_hand=True)

    advance: float


def _inject(simulator: Simulator, body: object) -> Answer:
    given = from_json_by_hand(_Injection, body)
    if not given.always:
        simulator.inject(*given.faults, path=given.path, origin=given.origin)
    elif len(given.faults) == 1:
        simulator.inject_always(given.faults[0], given.path, given.origin)
    else:
        message = f"faults must hold exactly one fault with always, not {len(given.faults)}"
        raise ValueError(message)
    return Answer(204)


def _clear_faults(simulator: Simulator, _: object) -> Answer:
    simulator.clear_faults()
    return Answer(204)


def _list_requests(simulator: Simulator, _: object) -> Answer:
    return json_answer(200, {"requests": [_request_json(item) for item in simulator.requests]})


def _request_json(request: ReceivedRequest) -> dict[str, JSON]:
    return {
        "origin": request.origin,
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": redact(request.headers),
        "body": readers.BODY.written(request.body),
        "at": request.at,
        "status": request.status,
    }


def _clear_requests(simulator: Simulator, _: object) -> Answer:
    simulator.requests.clear()
    return Answer(204)


def _get_clock(simulator: Simulator, _: object) -> Answer:
    clock = simulator.clock
    reading: dict[str, JSON] = {
        "now": clock.now().isoformat(),
        "monotonic": clock.monotonic(),
        "virtual": isinstance(clock, VirtualClock),
    }
    return json_answer(200, reading)


def _advance_clock(simulator: Simulator, body: object) -> Answer:
    seconds = from_json_by_hand(_Advance, body).advance
    if not isinstance(simulator.clock, VirtualClock | FastClock):
        return _refusal(
            409,
            "this simulator runs in real time; only a VirtualClock or FastClock can be advanced",
        )
    simulator.clock.advance(seconds)
    return _get_clock(simulator, None)


def _reset(simulator: Simulator, _: object) -> Answer:
    simulator.reset()
    return Answer(204)


_HANDLERS: Final[Mapping[str, Mapping[str, Handler]]] = {
    "executions": {"POST": _start_execution},
    "workflows": {"POST": _add_workflow},
    "faults": {"POST": _inject, "DELETE": _clear_faults},
    "documents": {"POST": _script_documents},
    "requests": {"GET": _list_requests, "DELETE": _clear_requests},
    "clock": {"GET": _get_clock, "POST": _advance_clock},
    "reset": {"POST": _reset},
}


def _refusal(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Answer:
    return json_answer(status, {"detail": detail}, headers or {})


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == "application/json"


def _host(request: Request) -> str:
    # A foreign DNS name may point to this machine (DNS rebinding), so check the name, too.
    host = request.headers.get("host", "")
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _is_loopback(host: str | None) -> bool:
    if host is None:
        return False
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
