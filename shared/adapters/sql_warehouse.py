"""The Warehouse port in GoogleSQL: an adapter only has to run one statement."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from shared.adapters import partition_counts
from shared.adapters.calendar_sql import Listed, calendar_sql, held_sql
from shared.adapters.column_types import ColumnTypes
from shared.adapters.date_column import PORT as PORT
from shared.adapters.date_column import DateColumn, Kind, local_date, parameters
from shared.core.errors import PolicyError, Unavailable
from shared.core.limits.dml import changed_tables
from shared.core.model import Units
from shared.core.workflows.units import ScheduledUnit
from shared.ports import CalendarRef, TableRef, UnitsRef

Rows = list[dict[str, Any]]
UTC_ZONE = ZoneInfo("UTC")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TABLE = re.compile(r"([a-z][a-z0-9-]{4,28}[a-z0-9]\.)?[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The warehouse answered, but not with rows: something named is not there, or may not be read."""

    reason: str


class SqlWarehouse(ABC):
    """What every warehouse that understands GoogleSQL shares; ``operations`` counts what it cost.

    ``zone`` is the pipeline's: what an instant in a date column is a local date of.
    """

    def __init__(self, config_dir: Path, zone: ZoneInfo = UTC_ZONE) -> None:
        self.operations: Counter[str] = Counter()
        self._config, self._zone = config_dir.resolve(), zone
        self._types = ColumnTypes(self._rows_of, self.columns_sql, self.describe)

    @abstractmethod
    def run(self, sql: str, parameters: Mapping[str, Any]) -> Rows | Unreadable:
        """Run one statement; raises ``Unavailable`` if nothing answered in time."""

    @abstractmethod
    def columns_sql(self, dataset: str, project: str | None) -> str:
        """Return the GoogleSQL of a dataset's columns: ``table_name``, ``column_name``, ``data_type`` of GoogleSQL, and
        ``is_partitioning_column``, YES or NO."""

    def describe(self, ref: TableRef) -> Mapping[str, Any] | None:
        """Return ``data_type`` and ``is_partitioning_column`` of a table's date column where no statement is needed for
        it, None where one is."""
        return None

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Rows:
        answer = self.run(sql, parameters)
        if isinstance(answer, Unreadable):
            raise Unavailable(PORT, answer.reason)
        return answer

    def rows(self, tables: Sequence[TableRef], day: date) -> dict[str, int | None]:
        refs = {ref.table: ref for ref in tables}
        if not refs:
            return {}
        for ref in refs.values():
            _table(ref.table), _column(ref.date_column)
        columns = {table: column for table, column in self._types.of(list(refs.values())).items() if column}
        texts = {table: column for table, column in columns.items() if column.kind is Kind.TEXT}
        counted: dict[str, int | None] = dict.fromkeys(refs)
        plain = {table: column for table, column in columns.items() if table not in texts}
        in_metadata = self._in_metadata(plain, day)
        counted.update(in_metadata)
        counted.update(self._batch({table: plain[table] for table in plain if table not in in_metadata}, day))
        counted.update({table: self._of_texts(table, column, day) for table, column in texts.items()})
        for table, column in columns.items():
            if counted[table] == 0 and not self._is_certain(table, column):
                counted[table] = None
        for table, ref in refs.items():
            if counted[table] is None:
                self._types.forget(ref)
        return counted

    def _in_metadata(self, columns: Mapping[str, DateColumn], day: date) -> dict[str, int]:
        """Return the rows of a date of those of many tables whose partitions tell them for sure."""
        counted: dict[str, int] = {}
        for dataset, tables in partition_counts.datasets(columns).items():
            rows = self._rows_of(partition_counts.partitions_sql(dataset), partition_counts.parameters(tables, day))
            counted |= {tables[name]: number for name, number in partition_counts.counts(rows or (), day).items()}
        return counted

    def filled(self, tables: Sequence[TableRef], days: Sequence[date]) -> dict[str, frozenset[date]]:
        for ref in tables:
            _table(ref.table), _column(ref.date_column)
        columns = {table: column for table, column in self._types.of(tables).items() if column} if tables else {}
        filled: dict[str, frozenset[date]] = {}
        for dataset, names in partition_counts.datasets(columns).items():
            asked = partition_counts.parameters_of_days(names, days)
            rows = self._rows_of(partition_counts.partitions_sql(dataset), asked)
            filled |= {names[name]: on for name, on in partition_counts.filled_days(rows or (), days).items()}
        return filled

    def _batch(self, columns: Mapping[str, DateColumn], day: date) -> dict[str, int | None]:
        if not columns:
            return {}
        kinds = {column.kind for column in columns.values()}
        batch = self._rows_of(_counts(columns), parameters(kinds, day, day, self._zone))
        if batch is not None:
            counted = {str(row["table_name"]): int(row["n"]) for row in batch}
            return {table: counted[table] for table in columns}
        if len(columns) == 1:
            return dict.fromkeys(columns)
        # One bad table fails the whole batch, and the answer does not say which.
        return {table: self._batch({table: column}, day)[table] for table, column in columns.items()}

    def _of_texts(self, table: str, column: DateColumn, day: date) -> int | None:
        """Count the rows whose text says the date; None where one begins like a date near it and is none."""
        sql = (
            f"SELECT {column.day(self._zone)} AS day, COUNT(*) AS n "  # noqa: S608 - checked names
            f"FROM `{table}` WHERE {column.within()} GROUP BY 1"
        )
        rows = self._rows_of(sql, parameters({column.kind}, day, day, self._zone))
        if rows is None:
            return None
        days = [(local_date(row["day"], self._zone), int(row["n"])) for row in rows]
        return None if any(written is None for written, _ in days) else sum(n for written, n in days if written == day)

    def _is_certain(self, table: str, column: DateColumn) -> bool:
        """Whether no rows of a date are none, and not rows whose date cannot be read here."""
        strange = column.strange()
        if strange is None:
            return column.certain
        rows = self._rows_of(f"SELECT COUNT(*) AS n FROM `{table}` WHERE {strange}", {})  # noqa: S608 - checked names
        return rows is not None and rows[0]["n"] == 0

    def _rows_of(self, sql: str, parameters: Mapping[str, Any]) -> Rows | None:
        answer = self.run(sql, parameters)
        return None if isinstance(answer, Unreadable) else answer

    def number(self, sql_file: str, day: date) -> float | None:
        text = self._text(sql_file)
        changed = changed_tables(text)
        if changed:
            # A gate is read each minute: its statements would be more than a table takes in a day.
            hint = "a statement that changes a table belongs to the close of a batch (on_close)"
            raise PolicyError(sql_file, "sql", f"changes {changed[0]}, and a gate only reads", hint)
        rows = self.query(text, {"date": day})
        value = next(iter(rows[0].values()), None) if rows else None
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise Unavailable(PORT, f"{sql_file}: its first column is {value!r}, not a number") from error
        return number if isfinite(number) else None

    def units(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, Units]:
        listed = self._listed(calendar, days)
        return {day: listed.units(day, calendar.over_since) for day in days}

    def schedule(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, tuple[ScheduledUnit, ...]]:
        listed = self._listed(calendar, days)
        return {day: listed.schedule(day, calendar.over_since) for day in days}

    def _listed(self, calendar: CalendarRef, days: Sequence[date]) -> Listed:
        if not days:
            return Listed()
        ref = TableRef(_table(calendar.table), _column(calendar.date_column))
        refs = [ref]
        _column(calendar.status_column)
        if calendar.start_column is not None:
            _column(calendar.start_column)
        if calendar.excluded is not None and calendar.excluded.table:
            refs.append(TableRef(_table(calendar.excluded.table), _column(calendar.excluded.date_column)))
        try:
            return self._listed_rows(calendar, refs, days)
        except Unavailable:
            for ref in refs:
                self._types.forget(ref)
            raise

    def _listed_rows(self, calendar: CalendarRef, refs: list[TableRef], days: Sequence[date]) -> Listed:
        columns = self._date_columns(refs)
        statuses = {"excluded": list(calendar.excluded_statuses), "final": calendar.final_status}
        bounds = parameters({column.kind for column in columns}, min(days), max(days), self._zone)
        rows = self.query(calendar_sql(calendar, columns, self._zone), {**bounds, **statuses})
        counted = Listed.of(rows, calendar, refs, self._zone)
        if any(day not in counted.days for day in days) and not self._is_certain(refs[0].table, columns[0]):
            kind = columns[0].kind.value
            raise Unavailable(PORT, f"{refs[0].table}: {refs[0].date_column} ({kind}) may hold dates in another form")
        return counted

    def _date_columns(self, refs: list[TableRef]) -> list[DateColumn]:
        columns = []
        for ref in refs:
            column = self._types.of([ref])[ref.table]
            if column is None:
                raise Unavailable(PORT, f"{ref.table}: the type of {ref.date_column} holds no dates")
            columns.append(column)
        return columns

    def held(self, tables: Sequence[UnitsRef], day: date) -> dict[str, frozenset[str] | None]:
        refs = [TableRef(_table(table.table), _column(table.date_column)) for table in tables]
        columns = [self._types.of([ref])[ref.table] for ref in refs] if refs else []
        named = [(table, column) for table, column in zip(tables, columns, strict=True) if column is not None]
        answer: dict[str, frozenset[str] | None] = dict.fromkeys(table.label for table in tables)
        answer.update(self._held(named, day))
        for table, ref in zip(tables, refs, strict=True):
            if answer[table.label] is None:
                self._types.forget(ref)
        return answer

    def _held(self, named: Sequence[tuple[UnitsRef, DateColumn]], day: date) -> dict[str, frozenset[str] | None]:
        if not named:
            return {}
        kinds = {column.kind for _, column in named}
        rows = self._rows_of(held_sql(named, self._zone), parameters(kinds, day, day, self._zone))
        if rows is None and len(named) > 1:
            # One bad table or expression fails the whole batch, and the answer does not say which.
            return {table.label: self._held([(table, column)], day)[table.label] for table, column in named}
        if rows is None:
            return {named[0][0].label: None}
        return {table.label: self._enough(table, column, rows, [day])[day] for table, column in named}

    def held_on(self, table: UnitsRef, days: Sequence[date]) -> dict[date, frozenset[str] | None]:
        ref = TableRef(_table(table.table), _column(table.date_column))
        column = self._types.of([ref])[ref.table] if days else None
        held: dict[date, frozenset[str] | None] = dict.fromkeys(days)
        if column is not None:
            between = parameters({column.kind}, min(days), max(days), self._zone)
            rows = self._rows_of(held_sql([(table, column)], self._zone), between)
            held = held if rows is None else self._enough(table, column, rows, days)
        if None in held.values():
            self._types.forget(ref)
        return held

    def _enough(
        self, ref: UnitsRef, column: DateColumn, rows: Rows, days: Sequence[date]
    ) -> dict[date, frozenset[str] | None]:
        """Return the units with enough rows of each date; None where no rows may be rows whose date cannot be read
        here: a row with such a date may be of any of them."""
        counted = {day: Counter[str]() for day in days}
        for row in rows:
            if row["label"] == ref.label:
                written = local_date(row["day"], self._zone)
                if written is None:
                    return dict.fromkeys(days)
                if written in counted:
                    counted[written][row["unit"]] += row["n"]
        certain = all(counted.values()) or self._is_certain(ref.table, column)
        return {day: _often(units, ref.at_least) if units or certain else None for day, units in counted.items()}

    def _text(self, sql_file: str) -> str:
        path = (self._config / sql_file).resolve()
        if not path.is_relative_to(self._config) or not path.is_file():
            raise PolicyError(str(path), "sql", "no such file under the configuration", "see config/gates")
        return path.read_text(encoding="utf-8")


def _counts(columns: Mapping[str, DateColumn]) -> str:
    return "\nUNION ALL\n".join(
        f"SELECT '{table}' AS table_name, COUNT(*) AS n FROM `{table}` WHERE {column.within()}"  # noqa: S608 - checked names
        for table, column in columns.items()
    )


def _often(units: Counter[str], at_least: int) -> frozenset[str]:
    return frozenset(unit for unit, number in units.items() if number >= at_least)


def _table(name: str) -> str:
    return _checked(_TABLE, name, "table", "write dataset.table or project.dataset.table")


def _column(name: str) -> str:
    return _checked(_NAME, name, "column", "write letters, digits and underscores")


def _checked(pattern: re.Pattern[str], name: str, key: str, hint: str) -> str:
    """Return the name if SQL can hold it as it is: names cannot be parameters."""
    if pattern.fullmatch(name) is None:
        raise PolicyError("policy", key, f"{name!r} is not the name of a {key}", hint)
    return name
