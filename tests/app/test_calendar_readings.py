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


def kept(kit: HandlersKit) -> set[object]:
    [document] = kit.store.inner.get(path_of("nba"))
    return set() if document is None else set(from_data(CalendarReading, document.data).empty)


@pytest.fixture
def kit() -> HandlersKit:
    """A morning on which nobody plays, and the calendar has said so."""
    handlers = HandlersKit()
    handlers.change(games={DAY: EMPTY})
    handlers.sweep()
    return handlers


def runs(kit: HandlersKit) -> list[str]:
    return [document.path for document in kit.store.inner.query("runs")]


def test_an_empty_date_stays_empty_while_nobody_can_read_the_calendar(kit: HandlersKit) -> None:
    """No run is opened and nobody is told, by an instance that has read nothing itself either."""
    assert runs(kit) == []
    kit.wait(EMPTY_AGAIN)
    kit.fail("warehouse", lasts=timedelta(minutes=30))
    kit.ctx = kit.instance()
    kit.sweeps(5)
    assert runs(kit) == []
    assert kit.notices() == []


def test_without_a_reading_a_date_has_units() -> None:
    """What was never read is taken for a date with units, and its run is opened."""
    kit = HandlersKit()
    kit.change(games={DAY: EMPTY})
    kit.fail("warehouse", lasts=timedelta(minutes=30))
    kit.sweep()
    assert any("overnight" in path for path in runs(kit))


def test_a_game_that_appears_is_the_last_reading(kit: HandlersKit) -> None:
    """The date is no longer kept as empty, and has units also for a pass that begins while nobody can read: it is
    looked up again after a quarter of an hour."""
    kit.change(games={DAY: GameCount(final=GAMES)})
    kit.wait(EMPTY_AGAIN)
    kit.sweep()
    assert any(NIGHT.id.replace("/", "~") in path for path in runs(kit))
    assert DAY not in kept(kit)


def test_a_stray_message_opens_an_empty_run(kit: HandlersKit) -> None:
    """A report of a date that was read as empty, while nobody can read: recorded, nothing leaves, nobody is woken."""
    kit.fail("warehouse", lasts=timedelta(minutes=30))
    kit.deliver(PGS, records=200)
    kit.sweeps(3)
    units = kit.run().units
    assert units is not None
    assert units.total == 0
    assert kit.trigger_ids == []
    assert kit.notices() == []


def test_what_is_kept_is_written_when_it_changes(kit: HandlersKit) -> None:
    """A day of sweeps writes it no more often than a date begins, whichever instance sweeps."""
    written = [path for path in kit.store.written if path == path_of("nba")]
    kit.sweeps(30)
    kit.ctx = kit.instance()
    kit.sweeps(30)
    assert [path for path in kit.store.written if path == path_of("nba")] == written


def test_what_nobody_can_read_is_no_reading(kit: HandlersKit) -> None:
    """A spoilt document is as none: the date is taken for one with units, and the next reading is kept."""
    [document] = kit.store.inner.get(path_of("nba"))
    assert document is not None
    kit.store.inner.update(document.path, {"empty": {"confused": True}}, document.version)
    kit.wait(EMPTY_AGAIN)
    kit.fail("warehouse", lasts=timedelta(minutes=3))
    kit.ctx = kit.instance()
    kit.sweep()
    assert any("overnight" in path for path in runs(kit))
    kit.sweeps(5)
    assert DAY in kept(kit)
