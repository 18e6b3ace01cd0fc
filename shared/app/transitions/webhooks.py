"""Signals that come by a call: proven, published to the topic of the signal, and read there as any other (R13).

Nothing is decided here: whoever calls waits a few seconds only, and what Pub/Sub has is not lost.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from shared.app.call import WRONG_METHOD, Call, Wrong
from shared.app.context import Context
from shared.app.quarantine import message_counts
from shared.core.errors import Unavailable
from shared.core.message import Counted, Delivery, Why
from shared.core.policy.signals import CALLED, Scheme, Signal, WebhookAuth
from shared.core.wire.signatures import is_signed, is_token
from shared.ports import Message

PREFIX = "/signals/"
MOST_BYTES = 1_000_000
ACCEPTED, UNAUTHORIZED, NOT_FOUND, TOO_LARGE, UNAVAILABLE = 202, 401, 404, 413, 503
Header = Callable[[str], str | None]
Secret = Callable[[Context, str], str | None]


def answer(contexts: Sequence[Context], call: Call, header: Header, secret: Secret) -> tuple[Any, int]:
    """Answer one call: 202 and the id of what was published, or why it was not, and nothing was done.

    A sender that was not answered sends again: a duplicate counts once.
    """
    name = call.path.removeprefix(PREFIX) if call.path.startswith(PREFIX) else ""
    listed = ((ctx, ctx.policy.signals.get(name)) for ctx in contexts)
    ctx, signal = next(((ctx, signal) for ctx, signal in listed if signal is not None and signal.webhook), (None, None))
    if ctx is None or signal is None or signal.webhook is None:
        return _refused(Wrong("there is no such signal", f"POST {PREFIX}NAME, as the policy names it", NOT_FOUND))
    if call.method != "POST":
        return _refused(Wrong(f"a {call.method[:20]} does nothing here", f"POST {PREFIX}{name}", WRONG_METHOD))
    if len(call.data) > MOST_BYTES:
        return _refused(Wrong("the body is too large", f"at most {MOST_BYTES} bytes", TOO_LARGE))
    key = secret(ctx, signal.webhook.secret)
    if not key:
        ctx.log("signal.no_secret", severity="ERROR", signal=name, secret=signal.webhook.secret)
        return _refused(Wrong("it cannot be proven now who calls", "send it again later", UNAVAILABLE))
    given = header(signal.webhook.header) or ""
    if not _proven(signal.webhook, given, call.data, key):
        _count(ctx, signal, call, given)
        return _refused(Wrong("the signature is not that of the body", "sign it with the shared secret", UNAUTHORIZED))
    return _published(ctx, signal, call)


def _proven(webhook: WebhookAuth, given: str, body: bytes, key: str) -> bool:
    if webhook.scheme is Scheme.TOKEN:
        return is_token(given, webhook.prefix, key)
    return is_signed(given, webhook.prefix, body, key)


def _published(ctx: Context, signal: Signal, call: Call) -> tuple[Any, int]:
    try:
        body = json.loads(call.data)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return _refused(Wrong("the body is no JSON object", "send what the policy reads, as JSON"))
    try:
        [message_id] = ctx.ports.bus.publish(signal.topic, [Message(body, {CALLED: signal.name})])
    except Unavailable as error:
        ctx.log("signal.not_published", severity="WARNING", signal=signal.name, error=str(error))
        return _refused(Wrong("Pub/Sub did not take it", "send it again: a duplicate counts once", UNAVAILABLE))
    ctx.log("signal.published", signal=signal.name, topic=signal.topic, message_id=message_id)
    return {"signal": signal.name, "message_id": message_id}, ACCEPTED


def _count(ctx: Context, signal: Signal, call: Call, given: str) -> None:
    """Count a call without a proof, the same one once; nobody is told, for anybody can make one."""
    now = ctx.ports.clock.now()
    ctx.log("signal.refused", severity="WARNING", signal=signal.name, bytes=len(call.data))
    identity = hashlib.sha256(given.encode("utf-8", "replace") + b"\n" + call.data).hexdigest()[:40]
    counted = Counted(Why.REFUSED, signal.channel, f"{signal.name}: signature", ctx.policy.local(now).date())
    try:
        message_counts.count(ctx, Delivery(identity, signal.channel, b"", now, now), counted)
    except Unavailable as error:
        ctx.log("signal.not_counted", severity="WARNING", signal=signal.name, error=str(error))


def _refused(wrong: Wrong) -> tuple[Any, int]:
    return wrong.body(), wrong.status
