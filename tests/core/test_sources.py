"""A processor that is fed by several loaders has several tables, and whoever looks at tables looks at them (R10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core.decision import gates
from shared.core.decision.decisions import Blocked, Trigger
from shared.core.decision.holdings import output
from shared.core.policy.gate_check import gate_problems
from shared.core.policy.phases import Need, Processor, Reports
from shared.core.policy.policy import Policy
from tests.core.build import GAMES, NIGHT, PGS, PHASE3, POLICY, TO4, World, at, decided, done, snapshot
from tests.policy_files import PRODUCTION

A, B = "raw.players", "raw.teams"
PLAYERS = Processor(f"{PGS}/Players", "phase3", table=A, min_records_per_unit=20)
TEAMS = Processor(f"{PGS}/Teams", "phase3", table=B, min_records_per_unit=2)


def of_sources(need: Need = Need.ANY, *, one_by_one: bool = False) -> Processor:
    before = POLICY.phases["phase3"].processors[PGS]
    teams = replace(TEAMS, reports=Reports.PER_UNIT) if one_by_one else TEAMS
    return replace(before, table=None, min_records_per_unit=None, need=need,
                   sources={"Players": PLAYERS, "Teams": teams})  # fmt: skip


def policy_of_sources(need: Need = Need.ANY, *, one_by_one: bool = False) -> Policy:
    """Return the policy in which the player summary is written by two loaders, into a table each.

    With ``one_by_one`` the second reports game by game.
    """
    phase = POLICY.phases["phase3"]
    processors = {**phase.processors, PGS: of_sources(need, one_by_one=one_by_one)}
    return replace(POLICY, phases={**POLICY.phases, "phase3": replace(phase, processors=processors)})


COUNTS = [
    # players, teams; what is enough of them if any suffices, and if all are needed: rows, or None for undecided
    (200, 14, 200, 14),
    (200, 0, 200, 0),
    (0, 14, 14, 0),
    (0, 0, 0, 0),
    (200, None, 200, None),
    (0, None, None, 0),
    (None, 0, None, 0),
    (None, None, None, None),
]


@pytest.mark.parametrize(("players", "teams", "any_of_them", "all_of_them"), COUNTS)
def test_the_rows_of_a_processor_with_sources(
    players: int | None, teams: int | None, any_of_them: int | None, all_of_them: int | None
) -> None:
    """The fuller of its tables, or the emptier where all are needed; unread is what an unread table would decide."""
    rows = {A: players, B: teams}
    assert of_sources().rows_in(rows) == any_of_them
    assert of_sources(Need.ALL).rows_in(rows) == all_of_them


@pytest.mark.parametrize(
    ("need", "tables", "goes"),
    [
        (Need.ANY, {A: 0, B: 14}, True),
        (Need.ANY, {A: 200, B: 0}, True),
        (Need.ANY, {A: 0, B: 0}, False),
        (Need.ALL, {A: 200, B: 14}, True),
        (Need.ALL, {A: 200, B: 0}, False),
        (Need.ALL, {A: 0, B: 14}, False),
    ],
)
def test_a_rows_gate_reads_the_tables_of_the_sources(need: Need, tables: Mapping[str, int], goes: bool) -> None:
    """Empty tables of a required processor block, and are named with it; full ones let it go."""
    policy = policy_of_sources(need)
    decision = decided(snapshot(*done(*PHASE3), policy=policy), at(minutes=1), World(tables=tables))
    if goes:
        assert isinstance(decision, Trigger), decision
        return
    assert isinstance(decision, Blocked), decision
    assert all(word in decision.reasons["phase3_rows"] for word in (A, B, PGS))


def test_all_tables_are_asked_for_at_once() -> None:
    """What a rows gate wants is every table of every expected processor."""
    policy = policy_of_sources()
    now_known = snapshot(*done(*PHASE3), policy=policy)
    request = gates.wanted(now_known.gates, now_known.seen, now_known.readings)
    assert {A, B} <= request.rows


def test_a_gate_over_sources_alone_is_no_mistake() -> None:
    """A rows gate whose only processor has no table of its own reads those of its sources."""
    policy = policy_of_sources()
    expectation = policy.transitions[TO4].expects["overnight"]
    only = replace(expectation, required=frozenset({PGS}), optional=frozenset())
    transition = replace(policy.transitions[TO4], expects={"overnight": only}, gates=("phase3_rows",))
    changed = replace(policy, transitions={**policy.transitions, TO4: transition})
    assert [problem for problem in gate_problems(changed, {}) if "has a table" in problem.reason] == []
    assert snapshot(policy=changed, key=NIGHT).expectation.required == {PGS}


@pytest.mark.parametrize(
    ("need", "rows", "judged"),
    [
        (Need.ANY, {A: 100, B: 14}, (B, 1.0)),
        (Need.ANY, {A: 140, B: 7}, (A, 1.0)),
        (Need.ALL, {A: 100, B: 14}, (A, 100 / 140)),
        (Need.ALL, {A: 140, B: 7}, (B, 0.5)),
        (Need.ANY, {A: None, B: 14}, (B, 1.0)),
        (Need.ANY, {A: None, B: 7}, None),
        (Need.ALL, {A: None, B: 7}, (B, 0.5)),
        (Need.ALL, {A: None, B: 14}, None),
    ],
)
def test_each_table_has_the_floor_of_its_source(
    need: Need, rows: Mapping[str, int | None], judged: tuple[str, float] | None
) -> None:
    """Twenty rows a game in one table, two in the other: the share of its own floor says which is the fuller."""
    holding = output(of_sources(need), rows, GAMES)
    assert (None if holding is None else (holding.table, holding.share)) == judged


def test_the_gate_of_production_reads_the_boxscores() -> None:
    """The policy in force has such a processor, and its gate of phase 2 asks for both tables."""
    boxscores = load_policy(PRODUCTION).phases["phase2"].processors["p2_nbacom_boxscores"]
    assert boxscores.table is None
    assert boxscores.tables == ("nba_raw.nbac_player_boxscores", "nba_raw.nbac_team_boxscore")
