"""Saying things once: what was said stands in the store, shared by all instances (behaviour 7).

An alert is stored before it is sent; one that could not be sent stays pending and a later sweep
sends it. Sending is leased, so that two who see it pending do not both send it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.app.bookkeeping import keep_for_record
from shared.app.context import Context
from shared.app.reconcile import Settled
from shared.app.state import KEPT
from shared.core.alerts import Condition, Lasting, Severity, conditions
from shared.core.errors import Unavailable
from shared.core.message import Received
from shared.core.texts import say
from shared.documents import from_data, to_data
from shared.ports import Delivered, Document, Notice, Row

COLLECTION = "alerts"
# Judged by the validation runner, and so ended by it.
VALIDATION = "validation"
# Longer than one sending and the minute by which the clocks of two instances may differ.
SENDING = timedelta(minutes=2)
OVER_FOR = timedelta(seconds=50)
REFUSED_FOR = timedelta(hours=1)
ATTEMPTS = 10


class Pending(StrEnum):
    """What still has to be sent."""

    NOTHING = ""
    ALERT = "alert"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Alert:
    """One fingerprint as stored. ``standing`` is true while the condition holds; ``ended_at`` is when a sweep first
    saw it gone; ``unsent`` mirrors ``pending`` for queries."""

    fingerprint: str
    kind: str
    severity: str
    run: str
    transition: str
    subject: str
    text: str
    lasting: Lasting
    first_at: datetime
    last_at: datetime
    standing: bool
    count: int = 1
    pending: Pending = Pending.ALERT
    unsent: bool = True
    sending_until: datetime | None = None
    said_at: datetime | None = None
    ended_at: datetime | None = None
    resolved_at: datetime | None = None
    retry_at: datetime | None = None
    refused: str = ""
    recorded: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """An alert and the version it was read at; None where it is new."""

    alert: Alert
    version: str | None


def path_of(fingerprint: str) -> str:
    return f"{COLLECTION}/{fingerprint}"


def read(document: Document) -> Kept:
    return Kept(from_data(Alert, document.data), document.version)


def after_delivery(ctx: Context, settled: Iterable[Settled], processor: str, now: datetime) -> None:
    """Raise what a delivery brought to light. A failure here never fails a transition (behaviour A3): the next
    sweep derives the same conditions from the state and raises them again."""
    # A date without units raises no alert: until its calendar has been read, the sweep says what holds.
    known = [one for one in settled if one.situation.units is not None or ctx.policy.calendar is None]
    found = [c for one in known for c in conditions(one.situation, one.decision, now) if not c.kind.startswith("due_")]
    try:
        raise_now(ctx, [c for c in found if c.subject != processor])
        raise_now(ctx, [c for c in found if c.subject == processor], occurrence=True)
    except Unavailable as error:
        ctx.log("alert.not_stored", severity="WARNING", error=str(error))


def raise_now(ctx: Context, found: Collection[Condition], *, occurrence: bool = False) -> None:
    """Store conditions that hold and send those that are new; ``occurrence`` counts a repetition."""
    if not found:
        return
    documents = ctx.ports.store.get(*(path_of(c.fingerprint) for c in found))
    for condition, document in zip(found, documents, strict=True):
        kept = raise_one(ctx, condition, None if document is None else read(document), occurrence=occurrence)
        if kept is not None:
            send(ctx, kept)


def raise_one(ctx: Context, condition: Condition, kept: Kept | None, *, occurrence: bool) -> Kept | None:
    """Write what a condition that holds changes in its alert; return it if it is to be sent by us."""
    for _ in range(ATTEMPTS):
        now = ctx.ports.clock.now()
        before = None if kept is None else kept.alert
        after = raised(before, condition, now, ctx.policy.alerts.repeat_after, occurrence=occurrence)
        if after == before:
            return None
        path = path_of(condition.fingerprint)
        store = ctx.ports.store
        if kept is None or kept.version is None:
            version = store.create(path, to_data(after))
        else:
            version = store.update(path, to_data(after), kept.version)
        if version is not None:
            ours = after.sending_until is not None and (before is None or before.sending_until != after.sending_until)
            return Kept(after, version) if ours else None
        document = store.get(path)[0]
        kept = None if document is None else read(document)
    return None


def raised(
    alert: Alert | None, condition: Condition, now: datetime, repeat_after: timedelta, *, occurrence: bool
) -> Alert:
    """Return the alert of a condition that holds at this moment (behaviour A2); the same one if nothing changes."""
    if alert is None:
        return _new(condition, now)
    if condition.lasting is Lasting.STANDING and not alert.standing:
        if alert.pending is Pending.RECOVERY:  # its end was never told, so there is nothing to take back
            return replace(alert, standing=True, pending=Pending.NOTHING, unsent=False, ended_at=None)
        return replace(_new(condition, now), count=alert.count + 1)
    counted = alert
    if occurrence:
        counted = replace(alert, count=alert.count + 1, last_at=now, recorded=False)
    if alert.ended_at is not None:
        counted = replace(counted, ended_at=None)
    said = alert.said_at
    may_repeat = occurrence or condition.lasting is Lasting.STANDING
    if may_repeat and said is not None and now - said >= repeat_after and alert.pending is Pending.NOTHING:
        count = counted.count if occurrence else counted.count + 1
        return _to_send(replace(counted, text=condition.text, count=count, last_at=now), Pending.ALERT, now)
    return counted


def _new(condition: Condition, now: datetime) -> Alert:
    return Alert(
        fingerprint=condition.fingerprint,
        kind=condition.kind,
        severity=condition.severity.value,
        run=condition.run,
        transition=condition.transition,
        subject=condition.subject,
        text=condition.text,
        lasting=condition.lasting,
        first_at=now,
        last_at=now,
        standing=condition.lasting is Lasting.STANDING,
        sending_until=now + SENDING,
        expires_at=now + KEPT,
    )


def _to_send(alert: Alert, what: Pending, now: datetime) -> Alert:
    return replace(
        alert, pending=what, unsent=True, sending_until=now + SENDING, retry_at=None, recorded=False,
        expires_at=now + KEPT,
    )  # fmt: skip


def send(ctx: Context, kept: Kept) -> None:
    """Send what is pending of an alert that is leased to us, and write down what became of it."""
    alert = kept.alert
    try:
        result = ctx.ports.alerts.send(notice(alert))
    except Unavailable as error:
        ctx.log("alert.unsent", severity=_log_severity(alert), error=str(error), text=alert.text)
        _mark(ctx, kept, lambda fresh: _unsent(fresh, alert))
        return
    now = ctx.ports.clock.now()
    if isinstance(result, Delivered):
        ctx.log("alert.sent", kind=alert.kind, alert_severity=alert.severity, fingerprint=alert.fingerprint)
        _mark(ctx, kept, lambda fresh: _sent(fresh, alert.pending, now))
    else:
        reason, retry_at = result.reason, now + REFUSED_FOR
        ctx.log("alert.refused", severity=_log_severity(alert), reason=reason, text=alert.text)
        _mark(ctx, kept, lambda fresh: replace(_unsent(fresh, alert), refused=reason, retry_at=retry_at))


def _mark(ctx: Context, kept: Kept, change: Callable[[Alert], Alert]) -> None:
    """Write down what became of a sending, also if somebody counted a repetition meanwhile: else it is sent again."""
    path, alert, version = path_of(kept.alert.fingerprint), kept.alert, kept.version
    for _ in range(ATTEMPTS):
        assert version is not None
        if ctx.ports.store.update(path, to_data(change(alert)), version) is not None:
            return
        document = ctx.ports.store.get(path)[0]
        if document is None:
            return
        alert, version = from_data(Alert, document.data), document.version


def _unsent(fresh: Alert, ours: Alert) -> Alert:
    """Give our lease back, unless somebody else has one by now."""
    return replace(fresh, sending_until=None) if fresh.sending_until == ours.sending_until else fresh


def _sent(fresh: Alert, what: Pending, now: datetime) -> Alert:
    over = what is Pending.RECOVERY
    after = replace(
        fresh, pending=Pending.NOTHING, unsent=False, sending_until=None, refused="", retry_at=None, recorded=False,
        said_at=fresh.said_at if over else now, resolved_at=now if over else None,
    )  # fmt: skip
    # It holds again since we said that it is over: that is news, and a later sweep tells it.
    return replace(after, pending=Pending.ALERT, unsent=True) if over and fresh.standing else after


def notice(alert: Alert) -> Notice:
    """Return what people read: the alert, its repetition with its count, or its end."""
    over = alert.pending is Pending.RECOVERY
    text = "over: " + alert.text.splitlines()[0] if over else alert.text
    return Notice(alert.fingerprint, alert.severity, alert.kind, text, resolved=over, count=alert.count)


def _log_severity(alert: Alert) -> str:
    return alert.severity.upper()


def settle(ctx: Context, found: Mapping[str, Condition], unseen: Collection[str], now: datetime) -> list[datetime]:
    """Raise what holds, recover what does not, send what is pending: the sweep's part (behaviour A2).

    ``unseen`` are the open runs that this sweep did not look at: of them nothing is known, so
    nothing of them ends. Returns when the clock alone may change any of them.
    """
    store = ctx.ports.store
    standing = {d.id: read(d) for d in store.query(COLLECTION, {"standing": True})}
    unknown = [c for fingerprint, c in found.items() if fingerprint not in standing]
    for fingerprint, kept in standing.items():
        condition = found.get(fingerprint)
        if condition is not None:
            raise_and_send(ctx, condition, kept)
        elif kept.alert.run not in unseen and kept.alert.kind != VALIDATION:
            _ending(ctx, kept, now)
    raise_now(ctx, unknown)
    retries = send_pending(ctx, now)
    repeat_after = ctx.policy.alerts.repeat_after
    return retries + [kept.alert.said_at + repeat_after for kept in standing.values() if kept.alert.said_at is not None]


def raise_and_send(ctx: Context, condition: Condition, kept: Kept) -> None:
    ours = raise_one(ctx, condition, kept, occurrence=False)
    if ours is not None:
        send(ctx, ours)


def _ending(ctx: Context, kept: Kept, now: datetime) -> None:
    """Believe an end only when a second sweep sees it too, so that a flutter says nothing."""
    alert = kept.alert
    assert kept.version is not None
    if alert.ended_at is None:
        ctx.ports.store.update(path_of(alert.fingerprint), to_data(replace(alert, ended_at=now)), kept.version)
    elif now - alert.ended_at >= OVER_FOR:
        end(ctx, kept, now)


def end(ctx: Context, kept: Kept, now: datetime) -> None:
    """End an alert whose condition is over, and tell it to those who have heard of it."""
    alert = kept.alert
    assert kept.version is not None
    if alert.said_at is None:
        after = replace(alert, standing=False, pending=Pending.NOTHING, unsent=False)
    else:
        after = replace(_to_send(alert, Pending.RECOVERY, now), standing=False)
    version = ctx.ports.store.update(path_of(alert.fingerprint), to_data(after), kept.version)
    if version is not None and after.pending is Pending.RECOVERY:
        send(ctx, Kept(after, version))


def send_pending(ctx: Context, now: datetime) -> list[datetime]:
    """Send what earlier attempts left behind; return when to try again what is refused or being sent."""
    later = []
    for document in ctx.ports.store.query(COLLECTION, {"unsent": True}):
        kept = read(document)
        alert = kept.alert
        not_before = [at for at in (alert.sending_until, alert.retry_at) if at is not None and at > now]
        if not_before:
            later.append(max(not_before))
            continue
        mine = replace(alert, sending_until=now + SENDING)
        version = ctx.ports.store.update(path_of(alert.fingerprint), to_data(mine), document.version)
        if version is not None:
            send(ctx, Kept(mine, version))
    return later


def known_by_table(received: Received, phase: str) -> Condition:
    """Return the note that a processor is known by its output table only (behaviour R2)."""
    name = received.report.processor
    text = say(
        received.key.id,
        phase,
        f"{received.wire_name} is unknown, but its output table is that of {name}: counted as {name}",
        do=f"add {received.wire_name} to the aliases of {name}",
    )
    return Condition("by_table", Severity.INFO, received.key.pipeline, phase, received.wire_name, text, Lasting.ONCE)


def to_record(ctx: Context) -> None:
    """Write to the record what became of alerts since the last time; readers take the newest row of each."""
    documents = ctx.ports.store.query(COLLECTION, {"recorded": False})
    kept = [(read(document), document.path) for document in documents]
    if not keep_for_record(ctx, [_row(one.alert) for one, _ in kept]):
        return
    for one, path in kept:
        assert one.version is not None
        ctx.ports.store.update(path, to_data(replace(one.alert, recorded=True)), one.version)


def _row(alert: Alert) -> tuple[str, Row]:
    stage = alert.resolved_at or alert.said_at or alert.first_at
    alert_id = f"{alert.fingerprint}@{alert.first_at.isoformat()}"
    columns = {
        "alert_id": alert_id,
        "fingerprint": alert.fingerprint,
        "severity": alert.severity,
        "kind": alert.kind,
        "run_id": alert.run,
        "transition": alert.transition,
        "text": alert.text,
        "first_at": alert.first_at,
        "last_at": alert.last_at,
        "count": alert.count,
        "delivered_at": alert.said_at,
        "resolved_at": alert.resolved_at,
    }
    return "alerts", Row(f"{alert_id}/{alert.count}/{alert.pending}/{stage.isoformat()}", columns)
