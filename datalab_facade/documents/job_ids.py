"""The ids of document requests: an endpoint and a request id, since both are needed to poll."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from datalab_facade.arguments import named
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.redaction import redact_url

ENDPOINTS: Final[Mapping[str, str]] = {
    "convert": "convert",
    "extract": "extract",
    "segment": "segment",
    "fill": "fill",
    "track_changes": "track-changes",
    "create": "create-document",
    "run_agent": "agent",
    "suggest_schemas": "marker/extraction/gen_schemas",
}
"""The endpoint of each verb, as it stands in the paths of the API."""

_KNOWN: Final = frozenset(ENDPOINTS.values())
# The API makes 22 characters of URL-safe base64; older ones were numbers.
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~=-]{0,199}")
_PREFIX: Final = "/api/v1/"
_USUAL_PORTS: Final = {"http": 80, "https": 443}


def is_request_id(value: object) -> bool:
    """Tell whether a value can be the id of a request, within its endpoint."""
    return isinstance(value, str) and _REQUEST_ID.fullmatch(value) is not None


def split_id(job_id: str) -> tuple[str, str]:
    """Return the endpoint and the request id of a job id.

    >>> split_id("convert/Qm3xT0yLr8sWb2ZkVf6NcA")
    ('convert', 'Qm3xT0yLr8sWb2ZkVf6NcA')
    """
    endpoint, _, request_id = job_id.rpartition("/")
    return endpoint, request_id


def is_job_id(value: str) -> bool:
    """Tell whether a text is a job id: an endpoint of documents, and the id of a request."""
    endpoint, request_id = split_id(value)
    return endpoint in _KNOWN and is_request_id(request_id)


def checked_job_id(value: object) -> str:
    """Return a job id if it is one.

    Raises:
        InvalidArgumentError: It is something else.
    """
    if isinstance(value, str):
        if is_job_id(value):
            return value
        if is_request_id(value):
            raise InvalidArgumentError(
                f"The request id {named(value)} does not say what kind of request it is: use "
                f"client.documents.handle({value!r}, verb='convert'), or the id with its "
                f"endpoint, 'convert/{value}'"
            )
    raise InvalidArgumentError(
        "A document request is given as its id, such as 'convert/Qm3xT0yLr8sWb2ZkVf6NcA', its "
        f"request_check_url, a snapshot, a result or a handle, not as {named(value)}"
    )


def id_with_verb(request_id: object, verb: object) -> str:
    """Return the job id of a request of a verb.

    Raises:
        InvalidArgumentError: The verb is not known, or the id cannot be one.
    """
    endpoint = ENDPOINTS.get(verb) if isinstance(verb, str) else None
    if endpoint is None:
        raise InvalidArgumentError(f"verb must be one of {', '.join(ENDPOINTS)}, not {named(verb)}")
    if not is_request_id(request_id):
        raise InvalidArgumentError(
            f"The id of a request is a text such as 'Qm3xT0yLr8sWb2ZkVf6NcA', not "
            f"{named(request_id)}"
        )
    return f"{endpoint}/{request_id}"


def id_of_check_url(url: str, base_url: str) -> str:
    """Return the job id of a ``request_check_url``.

    Args:
        url: The address that the API gave for checking on the request.
        base_url: The address of the API that the client talks to.

    Raises:
        InvalidArgumentError: It is not such an address, or belongs to another API's address.
    """
    try:
        parts, ours = urlsplit(url), urlsplit(base_url)
        there, here = (
            _server(parts.scheme, parts.hostname, parts.port),
            _server(ours.scheme, ours.hostname, ours.port),
        )
    except ValueError:
        raise InvalidArgumentError(f"{redact_url(url)} is not an address") from None
    if there != here or parts.username is not None:
        raise InvalidArgumentError(
            f"{redact_url(url)} belongs to another address than this client talks to, {base_url}: "
            "use a client of that address"
        )
    prefix = ours.path.rstrip("/") + _PREFIX
    if not parts.path.startswith(prefix):
        raise InvalidArgumentError(f"{redact_url(url)} is not the address of a document request")
    return checked_job_id(unquote(parts.path.removeprefix(prefix)).rstrip("/"))


def _server(scheme: str, host: str | None, port: int | None) -> tuple[str, str | None, int | None]:
    return scheme, host, port or _USUAL_PORTS.get(scheme)
