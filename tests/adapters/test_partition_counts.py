"""Counting many tables from the metadata of their partitions: only what metadata can be sure of."""

from __future__ import annotations

from datetime import date, timedelta

from shared.adapters.date_column import DateColumn, Kind
from shared.adapters.partition_counts import (
    MANY,
    STREAMED,
    counts,
    datasets,
    filled_days,
    parameters,
    parameters_of_days,
)

DAY = date(2026, 1, 21)
PARTITIONED = DateColumn("game_date", Kind.DATE, partitions=True)


def row(table: str, partition: str, rows: int | None) -> dict[str, object]:
    """Return a row as `INFORMATION_SCHEMA.PARTITIONS` has it."""
    return {"table_name": table, "partition_id": partition, "total_rows": rows}


def test_only_what_is_sure_is_counted() -> None:
    """Rows in the date's partition count; none, or rows that were streamed and are in no partition yet, do not."""
    rows = [
        row("full", "20260121", 7),
        row("empty", "20260121", 0),
        row("unknown", "20260121", None),
        row("streaming", "20260121", 7),
        row("streaming", STREAMED, 3),
        row("streamed_before", "20260121", 9),
        row("streamed_before", STREAMED, 0),
        row("streamed_only", STREAMED, 3),
    ]
    assert counts(rows, DAY) == {"full": 7, "streamed_before": 9}


def test_days_are_told_of_tables_that_surely_hold_some() -> None:
    """Of a table without rows on any of the days nothing is told, nor of one into which rows were streamed."""
    before = DAY - timedelta(days=1)
    rows = [
        row("full", "20260121", 7),
        row("full", "20260120", 2),
        row("half", "20260120", 2),
        row("half", "20260121", 0),
        row("empty", "20260121", 0),
        row("streaming", "20260121", 7),
        row("streaming", STREAMED, 3),
    ]
    days = {"full": frozenset({before, DAY}), "half": frozenset({before})}
    assert filled_days(rows, [before, DAY]) == days
    asked = {"tables": ["a", "b"], "partitions": ["20260120", "20260121", STREAMED]}
    assert parameters_of_days(["b", "a"], [DAY, before]) == asked


def test_a_partition_of_another_length_is_not_the_date() -> None:
    """Partitions of a month, an hour, an integer or no date are named otherwise."""
    rows = [row("m", "202601", 7), row("h", "2026012100", 7), row("i", "2026", 7), row("n", "__NULL__", 7)]
    assert counts(rows, DAY) == {}
    assert parameters(["b", "a"], DAY) == {"tables": ["a", "b"], "partitions": ["20260121", STREAMED]}


def test_few_tables_of_a_dataset_are_counted() -> None:
    """Where a second statement costs more time than money; views and other columns do not make them many."""
    few = {f"raw.t{n}": PARTITIONED for n in range(MANY - 1)}
    assert datasets(few) == {}
    others = {
        "raw.view": DateColumn("game_date", Kind.DATE),
        "raw.instants": DateColumn("at", Kind.TIMESTAMP, partitions=True),
    }
    assert datasets(few | others) == {}
    assert datasets(few | others | {"raw.more": PARTITIONED, "other.one": PARTITIONED}) == {
        "raw": {name.removeprefix("raw."): name for name in (*few, "raw.more")}
    }


def test_a_table_may_name_its_project() -> None:
    """The dataset of another project is asked there."""
    tables = {f"other-project.raw.t{n}": PARTITIONED for n in range(MANY)}
    assert list(datasets(tables)) == ["other-project.raw"]
    assert datasets(tables)["other-project.raw"]["t0"] == "other-project.raw.t0"
