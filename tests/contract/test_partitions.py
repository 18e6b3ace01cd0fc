"""Many tables on the BigQuery emulator: one statement of metadata, and the same numbers as counting gives."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from google.cloud import bigquery

from shared.adapters.partition_counts import MANY
from shared.ports import TableRef
from tests.contract.warehouses import BigQueryWorld

DAY = date(2026, 1, 21)
ON, BEFORE = "2026-01-21", "2026-01-20"
pytestmark = pytest.mark.xdist_group("bigquery")


@pytest.fixture(scope="module")
def world(bigquery_host: str) -> BigQueryWorld:
    """A project with many tables that are partitioned by day, each with as many rows of the date as its number, one
    that is not partitioned, one by month, and a view."""
    world = BigQueryWorld(bigquery_host)
    world.client.create_dataset("nba_raw")
    for number in range(MANY + 2):
        _create(world, f"t{number}", "DAY", number)
    _create(world, "whole", None, 3)
    _create(world, "months", "MONTH", 4)
    view = bigquery.Table(f"{world.project}.nba_raw.view")
    view.view_query = f"SELECT game_date FROM `{world.project}.nba_raw.t5`"
    world.client.create_table(view)
    return world


def _create(world: BigQueryWorld, name: str, partitions: str | None, rows: int) -> None:
    table = bigquery.Table(f"{world.project}.nba_raw.{name}", [bigquery.SchemaField("game_date", "DATE")])
    if partitions is not None:
        table.time_partitioning = bigquery.TimePartitioning(type_=partitions, field="game_date")
    world.client.create_table(table)
    sent: list[dict[str, Any]] = [{"game_date": ON}] * rows + [{"game_date": BEFORE}] * 2
    assert world.client.insert_rows_json(f"{world.project}.nba_raw.{name}", sent) == []


def test_the_days_on_which_many_tables_hold_rows(world: BigQueryWorld) -> None:
    """By one statement for their dataset; what is no partition of a day is left out, and so are few tables."""
    many = [TableRef(f"nba_raw.t{n}") for n in range(MANY + 2)]
    others = [TableRef(f"nba_raw.{name}") for name in ("whole", "months", "view", "missing")]
    before = DAY - timedelta(days=1)
    filled = world.warehouse.filled([*many, *others], [before - timedelta(days=1), before, DAY])
    expected = {ref.table: frozenset({before, DAY}) for ref in many} | {"nba_raw.t0": frozenset({before})}
    assert filled == expected
    queries = world.warehouse.operations["queries"]
    assert world.warehouse.filled(many, [DAY]) == {
        table: frozenset({DAY}) for table in expected if table != "nba_raw.t0"
    }
    assert world.warehouse.operations["queries"] == queries + 1
    assert world.warehouse.filled(many[: MANY - 1], [DAY]) == {}
    assert world.warehouse.filled([], [DAY]) == {}


def test_many_tables_are_counted_in_their_metadata(world: BigQueryWorld) -> None:
    """Types, metadata, and one statement for the rest: a table without rows, a view, one by month, one not
    partitioned; each number is what counting gives."""
    names = [*(f"t{n}" for n in range(MANY + 2)), "whole", "months", "view"]
    refs = [TableRef(f"nba_raw.{name}") for name in names]
    expected = {f"nba_raw.t{n}": n for n in range(MANY + 2)} | {
        "nba_raw.whole": 3,
        "nba_raw.months": 4,
        "nba_raw.view": 5,
    }
    ran: list[str] = []
    run = world.warehouse.run
    world.warehouse.run = lambda sql, parameters: (ran.append(sql), run(sql, parameters))[1]  # type: ignore[method-assign]
    try:
        assert world.warehouse.rows(refs, DAY) == expected
    finally:
        del world.warehouse.run
    types, metadata, counted = ran
    assert "INFORMATION_SCHEMA.COLUMNS" in types
    assert "INFORMATION_SCHEMA.PARTITIONS" in metadata
    assert {name for name in names if f"nba_raw.{name}`" in counted} == {"t0", "whole", "months", "view"}


def test_few_tables_are_counted_at_once(world: BigQueryWorld) -> None:
    """Nothing is asked of the metadata where a trigger would only wait longer for it."""
    before = world.warehouse.operations["queries"]
    assert world.warehouse.rows([TableRef("nba_raw.t3"), TableRef("nba_raw.t4")], DAY) == {
        "nba_raw.t3": 3,
        "nba_raw.t4": 4,
    }
    assert world.warehouse.operations["queries"] <= before + 2
