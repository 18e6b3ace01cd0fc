"""Every check has been seen to pass and to fail: on DuckDB and on a BigQuery emulator, with the state in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.app.validate import check_all
from shared.core.validation import Status
from tests.validation.fixtures import VALIDATION, Fixture, fixtures
from tests.validation.worlds import made

FIXTURES = fixtures()
SQL = [one for one in FIXTURES if one.check.queries]
PLACES = [
    *(pytest.param("duckdb", one, id=f"duckdb-{one.id}") for one in FIXTURES),
    *(pytest.param("bigquery", one, id=f"bigquery-{one.id}", marks=pytest.mark.xdist_group("bigquery")) for one in SQL),
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
    expected = {one.name: one.expect for one in FIXTURES if one.check.name == name}
    assert expected == {"passes": Status.PASS, "fails": Status.FAIL}


def test_there_are_at_least_twenty_checks() -> None:
    assert len(VALIDATION.checks) >= 20
