"""A calendar that was read serves while it cannot be read any more: a date without units too (behaviour T3)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.app.state.calendar_readings import CalendarReading, path_of
from shared.app.sweep.expected_runs import EMPTY_AGAIN
from shared.documents import from_data
from shared.simulation.scenario import GameCount
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, GAMES, NIGHT, PGS

EMPTY = GameCount()


def kept(house: HandlersKit) -> set[object]:
    [document] = house.store.inner.get(path_of("nba"))
    return set() if document is None else set(from_data(CalendarReading, document.data).empty)


@pytest.fixture
def house() -> HandlersKit:
    """A morning on which nobody plays, and the calendar has said so."""
    found = HandlersKit()
    found.change(games={DAY: EMPTY})
    found.sweep()
    return found


def runs(house: HandlersKit) -> list[str]:
    return [document.path for document in house.store.inner.query("runs")]


def test_an_empty_date_stays_empty_while_nobody_can_read_the_calendar(house: HandlersKit) -> None:
    """No run is opened and nobody is told, by an instance that has read nothing itself either."""
    assert runs(house) == []
    house.wait(EMPTY_AGAIN)
    house.fail("warehouse", lasts=timedelta(minutes=30))
    house.ctx = house.instance()
    house.sweeps(5)
    assert runs(house) == []
    assert house.notices() == []


def test_without_a_reading_a_date_has_units() -> None:
    """What was never read is taken for a date with units, and its run is opened."""
    house = HandlersKit()
    house.change(games={DAY: EMPTY})
    house.fail("warehouse", lasts=timedelta(minutes=30))
    house.sweep()
    assert any("overnight" in path for path in runs(house))


def test_a_game_that_appears_is_the_last_reading(house: HandlersKit) -> None:
    """The date is no longer kept as empty, and has units also for a pass that begins while nobody can read: it is
    looked up again after a quarter of an hour."""
    house.change(games={DAY: GameCount(final=GAMES)})
    house.wait(EMPTY_AGAIN)
    house.sweep()
    assert any(NIGHT.id.replace("/", "~") in path for path in runs(house))
    assert DAY not in kept(house)


def test_a_stray_message_opens_an_empty_run(house: HandlersKit) -> None:
    """A report of a date that was read as empty, while nobody can read: recorded, nothing leaves, nobody is woken."""
    house.fail("warehouse", lasts=timedelta(minutes=30))
    house.deliver(PGS, records=200)
    house.sweeps(3)
    units = house.run().units
    assert units is not None
    assert units.total == 0
    assert house.trigger_ids == []
    assert house.notices() == []


def test_what_is_kept_is_written_when_it_changes(house: HandlersKit) -> None:
    """A day of sweeps writes it no more often than a date begins, whichever instance sweeps."""
    written = [path for path in house.store.written if path == path_of("nba")]
    house.sweeps(30)
    house.ctx = house.instance()
    house.sweeps(30)
    assert [path for path in house.store.written if path == path_of("nba")] == written


def test_what_nobody_can_read_is_no_reading(house: HandlersKit) -> None:
    """A spoilt document is as none: the date is taken for one with units, and the next reading is kept."""
    [document] = house.store.inner.get(path_of("nba"))
    assert document is not None
    house.store.inner.update(document.path, {"empty": {"confused": True}}, document.version)
    house.wait(EMPTY_AGAIN)
    house.fail("warehouse", lasts=timedelta(minutes=3))
    house.ctx = house.instance()
    house.sweep()
    assert any("overnight" in path for path in runs(house))
    house.sweeps(5)
    assert DAY in kept(house)
