"""Dead letters with a way back: what cannot be understood is kept as it came (behaviour R1)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.app import alerting
from shared.app.context import Context
from shared.core import commands
from shared.core.alerts import AlertKind, Condition, Lasting, Severity
from shared.core.errors import Malformed
from shared.core.message import Delivery
from shared.core.texts import say
from shared.documents import from_data, to_data

COLLECTION = "quarantine"
# Characters of base64 in one document, of which a store takes 1 MiB in all.
PART = 600_000


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One message kept aside; ``data`` is base64 of its bytes, ``status`` `kept` or `replayed`.

    As stored, ``data`` is only its beginning where ``parts`` more documents follow below it.
    """

    message_id: str
    phase: str
    data: str
    kind: str
    reason: str
    processor: str
    published_at: datetime
    received_at: datetime
    status: str = "kept"
    replayed_at: datetime | None = None
    parts: int = 0
    trigger_id: str = ""

    @property
    def raw(self) -> bytes:
        return base64.b64decode(self.data)

    @property
    def delivery(self) -> Delivery:
        attributes = {"trigger_id": self.trigger_id}
        return Delivery(self.message_id, self.phase, self.raw, self.published_at, self.received_at, attributes)


def path_of(message_id: str) -> str:
    return f"{COLLECTION}/{message_id.replace('/', '~') or 'unnamed'}"


def _part_path(message_id: str, number: int) -> str:
    return f"{path_of(message_id)}/parts/{number}"


def quarantine(ctx: Context, delivery: Delivery, wrong: Malformed) -> None:
    """Keep a message aside, one row per message id, and say so once per processor and reason."""
    encoded = base64.b64encode(delivery.data).decode()
    rest = [encoded[start : start + PART] for start in range(PART, len(encoded), PART)]
    kept = Quarantined(
        message_id=delivery.message_id,
        phase=delivery.phase,
        data=encoded[:PART],
        kind=wrong.kind,
        reason=wrong.reason,
        processor=wrong.processor,
        published_at=delivery.published_at,
        received_at=delivery.received_at,
        parts=len(rest),
        trigger_id=str(delivery.attributes.get("trigger_id", "")),
    )
    # Its row comes last: a message that has one is kept as a whole.
    for number, part in enumerate(rest):
        ctx.ports.store.create(_part_path(delivery.message_id, number), {"data": part})
    created = ctx.ports.store.create(path_of(delivery.message_id), to_data(kept))
    ctx.log(
        "completion.quarantined",
        severity="WARNING",
        phase=delivery.phase,
        processor=wrong.processor,
        reason=wrong.reason,
        message_id=delivery.message_id,
    )
    # A redelivery of a message that is kept already says nothing new, unless a crash came before the alert.
    alerting.raise_now(ctx, [_condition(ctx, delivery, wrong)], occurrence=created is not None)


def _condition(ctx: Context, delivery: Delivery, wrong: Malformed) -> Condition:
    who = wrong.processor or "a message without a processor"
    text = say(
        ctx.policy.pipeline,
        delivery.phase,
        f"{who} kept in quarantine: {wrong.reason}",
        "it is not counted",
        f"look at it: {commands.quarantine('show', delivery.message_id)}\n"
        f"Once the sender or the policy is corrected: {commands.quarantine('replay', delivery.message_id)}",
    )
    subject = f"{wrong.processor}/{wrong.kind}"
    return Condition(
        AlertKind.QUARANTINE, Severity.WARNING, ctx.policy.pipeline, delivery.phase, subject, text, Lasting.ONCE
    )


def listed(ctx: Context, status: str | None = "kept") -> list[Quarantined]:
    """Return what is in quarantine, oldest first."""
    where: Mapping[str, Any] = {} if status is None else {"status": status}
    found = [whole(ctx, from_data(Quarantined, one.data)) for one in ctx.ports.store.query(COLLECTION, where)]
    return sorted(found, key=lambda kept: (kept.received_at, kept.message_id))


def whole(ctx: Context, kept: Quarantined) -> Quarantined:
    """Return a message with all of its bytes."""
    if kept.parts == 0:
        return kept
    parts = ctx.ports.store.get(*(_part_path(kept.message_id, number) for number in range(kept.parts)))
    return replace(kept, data=kept.data + "".join(part.data["data"] for part in parts if part is not None))
