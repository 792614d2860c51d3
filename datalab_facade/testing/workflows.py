"""The workflows of the simulated service, and access to them for tests."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, Literal, TypeAlias

import attrs

from datalab_facade.clock import Clock
from datalab_facade.testing.checking import check_type, new_id
from datalab_facade.testing.jsonvalue import JSON
from datalab_facade.testing.scripts import ExecutionScript, RunScript, Shape, StepScript
from datalab_facade.testing.store_views import StoreView

Refusal: TypeAlias = Literal["status", "success", "none"]
"""How deleting a workflow with executions is refused: a 400, a 200 with false, or not at all."""

STEP_TYPES: Final[Mapping[str, str]] = {
    "marker_parse": "Parse documents; saves a checkpoint for downstream steps",
    "marker_segment": "Split parsed documents into segments",
    "marker_extract": "Extract fields from parsed documents",
    "api_request": "Call an HTTP API",
    "conditional": "Route based on step outputs",
    "await_parse_quality": "Wait for quality scoring before conditional routing",
}
"""The step types that the service knows by default, with their descriptions."""

# Typical for documents of a few pages.
_STEP_SECONDS: Final[Mapping[str, float]] = {
    "marker_parse": 40.0,
    "marker_segment": 20.0,
    "marker_extract": 25.0,
    "api_request": 3.0,
}
_OTHER_STEP_SECONDS: Final = 5.0
_QUEUED_SECONDS: Final = 2.0


@attrs.frozen(kw_only=True)
class StoredWorkflow:
    """A workflow stored in the service."""

    workflow_id: int
    name: str
    team_id: int
    steps: tuple[Mapping[str, JSON], ...]
    created_at: datetime
    script: ExecutionScript | None = None
    """The script of its executions; ``None``: it follows from the steps."""


@attrs.frozen(kw_only=True)
class WorkflowBehavior:
    """The behavior of the workflow endpoints where that of the real ones is unknown."""

    wrapped: bool = True
    """Whether a list is wrapped, as in ``{"workflows": [...]}``, or bare."""
    step_type_key: str = "type"
    """The key of the type in the list of step types: ``type`` or ``step_type``."""
    create_tells_step_key: bool = True
    """Whether the answer to a creation includes each step's ``step_key``."""
    refusal: Refusal = "status"
    """How deleting a workflow with executions is refused."""
    execution_key: str = "execution_id"
    """The key of the id in the answer to a submission: ``execution_id`` or ``id``."""
    shape: Shape = "flat"
    """The shape of executions without a script."""


@attrs.define
class WorkflowStore:
    """All workflows. The simulator's lock guards it."""

    team_id: int = 1
    """The team of the key."""
    behavior: WorkflowBehavior = attrs.field(factory=WorkflowBehavior)
    step_types: Mapping[str, str] = attrs.field(factory=lambda: dict(STEP_TYPES))
    by_id: dict[int, StoredWorkflow] = attrs.field(factory=dict[int, StoredWorkflow])
    last_id: int = 0

    def add(
        self,
        name: str,
        steps: Iterable[Mapping[str, JSON]],
        team_id: int,
        created_at: datetime,
        workflow_id: int | None = None,
    ) -> StoredWorkflow:
        """Store a new workflow."""
        workflow_id = new_id(workflow_id, self.last_id + 1, self.by_id, "a workflow")
        self.last_id = max(self.last_id, workflow_id)
        workflow = StoredWorkflow(
            workflow_id=workflow_id,
            name=name,
            team_id=team_id,
            steps=tuple(steps),
            created_at=created_at,
        )
        self.by_id[workflow.workflow_id] = workflow
        return workflow

    def find(self, workflow_id: int) -> StoredWorkflow | None:
        """Find a workflow of the key's team by its id."""
        workflow = self.by_id.get(workflow_id)
        return workflow if workflow is not None and workflow.team_id == self.team_id else None


def build_script(
    workflow: StoredWorkflow, files: Iterable[str], behavior: WorkflowBehavior
) -> ExecutionScript:
    """Build the script of an execution: each step starts after the steps that it depends on.

    Args:
        workflow: the workflow to execute; its own script comes first.
        files: the keys of the input files.
        behavior: sets the shape.
    """
    if workflow.script is not None:
        return attrs.evolve(workflow.script, workflow_id=workflow.workflow_id)
    # A file that is named twice is one.
    keys = tuple(dict.fromkeys(files)) or ("aggregated",)
    ends: dict[str, float] = {}
    scripts: list[StepScript] = []
    waiting = {str(step["unique_name"]): step for step in workflow.steps}
    while waiting:
        # In a cycle, which only a test can add, all steps start at once.
        free = [
            name
            for name, step in waiting.items()
            if all(other in ends for other in dependencies_of(step))
        ]
        ready = free or list(waiting)
        for name in ready:
            step = waiting.pop(name)
            starts = max(
                (ends.get(other, _QUEUED_SECONDS) for other in dependencies_of(step)),
                default=_QUEUED_SECONDS,
            )
            ends[name] = starts + _STEP_SECONDS.get(str(step["step_key"]), _OTHER_STEP_SECONDS)
            runs = [RunScript(key, starts=starts, ends=ends[name]) for key in keys]
            scripts.append(StepScript(name, runs=runs))
    return ExecutionScript(
        scripts, shape=behavior.shape, queued=_QUEUED_SECONDS, workflow_id=workflow.workflow_id
    )


def dependencies_of(step: Mapping[str, JSON]) -> tuple[str, ...]:
    """Return the names of the steps that a step depends on."""
    names = step.get("depends_on")
    return tuple(map(str, names)) if isinstance(names, (list, tuple)) else ()


class Workflows(StoreView[int, StoredWorkflow]):
    """The workflows of a simulator by id, oldest first; see ``simulator.workflows``.

    ::

        workflow_id = simulator.workflows.add(
            "Invoices", [{"step_key": "marker_parse", "unique_name": "parse"}]
        )
        simulator.workflows.script_for(workflow_id, ExecutionScript([...]))
    """

    def __init__(self, store: WorkflowStore, clock: Clock, lock: threading.RLock) -> None:
        super().__init__(store, lock)
        self._store: Final = store
        self._clock: Final = clock

    @property
    def team_id(self) -> int:
        """The team of the key; can be set."""
        return self._store.team_id

    @team_id.setter
    def team_id(self, team_id: int) -> None:
        with self._lock:
            self._store.team_id = team_id

    @property
    def behavior(self) -> WorkflowBehavior:
        """The behavior of the workflow endpoints; can be set."""
        return self._store.behavior

    @behavior.setter
    def behavior(self, behavior: WorkflowBehavior) -> None:
        with self._lock:
            self._store.behavior = behavior

    @property
    def step_types(self) -> Mapping[str, str]:
        """The known step types with their descriptions; can be set."""
        return self._store.step_types

    @step_types.setter
    def step_types(self, step_types: Mapping[str, str]) -> None:
        with self._lock:
            self._store.step_types = dict(step_types)

    def add(
        self,
        name: str,
        steps: Iterable[Mapping[str, JSON]],
        *,
        team_id: int | None = None,
        workflow_id: int | None = None,
    ) -> int:
        """Add a workflow without checks; return its id.

        Args:
            name: the name.
            steps: the steps, as the API writes them.
            team_id: the team. Default: that of the key.
            workflow_id: the id. Default: one more than the highest so far.

        Raises:
            ValueError: there is a workflow with this id, or it is not above zero.
        """
        with self._lock:
            team = self._store.team_id if team_id is None else team_id
            now = self._clock.now()
            return self._store.add(name, steps, team, now, workflow_id).workflow_id

    def script_for(self, workflow_id: int, script: ExecutionScript | None) -> None:
        """Set the script of a workflow's executions; ``None``: it follows from the steps.

        Raises:
            TypeError: the script is not an :class:`ExecutionScript`.
            KeyError: there is no such workflow.
        """
        if script is not None:
            example = "ExecutionScript([StepScript('parse', ends=60)])"
            check_type(script, ExecutionScript, "a script", example)
        with self._lock:
            workflow = self._store.by_id[workflow_id]
            self._store.by_id[workflow_id] = attrs.evolve(workflow, script=script)
