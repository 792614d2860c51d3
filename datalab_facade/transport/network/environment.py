"""What the environment says of proxies and certificates; httpx's rules hold here too."""

from __future__ import annotations

import contextlib
import importlib.util
import ipaddress
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.request import getproxies

import attrs
import httpx

from datalab_facade.errors import ConfigurationError
from datalab_facade.forking import renew_after_fork
from datalab_facade.redaction import can_be_shown, printable, redact_url

# Executions are often asked about up to 50 s apart, and a new connection costs several
# round trips; with httpx's five seconds almost every request would need one.
KEEP_ALIVE = 60.0
"""Seconds for which a connection is kept that nobody needs."""

_SCHEMES = ("https", "http", "all")
# The first that is set is taken.
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@attrs.frozen
class ProxySetting:
    """A proxy that the environment names."""

    variable: str
    address: str = attrs.field(repr=redact_url)
    """With a scheme; user and password in it are secret."""

    @property
    def proxy(self) -> httpx.Proxy:
        """The proxy, as httpx has it: the address alone, and user and password beside it.

        Raises:
            ConfigurationError: The address cannot be used.
        """
        shown = redact_url(self.address)
        if not can_be_shown(self.address):
            raise ConfigurationError(
                f"{self.variable} is not the address of a proxy: {shown}. Write it as "
                f"http://proxy.example:3128, and percent-encode whatever is not a letter or "
                f"digit in a user or a password: %23 for #"
            )
        try:
            proxy = httpx.Proxy(self.address)
            if proxy.url.host:
                return proxy
        except (ValueError, httpx.InvalidURL):
            pass
        raise ConfigurationError(
            f"{self.variable} names a proxy that cannot be used: {shown}. "
            f"Write http://proxy.example:3128, or https:// or socks5:// before it"
        )


def check_environment() -> None:
    """See that httpx can use what the environment says.

    Raises:
        ConfigurationError: It cannot; the variable and its value are named, without passwords.
    """
    known = getproxies()
    for setting in _settings(known):
        needs_socks = setting.proxy.url.scheme.startswith("socks")
        if needs_socks and importlib.util.find_spec("socksio") is None:
            raise ConfigurationError(
                f"{setting.variable} names {redact_url(setting.address)}, a SOCKS proxy, and needs "
                f"a package that is not there; install httpx[socks]"
            )
    list(_patterns(known))


class _Certificates:
    """The certificates that were read last; all clients of a process share them.

    Reading them takes tens of milliseconds and a megabyte, too much for each of hundreds of
    clients. They are read anew when the environment names others, when the files that it names
    have changed, and in a forked child: another thread may have been using them.
    """

    def __init__(self) -> None:
        self.renew_in_child()
        renew_after_fork(self)

    def renew_in_child(self) -> None:
        self._state: object = None
        self._context: ssl.SSLContext | None = None

    def read(self) -> ssl.SSLContext:
        variable = next((name for name in _CERTIFICATES if os.environ.get(name)), None)
        state = (variable, *_stamps(os.environ[variable] if variable else ""))
        if self._context is None or self._state != state:
            self._context, self._state = _read_certificates(variable), state
        return self._context


def _stamps(named: str) -> Iterator[object]:
    for path in filter(None, named.split(os.pathsep)):
        # What cannot be read is an error of reading it, and is raised there.
        with contextlib.suppress(OSError, ValueError):
            found = Path(path).stat()
            yield path, found.st_mtime_ns, found.st_size, found.st_ino


def _read_certificates(variable: str | None) -> ssl.SSLContext:
    if variable is None:
        return httpx.create_ssl_context()
    named = os.environ[variable]
    # There may be several folders.
    # Unlike a Path, this raises nothing for what no file can be called.
    if not any(map(os.path.exists, named.split(os.pathsep))):
        raise ConfigurationError(f"{variable} names {named!r}, which is not there")
    try:
        return httpx.create_ssl_context()
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{variable} names {named!r}, which cannot be read as certificates "
            f"({type(error).__name__})"
        ) from None


_certificates = _Certificates()


def certificates() -> ssl.SSLContext:
    """Return the certificates to trust: those that the environment names, or the usual ones.

    All clients of a process share them; they are read anew when they have changed.

    Raises:
        ConfigurationError: They are not there, or are none.
    """
    return _certificates.read()


def proxy_for(address: str) -> ProxySetting | None:
    """Give the proxy through which httpx would reach an address; None for none.

    Raises:
        ConfigurationError: ``NO_PROXY`` cannot be used.
    """
    url, known = httpx.URL(address), getproxies()
    if any(_matches(pattern, url) for pattern in _patterns(known)):
        return None
    settings = {setting.variable.lower(): setting for setting in _settings(known)}
    mine = _variable(url.scheme).lower()
    return settings.get(mine) or settings.get(_variable("all").lower())


def _settings(known: Mapping[str, str]) -> Iterator[ProxySetting]:
    if "*" in _direct(known):
        return
    for scheme in _SCHEMES:
        address = known.get(scheme)
        if address:
            whole = address if "://" in address else f"http://{address}"
            yield ProxySetting(_variable(scheme), whole)


def _direct(known: Mapping[str, str]) -> list[str]:
    """Give the entries of NO_PROXY; where everything is reached directly, that one alone."""
    entries = [entry.strip() for entry in known.get("no", "").split(",")]
    return ["*"] if "*" in entries else [entry for entry in entries if entry]


def _patterns(known: Mapping[str, str]) -> Iterator[httpx.URL]:
    for entry in _direct(known):
        try:
            pattern = httpx.URL(_pattern(entry))
            _ = pattern.host
        except (ValueError, httpx.InvalidURL):
            raise ConfigurationError(
                f"{_variable('no')} has an entry that cannot be used: {printable(entry)!r}. Write "
                f"hosts, domains and single addresses, such as localhost, .example.com or ::1"
            ) from None
        yield pattern


def _pattern(entry: str) -> str:
    """Give an entry of NO_PROXY as a URL, whose host may begin with a star."""
    if entry == "*" or "://" in entry:
        return entry if "://" in entry else "all://"
    if entry.lower() == "localhost":
        return "all://localhost"
    try:
        version = ipaddress.ip_address(entry.split("/", maxsplit=1)[0]).version
    except ValueError:
        return f"all://*{entry}"
    return f"all://{entry}" if version == 4 else f"all://[{entry}]"


def _matches(wanted: httpx.URL, url: httpx.URL) -> bool:
    if wanted.scheme not in ("all", "", url.scheme):
        return False
    if wanted.port not in (None, url.port):
        return False
    host = wanted.host
    if host in ("", "*"):
        return True
    if host.startswith("*."):
        return re.fullmatch(rf".+\.{re.escape(host[2:])}", url.host, re.IGNORECASE) is not None
    if host.startswith("*"):
        return re.fullmatch(rf"(.+\.)?{re.escape(host[1:])}", url.host, re.IGNORECASE) is not None
    return host == url.host


def _variable(scheme: str) -> str:
    # The lower-case one wins.
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper())
    return next((name for name in names if os.environ.get(name)), f"{scheme} proxy of this system")
