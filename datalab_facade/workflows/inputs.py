"""What an execution works on, in every form that the API documents.

Two descriptions of the input disagree: the reference names a ``type``, the official
client sends ``file_urls`` alone. :meth:`InputConfig.coerce` makes a file list, which is
right by both; the other constructors send exactly what their names say.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Final, Protocol, Self, TypeAlias, cast, runtime_checkable
from urllib.parse import urlsplit

import attrs

from datalab_facade.arguments import named
from datalab_facade.errors import InvalidArgumentError
from datalab_facade.models import JSON
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redact_url
from datalab_facade.secrecy import Redacted, redact_value
from datalab_facade.workflows.checks import json_problems

_SCHEMES: Final = ("https", "http", "datalab")
_KNOWN: Final = ("type", "file_url", "file_urls", "bucket", "prefix", "pattern", "storage_type")
_UPLOAD: Final = "upload it with client.files.upload() and pass what that gives"


@runtime_checkable
class Referenced(Protocol):
    """Something that was uploaded, such as what ``client.files.upload()`` gives."""

    @property
    def reference(self) -> str:
        """Its ``datalab://`` reference."""
        ...


InputLike: TypeAlias = (
    "InputConfig | str | Referenced | Iterable[str | Referenced] | Mapping[str, JSON]"
)
"""What can be made an input: see :meth:`InputConfig.coerce`."""


@picklable
@attrs.frozen(kw_only=True, repr=False)
class InputConfig:
    """What an execution works on. Make one with a class method.

    URLs may be presigned, so ``repr`` hides their queries.

    >>> InputConfig.coerce("https://a.example/1.pdf?signature=abc")
    InputConfig({'type': 'file_list', 'file_urls': ['https://a.example/1.pdf?…']})
    """

    _form: Mapping[str, JSON] = attrs.field(alias="form", hash=False)

    @classmethod
    def single_file(cls, url: str | Referenced) -> Self:
        """Work on one file: ``{"type": "single_file", "file_url": ...}``.

        Args:
            url: A URL that the server can reach, a ``datalab://`` reference, or
                what was uploaded.

        Raises:
            InvalidArgumentError: It is none of these.
        """
        return cls(form={"type": "single_file", "file_url": _address(url)})

    @classmethod
    def file_list(cls, urls: Iterable[str | Referenced]) -> Self:
        """Work on several files: ``{"type": "file_list", "file_urls": [...]}``.

        Args:
            urls: Each as for :meth:`single_file`; at least one, and none twice,
                since each would be worked on, and paid for, twice.

        Raises:
            InvalidArgumentError: One of them is wrong, or there are none.
        """
        return cls(form={"type": "file_list", "file_urls": _addresses(urls)})

    @classmethod
    def file_urls(cls, urls: Iterable[str | Referenced]) -> Self:
        """Work on several files, as the official client says it: ``{"file_urls": [...]}``.

        Arguments and errors as :meth:`file_list`.
        """
        return cls(form={"file_urls": _addresses(urls)})

    @classmethod
    def bucket(
        cls,
        name: str,
        prefix: str | None = None,
        pattern: str | None = None,
        storage_type: str | None = None,
    ) -> Self:
        """Work on what a bucket holds, which the server must have access to.

        Args:
            name: Its name.
            prefix: With what the files' keys begin, such as ``"2025/"``.
            pattern: A glob for them, such as ``"*.pdf"``.
            storage_type: ``"s3"`` or ``"r2"``; not checked, since there may be more.

        Raises:
            InvalidArgumentError: One of them is no text, or the bucket has no name or
                is a URL.
        """
        given: dict[str, JSON] = {
            "bucket": name,
            "prefix": prefix,
            "pattern": pattern,
            "storage_type": storage_type,
        }
        return cls(form=_checked_form({key: one for key, one in given.items() if one is not None}))

    @classmethod
    def coerce(cls, given: InputLike) -> InputConfig:
        """Make an input of whatever says clearly what to work on.

        Args:
            given: A URL, a ``datalab://`` reference, what was uploaded, any
                iterable of these, or a mapping in one of the documented forms,
                which is sent as it is. Files on this machine have to be uploaded
                first.

        Raises:
            InvalidArgumentError: It is nothing of the kind; a local path is told so.
        """
        if isinstance(given, InputConfig):
            return given
        if isinstance(given, Mapping):
            return cls(form=_checked_form(cast("Mapping[str, JSON]", given)))
        if isinstance(given, (str, bytes, os.PathLike, Referenced)):
            return cls.file_list([_address(given)])
        if isinstance(given, Iterable):
            return cls.file_list(given)
        raise InvalidArgumentError(f"An input is a URL or a list of them, not {named(given)}")

    @property
    def urls(self) -> tuple[str, ...]:
        """The URLs and references in it, in order; none for a bucket."""
        many = self._form.get("file_urls")
        found = many if isinstance(many, list) else [self._form.get("file_url")]
        return tuple(url for url in found if isinstance(url, str))

    def to_dict(self) -> dict[str, JSON]:
        """Give what is sent, complete, presigned URLs included."""
        return dict(self._form)

    def redacted(self) -> dict[str, JSON]:
        """Give what is sent, without what is secret in it."""
        shown = redact_value(self.to_dict())
        return shown if isinstance(shown, dict) else {}

    def __hash__(self) -> int:
        return hash((self.urls, tuple(sorted(self._form))))

    def __repr__(self) -> str:
        return f"InputConfig({Redacted(self.to_dict())!r})"


def _checked_form(given: Mapping[str, JSON]) -> dict[str, JSON]:
    form = dict(given)
    wrong = "; ".join(str(problem) for problem in json_problems(form, "input"))
    if wrong:
        raise InvalidArgumentError(f"This input cannot be sent: {wrong}")
    kinds = [name for name in ("file_url", "file_urls", "bucket") if name in form]
    new = isinstance(form.get("type"), str) and form["type"] not in ("single_file", "file_list")
    if len(kinds) != 1 and not new:
        keys = ", ".join(map(repr, form)) or "no key"
        raise InvalidArgumentError(
            "An input has one of the keys 'file_url', 'file_urls' and 'bucket'; "
            f"this one has {keys}"
        )
    if "file_url" in form:
        form["file_url"] = _address(form["file_url"])
    if "file_urls" in form:
        many = form["file_urls"]
        if not isinstance(many, list):
            raise InvalidArgumentError("The input's 'file_urls' must be a list")
        form["file_urls"] = _addresses(many)
    for name in ("type", "bucket", "prefix", "pattern", "storage_type"):
        if name in form and not isinstance(form[name], str):
            raise InvalidArgumentError(
                f"The input's {name!r} must be a text, not {named(form[name])}"
            )
    bucket = form.get("bucket")
    if isinstance(bucket, str) and not re.fullmatch(r"[^\s/:]+", bucket):
        raise InvalidArgumentError(
            f"{redact_url(bucket)!r} is no name of a bucket; what comes after it is the prefix"
        )
    return form


def _addresses(urls: Iterable[object]) -> list[JSON]:
    if isinstance(urls, (str, bytes, os.PathLike)) or not isinstance(urls, Iterable):
        raise InvalidArgumentError("A list of URLs is wanted here; for a single one use coerce()")
    found: dict[str, None] = {}
    for url in urls:
        address = _address(url)
        if address in found:
            raise InvalidArgumentError(
                f"{redact_url(address)} comes twice, and would be worked on and paid for twice; "
                f"list(dict.fromkeys(urls)) leaves each once"
            )
        found[address] = None
    if not found:
        raise InvalidArgumentError("There is nothing to work on: the list of URLs is empty")
    return list(found)


def _address(given: object) -> str:
    if isinstance(given, os.PathLike):
        raise InvalidArgumentError(
            f"{os.fspath(given)!r} is on this machine, where the server cannot read it: {_UPLOAD}"
        )
    if not isinstance(given, str):
        reference = getattr(given, "reference", None)
        if not isinstance(reference, str):
            raise InvalidArgumentError(
                f"A file is a URL, a datalab:// reference or what was uploaded, "
                f"not a {type(given).__name__}"
            )
        given = reference
    return _checked_url(given)


def _checked_url(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme == "file":
        raise InvalidArgumentError(
            f"{redact_url(url)!r} is no URL. If it is a file on this machine, {_UPLOAD}"
        )
    if scheme not in _SCHEMES:
        hint = "; for a bucket use InputConfig.bucket()" if scheme in ("s3", "r2") else ""
        raise InvalidArgumentError(
            f"The server reads {', '.join(f'{one}://' for one in _SCHEMES)}, "
            f"not {redact_url(url)!r}{hint}"
        )
    if not url.isprintable() or re.search(r"[\s\\]", url):
        raise InvalidArgumentError(
            f"{redact_url(url)!a} has white space, a backslash or a control character in it; "
            f"percent-encode what belongs to the URL"
        )
    if scheme == "datalab":
        if not re.fullmatch(r"[\w./-]+", rest):
            raise InvalidArgumentError(
                f"{redact_url(url)!r} is no reference such as datalab://file-abc123"
            )
        return url
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    else:
        if "@" in parts.netloc:
            raise InvalidArgumentError(
                f"{redact_url(url)!r} comes with a user name or a password, which the server "
                f"would keep; use a presigned URL, or {_UPLOAD}"
            )
    if not host:
        raise InvalidArgumentError(f"{redact_url(url)!r} has no host that can be asked")
    return url
