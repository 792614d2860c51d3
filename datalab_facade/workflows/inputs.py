"""The input of an execution, in every form that the API documents.

Two descriptions of the input disagree: the reference names a ``type``, the official
client sends ``file_urls`` alone. :meth:`InputConfig.coerce` builds a file list, which
satisfies both; the other constructors send exactly the form that they are named for.
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
from datalab_facade.json_forms import JSON
from datalab_facade.known_secrets import Redacted, redact_value
from datalab_facade.pickling import picklable
from datalab_facade.redaction import redact_url
from datalab_facade.workflows.checks import find_json_issues

_SCHEMES: Final = ("https", "http", "datalab")
_KNOWN: Final = ("type", "file_url", "file_urls", "bucket", "prefix", "pattern", "storage_type")
_UPLOAD: Final = "upload it with client.files.upload() and pass the result"


@runtime_checkable
class Referenced(Protocol):
    """An uploaded file, such as the result of ``client.files.upload()``."""

    @property
    def reference(self) -> str:
        """The ``datalab://`` reference of the file."""
        ...


InputLike: TypeAlias = (
    "InputConfig | str | Referenced | Iterable[str | Referenced] | Mapping[str, JSON]"
)
"""What :meth:`InputConfig.coerce` accepts as an input."""


@picklable
@attrs.frozen(kw_only=True, repr=False)
class InputConfig:
    """The input of an execution. Create one with a class method.

    URLs may be presigned, so ``repr`` redacts their queries.

    >>> InputConfig.coerce("https://a.example/1.pdf?signature=abc")
    InputConfig({'type': 'file_list', 'file_urls': ['https://a.example/1.pdf?…']})
    """

    _form: Mapping[str, JSON] = attrs.field(alias="form", hash=False)

    @classmethod
    def single_file(cls, url: str | Referenced) -> Self:
        """Process one file: ``{"type": "single_file", "file_url": ...}``.

        Args:
            url: A URL that the server can reach, a ``datalab://`` reference, or an
                uploaded file.

        Raises:
            InvalidArgumentError: ``url`` is something else.
        """
        return cls(form={"type": "single_file", "file_url": _address(url)})

    @classmethod
    def file_list(cls, urls: Iterable[str | Referenced]) -> Self:
        """Process several files: ``{"type": "file_list", "file_urls": [...]}``.

        Args:
            urls: The files, each as for :meth:`single_file`. At least one, and none
                twice: it would be processed, and paid for, twice.

        Raises:
            InvalidArgumentError: A URL is wrong or comes twice, or there are none.
        """
        return cls(form={"type": "file_list", "file_urls": _addresses(urls)})

    @classmethod
    def file_urls(cls, urls: Iterable[str | Referenced]) -> Self:
        """Process several files, in the official client's form: ``{"file_urls": [...]}``.

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
        """Process the files in a bucket; the server must have access to it.

        Args:
            name: The bucket's name.
            prefix: The prefix of the files' keys, such as ``"2025/"``.
            pattern: A glob for the keys, such as ``"*.pdf"``.
            storage_type: ``"s3"`` or ``"r2"``; not checked, because there may be more.

        Raises:
            InvalidArgumentError: An argument is not a string, or the name is empty or
                a URL.
        """
        form: dict[str, JSON] = {
            "bucket": name,
            "prefix": prefix,
            "pattern": pattern,
            "storage_type": storage_type,
        }
        return cls(
            form=_checked_form({key: value for key, value in form.items() if value is not None})
        )

    @classmethod
    def coerce(cls, value: InputLike) -> InputConfig:
        """Build an input from anything that clearly names one.

        Args:
            value: A URL, a ``datalab://`` reference, an uploaded file, an iterable
                of these, or a mapping in one of the documented forms, which is sent
                as it is. Upload local files first.

        Raises:
            InvalidArgumentError: ``value`` is something else, such as a local path.
        """
        if isinstance(value, InputConfig):
            return value
        if isinstance(value, Mapping):
            return cls(form=_checked_form(cast("Mapping[str, JSON]", value)))
        if isinstance(value, (str, bytes, os.PathLike, Referenced)):
            return cls.file_list([_address(value)])
        if isinstance(value, Iterable):
            return cls.file_list(value)
        raise InvalidArgumentError(f"The input must be a URL or a list of URLs, not {named(value)}")

    @property
    def urls(self) -> tuple[str, ...]:
        """The URLs and references, in order; empty for a bucket."""
        many = self._form.get("file_urls")
        found = many if isinstance(many, list) else [self._form.get("file_url")]
        return tuple(url for url in found if isinstance(url, str))

    def to_dict(self) -> dict[str, JSON]:
        """Return the JSON form as it is sent, presigned URLs included."""
        return dict(self._form)

    def redacted(self) -> dict[str, JSON]:
        """Return the JSON form without its secrets."""
        form = redact_value(self.to_dict())
        return form if isinstance(form, dict) else {}

    def __hash__(self) -> int:
        return hash((self.urls, tuple(sorted(self._form))))

    def __repr__(self) -> str:
        return f"InputConfig({Redacted(self.to_dict())!r})"


def _checked_form(fields: Mapping[str, JSON]) -> dict[str, JSON]:
    form = dict(fields)
    issues = "; ".join(str(issue) for issue in find_json_issues(form, "input"))
    if issues:
        raise InvalidArgumentError(f"The input cannot be sent: {issues}")
    kinds = [name for name in ("file_url", "file_urls", "bucket") if name in form]
    is_new = isinstance(form.get("type"), str) and form["type"] not in ("single_file", "file_list")
    if len(kinds) != 1 and not is_new:
        keys = ", ".join(map(repr, form)) or "no keys"
        raise InvalidArgumentError(
            "An input must have exactly one of the keys 'file_url', 'file_urls' and 'bucket'; "
            f"this one has {keys}"
        )
    if "file_url" in form:
        form["file_url"] = _address(form["file_url"])
    if "file_urls" in form:
        many = form["file_urls"]
        if not isinstance(many, list):
            raise InvalidArgumentError(f"The input's 'file_urls' must be a list, not {named(many)}")
        form["file_urls"] = _addresses(many)
    for name in ("type", "bucket", "prefix", "pattern", "storage_type"):
        if name in form and not isinstance(form[name], str):
            raise InvalidArgumentError(
                f"The input's {name!r} must be a string, not {named(form[name])}"
            )
    bucket = form.get("bucket")
    if isinstance(bucket, str) and not re.fullmatch(r"[^\s/:]+", bucket):
        raise InvalidArgumentError(
            f"{redact_url(bucket)!r} is not a bucket name; pass the path after it as prefix"
        )
    return form


def _addresses(urls: Iterable[object]) -> list[JSON]:
    if isinstance(urls, (str, bytes, os.PathLike)) or not isinstance(urls, Iterable):
        raise InvalidArgumentError(
            f"urls must be a list of URLs, not a {type(urls).__name__}; "
            f"for a single URL use InputConfig.coerce()"
        )
    found: dict[str, None] = {}
    for url in urls:
        address = _address(url)
        if address in found:
            raise InvalidArgumentError(
                f"{redact_url(address)} is in the list twice, and would be processed and paid for "
                f"twice; list(dict.fromkeys(urls)) removes duplicates"
            )
        found[address] = None
    if not found:
        raise InvalidArgumentError("The list of URLs is empty; pass at least one")
    return list(found)


def _address(file: object) -> str:
    if isinstance(file, os.PathLike):
        raise InvalidArgumentError(
            f"{os.fspath(file)!r} is a local path, which the server cannot read; {_UPLOAD}"
        )
    if not isinstance(file, str):
        reference = getattr(file, "reference", None)
        if not isinstance(reference, str):
            raise InvalidArgumentError(
                f"A file must be a URL, a datalab:// reference or an uploaded file, "
                f"not a {type(file).__name__}"
            )
        file = reference
    return checked_url(file)


def checked_url(url: str) -> str:
    """Check and return an ``http``, ``https`` or ``datalab`` URL that the server can read.

    Raises:
        InvalidArgumentError: It is not one, or contains a password. The message redacts it.
    """
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme == "file":
        raise InvalidArgumentError(
            f"{redact_url(url)!r} is not a URL. If it is a local file, {_UPLOAD}"
        )
    if scheme not in _SCHEMES:
        hint = "; for a bucket use InputConfig.bucket()" if scheme in ("s3", "r2") else ""
        raise InvalidArgumentError(
            f"A URL must begin with {', '.join(f'{one}://' for one in _SCHEMES)}, "
            f"unlike {redact_url(url)!r}{hint}"
        )
    if not url.isprintable() or re.search(r"[\s\\]", url):
        raise InvalidArgumentError(
            f"{redact_url(url)!a} contains white space, a backslash or a control character; "
            f"percent-encode it"
        )
    if scheme == "datalab":
        if not re.fullmatch(r"[\w./-]+", rest):
            raise InvalidArgumentError(
                f"{redact_url(url)!r} is not a reference such as datalab://file-abc123"
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
                f"{redact_url(url)!r} contains a user name or a password, which the server "
                f"would store; use a presigned URL, or {_UPLOAD}"
            )
    if not host:
        raise InvalidArgumentError(f"{redact_url(url)!r} has no valid host")
    return url
