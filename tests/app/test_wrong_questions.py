"""A gate that cannot even be asked is a "no" with its reason, and nobody else's affair (behaviour D4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.sql_warehouse import Rows, SqlWarehouse
from shared.core.model import RunKey, State
from shared.core.policy.policy import Policy
from shared.ports import CalendarRef, TableRef
from shared.simulation.scenario import GameCount
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, POLICY, TO4, TO5

CONFIG = Path(__file__).resolve().parents[2] / "config"
PHASE4 = list(POLICY.phases["phase4"].processors)
BAD = "nba_precompute.player-daily-cache; --"
EARLIER = RunKey("nba", date(2026, 1, 20), "overnight")


class Plentiful(SqlWarehouse):
    """A warehouse whose own checks of names and files are the real ones; every number that it reads is 100."""

    def columns_sql(self, dataset: str, project: str | None) -> str:
        return f"columns of {dataset}"

    def run(self, sql: str, parameters: Mapping[str, Any]) -> Rows:
        if "columns of" in sql:
            return []
        if "AS table_name" in sql:
            return [{"table_name": part.split("'")[0], "n": 1000} for part in sql.split("SELECT '")[1:]]
        if "AS takes_place" in sql:
            length = (parameters["last"] - parameters["first"]).days
            days = [parameters["first"] + timedelta(days=n) for n in range(length + 1)]
            game = {"unit": "", "final": True, "start": "", "link": "", "takes_place": True, "n": 7}
            return [{"day": day.isoformat(), **game} for day in days]
        return [{"value": 100.0}]


def with_sql(policy: Policy, gate: str, sql: str) -> Policy:
    return replace(policy, gates={**policy.gates, gate: replace(policy.gates[gate], sql=sql)})


def with_table(policy: Policy, phase: str, processor: str, table: str) -> Policy:
    before = policy.phases[phase]
    repaired = {**before.processors, processor: replace(before.processors[processor], table=table)}
    return replace(policy, phases={**policy.phases, phase: replace(before, processors=repaired)})


def kit_of(policy: Policy) -> HandlersKit:
    kit = HandlersKit(policy=policy)
    kit.change(games={DAY: GameCount(final=7), EARLIER.day: GameCount(final=7)})
    kit.ctx = kit.with_ports(warehouse=Plentiful(CONFIG))
    return kit


@pytest.mark.parametrize("sql", ["gates/absent.sql", "../secrets.sql"])
def test_a_gate_without_its_sql_blocks_and_says_why(sql: str) -> None:
    """Blocked by name with the file, though the gate passes what is merely unreadable; the message is acknowledged."""
    kit = kit_of(with_sql(POLICY, "feature_store_coverage", sql))
    kit.finish(*PHASE4)
    state = kit.state(TO5)
    assert state.state is State.BLOCKED
    assert "cannot be asked" in state.blocked["feature_store_coverage"].text
    assert "no such file under the configuration" in state.blocked["feature_store_coverage"].text
    assert kit.published == []
    assert [keys["gate"] for keys in kit.logged("gate.wrong")]


def test_the_sweep_goes_on_past_a_wrong_gate() -> None:
    """The sweep answers 200, a person is told, and a run that does not need that gate is triggered."""
    kit = kit_of(with_sql(POLICY, "feature_store_coverage", "gates/absent.sql"))
    kit.finish(*PHASE4)
    kit.finish(*POLICY.transitions[TO4].expects["overnight"].expected, game_date=EARLIER.day.isoformat())
    assert {answer.status for answer in kit.sweeps(3)} == {200}
    assert kit.state(TO4, EARLIER).triggered_at is not None
    [line] = {text.splitlines()[0] for text in kit.texts("gate")}
    assert "feature_store_coverage cannot be asked" in line


def test_a_name_that_cannot_stand_in_sql_blocks_its_own_table_only() -> None:
    """A required processor's table with a bad name blocks; the other tables are counted."""
    kit = kit_of(with_table(POLICY, "phase4", "player_daily_cache", BAD))
    kit.finish(*PHASE4)
    text = kit.state(TO5).blocked["phase4_rows"].text
    assert f"{BAD} (player_daily_cache) cannot be asked" in text
    assert "ml_feature_store" not in text


def test_a_calendar_with_a_bad_name_is_an_unreadable_one() -> None:
    """A date with units and one warning (behaviour T3), not a crash of everything."""
    calendar = POLICY.calendar
    assert calendar is not None
    kit = kit_of(replace(POLICY, calendar=replace(calendar, table="nba_raw.schedule; --")))
    kit.finish(*PHASE4)
    assert {answer.status for answer in kit.sweeps(2)} == {200}
    assert kit.state(TO5).triggered_at is not None
    assert kit.logged("calendar.unreadable")


def test_the_real_checks_are_those_that_raise() -> None:
    """What these tests rely on: the adapter refuses the names and the files above."""
    from shared.core.errors import PolicyError

    warehouse = Plentiful(CONFIG)
    asked: Sequence[Any] = (
        lambda: warehouse.number("gates/absent.sql", DAY),
        lambda: warehouse.rows([TableRef(BAD)], DAY),
        lambda: warehouse.units(CalendarRef("nba_raw.schedule; --", "game_date", "status"), [DAY]),
    )
    for question in asked:
        with pytest.raises(PolicyError):
            question()
