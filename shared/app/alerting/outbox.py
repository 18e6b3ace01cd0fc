"""Sending what is kept to be sent: leased, so that two who see it pending do not both send it (behaviour A3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.app.context import Context
from shared.app.state.compare_and_set import Contended, change_value, write_version
from shared.core.alerting.alert import Alert, Pending, leased, sent, threaded, unsent
from shared.core.alerting.first_step import first_step
from shared.core.alerting.links import links_of
from shared.core.alerting.resolution import resolution_text
from shared.core.alerting.routing import quiet_until, sinks_of
from shared.core.alerting.titles import heading, title
from shared.core.errors import Unavailable, Undelivered
from shared.documents import from_data, to_data
from shared.ports import Delivered, Document, Notice, Refused

COLLECTION = "alerts"
REFUSED_FOR = timedelta(hours=1)
NEWLINE = "\n"
# So many alerts are told in one message at most: what is longer is cut by the services that show it.
MOST_TOGETHER = 10


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


def send(ctx: Context, listed: Sequence[Kept]) -> list[datetime]:
    """Send what is pending of alerts that are leased to us, those of one run in one message, and write down what became
    of each; return when those that were not taken are to be tried again."""
    together: dict[tuple[object, ...], list[Kept]] = {}
    for kept in listed:
        together.setdefault(_message_of(ctx, kept.alert), []).append(kept)
    groups = (group[first : first + MOST_TOGETHER] for group in together.values() for first in _steps(group))
    return [at for group in groups for at in _send_one_message(ctx, group)]


def _steps(group: Sequence[Kept]) -> range:
    return range(0, len(group), MOST_TOGETHER)


def _message_of(ctx: Context, alert: Alert) -> tuple[object, ...]:
    """Return what alerts have in common that one message can tell; an alert of no run has a message of its own."""
    alone = "" if "/" in alert.run else alert.fingerprint
    sinks, threads = _sinks(ctx, alert), tuple(sorted(alert.threads.items()))
    return alert.run, alone, alert.severity, alert.pending is Pending.RECOVERY, sinks, alert.taken, threads


def _send_one_message(ctx: Context, group: Sequence[Kept]) -> list[datetime]:
    clock, message = ctx.ports.clock, _together([notice(ctx, kept.alert) for kept in group])
    taken = group[0].alert.taken
    try:
        result = ctx.ports.alerts.send(message)
    except Unavailable as error:
        threads: Mapping[str, str] = {}
        if isinstance(error, Undelivered):
            taken, threads = error.taken, error.threads
        return [_not_sent(ctx, kept, str(error), taken, threads, error.retry_at) for kept in group]
    if isinstance(result, Delivered):
        delivered = (_delivered(ctx, kept, result.threads, clock.now()) for kept in group)
        return [at for at in delivered if at is not None]
    return [_refused(ctx, kept, result, clock.now()) for kept in group]


def _together(notices: Sequence[Notice]) -> Notice:
    first, *others = notices
    name = heading(first.run, len(notices), over=first.resolved) if others else first.title
    return replace(first, heading=name, others=tuple(others))


def _not_sent(
    ctx: Context,
    kept: Kept,
    error: str,
    taken: tuple[str, ...],
    threads: Mapping[str, str],
    later: datetime | None,
) -> datetime:
    alert, now = kept.alert, ctx.ports.clock.now()
    ctx.log("alert.unsent", severity=_log_severity(alert), error=error, text=alert.text)
    _mark(ctx, kept, lambda fresh: threaded(unsent(fresh, alert, taken, now, later), threads))
    return later or now


def _delivered(ctx: Context, kept: Kept, threads: Mapping[str, str], now: datetime) -> datetime | None:
    alert = kept.alert
    ctx.log("alert.sent", kind=alert.kind, alert_severity=alert.severity, fingerprint=alert.fingerprint)
    marked = _mark(ctx, kept, lambda fresh: threaded(sent(fresh, alert.pending, now), threads))
    return now if marked is not None and marked.alert.unsent else None


def _refused(ctx: Context, kept: Kept, result: Refused, now: datetime) -> datetime:
    alert, reason, retry_at = kept.alert, result.reason, now + REFUSED_FOR
    ctx.log("alert.refused", severity=_log_severity(alert), reason=reason, text=alert.text)

    def refused(fresh: Alert) -> Alert:
        changed = replace(unsent(fresh, alert, result.taken, now), refused=reason, retry_at=retry_at)
        return threaded(changed, result.threads)

    _mark(ctx, kept, refused)
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
    plain = Notice(
        alert.fingerprint, alert.severity, alert.kind, alert.text, count=alert.count, taken=alert.taken,
        sinks=_sinks(ctx, alert), threads=alert.threads,
    )  # fmt: skip
    if alert.pending is Pending.RECOVERY:
        ended_at = alert.ended_at or ctx.ports.clock.now()
        how = resolution_text(ctx.policy, alert.first_at, ended_at, alert.ended_by)
        plain = replace(plain, text=f"over: {alert.text.partition(NEWLINE)[0]}{NEWLINE}{how}", resolved=True)
    return leading(ctx, plain, alert.run, alert.transition, alert.first_at)


def _sinks(ctx: Context, alert: Alert) -> tuple[str, ...]:
    return sinks_of(ctx.policy, alert.kind, alert.severity, alert.transition, alert.subject)


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
    due: dict[tuple[object, ...], list[Kept]] = {}
    for kept in pending:
        alert = kept.alert
        quiet = quiet_until(ctx.policy, alert.kind, alert.severity, now)
        not_before = [at for at in (alert.sending_until, alert.retry_at, quiet) if at is not None and at > now]
        if not_before:
            later.append(max(not_before))
        else:
            due.setdefault(_message_of(ctx, alert), []).append(kept)
    for group in due.values():
        if ctx.out_of_time():
            return [*later, now]  # what is left stays pending, and the next sweep sends it
        saved = [save(ctx, replace(kept, alert=leased(kept.alert, now))) for kept in group]
        mine = [kept for kept in saved if kept is not None]
        later += [now] * (len(saved) - len(mine)) + send(ctx, mine)
    return later
