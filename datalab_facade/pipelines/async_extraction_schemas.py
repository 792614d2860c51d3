"""Extraction schemas, for async code: create, list, get, update, delete."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Unpack

from datalab_facade.async_calling import AsyncApiCaller
from datalab_facade.context import Context
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.json_forms import JSON
from datalab_facade.keywords import shows_options
from datalab_facade.options import CallOptions
from datalab_facade.paging import Paging
from datalab_facade.pipelines.decoding import decode_done, decode_schema, decode_schemas
from datalab_facade.pipelines.models import ExtractionSchema
from datalab_facade.pipelines.requests import (
    MOST_PER_PAGE,
    checked_flag,
    checked_name,
    checked_optional_text,
    checked_schema_id,
    submission,
)
from datalab_facade.transport.async_api import AsyncApiTransport
from datalab_facade.transport.pipeline_operations import (
    create_extraction_schema,
    delete_extraction_schema,
    get_extraction_schema,
    list_extraction_schemas,
    update_extraction_schema,
)

_ADVICE = "Check client.extraction_schemas.list() for it before you send it again"


@shows_options(CallOptions)
class AsyncExtractionSchemas:
    """Extraction schemas, for async code. Found at ``client.extraction_schemas``.

    The server stores them, so that an extraction can name one by its id. A schema is given
    as a class (pydantic, dataclass, attrs, TypedDict), a JSON Schema, or the path of one, as for
    ``client.documents.extract``.

    >>> async def store(client, invoice_type):
    ...     schema = await client.extraction_schemas.create("Invoice", invoice_type)
    ...     return schema.id
    """

    def __init__(self, transport: AsyncApiTransport, context: Context) -> None:
        self._calls = AsyncApiCaller(transport, context)
        self._context = context

    async def create(
        self,
        name: str,
        schema: type | Mapping[str, JSON] | os.PathLike[str],
        *,
        description: str | None = None,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> ExtractionSchema:
        """Store a schema, once.

        The request is retried only if the server certainly did not act on it.

        Args:
            name: The name for people, 200 characters at most.
            schema: A class, a JSON Schema with ``properties``, or the path of one.
            description: What it is for.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The schema as the server describes it, with its id.

        Raises:
            InvalidSchemaError: The schema cannot be sent; the error lists all issues.
            InvalidArgumentError: Another argument is wrong; nothing was sent.
            SubmissionUncertainError: The request was sent, but it is not known whether the
                schema was stored; check :meth:`list`.
            DatalabError: Whatever :meth:`get` raises; nothing was stored.
        """
        checked = checked_name(name)
        operation = create_extraction_schema(
            checked, _schema_of(schema), checked_optional_text("description", description)
        )
        return await self._calls.submit(
            operation,
            self._context.recording(decode_schema),
            timeout=timeout,
            options=options,
            submission=submission(
                f"the creation of extraction schema {checked!r}", _ADVICE, {"name": checked}
            ),
        )

    def list(
        self,
        *,
        include_archived: bool = False,
        limit: int | None = None,
        page_size: int = MOST_PER_PAGE,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[ExtractionSchema, None]:
        """List the schemas; pages are requested as they are needed.

        Args:
            include_archived: Whether archived ones are listed as well.
            limit: The largest number of schemas to yield; by default all.
            page_size: The number of schemas per request, 1 to 200; 200 by default.
            timeout: Seconds, or a timedelta, for each page; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            An iterator of schemas.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            DatalabError: Whatever :meth:`get` raises.
        """
        paging = Paging[ExtractionSchema](
            limit=limit, page_size=page_size, most=MOST_PER_PAGE, key=lambda schema: schema.id
        )
        return self._calls.pages(
            paging,
            partial(
                list_extraction_schemas,
                include_archived=checked_flag("include_archived", include_archived),
            ),
            self._context.recording(decode_schemas),
            timeout=timeout,
            options=options,
            subject="list of extraction schemas",
        )

    async def get(
        self,
        schema: str | ExtractionSchema,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> ExtractionSchema:
        """Fetch a schema.

        Args:
            schema: Its id, such as ``"sch_k8Hx9mP2nQ4v"``, or a snapshot of it.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            AuthenticationError: The API key is wrong.
            NotFoundError: The API key has no such schema.
            UnprocessableEntityError: The server did not accept the request's values.
            APIStatusError: The server answered with another error.
            APIConnectionError: No complete answer came; APITimeoutError if it took too long.
            InvalidResponseError: The answer is not such a schema.
        """
        schema_id = checked_schema_id(schema)
        return await self._calls.query(
            get_extraction_schema(schema_id),
            self._decoder(schema_id),
            timeout=timeout,
            options=options,
            subject=f"extraction schema {schema_id}",
        )

    async def update(
        self,
        schema: str | ExtractionSchema,
        new_schema: type | Mapping[str, JSON] | os.PathLike[str] | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        is_archived: bool | None = None,
        create_new_version: bool = False,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> ExtractionSchema:
        """Change a schema; what is not given stays as it is.

        Args:
            schema: Its id, or a snapshot of it.
            new_schema: What it is to be, as for :meth:`create`.
            name: The name for people, 200 characters at most.
            description: What it is for.
            is_archived: Whether it is hidden from :meth:`list`.
            create_new_version: Whether the old form stays, under its version. Such a request
                is retried only if the server certainly did not act on it.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Returns:
            The schema as it is now.

        Raises:
            InvalidSchemaError: The new schema cannot be sent; the error lists all issues.
            InvalidArgumentError: Another argument is wrong, or nothing is to be changed;
                nothing was sent.
            SubmissionUncertainError: It is not known whether a new version was made.
            DatalabError: Whatever :meth:`get` raises.
        """
        schema_id = checked_schema_id(schema)
        changes: dict[str, JSON] = {}
        if new_schema is not None:
            changes["schema_json"] = _schema_of(new_schema)
        if name is not None:
            changes["name"] = checked_name(name)
        if description is not None:
            changes["description"] = checked_optional_text("description", description)
        if is_archived is not None:
            changes["archived"] = bool(is_archived)
        if not changes:
            raise InvalidArgumentError(
                "Nothing is to be changed: give new_schema, name, description or is_archived"
            )
        if not create_new_version:
            return await self._calls.query(
                update_extraction_schema(schema_id, changes),
                self._decoder(schema_id),
                timeout=timeout,
                options=options,
                subject=f"the update of extraction schema {schema_id}",
            )
        return await self._calls.submit(
            update_extraction_schema(schema_id, {**changes, "create_new_version": True}),
            self._decoder(schema_id),
            timeout=timeout,
            options=options,
            submission=submission(
                f"a new version of extraction schema {schema_id}",
                "Check the version that client.extraction_schemas.get() names before you send "
                "it again",
                {"schema_id": schema_id},
            ),
        )

    async def delete(
        self,
        schema: str | ExtractionSchema,
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Delete a schema.

        Args:
            schema: Its id, or a snapshot of it.
            timeout: Seconds, or a timedelta, for the whole call; by default the client's, a minute.
            options: Rarely needed: ``request_timeout``, ``max_retries``, ``headers``.

        Raises:
            InvalidArgumentError: An argument is wrong; nothing was sent.
            NotFoundError: The API key has no such schema. If an earlier attempt of this
                call got no answer, this is not raised: it deleted the schema.
            RequestRejectedError: The server reports a refusal with a success status; the
                schema still exists.
            DatalabError: Whatever :meth:`get` raises.
        """
        schema_id = checked_schema_id(schema)
        await self._calls.delete(
            delete_extraction_schema(schema_id),
            decode_done,
            timeout=timeout,
            options=options,
            subject=f"the deletion of extraction schema {schema_id}",
        )

    def _decoder(self, schema_id: str) -> Callable[[JSON], ExtractionSchema]:
        """Return a decoder of an answer that must be about a schema; it records drift."""
        return self._context.recording(partial(decode_schema, requested_id=schema_id))


def _schema_of(schema: type | Mapping[str, JSON] | os.PathLike[str]) -> dict[str, JSON]:
    from datalab_facade.documents.schemas import schema_of

    return schema_of(schema)
