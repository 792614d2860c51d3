"""Why no connection can be made as things are set up, and which setting helps. No IO.

A certificate that nobody trusts is trusted no more a minute later, so such failures are not
waited out.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator

import httpcore
import httpx

from datalab_facade.errors import DatalabError
from datalab_facade.transport.network.environment import proxy_for

_LONGEST_CHAIN = 50

# EAI_AGAIN says that the name server did not answer, which may pass. Not all systems have all.
_UNKNOWN_HOST = {
    getattr(socket, name)
    for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")
    if hasattr(socket, name)
}

# What OpenSSL verifies, and what is found: X509_V_ERR_...
_OF_THE_CLOCK = frozenset({9, 10})
_OF_ANOTHER_HOST = frozenset({62, 64})

_NO_TLS = re.compile(r"WRONG_VERSION_NUMBER|HTTPS?_(PROXY_)?REQUEST|UNKNOWN_PROTOCOL")
_NOTHING_IN_COMMON = re.compile(
    r"UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|NO_PROTOCOLS_AVAILABLE|HANDSHAKE_FAILURE"
    r"|NO_SHARED_CIPHER|INSUFFICIENT_SECURITY|KEY_TOO_SMALL|UNSAFE_LEGACY_RENEGOTIATION"
)
_WANTS_CERTIFICATE = re.compile(r"CERTIFICATE_REQUIRED|ALERT_(BAD|UNKNOWN)_C")

_PROXY_ERRORS = (httpcore.ProxyError, httpx.ProxyError)
_PASSING_AT_A_PROXY = frozenset({408, 425, 429})
_PROXY_WANTS_A_PASSWORD = re.compile(r"^407\b|Invalid username/password|from proxy server, but got")


def advice_on(error: BaseException, url: str, *, is_api: bool) -> str | None:
    """Return what helps against a failure that no repetition helps against; None for others.

    Args:
        error: What was raised, with what led to it.
        url: Where the request went.
        is_api: Whether it went to the API, and not where an answer of the API pointed.
    """
    for cause in _chain(error):
        advice = _advice(cause, url, "base_url or DATALAB_HOST" if is_api else "")
        if advice is not None:
            return advice
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(_LONGEST_CHAIN):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _advice(cause: BaseException, url: str, address: str) -> str | None:
    proxy = _proxy_of(url)
    where = " and ".join(filter(None, (address, proxy)))
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _advice_on_certificate(cause, where)
    if isinstance(cause, ssl.SSLError):
        return _advice_on_tls(getattr(cause, "reason", None) or "", where)
    if isinstance(cause, socket.gaierror) and cause.errno in _UNKNOWN_HOST:
        return f"The host is not known. Check {where or 'the network'}, and the DNS of this machine"
    if isinstance(cause, _PROXY_ERRORS):
        return _advice_on_proxy(str(cause), proxy or "the proxy of the http_client")
    return None


def _advice_on_certificate(error: ssl.SSLCertVerificationError, where: str) -> str | None:
    # aiohttp's error is one as well, but has no code; what led to it has.
    code = getattr(error, "verify_code", None)
    if code is None:
        return None
    if code in _OF_THE_CLOCK:
        return "Check the clock of this machine; if it is right, the server needs a new certificate"
    if code in _OF_ANOTHER_HOST:
        return f"The certificate is that of another host. Check {where or 'the network'}"
    return (
        "The certificate is not trusted. Set SSL_CERT_FILE to a file with the certificate of the "
        "authority that signed it, or pass http_client with verify="
    )


def _advice_on_tls(reason: str, where: str) -> str | None:
    if _NO_TLS.search(reason):
        return (
            "TLS was expected, but the other side does not speak it. Check scheme and port of "
            f"{where or 'the proxy'}"
        )
    if _WANTS_CERTIFICATE.search(reason):
        return (
            "The server wants a certificate of the client. Pass http_client with verify=, an "
            "ssl.SSLContext that has one"
        )
    if _NOTHING_IN_COMMON.search(reason):
        return (
            "The two sides have no version of TLS in common. Pass http_client with verify=, an "
            "ssl.SSLContext that accepts what the server does"
        )
    return None


def _advice_on_proxy(said: str, proxy: str) -> str | None:
    if _PROXY_WANTS_A_PASSWORD.search(said):
        return f"The proxy wants another user or password. Check {proxy}"
    status = re.match(r"4\d\d\b", said)
    if status is None or int(status[0]) in _PASSING_AT_A_PROXY:
        return None
    return f"The proxy refuses to connect to that host. Check {proxy} and NO_PROXY"


def _proxy_of(url: str) -> str:
    """Return the variable that names the proxy for a URL; nothing where there is none."""
    try:
        setting = proxy_for(url)
    except (DatalabError, httpx.InvalidURL):
        return ""
    return "" if setting is None else setting.variable
