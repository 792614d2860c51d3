"""Decisions about running a task over many files.

A run submits each file, waits, and saves the outputs. :class:`RunPlan` decides what to do next
for a file, and records what was done; :mod:`~datalab_facade.runs.runner` and
:mod:`~datalab_facade.runs.async_runner` do it. Nothing here knows which kind of job it is:
that is in :mod:`~datalab_facade.runs.job_family`.
"""

from __future__ import annotations

import os
from collections import deque
from typing import Any, Final

import attrs

from datalab_facade.errors import (
    APIStatusError,
    AuthenticationError,
    ConnectionSetupError,
    CostLimitError,
    DatalabError,
    NotFoundError,
    PaymentRequiredError,
    PermissionDeniedError,
    UploadError,
)
from datalab_facade.files.models import File
from datalab_facade.jobs.kinds import JobSnapshot
from datalab_facade.jobs.outcomes import Outcome, Update
from datalab_facade.jobs.retries import is_unsent
from datalab_facade.json_forms import JSON
from datalab_facade.runs.job_family import JobFamily, Place, Saved, Sending, is_never_accepted
from datalab_facade.runs.run_actions import (
    Action,
    LateCost,
    Submit,
    WaitFor,
    blocked_error,
    folder_names,
    has_failed,
    message_of,
    uncertain_error,
    upload_of,
)
from datalab_facade.runs.run_journal import RunJournal
from datalab_facade.runs.run_options import RunRequest
from datalab_facade.runs.run_pacing import Allowance
from datalab_facade.runs.run_records import RunEntry
from datalab_facade.runs.run_results import RunResult, result_of
from datalab_facade.runs.run_sources import RunItem
from datalab_facade.statuses import Status

_SAME_FOR_ALL: Final = (AuthenticationError, PermissionDeniedError, ConnectionSetupError)
_FIRST_ASKED: Final = 5.0
"""Seconds after the end of a job until its cost is asked for, where that came without one."""


class RunPlan:
    """Decides what to do next for each file, and records in the journal what was done.

    Args:
        journal: The journal of earlier calls.
        request: The arguments of this call.
        family: What kind of jobs these are.

    Attributes:
        allowance: Whether another file may be submitted.
        late: The jobs whose cost is asked for later.
        late_cents: What came of that, by the position of the file.
    """

    def __init__(self, journal: RunJournal, request: RunRequest, family: JobFamily) -> None:
        self._journal = journal
        self._family = family
        self.content_type = request.content_type
        self._retry_failed = request.retry_failed
        self._retry_unknown = request.retry_unknown
        self._seen: set[str] = set()
        self._failed: dict[str, DatalabError] = {}
        self._uploaded_now: set[str] = set()
        self._sending: str | None = None
        self._waiting: dict[int | str, deque[RunItem]] = {}
        self._refused: deque[RunItem] = deque()
        self._refusals = 0
        self._no_more_sources = False
        self.late: deque[LateCost] = deque()
        self.late_cents: dict[int, float] = {}
        self.allowance = Allowance(request.max_cost_cents, request.concurrency)
        for key, entry in journal.entries():
            is_open = entry.submitting or (entry.job_id is not None and entry.reason is None)
            self.allowance.load(
                key, cents=entry.cents, earlier=entry.earlier_cents, is_open=is_open
            )

    @property
    def has_room(self) -> bool:
        """Whether another file may be read; so it is whenever nothing is under way."""
        if self._no_more_sources and not self._refused:
            return not self.allowance.under_way
        return self.allowance.has_room

    def needs_costs(self, item: RunItem) -> bool:
        """Tell whether a file cannot be submitted before it is known what earlier ones cost."""
        entry = self._journal.entry(item.key)
        if entry is not None and entry.job_id is not None and not self._is_retried(item, entry):
            return False
        return bool(self.late) and self.allowance.needs_costs

    @property
    def may_come_back(self) -> bool:
        """Whether a file is to be submitted again, or one that is under way may have to be."""
        return bool(self._refused or self.allowance.under_way)

    def is_done(self, item: RunItem) -> bool:
        """Tell whether an earlier call finished a file, so that nothing is sent for it."""
        entry = self._journal.entry(item.key)
        return entry is not None and entry.ended is not None and not self._is_retried(item, entry)

    def take_refused(self) -> list[RunItem]:
        """Return the files to submit again."""
        found = list(self._refused)
        self._refused.clear()
        return found

    def end_sources(self) -> None:
        """Record that there are no more files."""
        self._no_more_sources = True

    def named_update(self, update: Update[Any, Any]) -> Update[Any, Any]:
        """Return an update with the file that it is about; what is refused is no failure."""
        job = update.outcome or (update.change and update.change.snapshot)
        waiting = self._waiting.get(job.id) if job else None
        source = waiting[0].source if waiting else update.source
        totals, refusals = update.totals, self._refusals
        if update.outcome is not None and self._refusal(update.outcome) is not None:
            refusals += 1
            update = attrs.evolve(update, outcome=None)
        if refusals:
            queued = totals.queued + len(self._refused) + refusals - self._refusals
            totals = attrs.evolve(totals, failed=totals.failed - refusals, queued=queued)
        return attrs.evolve(update, source=source, totals=totals)

    def next_action(self, item: RunItem) -> Action:
        """Decide what to do next for a file."""
        if item.problem is not None:
            return self._result(item, error=item.problem)
        if item.key in self._failed:
            # The same file was named before; it is tried once in a call.
            return self._not_done(item, self._failed[item.key])
        entry = self._journal.entry(item.key)
        if entry is None:
            if (error := self.allowance.why_no_more()) is not None:
                return self._result(item, error=error, is_left=True)
            entry = self._record_first(item)
        if self._is_retried(item, entry):
            earlier = (entry.earlier_cents or 0.0) + (entry.cents or 0.0)
            anew = dict.fromkeys(("job_id", "ended", "unsaved", "reason", "cents"))
            entry = self._record(item, **anew, submitting=False, earlier_cents=earlier or None)
        self._seen.add(item.key)
        return self._next(item, entry)

    def record_upload(self, item: RunItem, file: File) -> Action:
        """Record that a file was uploaded, and decide what to do next."""
        self._uploaded_now.add(item.key)
        self.allowance.connected()
        return self._next(item, self._record(item, reference=file.reference))

    def sending(self, item: RunItem, action: Submit) -> Sending:
        """Describe a submission; the journal records when it is sent."""
        return Sending(
            item=item,
            address=action.address,
            on_leaving=lambda: self._record_sending(item),
            on_refused=lambda: self._record_not_sent(item),
        )

    def record_submission(self, item: RunItem, job_id: int | str) -> WaitFor:
        """Record the job that was started."""
        self._sending = None
        self.allowance.connected()
        self._record(item, submitting=False, job_id=job_id)
        return self._wait(item, job_id)

    def record_failure(self, item: RunItem, error: DatalabError, action: Action) -> Action:
        """Process an error of an upload or a submission, and decide what to do next.

        Raises:
            DatalabError: The error would repeat for every other file.
        """
        self._sending = None
        if self._journal.failure is not None:
            raise self._journal.failure
        if isinstance(error, _SAME_FOR_ALL):
            raise error
        cause = error.__cause__ if isinstance(error, UploadError) else error
        if isinstance(cause, DatalabError) and is_unsent(cause):
            # It says nothing about the file, which is tried again, or left to a later call.
            self.allowance.unconnected(cause)
            return self._next(item, self._entry(item))
        if isinstance(error, PaymentRequiredError):
            self.allowance.stop(error)
        if isinstance(error, (PaymentRequiredError, CostLimitError)):
            return self._result(item, error=error, is_left=True)
        entry = self._journal.entry(item.key)
        if entry is not None and entry.submitting:
            self.allowance.open(item.key)
        is_gone = isinstance(error, APIStatusError) and error.status in (400, 404, 422)
        was_uploaded = isinstance(action, Submit) and action.address and not action.fresh
        if is_gone and was_uploaded and item.path is not None:
            # The file that an earlier call uploaded may have been deleted since.
            self._uploaded_now.add(item.key)
            self._record(item, reference=None)
            return upload_of(item.path)
        return self._not_done(item, error)

    def record_outcome(
        self, outcome: Outcome[Any, Any]
    ) -> tuple[RunItem, Place] | RunResult | None:
        """Process an outcome.

        Returns:
            The file and where its outputs go; or its result; or None if it was refused, and
            is to be submitted again.
        """
        waiting = self._waiting[outcome.id]
        item = waiting.popleft()
        if not waiting:
            del self._waiting[outcome.id]
        if outcome.error is not None:
            if isinstance(outcome.error, NotFoundError):
                self._record(item, reason=message_of(outcome.error))
            return self._not_done(item, outcome.error)
        self.allowance.connected()
        refusal = self._refusal(outcome)
        if refusal is not None:
            return self._record_refusal(item, outcome.result(), refusal)
        self.allowance.accepted()
        return item, self._place(item, self._entry(item))

    def record_saved(
        self, item: RunItem, job_id: int | str, saved: Saved, *, now: float
    ) -> RunResult:
        """Record the saved outputs, and return the file's result."""
        facts: dict[str, JSON] = {"ended": str(saved.status), "reason": saved.reason}
        if not saved.is_final:
            facts = {"unsaved": str(saved.status), "problem": saved.reason}
        if saved.duration is not None:
            facts["seconds"] = saved.duration.total_seconds()
        if saved.cents is not None:
            facts["cents"] = saved.cents
        if saved.pages is not None:
            facts["pages"] = saved.pages
        if saved.folder is not None:
            facts["folder"] = saved.folder.relative_to(self._journal.folder).as_posix()
        self._record(item, **facts)
        succeeded = saved.error is None and saved.status is Status.COMPLETED
        self.allowance.end(item.key)
        self.allowance.close(item.key, saved.cents, succeeded=succeeded)
        self.allowance.stop_expecting(item.key)
        if succeeded and saved.is_final:
            self._ask_later(item, job_id, saved, now=now)
        return self._result(item, saved, error=saved.error)

    def record_save_error(self, item: RunItem, status: Status, error: DatalabError) -> RunResult:
        """Record that a job ended with this status, and that its outputs could not be saved."""
        return self._not_done(item, error, unsaved=str(status))

    def record_cost(self, late: LateCost, cents: float | None) -> None:
        """Record a cost that was not known when its job ended; None if it will not be."""
        if cents is None:
            self.allowance.give_up(late.key)
            return
        self._journal.record(late.key, cents=cents)
        self.allowance.close(late.key, cents, succeeded=True)
        self.late_cents[late.position] = cents

    def _ask_later(self, item: RunItem, job_id: int | str, saved: Saved, *, now: float) -> None:
        if self._family.tells_cost and saved.cents is None:
            self.late.append(LateCost(item.key, job_id, item.position, now + _FIRST_ASKED))
            self.allowance.expect(item.key)

    def _record_refusal(
        self, item: RunItem, snapshot: JobSnapshot, refusal: str
    ) -> RunResult | None:
        """Put a file back, since too many pages were in flight; it was not paid for."""
        self._refusals += 1
        self.allowance.end(item.key)
        self.allowance.close(item.key, None, succeeded=False)
        if is_never_accepted(refusal):
            self._record(item, ended=str(snapshot.status), reason=refusal)
            return self._result(item, error=self._family.kind.failure(snapshot))
        self.allowance.refused()
        self._record(item, job_id=None, submitting=False)
        if self.allowance.is_hopeless:
            return self._not_done(item, self._family.kind.failure(snapshot))
        self._refused.append(item)
        return None

    def _is_retried(self, item: RunItem, entry: RunEntry) -> bool:
        return self._retry_failed and item.key not in self._seen and has_failed(entry)

    def _refusal(self, outcome: Outcome[Any, Any]) -> str | None:
        snapshot = outcome.snapshot
        return None if snapshot is None else self._family.page_limit_refusal(snapshot)

    def _record_sending(self, item: RunItem) -> None:
        if (error := self.allowance.why_no_more()) is not None:
            # Costs that arrived while the request waited for its slot left no room for it.
            raise error
        # A submission that an earlier call left uncertain stays so.
        if not self._entry(item).submitting:
            self._record(item, submitting=True)
            self._sending = item.key

    def _record_not_sent(self, item: RunItem) -> None:
        if self._sending == item.key:
            self._sending = None
            self._record(item, submitting=False)

    def _record_first(self, item: RunItem) -> RunEntry:
        *names, last = folder_names(item, is_mirrored=self._family.is_mirrored)
        free = (name for name in names if not self._journal.has_folder(name))
        folder = next(free, last)
        reference = item.address if (item.address or "").startswith("datalab://") else None
        return self._record(item, source=item.source, folder=folder, reference=reference)

    def _record(self, item: RunItem, **facts: JSON) -> RunEntry:
        entry = self._journal.entry(item.key)
        if entry is not None and entry.problem is not None:
            facts.setdefault("problem", None)
        fate = self._family.fate(item, entry, facts.get("job_id"))
        return self._journal.record(item.key, fate=fate, **facts)

    def _next(self, item: RunItem, entry: RunEntry) -> Action:
        if entry.job_id is not None:
            return self._recalled(item, entry, entry.job_id) or self._wait(item, entry.job_id)
        if entry.submitting and not self._retry_unknown:
            return self._not_done(item, uncertain_error(item, self._family.noun))
        if (error := self.allowance.why_no_more()) is not None:
            return self._result(item, error=error, is_left=True)
        folder = self._place(item, entry).folder
        if os.path.lexists(folder) and not folder.is_dir():
            return self._not_done(item, blocked_error(item, folder))
        address = item.address or entry.reference
        if address is None and self._family.is_uploaded_first:
            assert item.path is not None
            return upload_of(item.path)
        return Submit(address, fresh=item.key in self._uploaded_now)

    def _recalled(self, item: RunItem, entry: RunEntry, job_id: int | str) -> RunResult | None:
        """Return the result of a file if its outputs are there.

        They may have been saved and then removed: the API may still have them.
        """
        # A job in the waiting list belongs to the same file, named before.
        if job_id in self._waiting:
            return None
        saved = self._family.recall(entry, self._place(item, entry).folder)
        if saved is None:
            return None
        if entry.ended is None:
            return self.record_saved(item, job_id, saved, now=0.0)
        if self.allowance.is_limited and saved.reason is None:
            self._ask_later(item, job_id, saved, now=0.0)
        return self._result(item, saved)

    def _wait(self, item: RunItem, job_id: int | str) -> WaitFor:
        self._waiting.setdefault(job_id, deque()).append(item)
        self.allowance.begin(item.key)
        return WaitFor(job_id)

    def _not_done(
        self, item: RunItem, error: DatalabError, *, unsaved: str | None = None
    ) -> RunResult:
        self.allowance.end(item.key)
        self.allowance.stop_expecting(item.key)
        self._failed[item.key] = error
        entry, problem = self._journal.entry(item.key), message_of(error)
        if entry is not None and (unsaved or problem not in (entry.reason, entry.problem)):
            self._record(item, problem=problem, unsaved=unsaved or entry.unsaved)
        return self._result(item, error=error)

    def _result(
        self,
        item: RunItem,
        saved: Saved | None = None,
        *,
        error: DatalabError | None = None,
        is_left: bool = False,
    ) -> RunResult:
        entry = self._journal.entry(item.key)
        if entry is None:
            folder, position = self._journal.folder, item.position
            result = RunResult(source=item.source, folder=folder, position=position)
        else:
            result = result_of(entry, self._place(item, entry).folder, item.position)
        result = attrs.evolve(result, source=item.source, error=error, is_left=is_left)
        if saved is None:
            return attrs.evolve(result, reason=None if error is None else message_of(error))
        return attrs.evolve(
            result,
            status=saved.status,
            manifest=saved.manifest,
            receipts=saved.receipts,
            reason=saved.reason,
            cost_cents=saved.cents,
            page_count=saved.pages,
            snapshot=saved.snapshot,
            duration=saved.duration,
        )

    def _entry(self, item: RunItem) -> RunEntry:
        entry = self._journal.entry(item.key)
        assert entry is not None, item
        return entry

    def _place(self, item: RunItem, entry: RunEntry) -> Place:
        subfolder, _, name = entry.folder.rpartition("/")
        return Place(item=item, output_dir=self._journal.folder / subfolder, name=name)
