"""AlertSink on any URL that takes JSON, signed so that the receiver can tell who sent it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from shared.adapters.notify import plain_text
from shared.adapters.notify.post import TIMEOUT, Post, judged, no_secret
from shared.adapters.wire import to_json
from shared.core.policy.alerts import Webhook
from shared.ports import Clock, Delivered, Notice, Refused

SCHEMA_VERSION = 1
TIMESTAMP, SIGNATURE = "X-Orch-Timestamp", "X-Orch-Signature-256"


class WebhookSink:
    """POSTs each message; ``secret`` yields the value of a secret when asked, None while it is absent."""

    def __init__(self, settings: Webhook, secret: Callable[[str], str | None], clock: Clock, post: Post) -> None:
        self._settings, self._secret, self._clock, self._post = settings, secret, clock, post

    def send(self, notice: Notice) -> Delivered | Refused:
        settings = self._settings
        url = self._secret(settings.url_secret)
        if not url:
            return no_secret("webhook", settings.url_secret)
        data = to_json(payload(notice))
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if settings.signing_secret:
            key = self._secret(settings.signing_secret)
            if not key:
                return no_secret("webhook", settings.signing_secret)
            sent_at = str(int(self._clock.now().timestamp()))
            headers |= {TIMESTAMP: sent_at, SIGNATURE: signature(key, sent_at, data)}
        return judged("webhook", self._post(url, data, headers, TIMEOUT))


def signature(key: str, sent_at: str, data: bytes) -> str:
    """Return `sha256=HEX`: the HMAC of the time in seconds, a dot and the body, so that no call can be played again
    later; the receiver calculates the same and compares in constant time."""
    mac = hmac.new(key.encode(), f"{sent_at}.".encode() + data, hashlib.sha256)
    return f"sha256={mac.hexdigest()}"


def payload(notice: Notice) -> dict[str, Any]:
    """Return the body: what happened to one or several alerts of one run."""
    return {
        "schema_version": SCHEMA_VERSION,
        "event": "resolved" if notice.resolved else "alert",
        "severity": notice.severity,
        "heading": plain_text.heading(notice),
        "run": notice.run,
        "alerts": [
            {
                "id": part.fingerprint, "kind": part.kind, "title": plain_text.name(part), "text": part.text,
                "count": part.count, "command": part.command,
                "links": [{"text": link.text, "url": link.url} for link in part.links],
            }
            for part in notice.parts
        ],
    }  # fmt: skip
