"""Rows of a date from the metadata of partitions: BigQuery bills each table of a statement as 10 MB at least, and the
metadata of a dataset once, however many tables it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from shared.adapters.date_column import DateColumn, Kind

# Fewer tables of a dataset are counted: a second statement would cost a trigger more seconds than it saves money.
MANY = 20
# Where rows are that were streamed lately, until BigQuery has put them into their partition.
STREAMED = "__UNPARTITIONED__"


def datasets(columns: Mapping[str, DateColumn]) -> dict[str, dict[str, str]]:
    """Return the tables that are partitioned by their date column, full name by bare name, of each dataset with many.

    A view has no partitions, and of an instant the local date is no partition: both are counted.
    """
    listed: dict[str, dict[str, str]] = {}
    for table, column in columns.items():
        if column.partitions and column.kind is Kind.DATE:
            dataset, _, name = table.rpartition(".")
            listed.setdefault(dataset, {})[name] = table
    return {dataset: tables for dataset, tables in listed.items() if len(tables) >= MANY}


def partitions_sql(dataset: str) -> str:
    """Return the statement of ``counts``; the tables are named, as BigQuery lists no more than 1,000 otherwise."""
    return (
        f"SELECT table_name, partition_id, total_rows FROM `{dataset}`.INFORMATION_SCHEMA.PARTITIONS "  # noqa: S608 - checked
        "WHERE table_name IN UNNEST(@tables) AND partition_id IN UNNEST(@partitions)"
    )


def parameters(tables: Iterable[str], day: date) -> dict[str, Any]:
    return {"tables": sorted(tables), "partitions": [f"{day:%Y%m%d}", STREAMED]}


def parameters_of_days(tables: Iterable[str], days: Iterable[date]) -> dict[str, Any]:
    return {"tables": sorted(tables), "partitions": [*(f"{day:%Y%m%d}" for day in sorted(days)), STREAMED]}


def filled_days(rows: Iterable[Mapping[str, Any]], days: Iterable[date]) -> dict[str, frozenset[date]]:
    """Return on which of these days tables hold rows, by bare name, of tables that hold some and none streamed lately:
    of one without any the metadata may say nothing at all."""
    read = list(rows)
    by_day = {day: counts(read, day) for day in days}
    names = {name for counted in by_day.values() for name in counted}
    return {name: frozenset(day for day, counted in by_day.items() if name in counted) for name in names}


def counts(rows: Iterable[Mapping[str, Any]], day: date) -> dict[str, int]:
    """Return the rows of the date by bare name, of tables that surely hold some.

    A table with streamed rows is left out, as they may be of the date; and one without rows, which metadata that lags
    behind may show: a table that is taken for empty holds a trigger back. Both are then counted.
    """
    read = [(str(row["table_name"]), str(row["partition_id"]), int(row["total_rows"] or 0)) for row in rows]
    streamed = {name for name, partition, number in read if partition == STREAMED and number}
    filled = [(name, number) for name, partition, number in read if partition == f"{day:%Y%m%d}" and number]
    return {name: number for name, number in filled if name not in streamed}
