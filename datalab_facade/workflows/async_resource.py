"""Workflows, for async code: list, create, delete and execute them.

What there is to decide is decided in :mod:`~datalab_facade.workflows.requests`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Unpack

from datalab_facade.async_calling import AsyncApiCaller
from datalab_facade.context import Context
from datalab_facade.executions.async_handles import AsyncExecutionHandle
from datalab_facade.executions.async_resource import AsyncExecutions
from datalab_facade.keywords import shows_options
from datalab_facade.options import CallOptions
from datalab_facade.transport.async_api import AsyncApiTransport
from datalab_facade.transport.operations import (
    delete_workflow,
    get_workflow,
    list_step_types,
    list_workflows,
)
from datalab_facade.workflows.decoding import (
    decode_deletion,
    decode_started,
    decode_step_types,
    decode_workflow,
    decode_workflows,
)
from datalab_facade.workflows.definitions import StepDefinition, WorkflowDefinition
from datalab_facade.workflows.inputs import InputLike
from datalab_facade.workflows.models import StepType, Workflow
from datalab_facade.workflows.requests import (
    Submitted,
    checked_team_id,
    checked_workflow_id,
    creation,
    execution_of,
)


@shows_options(CallOptions)
class AsyncWorkflows:
    """Workflows, for async code. Found at ``client.workflows``.

    >>> async def process(client, definition, url):
    ...     workflow = await client.workflows.create(definition)
    ...     handle = await client.workflows.execute(workflow, url)
    ...     return await handle.result()
    """

    def __init__(
        self, transport: AsyncApiTransport, executions: AsyncExecutions, context: Context
    ) -> None:
        self._executions = executions
        self._calls = AsyncApiCaller(transport, context)
        self._context = context

    async def step_types(
        self, *, timeout: float | timedelta | None = None, **options: Unpack[CallOptions]
    ) -> tuple[StepType, ...]:
        """List the step types.

        Args:
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The API key is wrong.
            APIStatusError: The server answered with another error.
            APIConnectionError: No complete answer came; APITimeoutError if it took too long.
            InvalidResponseError: The answer is not a list of step types.
        """
        return await self._calls.query(
            list_step_types(),
            self._context.recording(decode_step_types),
            timeout=timeout,
            options=options,
            subject="step types",
        )

    async def list(
        self,
        *,
        team_id: int | None = None,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> tuple[Workflow, ...]:
        """List the workflows; the API returns all of them at once.

        Args:
            team_id: The team whose workflows to list; by default the API key's.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The API key is wrong.
            UnprocessableEntityError: The server did not accept the request's values.
            APIStatusError: The server answered with another error.
            APIConnectionError: No complete answer came; APITimeoutError if it took too long.
            InvalidResponseError: The answer is not a list of workflows.
        """
        return await self._calls.query(
            list_workflows(checked_team_id(team_id)),
            self._context.recording(decode_workflows),
            timeout=timeout,
            options=options,
            subject="workflows",
        )

    async def get(
        self,
        workflow_id: int,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> Workflow:
        """Fetch a workflow.

        Args:
            workflow_id: The workflow's id.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The API key is wrong.
            NotFoundError: The API key has no such workflow.
            UnprocessableEntityError: The server did not accept the request's values.
            APIStatusError: The server answered with another error.
            APIConnectionError: No complete answer came; APITimeoutError if it took too long.
            InvalidResponseError: The answer is not a workflow.
        """
        return await self._calls.query(
            get_workflow(checked_workflow_id(workflow_id)),
            self._context.recording(partial(decode_workflow, requested_id=workflow_id)),
            timeout=timeout,
            options=options,
            subject=f"workflow {workflow_id}",
        )

    async def create(
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

        The request is retried only if the server certainly did not act on it.

        Args:
            definition: The definition, or a name together with ``steps``.
            steps: The steps, if ``definition`` is a name.
            secrets: The values for ``${secret:name}`` in the settings of steps, by name;
                ``${env:NAME}`` is filled from the environment. They never appear in
                logs or errors, but the server stores them with the workflow.
            retry_overloaded: Whether to retry after 503 and 529, too, trusting that an
                overloaded server did nothing. If it did, there are two workflows.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The workflow as the server describes it, with its id.

        Raises:
            InvalidDefinitionError: The definition has issues, or a placeholder cannot be
                filled; the error lists all issues. Nothing was sent.
            InvalidArgumentError: Another argument is wrong; nothing was sent.
            AuthenticationError: The API key is wrong.
            UnprocessableEntityError: The server did not accept the definition.
            APIStatusError: The server answered with another error; nothing was created.
            RequestRejectedError: The server reports a refusal with a success status;
                nothing was created.
            APIConnectionError: The server was not reached; nothing was created.
            SubmissionUncertainError: The request was sent, but it is not known whether the
                workflow was created; check ``list``.
        """
        planned = creation(definition, steps, secrets, retry_overloaded=retry_overloaded)
        return await self._calls.submit(
            planned.operation,
            self._context.recording(decode_workflow),
            timeout=timeout,
            options=options,
            submission=planned.submission,
        )

    async def delete(
        self,
        workflow: int | Workflow,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Delete a workflow; the server may refuse this while it has executions.

        Args:
            workflow: The workflow, or its id.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The API key is wrong.
            NotFoundError: The API key has no such workflow. If an earlier attempt
                of this call got no answer, this is not raised: it deleted the workflow.
            UnprocessableEntityError: The server did not accept the request's values.
            APIStatusError: The server answered with another error.
            RequestRejectedError: The server reports a refusal with a success status; the
                workflow still exists.
            APIConnectionError: No complete answer came; APITimeoutError if it took too long.
            InvalidResponseError: The answer is not about a deletion.
        """
        workflow_id = checked_workflow_id(workflow)
        await self._calls.delete(
            delete_workflow(workflow_id),
            partial(decode_deletion, requested_id=workflow_id),
            timeout=timeout,
            options=options,
            subject=f"the deletion of workflow {workflow_id}",
        )

    async def execute(
        self,
        workflow: int | Workflow,
        input_config: InputLike | None,
        *,
        retry_overloaded: bool = False,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncExecutionHandle:
        """Execute a workflow, once. This costs money and cannot be canceled.

        The request is retried only if the server certainly did not act on it.

        Args:
            workflow: The workflow, or its id.
            input_config: The input: a URL, a ``datalab://`` reference, an uploaded file,
                a list of these, or an :class:`~datalab_facade.InputConfig`. None sends
                no input.
            retry_overloaded: Whether to retry after 503 and 529, too, trusting that an
                overloaded server did nothing. If it did, the workflow runs twice.
            timeout: Seconds, or a timedelta, for the whole call, which does not wait for the
                execution to end; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            A handle of the execution, to wait with.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The API key is wrong.
            NotFoundError: The API key has no such workflow.
            UnprocessableEntityError: The server did not accept the input.
            APIStatusError: The server answered with another error; nothing was started.
            RequestRejectedError: The server reports a refusal with a success status;
                nothing was started.
            APIConnectionError: The server was not reached; nothing was started.
            SubmissionUncertainError: The request was sent, but it is not known whether an
                execution was started.
        """
        planned = execution_of(workflow, input_config, retry_overloaded=retry_overloaded)
        return self._executions.handle(await self._start_planned(planned, timeout, options))

    async def _start_planned(
        self, planned: Submitted, timeout: float | timedelta | None, options: CallOptions
    ) -> int:
        """Start a planned execution, and return its id; for runs as well."""
        return await self._calls.submit(
            planned.operation,
            partial(decode_started, workflow_id=planned.workflow_id),
            timeout=timeout,
            options=options,
            submission=planned.submission,
        )
