"""Saying things once: what was sent is kept in the store, shared by all instances (behaviour 7).

An alert is stored before it is sent; one that could not be sent stays pending and a later sweep
sends it. Sending is leased, so that two who see it pending do not both send it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from shared.app.alerting.outbox import Kept, own_alerts, path_of, read_all, read_or_drop, save, send, send_pending
from shared.app.context import Context
from shared.app.state.compare_and_set import change_value
from shared.app.state.opening import touch
from shared.app.state.repository import path_of_run
from shared.app.state.upkeep import touch_upkeep
from shared.core import commands
from shared.core.alerting.alert import Alert, Pending, put_off, raised, to_send, told_again_at
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.alerting.routing import quiet_until
from shared.core.errors import OrchError
from shared.core.message import Received
from shared.core.severity import Severity
from shared.core.texts import say

# Judged by the validation runner, and so ended by it.
VALIDATION = AlertKind.VALIDATION
# Counted by the sweep, but not by each: ended by the one that counts none.
ENDED_ELSEWHERE = (VALIDATION, AlertKind.DEAD_LETTERS, AlertKind.SLO_FAST_BURN, AlertKind.SLO_SLOW_BURN)
OVER_FOR = timedelta(seconds=50)
# Told of all open runs together: only a sweep that looks at all of them knows that it is over.
OF_ALL_RUNS = AlertKind.OLD_DATES
OF_BATCHES = (AlertKind.BATCH_HELD, AlertKind.BATCH_STALLED, AlertKind.BATCH_FAILING, AlertKind.BATCH_LATE)
Moments = Mapping[str, Sequence[datetime]]


def raise_now(ctx: Context, conditions: Collection[Condition], *, occurrence: bool = False) -> None:
    """Store conditions that hold and send those that are new; ``occurrence`` counts a repetition.

    The next sweep looks after them: it sends what could not be sent, writes them to the record, and ends them.
    """
    if conditions:
        touch_upkeep(ctx)
        raise_in_sweep(ctx, conditions, occurrence=occurrence)


def raise_in_sweep(ctx: Context, conditions: Collection[Condition], *, occurrence: bool = False) -> None:
    """Do the same in a sweep, which looks after alerts itself."""
    if not conditions:
        return
    with sending(ctx) as outgoing:
        outgoing.extend(_raise(ctx, conditions, occurrence=occurrence))


@contextmanager
def sending(ctx: Context) -> Iterator[list[Kept]]:
    """Collect alerts that are leased to us, and send them at the end, those of one run in one message; also where a
    port fails before: they are stored as being sent."""
    outgoing: list[Kept] = []
    try:
        yield outgoing
    except OrchError:
        send(ctx, outgoing)
        raise
    send(ctx, outgoing)


def _raise(ctx: Context, conditions: Collection[Condition], *, occurrence: bool) -> Iterator[Kept]:
    """Store conditions that hold, and yield what is to be sent by us."""
    documents = ctx.ports.store.get(*(path_of(c.fingerprint) for c in conditions)) if conditions else []
    for condition, document in zip(conditions, documents, strict=True):
        kept = raise_one(ctx, condition, read_or_drop(ctx, document), occurrence=occurrence)
        if kept is not None:
            yield kept


def raise_one(ctx: Context, condition: Condition, kept: Kept | None, *, occurrence: bool) -> Kept | None:
    """Write what a condition that holds changes in its alert; return it if it is to be sent by us.

    Where several pipelines are served, what its text tells people to run names this one. Raises ``Contended`` if
    others write the alert all the time.
    """
    if ctx.several:
        condition = replace(condition, text=commands.of_pipeline(condition.text, ctx.policy.pipeline))
    path, repeat_after = path_of(condition.fingerprint), ctx.policy.alerts.repeat_after

    def change(read: Kept | None) -> tuple[Kept, bool] | None:
        before, now = None if read is None else read.alert, ctx.ports.clock.now()
        after = raised(before, condition, now, repeat_after, occurrence=occurrence)
        if after == before:
            return None
        ours = after.sending_until is not None and (before is None or before.sending_until != after.sending_until)
        if ours and quiet_until(ctx.policy, after.kind, after.severity, now) is not None:
            return Kept(put_off(after), None if read is None else read.version), False
        return Kept(after, None if read is None else read.version), ours

    def write(changed: tuple[Kept, bool]) -> tuple[Kept, bool] | None:
        saved = save(ctx, changed[0])
        return None if saved is None else (saved, changed[1])

    written = change_value(kept, change, write, lambda: read_or_drop(ctx, ctx.ports.store.get(path)[0]), path)
    return written[0] if written is not None and written[1] else None


def update_alerts(
    ctx: Context,
    conditions: Mapping[str, Condition],
    seen: Collection[str],
    unseen: Collection[str],
    now: datetime,
    paused: Collection[tuple[str, str, str]] = (),
    closed: Collection[str] | None = None,
    ended_by: Callable[[Alert], str] = lambda alert: "",
) -> Moments:
    """Raise what holds, recover what does not, send what is pending: the sweep's part (behaviour A2).

    ``seen`` are the open runs that this sweep looked at, ``unseen`` those that it did not: of them nothing is known,
    so nothing of them ends. ``paused`` are the run, transition and kind of what a pause keeps from being decided, which
    is not over by it (T8). Closing is no recovery (T5): of a closed run only what had ended before is told as over.
    ``closed`` are the runs that the last sweep closed where only due runs are looked at, None where every open run is.
    ``ended_by`` says how an alert ended, as far as this sweep knows.
    Returns when the clock alone may change any of them, by run; "" is of no run, or of one that was not looked at.
    """
    standing = {kept.alert.fingerprint: kept for kept in read_all(ctx, own_alerts(ctx, {"standing": True}))}
    unknown = [c for fingerprint, c in conditions.items() if fingerprint not in standing]
    of_others: list[Kept] = []
    moments: dict[str, list[datetime]] = {}
    with sending(ctx) as outgoing:
        for fingerprint, kept in standing.items():
            condition, run = conditions.get(fingerprint), kept.alert.run
            if condition is not None:
                ours = raise_one(ctx, condition, kept, occurrence=False)
                outgoing += [] if ours is None else [ours]
            elif run in unseen or kept.alert.kind in ENDED_ELSEWHERE or _scope_of(kept.alert) in paused:
                continue
            elif run in seen or ("/" not in run and (closed is None or kept.alert.kind != OF_ALL_RUNS)):
                believed_at = _confirm_end(ctx, kept, now, ended_by, outgoing)
                moments.setdefault(run if run in seen else "", []).append(believed_at)
            elif closed is None or run in closed:
                of_others.append(kept)
            elif kept.alert.kind in OF_BATCHES:
                touch(ctx, run)  # a batch is looked at by each sweep, and its run's alerts end with the run's look
        if not _of_closed_runs(ctx, of_others, now, outgoing):
            moments.setdefault("", []).append(now)  # another instance wrote one: it is looked at again as it is then
        outgoing.extend(_raise(ctx, unknown, occurrence=False))
    moments.setdefault("", []).extend(send_pending(ctx, now))
    repeat_after = ctx.policy.alerts.repeat_after
    for kept in standing.values():
        again_at = told_again_at(kept.alert, repeat_after)
        if again_at is not None:
            moments.setdefault(kept.alert.run if kept.alert.run in seen else "", []).append(again_at)
    for condition in unknown:
        moments.setdefault(condition.run if condition.run in seen else "", []).append(now + repeat_after)
    return moments


def _scope_of(alert: Alert) -> tuple[str, str, str]:
    return alert.run, alert.transition, alert.kind


def _of_closed_runs(ctx: Context, listed: list[Kept], now: datetime, outgoing: list[Kept]) -> bool:
    """Let alerts of closed runs rest; of a run that opened since this sweep began nothing is known yet.

    False where another instance wrote one of them meanwhile.
    """
    rest = True
    paths = sorted({path_of_run(kept.alert.run) for kept in listed})
    documents = dict(zip(paths, ctx.ports.store.get(*paths) if paths else [], strict=True))
    for kept in listed:
        document = documents[path_of_run(kept.alert.run)]
        if document is not None and document.data.get("closed_at") is None:
            continue
        if kept.alert.ended_at is not None:
            rest &= _end(ctx, kept, now, outgoing)
        else:
            rest &= save(ctx, replace(kept, alert=replace(kept.alert, firing=False))) is not None
    return rest


def _confirm_end(
    ctx: Context, kept: Kept, now: datetime, ended_by: Callable[[Alert], str], outgoing: list[Kept]
) -> datetime:
    """Believe an end only when a second sweep sees it too, so that a flutter says nothing; return from when on."""
    alert = kept.alert
    if alert.ended_at is None:
        if save(ctx, replace(kept, alert=replace(alert, ended_at=now, ended_by=ended_by(alert)))) is None:
            return now  # another instance wrote it meanwhile: the next sweep looks again
    elif now - alert.ended_at >= OVER_FOR:
        _end(ctx, kept, now, outgoing)
    return (alert.ended_at or now) + OVER_FOR


def end(ctx: Context, kept: Kept, now: datetime) -> bool:
    """End an alert whose condition is over, and tell it where people have heard of it, or may have.

    False where another instance wrote it meanwhile: it is to be looked at again.
    """
    with sending(ctx) as outgoing:
        return _end(ctx, kept, now, outgoing)


def _end(ctx: Context, kept: Kept, now: datetime, outgoing: list[Kept]) -> bool:
    alert = kept.alert
    if not alert.may_be_known:
        after = replace(alert, firing=False, pending=Pending.NOTHING, unsent=False)
    else:
        after = replace(to_send(alert, Pending.RECOVERY, now), firing=False)
    quiet = quiet_until(ctx.policy, alert.kind, alert.severity, now) is not None
    saved = save(ctx, replace(kept, alert=put_off(after) if quiet else after))
    if saved is not None and after.pending is Pending.RECOVERY and not quiet:
        outgoing.append(saved)
    return saved is not None


def other_dataset(received: Received, phase: str) -> Condition:
    """Return the note that a report names the dataset of another table of the pipeline (behaviour R8)."""
    name, dataset = received.report.processor, received.other_dataset
    text = say(
        received.key.id,
        phase,
        f"{received.wire_name} names the dataset {dataset}, which is not that of its table: counted as {name}",
        do=f"correct the sender, or the table of {name} in the policy",
    )
    subject = f"{name}/{dataset}"
    return Condition(AlertKind.OTHER_DATASET, Severity.INFO, received.key.pipeline, phase, subject, text)
