"""Repairs, checks and messages look at the tables of a processor that several loaders feed (behaviour R10, 9, 10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.adapters.config.validation_file import load_validation
from shared.app.reporting.health import _warehouse
from shared.app.transitions.dispatch import _source
from shared.app.validation.checks import outputs
from shared.core.model import Outcome
from shared.core.policy.phases import Need
from shared.core.validation.checks import Target
from tests.app.handlers_kit import HandlersKit
from tests.app.test_self_heal import at, outcome
from tests.core.build import DAY, NIGHT, PGS, PHASE3, TO4, report, snapshot
from tests.core.test_sources import A, B, policy_of_sources
from tests.policy_files import NBA, PRODUCTION, ROOT

VALIDATION = load_validation(ROOT / "config" / "validation.yaml", load_policy(NBA), "record")
TODAY = DAY + timedelta(days=1)


def silent(need: Need, before: dict[str, int]) -> HandlersKit:
    """Return a night in which everybody came but the processor of two sources, with these rows at its opening."""
    kit = HandlersKit(policy=policy_of_sources(need)).ordinary()
    kit.change(rows={table: {DAY: count} for table, count in before.items()})
    kit.sweep()
    kit.finish(*(name for name in PHASE3 if name != PGS), records=200)
    return kit


@pytest.mark.parametrize(
    ("need", "before", "now", "taken"),
    [
        (Need.ANY, {A: 0, B: 0}, {A: 139, B: 13}, False),
        (Need.ANY, {A: 0, B: 0}, {A: 140, B: 0}, True),
        (Need.ANY, {A: 0, B: 0}, {A: 0, B: 14}, True),
        (Need.ANY, {A: 140, B: 14}, {A: 140, B: 14}, False),
        (Need.ALL, {A: 0, B: 0}, {A: 140, B: 13}, False),
        (Need.ALL, {A: 0, B: 0}, {A: 140, B: 14}, True),
    ],
)
def test_a_silent_processor_is_taken_by_the_tables_of_its_sources(
    need: Need, before: dict[str, int], now: dict[str, int], taken: bool
) -> None:
    """Each table by its own floor and against its own rows at the opening; any of them, or all, as the policy says."""
    kit = silent(need, before)
    assert kit.run().baseline is not None
    assert (kit.run().baseline or {}).items() >= before.items()
    kit.change(rows={table: {DAY: count} for table, count in now.items()})
    at(kit, 8, 30)
    kit.sweeps(1)
    assert (outcome(kit) is Outcome.INFERRED) is taken


@pytest.mark.parametrize(("rows", "percent"), [({A: 70, B: 0}, 50), ({A: 70, B: 14}, 100), ({A: 0, B: 0}, 0)])
def test_floors_are_checked_in_the_tables_of_the_sources(rows: dict[str, int], percent: float) -> None:
    """The check of floors measures the fullest of them by its own floor."""
    kit = HandlersKit(policy=policy_of_sources()).ordinary()
    kit.change(rows={table: {DAY: count} for table, count in rows.items()})
    schedule = next(schedule for schedule in VALIDATION.schedules.values() if schedule.working_day(TODAY) == TODAY)
    target = Target(schedule, TODAY, kit.clock.now() + timedelta(hours=6), kit.policy.zone)
    measured = outputs.floors(kit.ctx, target, {})
    [floor_measure] = [measure for measure in measured.measures if measure.subject.startswith(f"{PGS} of")]
    assert floor_measure.value == percent


def test_the_tables_of_sources_are_validated_too() -> None:
    """A check of every table, such as that of freshness, has one case for each table of a source."""
    validation = load_validation(ROOT / "config" / "validation.yaml", load_policy(PRODUCTION), "record")
    subjects = " ".join(
        f"{query.subject} {query.sql}" for check in validation.checks.values() for query in check.queries
    )
    assert "nba_raw.nbac_player_boxscores" in subjects
    assert "nba_raw.nbac_team_boxscore" in subjects


def test_health_reads_a_table_of_a_source_where_there_is_no_other() -> None:
    """Without a calendar the warehouse is asked for the rows of one table, and a source's is one."""
    policy = policy_of_sources()
    phase = policy.phases["phase3"]
    only = replace(phase, processors={PGS: phase.processors[PGS]})
    kit = HandlersKit(policy=replace(policy, calendar=None, phases={"phase3": only}))
    kit.change(rows={A: {DAY: 3}, B: {DAY: 3}})
    ctx = kit.instance(policy=kit.policy)
    assert _warehouse(ctx).detail == f"{A} can be read"


def test_the_source_table_of_a_message_is_the_one_that_was_reported() -> None:
    """A message for each processor names the table of the loader that reported, without its dataset."""
    own = report(PGS, records=200, output_table="raw.teams", source="Teams")
    now_known = snapshot(own, transition=TO4, key=NIGHT, policy=policy_of_sources())
    assert _source(now_known, PGS, {PGS: own})["source_table"] == "teams"
