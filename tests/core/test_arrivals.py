"""When sources arrive, from the record: the last whole report of each night, in local time of the working day (R13)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from shared.adapters.config.policy_file import load_policy
from shared.core.learning.arrivals import arrivals_of
from shared.core.learning.nights import RecordedRun
from shared.core.model import Outcome, Report, RunKey
from tests.emulators.server import ROOT

POLICY = load_policy(ROOT / "tests" / "pipelines" / "drops.yaml")
DAY = date(2026, 2, 3)


def report(processor: str, received: datetime, outcome: Outcome = Outcome.SUCCESS, message_id: str = "1") -> Report:
    return Report(message_id, "raw", processor, outcome, received, received)


def night(day: date, *reports: Report) -> RecordedRun:
    return RecordedRun(RunKey("drops", day, "overnight"), reports)


def on(day: date, hour: int, minute: int = 0) -> datetime:
    """Return a local time of the morning after a date."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=POLICY.zone).astimezone(UTC) + timedelta(days=1)


def test_the_last_unit_of_each_night_counts() -> None:
    """Of several reports the last whole one that came within the day; failures and later repairs are no arrival."""
    files = [report("boxscores", on(DAY, hour), message_id=f"boxscore_files:{hour}") for hour in (3, 5, 4)]
    late = report("boxscores", on(DAY, 9) + timedelta(days=1))
    failed = report("boxscores", on(DAY, 8), Outcome.FAILED)
    [at] = arrivals_of(POLICY, [night(DAY, *files, late, failed)], POLICY.signals)
    assert (at.mode, at.processor, at.signal, at.nights) == ("overnight", "boxscores", "boxscore_files", 1)
    assert at.earliest == at.median == at.p95 == at.latest == timedelta(hours=5)


def test_quantiles_over_nights_in_the_order_of_the_policy() -> None:
    """Type 7, as everywhere: of five to nine o'clock the median is seven and the 95th percentile 08:48."""
    nights = [
        night(
            DAY + timedelta(days=n),
            report("odds", on(DAY + timedelta(days=n), 5 + n)),
            report("boxscores", on(DAY + timedelta(days=n), 4)),
            report("gone", on(DAY + timedelta(days=n), 4)),
        )
        for n in range(5)
    ]
    boxscores, odds = arrivals_of(POLICY, nights, ())
    assert (boxscores.processor, odds.processor) == ("boxscores", "odds")
    assert (odds.earliest, odds.median, odds.latest) == tuple(timedelta(hours=hour) for hour in (5, 7, 9))
    assert odds.p95 == timedelta(hours=8, minutes=48)
    assert odds.signal == ""


def test_a_night_in_which_the_clocks_change_is_like_any_other() -> None:
    """Five in the morning is five in the morning, although the day has 23 hours."""
    spring = date(2026, 3, 7)  # the clocks change on the morning after it
    received = datetime(2026, 3, 8, 5, 0, tzinfo=POLICY.zone).astimezone(UTC)
    [at] = arrivals_of(POLICY, [night(spring, report("odds", received))], ())
    assert at.median == timedelta(hours=5)


def test_a_report_of_the_evening_before_is_before_midnight() -> None:
    """Less than nothing, and shown as such."""
    [at] = arrivals_of(POLICY, [night(DAY, report("odds", on(DAY, 23) - timedelta(days=1)))], ())
    assert at.median == timedelta(hours=-1)
