"""Where the API is, and who may know the key: that origin, and nobody else."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

import attrs

from datalab_facade.arguments import checked_text
from datalab_facade.errors import APITimeoutError, ConfigurationError
from datalab_facade.known_secrets import Echo
from datalab_facade.redaction import can_be_shown, redact_url

if TYPE_CHECKING:
    import httpx

DEFAULT_BASE_URL = "https://www.datalab.to"

KEY_HEADER = "x-api-key"

KeyOrFunction: TypeAlias = str | Callable[[], object]


@attrs.frozen
class Server:
    """What a connection is opened to."""

    scheme: bytes
    host: bytes
    port: int | None
    """None if it is the usual one of the scheme."""
    name: bytes = attrs.field(eq=False)
    """What a request calls it in its header ``Host``."""

    @classmethod
    def of(cls, url: httpx.URL) -> Server:
        """Return the server of a URL."""
        return cls(url.raw_scheme, url.raw_host, url.port, url.netloc)


def server_of(url: str) -> Server:
    """Return the server of a URL."""
    import httpx  # most clients are made before anything is sent

    return Server.of(httpx.URL(url))


@attrs.frozen
class Origin:
    """The address of the API, and the key that goes there."""

    base_url: str
    """Scheme, host, port and path prefix, without a slash at the end."""
    key: KeyOrFunction = attrs.field(repr=lambda _: "***")
    """The key, or the function that gives it."""

    def with_key(self, key: KeyOrFunction) -> Origin:
        """Return the same address with another key.

        Raises:
            ConfigurationError: The key cannot be a header.
        """
        return Origin(self.base_url, _checked_key_or_function(key))

    def url(self, path: str) -> str:
        """Return the address of a path of the API."""
        return self.base_url + path


class Key:
    """A key as it is sent; its repr does not show it."""

    # Without a __dict__, whose repr would tell the key.
    __slots__ = ("asked", "echo", "text")

    def __init__(self, text: str, *, asked: int = 0, former: Key | None = None) -> None:
        self.text = text
        self.asked = asked
        """How many times the function that gave it had answered then."""
        known = [text] if former is None else [text, former.text]
        self.echo = Echo(*known)
        """Takes it, and the one before it, out of answers."""

    def __repr__(self) -> str:
        return "***"


class OriginKey:
    """Adds the key to requests to one scheme, host and port, and to no others."""

    def __init__(self, origin: Origin) -> None:
        self._prefix = f"{origin.base_url}/"
        self._server = server_of(origin.base_url)

    def add_to(self, headers: dict[str, str], url: str, key: Key) -> None:
        """Add the key if a request to the URL goes where it belongs."""
        # The slash ends the host's name and its port, and no user comes before them, so
        # most URLs need not be taken apart.
        if url.startswith(self._prefix) or server_of(url) == self._server:
            headers[KEY_HEADER] = key.text


def checked_origin(base_url: str, key: KeyOrFunction, *, allow_http: bool) -> Origin:
    """Make an origin of what the user gave.

    Raises:
        ConfigurationError: If the address is no plain https URL (http is fine for
            this machine itself, or when allowed), or the key cannot be a header.
    """
    known = _checked_base_url(base_url, allow_http=allow_http)
    return Origin(known, _checked_key_or_function(key))


def _checked_key_or_function(key: KeyOrFunction) -> KeyOrFunction:
    if callable(key):
        return key
    if not isinstance(key, str):
        raise ConfigurationError(
            f"api_key must be a text, or a function that returns one, not {_kind(key)}"
        )
    return checked_key(key)


def checked_key(key: object) -> str:
    """Return a key that can be a header, without the line break at the end of a file.

    Raises:
        ConfigurationError: It cannot; the key itself is never quoted.
    """
    # A wrong key may be a right one mistyped.
    if not isinstance(key, str):
        raise ConfigurationError(f"The API key must be a text, not {_kind(key)}")
    # Files end with a line break, and a key is often read from one.
    key = key.rstrip("\r\n")
    if not key:
        raise ConfigurationError("The API key is empty. Set DATALAB_API_KEY or pass api_key")
    if key != key.strip() or "\n" in key or "\r" in key:
        raise ConfigurationError(
            "The API key has a space at an end, or a line break inside; pass the key alone"
        )
    if not re.fullmatch(r"[!-~]+", key):
        raise ConfigurationError(
            "The API key has a character that is not printable ASCII, so it cannot be right"
        )
    return key


def key_timeout_error(why: str) -> APITimeoutError:
    """Return the error for a function that does not give the key in time.

    Args:
        why: What comes before that in its message; may be empty.
    """
    return APITimeoutError(
        f"{why}api_key, a function, did not give the key in time; allow a longer timeout",
        method="",
        url="",
        may_have_arrived=False,
    )


def _kind(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"


def _checked_base_url(base_url: str, *, allow_http: bool) -> str:
    if base_url == DEFAULT_BASE_URL:
        return base_url
    import httpx

    checked_text("The base URL", base_url)
    # Where there is an @, whatever comes before it may be a password, however
    # the rest is to be understood.
    quotable = "@" not in base_url
    shown = redact_url(base_url) if quotable else "(which is not quoted here)"
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
        known = httpx.URL(base_url)
        # This raises for a host that begins with xn-- and is not an international name.
        _ = known.host
    except (ValueError, httpx.InvalidURL) as error:
        why = f": {error}" if quotable and can_be_shown(base_url) else ""
        raise ConfigurationError(f"The base URL {shown} cannot be read{why}") from None
    if parts.scheme not in ("https", "http") or not host:
        raise ConfigurationError(
            f"The base URL must be an address such as https://www.datalab.to, not {shown}"
        )
    if not quotable or "?" in base_url or "#" in base_url:
        raise ConfigurationError(f"The base URL {shown} may have no user, query or fragment")
    if re.search(r"[\s\\]", base_url):
        raise ConfigurationError(f"The base URL {shown} may have no space and no backslash")
    if parts.scheme == "http" and not (allow_http or is_this_machine(host)):
        raise ConfigurationError(
            f"{shown} would send the API key unencrypted. Use https, or allow_http=True"
        )
    return str(known).rstrip("/")


def is_this_machine(host: str) -> bool:
    """Tell whether a host is this machine, so that what is sent to it needs no TLS."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
