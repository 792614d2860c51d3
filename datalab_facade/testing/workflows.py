"""The workflows that the simulated service holds, and how tests look at them and add to them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, Literal, TypeAlias

import attrs

from datalab_facade.clock import Clock
from datalab_facade.testing.jsonvalue import JSON
from datalab_facade.testing.scripts import ExecutionScript, RunScript, Shape, StepScript

Refusal: TypeAlias = Literal["status", "success", "none"]
"""How the deletion of a workflow with executions is refused: 400, 200 with false, or not at all."""

STEP_TYPES: Final[Mapping[str, str]] = {
    "marker_parse": "Parse documents; saves a checkpoint for downstream steps",
    "marker_segment": "Split parsed documents into segments",
    "marker_extract": "Extract fields from parsed documents",
    "api_request": "Call an HTTP API",
    "conditional": "Route based on step outputs",
    "await_parse_quality": "Wait for quality scoring before conditional routing",
}
"""The types of step that the service knows, unless told otherwise."""

# Seconds, in the middle of what documents of some pages take.
_TAKES: Final[Mapping[str, float]] = {
    "marker_parse": 40.0,
    "marker_segment": 20.0,
    "marker_extract": 25.0,
    "api_request": 3.0,
}
_USUALLY: Final = 5.0
_QUEUED: Final = 2.0


@attrs.frozen(kw_only=True)
class StoredWorkflow:
    """A workflow as the service knows it."""

    workflow_id: int
    name: str
    team_id: int
    steps: tuple[Mapping[str, JSON], ...]
    created_at: datetime
    script: ExecutionScript | None = None
    """What its executions do; None: it follows from the steps."""


@attrs.frozen(kw_only=True)
class WorkflowBehavior:
    """How the endpoints for workflows behave where nobody knows how the real ones do."""

    wrapped: bool = True
    """Whether lists come as ``{"workflows": [...]}`` or bare."""
    step_type_key: str = "type"
    """How an item of the list of step types names its type: ``type`` or ``step_type``."""
    create_tells_step_key: bool = True
    """Whether the answer to a creation repeats each step's ``step_key``."""
    refusal: Refusal = "status"
    """How the deletion of a workflow with executions is refused."""
    execution_key: str = "execution_id"
    """How the answer to an execution names it: ``execution_id`` or ``id``."""
    shape: Shape = "flat"
    """The shape of executions that follow from steps."""


@attrs.define
class WorkflowStore:
    """All workflows; the simulator's lock guards it."""

    team_id: int = 1
    """The team of the key."""
    behavior: WorkflowBehavior = attrs.field(factory=WorkflowBehavior)
    step_types: Mapping[str, str] = attrs.field(factory=lambda: dict(STEP_TYPES))
    by_id: dict[int, StoredWorkflow] = attrs.field(factory=dict[int, StoredWorkflow])
    last_id: int = 0

    def add(
        self, name: str, steps: Iterable[Mapping[str, JSON]], team_id: int, created_at: datetime
    ) -> StoredWorkflow:
        """Keep a new workflow."""
        self.last_id += 1
        workflow = StoredWorkflow(
            workflow_id=self.last_id,
            name=name,
            team_id=team_id,
            steps=tuple(steps),
            created_at=created_at,
        )
        self.by_id[workflow.workflow_id] = workflow
        return workflow

    def find(self, workflow_id: int) -> StoredWorkflow | None:
        """The workflow of an id, if the key's team has it."""
        found = self.by_id.get(workflow_id)
        return found if found is not None and found.team_id == self.team_id else None


def script_of(
    workflow: StoredWorkflow, files: Iterable[str], behavior: WorkflowBehavior
) -> ExecutionScript:
    """What an execution does, if nobody said it: each step begins when those it needs have ended.

    Args:
        workflow: what is executed.
        files: the keys of the files it works on.
        manners: say in which shape.
    """
    if workflow.script is not None:
        return attrs.evolve(workflow.script, workflow_id=workflow.workflow_id)
    keys = tuple(files) or ("aggregated",)
    ends: dict[str, float] = {}
    scripts: list[StepScript] = []
    left = {str(step["unique_name"]): step for step in workflow.steps}
    while left:
        # In a circle, which only a test can bring here, all begin at once.
        free = [name for name, step in left.items() if all(n in ends for n in needs_of(step))]
        ready = free or list(left)
        for name in ready:
            step = left.pop(name)
            starts = max((ends.get(one, _QUEUED) for one in needs_of(step)), default=_QUEUED)
            ends[name] = starts + _TAKES.get(str(step["step_key"]), _USUALLY)
            runs = [RunScript(key, starts=starts, ends=ends[name]) for key in keys]
            scripts.append(StepScript(name, runs=runs))
    return ExecutionScript(
        scripts, shape=behavior.shape, queued=_QUEUED, workflow_id=workflow.workflow_id
    )


def needs_of(step: Mapping[str, JSON]) -> tuple[str, ...]:
    """The names of the steps that a step depends on."""
    needed = step.get("depends_on")
    return tuple(map(str, needed)) if isinstance(needed, (list, tuple)) else ()


class Workflows(Mapping[int, StoredWorkflow]):
    """The workflows of a simulator by id, oldest first. Found at ``simulator.workflows``.

    ::

        workflow_id = simulator.workflows.add(
            "Invoices", [{"step_key": "marker_parse", "unique_name": "parse"}]
        )
        simulator.workflows.script_for(workflow_id, ExecutionScript([...]))
    """

    def __init__(self, shelf: WorkflowStore, clock: Clock, lock: threading.RLock) -> None:
        self._shelf: Final = shelf
        self._clock: Final = clock
        self._lock: Final = lock

    @property
    def team_id(self) -> int:
        """The team of the key; set it to be of another."""
        return self._shelf.team_id

    @team_id.setter
    def team_id(self, team_id: int) -> None:
        with self._lock:
            self._shelf.team_id = team_id

    @property
    def behavior(self) -> WorkflowBehavior:
        """How the endpoints behave; set others to change it."""
        return self._shelf.behavior

    @behavior.setter
    def behavior(self, behavior: WorkflowBehavior) -> None:
        with self._lock:
            self._shelf.behavior = behavior

    @property
    def step_types(self) -> Mapping[str, str]:
        """The types of step that there are, with their descriptions; set others to change them."""
        return self._shelf.step_types

    @step_types.setter
    def step_types(self, step_types: Mapping[str, str]) -> None:
        with self._lock:
            self._shelf.step_types = dict(step_types)

    def add(
        self, name: str, steps: Iterable[Mapping[str, JSON]], *, team_id: int | None = None
    ) -> int:
        """Add a workflow, unchecked; its id. By default it is of the key's team."""
        with self._lock:
            team = self._shelf.team_id if team_id is None else team_id
            return self._shelf.add(name, steps, team, self._clock.now()).workflow_id

    def script_for(self, workflow_id: int, script: ExecutionScript | None) -> None:
        """Let executions of a workflow do what a script says; None: what follows from its steps."""
        with self._lock:
            found = self._shelf.by_id[workflow_id]
            self._shelf.by_id[workflow_id] = attrs.evolve(found, script=script)

    def __getitem__(self, workflow_id: int) -> StoredWorkflow:
        with self._lock:
            return self._shelf.by_id[workflow_id]

    def __iter__(self) -> Iterator[int]:
        with self._lock:
            return iter(list(self._shelf.by_id))

    def __len__(self) -> int:
        return len(self._shelf.by_id)

    def __repr__(self) -> str:
        return f"Workflows({list(self.values())!r})"
