"""Holds every mocked exchange against the vendored spec.

A mock that the spec forbids proves nothing about the real API, and a request
that it forbids would be refused there. Both fail the test run.
"""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import httpx
import jsonschema_rs
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.responses.exceptions import ResponseNotFound
from werkzeug.datastructures import Headers, ImmutableMultiDict

from datalab_facade.testing.forms import FormPart, parse_form

PUBLISHED_ERRORS = frozenset({400, 401, 402, 403, 404, 413, 429, 500, 529})
"""Statuses that the API's pages list and its spec leaves out of the operations."""
GATEWAY_ERRORS = frozenset({502, 503, 504})
"""Statuses of whatever stands before the API; their bodies are anything."""


class SpecViolationError(AssertionError):
    """An exchange that the spec forbids."""


class SpecGuard:
    """Judges exchanges by one OpenAPI document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._forms = _forms(document)
        # Whether the document itself is valid takes long to find, and has a test of its own.
        config = Config(spec_validator_cls=None)  # pyright: ignore[reportArgumentType]
        self._spec = OpenAPI.from_dict(_without_forms(document), config)

    def check(
        self, request: httpx.Request, response: httpx.Response | None, *, off_spec: bool = False
    ) -> None:
        """Raise unless the spec allows the request and the response.

        Args:
            request: What was sent.
            response: What was answered; None if the connection failed.
            off_spec: The answer breaks the spec on purpose; check the request only.
        """
        self._check_form(request)
        try:
            self._spec.validate_request(_Request(request))
        except OpenAPIError as error:
            raise SpecViolationError(
                f"{request.method} {request.url}: {_reasons(error)}"
            ) from error
        if response is not None and not off_spec:
            self.check_answer(request, response)

    def check_answer(self, request: httpx.Request, response: httpx.Response) -> None:
        """Raise unless the spec allows the response, whatever it says of the request."""
        try:
            self._spec.validate_response(_Request(request), _Response(response))
        except ResponseNotFound:
            self._check_published_error(request, response)
        except OpenAPIError as error:
            raise SpecViolationError(
                f"{request.method} {request.url} -> {response.status_code}: {_reasons(error)}"
            ) from error

    def _check_form(self, request: httpx.Request) -> None:
        """Check that a form has known fields of their type, each once.

        For openapi-core, all fields are bytes.
        """
        asked = request.method.lower(), request.url.path
        schema = next(
            (
                schema
                for (method, path), schema in self._forms.items()
                if method == asked[0] and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), asked[1])
            ),
            None,
        )
        if schema is None:
            return
        place = f"{request.method} {request.url}"
        kind = request.headers.get("content-type", "")
        if not kind.startswith("multipart/form-data"):
            raise SpecViolationError(f"{place}: takes a form, not {kind}")
        parts = parse_form(kind, request.read())
        names = [part.name for part in parts]
        if len(set(names)) < len(names):
            raise SpecViolationError(f"{place}: fields repeat: {names}")
        form = {part.name: _form_value(part, schema["properties"]) for part in parts}
        try:
            jsonschema_rs.validate({**schema, "additionalProperties": False}, form)
        except jsonschema_rs.ValidationError as error:
            raise SpecViolationError(f"{place}: {error}") from error

    def _check_published_error(self, request: httpx.Request, response: httpx.Response) -> None:
        status = response.status_code
        if status in GATEWAY_ERRORS:
            return
        if status not in PUBLISHED_ERRORS:
            raise SpecViolationError(
                f"{request.method} {request.url}: the API never answers {status}"
            )
        try:
            detail = json.loads(response.content)["detail"]
        except (ValueError, KeyError, TypeError):
            detail = None
        if not isinstance(detail, str):
            raise SpecViolationError(
                f"a {status} of the API has a sentence as detail: {response.text}"
            )


def _reasons(error: BaseException) -> str:
    reasons = [str(error)]
    while error.__cause__ is not None:
        error = error.__cause__
        reasons.append(str(error))
    return ": ".join(reasons)


def _forms(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Give the schema of each form, by the method and path of its operation."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "multipart/form-data" in content:
                name = content["multipart/form-data"]["schema"]["$ref"].rpartition("/")[2]
                found[method, path] = document["components"]["schemas"][name]
    return found


def _without_forms(document: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    for method, path in _forms(document):
        del changed["paths"][path][method]["requestBody"]
    return changed


def _form_value(part: FormPart, fields: dict[str, Any]) -> Any:
    """Give what a part means to its schema; what it cannot mean fails there."""
    kinds = [one.get("type") for one in fields.get(part.name, {}).get("anyOf", [{}])]
    kind = fields.get(part.name, {}).get("type", kinds[0])
    if (part.filename is not None) is not ("binary" in str(fields.get(part.name))):
        return ["a file, or not one"]
    if kind == "boolean":
        return {"true": True, "false": False}.get(part.text, part.text)
    if kind in ("integer", "number"):
        try:
            return json.loads(part.text)
        except ValueError:
            return part.text
    return part.text


class _Request:
    def __init__(self, request: httpx.Request) -> None:
        self.host_url = f"{request.url.scheme}://{request.url.host}"
        self.path = request.url.path
        self.method = request.method.lower()
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(request.url.params.multi_items()),
            header=Headers(list(request.headers.items())),
            cookie=ImmutableMultiDict(),
        )
        self.body = request.read() or None
        self.content_type = request.headers.get("content-type", "")


class _Response:
    def __init__(self, response: httpx.Response) -> None:
        self.status_code = response.status_code
        self.headers = Headers(list(response.headers.items()))
        self.content_type = response.headers.get("content-type", "")
        self.data = response.content
