"""Warehouse and Record on BigQuery."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from shared.adapters.audit_schema import (
    COMPLETIONS,
    EXECUTIONS,
    SCHEMAS,
    AuditTable,
    audit_tables,
    between_sql,
    encoded,
)
from shared.adapters.sql_warehouse import PORT as WAREHOUSE
from shared.adapters.sql_warehouse import UTC_ZONE, Rows, SqlWarehouse, Unreadable
from shared.core.errors import Unavailable
from shared.core.limits.requests import INSERT_BYTES, INSERT_ROWS, insert_id, requests
from shared.ports import Row, TableRef

if TYPE_CHECKING:
    from google.cloud.bigquery import ArrayQueryParameter, Client, QueryJobConfig, ScalarQueryParameter

T = TypeVar("T")

RECORD = "record"
# What stands around each row of a request, beside the row and its id.
_AROUND_A_ROW = 100
# Of the time a query may take, what starting it may use; the rest is for its answer.
_STARTING = 0.25
_READ = 20.0
# bool before int, datetime before date: each is a kind of the other.
# The names that a table's description has of types, where GoogleSQL has others.
_GOOGLE_SQL = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "BOOL"),
    (int, "INT64"),
    (float, "FLOAT64"),
    (Decimal, "NUMERIC"),
    (datetime, "TIMESTAMP"),
    (date, "DATE"),
    (str, "STRING"),
)


class BigQueryWarehouse(SqlWarehouse):
    """GoogleSQL on BigQuery; tables without a project are ``project``'s.

    A query over ``max_bytes`` is refused, one over ``timeout`` is given up here and at BigQuery.
    ``emulator_host`` (``http://host:port``) replaces Google's endpoint and needs no credentials.
    """

    def __init__(
        self,
        project: str,
        config_dir: str | Path,
        max_bytes: int = 10**9,
        timeout: timedelta = timedelta(seconds=20),
        emulator_host: str | None = None,
        zone: ZoneInfo = UTC_ZONE,
    ) -> None:
        super().__init__(Path(config_dir), zone)
        self._project, self._emulator_host = project, emulator_host
        self._max_bytes, self._timeout = max_bytes, timeout

    def run(self, sql: str, parameters: Mapping[str, Any]) -> Rows | Unreadable:
        from google.api_core.exceptions import BadRequest, Forbidden, NotFound

        def read() -> Rows | Unreadable:
            try:
                return self._read(sql, self._settings(parameters))
            except (BadRequest, NotFound) as error:
                return Unreadable(error.message)
            except Forbidden as error:
                if _reason(error) != "accessDenied":  # a quota: it will pass
                    raise
                return Unreadable(error.message)

        return _guarded(WAREHOUSE, read)

    def columns_sql(self, dataset: str, project: str | None) -> str:
        place = f"{project or self._project}.{dataset}"
        columns = "table_name, column_name, data_type, is_partitioning_column"
        return f"SELECT {columns} FROM `{place}`.INFORMATION_SCHEMA.COLUMNS"  # noqa: S608 - checked names

    def describe(self, ref: TableRef) -> Mapping[str, Any] | None:
        """The description of a table costs nothing, where a statement on `INFORMATION_SCHEMA` is billed."""
        from google.cloud.bigquery import DEFAULT_RETRY

        name = ref.table if ref.table.count(".") == 2 else f"{self._project}.{ref.table}"
        seconds = self._timeout.total_seconds() * _STARTING
        try:
            retry = DEFAULT_RETRY.with_timeout(seconds)
            table = _guarded(WAREHOUSE, lambda: self._client.get_table(name, retry=retry, timeout=seconds))
        except Unavailable:  # not there, or not to be seen: the statement says what is wrong
            return None
        field = next((field for field in table.schema if field.name.lower() == ref.date_column.lower()), None)
        if field is None:
            return None
        kind = _GOOGLE_SQL.get(field.field_type, field.field_type)
        by = [part.field for part in (table.time_partitioning, table.range_partitioning) if part is not None]
        return {
            "data_type": f"ARRAY<{kind}>" if field.mode == "REPEATED" else kind,
            "is_partitioning_column": "YES" if field.name in by else "NO",
        }

    def _read(self, sql: str, settings: QueryJobConfig) -> Rows:
        """A job, not the quicker ``query_and_wait``: it says what was billed, and emulators say what failed."""
        from google.cloud.bigquery import DEFAULT_RETRY

        seconds = self._timeout.total_seconds()
        starting, answering = seconds * _STARTING, seconds * (1 - _STARTING)
        self.operations["queries"] += 1
        job = self._client.query(
            sql,
            job_config=settings,
            timeout=starting,
            retry=DEFAULT_RETRY.with_timeout(starting),
            job_retry=None,
        )
        result = job.result(timeout=answering, retry=DEFAULT_RETRY.with_timeout(answering), job_retry=None)
        rows = [dict(row.items()) for row in result]
        self.operations["bytes_billed"] += job.total_bytes_billed or 0
        return rows

    def _settings(self, parameters: Mapping[str, Any]) -> QueryJobConfig:
        from google.cloud.bigquery import QueryJobConfig

        return QueryJobConfig(
            query_parameters=[_parameter(name, value) for name, value in parameters.items()],
            maximum_bytes_billed=self._max_bytes,
            job_timeout_ms=round(self._timeout.total_seconds() * 1000),
        )

    @cached_property
    def _client(self) -> Client:
        return _client(self._project, self._emulator_host)


class BigQueryAuditLog:
    """Streams rows into the record's dataset; readers use the views, where every insert id counts once.

    The caller repeats what failed: three attempts of ``timeout`` fit the five seconds that the record
    may take (behaviour 8).
    """

    def __init__(
        self,
        project: str,
        dataset: str,
        schemas: Path = SCHEMAS,
        timeout: timedelta = timedelta(seconds=1.3),
        emulator_host: str | None = None,
    ) -> None:
        self.operations: Counter[str] = Counter()
        self._project, self._emulator_host = project, emulator_host
        self._dataset, self._schemas = f"{project}.{dataset}", schemas
        self._timeout = timeout.total_seconds()

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        sent = ((insert_id(row.insert_id), encoded(row)) for row in rows)
        sized = ((row, len(json.dumps(row).encode()) + _AROUND_A_ROW) for row in sent)
        for some in requests(sized, INSERT_ROWS, INSERT_BYTES):
            errors = _guarded(RECORD, lambda some=some: self._send(table, some))  # type: ignore[misc]
            if errors:
                raise Unavailable(RECORD, f"{self._dataset}.{table}: {_first(errors)}")
            self.operations["rows_inserted"] += len(some)

    def completions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        return self._between(COMPLETIONS, pipeline, first, last)

    def executions(self, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        return self._between(EXECUTIONS, pipeline, first, last)

    def _between(self, table: str, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
        from google.cloud.bigquery import DEFAULT_RETRY, QueryJobConfig

        starting, answering = _READ * _STARTING, _READ * (1 - _STARTING)

        def read() -> list[dict[str, Any]]:
            values = {"pipeline": pipeline, "first": first, "last": last}
            parameters = [_parameter(name, value) for name, value in values.items()]
            job = self._client.query(
                between_sql(self._dataset, table),
                job_config=QueryJobConfig(query_parameters=parameters, maximum_bytes_billed=10**9),
                timeout=starting,
                retry=DEFAULT_RETRY.with_timeout(starting),
                job_retry=None,
            )
            result = job.result(timeout=answering, retry=DEFAULT_RETRY.with_timeout(answering), job_retry=None)
            rows = [dict(row.items()) for row in result]
            self.operations.update(queries=1, bytes_billed=job.total_bytes_billed or 0)
            return rows

        return _guarded(RECORD, read)

    def create_tables(self) -> None:
        """Create the dataset, its tables and their views where they are not there yet (when deploying)."""

        def create() -> None:
            self._client.create_dataset(self._dataset, exists_ok=True)
            for table in audit_tables(self._schemas):
                self._create(table)

        _guarded(RECORD, create)

    def _send(self, table: str, rows: Sequence[tuple[str, dict[str, Any]]]) -> Sequence[Mapping[str, Any]]:
        errors: Sequence[Mapping[str, Any]] = self._client.insert_rows_json(
            f"{self._dataset}.{table}",
            [columns for _, columns in rows],
            row_ids=[row_id for row_id, _ in rows],
            retry=None,  # type: ignore[arg-type]  # never: its stub forgets that None is allowed
            timeout=self._timeout,
        )
        return errors

    def _create(self, table: AuditTable) -> None:
        from google.cloud.bigquery import Table, TableReference

        reference = TableReference.from_string(f"{self._dataset}.{table.name}")
        self._client.create_table(
            Table.from_api_repr({**table.resource, "tableReference": reference.to_api_repr()}), exists_ok=True
        )
        view = Table(f"{self._dataset}.{table.view}")
        view.view_query = table.view_sql(self._dataset)
        self._client.create_table(view, exists_ok=True)

    @cached_property
    def _client(self) -> Client:
        return _client(self._project, self._emulator_host)


def _client(project: str, emulator_host: str | None) -> Client:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.bigquery import Client

    if emulator_host is None:
        return Client(project=project)
    return Client(
        project=project,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": emulator_host},
    )


def _guarded(port: str, call: Callable[[], T]) -> T:
    """Turn whatever the client raises when there is no answer into ``Unavailable``."""
    from concurrent.futures import TimeoutError as Late

    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from requests import RequestException

    try:
        return call()
    except (GoogleAPIError, GoogleAuthError, RequestException, Late) as error:
        raise Unavailable(port, f"BigQuery: {type(error).__name__}: {error}") from error


def _reason(error: Any) -> str:
    """Return BigQuery's own word for an error, finer than its HTTP status."""
    return str(error.errors[0].get("reason", "")) if error.errors else ""


def _first(errors: Sequence[Mapping[str, Any]]) -> str:
    """Say what was wrong with the first bad row; the good ones of the request are reported as ``stopped``."""
    reasons = [(row["index"], error) for row in errors for error in row["errors"]]
    index, error = next(((i, e) for i, e in reasons if e.get("reason") != "stopped"), reasons[0])
    return f"row {index}: {error.get('location', '')} {error.get('reason', '')}: {error.get('message', '')}"


def _parameter(name: str, value: Any) -> ScalarQueryParameter | ArrayQueryParameter:
    from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter

    if isinstance(value, list | tuple):
        kind = _type(name, value[0]) if value else "STRING"
        return ArrayQueryParameter(name, kind, list(value))
    return ScalarQueryParameter(name, _type(name, value), value)


def _type(name: str, value: object) -> str:
    if value is None:
        return "STRING"
    for kind, sql_type in _TYPES:
        if isinstance(value, kind):
            return sql_type
    raise TypeError(f"parameter {name}: BigQuery has no type for {value!r}")
