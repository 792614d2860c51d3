"""Requests about pipelines, schemas and batch runs: checks arguments, plans submissions. No IO."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from datalab_facade.arguments import checked_count, checked_text, named
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.jobs.retries import Submission
from datalab_facade.json_forms import JSON
from datalab_facade.known_secrets import redact_value
from datalab_facade.pipelines.models import ExtractionSchema, Pipeline

MOST_PER_PAGE: Final = 200
"""The most pipelines, schemas or batch runs that the API returns in one answer."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_LONGEST_NAME: Final = 200


def is_pipeline_id(text: str) -> bool:
    """Tell whether a text is a pipeline's id, and not the name of a saved one.

    >>> is_pipeline_id("pl_k8Hx9mP2nQ4v"), is_pipeline_id("Invoices")
    (True, False)
    """
    return text.startswith("pl_") and _ID.fullmatch(text) is not None


def checked_pipeline(pipeline: object) -> str:
    """Return the id of a pipeline, or the name of a saved one.

    Raises:
        InvalidArgumentError: It is neither a pipeline nor a text.
    """
    if isinstance(pipeline, Pipeline):
        return pipeline.id
    if isinstance(pipeline, str) and pipeline.strip():
        return pipeline
    raise InvalidArgumentError(
        "A pipeline is given as its id ('pl_k8Hx9mP2nQ4v'), as the name under which it was "
        f"saved, or as a Pipeline, not as {named(pipeline)}"
    )


def checked_pipeline_id(pipeline: object) -> str:
    """Return the id of a pipeline where a name will not do.

    Raises:
        InvalidArgumentError: It is neither an id nor a pipeline.
    """
    pipeline_id = pipeline.id if isinstance(pipeline, Pipeline) else pipeline
    if isinstance(pipeline_id, str) and _ID.fullmatch(pipeline_id):
        return pipeline_id
    raise InvalidArgumentError(
        "A pipeline is given here as its id ('pl_k8Hx9mP2nQ4v') or as a Pipeline, not as "
        f"{named(pipeline)}; client.pipelines.get(name) finds it"
    )


def checked_schema_id(schema: object) -> str:
    """Return the id of an extraction schema, given as an id or a snapshot.

    Raises:
        InvalidArgumentError: It is neither.
    """
    schema_id = schema.id if isinstance(schema, ExtractionSchema) else schema
    if isinstance(schema_id, str) and _ID.fullmatch(schema_id):
        return schema_id
    raise InvalidArgumentError(
        "An extraction schema is given as its id ('sch_k8Hx9mP2nQ4v') or as an ExtractionSchema, "
        f"not as {named(schema)}"
    )


def checked_name(name: object) -> str:
    """Return a name that the API takes.

    Raises:
        InvalidArgumentError: It is not a text, or longer than 200 characters.
    """
    text = checked_text("name", name)
    if len(text) > _LONGEST_NAME:
        raise InvalidArgumentError(
            f"name has {len(text)} characters; the API takes {_LONGEST_NAME} at most"
        )
    return text


def checked_optional_text(name: str, value: object) -> str | None:
    """Return a text, or None.

    Raises:
        InvalidArgumentError: It is neither.
    """
    return None if value is None else checked_text(name, value)


def checked_flag(name: str, value: object) -> bool:
    """Return True or False.

    Raises:
        InvalidArgumentError: It is neither.
    """
    if not isinstance(value, bool):
        raise InvalidArgumentError(f"{name} must be True or False, not {named(value)}")
    return value


def checked_optional_id(name: str, value: object) -> str | None:
    """Return an id, or None.

    Raises:
        InvalidArgumentError: It is neither.
    """
    if value is None or (isinstance(value, str) and _ID.fullmatch(value)):
        return value
    raise InvalidArgumentError(
        f"{name} must be an id such as 'pl_k8Hx9mP2nQ4v', not {named(value)}"
    )


def checked_optional_number(name: str, value: int | None) -> int | None:
    """Return a whole number from 0 on, or None.

    Raises:
        InvalidArgumentError: It is neither.
    """
    return None if value is None else checked_count(name, value, least=0)


def submission(subject: str, advice: str, sent: Mapping[str, JSON]) -> Submission:
    """Plan a request that must not be carried out twice.

    Args:
        subject: What it is about, for the log and the error.
        advice: How the caller finds out whether the server acted.
        sent: What is sent; secrets in it are redacted.
    """
    return Submission(subject, advice, {name: redact_value(one) for name, one in sent.items()})
