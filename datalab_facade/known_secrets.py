"""Values that are sent but must never be shown: filled in for placeholders, and named like secrets.

The API key and presigned URLs are handled elsewhere, for every request. This is
for what a caller lets into the body of a request: a token for another service.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

import attrs

from datalab_facade.errors import DatalabError, ValidationIssue
from datalab_facade.redaction import REDACTED, names_a_secret, redact_urls

if TYPE_CHECKING:
    from datalab_facade.json_forms import JSON

_SHORTEST: Final = 4
_LONG: Final = 12
_LONGEST_CHAIN: Final = 50
_PLACEHOLDER: Final = re.compile(r"(\w+ )?\$\{(env|secret):[^}]*\}")


class Secrets:
    """Values that were filled in, to be taken out of whatever is shown afterwards.

    A value of fewer than four characters cannot be distinguished from an ordinary word and
    is not searched for.

    >>> Secrets(["xoxb-123"]).redact("bad token xoxb-123")
    'bad token ***'
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values for form in _forms(value) if len(form) >= _SHORTEST}
        self._forms = sorted(forms, key=len, reverse=True)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def __repr__(self) -> str:
        return f"Secrets({REDACTED if self else ''})"

    def redact(self, text: str) -> str:
        """Give a text without them, also where it was cut in the middle of one."""
        for form in self._forms:
            text = text.replace(form, REDACTED)
        if "…" not in text:
            return text
        *pieces, last = text.split("…")
        return "…".join([*map(self._without_start_at_end, pieces), last])

    def _without_start_at_end(self, piece: str) -> str:
        lengths = (
            length
            for form in self._forms
            for length in range(3, min(len(form), len(piece) + 1))
            if piece.endswith(form[:length])
        )
        longest = max(lengths, default=0)
        return piece[:-longest] + REDACTED if longest else piece

    def redact_in(self, error: BaseException) -> None:
        """Take them out of an error, and out of all errors that led to it."""
        if not self:
            return
        seen: set[int] = set()
        left: list[BaseException | None] = [error]
        while left:
            found = left.pop()
            if found is None or id(found) in seen:
                continue
            seen.add(id(found))
            for link in ("__cause__", "__context__"):
                # What could not be parsed keeps the whole of it inside.
                if _is_of_a_parser(getattr(found, link)):
                    setattr(found, link, None)
            if isinstance(found, DatalabError):
                found.args = tuple(self._redacted_in(value) for value in found.args)
                for name, value in vars(found).items():
                    vars(found)[name] = self._redacted_in(value)
            left += (found.__cause__, found.__context__)

    def _redacted_in(self, value: object) -> object:
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, ValidationIssue):
            return ValidationIssue(
                loc=tuple(self.redact(p) if isinstance(p, str) else p for p in value.loc),
                msg=self.redact(value.msg),
                type=self.redact(value.type),
            )
        if isinstance(value, Mapping):
            return {name: self._redacted_in(inner) for name, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(map(self._redacted_in, value))
        return value


NO_SECRETS: Final = Secrets()


class Echo:
    """Takes keys out of what a server answers, which may well repeat them.

    A key of fewer than twelve characters may be a part of honest words, so it is taken
    out where it stands alone; one of fewer than four is a word itself, and stays.

    >>> Echo("dl-7").redact("no such key: dl-7")
    'no such key: ***'
    """

    # Without a __dict__, whose repr would tell the key.
    __slots__ = ("_forms", "_forms_in_bytes", "_in_bytes", "_in_text")

    def __init__(self, *keys: str) -> None:
        known = {key: set(_forms(key)) for key in keys if len(key) >= _SHORTEST}
        self._forms = set[str]().union(*known.values())
        self._forms_in_bytes = [form.encode(errors="replace") for form in self._forms]
        any_form = "|".join(_pattern(key, forms) for key, forms in known.items())
        self._in_text = re.compile(any_form, re.ASCII)
        self._in_bytes = re.compile(any_form.encode(errors="replace"))

    def redact(self, text: str) -> str:
        """Give a text without it."""
        if any(form in text for form in self._forms):
            return self._in_text.sub(REDACTED, text)
        return text

    def redact_bytes(self, body: bytes) -> bytes:
        """Give a body without it."""
        if any(form in body for form in self._forms_in_bytes):
            return self._in_bytes.sub(REDACTED.encode(), body)
        return body

    def may_show(self, error: BaseException | None) -> bool:
        """Tell whether neither an error nor what led to it tells a key or a signature."""
        # A traceback prints all that led to an error.
        causes: list[str] = []
        while error is not None and len(causes) < _LONGEST_CHAIN:
            causes.append(repr(error))
            error = error.__cause__ or error.__context__
        text = "\n".join(causes)
        return error is None and text == redact_urls(self.redact(text))


def _pattern(key: str, forms: set[str]) -> str:
    any_form = "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))
    if len(key) >= _LONG:
        return any_form
    return rf"(?:(?<![\w-])|(?<=\\[bfnrt]))(?:{any_form})(?![\w-])"


NO_ECHO: Final = Echo()


def redact_value(value: JSON) -> JSON:
    """Give JSON that may be shown: no query of a URL, and nothing under a name like a secret's.

    A placeholder is not a secret, and stays.

    >>> redact_value({"auth": {"type": "bearer", "token": "xoxb-123"}})
    {'auth': {'type': 'bearer', 'token': '***'}}
    >>> redact_value({"token": "${env:TOKEN}"})
    {'token': '${env:TOKEN}'}
    """
    if isinstance(value, str):
        return redact_urls(value)
    if isinstance(value, list):
        return [redact_value(inner) for inner in value]
    if isinstance(value, dict):
        return {
            redact_urls(name): (_redacted if names_a_secret(name) else redact_value)(inner)
            for name, inner in value.items()
        }
    return value


def _redacted(value: JSON) -> JSON:
    """Give what stands under a name like a secret's; a number or an object is not one."""
    if isinstance(value, list):
        return [_redacted(inner) for inner in value]
    if isinstance(value, str) and not _PLACEHOLDER.fullmatch(value):
        return REDACTED
    return redact_value(value)


@attrs.frozen
class Redacted:
    """Shows JSON in a repr without what is secret in it."""

    value: JSON

    def __repr__(self) -> str:
        try:
            return repr(redact_value(self.value))
        except RecursionError:
            return "…"


def _is_of_a_parser(error: BaseException | None) -> bool:
    return isinstance(error, ValueError) and not isinstance(error, DatalabError)


def _forms(value: str) -> Iterator[str]:
    yield value
    yield " ".join(value.split())
    for ascii_only in (False, True):
        written = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield written
        yield written.replace("/", "\\/")
    plain = value.encode(errors="replace")
    yield quote(plain, safe="")
    yield quote_plus(plain)
