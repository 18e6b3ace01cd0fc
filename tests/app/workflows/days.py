"""Days of phase 1 from the real schedule, with a controller that is late, doubled and mortal; and who judges them.

What is expected is worked out here from the workflow file's own text and the calendar alone.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import yaml

from shared.app.workflows.store import run_path
from shared.core.errors import Unavailable
from shared.core.workflows.model import Workflow
from shared.core.workflows.runs import RunStatus, WorkflowRun
from shared.core.workflows.units import ScheduledUnit
from shared.ports import CalendarRef, Response, UnitsRef
from tests.app.workflows.phase1 import POLICY, Died, Phase1
from tests.policy_files import PRODUCTION

TEXT: Mapping[str, Any] = yaml.safe_load((PRODUCTION.parent / "workflows.yaml").read_text(encoding="utf-8"))
ZONE = POLICY.zone
# A controller that is called every five minutes, and at times not for so long.
GAPS = (5, 10, 25)
LATE = timedelta(minutes=max(GAPS) + 2)
EVENTS = {"status": "success", "data_summary": {"rowCount": 2, "event_ids": ["e1", "e2"]}}
MINUTE = timedelta(minutes=1)


@dataclass
class Days:
    """Some days in a row. ``games`` are the starts of each date; every fifth date one unit never becomes rows."""

    first: date
    number: int
    games: Mapping[date, Sequence[datetime]]
    seed: int
    gaps: Sequence[int] = GAPS
    one: Phase1 = field(init=False)
    deaths: int = 0
    repeated: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.one = Phase1(self._midnight(self.first), None)
        self.chance = random.Random(self.seed)
        self.one.warehouse.schedule = self._schedule  # type: ignore[method-assign]
        self.one.warehouse.held = self._held  # type: ignore[method-assign]
        self.one.scrapers.answers["oddsa_events"] = [(Response(200, json.dumps(EVENTS)), 0.0)]
        self._request, self.one.scrapers.request = self.one.scrapers.request, self._watched  # type: ignore[method-assign]

    async def _watched(self, method: str, url: str, body: Mapping[str, Any] | None) -> Response:
        """Note a call of what has an outcome, before it is answered."""
        parts = str((body or {})["execution_id"]).split("/")
        [document] = self.one.store.inner.get(run_path("/".join(parts[:4])))
        entries = [] if document is None else document.data["entries"]
        key = [*parts[4:6], "/".join(parts[6:])]
        if any([entry["step"], entry["scraper"], entry["target"]] == key and entry["outcome"] for entry in entries):
            self.repeated.append("/".join(parts))
        return await self._request(method, url, body)

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range(self.number)]

    @property
    def end(self) -> datetime:
        """When every window of every date is over: what belongs to the night after the last date included."""
        return self._midnight(self.first + timedelta(days=self.number)) + timedelta(hours=8)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(0), ZONE).astimezone(UTC)

    def units(self, day: date) -> tuple[ScheduledUnit, ...]:
        now = self.one.clock.now()
        starts = self.games.get(day, ())
        return tuple(
            ScheduledUnit(f"A{n}@B{n}", start, final=start + timedelta(hours=3) <= now)
            for n, start in enumerate(sorted(starts))
        )

    def _schedule(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, tuple[ScheduledUnit, ...]]:
        return {day: self.units(day) for day in days}

    def never_rows(self, day: date) -> str:
        """Return the unit of a date that never becomes rows, "" where all do."""
        return "A0@B0" if day.toordinal() % 5 == 0 and self.games.get(day) else ""

    def _held(self, tables: Sequence[UnitsRef], day: date) -> dict[str, frozenset[str] | None]:
        """All units of a date have rows from 05:00 of the next day on, but the one that never has."""
        there = self.one.clock.now() >= self._midnight(day + timedelta(days=1)) + timedelta(hours=5)
        names = frozenset(unit.name for unit in self.units(day)) - {self.never_rows(day)} if there else frozenset()
        return {ref.label: names for ref in tables}

    def play(self) -> None:
        """Let controllers, executors and sweeps work until every window is over, dying at writes now and then."""
        while self.one.clock.now() < self.end:
            for _ in range(1 + (self.chance.random() < 0.1)):
                self._mortal(self.one.tick)
            self._deliver()
            if self.chance.random() < 0.5:
                self._mortal(self.one.look)
            self.one.pass_time(self.chance.choice(self.gaps) * MINUTE + timedelta(seconds=self.chance.randrange(60)))

    def _mortal(self, work: Any) -> bool:
        """Let a handler work; one in twenty dies before or after one of its next writes. True if it lived."""
        store = self.one.store
        store.after = self.chance.random() < 0.5
        store.dies_at = store.writes + self.chance.randrange(1, 9) if self.chance.random() < 0.05 else 0
        try:
            work()
        except Died:
            self.deaths += 1
            return False
        finally:
            store.dies_at = 0
        return True

    def _deliver(self) -> None:
        """Deliver every message, one in ten twice; what is not done comes again a little later."""
        waiting = self.one.bus.waiting
        for _ in range(500):
            if not waiting:
                return
            body = waiting.popleft()
            if self.chance.random() < 0.1:
                with suppress(Unavailable):
                    self.one.deliver(body)
            try:
                if not self._mortal(lambda body=body: self.one.deliver(body)):
                    waiting.append(body)
            except Unavailable:
                self.one.pass_time(timedelta(seconds=30))
                waiting.append(body)
        raise AssertionError("messages come again without end")


def local_instant(day: date, text: str) -> datetime:
    """Return the instant of a time such as "+1d 04:00" of a date, worked out from the text."""
    later, _, clock = text.rpartition(" ")
    days = int(later.removeprefix("+").removesuffix("d")) if later else 0
    return datetime.combine(day + timedelta(days=days), time.fromisoformat(clock), ZONE).astimezone(UTC)


def minutes(text: str) -> timedelta:
    return timedelta(**{{"s": "seconds", "m": "minutes", "h": "hours"}[text[-1]]: int(text[:-1])})


def window(days: Days, name: str, day: date) -> tuple[datetime, datetime] | None:
    """Return the window that a workflow of one run a date has, None on a date that has none."""
    decide = TEXT["workflows"][name]["decide"]
    starts = sorted(days.games.get(day, ()))
    if decide["kind"] == "once_a_day":
        return local_instant(day, decide["window"]["from"]), local_instant(day, decide["window"]["to"])
    if decide["kind"] not in ("after_games", "early_games") or not starts:
        return None
    at, tolerance = local_instant(day, decide["at"]), minutes(decide["tolerance"])
    if decide["kind"] == "after_games":
        return at - tolerance, at + tolerance
    early = [start for start in starts if start < local_instant(day, decide["tip_before"])]
    ready = [start + minutes(decide["collect_after"]) for start in early]
    ready = [max(moment, at - tolerance) for moment in ready if moment + LATE < at + tolerance]
    return (min(ready), at + tolerance) if ready else None


def violations(days: Days) -> Iterator[str]:
    """Yield what is wrong with the runs and calls of some days."""
    runs = days.one.runs()
    yield from (f"{execution} was called although it had an outcome" for execution in days.repeated)
    yield from _wrong_calls(days, runs)
    of: dict[tuple[str, date], list[WorkflowRun]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.decided_at):
        of[run.workflow, run.day].append(run)
    for name, workflow in days.one.workflows.workflows.items():
        for day in days.days:
            yield from _wrong_day(days, workflow, day, of.get((name, day), []))


def _wrong_calls(days: Days, runs: Sequence[WorkflowRun]) -> Iterator[str]:
    for run in runs:
        if run.status is RunStatus.RUNNING:
            yield f"{run.id} never ended"
        keys = Counter(entry.key for entry in run.entries)
        yield from (f"{run.id}: {key} has {number} outcomes" for key, number in keys.items() if number > 1)
        yield from (f"{run.id}: {entry.name} has no outcome" for entry in run.entries if entry.outcome is None)


def _wrong_day(days: Days, workflow: Workflow, day: date, runs: Sequence[WorkflowRun]) -> Iterator[str]:
    decide = TEXT["workflows"][workflow.name]["decide"]
    of = f"{workflow.name} {day}"
    if decide["kind"] in ("once_a_day", "after_games", "early_games"):
        yield from _wrong_window(of, window(days, workflow.name, day), decide["kind"], runs)
    elif decide["kind"] == "before_games":
        yield from _wrong_series(days, of, day, decide, runs)
    elif decide["kind"] == "catch_up" and runs:
        tried = Counter(name for run in runs for name in run.targets or ())
        if set(tried) != {days.never_rows(day)} or max(tried.values()) > 3:
            yield f"{of}: caught up {dict(tried)}"
    elif decide["kind"] == "discovery" and not days.games.get(day) and runs:
        yield f"{of}: ran on a date without games"


def _wrong_window(
    of: str, expected: tuple[datetime, datetime] | None, kind: str, runs: Sequence[WorkflowRun]
) -> Iterator[str]:
    if expected is None:
        if runs and kind != "early_games":
            yield f"{of}: {len(runs)} runs without a window"
        return
    if len(runs) != 1:
        yield f"{of}: {len(runs)} runs in the window {expected[0]} to {expected[1]}"
    for run in runs:
        if not expected[0] <= run.decided_at < min(expected[1], expected[0] + LATE):
            yield f"{of}: decided at {run.decided_at}, the window is {expected[0]} to {expected[1]}"


def _wrong_series(
    days: Days, of: str, day: date, decide: Mapping[str, Any], runs: Sequence[WorkflowRun]
) -> Iterator[str]:
    """Runs before games begin as soon as they may, are `every` apart and go on until nothing is to be had any more."""
    starts = sorted(days.games.get(day, ()))
    hours = [local_instant(day, decide["business_hours"][end]) for end in ("from", "to")]
    if not starts:
        if runs:
            yield f"{of}: {len(runs)} runs on a date without games"
        return
    opens = max(hours[0], starts[0] - minutes(decide["opens_before_first_game"]))
    closes, every = min(hours[1], starts[-1]), minutes(decide["every"])
    if "requires" in TEXT["workflows"][of.split()[0]]:
        opens = max(opens, local_instant(day, "06:00"))
    times = [run.decided_at for run in runs]
    if any(not opens <= at < closes for at in times):
        yield f"{of}: a run outside {opens} to {closes}: {times}"
    due = opens
    for after in [*times, closes]:
        if after in times and after < due:
            yield f"{of}: a run at {after}, due at {due}"
        if after > due + 2 * LATE and due + 2 * LATE < closes:
            yield f"{of}: nothing between {due} and {after}"
        due = after + every
