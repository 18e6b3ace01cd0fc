"""A warehouse that tests fill: the same tables on DuckDB and on a BigQuery emulator."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import duckdb
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from shared.adapters.google.bigquery import BigQueryAuditLog, BigQueryWarehouse
from shared.adapters.local.duckdb import DuckDbAuditLog, DuckDbWarehouse
from shared.ports import AuditLog, Warehouse

CONFIG = Path(__file__).resolve().parents[2] / "config"
DATASET = "nba_orchestration"
PATIENCE = timedelta(seconds=10)
ZONE = ZoneInfo("America/New_York")
_DUCKDB = {
    "STRING": "VARCHAR", "INT64": "BIGINT", "BOOL": "BOOLEAN", "DATE": "DATE", "DATETIME": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMPTZ", "FLOAT64": "DOUBLE", "NUMERIC": "DECIMAL(38, 9)",
}  # fmt: skip
BOTH = ["duckdb", pytest.param("bigquery", marks=pytest.mark.xdist_group("bigquery"))]


class World(Protocol):
    """A warehouse, the record in the same place, and a way to put tables there."""

    @property
    def warehouse(self) -> Warehouse: ...

    @property
    def audit(self) -> AuditLog: ...

    def create_tables(self) -> None:
        """Create the record's tables."""

    def table(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Create ``dataset.table`` with columns of GoogleSQL types; dates are text."""


class DuckDbWorld:
    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(duckdb.connect(path)):
            pass  # an empty warehouse, not an absent one
        self.warehouse = DuckDbWarehouse(path, CONFIG, zone=ZONE)
        self.audit = DuckDbAuditLog(path, DATASET)

    def create_tables(self) -> None:
        self.audit.create_tables()

    def table(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        with closing(duckdb.connect(self._path)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
            connection.execute(f"CREATE TABLE {name} ({', '.join(f'{c} {_DUCKDB[t]}' for c, t in columns.items())})")
            if rows:
                _insert(connection, name, columns, rows)

    def execute(self, sql: str) -> None:
        with closing(duckdb.connect(self._path)) as connection:
            connection.execute(sql)


def _insert(
    connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]
) -> None:
    """Insert from JSON: one statement for all rows."""
    structure = json.dumps([{column: _DUCKDB[kind] for column, kind in columns.items()}])
    text = json.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=str)
    sql = f"INSERT INTO {name} SELECT each.* FROM (SELECT unnest(from_json(?::JSON, ?)) AS each)"
    connection.execute(sql, [text, structure])


class BigQueryWorld:
    """A project of its own on the emulator."""

    def __init__(self, host: str) -> None:
        self.project = f"demo-{token_hex(6)}"
        self.client = bigquery.Client(
            project=self.project,
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": host},
        )
        self.warehouse = BigQueryWarehouse(self.project, CONFIG, timeout=PATIENCE, emulator_host=host, zone=ZONE)
        self.audit = BigQueryAuditLog(self.project, DATASET, timeout=PATIENCE, emulator_host=host)

    def create_tables(self) -> None:
        self.audit.create_tables()

    def table(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        self.client.create_dataset(name.split(".")[0], exists_ok=True)
        fields = [bigquery.SchemaField(column, kind) for column, kind in columns.items()]
        table = self.client.create_table(bigquery.Table(f"{self.project}.{name}", fields))
        if rows:
            sent = [dict(zip(columns, row, strict=True)) for row in rows]
            assert self.client.insert_rows_json(table, sent, timeout=10) == []


def made(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Return the world that a fixture's parameter names."""
    if request.param == "duckdb":
        return DuckDbWorld(tmp_path / "house.duckdb")
    return BigQueryWorld(request.getfixturevalue("bigquery_host"))
