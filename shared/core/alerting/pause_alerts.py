"""What people are told of pauses: that one begins, once a week that it goes on, that it has ended (behaviour T8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from shared.core import commands
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.decision.pause import Pause, paused_text, pauses_of
from shared.core.policy.policy import Policy
from shared.core.severity import Severity
from shared.core.texts import amount, day_time, say

REMINDED_EVERY = timedelta(days=7)
# So long its end is told, should no sweep run when it comes.
END_TOLD_FOR = timedelta(days=7)


def pause_conditions(policy: Policy, stored: Iterable[Pause], now: datetime) -> Iterator[Condition]:
    """Yield what is to be said of the pauses now; each is said once. ``stored`` are those that the store knows."""
    listed = tuple(stored)
    ids = {pause.id for pause in listed}
    for pause in pauses_of(policy, listed):
        if pause.in_force(now) and (missing := _gone(policy, pause)):
            yield _of_nothing(policy, pause, missing)
        elif pause.in_force(now):
            # Later reminders say all of it, and what was said long ago is not known any more.
            yield _reminder(policy, pause, now) if _weeks(pause, now) else began(policy, pause)
        elif pause.id in ids and pause.over_at is not None and now < pause.over_at + END_TOLD_FOR:
            yield has_ended(policy, pause)


def _gone(policy: Policy, pause: Pause) -> str:
    """Return what of a pause's scope the policy does not know, "" where it knows all of it."""
    if pause.mode is not None and pause.mode not in policy.modes:
        return f"mode {pause.mode}"
    exists = pause.transition is None or pause.transition in policy.transitions
    return "" if exists else f"transition {pause.transition}"


def _of_nothing(policy: Policy, pause: Pause, missing: str) -> Condition:
    """Return that a pause keeps nothing back any more: what it names has another name now, or is gone."""
    what = f"the pause {pause.id} of {pause.scope} ({pause.reason}) keeps nothing back: the policy has no {missing}"
    then = "what it was to keep back is opened and dispatched"
    do = f"pause it by its new name, and end this one: {commands.pause_end(pause.id)}"
    text = say(policy.pipeline, "", what, then, do)
    return Condition(
        AlertKind.PAUSE_OF_NOTHING, Severity.WARNING, policy.pipeline, pause.transition or "", pause.id, text
    )


def pause_moments(policy: Policy, stored: Iterable[Pause], now: datetime) -> list[datetime]:
    """Return when the clock alone changes something of the pauses."""
    moments = []
    for pause in pauses_of(policy, stored):
        moments += [pause.begins_at, *(() if pause.over_at is None else (pause.over_at,))]
        if pause.in_force(now):
            moments.append(pause.begins_at + REMINDED_EVERY * (_weeks(pause, now) + 1))
    return [at for at in moments if at > now]


def began(policy: Policy, pause: Pause) -> Condition:
    """Return that a pause has begun, until when, who wanted it and why."""
    what = f"{pause.scope} is {paused_text(policy, pause)}"
    return _condition(policy, pause, AlertKind.PAUSED, pause.id, what, _THEN, _to_end(pause))


def has_ended(policy: Policy, pause: Pause) -> Condition:
    """Return that a pause is over, with its reason; it is no recovery: it says what comes now."""
    assert pause.over_at is not None
    early = ""
    if pause.ended_at is not None and pause.ended_at == pause.over_at:
        who = f" by {pause.ended_by}" if pause.ended_by else ""
        early = f", ended{who}" + (f": {pause.ended_for}" if pause.ended_for else "")
    what = f"the pause of {pause.scope} ({pause.reason}) is over since {day_time(policy, pause.over_at)}{early}"
    return _condition(policy, pause, AlertKind.PAUSE_ENDED, pause.id, what, "everything is decided as usual", "")


def _reminder(policy: Policy, pause: Pause, now: datetime) -> Condition:
    weeks = _weeks(pause, now)
    what = f"for {amount(weeks, 'week')} now {pause.scope} is {paused_text(policy, pause)}"
    return _condition(policy, pause, AlertKind.PAUSE_GOES_ON, f"{pause.id}/{weeks}", what, _THEN, _to_end(pause))


def _weeks(pause: Pause, now: datetime) -> int:
    return (now - pause.begins_at) // REMINDED_EVERY


_THEN = "nothing of it is opened or dispatched, and nobody is told what is due; completions are recorded"


def _to_end(pause: Pause) -> str:
    return f"to end it: {commands.pause_end(pause.id)}"


def _condition(policy: Policy, pause: Pause, kind: AlertKind, subject: str, *parts: str) -> Condition:
    transition = pause.transition or ""
    text = say(policy.pipeline, "", *parts)
    return Condition(kind, Severity.INFO, policy.pipeline, transition, subject, text)
