"""Where fixtures are played: a warehouse and record on DuckDB or the BigQuery emulator, and the state in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import duckdb
import msgspec
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from deploy.inventory import inventory
from shared.adapters.google.bigquery import BigQueryAuditLog, BigQueryWarehouse
from shared.adapters.google.inventory import declared_in
from shared.adapters.local.duckdb import DuckDbAuditLog, DuckDbWarehouse
from shared.adapters.local.memory import MemoryStore
from shared.app.context import Context
from shared.core.policy.names import Names
from shared.core.reporting.inventory import Declared, Feed, Job
from shared.ports import AlertSink, AuditLog, Bus, Clock, Http, StateStore, Warehouse
from tests.adapters.support import ManualClock, MemoryLog
from tests.deploy.world import manifest
from tests.functions.worlds import POLICY
from tests.validation.fixtures import CONFIG, DATASET, Fixture, Table

_DUCKDB = {
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "BOOL": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMPTZ",
}
_NAMED = re.compile(r"`([a-z_]+\.[a-z0-9_]+)`")
# An emulator on a busy machine is slower than BigQuery is.
PATIENCE = timedelta(seconds=100)


@dataclass
class TestPorts:
    """The ports of a fixture's world; who asks for another one is mistaken."""

    __test__ = False
    store: StateStore
    warehouse: Warehouse
    audit: AuditLog
    clock: Clock

    @property
    def bus(self) -> Bus:
        raise AssertionError("a check publishes nothing")

    @property
    def http(self) -> Http:
        raise AssertionError("a check calls nobody")

    @property
    def alerts(self) -> AlertSink:
        raise AssertionError("a check alerts nobody")


class Cloud:
    """An inventory that holds what this repository's manifest declares, but for what a fixture says of it."""

    def __init__(self, deviations: Mapping[str, Any]) -> None:
        self._said = deviations
        self._declared = declared_in(inventory(manifest()))

    def declared(self) -> Declared:
        return self._declared

    def schedules(self) -> list[Job]:
        paused = self._said.get("paused", ())
        listed = self._declared.schedules.items()
        return [Job(name, cron, zone, name not in paused) for name, (cron, zone) in listed if self._there(name)]

    def subscriptions(self) -> list[Feed]:
        listed = {**self._declared.subscriptions, **self._said.get("extra", {})}
        return [Feed(name, topic) for name, topic in listed.items() if self._there(name)]

    def backlog(self) -> dict[str, int]:
        return {**dict.fromkeys(self._declared.subscriptions, 0), **self._said.get("waiting", {})}

    def _there(self, name: str) -> bool:
        return name not in self._said.get("gone", ())


def context(fixture: Fixture, warehouse: Warehouse, record: AuditLog) -> Context:
    """Return the context of a fixture, its clock at the moment of the call, its documents in memory."""
    clock, store = ManualClock(), MemoryStore()
    clock.time = fixture.target().now
    fixture.fill(store)
    ports: Any = TestPorts(store, warehouse, record, clock)
    cloud = Cloud(fixture.data.get("inventory", {}))
    return Context(POLICY, Names(POLICY), ports, {}, MemoryLog(), "tests", inventory=cloud)


def needed(fixture: Fixture) -> list[Table]:
    """Return the tables that the check's SQL names; a builtin may ask for any."""
    tables = fixture.tables()
    if fixture.check.builtin:
        return list(tables.values())
    named = {name for query in fixture.check.queries for name in _NAMED.findall(query.sql)}
    return [table for name, table in tables.items() if name in named]


def reads_record(fixture: Fixture) -> bool:
    return bool(fixture.check.builtin) or any(f"{DATASET}.v_" in query.sql for query in fixture.check.queries)


def on_duckdb(fixture: Fixture, path: Path) -> Context:
    """Return the fixture's context, its tables in a DuckDB file."""
    record = DuckDbAuditLog(path, DATASET)
    if reads_record(fixture):
        record.create_tables()
    for name, rows in fixture.record():
        record.insert(name, rows)
    with closing(duckdb.connect(path)) as connection:
        connection.execute("BEGIN")
        for table in needed(fixture):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.name.split('.')[0]}")
            shape = ", ".join(f"{column} {_DUCKDB[kind]}" for column, kind in table.columns.items())
            connection.execute(f"CREATE TABLE {table.name} ({shape})")
            _fill_duckdb(connection, table)
        connection.execute("COMMIT")
    return context(fixture, DuckDbWarehouse(path, CONFIG), record)


def _fill_duckdb(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Insert from JSON: one statement for all rows, whatever columns they leave out."""
    if not table.rows:
        return
    structure = "[{" + ", ".join(f'"{column}": "{_DUCKDB[kind]}"' for column, kind in table.columns.items()) + "}]"
    text = msgspec.json.encode(table.rows).decode()
    connection.execute(
        f"INSERT INTO {table.name} SELECT each.* FROM (SELECT unnest(from_json(?::JSON, ?)) AS each)",
        [text, structure],
    )


def on_bigquery(fixture: Fixture, host: str) -> Context:
    """Return the fixture's context, its tables in a project of its own on the emulator."""
    project = f"demo-{token_hex(6)}"
    client = bigquery.Client(project=project, credentials=AnonymousCredentials(), client_options={"api_endpoint": host})
    record = BigQueryAuditLog(project, DATASET, timeout=PATIENCE, emulator_host=host)
    if reads_record(fixture):
        record.create_tables()
    for name, rows in fixture.record():
        record.insert(name, rows)
    made: set[str] = set()
    for table in needed(fixture):
        dataset = table.name.split(".")[0]
        if dataset not in made:
            client.create_dataset(dataset, exists_ok=True)
            made.add(dataset)
        fields = [bigquery.SchemaField(column, kind) for column, kind in table.columns.items()]
        created = client.create_table(bigquery.Table(f"{project}.{table.name}", fields))
        if table.rows:
            sent = msgspec.to_builtins(table.rows)
            assert client.insert_rows_json(created, sent, timeout=10) == []
    return context(fixture, BigQueryWarehouse(project, CONFIG, timeout=PATIENCE, emulator_host=host), record)


def made(request: pytest.FixtureRequest, fixture: Fixture, folder: Path, where: str) -> Context:
    """Return the fixture's context on the engine of this name."""
    if where == "duckdb":
        return on_duckdb(fixture, folder / "house.duckdb")
    return on_bigquery(fixture, request.getfixturevalue("bigquery_host"))
