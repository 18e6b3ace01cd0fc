"""The fixtures of the checks: what the world looks like, and what a check must say of it.

A fixture holds ``date``, ``expect`` and, as far as they matter, ``schedule``, ``at`` (the moment of the call),
``says`` (words of the message), ``games`` (by date), ``rows`` (by table; ``all`` is every processor's),
``record`` (rows by table), ``state`` (runs), ``alerts``, ``quarantine``, ``locks`` and ``inventory``: what differs
from the manifest, ``gone`` and ``paused`` names, ``extra`` subscriptions with their topic, ``waiting`` messages.

A row may say ``days`` (a date, or the first and the last of several) and ``times``; its texts may name ``{day}``,
``{next}`` (the day after), ``{n}`` (counts days), ``{i}`` (counts times) and ``{game}``, the id that statistics give
the game that ``game`` numbers (else ``{i}``). The status of a game is one of ``GameStatus``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.adapters.config.strict_yaml import read_yaml
from shared.adapters.config.validation_file import load_validation
from shared.app.quarantine.rows import Body
from shared.app.quarantine.rows import Row as QuarantineRow
from shared.app.state.lock import Lease
from shared.app.state.repository import (
    completion_data,
    completion_path,
    run_data,
    run_path,
    transition_data,
    transition_path,
)
from shared.core.alerting.alert import Alert
from shared.core.calendar import instant
from shared.core.model import ClockStarter, Completion, Lane, Outcome, Report, Run, RunKey, TransitionState
from shared.core.policy.policy import Policy
from shared.core.validation.checks import Check, Status, Target, Validation
from shared.documents import from_data, to_data
from shared.ports import Row, StateStore
from shared.simulation.nba_tables import (
    POSTPONEMENTS_COLUMNS,
    POSTPONEMENTS_TABLE,
    SCHEDULE_COLUMNS,
    SCHEDULE_TABLE,
    GameStatus,
    postponement_rows,
    schedule_row,
    statistics_id,
)
from tests.functions.worlds import POLICY

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
FIXTURES = CONFIG / "checks" / "fixtures"
DATASET = "nba_orchestration"
VALIDATION: Validation = load_validation(CONFIG / "validation.yaml", POLICY, DATASET)
COLUMNS = {
    "game_id": "STRING",
    "player_lookup": "STRING",
    "minutes_played": "FLOAT64",
    "is_dnp": "BOOL",
    "is_quality_ready": "BOOL",
}
KEYS = {
    "date", "expect", "schedule", "at", "says", "games", "rows", "record", "state", "alerts", "quarantine", "locks",
    "inventory",
}  # fmt: skip
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Table:
    """A warehouse table of a fixture: columns of GoogleSQL types, and rows."""

    name: str
    columns: Mapping[str, str]
    rows: Rows = field(default_factory=list)


@dataclass(frozen=True)
class Fixture:
    """One file, read."""

    check: Check
    name: str
    data: Mapping[str, Any]

    @property
    def id(self) -> str:
        return f"{self.check.name}-{self.name}"

    @property
    def expect(self) -> Status:
        return Status(self.data["expect"])

    @property
    def says(self) -> list[str]:
        return list(self.data.get("says", ()))

    @property
    def day(self) -> date:
        day: date = self.data["date"]
        return day

    def target(self) -> Target:
        """Return what the check judges: its first schedule, at the time that it is called."""
        schedule = VALIDATION.schedules[self.data.get("schedule", self.check.schedules[0])]
        called = self.day - timedelta(days=schedule.date_offset)
        now = self.data.get("at") or instant(called, schedule.at, POLICY.zone)
        return Target(schedule, self.day, now.astimezone(UTC), POLICY.zone)

    def tables(self) -> dict[str, Table]:
        """Return the calendar and every processor's table, with the rows the fixture gives them."""
        days = dict(self._games())
        games = [schedule_row(day, n, status) for day, listed in days.items() for n, status in listed.items()]
        postponed = [row for day, listed in days.items() for row in postponement_rows(day, listed)]
        tables = {
            SCHEDULE_TABLE: Table(SCHEDULE_TABLE, SCHEDULE_COLUMNS, games),
            POSTPONEMENTS_TABLE: Table(POSTPONEMENTS_TABLE, POSTPONEMENTS_COLUMNS, postponed),
        }
        given = dict(self.data.get("rows", {}))
        everywhere = given.pop("all", [])
        for table, column in dated(POLICY).items():
            listed = [*given.pop(table, []), *everywhere]
            rows = [{column: row.pop("_day"), **row} for row in templated(listed)]
            tables[table] = Table(table, {column: "DATE", **COLUMNS}, rows)
        assert given == {}, f"{self.id}: no such tables: {list(given)}"
        return tables

    def _games(self) -> Iterator[tuple[date, dict[int, GameStatus]]]:
        """Yield the games of each date by their number."""
        for day, games in self.data.get("games", {}).items():
            statuses = games if isinstance(games, dict) else {GameStatus.FINAL: games}
            listed = [GameStatus(status) for status, count in statuses.items() for _ in range(count)]
            yield date.fromisoformat(day), dict(enumerate(listed))

    def record(self) -> Iterator[tuple[str, list[Row]]]:
        """Yield the rows of each table of the record."""
        for table, listed in self.data.get("record", {}).items():
            rows = []
            for number, row in enumerate(templated(listed)):
                row.pop("_day")
                rows.append(Row(row.pop("insert_id", f"{table}-{number}"), row))
            yield table, rows

    def fill(self, store: StateStore) -> None:
        """Write the fixture's documents."""
        for run in self.data.get("state", ()):
            _write_run(store, run)
        for number, alert in enumerate(self.data.get("alerts", ())):
            shape = {"run": "nba", "transition": "", "subject": "", "text": "something", "lasting": "standing"}
            times = {"last_at": alert["first_at"], "standing": True}
            made = from_data(Alert, {"fingerprint": f"alert-{number}", **shape, **times, **alert})
            store.create(f"alerts/{made.fingerprint}", to_data(made))
        for number, kept in enumerate(self.data.get("quarantine", ())):
            at, status = kept["received_at"], kept.get("status", "kept")
            body = Body("b", (str(number),), "unknown processor", at, at, 1, status, kept.get("replayed_at"))
            row = QuarantineRow(
                "nba", "phase3", "Somebody", "unknown", body.reason, at.date(), at, at, 1, status, (body,)
            )
            store.create(f"quarantine/{number}", to_data(row))
        for name, expires_at in self.data.get("locks", {}).items():
            store.create(f"locks/{name}", to_data(Lease(name, "somebody", 1, expires_at)))


def fixtures() -> list[Fixture]:
    """Return every fixture of every check."""
    return [read(check, name) for check in VALIDATION.checks.values() for name in ("passes", "fails")]


def read(check: Check, name: str) -> Fixture:
    data, problems = read_yaml(FIXTURES / check.name / f"{name}.yaml")
    assert problems == [], problems
    assert data.keys() <= KEYS, f"{check.name}/{name}: unknown keys {data.keys() - KEYS}"
    return Fixture(check, name, data)


def dated(policy: Policy) -> dict[str, str]:
    """Return the date column of every processor's table."""
    processors = (processor for phase in policy.phases.values() for processor in phase.processors.values())
    return {processor.table: processor.date_column for processor in processors if processor.table is not None}


def templated(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield each row as often as it stands for one, its date under ``_day``."""
    for row in rows:
        given = dict(row)
        on, times, game = given.pop("days", None), given.pop("times", 1), given.pop("game", None)
        for n, day in enumerate(_days(on)):
            for i in range(times):
                words = {"day": day, "next": day and day + timedelta(days=1), "n": n, "i": i}
                if day is not None:
                    words["game"] = statistics_id(day, i if game is None else game)
                filled = {
                    key: value.format(**words) if isinstance(value, str) else value for key, value in given.items()
                }
                yield {"_day": day, **filled}


def _days(on: date | list[date] | None) -> list[date | None]:
    if not isinstance(on, list):
        return [on]
    first, last = on
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _write_run(store: StateStore, given: Mapping[str, Any]) -> None:
    pipeline, day, mode, *lane = given["run"].split("/")
    key = RunKey(pipeline, date.fromisoformat(day), mode, Lane(lane[0]) if lane else Lane.LIVE)
    run = Run(key, given["opened_at"], given.get("closed_at"))
    store.create(run_path(key), run_data(run, POLICY))
    for name, state in given.get("transitions", {}).items():
        assert name in POLICY.transitions, name
        data = transition_data(from_data(TransitionState, state), key, POLICY, run.opened_at)
        store.create(transition_path(key, name), data)
    for phase, reports in given.get("completions", {}).items():
        for name, fields in reports.items():
            assert name in POLICY.phases[phase].processors, name
            completion = _completion(phase, name, fields)
            store.create(
                completion_path(key, phase, name),
                completion_data(completion, key, POLICY, run.opened_at, run.opened_at),
            )


def _completion(phase: str, name: str, fields: Mapping[str, Any]) -> Completion:
    at: datetime = fields["at"]
    outcome = Outcome(fields.get("outcome", "success"))
    message = str(fields.get("message_id", f"{phase}.{name}"))
    report = Report(message, phase, name, outcome, at, at, fields.get("records"))
    good = report if outcome is not Outcome.FAILED else None
    clock_starters = () if good is None else (ClockStarter(at, report.records),)
    return Completion(phase, name, report, good, None, at, clock_starters, message_ids=(message,))
