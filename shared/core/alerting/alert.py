"""An alert as it is kept, and how what holds, is sent or is over changes it (behaviour A2, A3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import Lifecycle
from shared.core.alerting.quiet import Quiet, QuietKind
from shared.core.calendar import KEPT
from shared.core.severity import Severity

# Longer than one sending and the minute by which the clocks of two instances may differ.
SENDING = timedelta(minutes=2)


class Pending(StrEnum):
    """What still has to be sent."""

    NOTHING = ""
    ALERT = "alert"
    RECOVERY = "recovery"

    @classmethod
    def of_later_version(cls, document: Mapping[str, object]) -> Pending:
        """What is not known to be sent is sent as an alert, rather than kept back."""
        return cls.ALERT


@dataclass(frozen=True, slots=True)
class Alert:
    """One fingerprint as stored. ``standing`` is true while the condition holds; ``ended_at`` is when a sweep first
    saw it gone, ``ended_by`` how it ended as far as that sweep could tell; ``unsent`` mirrors ``pending`` for queries;
    ``taken`` names the sinks that have what is pending. ``threads`` is by sink what later messages are a reply to.

    ``sending_until`` is written before each sending and taken back with what became of it. Where it is left, a sender
    died, or could not write: people may have heard what was pending. ``in_doubt`` remembers that of an alert.

    ``quiet`` is what a person said of it last, None where nobody did or it has been told again since."""

    STORED_AS: ClassVar[Mapping[str, str]] = {"firing": "standing", "lifecycle": "lasting", "notified_at": "said_at"}

    fingerprint: str
    kind: str
    severity: str
    run: str
    transition: str
    subject: str
    text: str
    lifecycle: Lifecycle
    first_at: datetime
    last_at: datetime
    firing: bool
    count: int = 1
    pending: Pending = Pending.ALERT
    unsent: bool = True
    sending_until: datetime | None = None
    notified_at: datetime | None = None
    ended_at: datetime | None = None
    resolved_at: datetime | None = None
    retry_at: datetime | None = None
    refused: str = ""
    recorded: bool = False
    expires_at: datetime | None = None
    taken: tuple[str, ...] = ()
    in_doubt: bool = False
    quiet: Quiet | None = None
    ended_by: str = ""
    threads: dict[str, str] = field(default_factory=dict)

    def is_silenced(self, now: datetime) -> bool:
        """True while nothing of the alert is told but its end."""
        return self.quiet is not None and self.quiet.kind is QuietKind.SILENCE and self.quiet.is_in_force(now)

    @property
    def may_be_known(self) -> bool:
        """Whether people have heard the alert, or may have."""
        begun = self.pending is Pending.ALERT and self.sending_until is not None
        return self.notified_at is not None or self.in_doubt or begun


def leased(alert: Alert, now: datetime) -> Alert:
    """Return what is pending of an alert with a lease of ours; what became of one that another left is unknown."""
    in_doubt = alert.in_doubt or (alert.pending is Pending.ALERT and alert.sending_until is not None)
    return replace(alert, sending_until=now + SENDING, in_doubt=in_doubt)


def put_off(alert: Alert) -> Alert:
    """Return an alert of which nobody sends what is pending: a later sweep does, when it may be told."""
    return replace(alert, sending_until=None)


def raised(
    alert: Alert | None, condition: Condition, now: datetime, repeat_after: timedelta, *, occurrence: bool
) -> Alert:
    """Return the alert of a condition that holds at this moment (behaviour A2); the same one if nothing changes."""
    if alert is None:
        return _new(condition, now)
    if condition.lifecycle is Lifecycle.ONGOING and not alert.firing:
        if alert.pending is Pending.RECOVERY and not alert.taken:
            return _unless_silenced(_as_it_was(alert), now)
        if not _rested(alert):
            silence = alert.quiet if alert.is_silenced(now) else None
            return _unless_silenced(replace(_new(condition, now), count=alert.count + 1, quiet=silence), now)
        alert = replace(alert, firing=True, ended_at=None)
    counted = alert
    if occurrence:
        counted = replace(alert, count=alert.count + 1, last_at=now, recorded=False)
    if alert.ended_at is not None:
        counted = replace(counted, ended_at=None)
    repeat_at = told_again_at(alert, repeat_after)
    may_repeat = occurrence or condition.lifecycle is Lifecycle.ONGOING
    if may_repeat and repeat_at is not None and now >= repeat_at and _is_told(alert):
        count = counted.count if occurrence else counted.count + 1
        again = replace(counted, text=condition.text, count=count, last_at=now, quiet=None)
        return to_send(again, Pending.ALERT, now)
    return counted


def told_again_at(alert: Alert, repeat_after: timedelta) -> datetime | None:
    """Return when an alert that goes on is told again, None while it has still to be told for the first time.

    One that a person acknowledged or silenced is not repeated before that ends. Then a critical one is told at once,
    and so is one that was silenced, of which nobody has heard for as long.
    """
    usual = None if alert.notified_at is None else alert.notified_at + repeat_after
    if alert.quiet is None:
        return usual
    if alert.quiet.kind is QuietKind.SILENCE or alert.severity == Severity.CRITICAL:
        return alert.quiet.until
    return None if usual is None else max(usual, alert.quiet.until)


def quieted(alert: Alert, quiet: Quiet) -> Alert:
    """Return an alert of which a person said that it is not to be repeated; what is pending of a silenced one rests."""
    # Whoever is sending it now may die before saying that people have it.
    in_doubt = alert.in_doubt or (alert.may_be_known and alert.notified_at is None)
    # What is kept no longer than the silence would be new within it.
    expires_at = quiet.until + KEPT if alert.expires_at is None else max(alert.expires_at, quiet.until + KEPT)
    return _unless_silenced(replace(alert, quiet=quiet, in_doubt=in_doubt, expires_at=expires_at), quiet.at)


def _unless_silenced(alert: Alert, now: datetime) -> Alert:
    """Return an alert of which nothing is to be sent while it is silenced, but its end."""
    if not alert.is_silenced(now) or alert.pending is not Pending.ALERT:
        return alert
    return replace(alert, pending=Pending.NOTHING, unsent=False, retry_at=None, sending_until=None)


def _new(condition: Condition, now: datetime) -> Alert:
    return Alert(
        fingerprint=condition.fingerprint,
        kind=condition.kind.value,
        severity=condition.severity.value,
        run=condition.run,
        transition=condition.transition,
        subject=condition.subject,
        text=condition.text,
        lifecycle=condition.lifecycle,
        first_at=now,
        last_at=now,
        firing=condition.lifecycle is Lifecycle.ONGOING,
        sending_until=now + SENDING,
        expires_at=now + KEPT,
    )


def _as_it_was(alert: Alert) -> Alert:
    """Return an alert that holds again before its end was taken by anybody: what people know is not said again, what
    they may not know or may believe to be over is, once whoever is sending its end has said how that went."""
    notified = alert.notified_at is not None and alert.sending_until is None
    pending = Pending.NOTHING if notified else Pending.ALERT
    return replace(alert, firing=True, ended_at=None, pending=pending, unsent=not notified)


def _rested(alert: Alert) -> bool:
    """True of an alert whose run closed under it: it was told and its end was not, so that a run that is opened again
    finds it as people know it (behaviour A2)."""
    notified_at, over = alert.notified_at, alert.resolved_at
    return alert.pending is Pending.NOTHING and notified_at is not None and (over is None or over < notified_at)


def _is_told(alert: Alert) -> bool:
    """Whether at least one sink has what there is to tell: one that is down does not silence the others."""
    return alert.pending is Pending.NOTHING or (alert.pending is Pending.ALERT and bool(alert.taken))


def to_send(alert: Alert, what: Pending, now: datetime) -> Alert:
    return replace(
        alert, pending=what, unsent=True, sending_until=now + SENDING, retry_at=None, recorded=False, taken=(),
        expires_at=now + KEPT,
    )  # fmt: skip


def threaded(fresh: Alert, threads: Mapping[str, str]) -> Alert:
    """Keep what sinks answered: the first message is what later ones reply to."""
    return replace(fresh, threads={**threads, **fresh.threads}) if threads else fresh


def unsent(fresh: Alert, ours: Alert, taken: tuple[str, ...], now: datetime, retry_at: datetime | None = None) -> Alert:
    """Give our lease back, unless another instance has one by now, and keep who took it and when to try the others."""
    if fresh.sending_until != ours.sending_until:
        return fresh
    first = bool(taken) and not ours.taken and ours.pending is Pending.ALERT
    if ours.pending is Pending.RECOVERY and fresh.pending is Pending.ALERT and not taken and fresh.notified_at:
        # It holds again, and nobody has heard that it was over.
        fresh = replace(fresh, pending=Pending.NOTHING, unsent=False)
    return replace(
        fresh, sending_until=None, taken=taken, retry_at=retry_at, notified_at=now if first else fresh.notified_at,
        recorded=fresh.recorded and not first,
    )  # fmt: skip


def sent(fresh: Alert, what: Pending, now: datetime) -> Alert:
    over = what is Pending.RECOVERY
    after = replace(
        fresh, pending=Pending.NOTHING, unsent=False, sending_until=None, refused="", retry_at=None, recorded=False,
        taken=(), in_doubt=False, notified_at=fresh.notified_at if over else now, resolved_at=now if over else None,
    )  # fmt: skip
    # It holds again since we said that it is over: that is news, and a later sweep tells it.
    return replace(after, pending=Pending.ALERT, unsent=True) if over and fresh.firing else after
