"""An alert of a run that closed under it and is opened again: known to people, and not told a second time (A2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.core.alerting.alert import Alert, Pending, raised, sent
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.severity import Severity

NOW = datetime(2026, 1, 21, 17, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONDITION = Condition(AlertKind.REFUSED, Severity.WARNING, "nba/2026-01-21/same_day", "phase4_to_phase5", "c", "text")


def sent_alert(at: datetime) -> Alert:
    """Return an alert that people were sent at a moment."""
    return sent(raised(None, CONDITION, at, HOUR, occurrence=False), Pending.ALERT, at)


@pytest.mark.parametrize(
    ("after", "again"), [(timedelta(minutes=42), False), (HOUR - timedelta(seconds=1), False), (HOUR, True)]
)
def test_a_run_that_is_opened_again_repeats_its_alerts_in_their_time_only(after: timedelta, again: bool) -> None:
    """Its run closed, nobody was told of an end: what holds again fires, and is sent only where a repetition is due."""
    resting = replace(sent_alert(NOW), firing=False)
    held = raised(resting, CONDITION, NOW + after, HOUR, occurrence=False)
    assert held.firing
    assert (held.pending is Pending.ALERT) is again
    assert held.unsent is again


def test_an_end_that_was_told_makes_the_next_one_news() -> None:
    """Whoever was told that it is over is told that it holds again, at once."""
    over = sent(
        replace(sent_alert(NOW), firing=False, pending=Pending.RECOVERY), Pending.RECOVERY, NOW + timedelta(minutes=5)
    )
    held = raised(over, CONDITION, NOW + timedelta(minutes=6), HOUR, occurrence=False)
    assert (held.firing, held.pending, held.count) == (True, Pending.ALERT, 2)
