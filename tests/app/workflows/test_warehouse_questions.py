"""What a day of workflows asks of the warehouse, against the cost model; and which of it an earlier reading answers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from shared.app.context import Context
from shared.app.sweep.sweep import SweepOptions, sweep
from shared.app.workflows import supervision
from shared.app.workflows.store import day_path
from shared.core.costs.month import Month
from shared.core.costs.operations import HABITS
from shared.core.costs.workload import Deployment
from shared.core.errors import Unavailable
from shared.core.reporting.findings import Sweep
from shared.core.workflows.load import workflow_load
from shared.core.workflows.model import topic_of
from shared.core.workflows.units import ScheduledUnit
from shared.ports import CalendarRef, Response, TableRef, UnitsRef
from tests.app.test_operations import MACHINE
from tests.app.workflows.days import EVENTS
from tests.app.workflows.phase1 import POLICY, Phase1
from tests.app.workflows.test_controller import lines, reading_every
from tests.app.workflows.test_executor import only

DAY = date(2026, 1, 26)
HOUR, FIVE = timedelta(hours=1), timedelta(minutes=5)
TICKS = 24 * 12
STEPS = topic_of(POLICY.pipeline)


def local(day: date, hour: float) -> datetime:
    return (datetime.combine(day, time(0), POLICY.zone) + timedelta(hours=hour)).astimezone(UTC)


class Questions:
    """Counts the statements of a phase 1, and the tables that BigQuery bills of them; every date has games at 19:00,
    whose rows are there at five the next morning."""

    def __init__(self, phase1: Phase1, found_at: dict[str, float] | None = None) -> None:
        self.phase1, self.found_at = phase1, found_at or {}
        self.statements, self.tables = Counter[str](), 0
        self.readings: list[str] = []
        self.there_at = 5.0
        warehouse = phase1.warehouse
        warehouse.schedule, warehouse.held_on = self.schedule, self.held_on  # type: ignore[method-assign]
        warehouse.rows, warehouse.held = self.rows, self.never  # type: ignore[method-assign]

    @property
    def now(self) -> datetime:
        return self.phase1.clock.now()

    def units(self, day: date) -> tuple[ScheduledUnit, ...]:
        start = local(day, 19)
        return tuple(ScheduledUnit(f"A{n}@B{n}", start, final=start + 3 * HOUR <= self.now) for n in range(7))

    def schedule(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, tuple[ScheduledUnit, ...]]:
        assert POLICY.calendar is not None
        self.statements["calendar"] += 1
        self.tables += len(POLICY.calendar.tables)
        self.readings.append(f"{self.now.astimezone(POLICY.zone):%H:%M}")
        return {day: self.units(day) for day in days}

    def held_on(self, table: UnitsRef, days: Sequence[date]) -> dict[date, frozenset[str] | None]:
        self._count("held")
        there = {day: self.now >= local(day + timedelta(days=1), self.there_at) for day in days}
        return {day: frozenset(unit.name for unit in self.units(day) if there[day]) for day in days}

    def rows(self, tables: Sequence[TableRef], day: date) -> dict[str, int | None]:
        self._count("rows")
        return {ref.table: int(self.now >= local(day, self.found_at.get(ref.table, 24))) for ref in tables}

    def never(self, tables: Sequence[UnitsRef], day: date) -> dict[str, frozenset[str] | None]:
        raise AssertionError("a workflow asks one table of several dates")

    def _count(self, what: str) -> None:
        self.statements[what] += 1
        self.tables += 1


def play(phase1: Phase1, ticks: int) -> None:
    for number in range(ticks):
        phase1.tick()
        phase1.deliver_all()
        if number % 3 == 0:
            phase1.look()
        phase1.pass_time(FIVE)


@pytest.mark.parametrize("read_every", [HOUR, None], ids=["each hour", "each tick"])
def test_a_day_asks_what_the_model_says(read_every: timedelta | None) -> None:
    """Tables within a twentieth: 288 ticks of the production workflows, with discoveries that find after half of their
    attempts, and windows that are judged; statements too."""
    phase1 = Phase1(local(DAY, 0), None)
    reading_every(phase1, read_every)
    questions = Questions(phase1, {"nba_raw.nbac_injury_report": 12, "nba_raw.nbac_referee_assignments": 9})
    play(phase1, TICKS)
    load = workflow_load(phase1.workflows, TICKS, phase1.ctx.policy.calendar)
    assert len(phase1.runs()) == pytest.approx(load.runs, abs=2)
    assert questions.tables == pytest.approx(load.tables, rel=0.05), questions.statements
    assert questions.statements.total() == pytest.approx(load.statements, rel=0.05), questions.statements


@pytest.mark.nightly
def test_a_day_of_sweeps_looks_as_often_as_the_model_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a twentieth, of 1,440 sweeps of which most find a run due; here a run of a workflow takes no time."""
    phase1, looks = Phase1(local(DAY, 0), None), Counter[str]()
    questions = Questions(phase1, {"nba_raw.nbac_injury_report": 12, "nba_raw.nbac_referee_assignments": 9})
    phase1.scrapers.answers["oddsa_events"] = [(Response(200, json.dumps(EVENTS)), 0.0)]
    questions.there_at = 4  # nothing that stands at the end of the last window
    look, publish = supervision.look, phase1.bus.publish

    def counted(ctx: Context, done: Sweep) -> None:
        looks["looks"] += 1
        look(ctx, done)

    monkeypatch.setattr(supervision, "look", counted)
    phase1.bus.publish = lambda topic, some: publish(topic, some) if topic == STEPS else ["1"]  # type: ignore[method-assign]
    for minute in range(24 * 60):
        if minute % 5 == 0:
            phase1.tick()
        phase1.deliver_all()
        sweep(phase1.ctx, SweepOptions())
        phase1.pass_time(timedelta(minutes=1))
    load = workflow_load(phase1.workflows, TICKS, phase1.ctx.policy.calendar)
    month = Month(POLICY, Deployment(7, 8, 10, 4, MACHINE, MACHINE, MACHINE, MACHINE, 1440, 1, {}), {}, workflows=load)
    modelled = replace(month, habits=replace(HABITS, run_minutes=1)).workflow_looks
    assert looks["looks"] == pytest.approx(modelled, rel=0.05)


def at(phase1: Phase1, hour: float) -> None:
    """Let it be this local time of the date, and tick."""
    phase1.clock.instant = local(DAY, hour)
    phase1.tick()


def test_a_reading_serves_the_ticks_of_an_hour() -> None:
    """Nothing opens and nothing begins: twelve ticks of thirteen decide by the last reading; without `read_every` each
    reads."""
    for every, times in ((HOUR, ["08:00", "09:00"]), (None, [f"08:{minute:02}" for minute in range(0, 60, 5)])):
        phase1 = Phase1(local(DAY, 8), only("injury_discovery", "post_game_window_3"))
        reading_every(phase1, every)
        questions = Questions(phase1, {"nba_raw.nbac_injury_report": 0})
        play(phase1, 13)
        assert questions.readings == times + ([] if every else ["09:00"])


def test_a_window_is_decided_by_a_reading_of_its_own() -> None:
    """What an hour-old reading had no units for is not passed over: the first tick of a window reads."""
    phase1 = Phase1(local(DAY, 21), only("after_games_2200"))
    questions = Questions(phase1)
    phase1.warehouse.schedule = lambda calendar, days: dict.fromkeys(days, ())  # type: ignore[method-assign]
    at(phase1, 21.25)
    phase1.warehouse.schedule = questions.schedule  # type: ignore[method-assign]
    at(phase1, 21.5)
    assert questions.readings == ["21:30"]
    assert [run.workflow for run in phase1.runs()] == ["after_games_2200"]


def test_nothing_begins_by_an_earlier_reading() -> None:
    """A game that is postponed within the hour is fetched no more: before a run begins the calendar is read."""
    phase1 = Phase1(local(DAY, 9), lines())
    questions = Questions(phase1)
    at(phase1, 9)
    assert len(phase1.runs()) == 1
    phase1.deliver_all()
    at(phase1, 10.5)
    first = questions.units(DAY)
    questions.units = lambda day: first[:3] if day == DAY else ()  # type: ignore[method-assign]
    at(phase1, 11)
    assert questions.readings == ["09:00", "10:30", "11:00"]
    assert [len(run.targets or ()) for run in phase1.runs()] == [7, 3]
    phase1.deliver_all()
    at(phase1, 12.5)
    questions.units = lambda day: ()  # type: ignore[method-assign]
    at(phase1, 13)
    assert len(phase1.runs()) == 2


def test_an_older_reading_of_another_policy_or_without_its_books_serves_nobody() -> None:
    """What another policy read it may have read otherwise; what is no longer stored is read again."""
    phase1 = Phase1(local(DAY, 8), only("post_game_window_3"))
    questions = Questions(phase1)
    at(phase1, 8)
    phase1.ctx = replace(phase1.ctx, policy=replace(POLICY, version="another"))
    at(phase1, 8.25)
    assert questions.readings == ["08:00", "08:15"]
    [document] = phase1.store.inner.get(day_path("nba", DAY))
    assert document is not None
    phase1.store.inner.update(document.path, {**document.data, "units": None}, document.version)
    at(phase1, 8.5)
    assert questions.readings == ["08:00", "08:15", "08:30"]


def test_a_calendar_that_cannot_be_read_is_asked_again_by_the_next_tick() -> None:
    """Its last reading serves meanwhile, however old."""

    def unreadable(*_: object) -> Any:
        raise Unavailable("warehouse", "refused")

    phase1 = Phase1(local(DAY, 8), lines())
    questions = Questions(phase1)
    at(phase1, 8)
    phase1.deliver_all()
    phase1.warehouse.schedule = unreadable  # type: ignore[method-assign]
    at(phase1, 10)
    assert [len(run.targets or ()) for run in phase1.runs()] == [7, 7]
    phase1.warehouse.schedule = questions.schedule  # type: ignore[method-assign]
    at(phase1, 10.25)
    assert questions.readings == ["08:00", "10:15"]


def test_a_window_that_is_seen_to_be_collected_is_asked_once() -> None:
    """Its table, and by other units again: of a game that is listed meanwhile nobody knows whether it is collected."""
    phase1 = Phase1(local(DAY, 27.5), only("post_game_window_3"))
    questions = Questions(phase1)
    held: list[datetime] = []

    def held_on(table: UnitsRef, days: Sequence[date]) -> dict[date, frozenset[str] | None]:
        held.append(questions.now)
        return {day: frozenset(unit.name for unit in first) for day in days}

    first = questions.units(DAY)
    phase1.warehouse.held_on = held_on  # type: ignore[method-assign]
    for _ in range(3):
        phase1.tick()
        phase1.pass_time(FIVE)
    assert len(held) == 1
    more = (*first, ScheduledUnit("A8@B8", local(DAY, 20), final=True))
    questions.units = lambda day: more  # type: ignore[method-assign]
    reading_every(phase1, None)
    phase1.tick()
    assert len(held) == 2
    assert [run.targets for run in phase1.runs()] == [("A8@B8",)]


def test_what_ran_is_judged_without_the_calendar() -> None:
    """At the end of a window that ran, and of which nobody wants to hear what is missing, nothing is asked."""
    for name, asks in (("after_games_2330", False), ("post_game_window_3", True)):
        hour = 23 if name == "after_games_2330" else 27.5
        phase1 = Phase1(local(DAY, hour), only(name))
        questions = Questions(phase1)
        at(phase1, hour)
        phase1.deliver_all()
        before = questions.statements["calendar"]
        phase1.clock.instant = local(DAY, hour + 1)
        phase1.look()
        assert questions.statements["calendar"] == before + asks, name
        [book] = [book for book in phase1.store.inner.query("workflow_days") if name in book.data["judged"]]
        assert book.data["judged"][name]["verdict"] == "run"
