"""Requests about workflows: checks arguments, builds requests, decodes answers. No IO."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

import attrs

from datalab_facade.arguments import checked_id, checked_mapping, named
from datalab_facade.errors import (
    DefinitionIssue,
    InvalidArgumentError,
    InvalidDefinitionError,
)
from datalab_facade.jobs.retries import Submission
from datalab_facade.json_forms import JSON
from datalab_facade.known_secrets import Secrets, redact_value
from datalab_facade.transport.operations import Operation, create_workflow, execute_workflow
from datalab_facade.workflows.definitions import StepDefinition, WorkflowDefinition
from datalab_facade.workflows.inputs import InputConfig, InputLike
from datalab_facade.workflows.models import Workflow
from datalab_facade.workflows.placeholders import fill

_FIND_WORKFLOW = "Check client.workflows.list() for it before you create it again"
_FIND_EXECUTION = (
    "The API cannot list executions, so check Datalab's dashboard for it before you execute "
    "the workflow again"
)


@attrs.frozen
class Submitted:
    """A request that must not be sent twice, and the facts for its errors."""

    operation: Operation
    submission: Submission
    workflow_id: int | None = None
    """The id of the workflow to execute, if there is one."""


def creation(
    definition: WorkflowDefinition | str,
    steps: Iterable[StepDefinition] | None,
    secrets: Mapping[str, str] | None,
    *,
    retry_overloaded: bool,
) -> Submitted:
    """Plan the creation of a workflow.

    Raises:
        InvalidDefinitionError: The definition has issues, or placeholders cannot be filled.
        InvalidArgumentError: Another argument is wrong.
    """
    plan = _definition(definition, steps)
    plan.validate()
    form = [step.to_dict() for step in plan.steps]
    values = _checked_secrets(secrets)
    filled = [
        fill(one["settings"], f"steps[{n}] {one['unique_name']!r}.settings", values, os.environ)
        for n, one in enumerate(form)
    ]
    missing: list[DefinitionIssue] = [issue for one in filled for issue in one.missing]
    if missing:
        raise InvalidDefinitionError(tuple(missing))
    return Submitted(
        create_workflow(
            plan.name,
            [{**one, "settings": done.value} for one, done in zip(form, filled, strict=True)],
        ),
        Submission(
            f"the creation of workflow {plan.name!r}",
            _FIND_WORKFLOW,
            {"name": plan.name, "steps": [redact_value(one) for one in form]},
            Secrets(value for one in filled for value in one.used),
            retry_overloaded,
        ),
    )


def execution_of(
    workflow: int | Workflow, input_config: InputLike | None, *, retry_overloaded: bool
) -> Submitted:
    """Plan the execution of a workflow.

    Raises:
        InvalidArgumentError: An argument is wrong.
    """
    workflow_id = checked_workflow_id(workflow)
    config = None if input_config is None else InputConfig.coerce(input_config)
    details: dict[str, JSON] = {"workflow_id": workflow_id}
    if config is not None:
        details["input_config"] = config.redacted()
    return Submitted(
        execute_workflow(workflow_id, None if config is None else config.to_dict()),
        Submission(
            f"the execution of workflow {workflow_id}",
            _FIND_EXECUTION,
            details,
            retry_overloaded=retry_overloaded,
        ),
        workflow_id,
    )


def checked_workflow_id(workflow: object) -> int:
    """Return the id of a workflow, given as an id or a snapshot.

    Raises:
        InvalidArgumentError: It is neither a snapshot nor a whole number of at least 0.
    """
    workflow_id = workflow.id if isinstance(workflow, Workflow) else workflow
    return checked_id(workflow_id, of="A workflow")


def checked_team_id(team_id: object) -> int | None:
    """Return a team's id, or None.

    Raises:
        InvalidArgumentError: It is neither None nor a whole number.
    """
    return None if team_id is None else checked_id(team_id, of="A team")


def _definition(
    definition: WorkflowDefinition | str, steps: Iterable[StepDefinition] | None
) -> WorkflowDefinition:
    if isinstance(definition, WorkflowDefinition):
        if steps is None:
            return definition
        raise InvalidArgumentError("A WorkflowDefinition contains its steps; pass it without steps")
    if not isinstance(definition, str):
        raise InvalidArgumentError(
            f"definition must be a WorkflowDefinition, or a name with steps, not "
            f"{named(definition)}; WorkflowDefinition.from_file() reads one from a file"
        )
    if steps is None:
        raise InvalidArgumentError(
            f"A workflow needs steps, but {definition!r} came without; for a file use "
            f"WorkflowDefinition.from_file()"
        )
    return WorkflowDefinition(name=definition, steps=steps)


def _checked_secrets(secrets: Mapping[str, str] | None) -> Mapping[str, str]:
    if secrets is None:
        return {}
    for name, value in checked_mapping("secrets", secrets).items():
        if not isinstance(value, str):
            raise InvalidArgumentError(
                f"secrets[{named(name)}] must be a string, not a {type(value).__name__}"
            )
    return secrets
