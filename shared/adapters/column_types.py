"""The types of date columns, looked up once for many tables and remembered for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.adapters.date_column import DateColumn, Kind, kind_of
from shared.ports import TableRef

# A table may be made anew with another type, which not every query notices.
REMEMBERED = timedelta(hours=1)
# Of so few tables each is described by itself where that is free; a statement is billed, and quicker for more.
FEW = 4

# What runs a statement: its rows, or None if the warehouse answered without any.
Ask = Callable[[str, Mapping[str, Any]], list[dict[str, Any]] | None]
# The GoogleSQL of a dataset's columns by dataset and project: table_name, column_name, data_type of GoogleSQL, and
# is_partitioning_column.
ColumnsSql = Callable[[str, str | None], str]
# What describes the column of one table without a statement, by the same names; None where it cannot.
Describe = Callable[[TableRef], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class _Known:
    column: DateColumn | None
    until: float


@dataclass(slots=True)
class ColumnTypes:
    """How the date columns of tables hold dates; names must have been checked before."""

    ask: Ask
    columns_sql: ColumnsSql
    describe: Describe | None = None
    _known: dict[tuple[str, str], _Known] = field(default_factory=dict)

    def of(self, refs: Sequence[TableRef]) -> dict[str, DateColumn | None]:
        """Return each table's date column, None where its type holds no dates.

        One that is not listed, or may not be looked up, is taken for a DATE of which a zero is not certain.
        """
        now = time.monotonic()
        unknown = [ref for ref in refs if (cached := self._known.get(_key(ref))) is None or cached.until <= now]
        if unknown:
            self._look_up(unknown, now + REMEMBERED.total_seconds())
        return {ref.table: self._column(ref) for ref in refs}

    def forget(self, ref: TableRef) -> None:
        """Look a column up again when it is next asked for: its table may have been made anew."""
        self._known.pop(_key(ref), None)

    def _column(self, ref: TableRef) -> DateColumn | None:
        cached = self._known.get(_key(ref))
        return DateColumn(ref.date_column, Kind.DATE, certain=False) if cached is None else cached.column

    def _look_up(self, refs: Sequence[TableRef], until: float) -> None:
        """Ask for all datasets in one query, and for each alone if one of them cannot be read; what describes itself of
        few tables is not asked for."""
        if self.describe is not None and len(refs) <= FEW:
            described = {ref: row for ref in refs if (row := self.describe(ref)) is not None}
            for ref, row in described.items():
                self._known[_key(ref)] = _Known(_column_of(ref, row), until)
            refs = [ref for ref in refs if ref not in described]
            if not refs:
                return
        datasets = sorted({_dataset(ref) for ref in refs}, key=str)
        names = {"tables": {_parts(ref)[2] for ref in refs}, "columns": {ref.date_column for ref in refs}}
        parameters = {name: sorted({each.lower() for each in some}) for name, some in names.items()}
        rows = self.ask("\nUNION ALL\n".join(self._part(*each) for each in datasets), parameters)
        if rows is not None:
            self._remember(refs, rows, until)
        elif len(datasets) > 1:
            for dataset in datasets:
                self._look_up([ref for ref in refs if _dataset(ref) == dataset], until)

    def _part(self, project: str, dataset: str) -> str:
        return (
            f"SELECT '{project}' AS project, '{dataset}' AS dataset, table_name, column_name, "  # noqa: S608
            "data_type, is_partitioning_column "
            f"FROM ({self.columns_sql(dataset, project or None)}) "
            "WHERE LOWER(table_name) IN UNNEST(@tables) AND LOWER(column_name) IN UNNEST(@columns)"
        )

    def _remember(self, refs: Iterable[TableRef], rows: Iterable[Mapping[str, Any]], until: float) -> None:
        columns: dict[tuple[str, str], Mapping[str, Any]] = {}
        for row in rows:
            table = ".".join(filter(None, (row["project"], row["dataset"], row["table_name"])))
            columns[table.lower(), row["column_name"].lower()] = row
        for ref in refs:
            if _key(ref) in columns:
                self._known[_key(ref)] = _Known(_column_of(ref, columns[_key(ref)]), until)


def _column_of(ref: TableRef, row: Mapping[str, Any]) -> DateColumn | None:
    kind = kind_of(row["data_type"])
    return (
        None if kind is None else DateColumn(ref.date_column, kind, partitions=row["is_partitioning_column"] == "YES")
    )


def _key(ref: TableRef) -> tuple[str, str]:
    return ref.table.lower(), ref.date_column.lower()


def _parts(ref: TableRef) -> tuple[str, str, str]:
    """Return project ("" if none is named), dataset and name of a table."""
    place, _, name = ref.table.rpartition(".")
    project, _, dataset = place.rpartition(".")
    return project, dataset, name


def _dataset(ref: TableRef) -> tuple[str, str]:
    return _parts(ref)[:2]
