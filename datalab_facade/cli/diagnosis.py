"""The checks of ``doctor``: where the settings come from, whether Datalab answers."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar, Final, Literal, TypeAlias

import attrs

from datalab_facade._version import __version__
from datalab_facade.cli.exits import ExitCode, problem_of
from datalab_facade.cli.keys import HOST_VARIABLE, FoundKey, find_key, is_open_to_others
from datalab_facade.client import Datalab
from datalab_facade.codec import JSONFormat, ToJSON, json_field
from datalab_facade.errors import (
    CALLER_ERRORS,
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    ConnectionSetupError,
    DatalabError,
    PermissionDeniedError,
)
from datalab_facade.fields import http_date
from datalab_facade.health import Health
from datalab_facade.redaction import redact_url
from datalab_facade.transport.origin import DEFAULT_BASE_URL

Verdict: TypeAlias = Literal["ok", "warning", "error", "unknown"]

_MAX_SKEW: Final = 30.0
_PACKAGES: Final = ("httpx", "attrs", "click", "rich", "uvicorn")
_PROXIES: Final = tuple(
    name for upper in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY") for name in (upper, upper.lower())
)

_NO_KEY: Final = "no-key-was-found"


@attrs.frozen
class Check(ToJSON):
    """The result of one check."""

    name: str
    verdict: Verdict
    message: str
    hint: str = ""
    """What to do next; empty if there is nothing to do."""


@attrs.frozen
class Diagnosis(ToJSON):
    """The results of all checks, and the exit code of the program."""

    _json: ClassVar = JSONFormat(properties={"ok": "ok"})

    checks: tuple[Check, ...]
    code: ExitCode = attrs.field(metadata=json_field(left_out=True))

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return self.code is ExitCode.DONE


def diagnose(
    key_file: str | None,
    host: str | None,
    *,
    allow_http: bool,
    environment: Mapping[str, str] = os.environ,
) -> Diagnosis:
    """Run all checks. No result contains the key."""
    checks = [_check_versions(), _check_host(host, environment)]
    key, key_check = _check_key(key_file, environment)
    checks.append(key_check)
    codes = [ExitCode.DONE if key is not None else ExitCode.USAGE]
    try:
        client = Datalab(
            _NO_KEY if key is None else key.key,
            base_url=host,
            allow_http=allow_http,
            timeout=20.0,
            request_timeout=10.0,
            max_retries=1,
        )
    except CALLER_ERRORS as error:
        problem = problem_of(error)
        checks.append(Check("settings", "error", problem.message, problem.hint))
        return Diagnosis(tuple(checks), problem.code)
    with client:
        answer = _send_test_request(client)
    checks += _interpret(answer, is_keyed=key is not None)
    if isinstance(answer, (AuthenticationError, PermissionDeniedError)):
        codes.append(ExitCode.REFUSED if key is not None else ExitCode.USAGE)
    elif isinstance(answer, DatalabError):
        codes.insert(0, problem_of(answer).code)
    code = next((code for code in codes if code is not ExitCode.DONE), ExitCode.DONE)
    return Diagnosis(tuple(checks), code)


def _check_versions() -> Check:
    found = [f"datalab-facade {__version__}", f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{package} not installed")
    return Check("versions", "ok", ", ".join(found))


def _check_host(host: str | None, environment: Mapping[str, str]) -> Check:
    # click fills the option from the environment variable if the option is missing.
    source = "by default"
    if host:
        source = (
            f"from {HOST_VARIABLE}" if environment.get(HOST_VARIABLE) == host else "from --host"
        )
    message = f"{redact_url(host or DEFAULT_BASE_URL)}, {source}"
    proxies = [name for name in _PROXIES if environment.get(name)]
    if proxies:
        message += f"; proxies set by {', '.join(proxies)}"
    return Check("host", "ok", message)


def _check_key(
    key_file: str | None, environment: Mapping[str, str]
) -> tuple[FoundKey | None, Check]:
    try:
        key = find_key(key_file, environment)
    except ConfigurationError as error:
        return None, Check("key", "error", str(error))
    message = f"found in {key.source}"
    if key.path is not None and is_open_to_others(key.path):
        hint = f"Other users of this machine can read it; run: chmod 600 {key.path}"
        return key, Check("key", "warning", message, hint)
    return key, Check("key", "ok", message)


def _send_test_request(client: Datalab) -> Health | DatalabError:
    try:
        return client.health()
    except DatalabError as error:
        return error


def _interpret(answer: Health | DatalabError, *, is_keyed: bool) -> list[Check]:
    if isinstance(answer, APIConnectionError):
        hint = "Check the network, the proxy settings and the host"
        if isinstance(answer, ConnectionSetupError):
            # Its message says what to set.
            hint = ""
        unknown = [
            Check(name, "unknown", "not checked: Datalab cannot be reached")
            for name in ("accepted", "clock")
        ]
        return [Check("reachable", "error", problem_of(answer).message, hint), *unknown]
    reached = Check("reachable", "ok", "Datalab answers")
    if isinstance(answer, DatalabError) and not isinstance(
        answer, (AuthenticationError, PermissionDeniedError)
    ):
        problem = problem_of(answer)
        reached = Check("reachable", "error", problem.message, problem.hint)
    return [
        reached,
        _check_authentication(answer, is_keyed=is_keyed),
        clock_check(answer, datetime.now(UTC)),
    ]


def _check_authentication(answer: Health | DatalabError, *, is_keyed: bool) -> Check:
    if not is_keyed:
        return Check("accepted", "unknown", "not checked: there is no key")
    if isinstance(answer, (AuthenticationError, PermissionDeniedError)):
        problem = problem_of(answer)
        hint = "Create a new key in Datalab's settings and use that one"
        return Check("accepted", "error", problem.message, hint)
    if isinstance(answer, Health):
        return Check("accepted", "ok", "Datalab accepts the key")
    return Check("accepted", "unknown", "not known: the answer does not say")


def clock_check(answer: Health | DatalabError | None, now: datetime) -> Check:
    """Compare the clock of this machine with the ``Date`` header of an answer."""
    server_time = answer.answered_at if isinstance(answer, Health) else None
    date = answer.headers.get("date") if isinstance(answer, APIStatusError) else None
    if date is not None:
        server_time = http_date(date)
    if server_time is None:
        return Check("clock", "unknown", "not checked: the answer has no Date header")
    difference = (now - server_time).total_seconds()
    if abs(difference) <= _MAX_SKEW:
        return Check("clock", "ok", "this machine's clock agrees with Datalab's")
    direction = "ahead of" if difference > 0 else "behind"
    message = f"this machine's clock is {abs(difference):.0f} s {direction} Datalab's"
    return Check(
        "clock", "warning", message, "Set the clock; otherwise URLs of outputs may seem expired"
    )
