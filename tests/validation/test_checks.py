"""Every check has been seen to pass and to fail: on DuckDB and on a BigQuery emulator, with the state in memory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from shared.app.validation.validate import check_all
from shared.core.validation.checks import Status
from shared.simulation.nba_tables import POSTPONEMENTS_TABLE, SCHEDULE_TABLE
from tests.validation.fixtures import VALIDATION, Fixture, fixtures
from tests.validation.worlds import context, made

FIXTURES = fixtures()
# Who asks neither warehouse nor record is the same on every engine.
STATE_ONLY = {
    "stalled_runs", "alert_delivery", "quarantine_age", "sweep_alive",
    "schedule_inventory", "subscription_inventory", "subscription_backlog",
}  # fmt: skip
ASKING = [fixture for fixture in FIXTURES if fixture.check.builtin not in STATE_ONLY]
PLACES = [
    *(pytest.param("duckdb", fixture, id=f"duckdb-{fixture.id}") for fixture in FIXTURES),
    *(
        pytest.param("bigquery", fixture, id=f"bigquery-{fixture.id}", marks=pytest.mark.xdist_group("bigquery"))
        for fixture in ASKING
    ),
]


@pytest.mark.parametrize(("where", "fixture"), PLACES)
def test_a_check_says_what_its_fixture_expects(
    request: pytest.FixtureRequest, tmp_path: Path, where: str, fixture: Fixture
) -> None:
    """Each fixture comes to its status, and the message names what the fixture names."""
    ctx = made(request, fixture, tmp_path, where)
    (result,) = check_all(ctx, (fixture.check,), fixture.target(), None)
    assert result.status is fixture.expect, result.message
    assert [word for word in fixture.says if word not in result.message] == [], result.message


@pytest.mark.parametrize("name", VALIDATION.checks)
def test_the_two_fixtures_of_a_check_are_what_they_claim(name: str) -> None:
    """``passes`` expects a pass, and ``fails`` a failure, not something milder."""
    expected = {fixture.name: fixture.expect for fixture in FIXTURES if fixture.check.name == name}
    assert expected == {"passes": Status.PASS, "fails": Status.FAIL}


@pytest.mark.parametrize(
    "fixture", [fixture for fixture in FIXTURES if fixture.check.builtin in STATE_ONLY], ids=lambda fixture: fixture.id
)
def test_a_check_of_the_state_alone_asks_no_engine(fixture: Fixture) -> None:
    """What is not played on the emulator does not need one: with no warehouse and no record it says the same."""
    ctx = context(fixture, Nothing(), Nothing())
    (result,) = check_all(ctx, (fixture.check,), fixture.target(), None)
    assert result.status is fixture.expect, result.message


class Nothing:
    """A warehouse and record that nobody may ask anything."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"asked for {name}")


def test_there_are_at_least_twenty_checks() -> None:
    assert len(VALIDATION.checks) >= 20


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture.id)
def test_no_id_of_a_game_is_shared_across_sources(fixture: Fixture) -> None:
    """The schedule's ids are ten digits, those of statistics name date and teams: a join by id finds nothing."""
    ids = {name: {row["game_id"] for row in table.rows if "game_id" in row} for name, table in fixture.tables().items()}
    schedule = ids.pop(SCHEDULE_TABLE) | ids.pop(POSTPONEMENTS_TABLE)
    statistics = set().union(*ids.values())
    assert [wrong for wrong in schedule if re.fullmatch(r"00\d{8}", wrong) is None] == []
    assert [wrong for wrong in statistics if re.fullmatch(r"\d{8}_[A-Z]{3}_[A-Z]{3}", str(wrong)) is None] == []
