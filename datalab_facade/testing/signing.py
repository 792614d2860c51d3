"""Presigned URLs: made, and checked again when they come back."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

import attrs

ALGORITHM: Final = "AWS4-HMAC-SHA256"
_DATE: Final = "%Y%m%dT%H%M%SZ"
_WITH_TYPE: Final = "content-type;host"
_SIGNATURE: Final = "X-Amz-Signature"


@attrs.frozen
class Refused:
    """Why a signed URL is not good (any more), in S3's words."""

    code: str
    message: str


@attrs.define
class Signer:
    """Signs paths of the storage.

    The URLs look like those of S3 and its likes; the signature is a plain HMAC of
    method, path and query, which only this signer can check.
    """

    secret: bytes
    signatures: int = 0

    def sign(
        self, method: str, path: str, at: datetime, lifetime: int, content_type: str | None = None
    ) -> str:
        """The query that makes a path good for ``lifetime`` seconds; another one every time.

        Args:
            method: what may be done with it, ``"GET"``.
            path: percent-encoded.
            at: the moment of signing, aware.
            lifetime: seconds.
            content_type: what the request must say that it brings; by default anything.
        """
        self.signatures += 1
        date = at.astimezone(UTC).strftime(_DATE)
        # Two looks within one second would sign alike; real signers add a token as well.
        token = self._digest(f"token {self.signatures}")[:32]
        query = (
            f"X-Amz-Algorithm={ALGORITHM}"
            f"&X-Amz-Credential=SIMULATED%2F{date[:8]}%2Fauto%2Fs3%2Faws4_request"
            f"&X-Amz-Date={date}&X-Amz-Expires={lifetime}"
            f"&X-Amz-Security-Token={token}"
            f"&X-Amz-SignedHeaders={quote('host' if content_type is None else _WITH_TYPE)}"
        )
        signature = self._signature(method, path, query, content_type)
        return f"{query}&{_SIGNATURE}={signature}"

    def check(
        self, method: str, path: str, query: str, at: datetime, content_type: str | None = None
    ) -> Refused | None:
        """Whether a path with its query is good at a moment; ``None``: it is."""
        values = dict(parse_qsl(query, keep_blank_values=True))
        signature = values.pop(_SIGNATURE, "")
        if not signature:
            return Refused("AccessDenied", "Access Denied")
        if values.get("X-Amz-SignedHeaders") != _WITH_TYPE:
            content_type = None
        expected = self._signature(method, path, query, content_type)
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            message = (
                "The request signature we calculated does not match the signature you provided. "
                "Check your secret access key and signing method."
            )
            return Refused("SignatureDoesNotMatch", message)
        date = datetime.strptime(values["X-Amz-Date"], _DATE).replace(tzinfo=UTC)
        if at >= date + timedelta(seconds=int(values["X-Amz-Expires"])):
            return Refused("AccessDenied", "Request has expired")
        return None

    def _signature(self, method: str, path: str, query: str, content_type: str | None) -> str:
        return self._digest(
            f"{method}\n{canonical_path(path)}\n{_canonical_query(query)}\n{content_type}"
        )

    def _digest(self, text: str) -> str:
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()


def canonical_path(path: str) -> str:
    """A path in one spelling of percent-encoding: clients may change it on the way."""
    return "/".join(quote(unquote(segment), safe="") for segment in path.split("/"))


def _canonical_query(query: str) -> str:
    """A query without its signature, in one order and one spelling: clients may change both."""
    pairs = parse_qsl(query, keep_blank_values=True)
    signed = sorted(pair for pair in pairs if pair[0] != _SIGNATURE)
    return urlencode(signed, quote_via=quote, safe="")
