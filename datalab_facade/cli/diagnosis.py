"""What doctor looks at: where the settings come from, whether Datalab can be reached."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar, Final, Literal, TypeAlias

import attrs

from datalab_facade._version import __version__
from datalab_facade.cli.exits import ExitCode, problem_of
from datalab_facade.cli.keys import HOST_VARIABLE, FoundKey, find_key, is_open_to_others
from datalab_facade.client import DEFAULT_BASE_URL, Datalab
from datalab_facade.codec import JSONFormat, ToJSON, json_field
from datalab_facade.errors import (
    CALLER_ERRORS,
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    DatalabError,
    NotFoundError,
    PermissionDeniedError,
)
from datalab_facade.redaction import redact_url

Verdict: TypeAlias = Literal["good", "doubtful", "bad", "unknown"]

_MOST_SKEW: Final = 30.0
_PACKAGES: Final = ("httpx", "attrs", "click", "rich", "uvicorn")
_PROXIES: Final = tuple(
    name for upper in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY") for name in (upper, upper.lower())
)

# Nobody has an execution of this number; the answer to it tells all that is asked here.
_NOBODYS: Final = 2**31 - 1
_NO_KEY: Final = "no-key-was-found"


@attrs.frozen
class Check(ToJSON):
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    told: str
    hint: str = ""
    """What to do about it, if anything."""


@attrs.frozen
class Diagnosis(ToJSON):
    """Everything that was looked at, and with which code the program ends."""

    _json: ClassVar = JSONFormat(properties={"ok": "ok"})

    checks: tuple[Check, ...]
    code: ExitCode = attrs.field(metadata=json_field(left_out=True))

    @property
    def ok(self) -> bool:
        """Whether nothing is in the way."""
        return self.code is ExitCode.DONE


def diagnose(
    key_file: str | None,
    host: str | None,
    *,
    allow_http: bool,
    environment: Mapping[str, str] = os.environ,
) -> Diagnosis:
    """Look at everything that can keep this program from working. The key is never told."""
    checks = [_versions(), _host(host, environment)]
    key, told = _key(key_file, environment)
    checks.append(told)
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
        checks.append(Check("settings", "bad", problem.message, problem.hint))
        return Diagnosis(tuple(checks), problem.code)
    with client:
        answer = _asked(client)
    checks += _judged(answer, is_keyed=key is not None)
    if isinstance(answer, (AuthenticationError, PermissionDeniedError)):
        codes.append(ExitCode.REFUSED if key is not None else ExitCode.USAGE)
    elif answer is not None and not isinstance(answer, NotFoundError):
        codes.insert(0, problem_of(answer).code)
    code = next((code for code in codes if code is not ExitCode.DONE), ExitCode.DONE)
    return Diagnosis(tuple(checks), code)


def _versions() -> Check:
    found = [f"datalab-facade {__version__}", f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"no {package}")
    return Check("versions", "good", ", ".join(found))


def _host(host: str | None, environment: Mapping[str, str]) -> Check:
    # click has put what the environment says where the option would be.
    source = "by default"
    if host:
        source = (
            f"from {HOST_VARIABLE}" if environment.get(HOST_VARIABLE) == host else "from --host"
        )
    told = f"{redact_url(host or DEFAULT_BASE_URL)}, {source}"
    proxies = [name for name in _PROXIES if environment.get(name)]
    if proxies:
        told += f"; proxies are set by {', '.join(proxies)}"
    return Check("host", "good", told)


def _key(key_file: str | None, environment: Mapping[str, str]) -> tuple[FoundKey | None, Check]:
    try:
        key = find_key(key_file, environment)
    except ConfigurationError as error:
        return None, Check("key", "bad", str(error))
    told = f"found in {key.source}"
    if key.path is not None and is_open_to_others(key.path):
        hint = f"Other users of this machine may read it: chmod 600 {key.path}"
        return key, Check("key", "doubtful", told, hint)
    return key, Check("key", "good", told)


def _asked(client: Datalab) -> DatalabError | None:
    try:
        client.executions.get(_NOBODYS)
    except DatalabError as error:
        return error
    return None


def _judged(answer: DatalabError | None, *, is_keyed: bool) -> list[Check]:
    if isinstance(answer, APIConnectionError):
        hint = "Check the network, the proxy settings and the address"
        unknown = [Check(name, "unknown", "not known") for name in ("accepted", "clock")]
        return [Check("reachable", "bad", problem_of(answer).message, hint), *unknown]
    reached = Check("reachable", "good", "Datalab answers")
    if answer is not None and not isinstance(
        answer, (NotFoundError, AuthenticationError, PermissionDeniedError)
    ):
        problem = problem_of(answer)
        reached = Check("reachable", "bad", problem.message, problem.hint)
    return [reached, _accepted(answer, is_keyed=is_keyed), clock_check(answer, datetime.now(UTC))]


def _accepted(answer: DatalabError | None, *, is_keyed: bool) -> Check:
    if not is_keyed:
        return Check("accepted", "unknown", "there is no key to try")
    if isinstance(answer, (AuthenticationError, PermissionDeniedError)):
        problem = problem_of(answer)
        hint = "Make a key in Datalab's settings, and set it anew"
        return Check("accepted", "bad", problem.message, hint)
    if answer is None or isinstance(answer, NotFoundError):
        return Check("accepted", "good", "the key is accepted")
    return Check("accepted", "unknown", "not known")


def clock_check(answer: DatalabError | None, now: datetime) -> Check:
    """Compare the clock of this machine with the date that an answer came with."""
    date = answer.headers.get("date") if isinstance(answer, APIStatusError) else None
    try:
        theirs = parsedate_to_datetime(date) if date else None
    except ValueError:
        theirs = None
    if theirs is None:
        return Check("clock", "unknown", "Datalab told no time")
    ahead = (now - theirs.astimezone(UTC)).total_seconds()
    if abs(ahead) <= _MOST_SKEW:
        return Check("clock", "good", "this machine's clock and Datalab's agree")
    words = "ahead of" if ahead > 0 else "behind"
    told = f"this machine's clock is {abs(ahead):.0f} s {words} Datalab's"
    return Check("clock", "doubtful", told, "Set it; URLs of outputs may seem to have expired")
