# Generated from async_runner.py by scripts/unasync.py; change that file, not this one.
"""Runs of a task over many files; what there is to decide is decided in ``run_plan``."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import attrs

from datalab_facade.activities import Activity
from datalab_facade.concurrency import off_loop
from datalab_facade.context import Context
from datalab_facade.documents.late_values import LONGEST, asking_again
from datalab_facade.errors import DatalabError, NotFoundError
from datalab_facade.jobs.outcomes import NothingYet, Outcome, Settled
from datalab_facade.runs.families import FAMILIES
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
from datalab_facade.runs.run_sources import RunItem, Sources, check_unchanged
from datalab_facade.runs.task_runs import TaskRun
from datalab_facade.transport.api import ApiTransport

if TYPE_CHECKING:
    from datalab_facade.client import Datalab

_ITERABLES = (Iterable, Iterable)
_ASKED_AGAIN = 60.0
"""Seconds until a cost that was still not known is asked for again, while others go on."""
_Run: TypeAlias = TaskRun[Any, Any]
_Fed: TypeAlias = "int | str | Settled[RunResult] | NothingYet"


class Runs:
    """Runs a task over files."""

    def __init__(self, client: Datalab, api: ApiTransport, context: Context) -> None:
        self._client = client
        self._files = client.files
        self._context = context
        self._origin = api.origin.base_url

    def report(
        self, task: RunTask, sources: Sources, folder: object, options: RunOptions
    ) -> RunReport:
        """Run to the end, and return the report."""
        request = self._request(task, sources, folder, options)
        with self._begun(request) as (header, plan, found):
            results = list(found)
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
        self, task: RunTask, sources: Sources, folder: object, options: RunOptions
    ) -> Generator[RunResult, None, None]:
        """Run, and yield each result as it is known."""
        request = self._request(task, sources, folder, options)

        def results() -> Generator[RunResult, None, None]:
            with self._begun(request) as (_, _, found):
                yield from found

        return results()

    def _request(
        self, task: RunTask, sources: Sources, folder: object, options: RunOptions
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

    @contextlib.contextmanager
    def _begun(
        self, request: RunRequest
    ) -> Generator[tuple[RunHeader, RunPlan, Generator[RunResult, None, None]], None, None]:
        activity = Activity(self._context.reporter, name="run")
        now = self._context.clock.now
        with activity.reported(), RunJournal(request.folder, now) as journal:
            run = self._run_of(request)
            header = self._begin(journal, run, activity)
            plan = RunPlan(journal, request, run.family)
            with contextlib.closing(self._results(plan, run, request, activity)) as found:
                yield header, plan, found

    def _run_of(self, request: RunRequest) -> _Run:
        """Return the description of the task's family."""
        run_type = next(one for one in FAMILIES if one.family is request.family)
        return run_type(request, self._client, self._context)

    def _begin(self, journal: RunJournal, run: _Run, activity: Activity) -> RunHeader:
        wanted = run.wanted(self._origin)
        known = check_same(journal, wanted)
        with activity.active():
            header = run.begin(known, wanted)
        if known is None:
            fate = ""
            if header.target != wanted.target:
                fate = (
                    f"{header.name} was created and is not recorded, so name it by its id, or it "
                    f"is created once more. "
                )
            journal.begin(header, fate=fate)
        return header

    def _results(
        self, plan: RunPlan, run: _Run, request: RunRequest, activity: Activity
    ) -> Generator[RunResult, None, None]:
        feed = self._feed(plan, run, request, activity)
        outcomes = self._outcomes(plan, run, feed, request, activity)
        with contextlib.closing(outcomes):
            for outcome in outcomes:
                if isinstance(outcome, RunResult):
                    yield outcome
                    continue
                with activity.active():
                    result = self._save(plan, run, outcome)
                    self._ask_next_cost(plan, run)
                if result is not None:
                    yield result
        with activity.active():
            self._ask_costs(plan, run)

    def _feed(
        self, plan: RunPlan, run: _Run, request: RunRequest, activity: Activity
    ) -> Generator[_Fed, None, None]:
        for item in request.files.items(plan.is_done):
            for one in (*plan.take_refused(), item):
                with activity.active():
                    action = self._submit(plan, run, one)
                yield scheduler_input(action)
        plan.end_sources()
        while plan.may_come_back:
            refused = plan.take_refused()
            for one in refused:
                with activity.active():
                    action = self._submit(plan, run, one)
                yield scheduler_input(action)
            if not refused:
                yield NothingYet()

    def _outcomes(
        self,
        plan: RunPlan,
        run: _Run,
        feed: Iterable[_Fed],
        request: RunRequest,
        activity: Activity,
    ) -> Generator[Outcome[Any, Any] | RunResult, None, None]:
        policy, many = request.policy, request.concurrency
        on_update = cast("Any", request.on_update)
        expected = off_loop(request.files.count) if on_update is not None else 0
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
        with contextlib.closing(updates):
            for update in updates:
                if isinstance(update, Settled):
                    yield cast("RunResult", update.value)
                    continue
                if on_update is not None:
                    on_update(plan.named_update(update))
                if update.outcome is not None:
                    yield update.outcome

    def _submit(self, plan: RunPlan, run: _Run, item: RunItem) -> WaitFor | RunResult:
        if plan.needs_costs(item):
            self._ask_costs(plan, run)
        action = plan.next_action(item)
        while not isinstance(action, (WaitFor, RunResult)):
            if plan.allowance.pause:
                self._context.clock.sleep(plan.allowance.pause)
            if isinstance(action, Upload):
                action = self._upload(plan, item, action)
            else:
                action = self._start(plan, run, item, action)
        return action

    def _upload(self, plan: RunPlan, item: RunItem, action: Upload) -> Action:
        try:
            file = self._files.upload(action.path, name=action.name, content_type=plan.content_type)
            off_loop(lambda: check_unchanged(item))
        except DatalabError as error:
            return plan.record_failure(item, error, action)
        return plan.record_upload(item, file)

    def _start(self, plan: RunPlan, run: _Run, item: RunItem, action: Submit) -> Action:
        try:
            if action.address is None:
                # From when it is opened on, whatever sends it sees changes.
                off_loop(lambda: check_unchanged(item))
            sending = plan.sending(item, action)
            job_id = run.start(sending, content_type=plan.content_type)
        except DatalabError as error:
            # If this call raises, nothing was submitted for the file.
            return plan.record_failure(item, error, action)
        return plan.record_submission(item, job_id)

    def _save(self, plan: RunPlan, run: _Run, outcome: Outcome[Any, Any]) -> RunResult | None:
        settled = plan.record_outcome(outcome)
        if settled is None or isinstance(settled, RunResult):
            return settled
        item, place = settled
        ended = outcome.result()
        try:
            saved = run.save(ended, place)
        except DatalabError as error:
            return plan.record_save_error(item, ended.status, error)
        return plan.record_saved(item, outcome.id, saved, now=self._context.clock.monotonic())

    def _ask_next_cost(self, plan: RunPlan, run: _Run) -> None:
        """Ask for the cost that was missed for longest, before its result is deleted."""
        if plan.late and plan.late[0].due <= self._context.clock.monotonic():
            self._ask_cost(plan, run, plan.late.popleft())

    def _ask_costs(self, plan: RunPlan, run: _Run) -> None:
        """Ask for all costs that are missed, for at most a minute."""
        clock = self._context.clock
        deadline = clock.monotonic() + LONGEST
        for pause in asking_again(clock.monotonic, deadline):
            if not plan.late:
                return
            clock.sleep(pause)
            for _ in range(len(plan.late)):
                # Of very many, the rate limit lets only some be asked for in time.
                left = deadline - clock.monotonic()
                if plan.late and left > 0:
                    self._ask_cost(plan, run, plan.late.popleft(), timeout=left)
        while plan.late:
            plan.record_cost(plan.late.popleft(), None)

    def _ask_cost(
        self, plan: RunPlan, run: _Run, late: LateCost, *, timeout: float = LONGEST
    ) -> None:
        cents: float | None = None
        try:
            cents = run.cost(late.job_id, timeout=timeout)
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
