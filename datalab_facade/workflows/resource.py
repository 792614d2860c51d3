"""Workflows, for blocking code: what there is, create, delete, execute.

:mod:`~datalab_facade.workflows.async_resource` has the same methods with the same meaning.
What there is to decide is decided once, in :mod:`~datalab_facade.workflows.requests`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Unpack

from datalab_facade.calling import ApiCaller
from datalab_facade.context import Context
from datalab_facade.executions.handles import ExecutionHandle
from datalab_facade.executions.resource import Executions
from datalab_facade.options import CallOptions
from datalab_facade.transport.api import ApiTransport
from datalab_facade.transport.operations import (
    delete_workflow,
    get_workflow,
    list_step_types,
    list_workflows,
)
from datalab_facade.workflows.decoding import decode_deletion, decode_started
from datalab_facade.workflows.definitions import StepDefinition, WorkflowDefinition
from datalab_facade.workflows.inputs import InputLike
from datalab_facade.workflows.models import StepType, Workflow
from datalab_facade.workflows.requests import (
    Reading,
    checked_team_id,
    checked_workflow_id,
    creation,
    execution_of,
)


class Workflows:
    """Workflows, for blocking code. Found at ``client.workflows``.

    >>> def process(client, definition, url):
    ...     workflow = client.workflows.create(definition)
    ...     handle = client.workflows.execute(workflow, url)
    ...     return handle.result()
    """

    def __init__(self, transport: ApiTransport, executions: Executions, context: Context) -> None:
        self._executions = executions
        self._calls = ApiCaller(transport, context)
        self._reading = Reading(context)

    def step_types(
        self, *, timeout: float | timedelta | None = None, **options: Unpack[CallOptions]
    ) -> tuple[StepType, ...]:
        """Tell what types of step there are.

        Args:
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The key is wrong.
            APIStatusError: The server says no in another way.
            APIConnectionError: No whole answer came; as APITimeoutError if it took too long.
            InvalidResponseError: The answer is no list of step types.
        """
        return self._calls.ask(
            list_step_types(),
            self._reading.step_types,
            timeout=timeout,
            options=options,
            subject="step types",
        )

    def list(
        self,
        *,
        team_id: int | None = None,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> tuple[Workflow, ...]:
        """Tell what workflows there are; the API gives them all at once.

        Args:
            team_id: Those of which team; by default those of the key's.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The key is wrong.
            UnprocessableEntityError: The server finds fault with the request.
            APIStatusError: The server says no in another way.
            APIConnectionError: No whole answer came; as APITimeoutError if it took too long.
            InvalidResponseError: The answer is no list of workflows.
        """
        return self._calls.ask(
            list_workflows(checked_team_id(team_id)),
            self._reading.workflows,
            timeout=timeout,
            options=options,
            subject="workflows",
        )

    def get(
        self,
        workflow_id: int,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> Workflow:
        """Look at a workflow.

        Args:
            workflow_id: Its id.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The key is wrong.
            NotFoundError: The workflow is unknown to this key.
            UnprocessableEntityError: The server finds fault with the request.
            APIStatusError: The server says no in another way.
            APIConnectionError: No whole answer came; as APITimeoutError if it took too long.
            InvalidResponseError: The answer is no workflow.
        """
        return self._calls.ask(
            get_workflow(checked_workflow_id(workflow_id)),
            lambda answer: self._reading.workflow(answer, workflow_id),
            timeout=timeout,
            options=options,
            subject=f"workflow {workflow_id}",
        )

    def create(
        self,
        definition: WorkflowDefinition | str,
        steps: Iterable[StepDefinition] | None = None,
        *,
        secrets: Mapping[str, str] | None = None,
        retry_overloaded: bool = False,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> Workflow:
        """Create a workflow, once.

        The request is repeated only where the server certainly did not act on it.

        Args:
            definition: What it is to be; or its name, with its steps beside it.
            steps: Its steps, if a name was given.
            secrets: What fills ``${secret:name}`` in the settings of steps, by name;
                ``${env:NAME}`` is filled from the environment. Nothing of it is ever
                told, but the server keeps it with the workflow.
            retry_overloaded: Repeat it after 503 and 529, too, and so believe that an
                overloaded server did nothing. Where it did, there are two workflows.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The workflow as the server tells of it, with its id.

        Raises:
            InvalidDefinitionError: The definition is wrong, or a placeholder cannot be
                filled; the error tells everything that is. Nothing was sent.
            InvalidArgumentError: Another argument is wrong; nothing was sent.
            AuthenticationError: The key is wrong.
            UnprocessableEntityError: The server finds fault with the definition.
            APIStatusError: The server says no in another way; nothing was created.
            RequestRejectedError: The server says no in a success; nothing was created.
            APIConnectionError: The server was not reached; nothing was created.
            SubmissionUncertainError: It was sent, but whether the workflow was created is
                not known; ``list`` tells.
        """
        planned = creation(definition, steps, secrets, retry_overloaded=retry_overloaded)
        return self._calls.submit(
            planned.operation,
            self._reading.workflow,
            timeout=timeout,
            options=options,
            submission=planned.submission,
        )

    def delete(
        self,
        workflow: int | Workflow,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Delete a workflow; the server may refuse that while it has executions.

        Args:
            workflow: The workflow, or its id.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The key is wrong.
            NotFoundError: The workflow is unknown to this key. When an earlier try of
                this call got no answer that is no error, since then it was deleted.
            UnprocessableEntityError: The server finds fault with the request.
            APIStatusError: The server says no in another way.
            RequestRejectedError: The server says no in a success; the workflow is still there.
            APIConnectionError: No whole answer came; as APITimeoutError if it took too long.
            InvalidResponseError: The answer is not about a deletion.
        """
        workflow_id = checked_workflow_id(workflow)
        self._calls.remove(
            delete_workflow(workflow_id),
            lambda answer: decode_deletion(answer, requested_id=workflow_id),
            timeout=timeout,
            options=options,
            subject=f"the deletion of workflow {workflow_id}",
        )

    def execute(
        self,
        workflow: int | Workflow,
        input_config: InputLike | None,
        *,
        retry_overloaded: bool = False,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> ExecutionHandle:
        """Execute a workflow, once. It costs money; nothing can cancel it.

        The request is repeated only where the server certainly did not act on it.

        Args:
            workflow: The workflow, or its id.
            input_config: What to work on: a URL, a ``datalab://`` reference, what was
                uploaded, a list of these, or an
                :class:`~datalab_facade.InputConfig`. None sends no input at all.
            retry_overloaded: Repeat it after 503 and 529, too, and so believe that an
                overloaded server did nothing. Where it did, it is executed twice.
            timeout: Seconds, or a timedelta, for the whole call, which does not wait for the
                execution's end; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            A handle of the execution, to wait for it.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The key is wrong.
            NotFoundError: The workflow is unknown to this key.
            UnprocessableEntityError: The server finds fault with the input.
            APIStatusError: The server says no in another way; nothing was started.
            RequestRejectedError: The server says no in a success; nothing was started.
            APIConnectionError: The server was not reached; nothing was started.
            SubmissionUncertainError: It was sent, but whether an execution was started is
                not known.
        """
        planned = execution_of(workflow, input_config, retry_overloaded=retry_overloaded)
        execution_id = self._calls.submit(
            planned.operation,
            lambda answer: decode_started(answer, workflow_id=planned.workflow_id),
            timeout=timeout,
            options=options,
            submission=planned.submission,
        )
        return self._executions.handle(execution_id)
