"""Signals that come by a call: proven, published to the topic of the signal, and read there as any other (R13).

Nothing is decided here: whoever calls waits a few seconds only, and what Pub/Sub has is not lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.app.call import WRONG_METHOD, Call, Wrong
from shared.app.context import Context
from shared.core.errors import Unavailable
from shared.core.policy.signals import CALLED, Scheme, Signal, WebhookAuth
from shared.core.wire.instants import instant
from shared.core.wire.places import Foreign, first
from shared.core.wire.signatures import is_signed, is_timely, is_token, stamped_at, webhook_at
from shared.ports import Message

PREFIX = "/signals/"
MOST_BYTES = 1_000_000
ACCEPTED, UNAUTHORIZED, NOT_FOUND, TOO_LARGE, UNAVAILABLE = 202, 401, 404, 413, 503
Header = Callable[[str], str | None]
Secret = Callable[[Context, str], str | None]


class Proof(StrEnum):
    """What a call proves of its sender, and of when it was sent."""

    GIVEN = "given"
    WRONG = "the signature is not that of the body"
    OLD = "it was sent too long ago, or is of a time to come"
    UNDATED = "the body does not say when it was sent"


WAY_OUT = {
    Proof.WRONG: "sign it with the shared secret",
    Proof.OLD: "send it anew: a call that was taken before is not taken again",
    Proof.UNDATED: "send the time that the policy reads (`sent`)",
}


def answer(contexts: Sequence[Context], call: Call, header: Header, secret: Secret) -> tuple[Any, int]:
    """Answer one call: 202 and the id of what was published, or why it was not, and nothing was done.

    Whoever proves nothing costs nothing: neither store nor broker is asked for them. A sender that was not answered
    sends again: a duplicate counts once.
    """
    if len(call.data) > MOST_BYTES:
        return _refused(Wrong("the body is too large", f"at most {MOST_BYTES} bytes", TOO_LARGE))
    name = call.path.removeprefix(PREFIX) if call.path.startswith(PREFIX) else ""
    listed = ((ctx, ctx.policy.signals.get(name)) for ctx in contexts)
    ctx, signal = next(((ctx, signal) for ctx, signal in listed if signal is not None and signal.webhook), (None, None))
    if ctx is None or signal is None or signal.webhook is None:
        return _refused(Wrong("there is no such signal", f"POST {PREFIX}NAME, as the policy names it", NOT_FOUND))
    if call.method != "POST":
        return _refused(Wrong(f"a {call.method[:20]} does nothing here", f"POST {PREFIX}{name}", WRONG_METHOD))
    keys = _keys(ctx, signal.webhook, secret)
    if not keys:
        ctx.log("signal.no_secret", severity="ERROR", signal=name, secret=", ".join(signal.webhook.secrets))
        return _refused(Wrong("it cannot be proven now who calls", "send it again later", UNAVAILABLE))
    now = ctx.ports.clock.now()
    proofs = [_proof(signal.webhook, header, call.data, key, now) for key in keys]
    proof = next((proof for proof in proofs if proof is not Proof.WRONG), Proof.WRONG)
    if proof is not Proof.GIVEN:
        # Only said in the log: anybody can make such a call, as often as they like.
        ctx.log("signal.refused", severity="WARNING", signal=name, reason=proof.value, bytes=len(call.data))
        return _refused(Wrong(proof.value, WAY_OUT[proof], UNAUTHORIZED))
    return _published(ctx, signal, call)


def _keys(ctx: Context, webhook: WebhookAuth, secret: Secret) -> list[str]:
    """Return the secrets that there are; the others, such as one that has had its time, prove nothing."""
    keys = []
    for name in webhook.secrets:
        try:
            key = secret(ctx, name)
        except Unavailable as error:
            ctx.log("signal.secret_unavailable", severity="WARNING", secret=name, error=str(error))
            continue
        keys += [key] if key else []
    return keys


def _proof(webhook: WebhookAuth, header: Header, body: bytes, key: str, now: datetime) -> Proof:
    given = header(webhook.header) or ""
    match webhook.scheme:
        case Scheme.STAMPED:
            sent = stamped_at(given, body, key)
            proven = sent is not None
        case Scheme.STANDARD:
            sent = webhook_at(header, webhook.header, body, key)
            proven = sent is not None
        case Scheme.TOKEN:
            proven, sent = is_token(given, webhook.prefix, key), None
        case _:
            proven, sent = is_signed(given, webhook.prefix, body, key), None
    if not proven:
        return Proof.WRONG
    if webhook.max_age is None:
        return Proof.GIVEN
    sent = sent or _sent_at(webhook, body, now)
    if sent is None:
        return Proof.UNDATED
    return Proof.GIVEN if is_timely(sent, now, webhook.max_age) else Proof.OLD


def _sent_at(webhook: WebhookAuth, body: bytes, now: datetime) -> datetime | None:
    """Return when a body says that it was sent, None where it says no time."""
    try:
        return instant(first(Foreign(body, {}, "", now), webhook.sent))
    except ValueError:
        return None


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


def _refused(wrong: Wrong) -> tuple[Any, int]:
    return wrong.body(), wrong.status
