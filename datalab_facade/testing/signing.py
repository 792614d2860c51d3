"""Sign URLs, and check signed URLs."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

import attrs

ALGORITHM: Final = "AWS4-HMAC-SHA256"
_DATE: Final = "%Y%m%dT%H%M%SZ"
_HOST_AND_TYPE: Final = "content-type;host"
_SIGNATURE: Final = "X-Amz-Signature"


@attrs.frozen
class SignatureRefusal:
    """Why a signed URL is invalid or expired, in S3's words."""

    code: str
    message: str


@attrs.define
class Signer:
    """Signs paths of the storage, and checks them.

    The URLs look like those of S3. The signature is a plain HMAC of method, path and
    query; only this signer can check it.
    """

    secret: bytes
    signatures: int = 0

    def sign(
        self, method: str, path: str, at: datetime, lifetime: int, content_type: str | None = None
    ) -> str:
        """Return the query that makes a path valid for ``lifetime`` seconds; never the same twice.

        Args:
            method: the method to allow, such as ``"GET"``.
            path: percent-encoded.
            at: the time of signing, aware.
            lifetime: seconds.
            content_type: the ``Content-Type`` that the request must have. Default: any.
        """
        self.signatures += 1
        date = at.astimezone(UTC).strftime(_DATE)
        # Without a token, two signatures within one second would be equal. Real signers add
        # one as well.
        signed_headers = "host" if content_type is None else _HOST_AND_TYPE
        token = self._digest(f"token {self.signatures}")[:32]
        query = (
            f"X-Amz-Algorithm={ALGORITHM}"
            f"&X-Amz-Credential=SIMULATED%2F{date[:8]}%2Fauto%2Fs3%2Faws4_request"
            f"&X-Amz-Date={date}&X-Amz-Expires={lifetime}"
            f"&X-Amz-Security-Token={token}"
            f"&X-Amz-SignedHeaders={quote(signed_headers)}"
        )
        signature = self._signature(method, path, query, content_type)
        return f"{query}&{_SIGNATURE}={signature}"

    def check(
        self, method: str, path: str, query: str, at: datetime, content_type: str | None = None
    ) -> SignatureRefusal | None:
        """Check a path with its query at a time; return ``None`` if it is valid."""
        values = dict(parse_qsl(query, keep_blank_values=True))
        signature = values.pop(_SIGNATURE, "")
        if not signature:
            return SignatureRefusal("AccessDenied", "Access Denied")
        if values.get("X-Amz-SignedHeaders") != _HOST_AND_TYPE:
            content_type = None
        expected = self._signature(method, path, query, content_type)
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            message = (
                "The request signature we calculated does not match the signature you provided. "
                "Check your secret access key and signing method."
            )
            return SignatureRefusal("SignatureDoesNotMatch", message)
        date = datetime.strptime(values["X-Amz-Date"], _DATE).replace(tzinfo=UTC)
        if at >= date + timedelta(seconds=int(values["X-Amz-Expires"])):
            return SignatureRefusal("AccessDenied", "Request has expired")
        return None

    def _signature(self, method: str, path: str, query: str, content_type: str | None) -> str:
        return self._digest(
            f"{method}\n{canonical_path(path)}\n{_canonical_query(query)}\n{content_type}"
        )

    def _digest(self, text: str) -> str:
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()


def canonical_path(path: str) -> str:
    """Normalize the percent-encoding of a path: clients may change it on the way."""
    return "/".join(quote(unquote(segment), safe="") for segment in path.split("/"))


def _canonical_query(query: str) -> str:
    """Normalize a query and drop its signature: clients may change order and encoding."""
    pairs = parse_qsl(query, keep_blank_values=True)
    signed = sorted(pair for pair in pairs if pair[0] != _SIGNATURE)
    return urlencode(signed, quote_via=quote, safe="")
