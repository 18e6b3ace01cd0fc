"""Days of the real season, played with the controller: no window is missed or doubled, no call has two outcomes."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date, datetime, timedelta
from functools import lru_cache

import pytest

from shared.app.workflows.store import run_path
from shared.documents import to_data
from shared.simulation.parallel import seldom_collected
from tests.app.workflows.days import GAPS, ZONE, Days, violations
from tests.random_nights.schedule import FILE, season

AUTUMN, SPRING = date(2024, 10, 30), date(2025, 3, 6)
DAYS_EACH = 14


@lru_cache(maxsize=1)
def starts() -> dict[date, list[datetime]]:
    """Return the starts of the games of each local date."""
    starts_by_date: dict[date, list[datetime]] = defaultdict(list)
    with FILE.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["postponed"] != "Y":
                at = datetime.fromisoformat(row["tipoff_utc"])
                starts_by_date[at.astimezone(ZONE).date()].append(at)
    return dict(starts_by_date)


def played(first: date, number: int, seed: int = 1, gaps: tuple[int, ...] = GAPS) -> Days:
    days = Days(first, number, starts(), seed, gaps)
    with seldom_collected():
        days.play()
    return days


@pytest.mark.parametrize("first", [AUTUMN, SPRING], ids=["autumn", "spring"])
def test_a_week_with_a_clock_change_misses_and_doubles_no_window(first: date) -> None:
    """Late, doubled and dying controllers, messages that come twice: each window once, each call one outcome."""
    days = played(first, 7)
    changes = {datetime.combine(day, datetime.min.time(), ZONE).utcoffset() for day in days.days}
    assert len(changes) == 2
    assert list(violations(days)) == []
    assert len(days.one.runs()) > 100
    assert days.deaths > 5


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(0, len(season()), DAYS_EACH))
def test_the_whole_season_misses_and_doubles_no_window(part: int) -> None:
    """All 231 dates with games and those between, both clock changes among them, with ticks every five minutes."""
    dates = list(season())[part : part + DAYS_EACH]
    days = played(dates[0], len(dates), seed=part, gaps=(5,))
    assert list(violations(days)) == []
    assert days.deaths > 0


def test_a_window_that_comes_twice_or_never_is_seen() -> None:
    """The judge of these days tells a run that is missing, doubled, outside its window or without an end."""
    days = played(SPRING, 2)
    assert list(violations(days)) == []
    [run] = [run for run in days.one.runs() if (run.workflow, run.day) == ("morning_operations", SPRING)]
    days.one.store.inner.delete(run_path(run.id))
    for run_id, change in (("2", {}), ("3", {"decided_at": run.decided_at - timedelta(hours=3), "status": "running"})):
        changed = {**to_data(run), "window": run_id, **change}
        days.one.store.inner.create(run_path(f"{run.id}.{run_id}"), changed)
    text = " | ".join(violations(days))
    assert f"morning_operations {SPRING}: 2 runs in the window" in text
    assert f"morning_operations {SPRING}: decided at" in text
    assert "never ended" in text
    days.repeated.append("x")
    assert "x was called although it had an outcome" in list(violations(days))
