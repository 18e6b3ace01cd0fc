"""Checks that ask only on which days tables hold rows: told by metadata where it is sure, they say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.app.validation.validate import check_all
from shared.core.costs.workload import scans
from shared.core.validation.verdict import Result
from shared.ports import TableRef
from tests.validation.fixtures import VALIDATION, Fixture, fixtures
from tests.validation.worlds import made

DAYS = [fixture for fixture in fixtures() if fixture.check.days]
PLACES = [
    pytest.param(
        where,
        fixture,
        id=f"{where}-{fixture.id}",
        marks=[
            pytest.mark.xdist_group(where),
            *([pytest.mark.nightly] if where == "bigquery" and fixture != DAYS[0] else []),
        ],
    )
    for where in ("duckdb", "bigquery")
    for fixture in DAYS
]
CALENDAR = 2  # the schedule, and what was postponed


def test_these_are_the_checks_of_every_table() -> None:
    """Each that is repeated for every table asks no more of it."""
    assert {fixture.check.name for fixture in DAYS} == {"completeness_14d", "freshness"}
    for fixture in DAYS:
        assert all(query.table and query.date_column for query in fixture.check.queries)


def results(
    request: pytest.FixtureRequest, folder: Path, where: str, fixture: Fixture, without: str | None
) -> tuple[list[Result], list[int], list[list[date]]]:
    """Judge the two checks in a world in which metadata tells the days of every table but one, of none where that is
    None; return what they say, the tables of each statement, and the days that metadata was asked for."""
    ctx = made(request, fixture, folder, where)
    warehouse, tables, asked = ctx.ports.warehouse, [], []
    run = warehouse.query

    def query(sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        tables.append(scans(sql))
        return run(sql, parameters)

    def filled(refs: Sequence[TableRef], days: Sequence[date]) -> dict[str, frozenset[date]]:
        asked.append(list(days))
        if without is None:
            return {}
        rows = {ref: fixture.tables()[ref.table].rows for ref in refs if ref.table != without}
        held = {ref: {date.fromisoformat(str(row[ref.date_column])) for row in listed} for ref, listed in rows.items()}
        return {ref.table: frozenset(days) & days_held for ref, days_held in held.items()}

    warehouse.query, warehouse.filled = query, filled  # type: ignore[method-assign]
    judged = check_all(ctx, (fixture.check, replace(fixture.check, name="again")), fixture.target(), None)
    return list(judged), tables, asked


def verdict(result: Result) -> tuple[object, ...]:
    """Return what a check says; an engine lists the dates of a note in any order."""
    measures = [(measure.subject, measure.value, sorted(measure.note.split(", "))) for measure in result.measures]
    return result.status, measures, sorted(result.message.split(", "))


@pytest.mark.parametrize(("where", "fixture"), PLACES)
def test_what_metadata_tells_is_judged_like_what_is_counted(
    request: pytest.FixtureRequest, tmp_path: Path, where: str, fixture: Fixture
) -> None:
    """Status, message and measures are the same; a statement names the calendar's tables and what metadata does not
    know. It is asked once for all checks of one run, for the days before the working day."""
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    left = fixture.check.queries[3].table
    counted, every, _ = results(request, tmp_path / "a", where, fixture, without=None)
    by_metadata, few, asked = results(request, tmp_path / "b", where, fixture, without=left)
    assert [verdict(result) for result in by_metadata] == [verdict(result) for result in counted]
    assert [number for number in every if number] == [CALENDAR + len(fixture.check.queries)] * 2
    assert [number for number in few if number] == [CALENDAR + 1] * 2  # less is billed, whatever it says
    working_day = fixture.target().working_day
    assert asked == [[working_day - timedelta(days=back) for back in range(1, 15)]]


def test_a_check_without_days_asks_its_tables() -> None:
    """Only what says so is told by metadata."""
    assert [name for name, check in VALIDATION.checks.items() if check.days] == ["completeness_14d", "freshness"]
