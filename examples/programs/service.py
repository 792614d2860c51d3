"""A web service that executes a workflow for its callers.

python examples/programs/service.py 456 8000

POST /jobs {"url": ...}   starts an execution, and answers {"id": ...}
GET  /jobs/ID             its state
GET  /jobs/ID/events      its changes, as server-sent events, until it has ended

Whatever was running when the service stopped is waited for when it starts again, and the outputs
of each execution are saved into `results/`. It is ASGI without a framework, and needs only uvicorn.
With FastAPI, the methods of Service are the bodies of the routes, and App is not needed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import uvicorn

from datalab_facade import (
    APIStatusError,
    AsyncDatalab,
    AsyncExecutionHandle,
    DatalabError,
    InvalidArgumentError,
)

Message = MutableMapping[str, Any]


class Service:
    def __init__(self, client: AsyncDatalab, workflow_id: int) -> None:
        self._client = client
        self._workflow_id = workflow_id
        self._started = asyncio.Queue[AsyncExecutionHandle]()
        self._notes = Path("running")
        self._notes.mkdir(exist_ok=True)

    async def submit(self, url: str) -> dict[str, Any]:
        """Start an execution, and keep a note of it."""
        handle = await self._client.workflows.execute(self._workflow_id, url)
        self._note(handle.id).write_text(json.dumps(handle.to_dict()))
        self._started.put_nowait(handle)
        return {"id": handle.id}

    async def state(self, job_id: int) -> dict[str, Any]:
        """Return an execution as JSON."""
        return (await self._client.executions.get(job_id)).to_dict()

    async def events(self, job_id: int) -> AsyncIterator[str]:
        """Yield each change of an execution, as a server-sent event."""
        async for change in self._client.executions.watch(job_id):
            yield f"data: {json.dumps({'n': change.sequence, 'what': str(change)})}\n\n"

    async def finish_all(self) -> None:
        """Save the outputs of all executions as they end, those of an earlier process too."""
        async for outcome in self._client.executions.as_completed(self._running()):
            if outcome.snapshot is None:  # it goes on, so its note stays for the next start
                print(outcome.error, file=sys.stderr)
                continue
            await self._client.outputs.save_all(outcome.snapshot, "results")
            self._note(outcome.id).unlink()

    async def _running(self) -> AsyncIterator[AsyncExecutionHandle]:
        for note in list(self._notes.iterdir()):
            yield self._client.executions.handle(json.loads(note.read_text()))
        while True:
            yield await self._started.get()

    def _note(self, job_id: int) -> Path:
        return self._notes / f"{job_id}.json"


class App:
    def __init__(self, workflow_id: int) -> None:
        self._workflow_id = workflow_id

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer one request, or live as long as the server does."""
        if scope["type"] == "lifespan":
            await receive()
            async with AsyncDatalab() as client:
                self._service = Service(client, self._workflow_id)
                finishing = asyncio.create_task(self._service.finish_all())
                await send({"type": "lifespan.startup.complete"})
                await receive()  # the service is asked to stop
                finishing.cancel()
                await asyncio.wait([finishing])
            await send({"type": "lifespan.shutdown.complete"})
            return

        async def answer(status: int, body: str, kind: str = "application/json") -> None:
            headers = [(b"content-type", kind.encode())]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body.encode(), "more_body": True})

        try:
            match scope["method"], scope["path"].strip("/").split("/"):
                case "POST", ["jobs"]:
                    url = json.loads((await receive())["body"])["url"]
                    await answer(202, json.dumps(await self._service.submit(url)))
                case "GET", ["jobs", job_id]:
                    await answer(200, json.dumps(await self._service.state(int(job_id))))
                case "GET", ["jobs", job_id, "events"]:
                    await answer(200, "", "text/event-stream")
                    async for event in self._service.events(int(job_id)):
                        body = event.encode()
                        await send({"type": "http.response.body", "body": body, "more_body": True})
                case _:
                    await answer(404, "{}")
        except InvalidArgumentError as error:
            await answer(422, json.dumps({"detail": str(error)}))
        except APIStatusError as error:
            status = error.status if error.status in {404, 422} else 502
            await answer(status, json.dumps({"detail": error.detail}))
        except DatalabError as error:
            await answer(503, json.dumps({"detail": str(error)}))
        await send({"type": "http.response.body"})


if __name__ == "__main__":
    uvicorn.run(App(int(sys.argv[1])), port=int(sys.argv[2]), log_level="warning")
