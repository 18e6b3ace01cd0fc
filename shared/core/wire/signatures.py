"""Whether a call is from who knows a secret: a signature of its body, or the secret itself (behaviour R13)."""

from __future__ import annotations

import hashlib
import hmac


def is_signed(header: str, prefix: str, body: bytes, secret: str) -> bool:
    """True where a header holds the prefix and the HMAC-SHA256 of the body under the secret, in hexadecimal digits.

    Takes as long for a wrong signature as for a right one.
    """
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return _same(header.removeprefix(prefix).lower() if header.startswith(prefix) else "", digest)


def is_token(header: str, prefix: str, secret: str) -> bool:
    """True where a header holds the prefix and the secret itself; takes as long for a wrong one as for a right one."""
    return _same(header.removeprefix(prefix) if header.startswith(prefix) else "", secret)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
