"""What the stand-ins write to the file is what the gates of the policy read from it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from shared.adapters.config.policy_file import load_policy
from shared.adapters.local.duckdb import DuckDbWarehouse
from shared.simulation.demo.fixtures import Fixtures
from shared.simulation.scenario import Change, GameCount
from shared.simulation.world_data import WorldData
from tests.policy_files import PRODUCTION
from tests.services.warehouse import WarehouseTables

POLICY = load_policy(PRODUCTION)
DAY, TEXT = date(2026, 3, 10), "2026-03-10"
STATISTICS, GAMEBOOK = "nba_analytics.player_game_summary", "nba_raw.nbac_gamebook_player_stats"


def test_the_gates_read_what_a_stand_in_wrote(tmp_path: Path) -> None:
    """Rows are spread over all games, or belong to one; a second writing of a date replaces the first."""
    path = tmp_path / "warehouse.duckdb"
    facts = WorldData(POLICY, datetime(2026, 3, 11, 10, 0, tzinfo=UTC))
    facts.merge(Change(games={DAY: GameCount(final=6)}))
    Fixtures(path, POLICY, [DAY]).follow(facts)
    tables = WarehouseTables(path, POLICY)
    gates = DuckDbWarehouse(path, PRODUCTION.parent)
    assert (tables.games(TEXT), tables.games("2026-03-11")) == (6, 0)
    assert gates.number("gates/game_coverage.sql", DAY) == 0
    for rows in (90, 180):
        tables.write(STATISTICS, TEXT, rows)
        assert tables.count(STATISTICS, TEXT) == rows
    assert gates.number("gates/game_coverage.sql", DAY) == 100
    for game in range(2):
        tables.write_game(GAMEBOOK, TEXT, game, 34)
    assert tables.count(GAMEBOOK, TEXT) == 68
    games = gates.query(f"SELECT COUNT(DISTINCT game_id) AS n FROM {GAMEBOOK}", {})
    assert games == [{"n": 2}]
