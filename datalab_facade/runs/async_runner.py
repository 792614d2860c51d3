"""Runs of a task over many files; what there is to decide is decided in ``run_plan``."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import attrs

from datalab_facade.activities import Activity
from datalab_facade.concurrency import off_loop_async
from datalab_facade.context import Context
from datalab_facade.documents.late_values import LONGEST, asking_again
from datalab_facade.errors import DatalabError, NotFoundError
from datalab_facade.jobs.outcomes import NothingYet, Outcome, Settled
from datalab_facade.runs.async_families import FAMILIES
from datalab_facade.runs.async_task_runs import AsyncTaskRun
from datalab_facade.runs.job_family import check_same
from datalab_facade.runs.run_actions import (
    Action,
    LateCost,
    Submit,
    Upload,
    WaitFor,
    scheduler_input,
)
from datalab_facade.runs.run_journal import RunJournal
from datalab_facade.runs.run_options import RunOptions, RunRequest, RunTask, checked_request
from datalab_facade.runs.run_plan import RunPlan
from datalab_facade.runs.run_records import RunHeader
from datalab_facade.runs.run_results import RunReport, RunResult
from datalab_facade.runs.run_sources import AsyncSources, RunItem, check_unchanged
from datalab_facade.transport.async_api import AsyncApiTransport

if TYPE_CHECKING:
    from datalab_facade.async_client import AsyncDatalab

_ITERABLES = (Iterable, AsyncIterable)
_ASKED_AGAIN = 60.0
"""Seconds until a cost that was still not known is asked for again, while others go on."""
_Run: TypeAlias = AsyncTaskRun[Any, Any]
_Fed: TypeAlias = "int | str | Settled[RunResult] | NothingYet"


class AsyncRuns:
    """Runs a task over files."""

    def __init__(self, client: AsyncDatalab, api: AsyncApiTransport, context: Context) -> None:
        self._client = client
        self._files = client.files
        self._context = context
        self._origin = api.origin.base_url

    async def report(
        self, task: RunTask, sources: AsyncSources, folder: object, options: RunOptions
    ) -> RunReport:
        """Run to the end, and return the report."""
        request = self._request(task, sources, folder, options)
        async with self._begun(request) as (header, plan, found):
            results = [result async for result in found]
        late = plan.late_cents
        results = [
            attrs.evolve(result, cost_cents=late.get(result.position, result.cost_cents))
            for result in results
        ]
        return RunReport(
            task=header.name,
            workflow_id=header.target if isinstance(header.target, int) else None,
            folder=request.folder,
            results=tuple(results),
            skipped_folders=tuple(request.files.skipped_folders),
        )

    def results(
        self, task: RunTask, sources: AsyncSources, folder: object, options: RunOptions
    ) -> AsyncGenerator[RunResult, None]:
        """Run, and yield each result as it is known."""
        request = self._request(task, sources, folder, options)

        async def results() -> AsyncGenerator[RunResult, None]:
            async with self._begun(request) as (_, _, found):
                async for result in found:
                    yield result

        return results()

    def _request(
        self, task: RunTask, sources: AsyncSources, folder: object, options: RunOptions
    ) -> RunRequest:
        return checked_request(
            self._context,
            task,
            sources,
            folder,
            options,
            families=[one.family for one in FAMILIES],
            iterables=_ITERABLES,
        )

    @contextlib.asynccontextmanager
    async def _begun(
        self, request: RunRequest
    ) -> AsyncGenerator[tuple[RunHeader, RunPlan, AsyncGenerator[RunResult, None]], None]:
        activity = Activity(self._context.reporter, name="run")
        now = self._context.clock.now
        with activity.reported(), RunJournal(request.folder, now) as journal:
            run = self._run_of(request)
            header = await self._begin(journal, run, activity)
            plan = RunPlan(journal, request, run.family)
            async with contextlib.aclosing(self._results(plan, run, request, activity)) as found:
                yield header, plan, found

    def _run_of(self, request: RunRequest) -> _Run:
        """Return the description of the task's family."""
        run_type = next(one for one in FAMILIES if one.family is request.family)
        return run_type(request, self._client, self._context)

    async def _begin(self, journal: RunJournal, run: _Run, activity: Activity) -> RunHeader:
        wanted = run.wanted(self._origin)
        known = check_same(journal, wanted)
        with activity.active():
            header = await run.begin(known, wanted)
        if known is None:
            fate = ""
            if header.target != wanted.target:
                fate = (
                    f"{header.name} was created and is not recorded, so name it by its id, or it "
                    f"is created once more. "
                )
            journal.begin(header, fate=fate)
        return header

    async def _results(
        self, plan: RunPlan, run: _Run, request: RunRequest, activity: Activity
    ) -> AsyncGenerator[RunResult, None]:
        feed = self._feed(plan, run, request, activity)
        outcomes = self._outcomes(plan, run, feed, request, activity)
        async with contextlib.aclosing(outcomes):
            async for outcome in outcomes:
                if isinstance(outcome, RunResult):
                    yield outcome
                    continue
                with activity.active():
                    result = await self._save(plan, run, outcome)
                    await self._ask_next_cost(plan, run)
                if result is not None:
                    yield result
        with activity.active():
            await self._ask_costs(plan, run)

    async def _feed(
        self, plan: RunPlan, run: _Run, request: RunRequest, activity: Activity
    ) -> AsyncGenerator[_Fed, None]:
        async for item in request.files.items_async(plan.is_done):
            for one in (*plan.take_refused(), item):
                with activity.active():
                    action = await self._submit(plan, run, one)
                yield scheduler_input(action)
        plan.end_sources()
        while plan.may_come_back:
            refused = plan.take_refused()
            for one in refused:
                with activity.active():
                    action = await self._submit(plan, run, one)
                yield scheduler_input(action)
            if not refused:
                yield NothingYet()

    async def _outcomes(
        self,
        plan: RunPlan,
        run: _Run,
        feed: AsyncIterable[_Fed],
        request: RunRequest,
        activity: Activity,
    ) -> AsyncGenerator[Outcome[Any, Any] | RunResult, None]:
        policy, many = request.policy, request.concurrency
        on_update = cast("Any", request.on_update)
        expected = await off_loop_async(request.files.count) if on_update is not None else 0
        with activity.active():
            updates = run.jobs._follow(  # noqa: SLF001 - what is settled is fed to it, too
                feed,
                None,
                many,
                policy,
                {},
                changes=on_update is not None,
                expected=expected,
                has_room=lambda: plan.has_room,
            )
        async with contextlib.aclosing(updates):
            async for update in updates:
                if isinstance(update, Settled):
                    yield cast("RunResult", update.value)
                    continue
                if on_update is not None:
                    on_update(plan.named_update(update))
                if update.outcome is not None:
                    yield update.outcome

    async def _submit(self, plan: RunPlan, run: _Run, item: RunItem) -> WaitFor | RunResult:
        if plan.needs_costs(item):
            await self._ask_costs(plan, run)
        action = plan.next_action(item)
        while not isinstance(action, (WaitFor, RunResult)):
            if plan.allowance.pause:
                await self._context.clock.sleep_async(plan.allowance.pause)
            if isinstance(action, Upload):
                action = await self._upload(plan, item, action)
            else:
                action = await self._start(plan, run, item, action)
        return action

    async def _upload(self, plan: RunPlan, item: RunItem, action: Upload) -> Action:
        try:
            file = await self._files.upload(
                action.path, name=action.name, content_type=plan.content_type
            )
            await off_loop_async(lambda: check_unchanged(item))
        except DatalabError as error:
            return plan.record_failure(item, error, action)
        return plan.record_upload(item, file)

    async def _start(self, plan: RunPlan, run: _Run, item: RunItem, action: Submit) -> Action:
        try:
            if action.address is None:
                # From when it is opened on, whatever sends it sees changes.
                await off_loop_async(lambda: check_unchanged(item))
            sending = plan.sending(item, action)
            job_id = await run.start(sending, content_type=plan.content_type)
        except DatalabError as error:
            # If this call raises, nothing was submitted for the file.
            return plan.record_failure(item, error, action)
        return plan.record_submission(item, job_id)

    async def _save(self, plan: RunPlan, run: _Run, outcome: Outcome[Any, Any]) -> RunResult | None:
        settled = plan.record_outcome(outcome)
        if settled is None or isinstance(settled, RunResult):
            return settled
        item, place = settled
        ended = outcome.result()
        try:
            saved = await run.save(ended, place)
        except DatalabError as error:
            return plan.record_save_error(item, ended.status, error)
        return plan.record_saved(item, outcome.id, saved, now=self._context.clock.monotonic())

    async def _ask_next_cost(self, plan: RunPlan, run: _Run) -> None:
        """Ask for the cost that was missed for longest, before its result is deleted."""
        if plan.late and plan.late[0].due <= self._context.clock.monotonic():
            await self._ask_cost(plan, run, plan.late.popleft())

    async def _ask_costs(self, plan: RunPlan, run: _Run) -> None:
        """Ask for all costs that are missed, for at most a minute."""
        clock = self._context.clock
        deadline = clock.monotonic() + LONGEST
        for pause in asking_again(clock.monotonic, deadline):
            if not plan.late:
                return
            await clock.sleep_async(pause)
            for _ in range(len(plan.late)):
                # Of very many, the rate limit lets only some be asked for in time.
                left = deadline - clock.monotonic()
                if plan.late and left > 0:
                    await self._ask_cost(plan, run, plan.late.popleft(), timeout=left)
        while plan.late:
            plan.record_cost(plan.late.popleft(), None)

    async def _ask_cost(
        self, plan: RunPlan, run: _Run, late: LateCost, *, timeout: float = LONGEST
    ) -> None:
        cents: float | None = None
        try:
            cents = await run.cost(late.job_id, timeout=timeout)
        except NotFoundError:
            plan.record_cost(late, None)
            return
        except DatalabError:
            # What is not known now may be known later.
            cents = None
        if cents is None:
            due = self._context.clock.monotonic() + _ASKED_AGAIN
            plan.late.append(attrs.evolve(late, due=due))
        else:
            plan.record_cost(late, cents)
