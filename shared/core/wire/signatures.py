"""Whether a call is from who knows a secret, and when it was made: its signature, or the secret itself (behaviour R13).

Each comparison takes as long for a wrong proof as for a right one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta

from shared.core.wire.instants import EPOCH

AHEAD = timedelta(minutes=5)
"""How far the clock of a sender may be ahead of ours."""
KEY_PREFIX = "whsec_"
SIGNATURE, STAMP, IDENTIFIER = "signature", "timestamp", "id"
Headers = Callable[[str], str | None]


def is_signed(header: str, prefix: str, body: bytes, secret: str) -> bool:
    """True where a header holds the prefix and the HMAC-SHA256 of the body under the secret, in hexadecimal digits."""
    return _same(header.removeprefix(prefix).lower() if header.startswith(prefix) else "", _hex(secret, body))


def is_token(header: str, prefix: str, secret: str) -> bool:
    """True where a header holds the prefix and the secret itself."""
    return _same(header.removeprefix(prefix) if header.startswith(prefix) else "", secret)


def stamped_at(header: str, body: bytes, secret: str) -> datetime | None:
    """Return when a call was signed whose header is `t=SECONDS,v1=HEX`: the HMAC-SHA256 of `SECONDS.BODY`, once for
    each secret that the sender has; None where none of them is of this secret."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    stamp = next((value for name, _, value in parts if name == "t"), "")
    digest = _hex(secret, stamp.encode("utf-8", "replace") + b"." + body)
    given = [value.lower() for name, _, value in parts if name == "v1"]
    return _instant(stamp) if _any(given, digest) else None


def webhook_at(headers: Headers, name: str, body: bytes, secret: str) -> datetime | None:
    """Return when a call was signed as Standard Webhooks says, None where it was not by this secret.

    ``name`` is the header of the signatures, such as `webhook-signature`; those of the id and the time are called
    likewise. The secret is the key in base64 behind `whsec_`.
    """
    beside = {part: headers(name.lower().replace(SIGNATURE, part)) or "" for part in (IDENTIFIER, STAMP)}
    try:
        key = base64.b64decode(secret.removeprefix(KEY_PREFIX), validate=True)
    except ValueError:
        return None
    signed = f"{beside[IDENTIFIER]}.{beside[STAMP]}.".encode("utf-8", "replace") + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    words = (word.partition(",") for word in (headers(name) or "").split())
    given = [value for version, _, value in words if version == "v1"]
    return _instant(beside[STAMP]) if _any(given, digest) else None


def is_timely(sent: datetime, now: datetime, max_age: timedelta) -> bool:
    """True for a call that was sent no longer ago than this, by a clock that may be ahead a little."""
    return -AHEAD <= now - sent <= max_age


def _hex(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _instant(stamp: str) -> datetime | None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= len("1700000000")):
        return None
    return EPOCH + timedelta(seconds=int(stamp))


def _any(given: list[str], expected: str) -> bool:
    """True where one of several is the one expected; all are compared, so that time tells nothing."""
    return sum(_same(signature, expected) for signature in given) > 0


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
