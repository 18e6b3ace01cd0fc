"""What the emulator does not do as BigQuery does: limits sent along, refusals, quotas, silence, rejected rows."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.google.bigquery import BigQueryAuditLog, BigQueryWarehouse
from shared.core.errors import Unavailable
from shared.ports import Row, TableRef
from tests.busy import allowed
from tests.local_server import LocalServer, ServerAnswer

DAY = date(2026, 1, 21)
RESULT = {"projectId": "demo-p", "datasetId": "_d", "tableId": "_t"}
TABLES = [TableRef("nba_raw.a"), TableRef("nba_raw.b")]
ROWS = [Row("one", {"game_date": DAY}), Row("two", {"game_date": DAY})]


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


def warehouse(server: LocalServer, seconds: float = 2.0) -> BigQueryWarehouse:
    return BigQueryWarehouse("demo-p", Path(), 5_000_000, timedelta(seconds=seconds), emulator_host=server.url)


def record(server: LocalServer) -> BigQueryAuditLog:
    return BigQueryAuditLog("demo-p", "nba_orchestration", emulator_host=server.url)


def answer(body: Any, status: int = 200) -> ServerAnswer:
    return ServerAnswer(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def refusal(status: int, reason: str) -> ServerAnswer:
    error = {"code": status, "message": f"told {reason}", "errors": [{"reason": reason, "message": f"told {reason}"}]}
    return answer({"error": error}, status)


def done(billed: int) -> list[ServerAnswer]:
    """A finished job of one row, and the row."""
    job = {"projectId": "demo-p", "jobId": "j", "location": "US"}
    return [
        answer(
            {
                "jobReference": job,
                "configuration": {"query": {"query": "", "destinationTable": RESULT}},
                "status": {"state": "DONE"},
                "statistics": {"query": {"totalBytesBilled": str(billed), "statementType": "SELECT"}},
            }
        ),
        answer(
            {
                "jobReference": job,
                "jobComplete": True,
                "totalRows": "1",
                "schema": {"fields": [{"name": "n", "type": "INTEGER"}]},
                "rows": [{"f": [{"v": "7"}]}],
            }
        ),
    ]


def test_a_query_carries_its_limits_and_typed_parameters(server: LocalServer) -> None:
    """The most bytes and the time it may take go to BigQuery; each value has the type BigQuery compares it as."""
    server.answers.extend(done(billed=10_485_760))
    asked = warehouse(server, seconds=20)
    values = {
        "day": DAY, "at": datetime(2026, 1, 21, tzinfo=UTC), "yes": True, "n": 1, "x": 1.5, "dec": Decimal("1.5"),
        "s": "s", "none": None, "days": [DAY], "empty": [], "numbers": (1, 2),
    }  # fmt: skip
    assert asked.query("SELECT 7 AS n", values) == [{"n": 7}]
    configuration = server.asked[0].json["configuration"]
    assert configuration["jobTimeoutMs"] == "20000"
    assert configuration["query"]["maximumBytesBilled"] == "5000000"
    assert configuration["query"]["useLegacySql"] is False
    sent = {p["name"]: p["parameterType"] for p in configuration["query"]["queryParameters"]}
    assert {name: kind.get("arrayType", kind)["type"] for name, kind in sent.items()} == {
        "day": "DATE", "at": "TIMESTAMP", "yes": "BOOL", "n": "INT64", "x": "FLOAT64", "dec": "NUMERIC",
        "s": "STRING", "none": "STRING", "days": "DATE", "empty": "STRING", "numbers": "INT64",
    }  # fmt: skip
    assert {name for name, kind in sent.items() if kind["type"] == "ARRAY"} == {"days", "empty", "numbers"}
    assert asked.operations == {"queries": 1, "bytes_billed": 10_485_760}


def test_a_value_without_a_type_is_a_mistake(server: LocalServer) -> None:
    """What BigQuery cannot compare never leaves."""
    with pytest.raises(TypeError, match="thing"):
        warehouse(server).query("SELECT @thing", {"thing": object()})
    assert server.asked == []


@pytest.mark.parametrize(("status", "reason"), [(403, "accessDenied"), (404, "notFound"), (400, "invalidQuery")])
def test_a_refused_table_is_unreadable(server: LocalServer, status: int, reason: str) -> None:
    """A table that is not ours to read, is not there or lacks the column is None, one table at a time."""
    # Neither describes itself; the statement for types, that for both and that for the first are refused.
    server.answers.extend([*(refusal(status, reason) for _ in range(5)), *done(billed=0)])
    first, second = TABLES
    # The canned row is no count: reading it is what shows that the second table was asked for by itself.
    with pytest.raises(KeyError):
        warehouse(server).rows(TABLES, DAY)
    queries = [asked.json["configuration"]["query"]["query"] for asked in server.asked if asked.method == "POST"]
    assert [(first.table in sql, second.table in sql) for sql in queries] == [
        (False, False),
        (True, True),
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (403, "quotaExceeded"),
        (403, "rateLimitExceeded"),
        (500, "internalError"),
        (503, "backendError"),
    ],
)
def test_a_quota_or_an_outage_is_no_missing_table(server: LocalServer, status: int, reason: str) -> None:
    """What will pass raises Unavailable, in time: no table is called unreadable for it."""
    server.always = refusal(status, reason)
    started = time.monotonic()
    with pytest.raises(Unavailable, match=reason) as caught:
        warehouse(server).rows(TABLES, DAY)
    assert caught.value.port == "warehouse"
    assert time.monotonic() - started < allowed(4)


def test_silence_is_unavailable_in_time(server: LocalServer) -> None:
    """A server that accepts and never answers holds a query no longer than its timeout, and an insert 1.3 s."""
    server.always = ServerAnswer(hang=30)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        warehouse(server).query("SELECT 1", {})
    assert time.monotonic() - started < allowed(2.5)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        record(server).insert("alerts", ROWS)
    assert time.monotonic() - started < allowed(5 / 3)


def test_rejected_rows_raise_with_the_first_real_error(server: LocalServer) -> None:
    """BigQuery returns row errors with status 200; rows it stopped for another's sake are not the cause."""
    server.always = answer(
        {
            "insertErrors": [
                {"index": 0, "errors": [{"reason": "stopped", "location": "", "message": ""}]},
                {"index": 1, "errors": [{"reason": "invalid", "location": "x", "message": "no such field: x."}]},
            ]
        }
    )
    written = record(server)
    with pytest.raises(Unavailable, match="row 1: x invalid: no such field: x") as caught:
        written.insert("alerts", ROWS)
    assert caught.value.port == "record"
    assert written.operations["rows_inserted"] == 0


def test_rows_leave_with_their_insert_ids(server: LocalServer) -> None:
    """The id goes twice: for BigQuery, which forgets it after a while, and as a column for readers."""
    server.always = answer({})
    written = record(server)
    written.insert("alerts", ROWS)
    (asked,) = server.asked
    assert asked.path.partition("?")[0].endswith("/projects/demo-p/datasets/nba_orchestration/tables/alerts/insertAll")
    assert [(row["insertId"], row["json"]["insert_id"]) for row in asked.json["rows"]] == [
        ("one", "one"),
        ("two", "two"),
    ]
    assert written.operations == {"rows_inserted": 2}


def test_reading_the_record_is_counted_too(server: LocalServer) -> None:
    """The comparison of state and record is a query like any other: one more, and what it was billed."""
    server.answers.extend(done(billed=10_485_760))
    read = record(server)
    assert read.completions("nba", DAY, DAY) == [{"n": 7}]
    assert read.operations == {"queries": 1, "bytes_billed": 10_485_760}
    configured = server.asked[0].json["configuration"]["query"]
    values = {each["name"]: each["parameterValue"]["value"] for each in configured["queryParameters"]}
    assert values == {"pipeline": "nba", "first": DAY.isoformat(), "last": DAY.isoformat()}
    assert "pipeline = @pipeline" in configured["query"]


def test_a_failed_insert_is_sent_once(server: LocalServer) -> None:
    """The caller has its own attempts: an outage is told at once."""
    server.always = refusal(503, "backendError")
    with pytest.raises(Unavailable, match="backendError"):
        record(server).insert("alerts", ROWS)
    assert len(server.asked) == 1
