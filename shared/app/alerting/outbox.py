"""Sending what is kept to be sent: leased, so that two who see it pending do not both send it (behaviour A3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.app.context import Context
from shared.app.state.compare_and_set import Contended, change_value, write_version
from shared.core.alerting.alert import Alert, Pending, leased, sent, unsent
from shared.core.alerting.first_step import first_step
from shared.core.alerting.links import links_of
from shared.core.alerting.resolution import resolution_text
from shared.core.alerting.titles import title
from shared.core.errors import Unavailable, Undelivered
from shared.documents import from_data, to_data
from shared.ports import Delivered, Document, Notice

COLLECTION = "alerts"
REFUSED_FOR = timedelta(hours=1)
NEWLINE = "\n"


@dataclass(frozen=True, slots=True)
class Kept:
    """An alert and the version it was read at; None where it is new."""

    alert: Alert
    version: str | None


def path_of(fingerprint: str) -> str:
    return f"{COLLECTION}/{fingerprint}"


def read(document: Document) -> Kept:
    """Return the alert in a document; raises ``ValueError`` for what is none."""
    return Kept(from_data(Alert, document.data), document.version)


def own_alerts(ctx: Context, where: Mapping[str, str | int | bool | None]) -> list[Document]:
    """Return the alerts of the pipeline that fit: others may have theirs in the same database. What does not say whose
    it is may be anybody's: whoever finds it has to deal with it."""
    listed = ctx.ports.store.query(COLLECTION, where)
    return [document for document in listed if _pipeline(document) in ("", ctx.policy.pipeline)]


def _pipeline(document: Document) -> str:
    run = document.data.get("run")
    return run.partition("/")[0] if isinstance(run, str) else ""


def read_or_drop(ctx: Context, document: Document | None) -> Kept | None:
    """Return the alert in a document, None where there is none.

    One that cannot be read must not keep the others from being sent: it is deleted, so that what it reported is
    said anew while it lasts.
    """
    if document is None:
        return None
    try:
        return read(document)
    except ValueError as error:
        ctx.log("alert.unreadable", severity="ERROR", path=document.path, error=str(error))
        ctx.ports.store.delete(document.path)
        return None


def read_all(ctx: Context, documents: Iterable[Document]) -> list[Kept]:
    """Return the alerts in documents, without those that cannot be read."""
    return [kept for kept in (read_or_drop(ctx, document) for document in documents) if kept is not None]


def send(ctx: Context, kept: Kept) -> datetime | None:
    """Send what is pending of an alert that is leased to us, and write down what became of it; return when it is to be
    tried again, None where it was taken."""
    alert, clock = kept.alert, ctx.ports.clock
    try:
        result = ctx.ports.alerts.send(notice(ctx, alert))
    except Unavailable as error:
        ctx.log("alert.unsent", severity=_log_severity(alert), error=str(error), text=alert.text)
        taken = error.taken if isinstance(error, Undelivered) else alert.taken
        now, later = clock.now(), error.retry_at
        _mark(ctx, kept, lambda fresh: unsent(fresh, alert, taken, now, later))
        return later or now
    now = clock.now()
    if isinstance(result, Delivered):
        ctx.log("alert.sent", kind=alert.kind, alert_severity=alert.severity, fingerprint=alert.fingerprint)
        marked = _mark(ctx, kept, lambda fresh: sent(fresh, alert.pending, now))
        return now if marked is not None and marked.alert.unsent else None
    reason, retry_at, taken = result.reason, now + REFUSED_FOR, result.taken
    ctx.log("alert.refused", severity=_log_severity(alert), reason=reason, text=alert.text)
    _mark(ctx, kept, lambda fresh: replace(unsent(fresh, alert, taken, now), refused=reason, retry_at=retry_at))
    return retry_at


def _mark(ctx: Context, kept: Kept, change: Callable[[Alert], Alert]) -> Kept | None:
    """Write what became of a sending, even if another counted a repetition meanwhile: else it is sent again.

    Return the alert as it was written, None where it is gone, or others write it all the time.
    """
    path = path_of(kept.alert.fingerprint)

    def changed(read: Kept | None) -> Kept | None:
        return None if read is None else replace(read, alert=change(read.alert))

    try:
        return change_value(
            kept,
            changed,
            lambda after: save(ctx, after),
            lambda: read_or_drop(ctx, ctx.ports.store.get(path)[0]),
            path,
        )
    except Contended as error:
        # It is sent once more when its lease has ended: twice is better than not at all.
        ctx.log("alert.unmarked", severity="WARNING", error=str(error), fingerprint=kept.alert.fingerprint)
        return None


def save(ctx: Context, kept: Kept) -> Kept | None:
    """Write an alert as it was changed since it was read; None if another instance wrote it first."""
    version = write_version(ctx.ports.store, path_of(kept.alert.fingerprint), to_data(kept.alert), kept.version)
    return None if version is None else Kept(kept.alert, version)


def notice(ctx: Context, alert: Alert) -> Notice:
    """Return what people read: the alert, its repetition with its count, or its end."""
    plain = Notice(alert.fingerprint, alert.severity, alert.kind, alert.text, count=alert.count, taken=alert.taken)
    if alert.pending is not Pending.RECOVERY:
        return leading(ctx, plain, alert.run, alert.transition, alert.first_at)
    ended_at = alert.ended_at or ctx.ports.clock.now()
    how = resolution_text(ctx.policy, alert.first_at, ended_at, alert.ended_by)
    text = f"over: {alert.text.partition(NEWLINE)[0]}{NEWLINE}{how}"
    return leading(ctx, replace(plain, text=text, resolved=True), alert.run, alert.transition, alert.first_at)


def leading(ctx: Context, plain: Notice, run: str, transition: str, since: datetime) -> Notice:
    """Return a notice with its title, its links and, unless it is over, the command to paste first (behaviour A1)."""
    pipeline = ctx.policy.pipeline if ctx.several else ""
    return replace(
        plain,
        title=title(ctx.policy, plain.kind, run, transition),
        run=run,
        links=links_of(ctx.places, plain.kind, run, since),
        command="" if plain.resolved else first_step(plain.kind, plain.fingerprint, plain.text, pipeline),
    )


def _log_severity(alert: Alert) -> str:
    return alert.severity.upper()


def send_pending(ctx: Context, now: datetime) -> list[datetime]:
    """Send what earlier attempts left behind, or this sweep just now; return when to try again what was not taken."""
    later: list[datetime] = []
    # What was sent to nobody comes first: a sink that hangs must not keep the others waiting for what is new.
    pending = sorted(read_all(ctx, own_alerts(ctx, {"unsent": True})), key=lambda kept: bool(kept.alert.taken))
    for kept in pending:
        if ctx.out_of_time():
            return [*later, now]  # what is left stays pending, and the next sweep sends it
        alert = kept.alert
        not_before = [at for at in (alert.sending_until, alert.retry_at) if at is not None and at > now]
        if not_before:
            later.append(max(not_before))
            continue
        mine = save(ctx, replace(kept, alert=leased(alert, now)))
        again_at = now if mine is None else send(ctx, mine)
        later += [] if again_at is None else [again_at]
    return later
