"""A simulator told what to do over HTTP, by another process or in another language.

All of it is below :data:`PREFIX`, in JSON. Off unless a server is asked for it, and
then for this machine only:

``POST executions``
    a script, as :meth:`ExecutionScript.from_dict` takes it; ``{"execution_id": ...}``
``POST faults``
    ``{"faults": [...]}`` as :meth:`Fault.from_dict` takes them, for the next requests;
    with ``"always": true`` the only one of them for all; ``path`` and ``origin`` say for
    which, as in :meth:`Simulator.inject`
``DELETE faults``
    none from now on
``GET requests``, ``DELETE requests``
    what came in, keys left out; forget it
``GET clock``, ``POST clock`` with ``{"advance": seconds}``
    what time it is; let it pass, if it is virtual
``POST reset``
    forget everything
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Final, TypeAlias, cast

from datalab_facade.testing import data
from datalab_facade.testing.faults import Fault
from datalab_facade.testing.jsonvalue import JSON
from datalab_facade.testing.messages import Answer, Origin, Request, json_answer
from datalab_facade.testing.request_log import ReceivedRequest
from datalab_facade.testing.scripts import ExecutionScript
from datalab_facade.testing.simulator import Simulator
from datalab_facade.testing.virtual import VirtualClock

PREFIX: Final = "/_simulator/"

_SECRET: Final = frozenset({"x-api-key", "authorization", "cookie"})


def answer_control(simulator: Simulator, request: Request, client: str | None) -> Answer:
    """Do what a request below :data:`PREFIX` asks for.

    Args:
        simulator: who is told.
        request: what is asked for. It is not noted among the simulator's own requests.
        client: the address that it came from; only this machine's own will do.
    """
    if not (_is_loopback(client) and _is_loopback(_host(request))):
        return _refusal(403, "the simulator takes orders from this machine only")
    return _carried_out(simulator, request)


def _carried_out(simulator: Simulator, request: Request) -> Answer:
    name = request.path.removeprefix(PREFIX)
    methods = _ORDERS.get(name)
    if methods is None:
        return _refusal(404, f"there is no {name!r}; there are: {', '.join(_ORDERS)}")
    order = methods.get(request.method)
    if order is None:
        allowed = ", ".join(methods)
        return _refusal(405, f"{name} takes {allowed}", {"Allow": allowed})
    if request.method == "POST" and not _is_json(request):
        # A page in a browser of this machine cannot send that without being asked first.
        return _refusal(415, "Content-Type is to be application/json")
    try:
        return order(simulator, _body(request))
    except ValueError as error:
        return _refusal(422, str(error))


def _body(request: Request) -> object:
    try:
        return cast("object", json.loads(request.body or b"{}"))
    except ValueError as error:
        message = f"the body is no JSON: {error}"
        raise ValueError(message) from error


Order: TypeAlias = Callable[[Simulator, object], Answer]


def _start(simulator: Simulator, body: object) -> Answer:
    return json_answer(201, {"execution_id": simulator.start(ExecutionScript.from_dict(body))})


def _fault(simulator: Simulator, body: object) -> Answer:
    readers: Mapping[str, data.Reader] = {
        "faults": data.each(Fault.from_dict),
        "path": data.or_null(data.text),
        "origin": data.or_null(data.one_of("api", "storage")),
        "always": data.truth,
    }
    given = data.fields(body, "", readers)
    faults = cast("list[Fault]", given.get("faults", []))
    path = cast("str | None", given.get("path"))
    origin = cast("Origin | None", given.get("origin"))
    if not given.get("always", False):
        simulator.inject(*faults, path=path, origin=origin)
    elif len(faults) == 1:
        simulator.inject_always(faults[0], path, origin)
    else:
        message = f"faults: one is wanted to happen always, not {len(faults)}"
        raise ValueError(message)
    return Answer(204)


def _clear_faults(simulator: Simulator, _: object) -> Answer:
    simulator.clear_faults()
    return Answer(204)


def _requests(simulator: Simulator, _: object) -> Answer:
    return json_answer(200, {"requests": [_shown(one) for one in simulator.requests]})


def _shown(one: ReceivedRequest) -> dict[str, JSON]:
    headers = {name: "***" if name in _SECRET else value for name, value in one.headers.items()}
    return {
        "origin": one.origin,
        "method": one.method,
        "path": one.path,
        "query": one.query,
        "headers": headers,
        "body": data.written(one.body),
        "at": one.at,
        "status": one.status,
    }


def _clear_requests(simulator: Simulator, _: object) -> Answer:
    simulator.requests.clear()
    return Answer(204)


def _tell_time(simulator: Simulator, _: object) -> Answer:
    clock = simulator.clock
    told: dict[str, JSON] = {
        "now": clock.now().isoformat(),
        "monotonic": clock.monotonic(),
        "virtual": isinstance(clock, VirtualClock),
    }
    return json_answer(200, told)


def _advance(simulator: Simulator, body: object) -> Answer:
    given = data.fields(body, "", {"advance": data.number})
    if "advance" not in given:
        message = "advance: a number of seconds is wanted"
        raise ValueError(message)
    if not isinstance(simulator.clock, VirtualClock):
        return _refusal(409, "this simulator lives in real time, which cannot be advanced")
    simulator.clock.advance(cast("float", given["advance"]))
    return _tell_time(simulator, None)


def _reset(simulator: Simulator, _: object) -> Answer:
    simulator.reset()
    return Answer(204)


_ORDERS: Final[Mapping[str, Mapping[str, Order]]] = {
    "executions": {"POST": _start},
    "faults": {"POST": _fault, "DELETE": _clear_faults},
    "requests": {"GET": _requests, "DELETE": _clear_requests},
    "clock": {"GET": _tell_time, "POST": _advance},
    "reset": {"POST": _reset},
}


def _refusal(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Answer:
    return json_answer(status, {"detail": detail}, headers or {})


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == "application/json"


def _host(request: Request) -> str:
    # A name that someone else's DNS points to this machine is none of ours.
    host = request.headers.get("host", "")
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _is_loopback(host: str | None) -> bool:
    if host is None:
        return False
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
