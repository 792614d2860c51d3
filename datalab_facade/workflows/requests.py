"""What is asked about workflows: arguments checked, requests built, answers read. No IO."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

import attrs

from datalab_facade.arguments import checked_id, checked_mapping, named
from datalab_facade.context import Context
from datalab_facade.errors import ConfigurationError, DefinitionInvalid, DefinitionProblem
from datalab_facade.models import JSON
from datalab_facade.secrecy import Secrets, concealed
from datalab_facade.transport.operations import Operation, create_workflow, execute_workflow
from datalab_facade.waiting.faults import Submission
from datalab_facade.workflows.decoding import (
    decode_step_types,
    decode_workflow,
    decode_workflows,
)
from datalab_facade.workflows.definitions import StepDefinition, WorkflowDefinition
from datalab_facade.workflows.inputs import InputConfig, InputLike
from datalab_facade.workflows.models import StepType, Workflow
from datalab_facade.workflows.placeholders import filled

_FIND_WORKFLOW = "Look at client.workflows.list() for it before you create it again"
_FIND_EXECUTION = (
    "Nothing in the API lists executions, so look for it in Datalab's dashboard before you "
    "execute again"
)


@attrs.frozen
class Submitted:
    """A request that must not be sent twice, and how its fate is told."""

    operation: Operation
    submission: Submission
    workflow_id: int | None = None
    """Of the workflow that is to be executed."""


def creation(
    definition: WorkflowDefinition | str,
    steps: Iterable[StepDefinition] | None,
    secrets: Mapping[str, str] | None,
    *,
    retry_overloaded: bool,
) -> Submitted:
    """Plan the creation of a workflow.

    Raises:
        DefinitionInvalid: The definition is wrong, or placeholders cannot be filled.
        ConfigurationError: Another argument is wrong.
    """
    whole = _definition(definition, steps)
    whole.check()
    form = [step.to_dict() for step in whole.steps]
    given = _checked_secrets(secrets)
    done = [
        filled(one["settings"], f"steps[{n}] {one['unique_name']!r}.settings", given, os.environ)
        for n, one in enumerate(form)
    ]
    missing: list[DefinitionProblem] = [problem for one in done for problem in one.missing]
    if missing:
        raise DefinitionInvalid(tuple(missing))
    return Submitted(
        create_workflow(
            whole.name,
            [{**one, "settings": ready.value} for one, ready in zip(form, done, strict=True)],
        ),
        Submission(
            f"the creation of workflow {whole.name!r}",
            _FIND_WORKFLOW,
            {"name": whole.name, "steps": [concealed(one) for one in form]},
            Secrets(value for one in done for value in one.used),
            retry_overloaded,
        ),
    )


def execution_of(
    workflow: int | Workflow, given: InputLike | None, *, retry_overloaded: bool
) -> Submitted:
    """Plan the execution of a workflow.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    workflow_id = checked_workflow_id(workflow)
    config = None if given is None else InputConfig.of(given)
    shown: dict[str, JSON] = {"workflow_id": workflow_id}
    if config is not None:
        shown["input_config"] = config.shown()
    return Submitted(
        execute_workflow(workflow_id, None if config is None else config.to_dict()),
        Submission(
            f"the execution of workflow {workflow_id}",
            _FIND_EXECUTION,
            shown,
            retry_overloaded=retry_overloaded,
        ),
        workflow_id,
    )


def checked_workflow_id(workflow: object) -> int:
    """Give a workflow's id, of a snapshot too.

    Raises:
        ConfigurationError: If it is no whole number from 0 on.
    """
    given = workflow.id if isinstance(workflow, Workflow) else workflow
    return checked_id(given, of="A workflow")


def checked_team_id(team_id: object) -> int | None:
    """Give a team's id, or None.

    Raises:
        ConfigurationError: If it is neither None nor a whole number.
    """
    return None if team_id is None else checked_id(team_id, of="A team")


@attrs.frozen
class Reading:
    """Makes models of answers, and counts what is odd about them."""

    context: Context

    def step_types(self, answer: JSON) -> tuple[StepType, ...]:
        """Read a list of step types."""
        return self.context.noted(*decode_step_types(answer))

    def workflows(self, answer: JSON) -> tuple[Workflow, ...]:
        """Read a list of workflows."""
        return self.context.noted(*decode_workflows(answer))

    def workflow(self, answer: JSON, requested_id: int | None = None) -> Workflow:
        """Read a workflow, the one that was asked for if one was."""
        return self.context.noted(*decode_workflow(answer, requested_id=requested_id))


def _definition(
    definition: WorkflowDefinition | str, steps: Iterable[StepDefinition] | None
) -> WorkflowDefinition:
    if isinstance(definition, WorkflowDefinition):
        if steps is None:
            return definition
        raise ConfigurationError("A definition has its steps inside; pass it alone")
    if not isinstance(definition, str):
        raise ConfigurationError(
            f"A workflow is created from a WorkflowDefinition, or from a name and its steps, "
            f"not from a {type(definition).__name__}; WorkflowDefinition.from_file() reads one"
        )
    if steps is None:
        raise ConfigurationError(
            f"{definition!r} is taken for the name of a workflow, which needs steps as well; "
            f"WorkflowDefinition.from_file() reads a definition from a file"
        )
    return WorkflowDefinition(definition, steps)


def _checked_secrets(secrets: Mapping[str, str] | None) -> Mapping[str, str]:
    if secrets is None:
        return {}
    for name, value in checked_mapping("secrets", secrets).items():
        if not isinstance(value, str):
            raise ConfigurationError(f"secrets[{named(name)}] must be a text")
    return secrets
