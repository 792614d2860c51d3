"""A platform's worker: orders of many tenants, each with its own key, behind one proxy.

python examples/programs/tenants.py keys metrics.prom < orders.jsonl

An order is a line such as {"tenant": "ada", "workflow": 456, "url": "https://..."}; its outcome is
a line of JSON on the standard output. A tenant's key is the file `keys/TENANT`, as a secret manager
mounts it; it may change at any time. The proxy and the CA are those of the environment
(HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE). At the end, the metrics are written for Prometheus.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import defaultdict
from contextvars import ContextVar
from pathlib import Path

from datalab_facade import AsyncDatalab, DatalabError
from datalab_facade.events import Event, JobEnded, RateLimitWaited, RequestFinished, RetryScheduled

# Listeners are called with the context of whoever called the client.
TENANT = ContextVar("TENANT", default="none")


class Metrics:
    def __init__(self) -> None:
        self._counts = defaultdict[str, float](float)

    def __call__(self, event: Event) -> None:
        """Count what happened; it is a listener."""
        match event:
            case RequestFinished():
                outcome = event.status or event.error
                self._add("requests_total", operation=event.operation or "storage", to=outcome)
                self._add("request_seconds_total", event.seconds)
            case RetryScheduled():
                self._add("retries_total", reason=event.reason)
            case RateLimitWaited():
                self._add("rate_limit_seconds_total", event.seconds)
            case JobEnded():
                self._add("jobs_total", status=event.status)

    def _add(self, name: str, amount: float = 1, **labels: object) -> None:
        labels["tenant"] = TENANT.get()
        shown = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
        self._counts[f"datalab_{name}{{{shown}}}"] += amount

    def __str__(self) -> str:
        return "".join(f"{name} {amount:g}\n" for name, amount in sorted(self._counts.items()))


class Tenants:
    """A client for each tenant; all of them share the connections of the first one."""

    def __init__(self, platform: AsyncDatalab, keys: Path) -> None:
        self._platform = platform
        self._keys = keys
        self._clients: dict[str, AsyncDatalab] = {}

    def client(self, tenant: str) -> AsyncDatalab:
        """Return the client of a tenant, which has a rate limit and a drift report of its own."""
        if tenant not in self._clients:
            key = self._keys / tenant
            self._clients[tenant] = self._platform.with_options(
                api_key=key.read_text, requests_per_minute=100
            )
        return self._clients[tenant]


async def carry_out(line: str, tenants: Tenants) -> bool:
    order = json.loads(line)
    TENANT.set(order["tenant"])
    client = tenants.client(order["tenant"])
    try:
        handle = await client.workflows.execute(order["workflow"], order["url"])
        execution = await handle.result(timeout=4 * 3600)
        outcome = {"id": execution.id, "status": execution.status}
    except DatalabError as error:
        outcome = {"error": type(error).__name__, "detail": str(error)}
    print(json.dumps({"tenant": order["tenant"], **outcome}), flush=True)
    return "error" not in outcome


async def main(keys: Path, metrics: Metrics, orders: list[str]) -> int:
    own_key = (keys / "platform").read_text
    async with AsyncDatalab(own_key, listeners=[metrics]) as platform:
        tenants = Tenants(platform, keys)
        done = await asyncio.gather(*(carry_out(line, tenants) for line in orders))
    return 0 if all(done) else 1


if __name__ == "__main__":
    counted = Metrics()
    code = asyncio.run(main(Path(sys.argv[1]), counted, sys.stdin.read().splitlines()))
    Path(sys.argv[2]).write_text(str(counted))
    sys.exit(code)
