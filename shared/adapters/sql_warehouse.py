"""The Warehouse port in GoogleSQL: an adapter only has to run one statement."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any

from shared.core.errors import PolicyError, Unavailable
from shared.core.model import Units
from shared.ports import CalendarRef, TableRef

PORT = "warehouse"

Rows = list[dict[str, Any]]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TABLE = re.compile(r"([a-z][a-z0-9-]{4,28}[a-z0-9]\.)?[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The warehouse answered, but not with rows: something named is not there, or may not be read."""

    reason: str


class SqlWarehouse(ABC):
    """What every warehouse that understands GoogleSQL shares; ``operations`` counts what it cost."""

    def __init__(self, config_dir: Path) -> None:
        self.operations: Counter[str] = Counter()
        self._config = config_dir.resolve()

    @abstractmethod
    def run(self, sql: str, parameters: Mapping[str, Any]) -> Rows | Unreadable:
        """Run one statement; raises ``Unavailable`` if nothing answered in time."""

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Rows:
        answer = self.run(sql, parameters)
        if isinstance(answer, Unreadable):
            raise Unavailable(PORT, answer.reason)
        return answer

    def rows(self, tables: Sequence[TableRef], day: date) -> dict[str, int | None]:
        refs = {ref.table: ref for ref in tables}
        if not refs:
            return {}
        batch = self.run(_counts(refs.values()), {"date": day})
        if not isinstance(batch, Unreadable):
            counted = {str(row["table_name"]): int(row["n"]) for row in batch}
            return {table: counted[table] for table in refs}
        if len(refs) == 1:
            return dict.fromkeys(refs)
        # One bad table fails the whole batch, and the answer does not say which.
        return {table: self.rows([ref], day)[table] for table, ref in refs.items()}

    def number(self, sql_file: str, day: date) -> float | None:
        rows = self.query(self._text(sql_file), {"date": day})
        value = next(iter(rows[0].values()), None) if rows else None
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise Unavailable(PORT, f"{sql_file}: its first column is {value!r}, not a number") from error
        return number if isfinite(number) else None

    def units(self, calendar: CalendarRef, days: Sequence[date]) -> dict[date, Units]:
        if not days:
            return {}
        parameters = {
            "first": min(days),
            "last": max(days),
            "excluded": list(calendar.excluded_statuses),
            "final": calendar.final_status,
        }
        counted = {row["day"]: Units(row["total"], row["final"]) for row in self.query(_units(calendar), parameters)}
        return {day: counted.get(day, Units(0, 0)) for day in days}

    def _text(self, sql_file: str) -> str:
        path = (self._config / sql_file).resolve()
        if not path.is_relative_to(self._config) or not path.is_file():
            raise PolicyError(str(path), "sql", "no such file under the configuration", "see config/gates")
        return path.read_text()


def _counts(refs: Iterable[TableRef]) -> str:
    return "\nUNION ALL\n".join(
        f"SELECT '{_table(ref.table)}' AS table_name, COUNT(*) AS n "  # noqa: S608 - checked names
        f"FROM `{ref.table}` WHERE `{_column(ref.date_column)}` = @date"
        for ref in refs
    )


def _units(calendar: CalendarRef) -> str:
    """Count every date between two: bounds let BigQuery prune partitions, a list of dates may not."""
    day, status = _column(calendar.date_column), _column(calendar.status_column)
    return (
        f"SELECT `{day}` AS day, COUNT(*) AS total, COUNTIF(`{status}` = @final) AS final "  # noqa: S608 - checked names
        f"FROM `{_table(calendar.table)}` "
        f"WHERE `{day}` BETWEEN @first AND @last AND (`{status}` IS NULL OR `{status}` NOT IN UNNEST(@excluded)) "
        "GROUP BY 1"
    )


def _table(name: str) -> str:
    return _checked(_TABLE, name, "table", "write dataset.table or project.dataset.table")


def _column(name: str) -> str:
    return _checked(_NAME, name, "column", "write letters, digits and underscores")


def _checked(pattern: re.Pattern[str], name: str, key: str, hint: str) -> str:
    """Return the name if it can stand in SQL as it is: names cannot be parameters."""
    if pattern.fullmatch(name) is None:
        raise PolicyError("policy", key, f"{name!r} is not the name of a {key}", hint)
    return name
