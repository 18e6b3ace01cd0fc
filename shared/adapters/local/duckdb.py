"""Warehouse and Record in one DuckDB file, which several processes share by opening it for one operation each."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from shared.adapters.audit_schema import (
    COMPLETIONS,
    EXECUTIONS,
    INSERT_ID,
    SCHEMAS,
    AuditTable,
    audit_tables,
    between_sql,
    encoded,
)
from shared.adapters.sql_warehouse import PORT as WAREHOUSE
from shared.adapters.sql_warehouse import UTC_ZONE, Rows, SqlWarehouse, Unreadable
from shared.core.errors import Unavailable
from shared.ports import Row

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")

RECORD = "record"
# By file: within a process DuckDB refuses to open one twice in different ways, or while it is being closed.
_TURNS: dict[Path, threading.Lock] = {}
_TYPES = {
    "STRING": "VARCHAR",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMPTZ",
    "INTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
}
# What DuckDB calls the types of columns that may hold dates, in GoogleSQL's words.
_GOOGLE_TYPES = {
    "DATE": "DATE",
    "VARCHAR": "STRING",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "DATETIME"),
    **dict.fromkeys(("SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UINTEGER", "UBIGINT"), "INT64"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "FLOAT64"),
}
_ROWS_A_STATEMENT = 100
_INSTANT = "TIMESTAMP WITH TIME ZONE"


class DuckDbWarehouse(SqlWarehouse):
    """GoogleSQL on a DuckDB file: a dataset is a schema of that name; a project is left out.

    ``busy`` bounds the wait for a process that writes.
    """

    def __init__(
        self,
        path: str | Path,
        config_dir: str | Path,
        busy: timedelta = timedelta(seconds=5),
        zone: ZoneInfo = UTC_ZONE,
    ) -> None:
        super().__init__(Path(config_dir), zone)
        self._path, self._busy = Path(path), busy

    def run(self, sql: str, parameters: Mapping[str, Any]) -> Rows | Unreadable:
        import duckdb

        translated = _translated(sql)
        if isinstance(translated, Unreadable):
            return translated
        self.operations["queries"] += 1
        bound = {name: value for name, value in parameters.items() if name in translated.parameters}

        def read(connection: DuckDBPyConnection) -> Rows | Unreadable:
            try:
                return _read(connection, translated.sql, bound)
            except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError) as error:
                return Unreadable(str(error))

        return _patiently(WAREHOUSE, self._path, self._busy, read, read_only=True)

    def columns_sql(self, dataset: str, project: str | None) -> str:
        named = " ".join(f"WHEN '{kind}' THEN '{google}'" for kind, google in _GOOGLE_TYPES.items())
        return (
            "SELECT table_name, column_name, "  # noqa: S608 - checked names
            f"CASE WHEN data_type LIKE 'DECIMAL%' THEN 'NUMERIC' ELSE CASE data_type {named} ELSE data_type END END "
            "AS data_type, 'NO' AS is_partitioning_column FROM duckdb_columns() "
            f"WHERE LOWER(schema_name) = '{dataset.lower()}'"
        )


class DuckDbAuditLog:
    """The record's tables in a DuckDB file, made when something is written; an insert id is kept once.

    Three attempts of ``busy`` fit the five seconds that the record may take (behaviour 8).
    """

    def __init__(
        self,
        path: str | Path,
        dataset: str,
        schemas: Path = SCHEMAS,
        busy: timedelta = timedelta(seconds=1.3),
    ) -> None:
        self.operations: Counter[str] = Counter()
        self._path, self._dataset, self._schemas, self._busy = Path(path), dataset, schemas, busy
        _definitions(dataset, schemas)  # schemas that are missing are said here, not by the first row

    def create_tables(self) -> None:
        """Create the tables and their views where they are not there yet."""
        self._write(lambda connection: None, self._dataset)

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        shapes: dict[tuple[str, ...], list[list[object]]] = {}
        for row in rows:
            columns = encoded(row)
            shapes.setdefault(tuple(columns), []).append(list(columns.values()))

        def write(connection: DuckDBPyConnection) -> None:
            for names, values in shapes.items():
                _insert(connection, f"{_quoted(self._dataset)}.{_quoted(table)}", names, values)

        if rows:
            self._write(write, f"{self._dataset}.{table}")
            self.operations["rows_inserted"] += len(rows)

    def completions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        return self._between(COMPLETIONS, pipeline, first, last)

    def executions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        return self._between(EXECUTIONS, pipeline, first, last)

    def _between(self, table: str, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        translated = _translated(between_sql(self._dataset, table))
        assert isinstance(translated, _Translated)

        def read(connection: DuckDBPyConnection) -> Rows:
            import duckdb

            try:
                return _read(connection, translated.sql, {"pipeline": pipeline, "first": first, "last": last})
            except duckdb.CatalogException:  # nothing was ever written
                return []

        return _patiently(RECORD, self._path, self._busy, read, read_only=True)

    def _write(self, write: Callable[[DuckDBPyConnection], None], what: str) -> None:
        def transaction(connection: DuckDBPyConnection) -> None:
            connection.execute("BEGIN")
            for statement in _definitions(self._dataset, self._schemas):
                connection.execute(statement)
            write(connection)
            connection.execute("COMMIT")

        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _patiently(RECORD, self._path, self._busy, transaction, read_only=False)
        except Unavailable as error:
            raise Unavailable(RECORD, f"{what}: {error.reason}") from error


@dataclass(frozen=True, slots=True)
class _Translated:
    sql: str
    parameters: frozenset[str]


@lru_cache(maxsize=256)
def _translated(sql: str) -> _Translated | Unreadable:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        statements = [statement for statement in sqlglot.parse(sql, read="bigquery") if statement is not None]
        if len(statements) != 1:
            return Unreadable(f"{len(statements)} statements where one is expected")
        for table in statements[0].find_all(exp.Table):
            table.set("catalog", None)
        names = frozenset(str(parameter.name) for parameter in statements[0].find_all(exp.Parameter))
        return _Translated(statements[0].sql(dialect="duckdb"), names)
    except SqlglotError as error:
        return Unreadable(f"not GoogleSQL: {error}")


def _read(connection: DuckDBPyConnection, sql: str, parameters: Mapping[str, object]) -> Rows:
    """Return the rows as BigQuery's client would: instants aware and in UTC, JSON as what it says."""
    relation = connection.sql(sql, params=dict(parameters))
    names, types = relation.columns, [str(kind) for kind in relation.types]
    # As plain UTC timestamps: DuckDB hands out aware ones only where pytz is installed.
    columns = [
        f"{_quoted(name)} AT TIME ZONE 'UTC' AS {_quoted(name)}" if kind == _INSTANT else _quoted(name)
        for name, kind in zip(names, types, strict=True)
    ]
    fetched = relation.project(", ".join(columns)).fetchall()
    return [
        {name: _read_value(value, kind) for name, value, kind in zip(names, row, types, strict=True)} for row in fetched
    ]


def _read_value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == _INSTANT:
        return value.replace(tzinfo=UTC)
    return json.loads(value) if kind == "JSON" else value


@lru_cache(maxsize=8)
def _definitions(dataset: str, schemas: Path) -> tuple[str, ...]:
    """Return what creates the schema, its tables and its views, each only where it is not there yet."""
    statements = [f"CREATE SCHEMA IF NOT EXISTS {_quoted(dataset)}"]
    for table in audit_tables(schemas):
        stored, view = (f"{_quoted(dataset)}.{_quoted(name)}" for name in (table.name, table.view))
        statements.append(f"CREATE TABLE IF NOT EXISTS {stored} ({_columns(table)})")
        # The key keeps repeats out: unlike BigQuery's, this view has nothing to drop.
        statements.append(f"CREATE VIEW IF NOT EXISTS {view} AS SELECT * FROM {stored}")  # noqa: S608 - quoted names
    return tuple(statements)


def _columns(table: AuditTable) -> str:
    return ", ".join(f"{_quoted(field['name'])} {_TYPES[field['type']]}{_constraint(field)}" for field in table.fields)


def _constraint(field: Mapping[str, str]) -> str:
    if field["name"] == INSERT_ID:
        return " PRIMARY KEY"
    return " NOT NULL" if field.get("mode") == "REQUIRED" else ""


def _insert(connection: DuckDBPyConnection, table: str, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Insert rows of the same columns, many to a statement: one by one takes DuckDB milliseconds each."""
    columns = ", ".join(_quoted(name) for name in names)
    placeholders = f"({', '.join('?' * len(names))})"
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        some = rows[start : start + _ROWS_A_STATEMENT]
        values = ", ".join([placeholders] * len(some))
        sql = f"INSERT INTO {table} ({columns}) VALUES {values} ON CONFLICT DO NOTHING"  # noqa: S608 - quoted names
        connection.execute(sql, [value for row in some for value in row])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _patiently(
    port: str, path: Path, budget: timedelta, work: Callable[[DuckDBPyConnection], T], *, read_only: bool
) -> T:
    """Open the file, work on it and close it: threads in turn, and again while another process has it."""
    import duckdb
    import tenacity

    def attempt() -> T:
        with closing(duckdb.connect(path, read_only=read_only)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return work(connection)

    end = time.monotonic() + budget.total_seconds()
    turn = _TURNS.setdefault(path.resolve(), threading.Lock())
    if not turn.acquire(timeout=budget.total_seconds()):
        raise Unavailable(port, f"{path}: other threads had it for {budget.total_seconds():g} s")
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_delay(max(end - time.monotonic(), 0)),
        wait=lambda state: random.uniform(0.01, 0.05),  # noqa: S311 - so that waiters do not meet again
        retry=tenacity.retry_if_exception(_is_locked),
        reraise=True,
    )
    try:
        return retrying(attempt)
    except duckdb.Error as error:
        raise Unavailable(port, f"{path}: {error}") from error
    finally:
        turn.release()


def _is_locked(error: BaseException) -> bool:
    """Whether another process has the file, which DuckDB says in words only."""
    import duckdb

    return isinstance(error, duckdb.IOException) and "lock on file" in str(error)
