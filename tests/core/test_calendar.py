"""Local dates and times: windows are local, waits are elapsed time (behaviour R4, T2, T5, T6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.core.calendar import closes_at, day_of, due_at, instant, working_day
from shared.core.model import Lane, RunKey
from shared.core.modes import mode_of
from shared.core.policy.transitions import LocalTime
from tests.core.build import DAY, NIGHT, POLICY, SAME_DAY, T0

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
APIA = ZoneInfo("Pacific/Apia")
FORWARD, BACK = date(2026, 3, 8), date(2026, 11, 1)
TOMORROW = replace(NIGHT, mode="tomorrow")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]  # year to second


@pytest.mark.parametrize(
    ("day", "at", "expected"),
    [
        (FORWARD, time(1, 59, 59), utc(2026, 3, 8, 6, 59, 59)),
        (FORWARD, time(2), utc(2026, 3, 8, 7)),
        (FORWARD, time(2, 30), utc(2026, 3, 8, 7)),
        (FORWARD, time(2, 59, 59), utc(2026, 3, 8, 7)),
        (FORWARD, time(3), utc(2026, 3, 8, 7)),
        (FORWARD, time(3, 30), utc(2026, 3, 8, 7, 30)),
        (BACK, time(0, 59), utc(2026, 11, 1, 4, 59)),
        (BACK, time(1), utc(2026, 11, 1, 5)),
        (BACK, time(1, 30), utc(2026, 11, 1, 5, 30)),
        (BACK, time(1, 59, 59), utc(2026, 11, 1, 5, 59, 59)),
        (BACK, time(2), utc(2026, 11, 1, 7)),
        (DAY, time(16), utc(2026, 1, 21, 21)),
        (date(2026, 7, 4), time(16), utc(2026, 7, 4, 20)),
    ],
)
def test_times_around_the_clock_changes_of_new_york(day: date, at: time, expected: datetime) -> None:
    """T6: in the missing hour the first instant after it, in the doubled hour the first of the two."""
    assert instant(day, at, NEW_YORK) == expected


@pytest.mark.parametrize(
    ("zone", "day", "at", "expected"),
    [
        (BERLIN, date(2026, 3, 29), time(2, 15), utc(2026, 3, 29, 1)),
        (BERLIN, date(2026, 10, 25), time(2, 15), utc(2026, 10, 25, 0, 15)),
        (LORD_HOWE, date(2026, 10, 4), time(2, 10), utc(2026, 10, 3, 15, 30)),
        (LORD_HOWE, date(2026, 4, 5), time(1, 45), utc(2026, 4, 4, 14, 45)),
        (APIA, date(2011, 12, 30), time(12), utc(2011, 12, 30, 10)),
    ],
    ids=str,
)
def test_times_around_the_clock_changes_elsewhere(zone: ZoneInfo, day: date, at: time, expected: datetime) -> None:
    """Half an hour or a whole skipped day: the rule is the same."""
    assert instant(day, at, zone) == expected


@pytest.mark.parametrize("key", [NIGHT, SAME_DAY, TOMORROW])
def test_the_working_day_is_the_date_minus_the_offset(key: RunKey) -> None:
    """A night is worked on the morning after, tomorrow's games the day before; and back again."""
    offset = {"overnight": 1, "same_day": 0, "tomorrow": -1}[key.mode]
    assert working_day(key, POLICY) == DAY + timedelta(days=offset)
    assert day_of(POLICY.modes[key.mode], working_day(key, POLICY)) == DAY


@pytest.mark.parametrize(
    ("day", "published", "mode"),
    [
        (DAY, utc(2026, 1, 22, 11), "overnight"),
        (DAY, utc(2026, 1, 21, 15), "same_day"),
        (DAY, utc(2026, 1, 20, 22), "tomorrow"),
        (DAY, utc(2026, 1, 22, 4, 59, 59), "same_day"),
        (DAY, utc(2026, 1, 22, 5), "overnight"),
        (DAY, utc(2026, 1, 21, 4, 59, 59), "tomorrow"),
        (DAY, utc(2026, 1, 21, 5), "same_day"),
        (date(2024, 2, 29), utc(2026, 1, 21, 15), "overnight"),
        (date(2026, 6, 1), utc(2026, 1, 21, 15), "tomorrow"),
    ],
)
def test_the_mode_of_a_message_that_names_none(day: date, published: datetime, mode: str) -> None:
    """R4: the date against the local date at the publish time, to the second of midnight in New York."""
    assert mode_of(day, published, POLICY) == mode


@pytest.mark.parametrize("days", [-400, -1, 0, 1, 400])
def test_a_pipeline_of_one_mode_has_no_other(days: int) -> None:
    """R4: with one mode every date is its."""
    only = replace(POLICY, modes={"overnight": POLICY.modes["overnight"]})
    assert mode_of(DAY + timedelta(days=days), T0, only) == "overnight"


def test_no_mode_fits() -> None:
    """Without a mode for the future a future date has none."""
    two = replace(POLICY, modes={name: POLICY.modes[name] for name in ("overnight", "same_day")})
    assert mode_of(DAY + timedelta(days=9), T0, two) is None


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (NIGHT, utc(2026, 1, 22, 13, 30)),
        (SAME_DAY, utc(2026, 1, 21, 13, 30)),
        (TOMORROW, utc(2026, 1, 20, 13, 30)),
        (replace(NIGHT, day=date(2026, 3, 7)), utc(2026, 3, 8, 12, 30)),
        (replace(NIGHT, lane=Lane.BACKFILL), None),
    ],
)
def test_due_is_local_on_the_working_day(key: RunKey, expected: datetime | None) -> None:
    """T2: 08:30 in New York on the day the run is worked on; backfill has no due times."""
    assert due_at(key, LocalTime(0, time(8, 30)), POLICY) == expected


def test_what_is_not_due_has_no_moment() -> None:
    """Where the policy names no time there is none."""
    assert due_at(NIGHT, None, POLICY) is None


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (DAY, utc(2026, 1, 24, 5)),
        (date(2026, 3, 7), utc(2026, 3, 10, 5)),
        (date(2026, 3, 8), utc(2026, 3, 11, 4)),
    ],
)
def test_a_live_run_closes_48_hours_after_its_date(day: date, expected: datetime) -> None:
    """T5: the date ends at local midnight, and waits are elapsed time, so a clock change moves the end."""
    assert closes_at(replace(NIGHT, day=day), T0, POLICY) == expected


def test_a_backfill_run_closes_48_hours_after_it_was_opened() -> None:
    """T5: its date lies in the past."""
    assert closes_at(replace(NIGHT, lane=Lane.BACKFILL), T0, POLICY) == T0 + timedelta(hours=48)
