"""In which order a sweep looks at the open runs, and which of them are of old dates (behaviour T7)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from shared.app.state.repository import Stored
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.calendar import closes_at, working_day
from shared.core.model import Lane, Run, RunKey
from shared.core.policy.policy import Policy
from shared.core.severity import Severity
from shared.core.texts import say


def in_order(policy: Policy, runs: Iterable[Stored[Run]], now: datetime) -> list[Stored[Run]]:
    """Return live runs worked on today and yesterday first, then the other live ones, then backfill; oldest first."""
    recent = policy.local(now).date() - timedelta(days=1)

    def rank(run: Stored[Run]) -> tuple[object, ...]:
        key = run.value.key
        live = key.lane is Lane.LIVE
        return not live, live and working_day(key, policy) < recent, key.day, run.value.opened_at

    return sorted(runs, key=rank)


def is_old(key: RunKey, policy: Policy, now: datetime) -> bool:
    """True for a live run of a date whose time was over before this moment (behaviour T5)."""
    return key.lane is Lane.LIVE and now >= closes_at(key, now, policy)


def is_of_old_date(run: Run, policy: Policy) -> bool:
    """True for a live run that a message opened after its time, and no operator asked for since."""
    return run.reopened_at is None and is_old(run.key, policy, run.opened_at)


def of_old_dates(policy: Policy, keys: Iterable[RunKey], now: datetime) -> Condition:
    """Return the one warning of a day that all runs of old dates are folded into."""
    listed = sorted(keys)
    first, last = min(key.day for key in listed), max(key.day for key in listed)
    what = (
        f"{len(listed)} live runs of old dates were opened by messages, from {first} to {last}: "
        "is backfill_mode missing in them?"
    )
    text = say(
        policy.pipeline,
        "",
        what,
        "they are decided like others after the runs of today, and nothing else is said of them",
        "let what repairs the past send backfill_mode: true",
    )
    today = policy.local(now).date().isoformat()
    return Condition(AlertKind.OLD_DATES, Severity.WARNING, policy.pipeline, "", today, text)
